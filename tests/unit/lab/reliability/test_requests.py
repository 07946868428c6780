"""What is told of requests: a loss, a gap and a step's own time, from lines as the generator writes them."""

from __future__ import annotations

from collections import Counter

from lab.reliability.requests import Latency, Request, longest_gap, outcome


def request(began: float, *, took: float = 0.01, ok: bool = True, stream: str = "web", said: str = "") -> Request:
    return Request(stream=stream, began=began, took=took, ok=ok, said=said or ("200" if ok else "503"))


def test_a_gap_lasts_from_one_answer_to_the_next_however_much_is_refused_between_them() -> None:
    asked = [request(0), request(1), request(2, ok=False), request(3, ok=False), request(4)]
    assert longest_gap(asked) == 3


def test_a_stream_that_is_never_answered_again_has_its_gap_at_the_end() -> None:
    assert longest_gap([request(0, took=0), request(1, ok=False, took=0), request(9, ok=False, took=1)]) == 10


def test_requests_that_wait_are_a_gap_too() -> None:
    assert round(longest_gap([request(0), request(1, took=4), request(1.1, took=4.5)]), 2) == 4.99


def test_what_one_stream_is_answered_hides_no_other_ones_gap() -> None:
    one = [request(at) for at in range(10)]
    other = [request(0, stream="rates"), request(9, stream="rates")]
    found = outcome("pod", ["web", "rates"], [*one, *other], began=2, ended=5)
    assert (found.requests, found.lost, found.gap) == (12, 0, 9)


def test_losses_are_counted_by_what_was_said_and_answers_timed_by_when_they_came() -> None:
    asked = [request(at / 10, took=0.001 if at < 20 or at > 40 else 0.1) for at in range(60)]
    found = outcome(
        "pod", ["web"], [*asked, request(3, ok=False), request(3, ok=False, said="-1")], began=2.05, ended=4.05
    )
    assert found.said == Counter({"503": 1, "-1": 1})
    assert [round(each.p50 or 0) for each in (found.before, found.during, found.after)] == [1, 100, 1]


def test_of_too_few_answers_no_percentile_is_told() -> None:
    found = outcome("pod", ["web"], [request(1)], began=2, ended=3)
    assert found.before == Latency(p50=None, p99=None)
    assert str(found.before) == "-"
