"""Which versions of Istio a stack may run side by side, and how they are put in order."""

from __future__ import annotations

import pytest

from configuration.mesh import Mesh
from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.rules import istio
from configuration.settings import PROJECT
from tests.unit.configuration.bad_settings import put, stack

RANGES = {"1.30": ("1.34", "1.35"), "1.31": ("1.34", "1.35"), "1.32": ("1.34", "1.35"), "1.33": ("1.35", "1.36")}


def breaches(first: str, second: str, *, kubernetes: str = "1.35") -> list[tuple[str, str]]:
    tree = stack()
    put("mesh.istioVersion", first)(tree)
    put("mesh.secondIstioVersion", second)(tree)
    put("cluster.kubernetesVersion", kubernetes)(tree)
    try:
        parse("test", {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": value for key, value in tree.items()}})
    except SettingsError as error:
        return [(problem.path, problem.value) for problem in error.problems]
    return []


@pytest.fixture(autouse=True)
def _more_minors_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(istio, "ISTIO_KUBERNETES", RANGES)


@pytest.mark.parametrize(("first", "second"), [("1.31.1", "1.31.2"), ("1.31.1", "1.32.0"), ("1.32.0", "1.31.1")])
def test_neighbours_stand_side_by_side(first: str, second: str) -> None:
    assert breaches(first, second) == []


@pytest.mark.parametrize(("first", "second"), [("1.30.4", "1.32.0"), ("1.32.0", "1.30.4")])
def test_the_nodes_agent_would_serve_a_control_plane_of_two_minors_away(first: str, second: str) -> None:
    assert breaches(first, second) == [("mesh.secondIstioVersion", f'"{second}"')]


def test_the_second_control_plane_would_run_on_a_kubernetes_that_it_does_not_support() -> None:
    assert breaches("1.32.0", "1.33.0", kubernetes="1.34") == [("cluster.kubernetesVersion", '"1.34"')]


def test_as_texts_the_older_one_would_come_last() -> None:
    assert Mesh(istio_version="1.31.10", second_istio_version="1.31.9").revisions == ("1-31-9", "1-31-10")
    assert Mesh(istio_version="1.31.1").revisions == ("1-31-1",)
