"""`make lab-image`: an image of one's own, so that a stack's `image` may name it in the lab."""

from __future__ import annotations

import argparse

from lab.images import imported
from lab.images.layers import Store
from lab.node import registry


def command(options: argparse.Namespace) -> int:
    """Puts an archive's images into the lab's cache. Raises LabError."""
    for reference in imported.add(Store(registry.store()), options.file, options.name):
        print(f"the lab's nodes can pull {reference}; one that has pulled it already keeps what it has: give a new tag")
    return 0
