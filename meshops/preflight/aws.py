"""The AWS facts that preflight judges: read once, typed. The only AWS caller of preflight."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError

from configuration.settings import Settings
from meshops.aws_session import session_of
from meshops.checks.model import NOT_ASKED, Unavailable
from meshops.preflight.contents import Contents, read_contents
from meshops.preflight.zone import Zone, read_zone
from meshops.progress import Progress, Silent
from meshops.tools import Tools

_T = TypeVar("_T")

# Without it ListCertificates silently leaves out every key but RSA 1024 and 2048.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html
_KEY_TYPES = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """One subnet of the VPC.

    locale: `availability-zone`, `local-zone`, `wavelength-zone` or `outpost`.
    free_addresses: AWS's AvailableIpAddressCount.
    """

    id: str
    zone: str
    locale: str
    cidr: str
    free_addresses: int
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.tags.get("Name", "")


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """The VPC of the cluster.

    found_by: how it was found, for a person.
    cluster_vpc_id: where the cluster really is; None if the cluster does not exist (yet).
    """

    id: str
    found_by: str
    cluster_vpc_id: str | None
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """One ACM certificate. names: its domain and every alternative name. not_after: in UTC; None until issued."""

    arn: str
    status: str
    names: tuple[str, ...]
    key_algorithm: str
    not_after: datetime | None
    imported: bool
    problem: str = ""
    """ACM's FailureReason, or which names still wait for their validation."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose credentials these are: STS's own ARN, e.g. `arn:aws:sts::111122223333:assumed-role/deploy/jane`."""

    arn: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The API server's endpoint as EKS has it now."""

    public: bool
    public_cidrs: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Kubernetes:
    """version: of the control plane, its minor: `1.35`."""

    version: str


Fact = Literal["vpc", "certificates", "caller", "endpoint", "entries", "contents", "zone", "kubernetes"]
EVERY_FACT: tuple[Fact, ...] = get_args(Fact)


@dataclass(frozen=True, kw_only=True)
class Facts:
    vpc: Vpc | Unavailable
    certificates: tuple[Certificate, ...] | Unavailable
    """By ARN: at most that one. Otherwise every certificate of the region that names the stack's domain."""
    caller: Caller | Unavailable = NOT_ASKED
    endpoint: Endpoint | Unavailable | None = NOT_ASKED
    """None where there is no cluster of this name yet."""
    entries: tuple[str, ...] | Unavailable | None = NOT_ASKED
    """Principals with an access entry, but for nodes and EKS itself; None where there is no cluster yet."""
    contents: Contents | Unavailable | None = NOT_ASKED
    """Of an existing cluster; None for one of the stack's own."""
    zone: Zone | Unavailable | None = NOT_ASKED
    """None where there is none of this id, or the settings name none."""
    kubernetes: Kubernetes | Unavailable | None = NOT_ASKED
    """None where there is no cluster of this name yet."""


def look(
    settings: Settings,
    endpoint_url: str | None,
    *,
    wanted: Collection[Fact] = EVERY_FACT,
    tools: Tools | None = None,
    progress: Progress,
) -> Facts:
    """What `gather` gives, or why there is nobody to ask AWS as."""
    try:
        session = session_of(settings, endpoint_url)
        found = session.get_credentials() is not None
        reason = "There are no AWS credentials."
    except BotoCoreError as problem:
        found, reason = False, f"AWS cannot be asked: {problem}."
    if not found:
        remedy = "Log in (aws sso login, AWS_PROFILE), or give --endpoint-url of a stand-in."
        return Facts(**dict.fromkeys(EVERY_FACT, Unavailable(reason=reason, remedy=remedy)))
    return gather(settings, session, endpoint_url, wanted=wanted, tools=tools, progress=progress)


def gather(
    settings: Settings,
    session: boto3.Session,
    endpoint_url: str | None = None,
    *,
    wanted: Collection[Fact] = EVERY_FACT,
    tools: Tools | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Reads what the checks need. What cannot be read becomes `Unavailable` and says why."""
    progress = progress or Silent()
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})

    def client(service: str) -> Any:  # boto3's clients are made at run time and have no static type
        return session.client(service, endpoint_url=endpoint_url, config=config)

    readers: dict[Fact, tuple[str, Callable[[], Any]]] = {
        "vpc": ("the VPC and its subnets", lambda: _vpc(settings, client("eks"), client("ec2"))),
        "certificates": ("the certificate", lambda: _certificates(settings, client("acm"))),
        "caller": ("who this is", lambda: Caller(arn=client("sts").get_caller_identity()["Arn"])),
        "endpoint": ("the cluster's endpoint", lambda: _endpoint(settings, client("eks"))),
        "entries": ("the cluster's access entries", lambda: _entries(settings, client("eks"))),
        "contents": ("what the cluster has", lambda: read_contents(settings, client("eks"), tools or Tools())),
        "kubernetes": ("the cluster's Kubernetes version", lambda: _kubernetes(settings, client("eks"))),
        "zone": ("the hosted zone", lambda: read_zone(settings, client("route53"), client("elbv2"))),
    }
    facts: dict[str, Any] = dict.fromkeys(EVERY_FACT, NOT_ASKED)
    for fact, (what, read) in readers.items():
        if fact in wanted:
            progress.update(f"asking for {what}")
            facts[fact] = _attempt(what, read)
    return Facts(**facts)


def _attempt(what: str, read: Callable[[], _T | Unavailable]) -> _T | Unavailable:
    try:
        return read()
    except ClientError as error:
        details = error.response.get("Error", {})
        return Unavailable(
            reason=f"AWS did not let us read {what}: {details.get('Code')}: {details.get('Message')}",
            remedy=f"Allow {error.operation_name} to the role that runs preflight; read-only is enough.",
        )
    except (UnreachableError, HTTPClientError) as error:
        return Unavailable(
            reason=f"AWS could not be reached for {what}: {error}",
            remedy="See that the endpoint answers: the network, a proxy, or the stand-in of --endpoint-url.",
        )
    except BotoCoreError as error:
        return Unavailable(
            reason=f"AWS could not be asked for {what}: {error}",
            remedy="Give AWS credentials (aws sso login, or AWS_PROFILE), or --endpoint-url of a stand-in.",
        )


def _vpc(settings: Settings, eks: Any, ec2: Any) -> Vpc | Unavailable:
    cluster = settings.cluster.name
    in_cluster = vpc_of_cluster(eks, ec2, cluster)
    existing = settings.network.existing
    if existing is not None:
        vpc_id, found_by = existing.vpc_id, "the stack's network.existing.vpcId"
    elif in_cluster is not None:
        vpc_id, found_by = in_cluster, f"the cluster {cluster}"
    else:
        name = f"{cluster}-vpc"  # as components/network.py names it
        named = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [name]}])["Vpcs"]
        if len(named) != 1:
            count = "no VPC" if not named else f"{len(named)} VPCs"
            return Unavailable(
                reason=f"There is no cluster {cluster} in {settings.region} yet, and {count} named {name}.",
                remedy="Run this after the first `pulumi up`, or set network.existing to check a VPC beforehand.",
            )
        vpc_id, found_by = named[0]["VpcId"], f"its tag Name={name} (there is no cluster yet)"
    return Vpc(id=vpc_id, found_by=found_by, cluster_vpc_id=in_cluster, subnets=subnets_of(ec2, vpc_id))


def subnets_of(ec2: Any, vpc_id: str) -> tuple[Subnet, ...]:
    """Every subnet of a VPC, by zone and id. Raises botocore's errors."""
    zone_types = {
        zone["ZoneName"]: zone.get("ZoneType", "availability-zone")
        for zone in ec2.describe_availability_zones()["AvailabilityZones"]
    }
    pages = ec2.get_paginator("describe_subnets").paginate(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    subnets = [_subnet(raw, zone_types) for page in pages for raw in page["Subnets"]]
    return tuple(sorted(subnets, key=lambda subnet: (subnet.zone, subnet.id)))


def vpc_of_cluster(eks: Any, ec2: Any, name: str) -> str | None:
    """The VPC that a cluster is in; None if there is no such cluster. Raises botocore's errors."""
    try:
        network = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]
    except eks.exceptions.ResourceNotFoundException:
        return None
    if network.get("vpcId"):
        return network["vpcId"]
    # EKS always says which VPC it is, a stand-in for it may not; the cluster's subnets lie in no other.
    return ec2.describe_subnets(SubnetIds=network["subnetIds"][:1])["Subnets"][0]["VpcId"]


def _endpoint(settings: Settings, eks: Any) -> Endpoint | None:
    try:
        cluster = eks.describe_cluster(name=settings.cluster.name)["cluster"]
    except eks.exceptions.ResourceNotFoundException:
        return None
    network = cluster["resourcesVpcConfig"]
    public = bool(network.get("endpointPublicAccess"))
    cidrs = tuple(network.get("publicAccessCidrs", ())) if public else ()
    return Endpoint(public=public, public_cidrs=cidrs, url=cluster.get("endpoint") or "")


def _kubernetes(settings: Settings, eks: Any) -> Kubernetes | None:
    try:
        return Kubernetes(version=eks.describe_cluster(name=settings.cluster.name)["cluster"]["version"])
    except eks.exceptions.ResourceNotFoundException:
        return None


def _entries(settings: Settings, eks: Any) -> tuple[str, ...] | None:
    cluster = settings.cluster.name
    try:
        pages = eks.get_paginator("list_access_entries").paginate(clusterName=cluster)
        arns = [arn for page in pages for arn in page["accessEntries"]]
    except eks.exceptions.ResourceNotFoundException:
        return None
    # EKS makes one for its own service-linked role, and one of another type for the role of each node group.
    # https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
    people = [arn for arn in arns if ":role/aws-service-role/" not in arn]
    return tuple(
        arn
        for arn in sorted(people)
        if eks.describe_access_entry(clusterName=cluster, principalArn=arn)["accessEntry"]["type"] == "STANDARD"
    )


def _subnet(raw: Mapping[str, Any], zone_types: Mapping[str, str]) -> Subnet:
    zone = raw["AvailabilityZone"]
    return Subnet(
        id=raw["SubnetId"],
        zone=zone,
        locale="outpost" if raw.get("OutpostArn") else zone_types.get(zone, "availability-zone"),
        cidr=raw.get("CidrBlock", ""),
        free_addresses=raw["AvailableIpAddressCount"],
        tags={tag["Key"]: tag["Value"] for tag in raw.get("Tags", ())},
    )


def _certificates(settings: Settings, acm: Any) -> tuple[Certificate, ...]:
    arn = settings.load_balancer.certificate_arn
    if arn is not None:
        try:
            return (_certificate(acm.describe_certificate(CertificateArn=arn)["Certificate"]),)
        except acm.exceptions.ResourceNotFoundException:
            return ()
    domain = settings.load_balancer.domain
    pages = acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": list(_KEY_TYPES)})
    # Without an ARN the certificate is the one the program asks for: by the domain or the wildcard below it. A
    # summary holds 100 names at most, a description all of them.
    arns = [
        summary["CertificateArn"]
        for page in pages
        for summary in page["CertificateSummaryList"]
        if {domain, f"*.{domain}"} & {summary["DomainName"], *summary.get("SubjectAlternativeNameSummaries", ())}
    ]
    return tuple(_certificate(acm.describe_certificate(CertificateArn=arn)["Certificate"]) for arn in sorted(arns))


def _certificate(raw: Mapping[str, Any]) -> Certificate:
    waiting = sorted(
        option["DomainName"]
        for option in raw.get("DomainValidationOptions", ())
        if option.get("ValidationStatus") == "PENDING_VALIDATION"
    )
    return Certificate(
        arn=raw["CertificateArn"],
        status=raw["Status"],
        names=tuple(sorted({raw["DomainName"], *raw.get("SubjectAlternativeNames", ())})),
        key_algorithm=raw.get("KeyAlgorithm", "unknown"),
        not_after=raw.get("NotAfter"),
        imported=raw.get("Type") == "IMPORTED",
        problem=raw.get("FailureReason") or (f"not yet validated: {', '.join(waiting)}" if waiting else ""),
    )
