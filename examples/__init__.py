"""Systems to watch in a zero-trust mesh: one directory each, run by `python -m examples NAME`."""
