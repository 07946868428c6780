"""Trap 5: what becomes of a call when the DestinationRule of its host says no TLS mode, in each condition."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from lab.cluster.objects import Key
from lab.traps import documents as made
from lab.traps.cluster import Scratch, await_it
from manifests.document import Document
from manifests.mesh_policies import destination_rule
from manifests.names import ISTIO_SYSTEM, service_host

MUTUAL = "mutual TLS"
TAKEN = "**plaintext, taken**"
REFUSED = "plaintext, refused (503)"
NOT_UNDERSTOOD = "mutual TLS, not understood (503)"

_STICKY = {"loadBalancer": {"consistentHash": {"httpCookie": {"name": "session", "ttl": "0s"}}}}
# Some other setting, where a hash is not allowed.
_POOL = {"connectionPool": {"tcp": {"maxConnections": 100}}}
_SAYS_MUTUAL = {"tls": {"mode": "ISTIO_MUTUAL"}}
# A mesh-wide value that the clusters of the caller's proxy show: when they do, the rest of it has arrived as well.
_MARKED_TIMEOUT, _USUAL_TIMEOUT = "11s", "10s"
_SETTLING_SECONDS = 2.0
_ROUNDS = 20


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One service that is called. title: its row in the table."""

    name: str
    title: str
    url: str
    documents: tuple[Document, ...]
    connect_to: str = ""
    """An address to connect to instead of the name's own."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One column. peer_authentication: of the callee's namespace; mesh_rule: `*.local` ISTIO_MUTUAL stands."""

    auto_mtls: bool
    peer_authentication: str
    mesh_rule: bool

    @property
    def title(self) -> str:
        auto = "on" if self.auto_mtls else "off"
        return f"auto-mTLS {auto}, {self.peer_authentication}" + ("" if self.mesh_rule else ", no mesh-wide rule")


CONDITIONS: tuple[Condition, ...] = (
    Condition(auto_mtls=True, peer_authentication="STRICT", mesh_rule=True),
    Condition(auto_mtls=True, peer_authentication="PERMISSIVE", mesh_rule=True),
    Condition(auto_mtls=True, peer_authentication="DISABLE", mesh_rule=True),
    Condition(auto_mtls=True, peer_authentication="STRICT", mesh_rule=False),
    Condition(auto_mtls=False, peer_authentication="STRICT", mesh_rule=True),
    Condition(auto_mtls=False, peer_authentication="PERMISSIVE", mesh_rule=True),
    Condition(auto_mtls=False, peer_authentication="STRICT", mesh_rule=False),
)


def subjects(*, meshed_address: str) -> tuple[Subject, ...]:
    """The rows. meshed_address: of the server's pod that has a sidecar."""
    meshed, bare, either = {"app": made.MESHED}, {"app": made.BARE}, made.either_selector()
    port_level = {**_SAYS_MUTUAL, "portLevelSettings": [{"port": {"number": made.PORT}, **_POOL}]}
    subset = [{"name": "v1", "labels": meshed, "trafficPolicy": _STICKY}]
    mixed = f"{_url('headless-mixed').removeprefix('http://').rstrip('/')}:80:{meshed_address}:80"
    return (
        _service("no-rule", "no rule of its own", meshed),
        _service("mutual", "a rule with `tls.mode: ISTIO_MUTUAL`", meshed, made.rule("mutual", _SAYS_MUTUAL)),
        _service("no-tls", "a rule without `tls`", meshed, made.rule("no-tls", _STICKY)),
        _service(
            "port-level",
            "ISTIO_MUTUAL, and `portLevelSettings` without `tls`",
            meshed,
            made.rule("port-level", port_level),
        ),
        _service(
            "subset",
            "ISTIO_MUTUAL, and a subset without `tls`",
            meshed,
            made.rule("subset", _SAYS_MUTUAL, subsets=subset),
            made.to_subset("subset"),
        ),
        _service("headless", "headless, a rule without `tls`", meshed, made.rule("headless", _POOL), headless=True),
        _service(
            "headless-mixed",
            "headless, one of its pods without a sidecar: a call to the one with, a rule without `tls`",
            either,
            made.rule("headless-mixed", _POOL),
            headless=True,
            connect_to=mixed,
        ),
        _service("bare-no-rule", "a pod without a sidecar, no rule of its own", bare),
        _service(
            "bare-no-tls", "a pod without a sidecar, a rule without `tls`", bare, made.rule("bare-no-tls", _STICKY)
        ),
        _service(
            "bare-disable",
            "a pod without a sidecar, a rule with DISABLE",
            bare,
            made.rule("bare-disable", {"tls": {"mode": "DISABLE"}}),
        ),
        _external("external-no-tls", "MESH_EXTERNAL, a rule without `tls`", meshed_address, _STICKY),
        _external("external-mutual", "MESH_EXTERNAL, ISTIO_MUTUAL", meshed_address, _SAYS_MUTUAL),
    )


def measure(scratch: Scratch, report: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """Row title -> column title -> how the call travelled. The mesh is as it was when this returns or raises."""
    rows = subjects(meshed_address=scratch.address_of(made.MESHED))
    for subject in rows:
        scratch.apply(*subject.documents)
    table: dict[str, dict[str, str]] = {subject.title: {} for subject in rows}
    for condition in CONDITIONS:
        report(f"trap 5: {condition.title}")
        with _mesh(scratch, condition):
            scratch.apply(made.peer_authentication(condition.peer_authentication))
            _await(scratch, condition)
            for subject, outcome in zip(rows, _settled(scratch, rows), strict=True):
                table[subject.title][condition.title] = outcome
    return table


@contextmanager
def _mesh(scratch: Scratch, condition: Condition) -> Generator[None]:
    """The mesh's configuration of one condition, and then what it was."""
    name = f"istio-{scratch.revision}"
    key = Key.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": ISTIO_SYSTEM}})
    rule = Key.of(destination_rule("mesh-mutual-tls", "*.local", "ISTIO_MUTUAL"))
    before = scratch.get(key)["data"]["mesh"]
    rule_before = scratch.get(rule)
    try:
        if not condition.auto_mtls:
            mesh = {**yaml.safe_load(before), "enableAutoMtls": False, "connectTimeout": _MARKED_TIMEOUT}
            _write_mesh(scratch, name, yaml.safe_dump(mesh))
        if not condition.mesh_rule:
            scratch.remove(rule)
        yield
    finally:
        if not condition.auto_mtls:
            _write_mesh(scratch, name, before)
        if not condition.mesh_rule:
            scratch.restore(rule_before)


def _write_mesh(scratch: Scratch, name: str, text: str) -> None:
    patch = yaml.safe_dump({"data": {"mesh": text}})
    scratch.run("kubectl", "patch", "configmap", name, "-n", ISTIO_SYSTEM, "--type=merge", f"--patch={patch}")


def _await(scratch: Scratch, condition: Condition) -> None:
    """Until both proxies have been told."""
    timeout = _USUAL_TIMEOUT if condition.auto_mtls else _MARKED_TIMEOUT
    host = service_host("no-rule", made.NAMESPACE)

    def caller_knows() -> bool:
        cluster = scratch.cluster_of(made.CALLER, host)
        # With the mesh-wide rule the cluster has one way to connect; auto-mTLS would be a choice of several.
        return cluster.get("connectTimeout") == timeout and ("transportSocket" in cluster) == condition.mesh_rule

    await_it(f"the caller's proxy to have the mesh's configuration of: {condition.title}", caller_knows)
    url = f"http://direct.{made.NAMESPACE}/"
    taken = "000" if condition.peer_authentication == "STRICT" else "200"

    def server_knows() -> bool:
        return scratch.in_pod(made.BARE, "curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", url) == taken

    await_it(f"the server's proxy to be {condition.peer_authentication}", server_knows)
    time.sleep(_SETTLING_SECONDS)


def _settled(scratch: Scratch, rows: tuple[Subject, ...]) -> list[str]:
    """The outcomes once two rounds in a row agree."""
    previous: list[str] = []
    for _ in range(_ROUNDS):
        outcomes = _round(scratch, rows)
        if outcomes == previous:
            return outcomes
        previous = outcomes
        time.sleep(1)
    return previous


def _round(scratch: Scratch, rows: tuple[Subject, ...]) -> list[str]:
    began = time.monotonic()
    nonce = f"{time.time_ns():x}"
    calls = []
    for subject in rows:
        redirect = f"--connect-to {subject.connect_to}" if subject.connect_to else ""
        calls.append(f"curl -s -m 4 -o /dev/null -A {subject.name}/{nonce} {redirect} {subject.url}")
    scratch.in_pod(made.CALLER, "sh", "-c", "; ".join(calls))
    lines: dict[str, dict[str, Any]] = {}

    def all_logged() -> bool:
        since = int(time.monotonic() - began) + 2
        lines.update({line["claimed_user_agent"]: line for line in scratch.audit(made.CALLER, since_seconds=since)})
        return all(f"{subject.name}/{nonce}" in lines for subject in rows)

    await_it("the caller's sidecar to log every call", all_logged, seconds=30)
    return [outcome(lines[f"{subject.name}/{nonce}"]) for subject in rows]


def outcome(line: dict[str, Any]) -> str:
    """How a call travelled, from the audit line of the caller's own sidecar."""
    code = line["response_code"]
    if code == 200:
        return MUTUAL if line["upstream_peer_uri_san"] else TAKEN
    reason = line["upstream_transport_failure_reason"] or ""
    if code == 503:
        return NOT_UNDERSTOOD if "TLS" in reason else REFUSED
    return f"HTTP {code}, {line['response_flags']}"


def _service(
    name: str, title: str, selector: dict[str, str], *rules: Document, headless: bool = False, connect_to: str = ""
) -> Subject:
    documents = (made.service(name, selector, headless=headless), *rules)
    return Subject(name=name, title=title, url=_url(name), documents=documents, connect_to=connect_to)


def _external(name: str, title: str, address: str, policy: dict[str, Any]) -> Subject:
    host = made.external_host(name)
    documents = (made.external(name, address), made.rule(name, policy, host=host))
    # Any address will do: the sidecar goes by the name.
    return Subject(
        name=name, title=title, url=f"http://{host}/", documents=documents, connect_to=f"{host}:80:{address}:80"
    )


def _url(name: str) -> str:
    return f"http://{name}.{made.NAMESPACE}/"
