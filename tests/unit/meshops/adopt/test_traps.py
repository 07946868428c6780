"""Every trap that a namespace may bring with it is found, and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from meshops.adopt.registry import CHECKS
from tests.unit.meshops.adopt import starting_state as state
from tests.unit.meshops.adopt.test_adoption import adopted, verdict
from tests.unit.meshops.adopt.test_command import CLEAN, REQUESTS

Change = Callable[[list[state.Object]], None]


def found(objects: list[state.Object], kind: str, name: str) -> state.Object:
    return next(item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name))


def pod_spec(**values: Any) -> Change:
    return lambda objects: found(objects, "Deployment", "cart")["spec"]["template"]["spec"].update(values)


def container(**values: Any) -> Change:
    def change(objects: list[state.Object]) -> None:
        found(objects, "Deployment", "cart")["spec"]["template"]["spec"]["containers"][0].update(values)

    return change


def template(part: str, **values: str) -> Change:
    return lambda objects: found(objects, "Deployment", "cart")["spec"]["template"]["metadata"].update({part: values})


def service_spec(**values: Any) -> Change:
    return lambda objects: found(objects, "Service", "cart")["spec"].update(values)


def label(name: str, **labels: str) -> Change:
    return lambda objects: found(objects, "Namespace", name)["metadata"]["labels"].update(labels)


def added(*items: state.Object) -> Change:
    return lambda objects: objects.extend(items)


_EXTRA = {"name": "admin", "port": 9090, "targetPort": 9090}
_ROUTE = {"hosts": ["a.dev.example.com"], "gateways": ["own"]}
TRAPS: dict[str, tuple[str, str, Change]] = {
    "a revision that is not the stack's": (
        "MT101",
        "namespace orders: istio.io/rev=1-24-3, owned by kustomize-controller; the stack's control planes are 1-31-1",
        label("orders", **{"istio.io/rev": "1-24-3"}),
    ),
    "the label of before revisions": (
        "MT101",
        "namespace shop: istio-injection=enabled",
        label("shop", **{"istio-injection": "enabled"}),
    ),
    "a DestinationRule without a mode": (
        "MT102",
        "spec.trafficPolicy.tls.mode",
        added(state.istio("networking", "DestinationRule", "shop", "sticky", host="cart", trafficPolicy={})),
    ),
    "a Gateway of its own": (
        "MT103",
        "Gateway shop/own",
        added(state.istio("networking", "Gateway", "shop", "own", servers=[])),
    ),
    "a route on it": (
        "MT103",
        "hangs on own",
        added(state.istio("networking", "VirtualService", "shop", "a", **_ROUTE)),
    ),
    "an object that the program makes too": (
        "MT104",
        "Sidecar shop/cart has the name of the program's own",
        added(state.istio("networking", "Sidecar", "shop", "cart")),
    ),
    "a policy of somebody else's": (
        "MT104",
        "AuthorizationPolicy shop/open is not of the program",
        added(state.istio("security", "AuthorizationPolicy", "shop", "open", rules=[{}])),
    ),
    "a NetworkPolicy": (
        "MT104",
        "NetworkPolicy shop/walls lets pass",
        added(state.istio("x", "NetworkPolicy", "shop", "walls")),
    ),
    "a port without a protocol": (
        "MT105",
        "Service shop/cart, port 80 is called web",
        service_spec(ports=[{"name": "web", "port": 80, "targetPort": 8080}]),
    ),
    "a headless Service": ("MT106", "Service shop/cart is headless", service_spec(clusterIP="None")),
    "a second port": (
        "MT106",
        "shop/cart: port 9090 beside 80, called 0 times",
        service_spec(ports=[{"name": "http", "port": 80, "targetPort": 8080}, _EXTRA]),
    ),
    "no label": (
        "MT107",
        "shop/cart: no label app: cart",
        template("labels", **{"app.kubernetes.io/name": "cart"}),
    ),
    "everybody's service account": (
        "MT107",
        "shop/cart runs under default, which is not its own",
        pod_spec(serviceAccountName="default"),
    ),
    "the node's network": ("MT108", "hostNetwork", pod_spec(hostNetwork=True)),
    "the sidecar's user": ("MT109", "runAsUser = 1337", pod_spec(securityContext={"runAsUser": 1337})),
    "ports past the sidecar": (
        "MT110",
        "excludeInboundPorts",
        template("annotations", **{"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}),
    ),
    "no probes": ("MT111", "readinessProbe", container(ports=[{"containerPort": 8080}])),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_would_be_walked_into(name: str) -> None:
    id, says, change = TRAPS[name]
    objects = copy.deepcopy(CLEAN)
    change(objects)
    judged = verdict(adopted(*REQUESTS, objects=objects), id)
    assert judged.status == "fail"
    assert any(says in line for line in judged.evidence), judged.evidence


def test_an_image_of_a_public_registry_would_not_be_pulled_where_the_stack_has_its_own() -> None:
    judged = verdict(adopted(*REQUESTS, objects=CLEAN, stack="prod"), "MT112")
    assert judged.status == "fail"
    assert "ghcr.io/example/cart:1" in judged.finding


def test_every_trap_has_a_case() -> None:
    cased = {id for id, _, _ in TRAPS.values()} | {"MT112"}
    assert cased == {check.id for check in CHECKS if check.id < "MT200"}
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_a_pod_would_be_refused_by_a_pod_security_level_that_it_does_not_fit() -> None:
    objects = copy.deepcopy(CLEAN)
    pod_spec(hostNetwork=True)(objects)
    levels = {entry["name"]: entry.get("podSecurity") for entry in adopted(objects=objects).entries}
    assert levels == {"shop": "privileged", "orders": None}
