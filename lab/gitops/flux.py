"""Flux on the lab: its two controllers as their own modules' manifests have them, and the one repository they apply.

https://fluxcd.io/flux/installation/; names, accounts and rights are those of `flux install`: a service account for each
controller, and kustomize-controller bound to cluster-admin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.cluster.control_plane import API_PORT, ControlPlane
from lab.cluster.objects import Document, Key, Objects
from lab.gitops import source
from lab.images import flux
from lab.state import NetworkRecord
from lab.waiting import until
from manifests.network_rules import dns, pods, port

NAMESPACE = "flux-system"
NAME = "lab"
"""Of the GitRepository and the Kustomization."""
KUSTOMIZATION = Key(api_version="kustomize.toolkit.fluxcd.io/v1", kind="Kustomization", namespace=NAMESPACE, name=NAME)
RECONCILED_EVERY = "15s"
"""Flux's own examples say minutes; here a person waits for it."""
# As `flux install` calls itself.
_FIELD_MANAGER = "flux"
_APPLIED_SECONDS = 180.0
_PAUSE_SECONDS = 0.5
_RBAC = "rbac.authorization.k8s.io/v1"
_ARTIFACTS_PORT = 9090


def apply(plane: ControlPlane) -> None:
    """Installs or updates it; its pods are still starting then. Raises Refused."""
    objects = Objects(api=plane.api, field_manager=_FIELD_MANAGER)
    try:
        for document in documents(plane.network):
            objects.apply(document)
    finally:
        objects.close()


def await_applied(objects: Objects, commit: str = "") -> str:
    """The revision that Flux has applied, once it ends in this commit (any, if empty). Raises LabError with why not."""

    def status() -> Mapping[str, Any]:
        return (objects.get(KUSTOMIZATION) or {}).get("status") or {}

    def applied() -> str:
        revision = str(status().get("lastAppliedRevision") or "")
        return revision if revision.endswith(commit) else ""

    def said() -> str:
        return "; ".join(str(condition.get("message")) for condition in status().get("conditions") or ())

    what = f"Flux to apply {commit or 'its repository'}"
    return until(applied, seconds=_APPLIED_SECONDS, pause=_PAUSE_SECONDS, what=what, seen=said)


def documents(record: NetworkRecord) -> Iterator[Document]:
    """All of it, in the order to apply it; once its images are built (lab/images/flux.py)."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for name in flux.CONTROLLERS:
        yield from _controller(name, flux.configuration(name))
    yield _binding("cluster-reconciler", "ClusterRole", "cluster-admin", "kustomize-controller")
    yield from network_policies(record)
    yield from _repository(record)


def network_policies(record: NetworkRecord) -> Iterator[Document]:
    """Nothing but what they do: the API server, the cluster's DNS, the Git server, and one what the other holds."""
    api = _to_address(record.address, API_PORT)
    ours, theirs = pods({"app": "source-controller"}), pods({"app": "kustomize-controller"})
    artifacts = port(_ARTIFACTS_PORT)
    yield _policy("default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    yield _policy(
        "source-controller",
        {
            **ours,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [theirs], "ports": [artifacts]}],
            "egress": [dns(), api, _to_address(record.address, source.PORT)],
        },
    )
    yield _policy(
        "kustomize-controller",
        {**theirs, "policyTypes": ["Egress"], "egress": [dns(), api, {"to": [ours], "ports": [artifacts]}]},
    )


def _controller(name: str, configuration: Path) -> Iterator[Document]:
    for path in sorted((configuration / "crd" / "bases").glob("*.yaml")):
        yield from _read(path)
    yield _namespaced("v1", "ServiceAccount", name)
    for file, kind in (("role", "ClusterRole"), ("leader_election_role", "Role")):
        for role in _read(configuration / "rbac" / f"{file}.yaml"):
            where = {} if kind == "ClusterRole" else {"namespace": NAMESPACE}
            yield {**role, "metadata": {**role["metadata"], "name": name, **where}}
        yield _binding(name, kind, name, name)
    for path in sorted((configuration / "manager").glob("*.yaml")):
        for document in _read(path):
            if document["kind"] != "Kustomization":
                yield _placed(document, name)


def _placed(document: Document, name: str) -> Document:
    """In Flux's namespace; a Deployment under its own service account and with its image."""
    placed = {**document, "metadata": {**document["metadata"], "namespace": NAMESPACE}}
    if document["kind"] == "Deployment":
        template = document["spec"]["template"]
        (container,) = template["spec"]["containers"]
        spec = {
            **template["spec"],
            "serviceAccountName": name,
            "containers": [{**container, "image": flux.image(name)}],
        }
        placed["spec"] = {**document["spec"], "template": {**template, "spec": spec}}
    return placed


def _repository(record: NetworkRecord) -> Iterator[Document]:
    git = "source.toolkit.fluxcd.io/v1"
    yield {
        **_namespaced(git, "GitRepository", NAME),
        "spec": {"interval": RECONCILED_EVERY, "url": source.url(record), "ref": {"branch": source.BRANCH}},
    }
    yield {
        **_namespaced(KUSTOMIZATION.api_version, KUSTOMIZATION.kind, NAME),
        "spec": {
            "interval": RECONCILED_EVERY,
            "retryInterval": RECONCILED_EVERY,
            "path": "./",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": NAME},
        },
    }


def _read(path: Path) -> Iterator[Document]:
    yield from filter(None, yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _namespaced(api_version: str, kind: str, name: str) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


def _binding(name: str, kind: str, role: str, account: str) -> Document:
    metadata = {"name": name} if kind == "ClusterRole" else {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": _RBAC,
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
    }


def _policy(name: str, spec: dict[str, Any]) -> Document:
    return {**_namespaced("networking.k8s.io/v1", "NetworkPolicy", name), "spec": spec}


def _to_address(address: str, number: int) -> dict[str, Any]:
    return {"to": [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [port(number)]}
