"""What the mesh is made of: its NetworkPolicies, the ways in, Istio's kinds, the namespaces themselves, credentials,
and the ways into a running pod past its sidecar. The program's, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping

from configuration.admission import Admission
from manifests.admission.cel import DEPLOYER, SYSTEM, literal
from manifests.admission.policy import Operation, Policy, Resources, Rule
from manifests.names import CERT_MANAGER, ISTIO_SYSTEM

_WRITES: tuple[Operation, ...] = ("CREATE", "UPDATE", "DELETE")

ISTIO_GROUPS = (
    "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io", "install.istio.io",
)  # fmt: skip

# Nothing is changed by it: a finalizer, an owner, a status, a migration to another storage version.
_UNCHANGED = (
    "request.operation == 'UPDATE' && dyn(object).?spec == dyn(oldObject).?spec && "
    "object.metadata.?labels == oldObject.metadata.?labels && "
    "object.metadata.?annotations == oldObject.metadata.?annotations"
)


def walls_policy() -> Policy:
    """NetworkPolicies, whoever enforces them, in every namespace of the mesh and of the platform."""
    return _belongs(
        "mesh-network-policies",
        {
            "networking.k8s.io": ("networkpolicies",),
            # Of other engines than the VPC CNI's.
            "crd.projectcalico.org": ("*",),
            "projectcalico.org": ("*",),
            "cilium.io": ("*",),
        },
        "The NetworkPolicies of the mesh are the program's: declare the call in the stack's settings.",
    )


def ways_in_policy() -> Policy:
    """What leads traffic to pods past the shared gateway, in the namespaces of the mesh."""
    return _belongs(
        "mesh-ways-in",
        {
            "networking.k8s.io": ("ingresses",),
            "extensions": ("ingresses",),
            "gateway.networking.k8s.io": ("*",),
            "gateway.networking.x-k8s.io": ("*",),
            # The load balancer controller's: a TargetGroupBinding puts pods behind any load balancer of the account.
            "elbv2.k8s.aws": ("*",),
            "gateway.k8s.aws": ("*",),
            "vpcresources.k8s.aws": ("*",),
            # Written by Kubernetes from Services and pods; by hand they lead a Service's traffic anywhere.
            "": ("endpoints",),
            "discovery.k8s.io": ("endpointslices",),
        },
        "The way in is the shared gateway: give the application a host in the stack's settings.",
    )


def istio_policy() -> Policy:
    """Istio's kinds. In any namespace they can reach the whole mesh: routes, listeners, and what istiod asks for."""
    return _belongs(
        "mesh-istio",
        dict.fromkeys(ISTIO_GROUPS, ("*",)),
        "Istio's kinds are the program's: declare hosts, callers and egress in the stack's settings.",
    )


def _belongs(name: str, kinds: Mapping[str, tuple[str, ...]], message: str) -> Policy:
    return Policy(
        name=name,
        resources=tuple(Resources(group=group, names=names, operations=_WRITES) for group, names in kinds.items()),
        variables=(DEPLOYER, SYSTEM),
        rules=(Rule(expression=f"variables.system || ({_UNCHANGED}) || variables.deployer", message=message),),
    )


def namespace_policy() -> Policy:
    """The labels of a namespace say whether its pods get a sidecar, and what they may be."""
    protected = literal(
        r"^(([a-z0-9.-]+[.])?istio[.]io/|istio-injection$|pod-security[.]kubernetes[.]io/|elbv2[.]k8s[.]aws/)"
    )

    def same(field: str) -> str:
        before, after = f"oldObject.metadata.?{field}.orValue({{}})", f"object.metadata.?{field}.orValue({{}})"
        kept = f"{before}.all(key, !key.matches({protected}) || {after}[?key] == {before}[?key])"
        new = f"{after}.all(key, !key.matches({protected}) || key in {before})"
        return f"{kept} && {new}"

    return Policy(
        name="mesh-namespaces",
        resources=(Resources(group="", names=("namespaces",), operations=("UPDATE", "DELETE")),),
        variables=(DEPLOYER, SYSTEM),
        rules=(
            Rule(
                expression=f"request.operation == 'UPDATE' ? ({same('labels')} && {same('annotations')}) || "
                "variables.deployer : variables.system || variables.deployer",
                message="Whether a namespace is in the mesh, and what its pods may be, the stack's settings say.",
            ),
        ),
    )


def interactive_policy(admission: Admission) -> Policy:
    """Into a running pod past its sidecar, and without a line in any access log."""
    allowed = {
        "pods/exec": admission.exec,
        "pods/attach": admission.exec,
        "pods/portforward": admission.port_forward,
        # The API server asks in plaintext, from its own address.
        "pods/proxy": False,
        "services/proxy": False,
    }
    refused = tuple(name for name, is_allowed in allowed.items() if not is_allowed)
    resources = [Resources(group="", names=refused, operations=("CONNECT",))]
    if not admission.debug_containers:
        resources.append(Resources(group="", names=("pods/ephemeralcontainers",), operations=("UPDATE",)))
    return Policy(
        name="mesh-interactive",
        resources=tuple(resources),
        variables=(DEPLOYER,),
        rules=(
            Rule(
                expression="variables.deployer",
                message="It leads into a running pod past its sidecar. See admission in the stack's settings.",
            ),
        ),
    )


def credentials_policy(issuers: tuple[str, ...]) -> Policy:
    """What an identity is proven with. issuers: the platform's own ClusterIssuers."""
    token = "object.kind == 'Secret' && object.?type.orValue('') == 'kubernetes.io/service-account-token'"
    authority = (
        "request.resource.resource == 'configmaps' && (request.operation == 'DELETE' ? oldObject : object)"
        ".metadata.?name.orValue('').matches('^(istio-ca-.*|kube-root-ca[.]crt)$')"
    )
    ours = (
        "request.resource.group == 'cert-manager.io' && object.spec.?issuerRef.?kind.orValue('') == 'ClusterIssuer' && "
        f"object.spec.?issuerRef.?name.orValue('') in {literal(issuers)}"
    )
    return Policy(
        name="mesh-credentials",
        resources=(
            # A token for istiod's audience becomes a certificate of the service account's identity.
            Resources(group="", names=("serviceaccounts/token",), operations=("CREATE",)),
            Resources(group="", names=("secrets",), operations=("CREATE",)),
            # The root that a sidecar trusts istiod by.
            Resources(group="", names=("configmaps",), operations=_WRITES),
            Resources(
                group="cert-manager.io", names=("certificates", "certificaterequests"), operations=("CREATE", "UPDATE")
            ),
        ),
        variables=(
            DEPLOYER,
            SYSTEM,
            ("kubelet", "'system:nodes' in request.userInfo.groups"),
            ("istiod", f"request.userInfo.username.startsWith('system:serviceaccount:{ISTIO_SYSTEM}:')"),
            ("certManager", f"request.userInfo.username.startsWith('system:serviceaccount:{CERT_MANAGER}:')"),
        ),
        rules=(
            Rule(
                expression="request.?subResource.orValue('') != 'token' || variables.kubelet || variables.system || "
                "variables.deployer",
                message="A token of a service account is its identity: only the kubelet asks for one.",
            ),
            Rule(
                expression=f"request.resource.resource != 'secrets' || !({token}) || variables.system || "
                "variables.deployer",
                message="A token of a service account is its identity, and this one would never end.",
            ),
            Rule(
                expression=f"!({authority}) || variables.istiod || variables.system || variables.deployer",
                message="The roots that the mesh trusts are istiod's and Kubernetes' to write.",
            ),
            Rule(
                expression=f"request.operation == 'DELETE' || !({ours}) || variables.certManager || variables.deployer",
                message="The platform's issuers sign for the gateway: use an Issuer of the namespace's own.",
            ),
        ),
    )
