"""What stands in the account."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.aws.closed_groups import closed_groups
from policy.rules.aws.cluster_access import cluster_access
from policy.rules.aws.cluster_endpoint import cluster_endpoint
from policy.rules.aws.cost_tags import cost_tags
from policy.rules.aws.deletion_protection import deletion_protection
from policy.rules.aws.encrypted_disks import encrypted_disks
from policy.rules.aws.encrypted_secrets import encrypted_secrets
from policy.rules.aws.instance_metadata import instance_metadata
from policy.rules.aws.kept_logs import kept_logs
from policy.rules.aws.limited_rights import limited_rights
from policy.rules.aws.private_nodes import private_nodes
from policy.rules.aws.waf_in_production import waf_in_production

RULES: tuple[Rule, ...] = (
    cluster_endpoint,
    instance_metadata,
    encrypted_disks,
    encrypted_secrets,
    closed_groups,
    limited_rights,
    deletion_protection,
    cost_tags,
    private_nodes,
    kept_logs,
    waf_in_production,
    cluster_access,
)
