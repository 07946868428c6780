"""What an answer means: one that leaks is a success of the attempt, whatever it looks like."""

from __future__ import annotations

from typing import Any

import pytest

from meshops.attack import judging
from meshops.attack.catalogue.identities import none_of
from meshops.attack.known import Known
from meshops.attack.model import Answer, Ask, Attempt, Judge, Shot
from meshops.attack.place import Place
from meshops.attack.registry import ATTEMPTS, LEGITIMATE
from meshops.attack.verdicts import result
from meshops.attack.wire import h2
from tests.unit.meshops.attack.ground import ground

GROUND = ground()
SHOT = Shot(place=Place(), task={"to": "a", "port": 1}, said="a request")
UDP = Shot(place=Place(), task={"to": "a", "port": 53, "udp": True}, said="a question")
SECRET = '{"invoice":"INV-2041"}'
DENIED = "HTTP/1.1 403 Forbidden\r\ncontent-length: 19\r\n\r\nRBAC: access denied"
LEAK = f"HTTP/1.1 200 OK\r\ncontent-length: {len(SECRET)}\r\n\r\n{SECRET}"
SETTINGS = h2.opening()[len(h2.PREFACE) :]
PAGE = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npage"


def said(text: str, **more: Any) -> Answer:
    return Answer(connected=True, received=text.encode("latin-1"), ended="eof", **more)


CASES: tuple[tuple[Judge, Answer, str], ...] = (
    (judging.no_protected_answer, said(DENIED), "refused"),
    (judging.no_protected_answer, said(LEAK), "succeeded"),
    (judging.no_protected_answer, said(f"HTTP/1.1 500 Oops\r\n\r\nstack: {SECRET}"), "succeeded"),
    (judging.no_protected_answer, said(f"\0\0\0 {SECRET}"), "succeeded"),
    (judging.no_protected_answer, said(DENIED + LEAK), "succeeded"),
    (judging.no_protected_answer, said(PAGE), "succeeded"),
    (judging.no_protected_answer, Answer(ended="timeout"), "refused"),
    (judging.no_protected_mark, said(PAGE), "refused"),
    (judging.no_protected_mark, said(PAGE + LEAK), "succeeded"),
    (judging.no_other_answer, said(LEAK), "refused"),
    (judging.no_other_answer, said(LEAK + PAGE), "succeeded"),
    (judging.no_other_answer, said("HTTP/1.1 100 Continue\r\n\r\n" + LEAK), "refused"),
    (judging.no_other_answer, said("HTTP/1.1 100 Continue\r\n\r\n" + LEAK + PAGE), "succeeded"),
    (judging.no_bytes, said(""), "refused"),
    (judging.no_bytes, said("\x15\x03\x03"), "refused"),
    (judging.no_bytes, said("+OK ready"), "succeeded"),
    (judging.no_bytes, said(DENIED), "refused"),
    (judging.no_success, said(DENIED), "refused"),
    (judging.no_success, said("HTTP/1.1 301 Moved\r\n\r\n"), "succeeded"),
    (judging.no_version, Answer(tls="TLSv1.2"), "succeeded"),
    (judging.no_version, Answer(error="SSLError"), "refused"),
    (judging.no_grpc_message, said((SETTINGS + h2.frame(h2.DATA, 0, 1, b"clusters")).decode("latin-1")), "succeeded"),
    (judging.no_grpc_message, said(SETTINGS.decode("latin-1")), "refused"),
    (judging.denied, Answer(ended="ok", received=b"pod/x created (server dry run)"), "succeeded"),
    (judging.denied, Answer(ended="refused", error="Error from server (Forbidden): no"), "refused"),
    (judging.denied, Answer(ended="refused", error="error: the server doesn't have a resource type"), "unknown"),
    (judging.no_way_in, Answer(ended="refused", error="Error from server (BadRequest): Upgrade"), "succeeded"),
    (judging.may_not, Answer(ended="refused", error="no"), "refused"),
    (judging.not_logged_as_true("/forged"), said(DENIED, lines=({"path": "/forged"},)), "succeeded"),
    (judging.not_logged_as_true("/forged"), said(DENIED, lines=({"path": "/a", "claimed_x": "/forged"},)), "refused"),
    (judging.not_logged_as_true("/forged"), said(DENIED), "unknown"),
    (none_of(lambda ground, leaf: "anything"), said(""), "refused"),
)  # fmt: skip


@pytest.mark.parametrize(("judge", "answer", "expected"), CASES)
def test_an_answer_means(judge: Judge, answer: Answer, expected: str) -> None:
    assert judging.outcome(judge, GROUND, SHOT, answer).result == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("\0\0\x81\x80\0\1\0\1\0\0\0\0", "succeeded"), ("\0\0\x81\x83\0\1\0\0\0\0\0\0", "refused")]
)
def test_a_lookup_means(text: str, expected: str) -> None:
    assert judging.no_lookup(GROUND, UDP, said(text)).result == expected


@pytest.mark.parametrize("entry", [*ATTEMPTS, *LEGITIMATE], ids=lambda entry: entry.id)
def test_what_could_not_be_made_is_never_a_pass(entry: Attempt) -> None:
    steps = entry.steps(GROUND)[:3]
    found = result(entry, [(step, Answer(unavailable="no pod")) for step in steps], GROUND, conditions=("always",))

    assert found.status == "unknown"


@pytest.mark.parametrize(
    "entry",
    [entry for entry in ATTEMPTS if not entry.reads_logs and entry.id not in ("MA434",)],
    ids=lambda entry: entry.id,
)
def test_no_attempt_is_judged_refused_when_a_leak_came_back(entry: Attempt) -> None:
    """Whatever the attempt, its judge must see the protected answer for what it is; except the entitled caller's."""
    step = entry.steps(GROUND)[0]
    if isinstance(step, Ask):
        answer = Answer(ended="ok", received=b"yes")
    elif entry.judge in (judging.no_other_answer,):
        answer = said(PAGE)
    elif "grpc" in step.task or entry.judge in (judging.no_lookup, judging.no_version):
        return
    elif entry.position == "neighbour" and entry.section == "Protocols and smuggling":
        answer = said(LEAK + PAGE)
    elif entry.judge is judging.let_go:
        answer = Answer(connected=True, ended="quiet", received=b"HTTP/1.1 100 Continue")
    elif entry.id == "MA330":
        answer = said("HTTP/1.1 200 OK\r\n\r\nmeshops-impostor")
    else:
        answer = said(LEAK)

    assert result(entry, [(step, answer)], GROUND, conditions=(), known={}).status == "fail"


def test_a_listed_one_is_listed_only_where_its_condition_holds() -> None:
    entry = next(item for item in ATTEMPTS if item.id == "MA111")
    listed = {"MA111": Known(id="MA111", condition="no NetworkPolicy engine", wall="NetworkPolicy", why="So.")}
    exchanges = [(SHOT, said(PAGE))]

    here = result(entry, exchanges, GROUND, conditions=("always", "no NetworkPolicy engine"), known=listed)
    there = result(entry, exchanges, GROUND, conditions=("always",), known=listed)
    refused = result(entry, [(SHOT, said(DENIED))], GROUND, conditions=("no NetworkPolicy engine",), known=listed)

    assert (here.status, there.status, refused.status) == ("listed", "fail", "pass")
    assert "NetworkPolicy" in here.verdict.finding
    assert "though it is listed" in refused.verdict.finding


def test_a_legitimate_request_that_is_refused_fails() -> None:
    entry = next(item for item in LEGITIMATE if item.id == "ML101")

    assert result(entry, [(SHOT, said(PAGE)), (SHOT, said(DENIED))], GROUND, conditions=()).status == "fail"
    assert result(entry, [(SHOT, said(PAGE))], GROUND, conditions=()).status == "pass"


def test_what_went_wrong_is_the_first_evidence() -> None:
    entry = next(item for item in ATTEMPTS if item.id == "MA301")
    found = result(entry, [(SHOT, said(DENIED)), (SHOT, said(LEAK))], GROUND, conditions=())

    assert found.verdict.finding.startswith("SUCCEEDED, 1 of 2: shop/billing answered")
    assert found.verdict.evidence[0].startswith("succeeded: a request -> ")
    assert found.verdict.evidence[1].startswith("ok: ")


def test_the_marks_are_what_the_entitled_caller_was_answered() -> None:
    assert judging.marks_of({"shop/billing": said(LEAK), "shop/other": said(DENIED)}) == {"shop/billing": (SECRET,)}
