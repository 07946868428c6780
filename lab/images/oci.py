"""OCI images out of rows of the lab's table: configuration, manifest and layers, in a store."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from lab.images import libraries
from lab.images.image import Image
from lab.images.layers import MEDIA_TYPE, Blob, Store

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Of a Debian image, what the scripts and people of the lab call in a pod.
_TOOLS = (
    "sh", "bash", "cat", "cp", "curl", "cut", "date", "dd", "echo", "env", "expr", "false", "find", "getent",
    "grep", "head", "hostname", "id", "ip", "kill", "ls", "mkdir", "mktemp", "mv", "openssl", "printenv",
    "printf", "ps", "pwd", "rm", "sed", "seq", "sleep", "sort", "stat", "stty", "tail", "tee", "test", "timeout",
    "touch", "tr", "true", "uname", "uniq", "wc", "whoami", "xargs",
)  # fmt: skip
# What some of them read: openssl makes no certificate request without its configuration.
_READ = {"/usr/lib/ssl/openssl.cnf": "/etc/ssl/openssl.cnf"}
# As Debian has them.
_DIRECTORIES = {"/bin": "usr/bin", "/sbin": "usr/sbin"}


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image in the store."""

    manifest: Blob
    content: bytes


def build(row: Image, store: Store) -> Built:
    """The image of a row, from what its files are now. Raises OSError if one of them is not there, and LabError."""
    layers = _layers(row, store)
    config = store.add(_json(_config(row, layers)))
    content = manifest(config, [(each, MEDIA_TYPE) for each in layers])
    return Built(manifest=store.add(content), content=content)


def manifest(config: Blob, layers: Sequence[tuple[Blob, str]]) -> bytes:
    """layers: each with its media type."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": _CONFIG_TYPE, "digest": config.digest, "size": config.size},
            "layers": [{"mediaType": kind, "digest": each.digest, "size": each.size} for each, kind in layers],
        }
    )


def machine() -> str:
    """This machine's architecture, by Go's name."""
    return _MACHINES.get(platform.machine(), platform.machine())


def digest(content: bytes) -> str:
    """As a registry names it."""
    return f"sha256:{sha256(content).hexdigest()}"


def _layers(row: Image, store: Store) -> list[Blob]:
    """What several images share comes first, what a lab has of its own last."""
    layers = [store.layer(_tools(), links=_DIRECTORIES)] if row.tools else []
    layers.append(store.layer(row.files, _accounts(row.user)))
    if row.tools and (more := {path: path for path in libraries.needed(row.files.values())}):
        layers.append(store.layer(more))
    if row.own:
        layers.append(store.layer(row.own))
    return layers


_FOUND: dict[str, str] = {}


def _tools() -> dict[str, str]:
    """The programs and what they need, by their paths in the image; looked up once."""
    if not _FOUND:
        programs = {name: libraries.program(name) for name in _TOOLS}
        _FOUND.update({f"/usr/bin/{name}": path for name, path in programs.items()})
        _FOUND.update(libraries.needed(programs.values()))
        _FOUND.update(_READ)
    return dict(_FOUND)


def _accounts(user: int) -> dict[str, str]:
    own = f"container:x:{user}:{user}::/:/sbin/nologin\n" if user else ""
    group = f"container:x:{user}:\n" if user else ""
    return {
        "/etc/passwd": f"root:x:0:0::/:/sbin/nologin\n{own}",
        "/etc/group": f"root:x:0:\n{group}",
        "/etc/nsswitch.conf": "hosts: files dns\n",
        "/tmp/.keep": "",
        "/var/tmp/.keep": "",
        "/run/.keep": "",
    }


def _config(row: Image, layers: list[Blob]) -> Mapping[str, Any]:
    environment = {"PATH": _PATH, **row.env}
    return {
        "architecture": machine(),
        "os": "linux",
        "config": {
            "User": str(row.user),
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Entrypoint": list(row.entrypoint),
            "Cmd": list(row.command),
            "WorkingDir": row.working_dir or "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [each.digest for each in layers]},
        "history": [],
    }


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode()
