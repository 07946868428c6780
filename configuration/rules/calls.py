"""Rules on how applications are called: by which hosts, by whom, in which protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.applications import Caller, qualified
from configuration.breaches import Breach, breach
from configuration.names import DeclaredNames
from configuration.rules.each import each_application
from configuration.settings import Settings


def hosts_are_unique_and_covered(settings: Settings) -> Iterator[Breach]:
    owners: dict[str, str] = {}
    domain = settings.load_balancer.domain
    for namespace, application, path in each_application(settings):
        for index, host in enumerate(application.hosts):
            name = f"{namespace.name}/{application.name}"
            if host in owners:
                yield breach(
                    f"{path}.hosts[{index}]",
                    host,
                    f"{owners[host]} claims this host already: the gateway would send it to one of the two only.",
                    "Give each application its own host.",
                )
            owners.setdefault(host, name)
            label, _, parent = host.partition(".")
            if application.tls == "terminate" and host != domain and parent != domain:
                yield breach(
                    f"{path}.hosts[{index}]",
                    host,
                    f"The certificate covers {domain} and *.{domain}, one label deep; a browser would refuse this "
                    "host.",
                    f"Use a name such as {label}.{domain}.",
                    "loadBalancer.domain",
                )


def callers_exist(settings: Settings, names: DeclaredNames) -> Iterator[Breach]:
    for namespace, application, path in each_application(settings):
        seen: dict[str, Caller] = {}
        for index, caller in enumerate(application.callers):
            full = qualified(caller.application, namespace.name)
            where = f"{path}.callers[{index}].application"
            if full not in names.applications:
                yield breach(
                    where,
                    caller.application,
                    "No application of this stack has this name, so the rule would let in nobody.",
                    'Name an application of the namespace, or "namespace/application" of another one.',
                )
            if full in seen and not _apart(caller, seen[full]):
                yield breach(
                    where,
                    caller.application,
                    "This caller is named twice, and one entry could say both.",
                    "Merge the two entries; two are for other methods on other paths, and name both.",
                )
            seen[full] = caller


def _apart(one: Caller, other: Caller) -> bool:
    """Whether one entry that allows what two allow would allow more: methods and paths are taken crosswise."""
    if not (one.methods and one.paths and other.methods and other.paths):
        return False
    return set(one.methods) != set(other.methods) and set(one.paths) != set(other.paths)


def callers_can_be_matched(settings: Settings) -> Iterator[Breach]:
    phases = {namespace.name: namespace.phase for namespace in settings.namespaces}
    for namespace, application, path in each_application(settings):
        for index, caller in enumerate(application.callers):
            where = f"{path}.callers[{index}]"
            if application.opaque and (caller.methods or caller.paths):
                yield breach(
                    where,
                    caller.application,
                    "The application speaks no HTTP that the sidecar can read: a rule with methods or paths never "
                    "matches.",
                    "Leave methods and paths out.",
                    f"{path}.protocol",
                )
            home = qualified(caller.application, namespace.name).partition("/")[0]
            if phases.get(home) == "outside" and namespace.phase == "strict":
                yield breach(
                    f"{where}.application",
                    caller.application,
                    f"Namespace {home} is outside the mesh: its pods have no identity and {namespace.name}, being "
                    "strict, refuses their plaintext.",
                    f"Bring {home} into the mesh first, or hold {namespace.name} at phase permissive.",
                    f"namespaces[{home}].phase",
                )


def passthrough_has_its_way_in(settings: Settings) -> Iterator[Breach]:
    entries = settings.load_balancer.entries
    for _, application, path in each_application(settings):
        if application.tls == "passthrough":
            if "nlb" not in entries:
                yield breach(
                    f"{path}.tls",
                    application.tls,
                    "An ALB ends TLS and sends no SNI (trap 3): only an NLB passes the client's TLS through.",
                    'Add "nlb" to loadBalancer.entries, or let the gateway terminate.',
                    "loadBalancer.entries",
                )
            if not application.hosts:
                yield breach(
                    f"{path}.hosts",
                    "[]",
                    "A passthrough application is found by SNI and needs a host.",
                    "Name the host on its certificate.",
                )
        elif application.hosts and "alb" not in entries:
            yield breach(
                f"{path}.hosts",
                list(application.hosts),
                "The stack has no ALB: no client trusts the gateway's own certificate for this host.",
                'Add "alb" to loadBalancer.entries, or serve the host by `tls: passthrough`.',
                "loadBalancer.entries",
            )


def protocols_reach_their_callers(settings: Settings) -> Iterator[Breach]:
    for _, application, path in each_application(settings):
        # The ALB's targets are HTTP/1.1 here: gRPC needs HTTP/2 to the end, and a stream of bytes has no Host.
        asked = application.authentication is not None and application.opaque  # refused for that already
        if application.hosts and application.tls == "terminate" and application.protocol != "http" and not asked:
            yield breach(
                f"{path}.hosts",
                list(application.hosts),
                f"Behind the ALB only HTTP arrives, in version 1.1; {application.protocol} never does.",
                "Remove the hosts, or serve them by `tls: passthrough` behind the NLB.",
                f"{path}.protocol",
            )
        for index, caller in enumerate(application.callers):
            if application.protocol == "grpc" and caller.methods and set(caller.methods) != {"POST"}:
                # https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: ":method POST", always.
                yield breach(
                    f"{path}.callers[{index}].methods",
                    list(caller.methods),
                    "Every gRPC call is a POST: another method never comes.",
                    "Leave methods out, and name the calls as paths: /package.Service/Method.",
                    f"{path}.protocol",
                )


def stickiness_is_possible(settings: Settings) -> Iterator[Breach]:
    for _, application, path in each_application(settings):
        stickiness = application.stickiness
        if stickiness is None:
            continue
        if bool(stickiness.cookie) == bool(stickiness.header):
            yield breach(
                f"{path}.stickiness",
                stickiness.cookie or "{}",
                "Affinity is by exactly one of cookie and header.",
                "Set one of the two.",
            )
        if application.opaque:
            yield breach(
                f"{path}.stickiness",
                stickiness.cookie or stickiness.header or "{}",
                "The sidecar cannot read cookies or headers of this application's traffic.",
                "Remove it.",
                f"{path}.protocol",
            )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    hosts_are_unique_and_covered,
    callers_can_be_matched,
    passthrough_has_its_way_in,
    protocols_reach_their_callers,
    stickiness_is_possible,
)
