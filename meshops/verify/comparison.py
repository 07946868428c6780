"""Compares a document of the program with the object that the cluster has of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from manifests.document import Document
from meshops.verify.facts import LiveObject, Objects


def name_of(document: Document) -> str:
    """`AuthorizationPolicy secure-apps/billing-api`."""
    metadata = document["metadata"]
    where = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{document['kind']} {where}{metadata['name']}"


def live(document: Document, objects: Objects) -> LiveObject | None:
    metadata = document["metadata"]
    return objects.find(document["kind"], metadata.get("namespace", ""), metadata["name"])


def difference(document: Document, found: LiveObject | None, *, exact: bool = True) -> str:
    """Empty if the object's spec is the document's; otherwise what differs first, in a few words.

    exact: False where the API server fills in defaults: what the document says must stand there, more may.
    """
    if found is None:
        return "it does not exist"
    return _differs("spec", document.get("spec") or {}, found.spec, exact=exact)


def strangers(
    documents: Iterable[Document], objects: Objects, kind: str, namespaces: Iterable[str]
) -> tuple[LiveObject, ...]:
    """Objects of a kind in these namespaces that the program does not make."""
    known = {
        (item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in documents if item["kind"] == kind
    }
    wanted = set(namespaces)
    return tuple(
        item for item in objects.of_kind(kind) if item.namespace in wanted and (item.namespace, item.name) not in known
    )


def _differs(path: str, wanted: Any, there: Any, *, exact: bool) -> str:
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        for key in wanted:
            if key not in there and wanted[key] not in ({}, [], None):
                return f"{path}.{key} is missing"
            if text := _differs(f"{path}.{key}", wanted[key], there.get(key, wanted[key]), exact=exact):
                return text
        extra = [key for key in there if key not in wanted and there[key] not in ({}, [], None)]
        return f"{path}.{extra[0]} was added" if extra and exact else ""
    if isinstance(wanted, list | tuple) and isinstance(there, list | tuple):
        if len(wanted) != len(there):
            return f"{path} has {len(there)} entries, not {len(wanted)}"
        for index, (one, other) in enumerate(zip(wanted, there, strict=True)):
            if text := _differs(f"{path}[{index}]", one, other, exact=exact):
                return text
        return ""
    return "" if wanted == there else f"{path} is {_shown(there)}, not {_shown(wanted)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"
