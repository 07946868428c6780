"""What the tests of the lab's load balancers need: fake targets that record what reaches them, and an Envoy."""

from __future__ import annotations

import contextlib
import datetime
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.load_balancer.certificates import ServedPair
from lab.load_balancer.envoy_clusters import assignment, cluster
from lab.load_balancer.envoy_listeners import listener
from lab.load_balancer.model import HealthCheck, Listener, LoadBalancerModel, Target, TargetGroup
from lab.load_balancer.proxy import Proxy
from lab.waiting import until

ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
_START_SECONDS = 20.0
_TLS_HANDSHAKE = b"\x16\x03"


def self_signed(directory: Path, name: str) -> ServedPair:
    """A certificate of a test's own, ECDSA P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = ServedPair(arn=ARN, certificate=directory / f"{name}.crt", key=directory / f"{name}.key")
    pair.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pair


@dataclass(kw_only=True)
class Seen:
    """One request as a target saw it. server_name: the ClientHello's SNI."""

    server_name: str | None
    tls: str
    head: str
    peer: str

    @property
    def fields(self) -> dict[str, str]:
        """Header fields, names in lower case."""
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


@dataclass(kw_only=True)
class FakeTarget:
    """A TLS server on loopback with a plain health port, as the gateway's pods are.

    port, health_port: 0 for any. proxy_protocol: a connection begins with its client's address; it becomes the peer.
    conduct: `answer`, `reset` the connection on a request, `silent` (never answer), or seconds before it answers.
    """

    pair: ServedPair
    name: str = "target"
    address: str = "127.0.0.1"
    tls: bool = True
    proxy_protocol: bool = False
    conduct: str | float = "answer"
    status_code: int = 200
    seen: list[Seen] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    port: int = 0
    health_port: int = 0
    _servers: list[socketserver.ThreadingTCPServer] = field(default_factory=list)

    def start(self) -> FakeTarget:
        self.port = self._serve(self._traffic, self.port)
        self.health_port = self._serve(self._health, self.health_port)
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _serve(self, handle: Callable[[socket.socket, str], None], port: int) -> int:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    handle(self.request, self.client_address[0])

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address, block_on_close = True, True, False

        server = Server((self.address, port), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._servers.append(server)
        return server.server_address[1]

    def _traffic(self, connection: socket.socket, peer: str) -> None:
        names: list[str | None] = []
        version = ""
        if self.proxy_protocol:
            peer = _proxied(connection)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.pair.certificate, self.pair.key)
            context.sni_callback = lambda _, name, __: names.append(name)
            wrapped = context.wrap_socket(connection, server_side=True)
            version, connection = wrapped.version() or "", wrapped
        while head := _head(connection):
            seen = Seen(server_name=names[0] if names else None, tls=version, head=head, peer=peer)
            self.seen.append(seen)
            if self.conduct == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                return
            if self.conduct == "silent":
                time.sleep(30)
                return
            if isinstance(self.conduct, float):
                time.sleep(self.conduct)
            body = self.name.encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nserver: fake\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    def _health(self, connection: socket.socket, peer: str) -> None:
        self.checks.append(_head(connection))
        connection.sendall(f"HTTP/1.1 {self.status_code} Said\r\ncontent-length: 0\r\n\r\n".encode())


def _proxied(connection: socket.socket) -> str:
    """The client's address as the PROXY protocol's second version tells it."""
    head = connection.recv(16, socket.MSG_WAITALL)
    assert head.startswith(b"\r\n\r\n\0\r\nQUIT\n"), head
    rest = connection.recv(int.from_bytes(head[14:16], "big"), socket.MSG_WAITALL)
    return socket.inet_ntoa(rest[:4])


def _head(connection: socket.socket) -> str:
    """The request's head; empty at the end, or for what is no HTTP."""
    data = b""
    while b"\r\n\r\n" not in data:
        if data.startswith(_TLS_HANDSHAKE):
            return ""
        part = connection.recv(4096)
        if not part:
            return ""
        data += part
    return data.decode().partition("\r\n\r\n")[0]


@dataclass(kw_only=True)
class Balancer:
    """An Envoy on loopback that plays one ALB. http, https: its ports."""

    proxy: Proxy
    pair: ServedPair
    http: int
    https: int
    log: Path
    policy: str = "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
    idle_timeout: int = 60
    allowed_cidrs: tuple[str, ...] = ("0.0.0.0/0",)

    def serve(
        self, *targets: FakeTarget, extra: tuple[Target, ...] = (), check: HealthCheck | None = None
    ) -> TargetGroup:
        """Makes these its targets. extra: addresses where nothing is, or nothing that is ours."""
        group = TargetGroup(
            arn="arn:group",
            name="alb_443",
            protocol="HTTPS",
            check=check or a_check(targets[0].health_port if targets else None),
            targets=(*(Target(address=t.address, port=t.port) for t in targets), *extra),
        )
        model = LoadBalancerModel(
            kind="application",
            source="Ingress istio-ingress/gateway",
            name="alb",
            host="alb.example.com",
            listeners=(
                Listener(port=80, protocol="HTTP", redirect_to=443, allowed_cidrs=self.allowed_cidrs),
                Listener(
                    port=443,
                    protocol="HTTPS",
                    ssl_policy=self.policy,
                    certificates=(ARN,),
                    group=group,
                    allowed_cidrs=self.allowed_cidrs,
                ),
            ),
            drop_invalid_headers=True,
            idle_timeout=self.idle_timeout,
        )
        self.play(model)
        return group

    def play(self, model: LoadBalancerModel) -> None:
        """Makes the Envoy this load balancer."""
        ports = {80: self.http, 443: self.https}
        self.proxy.apply(
            listeners=[
                listener(model, made, address="127.0.0.1", pairs=(self.pair,), bound_port=ports[made.port])
                for made in model.listeners
            ],
            clusters=[
                cluster(group, endpoints=str(self.proxy.endpoints(group.name)), idle_timeout=model.idle_timeout)
                for group in model.groups
            ],
            endpoints=[assignment(group) for group in model.groups],
        )

    def await_health(self, group: TargetGroup, wanted: dict[str, str]) -> None:
        """Waits until the targets' health is this."""
        await_that(lambda: self.proxy.health(group.name) == wanted, lambda: str(self.proxy.health(group.name)))

    def curl(self, *arguments: str, path: str = "/") -> str:
        """The answer, header fields and body, of one request to the HTTPS listener."""
        finished = subprocess.run(
            [
                "curl", "--silent", "--show-error", "--include", "--max-time", "15", "--cacert", self.pair.certificate,
                "--resolve", f"app.example.com:{self.https}:127.0.0.1", *arguments,
                f"https://app.example.com:{self.https}{path}",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return finished.stdout if finished.returncode == 0 else f"curl exit {finished.returncode}: {finished.stderr}"


def a_check(port: int | None, **changes: object) -> HealthCheck:
    """Health checks as the program annotates them, at a test's pace."""
    given: dict[str, object] = {
        "protocol": "HTTP", "port": port, "path": "/healthz/ready", "interval": 1, "timeout": 1,
        "healthy": 2, "unhealthy": 2, "codes": "200",
    }  # fmt: skip
    return HealthCheck(**{**given, **changes})  # ty: ignore[invalid-argument-type]


def await_that(
    holds: Callable[[], bool], said: Callable[[], str] = lambda: "", *, seconds: float = _START_SECONDS
) -> None:
    """Waits until it holds; fails with what is said."""
    until(holds, seconds=seconds, pause=0.05, what="what the test waits for", seen=said)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_envoy(directory: Path, proxy: Proxy) -> Generator[Path]:
    """Envoy over a proxy's files; gives its log."""
    proxy.prepare()
    log = directory / "envoy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(proxy.command(), stdout=output, stderr=output)
    try:
        await_that(proxy.ready, lambda: log.read_text(encoding="utf-8")[-2000:])
        yield log
    finally:
        process.terminate()
        process.wait(timeout=20)
