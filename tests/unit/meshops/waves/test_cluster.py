"""What is asked of a cluster: the logs of a window, and the way back, in an order in which no request is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshops.progress import Silent
from meshops.tools import ToolError, Tools
from meshops.waves import rollback
from meshops.waves.order import way_back
from meshops.waves.stages import Stage
from meshops.waves.traffic import gather_window, numbers
from tests.unit.meshops.verify import world
from tests.unit.meshops.waves.gate_world import line, stack
from tests.unit.meshops.waves.test_steps import _settings

_LINE = {
    "response_flags": "-", "response_code": 200, "method": "GET", "path": "/entries/1", "duration": 4,
    "upstream_cluster": "outbound|8080||ledger.ledgers.svc.cluster.local", "claimed_user_agent": "x",
}  # fmt: skip

# What Pulumi made, as the API server tells it; all others are not there.
_OWNED = {
    "kind": "PeerAuthentication",
    "metadata": {
        "name": "default",
        "namespace": "istio-system",
        "managedFields": [
            {"manager": "kubectl", "operation": "Update"},
            {"manager": "pulumi-kubernetes-1a2b3c4d", "operation": "Apply"},
        ],
    },
}


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def tools(tmp_path: Path, calls: Path) -> Tools:
    """A kubectl that writes down what it was asked, and answers as far as these tests go."""
    program = tmp_path / "kubectl"
    answer = "\\n".join(
        json.dumps(entry) for entry in (_LINE, {**_LINE, "claimed_user_agent": "meshops-verify/1/x"}, "noise")
    )
    program.write_text(
        "#!/bin/sh\n"
        f"echo \"$@\" >> '{calls}'\n"
        'case "$*" in\n'
        f"  logs*app=billing,*) printf '%b' '{answer}';;\n"
        "  logs*app=frontend,*) echo 'pods is forbidden' >&2; exit 1;;\n"
        "  *apply*) cat > /dev/null;;\n"
        f"  get*--filename=-*) cat > /dev/null; echo '{json.dumps(_OWNED)}';;\n"
        "  get*) echo deployment.apps/web;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return Tools(kubectl=str(program))


def test_a_window_has_the_real_requests_and_says_whose_log_it_lacks(tools: Tools, calls: Path) -> None:
    window = gather_window(tools, stack(), world.objects(stack()), world.NOW)
    # Verify's own are none, and neither is what is no line.
    assert [found.path for found in window.lines] == ["/entries/1"]
    assert [found.path for found in window.calls_to("ledger.ledgers.svc.cluster.local")] == ["/entries/1"]
    assert list(window.unread) == ["shop/frontend"]
    assert "forbidden" in window.unread["shop/frontend"]
    asked = calls.read_text().splitlines()
    assert all("--since-time=2026-11-21T12:00:00Z" in call for call in asked)
    assert any("istio=ingressgateway" in call for call in asked)


def test_numbers_are_the_nearest_rank_of_what_was_answered() -> None:
    lines = [line(duration=ms) for ms in range(1, 101)]
    found = numbers([*lines, line(response_code=503, duration=9000)])
    assert (found.requests, found.errors, found.p50, found.p99) == (101, 1, 50, 99)
    assert numbers([]).p50 is None


def _taken(tools: Tools, calls: Path, level: int, **stages: Stage) -> list[str]:
    settings = _settings(**stages)
    rollback.apply(tools, settings, way_back(settings, ("plain",), level), Silent())
    return [call for call in calls.read_text().splitlines() if "logs" not in call]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "_PUSH_SECONDS", 0.0)


def test_level_1_restarts_nothing(tools: Tools, calls: Path) -> None:
    taken = _taken(tools, calls, 1, plain="strict", other="strict", sticky="strict")
    assert taken
    assert not [call for call in taken if "patch" in call or "label" in call]
    applied = [call.partition("--field-manager=")[2].split()[0] for call in taken if call.startswith("apply")]
    # As Pulumi's own manager where Pulumi made it: by another one's hand its next apply would be a conflict.
    assert set(applied) == {"meshops-waves", "pulumi-kubernetes-1a2b3c4d"}


def test_level_2_takes_the_labels_away_and_restarts_before_it_removes_the_walls(tools: Tools, calls: Path) -> None:
    taken = _taken(tools, calls, 2, plain="strict", other="strict", sticky="strict")
    labelled = next(index for index, call in enumerate(taken) if call.startswith("label namespace plain"))
    restarted = next(index for index, call in enumerate(taken) if call.startswith("patch deployment.apps/web"))
    waited = next(index for index, call in enumerate(taken) if call.startswith("rollout status deployment.apps/web"))
    removed = next(index for index, call in enumerate(taken) if call.startswith("delete NetworkPolicy"))
    assert labelled < restarted < waited < removed
    assert "istio.io/rev-" in taken[labelled]
    # The pods name their revision themselves too, and would be injected without the namespace's label.
    assert '"labels": {"istio.io/rev": null}' in taken[restarted]


def test_what_a_way_back_makes_is_told_from_what_it_changes(tools: Tools) -> None:
    # A refresh sets back what Pulumi's state has, and knows nothing of what it has not.
    settings = _settings(plain="strict", other="strict", sticky="strict")
    told = rollback.apply(tools, settings, way_back(settings, ("plain",), 2), Silent())
    assert f"DestinationRule istio-system/plaintext-namespace-plain {rollback.MADE}" in told
    assert "PeerAuthentication istio-system/default changed" in told


def test_a_way_back_that_fails_says_at_what(tmp_path: Path) -> None:
    settings = _settings(plain="strict")
    with pytest.raises(ToolError, match="not on the PATH"):
        rollback.apply(Tools(kubectl=str(tmp_path / "none")), settings, way_back(settings, ("plain",), 1), Silent())
