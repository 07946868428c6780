"""What preflight reads from AWS, and the command as a whole, over moto."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from configuration.settings import Settings
from meshops.aws_session import session_of
from meshops.checks.model import Unavailable
from meshops.preflight import adopted, aws
from meshops.preflight import command as preflight_command
from meshops.preflight.aws import Facts, Vpc, gather
from meshops.preflight.run import CHECKS
from tests import ROOT
from tests.unit.meshops.preflight.preflight_stack import ARN, REGION, kubectl, settings_of


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    # moto knows no access entries.
    monkeypatch.setattr(aws, "_entries", lambda settings, eks: None)
    with mock_aws():
        yield


@functools.cache
def session() -> boto3.Session:
    """One for all: a session reads each service's model once, which takes longer than the tests themselves."""
    return boto3.Session(region_name=REGION)


def client(service: str) -> Any:
    return session().client(service)


def vpc_with_subnets(cidr: str = "10.0.0.0/16", name: str = "mesh-test-vpc") -> tuple[str, list[str]]:
    """A VPC named `name` with a tagged public subnet in each of two zones."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": name}])
    ids = []
    for number, zone in enumerate("ab"):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/27", AvailabilityZone=REGION + zone)
        ids.append(subnet["Subnet"]["SubnetId"])
    tags = {"kubernetes.io/role/elb": "1", "kubernetes.io/cluster/mesh-test": "shared"}
    ec2.create_tags(Resources=ids, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return vpc, ids


def cluster_in(subnet_ids: list[str]) -> None:
    client("eks").create_cluster(
        name="mesh-test",
        roleArn="arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig={"subnetIds": subnet_ids},
    )


def imported(*names: str) -> str:
    """An ECDSA certificate for `names`, imported into ACM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=100))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return client("acm").import_certificate(
        Certificate=certificate.public_bytes(serialization.Encoding.PEM),
        PrivateKey=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )["CertificateArn"]


def facts(settings: Settings) -> Facts:
    return gather(settings, session())


def vpc_fact(settings: Settings | None = None) -> Vpc:
    found = facts(settings or settings_of()).vpc
    assert isinstance(found, Vpc), found
    return found


def test_the_subnets_come_with_zone_free_addresses_and_tags() -> None:
    vpc, ids = vpc_with_subnets()
    assert [
        (subnet.id, subnet.zone, subnet.locale, subnet.cidr, subnet.free_addresses, dict(subnet.tags))
        for subnet in vpc_fact().subnets
    ] == [
        (
            ids[number],
            REGION + zone,
            "availability-zone",
            f"10.0.{number}.0/27",
            27,
            {"kubernetes.io/role/elb": "1", "kubernetes.io/cluster/mesh-test": "shared"},
        )
        for number, zone in enumerate("ab")
    ]
    assert vpc_fact().id == vpc


def test_the_cluster_itself_says_which_vpc_it_is_in() -> None:
    vpc, ids = vpc_with_subnets(name="somebody-elses")
    cluster_in(ids)
    found = vpc_fact()
    assert (found.id, found.found_by, found.cluster_vpc_id) == (vpc, "the cluster mesh-test", vpc)


def test_before_there_is_a_cluster_the_vpc_is_found_by_its_name() -> None:
    vpc, _ = vpc_with_subnets()
    found = vpc_fact()
    assert (found.id, found.found_by, found.cluster_vpc_id) == (
        vpc,
        "its tag Name=mesh-test-vpc (there is no cluster yet)",
        None,
    )


def test_the_settings_decide_where_they_name_a_vpc() -> None:
    vpc, ids = vpc_with_subnets(name="somebody-elses")
    existing = {"existing": {"vpcId": vpc, "privateSubnetIds": ids}}
    found = vpc_fact(settings_of(network=existing))
    assert (found.id, found.found_by) == (vpc, "the stack's network.existing.vpcId")


def test_without_cluster_and_vpc_the_answer_is_unknown_and_says_when_to_ask_again() -> None:
    found = facts(settings_of()).vpc
    assert found == Unavailable(
        reason="There is no cluster mesh-test in eu-west-1 yet, and no VPC named mesh-test-vpc.",
        remedy="Run this after the first `pulumi up`, or set network.existing to check a VPC beforehand.",
    )


def test_a_certificate_is_found_by_its_domain_whatever_its_key() -> None:
    arn = imported("*.test.example.com", "test.example.com")
    imported("*.other.example.com")
    found = facts(settings_of()).certificates
    assert isinstance(found, tuple)
    assert [(c.arn, c.status, c.names, c.key_algorithm, c.imported) for c in found] == [
        (arn, "ISSUED", ("*.test.example.com", "test.example.com"), "EC_prime256v1", True)
    ]


def test_a_certificate_is_found_by_its_arn_even_if_it_names_another_domain() -> None:
    arn = imported("*.other.example.com")
    found = facts(settings_of(certificateArn=arn)).certificates
    assert isinstance(found, tuple)
    assert [certificate.arn for certificate in found] == [arn]


def test_an_arn_that_acm_does_not_know_is_no_certificate() -> None:
    assert facts(settings_of(certificateArn=ARN)).certificates == ()


def test_a_requested_certificate_is_pending_and_names_what_waits() -> None:
    client("acm").request_certificate(DomainName="*.test.example.com", ValidationMethod="DNS")
    found = facts(settings_of()).certificates
    assert isinstance(found, tuple)
    assert [(c.status, c.problem) for c in found] == [("PENDING_VALIDATION", "not yet validated: *.test.example.com")]


def test_an_endpoint_that_does_not_answer_makes_every_fact_unknown() -> None:
    settings = settings_of()
    nobody = "http://127.0.0.1:9"
    found = gather(settings, session_of(settings, nobody), nobody)
    assert isinstance(found.vpc, Unavailable)
    assert isinstance(found.certificates, Unavailable)
    assert found.vpc.reason.startswith("AWS could not be reached for the VPC and its subnets: ")
    assert found.vpc.remedy == (
        "See that the endpoint answers: the network, a proxy, or the stand-in of --endpoint-url."
    )


def test_a_refusal_by_aws_names_the_permission_that_is_missing() -> None:
    vpc_with_subnets()
    found = set_initial_no_auth_action_count(0)(facts)(settings_of())
    assert isinstance(found.vpc, Unavailable)
    assert found.vpc.reason.startswith("AWS did not let us read the VPC and its subnets: ")
    assert found.vpc.remedy == "Allow DescribeCluster to the role that runs preflight; read-only is enough."


def test_a_stand_in_on_this_machine_never_gets_real_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    credentials = session_of(settings_of(), "http://127.0.0.1:5000").get_credentials()
    assert credentials is not None
    assert credentials.access_key == "stand-in"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lab's stack file alone in a directory: region eu-west-1, cluster mesh-lab, domain lab.example.com."""
    text = (ROOT / "Pulumi.lab.yaml").read_text()
    # moto's own account here; in the lab it is given another.
    assert text.count("arn:aws:iam::111122223333:user/moto") == 1
    (tmp_path / "Pulumi.lab.yaml").write_text(text.replace("::111122223333:user", "::123456789012:user"))
    # moto would make an id up that is none of Route 53's.
    monkeypatch.setattr("moto.route53.models.create_route53_zone_id", lambda **_: "Z00000000000LABEXAMPL")
    client("route53").create_hosted_zone(Name="lab.example.com", CallerReference="lab")
    return tmp_path


def command(stack: Path, *arguments: str, server: str = "") -> int:
    """server: of the kubeconfig that kubectl finds."""
    own = ("--stack", "lab", "--directory", str(stack), "--kubectl", kubectl(stack, server).kubectl)
    return preflight_command.main([*own, *arguments])


def lab_account() -> str:
    """What the lab's stack wants of AWS. Its cluster's endpoint."""
    ec2 = client("ec2")
    _, ids = vpc_with_subnets(name="mesh-lab-vpc")
    ec2.create_tags(Resources=ids, Tags=[{"Key": "kubernetes.io/cluster/mesh-lab", "Value": "shared"}])
    imported("*.lab.example.com", "lab.example.com")
    made = client("eks").create_cluster(
        name="mesh-lab",
        version="1.36",
        roleArn="arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig={"subnetIds": ids},
    )
    return made["cluster"]["endpoint"]


def test_the_command_exits_0_when_everything_passes(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(stack, server=lab_account()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Preflight of stack lab, cluster mesh-lab in eu-west-1"
    headings = [line for line in lines[1:-1] if line and not line.startswith(("PASS", " "))]
    assert headings == ["Network", "Certificate", "Access", "Existing cluster", "Names", "Upgrade", "Namespaces"]
    assert lines[3].startswith("PASS  MP101  Subnets for the load balancer  2 subnets, one each in eu-west-1a, ")
    assert lines[6].startswith("PASS  MP201  Certificate of the ALB         Issued, covers 2 hosts, ")
    assert lines[-1].startswith("15 passed, 0 failed, 0 unknown, in ")


def test_the_evidence_of_a_pass_is_there_if_asked_for(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(stack, "--verbose", server=lab_account()) == 0
    text = capsys.readouterr().out
    assert "found by the cluster mesh-lab" in text
    assert re.search(r"^      chosen  eu-west-1a  subnet-\S+", text, re.MULTILINE)
    assert "      app.lab.example.com      covered by *.lab.example.com" in text


def test_the_command_exits_1_when_something_fails_and_3_when_something_is_unknown(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A certificate that does not cover the hosts: a fail, whatever else is unknown.
    balancer = ("--only", "MP101", "MP201")
    imported("lab.example.com")
    assert command(stack, *balancer) == 1
    text = capsys.readouterr().out
    assert "FAIL  MP201  Certificate of the ALB" in text
    imported("*.lab.example.com", "lab.example.com")
    assert command(stack, *balancer) == 3
    text = capsys.readouterr().out
    assert "????  MP101  Subnets for the load balancer" in text
    assert "      remedy (critical): Run this after the first `pulumi up`" in text


def test_of_what_no_chosen_check_looks_at_nothing_is_asked(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported("*.lab.example.com", "lab.example.com")
    with mock.patch.object(aws, "_vpc", side_effect=AssertionError("nobody asked for it")):
        assert command(stack, "--only", "MP201") == 0
    assert "MP101" not in capsys.readouterr().out


def test_an_unknown_id_is_one_line_that_names_the_known_ones(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(stack, "--only", "MP999") == 2
    assert capsys.readouterr().err == f"There is no check MP999: there are {', '.join(check.id for check in CHECKS)}.\n"


@pytest.mark.parametrize("option", [("--format", "json"), ("--json",)])
def test_the_command_speaks_json(stack: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]) -> None:
    assert command(stack, *option, server=lab_account()) == 0
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("stack", "region", "cluster")} == {
        "stack": "lab",
        "region": "eu-west-1",
        "cluster": "mesh-lab",
    }
    assert [(r["id"], r["status"], r["severity"], r["remedy"]) for r in document["results"]] == [
        ("MP101", "pass", "critical", ""),
        ("MP201", "pass", "critical", ""),
        ("MP301", "pass", "critical", ""),
        ("MP302", "pass", "critical", ""),
        ("MP303", "pass", "high", ""),
        ("MP401", "pass", "critical", ""),
        ("MP402", "pass", "critical", ""),
        ("MP403", "pass", "high", ""),
        ("MP404", "pass", "critical", ""),
        ("MP405", "pass", "critical", ""),
        ("MP501", "pass", "critical", ""),
        ("MP502", "pass", "high", ""),
        ("MP601", "pass", "high", ""),
        ("MP602", "pass", "critical", ""),
        ("MP701", "pass", "high", ""),
    ]


def test_without_credentials_every_check_is_unknown_and_the_command_exits_3(
    stack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # moto wants its own credentials to be there when it ends.
    with monkeypatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        assert command(stack, "--format", "json") == 3
    captured = capsys.readouterr()
    assert captured.err == ""
    results = [r for r in json.loads(captured.out)["results"] if not r["id"].startswith(("MP4", "MP7"))]
    assert [(r["status"], r["finding"], r["remedy"]) for r in results] == [
        (
            "unknown",
            "There are no AWS credentials.",
            "Log in (aws sso login, AWS_PROFILE), or give --endpoint-url of a stand-in.",
        )
    ] * (len(CHECKS) - len(adopted.JUDGES) - 1)


def test_a_profile_that_does_not_exist_is_unknown_too(
    stack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    assert command(stack) == 3
    assert "AWS cannot be asked: The config profile (nobody-has-this) could not be found." in capsys.readouterr().out


def test_refused_settings_are_all_said_and_exit_1(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = stack / "Pulumi.lab.yaml"
    file.write_text(f"{file.read_text()}  zero-trust-mesh:nonsense: 1\n  zero-trust-mesh:rubbish: 2\n")
    assert command(stack) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Stack 'lab': 2 settings refused; nothing was created.\n")
    assert "nonsense" in captured.err
    assert "rubbish" in captured.err


def test_an_unknown_stack_is_one_line_that_names_the_known_ones(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight_command.main(["--stack", "prodd", "--directory", str(stack)]) == 2
    assert capsys.readouterr().err == "Unknown stack 'prodd': there are lab.\n"
