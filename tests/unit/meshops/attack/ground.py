"""The ground of the tests: verify's whole mesh, with the addresses that attempts are made on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manifests.names import GATEWAY_SELECTOR
from meshops.attack.ground import Ground
from meshops.verify.facts import LiveObject, Objects, Pod
from tests.unit.meshops.verify import world

MARKS = {"shop/billing": ('{"invoice":"INV-2041"}',)}


def ground(**changes: Any) -> Ground:
    objects = Objects(pods=tuple(_pods()), others=_others())
    values: dict[str, Any] = {"run": "abcd1234", "nodes": ("10.0.1.1",), "generated": 60, "seed": 1, **changes}
    marks = values.pop("marks", MARKS)
    found = Ground.of(world.stack(), objects, **values)
    return Ground(**{**{name: getattr(found, name) for name in found.__dataclass_fields__}, "marks": marks})


def _pods() -> list[Pod]:
    named = [
        ("shop", "billing", {"app": "billing"}),
        ("shop", "frontend", {"app": "frontend"}),
        ("shop", "job", {"app": "job"}),
        ("ledgers", "ledger", {"app": "ledger"}),
        ("istio-ingress", "gateway", dict(GATEWAY_SELECTOR)),
        ("istio-system", "istiod", {"app": "istiod"}),
        ("kube-system", "coredns", {"k8s-app": "kube-dns"}),
        ("kube-system", "cni", {"k8s-app": "istio-cni-node"}),
        ("cert-manager", "cert-manager", {"app": "cert-manager"}),
        ("cert-manager", "webhook", {"app": "webhook"}),
        ("observability", "collector", {"app": "otel-collector"}),
    ]
    return [_pod(namespace, name, labels, number) for number, (namespace, name, labels) in enumerate(named, start=1)]


def _pod(namespace: str, name: str, labels: Mapping[str, str], number: int) -> Pod:
    return Pod(
        namespace=namespace,
        name=f"{name}-1",
        labels=labels,
        service_account=f"{name}-sa",
        phase="Running",
        ip=f"10.0.2.{number}",
        ready=True,
        leaving=False,
        sidecar=True,
        revision="",
        images=(),
    )


def _others() -> dict[tuple[str, str, str], LiveObject]:
    address = {"loadBalancer": {"ingress": [{"ip": "10.0.3.1"}]}}
    items = (
        ("Ingress", "istio-ingress", "istio-ingressgateway", {"status": address}),
        (
            "Service",
            "istio-ingress",
            "istio-ingressgateway-nlb",
            {"status": address, "spec": {"clusterIP": "10.0.4.3"}},
        ),
        ("Service", "kube-system", "kube-dns", {"spec": {"clusterIP": "10.0.4.1"}}),
        ("Service", "default", "kubernetes", {"spec": {"clusterIP": "10.0.4.2"}}),
    )
    return {
        (kind, namespace, name): LiveObject(kind=kind, namespace=namespace, name=name, labels={}, content=content)
        for kind, namespace, name, content in items
    }
