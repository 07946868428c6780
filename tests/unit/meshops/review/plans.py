"""Plans of both revisions as a review finds them on disk: real ones of `dev`, and small ones written by hand."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from meshops.plan import files, plan
from meshops.review import comment
from meshops.review.facts import Planned, Problem, load
from meshops.review.planning import Planning, write_problem
from meshops.review.stacks import StackReview
from offline.stack_files import read_stack
from policy import report
from tests import ROOT

GOLDEN = Path(__file__).parent / "golden"
BASE, HEAD = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"

Tree = dict[str, Any]


def dev(change: Callable[[Tree], object] = lambda tree: None) -> str:
    """The stack file of `dev` with something changed, as text."""
    tree = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    change(tree)
    return yaml.safe_dump({"config": tree}, sort_keys=False)


def application(tree: Tree, name: str) -> Tree:
    spaces = tree["zero-trust-mesh:namespaces"]
    return next(app for space in spaces for app in space["applications"] if app["name"] == name)


@functools.cache
def _files(text: str) -> Mapping[str, str] | str:
    """A plan's files by name, or why there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "Pulumi.dev.yaml").write_text(text)
        try:
            made = plan.make("dev", config=read_stack(directory, "dev").config)
        except plan.PlanError as problem:
            return str(problem)
        files.write(directory, made.run)
        (directory / "policy.json").write_text(json.dumps(report.data(made.verdict)))
        return {name: (directory / name).read_text() for name in ("resources.json", "options.json", "policy.json")}


def real(target: Path, text: str) -> Planned | Problem:
    """Plans a text of `dev` and reads it as a review does."""
    found = _files(text)
    if isinstance(found, str):
        write_problem(target, Problem(kind="refused", reason=found))
    else:
        target.mkdir(parents=True)
        for name, content in found.items():
            (target / name).write_text(content)
    return load(target)


def entry(kind: str, name: str, /, *, component: Any = "", options: Any = None, **inputs: Any) -> Tree:
    """One resource as resources.json has it; options beside it."""
    chain = f"{component}${kind}" if component else kind
    return {
        "urn": f"urn:pulumi:dev::zero-trust-mesh::{chain}::{name}",
        "type": kind,
        "name": name,
        "parent": "",
        "provider": "",
        "depends_on": [],
        "inputs": inputs,
        "options": options or {},
    }


def manifest(api: str, kind: str, namespace: str, name: str, **parts: Any) -> Tree:
    """A Kubernetes object; labels and spec in `parts`."""
    labels = parts.pop("labels", None)
    metadata = {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}
    whole = f"{namespace}/{name}"
    inputs = {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}
    return entry(f"kubernetes:{api}:{kind}", whole, component="mesh:application:Application", **inputs)


def hand(target: Path, *entries: Tree, findings: list[Tree] | None = None) -> Planned:
    """A plan of these resources and nothing else."""
    target.mkdir(parents=True)
    bare = [{key: value for key, value in one.items() if key != "options"} for one in entries]
    (target / "resources.json").write_text(json.dumps(bare))
    (target / "options.json").write_text(json.dumps({one["urn"]: one["options"] for one in entries if one["options"]}))
    (target / "policy.json").write_text(json.dumps({"rules": 69, "findings": findings or []}))
    found = load(target)
    assert isinstance(found, Planned), found
    return found


def stack(base: Planned | Problem, head: Planned | Problem, name: str = "dev", **more: Any) -> StackReview:
    return StackReview(name=name, presence=more.pop("presence", "kept"), base=base, head=head, **more)


def planning(**more: Any) -> Planning:
    names: Tree = {"base_stacks": ("dev",), "head_stacks": ("dev",), "renamed": {}}
    return Planning(base=BASE, head=HEAD, **(names | more))


def written(*stacks: StackReview, **more: Any) -> str:
    return comment.write(stacks, planning(**more)).text


def same_as_golden(name: str, text: str) -> None:
    """Compares with tests/unit/meshops/review/golden/; UPDATE_GOLDEN=1 writes it."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"there is no {name}: run with UPDATE_GOLDEN=1 and read what it writes"
    assert text == path.read_text(), f"{name} differs: if it is meant, run with UPDATE_GOLDEN=1"
