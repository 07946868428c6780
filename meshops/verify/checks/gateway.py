"""Load balancer to gateway: what the ALB does, done from a pod: TLS by address, without SNI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from meshops.checks.model import Unavailable, Verdict
from meshops.verify import certificate
from meshops.verify.check import Layer, check
from meshops.verify.facts import Answer, Exchange
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally
from meshops.verify.tokens import refused_without_token

_LAYER: Layer = "Load balancer to gateway"
# cert-manager begins a certificate at the second of its issue; an ACME-style back-dating would be at most this.
_LIFETIME_TOLERANCE = timedelta(hours=1)
_CONNECT_FAILED = (6, 7, 28)
"""curl: no such name, no connection, no time."""


@check(
    "MV201",
    _LAYER,
    name="TLS without SNI reaches the gateway",
    shows="Every gateway pod takes TLS 1.3 from a client that sends no SNI, as an ALB does (trap 3).",
    how="curl from a pod outside the mesh to the address of each gateway pod: an address is never sent as SNI.",
    severity="critical",
    remedy="The Gateway's HTTPS server must have hosts '*': any other value matches the SNI that an ALB does not send.",
    needs=("traffic",),
    calls=("gateway",),
)
def without_sni(subject: Subject) -> Verdict:
    tally = Tally()
    for address, exchange in _per_gateway(subject):
        answer = exchange.answer
        if isinstance(answer, Unavailable):
            tally.unknown(f"{address}: {answer.reason}")
        elif answer.http_code:
            tally.passed(f"{address}: TLS 1.3 and HTTP {answer.http_code}")
        elif answer.exit_code in _CONNECT_FAILED:
            tally.unknown(f"{address}: it could not be reached from a pod: {answer}")
        else:
            tally.failed(f"{address}: {answer}")
    return tally.verdict("{count} gateway pods took TLS 1.3 without SNI.")


@check(
    "MV202",
    _LAYER,
    name="Older TLS at the gateway",
    shows="No gateway pod takes TLS 1.2.",
    how="curl from a pod outside the mesh to the address of each gateway pod, with at most TLS 1.2.",
    severity="high",
    remedy="The Gateway's HTTPS server must say minProtocolVersion TLSV1_3; `pulumi up` sets it again.",
    needs=("traffic",),
    calls=("gateway-older-tls",),
)
def gateway_older_tls(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("gateway-older-tls"):
        address, answer = _address(exchange), exchange.answer
        if isinstance(answer, Unavailable):
            tally.unknown(f"{address}: {answer.reason}")
        elif answer.exit_code in _CONNECT_FAILED:
            tally.unknown(f"{address}: it could not be reached from a pod: {answer}")
        elif answer.http_code or answer.certificates:
            tally.failed(f"{address}: TLS 1.2 was taken")
        else:
            tally.passed(f"{address}: {answer}")
    return tally.verdict("{count} gateway pods refused TLS 1.2.")


@check(
    "MV203",
    _LAYER,
    name="Certificate of the gateway",
    shows="Every gateway pod serves an ECDSA P-256 certificate of the lifetime and issuer that the settings ask for.",
    how="The leaf of the handshake without SNI.",
    severity="high",
    remedy="See Certificate istio-ingress/istio-shared-gateway-tls and what cert-manager says about it.",
    needs=("traffic",),
    calls=("gateway",),
)
def gateway_certificate(subject: Subject) -> Verdict:
    tally, settings = Tally(), subject.stack.settings.certificates
    wanted = timedelta(hours=settings.duration_hours)
    for address, exchange in _per_gateway(subject):
        served = _served(exchange)
        if isinstance(served, str):
            tally.unknown(f"{address}: {served}")
            continue
        days = served.days_left(subject.now)
        line = f"{address}: {served.key}, {_lifetime(served.lifetime)} in all, {days} days left"
        if served.key != "ECDSA secp256r1":
            tally.failed(f"{line}: not ECDSA P-256")
        elif abs(served.lifetime - wanted) > _LIFETIME_TOLERANCE:
            tally.failed(f"{line}: {_lifetime(wanted)} asked for")
        elif served.self_signed != (settings.issuer == "selfSigned"):
            tally.failed(f"{line}: issued by {served.issuer}, the settings say {settings.issuer}")
        elif days < 0:
            tally.failed(f"{line}: it has ended")
        else:
            tally.passed(line)
    return tally.verdict("{count} gateway pods serve ECDSA P-256 of " + f"{_lifetime(wanted)}.")


@check(
    "MV204",
    _LAYER,
    name="The gateway serves its secret's certificate",
    shows="What every gateway pod serves is the newest certificate that cert-manager wrote into the secret.",
    how="The leaf of the handshake without SNI is compared with tls.crt of the secret; the key is never read.",
    severity="high",
    remedy="A gateway that serves an older one does not hear istiod: see `istioctl proxy-status`.",
    needs=("traffic", "secret"),
    calls=("gateway",),
)
def gateway_serves_secret(subject: Subject) -> Verdict:
    tally, wanted = Tally(), certificate.read(subject.secret)
    for address, exchange in _per_gateway(subject):
        served = _served(exchange)
        if isinstance(served, str):
            tally.unknown(f"{address}: {served}")
        elif served.fingerprint == wanted.fingerprint:
            tally.passed(f"{address}: {served.fingerprint[:16]}…")
        else:
            tally.failed(f"{address}: it serves {served.fingerprint[:16]}…, the secret has {wanted.fingerprint[:16]}…")
    return tally.verdict("{count} gateway pods serve the secret's certificate.")


@check(
    "MV205",
    _LAYER,
    name="The gateway routes by Host",
    shows="Every gateway pod sends a request without SNI to the application whose host it names.",
    how="curl from a pod outside the mesh with a Host header; the application's sidecar must have logged the request.",
    severity="critical",
    remedy="See the VirtualService of the host, and the gateway's access log for the reason.",
    needs=("traffic",),
    calls=("gateway",),
)
def gateway_routes(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("gateway"):
        callee, answer = exchange.call.callee, exchange.answer
        if callee is None:
            continue
        where = f"{exchange.call.host} by {_address(exchange)}"
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
            continue
        line = exchange.line_of(callee.namespace.name, callee.name)
        if answer.exit_code in _CONNECT_FAILED:
            tally.unknown(f"{where}: it could not be reached from a pod: {answer}")
        elif refused_without_token(callee, line):
            tally.passed(f"{where}: {answer} from {named(callee)}: it asks for a token")
        elif line is None or not line.reached_application or answer.http_code >= 500:
            tally.failed(f"{where}: {answer}, {'not seen by' if line is None else line.reason + ' at'} {named(callee)}")
        else:
            tally.passed(f"{where}: {answer} from {named(callee)}")
    return tally.verdict("{count} requests went to the application of their host.", nothing="No public hosts.")


def _per_gateway(subject: Subject) -> Iterator[tuple[str, Exchange]]:
    """One exchange for each gateway pod."""
    seen: set[str] = set()
    for exchange in subject.exchanges("gateway"):
        address = _address(exchange)
        if address not in seen:
            seen.add(address)
            yield address, exchange


def _address(exchange: Exchange) -> str:
    return exchange.call.url.partition("://")[2].partition("/")[0]


def _served(exchange: Exchange) -> certificate.Certificate | str:
    """The leaf, or why there is none."""
    answer = exchange.answer
    if isinstance(answer, Unavailable):
        return answer.reason
    return certificate.read(answer.certificates[0]) if answer.certificates else _nothing(answer)


def _nothing(answer: Answer) -> str:
    return f"no certificate was served: {answer}"


def _lifetime(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
