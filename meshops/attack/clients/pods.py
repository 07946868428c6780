"""The attack pods: verify's probe pods with another program in them. Pure."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from manifests.document import Document, document
from manifests.images import Images
from meshops.attack.place import Place
from meshops.attack.wire.exchange import TOKENS
from meshops.attack.wire.program import END, MARK
from meshops.verify.probes.pods import CONTAINER, HARDENED, probe_pod, run_labels, run_namespace
from versions import PYTHON_IMAGE

SECONDS = 420
"""Kubernetes itself ends an attack pod after this long."""
LONGEST = 90_000
"""Bytes of one argument; Linux takes 128 KiB (MAX_ARG_STRLEN)."""
CAGE = "meshops.attack/caged"
_WIRE = Path(__file__).resolve().parents[1] / "wire"
_MODULES = ("h2", "exchange", "program")
# The files as they are, under their own names; `program` says what it prints.
_LOADER = """
import base64, json, sys, types, zlib
def text(part): return zlib.decompress(base64.b64decode(part)).decode()
for name, source in json.loads(text(sys.argv[1])).items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    package, _, last = name.rpartition(".")
    setattr(sys.modules.setdefault(package, types.ModuleType(package)), last, module)
sys.modules["meshops.attack.wire.program"].main(text(sys.argv[2]))
"""
# With a sidecar the pod outlives its program: the sidecar has lines to write yet.
_LINGER = "import time; time.sleep(3600)"


@cache
def packed_program() -> str:
    """The wire's files, as one argument."""
    return packed({f"meshops.attack.wire.{name}": (_WIRE / f"{name}.py").read_text() for name in _MODULES})


def packed(content: Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(content).encode(), 9)).decode()


def portions(tasks: Sequence[Mapping[str, Any]], longest: int = LONGEST) -> list[list[Mapping[str, Any]]]:
    """The tasks in as few parts as fit into one argument each."""
    if len(packed(list(tasks))) <= longest or len(tasks) == 1:
        return [list(tasks)]
    half = len(tasks) // 2
    return [*portions(tasks[:half], longest), *portions(tasks[half:], longest)]


def attack_pod(name: str, place: Place, tasks: Sequence[Mapping[str, Any]], *, run: str, images: Images) -> Document:
    """A pod in that place that performs these tasks and prints each answer."""
    client = place.client
    if client is None:
        raise ValueError("the internet is no pod")
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
    if place.tokens:
        mounts.append({"name": "tokens", "mountPath": str(TOKENS)})
        volumes.append({"name": "tokens", "projected": {"sources": [_token(audience) for audience in place.tokens]}})
    container = {
        "name": CONTAINER,
        "image": images.ref(PYTHON_IMAGE),
        "command": ["python3", "-c", _LOADER, packed_program(), packed(list(tasks))],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "securityContext": dict(HARDENED),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": mounts,
    }
    containers = [container]
    if client.injected:
        linger = {**container, "name": "linger", "command": ["python3", "-c", _LINGER]}
        containers.append({key: value for key, value in linger.items() if key != "volumeMounts"})
    return probe_pod(
        name,
        client,
        containers,
        run=run,
        seconds=SECONDS,
        volumes=volumes,
        labels={CAGE: "true"} if place.caged else None,
    )


def _token(audience: str) -> dict[str, Any]:
    """`kubernetes` stands for the API server's own audience, which it takes if none is named."""
    source: dict[str, Any] = {"path": audience, "expirationSeconds": 3600}
    if audience != "kubernetes":
        source["audience"] = audience
    return {"serviceAccountToken": source}


def cage(run: str) -> Document:
    """Lets pods with the label go nowhere, in the run's own namespace."""
    spec = {"podSelector": {"matchLabels": {CAGE: "true"}}, "policyTypes": ["Egress"], "egress": []}
    return document(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "meshops-attack-cage",
        namespace=run_namespace(run),
        labels=run_labels(run),
        spec=spec,
    )


def printed(output: str) -> dict[str, dict[str, Any]]:
    """Task id -> answer, of what a pod has printed by now."""
    found: dict[str, dict[str, Any]] = {}
    for line in output.splitlines():
        if line.startswith(MARK) and line != END:
            try:
                answer = json.loads(line.removeprefix(MARK))
            except json.JSONDecodeError:
                continue  # still being written
            found[answer["id"]] = answer
    return found


def ended(output: str) -> bool:
    return any(line == END for line in output.splitlines())


def shared_client(places: Iterable[Place]) -> bool:
    """Whether one of them stands in the run's own namespace."""
    return any(place.client is not None and not place.client.namespace for place in places)
