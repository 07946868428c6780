"""Every attempt, derived from the settings: in one namespace of the mesh, against one application of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from configuration.applications import SIDECAR_USER
from manifests.cert_manager import SELF_SIGNED
from manifests.document import Document, document
from manifests.images import Images
from manifests.mesh_graph import Member
from manifests.names import GATEWAY_REF, GATEWAY_SELECTOR, INJECTION_LABEL
from meshops.verify.attempts.attempt import As, Attempt, Family
from meshops.verify.attempts.documents import (
    NAME,
    changed,
    container,
    cron_job,
    deployment,
    job,
    pod,
    pod_template,
    service,
)

_DRY = ("--dry-run=server",)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """member: an application that the program deploys. pod: a running pod of it; empty for none."""

    member: Member
    images: Images
    pod: str = ""

    @property
    def namespace(self) -> str:
        return self.member.namespace.name

    def attempts(self) -> tuple[Attempt, ...]:
        families: dict[Family, tuple[Iterable[Attempt], ...]] = {
            "legitimate": (self._legitimate(),),
            "in the mesh": (self._leaving_the_mesh(), self._users(), self._node(), self._sidecar()),
            "identity": (self._identity(), self._services(), self._credentials()),
            "walls": (self._walls(), self._role()),
            "into pods": (self._streams(),),
        }
        return tuple(
            replace(attempt, family=family)
            for family, groups in families.items()
            for group in groups
            for attempt in group
        )

    @property
    def _template(self) -> dict[str, Any]:
        return pod_template(self.images)

    def _legitimate(self) -> Iterator[Attempt]:
        yield _create("deployment", "a Deployment as it should be", deployment(self._template), legitimate=True)
        yield _create("job", "a Job as it should be", job(self._template), legitimate=True)
        yield _create("cron-job", "a CronJob as it should be", cron_job(self._template), legitimate=True)
        yield _create("service", "a Service of its own application", service(), legitimate=True)
        yield _create("controllers-pod", "its pod", pod(self._template), legitimate=True, as_="controller")
        tenant: As = "tenant"
        yield _create("tenants-deployment", "the same", deployment(self._template), legitimate=True, as_=tenant)

    def _leaving_the_mesh(self) -> Iterator[Attempt]:
        for id, kind, key, value in (
            ("inject-label", "labels", "sidecar.istio.io/inject", "false"),
            ("other-revision", "labels", INJECTION_LABEL, "none"),
            ("ambient", "labels", "istio.io/dataplane-mode", "none"),
            ("tls-mode", "labels", "security.istio.io/tlsMode", "disabled"),
            ("gateway-label", "labels", *next(iter(GATEWAY_SELECTOR.items()))),
            ("inject-annotation", "annotations", "sidecar.istio.io/inject", "false"),
            ("inbound-ports", "annotations", "traffic.sidecar.istio.io/excludeInboundPorts", "8080"),
            ("outbound-ports", "annotations", "traffic.sidecar.istio.io/excludeOutboundPorts", "443"),
            ("outbound-ranges", "annotations", "traffic.sidecar.istio.io/includeOutboundIPRanges", ""),
            ("interception", "annotations", "sidecar.istio.io/interceptionMode", "NONE"),
            ("proxy-image", "annotations", "sidecar.istio.io/proxyImage", "docker.io/example/proxy:1"),
            ("bootstrap", "annotations", "sidecar.istio.io/bootstrapOverride", "mine"),
            ("user-volume", "annotations", "sidecar.istio.io/userVolume", '[{"name": "mine"}]'),
            ("proxy-config", "annotations", "proxy.istio.io/config", "concurrency: 1"),
            ("overrides", "annotations", "proxy.istio.io/overrides", "{}"),
            ("status", "annotations", "sidecar.istio.io/status", "{}"),
            ("templates", "annotations", "inject.istio.io/templates", "gateway"),
            ("other-network", "annotations", "k8s.v1.cni.cncf.io/networks", "other"),
        ):
            template = changed(self._template, "metadata", kind, key, to=value)
            yield _create(f"template-{id}", f"a Deployment with {key}: {value}", deployment(template))
            if id in ("inject-label", "inject-annotation", "inbound-ports", "proxy-config", "tls-mode"):
                yield _create(f"pod-{id}", f"a pod with {key}: {value}", pod(template), as_="controller")
                yield _create(f"cron-{id}", f"a CronJob with {key}: {value}", cron_job(template))
        yield _patch(
            "unlabel-namespace",
            "takes the injection label from the namespace",
            "namespace",
            self.namespace,
            {"metadata": {"labels": {INJECTION_LABEL: None}}},
        )
        yield _patch(
            "namespace-security",
            "lowers the Pod Security level of the namespace",
            "namespace",
            self.namespace,
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        )

    def _users(self) -> Iterator[Attempt]:
        context = ("spec", "securityContext")
        own = ("spec", "containers", 0, "securityContext")
        for id, path, value in (
            ("uid", (*context, "runAsUser"), SIDECAR_USER),
            ("gid", (*context, "runAsGroup"), SIDECAR_USER),
            ("fs-group", (*context, "fsGroup"), SIDECAR_USER),
            ("supplemental-group", (*context, "supplementalGroups"), [SIDECAR_USER]),
            ("container-uid", (*own, "runAsUser"), SIDECAR_USER),
            ("container-gid", (*own, "runAsGroup"), SIDECAR_USER),
        ):
            template = changed(self._template, *path, to=value)
            yield _create(f"template-{id}", f"a Deployment with the sidecar's {id}", deployment(template))
            yield _create(f"pod-{id}", f"a pod with the sidecar's {id}", pod(template), as_="controller")
        mixed = changed(
            self._template,
            "spec",
            "initContainers",
            to=[container("setup", self.images, securityContext={"runAsUser": SIDECAR_USER})],
        )
        yield _create("init-uid", "an init container with the sidecar's uid", deployment(mixed))
        if not self.member.namespace.image_users:
            for field in ("runAsUser", "runAsGroup"):
                silent = changed(self._template, *context, field, to=None)
                yield _create(f"no-{field}", f"leaves {field} to the image", pod(silent), as_="controller")

    def _node(self) -> Iterator[Attempt]:
        # In Deployments: in pods the Pod Security level refuses the same, and first.
        for id, path, value in (
            ("host-network", ("spec", "hostNetwork"), True),
            ("host-pid", ("spec", "hostPID"), True),
            ("host-path", ("spec", "volumes"), [{"name": "node", "hostPath": {"path": "/"}}]),
            ("host-port", ("spec", "containers", 0, "ports"), [{"containerPort": 8080, "hostPort": 8080}]),
            ("net-admin", ("spec", "containers", 0, "securityContext", "capabilities", "add"), ["NET_ADMIN"]),
        ):
            template = changed(self._template, *path, to=value)
            yield _create(id, f"a Deployment with {id.replace('-', ' ')}", deployment(template))

    def _sidecar(self) -> Iterator[Attempt]:
        template = self._template
        for name in ("istio-proxy", "istio-validation", "istio-init"):
            forged = changed(template, "spec", "initContainers", to=[container(name, self.images)])
            yield _create(f"template-{name}", f"its own container {name}", deployment(forged))
        beside = [*template["spec"]["containers"], container("istio-proxy", self.images)]
        forged = changed(template, "spec", "containers", to=beside)
        yield _create("template-beside", "its own istio-proxy beside the application", deployment(forged))
        # Told that it was injected before, istiod leaves no note of what it merged.
        status = changed(forged, "metadata", "annotations", "sidecar.istio.io/status", to="{}")
        yield _create("pod-merged", "an istio-proxy merged with the injected one", pod(status), as_="controller")
        mounts = [{"name": "istio-token", "mountPath": "/stolen"}]
        stolen = changed(template, "spec", "containers", 0, "volumeMounts", to=mounts)
        yield _create("sidecars-token", "mounts the sidecar's token", pod(stolen), as_="controller")
        yield _create("bare-pod", "a pod without a template", pod(template))
        image = {"spec": {"initContainers": [{"name": "istio-proxy", "image": "docker.io/example/proxy:1"}]}}
        if self.pod:
            yield _patch("proxy-image-of-a-pod", "another image for a running sidecar", "pod", self.pod, image)
            label = {"metadata": {"annotations": {"traffic.sidecar.istio.io/includeInboundPorts": ""}}}
            yield _patch("annotate-a-pod", "changes what a running pod redirects", "pod", self.pod, label)

    def _identity(self) -> Iterator[Attempt]:
        name, account = self.member.name, self.member.application.identity
        labelled = changed(self._template, "metadata", "labels", "app", to=name)
        borrowed = changed(self._template, "spec", "serviceAccountName", to=account)
        both = changed(labelled, "spec", "serviceAccountName", to=account)
        yield _create("label-of-another", f"a Deployment with the label of {name}", deployment(labelled))
        yield _create("account-of-another", f"a Deployment with the service account of {name}", deployment(borrowed))
        yield _create("pod-label-of-another", f"a pod with the label of {name}", pod(labelled), as_="controller")
        yield _create("pod-account-of-another", f"a pod as {account}", pod(borrowed), as_="controller")
        yield _create("both-of-another", f"a Deployment with label and service account of {name}", deployment(both))
        yield _create("job-as-another", f"a Job with label and service account of {name}", job(both))
        image = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": "docker.io/example/x:1"}]}}}}
        yield _patch("image-of-another", f"another image for {name}", "deployment", name, image)
        if self.pod:
            image = {"spec": {"containers": [{"name": name, "image": "docker.io/example/x:1"}]}}
            yield _patch("image-of-a-pod", f"another image in a running pod of {name}", "pod", self.pod, image)

    def _services(self) -> Iterator[Attempt]:
        for id, key, value in (
            ("node-port", "type", "NodePort"),
            ("load-balancer", "type", "LoadBalancer"),
            ("external-ips", "externalIPs", ["203.0.113.7"]),
        ):
            yield _create(id, f"a Service with {key} {value}", changed(service(), "spec", key, to=value))
        outside = service(selector=None, type="ExternalName", externalName="example.com")
        yield _create("external-name", "a Service that is another name", outside)
        yield _create("selects-another", f"a Service over the pods of {self.member.name}",
                      service(selector=self.member.name))  # fmt: skip
        wide = changed(service(), "spec", "selector", to={"app.kubernetes.io/managed-by": "pulumi"})
        yield _create("selects-all", "a Service over the pods of all applications", wide)
        yield _create("selects-none", "a Service without a selector", service(selector=None))
        annotated = changed(
            service(), "metadata", "annotations", "alpha.istio.io/kubernetes-serviceaccounts", to="default"
        )
        yield _create("service-identities", "a Service that names who may be it", annotated)
        if self.member.application.port is not None:
            selector = {"spec": {"selector": {"app": NAME}}}
            yield _patch("takes-a-service", f"leads the Service of {self.member.name} elsewhere", "service",
                         self.member.name, selector)  # fmt: skip

    def _walls(self) -> Iterator[Attempt]:
        policy = _object("networking.k8s.io/v1", "NetworkPolicy", podSelector={}, ingress=[{}], egress=[{}])
        yield _create("network-policy", "a NetworkPolicy that lets everything through", policy)
        yield _delete("no-network-policy", "deletes default-deny", "networkpolicy", "default-deny")
        yield _patch("wider-network-policy", "widens default-deny", "networkpolicy", "default-deny",
                     {"spec": {"ingress": [{}], "egress": [{}]}})  # fmt: skip
        backend = {"service": {"name": self.member.name, "port": {"number": 80}}}
        yield _create("ingress", "an Ingress", _object("networking.k8s.io/v1", "Ingress", defaultBackend=backend))
        slice_ = document(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            NAME,
            labels={"kubernetes.io/service-name": self.member.name},
            addressType="IPv4",
            endpoints=[{"addresses": ["203.0.113.7"]}],
            ports=[{"name": "http", "port": 8080}],
        )
        yield _create("endpoint-slice", f"adds an address to the Service of {self.member.name}", slice_)
        yield from self._istio()

    def _istio(self) -> Iterator[Attempt]:
        server = {"port": {"number": 8081, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
        route = {"route": [{"destination": {"host": NAME}}]}
        port = {"number": 443, "name": "tls", "protocol": "TLS"}
        for group, kind, spec in (
            ("networking.istio.io", "Gateway", {"selector": dict(GATEWAY_SELECTOR), "servers": [server]}),
            ("networking.istio.io", "VirtualService", {"hosts": ["*"], "gateways": [GATEWAY_REF], "http": [route]}),
            ("networking.istio.io", "DestinationRule", {"host": NAME, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
            ("networking.istio.io", "ServiceEntry",
             {"hosts": ["example.com"], "ports": [port], "resolution": "DNS", "location": "MESH_EXTERNAL"}),
            ("networking.istio.io", "Sidecar", {"egress": [{"hosts": ["*/*"]}]}),
            ("networking.istio.io", "WorkloadEntry", {"address": "203.0.113.7", "labels": {"app": self.member.name}}),
            ("security.istio.io", "AuthorizationPolicy", {"action": "ALLOW", "rules": [{}]}),
            ("security.istio.io", "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}),
            ("telemetry.istio.io", "Telemetry", {"accessLogging": [{"disabled": True}]}),
        ):  # fmt: skip
            yield _create(kind.lower(), f"a {kind}", _object(f"{group}/v1", kind, **spec))
        filters = _object("networking.istio.io/v1alpha3", "EnvoyFilter", configPatches=[])
        yield _create("envoyfilter", "an EnvoyFilter", filters)
        yield _create("wasmplugin", "a WasmPlugin",
                      _object("extensions.istio.io/v1alpha1", "WasmPlugin", url="oci://example.com/x:1"))  # fmt: skip
        yield _delete("no-authorization", "deletes deny-all", "authorizationpolicy", "deny-all")

    def _credentials(self) -> Iterator[Attempt]:
        account = self.member.application.identity
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token?dryRun=All"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": ["istio-ca"], "expirationSeconds": 600},
        }
        yield Attempt(
            id="token",
            title=f"a token of {account} for istiod",
            arguments=("create", f"--raw={path}", "--filename=-"),
            document=request,
        )
        secret = document(
            "v1",
            "Secret",
            NAME,
            annotations={"kubernetes.io/service-account.name": account},
            type="kubernetes.io/service-account-token",
        )
        yield _create("token-secret", f"a token of {account} that never ends", secret)
        yield _patch("root-certificate", "another root for the sidecars", "configmap", "istio-ca-root-cert",
                     {"data": {"root-cert.pem": ""}})  # fmt: skip
        issued = _object(
            "cert-manager.io/v1",
            "Certificate",
            secretName=NAME,
            dnsNames=["example.com"],
            issuerRef={"kind": "ClusterIssuer", "name": SELF_SIGNED, "group": "cert-manager.io"},
        )
        yield _create("certificate", "a certificate of the platform's issuer", issued)

    def _streams(self) -> Iterator[Attempt]:
        """Without the upgrade to a stream: what admits them answers that it is missing."""
        if not self.pod:
            return
        base = f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}"
        for id, path in (
            ("exec", f"{base}/exec?command=true&stdout=true&container={self.member.name}"),
            ("exec-proxy", f"{base}/exec?command=true&stdout=true&container=istio-proxy"),
            ("attach", f"{base}/attach?stdout=true&container={self.member.name}"),
            ("port-forward", f"{base}/portforward?ports=15000"),
            ("pod-proxy", f"{base}:15020/proxy/healthz/ready"),
        ):
            yield Attempt(id=id, title=f"{id} into a pod of {self.member.name}", arguments=("get", f"--raw={path}"))
        debug = {"spec": {"ephemeralContainers": [container("debug", self.images)]}}
        yield Attempt(
            id="debug",
            title=f"an ephemeral container in a pod of {self.member.name}",
            arguments=("patch", "pod", self.pod, "--subresource=ephemeralcontainers", *_patching(debug)),
        )

    def _role(self) -> Iterator[Attempt]:
        """What the role of a tenant does not even ask admission for."""
        tenant: As = "tenant"
        yield _create("tenants-policy", "a tenant's NetworkPolicy", _object("networking.k8s.io/v1", "NetworkPolicy",
                      podSelector={}), as_=tenant)  # fmt: skip
        yield _create("tenants-rule", "a tenant's AuthorizationPolicy",
                      _object("security.istio.io/v1", "AuthorizationPolicy"), as_=tenant)  # fmt: skip
        yield _create("tenants-account", "a tenant's service account", document("v1", "ServiceAccount", NAME),
                      as_=tenant)  # fmt: skip
        binding = document(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            NAME,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "tenant"}],
        )
        yield _create("tenants-binding", "a tenant's RoleBinding", binding, as_=tenant)


def _create(id: str, title: str, what: Document, *, as_: As = "namespace-admin", legitimate: bool = False) -> Attempt:
    arguments = ("create", *_DRY, "--validate=false", "--filename=-")
    return Attempt(id=id, title=title, arguments=arguments, document=what, as_=as_, legitimate=legitimate)


def _patch(id: str, title: str, kind: str, name: str, patch: dict[str, Any]) -> Attempt:
    kinds = "merge" if kind in ("namespace", "networkpolicy", "configmap", "service") else "strategic"
    return Attempt(id=id, title=title, arguments=("patch", kind, name, *_patching(patch, kinds)))


def _patching(patch: dict[str, Any], kind: str = "strategic") -> tuple[str, ...]:
    return (*_DRY, f"--type={kind}", f"--patch={json.dumps(patch)}")


def _delete(id: str, title: str, kind: str, name: str) -> Attempt:
    return Attempt(id=id, title=title, arguments=("delete", kind, name, *_DRY))


def _object(api_version: str, kind: str, **spec: Any) -> Document:
    return document(api_version, kind, NAME, spec=spec)
