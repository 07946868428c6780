"""Outputs made up: an engine that answers each request as a provider plausibly would, and makes nothing.

Ids and ARNs follow from names alone, so that two plans of one stack are alike to the byte, and those of two stacks
where they agree.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from offline.registration import Registration
from offline.values import Reference, Secret, revealed

ACCOUNT = "111122223333"
"""AWS's own example account: a plan does not know which account it will be applied to."""

# What AWS puts before the 17 hexadecimal digits of an id.
_ID_PREFIXES: dict[str, str] = {
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/routeTable:RouteTable": "rtb",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "rtbassoc",
    "aws:ec2/internetGateway:InternetGateway": "igw",
    "aws:ec2/natGateway:NatGateway": "nat",
    "aws:ec2/eip:Eip": "eipalloc",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "sg",
    "aws:ec2/launchTemplate:LaunchTemplate": "lt",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
    "aws:ec2/flowLog:FlowLog": "fl",
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": "rslvr-fdl",
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": "rslvr-frg",
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig": "rqlc",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "sgr",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "sgr",
}
# Services whose ARNs name no region.
_GLOBAL = frozenset({"iam", "route53", "s3", "cloudfront"})
# Provider modules that are called otherwise in ARNs.
_ARN_SERVICES = {"vpc": "ec2", "cloudwatch": "logs", "alb": "elasticloadbalancing", "lb": "elasticloadbalancing"}


class MadeUpOutputs:
    """An `Engine` (see `offline.registration`) whose outputs are made up."""

    def __init__(self, region: str) -> None:
        self.region = region

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        type_ = registration.type
        if type_ == "eks:index:Cluster":
            return "", self._eks_cluster(registration)
        if type_.startswith("pulumi:providers:"):
            return _digest(_key(registration), 32), {}
        if type_.startswith("kubernetes:helm.sh/"):
            return _release(registration)
        if type_.startswith("kubernetes:"):
            return _kubernetes_object(registration, self.region)
        if type_.startswith("aws:"):
            return self._aws(registration)
        return registration.import_id or registration.name, {}

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """A plausible answer for the functions that such programs call; any other gets its arguments back."""
        answer = _CALLS.get(token)
        return {"id": token, **revealed(args), **(answer(self.region, revealed(args)) if answer else {})}

    def _aws(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        inputs = revealed(registration.inputs)
        prefix = _ID_PREFIXES.get(registration.type)
        physical = str(inputs.get("name") or registration.name)
        id_ = registration.read_id or registration.import_id
        if not id_:
            id_ = f"{prefix}-{_digest(_key(registration), 17)}" if prefix else physical
        arn = self._arn(registration.type, id_ if prefix else physical)
        outputs: dict[str, Any] = {"arn": arn, "tagsAll": inputs.get("tags", {})}
        if "name" not in inputs:
            outputs["name"] = physical
        extra = _AWS_OUTPUTS.get(registration.type)
        if extra:
            outputs |= extra(self.region, {**inputs, "id": id_, "arn": arn})
        if registration.type in _IDENTIFIED_BY_ARN:
            id_ = arn
        return id_, outputs

    def _arn(self, type_: str, name: str) -> str:
        _, module, kind = type_.split(":")
        service = module.partition("/")[0]
        service = _ARN_SERVICES.get(service, service)
        region = "" if service in _GLOBAL else self.region
        account = "" if service in ("route53", "s3") else ACCOUNT
        noun = re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()
        return f"arn:aws:{service}:{region}:{account}:{noun}/{name}"

    def _eks_cluster(self, registration: Registration) -> dict[str, Any]:
        """What the component `eks.Cluster` gives out once it has made its cluster."""
        inputs = revealed(registration.inputs)
        name = str(inputs.get("name") or registration.name)
        kubeconfig = _kubeconfig(name, self.region)
        cluster_group = f"sg-{_digest(f'{_key(registration)}/cluster', 17)}"
        node_group = f"sg-{_digest(f'{_key(registration)}/nodes', 17)}"
        state: dict[str, Any] = {
            "name": name,
            "version": inputs.get("version"),
            **_eks_outputs(self.region, {"name": name, "id": name}),
            "vpcConfig": {"clusterSecurityGroupId": cluster_group, "vpcId": inputs.get("vpcId")},
        }
        kind = "aws:eks/cluster:Cluster"
        head, chain, logical = registration.urn.rsplit("::", 2)
        cluster = Reference(urn=f"{head}::{chain}${kind}::{logical}-eksCluster", id=name, state=state)
        issuer = state["identities"][0]["oidcs"][0]["issuer"]
        provider_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.removeprefix('https://')}"
        # Without `core`, which says it all once more: the SDK would import half of itself to know the types in it.
        return {
            "kubeconfig": Secret(kubeconfig),
            "kubeconfigJson": Secret(_json(kubeconfig)),
            "eksCluster": cluster,
            "clusterSecurityGroupId": cluster_group,
            "nodeSecurityGroupId": node_group,
            "clusterIngressRuleId": "",
            "oidcIssuer": issuer,
            "oidcProviderUrl": issuer,
            "oidcProviderArn": provider_arn,
        }


def _key(registration: Registration) -> str:
    """Its URN without stack and project."""
    return registration.urn.split("::", 2)[2]


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _kubeconfig(name: str, region: str) -> dict[str, Any]:
    endpoint = f"https://{_digest(name, 32).upper()}.gr7.{region}.eks.amazonaws.com"
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", name]
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": arguments}}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": endpoint}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "users": [{"name": name, "user": user}],
    }


def _kubernetes_object(registration: Registration, region: str) -> tuple[str, dict[str, Any]]:
    inputs = revealed(registration.inputs)
    metadata = inputs.get("metadata", {})
    name, namespace = metadata.get("name", registration.name), metadata.get("namespace")
    id_ = f"{namespace}/{name}" if namespace else name
    outputs: dict[str, Any] = {}
    balanced = inputs.get("kind") == "Service" and inputs.get("spec", {}).get("type") == "LoadBalancer"
    if inputs.get("kind") == "Ingress" or balanced:
        # <name>-<number>.elb.<region> for a network load balancer, <name>-<number>.<region>.elb for the others.
        place = f"elb.{region}" if balanced else f"{region}.elb"
        host = f"k8s-{_digest(id_, 20)}.{place}.amazonaws.com"
        outputs["status"] = {"loadBalancer": {"ingress": [{"hostname": host}]}}
    return id_, outputs


def _release(registration: Registration) -> tuple[str, dict[str, Any]]:
    inputs = revealed(registration.inputs)
    name, namespace = inputs.get("name", registration.name), inputs.get("namespace", "default")
    status = {"name": name, "namespace": namespace, "version": inputs.get("version"), "status": "deployed"}
    return f"{namespace}/{name}", {"name": name, "status": status, "resourceNames": {}}


def _eks_outputs(region: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    name = str(inputs.get("name", inputs.get("id")))
    issuer = f"https://oidc.eks.{region}.amazonaws.com/id/{_digest(name, 32).upper()}"
    return {
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
        "endpoint": f"https://{_digest(name, 32).upper()}.gr7.{region}.eks.amazonaws.com",
        "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "status": "ACTIVE",
    }


def _certificate(region: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One validation record for each registered name; a wildcard shares its parent's."""
    names = [inputs.get("domainName", ""), *(inputs.get("subjectAlternativeNames") or [])]
    options = [
        {
            "domainName": name,
            "resourceRecordName": f"_{_digest(name.removeprefix('*.'), 32)}.{name.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{_digest(name.removeprefix('*.')[::-1], 32)}.acm-validations.aws.",
        }
        for name in names
    ]
    return {"domainValidationOptions": options, "status": "ISSUED"}


_IDENTIFIED_BY_ARN = frozenset({"aws:acm/certificate:Certificate", "aws:lb/loadBalancer:LoadBalancer"})

_AWS_OUTPUTS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": lambda _, inputs: {
        "certificateArn": inputs.get("certificateArn")
    },
    "aws:ec2/eip:Eip": lambda _, inputs: {"allocationId": inputs["id"], "publicIp": "203.0.113.10"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _, inputs: {"latestVersion": 1, "defaultVersion": 1},
    "aws:ec2/vpc:Vpc": lambda _, inputs: {
        "defaultSecurityGroupId": f"sg-{_digest(inputs['id'] + '/default', 17)}",
        "mainRouteTableId": f"rtb-{_digest(inputs['id'] + '/main', 17)}",
    },
    "aws:ecr/repository:Repository": lambda region, inputs: {
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{inputs.get('name')}"
    },
    "aws:eks/cluster:Cluster": _eks_outputs,
    "aws:iam/role:Role": lambda _, inputs: {"uniqueId": f"AROA{_digest(inputs['id'], 17).upper()}"},
    "aws:kms/key:Key": lambda _, inputs: {"keyId": inputs["id"]},
    "aws:route53/record:Record": lambda _, inputs: {"fqdn": inputs.get("name")},
}

_CALLS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": lambda region, args: {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/plan",
        "userId": "PLAN",
    },
    "aws:index/getPartition:getPartition": lambda region, args: {"partition": "aws", "dnsSuffix": "amazonaws.com"},
    "aws:index/getRegion:getRegion": lambda region, args: {"name": region, "region": region},
    "aws:index/getAvailabilityZones:getAvailabilityZones": lambda region, args: {
        "names": [f"{region}{zone}" for zone in "abc"],
        "zoneIds": [f"{region}-az{number}" for number in (1, 2, 3)],
    },
    "aws:ec2/getVpc:getVpc": lambda region, args: {"cidrBlock": "10.0.0.0/16", "arn": "", "id": args.get("id")},
    "aws:eks/getCluster:getCluster": lambda region, args: {
        **_eks_outputs(region, args),
        "certificateAuthorities": [{"data": "Y2VydGlmaWNhdGU="}],
        "version": "",
        "vpcConfig": {"clusterSecurityGroupId": f"sg-{_digest(str(args.get('name')), 17)}", "subnetIds": []},
    },
    "aws:eks/getClusterAuth:getClusterAuth": lambda region, args: {"token": Secret("token")},
    "aws:route53/getZone:getZone": lambda region, args: {"zoneId": args.get("zoneId", "Z0000000000000000000")},
}
