"""The account's load balancers, read with AWS's own calls; and what moto lacked for the controller."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.aws.edge import MAKERS
from lab.aws.eks import MAKERS as EKS
from lab.aws.made import Aws
from lab.load_balancer.account import Account
from lab.load_balancer.model import LoadBalancerModel, NotPlayed, Target
from lab.node.nodes import NODES
from tests.unit.lab.load_balancer.load_balancers import GATEWAY, POLICY, running_moto

PODS = ("10.201.64.5", "10.201.64.6")


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_moto() as running:
        yield running


@pytest.fixture(scope="module")
def subnets(aws: Aws) -> tuple[str, ...]:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    return tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.90.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("ab")
    )


@pytest.fixture(scope="module")
def certificate(aws: Aws) -> str:
    """One that the program's resource makes."""
    maker = MAKERS["aws:acm/certificate:Certificate"]
    return maker.create(aws, {"domainName": "lab.example.com", "subjectAlternativeNames": ["*.lab.example.com"]}).id


class Made:
    """A load balancer in the account, with the calls of the controller."""

    def __init__(self, aws: Aws, name: str, subnets: tuple[str, ...], certificate: str) -> None:
        self.aws, self.name, self.elb, ec2 = aws, name, aws.client("elbv2"), aws.client("ec2")
        vpc = ec2.describe_subnets(SubnetIds=[subnets[0]])["Subnets"][0]["VpcId"]
        self.security_group = ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"]
        self.arn = self.elb.create_load_balancer(
            Name=name,
            Subnets=list(subnets),
            SecurityGroups=[self.security_group],
            Tags=[{"Key": "ingress.k8s.aws/stack", "Value": GATEWAY}],
        )["LoadBalancers"][0]["LoadBalancerArn"]
        self.elb.modify_load_balancer_attributes(
            LoadBalancerArn=self.arn,
            Attributes=[
                {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
                {"Key": "idle_timeout.timeout_seconds", "Value": "75"},
            ],
        )
        self.group = self.elb.create_target_group(
            Name=f"{name}-443", Protocol="HTTPS", Port=443, VpcId=vpc, TargetType="ip",
            HealthCheckProtocol="HTTP", HealthCheckPort="15021", HealthCheckPath="/healthz/ready",
            HealthCheckIntervalSeconds=15, HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2, UnhealthyThresholdCount=2, Matcher={"HttpCode": "200"},
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
        self._listener(80, "HTTP", {"Type": "redirect", "RedirectConfig": redirect})
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": self.group}]}}
        self.https = self._listener(
            443, "HTTPS", forward, SslPolicy=POLICY, Certificates=[{"CertificateArn": certificate}]
        )

    def _listener(self, port: int, protocol: str, action: dict[str, Any], **more: Any) -> str:
        made = self.elb.create_listener(
            LoadBalancerArn=self.arn, Port=port, Protocol=protocol, DefaultActions=[action], **more
        )
        return made["Listeners"][0]["ListenerArn"]

    def register(self, *addresses: str) -> None:
        targets = [{"Id": address, "Port": 443, "AvailabilityZone": "all"} for address in addresses]
        self.elb.register_targets(TargetGroupArn=self.group, Targets=targets)

    def read(self) -> LoadBalancerModel | NotPlayed | None:
        return Account(aws=self.aws).balancers().get(self.name)

    def health(self) -> dict[str, str]:
        described = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in described}


@pytest.fixture
def made(aws: Aws, subnets: tuple[str, ...], certificate: str, request: pytest.FixtureRequest) -> Made:
    return Made(aws, f"alb-{abs(hash(request.node.name)) % 10**9}", subnets, certificate)


def model(made: Made) -> LoadBalancerModel:
    found = made.read()
    assert isinstance(found, LoadBalancerModel), found
    return found


def test_a_load_balancer_is_read_with_all_that_envoy_plays(made: Made, certificate: str) -> None:
    made.register(*PODS)
    found = model(made)
    assert (found.source, found.kind, found.drop_invalid_headers, found.idle_timeout) == (
        f"Ingress {GATEWAY}",
        "application",
        True,
        75,
    )
    assert found.host.startswith(f"{made.name}-1.eu-west-1.elb.amazonaws.com")
    http, https = found.listeners
    assert (http.port, http.protocol, http.redirect_to, http.ssl_policy) == (80, "HTTP", 443, "")
    assert (https.port, https.ssl_policy, https.certificates) == (443, POLICY, (certificate,))
    (group,) = found.groups
    assert (group.protocol, group.check.port, group.check.path, group.check.interval) == (
        "HTTPS",
        15021,
        "/healthz/ready",
        15,
    )
    assert group.targets == tuple(Target(address=address, port=443) for address in PODS)


def test_a_target_that_was_deregistered_gets_nothing_new(made: Made) -> None:
    made.register(*PODS)
    made.elb.deregister_targets(TargetGroupArn=made.group, Targets=[{"Id": PODS[0], "Port": 443}])
    assert [target.address for target in model(made).groups[0].targets] == [PODS[1]]


def test_only_whom_the_security_group_lets_in_may_connect(made: Made) -> None:
    assert model(made).listeners[1].allowed_cidrs == ()
    made.aws.client("ec2").authorize_security_group_ingress(
        GroupId=made.security_group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
            for port, cidr in ((443, "198.51.100.0/24"), (80, "0.0.0.0/0"))
        ],
    )
    http, https = model(made).listeners
    assert (http.allowed_cidrs, https.allowed_cidrs) == (("0.0.0.0/0",), ("198.51.100.0/24",))


def test_a_listener_with_rules_is_not_played(made: Made) -> None:
    made.elb.create_rule(
        ListenerArn=made.https,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/a"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": made.group}],
    )
    assert str(made.read()) == (
        f"Ingress {GATEWAY}: port 443 has rules for hosts or paths; only its default action is played"
    )


def test_a_load_balancer_that_the_controller_did_not_make_is_nobodys(made: Made) -> None:
    made.elb.remove_tags(ResourceArns=[made.arn], TagKeys=["ingress.k8s.aws/stack"])
    assert made.read() is None


def test_the_pair_that_is_served_is_acms_certificate_and_the_key_that_belongs_to_it(aws: Aws, certificate: str) -> None:
    pem, key = Account(aws=aws).pair(certificate)
    acms = aws.client("acm").get_certificate(CertificateArn=certificate)["Certificate"]
    assert ssl.PEM_cert_to_DER_cert(pem.decode()) == ssl.PEM_cert_to_DER_cert(acms)
    private = serialization.load_pem_private_key(key, password=None)
    public = x509.load_pem_x509_certificate(pem).public_key()
    encoding = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert private.public_key().public_bytes(*encoding) == public.public_bytes(*encoding)


def test_a_certificate_whose_key_acm_keeps_is_not_played(aws: Aws) -> None:
    arn = aws.client("acm").request_certificate(DomainName="kept.example.com")["CertificateArn"]
    with pytest.raises(NotPlayed, match=f"the key of {arn} cannot be had"):
        Account(aws=aws).pair(arn)


# --- what moto lacks -------------------------------------------------------------------------------------------


def test_the_account_says_of_a_targets_health_what_it_was_told(made: Made) -> None:
    made.register(*PODS)
    assert made.health() == dict.fromkeys(PODS, "initial")
    Account(aws=made.aws).tell_health({made.group: {f"{PODS[0]}:443": "healthy", f"{PODS[1]}:443": "unhealthy"}})
    assert made.health() == {PODS[0]: "healthy", PODS[1]: "unhealthy"}


def test_the_version_changes_with_what_is_written_and_not_with_what_is_read(made: Made) -> None:
    account = Account(aws=made.aws)
    before = account.version()
    account.balancers()
    assert account.version() == before
    made.register(*PODS)
    assert account.version() != before


def test_an_account_that_was_emptied_is_another_version() -> None:
    with running_moto() as running:
        before = Account(aws=running).version()
        urllib.request.urlopen(urllib.request.Request(f"{running.endpoint_url}/moto-api/reset", method="POST"))
        assert Account(aws=running).version() != before
        with urllib.request.urlopen(f"{running.endpoint_url}/lab/version") as answer:
            assert json.load(answer).keys() == {"version"}


def test_the_node_groups_instances_are_the_labs_nodes_and_have_their_pods(aws: Aws, subnets: tuple[str, ...]) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=[subnets[0]])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(
        GroupName="eks-cluster-sg-mesh-lab",
        Description="-",
        VpcId=vpc,
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "kubernetes.io/cluster/mesh-lab", "Value": "owned"}]}
        ],
    )["GroupId"]
    inputs = {"clusterName": "mesh-lab", "subnetIds": list(subnets)}
    maker = EKS["aws:eks/nodeGroup:NodeGroup"]
    made = maker.create(aws, inputs)
    assert maker.delete is not None
    maker.delete(aws, inputs, made)
    assert maker.create(aws, {**inputs, "version": "1.36"}) == made
    for node, subnet in zip(NODES, subnets, strict=False):
        (reservation,) = ec2.describe_instances(InstanceIds=[node.instance])["Reservations"]
        (interface,) = reservation["Instances"][0]["NetworkInterfaces"]
        assert interface["Ipv4Prefixes"] == [{"Ipv4Prefix": node.share("10.201.64.0/18")}]
        assert [each["GroupId"] for each in interface["Groups"]] == [group]
        assert interface["SubnetId"] == subnet
