"""A recorded cluster: namespace `shop` outside the mesh, deployed by hand, and `orders` permissive, which Flux owns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from manifests.access_log import ACCESS_LOG_FIELDS

Object = dict[str, Any]
NODE = "10.20.0.9"
TRUST = "cluster.local"


def labelled(name: str) -> dict[str, str]:
    return {"app": name}


def workload(
    namespace: str,
    name: str,
    *,
    kind: str = "Deployment",
    labels: dict[str, str] | None = None,
    account: str = "",
    **pod: Any,
) -> Object:
    spec = {
        "serviceAccountName": account or name,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": name,
                "image": f"ghcr.io/example/{name}:1",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        **pod,
    }
    template = {"metadata": {"labels": labels or labelled(name)}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"template": template},
    }


def pod(namespace: str, name: str, ip: str, *, labels: dict[str, str] | None = None) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": f"{name}-0",
            "labels": {**(labels or labelled(name)), "pod-template-hash": "1"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": name}],
        },
        "spec": {"serviceAccountName": name, "containers": [{"name": name}, {"name": "istio-proxy"}]},
        "status": {"podIP": ip, "hostIP": NODE},
    }


def service(namespace: str, called: str, ip: str, *, selects: str = "", **port: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": called},
        "spec": {"clusterIP": ip, "selector": labelled(selects or called), "ports": [port]},
    }


def istio(group: str, kind: str, namespace: str, name: str, **spec: Any) -> Object:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def of_flux(item: Object) -> Object:
    metadata = item["metadata"]
    fields = {"f:metadata": {"f:labels": {"f:istio.io/rev": {}, "f:kustomize.toolkit.fluxcd.io/name": {}}}}
    metadata["managedFields"] = [{"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields}]
    metadata.setdefault("labels", {}).update(
        {"kustomize.toolkit.fluxcd.io/name": "orders", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    )
    return item


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


OBJECTS: list[Object] = [
    namespace("shop"),
    of_flux(namespace("orders", **{"istio.io/rev": "1-31-1"})),
    namespace("monitoring"),
    service("default", "kubernetes", "172.20.0.1", selects="nothing", name="https", port=443),
    workload("shop", "front"),
    pod("shop", "front", "10.20.1.1"),
    service("shop", "front", "172.20.0.11", name="http", port=8080),
    workload("shop", "cart", account="cart-sa"),
    pod("shop", "cart", "10.20.1.2"),
    service("shop", "cart", "172.20.0.12", name="http", port=80, targetPort=8080),
    workload("shop", "db", kind="StatefulSet"),
    pod("shop", "db", "10.20.1.3"),
    service("shop", "postgres", "172.20.0.13", selects="db", name="tcp-postgres", port=5432),
    workload("orders", "orders"),
    pod("orders", "orders", "10.20.2.1"),
    service("orders", "orders", "172.20.0.21", name="http-web", port=80, targetPort=9000),
    workload("orders", "nightly", kind="Deployment"),
    pod("orders", "nightly", "10.20.2.2"),
    workload("monitoring", "prometheus"),
    pod("monitoring", "prometheus", "10.20.3.1"),
    istio(
        "networking", "DestinationRule", "shop", "cart",
        host="cart",
        trafficPolicy={"loadBalancer": {"consistentHash": {"httpCookie": {"name": "basket", "ttl": "600s"}}}},
    ),
    istio("networking", "Gateway", "shop", "own", selector={"istio": "ingressgateway"}, servers=[]),
    istio(
        "networking", "VirtualService", "shop", "front-route",
        hosts=["shop.dev.example.com"], gateways=["own"], http=[{"route": [{"destination": {"host": "front"}}]}],
    ),
]  # fmt: skip


def log(pod_name: str, home: str, **fields: Any) -> str:
    """A line of the proxy of one pod."""
    line = {**dict.fromkeys(ACCESS_LOG_FIELDS, "-"), "response_code": 200, "response_code_details": "via_upstream"}
    return json.dumps({**line, "workload_namespace": home, "workload_pod": f"{pod_name}-0", **fields})


def served(home: str, callee: str, port: int, caller: str, method: str, path: str, **fields: Any) -> str:
    """caller: `namespace/service account`."""
    owner, _, account = caller.partition("/")
    peer = f"spiffe://{TRUST}/ns/{owner}/sa/{account}"
    common = {"upstream_cluster": f"inbound|{port}||", "downstream_peer_uri_san": peer, "method": method, "path": path}
    return log(callee, home, **common, **fields)


def tracked(client: str, server: str, port: int, *, service: str = "", service_port: int = 0) -> str:
    return (
        f"ipv4     2 tcp      6 86398 ESTABLISHED src={client} dst={service or server} sport=40112 "
        f"dport={service_port or port} src={server} dst={client} sport={port} dport=40112 [ASSURED] mark=0 use=1"
    )


def recorded(caller: str, callee: str, method: str, path: str, **fields: Any) -> str:
    return json.dumps({"from": caller, "to": callee, "method": method, "path": path, "status": 200, **fields})


GATEWAY = "istio-ingress/istio-ingressgateway"
TRAFFIC: list[str] = [
    "# connections that the node saw, outside the mesh",
    tracked("10.20.1.1", "10.20.1.3", 5432, service="172.20.0.13"),
    tracked("10.20.1.1", "10.20.2.1", 9000, service="172.20.0.21", service_port=80),
    tracked(NODE, "10.20.1.2", 8080),
    "ESTAB 0      0      10.20.1.2:8080      10.20.2.2:51234",
    tracked("10.20.1.2", "10.61.0.7", 6379),
    "# what a load test's record says of the shop",
    *(recorded("shop/front", "shop/cart", "GET", f"/items/{number}") for number in (7, 19, 23, 4711)),
    recorded("shop/front", "shop/cart", "POST", "/items"),
    recorded("shop/front", "shop/cart", "GET", "/health"),
    recorded(GATEWAY, "shop/front", "GET", "/", host="shop.dev.example.com"),
    "# the proxies of the namespace that is permissive",
    served("orders", "orders", 9000, "shop/front", "GET", "/orders", response_code=200),
    served("orders", "orders", 9000, "orders/nightly", "DELETE", "/orders/old", response_code=404),
    log(
        "orders", "orders", upstream_cluster="PassthroughCluster", downstream_local_address="203.0.113.9:443",
        requested_server_name="api.stripe.com",
    ),
    log(
        "orders", "orders", upstream_cluster="inbound|9000||", method="GET", path="/admin",
        downstream_peer_uri_san=f"spiffe://{TRUST}/ns/shop/sa/cart-sa", response_code=403,
        response_code_details="rbac_access_denied_matched_policy[none]",
    ),
]  # fmt: skip

STRANGER = tracked("10.20.3.1", "10.20.1.2", 8080)
"""From a namespace that nobody adopts."""


def write(directory: Path, *, traffic: list[str] | None = None, objects: list[Object] | None = None) -> Path:
    """As somebody would record it."""
    directory.mkdir(exist_ok=True)
    items = {"apiVersion": "v1", "kind": "List", "items": objects or OBJECTS}
    (directory / "objects.json").write_text(json.dumps(items))
    (directory / "traffic.log").write_text("\n".join(TRAFFIC if traffic is None else traffic) + "\n")
    return directory
