"""Which hosts are asked for at the load balancers."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest

from manifests.ingress import NLB_NAME
from manifests.names import ISTIO_INGRESS
from meshops.verify.facts import Handshake, Objects, Passthrough
from meshops.verify.gather import edge
from tests.unit.meshops.verify import world


@pytest.mark.parametrize(("records", "asked"), [("always", ["a.example.net"]), ("in-mesh", [])])
def test_a_host_that_still_leads_here_after_a_rollback_would_be_asked_by_nobody(
    records: Literal["in-mesh", "always"], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.settings()
    first, *others = settings.namespaces
    application = dataclasses.replace(first.applications[0], tls="passthrough", hosts=("a.example.net",))
    outside = dataclasses.replace(first, phase="outside", dns_records=records, applications=(application,))
    rest = (dataclasses.replace(one, phase="outside") for one in others)
    stack = dataclasses.replace(world.stack(), settings=dataclasses.replace(settings, namespaces=(outside, *rest)))
    service: dict[str, Any] = {
        "kind": "Service",
        "metadata": {"namespace": ISTIO_INGRESS, "name": NLB_NAME},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    }
    there = world.live(service)
    monkeypatch.setattr(edge, "handshake", lambda *_: Handshake(version="TLSv1.3"))
    found = edge.gather_passthrough(stack, Objects(pods=(), others={there.key: there}), {})
    assert isinstance(found, Passthrough)
    assert list(found.handshakes) == asked
