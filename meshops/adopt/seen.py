"""Whether the entries say everything that was seen, and whether enough was seen to say it."""

from __future__ import annotations

from collections.abc import Iterator

from meshops.adopt.adoption import Adoption
from meshops.adopt.model import check, running
from meshops.adopt.traffic import SHARED_GATEWAY
from meshops.checks.model import Verdict
from meshops.verify.tally import Tally

_SECTION = "What was seen"


@check(
    "MT201",
    _SECTION,
    name="Everything seen is allowed",
    shows="The entries allow every request and connection that was seen; nothing seen was left out.",
    how="What could not be resolved to applications, and what the settings refuse.",
    severity="critical",
    remedy="Each line says what it lacks; as it stands, this traffic stops when the namespace is in the mesh.",
)
def everything(adoption: Adoption) -> Verdict:
    tally, traffic = Tally(), adoption.traffic
    for unsaid, count in sorted(traffic.unsaid.items(), key=lambda item: item[0].what):
        tally.failed(f"{unsaid.what}, {count} times. {unsaid.why}")
    for problem in adoption.left_out:
        tally.failed(f"{problem.path} = {problem.value}: {problem.rule} {problem.remedy}")
    for line in sorted(set(_past_the_entries(adoption))):
        tally.failed(line)
    said = len(traffic.calls) + len(traffic.leaving)
    if said:
        tally.passed(f"{said} calls and connections of {traffic.sightings} sightings")
    for line, count in (("the node's own, such as probes", traffic.probes), ("to the platform", traffic.platform)):
        if count:
            tally.note(f"{count} {line}: allowed in every namespace")
    return tally.verdict("All that was seen.", nothing="")


def _past_the_entries(adoption: Adoption) -> Iterator[str]:
    """Calls of applications that have an entry, which does not say them."""
    entries = {
        (str(entry["name"]), str(one["name"])): one for entry in adoption.entries for one in entry["applications"]
    }
    for call in adoption.traffic.calls:
        entry = entries.get(call.callee)
        if entry is None:
            continue
        name = "/".join(call.callee)
        if call.port != entry.get("port"):
            yield f"{name} was called at port {call.port}, which its entry does not have"
        elif call.caller == SHARED_GATEWAY and call.host not in entry.get("hosts", ()):
            yield f"{name} was called through the gateway as {call.host or '(no host seen)'}, which its entry lacks"


@check(
    "MT202",
    _SECTION,
    name="Requests, not connections only",
    shows="Of each call methods and paths were seen: the entry allows these and no others.",
    how="Calls of which only connections were seen. Outside the mesh nobody logs requests.",
    severity="medium",
    remedy="Bring the namespace in at phase permissive, let it run for a while, and adopt again: then proxies log.",
)
def requests(adoption: Adoption) -> Verdict:
    tally = Tally()
    opaque = {
        (entry["name"], one["name"])
        for entry in adoption.entries
        for one in entry["applications"]
        if one.get("protocol") == "tcp"
    }
    pairs: dict[tuple[str, str], bool] = {}
    for call in adoption.traffic.calls:
        if call.caller != SHARED_GATEWAY and call.callee not in opaque:
            key = ("/".join(call.caller), "/".join(call.callee))
            pairs[key] = pairs.get(key, False) or not call.opaque
    for (caller, callee), told in sorted(pairs.items()):
        if told:
            tally.passed(f"{caller} to {callee}")
        else:
            tally.unknown(f"{caller} to {callee}: connections only, so every method and path is allowed")
    return tally.verdict("{count} pairs of caller and callee.", nothing="No application was seen to call another.")


@check(
    "MT203",
    _SECTION,
    name="Every application was seen",
    shows="Each application that listens was called, or is known to be called by nobody.",
    how="The calls that were seen, by callee.",
    severity="high",
    remedy="Watch for longer (a month's end, a nightly job), or write its callers by hand: what was never seen is "
    "refused.",
)
def every_application(adoption: Adoption) -> Verdict:
    tally = Tally()
    called = {call.callee for call in adoption.traffic.calls}
    for one in running(adoption):
        if one.key in called:
            tally.passed(str(one))
        elif one.ports:
            tally.unknown(f"{one} was never seen to be called: its entry lets nobody in but the gateway")
    return tally.verdict("{count} applications.", nothing="No application listens.")


@check(
    "MT204",
    _SECTION,
    name="Nothing was refused",
    shows="No policy that is there already refuses anything.",
    how="Refusals in the proxies' logs. They are not in the entries.",
    severity="high",
    remedy="Find out who it was: an attempt, or a caller that somebody forgot. Only the latter belongs into an entry.",
)
def refused(adoption: Adoption) -> Verdict:
    tally = Tally()
    for line, count in sorted(adoption.traffic.refused.items()):
        tally.failed(f"{line}, {count} times")
    return tally.verdict("{count}", nothing="No refusal was seen.")
