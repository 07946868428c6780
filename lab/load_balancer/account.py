"""The AWS side: what the controller reads there, and the load balancers that it makes there for everyone to see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization

from lab.aws.made import Aws, tag_list
from lab.load_balancer.model import Listener, LoadBalancerModel, Refusal, TargetGroup
from meshops.preflight.aws import Subnet, subnets_of, vpc_of_cluster

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
AWS_ERRORS = (BotoCoreError, ClientError)
# Only for the way from ACM to here; what is written is the plain key, readable by its owner only.
_PASSPHRASE = b"stand-in"


@dataclass(kw_only=True)
class Account:
    """The account of the cluster's AWS. Every method raises botocore's errors."""

    aws: Aws
    cluster: str

    def vpc(self) -> str | None:
        """The cluster's VPC; None while there is no cluster."""
        return vpc_of_cluster(self.aws.client("eks"), self.aws.client("ec2"), self.cluster)

    def subnets(self, vpc: str) -> tuple[Subnet, ...]:
        return subnets_of(self.aws.client("ec2"), vpc)

    def certificates(self, arns: Iterable[str]) -> dict[str, str]:
        """ACM's status of those that exist."""
        acm = self.aws.client("acm")
        found: dict[str, str] = {}
        for arn in arns:
            try:
                found[arn] = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
            except acm.exceptions.ResourceNotFoundException:
                continue
        return found

    def web_acls(self) -> frozenset[str]:
        acls = self.aws.client("wafv2").list_web_acls(Scope="REGIONAL").get("WebACLs", ())
        return frozenset(acl["ARN"] for acl in acls)

    def pair(self, arn: str) -> tuple[bytes, bytes]:
        """A certificate as ACM gives it out, and its key. Raises Refusal if ACM does not hand the key over."""
        acm = self.aws.client("acm")
        try:
            exported = acm.export_certificate(CertificateArn=arn, Passphrase=_PASSPHRASE)
        except ClientError as problem:
            raise Refusal(
                f"the key of {arn} cannot be had: {problem.response['Error'].get('Message')}; a load balancer of AWS "
                "would have it, the stand-in serves certificates that were requested as exportable only",
                reason="FailedDeployModel",
                only_here=True,
            ) from problem
        key = serialization.load_pem_private_key(exported["PrivateKey"].encode(), _PASSPHRASE)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return exported["Certificate"].encode(), plain

    # --- load balancers ----------------------------------------------------------------------------------------

    def balancers(self) -> dict[str, str]:
        """Name -> ARN of those that are this cluster's."""
        elb = self.aws.client("elbv2")
        all_ = {b["LoadBalancerArn"]: b["LoadBalancerName"] for b in elb.describe_load_balancers()["LoadBalancers"]}
        return {all_[arn]: arn for arn in self._ours(all_)}

    def make(self, model: LoadBalancerModel, vpc: str) -> None:
        """Makes the load balancer anew as the model says, its targets included."""
        self.remove(model.name)
        elb = self.aws.client("elbv2")
        arn = elb.create_load_balancer(
            Name=model.name,
            Type=model.kind,
            Scheme=model.scheme,
            Subnets=list(model.subnets),
            Tags=tag_list(dict(model.tags)),
        )["LoadBalancers"][0]["LoadBalancerArn"]
        if model.attributes:
            elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=_attributes(model.attributes))
        groups = {group.name: self._make_group(group, vpc, dict(model.tags)) for group in model.groups}
        for listener in model.listeners:
            elb.create_listener(**_listener(listener, arn, groups), Tags=tag_list(dict(model.tags)))
        if model.web_acl:
            self.aws.client("wafv2").associate_web_acl(WebACLArn=model.web_acl, ResourceArn=arn)

    def register(self, group: TargetGroup) -> None:
        """Makes the targets of a group these and no others."""
        elb = self.aws.client("elbv2")
        arn = elb.describe_target_groups(Names=[_group_name(group)])["TargetGroups"][0]["TargetGroupArn"]
        health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        there = {(entry["Target"]["Id"], int(entry["Target"]["Port"])) for entry in health}
        wanted = {(target.address, target.port) for target in group.targets}
        if gone := there - wanted:
            elb.deregister_targets(TargetGroupArn=arn, Targets=_targets(gone))
        if new := wanted - there:
            elb.register_targets(TargetGroupArn=arn, Targets=_targets(new))

    def remove(self, name: str) -> None:
        """Removes a load balancer of this cluster with all that is its own; nothing if there is none."""
        elb = self.aws.client("elbv2")
        arn = self.balancers().get(name)
        if arn is None:
            return
        groups = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            elb.delete_listener(ListenerArn=listener["ListenerArn"])
        elb.delete_load_balancer(LoadBalancerArn=arn)
        for group in groups:
            elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])

    def _ours(self, arns: Iterable[str]) -> list[str]:
        wanted = list(arns)
        if not wanted:
            return []
        described = self.aws.client("elbv2").describe_tags(ResourceArns=wanted)["TagDescriptions"]
        cluster = {"Key": CLUSTER_TAG, "Value": self.cluster}
        return [entry["ResourceArn"] for entry in described if cluster in entry["Tags"]]

    def _make_group(self, group: TargetGroup, vpc: str, tags: Mapping[str, str]) -> str:
        elb, check = self.aws.client("elbv2"), group.check
        over_http: dict[str, Any] = {}
        if check.protocol != "TCP":
            over_http = {"HealthCheckPath": check.path, "Matcher": {"HttpCode": check.codes}}
        arn = elb.create_target_group(
            Name=_group_name(group),
            Protocol=group.protocol,
            Port=group.port,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckProtocol=check.protocol,
            HealthCheckPort=str(check.port or "traffic-port"),
            HealthCheckIntervalSeconds=check.interval,
            HealthCheckTimeoutSeconds=check.timeout,
            HealthyThresholdCount=check.healthy,
            UnhealthyThresholdCount=check.unhealthy,
            **over_http,
            Tags=tag_list(tags),
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = (("deregistration_delay.timeout_seconds", str(group.deregistration_delay)),)
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=_attributes(delay))
        return arn


def _listener(listener: Listener, balancer: str, groups: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"LoadBalancerArn": balancer, "Protocol": listener.protocol, "Port": listener.port}
    if listener.protocol == "HTTPS":
        made["SslPolicy"] = listener.ssl_policy
        made["Certificates"] = [{"CertificateArn": listener.certificates[0]}]
    if listener.group is not None:
        made["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": groups[listener.group.name]}]
    else:
        redirect = {"Protocol": "HTTPS", "Port": str(listener.redirect_to), "StatusCode": "HTTP_301"}
        made["DefaultActions"] = [{"Type": "redirect", "RedirectConfig": redirect}]
    return made


def _group_name(group: TargetGroup) -> str:
    # At most 32 characters: the hash at the end of the balancer's name, which is its own, and the port.
    return f"k8s-{group.balancer.rpartition('-')[2]}-{group.port}"


def _targets(pairs: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"Id": address, "Port": port} for address, port in sorted(pairs)]


def _attributes(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs]
