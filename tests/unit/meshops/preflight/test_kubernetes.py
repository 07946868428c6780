"""A step that EKS does not take would end an `up` half-way: said before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from meshops.checks.model import Unavailable
from meshops.preflight.aws import Kubernetes
from meshops.preflight.kubernetes import check_version
from tests.unit.meshops.preflight.preflight_stack import CLUSTER, settings_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXISTING: dict[str, Any] = {
    "cluster": {"name": "mesh-test", "existing": {"podIdentityAgent": True}},
    "network": {
        "existing": {
            "vpcId": "vpc-0123456789abcdef0",
            "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        }
    },
}


def settings(version: str, **group: Any) -> Any:
    return settings_of(cluster={**CLUSTER, "kubernetesVersion": version, "nodeGroup": group})


@pytest.mark.parametrize(
    ("running", "wanted", "status", "words"),
    [
        ("1.35", "1.35", "pass", "as the settings say"),
        ("1.35", "1.36", "pass", "from 1.35 to 1.36"),
        ("1.34", "1.36", "fail", "does not go in one step"),
        ("1.36", "1.35", "fail", "no `up` goes back"),
    ],
)
def test_eks_takes_one_minor_at_a_time_and_none_back(running: str, wanted: str, status: str, words: str) -> None:
    verdict = check_version(settings(wanted), Kubernetes(version=running), now=NOW)
    assert verdict.status == status
    assert words in verdict.finding


def test_a_skipped_minor_is_named_as_the_next_step() -> None:
    verdict = check_version(settings("1.36"), Kubernetes(version="1.34"), now=NOW)
    assert "kubernetesVersion to 1.35" in verdict.remedy


def test_an_upgrade_says_its_order_and_its_builds() -> None:
    verdict = check_version(settings("1.36"), Kubernetes(version="1.35"), now=NOW)
    assert verdict.evidence[0] == (
        "First the control plane, then kube-proxy v1.36.0-eksbuild.14, the CNI v1.22.4-eksbuild.3, the nodes zone by "
        "zone, CoreDNS v1.14.3-eksbuild.3."
    )


def test_nodes_that_nobody_renews_grow_old_in_sight() -> None:
    pinned = settings("1.35", amiRelease="1.35.6-20261101", architecture="arm64", instanceTypes=["m7g.large"])
    (line,) = check_version(pinned, None, now=NOW).evidence
    assert line.startswith("The nodes' AMI is 1.35.6-20261101, 20 days old.")
    assert "/1.35/amazon-linux-2023/arm64/standard/" in line


def test_of_somebody_elses_cluster_the_version_that_runs_is_what_istio_must_support() -> None:
    ours = settings_of(**EXISTING)
    assert check_version(ours, Kubernetes(version="1.33"), now=NOW).status == "pass"
    assert check_version(ours, Kubernetes(version="1.31"), now=NOW).status == "fail"
    assert check_version(ours, None, now=NOW).status == "fail"


def test_a_version_that_could_not_be_read_is_no_pass() -> None:
    unknown = Unavailable(reason="AccessDenied", remedy="Allow it.")
    assert check_version(settings("1.35"), unknown, now=NOW).status == "unknown"
