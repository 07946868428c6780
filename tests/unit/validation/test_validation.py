"""What a real preview lets through and an API server refuses: each is refused here, with object, field and value."""

from __future__ import annotations

import json
from typing import Any

import pytest

import versions
from manifests.load_balancer_controller import controller_crds
from offline.values import Secret
from tests.unit.validation.validation_objects import (
    CERTIFICATE,
    DEPLOYMENT,
    ENTRY,
    NAMESPACE,
    NETWORK_POLICY,
    POLICY,
    RULE,
    SERVICE,
    VALID,
    changed,
    registered,
)
from validation import schemas
from validation.build import write
from validation.cel_rules import holds
from validation.references import Workload
from validation.validate import validate


def findings(*documents: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    found = validate([registered(one, name=str(position)) for position, one in enumerate(documents)])
    return [(one.subject, one.field, one.value, one.rule) for one in found]


def test_valid_objects_give_no_finding() -> None:
    assert findings(*VALID) == []


WRONG = [
    (DEPLOYMENT, "spec.replica", 3, "Deployment shop/one", "spec.replica", "3", "Unknown field. Is replicas meant?"),
    (DEPLOYMENT, "spec.replicas", "2", "Deployment shop/one", "spec.replicas", '"2"', "It must be of type integer."),
    (DEPLOYMENT, "spec.replicas", 2**31, "Deployment shop/one", "spec.replicas", "2147483648", "limit maximum"),
    (DEPLOYMENT, "spec.template", None, "Deployment shop/one", "spec.template", "(not set)", "This field is required."),
    (
        DEPLOYMENT, "spec.template.spec.containers.0.imagePullPolicy", "Allways", "Deployment shop/one",
        "spec.template.spec.containers[0].imagePullPolicy", '"Allways"',
        'It must be one of "Always", "IfNotPresent", "Never".',
    ),
    (
        DEPLOYMENT, "spec.template.spec.containers.0.resources.requests.cpu", "100 m", "Deployment shop/one",
        "spec.template.spec.containers[0].resources.requests.cpu", '"100 m"', "It must match ^[+-]?",
    ),
    (
        DEPLOYMENT, "spec.template.spec.containers.0.ports.1", {"containerPort": 8080, "name": "again"},
        "Deployment shop/one", "spec.template.spec.containers[0].ports[1]", '{"containerPort": 8080, "name": "again"}',
        "It has the same containerPort, protocol as item 0 of this list.",
    ),
    (
        DEPLOYMENT, "spec.template.spec.containers.0.ports.0.containerPort", 70000, "Deployment shop/one",
        "spec.template.spec.containers[0].ports[0].containerPort", "70000", "A port is a number from 1 to 65535.",
    ),
    (
        DEPLOYMENT, "spec.template.spec.containers.0.volumeMounts.0.name", "temp", "Deployment shop/one",
        "spec.template.spec.containers[0].volumeMounts[0].name", '"temp"', "The pod has no volume of this name.",
    ),
    (
        DEPLOYMENT, "spec.selector.matchLabels.app", "basket", "Deployment shop/one", "spec.selector.matchLabels",
        '{"app": "basket"}', "It must match the labels of the pod template.",
    ),
    (DEPLOYMENT, "status", {}, "Deployment shop/one", "status", "{}", "Unknown field."),
    (
        DEPLOYMENT, "metadata.labels", {"a/b/c": "x"}, "Deployment shop/one", 'metadata.labels["a/b/c"]', '"x"',
        "A key is a name of at most 63",
    ),
    (
        DEPLOYMENT, "spec.template.metadata.labels.team", "a b", "Deployment shop/one",
        "spec.template.metadata.labels.team", '"a b"', "A label's value has at most 63",
    ),
    (SERVICE, "spec.type", "Loadbalancer", "Service shop/one", "spec.type", '"Loadbalancer"', "It must be one of"),
    (SERVICE, "spec.selector.app", "cat", "Service shop/one", "spec.selector", '{"app": "cat"}', "It selects nothing"),
    (SERVICE, "spec.ports.0.name", None, "Service shop/one", "spec.ports[0].name", "(not set)", "A port has a name"),
    (SERVICE, "spec.ports.0.name", "web", "Service shop/one", "spec.ports[0].name", "web", "cannot tell the protocol"),
    (SERVICE, "metadata.name", "1cart", "Service shop/1cart", "metadata.name", '"1cart"', "beginning with a letter"),
    (SERVICE, "metadata.name", "Cart_1", "Service shop/Cart_1", "metadata.name", '"Cart_1"', "It must be a DNS label"),
    (SERVICE, "metadata.namespace", "shopp", "Service shopp/one", "metadata.namespace", '"shopp"', "No such namespace"),
    (SERVICE, "metadata.namespace", None, "Service one", "metadata.namespace", "(not set)", "belongs to a namespace"),
    (NAMESPACE, "metadata.namespace", "shop", "Namespace shop/shop", "metadata.namespace", '"shop"', "to no namespace"),
    (
        RULE, "spec.trafficPolicy.tls.mode", "ISTIO_MUTAL", "DestinationRule shop/one", "spec.trafficPolicy.tls.mode",
        '"ISTIO_MUTAL"', 'It must be one of "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL".',
    ),
    (
        RULE, "spec.trafficPolicy.tls", None, "DestinationRule shop/one", "spec.trafficPolicy.tls.mode", "(not set)",
        "A DestinationRule replaces the mesh-wide one whole",
    ),
    (
        RULE, "spec.trafficPolicy.portLevelSettings", [{"port": {"number": 80}}], "DestinationRule shop/one",
        "spec.trafficPolicy.portLevelSettings[0].tls.mode", "(not set)", "A DestinationRule replaces",
    ),
    (
        RULE, "spec.trafficPolicy.loadBalancer", {"simple": "RANDOM", "consistentHash": {"httpHeaderName": "x"}},
        "DestinationRule shop/one", "spec.trafficPolicy.loadBalancer",
        '{"simple": "RANDOM", "consistentHash": {"httpHeaderName": "x"}}',
        "At most one of simple, consistentHash may be set.",
    ),
    (
        RULE, "spec.trafficPolicy.connectionPool", {"tcp": {"connectTimeout": "0s"}}, "DestinationRule shop/one",
        "spec.trafficPolicy.connectionPool.tcp.connectTimeout", '"0s"', "must be a valid duration greater than 1ms",
    ),
    (ENTRY, "spec.hosts.1", "*", "ServiceEntry shop/one", "spec.hosts[1]", '"*"', "hostname cannot be wildcard"),
    (ENTRY, "spec.ports.0.number", 0, "ServiceEntry shop/one", "spec.ports[0].number", "0", "port must be between"),
    (
        ENTRY, "spec.endpoints", [{"network": "n"}, {}], "ServiceEntry shop/one", "spec.endpoints[1]", "{}",
        "Address is required",
    ),
    (
        POLICY, "spec.rules.0.to.0.operation.method", ["GET"], "AuthorizationPolicy shop/one",
        "spec.rules[0].to[0].operation.method", '["GET"]', "Unknown field. Is methods meant?",
    ),
    (
        POLICY, "spec.targetRefs", [{"kind": "Gateway", "name": "x"}], "AuthorizationPolicy shop/one", "spec",
        "{", "only one of targetRefs or selector can be set",
    ),
    (POLICY, "apiVersion", "security.istio.io/v1beta1", "AuthorizationPolicy shop/one", "apiVersion",
     "security.istio.io/v1beta1", "AuthorizationPolicy is served here as security.istio.io/v1."),
    (POLICY, "kind", "AuthorisationPolicy", "AuthorisationPolicy shop/one", "apiVersion", "security.istio.io/v1",
     "No schema is known for this kind"),
    (
        CERTIFICATE, "spec.privateKey.algorithm", "EC", "Certificate shop/one", "spec.privateKey.algorithm", '"EC"',
        'It must be one of "RSA", "ECDSA", "Ed25519".',
    ),
    (
        CERTIFICATE, "spec.issuerRef", None, "Certificate shop/one", "spec.issuerRef", "(not set)",
        "This field is required.",
    ),
    (
        NETWORK_POLICY, "spec.egress.0.to.0.ipBlock.cidr", "10.0.0.1/8", "NetworkPolicy shop/one",
        "spec.egress[0].to[0].ipBlock.cidr", '"10.0.0.1/8"', "without host bits",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("original", "path", "value", "subject", "field", "shown", "rule"),
    WRONG,
    ids=[f"{case[0]['kind']}-{case[1]}-{position}" for position, case in enumerate(WRONG)],
)
def test_a_wrong_object_is_refused_with_its_field_and_value(
    original: dict[str, Any], path: str, value: Any, subject: str, field: str, shown: str, rule: str
) -> None:
    documents = [changed(one, path, value) if one is original else one for one in VALID]
    found = findings(*documents)
    wrong = [one for one in found if one[:2] == (subject, field)]
    assert len(wrong) == 1, found
    # A whole object is cut where it gets long; everything else is shown as it stands.
    assert wrong[0][2] == shown or (shown == "{" and wrong[0][2].startswith(shown))
    assert rule in wrong[0][3]


def test_one_object_registered_twice_is_refused() -> None:
    assert findings(NAMESPACE, DEPLOYMENT, SERVICE, SERVICE) == [
        (
            "Service shop/one",
            "metadata.name",
            "one",
            "The same object is registered twice, as urn:pulumi:dev::zero-trust-mesh::kubernetes:v1:Service::2 and as "
            "urn:pulumi:dev::zero-trust-mesh::kubernetes:v1:Service::3.",
        )
    ]


def test_one_urn_registered_twice_is_refused() -> None:
    twice = [registered(NAMESPACE), registered(NAMESPACE)]
    assert next(one.rule for one in validate(twice)) == (
        "2 resources have this URN; logical names are unique for each type and parent."
    )


def test_a_patch_needs_only_what_it_changes_and_makes_its_namespace_known() -> None:
    patch = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert validate([registered(patch, patch=True), registered(ENTRY)]) == ()


def test_a_workload_that_another_pipeline_deploys_may_be_selected() -> None:
    objects = [registered(NAMESPACE), registered(POLICY)]
    assert [one.rule for one in validate(objects)] == [
        "It selects nothing: no workload in this namespace has these labels."
    ]
    elsewhere = (Workload(namespace="shop", labels=(("app", "cart"),)),)
    assert validate(objects, elsewhere=elsewhere) == ()


def test_a_refused_secret_is_never_shown() -> None:
    wrong = changed(DEPLOYMENT, "spec.replicas", Secret("hush"))
    found = findings(NAMESPACE, wrong)
    assert found == [("Deployment shop/one", "spec.replicas", '"[secret]"', "It must be of type integer.")]


def test_all_problems_of_all_objects_are_found_at_once() -> None:
    service = changed(changed(SERVICE, "spec.typo", 1), "spec.ports.0.protocol", "http")
    rule = changed(RULE, "spec.hosts", "x")
    assert [(one[0], one[1]) for one in findings(NAMESPACE, DEPLOYMENT, service, rule)] == [
        ("Service shop/one", "spec.ports[0].protocol"),
        ("Service shop/one", "spec.typo"),
        ("DestinationRule shop/one", "spec.hosts"),
    ]


def test_the_schemas_are_of_the_pinned_versions() -> None:
    assert schemas.recorded_modules() == write.modules(), "run: python -m validation.build.write"


def test_the_applied_crds_are_of_the_module_that_was_held_against_the_charts() -> None:
    recorded = json.loads((schemas._DIRECTORY / "crds" / "aws-load-balancer-controller.json").read_text())
    assert recorded["module"] == versions.LOAD_BALANCER_CONTROLLER_MODULE, "run: make schemas"
    assert controller_crds() == tuple(recorded["documents"])
    # Who raises the chart looks at its crds/ first: docs/upgrades/versions.md says how.
    assert (versions.AWS_LOAD_BALANCER_CONTROLLER, recorded["module"].rpartition("-")[2]) == ("3.6.0", "93ff3b5fdaad")


def test_the_applied_crds_serve_what_the_controller_asks_for() -> None:
    served = {
        crd["metadata"]["name"]: [version["name"] for version in crd["spec"]["versions"] if version["served"]]
        for crd in controller_crds()
    }
    assert "v1beta1" in served["ingressclassparams.elbv2.k8s.aws"]
    assert "v1beta1" in served["targetgroupbindings.elbv2.k8s.aws"]
    assert findings(*controller_crds()) == []


def stored_rules() -> list[str]:
    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            rules = node.get("x-kubernetes-validations", ())
            # Of a CRD's own schema it is the name of a property.
            own = [rule["rule"] for rule in rules] if isinstance(rules, list) else []
            return own + [rule for value in node.values() for rule in walk(value)]
        return [rule for item in node for rule in walk(item)] if isinstance(node, list) else []

    return sorted({rule for group in schemas.GROUPS for rule in walk(schemas._file(group))})


def test_every_stored_rule_can_be_evaluated() -> None:
    assert len(stored_rules()) > 30
    samples: tuple[Any, ...] = (
        "1s",
        "unix:///x",
        "https://a/b",
        "",
        8080,
        [],
        [{"number": 1}],
        {},
        {"a": "b"},
        {"80": {}},
    )
    samples += (
        {"tpp": {}},
        {"address": "a"},
        {"operation": "UPSERT", "value": "x"},
        {"wasm": {}},
        {"credentialName": "a"},
        {"amiSelectorTerms": [{"alias": "al2023@v20260714"}], "role": "a"},
        "al2023@v20260714",
        "karpenter.sh/capacity-type",
        {"name": "a"},
        {"udpTimeout": "30s"},
        {"volumeSize": "20Gi"},
    )
    assert [rule for rule in stored_rules() if not any(holds(rule, sample) for sample in samples)] == []
