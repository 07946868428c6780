"""MA3xx: identities that are wrong, made up or somebody else's, and the tokens that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cryptography import x509

from meshops.attack import http, judging
from meshops.attack.certificates import issued, lifetimes, may_sign, names_of, request_for, self_made
from meshops.attack.entry import attempt
from meshops.attack.ground import ISTIO_CA, OUTSIDER, Ground, Resource
from meshops.attack.model import Answer, Attempt, Judge, Outcome, Position, Shot, Step, Wall
from meshops.attack.place import Place
from meshops.attack.shots import ISTIO_ALPN, OWN, raw, to_application
from meshops.attack.wire import h2

_CREATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
_STS = "sts.amazonaws.com"
_LONGEST_CERTIFICATE = timedelta(hours=25)
"""Of a workload: a day, and the hour by which istiod dates it back."""
_TOKENS = ("kubernetes", ISTIO_CA, _STS)

Steps = Callable[[Ground], list[Shot]]


def _ask(resource: Resource, mark: str = "") -> str:
    return http.request(resource.authority, resource.path, method=resource.method, agent=mark)


def _each(place: Callable[[Ground, Resource], Place | None]) -> Steps:
    """Each resource is asked for as its caller asks, from this place."""

    def steps(ground: Ground) -> list[Shot]:
        made = [(place(ground, resource), resource) for resource in ground.resources]
        return [
            to_application(ground, where, resource, _ask(resource), said=f"{resource.method} {resource.path}")
            for where, resource in made
            if where is not None and (where.client is None or where.client.injected or ground.pod_ip(resource))
        ]

    return steps


def _by_address(place: Callable[[Ground, Resource], Place | None]) -> Steps:
    """The same by the pod's address, past the Service."""

    def steps(ground: Ground) -> list[Shot]:
        made = [(place(ground, resource), resource, ground.pod_ip(resource)) for resource in ground.resources]
        return [
            raw(where, address, resource.port, _ask(resource)) for where, resource, address in made if where and address
        ]

    return steps


def _direct(certificate: Callable[[Ground, Resource], str], alpn: tuple[str, ...] = ISTIO_ALPN) -> Steps:
    """TLS straight to the application's pod, with this certificate or none."""

    def steps(ground: Ground) -> list[Shot]:
        shots = []
        for resource in ground.resources:
            if address := ground.pod_ip(resource):
                tls = {"sni": resource.host, "alpn": list(alpn), "certificate": certificate(ground, resource)}
                shots.append(raw(OUTSIDER, address, resource.port, _ask(resource), tls=tls))
        return shots

    return steps


def _caller(ground: Ground, resource: Resource) -> str:
    return ground.stack.principal(resource.caller)


def _elsewhere(ground: Ground, resource: Resource) -> str:
    principal = _caller(ground, resource)
    return f"other.example{principal[principal.index('/') :]}"


def _enrolled_outside(ground: Ground) -> list[Shot]:
    return [
        raw(ground.nobody(resource), address, resource.port, _ask(resource), tls=OWN)
        for resource in ground.resources
        if (address := ground.pod_ip(resource))
    ]


def _signing(
    token: str, *, other: bool = False, authority: bool = False, seconds: int = 3600, impersonated: bool = False
) -> Steps:
    """Asks istiod for a certificate: with this token of the pod's, for the target's identity or the pod's own."""

    def steps(ground: Ground) -> list[Shot]:
        target = ground.target
        if target is None or not ground.istiod:
            return []
        wanted = ground.stack.principal(target.caller) if other else _own(ground)
        message = h2.field(1, request_for(wanted, authority=authority).encode()) + h2.field(3, seconds)
        if impersonated:
            # What ztunnel says for its node's pods: metadata.ImpersonatedIdentity, a google.protobuf.Struct.
            value = h2.field(3, f"spiffe://{ground.stack.principal(target.caller)}".encode())
            message += h2.field(4, h2.field(1, h2.field(1, b"ImpersonatedIdentity") + h2.field(2, value)))
        call = {"path": _CREATE, "authority": "istiod.istio-system.svc:15012", "message": message.decode("latin-1")}
        if token:
            call["token"] = token
        said = f"a request for {wanted}{' as an authority' if authority else ''}, token: {token or 'none'}"
        tls = {"sni": None, "alpn": ["h2"]}
        place = replace(ground.nobody(target), tokens=_TOKENS)
        return [raw(place, ground.istiod, 15012, tls=tls, said=said, grpc=call, keep=20000)]

    return steps


def _own(ground: Ground) -> str:
    home = ground.target.caller.namespace.name if ground.target else ""
    return f"{ground.stack.settings.mesh.trust_domain}/ns/{home}/sa/default"


def _certificates(answer: Answer) -> tuple[x509.Certificate, ...]:
    return issued(h2.body(answer.received).decode("latin-1"))


def none_of(what: Callable[[Ground, x509.Certificate], str]) -> Judge:
    """No certificate comes back about which `what` has something to say."""

    def judge(ground: Ground, step: Step, answer: Answer) -> Outcome:
        found = _certificates(answer)
        if not found:
            return Outcome(result="refused", why="no certificate" if answer.received else judging.told(answer))
        leaf = found[0]
        says = f"a certificate for {', '.join(names_of(leaf))}, {lifetimes([leaf])[0]}"
        if problem := what(ground, leaf):
            return Outcome(result="succeeded", why=f"{says}: {problem}")
        return Outcome(result="refused", why=says)

    return judge


def _any(ground: Ground, leaf: x509.Certificate) -> str:
    return "for a token that is not for istiod"


def _somebody_else(ground: Ground, leaf: x509.Certificate) -> str:
    return "" if names_of(leaf) == (f"spiffe://{_own(ground)}",) else "not the token's own identity"


def _authority(ground: Ground, leaf: x509.Certificate) -> str:
    return "it may sign others" if may_sign(leaf) else ""


def _too_long(ground: Ground, leaf: x509.Certificate) -> str:
    return "longer than a day, for a token of an hour" if lifetimes([leaf])[0] > _LONGEST_CERTIFICATE else ""


def _row(
    number: int, position: Position, name: str, tries: str, must: str, wall: Wall, steps: Steps,
    judge: Judge = judging.no_protected_answer, *, medium: bool = False,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position=position, name=name, tries=tries, must=must, wall=wall, steps=steps, judge=judge,
        severity="medium" if medium else "critical",
    )  # fmt: skip


_REFUSED = "403, or no answer: nothing of the resource."
_SHAKEN = "The handshake fails, or nothing comes after it."
ATTEMPTS: tuple[Attempt, ...] = (
    _row(301, "neighbour", "Another identity in the caller's place", "Asks for each resource with the caller's labels "
         "and Sidecar, and the service account of another application.", _REFUSED, "policy",
         _each(lambda ground, resource: ground.impostor(resource))),
    _row(302, "neighbour", "Another application", "Asks for each resource as another application of the caller's "
         "namespace, from its own place.", _REFUSED, "sidecar",
         _each(lambda ground, resource: ground.neighbour(resource))),
    _row(303, "neighbour", "Another identity, by address", "The same by the pod's address.", _REFUSED, "policy",
         _by_address(lambda ground, resource: ground.impostor(resource))),
    _row(304, "neighbour", "Past the own sidecar", "Asks by mutual TLS of its own, with the certificate of its own "
         "identity: no Sidecar of the caller's side can refuse it.", _REFUSED, "policy",
         _each(lambda ground, resource: ground.past(resource))),
    _row(305, "outsider", "TLS without a certificate", "TLS as a sidecar begins it, without a certificate.", _SHAKEN,
         "sidecar", _direct(lambda ground, resource: "")),
    _row(306, "outsider", "TLS without Istio's ALPN", "TLS as a browser begins it.", _SHAKEN, "sidecar",
         _direct(lambda ground, resource: "", ("http/1.1",))),
    _row(307, "outsider", "A self-made certificate of the caller", "A certificate of one's own authority with the "
         "caller's SPIFFE id.", _SHAKEN, "sidecar",
         _direct(lambda ground, resource: self_made(_caller(ground, resource)))),
    _row(308, "outsider", "An expired certificate of the caller", "The same, expired an hour ago.", _SHAKEN, "sidecar",
         _direct(lambda ground, resource: self_made(_caller(ground, resource), begins=timedelta(hours=-25)))),
    _row(309, "outsider", "A certificate of tomorrow", "The same, not valid yet.", _SHAKEN, "sidecar",
         _direct(lambda ground, resource: self_made(_caller(ground, resource), begins=timedelta(hours=25)))),
    _row(310, "outsider", "Another trust domain", "A certificate of the caller's name in another trust "
                                                  "domain.", _SHAKEN,
         "sidecar", _direct(lambda ground, resource: self_made(_elsewhere(ground, resource)))),
    _row(311, "outsider", "The gateway's name", "A self-made certificate with the gateway's SPIFFE id.", _SHAKEN,
         "sidecar", _direct(lambda ground, resource: self_made(ground.stack.gateway_identity))),
    _row(312, "outsider", "A real certificate of no application", "Gets itself the certificate that istiod gives every "
         "service account of the cluster, and asks with it.", _REFUSED, "policy", _enrolled_outside),
    _row(320, "outsider", "A CSR with the API server's token", "Asks istiod for a certificate with the default "
                                                               "token of "
         "its service account.", "No certificate.", "control plane", _signing("kubernetes"), none_of(_any)),
    _row(321, "outsider", "A CSR with another audience's token", f"The same with a token for {_STS}.",
         "No certificate.", "control plane", _signing(_STS), none_of(_any)),
    _row(322, "outsider", "A CSR without a token", "The same without any.", "No certificate.", "control plane",
         _signing(""), none_of(_any)),
    _row(323, "outsider", "A CSR for another identity", "Asks with its own token for the caller's identity.",
         "No certificate, or one of the token's own identity.", "control plane", _signing(ISTIO_CA, other=True),
         none_of(_somebody_else)),
    _row(324, "outsider", "A CSR for an authority", "Asks for a certificate that may sign others.",
         "No certificate, or one that may not.", "control plane", _signing(ISTIO_CA, authority=True),
         none_of(_authority)),
    _row(325, "outsider", "A CSR in another's name", "Asks as ztunnel does, for an impersonated identity.",
         "No certificate, or one of the token's own identity.", "control plane",
         _signing(ISTIO_CA, impersonated=True), none_of(_somebody_else)),
    _row(326, "outsider", "A certificate of ninety days", "Asks with a token of an hour for a certificate of ninety "
         "days.", "No certificate, or one of a day.", "control plane", _signing(ISTIO_CA, seconds=90 * 86400),
         none_of(_too_long), medium=True),
    _row(327, "outsider", "A certificate of ten years", "The same for ten years.", "No certificate, or one of a day.",
         "control plane", _signing(ISTIO_CA, seconds=3650 * 86400), none_of(_too_long), medium=True),
)  # fmt: skip
