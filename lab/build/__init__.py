"""Builds the lab's programs from Go modules, finds their charts, and brings what else the machine lacks."""
