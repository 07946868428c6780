"""Egress, what is private: declared networks and hosts, and the Pod Identity agent of the nodes."""

from __future__ import annotations

from ipaddress import IPv4Network

from meshops.checks.model import Unavailable, Verdict
from meshops.verify.check import Layer, check
from meshops.verify.facts import Exchange
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally

_LAYER: Layer = "Egress"
_NAME_UNKNOWN = 6
_TIMED_OUT = 28
_BLACK_HOLE = "BlackHoleCluster"
# Envoy's flags of a connection that was never made: failure, no healthy host, no cluster.
_NOT_CONNECTED = ("UF", "UH", "NC")


@check(
    "MV504",
    _LAYER,
    name="Private addresses, for those who declare them",
    shows="Each application reaches the private networks and hosts that it declares, through its sidecar, and an "
    "application that does not declare them is blocked by its own.",
    how="curl from a probe pod with the application's identity, labels and Sidecar to the host, or to one address of "
    "the network, and the sidecar's own line about it; the same as another application of the namespace, and of "
    "another one. In a network of several addresses nobody may answer at the one that is asked: then the sidecar's "
    "line says that it would have been let out, and no more.",
    severity="critical",
    remedy="Declared and not reached: see the application's NetworkPolicy, the security group of the service and the "
    "route to it. Reached by another: see its Sidecar (REGISTRY_ONLY) and stray ServiceEntries.",
    needs=("traffic",),
    calls=("private-destination", "private-destination-stranger"),
)
def private_destinations(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("private-destination"):
        _declared(tally, exchange)
    for exchange in subject.exchanges("private-destination-stranger"):
        _blocked(tally, exchange)
    return tally.verdict("{count} calls went as declared.", nothing="No application declares anything private.")


@check(
    "MV505",
    _LAYER,
    name="AWS identities, for those who have one",
    shows="Each pod of an application with `awsPolicy` has been given its identity by EKS and reaches the node's Pod "
    "Identity agent; an application without one is blocked by its sidecar.",
    how="The variables of the running pods; curl of the agent, without the pod's token, from a probe pod with the "
    "application's identity, and as another application of the namespace, and of another one.",
    severity="critical",
    remedy="See the EKS add-on eks-pod-identity-agent and the service account's association; a pod that began before "
    "it has to be made anew.",
    needs=("objects", "traffic"),
    calls=("agent", "agent-stranger"),
)
def aws_identities(subject: Subject) -> Verdict:
    tally = Tally()
    for member in subject.stack.members:
        if not member.application.aws_policy:
            continue
        for pod in subject.objects.pods_of(member.namespace.name, {"app": member.name}):
            if pod.aws_identity:
                tally.passed(f"{pod}: EKS gave it its identity")
            else:
                tally.failed(f"{pod} was given no identity: it began before its association, or there is none")
    for exchange in subject.exchanges("agent"):
        where, answer = _where(exchange), exchange.answer
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
        elif answer.http_code and exchange.client_line is None:
            tally.passed(f"{where}: {answer}, past its sidecar")
        else:
            line = exchange.client_line
            tally.failed(f"{where}: {answer}{', taken by its sidecar' if line else ''}")
    for exchange in subject.exchanges("agent-stranger"):
        _blocked(tally, exchange)
    return tally.verdict("{count} as declared.", nothing="No application has an identity in AWS.")


def _declared(tally: Tally, exchange: Exchange) -> None:
    where, answer, line = _where(exchange), exchange.answer, exchange.client_line
    if isinstance(answer, Unavailable):
        tally.unknown(f"{where}: {answer.reason}")
    elif answer.exit_code == _NAME_UNKNOWN:
        tally.unknown(f"{where}: its name does not resolve")
    elif line is None:
        tally.unknown(f"{where}: {answer}; its sidecar wrote no line about it")
    elif line.upstream_cluster == _BLACK_HOLE or (line.response_code and not line.reached_application):
        tally.failed(f"{where}: {answer}, {line.upstream_cluster or line.reason}: its own sidecar blocks it")
    elif answer.http_code or (
        answer.exit_code != _TIMED_OUT and not any(flag in line.flags for flag in _NOT_CONNECTED)
    ):
        tally.passed(f"{where}: {answer} by {line.upstream_cluster}")
    elif _is_one_of_many(exchange):
        tally.passed(f"{where}: let out by {line.upstream_cluster}; nobody answers at {exchange.call.url}")
    else:
        tally.failed(f"{where}: {answer}, {line.upstream_cluster} {line.flags}")


def _blocked(tally: Tally, exchange: Exchange) -> None:
    where, answer, line = _where(exchange), exchange.answer, exchange.client_line
    if isinstance(answer, Unavailable):
        tally.unknown(f"{where}, which is not its own: {answer.reason}")
    elif line is not None and line.upstream_cluster == _BLACK_HOLE:
        tally.passed(f"{where}, which is not its own: {answer}; its sidecar logged {_BLACK_HOLE}")
    elif line is not None and line.response_code and not line.reached_application:
        # HTTP that the sidecar reads is answered by it where it sends nothing on.
        tally.passed(f"{where}, which is not its own: {answer} by its sidecar, {line.reason}")
    elif line is not None or answer.http_code:
        by = f"its sidecar let it out by {line.upstream_cluster}" if line else "past its sidecar"
        tally.failed(f"{where}, which is not its own: {answer}; {by}")
    elif answer.exit_code == _NAME_UNKNOWN:
        tally.unknown(f"{where}, which is not its own: its name does not resolve, so the mesh was not asked")
    else:
        tally.unknown(f"{where}, which is not its own: {answer}; its sidecar wrote no line about it")


def _is_one_of_many(exchange: Exchange) -> bool:
    """Whether the destination is a network, of whose addresses one was asked."""
    try:
        return IPv4Network(exchange.call.host).num_addresses > 1
    except ValueError:
        return False


def _where(exchange: Exchange) -> str:
    caller = exchange.call.caller
    return f"{named(caller) if caller else 'outside'} to {exchange.call.host}"
