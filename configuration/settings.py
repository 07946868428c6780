"""Everything a stack may say, as one frozen value."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from configuration.admission import Admission
from configuration.applications import Namespace
from configuration.cluster import Cluster
from configuration.load_balancer import LoadBalancer
from configuration.mesh import Certificates, Gateway, Mesh, Observability
from configuration.network import Network
from configuration.section import section
from configuration.values import ImageRegistry

PROJECT = "zero-trust-mesh"
"""The project's name in `Pulumi.yaml`, and the prefix of its keys in a stack's file."""


@section
class Settings:
    """Everything a stack says, valid as a whole."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """`aws:region`, e.g. eu-west-1."""
    profile: str | None = None
    """`aws:profile`; named in the kubeconfig too, so that laptops and CI produce the same one."""
    environment: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    """A tag on every AWS resource and every trace, e.g. `prod`."""
    tags: dict[str, str] = Field(default_factory=dict)
    network: Network
    cluster: Cluster
    mesh: Mesh = Mesh()
    gateway: Gateway = Gateway()
    certificates: Certificates = Certificates()
    load_balancer: LoadBalancer
    observability: Observability = Observability()
    image_registry: ImageRegistry | None = None
    """Every image of every chart and application comes from here; nothing names a public registry then."""
    admission: Admission = Admission()
    namespaces: tuple[Namespace, ...] = ()
