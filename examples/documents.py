"""Documents on their way to kubectl: as text, and from files with places to fill."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from string import Template

import yaml

from manifests.document import Document


def as_yaml(documents: Iterable[Document]) -> str:
    """Several documents in one stream, as `kubectl apply -f -` reads them."""
    return yaml.safe_dump_all(documents, sort_keys=False, default_flow_style=False, width=110)


def filled(path: Path, **values: str) -> str:
    """A file's text with `${NAME}` replaced. Raises KeyError for a name without a value."""
    return Template(path.read_text(encoding="utf-8")).substitute(values)


def shown_path(path: Path) -> str:
    """A path as one names it from where one stands."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
