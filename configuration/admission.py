"""What the API server refuses in the mesh's namespaces, and for whom it makes exceptions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from configuration.problems import rejection
from configuration.section import section

# Groups that everybody is in: naming one would turn every policy off for everyone.
_EVERYBODY = ("system:authenticated", "system:unauthenticated", "system:serviceaccounts")


def _identity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind, _, name = value.partition(":")
    if kind not in ("user", "group", "serviceAccount") or not name or name != name.strip():
        raise rejection(
            "It must name one identity of the Kubernetes API.",
            'Write it as "user:<name>", "group:<name>" or "serviceAccount:<namespace>/<name>".',
        )
    parts = name.split("/")
    if kind == "serviceAccount" and (len(parts) != 2 or not all(parts)):
        raise rejection(
            "A service account is known by its namespace and its name.",
            'Write it as "serviceAccount:flux-system/kustomize-controller".',
        )
    return value


def _deployer(value: str) -> str:
    name = value.partition(":")[2]
    if value.startswith("group:") and (name in _EVERYBODY or name.startswith("system:serviceaccounts:")):
        raise rejection(
            "Everybody, or whoever may make a pod in a namespace, is in this group: no policy would hold any more.",
            "Name the one identity that deploys.",
        )
    return value


Identity = Annotated[str, BeforeValidator(_identity)]


@section
class Admission:
    """The exceptions. Whoever may do everything in the cluster (`system:masters`, EKS's ClusterAdmin, a binding to
    `cluster-admin`) deploys without being named here: he could take the policies away as well."""

    deployers: tuple[Annotated[Identity, AfterValidator(_deployer)], ...] = ()
    """Further identities that no policy refuses: `user:…`, `group:…`, `serviceAccount:namespace/name`; a GitOps
    controller without `cluster-admin`, for example."""
    pod_makers: tuple[Identity, ...] = ()
    """Who may make pods directly, besides Kubernetes' own controllers and the deployers: the controller of a workflow
    engine, for example. What it takes its pods from is not looked at, the pods are."""
    exec: bool = False
    """Whether tenants may run commands in running pods, the sidecar's container among them (exec, attach)."""
    port_forward: bool = False
    """Whether tenants may reach pods past the mesh, through the API server (port-forward)."""
    debug_containers: bool = False
    """Whether tenants may add ephemeral containers to running pods (`kubectl debug`)."""
    istio_elsewhere: bool = False
    """Whether others may write Istio's kinds in namespaces that are not the stack's: routes and services declared
    there can reach the whole mesh."""


Enforcement = Literal["enforce", "warn"]
