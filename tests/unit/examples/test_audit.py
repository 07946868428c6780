"""How the examples find an audit line in a sidecar's log."""

from __future__ import annotations

import json

from examples.audit import audit_lines, line_of, logged
from examples.steps import Answer

_REFUSED = {"response_flags": "NR", "response_code_details": "filter_chain_not_found", "requested_server_name": None}
_ACCEPTED = {"response_flags": "-", "response_code": 200, "requested_server_name": "outbound_.8080_._.hello.back-end"}


def _log(*lines: object) -> Answer:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return Answer(argv=("kubectl",), code=0, output=text, errors="", seconds=0.1)


def test_the_proxy_s_own_messages_are_no_audit_lines() -> None:
    log = _log("2026-11-21T05:00:00Z info Envoy proxy is ready", {"level": "info"}, _REFUSED)
    assert audit_lines(log.output) == [_REFUSED]


def test_text_need_only_occur_in_a_field_and_anything_else_is_equal() -> None:
    log = _log(_REFUSED, _ACCEPTED)
    assert logged(response_code=200, requested_server_name="outbound_.8080_").holds(log)
    assert not logged(response_code=20).holds(log)
    assert not logged(response_code=200, requested_server_name=None).holds(log)
    assert not logged(downstream_peer_uri_san="spiffe").holds(log)


def test_the_newest_line_that_fits_is_the_one_shown() -> None:
    older, newer = {**_ACCEPTED, "path": "/older"}, {**_ACCEPTED, "path": "/newer"}
    assert line_of("path", response_code=200)(_log(older, newer, _REFUSED)) == "response_code: 200\npath: /newer"
