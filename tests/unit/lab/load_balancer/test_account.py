"""The AWS side of the load balancers' stand-in, over moto: what it reads there and what it makes there."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from moto.server import ThreadedMotoServer

from lab.aws.edge import MAKERS
from lab.aws.made import Aws
from lab.load_balancer.account import Account
from lab.load_balancer.ingress_model import ingress_model
from lab.load_balancer.model import LoadBalancerModel, Refusal, Target
from lab.load_balancer.service_model import service_model
from tests.unit.lab.load_balancer.load_balancers import around, balanced_service, ingress

ZONES = ("eu-west-1a", "eu-west-1b")
ROLE = [{"ResourceType": "subnet", "Tags": [{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}]}]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Aws(endpoint_url=f"http://{host}:{port}", region="eu-west-1")
    server.stop()


@pytest.fixture(scope="module")
def account(aws: Aws) -> Account:
    """With a cluster in a VPC of two tagged subnets."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.90.{i}.0/24", AvailabilityZone=zone, TagSpecifications=ROLE)
        for i, zone in enumerate(ZONES)
    ]
    aws.client("eks").create_cluster(
        name="mesh-lab",
        roleArn="arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig={"subnetIds": [each["Subnet"]["SubnetId"] for each in subnets]},
    )
    return Account(aws=aws, cluster="mesh-lab")


@pytest.fixture(scope="module")
def certificate(aws: Aws) -> str:
    """One that the program's resource makes."""
    maker = MAKERS["aws:acm/certificate:Certificate"]
    return maker.create(aws, {"domainName": "lab.example.com", "subjectAlternativeNames": ["*.lab.example.com"]}).id


def a_model(account: Account, certificate: str, **changes: str) -> tuple[LoadBalancerModel, str]:
    vpc = account.vpc()
    assert vpc is not None
    surroundings = around(subnets=account.subnets(vpc), certificates={certificate: "ISSUED"})
    return ingress_model(ingress(certificate_arn=certificate, **changes), surroundings), vpc


def described(account: Account, name: str) -> dict[str, Any]:
    elb = account.aws.client("elbv2")
    (balancer,) = elb.describe_load_balancers(Names=[name])["LoadBalancers"]
    return balancer


def test_the_subnets_of_the_clusters_vpc_are_read_with_their_tags_and_free_addresses(account: Account) -> None:
    vpc = account.vpc()
    assert vpc is not None
    subnets = account.subnets(vpc)
    assert tuple(subnet.zone for subnet in subnets) == ZONES
    assert all(subnet.tags == {"kubernetes.io/role/internal-elb": "1"} for subnet in subnets)
    assert all(subnet.free_addresses > 200 for subnet in subnets)


def test_a_cluster_that_does_not_exist_has_no_vpc(aws: Aws) -> None:
    assert Account(aws=aws, cluster="another").vpc() is None


def test_the_pair_that_is_served_is_acms_certificate_and_the_key_that_belongs_to_it(
    account: Account, certificate: str
) -> None:
    pem, key = account.pair(certificate)
    acms = account.aws.client("acm").get_certificate(CertificateArn=certificate)["Certificate"]
    assert ssl.PEM_cert_to_DER_cert(pem.decode()) == ssl.PEM_cert_to_DER_cert(acms)
    private = serialization.load_pem_private_key(key, password=None)
    public = x509.load_pem_x509_certificate(pem).public_key()
    encoding = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert private.public_key().public_bytes(*encoding) == public.public_bytes(*encoding)


def test_a_certificate_whose_key_acm_keeps_is_refused_by_the_stand_in_only(account: Account) -> None:
    arn = account.aws.client("acm").request_certificate(DomainName="kept.example.com")["CertificateArn"]
    with pytest.raises(Refusal, match=f"the key of {arn} cannot be had") as refused:
        account.pair(arn)
    assert refused.value.only_here


def test_only_certificates_that_exist_have_a_status(account: Account, certificate: str) -> None:
    unknown = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    assert account.certificates([certificate, unknown]).keys() == {certificate}


def test_the_load_balancer_is_there_as_the_controller_would_have_made_it(account: Account, certificate: str) -> None:
    model, vpc = a_model(account, certificate)
    account.make(model, vpc)
    for group in model.groups:
        account.register(group)
    elb = account.aws.client("elbv2")
    balancer = described(account, model.name)
    arn = balancer["LoadBalancerArn"]
    assert (balancer["Type"], balancer["Scheme"], balancer["VpcId"]) == ("application", "internal", vpc)
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(model.subnets)
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"} in attributes
    listeners = {each["Port"]: each for each in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    assert listeners[80]["DefaultActions"][0]["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert listeners[443]["SslPolicy"] == model.listeners[1].ssl_policy
    assert listeners[443]["Certificates"] == [{"CertificateArn": certificate}]
    (group,) = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    checked = (group["HealthCheckProtocol"], group["HealthCheckPort"], group["HealthCheckPath"])
    assert checked == ("HTTP", "15021", "/healthz/ready")
    assert (group["Protocol"], group["Port"], group["TargetType"]) == ("HTTPS", 443, "ip")
    assert account.balancers() == {model.name: arn}


def test_targets_come_and_go_with_the_pods(account: Account, certificate: str) -> None:
    model, vpc = a_model(account, certificate)
    account.make(model, vpc)
    (group,) = model.groups
    for addresses in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.3"), ()):
        account.register(replace(group, targets=tuple(Target(address=each, port=443) for each in addresses)))
        assert registered(account, model) == set(addresses)


def registered(account: Account, model: LoadBalancerModel) -> set[str]:
    elb = account.aws.client("elbv2")
    arn = described(account, model.name)["LoadBalancerArn"]
    (group,) = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    return {each["Target"]["Id"] for each in health}


def test_made_again_with_other_checks_there_is_still_one_of_it(account: Account, certificate: str) -> None:
    model, vpc = a_model(account, certificate, healthcheck_path="/other")
    account.make(model, vpc)
    arn = described(account, model.name)["LoadBalancerArn"]
    (group,) = account.aws.client("elbv2").describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert group["HealthCheckPath"] == "/other"


def test_an_nlb_stands_beside_it_and_goes_alone(account: Account, certificate: str) -> None:
    alb, vpc = a_model(account, certificate)
    nlb = service_model(balanced_service(), around(subnets=account.subnets(vpc)))
    account.make(alb, vpc)
    account.make(nlb, vpc)
    assert described(account, nlb.name)["Type"] == "network"
    account.remove(nlb.name)
    assert account.balancers().keys() == {alb.name}
    groups = account.aws.client("elbv2").describe_target_groups()["TargetGroups"]
    assert {group["Protocol"] for group in groups} == {"HTTPS"}


def test_another_clusters_load_balancer_is_not_touched(account: Account, certificate: str) -> None:
    model, vpc = a_model(account, certificate)
    account.make(model, vpc)
    neighbour = Account(aws=account.aws, cluster="neighbour")
    assert neighbour.balancers() == {}
    neighbour.remove(model.name)
    assert model.name in account.balancers()
