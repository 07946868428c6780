"""The load balancer, from this machine: its TLS, its certificate, its redirect, and the applications behind it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from manifests.gateway import passthrough_hosts, terminated_hosts
from manifests.ingress import INGRESS_NAME, NLB_NAME
from manifests.mesh_graph import Member
from manifests.names import ISTIO_INGRESS
from meshops.aws_session import session_of
from meshops.checks.model import Unavailable
from meshops.verify.facts import Edge, Handshake, HttpAnswer, Objects, Passthrough
from meshops.verify.probes.pods import agent_of
from meshops.verify.stack import Stack
from meshops.verify.tokens import asked_for, forged

_SECONDS = 5.0
CERTIFICATE_ANNOTATION = "alb.ingress.kubernetes.io/certificate-arn"


def address_of(objects: Objects, kind: str, name: str, resolve: Mapping[str, str]) -> str:
    """Of a load balancer, as its controller wrote it: an address if there is one, else its name, else empty.

    resolve: name -> address, in place of DNS
    """
    found = objects.find(kind, ISTIO_INGRESS, name)
    entries = (found.at("status", "loadBalancer", "ingress") if found else None) or ()
    found = next((entry.get("ip") or entry.get("hostname") or "" for entry in entries), "")
    return resolve.get(found, found)


def gather_edge(stack: Stack, objects: Objects, run: str, resolve: Mapping[str, str]) -> Edge | Unavailable:
    if "alb" not in stack.settings.load_balancer.entries:
        return Unavailable(reason="This stack has no ALB.", remedy="Nothing to do.")
    address = address_of(objects, "Ingress", INGRESS_NAME, resolve)
    if not address:
        return Unavailable(
            reason=f"Ingress {ISTIO_INGRESS}/{INGRESS_NAME} has no address.",
            remedy="See what the load balancer controller says about it: kubectl describe ingress.",
        )
    hosts = [member.application.hosts for member in stack.published]
    asked = [ask for member in stack.published for ask in _of(member)]
    server_name = hosts[0][0] if hosts else stack.settings.load_balancer.domain
    with ThreadPoolExecutor(max_workers=4) as pool:
        modern = pool.submit(handshake, address, 443, server_name, ssl.TLSVersion.TLSv1_3)
        older = pool.submit(handshake, address, 443, server_name, ssl.TLSVersion.TLSv1_2)
        redirect = pool.submit(_plain, address, server_name)
        agents = (agent_of(run, f"e{number}") for number in range(1, len(asked) + 1))
        answers = [pool.submit(_over_tls, address, *each) for each in zip(asked, agents, strict=True)]
        return Edge(
            address=address,
            modern=modern.result(),
            older=older.result(),
            redirect=redirect.result(),
            answers=tuple(answer.result() for answer in answers),
        )


def gather_passthrough(stack: Stack, objects: Objects, resolve: Mapping[str, str]) -> Passthrough | Unavailable:
    """Raises nothing: a host that does not answer is a handshake with a problem."""
    in_dns = tuple(item for item in stack.namespaces if item.in_dns)
    hosts = passthrough_hosts(in_dns)
    if not hosts:
        return Passthrough(address="", handshakes={})
    address = address_of(objects, "Service", NLB_NAME, resolve)
    if not address:
        return Unavailable(
            reason=f"Service {ISTIO_INGRESS}/{NLB_NAME} has no address.",
            remedy="See what the load balancer controller says about it: kubectl describe service.",
        )
    with ThreadPoolExecutor(max_workers=4) as pool:
        others = (*terminated_hosts(in_dns), stack.settings.load_balancer.domain)
        made = list(pool.map(lambda host: handshake(address, 443, host), (*hosts, *others)))
        return Passthrough(
            address=address,
            handshakes=dict(zip(hosts, made, strict=False)),
            terminated=dict(zip(others, made[len(hosts) :], strict=True)),
        )


@dataclass(frozen=True, kw_only=True)
class _Ask:
    """One GET. token: a header with a forged one."""

    host: str
    path: str
    token: tuple[str, str] | None = None


def _of(member: Member) -> Iterator[_Ask]:
    authentication = member.application.authentication
    path = asked_for(member)
    for host in member.application.hosts:
        yield _Ask(host=host, path=path)
        if authentication:
            yield _Ask(host=host, path=path, token=forged(authentication))


def handshake(address: str, port: int, server_name: str, version: ssl.TLSVersion | None = None) -> Handshake:
    """One connection, of exactly this version if one is given.

    The chain is not judged here: the checks compare the leaf with ACM's, or with the gateway's.
    """
    try:
        with (
            socket.create_connection((address, port), timeout=_SECONDS) as plain,
            _context(version).wrap_socket(plain, server_hostname=server_name) as secured,
        ):
            served = secured.getpeercert(binary_form=True)
            cipher = secured.cipher()
            return Handshake(
                version=secured.version() or "",
                cipher=cipher[0] if cipher else "",
                certificate=ssl.DER_cert_to_PEM_cert(served) if served else "",
            )
    except (ssl.SSLError, ConnectionResetError) as problem:
        # Not a refusal of theirs: this machine's own OpenSSL does not offer the version.
        ours = getattr(problem, "reason", "") == "NO_PROTOCOLS_AVAILABLE"
        return Handshake(problem=_words(problem), refused=not ours)
    except OSError as problem:
        return Handshake(problem=_words(problem))


def _context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def _plain(address: str, host: str) -> HttpAnswer:
    return _get(lambda: http.client.HTTPConnection(address, 80, timeout=_SECONDS), host, "/", "")


def _over_tls(address: str, ask: _Ask, agent: str) -> HttpAnswer:
    answer = _get(lambda: NamedConnection(address, ask.host), ask.host, ask.path, agent, ask.token)
    return replace(answer, forged=ask.token is not None)


class NamedConnection(http.client.HTTPSConnection):
    """To an address, with the SNI of the host that is asked for."""

    def __init__(self, address: str, server_name: str) -> None:
        super().__init__(address, 443, timeout=_SECONDS)
        self._server_name = server_name

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), timeout=_SECONDS)
        self.sock = _context().wrap_socket(plain, server_hostname=self._server_name)


def _get(
    connect: Callable[[], http.client.HTTPConnection],
    host: str,
    path: str,
    agent: str,
    token: tuple[str, str] | None = None,
) -> HttpAnswer:
    try:
        with contextlib.closing(connect()) as connection:
            headers = {"Host": host, "User-Agent": agent or "meshops-verify", **dict((token,) if token else ())}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return HttpAnswer(host=host, status=answer.status, location=answer.headers.get("Location", ""), agent=agent)
    except (OSError, http.client.HTTPException) as problem:
        return HttpAnswer(host=host, agent=agent, problem=_words(problem))


def gather_acm(stack: Stack, objects: Objects, endpoint_url: str | None = None) -> str | Unavailable:
    """The leaf, in PEM, of the certificate whose ARN the Ingress names. endpoint_url: a stand-in for AWS."""
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    ingress = objects.find("Ingress", ISTIO_INGRESS, INGRESS_NAME)
    arn = (ingress.at("metadata", "annotations", CERTIFICATE_ANNOTATION) if ingress else None) or ""
    remedy = "Log in to AWS (aws sso login, AWS_PROFILE), with acm:GetCertificate on the certificate."
    if not arn:
        return Unavailable(
            reason=f"Ingress {ISTIO_INGRESS}/{INGRESS_NAME} names no certificate.",
            remedy="`pulumi up` of this stack makes the Ingress.",
        )
    try:
        session = session_of(stack.settings, endpoint)
        if session.get_credentials() is None:
            return Unavailable(reason="There are no AWS credentials to ask ACM with.", remedy=remedy)
        client = session.client(
            "acm", endpoint_url=endpoint, config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})
        )
        return str(client.get_certificate(CertificateArn=arn)["Certificate"])
    except (BotoCoreError, ClientError) as problem:
        return Unavailable(reason=f"ACM did not give {arn}: {_words(problem)}", remedy=remedy)


def _words(problem: Exception) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
