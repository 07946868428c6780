"""Traps that an adopted namespace brings with it. What a plan's policy asks too is asked by the same rule."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import GATEWAY_REF, INJECTION_LABEL
from manifests.stack import StackDocuments
from meshops.adopt.adoption import Adoption
from meshops.adopt.entry import port_of
from meshops.adopt.model import AdoptionCheck, check, flaws, inside, running
from meshops.checks.model import Severity, Verdict
from meshops.owners import git_owner, managers
from meshops.verify.tally import Tally
from policy.resources import Resource
from policy.rule import Rule
from policy.rules.traps import destination_rule_modes, one_registry
from policy.rules.workloads import captured, not_the_nodes, not_the_sidecars_user, probes
from validation.port_names import names_protocol

_SECTION = "What is there"
# https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/#explicit-protocol-selection
_SAME_NAME = ("DestinationRule", "VirtualService", "AuthorizationPolicy", "Sidecar", "NetworkPolicy")
_BESIDE = (
    *("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "Sidecar", "ServiceEntry", "EnvoyFilter"),
    *("Telemetry", "DestinationRule"),
)


@check(
    "MT101",
    _SECTION,
    name="Injection label",
    shows="No namespace carries a label that injects by another control plane than the stack's; who owns it is said.",
    how="The labels istio.io/rev and istio-injection, and the field managers that the API server recorded.",
    severity="critical",
    remedy="Take the label out where it is owned: the entry's phase sets the right one (in Git: namespace.yaml).",
)
def injection_label(adoption: Adoption) -> Verdict:
    tally, mesh = Tally(), adoption.settings.mesh
    for name in adoption.namespaces:
        namespace = adoption.found.namespace(name)
        if namespace is None:
            continue
        git = git_owner(namespace.inputs)
        for key in (INJECTION_LABEL, "istio-injection"):
            value = namespace.labels.get(key)
            owners = managers(namespace.inputs, "metadata", "labels", key)
            owned = f", owned by {', '.join(owners)}" if owners else ""
            if value is not None and (key == "istio-injection" or value not in mesh.revisions):
                known = " and ".join(mesh.revisions)
                tally.failed(f"namespace {name}: {key}={value}{owned}; the stack's control planes are {known}")
        tally.passed(f"{name}: {git or 'not in Git, as far as its marks tell'}")
    return tally.verdict("{count} namespaces, none of which asks another control plane.")


def _by_rule(id: str, name: str, rule: Rule, *kinds: str) -> AdoptionCheck:
    """The policy pack's own rule over what exists."""
    severity: Severity = "medium" if rule.severity == "low" else rule.severity

    def judge(adoption: Adoption) -> Verdict:
        tally = Tally()
        for item in _subjects(adoption, kinds):
            if found := flaws(adoption, rule, item):
                tally.failed(f"{item}: {'; '.join(found)}")
            else:
                tally.passed(str(item))
        return tally.verdict("{count} looked at.", nothing="There is none.")

    made = check(
        id,
        _SECTION,
        name=name,
        shows=rule.title,
        how=f"The policy pack's {rule.id}, asked about what exists.",
        severity=severity,
        remedy=rule.remedy,
    )
    return made(judge)


def _subjects(adoption: Adoption, kinds: tuple[str, ...]) -> Iterator[Resource]:
    if kinds:
        yield from inside(adoption, *kinds)
    else:
        for one in running(adoption):
            yield from one.works


destination_rules = _by_rule("MT102", "DestinationRules", destination_rule_modes, "DestinationRule")
in_the_nodes_network = _by_rule("MT108", "Not the node's network", not_the_nodes)
sidecars_user = _by_rule("MT109", "Not the sidecar's user", not_the_sidecars_user)
kept_from_the_sidecar = _by_rule("MT110", "Nothing kept from the sidecar", captured)
probed = _by_rule("MT111", "Probes", probes)
images = _by_rule("MT112", "Images", one_registry)


@check(
    "MT103",
    _SECTION,
    name="Gateways",
    shows="The namespaces have no Gateway of their own, and their VirtualServices hang on the shared one.",
    how="The Gateways and VirtualServices of the namespaces.",
    severity="high",
    remedy=f"Move the VirtualService to gateways: [{GATEWAY_REF}], then delete the Gateway: see the entry's hosts.",
)
def gateways(adoption: Adoption) -> Verdict:
    tally = Tally()
    for gateway in inside(adoption, "Gateway"):
        tally.failed(f"{gateway} selects {gateway.at('spec', 'selector') or 'every gateway'}")
    for route in inside(adoption, "VirtualService"):
        others = sorted(set(route.at("spec", "gateways") or ()) - {"mesh", GATEWAY_REF})
        if others:
            tally.failed(f"{route} hangs on {', '.join(others)}")
        else:
            tally.passed(str(route))
    return tally.verdict("{count} VirtualServices.", nothing="There is none.")


@check(
    "MT104",
    _SECTION,
    name="Istio's objects and NetworkPolicies",
    shows="Nothing stands there that the program's own documents would meet, or that undoes them.",
    how="The objects of these kinds in the namespaces, and the names that the program gives its own.",
    severity="high",
    remedy="Delete it in the step that brings the namespace in, where it is owned: the entry has taken over what it "
    "says, where settings can say it.",
)
def objects(adoption: Adoption) -> Verdict:
    tally = Tally()
    names = {(one.namespace, one.name) for one in running(adoption)}
    made = StackDocuments(settings=adoption.before)
    own = {
        (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
        for document in made.of(one for one in adoption.before.namespaces if one.name in adoption.namespaces)
    }
    for item in inside(adoption, *dict.fromkeys((*_SAME_NAME, *_BESIDE))):
        if (item.kind, item.namespace, item.object_name) in own:
            tally.passed(f"{item} is the program's own")
            continue
        owner = git_owner(item.inputs)
        of = f" ({owner})" if owner else ""
        if item.kind in _SAME_NAME and (item.namespace, item.object_name) in names:
            tally.failed(f"{item}{of} has the name of the program's own")
        elif item.kind == "NetworkPolicy":
            tally.failed(f"{item}{of} lets pass what the entry does not say, or keeps istiod and DNS away")
        elif item.kind in _BESIDE:
            tally.failed(f"{item}{of} is not of the program")
    return tally.verdict("{count} are the program's own.", nothing="There is none.")


@check(
    "MT105",
    _SECTION,
    name="Ports that Istio can name",
    shows="Each port of a Service says its protocol, by appProtocol or by the beginning of its name.",
    how="The Services of the namespaces.",
    severity="medium",
    remedy="Name it `<protocol>` or `<protocol>-<suffix>`: otherwise Istio guesses, and a protocol in which the server "
    "speaks first waits for its guess.",
)
def port_names(adoption: Adoption) -> Verdict:
    tally = Tally()
    for service in inside(adoption, "Service"):
        for port in service.at("spec", "ports") or ():
            said = str(port.get("appProtocol") or port.get("name") or "").lower()
            known = names_protocol(said)
            where = f"{service}, port {port['port']}"
            if known:
                tally.passed(f"{where}: {said}")
            else:
                tally.failed(f"{where} is called {said or '(nothing)'}")
    return tally.verdict("{count} ports.", nothing="There is no Service.")


@check(
    "MT106",
    _SECTION,
    name="Services",
    shows="Each Service has an address of its own and leads to one application; each application has one port.",
    how="The Services of the namespaces, and the workloads that they select.",
    severity="medium",
    remedy="Headless: a client calls pods by their address, and a route or an affinity does not reach it. Further "
    "ports: the settings know one; make it a Service and a workload of its own, or leave it uncalled.",
)
def services(adoption: Adoption) -> Verdict:
    tally = Tally()
    led_to = {id(service) for one in running(adoption) for service in one.services}
    for service in inside(adoption, "Service"):
        if service.at("spec", "type") == "ExternalName":
            tally.failed(f"{service} is another name of {service.at('spec', 'externalName')}")
        elif service.at("spec", "clusterIP") == "None":
            tally.failed(f"{service} is headless")
        elif id(service) not in led_to:
            tally.failed(f"{service} leads to no workload of its namespace")
        else:
            tally.passed(str(service))
    for one in running(adoption):
        calls = [call for call in adoption.traffic.calls if call.callee == one.key]
        taken = port_of(one, calls)
        for port in one.ports:
            if taken and port.target != taken.target:
                count = sum(call.port == port.target for call in calls)
                tally.failed(f"{one}: port {port.number} beside {taken.number}, called {count} times")
    return tally.verdict("{count} Services.", nothing="There is none.")


@check(
    "MT107",
    _SECTION,
    name="Label and identity",
    shows="The pods of each application carry `app: <name>` and run under a service account of their own.",
    how="The pods' templates.",
    severity="critical",
    remedy="Label the pods' template (a Deployment's selector stays as it is), and give it a service account of its "
    "own: policies select by the one and allow by the other.",
)
def label_and_identity(adoption: Adoption) -> Verdict:
    tally = Tally()
    for one in running(adoption):
        shared = [
            account
            for account in one.accounts
            if account == "default" or len(adoption.found.with_account(one.namespace, account)) > 1
        ]
        if not one.labelled:
            tally.failed(f"{one}: no label app: {one.name}")
        if shared:
            tally.failed(f"{one} runs under {', '.join(shared)}, which is not its own")
        if one.labelled and not shared:
            tally.passed(str(one))
    return tally.verdict("{count} applications.", nothing="There is no workload.")
