"""The cluster's DNS: the real CoreDNS in kube-system, where EKS has it from its add-on of that name.

It differs from the add-on in what it says of names that are not the cluster's: every one of them has the address of the
lab's internet. Were they unknown, a blocked host could not be told from one without an address. The price: a
mistyped `service.namespace` looks like a public name and has that address too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cluster.control_plane import CLUSTER_DOMAIN, ControlPlane
from lab.cluster.objects import Document, Objects
from lab.state import NetworkRecord

NAMESPACE = "kube-system"
NAME = "coredns"
SERVICE = "kube-dns"
PORT = 53
HEALTH_PORT, READY_PORT = 8080, 8181
PUBLIC_ADDRESS = "203.0.113.80"
"""What every public name has: an address of the internet's stand-in that is nobody's (RFC 5737). No private one: the
program refuses those where it asks for a public one."""
TTL_SECONDS = 5
"""Short, and without a cache: an address that changes is seen at once."""
FIELD_MANAGER = "eks"
# The Go module's version (toolchain/go.mod): it is what the image would hold.
IMAGE = "eks/coredns:v1.14.2"
_SELECTOR: dict[str, str] = {"k8s-app": SERVICE}
_LABELS: dict[str, str] = {**_SELECTOR, "eks.amazonaws.com/component": NAME}
# Top-level domains that the public DNS does not have (RFC 2606, RFC 6761, RFC 6762), and those that a name lacking the
# cluster's domain ends in: an address for these would hide a mistake.
_NOWHERE = ("svc", "pod", "local", "internal", "localhost", "invalid", "test")


def apply(plane: ControlPlane) -> None:
    """Installs or updates it; its pods come up while the program is applied. Raises Refused."""
    objects = Objects(api=plane.api, field_manager=FIELD_MANAGER)
    try:
        for document in documents(plane.network):
            objects.apply(document)
    finally:
        objects.close()


def documents(record: NetworkRecord) -> tuple[Document, ...]:
    """Its objects, in the order to apply them."""
    return (
        _document("v1", "ServiceAccount"),
        {**_document("rbac.authorization.k8s.io/v1", "ClusterRole", name=f"system:{NAME}"), "rules": _rules()},
        _role_binding(),
        {**_document("v1", "ConfigMap"), "data": {"Corefile": corefile(record)}},
        {**_document("apps/v1", "Deployment"), "spec": _deployment()},
        {**_document("v1", "Service", name=SERVICE), "spec": _service(record)},
    )


def corefile(record: NetworkRecord) -> str:
    """CoreDNS's configuration: the cluster's zones, and one for everything else."""
    return f"""\
{CLUSTER_DOMAIN}:{PORT} in-addr.arpa:{PORT} ip6.arpa:{PORT} {{
    errors
    health :{HEALTH_PORT} {{
        lameduck 1s
    }}
    ready :{READY_PORT}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl {TTL_SECONDS}
    }}
}}
.:{PORT} {{
    errors
    template ANY ANY . {{
        match ^[^.]*\\.$ (^|\\.)({"|".join(_NOWHERE)})\\.$
        rcode NXDOMAIN
        authority "{_AUTHORITY}"
        fallthrough
    }}
    template IN A . {{
        answer "{{{{ .Name }}}} {TTL_SECONDS} IN A {PUBLIC_ADDRESS}"
    }}
    template ANY ANY . {{
        rcode NOERROR
        authority "{_AUTHORITY}"
    }}
}}
"""


# Says for how long "there is no such address" holds.
_AUTHORITY = f". {TTL_SECONDS} IN SOA internet. nobody.internet. 1 60 60 60 {TTL_SECONDS}"


def _document(api_version: str, kind: str, *, name: str = NAME) -> Document:
    metadata: dict[str, Any] = {"name": name, "labels": _LABELS}
    if not kind.startswith("ClusterRole"):
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _rules() -> list[Mapping[str, Any]]:
    return [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]


def _role_binding() -> Document:
    return {
        **_document("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name=f"system:{NAME}"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"system:{NAME}"},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }


def _deployment() -> dict[str, Any]:
    volume = {"name": "config-volume", "configMap": {"name": NAME}}
    pod = {
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "containers": [_container()],
        "volumes": [volume],
    }
    return {
        "replicas": 1,  # the add-on has two, for two nodes
        "selector": {"matchLabels": _SELECTOR},
        "template": {"metadata": {"labels": _LABELS}, "spec": pod},
    }


def _container() -> dict[str, Any]:
    return {
        "name": NAME,
        "image": IMAGE,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": PORT, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": PORT, "protocol": "TCP"},
        ],
        "livenessProbe": _probe("/health", HEALTH_PORT),
        "readinessProbe": _probe("/ready", READY_PORT),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
    }


def _probe(path: str, port: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}}


def _service(record: NetworkRecord) -> dict[str, Any]:
    return {
        "clusterIP": record.dns,
        "selector": _SELECTOR,
        "ports": [
            {"name": "dns", "port": PORT, "protocol": "UDP", "targetPort": PORT},
            {"name": "dns-tcp", "port": PORT, "protocol": "TCP", "targetPort": PORT},
        ],
    }
