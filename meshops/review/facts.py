"""A written plan read again: its resources, what they say of mesh and platform, what the policies found in it.

A plan is what the program of its revision wrote. It is read as data, with this revision's eyes, so that two revisions
are compared by one understanding of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from changes.comparison import OPTIONS, RESOURCES, DiffError, PlanFiles, read
from meshops.plan.mesh import MeshFacts, mesh_facts
from meshops.plan.platform import PlatformFacts, platform_facts
from offline.objects import KubernetesObject, kubernetes_objects
from offline.registration import Registration

PROBLEM = "problem.json"
"""Beside a plan's files, or in place of them: why there is none."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why there is no plan. kind: the settings are refused, or the program (or what it made) failed."""

    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One stack at one revision.

    entries: of resources.json, `<chain of types>::<name>` -> entry with its options.
    findings, suppressed: of policy.json; rules: how many rules there were.
    """

    files: PlanFiles
    entries: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    suppressed: tuple[Mapping[str, Any], ...] = ()
    not_judged: tuple[Mapping[str, Any], ...] = ()
    rules: int = 0
    memory: dict[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def registrations(self) -> tuple[Registration, ...]:
        return tuple(_registration(entry) for entry in self.entries)

    @cached_property
    def objects(self) -> tuple[KubernetesObject, ...]:
        return kubernetes_objects(self.registrations)

    @cached_property
    def mesh(self) -> MeshFacts:
        return mesh_facts(self.objects)

    @cached_property
    def platform(self) -> PlatformFacts:
        return platform_facts(self.registrations, self.objects)


NOTHING = Planned(files=PlanFiles(resources={}))
"""The plan of a stack that is not there."""


def load(directory: Path) -> Planned | Problem:
    """A plan's directory. Never raises for what a program wrote in it: that is a `Problem`."""
    try:
        problem_file = directory / PROBLEM
        if problem_file.exists():
            problem = json.loads(problem_file.read_text(encoding="utf-8"))
            return Problem(kind="refused" if problem["kind"] == "refused" else "failed", reason=str(problem["reason"]))
        files = read(directory)
        options = _json(directory / OPTIONS, {})
        policy = _json(directory / "policy.json", {})
        planned = Planned(
            files=files,
            entries=tuple(
                {**entry, "options": options.get(entry["urn"], {})}
                for entry in json.loads((directory / RESOURCES).read_text(encoding="utf-8"))
            ),
            findings=tuple(policy.get("findings", ())),
            suppressed=tuple(policy.get("suppressed", ())),
            not_judged=tuple(policy.get("notJudged", ())),
            rules=int(policy.get("rules", 0)),
        )
        # Read at once: what cannot be understood is said here, and not in the middle of a comment.
        _ = planned.mesh, planned.platform
    except DiffError as problem:
        return Problem(kind="failed", reason=str(problem))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as problem:
        return Problem(kind="failed", reason=f"The plan cannot be read: {type(problem).__name__}: {problem}")
    return planned


def _json(path: Path, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def _registration(entry: Mapping[str, Any]) -> Registration:
    options = entry["options"]
    type_ = str(entry["type"])
    return Registration(
        urn=entry["urn"],
        type=type_,
        name=str(entry["name"]),
        parent=str(entry.get("parent", "")),
        provider=str(entry.get("provider", "")),
        depends_on=tuple(entry.get("depends_on", ())),
        property_dependencies={},
        inputs=dict(entry["inputs"]),
        custom=not type_.startswith(("mesh:", "eks:")),
        remote=type_.startswith("eks:"),
        protect=bool(options.get("protect")),
        deleted_with=str(options.get("deleted_with", "")),
        retain_on_delete=bool(options.get("retain_on_delete")),
        aliases=tuple(options.get("aliases", ())),
        read_id=str(options.get("read_id", "")),
    )
