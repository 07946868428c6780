"""The lab as one thing: all its processes, brought up, found again, taken down."""
