"""Asks `@cloud-copilot/iam-simulate` (npm; AGPL, run beside the tests, part of nothing): IAM's evaluation with every
condition, over AWS's service authorization reference. moto has no `SimulatePrincipalPolicy`, and its own evaluation
passes over conditions."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import ROOT

_HERE = ROOT / "tests" / "contract" / "iam"
_WORK = ROOT / "build" / "iam-simulate"


@dataclass(frozen=True, kw_only=True)
class Question:
    """May `principal` do `action`? resource: empty for one of each kind that AWS requires, filled from `names`."""

    action: str
    principal: str
    account: str
    policies: tuple[dict[str, Any], ...] = ()
    resource_policy: dict[str, Any] | None = None
    resource: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """results: resource -> Allowed, ImplicitlyDenied, ExplicitlyDenied, or why it could not be asked."""

    action: str
    known: bool
    level: str
    results: dict[str, str]

    @property
    def allowed(self) -> bool:
        return self.known and set(self.results.values()) == {"Allowed"}


def ask(questions: list[Question]) -> list[Answer]:
    """Skips the test where Node.js is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("Node.js is not there: IAM's simulator is a package of npm")
    _WORK.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "simulate.mjs"):
        shutil.copy(_HERE / name, _WORK / name)
    if not (_WORK / "node_modules").is_dir():
        install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        subprocess.run(install, cwd=_WORK, check=True, timeout=240)
    asked = [
        {
            "action": one.action,
            "principal": one.principal,
            "account": one.account,
            "policies": one.policies,
            "resourcePolicy": one.resource_policy,
            "resource": one.resource,
            "context": one.context,
            "names": one.names,
        }
        for one in questions
    ]
    done = subprocess.run(
        [node, "simulate.mjs"], cwd=_WORK, input=json.dumps(asked), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return [
        Answer(
            action=one["action"],
            known=not one.get("unknown"),
            level=one.get("level", ""),
            results={
                each["resource"]: each["result"]
                if each["result"] != "Error"
                else f"Error: {json.dumps(each['errors'])}"
                for each in one.get("results", ())
            },
        )
        for one in json.loads(done.stdout)
    ]
