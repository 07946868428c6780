"""Calls that NetworkPolicies decide: plain connections, without a sidecar on the caller's side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from manifests.mesh_graph import Member
from manifests.names import (
    CERT_MANAGER,
    COLLECTOR,
    GATEWAY_SELECTOR,
    ISTIO_INGRESS,
    ISTIO_SYSTEM,
    KUBE_SYSTEM,
    OBSERVABILITY,
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
)
from meshops.verify.calls import CAGED, OUTSIDE, Call, Client, Purpose
from meshops.verify.facts import Objects, Pod
from meshops.verify.stack import Stack

_ISTIOD_XDS = 15012
_DNS = {"k8s-app": "kube-dns"}
_DNS_PORT = 53
# What no pod of the mesh needs and every pod can reach without a policy: the node's credentials, and a resolver that
# no list of names is kept by. https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
_METADATA = "http://169.254.169.254:80/latest/meta-data/"
_RESOLVER = f"http://169.254.169.253:{_DNS_PORT}/"
# (namespace, labels, ports that are nobody's but the platform's). The webhooks' and the metrics API's are not among
# them: their policies admit the subnets in which the API server's interfaces stand, and so do pods.
_PLATFORM: tuple[tuple[str, dict[str, str], tuple[int, ...]], ...] = (
    (ISTIO_SYSTEM, {"app": "istiod"}, (_ISTIOD_XDS, 15010, 15014, 8080)),
    (ISTIO_INGRESS, dict(GATEWAY_SELECTOR), (443, 15020, 15021, 15090)),
    (CERT_MANAGER, {"app.kubernetes.io/name": "cert-manager"}, (9402, 9403)),
    (CERT_MANAGER, {"app.kubernetes.io/name": "webhook"}, (6080, 9402)),
    (OBSERVABILITY, {"app": COLLECTOR}, (OTLP_GRPC_PORT, OTLP_HTTP_PORT, 8888, 13133)),
)


def network_calls(stack: Stack, objects: Objects, purposes: Collection[Purpose]) -> tuple[Call, ...]:
    """Those of these purposes. The first two say whether anybody enforces NetworkPolicies here at all."""
    planned = (*_bearings(objects), *_into_applications(stack, objects), *_platform(stack, objects),
               *_out(stack, objects))  # fmt: skip
    chosen = (call for call in planned if call.purpose in purposes)
    return tuple(replace(call, id=f"l{number}") for number, call in enumerate(chosen, start=1))


def past_sidecar(member: Member) -> Client:
    """The application's labels and no sidecar: what is left when a process goes round it."""
    return Client(namespace=member.namespace.name, labels=(("app", member.name),))


def _bearings(objects: Objects) -> Iterator[Call]:
    if url := _api_server(objects):
        yield Call(id="", purpose="caged", client=CAGED, url=url, options=("--insecure",))
        yield Call(id="", purpose="uncaged", client=OUTSIDE, url=url, options=("--insecure",))


def _into_applications(stack: Stack, objects: Objects) -> Iterator[Call]:
    """Each application, by a pod of no application, by others that it does not name, and by those that it does."""
    for callee in stack.listeners:
        pod = _running(objects, callee.namespace.name, {"app": callee.name})
        if pod is None or callee.application.port is None:
            continue
        url = f"http://{pod.ip}:{callee.application.port}/"
        yield Call(id="", purpose="network-stranger", client=OUTSIDE, url=url, callee=callee)
        grants = stack.graph.grants(callee.namespace.name, callee.name)
        named = [grant.caller for grant in grants if grant.caller.namespace.in_mesh]
        for stranger in _strangers(stack, callee, named):
            yield Call(id="", purpose="network-stranger", client=past_sidecar(stranger), url=url, callee=callee,
                       caller=stranger)  # fmt: skip
        for caller in named[:1]:
            yield Call(id="", purpose="network-declared", client=past_sidecar(caller), url=url, callee=callee,
                       caller=caller)  # fmt: skip


def _strangers(stack: Stack, callee: Member, named: list[Member]) -> list[Member]:
    """One of its namespace and one of another."""
    allowed = {(item.namespace.name, item.name) for item in (*named, callee)}
    others = [item for item in stack.members if (item.namespace.name, item.name) not in allowed]
    near = [item for item in others if item.namespace.name == callee.namespace.name]
    far = [item for item in others if item.namespace.name != callee.namespace.name]
    return [*near[:1], *far[:1]]


def _platform(stack: Stack, objects: Objects) -> Iterator[Call]:
    for namespace, labels, ports in _PLATFORM:
        pod = _running(objects, namespace, labels)
        if pod is not None:
            yield from (_plain(OUTSIDE, "platform-stranger", pod, port) for port in ports)
    member = next(iter(stack.members), None)
    if member is None:
        return
    served = [(ISTIO_SYSTEM, {"app": "istiod"}, _ISTIOD_XDS), (KUBE_SYSTEM, _DNS, _DNS_PORT)]
    if stack.settings.observability.tracing:
        served.append((OBSERVABILITY, {"app": COLLECTOR}, OTLP_GRPC_PORT))
    for namespace, labels, port in served:
        pod = _running(objects, namespace, labels)
        if pod is not None:
            yield replace(_plain(past_sidecar(member), "platform-declared", pod, port), caller=member)


def _out(stack: Stack, objects: Objects) -> Iterator[Call]:
    """To what no application may reach by itself, and the same from a pod that no policy is for."""
    urls = [url for url in (_api_server(objects), _METADATA, _RESOLVER) if url]
    senders = [sender for namespace in stack.namespaces if (sender := _sender(stack, namespace.name))]
    for url in urls if senders else ():
        for sender in senders:
            yield Call(id="", purpose="past-sidecar", client=past_sidecar(sender), url=url, caller=sender,
                       options=("--insecure",))  # fmt: skip
        yield Call(id="", purpose="past-sidecar-control", client=OUTSIDE, url=url, options=("--insecure",))


def _sender(stack: Stack, namespace: str) -> Member | None:
    """An application of the namespace whose own declarations lead to nothing private, and to as little as possible."""
    members = [
        member
        for member in stack.members
        if member.namespace.name == namespace
        and not any(
            egress.private_networks or stack.graph.endpoints.answer_for(egress.host, egress.port)
            for egress in member.application.egress
        )
    ]
    return min(members, key=lambda member: len(member.application.egress), default=None)


def _plain(client: Client, purpose: Purpose, pod: Pod, port: int) -> Call:
    return Call(id="", purpose=purpose, client=client, url=f"http://{pod.ip}:{port}/", host=str(pod))


def _running(objects: Objects, namespace: str, labels: dict[str, str]) -> Pod | None:
    return next((pod for pod in objects.pods_of(namespace, labels) if pod.running and pod.ip), None)


def _api_server(objects: Objects) -> str:
    """By its address, since who may not ask the cluster's DNS finds no name."""
    service = objects.find("Service", "default", "kubernetes")
    address = service.spec.get("clusterIP", "") if service else ""
    return f"https://{address}:443/" if address else ""
