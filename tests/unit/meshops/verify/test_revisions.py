"""Two control planes side by side: who is on which, who is told, and who would be cut off."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from configuration.mesh import Mesh
from meshops.tools import Tools
from meshops.verify.facts import Facts, Objects, Pod
from meshops.verify.gather.analysis import gather_analysis
from meshops.verify.gather.proxies import gather_proxies
from meshops.verify.stack import Stack
from tests.unit.meshops.verify.world import healthy, pod, stack, verdict, with_pod

OLD, NEW = "1.31.1", "1.31.2"
ISTIOD = pod(
    "istio-system",
    "istiod-new",
    labels={"app": "istiod", "istio.io/rev": "1-31-2"},
    images=(f"docker.io/istio/pilot:{NEW}-distroless",),
    sidecar=False,
)


def world(first: str = OLD, second: str | None = NEW, *, gateway: str | None = None) -> Stack:
    found = stack()
    settings = dataclasses.replace(
        found.settings,
        mesh=Mesh(istio_version=first, second_istio_version=second),
        gateway=dataclasses.replace(found.settings.gateway, istio_version=gateway),
    )
    return Stack(name=found.name, settings=settings)


def facts(of: Stack, *moved: str, more: Sequence[Pod] = (ISTIOD,)) -> Facts:
    """Everything as it was with one control plane, and a new one beside it; moved: pods that it has injected."""
    found = healthy(of)
    for name in moved:
        found = with_pod(found, name, revision="1-31-2", images=(f"docker.io/istio/proxyv2:{NEW}-distroless",))
    assert isinstance(found.objects, Objects)
    return replace(found, objects=replace(found.objects, pods=(*found.objects.pods, *more)))


@pytest.mark.parametrize("id", ["MV602", "MV607", "MV614", "MV628"])
def test_a_second_control_plane_with_nothing_on_it_breaks_nothing(id: str) -> None:
    of = world()
    found = verdict(id, facts(of), of)
    assert found.status == "pass", (found.finding, found.evidence)


@pytest.mark.parametrize("id", ["MV602", "MV614", "MV628"])
def test_the_gateway_on_the_new_one_and_all_else_on_the_old_one_is_what_was_asked_for(id: str) -> None:
    of = world(gateway=NEW)
    found = verdict(id, facts(of, "gateway-1", "gateway-2"), of)
    assert found.status == "pass", (found.finding, found.evidence)


@pytest.mark.parametrize(("id", "says"), [("MV602", "1-31-1, not 1-31-2"), ("MV614", "1.31.1-distroless in")])
def test_pods_that_nobody_restarted_are_told(id: str, says: str) -> None:
    of = world(gateway=NEW)
    found = verdict(id, facts(of, "gateway-1"), of)
    assert found.status == "fail"
    assert "istio-ingress/gateway-2" in (text := " ".join((found.finding, *found.evidence)))
    assert says in text


def test_while_its_control_plane_is_kept_a_pod_that_nobody_restarted_is_not_cut_off() -> None:
    of = world(NEW, OLD)
    assert verdict("MV602", facts(of), of).status == "fail"
    assert verdict("MV628", facts(of), of).status == "pass"


def test_it_is_cut_off_once_the_settings_no_longer_keep_it() -> None:
    of = world(NEW, None)
    found = verdict("MV628", facts(world(), "gateway-1", "gateway-2"), of)
    assert found.status == "fail"
    assert "shop/billing-1 calls istiod-1-31-1, and the settings keep 1-31-2 only" in " ".join(found.evidence)


def _istioctl(directory: Path, script: str) -> Tools:
    program = directory / "istioctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Tools(istioctl=str(program))


def test_each_control_plane_is_asked_for_its_own_proxies(tmp_path: Path) -> None:
    answer = '{"resources": [{"node": {"id": "\'$3\'.shop", "metadata": {}}}]}'
    found = gather_proxies(_istioctl(tmp_path, f"echo '{answer}'"), ["1-31-1", "1-31-2"])
    assert isinstance(found, tuple)
    assert [proxy.pod for proxy in found] == ["shop/1-31-1", "shop/1-31-2"]


def test_what_both_analyses_say_is_said_once(tmp_path: Path) -> None:
    message = '[{"code": "IST0101", "level": "Error", "origin": "Gateway shop/x", "message": "m"}]'
    found = gather_analysis(_istioctl(tmp_path, f"echo '{message}'"), ["1-31-1", "1-31-2"])
    assert isinstance(found, tuple)
    assert [one.text for one in found] == ["m"]
