"""The load balancers of the lab's account: what the controller made there, read with AWS's own calls."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization

from lab.aws.made import Aws
from lab.load_balancer.model import HealthCheck, Listener, LoadBalancerModel, NotPlayed, Target, TargetGroup
from lab.load_balancer.ssl_policies import SSL_POLICIES

AWS_ERRORS = (BotoCoreError, ClientError, OSError)
"""The account said no, or did not answer."""
Answer = Mapping[str, Any]

# The tag that names what a load balancer was made for -> the kind of that.
_STACKS = {"ingress.k8s.aws/stack": "Ingress", "service.k8s.aws/stack": "Service"}
# Only for the way from ACM to here; what is written is the plain key, readable by its owner only.
_PASSPHRASE = b"stand-in"
# An NLB's idle timeout for TCP, in seconds.
_NLB_IDLE = 350
_SECONDS = 10.0


@dataclass(kw_only=True)
class Account:
    """One account. Every method raises AWS_ERRORS."""

    aws: Aws

    def version(self) -> str:
        """Another one after each call that may have changed something."""
        with urllib.request.urlopen(f"{self.aws.endpoint_url}/lab/version", timeout=_SECONDS) as answer:
            return str(json.load(answer)["version"])

    def tell_health(self, health: Mapping[str, Mapping[str, str]]) -> None:
        """What the health checks say: target group's ARN -> `<address>:<port>` -> initial, healthy or unhealthy."""
        url, body = f"{self.aws.endpoint_url}/lab/target-health", json.dumps(health).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, method="POST"), timeout=_SECONDS):
            pass

    def balancers(self) -> dict[str, LoadBalancerModel | NotPlayed]:
        """What the controller made: name -> the load balancer, or what of it the lab does not play."""
        elb = self.aws.client("elbv2")
        found = {each["LoadBalancerArn"]: each for each in elb.describe_load_balancers()["LoadBalancers"]}
        made: dict[str, LoadBalancerModel | NotPlayed] = {}
        for arn, source in self._sources(found).items():
            try:
                made[found[arn]["LoadBalancerName"]] = self._model(found[arn], source)
            except NotPlayed as problem:
                made[found[arn]["LoadBalancerName"]] = NotPlayed(f"{source}: {problem}")
        return made

    def pair(self, arn: str) -> tuple[bytes, bytes]:
        """A certificate as ACM gives it out, and its key. Raises NotPlayed if ACM does not hand the key over."""
        try:
            exported = self.aws.client("acm").export_certificate(CertificateArn=arn, Passphrase=_PASSPHRASE)
        except ClientError as problem:
            raise NotPlayed(
                f"the key of {arn} cannot be had: {problem.response['Error'].get('Message')}; a load balancer of AWS "
                "would have it, the lab serves certificates that were requested as exportable only"
            ) from problem
        key = serialization.load_pem_private_key(exported["PrivateKey"].encode(), _PASSPHRASE)
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return exported["Certificate"].encode(), plain

    def _sources(self, arns: Iterable[str]) -> dict[str, str]:
        if not (wanted := list(arns)):
            return {}
        described = self.aws.client("elbv2").describe_tags(ResourceArns=wanted)["TagDescriptions"]
        return {
            entry["ResourceArn"]: f"{_STACKS[tag['Key']]} {tag['Value']}"
            for entry in described
            for tag in entry["Tags"]
            if tag["Key"] in _STACKS
        }

    def _model(self, balancer: Answer, source: str) -> LoadBalancerModel:
        elb, arn, kind = self.aws.client("elbv2"), balancer["LoadBalancerArn"], balancer["Type"]
        attributes = _pairs(elb.describe_load_balancer_attributes(LoadBalancerArn=arn))
        groups = {
            group["TargetGroupArn"]: self._group(group)
            for group in elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        }
        inbound = self._inbound(balancer.get("SecurityGroups") or ())
        listeners = [
            self._listener(listener, groups, inbound)
            for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        ]
        idle = int(attributes.get("idle_timeout.timeout_seconds", "60")) if kind == "application" else _NLB_IDLE
        return LoadBalancerModel(
            kind=kind,
            source=source,
            name=balancer["LoadBalancerName"],
            host=balancer["DNSName"],
            listeners=tuple(sorted(listeners, key=lambda listener: listener.port)),
            drop_invalid_headers=attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true",
            idle_timeout=idle,
        )

    def _inbound(self, ids: Iterable[str]) -> list[Answer] | None:
        """The inbound rules of these groups; None without a group, which lets everyone in."""
        if not (wanted := list(ids)):
            return None
        groups = self.aws.client("ec2").describe_security_groups(GroupIds=wanted)["SecurityGroups"]
        return [rule for group in groups for rule in group["IpPermissions"]]

    def _listener(self, listener: Answer, groups: Mapping[str, TargetGroup], inbound: list[Answer] | None) -> Listener:
        elb, arn, port = self.aws.client("elbv2"), listener["ListenerArn"], listener["Port"]
        if any(not rule["IsDefault"] for rule in elb.describe_rules(ListenerArn=arn)["Rules"]):
            raise NotPlayed(f"port {port} has rules for hosts or paths; only its default action is played")
        certificates = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        # moto has a policy for every listener.
        policy = listener.get("SslPolicy", "") if listener["Protocol"] == "HTTPS" else ""
        if policy and policy not in SSL_POLICIES:
            raise NotPlayed(f"port {port}: of the security policies these are played: {', '.join(SSL_POLICIES)}")
        action = listener["DefaultActions"][0]
        given: dict[str, Any] = {}
        if action["Type"] == "redirect":
            given["redirect_to"] = int(action["RedirectConfig"]["Port"])
        elif action["Type"] == "forward" and (group := groups.get(_only_group(action))):
            given["group"] = group
        else:
            raise NotPlayed(f"port {port}: its default action {action['Type']} is not played")
        return Listener(
            port=port,
            protocol=listener["Protocol"],
            ssl_policy=policy,
            certificates=tuple(
                each["CertificateArn"] for each in sorted(certificates, key=lambda each: not each.get("IsDefault"))
            ),
            allowed_cidrs=("0.0.0.0/0",) if inbound is None else _allowed(inbound, port),
            **given,
        )

    def _group(self, group: Answer) -> TargetGroup:
        elb, arn = self.aws.client("elbv2"), group["TargetGroupArn"]
        attributes = _pairs(elb.describe_target_group_attributes(TargetGroupArn=arn))
        # A target that is leaving is shown on, and gets nothing new.
        there = [
            entry["Target"]
            for entry in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            if entry["TargetHealth"]["State"] not in ("draining", "unused")
        ]
        if group["TargetType"] != "ip":
            raise NotPlayed(f"target group {group['TargetGroupName']} has targets of type {group['TargetType']}")
        check_port = group["HealthCheckPort"]
        return TargetGroup(
            arn=arn,
            name=group["TargetGroupName"],
            protocol=group["Protocol"],
            check=HealthCheck(
                protocol=group["HealthCheckProtocol"],
                port=None if check_port == "traffic-port" else int(check_port),
                path=group.get("HealthCheckPath") or "/",
                interval=group["HealthCheckIntervalSeconds"],
                timeout=group["HealthCheckTimeoutSeconds"],
                healthy=group["HealthyThresholdCount"],
                unhealthy=group["UnhealthyThresholdCount"],
                codes=(group.get("Matcher") or {}).get("HttpCode") or "200",
            ),
            proxy_protocol=attributes.get("proxy_protocol_v2.enabled") == "true",
            targets=tuple(sorted(Target(address=target["Id"], port=int(target["Port"])) for target in there)),
        )


def _only_group(action: Answer) -> str:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    if len(groups) > 1:
        raise NotPlayed("its default action has several target groups; one is played")
    return str(groups[0].get("TargetGroupArn"))


def _allowed(rules: Iterable[Answer], port: int) -> tuple[str, ...]:
    found = {
        entry["CidrIp"]
        for rule in rules
        if rule["IpProtocol"] == "-1" or rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65535)
        for entry in rule.get("IpRanges", ())
    }
    return tuple(sorted(found))


def _pairs(answer: Answer) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in answer["Attributes"]}
