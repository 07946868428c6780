"""What `python -m lab` can do: a module for each command, or for a few that belong together."""
