"""What a pull request changes, as one comment that a reviewer reads from its top."""
