"""Traps 3 and 5 measured anew, and compared with what docs/traps.md says of them."""

from __future__ import annotations

import pytest

from lab import paths
from lab.progress import Silent
from lab.traps import command
from lab.traps.destination_rules import MUTUAL, NOT_UNDERSTOOD, REFUSED, TAKEN
from lab.traps.table import written
from meshops.stack_settings import stack_settings
from tests import ROOT
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def before(whole_lab: WholeLab) -> dict[str, object]:
    """The mesh's configuration before anything was measured."""
    return _mesh(whole_lab)


@pytest.fixture(scope="module")
def tables(whole_lab: WholeLab, before: dict[str, object]) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.STATE_VARIABLE, str(whole_lab.state))
        return command.measured(stack_settings(ROOT, "lab"), Silent())


@pytest.mark.parametrize("trap", [command.TRAP_3, command.TRAP_5])
def test_the_document_says_what_is_measured(tables: dict[str, str], trap: str) -> None:
    written_down = written(command.DOCUMENT.read_text(encoding="utf-8"), trap)
    assert tables[trap] == written_down, "python -m lab traps --write writes the tables anew; then read them"


def test_all_ways_a_call_can_travel_were_met(tables: dict[str, str]) -> None:
    for outcome in (MUTUAL, TAKEN, REFUSED, NOT_UNDERSTOOD):
        assert f"| {outcome} |" in tables[command.TRAP_5]


def test_the_mesh_is_afterwards_what_it_was(
    whole_lab: WholeLab, before: dict[str, object], tables: dict[str, str]
) -> None:
    assert _mesh(whole_lab) == before
    namespaces = {one["metadata"]["name"] for one in whole_lab.get("namespaces")["items"]}
    assert "lab-traps" not in namespaces


def _mesh(lab: WholeLab) -> dict[str, object]:
    """The mesh's configuration, and every Istio object by kind, namespace and name."""
    kinds = "gateways.networking.istio.io,virtualservices.networking.istio.io,destinationrules.networking.istio.io,"
    kinds += "peerauthentications.security.istio.io,authorizationpolicies.security.istio.io"
    found: dict[str, object] = {
        f"{one['kind']} {one['metadata'].get('namespace')}/{one['metadata']['name']}": one["spec"]
        for one in lab.get(kinds, "--all-namespaces")["items"]
    }
    maps = lab.get("configmaps", "--namespace=istio-system")["items"]
    found["mesh"] = [one["data"]["mesh"] for one in maps if "mesh" in one.get("data", {})]
    assert found["mesh"], "istiod has no configuration"
    return found
