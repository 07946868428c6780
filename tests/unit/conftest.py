"""What every unit test has: an Output in an f-string is an error, and both kinds of run."""

from __future__ import annotations

import gc
import os

# Before any Pulumi program has run: hypothesis' pytest plugin imports it late, and compiling that many modules after
# the mock runtime's nested event loops trips CPython 3.11 ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
import pytest

os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"

# The mock runtime makes millions of short-lived objects; Python's default looks through all of them every 700.
gc.set_threshold(50_000, 20, 20)


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def preview(request: pytest.FixtureRequest) -> bool:
    """A test that asks for it runs twice: with outputs unknown, and with outputs known."""
    return bool(request.param)
