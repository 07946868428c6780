"""`summary.md`: a plan in words, for a reviewer who reads one file."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from configuration.weakenings import weakenings
from manifests.address_plan import plan_addresses
from meshops.plan.mesh import ANYONE, GATEWAY, PLAINTEXT, ApplicationFacts, CallFacts
from meshops.plan.platform import EntryFacts, PlatformFacts
from meshops.plan.revisions import control_planes
from offline.registration import Registration
from policy import report

if TYPE_CHECKING:
    from meshops.plan.plan import Plan

ROWS = 200
"""Longer tables are cut there, with a note of how many rows are left out: the documents have them all."""


def render(plan: Plan) -> str:
    """The whole document, the same for the same plan."""
    sections = (
        _head(plan),
        _resources(plan.run.registrations) + _used(plan),
        _addresses(plan),
        _traffic_path(plan),
        _namespaces(plan),
        _control_planes(plan),
        _callers(plan),
        _egress(plan),
        f"## What the policies find\n\n{report.markdown(plan.verdict)}",
        _weakenings(plan),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(plan: Plan) -> str:
    made = sum(registration.custom or registration.remote for registration in plan.run.registrations)
    return (
        f"# Plan of stack `{plan.stack}`\n\n"
        f"{made} resources and {len(plan.objects)} Kubernetes objects, each object valid against the schema of its "
        "kind. Made offline: ids and ARNs stand in for those that AWS would give. The picture is `topology.svg`, the "
        "documents are in `manifests/`."
    )


def _resources(registrations: Sequence[Registration]) -> str:
    parents = {registration.urn: registration.parent for registration in registrations}
    types = {registration.urn: registration for registration in registrations}
    rows: dict[str, Counter[str]] = {}
    for registration in registrations:
        if not registration.custom and not registration.remote:
            rows.setdefault(_component(registration), Counter())
            continue
        owner = registration.parent
        while owner in types and (types[owner].custom or types[owner].remote):
            owner = parents[owner]
        name = _component(types[owner]) if owner in types else "(the stack itself)"
        rows.setdefault(name, Counter())[_short(registration.type)] += 1
    table = [
        (f"`{name}`", str(counts.total()), ", ".join(f"{kind}{_times(n)}" for kind, n in sorted(counts.items())))
        for name, counts in rows.items()
        if counts
    ]
    total = sum(counts.total() for counts in rows.values())
    return "## What will exist\n\n" + _table(
        ("Component", "Resources", "Of them"), [*table, ("**all**", str(total), "")]
    )


def _used(plan: Plan) -> str:
    """Of an existing cluster, what is there before; empty for one of our own."""
    existing = plan.settings.cluster.existing if plan.settings else None
    if existing is None:
        return ""
    names = [field.name.replace("_", " ") for field in dataclasses.fields(existing) if getattr(existing, field.name)]
    used = ", ".join(names) or "none of its parts"
    return f"\n\nThe cluster is there before; of it are used as they are: {used} (MP401 to MP405)."


def _addresses(plan: Plan) -> str:
    """The subnets of a VPC of our own, and what is left of it; empty for an existing one."""
    network = plan.settings.network if plan.settings else None
    if network is None or network.cidr is None:
        return ""
    layout = plan_addresses(network.cidr, zones=network.zones, subnets=network.subnets)
    rows = [(zone.zone, f"`{zone.private}`", f"`{zone.public}`") for zone in layout.zones]
    table = _table(("Zone", "Private: nodes and pods", "Public: load balancers, NAT"), rows)
    note = "A zone's subnets follow from its letter, so that adding one moves none."
    return f"## Addresses of {layout.vpc}\n\n{table}\n\n{layout.remainder} {note if network.zones else ''}".rstrip()


def _component(registration: Registration) -> str:
    kind = registration.type.rpartition(":")[2]
    return kind if kind.lower() == registration.name.replace("-", "").lower() else f"{kind} {registration.name}"


def _short(type_: str) -> str:
    package, _, rest = type_.partition(":")
    if package == "pulumi":
        return f"{rest.rpartition(':')[2]} provider"
    return type_.rpartition(":")[2]


def _times(count: int) -> str:
    return f" ×{count}" if count > 1 else ""  # noqa: RUF001


def _traffic_path(plan: Plan) -> str:
    platform = plan.platform
    rows: list[tuple[str, ...]] = []
    for entry in platform.entries:
        if entry.kind == "ALB":
            rows.append(
                ("1", "client → ALB", _listener(entry), _alb_certificate(plan, entry), "AWS Certificate Manager")
            )
            rows.append(("2", "ALB → gateway", "HTTPS, encrypted again; TLS 1.3", *_gateway_certificate(platform)))
        else:
            rows.append(
                (
                    "1 to 3",
                    "client → NLB → gateway → pod",
                    "TLS passed through by SNI",
                    "the application's own",
                    "its owner",
                )
            )
    identity = f"SPIFFE identities of `{platform.trust_domain}`, Istio's CA"
    rows.append(("3", "gateway → pod, pod → pod", f"mutual TLS 1.3, mesh-wide **{plan.mesh.mode}**", identity, "Istio"))
    table = _table(("Layer", "Segment", "Protocol", "Certificate", "Rotated by"), rows)
    notes = [_entry_note(entry) for entry in platform.entries]
    sizes = [
        f"Cluster {platform.cluster}{', nodes ' + platform.nodes if platform.nodes else ''}.",
        f"Gateway: {platform.gateway_replicas} replicas; Istio {platform.istio_version}.",
    ]
    return f"## The traffic path\n\n{table}\n\n" + "\n".join(f"- {note}" for note in (*notes, *sizes))


def _listener(entry: EntryFacts) -> str:
    return f"HTTPS, `{entry.tls_policy}`" if entry.tls_policy else "HTTPS, AWS's default policy"


def _alb_certificate(plan: Plan, entry: EntryFacts) -> str:
    for registration in plan.run.registrations:
        if registration.type == "aws:acm/certificate:Certificate":
            names = [registration.inputs["domainName"], *registration.inputs.get("subjectAlternativeNames", ())]
            return f"ACM's, for {', '.join(names)}, validated by DNS"
    return f"`{entry.certificate}`" if entry.certificate else "ACM, found by host"


def _gateway_certificate(platform: PlatformFacts) -> tuple[str, str]:
    certificate = platform.certificate
    if certificate is None:
        return "(none)", ""
    renewal = f"cert-manager, {certificate.renew_hours // 24} days before its end"
    return f"{certificate.key}, {certificate.hours // 24} days, {certificate.issuer}", renewal


def _entry_note(entry: EntryFacts) -> str:
    allowed = ", ".join(entry.allowed) or "not limited"
    waf = ", behind a web ACL" if entry.waf else ""
    return f"{entry.kind}: {entry.scheme}{waf}; connections from {allowed}."


def _namespaces(plan: Plan) -> str:
    rows = [
        (
            f"`{namespace.name}`",
            namespace.phase,
            ", ".join(f"{application.name}{_replicas(application)}" for application in namespace.applications),
            ", ".join(host for application in namespace.applications for host in application.hosts) or "none",
        )
        for namespace in plan.mesh.namespaces
    ]
    return "## Namespaces\n\n" + _table(("Namespace", "Phase", "Applications", "Public hosts"), rows)


def _control_planes(plan: Plan) -> str:
    """Empty while there is one, on which everything is."""
    rows = control_planes(plan.settings) if plan.settings else []
    if not rows:
        return ""
    head = ("Revision", "On it", "Restarted by its own pipeline only")
    note = (
        "Remove one when nothing is on it and `meshops preflight --only MP601`, with the settings without it, passes."
    )
    return f"## Control planes\n\n{_table(head, rows)}\n\n{note}"


def _replicas(application: ApplicationFacts) -> str:
    if application.most_replicas is not None:
        return f" ×{application.replicas} to {application.most_replicas}"  # noqa: RUF001
    return _times(application.replicas or 1)


def _callers(plan: Plan) -> str:
    rows = [
        (_party(call.caller), _party(call.callee), _what(call), f"`{call.policy}`")
        for call in sorted(plan.mesh.calls, key=lambda call: (call.callee, call.policy))
    ]
    text = (
        "Read from the AuthorizationPolicies; what is not here is refused (attempts MA301 to MA304, MA401 to MA445, "
        "MA724).\n\n"
    )
    if not rows:
        return f"## Who may call whom\n\n{text}Nobody may call anybody."
    return f"## Who may call whom\n\n{text}" + _table(("Caller", "Callee", "Requests", "AuthorizationPolicy"), rows)


def _party(name: str) -> str:
    return name if name in (GATEWAY, ANYONE, PLAINTEXT, "the whole mesh") else f"`{name}`"


def _what(call: CallFacts) -> str:
    parts = [call.label]
    if call.ports:
        parts.append(f"on port {', '.join(call.ports)}")
    if call.hosts:
        parts.append(f"for {', '.join(call.hosts)}")
    return " ".join(parts).replace("*", "\\*")


def _egress(plan: Plan) -> str:
    rows = [
        (
            f"`{egress.namespace}/{egress.application}`" if egress.application else f"`{egress.namespace}/*`",
            f"`{egress.host}`",
            ", ".join(egress.ports),
        )
        for egress in plan.mesh.egress
    ]
    text = (
        "Read from the ServiceEntries and Sidecars; a sidecar refuses every other TCP connection (attempts MA701 to "
        "MA709, MA719 to MA723). Datagrams and names are for NetworkPolicies and the resolver (MA712 to MA718, "
        "MA729).\n\n"
    )
    table = _table(("From", "To", "Ports"), rows) if rows else "Nothing."
    return f"## What may leave the mesh\n\n{text}{table}{_private(plan)}{_in_aws(plan)}"


def _private(plan: Plan) -> str:
    """Empty where nothing private may be called."""
    rows = [
        (f"`{opening.namespace}/{opening.application}`", ", ".join(opening.networks), ", ".join(opening.ports))
        for opening in plan.mesh.openings
        if not opening.past_sidecar
    ]
    if not rows:
        return ""
    text = (
        "Of private addresses a NetworkPolicy opens these, below the sidecar (checks MV504 and MV616): networks that "
        "are declared, and the subnets of the VPC's interface endpoints.\n\n"
    )
    return f"\n\n{text}" + _table(("From", "Networks", "Ports"), rows)


def _in_aws(plan: Plan) -> str:
    """Empty where no application has an identity in AWS."""
    policies = {
        registration.name: registration.inputs.get("policy")
        for registration in plan.run.registrations
        if registration.type == "aws:iam/rolePolicy:RolePolicy"
    }
    known = {namespace.name for namespace in plan.mesh.namespaces}
    rows = [
        (f"`{found.inputs['namespace']}/{found.inputs['serviceAccount']}`", *_allowed(policies.get(found.name)))
        for found in plan.run.registrations
        if found.type == "aws:eks/podIdentityAssociation:PodIdentityAssociation" and found.inputs["namespace"] in known
    ]
    if not rows:
        return ""
    text = (
        "These service accounts have an identity in AWS. Their pods, and no others, reach the node's Pod Identity "
        "agent past the sidecar (check MV505); no policy of the mesh limits what they do with it.\n\n"
    )
    return f"\n\n{text}" + _table(("Service account", "Actions", "On"), rows)


def _allowed(policy: object) -> tuple[str, str]:
    """Actions and resources of a policy as IAM takes it."""
    statements = json.loads(str(policy))["Statement"] if policy else ()
    actions = [action for statement in statements for action in statement["Action"]]
    resources = [resource for statement in statements for resource in statement["Resource"]]
    return ", ".join(actions).replace("*", "\\*"), ", ".join(dict.fromkeys(resources)).replace("*", "\\*")


def _weakenings(plan: Plan) -> str:
    found = weakenings(plan.settings) if plan.settings else ()
    rows = [(f"`{weakening.path}`", weakening.value, weakening.effect) for weakening in found]
    table = (
        _table(("Setting", "Value", "What it gives up"), rows)
        if rows
        else "Nothing: every setting is at its strictest."
    )
    return f"## What the settings weaken\n\n{table}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(" --- " for _ in head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows[:ROWS]]
    if len(rows) > ROWS:
        lines.append(f"\n… and {len(rows) - ROWS} more.")
    return "\n".join(lines)
