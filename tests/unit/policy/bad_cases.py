"""For each rule the plan of a stack with one thing changed: what somebody might do, and what it would mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from configuration.kinds.policy_suppressions import PolicySuppression
from configuration.mesh import revision_of
from tests.unit.policy.spoilt import TODAY, Spoilt
from versions import ISTIO

LEDGER = "payments/ledger"
BILLING = "secure-apps/billing-api"
ISTIOD = f"istiod-{revision_of(ISTIO)}"
PRIVATE = "secure-apps/192-168-77-10-32.cidr.invalid"
GATEWAY = "istio-ingress/istio-shared-gateway"
INGRESS = "istio-ingress/istio-ingressgateway"
NLB = "istio-ingress/istio-ingressgateway-nlb"
POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
ALB = "alb.ingress.kubernetes.io"
ANNOTATIONS = ("metadata", "annotations")
MESH_CONFIG = ("values", "meshConfig")
PLAINTEXT_MODE = ("spec", "trafficPolicy", "tls", "mode")


@dataclass(frozen=True, kw_only=True)
class BadCase:
    """would: what it would mean, for the test's name. subject: whom the finding names."""

    rule: str
    would: str
    subject: str
    spoil: Callable[[Spoilt], None]
    stack: str = "prod"

    @property
    def id(self) -> str:
        return f"{self.rule} {self.would}"


def suppression(**changes: Any) -> PolicySuppression:
    fields: dict[str, Any] = {
        "rule": "MR605",
        "resource": "Deployment payments/ledger",
        "reason": "It runs once until the old queue is empty.",
        "expires": TODAY + timedelta(days=30),
    }
    return PolicySuppression(**{**fields, **changes})


def case(rule: str, would: str, subject: str, spoil: Callable[[Spoilt], Any], stack: str = "prod") -> BadCase:
    return BadCase(rule=rule, would=would, subject=subject, spoil=spoil, stack=stack)


def _no_budget(plan: Spoilt) -> None:
    plan.drop("PodDisruptionBudget", LEDGER)


def _suppressed(**changes: Any) -> Callable[[Spoilt], None]:
    def spoil(plan: Spoilt) -> None:
        _no_budget(plan)
        plan.suppress(suppression(**changes))

    return spoil


def _public_image(plan: Spoilt) -> None:
    plan.put("Deployment", LEDGER, *CONTAINER, "image", "ghcr.io/example/ledger:v4.1.0")


def _waf_gone(plan: Spoilt) -> None:
    plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/wafv2-acl-arn", None)


def _balancer(plan: Spoilt, **changes: Any) -> None:
    plan.set(load_balancer=replace(plan.settings.load_balancer, **changes))


def _vpc_moved(plan: Spoilt) -> None:
    plan.keep_as_previous()
    plan.put("Vpc", "vpc", "cidrBlock", "10.41.0.0/16")


def _key_gone(plan: Spoilt) -> None:
    plan.keep_as_previous()
    plan.drop("aws:kms/key:Key", "secrets")


TRAPS = (
    case("MR101", "a namespace would get no sidecars", "Namespace payments",
         lambda plan: plan.put("Namespace", "payments", "metadata", "labels", "istio.io/rev", "canary")),
    case("MR101", "a label that wins over the revision would inject another one", "Namespace payments",
         lambda plan: plan.put("Namespace", "payments", "metadata", "labels", "istio-injection", "enabled")),
    case("MR101", "a namespace of the mesh would leave it unseen", "Namespace secure-apps",
         lambda plan: plan.put("Namespace", "secure-apps", "metadata", "labels", "istio.io/rev", None)),
    case("MR102", "gateway and injector would be of different minors", "Release istio-ingressgateway",
         lambda plan: plan.put("Release", "istio-ingressgateway", "version", "1.30.2")),
    case("MR102", "istiod would run an image that its chart is not for", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, "values", "global", "tag", "1.30.2")),
    case("MR103", "everyone behind the ALB would get a 502", "Gateway istio-ingress/istio-shared-gateway",
         lambda plan: plan.put("Gateway", GATEWAY, "spec", "servers", 0, "hosts", ["app.example.com"])),
    case("MR104", "the controller would not find a subnet", "Subnet public-eu-west-1a",
         lambda plan: plan.put("Subnet", "public-eu-west-1a", "tags",
                               {"kubernetes.io/cluster/other": "shared", "kubernetes.io/role/elb": "1"})),
    case("MR104", "a subnet would be none for load balancers", "Subnet private-eu-west-1b",
         lambda plan: plan.put("Subnet", "private-eu-west-1b", "tags", "kubernetes.io/role/internal-elb", None)),
    case("MR105", "one application would be called in plaintext", "DestinationRule payments/ledger",
         lambda plan: plan.put("DestinationRule", LEDGER, "spec", "trafficPolicy", "tls", "mode", None)),
    case("MR105", "one port would be called in plaintext", "DestinationRule payments/ledger",
         lambda plan: plan.put("DestinationRule", LEDGER, "spec", "trafficPolicy", "portLevelSettings",
                               [{"port": {"number": 8080}}])),
    case("MR106", "a node would pull past the stack's registry", "Deployment payments/ledger", _public_image),
    case("MR106", "a chart would pull its own public images", "Release cert-manager",
         lambda plan: plan.put("Release", "cert-manager", "values", "imageRegistry", None)),
    case("MR106", "Istio would come from a public registry", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, "values", "global", "hub", "docker.io/istio")),
    case("MR107", "sidecars would have a shell", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, "values", "global", "variant", "debug")),
)  # fmt: skip

SUPPRESSIONS = (
    case("MR001", "an expired suppression would stand for ever", "policySuppressions MR605 Deployment payments/ledger",
         _suppressed(expires=TODAY - timedelta(days=1))),
    case("MR002", "a suppression would outlive its reason", "policySuppressions MR605 Deployment payments/ledger",
         _suppressed(expires=TODAY + timedelta(days=4000))),
    case("MR003", "a leftover suppression would hide the next finding", "policySuppressions MR601 Deployment a/b",
         _suppressed(rule="MR601", resource="Deployment a/b")),
)  # fmt: skip

WEAKENINGS = (
    case("MR201", "a weakened setting would go unseen", "setting loadBalancer.deletionProtection",
         lambda plan: _balancer(plan, deletion_protection=False)),
)  # fmt: skip

ENCRYPTION = (
    case("MR301", "the whole mesh would take plaintext", "PeerAuthentication istio-system/default",
         lambda plan: plan.put("PeerAuthentication", None, "spec", "mtls", "mode", "PERMISSIVE")),
    case("MR301", "one port would take plaintext", "PeerAuthentication istio-system/default",
         lambda plan: plan.put("PeerAuthentication", None, "spec", "portLevelMtls", {"8080": {"mode": "DISABLE"}})),
    case("MR302", "every namespace would be permissive", f"Release {ISTIOD}",
         lambda plan: plan.drop("PeerAuthentication")),
    case("MR302", "a pod without a sidecar would be called in plaintext", f"Release {ISTIOD}",
         lambda plan: plan.drop("DestinationRule", "istio-system/mesh-mutual-tls")),
    case("MR303", "an application's requests would be readable on the wire", "DestinationRule payments/ledger",
         lambda plan: plan.put("DestinationRule", LEDGER, *PLAINTEXT_MODE, "DISABLE")),
    case("MR303", "a call in the mesh would show no identity", "DestinationRule payments/ledger",
         lambda plan: plan.put("DestinationRule", LEDGER, *PLAINTEXT_MODE, "SIMPLE")),
    case("MR303", "anybody's certificate would do for an external host",
         "DestinationRule secure-apps/rates.example.net",
         lambda plan: plan.put("DestinationRule", "secure-apps/rates.example.net", "spec", "trafficPolicy", "tls",
                               "subjectAltNames", None), "lab"),
    case("MR304", "the gateway would answer in plaintext", "Gateway istio-ingress/istio-shared-gateway",
         lambda plan: plan.put("Gateway", GATEWAY, "spec", "servers", 0, "port", "protocol", "HTTP")),
    case("MR304", "the gateway would speak TLS 1.2", "Gateway istio-ingress/istio-shared-gateway",
         lambda plan: plan.put("Gateway", GATEWAY, "spec", "servers", 0, "tls", "minProtocolVersion", "TLSV1_2")),
    case("MR305", "clients would connect with TLS 1.0", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/ssl-policy", None)),
    case("MR305", "the ALB would send requests on in plaintext", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/backend-protocol", "HTTP")),
    case("MR305", "the ALB would answer in plaintext", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/ssl-redirect", None)),
    case("MR305", "the ALB would redirect to a plaintext port", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/ssl-redirect", "80")),
    case("MR305", "a second listener would answer in plaintext", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/listen-ports", '[{"HTTP": 80, "HTTPS": 44}]')),
    case("MR306", "the NLB would end TLS", "Service istio-ingress/istio-ingressgateway-nlb",
         lambda plan: plan.put("Service", NLB, *ANNOTATIONS, "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
                               "arn:aws:acm:eu-west-1:111122223333:certificate/a")),
    case("MR306", "the NLB would lead around the WAF", "Service istio-ingress/istio-ingressgateway-nlb",
         lambda plan: plan.put("Service", NLB, "spec", "ports", 0, "targetPort", 443)),
    case("MR307", "the gateway's key would never change", "Certificate istio-ingress/istio-shared-gateway-tls",
         lambda plan: plan.put("kubernetes:cert-manager.io/v1:Certificate", None, "spec", "privateKey",
                               "rotationPolicy", "Never")),
    case("MR307", "the gateway would look for a secret that nobody writes",
         "Certificate istio-ingress/istio-shared-gateway-tls",
         lambda plan: plan.put("kubernetes:cert-manager.io/v1:Certificate", None, "spec", "secretName", "other")),
    case("MR307", "nobody would issue the gateway's certificate", "Certificate istio-ingress/istio-shared-gateway-tls",
         lambda plan: plan.drop("ClusterIssuer")),
    case("MR308", "the public certificate would not renew by itself", "Certificate certificate",
         lambda plan: plan.put("aws:acm/certificate:Certificate", None, "validationMethod", "EMAIL")),
    case("MR308", "browsers would warn of a host", "Certificate certificate",
         lambda plan: plan.put("aws:acm/certificate:Certificate", None, "subjectAlternativeNames", ["*.a.example"])),
    case("MR309", "sidecars would speak TLS 1.2", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, *MESH_CONFIG, "meshMTLS", "minProtocolVersion", "TLSV1_2")),
    case("MR309", "a call without a rule would leave in plaintext", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, *MESH_CONFIG, "enableAutoMtls", False)),
    case("MR310", "traces would leave in plaintext", "ConfigMap observability/otel-collector",
         lambda plan: plan.edit("ConfigMap", "observability/otel-collector", "data", "collector.json",
                                by=lambda text: text.replace("https://xray", "http://xray"))),
)  # fmt: skip

AUTHORIZATION = (
    case("MR401", "a new application would be open to the whole mesh", "Namespace payments",
         lambda plan: plan.drop("AuthorizationPolicy", "payments/deny-all")),
    case("MR401", "the gateway's namespace would be open", "Namespace istio-system",
         lambda plan: plan.drop("AuthorizationPolicy", "istio-system/deny-all")),
    case("MR401", "what nobody allows would be logged and let in", "Namespace payments",
         lambda plan: plan.put("AuthorizationPolicy", "payments/deny-all", "metadata", "annotations",
                               {"istio.io/dry-run": "true"})),
    case("MR402", "every identity of a namespace would be a caller", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "rules", 0, "from", 0, "source", "principals",
                               ["cluster.local/ns/secure-apps/sa/*"])),
    case("MR402", "anybody would be a caller", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "rules", 0, "from", None)),
    case("MR403", "every port of the pod would be allowed", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "rules", 0, "to", None)),
    case("MR403", "the gateway would answer for any host", "AuthorizationPolicy istio-ingress/allow-public-hosts",
         lambda plan: plan.put("AuthorizationPolicy", "istio-ingress/allow-public-hosts", "spec", "rules", 0, "to", 0,
                               "operation", "hosts", ["*"])),
    case("MR404", "a policy would protect nothing", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "selector", "matchLabels", "app", "legder")),
    case("MR404", "a budget would hold for nothing", "PodDisruptionBudget payments/ledger",
         lambda plan: plan.put("PodDisruptionBudget", LEDGER, "spec", "selector", "matchLabels", "app", "legder")),
    case("MR405", "whoever takes the name would be let in", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "rules", 0, "from", 0, "source", "principals",
                               ["cluster.local/ns/secure-apps/sa/biling-api-sa"])),
    case("MR405", "a rule would match nobody", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.put("AuthorizationPolicy", LEDGER, "spec", "rules", 0, "from", 0, "source", "principals",
                               ["prod.example/ns/secure-apps/sa/billing-api-sa"])),
    case("MR406", "a bypassed sidecar would be the only wall", "Namespace payments",
         lambda plan: plan.drop("NetworkPolicy", "payments/default-deny")),
    case("MR406", "everything would get out of a namespace", "Namespace secure-apps",
         lambda plan: plan.put("NetworkPolicy", "secure-apps/default-deny", "spec", "policyTypes", ["Ingress"])),
    case("MR407", "every address would reach a pod", "NetworkPolicy payments/ledger",
         lambda plan: plan.put("NetworkPolicy", LEDGER, "spec", "ingress", 0, "from", None)),
    case("MR407", "every namespace would reach a pod", "NetworkPolicy payments/ledger",
         lambda plan: plan.put("NetworkPolicy", LEDGER, "spec", "ingress", 0, "from", [{"namespaceSelector": {}}])),
    case("MR408", "a request without a token would pass", "RequestAuthentication secure-apps/account-ui",
         lambda plan: plan.drop("AuthorizationPolicy", "secure-apps/account-ui.authentication"), "lab"),
    case("MR408", "a request without a token would be let in", "RequestAuthentication secure-apps/account-ui",
         lambda plan: plan.put("AuthorizationPolicy", "secure-apps/account-ui.authentication", "metadata",
                               "annotations", {"istio.io/dry-run": "true"}), "lab"),
    case("MR409", "a filter would undo every policy", "EnvoyFilter istio-system/without-rbac",
         lambda plan: plan.add(("EnvoyFilter", "istio-system/gateway-limits"), "istio-system/without-rbac",
                               ("metadata", "name", "without-rbac"))),
    case("MR409", "the program's own filter would do something else", "EnvoyFilter istio-system/gateway-limits",
         lambda plan: plan.put("EnvoyFilter", "istio-system/gateway-limits", "spec", "configPatches", [])),
    case("MR410", "a policy of the API server would be asked about nothing", "ValidatingAdmissionPolicy mesh-pods",
         lambda plan: plan.drop("ValidatingAdmissionPolicyBinding", "mesh-pods")),
    case("MR410", "a tenant's pod would leave the mesh with a note", "ValidatingAdmissionPolicy mesh-pods",
         lambda plan: plan.put("ValidatingAdmissionPolicyBinding", "mesh-pods", "spec", "validationActions", ["Warn"])),
    case("MR411", "a tenant would write the policies", "ClusterRole mesh-tenant",
         lambda plan: plan.put("ClusterRole", "mesh-tenant", "rules", 0, "verbs", ["*"])),
    case("MR411", "everybody would be a tenant", "RoleBinding payments/mesh-tenant",
         lambda plan: plan.put("RoleBinding", "payments/mesh-tenant", "subjects", 0, "name", "system:authenticated")),
)  # fmt: skip

EGRESS = (
    case("MR501", "every pod would talk to the internet", f"Release {ISTIOD}",
         lambda plan: plan.put("Release", ISTIOD, *MESH_CONFIG, "outboundTrafficPolicy", "mode", "ALLOW_ANY")),
    case("MR501", "one application would talk to the internet", "Sidecar payments/ledger",
         lambda plan: plan.put("Sidecar", LEDGER, "spec", "outboundTrafficPolicy", "mode", "ALLOW_ANY")),
    case("MR502", "every name of a domain would be let out", "ServiceEntry secure-apps/api.stripe.com",
         lambda plan: plan.put("ServiceEntry", "secure-apps/api.stripe.com", "spec", "hosts", ["*.stripe.com"])),
    case("MR502", "a name would stand for any address", "ServiceEntry secure-apps/api.stripe.com",
         lambda plan: plan.put("ServiceEntry", "secure-apps/api.stripe.com", "spec", "resolution", "NONE")),
    case("MR502", "a network of the internet would be let out", f"ServiceEntry {PRIVATE}",
         lambda plan: plan.put("ServiceEntry", PRIVATE, "spec", "addresses",
                               ["203.0.113.0/24"]), stack="lab"),
    case("MR502", "every namespace would reach a declared host", "ServiceEntry secure-apps/api.stripe.com",
         lambda plan: plan.put("ServiceEntry", "secure-apps/api.stripe.com", "spec", "exportTo", None)),
    case("MR503", "credentials would leave in plaintext", "ServiceEntry secure-apps/api.stripe.com",
         lambda plan: plan.put("ServiceEntry", "secure-apps/api.stripe.com", "spec", "ports", 0, "protocol", "HTTP")),
    case("MR504", "a proxy would know the whole mesh", "Sidecar payments/ledger",
         lambda plan: plan.put("Sidecar", LEDGER, "spec", "egress", 0, "hosts", ["*/*"])),
    case("MR505", "a pod of another pipeline would know the whole mesh", "Namespace payments",
         lambda plan: plan.drop("Sidecar", "payments/default")),
    case("MR506", "a pod would reach the node's credentials", "NetworkPolicy secure-apps/billing-api",
         lambda plan: plan.edit("NetworkPolicy", BILLING, "spec", "egress", 1, "to", 0, "ipBlock", "except",
                                by=lambda blocks: [one for one in blocks if not one.startswith("169.254")])),
    case("MR506", "a pod would connect to everything", "NetworkPolicy payments/allow-platform",
         lambda plan: plan.put("NetworkPolicy", "payments/allow-platform", "spec", "egress", 0, "to", None)),
    case("MR507", "every name would be answered when the firewall is impaired", "ResolverFirewallConfig vpc",
         lambda plan: plan.put("ResolverFirewallConfig", None, "firewallFailOpen", "ENABLED")),
    case("MR507", "an unlisted name would only be written down", "ResolverFirewallRule block",
         lambda plan: plan.put("ResolverFirewallRule", "block", "action", "ALERT")),
)  # fmt: skip

WORKLOADS = (
    case("MR601", "a container would run as root", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "securityContext", "runAsUser", 0)),
    case("MR601", "an image would choose its user", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "securityContext", "runAsNonRoot", None)),
    case("MR602", "a container would rewrite the capture rules", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "securityContext", "capabilities",
                               {"drop": ["ALL"], "add": ["NET_ADMIN"]})),
    case("MR602", "a container would be the node's", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "securityContext", "privileged", True)),
    case("MR603", "a pod would stand in the node's network", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "hostNetwork", True)),
    case("MR603", "a pod would read the node's files", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "volumes", [{"name": "tmp", "hostPath": {"path": "/"}}])),
    case("MR604", "a rollout would send requests to pods that do not answer", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "readinessProbe", None)),
    case("MR605", "an upgrade of the nodes would take all pods at once", "Deployment payments/ledger", _no_budget),
    case("MR605", "an upgrade of the nodes would never end", "Deployment payments/ledger",
         lambda plan: plan.put("PodDisruptionBudget", LEDGER, "spec", "maxUnavailable", 0)),
    case("MR606", "a workload would share the rights of default", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "serviceAccountName", "default")),
    case("MR606", "a pod would hold a token of the API server", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "automountServiceAccountToken", None)),
    case("MR607", "a pod would have no sidecar", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, "spec", "template", "metadata", "labels",
                               "sidecar.istio.io/inject", "false")),
    case("MR607", "a port would be reached past the sidecar", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, "spec", "template", "metadata", "annotations",
                               "traffic.sidecar.istio.io/excludeInboundPorts", "8080")),
    case("MR608", "a container's traffic would not be captured", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "securityContext", "runAsUser", 1337)),
    case("MR609", "an attacker would have every system call", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *POD, "securityContext", "seccompProfile", None)),
    case("MR609", "an attacker could write tools into the image", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "securityContext", "readOnlyRootFilesystem", False)),
    case("MR610", "one pod's leak would take its neighbours", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "resources", "limits", None)),
    case("MR611", "each node would run another program", "Deployment payments/ledger",
         lambda plan: plan.put("Deployment", LEDGER, *CONTAINER, "image",
                               "444455556666.dkr.ecr.eu-west-1.amazonaws.com/mesh/example/ledger:latest")),
    case("MR612", "another pipeline's pods would be privileged", "Namespace payments",
         lambda plan: plan.put("Namespace", "payments", "metadata", "labels", "pod-security.kubernetes.io/enforce",
                               "privileged")),
    case("MR612", "the control plane's namespace would take any pod", "Namespace istio-system",
         lambda plan: plan.put("Namespace", "istio-system", "metadata", "labels",
                               "pod-security.kubernetes.io/enforce", None)),
)  # fmt: skip

AWS = (
    case("MR701", "the API server would be open to the internet", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "endpointPublicAccess", True)),
    case("MR701", "more networks would reach the API server than the settings name", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "publicAccessCidrs", ["0.0.0.0/0"]), "dev"),
    case("MR702", "one forged request would return the node's credentials", "LaunchTemplate nodes",
         lambda plan: plan.put("LaunchTemplate", None, "metadataOptions", "httpTokens", "optional")),
    case("MR702", "every pod would reach the node's credentials", "LaunchTemplate nodes",
         lambda plan: plan.put("LaunchTemplate", None, "metadataOptions", "httpPutResponseHopLimit", 2)),
    case("MR703", "a snapshot of a node would read like a file", "LaunchTemplate nodes",
         lambda plan: plan.put("LaunchTemplate", None, "blockDeviceMappings", 0, "ebs", "encrypted", None)),
    case("MR704", "Secrets would lie in etcd without a key of the stack's", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "encryptionConfigKeyArn", None)),
    case("MR704", "the key would never rotate", "Key secrets",
         lambda plan: plan.put("aws:kms/key:Key", None, "enableKeyRotation", False)),
    case("MR705", "everyone would reach the API server's port", "SecurityGroupIngressRule api-10.250.0.0/24",
         lambda plan: plan.put("SecurityGroupIngressRule", "api-10.250.0.0/24", "cidrIpv4", "0.0.0.0/0")),
    case("MR705", "what is in no group would be open to its neighbours", "DefaultSecurityGroup default",
         lambda plan: plan.put("DefaultSecurityGroup", None, "ingress", [{"protocol": -1, "self": True}])),
    case("MR706", "one taken pod would be a taken account", "RolePolicy otel-collector",
         lambda plan: plan.put_json("RolePolicy", "otel-collector", "policy", "Statement", 0, "Action", ["*"])),
    case("MR706", "anyone would take a role", "Role nodes",
         lambda plan: plan.put_json("Role", "nodes", "assumeRolePolicy", "Statement", 0, "Principal", {"AWS": "*"})),
    case("MR706", "nodes would administer the account", "RolePolicyAttachment vpc-cni",
         lambda plan: plan.put("RolePolicyAttachment", "vpc-cni", "policyArn",
                               "arn:aws:iam::aws:policy/AdministratorAccess")),
    case("MR707", "one call would delete production's cluster", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "deletionProtection", False)),
    case("MR707", "one call would delete production's load balancer", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.edit("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/load-balancer-attributes",
                                by=lambda text: text.replace("protection.enabled=true", "protection.enabled=false"))),
    case("MR708", "nothing would be on anybody's bill", "aws aws",
         lambda plan: plan.put_json("pulumi:providers:aws", None, "defaultTags", "tags", "cost-centre", None)),
    case("MR708", "the nodes' volumes would be on nobody's bill", "LaunchTemplate nodes",
         lambda plan: plan.put("LaunchTemplate", None, "tagSpecifications", 1, None)),
    case("MR708", "a load balancer would be on nobody's bill", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.put("Ingress", INGRESS, *ANNOTATIONS, f"{ALB}/tags", None)),
    case("MR709", "nodes would have public addresses", "Subnet private-eu-west-1a",
         lambda plan: plan.put("Subnet", "private-eu-west-1a", "mapPublicIpOnLaunch", True)),
    case("MR710", "nobody would know what was done to the API server", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "enabledClusterLogTypes", ["api"])),
    case("MR710", "an intrusion would be found after its traces", "LogGroup flow-logs",
         lambda plan: plan.put("LogGroup", "flow-logs", "retentionInDays", 7)),
    case("MR710", "only refused connections would be logged", "FlowLog flow-logs",
         lambda plan: plan.put("FlowLog", None, "trafficType", "REJECT")),
    case("MR711", "production would stand on the internet without a WAF",
         "Ingress istio-ingress/istio-ingressgateway", _waf_gone),
    case("MR712", "the aws-auth ConfigMap would let people in", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "authenticationMode", "API_AND_CONFIG_MAP")),
    case("MR712", "somebody whom no setting names would administer the cluster", "Cluster cluster",
         lambda plan: plan.put("eks:index:Cluster", None, "accessEntries", "somebody",
                               {"principalArn": "arn:aws:iam::444455556666:role/somebody", "accessPolicies": {
                                   "a": {"policyArn":
                                         "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}}})),
)  # fmt: skip

ORDER = (
    case("MR801", "the API server would know no such kind", "AuthorizationPolicy payments/ledger",
         lambda plan: plan.without_order("AuthorizationPolicy", LEDGER)),
    case("MR801", "a certificate would be submitted before its definition", "ClusterIssuer mesh-self-signed",
         lambda plan: plan.without_order("ClusterIssuer")),
    case("MR802", "a destroy would leave the ALB to nobody", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.without_order("Ingress", INGRESS)),
    case("MR802", "a destroy would take the controller's identity first", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.without_order("Release", "aws-load-balancer-controller")),
    case("MR803", "the ALB would be forgotten with the cluster", "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.option("Ingress", INGRESS, deleted_with=plan.find("eks:index:Cluster").urn)),
    case("MR803", "the controller would go before its finalizers are answered", "Release aws-load-balancer-controller",
         lambda plan: plan.option("Release", "aws-load-balancer-controller",
                                  deleted_with=plan.find("eks:index:Cluster").urn)),
    case("MR803", "a NAT gateway would cost for ever", "NatGateway nat-eu-west-1a",
         lambda plan: plan.option("NatGateway", "nat-eu-west-1a", retain_on_delete=True)),
    case("MR804", "the controller would not have the time to free its groups",
         "Ingress istio-ingress/istio-ingressgateway",
         lambda plan: plan.option("Ingress", INGRESS, custom_timeouts={})),
    case("MR805", "pods would start without a sidecar", "Deployment payments/ledger",
         lambda plan: plan.without_order("Deployment", LEDGER)),
)  # fmt: skip

STATE = (
    case("MR901", "the network would be made anew with all in it", "Vpc vpc", _vpc_moved),
    case("MR901", "the key that the Secrets need would be deleted", "Key secrets", _key_gone),
)  # fmt: skip

BAD_CASES: tuple[BadCase, ...] = (
    *SUPPRESSIONS, *TRAPS, *WEAKENINGS, *ENCRYPTION, *AUTHORIZATION, *EGRESS, *WORKLOADS, *AWS, *ORDER, *STATE,
)  # fmt: skip
