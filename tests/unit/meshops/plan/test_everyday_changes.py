"""What the second `up` would do: prod beside prod with one setting changed, read as `meshops plan --diff` shows it.

Two plans know what is submitted. What the providers make of it stands in `changes/replacements.py`, from their
sources; no account has confirmed it.
"""

from __future__ import annotations

import copy
import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from changes.replacements import RECORDED, STATEFUL
from configuration.settings import PROJECT
from manifests import web_acl
from meshops.plan import diff, files, plan
from offline.stack_files import read_stack

GROUP = "aws:cloudwatch/logGroup:LogGroup"
NODES = {zone: f"aws:eks/nodeGroup:NodeGroup::nodes-eu-west-1{zone}" for zone in "abc"}

Tree = dict[str, Any]


@functools.cache
def prod() -> str:
    """The stack's settings as JSON, so that each test has a copy of its own."""
    config = read_stack(plan.PROGRAM, "prod").config
    tree = {
        key.removeprefix(f"{PROJECT}:"): json.loads(value)
        if isinstance(value, str) and value.startswith(("[", "{"))
        else value
        for key, value in config.items()
    }
    return json.dumps(tree)


def changed(**settings: Any) -> Tree:
    """prod with some settings changed: `network__nat="single"` is network.nat; None takes it away."""
    tree = json.loads(prod())
    for path, value in settings.items():
        *parents, last = path.split("__")
        node = functools.reduce(lambda inner, step: inner.setdefault(step, {}), parents, tree)
        if value is None:
            node.pop(last, None)
        else:
            node[last] = copy.deepcopy(value)
    return tree


def planned(tree: Tree) -> diff.PlanFiles:
    return _planned(json.dumps(tree), web_acl._MANAGED_RULES)


@functools.cache
def _planned(text: str, _rules: tuple[str, ...]) -> diff.PlanFiles:
    config = {key if ":" in key else f"{PROJECT}:{key}": value for key, value in json.loads(text).items()}
    made = plan.make("prod", config={key: _text(value) for key, value in config.items()})
    with tempfile.TemporaryDirectory() as directory:
        files.write(Path(directory), made.run)
        return diff.read(Path(directory))


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value)


def step(old: Tree, new: Tree) -> diff.Comparison:
    return diff.compare(planned(old), planned(new))


def short(keys: Any) -> list[str]:
    """`aws:eks/nodeGroup:NodeGroup::nodes`: without the components around."""
    return [key.partition("::")[0].rpartition("$")[2] + "::" + key.partition("::")[2] for key in keys]


def replaced(comparison: diff.Comparison) -> dict[str, tuple[str, ...]]:
    return dict(zip(short(comparison.replaced), comparison.replaced.values(), strict=True))


def of_aws(keys: Any) -> list[str]:
    return sorted(key for key in short(keys) if key.startswith(("aws:", "eks:")))


def inputs_changed(comparison: diff.Comparison) -> dict[str, set[str]]:
    """Resource -> its inputs that change: not its place in the order."""
    found = {
        key: {change.path.removeprefix("inputs.") for change in changes if change.path.startswith("inputs.")}
        for key, changes in comparison.changed.items()
    }
    return dict(zip(short(found), found.values(), strict=True))


def needs(plan_files: diff.PlanFiles, key: str) -> set[str]:
    """All that a resource waits for, by name as `short` gives it."""
    by_urn_end = {short([full])[0]: entry for full, entry in plan_files.resources.items()}
    found: set[str] = set()
    waiting = [key]
    for one in waiting:  # it grows on the way
        for urn in by_urn_end[one]["depends_on"]:
            name = short([urn.split("::", 2)[2]])[0]
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def test_a_zone_more_moves_no_subnet_and_keeps_the_control_plane_and_the_nodes_of_the_others() -> None:
    birth = ["eu-west-1a", "eu-west-1b"]
    old, new = changed(network__zones=birth), changed(cluster__controlPlaneZones=birth)
    comparison = step(old, new)
    assert comparison.removed == ()
    assert {key.rpartition("::")[2] for key in of_aws(comparison.added)} == {
        "private-eu-west-1c",
        "private-eu-west-1c-default",
        "public-eu-west-1c",
        "nat-eu-west-1c",
        "nodes-eu-west-1c",
    }
    assert replaced(comparison) == {}
    assert comparison.lost == ()
    moved = inputs_changed(comparison)
    assert not moved.get("eks:index:Cluster::cluster"), (
        "EKS refuses subnets of a zone that the control plane was not born in"
    )
    sizes = {f"scalingConfig.{name}Size" for name in ("min", "desired", "max")}
    assert all(moved[NODES[zone]] <= sizes for zone in "ab"), "they hand over their share and stay"
    assert NODES["c"] in needs(planned(new), NODES["b"]), "the new nodes are there before the others hand over"


def test_a_zone_less_is_a_loss_that_stands_first() -> None:
    comparison = step(changed(), changed(network__zones=["eu-west-1a", "eu-west-1b"]))
    assert short(comparison.lost) == [
        "aws:ec2/subnet:Subnet::public-eu-west-1c",
        "aws:ec2/subnet:Subnet::private-eu-west-1c",
    ]
    text = diff.render(comparison, stack="prod").splitlines()
    assert text[2].startswith("**REMOVED: `public-eu-west-1c` (`aws:ec2/subnet:Subnet`)")


@pytest.mark.parametrize(
    ("setting", "value", "because"),
    [
        ("instanceTypes", ["m7i.2xlarge"], ("instanceTypes",)),
        ("capacity", "SPOT", ("capacityType",)),
        ("maxSize", 20, None),
        ("diskGib", 200, None),
    ],
)
def test_of_the_nodes_only_what_must_be_is_made_anew(setting: str, value: Any, because: tuple[str, ...] | None) -> None:
    comparison = step(changed(), changed(**{f"cluster__nodeGroup__{setting}": value}))
    assert (comparison.added, comparison.removed, comparison.lost) == ((), (), ())
    assert replaced(comparison) == (dict.fromkeys(NODES.values(), because) if because else {})
    assert comparison.unrecorded == ()


def test_two_zones_never_change_their_nodes_at_once() -> None:
    plan_files = planned(changed())
    assert NODES["c"] in needs(plan_files, NODES["b"])
    assert NODES["b"] in needs(plan_files, NODES["a"])
    assert set(NODES.values()) <= needs(plan_files, "aws:eks/addon:Addon::coredns")


def test_newer_amis_roll_each_group_in_place() -> None:
    comparison = step(changed(), changed(cluster__nodeGroup__amiRelease="1.35.6-20261101"))
    assert inputs_changed(comparison) == {group: {"releaseVersion"} for group in NODES.values()}
    assert (comparison.added, comparison.removed, comparison.replaced) == ((), (), {})


def test_a_newer_kubernetes_is_the_control_planes_first_then_the_add_ons_then_each_zones_and_replaces_nothing() -> None:
    new = changed(cluster__kubernetesVersion="1.36")
    comparison = step(changed(), new)
    cluster, proxy = "eks:index:Cluster::cluster", "aws:eks/addon:Addon::kube-proxy"
    assert inputs_changed(comparison) == {
        cluster: {"version"},
        proxy: {"addonVersion"},
        **{group: {"version", "releaseVersion"} for group in NODES.values()},
    }
    assert (comparison.added, comparison.removed, comparison.replaced) == ((), (), {})
    after = planned(new)
    assert cluster in needs(after, proxy), "EKS refuses an add-on that is newer than the API server"
    assert proxy in needs(after, NODES["c"])
    assert NODES["a"] in needs(after, "aws:eks/addon:Addon::coredns")


def test_an_older_kubernetes_moves_coredns_too() -> None:
    comparison = step(changed(cluster__kubernetesVersion="1.34"), changed())
    assert inputs_changed(comparison)["aws:eks/addon:Addon::coredns"] == {"addonVersion"}


def test_the_one_group_of_before_makes_way_once_the_zones_have_theirs() -> None:
    """A stack that was made when one group stood over all subnets."""
    new = planned(changed())
    (last,) = [key for key in new.resources if key.endswith(NODES["a"].partition("::")[2])]
    kept = {key: entry for key, entry in new.resources.items() if "NodeGroup::" not in key}
    old = diff.PlanFiles(resources=kept | {last.replace("nodes-eu-west-1a", "nodes"): new.resources[last]})
    comparison = diff.compare(old, new)
    # The engine removes last, after all that it makes and changes.
    assert short(comparison.removed) == ["aws:eks/nodeGroup:NodeGroup::nodes"]
    assert set(short(comparison.added)) == set(NODES.values())
    assert (comparison.lost, comparison.replaced) == ((), {}), "nodes are no state: pods move to the new ones"


def test_one_more_rule_of_the_waf_changes_the_web_acl_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = planned(changed())
    monkeypatch.setattr(web_acl, "_MANAGED_RULES", (*web_acl._MANAGED_RULES, "AWSManagedRulesSQLiRuleSet"))
    comparison = diff.compare(before, planned(changed()))
    assert of_aws(comparison.changed) == ["aws:wafv2/webAcl:WebAcl::web-acl"] == short(comparison.changed)
    assert (comparison.added, comparison.removed, comparison.replaced) == ((), (), {})


def test_another_domain_needs_another_certificate_and_touches_nothing_else_of_aws() -> None:
    moved = json.loads(prod().replace("example.com", "example.org"))
    comparison = step(changed(), moved)
    certificate = "aws:acm/certificate:Certificate::certificate"
    assert replaced(comparison)[certificate] == ("domainName", "subjectAlternativeNames")
    assert {key.partition("::")[0] for key in of_aws(comparison.replaced)} <= {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:route53/record:Record",
    }
    assert {key.partition("::")[0] for key in of_aws((*comparison.added, *comparison.removed))} == {
        "aws:route53/record:Record"
    }
    assert comparison.lost == ()


ADMIN = [{"principalArn": "arn:aws:iam::444455556666:role/deploy/mesh-prod", "policy": "ClusterAdmin"}]
TOGGLES: Mapping[str, Mapping[str, Any]] = {
    "one NAT gateway": {"network__nat": "single"},
    "no interface endpoints": {"network__interfaceEndpoints": None},
    "another retention of the flow logs": {"network__flowLogRetentionDays": 30},
    "a neighbour in the VPC": {"network__sharedWithClusters": ["other"], "network__dnsFirewall": {"wholeVpc": True}},
    "a public endpoint": {"cluster__publicAccessCidrs": ["198.51.100.0/24"]},
    "an OIDC provider": {"cluster__oidc": True},
    "fewer logs of the control plane": {"cluster__logs": ["audit"]},
    "another retention": {"cluster__logRetentionDays": 30},
    "no protection of the cluster": {"cluster__deletionProtection": False},
    "fewer people": {"cluster__access": ADMIN},
    "Kubernetes 1.36": {"cluster__kubernetesVersion": "1.36"},
    "Karpenter": {"cluster__nodeGroup__autoscaler": "karpenter"},
    "a WAF that lets uploads pass": {"loadBalancer__waf": {"oversizeBodies": "pass"}},
    "another retention of the WAF's log": {"loadBalancer__waf": {"logRetentionDays": 30}},
    "no access logs": {"loadBalancer__accessLogs": None},
    "an internal load balancer": {"loadBalancer__scheme": "internal"},
    "no protection of the load balancer": {"loadBalancer__deletionProtection": False},
    "no traces": {"observability__tracing": False},
    "all traces": {"observability__samplingPercent": 100},
    "images from their own registries": {"imageRegistry": None},
    "an authority of our own": {"certificates__issuer": "internalCa"},
    "permissive": {"mesh__peerAuthentication": "PERMISSIVE"},
    "a small istiod": {"mesh__pilot": {"minReplicas": 1, "maxReplicas": 1}},
    "another size of the gateway": {"gateway__maxReplicas": 20},
    "other tags": {"tags": {"team": "other"}},
    "no applications": {"namespaces": []},
}


@pytest.mark.parametrize("name", TOGGLES)
def test_a_setting_turned_on_or_off_loses_nothing_that_lasts(name: str) -> None:
    one, other = changed(), changed(**TOGGLES[name])
    for comparison in (step(one, other), step(other, one)):
        assert comparison.changed or comparison.added or comparison.removed, "the setting does nothing"
        assert comparison.lost == ()
        made_anew = {key.partition("::")[0] for key in short((*comparison.added,))}
        assert not made_anew & set(STATEFUL), "it would stand beside the one that is there"
        assert [type_ for type_ in of_aws(comparison.replaced) if type_.startswith(tuple(STATEFUL))] == []


LOGS_THAT_GO: Mapping[str, tuple[Mapping[str, Any], set[str]]] = {
    # Kept, each would be in the way of the next one of its name: somebody who turns a log off decides over its past.
    "the containers' logs": (
        {"observability__containerLogs": False},
        {f"containers-{name}" for name in ("application", "dataplane", "host", "performance")},
    ),
    "the DNS firewall": ({"network__dnsFirewall": None}, {"dns-queries"}),
    "the WAF": ({"loadBalancer__waf": None}, {"web-acl"}),
    "the WAF's log": ({"loadBalancer__waf": {"logs": False}}, {"web-acl"}),
}


@pytest.mark.parametrize("name", LOGS_THAT_GO)
def test_logs_that_go_with_their_setting_are_said_first(name: str) -> None:
    settings, groups = LOGS_THAT_GO[name]
    comparison = step(changed(), changed(**settings))
    assert set(short(comparison.lost)) == {f"{GROUP}::{group}" for group in groups}
    assert diff.render(comparison, stack="prod").splitlines()[2].startswith("**REMOVED: `")


def test_the_wafs_log_turned_on_would_replace_the_web_acl() -> None:
    comparison = step(changed(loadBalancer__waf={"logs": False}), changed())
    assert short(comparison.added) == [
        f"{GROUP}::web-acl",
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration::web-acl",
    ]
    assert (comparison.changed, comparison.removed, comparison.replaced, comparison.lost) == ({}, (), {}, ())


def test_a_namespace_that_leaves_by_hand_would_lose_its_names_without_a_word() -> None:
    def outside(**more: str) -> Tree:
        tree = changed()
        (payments,) = (one for one in tree["namespaces"] if one["name"] == "payments")
        payments.update(phase="outside", **more)
        return tree

    comparison = step(changed(), outside())
    assert comparison.unnamed == ("vault.example.com",)
    assert (
        diff.render(comparison, stack="prod")
        .splitlines()[2]
        .startswith("**REMOVED: the DNS record of `vault.example.com`, which the gateway goes on serving")
    )
    kept = step(changed(), outside(dnsRecords="always"))
    assert kept.unnamed == ()
    assert not [key for key in (*kept.removed, *kept.changed) if "route53" in key and key not in kept.waiting]


def test_a_host_that_nobody_serves_any_more_is_no_lost_name() -> None:
    tree = changed()
    ui = next(one for space in tree["namespaces"] for one in space["applications"] if one["name"] == "frontend-ui")
    ui["hosts"].remove("www.example.com")
    comparison = step(changed(), tree)
    assert "aws:route53/record:Record::www.example.com" in short(comparison.removed)
    assert comparison.unnamed == ()


@pytest.mark.parametrize(
    ("settings", "lost"),
    [
        ({"cluster__name": "mesh-other"}, {"eks:index:Cluster::cluster", f"{GROUP}::control-plane"}),
        ({"network__cidr": "10.41.0.0/16"}, {"aws:ec2/vpc:Vpc::vpc", "aws:ec2/subnet:Subnet::private-eu-west-1a"}),
    ],
    ids=["another cluster's name", "other addresses"],
)
def test_what_would_make_everything_anew_is_said_first_and_loud(settings: Mapping[str, Any], lost: set[str]) -> None:
    comparison = step(changed(), changed(**settings))
    assert set(short(comparison.lost)) >= lost
    text = diff.render(comparison, stack="prod")
    assert text.splitlines()[0].startswith(f"## Plan of stack `prod`: {len(comparison.replaced)} REPLACED, ")
    assert text.splitlines()[2].startswith("**REPLACED: `")
    assert text.index("REPLACED: deleted and made anew") < text.index("### Changed")


def test_every_type_that_holds_something_is_recorded() -> None:
    assert set(STATEFUL) <= set(RECORDED)
    assert all(recorded.source and recorded.properties for recorded in RECORDED.values())
