"""Checks: what one is and answers, how a run of them is shown and written, and its exit code; for every command."""
