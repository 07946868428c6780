"""One row of the lab's table of images, as lab/images/catalogue.py and the examples' own modules write it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Image:
    """One row; `pattern` is matched against the whole reference, `*` standing for anything."""

    pattern: str
    entrypoint: tuple[str, ...]
    files: dict[str, str]
    user: int
    env: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    working_dir: str = ""
    tools: bool = False
    """Whether it is an image with a C library, a shell and the usual programs; otherwise its files are all it has."""
    own: dict[str, str] = field(default_factory=dict)
    """As `files`, of this lab alone: kept apart, so that all labs share the rest."""
    stand_in: str = ""
    """Empty if these are the image's real programs; otherwise what stands in for them, for the report."""
