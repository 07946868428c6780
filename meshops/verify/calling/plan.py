"""Which calls a run makes, derived from the settings alone: who asks whom for what, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import get_args

from manifests.allowed_names import allowed_names
from manifests.mesh_graph import Grant, Member
from manifests.names import GATEWAY_SELECTOR, ISTIO_INGRESS
from meshops.verify.calling.private import egress_url, private_calls
from meshops.verify.calls import BESIDE_GATEWAY, OUTSIDE, Call, Client, Purpose, standing_in
from meshops.verify.stack import Stack

# Harmless wherever they arrive: a probe must not change anything of a running system, even where the mesh is broken.
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_UNDECLARED_PATH = "/meshops-verify-undeclared"
# Reserved for documentation by RFC 2606: nobody's own, and they answer.
_UNDECLARED_HOSTS = ("example.org", "example.net", "example.com")
# RFC 5737: nobody's. Where no resolver looks the host up, a connection to any address still says what a sidecar does.
UNDECLARED_ADDRESS = "203.0.113.80"
_WILDCARD = "meshops-verify"

EVERY_PURPOSE: tuple[Purpose, ...] = get_args(Purpose)


FORGED_PATH = "/meshops-verify-forged"
FORGED_ADDRESS = "192.0.2.1"  # RFC 5737: nobody's
FORGED_HEADERS = (f"x-envoy-original-path: {FORGED_PATH}", f"x-forwarded-for: {FORGED_ADDRESS}")

# What a sidecar and a gateway listen on for themselves. Envoy's admin interface takes a path as it means and the
# route in front of it as it is spelled: hence the ones that climb.
_PROXY_URLS = (
    "15090/stats/prometheus",
    "15090/stats/prometheus/../../config_dump",
    "15090/stats/prometheus/%2e%2e/%2e%2e/config_dump",
    "15020/stats/prometheus",
    "15020/stats/prometheus/../../config_dump",
    "15000/config_dump",
    "15004/debug/config_dump",
)
_CONTROL_PLANE_URLS = ("15010/", "15014/metrics", "15014/debug/registryz", "8080/debug/registryz")


def first_calls(
    stack: Stack,
    gateways: Mapping[str, str],
    purposes: Collection[Purpose] = EVERY_PURPOSE,
    *,
    proxies: Mapping[str, str] | None = None,
    control_planes: Mapping[str, str] | None = None,
) -> tuple[Call, ...]:
    """Every call of these purposes that can be planned.

    gateways, proxies, control_planes: name -> address of each running pod of the gateway, the applications, istiod.
    """
    planned = (
        *_plaintext(stack),
        *_gateway(stack, gateways),
        *_authorization(stack),
        *_egress(stack),
        *private_calls(stack),
        *_ports("proxy-port", _PROXY_URLS, {**gateways, **(proxies or {})}),
        *_ports("control-plane-port", _CONTROL_PLANE_URLS, control_planes or {}),
    )
    return tuple(_numbered(call for call in planned if call.purpose in purposes))


def past_network_policy(stack: Stack, timed_out: Iterable[Member]) -> tuple[Call, ...]:
    """For applications that a pod outside could not even connect to: again, from where a NetworkPolicy admits it.

    A pod without a sidecar, but with the labels of a declared caller in that caller's namespace, or of the gateway.
    Nothing for an application that nobody may call.
    """
    calls = []
    for member in timed_out:
        client = _admitted(stack, member)
        if client is not None:
            calls.append(_plain_call(member, client, "plaintext-past-network-policy"))
    return tuple(_numbered(calls, prefix="n"))


def undeclared_host(stack: Stack) -> str:
    """A host that no application of the stack declares, and that no DNS firewall of it looks up."""
    known = {found.name for found in allowed_names(stack.settings)}
    return next(host for host in (*_UNDECLARED_HOSTS, "undeclared.example.org") if host not in known)


def concrete_path(pattern: str) -> str:
    """A path that a declared one matches: `/entries/*` -> `/entries/meshops-verify`."""
    path = pattern.replace("{**}", _WILDCARD).replace("{*}", _WILDCARD)
    return path[:-1] + _WILDCARD if path.endswith("*") else path


def _numbered(calls: Iterable[Call], prefix: str = "c") -> Iterator[Call]:
    for number, call in enumerate(calls, start=1):
        yield replace(call, id=f"{prefix}{number}")


def _plaintext(stack: Stack) -> Iterator[Call]:
    for member in stack.listeners:
        yield _plain_call(member, OUTSIDE, "plaintext")


def _plain_call(member: Member, client: Client, purpose: Purpose) -> Call:
    return Call(
        id="",
        purpose=purpose,
        client=client,
        callee=member,
        url=_url(member, member.application.readiness_path),
    )


def _admitted(stack: Stack, member: Member) -> Client | None:
    grants = stack.graph.grants(member.namespace.name, member.name)
    if grants:
        caller = grants[0].caller
        return Client(namespace=caller.namespace.name, labels=(("app", caller.name),))
    if member.application.hosts:
        return Client(namespace=ISTIO_INGRESS, labels=tuple(GATEWAY_SELECTOR.items()))
    return None


def _gateway(stack: Stack, gateways: Mapping[str, str]) -> Iterator[Call]:
    """What the ALB does: TLS to the pods' addresses, without a name in it."""
    published = stack.published
    for address in (gateways[name] for name in sorted(gateways)):
        for member in published or (None,):
            host = member.application.hosts[0] if member else stack.settings.load_balancer.domain
            path = member.application.readiness_path if member else "/"
            yield Call(
                id="",
                purpose="gateway",
                client=BESIDE_GATEWAY,
                callee=member,
                identity=stack.gateway_identity if member else "",
                url=f"https://{address}{path}",
                host=host,
                options=("--insecure", "--tlsv1.3"),
            )
        yield Call(
            id="",
            purpose="gateway-older-tls",
            client=BESIDE_GATEWAY,
            url=f"https://{address}/",
            host=stack.settings.load_balancer.domain,
            options=("--insecure", "--tls-max", "1.2"),
        )


def _ports(purpose: Purpose, urls: tuple[str, ...], addresses: Mapping[str, str]) -> Iterator[Call]:
    for name in sorted(addresses):
        for url in urls:
            yield Call(
                id="",
                purpose=purpose,
                client=OUTSIDE,
                url=f"http://{addresses[name]}:{url}",
                options=("--path-as-is",),
            )


def _authorization(stack: Stack) -> Iterator[Call]:
    for callee in stack.listeners:
        if callee.application.opaque:
            continue  # no method, no path, no status: the plaintext call is what can be asked of it
        grants = [
            grant for grant in stack.graph.grants(callee.namespace.name, callee.name) if grant.caller.namespace.in_mesh
        ]
        by_caller: dict[tuple[str, str], list[Grant]] = {}
        for grant in grants:
            by_caller.setdefault((grant.caller.namespace.name, grant.caller.name), []).append(grant)
        for of_caller in by_caller.values():
            yield from _of_caller(stack, callee, of_caller, all_grants=grants)


def _of_caller(stack: Stack, callee: Member, grants: list[Grant], *, all_grants: list[Grant]) -> Iterator[Call]:
    caller = grants[0].caller
    grant, method = next(
        ((grant, method) for grant in grants for method in (_safe_method(grant),) if method), (grants[0], "")
    )
    if not method:
        return  # only methods that change something are declared: no probe sends them
    path = concrete_path(grant.declared.paths[0]) if grant.declared.paths else callee.application.readiness_path
    client = standing_in(caller, caller.application.identity)
    right = _call(callee, caller, client, stack.principal(caller), "right-identity", method, path)
    yield right
    forged = tuple(part for header in FORGED_HEADERS for part in ("--header", header))
    yield replace(right, purpose="forged-headers", options=(*right.options, *forged))
    methods = _union([item.declared.methods for item in grants])
    other = next((item for item in ("OPTIONS", "HEAD", "GET", "TRACE") if methods and item not in methods), None)
    if other:
        yield _call(callee, caller, client, right.identity, "wrong-method", other, path)
    if all(item.declared.paths for item in grants):
        yield _call(callee, caller, client, right.identity, "wrong-path", method, _UNDECLARED_PATH)
    # The caller's labels, so that its Sidecar and NetworkPolicy let it out, and the identity of somebody else.
    stranger = _stranger(caller, callee, all_grants)
    identity = f"{stack.settings.mesh.trust_domain}/ns/{caller.namespace.name}/sa/{stranger or 'default'}"
    wrong = standing_in(caller, stranger)
    yield _call(callee, caller, wrong, identity, "wrong-identity", method, path)


def _union(values: list[tuple[str, ...] | None]) -> frozenset[str]:
    """Empty if one of them admits anything."""
    return frozenset() if None in values else frozenset(item for value in values for item in value or ())


def _safe_method(grant: Grant) -> str:
    if grant.declared.methods is None:
        return "GET"
    return next((method for method in _SAFE_METHODS if method in grant.declared.methods), "")


def _stranger(caller: Member, callee: Member, grants: list[Grant]) -> str:
    """A service account of the caller's namespace that may not call; empty for the namespace's default.

    Rather one that has nothing to do with the call than the callee's own.
    """
    home = caller.namespace
    allowed = {grant.caller.application.identity for grant in grants if grant.caller.namespace.name == home.name}
    identities = [item.identity for item in home.applications if item.workload == "managed"]
    strangers = [identity for identity in identities if identity not in allowed]
    return next((item for item in strangers if item != callee.application.identity), next(iter(strangers), ""))


def _call(
    callee: Member, caller: Member, client: Client, identity: str, purpose: Purpose, method: str, path: str
) -> Call:
    # gRPC is HTTP/2 from its first byte.
    options = ("--http2-prior-knowledge",) if callee.application.protocol == "grpc" else ()
    return Call(
        id="",
        purpose=purpose,
        client=client,
        callee=callee,
        caller=caller,
        identity=identity,
        method=method,
        url=_url(callee, path),
        options=options,
    )


def _egress(stack: Stack) -> Iterator[Call]:
    undeclared = undeclared_host(stack)
    firewall = stack.settings.network.dns_firewall is not None
    # Where nobody declares a host, one application shows what holds for all.
    asked = [member for member in stack.members if member.application.egress] or stack.members[:1]
    for member in asked:
        hosts = [egress for egress in member.application.egress if egress.protocol != "TCP"]
        client = standing_in(member, member.application.identity)
        for egress in hosts:
            yield Call(
                id="",
                purpose="declared-host",
                client=client,
                caller=member,
                url=egress_url(egress),
                host=egress.destination,
            )
        yield Call(
            id="",
            purpose="undeclared-host",
            client=client,
            caller=member,
            url=f"https://{undeclared}/",
            host=undeclared,
            options=("--resolve", f"{undeclared}:443:{UNDECLARED_ADDRESS}") if firewall else (),
        )
    yield Call(
        id="",
        purpose="undeclared-host-outside",
        client=OUTSIDE,
        url=f"https://{undeclared}/",
        host=undeclared,
    )


def _url(member: Member, path: str) -> str:
    return f"http://{member.host}:{member.application.called_port}{path}"
