"""The tables of docs/traps.md: where they stand, and how a call's way is read from an audit line."""

from __future__ import annotations

import pytest

from lab.traps.command import DOCUMENT, TRAP_3, TRAP_5
from lab.traps.destination_rules import CONDITIONS, MUTUAL, NOT_UNDERSTOOD, REFUSED, TAKEN, outcome, subjects
from lab.traps.table import BEGIN, END, markdown, matrix, replaced, written
from meshops.verify.registry import CHECKS


def _line(code: int, peer: str | None, reason: str | None = None) -> dict[str, object]:
    return {
        "response_code": code,
        "upstream_peer_uri_san": peer,
        "upstream_transport_failure_reason": reason,
        "response_flags": "UF",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (_line(200, "spiffe://cluster.local/ns/lab-traps/sa/default"), MUTUAL),
        (_line(200, None), TAKEN),
        (_line(503, None), REFUSED),
        (_line(503, None, "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER"), NOT_UNDERSTOOD),
        (_line(404, None), "HTTP 404, UF"),
    ],
)
def test_an_audit_line_says_how_a_call_travelled(line: dict[str, object], expected: str) -> None:
    assert outcome(line) == expected


def test_a_table_replaces_the_one_that_stands_there_and_nothing_else() -> None:
    text = f"before\n{BEGIN.format(name='trap 3')}\n{END}\nafter\n"
    once = replaced(text, "trap 3", markdown(("a",), (("1",),)))
    twice = replaced(once, "trap 3", markdown(("a",), (("2",),)))
    assert written(twice, "trap 3") == "| a |\n| --- |\n| 2 |"
    assert twice.startswith("before\n")
    assert twice.endswith(f"{END}\nafter\n")
    with pytest.raises(KeyError):
        replaced(text, "trap 5", "")


def test_the_rows_and_columns_of_the_document_are_those_that_are_measured() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = written(text, TRAP_5).splitlines()
    nothing = {
        subject.title: dict.fromkeys((c.title for c in CONDITIONS), "") for subject in subjects(meshed_address="")
    }
    header, _, *expected = matrix("the DestinationRule", nothing).splitlines()
    assert rows[0] == header
    assert [row.split(" | ")[0] for row in rows[2:]] == [row.split(" | ")[0] for row in expected]
    assert len(written(text, TRAP_3).splitlines()) == 6


def test_every_check_that_the_document_names_exists() -> None:
    known = {check.id for check in CHECKS}
    text = DOCUMENT.read_text(encoding="utf-8")
    named = {word.strip("|,. ") for word in text.split() if word.startswith("MV")}
    assert named
    assert named <= known
