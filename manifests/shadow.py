"""Policies that are tried before they are in force: what the next step of a namespace would refuse.

Envoy judges by them and lets pass; the verdict stands in the access log (`shadow_*` in access_log.py). Which ones are
tried depends on where the namespace is: with `authorization: shadow` its own; in phase permissive, once those are
enforced, the ones of phase strict, which know no caller without an identity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from configuration.applications import Namespace
from manifests.authentication import authentication_documents
from manifests.authorization import DRY_RUN, application_authorization
from manifests.document import Document, document
from manifests.mesh_graph import Member, MeshGraph

REFUSE_NOBODY = "refuse-nobody"
"""The one policy in force where a namespace's own are tried out: without it the mesh-wide deny-all would refuse all."""

STRICT = ".strict"
"""How the name of one ends that phase strict will bring."""


def is_tried(policy: Mapping[str, Any]) -> bool:
    """Whether a policy, a document or an object of the cluster, is judged by and not enforced. istiod takes what Go's
    ParseBool does."""
    annotations = (policy.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(DRY_RUN, "")) in ("1", "t", "T", "TRUE", "true", "True")


def namespace_shadow(namespace: Namespace) -> tuple[Document, ...]:
    """What stands in for the policies of a namespace that refuses nobody. Empty where they are in force."""
    if not namespace.refuses_nobody:
        return ()
    return (
        document(
            "security.istio.io/v1",
            "AuthorizationPolicy",
            REFUSE_NOBODY,
            namespace=namespace.name,
            spec={"action": "ALLOW", "rules": [{}]},
        ),
    )


def application_shadow(member: Member, graph: MeshGraph) -> tuple[Document, ...]:
    """The policies that the application will have in phase strict, tried out while it takes plaintext. Only in phase
    permissive, and only those that differ."""
    namespace = member.namespace
    if namespace.phase != "permissive" or namespace.shadowed:
        return ()
    strict = Member(namespace=dataclasses.replace(namespace, phase="strict"), application=member.application)
    now = {item["metadata"]["name"]: item["spec"] for item in _policies(member, graph)}
    return tuple(
        _tried(item)
        for item in _policies(strict, graph, identified=True)
        if item["spec"] != now.get(item["metadata"]["name"])
    )


def _policies(member: Member, graph: MeshGraph, *, identified: bool = False) -> tuple[Document, ...]:
    own = application_authorization(member, graph, identified=identified)
    demands = authentication_documents(member, graph)
    return tuple(item for item in (own, *demands) if item is not None and item["kind"] == "AuthorizationPolicy")


def _tried(policy: Document) -> Document:
    # With a dot: no application's own policy can have this name.
    metadata = {**policy["metadata"], "name": f"{policy['metadata']['name']}{STRICT}", "annotations": {DRY_RUN: "true"}}
    return {**policy, "metadata": metadata}
