"""The lab's table of images: which program of this machine plays which image.

A pod with an image that is not here stays Pending and says so. The table is part of the process node's
configuration; the entries' keys are those of `Image` in toolchain/cmd/lab-node/images.go.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from lab import images_examples, images_tls
from lab.image import Image
from lab.toolchain_files import Toolchain

# The users that the real images name.
ISTIO_USER = 1337
CERT_MANAGER_USER = 1000

# What upstream Envoy needs istiod to leave out, because it lacks Istio's own filters. These are read by
# istiod only, so they are its image's environment here and no value of the stack has to change.
ISTIOD_FOR_UPSTREAM_ENVOY: dict[str, str] = {
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
}


def table(toolchain: Toolchain) -> tuple[Image, ...]:
    """The images of the control plane (istiod and cert-manager's four) and of the examples."""
    rows = [
        Image(
            pattern="*/pilot:*",
            entrypoint=("/usr/local/bin/pilot-discovery",),
            files={"/usr/local/bin/pilot-discovery": _real(toolchain, "pilot-discovery")},
            user=ISTIO_USER,
            env=ISTIOD_FOR_UPSTREAM_ENVOY,
        )
    ]
    for part in ("controller", "webhook", "cainjector", "startupapicheck"):
        rows.append(
            Image(
                pattern=f"*/cert-manager-{part}:*",
                entrypoint=("/usr/local/bin/cert-manager", part),
                files={"/usr/local/bin/cert-manager": _real(toolchain, "cert-manager")},
                user=CERT_MANAGER_USER,
            )
        )
    return (*rows, *images_examples.rows(), *images_tls.rows())


def as_json(rows: tuple[Image, ...]) -> list[dict[str, object]]:
    """The rows as the process node reads them."""
    return [asdict(row) for row in rows]


def _real(toolchain: Toolchain, name: str) -> str:
    # A bind mount needs the file itself; the name it gets inside chooses the part it plays.
    return str(Path(toolchain.bin(name)).resolve())
