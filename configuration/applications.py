"""The namespaces of a stack and their applications: who may call whom, and what may leave the mesh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator
from pydantic_core import PydanticKnownError

from configuration.admission import Enforcement
from configuration.authentication import Authentication
from configuration.kinds.images import Image
from configuration.kinds.paths import Directory, ExactPath, Path
from configuration.kinds.quantities import Cpu, Memory
from configuration.leaving.aws_identity import AwsStatement
from configuration.leaving.egress import Egress
from configuration.problems import rejection
from configuration.section import section
from configuration.values import Host, Label, Port, VersionText, Whole, matching, within

Phase = Literal["outside", "permissive", "strict"]

_REPLICAS = 2

SIDECAR_USER = 1337
"""The sidecar's own user and group: iptables lets its traffic pass uncaptured, so an application that runs as it
bypasses the mesh altogether."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")

# Namespaces that the program or Kubernetes itself owns.
RESERVED_NAMESPACES: tuple[str, ...] = (
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "istio-system",
    "istio-ingress",
    "cert-manager",
    "observability",
    "amazon-cloudwatch",
)


# What stands in each namespace beside the applications' objects (manifests), or in each pod beside their container: one
# object would replace the other, or the injection would be refused.
RESERVED_APPLICATIONS: tuple[str, ...] = (
    "default",
    "deny-all",
    "refuse-nobody",
    "default-deny",
    "allow-platform",
    "mesh-tenant",
    "mesh-reader",
    "istio-proxy",
    "istio-init",
    "istio-validation",
)


def _application_name(value: str) -> str:
    if value in RESERVED_APPLICATIONS:
        raise rejection(
            "An object of the platform's own has this name in every namespace, or a container of Istio's in every pod.",
            "Give the application another name.",
        )
    return value


def _service_account(value: str) -> str:
    if value == "default":
        raise rejection(
            "Kubernetes makes this one, and every pod that names none runs under it: whatever it may, they all may.",
            "Leave it out, or give the application a service account of its own.",
        )
    return value


ApplicationName = Annotated[Label, AfterValidator(_application_name)]
ServiceAccountName = Annotated[Label, AfterValidator(_service_account)]


def _namespace_name(value: str) -> str:
    if value in RESERVED_NAMESPACES or value.startswith(("kube-", "istio-")):
        raise rejection(
            "This namespace belongs to Kubernetes or to the platform; the mesh's own policies would be overwritten.",
            "Give the applications a namespace of their own.",
        )
    return value


def _method(value: str) -> str:
    if value not in _METHODS:
        raise rejection(
            "Istio compares methods with the request line, letter by letter: anything but a standard method in "
            "capitals matches nothing.",
            f"Choose one of {', '.join(_METHODS)}.",
        )
    return value


Method = Annotated[str, AfterValidator(_method)]


@section
class Caller:
    """An application that may call this one, and what it may ask for.

    One that may GET one path and POST another is named twice: one entry allows each method on each path.
    """

    application: str
    """`name` in the same namespace, or `namespace/name`."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | None = None
    paths: Annotated[tuple[Path, ...], Field(min_length=1)] | None = None


@section
class Stickiness:
    """Consistent-hash affinity: exactly one of the two."""

    cookie: (
        Annotated[str, matching(r"[A-Za-z0-9_-]+", "A cookie's name has letters, digits, '_' and '-'.", "Rename it.")]
        | None
    ) = None
    cookie_ttl_seconds: Annotated[Whole, within(0, 31536000, "seconds")] = 0
    """0 makes it a session cookie."""
    header: (
        Annotated[str, matching(r"[A-Za-z0-9-]+", "A header's name has letters, digits and '-'.", "Rename it.")] | None
    ) = None


MANAGED_SECRETS = "/var/run/secrets-manager"
"""Where the files of AWS Secrets Manager are in a container: below a path that no `writablePaths` may take."""


@section
class FromSecret:
    """The value of an environment variable that is no plain text: exactly one of the three."""

    secret: str | None = None
    """The name of one of `secrets.values`. It becomes a Kubernetes Secret of the application's own."""
    secret_ref: str | None = None
    """`name/key` of a Kubernetes Secret in the application's namespace that somebody else makes. Its pods do not roll
    when it changes."""
    secrets_manager: str | None = None
    """`name` or `name#key` of a secret in AWS Secrets Manager: the variable, whose name ends in `_FILE`, holds the path
    of a file with it, or with one key of its JSON. Read with a role of the application's own, which may read these
    secrets and no other. One that is encrypted with a key of your own needs `kms:Decrypt` on it in `awsPolicy`. Its
    pods do not roll when it changes."""


# https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data
_SECRET_REFERENCE = re.compile(r"(?=[^/]{1,253}/)[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-._a-zA-Z0-9]{1,253}")


# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html; and a key without what JMESPath
# reads.
_MANAGED_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,500}(#[A-Za-z_][A-Za-z0-9_]{0,127})?")


def _environment_value(value: Any) -> str | FromSecret:
    # By hand: a union's errors would name its members in the path.
    if isinstance(value, str | FromSecret):
        return value
    if not isinstance(value, Mapping):
        raise PydanticKnownError("string_type")
    match dict(value):
        case {"secret": str(name), **rest} if not rest:
            return FromSecret(secret=name)
        case {"secretRef": str(name), **rest} if not rest and _SECRET_REFERENCE.fullmatch(name):
            return FromSecret(secret_ref=name)
        case {"secretsManager": str(name), **rest} if not rest and _MANAGED_SECRET.fullmatch(name):
            return FromSecret(secrets_manager=name)
    raise rejection(
        "A variable is text, {secret: <name>} with a name of secrets.values, {secretRef: <name>/<key>} with a "
        "Kubernetes Secret of the namespace, or {secretsManager: <name>#<key>} with a secret of AWS Secrets Manager.",
        "Write it as one of the four.",
    )


EnvironmentValue = Annotated[str | FromSecret, PlainValidator(_environment_value)]


@section
class Resources:
    cpu: Cpu = "100m"
    memory: Memory = "128Mi"
    memory_limit: Memory = "256Mi"
    """At least `memory`."""


@section
class Application:
    name: ApplicationName
    image: Image | None = None
    """With a tag or a digest; required unless `workload` is `external`."""
    workload: Literal["managed", "external"] = "managed"
    """`external`: another pipeline deploys it, its pods with the label `app: <name>`, and its Service."""
    port: Port | None = None
    """What the container listens on, and its Service too; none for a job that only calls."""
    service_port: Port | None = None
    """What its Service listens on, where that is not `port`."""
    service: Label | None = None
    """Of a workload that is `external`: what its Service is called, where that is not `name`."""
    protocol: Literal["http", "grpc", "tcp"] = "http"
    replicas: Annotated[Whole, within(1, 1000, "replicas")] | None = None
    """2 unless said otherwise; not beside `minReplicas` and `maxReplicas`."""
    min_replicas: Annotated[Whole, within(2, 1000, "replicas")] | None = None
    """With `maxReplicas` instead of `replicas`: a HorizontalPodAutoscaler adds pods while those there use more than 70%
    of the processor they ask for (`resources.cpu`), and takes them away again. Two at least, so that one may leave its
    node while another answers."""
    max_replicas: Annotated[Whole, within(2, 1000, "replicas")] | None = None
    service_account: ServiceAccountName | None = None
    """The identity; `<name>-sa` unless said otherwise. Callers insist on it, and policies name it."""
    accepted_service_accounts: tuple[ServiceAccountName, ...] = ()
    """Further ones that pass for it while its pods move from one to another without loss: name the new one here, then
    make it `serviceAccount` and name the old one here, then remove that."""
    hosts: tuple[Host, ...] = ()
    """Public names under which the gateway serves it; empty keeps it inside the mesh."""
    tls: Literal["terminate", "passthrough"] = "terminate"
    """`passthrough`: it serves its own certificate and is routed by SNI, behind the NLB."""
    authentication: Authentication | None = None
    """The user's token that a request from the gateway must bring; without it the hosts are open to whoever comes."""
    callers: tuple[Caller, ...] = ()
    egress: tuple[Egress, ...] = ()
    aws_policy: tuple[AwsStatement, ...] = ()
    """What it may do in AWS, by EKS Pod Identity: a role of its own for its service account. Its pods, and no others,
    reach the node's agent, past the sidecar; the services that they call are declared under `egress`. A workload that
    is `external` carries the annotation itself: `traffic.sidecar.istio.io/excludeOutboundIPRanges: 169.254.170.23/32`.
    """
    stickiness: Stickiness | None = None
    readiness_path: ExactPath = "/"
    liveness_path: ExactPath = "/"
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: dict[str, EnvironmentValue] = Field(default_factory=dict)
    """Text as it is, which whoever may see the pods reads; or from a secret, see below."""
    writable_paths: tuple[Directory, ...] = ()
    """Paths that get an emptyDir, since the root filesystem is read-only."""
    user_id: Annotated[Whole, within(1, 65534, "(a user id other than root's)")] = 10001
    resources: Resources = Resources()

    @property
    def identity(self) -> str:
        """The name of its service account."""
        return self.service_account or f"{self.name}-sa"

    @property
    def service_name(self) -> str:
        """Under which it is called."""
        return self.service or self.name

    @property
    def called_port(self) -> int | None:
        """Of its Service."""
        return self.service_port or self.port

    @property
    def secrets(self) -> dict[str, str]:
        """Variable -> which of the stack's secrets it holds."""
        return {
            variable: value.secret
            for variable, value in sorted(self.environment.items())
            if isinstance(value, FromSecret) and value.secret is not None
        }

    @property
    def managed_secrets(self) -> dict[str, tuple[str, str]]:
        """Variable -> name of a secret in AWS Secrets Manager, and the key of its JSON, empty for all of it."""
        return {
            variable: (value.secrets_manager.partition("#")[0], value.secrets_manager.partition("#")[2])
            for variable, value in sorted(self.environment.items())
            if isinstance(value, FromSecret) and value.secrets_manager is not None
        }

    @property
    def fewest_replicas(self) -> int:
        """What it runs with: the least of an autoscaler, or the fixed number."""
        return self.min_replicas or self.replicas or _REPLICAS

    @property
    def is_scaled(self) -> bool:
        """Whether an autoscaler says how many pods there are; the rules see to it that it has both bounds."""
        return self.min_replicas is not None

    @property
    def opaque(self) -> bool:
        """Whether the mesh sees a stream of bytes only: who connects, but no method, path, header or status."""
        return self.protocol == "tcp" or self.tls == "passthrough"


@section
class Namespace:
    """The unit of migration."""

    name: Annotated[Label, AfterValidator(_namespace_name)]
    phase: Phase
    """outside: known, not in the mesh; permissive: in it, plaintext still accepted; strict: mTLS only."""
    existing: bool = False
    """Somebody else made it: its labels are set, the namespace itself is never deleted."""
    delivery: Literal["pulumi", "git"] = "pulumi"
    """`git`: its documents lie in the repository of whoever owns the namespace, and Flux or Argo CD applies them.
    Nothing in it is submitted here: a plan writes them as files, `verify` compares them with what stands. It is
    `existing`, and all of its applications are `external`."""
    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    admission: Enforcement = "enforce"
    """`warn`: what the mesh's policies would refuse here is admitted, with a warning and a line in the audit log."""
    authorization: Literal["enforce", "shadow"] = "enforce"
    """`shadow`: its AuthorizationPolicies refuse nobody. What each would have refused stands in the access log, and
    `meshops waves shadow` lists it."""
    image_users: bool = False
    """Whether containers may leave their user and group to their image, which may say the sidecar's."""
    istio_version: VersionText | None = None
    """One of the mesh's two, while its pods move; `mesh.istioVersion` unless said otherwise."""
    dns_records: Literal["in-mesh", "always"] = "in-mesh"
    """When its public hosts have DNS records that lead to this stack's load balancer. `in-mesh`: in the mesh only;
    before, its names lead elsewhere and are left alone. `always`: outside it too, where the gateway serves its hosts
    still; `waves rollback` sets it for a namespace that leaves, whose names would be gone with the next `up`."""
    applications: tuple[Application, ...] = ()

    @property
    def in_mesh(self) -> bool:
        return self.phase != "outside"

    @property
    def in_dns(self) -> bool:
        """Whether its public names are the stack's: clients that look them up come to its load balancer."""
        return self.in_mesh or self.dns_records == "always"

    @property
    def shadowed(self) -> bool:
        """Whether its policies are tried out only."""
        return self.in_mesh and self.authorization == "shadow"

    @property
    def refuses_nobody(self) -> bool:
        """Whether no AuthorizationPolicy of it is enforced. Outside the mesh they speak to pods on their way in or out
        only, and those answer whom the ones without a sidecar answer beside them."""
        return self.shadowed or not self.in_mesh


def qualified(caller: str, namespace: str) -> str:
    """The `application` of a `Caller` in full: `frontend` seen from namespace `shop` -> `shop/frontend`."""
    return caller if "/" in caller else f"{namespace}/{caller}"
