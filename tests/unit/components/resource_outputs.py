"""What the providers answer in the unit tests: for each resource type and function that the program uses, no more.

A type that is missing here makes a test fail with its token: add it when a component begins to use it. Kubernetes
objects are not listed; they answer with their inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from offline.registration import Registration

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ALB_HOST_NAME = "k8s-istio.eu-west-1.elb.amazonaws.com"

Answer = Callable[[Registration], Mapping[str, Any]]
"""What a provider adds to a resource's inputs; `id` sets the id, which is `<logical name>-id` otherwise."""

CallAnswer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""The arguments of a function -> its result."""


def _plain(_registration: Registration) -> Mapping[str, Any]:
    return {}


def _arn(service: str, kind: str) -> Answer:
    return lambda registration: {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{registration.name}"}


def _role(registration: Registration) -> Mapping[str, Any]:
    name = registration.name
    return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "name": name}


def _log_group(registration: Registration) -> Mapping[str, Any]:
    return {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{registration.inputs['name']}"}


def _certificate(registration: Registration) -> Mapping[str, Any]:
    domain = registration.inputs["domainName"]
    # As ACM does it: a name and its wildcard are validated by one and the same record.
    option = {
        "resourceRecordName": f"_proof.{domain}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": "_answer.acm-validations.aws.",
    }
    return {
        "arn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{registration.name}",
        "domainValidationOptions": [{**option, "domainName": name} for name in (domain, f"*.{domain}")],
    }


def _eks_cluster(registration: Registration) -> Mapping[str, Any]:
    command = {"command": "aws", "args": ["eks", "get-token", "--cluster-name", registration.inputs["name"]]}
    return {
        "kubeconfigJson": json.dumps({"users": [{"name": "aws", "user": {"exec": command}}]}),
        "nodeSecurityGroupId": "sg-0123456789abcdef0",
        "clusterSecurityGroupId": "sg-0123456789abcdef1",
    }


def _published(_registration: Registration) -> Mapping[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [{"hostname": ALB_HOST_NAME}]}}}


RESOURCES: dict[str, Answer] = {
    "pulumi:providers:aws": _plain,
    "pulumi:providers:kubernetes": _plain,
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": _plain,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _plain,
    "aws:cloudwatch/eventRule:EventRule": lambda registration: {
        "name": registration.name,
        "arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{registration.name}",
    },
    "aws:cloudwatch/eventTarget:EventTarget": _plain,
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
    "aws:eks/accessEntry:AccessEntry": _plain,
    "aws:eks/addon:Addon": _plain,
    "aws:eks/nodeGroup:NodeGroup": _plain,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _plain,
    "aws:iam/instanceProfile:InstanceProfile": lambda registration: {"name": registration.name},
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _plain,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _plain,
    "aws:kms/key:Key": _arn("kms", "key"),
    "aws:route53/record:Record": lambda registration: {"fqdn": registration.inputs["name"]},
    "aws:route53/resolverFirewallConfig:ResolverFirewallConfig": _plain,
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": _plain,
    "aws:route53/resolverFirewallRule:ResolverFirewallRule": _plain,
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": _plain,
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": _plain,
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig": _plain,
    "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation": _plain,
    "aws:sqs/queue:Queue": lambda registration: {
        "name": registration.name,
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{registration.name}",
        "arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{registration.name}",
    },
    "aws:sqs/queuePolicy:QueuePolicy": _plain,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _plain,
    "aws:wafv2/webAcl:WebAcl": _arn("wafv2", "regional/webacl"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": _plain,
    "aws:xray/traceSegmentDestination:TraceSegmentDestination": _plain,
    "eks:index:Cluster": _eks_cluster,
    "kubernetes:networking.k8s.io/v1:Ingress": _published,
    "kubernetes:core/v1:Service": _published,
}
"""Type token -> the outputs that it adds to its inputs."""

CALLS: dict[str, CallAnswer] = {
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
