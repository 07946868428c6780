"""What the node enforces, whatever a process does to its sidecar: NetworkPolicies, by traffic."""

from __future__ import annotations

from collections.abc import Iterator

from meshops.checks.model import Unavailable, Verdict
from meshops.verify.calls import Purpose
from meshops.verify.check import check
from meshops.verify.facts import Answer, Exchange
from meshops.verify.subject import FactMissing, Subject, named
from meshops.verify.tally import Tally

_TIMED_OUT = 28
_REMEDY = (
    "See the NetworkPolicies (MV616) and whether the CNI enforces them on the pod's node: the VPC CNI with "
    "enableNetworkPolicy, and its node agent."
)
_UNENFORCED = Unavailable(
    reason="Nobody enforces NetworkPolicies here: a pod that one lets nowhere reached the API server.", remedy=_REMEDY
)
_UNTRIED = Unavailable(
    reason="Whether anybody enforces NetworkPolicies could not be seen: a pod that none is for did not reach the API "
    "server either.",
    remedy=_REMEDY,
)
_BEARINGS: tuple[Purpose, ...] = ("caged", "uncaged")


@check(
    "MV309",
    "Pod to pod",
    name="Nobody connects whom no NetworkPolicy names",
    shows="An application's pods take connections from its declared callers, and not one packet from a pod of no "
    "application, a neighbour in its namespace or an application of another.",
    how="curl from pods without a sidecar to the pods' own addresses and ports: outside the mesh, and with the labels "
    "of an application. Before that, that NetworkPolicies are enforced at all: a pod that one lets nowhere, and one "
    "beside it, ask the API server.",
    severity="critical",
    remedy=_REMEDY,
    needs=("traffic",),
    calls=(*_BEARINGS, "network-stranger", "network-declared"),
)
def into_applications(subject: Subject) -> Verdict:
    _require_engine(subject)
    tally = Tally()
    _refused(tally, subject.exchanges("network-stranger"))
    _connected(tally, subject.exchanges("network-declared"))
    return tally.verdict("{count} connections as declared.", nothing="No application listens.")


@check(
    "MV310",
    "Pod to pod",
    name="Platform ports only for those in need",
    shows="A pod outside the mesh gets no connection to istiod, the gateway, cert-manager or the collector; an "
    "application gets those to istiod, the collector and the cluster's DNS.",
    how="curl to a pod of each, on the ports that it listens on, from a pod outside the mesh, and from one with the "
    "labels of an application and no sidecar. Enforcement is looked for as for MV309.",
    severity="high",
    remedy=_REMEDY,
    needs=("traffic",),
    calls=(*_BEARINGS, "platform-stranger", "platform-declared"),
)
def into_platform(subject: Subject) -> Verdict:
    _require_engine(subject)
    tally = Tally()
    _refused(tally, subject.exchanges("platform-stranger"))
    _connected(tally, subject.exchanges("platform-declared"))
    return tally.verdict("{count} connections as they should be.")


@check(
    "MV506",
    "Egress",
    name="Past its sidecar an application gets nowhere",
    shows="A process that goes round its sidecar reaches neither the API server, nor the instance metadata, nor a "
    "resolver that is not the cluster's.",
    how="curl to these addresses from a pod with an application's labels and no sidecar, one in each namespace, and as "
    "a control from a pod that no policy is for. Enforcement is looked for as for MV309.",
    severity="critical",
    remedy=_REMEDY,
    needs=("traffic",),
    calls=(*_BEARINGS, "past-sidecar", "past-sidecar-control"),
)
def past_sidecars(subject: Subject) -> Verdict:
    _require_engine(subject)
    tally = Tally()
    answering = {
        exchange.call.url for exchange in subject.exchanges("past-sidecar-control") if _reached(exchange.answer)
    }
    for exchange in subject.exchanges("past-sidecar"):
        if exchange.call.url in answering or _reached(exchange.answer):
            _refused(tally, [exchange])
        else:
            tally.note(f"{_said(exchange)}; but nobody answers the control there either")
    return tally.verdict("{count} connections refused.", nothing="No application in the mesh.")


def _require_engine(subject: Subject) -> None:
    """Raises FactMissing unless NetworkPolicies are seen to be enforced."""
    answers = {exchange.call.purpose: exchange.answer for exchange in subject.exchanges(*_BEARINGS)}
    if not _reached(answers.get("uncaged")):
        raise FactMissing(_UNTRIED)
    if not _silent(answers.get("caged")):
        raise FactMissing(_UNENFORCED)


def _refused(tally: Tally, exchanges: Iterator[Exchange] | list[Exchange]) -> None:
    for exchange in exchanges:
        if isinstance(exchange.answer, Unavailable):
            tally.unknown(f"{_where(exchange)}: {exchange.answer.reason}")
        elif _silent(exchange.answer):
            tally.passed(f"{_said(exchange)}")
        else:
            tally.failed(f"{_said(exchange)}: it got there")


def _connected(tally: Tally, exchanges: Iterator[Exchange]) -> None:
    for exchange in exchanges:
        if isinstance(exchange.answer, Unavailable):
            tally.unknown(f"{_where(exchange)}: {exchange.answer.reason}")
        elif _reached(exchange.answer):
            tally.passed(f"{_where(exchange)}: connected, as declared")
        else:
            tally.failed(f"{_said(exchange)}, and it is declared")


def _silent(answer: Answer | Unavailable | None) -> bool:
    """No connection, and nobody who said no: a packet that a policy does not let through is dropped."""
    return isinstance(answer, Answer) and answer.exit_code == _TIMED_OUT and not answer.local_address


def _reached(answer: Answer | Unavailable | None) -> bool:
    """Connected, whatever came of it, or refused by the other side itself."""
    return isinstance(answer, Answer) and not _silent(answer)


def _said(exchange: Exchange) -> str:
    return f"{_where(exchange)}: {exchange.answer}"


def _where(exchange: Exchange) -> str:
    call = exchange.call
    source = named(call.caller) if call.caller else "a pod outside"
    target = named(call.callee) if call.callee else call.host
    return f"{source} to {f'{target} ' if target else ''}{call.url}"
