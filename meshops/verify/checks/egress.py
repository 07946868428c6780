"""Egress: declared external hosts are reached, all others blocked by the mesh."""

from __future__ import annotations

from meshops.checks.model import Unavailable, Verdict
from meshops.verify.check import Layer, check
from meshops.verify.facts import Answer, Exchange
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally

_LAYER: Layer = "Egress"
_NAME_UNKNOWN = 6
# curl's words beside its exit code for every kind of timeout.
_NOT_RESOLVED = "Resolving timed out"
_BLACK_HOLE = "BlackHoleCluster"


@check(
    "MV501",
    _LAYER,
    name="Declared hosts are reached",
    shows="Each application reaches the external hosts that it declares, through its sidecar.",
    how="curl from a probe pod with the application's identity, labels and Sidecar; its certificate is verified.",
    severity="high",
    remedy="See the ServiceEntry of the host, the application's Sidecar, and the way out of the VPC.",
    needs=("traffic",),
    calls=("declared-host",),
)
def declared_hosts(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("declared-host"):
        where, answer, line = _where(exchange), exchange.answer, exchange.client_line
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
        elif answer.exit_code == _NAME_UNKNOWN:
            tally.unknown(f"{where}: its name does not resolve")
        elif line and line.response_code and not line.reached_application:
            # HTTP that the sidecar reads is answered by it, too, where it sends nothing on.
            tally.failed(f"{where}: {answer}, {line.reason}")
        elif answer.http_code:
            by = f" by {line.upstream_cluster}" if line and line.upstream_cluster else ""
            tally.passed(f"{where}: {answer}{by}")
        else:
            tally.failed(f"{where}: {answer}{f', {line.upstream_cluster} {line.flags}' if line else ''}")
    for member in subject.stack.members:
        for egress in member.application.egress:
            if egress.protocol == "TCP":
                tally.note(f"not asked: {named(member)} to {egress.destination}:{egress.port}: opaque TCP")
    return tally.verdict("{count} declared hosts were reached.", nothing="No application declares a host to ask.")


@check(
    "MV502",
    _LAYER,
    name="Undeclared hosts are blocked",
    shows="An application does not reach a host that nobody declares, and it is the mesh that blocks it.",
    how="curl from a probe pod with the application's identity to a host that is not declared; as a control the same "
    "from a pod outside the mesh, and the sidecar's own line about it. Behind a DNS firewall, which has no address for "
    "such a host, to an address that is given to curl.",
    severity="critical",
    remedy="See the application's Sidecar (REGISTRY_ONLY) and stray ServiceEntries.",
    needs=("traffic",),
    calls=("undeclared-host", "undeclared-host-outside"),
)
def undeclared_hosts(subject: Subject) -> Verdict:
    tally = Tally()
    control = next(subject.exchanges("undeclared-host-outside"), None)
    reachable = control is not None and isinstance(control.answer, Answer) and control.answer.http_code > 0
    for exchange in subject.exchanges("undeclared-host"):
        where, answer, line = _where(exchange), exchange.answer, exchange.client_line
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
        elif answer.http_code and not (line and line.upstream_cluster == _BLACK_HOLE):
            tally.failed(f"{where}: {answer}")
        elif line is not None and line.upstream_cluster == _BLACK_HOLE:
            tally.passed(f"{where}: {answer}; its sidecar logged {_BLACK_HOLE}")
        elif answer.exit_code == _NAME_UNKNOWN:
            tally.unknown(f"{where}: its name does not resolve, so the mesh was not asked")
        elif reachable:
            tally.passed(f"{where}: {answer}; from a pod outside the mesh it is reachable")
        else:
            said = "nobody asked" if control is None else _said(control)
            tally.unknown(f"{where}: {answer}, but neither does it from a pod outside the mesh ({said})")
    if control is not None:
        tally.note(f"control, from a pod outside the mesh: {control.call.url} {_said(control)}")
    return tally.verdict("{count} applications were blocked by the mesh.", nothing="No application in the mesh.")


@check(
    "MV503",
    _LAYER,
    name="Undeclared names are not looked up",
    shows="Where the stack has a DNS firewall, a name that nobody declares has no address, in the mesh or outside: it "
    "cannot carry anything out.",
    how="curl from a pod outside the mesh by the name of a host that is not declared, which must not resolve; as a "
    "control the declared hosts, one of which must.",
    severity="high",
    remedy="See network.dnsFirewall, rule groups of the VPC that come before the program's, and CoreDNS's forwarders: "
    "one that is not the VPC's resolver goes past its firewall.",
    needs=("traffic",),
    calls=("declared-host", "undeclared-host-outside"),
)
def undeclared_names(subject: Subject) -> Verdict:
    tally = Tally()
    known = [exchange for exchange in subject.exchanges("declared-host") if _resolved(exchange)]
    if subject.stack.settings.network.dns_firewall is None:
        return tally.verdict("", nothing="The stack has no DNS firewall: every name is looked up.")
    for exchange in subject.exchanges("undeclared-host-outside"):
        where, answer = _where(exchange), exchange.answer
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
        elif _NOT_RESOLVED in answer.error:
            tally.unknown(f"{where}: {answer}")
        elif answer.exit_code != _NAME_UNKNOWN:
            tally.failed(f"{where}: its name resolves ({answer})")
        elif known:
            tally.passed(f"{where}: no address; {known[0].call.host} has one")
        else:
            tally.unknown(f"{where}: no address, but neither has any declared host: nothing shows that DNS answers")
    return tally.verdict("An undeclared name has no address, a declared one has.")


def _resolved(exchange: Exchange) -> bool:
    answer = exchange.answer
    return isinstance(answer, Answer) and answer.exit_code != _NAME_UNKNOWN and _NOT_RESOLVED not in answer.error


def _where(exchange: Exchange) -> str:
    caller = exchange.call.caller
    return f"{named(caller) if caller else 'outside'} to {exchange.call.host}"


def _said(exchange: Exchange) -> str:
    return exchange.answer.reason if isinstance(exchange.answer, Unavailable) else str(exchange.answer)
