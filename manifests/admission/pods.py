"""Pods, and the templates that pods are made from: they stay in the mesh, and each is who it says it is.

A template is looked at as it is written. A pod is looked at after istiod's webhook has put the sidecar in, so a rule on
it must know the sidecar from what somebody else calls by its name. That works because pods come from templates: only
Kubernetes' controllers and deployers make them, and no template may hold a container of the sidecar's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from configuration.applications import SIDECAR_USER, Namespace
from configuration.mesh import Mesh
from manifests.admission.cel import CONTROLLER, DEPLOYER, Variable, by_namespace, literal, only
from manifests.admission.policy import Policy, Resources, Rule
from manifests.names import AGENTS_VARIABLE, EXCLUDED_RANGES, INJECTION_LABEL, POD_IDENTITY_AGENT

# Containers and volumes of the injection template (istiod chart, files/injection-template.yaml) with the CNI plugin.
_SIDECAR = ("istio-proxy", "istio-validation")
_RESERVED = (*_SIDECAR, "istio-init", "enable-core-dump")
_VOLUMES = (
    "workload-socket", "credential-socket", "workload-certs", "istio-envoy", "istio-data", "istio-podinfo",
    "istio-token", "istiod-ca-cert", "istio-ca-crl", "custom-bootstrap-volume",
)  # fmt: skip
# What istiod takes a token for (pilot, TOKEN_AUDIENCES).
_TOKEN_AUDIENCE = "istio-ca"
_DRAIN = ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"]

# What a template may say to Istio. Everything else that istiod's injection reads would change the proxy, its
# configuration or what is redirected to it (pkg/kube/inject; istio.io, resource annotations).
_SIZES = {f"sidecar.istio.io/proxy{size}": ".*" for size in ("CPU", "CPULimit", "Memory", "MemoryLimit")}
_ANNOTATIONS = {"sidecar.istio.io/inject": "^true$", **_SIZES}
# What istiod itself writes on a pod: these values, and no narrower ones.
_INJECTED_ANNOTATIONS = {
    "istio.io/rev": "^[a-z0-9-]+$",
    "sidecar.istio.io/status": ".*",
    "sidecar.istio.io/interceptionMode": "^REDIRECT$",
    "traffic.sidecar.istio.io/includeInboundPorts": "^[*]$",
    "traffic.sidecar.istio.io/excludeInboundPorts": "^15020$",
    "traffic.sidecar.istio.io/includeOutboundIPRanges": "^[*]$",
}


@dataclass(frozen=True, kw_only=True)
class PodPolicies:
    """namespaces: those in the mesh. hub: of the sidecar's image. makers: who else may make pods, as usernames."""

    namespaces: tuple[Namespace, ...]
    mesh: Mesh
    hub: str
    gateway_label: tuple[str, str]
    makers: tuple[str, ...] = ()
    maker_groups: tuple[str, ...] = ()

    def policies(self) -> tuple[Policy, ...]:
        workloads = (
            Resources(group="", names=("replicationcontrollers",), operations=("CREATE", "UPDATE")),
            Resources(
                group="apps",
                names=("deployments", "replicasets", "statefulsets", "daemonsets"),
                operations=("CREATE", "UPDATE"),
            ),
            Resources(group="batch", names=("jobs",), operations=("CREATE", "UPDATE")),
        )
        cron_jobs = Resources(group="batch", names=("cronjobs",), operations=("CREATE", "UPDATE"))
        pods = Resources(group="", names=("pods", "pods/ephemeralcontainers"), operations=("CREATE", "UPDATE"))
        return (
            self._policy("mesh-pods", (pods,), "pod"),
            self._policy("mesh-workloads", workloads, "template"),
            self._policy("mesh-cron-jobs", (cron_jobs,), "jobTemplate"),
        )

    def _policy(
        self, name: str, resources: tuple[Resources, ...], of: Literal["pod", "template", "jobTemplate"]
    ) -> Policy:
        pod = of == "pod"
        root = {"pod": "", "template": ".spec.template", "jobTemplate": ".spec.jobTemplate.spec.template"}[of]
        rules = (
            *self._in_the_mesh(pod=pod),
            *_users(),
            *_node(),
            *self._identity(),
            *((*self._made(pod=True), *self._aws_credentials()) if pod else ()),
        )
        return Policy(name=name, resources=resources, variables=self._variables(root, pod=pod), rules=tuple(rules))

    def _variables(self, root: str, *, pod: bool) -> tuple[Variable, ...]:
        metadata = "metadata" if pod else "?metadata"
        own = f"container, !(container.name in {literal(_SIDECAR)})" if pod else "container, true"
        return (
            DEPLOYER,
            CONTROLLER,
            # As dyn: the policy is one for several kinds, and its containers are of two types.
            ("spec", f"dyn(object{root}.spec)"),
            ("labels", f"dyn(object{root}).{metadata}.?labels.orValue({{}})"),
            ("annotations", f"dyn(object{root}).{metadata}.?annotations.orValue({{}})"),
            ("created", "request.operation == 'CREATE'"),
            # What was there before is judged when it changes: a finalizer can always be taken away.
            ("specChanged", f"variables.created || variables.spec != dyn(oldObject{root}.spec)"),
            (
                "labelsChanged",
                f"variables.created || variables.labels != dyn(oldObject{root}).{metadata}.?labels.orValue({{}})",
            ),
            (
                "annotationsChanged",
                "variables.created || "
                f"variables.annotations != dyn(oldObject{root}).{metadata}.?annotations.orValue({{}})",
            ),
            ("changed", "variables.specChanged || variables.labelsChanged"),
            (
                "containers",
                "variables.spec.containers + variables.spec.?initContainers.orValue([]) + "
                "variables.spec.?ephemeralContainers.orValue([])",
            ),
            ("own", f"variables.containers.filter({own})"),
            ("volumes", "variables.spec.?volumes.orValue([])"),
            ("user", "variables.spec.?securityContext.?runAsUser.orValue(-1)"),
            ("group", "variables.spec.?securityContext.?runAsGroup.orValue(-1)"),
            ("serviceAccount", "variables.spec.?serviceAccountName.orValue('default')"),
            ("identities", _applications(self.namespaces)),
            ("managed", _managed(self.namespaces)),
            ("imageUsers", f"request.namespace in {literal(n.name for n in self.namespaces if n.image_users)}"),
            ("app", "variables.labels.?app.orValue('')"),
        )

    def _in_the_mesh(self, *, pod: bool) -> Iterator[Rule]:
        mesh = self.mesh
        labels = {
            INJECTION_LABEL: "^[0-9]+-[0-9]+-[0-9]+$",
            "sidecar.istio.io/inject": "^true$",
        }
        annotations = dict(_ANNOTATIONS)
        if pod:
            labels |= {
                "security.istio.io/tlsMode": "^istio$",
                "service.istio.io/canonical-name": ".*",
                "service.istio.io/canonical-revision": ".*",
                "topology.istio.io/network": f"^{mesh.network}$",
            }
            annotations |= _INJECTED_ANNOTATIONS
        yield _rule(
            "labelsChanged",
            only("variables.labels", labels),
            "A label of Istio's takes the pod out of the mesh or changes its proxy: remove it.",
        )
        yield _rule(
            "annotationsChanged",
            f"{only('variables.annotations', annotations, self._agents_own)} && "
            "variables.annotations.all(key, !key.startsWith('k8s.v1.cni.cncf.io/'))",
            "An annotation takes the pod out of the mesh or changes its proxy: remove it.",
        )
        key, value = self.gateway_label
        yield _rule(
            "labelsChanged",
            f"variables.labels[?{literal(key)}].orValue('') != {literal(value)}",
            "The label is the shared gateway's: a pod that carries it would be taken for one.",
        )
        yield from self._sidecar(pod=pod)
        yield from _keys(pod=pod)

    def _sidecar(self, *, pod: bool) -> Iterator[Rule]:
        if not pod:
            yield _rule(
                "specChanged",
                f"variables.containers.all(container, !(container.name in {literal(_RESERVED)})) && "
                f"variables.volumes.all(volume, !(volume.name in {literal(_VOLUMES)}))",
                "The names of the sidecar's containers and volumes are istiod's: choose another.",
            )
            return
        repository = literal(f"{self.hub}/proxyv2:")
        yield _rule(
            "specChanged",
            "variables.containers.all(container, "
            f"!(container.name in {literal(_RESERVED)}) || (container.name in {literal(_SIDECAR)} && "
            f"container.image.startsWith({repository}) && !has(container.command) && "
            "container.?args[?0].orValue('') == (container.name == 'istio-proxy' ? 'proxy' : 'istio-iptables') && "
            "!has(container.envFrom) && !container.?lifecycle.?postStart.hasValue() && "
            f"container.?lifecycle.?preStop.?exec.?command.orValue({literal(_DRAIN)}) == {literal(_DRAIN)} && "
            f"container.?securityContext.?runAsUser.orValue(0) == {SIDECAR_USER}))",
            "A container of the sidecar's name is not istiod's: leave the sidecar to the injection.",
        )
        yield _rule(
            "specChanged",
            f"variables.own.all(container, container.?volumeMounts.orValue([]).all(mount, "
            f"!(mount.name in {literal(_VOLUMES)})))",
            "The sidecar's volumes hold its keys and its configuration: no other container mounts them.",
        )
        # In a namespace that has its label: while it is on its way into the mesh, its pods are as they were.
        yield _rule(
            "created",
            f"!({literal(INJECTION_LABEL)} in namespaceObject.metadata.?labels.orValue({{}})) || "
            "variables.containers.exists(container, container.name == 'istio-proxy')",
            "The pod has no sidecar. See that istiod's webhook runs.",
        )

    def _identity(self) -> Iterator[Rule]:
        yield _rule(
            "changed",
            "!(variables.app in variables.identities) || "
            "variables.identities[variables.app] == variables.serviceAccount",
            "The label `app` is an application's of the stack, and the service account is not that application's.",
        )
        yield _rule(
            "changed",
            "variables.identities.all(name, variables.identities[name] != variables.serviceAccount || "
            "name == variables.app)",
            "The service account is an application's of the stack, and the label `app` is not that application's.",
        )
        yield _rule(
            "changed",
            # Whether a running pod gets a debugging container, `mesh-interactive` says.
            "!(variables.app in variables.managed) || variables.controller || "
            "request.?subResource.orValue('') == 'ephemeralcontainers'",
            "The program deploys this application: change it in the stack's settings.",
        )

    @property
    def _aws_accounts(self) -> str:
        """The service accounts that have an identity in AWS, as an expression; empty if there are none."""
        tables = {
            namespace.name: literal(item.identity for item in namespace.applications if item.aws_policy)
            for namespace in self.namespaces
            if any(item.aws_policy for item in namespace.applications)
        }
        return f"variables.serviceAccount in ({by_namespace(tables, '[]')})" if tables else ""

    @property
    def _agents_own(self) -> dict[str, tuple[str, str]]:
        """The node's Pod Identity agent, that one address and nothing else, past the sidecar of who has an identity."""
        pattern = f"^{POD_IDENTITY_AGENT.replace('.', '[.]')}$"
        return {EXCLUDED_RANGES: (pattern, self._aws_accounts)} if self._aws_accounts else {}

    def _aws_credentials(self) -> Iterator[Rule]:
        """A pod that begins before its association is effective would run without credentials for as long as it lives.

        https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html: what EKS adds to its containers.
        """
        if self._aws_accounts:
            yield _rule(
                "created",
                f"!({self._aws_accounts}) || variables.own.exists(container, container.?env.orValue([]).exists(entry, "
                f"entry.name == {literal(AGENTS_VARIABLE)}))",
                "EKS has not given the pod its identity in AWS yet: it takes some seconds, then the pod is made.",
            )

    def _made(self, *, pod: bool) -> Iterator[Rule]:
        others = (
            f" || request.userInfo.username in {literal(self.makers)}" if self.makers else ""
        ) + (f" || request.userInfo.groups.exists(group, group in {literal(self.maker_groups)})"
             if self.maker_groups else "")  # fmt: skip
        yield _rule(
            "created",
            f"variables.controller{others}",
            "Pods of the mesh are made from templates: use a Deployment, a StatefulSet, a DaemonSet or a Job.",
        )


def _keys(*, pod: bool) -> Iterator[Rule]:
    """What would give a container the sidecar's keys, or others of the same identity that no sidecar holds."""
    others = f"volume.name in {literal(_VOLUMES)} || " if pod else ""
    yield _rule(
        "specChanged",
        "!variables.spec.?shareProcessNamespace.orValue(false)",
        "Containers that share their processes share what the sidecar has in its memory: remove shareProcessNamespace.",
    )
    yield _rule(
        "specChanged",
        f"variables.volumes.all(volume, {others}volume.?projected.?sources.orValue([]).all(source, "
        f"source.?serviceAccountToken.?audience.orValue('') != {literal(_TOKEN_AUDIENCE)}))",
        "The token is for istiod, which gives a certificate for it: only the sidecar has one.",
    )


def _rule(changed: str, expression: str, message: str) -> Rule:
    return Rule(expression=f"!variables.{changed} || ({expression}) || variables.deployer", message=message)


def _users() -> Iterator[Rule]:
    sidecar = str(SIDECAR_USER)
    context = "variables.spec.?securityContext"
    yield _rule(
        "specChanged",
        f"variables.user != {sidecar} && variables.group != {sidecar} && "
        f"{context}.?fsGroup.orValue(-1) != {sidecar} && "
        f"!({sidecar} in {context}.?supplementalGroups.orValue([])) && "
        "variables.own.all(container, "
        f"container.?securityContext.?runAsUser.orValue(-1) != {sidecar} && "
        f"container.?securityContext.?runAsGroup.orValue(-1) != {sidecar})",
        f"{sidecar} is the sidecar's user and group: its traffic is not captured. Choose another.",
    )
    yield _rule(
        "specChanged",
        "variables.imageUsers || variables.own.all(container, "
        "container.?securityContext.?runAsUser.orValue(variables.user) >= 0 && "
        "container.?securityContext.?runAsGroup.orValue(variables.group) >= 0)",
        "Say runAsUser and runAsGroup of the pod or of each container: an image may name the sidecar's.",
    )


def _node() -> Iterator[Rule]:
    yield _rule(
        "specChanged",
        "!variables.spec.?hostNetwork.orValue(false) && !variables.spec.?hostPID.orValue(false) && "
        "!variables.spec.?hostIPC.orValue(false) && variables.volumes.all(volume, !has(volume.hostPath)) && "
        "variables.containers.all(container, container.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0))",
        "The node's network, processes, ports and files are not a pod's of the mesh.",
    )
    yield _rule(
        "specChanged",
        "variables.containers.all(container, !container.?securityContext.?privileged.orValue(false) && "
        "container.?securityContext.?capabilities.?add.orValue([]).all(name, name == 'NET_BIND_SERVICE'))",
        "With these rights a container can undo the redirection to its proxy: drop `privileged` and the capabilities.",
    )


def _applications(namespaces: tuple[Namespace, ...]) -> str:
    tables: Mapping[str, str] = {
        namespace.name: literal({item.name: item.identity for item in namespace.applications})
        for namespace in namespaces
        if namespace.applications
    }
    return by_namespace(tables, "{}")


def _managed(namespaces: tuple[Namespace, ...]) -> str:
    tables = {
        namespace.name: literal(item.name for item in namespace.applications if item.workload == "managed")
        for namespace in namespaces
        if any(item.workload == "managed" for item in namespace.applications)
    }
    return by_namespace(tables, "[]")
