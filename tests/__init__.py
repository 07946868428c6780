"""Unit, contract and lab tests, each with the rooms of the code it tests."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""Where the program lies."""
