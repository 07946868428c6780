"""Trap 3: the same requests at a Gateway for a named host and at one for any."""

from __future__ import annotations

from dataclasses import dataclass

from lab.traps import documents as made
from lab.traps.cluster import Scratch, await_it
from manifests.names import ISTIO_INGRESS

# What curl says when the other end closes the connection instead of shaking hands.
_CLOSED = ("35", "52", "55", "56")
CLOSED = "closed in the handshake"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One row. port: the scratch server's."""

    hosts: str
    port: int
    sni: bool

    @property
    def client(self) -> str:
        return "with SNI" if self.sni else "without SNI, as an ALB"


REQUESTS: tuple[Request, ...] = tuple(
    Request(hosts=hosts, port=port, sni=sni)
    for hosts, port in ((f"`{made.NAMED_HOST}`", made.NAMED_PORT), ('`"*"`', made.ANY_PORT))
    for sni in (True, False)
)


def measure(scratch: Scratch) -> tuple[tuple[str, str, str], ...]:
    """Rows of: the Gateway's hosts, the client, the answer."""
    scratch.apply(*made.scratch_gateways())
    address = _gateway_address(scratch)
    # Both servers are told to the gateway at once; with SNI both answer when they are there.
    with_sni = [request for request in REQUESTS if request.sni]
    await_it("the scratch servers to answer", lambda: all(_ask(scratch, one, address) == "200" for one in with_sni))
    return tuple((one.hosts, one.client, _ask(scratch, one, address)) for one in REQUESTS)


def _gateway_address(scratch: Scratch) -> str:
    arguments = ("get", "pods", "-n", ISTIO_INGRESS, "-l", "istio=ingressgateway")
    return scratch.run("kubectl", *arguments, "-o", "jsonpath={.items[0].status.podIP}")


def _ask(scratch: Scratch, request: Request, address: str) -> str:
    # Not validated, as an ALB does not. For an address curl sends no SNI.
    curl = ["curl", "-sk", "-m", "5", "-o", "/dev/null", "-w", "%{http_code} %{exitcode}"]
    if request.sni:
        name = f"{made.NAMED_HOST}:{request.port}"
        curl += ["--connect-to", f"{name}:{address}:{request.port}", f"https://{name}/"]
    else:
        curl += ["-H", f"Host: {made.NAMED_HOST}", f"https://{address}:{request.port}/"]
    code, _, ended = scratch.in_pod(made.BARE, *curl).partition(" ")
    if ended in _CLOSED:
        return CLOSED
    return code if ended == "0" else f"curl's error {ended}"
