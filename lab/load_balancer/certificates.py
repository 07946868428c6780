"""The certificates that the listeners serve: ACM's own, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lab.files import write_closed


@dataclass(frozen=True, kw_only=True)
class ServedPair:
    """A certificate and its key as PEM files; the certificate's file holds ACM's leaf and nothing else."""

    arn: str
    certificate: Path
    key: Path


def written(directory: Path, arn: str, certificate: bytes, key: bytes) -> ServedPair:
    """The pair as files, the key readable by its owner only.

    They are named after their content, so that a new certificate is a new name, which Envoy takes for a change.
    """
    digest = hashlib.sha256(certificate).hexdigest()[:16]
    pair = ServedPair(arn=arn, certificate=directory / f"{digest}.crt", key=directory / f"{digest}.key")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, content in ((pair.certificate, certificate), (pair.key, key)):
        if not path.exists():
            write_closed(path, content)
    return pair
