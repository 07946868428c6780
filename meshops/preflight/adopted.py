"""Checks MP401 to MP405: whether an existing cluster has what the settings say, in a form that this program can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from configuration.cluster import ExistingCluster
from configuration.settings import Settings
from manifests.load_balancer_controller import CONTROLLER as RELEASE
from manifests.names import CERT_MANAGER as CERT_MANAGER_NAMESPACE
from manifests.names import GATEWAY, ISTIO_INGRESS, KUBE_SYSTEM
from meshops.checks.model import Check, Unavailable, Verdict
from meshops.preflight.contents import AddOn, Container, Contents, Workload
from versions import METRICS_SERVER_ADDON, POD_IDENTITY_ADDON

_SECTION = "Existing cluster"

CONTROLLER = Check(
    id="MP401",
    section=_SECTION,
    name="Load balancer controller",
    shows="It runs and will take this stack's Ingress, if the settings say that it is there; if not, it is not.",
    how="Deployments by their image, the CRDs of elbv2.k8s.aws and the ingress class alb, by kubectl.",
    severity="critical",
    remedy="Correct cluster.existing.loadBalancerController.",
)
CERT_MANAGER = Check(
    id="MP402",
    section=_SECTION,
    name="cert-manager",
    shows="It runs and serves cert-manager.io/v1, if the settings say that it is there; if not, it is not.",
    how="Deployments by their image, and the CRDs of cert-manager.io, by kubectl.",
    severity="critical",
    remedy="Correct cluster.existing.certManager.",
)
METRICS = Check(
    id="MP403",
    section=_SECTION,
    name="Metrics API",
    shows="It answers, if the settings say that it is there; if not, nobody serves it yet.",
    how="The APIService v1beta1.metrics.k8s.io by kubectl, and EKS's own list of add-ons.",
    severity="high",
    remedy="Correct cluster.existing.metricsServer.",
)
NETWORK_POLICY = Check(
    id="MP404",
    section=_SECTION,
    name="Network policy engine",
    shows="NetworkPolicies are enforced, if the settings say so.",
    how="The configuration of the add-on vpc-cni and the arguments of its agent; Calico's and Cilium's DaemonSets.",
    severity="critical",
    remedy="Correct cluster.existing.networkPolicy.",
)
AGENT = Check(
    id="MP405",
    section=_SECTION,
    name="Pod Identity agent",
    shows="Pods get their AWS identities, if the settings say that the agent is there; if not, it is not.",
    how="EKS's own list of add-ons, and the DaemonSet by kubectl.",
    severity="critical",
    remedy="Correct cluster.existing.podIdentityAgent.",
)

_CONTROLLER_IMAGE = "aws-load-balancer-controller"
# The first that gives an NLB security groups of its own, so that `loadBalancerSourceRanges` hold at its door:
# https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/#security-group
_OLDEST_CONTROLLER = (2, 6)
_CONTROLLER_CRDS = ("ingressclassparams.elbv2.k8s.aws", "targetgroupbindings.elbv2.k8s.aws")
_INGRESS_CLASS = "alb"
_CLASS_CONTROLLER = "ingress.k8s.aws/alb"

_CERT_MANAGER_IMAGE = "cert-manager-controller"
_CERT_MANAGER_CRDS = ("certificates.cert-manager.io", "clusterissuers.cert-manager.io")

_METRICS_API = "v1beta1.metrics.k8s.io"

# https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html
_VPC_CNI = "vpc-cni"
_POLICY_AGENT = "aws-network-policy-agent"
# Enforce them whenever they run: https://docs.tigera.io/calico/latest/network-policy/,
# https://docs.cilium.io/en/stable/security/policy/
_OTHER_ENGINES = ("calico-node", "cilium")

_OWN = Verdict(status="pass", finding="The cluster is this stack's own: what it needs is installed with it.")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Of one part: what of it is there, and what of that this program cannot use, each with its remedy.

    ours: whether an earlier `up` of this stack installed it.
    """

    there: tuple[str, ...]
    ours: bool
    unusable: tuple[tuple[str, str], ...] = ()


def _judged(setting: str, declared: bool, found: _Found, *, conflict: str) -> Verdict:
    """conflict: what `up` would do to what is there though not declared."""
    first, *more = found.there or ("",)
    evidence = tuple(more)
    if not declared:
        if not found.there:
            return Verdict(status="pass", finding="Not there, and not said to be.")
        if found.ours:
            return Verdict(status="pass", finding=f"{first}: installed by this stack.", evidence=evidence)
        return Verdict(
            status="fail",
            finding=f"{first}: there, and not in the settings. {conflict}",
            evidence=evidence,
            remedy=f"Set cluster.existing.{setting}: true, or take it out of the cluster first.",
        )
    if not found.there:
        return Verdict(
            status="fail",
            finding="Said to be there, and is not.",
            remedy=f"Remove cluster.existing.{setting}, or install it.",
        )
    if found.unusable:
        return Verdict(
            status="fail",
            finding=" ".join(problem for problem, _ in found.unusable),
            evidence=found.there,
            remedy=" ".join(dict.fromkeys(remedy for _, remedy in found.unusable)),
        )
    return Verdict(status="pass", finding=f"{first}.", evidence=evidence)


def _released(contents: Contents, running: Sequence[tuple[Workload, Container]], namespace: str, name: str) -> bool:
    """Whether it is a release of this name, in a cluster in which the mesh's gateway stands already."""
    gateway = any((item.namespace, item.name) == (ISTIO_INGRESS, GATEWAY) for item in contents.workloads)
    return gateway and bool(running) and all(item.release == f"{namespace}/{name}" for item, _ in running)


def _tagged(settings: Settings, addon: AddOn) -> bool:
    """As `__main__.py` has everything tagged that this stack makes."""
    tags = {"managed-by": "pulumi", "environment": settings.environment}
    return all(addon.tags.get(key) == value for key, value in tags.items())


Judge = Callable[[Settings, ExistingCluster, Contents], Verdict]


def check(judge: Judge, settings: Settings, contents: Contents | Unavailable | None) -> Verdict:
    """The verdict of one of the judges below; of a cluster of the stack's own there is nothing to judge."""
    if settings.cluster.existing is None:
        return _OWN
    if isinstance(contents, Unavailable):
        return contents.verdict()
    if contents is None:
        return Verdict(status="unknown", finding="Nobody has looked at the cluster.", remedy="Run it again.")
    return judge(settings, settings.cluster.existing, contents)


def controller(settings: Settings, existing: ExistingCluster, contents: Contents) -> Verdict:
    running = [*contents.running(_CONTROLLER_IMAGE)]
    classes = [name for name, owner in contents.ingress_classes.items() if owner == _CLASS_CONTROLLER]
    there = [f"{workload} ({container.image})" for workload, container in running]
    there += [f"CRD {name}" for name in _CONTROLLER_CRDS if name in contents.crds]
    there += [f"ingress class {name}" for name in classes]
    unusable: list[tuple[str, str]] = []
    if not any(workload.available for workload, _ in running):
        unusable.append(("No pod of it is available.", "Bring it up first: it makes this stack's load balancers."))
    for workload, container in running:
        unusable += [(f"{workload}: {problem}", remedy) for problem, remedy in _deaf(settings, container)]
    if _INGRESS_CLASS not in classes:
        unusable.append((f"No ingress class {_INGRESS_CLASS} is its own.", "Let its chart make the ingress class alb."))
    unusable += [
        (f"{name} does not serve v1beta1.", "Apply the CRDs of its version: helm does not upgrade them.")
        for name in _CONTROLLER_CRDS
        if "v1beta1" not in contents.crds.get(name, ())
    ]
    return _judged(
        "loadBalancerController",
        existing.load_balancer_controller,
        _Found(there=tuple(there), unusable=tuple(unusable), ours=_released(contents, running, KUBE_SYSTEM, RELEASE)),
        conflict="`up` would meet its CRDs and its class (AlreadyExists), or two controllers one Ingress.",
    )


def _deaf(settings: Settings, container: Container) -> list[tuple[str, str]]:
    """Why a controller that runs would not do what this stack asks of it."""
    found: list[tuple[str, str]] = []
    if container.version and container.version < _OLDEST_CONTROLLER:
        wanted = ".".join(map(str, _OLDEST_CONTROLLER))
        found.append((f"older than v{wanted}.", f"Upgrade it to v{wanted} or later, with its CRDs and its IAM policy."))
    cluster = container.option("cluster-name")
    if cluster not in (None, settings.cluster.name):
        found.append((f"it works for cluster {cluster}.", "Its --cluster-name is what subnets are tagged with."))
    watched = container.option("watch-namespace")
    if watched not in (None, "", ISTIO_INGRESS):
        found.append((f"it watches namespace {watched} only.", "Let it watch every namespace (no --watch-namespace)."))
    if settings.load_balancer.waf and container.option("enable-wafv2") == "false":
        found.append(("it attaches no web ACL (--enable-wafv2=false).", "Turn enableWafv2 on, or remove the WAF."))
    return found


def cert_manager(settings: Settings, existing: ExistingCluster, contents: Contents) -> Verdict:
    running = [*contents.running(_CERT_MANAGER_IMAGE)]
    there = [f"{workload} ({container.image})" for workload, container in running]
    there += [f"CRD {name}" for name in _CERT_MANAGER_CRDS if name in contents.crds]
    unusable: list[tuple[str, str]] = []
    if not any(workload.available for workload, _ in running):
        unusable.append(("No pod of it is available.", "Bring it up first: the gateway waits for its certificate."))
    unusable += [
        (f"{name} does not serve v1.", "Upgrade cert-manager: this program writes cert-manager.io/v1.")
        for name in _CERT_MANAGER_CRDS
        if "v1" not in contents.crds.get(name, ())
    ]
    unusable += [
        # A ClusterIssuer looks for its secrets in cert-manager's own namespace:
        # https://cert-manager.io/docs/configuration/#cluster-resource-namespace
        (f"{workload} is in another namespace.", f"This program knows it in {CERT_MANAGER_NAMESPACE} only: move it.")
        for workload, _ in running
        if workload.namespace != CERT_MANAGER_NAMESPACE
    ]
    return _judged(
        "certManager",
        existing.cert_manager,
        _Found(
            there=tuple(there),
            unusable=tuple(unusable),
            ours=_released(contents, running, CERT_MANAGER_NAMESPACE, CERT_MANAGER_NAMESPACE),
        ),
        conflict="`up` would stop at its namespace or its CRDs, which are not this stack's.",
    )


def metrics(settings: Settings, existing: ExistingCluster, contents: Contents) -> Verdict:
    addons = [addon for addon in contents.addons if addon.name == METRICS_SERVER_ADDON]
    there = [*map(str, addons)]
    there += [f"APIService {_METRICS_API}"] if _METRICS_API in contents.apis else []
    silent = ("The metrics API does not answer.", f"See why: kubectl describe apiservice {_METRICS_API}")
    return _judged(
        "metricsServer",
        existing.metrics_server,
        _Found(
            there=tuple(there),
            unusable=() if contents.apis.get(_METRICS_API) else (silent,),
            ours=any(_tagged(settings, addon) for addon in addons),
        ),
        conflict="`up` would stop at the add-on (ResourceInUseException), or overwrite what serves it.",
    )


def network_policy(settings: Settings, existing: ExistingCluster, contents: Contents) -> Verdict:
    enforcing = _engines(contents)
    if not enforcing and existing.network_policy:
        return Verdict(
            status="fail",
            finding=f"Nothing enforces NetworkPolicies: they would hold nobody back.{_switched_off(contents)}",
            remedy=f"aws eks update-addon --cluster-name {settings.cluster.name} --addon-name {_VPC_CNI} "
            """--configuration-values '{"enableNetworkPolicy": "true"}', beside what else it is configured with; or """
            "take networkPolicy back and read in the plan's summary what that weakens.",
        )
    if not enforcing:
        return Verdict(status="pass", finding="Nothing enforces NetworkPolicies, as the settings say.")
    if not existing.network_policy:
        return Verdict(
            status="fail",
            finding=f"{'; '.join(enforcing)}: they are enforced, and the settings say that they are not.",
            remedy="Set cluster.existing.networkPolicy: true.",
        )
    return Verdict(status="pass", finding=f"{'; '.join(enforcing)}.")


def _engines(contents: Contents) -> list[str]:
    found = [
        f"{addon} with enableNetworkPolicy"
        for addon in contents.addons
        if addon.name == _VPC_CNI and _true(addon.configuration.get("enableNetworkPolicy"))
    ] or [
        f"{workload} with --enable-network-policy"
        for workload, container in contents.running(_POLICY_AGENT)
        if _true(container.option("enable-network-policy"))
    ]
    return found + [str(item) for item in contents.workloads if item.name in _OTHER_ENGINES]


def _switched_off(contents: Contents) -> str:
    there = any(addon.name == _VPC_CNI for addon in contents.addons) or any(contents.running(_POLICY_AGENT))
    return " The VPC CNI's engine is there, switched off." if there else ""


def _true(value: object) -> bool:
    return str(value).lower() == "true"


def agent(settings: Settings, existing: ExistingCluster, contents: Contents) -> Verdict:
    daemons = [item for item in contents.workloads if item.name == POD_IDENTITY_ADDON]
    addons = [addon for addon in contents.addons if addon.name == POD_IDENTITY_ADDON]
    there = [*map(str, addons), *map(str, daemons)]
    silent = ("No pod of it is available.", "See the add-on's health: aws eks describe-addon.")
    return _judged(
        "podIdentityAgent",
        existing.pod_identity_agent,
        _Found(
            there=tuple(there),
            unusable=() if any(item.available for item in daemons) else (silent,),
            ours=any(_tagged(settings, addon) for addon in addons),
        ),
        conflict="`up` would stop at the add-on (ResourceInUseException).",
    )


JUDGES: tuple[tuple[Check, Judge], ...] = (
    (CONTROLLER, controller),
    (CERT_MANAGER, cert_manager),
    (METRICS, metrics),
    (NETWORK_POLICY, network_policy),
    (AGENT, agent),
)
