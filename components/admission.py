"""What the API server refuses in the mesh's namespaces, and the roles of the people who work in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.submission import submit
from configuration import admission
from configuration.applications import Namespace
from configuration.mesh import Mesh
from manifests.admission.documents import admission_documents
from manifests.document import Document
from manifests.images import Images

_BINDING = "ValidatingAdmissionPolicyBinding"


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    settings: admission.Admission
    mesh: Mesh
    namespaces: tuple[Namespace, ...]
    images: Images
    platform: tuple[str, ...]
    """The platform's own namespaces."""
    after: Sequence[pulumi.Resource]
    """The cluster. No namespace: a policy names those it is for, whether they exist or not."""
    deleted_with: pulumi.Resource | None


class Admission(pulumi.ComponentResource):
    ready: tuple[pulumi.Resource, ...]
    """What must stand before the first namespace, and until the last one is gone."""

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:admission:Admission", name, None, opts)
        documents = admission_documents(
            args.settings, mesh=args.mesh, namespaces=args.namespaces, platform=args.platform, images=args.images
        )

        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        made: dict[str, pulumi.Resource] = {}
        for document in documents:
            # A policy refuses nothing until it is bound, and its binding goes first.
            wanted = made.get(_name(document["spec"]["policyName"])) if document["kind"] == _BINDING else None
            made[_key(document)] = submit(document, opts=order.after(*([wanted] if wanted else [])))
        self.ready = order.last(*made.values())
        self.register_outputs({})


def _key(document: Document) -> str:
    name = str(document["metadata"]["name"])
    return _name(name) if document["kind"] == "ValidatingAdmissionPolicy" else f"{document['kind']} {name}"


def _name(policy: str) -> str:
    return f"ValidatingAdmissionPolicy {policy}"
