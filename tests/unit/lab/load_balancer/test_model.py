"""The load balancer controller's stand-in: what it makes of the program's Ingress and Service, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from lab.load_balancer.ingress_model import ingress_model
from lab.load_balancer.model import HealthCheck, Listener, Refusal, Target
from lab.load_balancer.service_model import service_model
from lab.load_balancer.ssl_policies import SSL_POLICIES
from tests.unit.lab.load_balancer.load_balancers import (
    CERTIFICATE,
    GATEWAY,
    SETTINGS,
    WEB_ACL,
    around,
    balanced_service,
    endpoint,
    endpoint_slice,
    gateway_service,
    ingress,
    subnet,
)

CHECK = HealthCheck(
    protocol="HTTP", port=15021, path="/healthz/ready", interval=15, timeout=5, healthy=2, unhealthy=2, codes="200"
)


def refusal(document: dict[str, Any], **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        (ingress_model if document["kind"] == "Ingress" else service_model)(document, around(**changes))
    return refused.value


def test_the_programs_ingress_becomes_an_alb_that_re_encrypts() -> None:
    model = ingress_model(ingress(), around())
    http, https = model.listeners
    assert http == Listener(port=80, protocol="HTTP", redirect_to=443)
    assert (https.port, https.protocol, https.ssl_policy) == (443, "HTTPS", SETTINGS.ssl_policy)
    assert https.certificates == (CERTIFICATE,)
    assert https.group is not None
    assert (https.group.protocol, https.group.port, https.group.check) == ("HTTPS", 443, CHECK)
    assert https.group.targets == (Target(address="10.0.0.5", port=443), Target(address="10.0.0.6", port=443))
    assert (model.scheme, model.subnets) == ("internal", ("subnet-1", "subnet-2"))
    assert (model.drop_invalid_headers, model.idle_timeout) == (True, 60)
    assert model.allowed_cidrs == ("198.51.100.0/24",)


def test_the_load_balancer_carries_the_controllers_tags_and_the_annotated_ones() -> None:
    assert dict(ingress_model(ingress(), around()).tags) == {
        "elbv2.k8s.aws/cluster": "mesh-lab",
        "ingress.k8s.aws/resource": "LoadBalancer",
        "ingress.k8s.aws/stack": GATEWAY,
        "environment": "lab",
    }


def test_the_name_is_the_controllers_and_short_enough_for_aws() -> None:
    name = ingress_model(ingress(), around()).name
    assert name.startswith("k8s-istioing-istioing-")
    assert len(name) <= 32
    open_to_all = (subnet(1, "a"), subnet(2, "b"))
    assert name != ingress_model(ingress(), around(cluster="another", subnets=open_to_all)).name


def test_the_programs_service_becomes_an_nlb_that_passes_tls_through() -> None:
    model = service_model(balanced_service(), around())
    (listener,) = model.listeners
    assert (model.kind, listener.port, listener.protocol, listener.certificates) == ("network", 443, "TCP", ())
    assert listener.group is not None
    assert listener.group.check == CHECK
    assert listener.group.targets == (Target(address="10.0.0.5", port=443),)
    assert not listener.group.proxy_protocol
    assert dict(model.tags)["service.k8s.aws/stack"] == f"{GATEWAY}-nlb"


def test_an_nlb_needs_one_zone_where_an_alb_needs_two() -> None:
    one = (subnet(1, "a"),)
    assert service_model(balanced_service(), around(subnets=one)).subnets == ("subnet-1",)
    assert "at least two subnets in different zones, found 1" in str(refusal(ingress(), subnets=one))


def test_target_group_annotations_of_the_service_win() -> None:
    services = {GATEWAY: gateway_service(healthcheck_path="/own", healthy_threshold_count="5")}
    group = ingress_model(ingress(), around(services=services)).groups[0]
    assert (group.check.path, group.check.healthy, group.check.interval) == ("/own", 5, 15)


def test_health_checks_follow_the_backends_protocol_if_nothing_is_said() -> None:
    group = ingress_model(ingress(without="healthcheck-protocol"), around()).groups[0]
    assert group.check.protocol == "HTTPS"


def test_only_ready_endpoints_are_targets_and_one_that_goes_away_is_none() -> None:
    part = endpoint_slice(
        endpoint("10.0.0.1", ready=True),
        endpoint("10.0.0.2", ready=False),
        endpoint("10.0.0.3", ready=True, terminating=True),
        endpoint("10.0.0.4"),
    )
    group = ingress_model(ingress(), around(slices={GATEWAY: (part,)})).groups[0]
    assert [target.address for target in group.targets] == ["10.0.0.1", "10.0.0.4"]


@pytest.mark.parametrize("policy", sorted(SSL_POLICIES))
def test_a_policy_means_what_its_name_says(policy: str) -> None:
    meaning = SSL_POLICIES[policy]
    assert meaning.maximum == "TLSv1_3"
    assert meaning.minimum == ("TLSv1_3" if "TLS13-1-3" in policy else "TLSv1_2")
    assert ("X25519MLKEM768" in meaning.curves) == ("-PQ-" in policy)


# --- subnets: the VPC that clusters share (trap 4) -------------------------------------------------------------


def test_a_subnet_tagged_for_another_cluster_only_is_closed_to_this_one() -> None:
    theirs = (subnet(1, "a", neighbour="shared"), subnet(2, "b", neighbour="owned"))
    text = str(refusal(ingress(), subnets=theirs))
    assert "couldn't auto-discover subnets" in text
    assert "subnet-1 (eu-west-1a): tagged for neighbour only, not for mesh-lab" in text


def test_additive_tags_open_a_shared_subnet_to_both_clusters() -> None:
    shared = (
        subnet(1, "a", neighbour="shared", mesh_lab="shared"),
        subnet(2, "b", neighbour="shared", mesh_lab="shared"),
    )
    for cluster in ("mesh-lab", "neighbour"):
        assert ingress_model(ingress(), around(subnets=shared, cluster=cluster)).subnets == ("subnet-1", "subnet-2")
    assert "found 0 of 2" in str(refusal(ingress(), subnets=shared, cluster="third"))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (subnet(2, "b", role=""), "no tag kubernetes.io/role/internal-elb"),
        (subnet(2, "b", role="elb"), "no tag kubernetes.io/role/internal-elb"),
        (subnet(2, "b", free=7), "7 free addresses, 8 needed"),
        (subnet(2, "a"), "one per zone: subnet-1 has the lower id"),
    ],
)
def test_subnets_that_do_not_count_are_named_with_the_reason(other: Any, reason: str) -> None:
    assert f"{other.id} ({other.zone}): {reason}" in str(refusal(ingress(), subnets=(subnet(1, "a"), other)))


def test_an_internet_facing_load_balancer_looks_for_the_other_role() -> None:
    public = (subnet(1, "a", role="elb"), subnet(2, "b", role="elb"))
    assert ingress_model(ingress(scheme="internet-facing"), around(subnets=public)).scheme == "internet-facing"
    assert "with kubernetes.io/role/elb" in str(refusal(ingress(scheme="internet-facing")))


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("scheme", "public", "it must be one of internal, internet-facing"),
        ("target-type", "pod", "it must be one of ip, instance"),
        ("inbound-cidrs", "10.0.0.1/8", "it must be an IPv4 range"),
        ("listen-ports", "443", "it must be like"),
        ("listen-ports", "[]", "at least one"),
        ("listen-ports", '[{"TLS": 443}]', "it must be like"),
        ("listen-ports", '[{"HTTP": 443}, {"HTTPS": 443}]', "each port once"),
        ("ssl-redirect", "8443", "it must be an HTTPS port of listen-ports"),
        ("ssl-policy", "TLS-1-3", "SSLPolicyNotFound"),
        ("ssl-policy", "ELBSecurityPolicy-2016-08", "SSLPolicyNotFound"),
        ("certificate-arn", "arn:aws:acm:eu-west-1:1:certificate/9", "CertificateNotFound: Certificate 'arn:aws:acm"),
        ("backend-protocol", "GRPC", "it must be one of HTTP, HTTPS"),
        ("healthcheck-protocol", "TCP", "it must be one of HTTP, HTTPS"),
        ("healthcheck-port", "status", "it must be a whole number"),
        ("healthcheck-path", "healthz", "it must begin with /"),
        ("healthcheck-interval-seconds", "4", "it must be from 5 to 300"),
        ("healthcheck-timeout-seconds", "15", "it must be less than the interval, 15"),
        ("healthy-threshold-count", "1", "it must be from 2 to 10"),
        ("unhealthy-threshold-count", "eleven", "it must be a whole number"),
        ("success-codes", "2xx", "it must be like 200 or 200-299,301"),
        ("load-balancer-attributes", "idle_timeout.timeout_seconds=0", "it must be from 1 to 4000 seconds"),
        ("load-balancer-attributes", "deletion_protection.enabled", "each part must be key=value"),
        ("load-balancer-attributes", "routing.http.drop_invalid_header_fields.enabled=on", "true or false"),
        ("load-balancer-attributes", "no.such.attribute=1", "this key is not known"),
        ("target-group-attributes", "deregistration_delay.timeout_seconds=4000", "from 0 to 3600 seconds"),
        ("wafv2-acl-arn", WEB_ACL + "0", "WAFNonexistentItemException"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_the_value_and_the_rule(name: str, value: str, said: str) -> None:
    text = str(refusal(ingress(**{name.replace("-", "_"): value})))
    assert said in text
    if name != "certificate-arn":
        assert text.startswith(f"alb.ingress.kubernetes.io/{name} is ")


def test_an_annotation_that_is_not_known_is_refused_and_says_by_whom() -> None:
    refused = refusal(ingress(shceme="internal"))
    assert refused.only_here
    assert str(refused) == (
        "annotation alb.ingress.kubernetes.io/shceme is not known (refused by the lab's stand-in only)"
    )
    assert refusal(balanced_service(shceme="internal")).only_here


def test_an_annotation_of_the_load_balancer_does_not_belong_on_the_service() -> None:
    assert "annotation alb.ingress.kubernetes.io/scheme is not known" in str(
        refusal(ingress(), services={GATEWAY: gateway_service(scheme="internal")})
    )


def test_a_certificate_that_is_not_issued_is_refused_when_it_is_deployed() -> None:
    refused = refusal(ingress(), certificates={CERTIFICATE: "PENDING_VALIDATION"})
    assert refused.reason == "FailedDeployModel"
    assert f"certificate '{CERTIFICATE}' is PENDING_VALIDATION, not ISSUED" in str(refused)


def test_https_without_a_certificate_is_refused() -> None:
    assert "an HTTPS listener needs a certificate" in str(refusal(ingress(without="certificate-arn")))


def test_without_a_policy_aws_would_take_that_of_2016_which_is_not_played() -> None:
    assert "'ELBSecurityPolicy-2016-08'" in str(refusal(ingress(without="ssl-policy")))


def test_a_service_that_does_not_exist_and_a_port_that_it_lacks_are_refused() -> None:
    assert "services 'istio-ingressgateway' not found in istio-ingress" in str(refusal(ingress(), services={}))
    service = gateway_service()
    service["spec"]["ports"] = [{"name": "http2", "port": 80}]
    assert f"unable to find port 443 on service {GATEWAY}" in str(refusal(ingress(), services={GATEWAY: service}))


@pytest.mark.parametrize("part", ["rules", "tls"])
def test_what_an_ingress_may_have_and_the_stand_in_does_not_know_is_refused(part: str) -> None:
    document = ingress()
    document["spec"][part] = [{"host": "app.example.com"}]
    assert f"spec.{part} is given, and only spec.defaultBackend is known" in str(refusal(document))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nlb-target-type", "instance", "the lab has no instances"),
        ("backend-protocol", "ssl", "it must be one of tcp"),
        ("healthcheck-protocol", "udp", "it must be one of TCP, HTTP, HTTPS"),
        ("target-group-attributes", "proxy_protocol_v2.enabled=yes", "true or false"),
        ("attributes", "dns_record.client_routing_policy=any", "this key is not known"),
    ],
)
def test_a_wrong_value_of_the_nlb_is_refused(name: str, value: str, said: str) -> None:
    assert said in str(refusal(balanced_service(**{name.replace("-", "_"): value})))


def test_client_addresses_reach_the_targets_of_an_nlb_by_proxy_protocol() -> None:
    document = balanced_service(target_group_attributes="proxy_protocol_v2.enabled=true")
    assert service_model(document, around()).groups[0].proxy_protocol
