"""What istioctl knows: which proxies are in sync, and what is in force in them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from manifests.names import GATEWAY_SELECTOR
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.facts import MANAGED_BY, Objects, Pod, Proxy, Workload
from meshops.verify.gather.settling import settled
from meshops.verify.stack import GATEWAY_KEY, Stack

_T = TypeVar("_T")
_REMEDY = "See that istioctl is there, of istiod's version, and that the kubeconfig's user may forward ports to pods."
# A proxy that was sent something a moment ago has not acknowledged it yet; one that never will is stale after this too.
_SETTLED_AFTER_SECONDS = 15.0
_POLL_SECONDS = 1.0
_MODE = re.compile(r"Workload mTLS mode:\s*(\w+)")


def gather_proxies(tools: Tools, revisions: Sequence[str]) -> tuple[Proxy, ...] | Unavailable:
    """revisions: of the control planes that are asked. Stale is what stays so: each change is a push on its way for a
    moment."""

    def ask() -> tuple[Proxy, ...]:
        answers = [tools.ask_istioctl("proxy-status", "--revision", name, "--output", "json") for name in revisions]
        return parse_status("\n".join(answers))

    def in_sync(proxies: tuple[Proxy, ...]) -> bool:
        return not any(proxy.stale for proxy in proxies)

    return _attempt(
        "The proxies' state",
        lambda: settled(ask, in_sync, seconds=_SETTLED_AFTER_SECONDS, pause=_POLL_SECONDS),
    )


def parse_status(text: str) -> tuple[Proxy, ...]:
    """`istioctl proxy-status -o json`: one document per istiod, one after the other. Probe pods are left out."""
    decoder = json.JSONDecoder()
    proxies: dict[str, Proxy] = {}
    rest = text.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        identifier = json.loads(answer.get("controlPlane", {}).get("identifier") or "{}")
        version = str((identifier.get("Info") or {}).get("version") or "")
        for resource in answer.get("resources") or ():
            if found := _proxy(resource, version):
                proxies[found.pod] = found
    return tuple(proxies[name] for name in sorted(proxies))


def _proxy(resource: Mapping[str, Any], control_plane: str) -> Proxy | None:
    node = resource.get("node") or {}
    metadata = node.get("metadata") or {}
    labels = metadata.get("LABELS") or {}
    if labels.get("app.kubernetes.io/managed-by") == MANAGED_BY:
        return None
    stale = tuple(
        f"{str(config.get('typeUrl')).rpartition('.')[2]} {config['configStatus']}"
        for config in resource.get("genericXdsConfigs") or ()
        # NOT_SENT: there is nothing of that kind for this proxy.
        if config.get("configStatus") in ("STALE", "ERROR")
    )
    name, _, namespace = str(node.get("id", "")).rpartition("/")[2].rpartition(".")
    # `pod.namespace`, or in a full node id `sidecar~address~pod.namespace~domain`.
    if "~" in str(node.get("id", "")):
        name, _, namespace = str(node["id"]).split("~")[2].rpartition(".")
    return Proxy(
        pod=f"{namespace}/{name}",
        version=str(metadata.get("ISTIO_VERSION") or ""),
        control_plane=control_plane,
        stale=stale,
    )


def gather_workloads(tools: Tools, stack: Stack, objects: Objects) -> tuple[Workload, ...]:
    """Of one running pod of each application in the mesh, and of the gateway."""
    wanted: list[tuple[tuple[str, str], Pod]] = []
    for member in stack.members:
        pods = objects.pods_of(member.namespace.name, {"app": member.name})
        wanted += [((member.namespace.name, member.name), pod) for pod in pods if pod.running and pod.sidecar][:1]
    gateways = objects.pods_of(GATEWAY_KEY[0], GATEWAY_SELECTOR)
    wanted += [(GATEWAY_KEY, pod) for pod in gateways if pod.running][:1]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return tuple(pool.map(lambda entry: _workload(tools, *entry), wanted))


def _workload(tools: Tools, key: tuple[str, str], pod: Pod) -> Workload:
    name = f"{pod.name}.{pod.namespace}"
    of_application = key != GATEWAY_KEY
    return Workload(
        namespace=key[0],
        application=key[1],
        pod=pod.name,
        certificate=_attempt(
            f"The certificate of {pod}",
            lambda: parse_secret(tools.ask_istioctl("proxy-config", "secret", name, "--output", "json")),
        ),
        policies=_attempt(
            f"The policies in force in {pod}",
            lambda: parse_authz(tools.ask_istioctl("experimental", "authz", "check", name)),
        )
        if of_application
        else (),
        mtls=_attempt(
            f"The mode of {pod}",
            lambda: gather_mode(tools, name),
        )
        if of_application
        else "",
        metrics=_attempt(
            f"The metrics of {pod}",
            lambda: parse_metrics(tools.ask_istioctl("experimental", "envoy-stats", name, "--output", "prom")),
        ),
    )


def gather_mode(tools: Tools, pod: str) -> str:
    """istioctl says it before it asks every pod of the gateway, and fails at one that has ended and is still listed."""
    ask = "experimental", "describe", "pod", pod
    said = tools.ask_istioctl(*ask, accept=(0, 1))
    return parse_mode(said if _MODE.search(said) else tools.ask_istioctl(*ask))


def parse_metrics(text: str) -> int:
    """How many values Prometheus' text format holds."""
    return sum(1 for line in text.splitlines() if line.startswith(("envoy_", "istio_")))


def parse_secret(text: str) -> str:
    """PEM of the workload's own certificate. Envoy shows no key here: it writes `[redacted]`."""
    for entry in json.loads(text).get("dynamicActiveSecrets") or ():
        if entry.get("name") == "default":
            encoded = entry["secret"]["tlsCertificate"]["certificateChain"]["inlineBytes"]
            return base64.b64decode(encoded).decode()
    raise ToolError("the proxy holds no certificate of its own")


def parse_authz(text: str) -> tuple[str, ...]:
    """`name.namespace` of the policies that let in or refuse."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("ACTION"):
        raise ToolError("istioctl shows no table of policies")
    rows = [line.split() for line in lines[1:] if line.strip()]
    return tuple(sorted(row[1] for row in rows if row[0] in ("ALLOW", "DENY") and not row[1].startswith("_anonymous")))


def parse_mode(text: str) -> str:
    if match := _MODE.search(text):
        return match[1]
    raise ToolError("istioctl describe names no mTLS mode")


def _attempt(what: str, ask: Callable[[], _T]) -> _T | Unavailable:
    try:
        return ask()
    except ToolError as problem:
        return Unavailable(reason=f"{what} could not be had: {problem}", remedy=_REMEDY)
    except (ValueError, KeyError, TypeError, IndexError) as problem:
        return Unavailable(reason=f"{what}: istioctl's answer could not be read: {problem!r}", remedy=_REMEDY)
