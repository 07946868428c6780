"""The certificates that the listeners serve: ACM's own, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ServedPair:
    """A certificate and its key as PEM files; the certificate's file holds ACM's leaf and nothing else."""

    arn: str
    certificate: Path
    key: Path
