"""`verdict.json`: the review as data, for workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshops.review.planning import Planning
from meshops.review.stacks import StackReview


def data(stacks: Sequence[StackReview], planning: Planning, *, left_out: int) -> dict[str, Any]:
    """refused, failed, removed, new: names of stacks. failed: also where only the base, or the real preview, failed.

    renamed: old and new name. findings: new ones, `stops` in each. stops: whether anything must be corrected first.
    leftOut: statements that are in the whole review only. stacks: the same of each, with counts.
    """
    refused = [one.name for one in stacks if one.problem and one.problem.kind == "refused"]
    failed = [
        one.name
        for one in stacks
        if (one.problem and one.problem.kind != "refused") or one.base_problem or (one.preview and one.preview.failed)
    ]
    stopping = [one.name for one in stacks if one.problem or one.findings.stopping]
    return {
        "base": planning.base,
        "head": planning.head,
        "stops": bool(stopping or failed),
        "refused": refused,
        "failed": failed,
        "stopped": stopping,
        "removed": [one.name for one in stacks if one.presence == "removed"],
        "new": [one.name for one in stacks if one.presence == "new"],
        "renamed": [{"from": one.formerly, "to": one.name} for one in stacks if one.presence == "renamed"],
        "findings": [{"stack": one.name, **_entry(found)} for one in stacks for found in one.findings.new],
        "weakenings": [{"stack": one.name, **_entry(found)} for one in stacks for found in one.findings.weakened],
        "judges": list(planning.judges),
        "leftOut": left_out,
        "stacks": {one.name: _stack(one) for one in stacks},
    }


def _stack(one: StackReview) -> dict[str, Any]:
    return {
        "presence": one.presence,
        "status": one.problem.kind if one.problem else "removed" if one.presence == "removed" else "planned",
        "reason": one.problem.reason if one.problem else "",
        "baseReason": one.base_problem.reason if one.base_problem else "",
        "counts": one.counts if one.compared else None,
        "lost": list(one.losses.lost),
        "replaced": list(one.losses.replaced),
        "deleted": list(one.losses.removed),
        "opened": [line.text for line in one.traffic if line.opens],
        "takenAway": [line.text for line in one.traffic if not line.opens],
        "standing": len(one.findings.standing),
        "weakenings": one.findings.weakenings,
        "preview": None
        if one.preview is None
        else {
            "failed": one.preview.failed,
            "counts": one.preview.counts,
            "same": one.preview.same,
            "disagreements": [
                {"resource": key, "offline": offline, "preview": real} for key, offline, real in one.disagreements
            ],
        },
    }


def _entry(found: Mapping[str, Any]) -> dict[str, Any]:
    names = ("rule", "title", "severity", "stops", "resource", "field", "value", "says", "remedy")
    return {name: found.get(name, "") for name in names}
