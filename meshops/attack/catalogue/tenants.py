"""MA8xx: what somebody with the right to deploy in one namespace makes the API server accept. Nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from manifests.document import Document, document
from manifests.names import GATEWAY_REF, GATEWAY_SELECTOR, ISTIO_INGRESS
from meshops.attack import judging
from meshops.attack.catalogue.deploying import IMAGE, NAME, ask, created, deployed, home, kinds, template
from meshops.attack.entry import attempt
from meshops.attack.ground import Ground
from meshops.attack.model import Ask, Attempt
from meshops.verify.probes.pods import HARDENED

Asks = Callable[[Ground], list[Ask]]


def _workload(number: int, name: str, said: str, **changes: Any) -> Attempt:
    def steps(ground: Ground) -> list[Ask]:
        namespace = home(ground)
        return deployed(ground, namespace, template(**changes), said=said) if namespace else []

    return _row(number, name, f"Deploys {said}, as a pod, a Deployment and a CronJob.", steps)


def _row(number: int, name: str, tries: str, steps: Asks) -> Attempt:
    return attempt(
        f"MA{number}", position="tenant", name=name, tries=tries, must="The API server refuses it.", wall="admission",
        steps=steps, judge=judging.denied, severity="high",
    )  # fmt: skip


def _annotated(number: int, key: str, value: str) -> Attempt:
    return _workload(number, f"Annotation {key}", f"a pod with {key}: {value}", annotations={key: value})


def _object(number: int, name: str, version: str, kind: str, spec: Mapping[str, Any], **more: Any) -> Attempt:
    """One object in the tenant's namespace, or in the one that `namespace` names."""

    def steps(ground: Ground) -> list[Ask]:
        namespace = more.get("namespace") or home(ground)
        text = (
            json.dumps(dict(spec))
            .replace("$PUBLIC", ground.public_host or "public.example")
            .replace("$HOME", namespace)
        )
        item = document(version, kind, NAME, namespace=namespace, spec=json.loads(text))
        return [created(ground, item, said=name)] if namespace else []

    return _row(number, name, f"Creates a {kind}{' in ' + more['namespace'] if 'namespace' in more else ''}: {name}.",
                steps)  # fmt: skip


def _pod_of(ground: Ground) -> str:
    """A running pod of the tenant's own namespace."""
    return next((pod.name for member in ground.stack.members if member.namespace.name == home(ground)
                 for pod in ground.pods(member.namespace.name, member.name)), "")  # fmt: skip


def _kubectl(number: int, name: str, tries: str, *arguments: str, stdin: str = "") -> Attempt:
    """`$HOME`, `$POD`, `$APP`, `$ACCOUNT`: the tenant's namespace, a pod in it, an application, its service account."""

    def steps(ground: Ground) -> list[Ask]:
        pod = _pod_of(ground)
        target = ground.target
        if not pod or target is None:
            return []
        callee = target.callee
        values = {"$HOME": home(ground), "$POD": pod, "$APP": callee.name, "$ACCOUNT": callee.application.identity}
        filled = []
        for argument in arguments:
            text = argument
            for key, value in values.items():
                text = text.replace(key, value)
            filled.append(text)
        return [ask(ground, *filled, stdin=stdin)]

    return _row(number, name, tries, steps)


_DRY = "--dry-run=server"
_PORTS = [{"port": 80, "targetPort": 8080}]
_ISTIO, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
_MINE = {"matchLabels": {"app": NAME}}
_SHARED = {"gateways": [GATEWAY_REF], "hosts": ["$PUBLIC"]}
ATTEMPTS: tuple[Attempt, ...] = (
    _workload(801, "Out of the mesh by a label", "a pod with sidecar.istio.io/inject: false",
              labels={"sidecar.istio.io/inject": "false"}),
    _annotated(802, "sidecar.istio.io/inject", "false"),
    _workload(803, "The sidecar's user", "a pod that runs as 1337", security={"runAsUser": 1337}),
    _workload(804, "The sidecar's group", "a pod that runs as group 1337", security={"runAsGroup": 1337}),
    _workload(805, "The sidecar's user, in a container", "a container that runs as 1337",
              container={"securityContext": {**HARDENED, "runAsUser": 1337}}),
    _workload(806, "The node's network", "a pod with hostNetwork", spec={"hostNetwork": True}),
    _workload(807, "A privileged container", "a privileged container",
              container={"securityContext": {"privileged": True}}),
    _workload(808, "NET_ADMIN", "a container with NET_ADMIN",
              container={"securityContext": {**HARDENED, "capabilities": {"add": ["NET_ADMIN"]}}}),
    _workload(809, "A container of the sidecar's name", "a container istio-proxy of its own",
              containers=[{"name": "istio-proxy", "image": IMAGE, "securityContext": dict(HARDENED)}]),
    _annotated(810, "traffic.sidecar.istio.io/excludeOutboundPorts", "443"),
    _annotated(811, "traffic.sidecar.istio.io/excludeInboundPorts", "8080"),
    _annotated(812, "traffic.sidecar.istio.io/excludeOutboundIPRanges", "0.0.0.0/0"),
    _annotated(813, "traffic.sidecar.istio.io/includeOutboundIPRanges", ""),
    _annotated(814, "traffic.sidecar.istio.io/includeInboundPorts", ""),
    _annotated(815, "sidecar.istio.io/interceptionMode", "NONE"),
    _annotated(816, "sidecar.istio.io/proxyImage", IMAGE),
    _annotated(817, "sidecar.istio.io/bootstrapOverride", NAME),
    _annotated(818, "inject.istio.io/templates", "gateway"),
    _annotated(819, "proxy.istio.io/config", '{"proxyMetadata": {"METRICS_LOCALHOST_ACCESS_ONLY": "false"}}'),
    _annotated(820, "sidecar.istio.io/userVolume", '[{"name":"x","emptyDir":{}}]'),
    _workload(821, "The node's files", "a pod with hostPath /",
              spec={"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}),
    _workload(822, "The sidecar's memory", "a pod whose containers share their processes",
              spec={"shareProcessNamespace": True}),
    _workload(823, "The sidecar's token", "a container that mounts a token for istiod",
              spec={"volumes": [{"name": "t", "projected": {"sources": [
                  {"serviceAccountToken": {"audience": "istio-ca", "path": "t"}}]}}]}),
    _workload(824, "The gateway's labels", "a pod with the gateway's labels", labels=dict(GATEWAY_SELECTOR)),
    _kubectl(825, "A command in a pod", "Runs a command in an application's pod.", "exec", "$POD", "--namespace=$HOME",
             "--container=istio-proxy", "--", "/bin/true"),
    _kubectl(826, "A debug container", "Adds a container to an application's pod.", "debug", "$POD",
         "--namespace=$HOME",
             f"--image={IMAGE}", "--quiet", "--attach=false", "--profile=restricted"),
    _kubectl(827, "A NetworkPolicy that goes", "Deletes the namespace's default-deny.", "delete", _DRY,
             "networkpolicy/default-deny", "--namespace=$HOME"),
    _object(828, "a NetworkPolicy that lets everything through", "networking.k8s.io/v1", "NetworkPolicy",
            {"podSelector": {}, "ingress": [{}], "egress": [{}], "policyTypes": ["Ingress", "Egress"]}),
    _object(829, "a NodePort", "v1", "Service", {"type": "NodePort", "selector": {"app": NAME}, "ports": _PORTS}),
    _object(830, "a load balancer", "v1", "Service",
            {"type": "LoadBalancer", "selector": {"app": NAME}, "ports": _PORTS}),
    _object(831, "an address of somebody else (externalIPs)", "v1", "Service",
            {"selector": {"app": NAME}, "ports": _PORTS, "externalIPs": ["198.51.100.10"]}),
    _object(832, "a name for something outside (ExternalName)", "v1", "Service",
            {"type": "ExternalName", "externalName": "example.org"}),
    _object(833, "an Ingress", "networking.k8s.io/v1", "Ingress",
            {"ingressClassName": "alb", "defaultBackend": {"service": {"name": NAME, "port": {"number": 80}}}}),
    _object(840, "plaintext for its pods", _SECURITY, "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}),
    _object(841, "everybody may call", _SECURITY, "AuthorizationPolicy", {"action": "ALLOW", "rules": [{}]}),
    _object(842, "istiod calls an address", _SECURITY, "RequestAuthentication",
            {"selector": _MINE, "jwtRules": [{"issuer": "x", "jwksUri": "http://169.254.169.254/latest/meta-data"}]}),
    _object(843, "every host of the mesh", _ISTIO, "Sidecar",
            {"egress": [{"hosts": ["*/*"]}], "outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}),
    _object(844, "a host outside", _ISTIO, "ServiceEntry",
            {"hosts": ["example.org"], "resolution": "DNS", "ports": [{"number": 443, "name": "tls",
                "protocol": "TLS"}]}),
    _object(845, "a route of the public host", _ISTIO, "VirtualService",
            {**_SHARED, "http": [{"route": [{"destination": {"host": NAME}}]}]}),
    _object(846, "a port of the shared gateway", _ISTIO, "Gateway",
            {"selector": GATEWAY_SELECTOR,
             "servers": [{"hosts": ["*"], "port": {"number": 8080, "name": "http", "protocol": "HTTP"}}]}),
    _object(847, "calls in plaintext", _ISTIO, "DestinationRule",
            {"host": f"{NAME}.$HOME.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
    _object(848, "a filter in the proxies", "networking.istio.io/v1alpha3", "EnvoyFilter",
            {"configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "REMOVE"}}]}),
    _object(849, "no audit log", "telemetry.istio.io/v1", "Telemetry", {"accessLogging": [{"disabled": True}]}),
    _object(850, "a program in the proxies", "extensions.istio.io/v1alpha1", "WasmPlugin",
            {"url": "oci://example.org/x:1"}),
    _object(851, "a workload that is none", _ISTIO, "WorkloadEntry",
            {"address": "198.51.100.10", "labels": {"app": NAME}, "serviceAccount": "default"}),
    _object(852, "settings of the proxies", "networking.istio.io/v1beta1", "ProxyConfig",
            {"environmentVariables": {"METRICS_LOCALHOST_ACCESS_ONLY": "false"}}),
    _kubectl(853, "A policy that goes", "Deletes the namespace's deny-all.", "delete", _DRY,
             "authorizationpolicy/deny-all", "--namespace=$HOME"),
    _kubectl(854, "An application's token", "Has a token made for an application's service account.", "create", "token",
             "$ACCOUNT", "--namespace=$HOME", "--audience=istio-ca", "--output=jsonpath={.kind}"),
    attempt(
        "MA855", position="tenant", name="An application's identity", wall="admission", severity="high",
        tries="Asks whether it may act as an application's service account.", must="It may not.",
        steps=lambda ground: [ask(ground, "auth", "can-i", "impersonate",
            f"serviceaccounts/{ground.target.callee.application.identity}",
                                  f"--namespace={home(ground)}")] if ground.target else [],
        judge=judging.may_not,
    ),
    _kubectl(856, "The namespace's labels", "Takes the injection label off its namespace.", "label", _DRY, "namespace",
             "$HOME", "istio.io/rev-"),
    _kubectl(857, "The application's image", "Replaces an application's image.", "set", "image", _DRY,
             "deployment/$APP", f"*={IMAGE}", "--namespace=$HOME"),
    _kubectl(858, "The application's service account", "Gives an application another service account.", "patch", _DRY,
             "deployment/$APP", "--namespace=$HOME", "--patch",
             '{"spec":{"template":{"spec":{"serviceAccountName":"default"}}}}'),
    _kubectl(859, "The gateway's key", "Reads the gateway's TLS secret.", "get", "secrets",
             f"--namespace={ISTIO_INGRESS}", "--output=name"),
    _kubectl(860, "More rights", "Binds itself to cluster-admin in its namespace.", "create", _DRY, "rolebinding",
         NAME,
             "--clusterrole=cluster-admin", f"--user={NAME}", "--namespace=$HOME"),
    _row(861, "Another application's label", "Deploys a pod with an application's `app` label and the default service "
         "account, to receive its traffic.", lambda ground: _impostor(ground, label=True)),
    _row(862, "Another application's service account", "Deploys a pod with an application's service account, to "
                                                       "have its "
         "identity.", lambda ground: _impostor(ground, label=False)),
    _row(863, "A pod in the gateway's namespace", "Deploys a pod into the gateway's namespace.", lambda ground: [
        created(ground, kinds(ISTIO_INGRESS, template())[0], said="in the gateway's namespace")]),
    _row(864, "Endpoints by hand", "Names an address of its own as an endpoint of an application's Service.",
         lambda ground: _endpoints(ground)),
    _row(865, "A Service of an application's pods", "Gives an application's pods a Service of its own, on another "
                                                    "port.",
         lambda ground: _second_service(ground)),
    _row(866, "Another namespace", "Deploys a pod into another namespace of the stack.", lambda ground: [
        created(ground, kinds(item.name, template())[0], said="in another namespace")
        for item in ground.stack.namespaces if item.name != home(ground)][:1]),
    _object(867, "a certificate of the mesh's issuer", "cert-manager.io/v1", "Certificate",
            {"secretName": NAME, "dnsNames": ["$PUBLIC"],
             "issuerRef": {"kind": "ClusterIssuer", "name": "self-signed"}}),
    attempt(
        "MA868", position="tenant", name="A port forwarded past the mesh", wall="admission", severity="high",
        tries="Begins to forward a port of an application's pod, and asks it through the API server.",
        must="The API server refuses it.", judge=judging.no_way_in, steps=lambda ground: _forwarded(ground),
    ),
)  # fmt: skip


def _impostor(ground: Ground, *, label: bool) -> list[Ask]:
    target = ground.target
    if target is None:
        return []
    callee = target.callee
    changes: dict[str, Any] = (
        {"labels": {"app": callee.name}} if label else {"spec": {"serviceAccountName": callee.application.identity}}
    )
    if callee.namespace.name != home(ground):
        return []
    return deployed(ground, home(ground), template(**changes), said=f"{changes}")


def _endpoints(ground: Ground) -> list[Ask]:
    target = ground.target
    if target is None:
        return []
    item: Document = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": NAME, "namespace": home(ground),
        "labels": {"kubernetes.io/service-name": target.callee.name}},
        "endpoints": [{"addresses": ["198.51.100.10"]}], "ports": [{"port": target.port, "name": "http"}],
    }  # fmt: skip
    return [created(ground, item, said="an endpoint of one's own")]


def _second_service(ground: Ground) -> list[Ask]:
    target = ground.target
    if target is None:
        return []
    spec = {"selector": {"app": target.callee.name}, "ports": [{"port": 15090, "targetPort": 15090}]}
    item = document("v1", "Service", NAME, namespace=home(ground), spec=spec)
    return [created(ground, item, said="15090 of an application's pods")]


def _forwarded(ground: Ground) -> list[Ask]:
    pod = _pod_of(ground)
    if not pod:
        return []
    path = f"/api/v1/namespaces/{home(ground)}/pods/{pod}"
    return [
        ask(ground, "create", "--filename=-", "--raw", f"{path}/portforward?ports=15000", stdin="{}"),
        ask(ground, "get", "--raw", f"{path}:15021/proxy/healthz/ready"),
    ]
