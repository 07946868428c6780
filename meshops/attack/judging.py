"""What an answer means. Pure functions of the ground, what was sent and what came back.

An attempt succeeds when something came back that this client may not have. No answer, a reset connection and a refusal
are all the same to an intruder. What could not be sent at all is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshops.attack import http
from meshops.attack.ground import Ground
from meshops.attack.model import Answer, Ask, Judge, Outcome, Step
from meshops.attack.wire import h2


def outcome(judge: Judge, ground: Ground, step: Step, answer: Answer) -> Outcome:
    """Of one step; unknown, whatever its judge would say, if it could not be made."""
    if answer.unavailable:
        return Outcome(result="unknown", why=answer.unavailable)
    return judge(ground, step, answer)


def told(answer: Answer) -> str:
    """What came back, in a few words."""
    found = http.responses(answer.received)
    if found:
        said = []
        for item in found[:3]:
            body = " ".join(item.body.split())
            said.append(f"HTTP {item.status if item.status != 1 else '?'}{f' {body[:90]!r}' if body else ''}")
        return ", ".join(said) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    if answer.received:
        return f"{len(answer.received)} bytes: {answer.received[:60]!r}"
    if answer.error:
        return answer.error
    how = {"timeout": "no answer in time", "reset": "reset", "eof": "closed without a word"}
    return how.get(answer.ended, "nothing")


def refused(answer: Answer) -> Outcome:
    return Outcome(result="refused", why=told(answer))


def succeeded(answer: Answer, why: str = "") -> Outcome:
    return Outcome(result="succeeded", why=f"{why}: {told(answer)}" if why else told(answer))


def leaked(ground: Ground, text: str) -> str:
    """The name of the resource whose answer the text holds; empty for none."""
    for name, marks in ground.marks.items():
        if any(mark in text for mark in marks):
            return name
    return ""


def no_protected_answer(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """To somebody who may have nothing of it: neither its answer nor any other success."""
    if name := leaked(ground, answer.received.decode("latin-1")):
        return succeeded(answer, f"{name} answered")
    if any(200 <= item.status < 300 for item in http.responses(answer.received)):
        return succeeded(answer)
    return refused(answer)


def no_protected_mark(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """To somebody who may have other answers of the same server: only not this one."""
    if name := leaked(ground, answer.received.decode("latin-1")):
        return succeeded(answer, f"{name} answered")
    return refused(answer)


def no_other_answer(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """To somebody who may have the protected answer: nothing beside it."""
    if any(0 < item.status < 400 and not leaked(ground, item.body) for item in http.responses(answer.received)):
        return succeeded(answer)
    return refused(answer)


def no_bytes(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """Not a word of whatever listens there. A TLS alert and HTTP's own 4xx are refusals."""
    if not answer.received or answer.received[:1] == b"\x15":
        return refused(answer)
    found = http.responses(answer.received)
    if found and all(item.status >= 400 for item in found):
        return refused(answer)
    return succeeded(answer)


def no_success(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """No answer of HTTP below 400."""
    if any(0 < item.status < 400 for item in http.responses(answer.received)):
        return succeeded(answer)
    return refused(answer)


def no_connection(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """The other side is not even reached."""
    return succeeded(answer, "connected") if answer.connected else refused(answer)


def let_go(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """The other side ended the connection, or over HTTP/2 the stream, with or without a word."""
    ended = answer.ended not in ("timeout", "quiet")
    ended |= any(kind in (h2.RST_STREAM, h2.GOAWAY) for kind, _, _ in h2.frames(answer.received))
    ended |= h2.status(answer.received) >= 400
    return Outcome(
        result="refused" if ended else "succeeded", why=f"ended: {told(answer)}" if ended else "it is kept open"
    )


def no_handshake(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """TLS fails, or what comes after it does: with TLS 1.3 a client learns only then that it was refused."""
    if answer.tls and (answer.received[:1] or answer.ended in ("timeout", "quiet")):
        found = http.responses(answer.received)
        if not found or any(item.status < 400 for item in found):
            return succeeded(answer, f"{answer.tls} stands")
    return refused(answer)


def no_version(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """The handshake with this version of TLS fails."""
    return succeeded(answer, f"{answer.tls} stands") if answer.tls else refused(answer)


def no_grpc_message(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """No message on the gRPC stream; its status may say anything."""
    message = h2.body(answer.received)
    if message:
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in message[:100])
        return Outcome(result="succeeded", why=f"{len(message)} bytes of gRPC: {shown}")
    return Outcome(result="refused", why="no message" if answer.received else told(answer))


def no_configuration(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """No cluster of an application on the gRPC stream. What every proxy has, and says nothing of the mesh, may come."""
    message = h2.body(answer.received).decode("latin-1")
    named = sorted(member.host for member in ground.stack.listeners if member.host in message)
    if named:
        return Outcome(result="succeeded", why=f"{len(message)} bytes of gRPC, among them {', '.join(named)}")
    return Outcome(result="refused", why=f"{len(message)} bytes of gRPC, and no application in them")


def no_lookup(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """A DNS answer without records: RCODE other than NOERROR, or nothing in it."""
    if len(answer.received) < 12:
        return refused(answer)
    # Over TCP two bytes of length come first.
    message = answer.received[2:] if over_tcp(step) else answer.received
    code, answers = message[3] & 0x0F, int.from_bytes(message[6:8], "big")
    why = f"RCODE {code}, {answers} records"
    return Outcome(result="succeeded" if code == 0 and answers else "refused", why=why)


def over_tcp(step: Step) -> bool:
    return not isinstance(step, Ask) and not step.task.get("udp")


def denied(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """The API server refused it. Not that the document was wrong, or that there was nothing to change."""
    text = " ".join((answer.error or answer.received.decode()).split())
    if answer.ended == "ok":
        return Outcome(result="succeeded", why=text[:160] or "done")
    lowered = text.lower()
    if "forbidden" in lowered or "denied" in lowered or "violates podsecurity" in lowered:
        return Outcome(result="refused", why=text[max(text.find("Error from server"), 0) :][:260])
    return Outcome(result="unknown", why=text[-260:] or "no answer")


def no_way_in(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """Refused, and not just unsuccessful: whoever is let in gets another error, since nothing is upgraded here."""
    found = denied(ground, step, answer)
    return Outcome(result="refused" if found.result == "refused" else "succeeded", why=found.why)


def may_not(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """`kubectl auth can-i` says no."""
    said = f"{answer.received.decode()} {answer.error}".split()
    if "yes" in said:
        return Outcome(result="succeeded", why="yes")
    return Outcome(result="refused" if "no" in said else "unknown", why=" ".join(said)[-200:])


CLAIMED = "claimed_"
"""What a field of an audit line is called that says what somebody else said."""


def not_logged_as_true(forged: str, *, claimed: bool = True) -> Judge:
    """The audit line exists, and what the client made up stands in no field; as a claim only where that is allowed."""

    def judge(ground: Ground, step: Step, answer: Answer) -> Outcome:
        if not answer.lines:
            return Outcome(result="unknown", why=f"no audit line was found ({told(answer)})")
        for line in answer.lines:
            for name, value in line.items():
                if forged in str(value) and not (claimed and name.startswith(CLAIMED)):
                    return Outcome(result="succeeded", why=f"{name} says {forged[:40]!r}")
        seen = {str(line.get("path")) for line in answer.lines}
        return Outcome(result="refused", why=f"{len(answer.lines)} lines, path {', '.join(sorted(seen))}")

    return judge


def passed(*statuses: int, body: str = "") -> Judge:
    """Of a legitimate request: one of these statuses (any success if none is named) and, if given, this in its body."""

    def judge(ground: Ground, step: Step, answer: Answer) -> Outcome:
        found = http.responses(answer.received)
        good = bool(found) and all(
            (item.status in statuses if statuses else 200 <= item.status < 400) for item in found
        )
        if good and body in answer.received.decode("latin-1"):
            return succeeded(answer)
        return refused(answer)

    return judge


def connected(ground: Ground, step: Step, answer: Answer) -> Outcome:
    return succeeded(answer) if answer.connected else refused(answer)


def allowed(ground: Ground, step: Step, answer: Answer) -> Outcome:
    """Of a legitimate kubectl call."""
    text = " ".join((answer.error or answer.received.decode()).split())
    return Outcome(result="succeeded" if answer.ended == "ok" else "refused", why=text[-260:])


def marks_of(answers: Mapping[str, Answer]) -> dict[str, tuple[str, ...]]:
    """Resource -> what only its answers contain: the longest line of the body that its entitled caller got."""
    found: dict[str, tuple[str, ...]] = {}
    for name, answer in answers.items():
        bodies = [item.body for item in http.responses(answer.received) if item.status == 200]
        lines = [line.strip() for body in bodies for line in body.splitlines() if len(line.strip()) >= 16]
        if lines:
            found[name] = (max(lines, key=len)[:80],)
    return found
