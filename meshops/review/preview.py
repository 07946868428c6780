"""A real `pulumi preview --json` beside the offline plan: its counts, and whatever the two disagree on.

Its form: one digest (`PreviewDigest` of pulumi/pulumi, sdk/go/common/display/json.go), or with
PULUMI_ENABLE_STREAMING_JSON_PREVIEW one engine event a line (sdk/go/common/apitype/events.go).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changes.comparison import Comparison, name_of, type_of
from meshops.review.lines import Line
from meshops.review.losses import Losses
from meshops.review.text import counted, listed

OPERATIONS = ("create", "update", "replace", "delete")
_OPERATION = {
    "create": "create",
    "import": "create",
    "update": "update",
    "delete": "delete",
    "discard": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
    "discard-replaced": "replace",
}


@dataclass(frozen=True, kw_only=True)
class Preview:
    """operations: key -> one of OPERATIONS, of what is not the same. failed: the engine's errors, or why it cannot be
    read; empty where it ended well."""

    operations: Mapping[str, str]
    same: int = 0
    failed: str = ""

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(self.operations.values())
        return {name: found[name] for name in OPERATIONS}


def load(path: Path) -> Preview | None:
    """The preview in a file; None if there is no file. Never raises for what is in it."""
    if not path.exists():
        return None
    try:
        documents = _documents(path.read_text(encoding="utf-8"))
        if not documents:
            return Preview(operations={}, failed="The preview wrote nothing.")
        return _read(documents)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        return Preview(operations={}, failed=f"Its output cannot be read: {type(problem).__name__}: {problem}")


def disagreements(preview: Preview, comparison: Comparison, found: Losses) -> tuple[tuple[str, str, str], ...]:
    """Resource, what the offline plan has for it, what the preview has; `nothing` where it stays. The preview compares
    with what was deployed, the plan with the base: what was never deployed shows here."""
    offline = dict.fromkeys(comparison.changed, "update") | dict.fromkeys(found.added, "create")
    offline |= dict.fromkeys(found.removed, "delete") | dict.fromkeys(found.replaced, "replace")
    for key in comparison.waiting:
        offline.pop(key, None)
    real = preview.operations
    keys = [key for key in dict.fromkeys((*real, *offline)) if not type_of(key).startswith("mesh:")]
    differing = [
        (key, offline.get(key, "nothing"), real.get(key, "nothing"))
        for key in keys
        if offline.get(key) != real.get(key)
    ]
    weight = {"delete": 0, "replace": 1, "create": 2, "update": 3, "nothing": 4}
    return tuple(sorted(differing, key=lambda one: min(weight[one[1]], weight[one[2]])))


def lines(found: tuple[tuple[str, str, str], ...]) -> Iterator[Line]:
    """Disagreements of one kind together."""
    together: dict[tuple[str, str], list[str]] = {}
    for key, offline, real in found:
        together.setdefault((offline, real), []).append(f"{type_of(key).rpartition(':')[2]} {name_of(key)}")
    for (offline, real), names in together.items():
        loses = "delete" in (offline, real) or "replace" in (offline, real)
        yield Line(
            text=f"{counted(len(names), 'resource')}: offline plan **{offline}**, real preview **{real}**: "
            f"{listed(names, most=40 if loses else 12)}",
            opens=loses,
        )


def _documents(text: str) -> list[Any]:
    text = text.strip()
    if not text:
        return []
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _read(documents: list[Any]) -> Preview:
    steps: list[tuple[str, str]] = []
    errors: list[str] = []
    ended = False
    for document in documents:
        for step in document.get("steps") or ():
            steps.append((str(step["op"]), str(step["urn"])))
        for said in document.get("diagnostics") or ():
            if said.get("severity") in ("error", "fatal"):
                errors.append(str(said.get("message", "")))
        ended = ended or "changeSummary" in document or "summaryEvent" in document
        if event := document.get("resourcePreEvent"):
            steps.append((str(event["metadata"]["op"]), str(event["metadata"]["urn"])))
        said = document.get("diagnosticEvent") or {}
        if said.get("severity") == "error":
            errors.append(str(said.get("message", "")))
        if "error" in document and not document.get("steps"):
            errors.append(str(document["error"]))
    operations: dict[str, str] = {}
    for operation, urn in steps:
        if (known := _OPERATION.get(operation)) and urn.count("::") >= 3:
            key = urn.split("::", 2)[2]
            # The steps of a replacement are several, and its update or delete is none of its own.
            operations[key] = "replace" if "replace" in (known, operations.get(key)) else known
    same = sum(operation == "same" for operation, _ in steps)
    if not ended and not errors:
        errors.append("It ended before its end: it has no summary.")
    return Preview(operations=operations, same=same, failed="\n".join(errors))
