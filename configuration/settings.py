"""Everything a stack may say, as one frozen value."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from configuration.admission import Admission
from configuration.applications import Namespace
from configuration.cluster import Cluster
from configuration.kinds.aws import AccountId, Region
from configuration.kinds.keys import PROJECT as PROJECT
from configuration.kinds.policy_suppressions import PolicySuppression, Retirement, said
from configuration.kinds.secrets import NO_SECRETS, Secrets
from configuration.load_balancer import LoadBalancer
from configuration.mesh import Certificates, Gateway, Mesh, Observability
from configuration.network import Network
from configuration.section import section
from configuration.values import ImageRegistry, matching


@section
class Settings:
    """Everything a stack says, valid as a whole."""

    region: Region
    """`aws:region`, e.g. eu-west-1."""
    profile: str | None = None
    """`aws:profile`; named in the kubeconfig too, so that laptops and CI produce the same one."""
    allowed_account_ids: tuple[AccountId, ...] = ()
    """`aws:allowedAccountIds`: in any other account the provider refuses to do anything."""
    environment: Annotated[
        str,
        matching(
            r"[a-z][a-z0-9-]{0,30}",
            "It has a-z, 0-9 and '-', begins with a letter, and is at most 31 long.",
            'Write it as "prod".',
        ),
    ]
    """A tag on every AWS resource and every trace, e.g. `prod`."""
    promoted_from: (
        Annotated[
            str, matching(r"[A-Za-z0-9_.-]{1,100}", "It is the name of a stack.", "Write it as in Pulumi.<stack>.yaml.")
        ]
        | None
    ) = None
    """The stack in which every step into the mesh is proved before it is taken here, e.g. `dev`: `waves check` asks for
    its signed record."""
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
    secrets: Secrets = NO_SECRETS
    policy_suppressions: tuple[PolicySuppression, ...] = ()
    """Findings of the policy pack that stand."""
    retirement: Annotated[Retirement | None, BeforeValidator(said)] = None
    """Set in the same change that takes the protection off before a destroy."""
    namespaces: tuple[Namespace, ...] = ()
