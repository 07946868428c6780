"""Writes the JSON Schemas in `schemas/` from the pinned Go modules."""
