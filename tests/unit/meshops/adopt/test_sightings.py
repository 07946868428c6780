"""Each form in which traffic is recorded, and the paths that come of it."""

from __future__ import annotations

import pytest

from meshops.adopt.paths import patterns
from meshops.adopt.sightings import Sighting, Unreadable, read_lines
from tests.unit.meshops.adopt.starting_state import tracked


def one(line: str) -> Sighting:
    (found,) = read_lines(line)
    return found


def test_conntrack_names_the_pod_behind_the_services_address() -> None:
    found = one(tracked("10.20.1.1", "10.20.1.2", 8080, service="172.20.0.12", service_port=80))
    assert (found.client, found.server, found.port) == ("10.20.1.1", "10.20.1.2", 8080)


def test_what_nobody_answered_is_known_by_the_address_that_was_asked() -> None:
    asked, awaited = "src=10.0.1.5 dst=10.0.9.9 sport=4 dport=80", "src=10.0.9.8 dst=10.0.1.5 sport=8080 dport=4"
    found = one(f"tcp 6 29 SYN_SENT {asked} [UNREPLIED] {awaited}")
    assert (found.server, found.port) == ("10.0.9.9", 80)


@pytest.mark.parametrize(
    "line", ["udp 17 29 src=10.0.1.5 dst=10.0.9.9 sport=4 dport=53", "# a remark", "", "State  Recv-Q"]
)
def test_what_is_no_traffic_of_the_meshs_is_passed_over(line: str) -> None:
    assert list(read_lines(line)) == []


def test_sockets_of_ipv4_in_ipv6_are_the_same_addresses() -> None:
    found = one("ESTAB 0      0      [::ffff:10.20.1.2]:8080      [::ffff:10.20.1.1]:40112")
    assert (found.client, found.client_port, found.server, found.port) == ("10.20.1.2", 8080, "10.20.1.1", 40112)
    assert found.turned


def test_a_query_would_stand_in_the_settings() -> None:
    assert one('{"from": "a/b", "to": "c/d", "method": "GET", "path": "/x?token=1"}').path == "/x"


def test_a_broken_record_says_which_line() -> None:
    with pytest.raises(Unreadable, match="line 2"):
        list(read_lines('# first\n{"from": "a/b", "to": "c/d", "port": "http"}'))


@pytest.mark.parametrize(
    ("seen", "written"),
    [
        (["/a", "/b"], ["/a", "/b"]),
        (["/a/1", "/a/2"], ["/a/1", "/a/2"]),
        (["/a/1", "/a/2", "/a/3"], ["/a/{*}"]),
        (["/a/red", "/a/green", "/a/blue"], ["/a/blue", "/a/green", "/a/red"]),
        (["/v/1/a/1", "/v/1/a/2", "/v/1/a/3"], ["/v/1/a/{*}"]),
        (["/v/1/a/1", "/v/2/a/2", "/v/2/a/3"], ["/v/1/a/1", "/v/2/a/2", "/v/2/a/3"]),
        (["/f/a%20b"], ["/f/{*}"]),
        (
            [f"/u/{digit * 8}-0000-4000-8000-000000000000" for digit in "abc"],
            ["/u/{*}"],
        ),
        (["/a/1", "/a/2", "/a/3", "/a/new"], ["/a/new", "/a/{*}"]),
    ],
)
def test_a_template_would_stand_where_there_is_no_evidence_of_ids(seen: list[str], written: list[str]) -> None:
    found = patterns(seen)
    assert [pattern.text for pattern in found] == written
    assert sorted(path for pattern in found for path in pattern.seen) == sorted(seen), "each in exactly one"
