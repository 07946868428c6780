"""What we set in the chart of the AWS Load Balancer Controller, and its CRDs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from manifests.document import Document
from manifests.images import Images

CONTROLLER = "aws-load-balancer-controller"
"""The release, and its service account."""

_CRDS = Path(__file__).resolve().parents[1] / "schemas" / "crds" / "aws-load-balancer-controller.json"

IMAGE = "public.ecr.aws/eks/aws-load-balancer-controller"


def controller_values(*, cluster_name: str, region: str, vpc_id: Any, images: Images) -> dict[str, Any]:
    """The chart's values. vpc_id may be an Output, placed as a leaf. The image's tag is the chart's own."""
    return {
        "clusterName": cluster_name,
        # Given, not asked: with a hop limit of 1 a pod does not reach the instance metadata.
        "region": region,
        "vpcId": vpc_id,
        "replicaCount": 2,
        "image": {"repository": images.split(IMAGE).repository},
        "serviceAccount": {"create": True, "name": CONTROLLER},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "defaultTargetType": "ip",
        # It fails closed on the creation of every Service of the cluster. Ours name their loadBalancerClass.
        "enableServiceMutatorWebhook": False,
        # Otherwise each upgrade makes a new certificate for the webhooks, which fail until the pods have it.
        "keepTLSSecret": True,
        # Not used here, and so not in the controller's IAM policy either.
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": True,
    }


@cache
def controller_crds() -> tuple[Document, ...]:
    """The controller's CRDs of elbv2.k8s.aws and aga.k8s.aws.

    The chart has them in its crds/, which Helm installs once and never upgrades:
    https://helm.sh/docs/chart_best_practices/custom_resource_definitions/
    """
    return tuple(json.loads(_CRDS.read_text(encoding="utf-8"))["documents"])
