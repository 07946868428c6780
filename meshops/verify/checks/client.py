"""Client to load balancer: TLS 1.3, ACM's certificate, the redirect, and an application that answers."""

from __future__ import annotations

from meshops.checks.model import Verdict
from meshops.verify import certificate
from meshops.verify.check import Layer, check
from meshops.verify.facts import Handshake, line_of
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally
from meshops.verify.tokens import refused_without_token

_LAYER: Layer = "Client to load balancer"
_NO_ALB = "Not needed: this stack has no ALB."
_ANSWERS = range(200, 400)


@check(
    "MV101",
    _LAYER,
    name="TLS 1.3 to the load balancer",
    shows="A client negotiates TLS 1.3 with the ALB.",
    how="A connection from this machine to the Ingress's address that offers TLS 1.3 only.",
    severity="critical",
    remedy="See the listener's policy (loadBalancer.sslPolicy) and what changed it outside the program.",
    needs=("edge",),
)
def tls_13(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    edge = subject.edge
    if edge.modern.version == "TLSv1.3":
        return Verdict(status="pass", finding=f"{edge.address} negotiated TLS 1.3, {edge.modern.cipher}.")
    return _failed_handshake(edge.address, edge.modern, "TLS 1.3")


@check(
    "MV102",
    _LAYER,
    name="Older TLS at the load balancer",
    shows="The ALB refuses TLS 1.2, or takes it where the settings' policy says so.",
    how="A connection from this machine to the Ingress's address that offers TLS 1.2 only.",
    severity="high",
    remedy="Set loadBalancer.sslPolicy to a policy of TLS 1.3 only, and see what changed the listener.",
    needs=("edge",),
)
def older_tls(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    older, policy = subject.edge.older, subject.stack.settings.load_balancer.ssl_policy
    accepted = policy.startswith("ELBSecurityPolicy-TLS13-1-2-")
    if older.version:
        if accepted:
            return Verdict(status="pass", finding=f"{older.version} was taken, as {policy} says.")
        return Verdict(status="fail", finding=f"{older.version} was taken; {policy} is for TLS 1.3 only.")
    if not older.refused:
        return Verdict(status="unknown", finding=f"{subject.edge.address} could not be asked: {older.problem}")
    if accepted:
        return Verdict(
            status="fail", finding=f"TLS 1.2 was refused, but {policy} takes it: another policy is in force."
        )
    return Verdict(status="pass", finding="TLS 1.2 was refused.", evidence=(older.problem,))


@check(
    "MV103",
    _LAYER,
    name="Certificate of the load balancer",
    shows="The ALB serves exactly the ACM certificate that the Ingress names.",
    how="The leaf of a handshake from this machine is compared with ACM's GetCertificate of the Ingress's ARN.",
    severity="critical",
    remedy="See the listener's certificates in the console: another one may have been added or chosen by SNI.",
    needs=("edge", "acm"),
)
def acm_certificate(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    edge = subject.edge
    if not edge.modern.certificate:
        return Verdict(status="unknown", finding=f"{edge.address} served no certificate: {edge.modern.problem}")
    served, wanted = certificate.read(edge.modern.certificate), certificate.read(subject.acm)
    days = served.days_left(subject.now)
    evidence = (
        f"served {served.fingerprint[:16]}…, ACM has {wanted.fingerprint[:16]}…",
        f"{served.key}, {days} days left",
    )
    if served.fingerprint != wanted.fingerprint:
        return Verdict(status="fail", finding="The served certificate is not ACM's.", evidence=evidence)
    if days < 0:
        return Verdict(status="fail", finding=f"It ended on {served.not_after:%Y-%m-%d}.", evidence=evidence)
    return Verdict(status="pass", finding=f"It is ACM's: {served.key}, {days} days left.", evidence=evidence)


@check(
    "MV104",
    _LAYER,
    name="HTTP is redirected",
    shows="Plain HTTP gets 301 to HTTPS and nothing else.",
    how="A GET from this machine to port 80 of the Ingress's address.",
    severity="high",
    remedy="See the annotations listen-ports and ssl-redirect of the Ingress; `pulumi up` sets them again.",
    needs=("edge",),
)
def redirect(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    answer = subject.edge.redirect
    if not answer.status:
        return Verdict(status="unknown", finding=f"Port 80 of {subject.edge.address} gave no answer: {answer.problem}")
    said = f"HTTP {answer.status}{f' to {answer.location}' if answer.location else ''}"
    if answer.status == 301 and answer.location.startswith("https://"):
        return Verdict(status="pass", finding=f"{said}.")
    return Verdict(status="fail", finding=f"{said}, not 301 to https.")


@check(
    "MV105",
    _LAYER,
    name="Public hosts answer through all layers",
    shows="Each public host is answered by its own application, through load balancer, gateway and sidecar.",
    how="A GET of the readiness path from this machine; the application's sidecar and the gateway must have logged it.",
    severity="critical",
    remedy="Follow the request: the load balancer's targets, the gateway's access log, the VirtualService of the host.",
    needs=("edge", "traffic"),
)
def public_hosts(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    tally = Tally()
    assert subject.traffic, "the proxies' lines about these answers come with it"
    owners = {host: member for member in subject.stack.published for host in member.application.hosts}
    for answer in subject.edge.answers if owners else ():
        if answer.forged:
            continue
        member = owners[answer.host]
        line = line_of(answer.lines, member.namespace.name, member.name)
        others = sorted({f"{item.namespace}/{item.application}" for item in answer.lines})
        if not answer.status:
            tally.failed(f"{answer.host}: no answer ({answer.problem})")
        elif line is None and answer.status in _ANSWERS:
            tally.failed(
                f"{answer.host}: HTTP {answer.status}, but the sidecar of {named(member)} logged no such request "
                f"(seen by {', '.join(others) or 'no proxy'})"
            )
        elif refused_without_token(member, line):
            tally.passed(f"{answer.host}: HTTP {answer.status} from {named(member)}: it asks for a token")
        elif answer.status not in _ANSWERS:
            tally.failed(f"{answer.host}: HTTP {answer.status} (seen by {', '.join(others) or 'no proxy'})")
        else:
            gateway = next((item.forwarded_for for item in answer.lines if item.forwarded_for), "")
            came = f", X-Forwarded-For {gateway}" if gateway else ""
            tally.passed(f"{answer.host}: HTTP {answer.status} from {named(member)}{came}")
    return tally.verdict("{count} hosts answered, each from its own application.", nothing="No public hosts.")


@check(
    "MV106",
    _LAYER,
    name="Passthrough hosts serve their own certificate",
    shows="Under each passthrough host the application itself answers with its certificate; nobody before ends TLS. "
    "The hosts behind the ALB, its WAF and its log are not to be had at the NLB.",
    how="A handshake with the host's name from this machine to the NLB's address; the leaf must not be the gateway's. "
    "The same with the names of the ALB's hosts, which nobody may answer.",
    severity="critical",
    remedy="See the Gateway's PASSTHROUGH server and the host's VirtualService (tls, sniHosts).",
    needs=("passthrough", "secret"),
)
def passthrough(subject: Subject) -> Verdict:
    tally, found = Tally(), subject.passthrough
    gateway = certificate.read(subject.secret).fingerprint
    for host, handshake in found.handshakes.items():
        if not handshake.certificate:
            missed = tally.failed if handshake.refused else tally.unknown
            missed(f"{host} at {found.address}: no TLS ({handshake.problem or 'no certificate'})")
            continue
        served = certificate.read(handshake.certificate)
        days = served.days_left(subject.now)
        line = f"{host}: {handshake.version}, {served.key} of {served.issuer}, {days} days left"
        if served.fingerprint == gateway:
            tally.failed(f"{host}: the gateway's certificate is served: TLS ends there")
        elif days < 0:
            tally.failed(f"{line}: it has ended")
        else:
            tally.passed(line)
    for host, handshake in found.terminated.items():
        if handshake.certificate:
            tally.failed(f"{host} is the ALB's, and answered at {found.address} too")
        elif handshake.refused:
            tally.passed(f"{host} at {found.address}: refused")
        else:
            tally.unknown(f"{host} at {found.address} could not be asked: {handshake.problem}")
    return tally.verdict(
        "{count} handshakes at the NLB, each as it must be.", nothing="No application passes its TLS through."
    )


def _failed_handshake(address: str, handshake: Handshake, wanted: str) -> Verdict:
    if handshake.refused:
        return Verdict(status="fail", finding=f"{address} refused {wanted}: {handshake.problem}")
    return Verdict(status="unknown", finding=f"{address} could not be asked: {handshake.problem or 'no TLS'}")
