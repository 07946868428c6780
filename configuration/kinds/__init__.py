"""Kinds of value that need more than a line: each with its rule, and the source of that rule."""
