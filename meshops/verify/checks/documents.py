"""Configuration, the rest: policies, hosts, gateway, egress, network policies, telemetry, certificates, Ingress."""

from __future__ import annotations

from datetime import datetime

from manifests.authorization import DRY_RUN
from manifests.gateway import passthrough_hosts, terminated_hosts
from manifests.ingress import INGRESS_NAME, alb_ingress
from manifests.names import GATEWAY_REF, GATEWAY_RESOURCE, ISTIO_INGRESS, ISTIO_SYSTEM
from manifests.namespace import platform_namespaces
from manifests.shadow import is_tried
from meshops.checks.model import Verdict
from meshops.verify.check import Layer, check
from meshops.verify.checks.rules import as_made
from meshops.verify.comparison import live, strangers
from meshops.verify.facts import LiveObject
from meshops.verify.gather.edge import CERTIFICATE_ANNOTATION
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Configuration"


@check(
    "MV608",
    _LAYER,
    name="AuthorizationPolicies",
    shows="Every AuthorizationPolicy of the program stands as it was made, and no other one lets anybody in.",
    how="Each is compared with the document that the settings give; others in the mesh's namespaces are looked at.",
    severity="critical",
    remedy="`pulumi up` sets the program's policies again; declare a caller in the settings instead of beside them.",
)
def authorization_policies(subject: Subject) -> Verdict:
    tally = as_made(subject, "AuthorizationPolicy")
    for item in subject.stack.of_kind("AuthorizationPolicy"):
        there = live(item, subject.objects)
        if there is not None and is_tried(there.content) != is_tried(item):
            tally.failed(f"{there} is {'only tried out' if is_tried(there.content) else 'enforced'} ({DRY_RUN})")
    where = [ISTIO_SYSTEM, *subject.stack.injected_namespaces]
    for policy in strangers(subject.stack.documents, subject.objects, "AuthorizationPolicy", where):
        action = policy.spec.get("action") or "ALLOW"
        if action in ("ALLOW", "CUSTOM") and policy.spec.get("rules") and not is_tried(policy.content):
            tally.failed(f"{policy} is not of the program and says {action}")
        else:
            tally.note(f"not of the program, and opens nothing: {policy} ({action})")
    return tally.verdict("{count} policies as the program makes them, and no other that opens anything.")


@check(
    "MV609",
    _LAYER,
    name="Hosts lead to their applications",
    shows="Each public host has exactly the VirtualService of its application, on the shared gateway.",
    how="The VirtualServices of all namespaces, compared with the documents that the settings give.",
    severity="critical",
    remedy="`pulumi up` sets the program's routes again; delete the other VirtualService that claims the host.",
)
def hosts(subject: Subject) -> Verdict:
    tally = as_made(subject, "VirtualService")
    # Of the namespaces in scope: whose routes are not looked at, whose hosts are not either.
    namespaces = subject.stack.namespaces
    declared = {*terminated_hosts(namespaces), *passthrough_hosts(namespaces)}
    ours = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in _all_routes(subject)}
    for route in subject.objects.of_kind("VirtualService"):
        if (route.namespace, route.name) in ours:
            continue
        claimed = sorted(declared & set(route.spec.get("hosts") or ()))
        if claimed and _on_shared_gateway(route):
            tally.failed(f"{route} claims {', '.join(claimed)} too")
        elif "*" in (route.spec.get("hosts") or ()) and _on_shared_gateway(route):
            tally.failed(f"{route} claims every host")
    return tally.verdict("{count} routes as the program makes them.", nothing="No public hosts.")


def _all_routes(subject: Subject) -> list[dict]:
    return [item for item in subject.stack.documents if item["kind"] == "VirtualService"]


def _on_shared_gateway(route: LiveObject) -> bool:
    names = route.spec.get("gateways") or ()
    return GATEWAY_REF in names or (route.namespace == ISTIO_INGRESS and GATEWAY_RESOURCE in names)


@check(
    "MV610",
    _LAYER,
    name="The shared Gateway",
    shows="Its HTTPS server has hosts '*' (trap 3), TLS 1.3 and the secret of cert-manager, and no other Gateway "
    "selects the same pods.",
    how="The Gateways of all namespaces, compared with the document that the settings give.",
    severity="critical",
    remedy="`pulumi up` sets it again. Any other value than '*' matches the SNI, which an ALB does not send.",
)
def gateway(subject: Subject) -> Verdict:
    tally = as_made(subject, "Gateway")
    wanted = subject.stack.of_kind("Gateway")[0]
    for item in subject.objects.of_kind("Gateway"):
        selects = item.spec.get("selector") == wanted["spec"]["selector"]
        if selects and (item.namespace, item.name) != (ISTIO_INGRESS, GATEWAY_RESOURCE):
            tally.failed(f"{item} listens on the shared gateway's pods too")
    return tally.verdict("It stands as the program makes it, with hosts '*'.")


@check(
    "MV611",
    _LAYER,
    name="Sidecars and ServiceEntries",
    shows="What may leave each application stands as the program makes it, and nobody added an external host.",
    how="Each is compared with the document that the settings give; others in the mesh's namespaces are looked at.",
    severity="high",
    remedy="`pulumi up` sets them again; declare a host under egress in the settings.",
)
def egress_documents(subject: Subject) -> Verdict:
    tally = as_made(subject, "Sidecar", "ServiceEntry")
    where = [ISTIO_SYSTEM, *subject.stack.injected_namespaces]
    for kind in ("Sidecar", "ServiceEntry"):
        for item in strangers(subject.stack.documents, subject.objects, kind, where):
            opened = ", ".join(item.spec.get("hosts") or ()) or "what others may not"
            tally.failed(f"{item} is not of the program and opens {opened}")
    return tally.verdict("{count} as the program makes them, and no other.")


@check(
    "MV626",
    _LAYER,
    name="EnvoyFilters",
    shows="The headers that nobody may send and the gateway's limits are as the program makes them, and nobody else "
    "changes a proxy's own configuration.",
    how="Each is compared with the document that the settings give; others in the mesh's namespaces are looked at.",
    severity="critical",
    remedy="`pulumi up` sets them again; delete a stranger: it may undo every other rule of the mesh.",
)
def envoy_filters(subject: Subject) -> Verdict:
    tally = as_made(subject, "EnvoyFilter")
    where = [ISTIO_SYSTEM, *subject.stack.injected_namespaces]
    for item in strangers(subject.stack.documents, subject.objects, "EnvoyFilter", where):
        tally.failed(f"{item} is not of the program")
    return tally.verdict("{count} as the program makes them, and no other.")


@check(
    "MV612",
    _LAYER,
    name="Certificates and their remaining days",
    shows="The gateway's Certificate is as the settings ask, issued, valid, and not overdue for its renewal.",
    how="The Certificate's spec and status. The served ones are MV103 and MV203, the workloads' MV304.",
    severity="high",
    remedy="See `kubectl describe certificate` in its namespace, and cert-manager's log.",
)
def certificates(subject: Subject) -> Verdict:
    tally = as_made(subject, "Certificate", exact=False)
    for item in subject.objects.of_kind("Certificate"):
        conditions = {entry["type"]: entry for entry in item.at("status", "conditions") or ()}
        ready = conditions.get("Ready") or {}
        ends, renewal = (_time(item.at("status", key)) for key in ("notAfter", "renewalTime"))
        if ready.get("status") != "True" or ends is None:
            tally.failed(f"{item} is not issued: {ready.get('message') or 'no status'}")
        elif ends < subject.now:
            tally.failed(f"{item} ended on {ends:%Y-%m-%d}")
        elif renewal is not None and (subject.now - renewal).days >= 1:
            tally.failed(
                f"{item} should have been renewed on {renewal:%Y-%m-%d}; {(ends - subject.now).days} days left"
            )
        else:
            when = f", renewed on {renewal:%Y-%m-%d}" if renewal else ""
            tally.passed(f"{item}: {(ends - subject.now).days} days left{when}")
    return tally.verdict("The gateway's certificate is issued and will be renewed in time.")


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None


@check(
    "MV616",
    _LAYER,
    name="NetworkPolicies",
    shows="The second wall stands as the program makes it: default deny, and the same calls at layer 4.",
    how="Each is compared with the document that the settings give. MV309, MV310 and MV506 show that they hold.",
    severity="high",
    remedy="`pulumi up` sets them again; a policy of somebody else's only ever adds what may pass: delete it.",
)
def network_policies(subject: Subject) -> Verdict:
    tally = as_made(subject, "NetworkPolicy")
    walled = [namespace.name for namespace in subject.stack.namespaces if namespace.in_mesh]
    walled += platform_namespaces(subject.stack.settings.cluster)
    for policy in strangers(subject.stack.documents, subject.objects, "NetworkPolicy", walled):
        tally.failed(f"{policy} is not of the program: it can only let more pass")
    return tally.verdict("{count} policies as the program makes them.", nothing="No namespace in the mesh.")


@check(
    "MV617",
    _LAYER,
    name="Audit log and tracing",
    shows="The mesh-wide Telemetry stands as the program makes it: both sides of every call are logged.",
    how="It is compared with the document that the settings give.",
    severity="medium",
    remedy="`pulumi up` sets it again.",
)
def telemetry(subject: Subject) -> Verdict:
    tally = as_made(subject, "Telemetry")
    where = [ISTIO_SYSTEM, *subject.stack.injected_namespaces]
    for item in strangers(subject.stack.documents, subject.objects, "Telemetry", where):
        switched_off = any(entry.get("disabled") for entry in item.spec.get("accessLogging") or ())
        if switched_off:
            tally.failed(f"{item} switches an access log off")
        else:
            tally.note(f"not of the program: {item}")
    return tally.verdict("It stands as the program makes it.")


@check(
    "MV618",
    _LAYER,
    name="The Ingress of the load balancer",
    shows="The ALB's Ingress carries the annotations that the settings give, and the controller gave it an address.",
    how="The Ingress, compared with the document that the settings give.",
    severity="high",
    remedy="`pulumi up` sets the annotations again; for an address see the load balancer controller's events.",
)
def ingress(subject: Subject) -> Verdict:
    if not subject.has_alb:
        return Verdict(status="pass", finding="Not needed: this stack has no ALB.")
    found = subject.objects.find("Ingress", ISTIO_INGRESS, INGRESS_NAME)
    if found is None:
        return Verdict(status="fail", finding=f"Ingress {ISTIO_INGRESS}/{INGRESS_NAME} does not exist.")
    there = found.at("metadata", "annotations") or {}
    # These come from AWS, not from the settings.
    document = alb_ingress(subject.stack.settings.load_balancer, certificate_arn=there.get(CERTIFICATE_ANNOTATION))
    tally = Tally()
    for key, value in document["metadata"]["annotations"].items():
        if there.get(key) != value or not value:
            tally.failed(f"{key.rpartition('/')[2]} is {there.get(key) or '(not set)'}, not {value}")
        else:
            tally.passed(f"{key.rpartition('/')[2]}: {value}")
    entries = found.at("status", "loadBalancer", "ingress") or ()
    if entries:
        tally.passed(f"address: {entries[0].get('hostname') or entries[0].get('ip')}")
    else:
        tally.failed("it has no address")
    return tally.verdict("It stands as the program makes it, and has an address.")
