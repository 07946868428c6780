"""What the providers answer in the unit tests: for each resource type and function that the program uses, no more.

A type that is missing here makes a test fail with its token: add it when a component begins to use it. Kubernetes
objects are not listed; they answer with their inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ALB_HOST_NAME = "k8s-istio.eu-west-1.elb.amazonaws.com"

_Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _plain(_inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def _arn(service: str, kind: str) -> _Answer:
    return lambda inputs: {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{inputs['__logical_name']}"}


def _role(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    name = inputs["__logical_name"]
    return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "name": name}


def _log_group(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{inputs['name']}"}


def _certificate(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    domain = inputs["domainName"]
    # As ACM does it: a name and its wildcard are validated by one and the same record.
    option = {
        "resourceRecordName": f"_proof.{domain}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": "_answer.acm-validations.aws.",
    }
    return {
        "arn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{inputs['__logical_name']}",
        "domainValidationOptions": [{**option, "domainName": name} for name in (domain, f"*.{domain}")],
    }


def _eks_cluster(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    command = {"command": "aws", "args": ["eks", "get-token", "--cluster-name", inputs["name"]]}
    return {
        "kubeconfigJson": json.dumps({"users": [{"name": "aws", "user": {"exec": command}}]}),
        "nodeSecurityGroupId": "sg-0123456789abcdef0",
    }


def _published(_inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [{"hostname": ALB_HOST_NAME}]}}}


RESOURCES: dict[str, _Answer] = {
    "pulumi:providers:aws": _plain,
    "pulumi:providers:kubernetes": _plain,
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": _plain,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _plain,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _plain,
    "aws:ec2/eip:Eip": _plain,
    "aws:ec2/flowLog:FlowLog": _plain,
    "aws:ec2/internetGateway:InternetGateway": _plain,
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 7},
    "aws:ec2/natGateway:NatGateway": _plain,
    "aws:ec2/route:Route": _plain,
    "aws:ec2/routeTable:RouteTable": _plain,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _plain,
    "aws:ec2/securityGroup:SecurityGroup": _plain,
    "aws:ec2/subnet:Subnet": _plain,
    "aws:ec2/tag:Tag": _plain,
    "aws:ec2/vpc:Vpc": lambda _: {"ownerId": ACCOUNT},
    "aws:ec2/vpcEndpoint:VpcEndpoint": _plain,
    "aws:eks/addon:Addon": _plain,
    "aws:eks/nodeGroup:NodeGroup": _plain,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _plain,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _plain,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _plain,
    "aws:kms/key:Key": _arn("kms", "key"),
    "aws:route53/record:Record": lambda inputs: {"fqdn": inputs["name"]},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _plain,
    "aws:wafv2/webAcl:WebAcl": _arn("wafv2", "regional/webacl"),
    "aws:xray/traceSegmentDestination:TraceSegmentDestination": _plain,
    "eks:index:Cluster": _eks_cluster,
    "kubernetes:networking.k8s.io/v1:Ingress": _published,
    "kubernetes:core/v1:Service": _published,
}
"""Type token -> the outputs that it adds to its inputs."""

CALLS: dict[str, _Answer] = {
    "aws:ec2/getVpc:getVpc": lambda _: {"cidrBlock": "10.9.0.0/16"},
    "aws:eks/getCluster:getCluster": lambda arguments: {
        "name": arguments["name"],
        "endpoint": "https://0123.eks.example",
        "certificateAuthorities": [{"data": "Q0E="}],
    },
    "aws:index/getCallerIdentity:getCallerIdentity": lambda _: {"accountId": ACCOUNT},
    "aws:lb/getHostedZoneId:getHostedZoneId": lambda arguments: {
        "id": {"application": "Z32O12XQLNTSW2", "network": "Z2IFOLAFXWLO4F"}[arguments["loadBalancerType"]]
    },
}
"""Function token -> its result."""
