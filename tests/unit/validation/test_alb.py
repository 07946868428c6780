"""What the plan says of an Ingress against what the controller's own code makes of it, Ingress by Ingress.

The table is recorded (`make decisions`), from the controller that the lab runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from meshops.plan.platform import platform_facts
from offline.objects import kubernetes_objects
from tests.contract.load_balancer_controller.__main__ import INGRESSES, NAMES
from tests.contract.load_balancer_controller.ingresses import ingresses
from tests.unit.validation.validation_objects import registered
from validation import alb
from validation.alb import Alb, Refused, parsed_map
from validation.validate import validate

Row = tuple[Mapping[str, str], Mapping[str, Any]]

# The controller sends these on, and the API refuses them.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html, …/API_Matcher.html,
# …/API_CreateListener.html ("Certificates … required if the protocol is HTTPS")
LEFT_TO_AWS = {
    "certificate-arn": {None, "", " , "},
    "success-codes": {"200", "100", "2xx", "200-"},
    "healthcheck-port": {"0"},
    "healthcheck-path": {"healthz", ""},
    "healthcheck-interval-seconds": {"4", "301", "-15"},
    "healthcheck-timeout-seconds": {"1", "15"},
    "healthy-threshold-count": {"1", "11"},
}
OLDEST = "ELBSecurityPolicy-2016-08"


@functools.cache
def table() -> tuple[Row, ...]:
    recorded = json.loads(INGRESSES.read_text(encoding="utf-8"))
    asked = ingresses()
    assert [row["asked"] for row in recorded] == [dict(notes) for notes in asked], "make decisions"
    return tuple((notes, row["answer"]) for notes, row in zip(asked, recorded, strict=True))


def said(notes: Mapping[str, str]) -> Alb | Refused:
    try:
        return alb.read(notes)
    except Refused as refused:
        return refused


@functools.cache
def made() -> tuple[tuple[Alb, Mapping[str, str], Mapping[str, Any]], ...]:
    """Where both make a load balancer."""
    both = ((said(notes), notes, answer) for notes, answer in table() if "error" not in answer)
    return tuple((one, notes, answer) for one, notes, answer in both if isinstance(one, Alb))


def test_the_table_has_enough_of_each_kind_of_answer() -> None:
    assert len(table()) >= 200
    assert sum("error" in answer for _, answer in table()) >= 60
    assert len(made()) >= 100


def test_the_plan_refuses_whatever_the_controller_refuses() -> None:
    unseen = [
        (notes, answer["error"]) for notes, answer in table() if "error" in answer and isinstance(said(notes), Alb)
    ]
    assert unseen == []


def test_the_plan_refuses_nothing_else_but_what_aws_refuses() -> None:
    more = [one for notes, answer in table() if "error" not in answer and isinstance(one := said(notes), Refused)]
    assert {(one.annotation, one.value or None) for one in more} == {
        (name, value or None) for name, values in LEFT_TO_AWS.items() for value in values
    }


def test_both_read_the_same_listeners() -> None:
    for one, notes, answer in made():
        mine = [
            {
                "port": each.port,
                "protocol": each.protocol,
                "action": f"redirect {each.redirect}" if each.redirect else "forward",
            }
            for each in one.listeners
        ]
        theirs = [{key: each[key] for key in ("port", "protocol", "action")} for each in answer.get("listeners", ())]
        assert mine == theirs, notes


def test_both_read_the_same_encryption() -> None:
    for one, notes, answer in made():
        https = [each for each in answer.get("listeners", ()) if each["protocol"] == "HTTPS"]
        assert {each["policy"] for each in https} <= {one.tls_policy or OLDEST}, notes
        assert all(each["certificates"] == list(one.certificates) for each in https), notes


def test_both_read_the_same_targets_and_health_checks() -> None:
    for one, notes, answer in made():
        group = answer.get("target_group")
        if group is not None:
            assert (one.target_type, one.target_protocol, one.target_version) == (
                group["type"],
                group["protocol"],
                group["version"],
            ), notes
            assert f"{one.health_protocol}:{one.health_port}" == group["health"].split(" ")[0], notes


def test_both_admit_the_same_addresses_and_everybody_where_none_is_named() -> None:
    for one, notes, answer in made():
        assert one.scheme == answer["scheme"], notes
        assert sorted(one.allowed or ()) == answer.get("allowed", []), notes
    assert any(
        one.allowed == (alb.EVERYBODY,) and f"{alb.PREFIX}/inbound-cidrs" not in notes for one, notes, _ in made()
    )


@pytest.mark.parametrize(("name", "field"), [("load-balancer-attributes", "attributes"), ("tags", "tags")])
def test_both_read_the_same_pairs(name: str, field: str) -> None:
    for _, notes, answer in made():
        text = notes.get(f"{alb.PREFIX}/{name}", "")
        assert parsed_map(name, text) == answer.get(field, {}), text


def test_what_the_settings_write_is_read_back_as_they_meant_it() -> None:
    tags = next(answer["tags"] for notes, answer in table() if "note" in answer.get("tags", {}))
    assert tags == {"team": "mesh", "note": "a,b=c\\d", "empty": ""}


def test_the_plan_knows_every_annotation_that_the_controller_knows() -> None:
    recorded = set(json.loads(NAMES.read_text(encoding="utf-8")))
    families = {name.removesuffix(".") for name in alb.NAMES}
    assert recorded <= families
    # In code and not among its constants: actions.<name>, conditions.<name>, transforms.<name>
    assert families - recorded == {"actions", "conditions", "transforms"}


def ingress(**annotations: str) -> dict[str, Any]:
    given = {f"{alb.PREFIX}/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "gate", "namespace": "istio-ingress", "annotations": {**ingresses()[0], **given}},
        "spec": {"ingressClassName": "alb", "defaultBackend": {"service": {"name": "gate", "port": {"number": 443}}}},
    }


def findings(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = validate([registered(document, name="gate")])
    return [(one.field, one.value, one.rule) for one in found if "annotations" in one.field]


def test_a_plan_names_the_annotation_that_the_controller_would_refuse_in_its_log() -> None:
    assert findings(ingress(ssl_redirect="80")) == [
        (
            'metadata.annotations["alb.ingress.kubernetes.io/ssl-redirect"]',
            '"80"',
            "The load balancer controller or AWS would refuse it: It must be a port on which listen-ports has HTTPS.",
        )
    ]


def test_a_misspelt_annotation_would_be_passed_over_without_a_word() -> None:
    [(field, value, rule)] = findings(ingress(inbound_cidr="10.0.0.0/8"))
    assert field == 'metadata.annotations["alb.ingress.kubernetes.io/inbound-cidr"]'
    assert (value, rule) == (
        '"10.0.0.0/8"',
        "The load balancer controller knows no such annotation and passes over it.",
    )


def test_another_class_s_ingress_is_not_the_controller_s() -> None:
    document = ingress(ssl_redirect="80")
    document["spec"]["ingressClassName"] = "nginx"
    assert findings(document) == []


def test_the_summary_says_that_everybody_may_connect_where_no_range_is_named() -> None:
    registrations = [registered(ingress(inbound_cidrs=" , "), name="gate")]
    [entry] = platform_facts(registrations, kubernetes_objects(registrations)).entries
    assert entry.allowed == (alb.EVERYBODY,)
