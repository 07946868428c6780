"""The order of whole stacks: what must be there before what, and on a destroy until that is gone."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from itertools import pairwise

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.order import Order
from offline.made_up import MadeUpOutputs
from offline.run import run_program
from offline.stack_files import read_stack
from tests import ROOT
from tests.unit.components.recording import Recording, run

STACKS = ("dev", "prod", "lab")
NODES = "aws:eks/nodeGroup:NodeGroup::nodes-*"
DNS = "aws:eks/addon:Addon::coredns"
FIREWALL = "*:ResolverFirewallRuleGroupAssociation::vpc"
CONTROLLER = "*:Release::aws-load-balancer-controller"
ISTIOD, GATEWAY = "*:Release::istiod-*", "*:Release::istio-ingressgateway"
BALANCERS = ("*:Ingress::*", "*:Service::istio-ingress/istio-ingressgateway-nlb")
NAMESPACES = ("secure-apps", "payments")

# Each step comes after the one before: whatever matches it, after whatever matches that. `*` stands for any text.
CHAINS: tuple[tuple[str, ...], ...] = (
    # Nodes, their way out and their add-ons, before the first pod. On a destroy a controller that takes a load balancer
    # down still reaches AWS as it did before.
    ("aws:ec2/route*::private-*", NODES, DNS),
    ("*:SecurityGroupIngressRule::endpoints-https", "aws:ec2/vpcEndpoint:*::elasticloadbalancing", NODES),
    ("aws:ec2/vpcEndpoint:*", NODES),
    ("aws:ec2/routeTableAssociation:*::public-*", NODES),
    # The DNS firewall with all of its rules, before anybody asks for a name.
    ("aws:ec2/route*::private-*", FIREWALL, NODES),
    ("*:ResolverFirewallDomainList::allowed", "*::allow", "*::block", FIREWALL),
    ("*:ResolverFirewallConfig::vpc", NODES),
    ("aws:iam/rolePolicyAttachment:*::vpc-cni", "*:Addon::vpc-cni", NODES),
    ("eks:index:Cluster::*", "*:Addon::eks-pod-identity-agent", "*:Addon::vpc-cni"),
    ("eks:index:Cluster::*", "*:Addon::kube-proxy", NODES),
    # Istio's charts, before the first object of Istio's.
    (DNS, "*:Namespace::istio-system", "*:Release::istio-base", "*:Release::istio-cni", ISTIOD, "*.istio.io/*"),
    # Exemptions before the rule that they exempt from; clients use mutual TLS before servers insist on it.
    (
        "*:DestinationRule::istio-system/plaintext-*",
        "*:DestinationRule::istio-system/mesh-mutual-tls",
        "*:PeerAuthentication::istio-system/default",
        GATEWAY,
    ),
    # An ALLOW before the denial of all else.
    ("*:AuthorizationPolicy::istio-ingress/*", "*:AuthorizationPolicy::istio-system/deny-all", GATEWAY),
    *((f"*:{kind}::istio-system/*default", GATEWAY) for kind in ("Sidecar", "Telemetry")),
    # The gateway's certificate, before the gateway.
    (
        DNS,
        "*:Namespace::cert-manager",
        "*:Release::cert-manager",
        "*:ClusterIssuer::*",
        "*:Certificate::istio-*",
        GATEWAY,
    ),
    ("*:Namespace::istio-ingress", "*:Certificate::istio-*"),
    # A namespace of applications after all that holds for the mesh; STRICT there once its last pod has a sidecar.
    *(
        (
            before,
            f"*:Namespace::{name}",
            f"*:Sidecar::{name}/default",
            f"*:Deployment::{name}/*",
        )
        for name in NAMESPACES
        for before in (GATEWAY, "*:Gateway::*")
    ),
    ("*:Deployment::secure-apps/*", "*:PeerAuthentication::secure-apps/default"),
    # Each identity before the nodes: a pod that starts before its association has no credentials.
    ("eks:index:Cluster::*", "*:PodIdentityAssociation::*", NODES, DNS),
    (DNS, "*:Deployment::observability/otel-collector"),
    (DNS, "*:Addon::amazon-cloudwatch-observability"),
    ("aws:iam/rolePolicy:*::otel-collector", "*:PodIdentityAssociation::otel-collector"),
    ("*:TraceSegmentDestination::*", "*:Deployment::observability/otel-collector"),
    # A load balancer goes while its controller, its identity, the gateway, the nodes and the way out are there.
    *(("*:PodIdentityAssociation::load-balancer-controller", DNS, CONTROLLER, balancer) for balancer in BALANCERS),
    # Helm does not upgrade the kinds that a new controller asks for.
    (DNS, "*:CustomResourceDefinition::*", CONTROLLER),
    ("aws:iam/rolePolicy:*::load-balancer-controller", "*:PodIdentityAssociation::load-balancer-controller"),
    *((before, balancer) for balancer in BALANCERS for before in (GATEWAY, "*:Gateway::*")),
    *((before, "*:Ingress::*") for before in ("aws:wafv2/webAcl:*", "aws:acm/certificateValidation:*")),
    ("*:Ingress::*", "aws:route53/record:Record::app.*"),
)


@functools.cache
def planned(stack: str) -> Recording:
    engine = MadeUpOutputs("eu-west-1")
    ended = run_program(ROOT, stack=stack, config=read_stack(ROOT, stack).config, engine=engine)
    assert ended.error is None, ended.error
    return Recording.of(ended)


def matching(recording: Recording, pattern: str) -> list[str]:
    return [key for key in recording.keys if fnmatchcase(key, pattern)]


def steps(recording: Recording, chain: tuple[str, ...]) -> list[list[str]]:
    """Those that the stack has."""
    return [found for found in (matching(recording, pattern) for pattern in chain) if found]


@pytest.mark.parametrize("stack", STACKS)
def test_each_step_of_a_stack_comes_after_the_one_before(stack: str) -> None:
    recording = planned(stack)
    wrong = [
        f"{later} does not wait for {earlier}"
        for chain in CHAINS
        for before, after in pairwise(steps(recording, chain))
        for later in after
        for earlier in before
        if earlier not in recording.needs(later)
    ]
    assert wrong == []


def test_each_step_is_one_of_some_stack() -> None:
    steps = {pattern for chain in CHAINS for pattern in chain}
    assert {step for step in steps if not any(matching(planned(stack), step) for stack in STACKS)} == set()


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_comes_after_its_namespace(stack: str) -> None:
    recording = planned(stack)
    namespaces = {name: item.urn for name, item in recording.of_type("kubernetes:core/v1:Namespace").items()}
    inside = {
        item.urn: item.inputs.get("metadata", item.inputs).get("namespace")
        for item in recording.resources
        if item.type.startswith("kubernetes:")
    }
    wrong = [key for key, name in inside.items() if name in namespaces and namespaces[name] not in recording.needs(key)]
    assert wrong == []


@pytest.mark.parametrize("stack", STACKS)
def test_an_application_comes_with_its_rules_and_is_reached_when_its_pods_are_there(stack: str) -> None:
    recording = planned(stack)
    istio, security = "kubernetes:networking.istio.io/v1", "kubernetes:security.istio.io/v1"
    applications = [name for name in recording.of_type("kubernetes:apps/v1:Deployment") if "otel" not in name]
    assert applications
    for name in applications:
        pods = f"kubernetes:apps/v1:Deployment::{name}"
        rules = (f"{istio}:Sidecar::{name}", f"{security}:AuthorizationPolicy::{name}")
        network = f"kubernetes:networking.k8s.io/v1:NetworkPolicy::{name}"
        before = {*rules, network, f"kubernetes:core/v1:ServiceAccount::{name}-sa"}.intersection(recording.keys)
        assert before <= recording.needs(pods), name
        rule = f"{istio}:DestinationRule::{name}"
        for later in {rule, f"{istio}:VirtualService::{name}"}.intersection(recording.keys):
            assert pods in recording.needs(later), later


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_named_that_another_dependency_comes_after_anyway(stack: str) -> None:
    recording = planned(stack)
    superfluous = [
        f"{item.urn} names {earlier}"
        for item in recording.resources
        for earlier in item.depends_on
        if not any(earlier in urns for urns in item.property_dependencies.values())
        and any(earlier in recording.needs(other) for other in item.depends_on)
    ]
    assert superfluous == []


def test_the_first_come_after_the_layers_below_and_the_others_after_those_they_name(preview: bool) -> None:
    def config_map(name: str, opts: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
        return kubernetes.core.v1.ConfigMap(name, opts=opts)

    def program() -> dict[str, list[str]]:
        below, cluster, component = config_map("below"), config_map("cluster"), pulumi.ComponentResource("a:b:C", "c")
        order = Order(component, after=[below], deleted_with=cluster)
        first = config_map("first", order.after())
        beside = config_map("beside", order.after())
        then = config_map("then", order.after(first))
        return {"last": [resource._name for resource in order.last(first, beside, then)]}

    recording = run(program, preview=preview)
    of_component = {key.rpartition("::")[2]: recording[key] for key in recording.children("a:b:C::c")}
    assert {name: item.depends_on for name, item in of_component.items()} == {
        "first": ("kubernetes:core/v1:ConfigMap::below",),
        "beside": ("kubernetes:core/v1:ConfigMap::below",),
        "then": ("kubernetes:core/v1:ConfigMap::first",),
    }
    assert {item.deleted_with for item in of_component.values()} == {"kubernetes:core/v1:ConfigMap::cluster"}
    assert recording.returned == {"last": ["beside", "then"]}
