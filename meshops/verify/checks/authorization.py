"""Authorization: the right identity is let in, every other refused, and the audit log says so."""

from __future__ import annotations

from manifests.authentication import authentication_documents
from manifests.authorization import application_authorization, namespace_authorization
from manifests.document import Document
from manifests.mesh_graph import Member
from manifests.shadow import is_tried, namespace_shadow
from meshops.checks.model import Unavailable, Verdict
from meshops.verify.calling.plan import FORGED_ADDRESS, FORGED_PATH
from meshops.verify.calls import Purpose
from meshops.verify.check import Layer, check
from meshops.verify.facts import Exchange
from meshops.verify.stack import ROOT
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally

_LAYER: Layer = "Authorization"
_REFUSED = 403
_RBAC = "rbac_access_denied"
_NOBODY = "No application declares a caller in the mesh."


@check(
    "MV401",
    _LAYER,
    name="The right identity is let in",
    shows="Each declared caller gets an answer from the application itself for what it may ask.",
    how="A declared method and path from a probe pod with the caller's identity, labels and Sidecar; the callee's "
    "sidecar must have logged that identity and the application's own answer. Only GET, HEAD and OPTIONS are sent.",
    severity="high",
    remedy="See the callee's AuthorizationPolicy and the caller's Sidecar; the audit line names who was refused.",
    needs=("traffic",),
    calls=("right-identity",),
)
def right_identity(subject: Subject) -> Verdict:
    tally = Tally()
    asked = set()
    for exchange in subject.exchanges("right-identity"):
        call, answer, callee = exchange.call, exchange.answer, exchange.call.callee
        assert callee is not None
        assert call.caller is not None
        asked.add((named(call.caller), named(callee)))
        where = f"{named(call.caller)}: {call.named}"
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
            continue
        line = exchange.line_of(callee.namespace.name, callee.name)
        if answer.http_code == _REFUSED or answer.http_code >= 500 or not answer.http_code:
            tally.failed(f"{where}: {answer}{f', {line.reason}' if line else ''}")
        elif line is None:
            tally.unknown(f"{where}: {answer}, but the callee's sidecar has no line about it")
        elif not line.reached_application:
            tally.failed(f"{where}: {answer}, {line.reason}: not from the application")
        else:
            tally.passed(f"{where}: {answer} from the application")
    _not_asked(tally, subject, asked)
    return tally.verdict("{count} declared callers were answered by the application.", nothing=_NOBODY)


def _not_asked(tally: Tally, subject: Subject, asked: set[tuple[str, str]]) -> None:
    for callee in subject.stack.listeners:
        for grant in subject.stack.graph.grants(callee.namespace.name, callee.name):
            pair = (named(grant.caller), named(callee))
            if pair in asked:
                continue
            why = "no method that a probe may send is declared"
            if not grant.caller.namespace.in_mesh:
                why = "the caller is outside the mesh and has no identity"
            elif callee.application.opaque:
                why = "opaque TCP has no status to read"
            tally.note(f"not asked: {pair[0]} to {pair[1]}: {why}")


@check(
    "MV402",
    _LAYER,
    name="A wrong identity is refused",
    shows="Another identity gets 403 for exactly what a declared caller may ask.",
    how="The declared request from a probe pod with another service account, but the caller's labels, so that no "
    "Sidecar or NetworkPolicy stops it before the callee's policy does.",
    severity="critical",
    remedy="See the AuthorizationPolicies of the callee's namespace and of istio-system: one of them lets it in.",
    needs=("traffic",),
    calls=("wrong-identity",),
)
def wrong_identity(subject: Subject) -> Verdict:
    return _refusals(subject, "wrong-identity", "{count} wrong identities got 403.")


@check(
    "MV403",
    _LAYER,
    name="A wrong method is refused",
    shows="A declared caller gets 403 for a method that it may not use.",
    how="An undeclared, harmless method from a probe pod with the caller's identity.",
    severity="high",
    remedy="See the methods of the callee's AuthorizationPolicies.",
    needs=("traffic",),
    calls=("wrong-method",),
)
def wrong_method(subject: Subject) -> Verdict:
    return _refusals(subject, "wrong-method", "{count} wrong methods got 403.")


@check(
    "MV404",
    _LAYER,
    name="A wrong path is refused",
    shows="A declared caller gets 403 for a path that it may not ask for.",
    how="An undeclared path from a probe pod with the caller's identity.",
    severity="high",
    remedy="See the paths of the callee's AuthorizationPolicies.",
    needs=("traffic",),
    calls=("wrong-path",),
)
def wrong_path(subject: Subject) -> Verdict:
    return _refusals(subject, "wrong-path", "{count} wrong paths got 403.")


def _refusals(subject: Subject, purpose: Purpose, holds: str) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges(purpose):
        call, answer, callee = exchange.call, exchange.answer, exchange.call.callee
        assert callee is not None
        where = f"{call.identity}: {call.named}"
        if isinstance(answer, Unavailable):
            tally.unknown(f"{where}: {answer.reason}")
            continue
        line = exchange.line_of(callee.namespace.name, callee.name)
        if callee.namespace.shadowed:
            tally.note(f"not enforced: {where}: {answer}; the policies of {callee.namespace.name} are tried out only")
        elif answer.http_code == _REFUSED and line is not None and _RBAC in line.reason:
            tally.passed(f"{where}: 403, {line.reason}")
        elif answer.http_code == _REFUSED and line is not None and line.reached_application:
            tally.failed(f"{where}: the application itself said 403, the mesh let it through")
        elif answer.http_code == _REFUSED:
            tally.unknown(f"{where}: 403, but the callee's sidecar has no line that says why")
        elif not answer.http_code or answer.http_code >= 500:
            tally.unknown(f"{where}: {answer}: it did not reach the callee's policy")
        else:
            tally.failed(f"{where}: {answer}, not 403")
    return tally.verdict(
        holds, nothing=_NOBODY if purpose == "wrong-identity" else f"{_NOBODY[:-1]} with such a limit."
    )


@check(
    "MV405",
    _LAYER,
    name="The audit line of a refusal",
    shows="For every refused request the callee's log names both principals and the reason.",
    how="The lines of the refused probes in the access log of the callee's sidecar.",
    severity="high",
    remedy="See meshConfig.accessLogFormat and Telemetry istio-system/mesh-default; `pulumi up` sets them again.",
    needs=("traffic",),
    calls=("wrong-identity", "wrong-method", "wrong-path"),
)
def audit_line(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("wrong-identity", "wrong-method", "wrong-path"):
        if isinstance(exchange.answer, Unavailable) or exchange.answer.http_code != _REFUSED or _shadowed(exchange):
            continue  # it is no refusal; the check of that refusal says so
        _audited(tally, subject, exchange)
    return tally.verdict("{count} refusals, each with both principals and the reason.", nothing=_none_refused(subject))


def _none_refused(subject: Subject) -> str:
    """Empty, and so unknown, where there were refusals to be seen."""
    return "" if any(not _shadowed(one) for one in subject.exchanges("wrong-identity")) else _NOBODY


def _shadowed(exchange: Exchange) -> bool:
    """Whether nobody is refused there."""
    callee = exchange.call.callee
    return callee is not None and callee.namespace.shadowed


def _audited(tally: Tally, subject: Subject, exchange: Exchange) -> None:
    call, callee = exchange.call, exchange.call.callee
    assert callee is not None
    where = f"{call.identity}: {call.named}"
    line = exchange.line_of(callee.namespace.name, callee.name)
    if line is None:
        tally.failed(f"{where}: refused, and the callee's log has no line about it")
        return
    missing = [
        what
        for what, there in (
            ("the caller's principal", line.downstream_peer == call.identity),
            ("the callee's principal", line.downstream_local == subject.stack.principal(callee)),
            ("the reason", _RBAC in line.reason),
        )
        if not there
    ]
    if missing:
        tally.failed(f"{where}: the line lacks {', '.join(missing)}")
    else:
        tally.passed(
            f"{line.method} {line.path} {line.response_code} {line.reason}: spiffe://{line.downstream_peer} to "
            f"spiffe://{line.downstream_local}"
        )


@check(
    "MV407",
    _LAYER,
    name="The audit line says what the proxy saw",
    shows="A caller that claims another path and another address is logged with the real ones.",
    how="The declared request of each caller with x-envoy-original-path and X-Forwarded-For of its own invention; the "
    "line of the callee's sidecar.",
    severity="high",
    remedy="See meshConfig.accessLogFormat and EnvoyFilter istio-system/headers-nobody-may-send; run `pulumi up`.",
    needs=("traffic",),
    calls=("forged-headers",),
)
def forged_headers(subject: Subject) -> Verdict:
    tally = Tally()
    for exchange in subject.exchanges("forged-headers"):
        call, callee = exchange.call, exchange.call.callee
        assert callee is not None
        where = f"{call.identity}: {call.named}"
        if isinstance(exchange.answer, Unavailable):
            tally.unknown(f"{where}: {exchange.answer.reason}")
            continue
        line = exchange.line_of(callee.namespace.name, callee.name)
        if line is None:
            tally.unknown(f"{where}: {exchange.answer}, but the callee's sidecar has no line about it")
        elif line.path == FORGED_PATH or line.downstream_remote_address.startswith(f"{FORGED_ADDRESS}:"):
            tally.failed(f"{where}: logged as {line.path} from {line.downstream_remote_address}")
        else:
            tally.passed(f"{where}: logged as {line.path} from {line.downstream_remote_address}")
    return tally.verdict("{count} lines say what happened and not what was claimed.", nothing=_NOBODY)


@check(
    "MV406",
    _LAYER,
    name="Policies in force in the proxies",
    shows="Each application's proxy enforces exactly the ALLOW policies that the program makes for it.",
    how="istioctl x authz check of one pod of each, which reads the proxy's own configuration.",
    severity="critical",
    remedy="See what is missing or too much by name; a proxy that lags is shown by `istioctl proxy-status`.",
    needs=("workloads",),
)
def policies_in_force(subject: Subject) -> Verdict:
    tally = Tally()
    found = {(workload.namespace, workload.application): workload for workload in subject.workloads}
    for member in subject.stack.members:
        where, workload = named(member), found.get((member.namespace.name, member.name))
        if workload is None:
            tally.unknown(f"{where}: it has no running pod with a proxy")
            continue
        if isinstance(workload.policies, Unavailable):
            tally.unknown(f"{where}: {workload.policies.reason}")
            continue
        wanted, there = _expected_policies(subject, member), set(workload.policies)
        if wanted == there:
            tally.passed(f"{where}: {', '.join(sorted(there)) or 'none: nobody may call it'}")
        else:
            differences = [f"{name} is missing" for name in sorted(wanted - there)]
            differences += [f"{name} is too much" for name in sorted(there - wanted)]
            tally.failed(f"{where}: {', '.join(differences)}")
    return tally.verdict("{count} proxies enforce the program's policies.", nothing="No application in the mesh.")


def _expected_policies(subject: Subject, member: Member) -> set[str]:
    """As istioctl shows them, `name.namespace`: the mesh's, the namespace's and the application's own.

    One without rules is among them: it is what refuses whoever no other one lets in.
    """
    stack = subject.stack
    documents: list[Document | None] = [
        *namespace_shadow(member.namespace),
        namespace_authorization(member.namespace),
        application_authorization(member, stack.graph),
        *(item for item in authentication_documents(member, stack.graph) if item["kind"] == "AuthorizationPolicy"),
        *(item for item in stack.of_kind("AuthorizationPolicy") if item["metadata"]["namespace"] == ROOT),
    ]
    found = (item["metadata"] for item in documents if item is not None and not is_tried(item))
    return {f"{metadata['name']}.{metadata['namespace']}" for metadata in found}
