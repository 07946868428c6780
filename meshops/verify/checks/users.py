"""The user's identity: without a token nobody gets in where one is asked for, and a forged one is none."""

from __future__ import annotations

from manifests.names import ISTIO_SYSTEM
from meshops.checks.model import Verdict
from meshops.verify.check import check
from meshops.verify.checks.rules import as_made
from meshops.verify.comparison import strangers
from meshops.verify.facts import HttpAnswer, line_of
from meshops.verify.subject import Subject, named
from meshops.verify.tally import Tally
from meshops.verify.tokens import FORGED_REASON, refused_without_token

_REFUSED = 403
_UNAUTHENTICATED = 401
_NO_ALB = "Not needed: this stack has no ALB."


@check(
    "MV408",
    "Authorization",
    name="Without a token nobody gets in",
    shows="Each host that asks for a user's token refuses a request without one, and a token that nobody signed.",
    how="Two GETs from this machine through the load balancer, the second with a token of the declared issuer and "
    "audience under a made-up signature; the application's own sidecar must have refused them, and says why.",
    severity="critical",
    remedy="See the RequestAuthentication and the DENY policy of the application; `pulumi up` sets them again.",
    needs=("edge", "traffic"),
)
def tokens_are_asked_for(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding=_NO_ALB)
    tally = Tally()
    assert subject.traffic, "the proxies' lines about these answers come with it"
    owners = {host: member for member in subject.stack.published for host in member.application.hosts}
    for answer in subject.edge.answers:
        member = owners[answer.host]
        if member.application.authentication is None:
            tally.note(f"not asked: {answer.host}: {named(member)} is public")
            continue
        line = line_of(answer.lines, member.namespace.name, member.name)
        wanted = _UNAUTHENTICATED if answer.forged else _REFUSED
        why = bool(line and FORGED_REASON in line.reason) if answer.forged else refused_without_token(member, line)
        where = f"{answer.host} {'with a forged token' if answer.forged else 'without a token'}: {_said(answer)}"
        if not answer.status:
            tally.unknown(where)
        elif answer.status == wanted and line is not None and why:
            tally.passed(f"{where}, {line.reason} at {named(member)}")
        elif line is not None and line.reached_application:
            tally.failed(f"{where} from the application")
        elif line is None and answer.status >= _UNAUTHENTICATED:
            tally.unknown(f"{where}, but the sidecar of {named(member)} has no line that says why")
        else:
            tally.failed(f"{where}, {line.reason if line else 'not seen by its sidecar'}")
    return tally.verdict("{count} requests without a valid token were refused.", nothing="No host asks for a token.")


def _said(answer: HttpAnswer) -> str:
    return f"HTTP {answer.status}" if answer.status else f"no answer ({answer.problem})"


@check(
    "MV627",
    "Configuration",
    name="RequestAuthentications",
    shows="Issuers, keys and audiences stand as the settings say, and no other rule adds a key of its own.",
    how="Each RequestAuthentication is compared with the document that the settings give; any other in the mesh's "
    "namespaces is a fail, since Istio adds its keys to those of the program, for the same issuer too.",
    severity="critical",
    remedy="`pulumi up` sets the program's again; delete the stranger, and see who may write this kind.",
)
def request_authentications(subject: Subject) -> Verdict:
    tally = as_made(subject, "RequestAuthentication")
    where = [ISTIO_SYSTEM, *subject.stack.injected_namespaces]
    for found in strangers(subject.stack.documents, subject.objects, "RequestAuthentication", where):
        tally.failed(f"{found} is not of the program")
    return tally.verdict("{count} as the program makes them, and no other.", nothing="None, and none is declared.")
