"""What the load balancer controller reads: the Ingress, the NLB's Service, its chart's values and its policy."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

from configuration.load_balancer import AccessLogs
from configuration.load_balancer import LoadBalancer as LoadBalancerSettings
from manifests.iam import load_balancer_controller
from manifests.images import Images
from manifests.ingress import alb_ingress, nlb_service
from manifests.load_balancer_controller import controller_values

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/given"


def settings(**changes: Any) -> LoadBalancerSettings:
    values: dict[str, Any] = {
        "domain": "dev.example.com",
        "allowed_cidrs": (IPv4Network("10.0.0.0/8"), IPv4Network("198.51.100.0/24")),
        **changes,
    }
    return LoadBalancerSettings(**values)


def test_the_ingress_says_everything_that_has_a_wrong_default() -> None:
    balancer = settings(scheme="internet-facing", access_logs=AccessLogs(bucket="logs", prefix="alb"))
    assert alb_ingress(
        balancer, certificate_arn=CERTIFICATE, web_acl_arn="arn:waf", tags={"team": "a,b", "env": "dev"}
    ) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "istio-ingressgateway",
            "namespace": "istio-ingress",
            "annotations": {
                "alb.ingress.kubernetes.io/scheme": "internet-facing",
                "alb.ingress.kubernetes.io/target-type": "ip",
                "alb.ingress.kubernetes.io/inbound-cidrs": "10.0.0.0/8,198.51.100.0/24",
                "alb.ingress.kubernetes.io/listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
                "alb.ingress.kubernetes.io/ssl-redirect": "443",
                "alb.ingress.kubernetes.io/certificate-arn": CERTIFICATE,
                "alb.ingress.kubernetes.io/ssl-policy": "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
                "alb.ingress.kubernetes.io/backend-protocol": "HTTPS",
                "alb.ingress.kubernetes.io/healthcheck-protocol": "HTTP",
                "alb.ingress.kubernetes.io/healthcheck-port": "15021",
                "alb.ingress.kubernetes.io/healthcheck-path": "/healthz/ready",
                "alb.ingress.kubernetes.io/healthcheck-interval-seconds": "15",
                "alb.ingress.kubernetes.io/healthcheck-timeout-seconds": "5",
                "alb.ingress.kubernetes.io/healthy-threshold-count": "2",
                "alb.ingress.kubernetes.io/unhealthy-threshold-count": "2",
                "alb.ingress.kubernetes.io/success-codes": "200",
                "alb.ingress.kubernetes.io/load-balancer-attributes": (
                    "access_logs.s3.bucket=logs,access_logs.s3.enabled=true,access_logs.s3.prefix=alb,"
                    "deletion_protection.enabled=true,routing.http.drop_invalid_header_fields.enabled=true"
                ),
                "alb.ingress.kubernetes.io/target-group-attributes": "deregistration_delay.timeout_seconds=30",
                "alb.ingress.kubernetes.io/wafv2-acl-arn": "arn:waf",
                "alb.ingress.kubernetes.io/tags": r"env=dev,team=a\,b",
            },
        },
        "spec": {
            "ingressClassName": "alb",
            "defaultBackend": {"service": {"name": "istio-ingressgateway", "port": {"number": 443}}},
        },
    }


def test_what_is_off_is_said_to_be_off() -> None:
    ingress = alb_ingress(settings(deletion_protection=False), certificate_arn=CERTIFICATE)
    annotations = ingress["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/load-balancer-attributes"] == (
        "access_logs.s3.enabled=false,deletion_protection.enabled=false,"
        "routing.http.drop_invalid_header_fields.enabled=true"
    )
    absent = ("wafv2-acl-arn", "tags", "group.name", "subnets", "security-groups", "backend-protocol-version")
    assert not {f"alb.ingress.kubernetes.io/{name}" for name in absent} & set(annotations)


def test_the_nlb_passes_tls_through_to_the_pods() -> None:
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    assert nlb_service(settings(deletion_protection=False), tags={"environment": "dev"}) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "istio-ingressgateway-nlb",
            "labels": {"experimental.istio.io/disable-gateway-port-translation": "true"},
            "namespace": "istio-ingress",
            "annotations": {
                f"{prefix}-nlb-target-type": "ip",
                f"{prefix}-scheme": "internal",
                f"{prefix}-backend-protocol": "tcp",
                f"{prefix}-healthcheck-protocol": "http",
                f"{prefix}-healthcheck-port": "15021",
                f"{prefix}-healthcheck-path": "/healthz/ready",
                f"{prefix}-healthcheck-interval": "15",
                f"{prefix}-healthcheck-timeout": "5",
                f"{prefix}-healthcheck-healthy-threshold": "2",
                f"{prefix}-healthcheck-unhealthy-threshold": "2",
                f"{prefix}-healthcheck-success-codes": "200",
                f"{prefix}-attributes": "deletion_protection.enabled=false,load_balancing.cross_zone.enabled=true",
                f"{prefix}-target-group-attributes": (
                    "deregistration_delay.connection_termination.enabled=true,"
                    "deregistration_delay.timeout_seconds=30,preserve_client_ip.enabled=true"
                ),
                f"{prefix}-additional-resource-tags": "environment=dev",
            },
        },
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "loadBalancerSourceRanges": ["10.0.0.0/8", "198.51.100.0/24"],
            "allocateLoadBalancerNodePorts": False,
            "selector": {"istio": "ingressgateway"},
            "ports": [{"name": "tls", "port": 443, "targetPort": 8443, "protocol": "TCP"}],
        },
    }


def test_the_controllers_chart_gets_what_it_cannot_ask_for() -> None:
    assert controller_values(cluster_name="c", region="eu-west-1", vpc_id="vpc-1", images=Images("r.example/m")) == {
        "clusterName": "c",
        "region": "eu-west-1",
        "vpcId": "vpc-1",
        "replicaCount": 2,
        "image": {"repository": "r.example/m/eks/aws-load-balancer-controller"},
        "serviceAccount": {"create": True, "name": "aws-load-balancer-controller"},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "defaultTargetType": "ip",
        "enableServiceMutatorWebhook": False,
        "keepTLSSecret": True,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": True,
    }


def test_the_controllers_policy_changes_nothing_that_is_not_this_clusters() -> None:
    statements = load_balancer_controller(region="eu-west-1", cluster_name="mesh-dev")["Statement"]
    own = {
        "aws:ResourceTag/elbv2.k8s.aws/cluster": "mesh-dev",
        "aws:RequestTag/elbv2.k8s.aws/cluster": "mesh-dev",
        "aws:ResourceTag/kubernetes.io/cluster/mesh-dev": ["owned", "shared"],
    }
    free = [
        action
        for statement in statements
        for action in statement["Action"]
        if not set(own) & set(statement.get("Condition", {}).get("StringEquals", {}))
        and not action.split(":")[1].startswith(("Describe", "Get"))
    ]
    # What AWS knows no tag for: the VPC's side of a new group, the association of a web ACL, the service's own role.
    assert sorted(free) == [
        "ec2:CreateSecurityGroup",
        "elasticloadbalancing:SetWebAcl",
        "iam:CreateServiceLinkedRole",
        "wafv2:AssociateWebACL",
        "wafv2:DisassociateWebACL",
    ]
    for statement in statements:
        for key, value in statement.get("Condition", {}).get("StringEquals", {}).items():
            assert value == own.get(key, value), statement
    actions = [action for statement in statements for action in statement["Action"]]
    assert not [action for action in actions if "*" in action]


def test_the_policy_fits_into_an_inline_policy() -> None:
    policy = json.dumps(
        load_balancer_controller(region="ap-southeast-2", cluster_name="c" * 100), separators=(",", ":")
    )
    assert len(policy) <= 10240, "IAM takes 10,240 characters inline, blanks not counted"
