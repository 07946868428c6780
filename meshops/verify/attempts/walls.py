"""NetworkPolicies, ways in, Istio's kinds, and streams into pods, that are not the program's."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.document import document
from manifests.names import GATEWAY_REF, GATEWAY_SELECTOR
from meshops.verify.attempt import As, Attempt
from meshops.verify.attempts.against import Against
from meshops.verify.attempts.documents import (
    NAME,
    container,
    named_object,
)


class WallAttempts(Against):
    def walls(self) -> Iterator[Attempt]:
        policy = named_object("networking.k8s.io/v1", "NetworkPolicy", podSelector={}, ingress=[{}], egress=[{}])
        yield self.ask.create("network-policy", "a NetworkPolicy that lets everything through", policy)
        yield self.ask.delete("no-network-policy", "deletes default-deny", "NetworkPolicy", "default-deny")
        yield self.ask.patch("wider-network-policy", "widens default-deny", "NetworkPolicy", "default-deny",
                     {"spec": {"ingress": [{}], "egress": [{}]}})  # fmt: skip
        backend = {"service": {"name": self.member.name, "port": {"number": 80}}}
        yield self.ask.create(
            "ingress", "an Ingress", named_object("networking.k8s.io/v1", "Ingress", defaultBackend=backend)
        )
        slice_ = document(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            NAME,
            labels={"kubernetes.io/service-name": self.member.name},
            addressType="IPv4",
            endpoints=[{"addresses": ["203.0.113.7"]}],
            ports=[{"name": "http", "port": 8080}],
        )
        yield self.ask.create("endpoint-slice", f"adds an address to the Service of {self.member.name}", slice_)
        yield from self.istio()

    def istio(self) -> Iterator[Attempt]:
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
            yield self.ask.create(kind.lower(), f"a {kind}", named_object(f"{group}/v1", kind, **spec))
        filters = named_object("networking.istio.io/v1alpha3", "EnvoyFilter", configPatches=[])
        yield self.ask.create("envoyfilter", "an EnvoyFilter", filters)
        plugin = named_object("extensions.istio.io/v1alpha1", "WasmPlugin", url="oci://example.com/x:1")
        yield self.ask.create("wasmplugin", "a WasmPlugin", plugin)
        yield self.ask.delete("no-authorization", "deletes deny-all", "AuthorizationPolicy", "deny-all")

    def streams(self) -> Iterator[Attempt]:
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
            yield Attempt(id=id, title=f"{id} into a pod of {self.member.name}", method="GET", path=path)
        debug = {"spec": {"ephemeralContainers": [container("debug", self.images)]}}
        title = f"an ephemeral container in a pod of {self.member.name}"
        yield self.ask.patch("debug", title, "Pod", self.pod, debug, "/ephemeralcontainers")

    def role(self) -> Iterator[Attempt]:
        """What the role of a tenant does not even ask admission for."""
        tenant: As = "tenant"
        policy = named_object("networking.k8s.io/v1", "NetworkPolicy", podSelector={})
        rule = named_object("security.istio.io/v1", "AuthorizationPolicy")
        account = document("v1", "ServiceAccount", NAME)
        yield self.ask.create("tenants-policy", "a tenant's NetworkPolicy", policy, as_=tenant)
        yield self.ask.create("tenants-rule", "a tenant's AuthorizationPolicy", rule, as_=tenant)
        yield self.ask.create("tenants-account", "a tenant's service account", account, as_=tenant)
        binding = document(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            NAME,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "tenant"}],
        )
        yield self.ask.create("tenants-binding", "a tenant's RoleBinding", binding, as_=tenant)
