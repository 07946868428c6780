"""The settings entry of an adopted namespace: what was found and seen, each line with what it rests on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from configuration.applications import Phase
from configuration.values import is_label
from manifests.names import INJECTION_LABEL
from meshops.adopt.inventory import Inventory, Key, Port, Running
from meshops.adopt.paths import patterns
from meshops.adopt.traffic import SHARED_GATEWAY, Call, Leaving, Traffic
from meshops.owners import git_owner
from policy.judge import ask
from policy.resources import Resource
from policy.rules.workloads import capabilities, confined, not_root, not_the_nodes
from policy.stack import Stack

_WITNESS = {"proxy": "logged by a proxy", "connection": "as a connection on the node", "recorded": "as recorded"}


class Entry(dict[str, Any]):
    """A mapping of the settings. why: key -> what its value rests on; head: of the mapping as a whole."""

    def __init__(self, *, head: str = "") -> None:
        super().__init__()
        self.head = head
        self.why: dict[str, str] = {}

    def say(self, key: str, value: Any, why: str = "") -> None:
        self[key] = value
        if why:
            self.why[key] = why


def namespace_entry(
    name: str, found: Inventory, traffic: Traffic, stack: Stack, *, phase: Phase | None = None
) -> Entry:
    """phase: to be written in place of the one that it is in."""
    there = found.namespace(name)
    if there is None:
        raise ValueError(f"no namespace {name} was read")
    entry = Entry()
    entry.say("name", name)
    seen, because = phase_of(there, found)
    entry.say("phase", phase or seen, f"asked for; today {seen}: {because}" if phase and phase != seen else because)
    owner = git_owner(there.inputs)
    entry.say("existing", True, "it is there: its labels are set, a destroy leaves it")
    if owner:
        entry.say("delivery", "git", f"{owner} owns the namespace: what stands in git/{name}/ goes into its repository")
    applications = found.applications(name)
    level, because = _pod_security(there, applications, stack)
    if level != "restricted":
        entry.say("podSecurity", level, because)
    if any(_leaves_users(work) for one in applications for work in one.works):
        entry.say("imageUsers", True, "containers leave their user to the image")
    entry.say("applications", [_application(one, found, traffic) for one in applications])
    return entry


def phase_of(namespace: Resource, found: Inventory) -> tuple[Phase, str]:
    """The phase that the cluster shows, and by what."""
    labels = namespace.labels
    if INJECTION_LABEL not in labels and labels.get("istio-injection") != "enabled":
        return "outside", "no injection label"
    for policy in found.of("PeerAuthentication", namespace.object_name):
        if not policy.at("spec", "selector") and policy.at("spec", "mtls", "mode") == "STRICT":
            return "strict", f"injected, and PeerAuthentication {policy.object_name} says STRICT"
    return "permissive", "injected; no PeerAuthentication of its own says STRICT"


def _application(one: Running, found: Inventory, traffic: Traffic) -> Entry:
    pods = ", ".join(f"{work.kind} {work.object_name}" for work in one.works)
    entry = Entry(head=pods)
    entry.say("name", one.name, "" if one.labelled else f"the pods lack the label app: {one.name}, see MT107")
    entry.say("workload", "external")
    calls = [call for call in traffic.calls if call.callee == one.key]
    port = port_of(one, calls)
    if port is not None:
        entry.say("port", port.target, f"Service {one.service.object_name if one.service else '?'}, its container's")
        if port.number != port.target:
            entry.say("servicePort", port.number)
        if one.service is not None and one.service.object_name != one.name:
            entry.say("service", one.service.object_name)
        protocol, because = protocol_of(port, calls)
        if protocol != "http":
            entry.say("protocol", protocol, because)
    _identity(entry, one, found)
    if port is not None:
        _reached(entry, one, port, calls, found)
    leaving = [item for item in traffic.leaving if item.caller == one.key]
    if leaving:
        entry.say("egress", list(_egress(leaving)))
    else:
        entry.why["egress"] = "egress: never seen to leave the cluster"
    return entry


def _identity(entry: Entry, one: Running, found: Inventory) -> None:
    own = [
        account
        for account in one.accounts
        if account != "default" and len(found.with_account(one.namespace, account)) == 1 and is_label(account)
    ]
    if not own:
        today = ", ".join(one.accounts)
        entry.why["serviceAccount"] = f"serviceAccount: {one.name}-sa, to be made; today {today}, which is not its own"
        return
    if own[0] != f"{one.name}-sa":
        entry.say("serviceAccount", own[0])
    if own[1:]:
        entry.say("acceptedServiceAccounts", own[1:])


def port_of(one: Running, calls: Iterable[Call]) -> Port | None:
    """The port that was called most; the Service's first one where none was. None without a Service."""
    ports = [port for port in one.ports if port.target]
    called = Counter(call.port for call in calls)
    return max(ports, key=lambda port: (called[port.target], -ports.index(port)), default=None)


def protocol_of(port: Port, calls: Iterable[Call]) -> tuple[str, str]:
    """As the settings name it, and by what."""
    said = (port.protocol or port.name.partition("-")[0]).lower()
    if said in ("grpc", "grpc-web"):
        return "grpc", f"port {port.name or port.number} says so"
    if said in ("http", "http2") or any(not call.opaque for call in calls if call.port == port.target):
        return "http", ""
    if said in ("tcp", "tls", "https", "mysql", "mongo", "redis"):
        return "tcp", f"port {port.name or port.number} says {said}, of which a sidecar reads no request"
    return "http", ""


def _reached(entry: Entry, one: Running, port: Port, calls: list[Call], found: Inventory) -> None:
    routed = hosts_of(one, found)
    through = Counter(call.host for call in calls if call.caller == SHARED_GATEWAY)
    if routed:
        seen = ", ".join(
            f"{host} {_times(through[host], 'request')}" if through[host] else f"{host} never" for host in routed
        )
        entry.say("hosts", list(routed), f"{', '.join(sorted(set(routed.values())))}; seen: {seen}")
    if one.service is not None and (sticky := _stickiness(one, found)):
        entry.say("stickiness", sticky[0], f"as DestinationRule {sticky[1]} has it")
    inside = [call for call in calls if call.caller != SHARED_GATEWAY and call.port == port.target]
    if inside:
        entry.say("callers", list(_callers(one, inside, opaque=entry.get("protocol") == "tcp")))
    else:
        entry.why["callers"] = "callers: nobody was seen to call it"


def _callers(one: Running, calls: list[Call], *, opaque: bool) -> Iterator[Entry]:
    by_caller: defaultdict[Key, list[Call]] = defaultdict(list)
    for call in calls:
        by_caller[call.caller].append(call)
    for caller, made in sorted(by_caller.items()):
        name = caller[1] if caller[0] == one.namespace else "/".join(caller)
        requests = [call for call in made if not call.opaque]
        if opaque or not requests:
            says = f"{_times(len(made), 'time')}, {_WITNESS[made[0].evidence]}"
            entry = Entry(head=says if opaque else f"{says}: no method and no path was seen, so any is allowed")
            entry.say("application", name)
            yield entry
            continue
        yield from _requests(name, requests, connections=len(made) - len(requests))


def _requests(name: str, requests: list[Call], *, connections: int) -> Iterator[Entry]:
    """An entry for each set of methods: one entry allows each of its methods on each of its paths."""
    templates = {path: pattern for pattern in patterns(call.path for call in requests) for path in pattern.seen}
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for call in requests:
        methods[templates[call.path].text].add(call.method)
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, used in methods.items():
        groups[tuple(sorted(used))].append(path)
    for used, paths in sorted(groups.items()):
        of_group = [call for call in requests if templates[call.path].text in paths]
        entry = Entry(head=_says(of_group, connections))
        entry.say("application", name)
        entry.say("methods", list(used))
        notes = {templates[call.path].text: templates[call.path].because for call in of_group}
        because = "; ".join(f"{path}: {note}" for path, note in sorted(notes.items()) if note)
        entry.say("paths", sorted(paths), because)
        yield entry


def _says(calls: list[Call], connections: int) -> str:
    statuses = Counter(call.status // 100 for call in calls if call.status)
    text = f"{_times(len(calls), 'request')}, {_WITNESS[calls[0].evidence]}"
    if statuses and set(statuses) <= {4, 5}:
        text += ", none of them answered well: does it exist?"
    return text + (f", beside {_times(connections, 'connection')} without a request" if connections else "")


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _egress(leaving: list[Leaving]) -> Iterator[Entry]:
    counted = Counter((item.to, item.port, item.protocol, item.evidence) for item in leaving)
    for (to, port, protocol, evidence), count in sorted(counted.items()):
        entry = Entry(head=f"{_times(count, 'time')}, {_WITNESS[evidence]}")
        if to[0].isdigit() and to.replace(".", "").isdigit():
            entry.say("cidr", f"{to}/32", "the one address that was seen; its subnet may be meant")
        else:
            entry.say("host", to)
        entry.say("port", port)
        if protocol != "TLS":
            entry.say("protocol", protocol, "plaintext: readable on its way" if protocol == "HTTP" else "")
        yield entry


def hosts_of(one: Running, found: Inventory) -> dict[str, str]:
    """Public name -> the object that routes it to this application."""
    services = {service.object_name for service in one.services}
    hosts: dict[str, str] = {}
    for route in found.of("VirtualService", one.namespace):
        if set(route.at("spec", "gateways") or ()) <= {"mesh"}:
            continue
        targets = {
            str(((entry.get("destination") or {}).get("host")) or "").partition(".")[0]
            for rule in (*(route.at("spec", "http") or ()), *(route.at("spec", "tls") or ()))
            for entry in rule.get("route") or ()
        }
        if targets & services:
            hosts |= dict.fromkeys(route.at("spec", "hosts") or (), f"VirtualService {route.object_name}")
    for ingress in found.of("Ingress", one.namespace):
        for rule in ingress.at("spec", "rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                backend = ((path.get("backend") or {}).get("service") or {}).get("name")
                if rule.get("host") and backend in services:
                    hosts[rule["host"]] = f"Ingress {ingress.object_name}"
    return dict(sorted(hosts.items()))


def _stickiness(one: Running, found: Inventory) -> tuple[dict[str, Any], str] | None:
    services = {service.object_name for service in one.services}
    for rule in found.of("DestinationRule", one.namespace):
        if str(rule.at("spec", "host") or "").partition(".")[0] not in services:
            continue
        hashing: Mapping[str, Any] = rule.at("spec", "trafficPolicy", "loadBalancer", "consistentHash") or {}
        if cookie := hashing.get("httpCookie"):
            seconds = str(cookie.get("ttl", "0s")).removesuffix("s").partition(".")[0]
            ttl = {"cookieTtlSeconds": int(seconds)} if seconds.isdigit() and int(seconds) else {}
            return {"cookie": cookie["name"], **ttl}, rule.object_name
        if header := hashing.get("httpHeaderName"):
            return {"header": header}, rule.object_name
    return None


def _pod_security(namespace: Resource, applications: Iterable[Running], stack: Stack) -> tuple[str, str]:
    """The strictest level that its pods fit today."""
    enforced = namespace.labels.get("pod-security.kubernetes.io/enforce")
    if enforced in ("baseline", "privileged"):
        return enforced, "as its label says"
    levels = (("privileged", (not_the_nodes,)), ("baseline", (not_root, capabilities, confined)))
    works = [work for one in applications for work in one.works]
    for level, rules in levels:
        for work in works:
            for rule in rules:
                found, _ = ask(rule, work, stack)
                # That one is asked by none of the levels.
                flaws = [one.flaw for one in found if not one.flaw.field.endswith("readOnlyRootFilesystem")]
                if flaws:
                    return level, f"{work}: {flaws[0].field} is {flaws[0].value}"
    return "restricted", ""


def _leaves_users(work: Resource) -> bool:
    of_pod = (work.pod.get("securityContext") or {}).get("runAsUser")
    return any(
        (container.get("securityContext") or {}).get("runAsUser", of_pod) is None for _, container in work.containers()
    )
