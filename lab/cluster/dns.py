"""The cluster's DNS: the real CoreDNS in kube-system, where EKS has it from its add-on of that name.

It differs from the add-on in what it says of names that are not the cluster's. On EKS it asks the VPC's resolver, which
with `network.dnsFirewall` has a list of the names that exist. Here it stands in for that resolver too: by the same
list, from the same function, a name has the address of the lab's internet or does not exist. Without the setting every
name has that address, and a mistyped `service.namespace` looks like a public name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from configuration.settings import Settings
from lab.cluster.control_plane import CLUSTER_DOMAIN, ControlPlane
from lab.cluster.objects import Document, Objects
from lab.state import NetworkRecord
from manifests.allowed_names import allowed_names

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
_CONFIGURATION = "lab/corefile"
_SELECTOR: dict[str, str] = {"k8s-app": SERVICE}
_SELECTED: dict[str, Any] = {"matchLabels": _SELECTOR}
_LABELS: dict[str, str] = {**_SELECTOR, "eks.amazonaws.com/component": NAME}
# As the add-on: two replicas apart from each other, of which a drain takes one.
# https://aws.amazon.com/blogs/containers/recent-changes-to-the-coredns-add-on
_BY_NODE: dict[str, Any] = {
    "labelSelector": _SELECTED,
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
}
# Top-level domains that the public DNS does not have (RFC 2606, RFC 6761, RFC 6762), and those that a name lacking the
# cluster's domain ends in: an address for these would hide a mistake.
_NOWHERE = ("svc", "pod", "local", "internal", "localhost", "invalid", "test")


def apply(plane: ControlPlane, settings: Settings) -> None:
    """Installs or updates it; its pods come up while the program is applied. Raises Refused."""
    objects = Objects(api=plane.api, field_manager=FIELD_MANAGER)
    try:
        for document in documents(plane.network, firewall(settings)):
            objects.apply(document)
    finally:
        objects.close()


def firewall(settings: Settings) -> tuple[str, ...] | None:
    """The names that the VPC's resolver would look up, `*.` before a zone for all below it; None for every name."""
    if settings.network.dns_firewall is None:
        return None
    return tuple(found.name for found in allowed_names(settings))


def documents(record: NetworkRecord, allowed: Sequence[str] | None) -> tuple[Document, ...]:
    """Its objects, in the order to apply them. allowed: as `firewall` gives them."""
    configuration = corefile(allowed)
    return (
        _document("v1", "ServiceAccount"),
        {**_document("rbac.authorization.k8s.io/v1", "ClusterRole", name=f"system:{NAME}"), "rules": _rules()},
        _role_binding(),
        {**_document("v1", "ConfigMap"), "data": {"Corefile": configuration}},
        {**_document("apps/v1", "Deployment"), "spec": _deployment(configuration)},
        {**_document("policy/v1", "PodDisruptionBudget"), "spec": {"maxUnavailable": 1, "selector": _SELECTED}},
        {**_document("v1", "Service", name=SERVICE), "spec": _service(record)},
    )


def corefile(allowed: Sequence[str] | None) -> str:
    """CoreDNS's configuration: the cluster's zones, and one for everything else.

    A template without `match` is for every name; each that does not match hands on to the next.
    """
    matches = "" if allowed is None else "".join(f"\n        match {_pattern(name)}" for name in allowed)
    on = "" if allowed is None else "\n        fallthrough"
    return f"""\
{CLUSTER_DOMAIN}:{PORT} in-addr.arpa:{PORT} ip6.arpa:{PORT} {{
    errors
    health :{HEALTH_PORT} {{
        lameduck 5s
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
    template IN A . {{{matches}
        answer "{{{{ .Name }}}} {TTL_SECONDS} IN A {PUBLIC_ADDRESS}"{on}
    }}
    template ANY ANY . {{{matches}
        rcode NOERROR
        authority "{_AUTHORITY}"{on}
    }}
{"" if allowed is None else _REFUSED}}}
"""


def _pattern(name: str) -> str:
    """What matches an allowed name as DNS writes it, with its last dot. A wildcard is for every name below the zone and
    not for the zone itself: AWS's documents do not say, and this is the stricter reading."""
    below, zone = name.startswith("*."), re.escape(name.removeprefix("*."))
    return rf"(?i)^.+\.{zone}\.$" if below else rf"(?i)^{zone}\.$"


# Says for how long "there is no such address" holds.
_AUTHORITY = f". {TTL_SECONDS} IN SOA internet. nobody.internet. 1 60 60 60 {TTL_SECONDS}"
_REFUSED = f"""\
    # Stands in for Route 53 Resolver DNS Firewall: BLOCK with NXDOMAIN.
    template ANY ANY . {{
        rcode NXDOMAIN
        authority "{_AUTHORITY}"
    }}
"""


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


def _deployment(configuration: str) -> dict[str, Any]:
    digest = hashlib.sha256(configuration.encode()).hexdigest()[:16]
    volume = {"name": "config-volume", "configMap": {"name": NAME}}
    pod = {
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "topologySpreadConstraints": [_BY_NODE],
        "containers": [_container()],
        "volumes": [volume],
    }
    return {
        "replicas": 2,
        "selector": _SELECTED,
        "strategy": {"rollingUpdate": {"maxUnavailable": 1}},
        # CoreDNS reads its configuration once: another one, and its pod is another one.
        "template": {"metadata": {"labels": _LABELS, "annotations": {_CONFIGURATION: digest}}, "spec": pod},
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
