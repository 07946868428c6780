"""All policies of a stack, and where each of them holds."""

from __future__ import annotations

from configuration.admission import Admission, Enforcement
from configuration.applications import Namespace
from configuration.mesh import Mesh
from manifests.admission.pods import PodPolicies
from manifests.admission.policy import Policy, bindings
from manifests.admission.roles import roles, username
from manifests.admission.services import service_policy
from manifests.admission.walls import (
    credentials_policy,
    interactive_policy,
    istio_policy,
    namespace_policy,
    walls_policy,
    ways_in_policy,
)
from manifests.cert_manager import INTERNAL_CA, SELF_SIGNED
from manifests.document import Document
from manifests.images import Images
from manifests.names import GATEWAY_SELECTOR
from versions import ISTIO_IMAGE_HUB

_Places = tuple[tuple[str, Enforcement], ...]


def admission_documents(
    admission: Admission, *, mesh: Mesh, namespaces: tuple[Namespace, ...], platform: tuple[str, ...], images: Images
) -> tuple[Document, ...]:
    """Roles, policies and bindings. A namespace outside the mesh is under none of them.

    platform: the names of the platform's own namespaces
    """
    found = list(roles(admission))
    in_mesh = tuple(item for item in namespaces if item.in_mesh)
    for policy, places in _policies(admission, mesh, in_mesh, platform, images):
        where = bindings(policy, places)
        if where:
            found += [policy.document(), *where]
    return tuple(found)


def _policies(
    admission: Admission, mesh: Mesh, namespaces: tuple[Namespace, ...], platform: tuple[str, ...], images: Images
) -> tuple[tuple[Policy, _Places | None], ...]:
    """Each with the namespaces in which it holds; None for all there are."""
    applications: _Places = tuple((item.name, item.admission) for item in namespaces)
    pods = PodPolicies(
        namespaces=namespaces,
        mesh=mesh,
        hub=images.hub(ISTIO_IMAGE_HUB),
        gateway_label=next(iter(GATEWAY_SELECTOR.items())),
        makers=tuple(name for identity in admission.pod_makers if (name := username(identity))),
        maker_groups=tuple(item.partition(":")[2] for item in admission.pod_makers if item.startswith("group:")),
    )
    everywhere: _Places = (*applications, *((name, "enforce") for name in platform))
    return (
        *((policy, applications) for policy in pods.policies()),
        (service_policy(namespaces), applications),
        (walls_policy(), everywhere),
        (ways_in_policy(), applications),
        (istio_policy(), everywhere if admission.istio_elsewhere else None),
        (namespace_policy(), everywhere),
        (interactive_policy(admission), everywhere),
        (credentials_policy((SELF_SIGNED, INTERNAL_CA)), applications),
    )
