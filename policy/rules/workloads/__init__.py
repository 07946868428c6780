"""What a pod may be."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.workloads.bounded import bounded
from policy.rules.workloads.budgets import budgets
from policy.rules.workloads.capabilities import capabilities
from policy.rules.workloads.captured import captured
from policy.rules.workloads.confined import confined
from policy.rules.workloads.not_root import not_root
from policy.rules.workloads.not_the_nodes import not_the_nodes
from policy.rules.workloads.not_the_sidecars_user import not_the_sidecars_user
from policy.rules.workloads.own_identity import own_identity
from policy.rules.workloads.pinned_images import pinned_images
from policy.rules.workloads.pod_security import pod_security
from policy.rules.workloads.probes import probes

RULES: tuple[Rule, ...] = (
    not_root,
    capabilities,
    not_the_nodes,
    probes,
    budgets,
    own_identity,
    captured,
    not_the_sidecars_user,
    confined,
    bounded,
    pinned_images,
    pod_security,
)
