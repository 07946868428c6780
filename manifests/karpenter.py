"""Karpenter: what we set in its chart, and the nodes that it may add.

Sources: https://karpenter.sh/v1.14/concepts/nodepools/ and /nodeclasses/, and the chart of the pinned release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configuration.cluster import Cluster
from manifests.document import Document, document
from manifests.images import Images
from manifests.nodes import HOP_LIMIT, ROOT_DEVICE, node_release, node_tags

KARPENTER = "karpenter"
"""The release, its service account, and the one pool and class of nodes."""

IMAGE = "public.ecr.aws/karpenter/controller"

_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
_CAPACITIES = {"ON_DEMAND": "on-demand", "SPOT": "spot"}
# After it pods are deleted whatever their disruption budgets say: else one that never lets go keeps its node, and a
# destroy with it, for ever.
_DRAIN = "30m"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Where nodes stand and what they run as; leaves that may be Outputs."""

    subnet_ids: Sequence[Any]
    security_group_id: Any
    """The cluster's own, which the groups' nodes have."""
    instance_profile: Any
    """Its name."""


def karpenter_values(*, cluster_name: str, region: str, queue_name: Any, images: Images) -> dict[str, Any]:
    """The chart's values; queue_name may be an Output. The image's tag and digest are the chart's own.

    The chart's own affinity keeps the controller off the nodes that it makes itself.
    """
    return {
        "settings": {"clusterName": cluster_name, "interruptionQueue": queue_name},
        "serviceAccount": {"create": True, "name": KARPENTER},
        "controller": {
            "image": {"repository": images.split(IMAGE).repository},
            # Given, not asked: with a hop limit of 1 a pod does not reach the instance metadata.
            "env": [{"name": "AWS_REGION", "value": region}],
            "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        },
    }


def node_class(cluster: Cluster, launch: Launch, *, tags: Mapping[str, str]) -> Document:
    """How such a node is made: as one of the groups. tags: of the stack."""
    day = node_release(cluster).rpartition("-")[2]
    return document(
        "karpenter.k8s.aws/v1",
        "EC2NodeClass",
        KARPENTER,
        spec={
            # The groups' AMI. `latest` would replace nodes whenever AWS publishes one.
            "amiSelectorTerms": [{"alias": f"al2023@v{day}"}],
            # By id: by a tag, whoever may tag a subnet or a group of the account has nodes put there.
            "subnetSelectorTerms": [{"id": subnet_id} for subnet_id in launch.subnet_ids],
            "securityGroupSelectorTerms": [{"id": launch.security_group_id}],
            "instanceProfile": launch.instance_profile,
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpProtocolIPv6": "disabled",
                "httpTokens": "required",
                "httpPutResponseHopLimit": HOP_LIMIT,
            },
            "blockDeviceMappings": [
                {
                    "deviceName": ROOT_DEVICE,
                    "ebs": {
                        "volumeType": "gp3",
                        "volumeSize": f"{cluster.node_group.disk_gib}Gi",
                        "encrypted": True,
                        "deleteOnTermination": True,
                    },
                }
            ],
            "tags": node_tags(cluster, tags),
        },
    )


def node_pool(cluster: Cluster) -> Document:
    """How many such nodes there may be, of which kind, and when they go again."""
    group, settings = cluster.node_group, cluster.node_group.karpenter
    requirements = {
        "kubernetes.io/os": ["linux"],
        "kubernetes.io/arch": [_ARCHITECTURES[group.architecture]],
        "karpenter.sh/capacity-type": [_CAPACITIES[group.capacity]],
        "node.kubernetes.io/instance-type": list(group.instance_types),
    }
    return document(
        "karpenter.sh/v1",
        "NodePool",
        KARPENTER,
        spec={
            "template": {
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": KARPENTER},
                    "requirements": [
                        {"key": key, "operator": "In", "values": values} for key, values in requirements.items()
                    ],
                    "expireAfter": f"{settings.expire_after_hours}h",
                    "terminationGracePeriod": _DRAIN,
                }
            },
            "limits": {"cpu": str(settings.cpu_limit)},
            "disruption": {
                "consolidationPolicy": "WhenEmptyOrUnderutilized",
                "consolidateAfter": f"{settings.consolidate_after_minutes}m",
                "budgets": [{"nodes": f"{settings.disruption_percent}%"}],
            },
        },
    )
