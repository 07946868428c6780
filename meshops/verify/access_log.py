"""Reads the audit lines that `manifests/access_log.py` makes the proxies write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from manifests.access_log import ACCESS_LOG_FIELDS

_SPIFFE = "spiffe://"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of a proxy. Values that the proxy did not have are empty; identities are without `spiffe://`.

    namespace, application: whose proxy wrote it. client: it is the proxy of a probe pod, so the caller's side.
    """

    namespace: str
    application: str
    client: bool = False
    method: str = ""
    path: str = ""
    response_code: int = 0
    flags: str = ""
    details: str = ""
    termination: str = ""
    transport_failure: str = ""
    downstream_peer: str = ""
    downstream_local: str = ""
    upstream_peer: str = ""
    upstream_local: str = ""
    server_name: str = ""
    downstream_remote_address: str = ""
    upstream_cluster: str = ""
    upstream_host: str = ""
    forwarded_for: str = ""
    user_agent: str = ""
    authority: str = ""
    protocol: str = ""
    downstream_local_address: str = ""
    """Where the connection went to, as the client meant it."""
    workload_namespace: str = ""
    workload_pod: str = ""
    """Whose proxy wrote it, in its own words."""
    duration: int | None = None
    """Milliseconds, from the request's first byte to the answer's last."""
    shadow_allow: str = ""
    """What the ALLOW policies say that are tried out, `allowed` or `denied`; `shadow_deny` the DENY ones."""
    shadow_allow_policy: str = ""
    shadow_deny: str = ""
    shadow_deny_policy: str = ""
    shadow_connection: str = ""
    """The same of an opaque connection."""

    @property
    def reason(self) -> str:
        """Why it was refused, in the proxy's own word."""
        return next((text for text in (self.details, self.termination, self.flags) if text), "no reason given")

    @property
    def reached_application(self) -> bool:
        """Whether the answer is the upstream's own, not this proxy's."""
        return self.details == "via_upstream"


def parse_lines(text: str, *, namespace: str, application: str, client: bool = False) -> Iterator[LogLine]:
    """The audit lines in a proxy's output, which holds other lines as well."""
    for raw in text.splitlines():
        start = raw.find("{")
        if start < 0 or '"response_flags"' not in raw:
            continue
        try:
            fields = json.loads(raw[start:])
        except json.JSONDecodeError:
            continue  # a line that was cut by rotation or by another writer
        if isinstance(fields, dict) and "response_flags" in fields:
            yield _line(fields, namespace=namespace, application=application, client=client)


def matching(
    lines: Iterable[LogLine], *, agent: str = "", remote_address: str = "", server_name: str = ""
) -> tuple[LogLine, ...]:
    """The lines about one call: by its User-Agent, by the caller's address, or by the name of its TLS."""
    return tuple(
        line
        for line in lines
        if (agent and line.user_agent == agent)
        or (remote_address and line.downstream_remote_address == remote_address)
        or (server_name and line.client and line.server_name == server_name)
    )


def _line(fields: dict[str, Any], *, namespace: str, application: str, client: bool) -> LogLine:
    def text(name: str) -> str:
        assert name in ACCESS_LOG_FIELDS, name
        value = fields.get(name)
        return "" if value in (None, "-") else str(value)

    code, duration = text("response_code"), text("duration")
    return LogLine(
        namespace=namespace,
        application=application,
        client=client,
        method=text("method"),
        path=text("path"),
        response_code=int(code) if code.isdigit() else 0,
        flags=text("response_flags"),
        details=text("response_code_details"),
        termination=text("connection_termination_details"),
        transport_failure=text("upstream_transport_failure_reason"),
        downstream_peer=text("downstream_peer_uri_san").removeprefix(_SPIFFE),
        downstream_local=text("downstream_local_uri_san").removeprefix(_SPIFFE),
        upstream_peer=text("upstream_peer_uri_san").removeprefix(_SPIFFE),
        upstream_local=text("upstream_local_uri_san").removeprefix(_SPIFFE),
        server_name=text("requested_server_name"),
        downstream_remote_address=text("downstream_direct_remote_address"),
        upstream_cluster=text("upstream_cluster"),
        upstream_host=text("upstream_host"),
        forwarded_for=text("claimed_forwarded_for"),
        user_agent=text("claimed_user_agent"),
        authority=text("authority"),
        protocol=text("protocol"),
        downstream_local_address=text("downstream_local_address"),
        workload_namespace=text("workload_namespace"),
        workload_pod=text("workload_pod"),
        duration=int(duration) if duration.isdigit() else None,
        shadow_allow=text("shadow_allow"),
        shadow_allow_policy=text("shadow_allow_policy"),
        shadow_deny=text("shadow_deny"),
        shadow_deny_policy=text("shadow_deny_policy"),
        shadow_connection=text("shadow_connection"),
    )
