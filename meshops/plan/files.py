"""The files of a plan: resources, documents, stack outputs. Written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import to_json

from changes.comparison import OPTIONS, RESOURCES
from offline.objects import CLUSTER_SCOPED, KubernetesObject, kubernetes_objects
from offline.registration import Registration
from offline.run import ProgramRun
from offline.values import MASK, masked

OUTPUTS = "outputs.json"
MANIFESTS = "manifests"

# What comes first wherever it stands; everything else follows in alphabetical order (protobuf keeps none).
_FIRST = {key: position for position, key in enumerate(("apiVersion", "kind", "metadata", "name", "namespace"))}


@contextlib.contextmanager
def swapped_in(target: Path) -> Generator[Path, None, None]:
    """A new directory that takes `target`'s place when the block ends well, and disappears when it does not.

    Another command that writes beside it waits for its turn.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    with _alone(target.parent):
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        new.mkdir()
        try:
            yield new
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        if target.exists():
            target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _alone(directory: Path) -> Generator[None, None, None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(directory: Path, run: ProgramRun) -> None:
    """Writes a run's resources, options, outputs and manifests; secrets masked, the same bytes for the same run."""
    registrations = run.registrations
    _write_json(directory / RESOURCES, [_resource(registration) for registration in registrations])
    options = {registration.urn: found for registration in registrations if (found := _options(registration))}
    _write_json(directory / OPTIONS, options)
    _write_json(directory / OUTPUTS, masked(run.outputs))
    for path, item in manifest_paths(kubernetes_objects(registrations)).items():
        file = directory / MANIFESTS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(to_yaml(_document(item)), encoding="utf-8")


def manifest_paths(objects: Sequence[KubernetesObject]) -> dict[str, KubernetesObject]:
    """`<namespace or _cluster>/<kind>-<name>.yaml` -> object; a name that is taken gets the kind's group too."""
    paths: dict[str, KubernetesObject] = {}
    for item in objects:
        folder = item.namespace or CLUSTER_SCOPED
        name = re.sub(r"[^A-Za-z0-9._-]", "_", item.name)  # the names of roles may hold ':'
        path = f"{folder}/{item.kind.lower()}-{name}.yaml"
        if path in paths:
            path = f"{folder}/{item.group_kind.lower()}-{name}.yaml"
        paths[path] = item
    return paths


def to_yaml(document: Any) -> str:
    """Stable YAML: keys in order, text over several lines as a block."""
    return yaml.dump(_ordered(document), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _resource(registration: Registration) -> dict[str, Any]:
    return {
        "urn": registration.urn,
        "type": registration.type,
        "name": registration.name,
        "parent": registration.parent,
        "provider": registration.provider,
        "depends_on": list(registration.depends_on),
        "inputs": _inputs(registration),
    }


def _inputs(registration: Registration) -> dict[str, Any]:
    inputs = masked(registration.inputs)
    # A kubeconfig and a provider's keys are secrets even where the program forgot to say so.
    names = {*registration.additional_secret_outputs, "kubeconfig"}
    clear = {key: MASK if key in names and value else value for key, value in inputs.items()}
    return _masked_secret(clear) if inputs.get("kind") == "Secret" else clear


def _masked_secret(document: dict[str, Any]) -> dict[str, Any]:
    """A Kubernetes Secret shows its keys only."""
    hidden = {
        field: dict.fromkeys(document[field], MASK)
        for field in ("data", "stringData")
        if isinstance(document.get(field), Mapping)
    }
    return {**document, **hidden}


def _document(item: KubernetesObject) -> dict[str, Any]:
    document = masked(item.content)
    return _masked_secret(document) if item.kind == "Secret" else document


def _options(registration: Registration) -> dict[str, Any]:
    """The resource options that decide what an update or a destroy does, where they are not the default."""
    options = {
        "protect": registration.protect,
        "ignore_changes": list(registration.ignore_changes),
        "transforms": list(registration.transforms),
        "deleted_with": registration.deleted_with,
        "retain_on_delete": registration.retain_on_delete,
        "delete_before_replace": registration.delete_before_replace,
        "aliases": list(registration.aliases),
        "custom_timeouts": dict(registration.custom_timeouts),
        "read_id": registration.read_id,
        "import_id": registration.import_id,
        "version": registration.version,
    }
    return {key: value for key, value in options.items() if value}


def _write_json(path: Path, content: Any) -> None:
    # The same text as the standard library's encoder, which takes seven times as long to indent it.
    path.write_bytes(to_json(content, indent=2) + b"\n")


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (_FIRST.get(key, len(_FIRST)), key))
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """No anchors, and block text: what a reviewer would write."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)
