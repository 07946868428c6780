"""Pod to pod: mutual TLS with the identities of both ends, and no plaintext."""

from __future__ import annotations

from manifests.mesh_graph import Member
from manifests.mesh_policies import namespace_mode
from meshops.checks.model import Unavailable, Verdict
from meshops.verify import certificate
from meshops.verify.access_log import LogLine
from meshops.verify.check import Layer, check
from meshops.verify.facts import Answer, Exchange
from meshops.verify.stack import GATEWAY_KEY
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally

_LAYER: Layer = "Pod to pod"
RESET = 56
TIMED_OUT = 28
UNREACHABLE = (6, 7)


@check(
    "MV301",
    _LAYER,
    name="Gateway to pod: mutual TLS",
    shows="The gateway calls each published application over mTLS, and both ends show their SPIFFE identity.",
    how="A request through the gateway; both identities are read from the gateway's and the sidecar's own access log.",
    severity="critical",
    remedy="See the DestinationRule of the application and the PeerAuthentication of its namespace.",
    needs=("traffic",),
    calls=("gateway",),
)
def gateway_to_pod(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("gateway"):
        callee = exchange.call.callee
        if callee is not None:
            _identities(tally, subject, exchange, callee, exchange.line_of(*GATEWAY_KEY))
    return tally.verdict(
        "{count} calls of the gateway, both identities seen on both sides.", nothing="No public hosts."
    )


@check(
    "MV302",
    _LAYER,
    name="Pod to pod: mutual TLS",
    shows="Each declared caller reaches its callee over mTLS, and both ends show their SPIFFE identity.",
    how="A request of a probe pod with the caller's identity; both identities are read from both sidecars' logs.",
    severity="critical",
    remedy="See the DestinationRule of the callee and the PeerAuthentication of its namespace.",
    needs=("traffic",),
    calls=("right-identity",),
)
def pod_to_pod(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("right-identity"):
        callee = exchange.call.callee
        if callee is not None:
            _identities(tally, subject, exchange, callee, exchange.client_line)
    return tally.verdict("{count} calls, both identities seen on both sides.", nothing="No application calls another.")


def _identities(tally: Tally, subject: Subject, exchange: Exchange, callee: Member, client: LogLine | None) -> None:
    call, answer = exchange.call, exchange.answer
    expected = (call.identity, subject.stack.principal(callee))
    where = f"{call.identity} to {named(callee)}"
    if isinstance(answer, Unavailable):
        tally.unknown(f"{where}: {answer.reason}")
        return
    server = exchange.line_of(callee.namespace.name, callee.name)
    if server is None or client is None:
        side = "callee" if server is None else "caller"
        # What never arrived says nothing about identities; another check says why.
        tally.unknown(f"{where}: {answer}; no line of the {side}'s proxy about it")
        return
    seen = (server.downstream_peer, server.downstream_local)
    said = (client.upstream_local, client.upstream_peer)
    for side, pair in (("callee's", seen), ("caller's", said)):
        if pair != expected:
            shown = " and ".join(item or "no identity" for item in pair)
            tally.failed(f"{where}: the {side} proxy logged {shown}")
            return
    tally.passed(f"spiffe://{expected[0]} to spiffe://{expected[1]}, logged by both proxies")


@check(
    "MV303",
    _LAYER,
    name="Plaintext from outside the mesh",
    shows="Every application of a strict namespace resets a plaintext connection (curl exit code 56).",
    how="curl from a pod without a sidecar to each application; where a NetworkPolicy stops it first, again from a pod "
    "that the policy admits. Permissive namespaces must accept it, as their phase says.",
    severity="critical",
    remedy="See the PeerAuthentications of istio-system and of the namespace, and that every pod has its sidecar.",
    needs=("traffic",),
    calls=("plaintext", "plaintext-past-network-policy"),
)
def plaintext(subject: Subject) -> Verdict:
    tally = Tally()
    again = {
        named(exchange.call.callee): exchange
        for exchange in subject.exchanges("plaintext-past-network-policy")
        if exchange.call.callee
    }
    for exchange in subject.exchanges("plaintext"):
        callee = exchange.call.callee
        if callee is not None:
            _plaintext(tally, callee, exchange, again.get(named(callee)))
    permissive = sum(member.namespace.phase == "permissive" for member in subject.stack.listeners)
    holds = "{count} applications reset plaintext: curl exit code 56."
    if permissive:
        holds = "{count} applications answered plaintext as their phase says; " + f"{permissive} permissive."
    return tally.verdict(holds, nothing="No application listens.")


def _plaintext(tally: Tally, callee: Member, outside: Exchange, admitted: Exchange | None) -> None:
    where = named(callee)
    deciding, wall = outside, ""
    if _timed_out(outside):
        wall = "the NetworkPolicy dropped it; past that, "
        if admitted is None:
            tally.unknown(f"{where}: a NetworkPolicy dropped it, and nobody is admitted who could try its sidecar")
            return
        deciding = admitted
    answer = deciding.answer
    if isinstance(answer, Unavailable):
        tally.unknown(f"{where}: {answer.reason}")
    elif answer.exit_code in UNREACHABLE or answer.exit_code == TIMED_OUT:
        tally.unknown(f"{where}: {wall}it could not be reached: {answer}")
    elif callee.namespace.phase == "strict":
        _strict(tally, where, callee, deciding, answer, wall)
    elif answer.http_code or answer.exit_code in (0, 1, 52):
        tally.passed(f"{where}: {wall}accepted ({answer}), as phase permissive says")
    else:
        tally.failed(f"{where}: {wall}{answer}, but phase permissive takes plaintext")


def _strict(tally: Tally, where: str, callee: Member, exchange: Exchange, answer: Answer, wall: str) -> None:
    line = exchange.line_of(callee.namespace.name, callee.name)
    if answer.exit_code == RESET and not answer.http_code:
        logged = f", logged {line.reason}" if line else ""
        tally.passed(f"{where}: {wall}reset, curl exit 56{logged}")
    elif answer.http_code:
        tally.failed(f"{where}: {wall}plaintext got HTTP {answer.http_code}")
    else:
        tally.failed(f"{where}: {wall}{answer}, not the reset (exit 56) of a sidecar in STRICT")


def _timed_out(exchange: Exchange) -> bool:
    return isinstance(exchange.answer, Answer) and exchange.answer.exit_code == TIMED_OUT


@check(
    "MV304",
    _LAYER,
    name="Workload certificates",
    shows="Each application's proxy, and the gateway's, holds a valid certificate of its own SPIFFE identity.",
    how="istioctl proxy-config secret of one pod of each.",
    severity="critical",
    remedy="See that the pod reaches istiod (15012), and istiod's log for refused certificate requests.",
    needs=("workloads",),
)
def workload_certificates(subject: Subject) -> Verdict:
    tally, stack = Tally(), subject.stack
    expected = {(member.namespace.name, member.name): stack.principal(member) for member in stack.members}
    expected[GATEWAY_KEY] = stack.gateway_identity
    held = {(workload.namespace, workload.application): workload for workload in subject.workloads}
    for key, identity in expected.items():
        where, workload = "/".join(key), held.get(key)
        if workload is None:
            tally.unknown(f"{where}: it has no running pod with a proxy")
        elif isinstance(workload.certificate, Unavailable):
            tally.unknown(f"{where}: {workload.certificate.reason}")
        else:
            found = certificate.read(workload.certificate)
            hours = int((found.not_after - subject.now).total_seconds() // 3600)
            if found.uris != (f"spiffe://{identity}",):
                tally.failed(f"{where}: its certificate says {', '.join(found.uris) or 'no identity'}")
            elif hours < 1:
                tally.failed(f"{where}: its certificate ends {found.not_after:%Y-%m-%d %H:%M} UTC and is not renewed")
            else:
                tally.passed(f"{where}: spiffe://{identity}, {hours} hours left")
    return tally.verdict("{count} proxies hold a certificate of their own identity.")


@check(
    "MV305",
    _LAYER,
    name="mTLS mode in force",
    shows="The mode that is in force in each application's pods is the one of its phase.",
    how="istioctl x describe pod of one pod of each.",
    severity="critical",
    remedy="See the PeerAuthentications of istio-system, of the namespace, and with a selector.",
    needs=("workloads",),
)
def mode_in_force(subject: Subject) -> Verdict:
    tally = Tally()
    found = {(workload.namespace, workload.application): workload for workload in subject.workloads}
    for member in subject.stack.members:
        wanted = namespace_mode(member.namespace)
        workload = found.get((member.namespace.name, member.name))
        if workload is None:
            tally.unknown(f"{named(member)}: it has no running pod with a proxy")
        elif isinstance(workload.mtls, Unavailable):
            tally.unknown(f"{named(member)}: {workload.mtls.reason}")
        elif workload.mtls != wanted:
            tally.failed(f"{named(member)}: {workload.mtls}, its phase says {wanted}")
        else:
            tally.passed(f"{named(member)}: {wanted}")
    return tally.verdict("{count} applications, each in the mode of its phase.", nothing="No application in the mesh.")
