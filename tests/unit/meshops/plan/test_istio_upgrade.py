"""The steps of an Istio upgrade (docs/runbooks/istio-upgrade.md), as `meshops plan --diff` shows them of prod."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from configuration.settings import PROJECT
from meshops.plan import diff, plan, summary
from tests.unit.meshops.plan.test_everyday_changes import Tree, changed, planned, short, step

OLD, NEW = "1.31.1", "1.31.2"
RELEASE, NAMESPACE = "kubernetes:helm.sh/v3:Release", "kubernetes:core/v1:Namespace"
FIRST_TO_MOVE = "payments"


def stack(
    first: str = OLD, second: str | None = None, *, gateway: str | None = None, canary: str | None = None
) -> Tree:
    """prod on a version, perhaps with a second one and the gateway or a namespace on that; one application is of
    another pipeline."""
    tree = changed(mesh__istioVersion=first, mesh__secondIstioVersion=second, gateway__istioVersion=gateway)
    (chosen,) = [item for item in tree["namespaces"] if item["name"] == FIRST_TO_MOVE]
    chosen["applications"].append({"name": "batch", "workload": "external", "port": 8080})
    if canary:
        chosen["istioVersion"] = canary
    return tree


STEPS: Mapping[str, Tree] = {
    "one control plane": stack(),
    "a second one beside it": stack(OLD, NEW),
    "one namespace": stack(OLD, NEW, canary=NEW),
    "the gateway": stack(OLD, NEW, canary=NEW, gateway=NEW),
    "everything": stack(NEW, OLD),
    "the old one gone": stack(NEW),
}


def to(name: str) -> diff.Comparison:
    """The step that ends there."""
    names = list(STEPS)
    return step(STEPS[names[names.index(name) - 1]], STEPS[name])


def fields(comparison: diff.Comparison) -> dict[str, list[str]]:
    acted_on = {key: changes for key, changes in comparison.changed.items() if key not in comparison.waiting}
    return {
        name: [change.path for change in changes]
        for name, changes in zip(short(acted_on), acted_on.values(), strict=True)
    }


def test_a_second_control_plane_moves_nothing() -> None:
    comparison = to("a second one beside it")
    assert short(comparison.added) == [f"{RELEASE}::istiod-1-31-2"]
    assert (comparison.removed, comparison.moves, comparison.gone) == ((), (), ())
    assert fields(comparison) == {
        f"{RELEASE}::istio-base": ["inputs.version"],
        f"{RELEASE}::istio-cni": ["inputs.values.global.tag", "inputs.version"],
    }, "what there is once: CRDs and the nodes' agent, both for either version. The webhook stays with the old one"


def test_one_namespace_moves_alone_and_who_is_not_restarted_is_named() -> None:
    comparison = to("one namespace")
    assert (comparison.added, comparison.removed) == ((), ())
    found = fields(comparison)
    assert found.pop(f"{NAMESPACE}::{FIRST_TO_MOVE}") == ['inputs.metadata.labels["istio.io/rev"]']
    assert {name.rpartition("::")[2].partition("/")[0] for name in found} == {FIRST_TO_MOVE}
    assert {name.partition("::")[0] for name in found} == {"kubernetes:apps/v1:Deployment"}
    assert {*map(tuple, found.values())} == {('inputs.spec.template.metadata.labels["istio.io/rev"]',)}
    (move,) = comparison.moves
    assert (move.namespace, move.old, move.new, move.stays) == (FIRST_TO_MOVE, "1-31-1", "1-31-2", ("batch",))
    assert {f"kubernetes:apps/v1:Deployment::{FIRST_TO_MOVE}/{name}" for name in move.rolls} == set(found)
    assert "| `batch` |" in diff.render(comparison, stack="prod")


def test_the_gateway_moves_in_a_step_of_its_own() -> None:
    comparison = to("the gateway")
    assert fields(comparison) == {
        f"{NAMESPACE}::istio-ingress": ['inputs.metadata.labels["istio.io/rev"]'],
        f"{RELEASE}::istio-ingressgateway": ["inputs.values.revision", "inputs.version"],
    }
    assert [(move.namespace, move.rolls) for move in comparison.moves] == [("istio-ingress", ("istio-ingressgateway",))]


def test_everything_else_moves_and_neither_control_plane_changes() -> None:
    comparison = to("everything")
    assert (comparison.added, comparison.removed) == ((), ())
    found = fields(comparison)
    assert {name.partition("::")[0] for name in found} == {NAMESPACE, "kubernetes:apps/v1:Deployment"}
    moved = {item["name"] for item in stack()["namespaces"]} - {FIRST_TO_MOVE}
    assert {move.namespace for move in comparison.moves} == moved


def test_the_old_one_goes_when_nothing_names_it_and_the_webhook_moves_last() -> None:
    comparison = to("the old one gone")
    assert short(comparison.removed) == [f"{RELEASE}::istiod-1-31-1"]
    assert fields(comparison) == {f"{RELEASE}::istio-base": ["inputs.values.defaultRevision"]}
    assert (comparison.added, comparison.gone) == ((), ("1-31-1",))
    assert diff.render(comparison, stack="prod").splitlines()[2].startswith("**REMOVED: the control plane `1-31-1`.")


@pytest.mark.parametrize(("one", "other"), [*pairwise(STEPS)])
def test_no_step_and_no_way_back_replaces_anything(one: str, other: str) -> None:
    for comparison in (step(STEPS[one], STEPS[other]), step(STEPS[other], STEPS[one])):
        assert (comparison.replaced, comparison.lost, comparison.unrecorded) == ({}, (), ())
        assert not any(
            change.path.startswith("inputs.name") for found in comparison.changed.values() for change in found
        )


@pytest.mark.parametrize("name", STEPS)
def test_nobody_is_labelled_for_a_control_plane_that_is_not_there(name: str) -> None:
    resources = planned(STEPS[name]).resources
    there = {
        entry["inputs"]["values"]["revision"]: entry["inputs"]["values"]["global"]["tag"]
        for key, entry in resources.items()
        if key.rpartition("$")[2].startswith(f"{RELEASE}::istiod-")
    }
    assert {version.replace(".", "-"): version for version in there.values()} == there
    labels = {
        entry["inputs"]["metadata"]["labels"]["istio.io/rev"]
        for key, entry in resources.items()
        if key.rpartition("$")[2].startswith(f"{NAMESPACE}::")
        and "istio.io/rev" in entry["inputs"]["metadata"]["labels"]
    }
    assert labels <= set(there)
    (base,) = [entry for key, entry in resources.items() if key.endswith("::istio-base")]
    assert base["inputs"]["values"]["defaultRevision"] in there


def made(tree: Tree) -> plan.Plan:
    def text(value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value)

    return plan.make("prod", config={key if ":" in key else f"{PROJECT}:{key}": text(tree[key]) for key in tree})


def test_the_summary_says_what_is_on_which_control_plane_while_there_are_two() -> None:
    two = summary.render(made(STEPS["one namespace"]))
    assert "| `1-31-1` | the gateway, `secure-apps` | nothing |" in two
    assert "| `1-31-2` | `payments` | `payments/batch` |" in two
    assert "Istio 1.31.1 and 1.31.2." in two
    assert "## Control planes" not in summary.render(made(STEPS["one control plane"]))
