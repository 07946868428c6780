"""The way in: the order of a destroy, the certificate, the WAF and the names."""

from __future__ import annotations

import dataclasses
import functools
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from components.load_balancer import (
    LoadBalancer,
    LoadBalancerArgs,
    LoadBalancerController,
    LoadBalancerControllerArgs,
)
from configuration.applications import Application, Namespace
from configuration.load_balancer import LoadBalancer as LoadBalancerSettings
from configuration.load_balancer import Waf
from manifests.images import Images
from tests.unit.components.recording import Recording, known, run
from tests.unit.components.resource_outputs import ALB_HOST_NAME

BALANCER = "mesh:load_balancer:LoadBalancer::load-balancer"
CONTROLLER = "mesh:load_balancer:LoadBalancerController::load-balancer-controller"
RELEASE = "kubernetes:helm.sh/v3:Release::aws-load-balancer-controller"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress::istio-ingress/istio-ingressgateway"
SERVICE = "kubernetes:core/v1:Service::istio-ingress/istio-ingressgateway-nlb"
NODES, ROUTE, GATEWAY = (f"kubernetes:core/v1:ConfigMap::{name}" for name in ("nodes", "route", "gateway"))
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/given"
ZONE = "Z0123456789EXAMPLE"

NAMESPACES = (
    Namespace(
        name="secure-apps",
        phase="strict",
        applications=(
            Application(name="frontend-ui", image="x:1", port=80, hosts=("app.dev.example.com", "www.other.example")),
            Application(name="vault", image="x:1", port=443, tls="passthrough", hosts=("vault.dev.example.com",)),
        ),
    ),
    Namespace(
        name="legacy",
        phase="outside",
        applications=(Application(name="old", image="x:1", port=80, hosts=("old.dev.example.com",)),),
    ),
)


def settings(**changes: Any) -> LoadBalancerSettings:
    values: dict[str, Any] = {
        "domain": "dev.example.com",
        "hosted_zone_id": ZONE,
        "allowed_cidrs": (IPv4Network("10.0.0.0/8"), IPv4Network("198.51.100.0/24")),
        **changes,
    }
    return LoadBalancerSettings(**values)


@functools.cache  # a recording is only read
def record(
    balancer: LoadBalancerSettings,
    *,
    preview: bool,
    provided: bool = False,
    rolled_back: bool = False,
) -> Recording:
    """rolled_back: the namespace that was in the mesh has left it."""
    first, *others = NAMESPACES
    if rolled_back:
        first = dataclasses.replace(first, phase="outside", dns_records="always")

    def program() -> dict[str, Any]:
        provider = aws.Provider("aws", region="eu-west-1")
        cluster = kubernetes.Provider("kubernetes", kubeconfig="{}")
        opts = pulumi.ResourceOptions(providers={"aws": provider, "kubernetes": cluster})
        nodes, route, gateway = (
            kubernetes.core.v1.ConfigMap(name, opts=pulumi.ResourceOptions(provider=cluster))
            for name in ("nodes", "route", "gateway")
        )
        controller = LoadBalancerController(
            "load-balancer-controller",
            LoadBalancerControllerArgs(
                region="eu-west-1",
                cluster_name="mesh-dev",
                vpc_id=nodes.id.apply(lambda _: "vpc-1"),
                images=Images(),
                provided=provided,
                after=[nodes, route],
                deleted_with=route,
            ),
            opts,
        )
        way_in = LoadBalancer(
            "load-balancer",
            LoadBalancerArgs(
                settings=balancer,
                cluster_name="mesh-dev",
                namespaces=(first, *others),
                controller=controller,
                after=[nodes, route, gateway],
                tags={"environment": "dev"},
            ),
            opts,
        )
        return {"address": way_in.address, "passthrough": way_in.passthrough_address, "urls": way_in.urls}

    return run(program, preview=preview)


def test_the_controller_is_installed_and_outlives_the_balancers(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE), preview=preview)
    release = recording[RELEASE]
    assert (release.parent, release.provider, release.deleted_with) == (CONTROLLER, "kubernetes", "")
    assert (release.inputs["chart"], release.inputs["version"], release.inputs["namespace"]) == (
        "aws-load-balancer-controller",
        "3.6.0",
        "kube-system",
    )
    assert release.inputs["values"]["vpcId"] == known("vpc-1", preview)
    assert {NODES, ROUTE} <= recording.needs(RELEASE)


def test_an_upgrade_would_leave_the_crds_of_the_first_installation(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE), preview=preview)
    crds = recording.of_type("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition")
    assert sorted(crds) == [
        "albtargetcontrolconfigs.elbv2.k8s.aws",
        "globalaccelerators.aga.k8s.aws",
        "ingressclassparams.elbv2.k8s.aws",
        "targetgroupbindings.elbv2.k8s.aws",
    ]
    for crd in crds.values():
        assert crd.urn in recording[RELEASE].depends_on, "a new controller asks for its own kinds at once"
        assert (crd.parent, crd.deleted_with) == (CONTROLLER, ROUTE), "they go with the cluster, after all of them"


@pytest.mark.parametrize("key", [INGRESS, SERVICE])
def test_a_destroy_takes_the_balancer_down_while_everything_it_needs_is_there(key: str, preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, entries=("alb", "nlb")), preview=preview)
    resource = recording[key]
    assert {RELEASE, NODES, ROUTE, GATEWAY} <= set(resource.depends_on)
    assert (resource.deleted_with, resource.retain_on_delete, resource.protect) == ("", False, False)
    assert resource.custom_timeouts == {"delete": "20m"}
    assert (resource.parent, resource.provider) == (BALANCER, "kubernetes")


def test_a_given_certificate_is_used_and_none_is_made(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE), preview=preview)
    assert not recording.of_type("aws:acm/certificate:Certificate")
    annotations = recording[INGRESS].inputs["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/certificate-arn"] == CERTIFICATE


def test_a_wildcard_certificate_is_validated_by_one_record(preview: bool) -> None:
    recording = record(settings(), preview=preview)
    assert recording["aws:acm/certificate:Certificate::certificate"].inputs == {
        "domainName": "dev.example.com",
        "subjectAlternativeNames": ["*.dev.example.com"],
        "validationMethod": "DNS",
        "keyAlgorithm": "EC_prime256v1",
    }
    record_ = recording["aws:route53/record:Record::certificate-validation"]
    assert record_.inputs == {
        "zoneId": ZONE,
        "name": known("_proof.dev.example.com.", preview),
        "type": known("CNAME", preview),
        "records": [known("_answer.acm-validations.aws.", preview)],
        "ttl": 300,
        "allowOverwrite": True,
    }
    assert record_.retain_on_delete, "another stack on this name would not renew its certificate any more"
    validation = recording["aws:acm/certificateValidation:CertificateValidation::certificate"]
    assert record_.urn in validation.depends_on
    assert validation.urn in recording[INGRESS].depends_on, "a listener takes an issued certificate only"


def test_a_given_web_acl_is_attached_and_none_is_made(preview: bool) -> None:
    given = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/given/1"
    recording = record(settings(certificate_arn=CERTIFICATE, waf=Waf(web_acl_arn=given)), preview=preview)
    assert not recording.of_type("aws:wafv2/webAcl:WebAcl")
    assert recording[INGRESS].inputs["metadata"]["annotations"]["alb.ingress.kubernetes.io/wafv2-acl-arn"] == given


def test_a_web_acl_of_our_own_blocks_by_managed_rules_and_rate(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, waf=Waf()), preview=preview)

    def visible(name: str) -> dict[str, Any]:
        return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}

    def managed(name: str, priority: int) -> dict[str, Any]:
        return {
            "name": name,
            "priority": priority,
            "overrideAction": {"none": {}},
            "statement": {"managedRuleGroupStatement": {"name": name, "vendorName": "AWS"}},
            "visibilityConfig": visible(name),
        }

    acl = recording["aws:wafv2/webAcl:WebAcl::web-acl"]
    assert acl.inputs == {
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "rules": [
            managed("AWSManagedRulesCommonRuleSet", 0),
            managed("AWSManagedRulesKnownBadInputsRuleSet", 1),
            {
                "name": "rate-limit",
                "priority": 2,
                "action": {"block": {}},
                "statement": {
                    "rateBasedStatement": {"aggregateKeyType": "IP", "limit": 2000, "evaluationWindowSec": 300}
                },
                "visibilityConfig": visible("rate-limit"),
            },
        ],
        "visibilityConfig": visible("web-acl"),
    }
    assert acl.urn in recording[INGRESS].depends_on, "it goes only after the ALB that it is attached to"


LOG = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration::web-acl"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup::web-acl"


def test_what_the_waf_refuses_would_be_known_to_nobody(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, waf=Waf(log_retention_days=30)), preview=preview)
    group = recording[LOG_GROUP]
    assert group.inputs == {"name": "aws-waf-logs-mesh-dev", "retentionInDays": 30}, "WAF takes no other beginning"
    log = recording[LOG]
    assert log.property_dependencies == {
        "resourceArn": ("aws:wafv2/webAcl:WebAcl::web-acl",),
        "logDestinationConfigs": (LOG_GROUP,),
    }
    assert log.inputs["redactedFields"] == [
        {"singleHeader": {"name": "authorization"}},
        {"singleHeader": {"name": "cookie"}},
    ]


def test_a_log_that_nobody_wants_is_not_made(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, waf=Waf(logs=False)), preview=preview)
    assert not {LOG, LOG_GROUP} & set(recording.keys)


def test_uploads_would_be_refused_where_they_are_meant_to_pass(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, waf=Waf(oversize_bodies="pass")), preview=preview)
    groups = {
        rule["name"]: rule["statement"]["managedRuleGroupStatement"].get("ruleActionOverrides")
        for rule in recording["aws:wafv2/webAcl:WebAcl::web-acl"].inputs["rules"][:2]
    }
    assert groups == {
        "AWSManagedRulesCommonRuleSet": [{"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}],
        "AWSManagedRulesKnownBadInputsRuleSet": None,
    }


def test_the_names_of_meshed_applications_under_the_domain_lead_to_their_balancer(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, entries=("alb", "nlb")), preview=preview)
    assert {name: entry.inputs for name, entry in recording.of_type("aws:route53/record:Record").items()} == {
        host: {
            "zoneId": ZONE,
            "name": host,
            "type": "A",
            "aliases": [{"name": known(ALB_HOST_NAME, preview), "zoneId": zone, "evaluateTargetHealth": True}],
        }
        for host, zone in (
            ("app.dev.example.com", "Z32O12XQLNTSW2"),
            ("vault.dev.example.com", "Z2IFOLAFXWLO4F"),
        )
    }
    assert {call.provider for call in recording.calls} == {"aws"}


def test_a_rollback_out_of_the_mesh_would_take_the_hosts_out_of_the_dns(preview: bool) -> None:
    balancer = settings(certificate_arn=CERTIFICATE, entries=("alb", "nlb"))
    before, after = (record(balancer, preview=preview, rolled_back=left) for left in (False, True))
    records = [made.of_type("aws:route53/record:Record") for made in (before, after)]
    assert list(records[0]) == list(records[1]) == ["app.dev.example.com", "vault.dev.example.com"]
    for host, entry in records[1].items():
        assert (entry.urn, entry.inputs) == (records[0][host].urn, records[0][host].inputs)
    assert after.component_outputs[BALANCER]["urls"] == before.component_outputs[BALANCER]["urls"]


def test_without_a_zone_no_name_is_made(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, hosted_zone_id=None), preview=preview)
    assert (recording.of_type("aws:route53/record:Record"), recording.calls) == ({}, ())


def test_an_nlb_in_the_albs_place_needs_no_certificate(preview: bool) -> None:
    recording = record(settings(entries=("nlb",)), preview=preview)
    assert SERVICE in recording.keys
    assert INGRESS not in recording.keys
    assert not recording.of_type("aws:acm/certificate:Certificate")
    assert list(recording.of_type("aws:route53/record:Record")) == ["vault.dev.example.com"]


def test_a_controller_that_is_there_would_be_installed_a_second_time(preview: bool) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE), preview=preview, provided=True)
    assert recording.children(CONTROLLER) == ()
    assert {NODES, ROUTE, GATEWAY} <= set(recording[INGRESS].depends_on), "what it needs is awaited all the same"


@pytest.mark.parametrize(
    ("entries", "address", "passthrough"),
    [(("alb",), ALB_HOST_NAME, ""), (("nlb",), ALB_HOST_NAME, ALB_HOST_NAME)],
)
def test_the_address_is_what_the_controller_published(entries: Any, address: str, passthrough: str) -> None:
    recording = record(settings(certificate_arn=CERTIFICATE, entries=entries), preview=False)
    outputs = {
        "address": address,
        "passthrough_address": passthrough,
        "urls": ["https://app.dev.example.com", "https://www.other.example", "https://vault.dev.example.com"],
    }
    assert recording.component_outputs[BALANCER] == outputs
    assert list(recording.returned.values()) == list(outputs.values())


def test_while_nothing_is_published_the_address_is_empty() -> None:
    def program() -> dict[str, Any]:
        cluster = kubernetes.Provider("kubernetes", kubeconfig="{}")
        opts = pulumi.ResourceOptions(providers={"kubernetes": cluster, "aws": aws.Provider("aws")})
        controller = LoadBalancerController(
            "load-balancer-controller",
            LoadBalancerControllerArgs(
                region="eu-west-1",
                cluster_name="mesh-dev",
                vpc_id="vpc-1",
                images=Images(),
                provided=False,
                after=[],
                deleted_with=None,
            ),
            opts,
        )
        args = LoadBalancerArgs(
            settings=settings(certificate_arn=CERTIFICATE, hosted_zone_id=None),
            cluster_name="mesh-dev",
            namespaces=(),
            controller=controller,
            after=[],
        )
        return {"address": LoadBalancer("load-balancer", args, opts).address}

    silent = {"kubernetes:networking.k8s.io/v1:Ingress": lambda _: {"status": {"loadBalancer": {}}}}
    assert run(program, preview=False, resources=silent).returned == {"address": ""}
    absent = {"kubernetes:networking.k8s.io/v1:Ingress": lambda _: {}}
    assert run(program, preview=False, resources=absent).returned == {"address": ""}
