"""CEL, the language of the policies: literals, and the expressions that several policies share.

https://kubernetes.io/docs/reference/using-api/cel/ and …/access-authn-authz/validating-admission-policy/. `deployer`
stands last in every rule: only what would be refused costs a question to the authorizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

# A permission on something that does not exist: whoever may do everything has it (system:masters, EKS's ClusterAdmin
# policy, a cluster-wide binding to `cluster-admin`), and so could take the policies away as well; everybody else has
# it only by `mesh-deployer` (manifests.admission.roles). A RoleBinding, in one namespace, never gives it.
DEPLOY_GROUP, DEPLOY_RESOURCE, DEPLOY_VERB = "zero-trust-mesh", "stacks", "deploy"
_DEPLOYER = f"authorizer.group('{DEPLOY_GROUP}').resource('{DEPLOY_RESOURCE}').check('{DEPLOY_VERB}').allowed()"

# What runs in kube-system: Kubernetes' own controllers, each with its service account, and the load balancer's.
_SYSTEM = "request.userInfo.username.startsWith('system:serviceaccount:kube-system:')"

# Kubernetes makes pods, and what makes pods, from templates that were looked at when they were written.
_WORKLOAD_CONTROLLERS = (
    "^system:serviceaccount:kube-system:"
    "(deployment|replicaset|replication|statefulset|daemon-set|job|cronjob)-controller$"
)

# `istio.io/rev`, `sidecar.istio.io/inject`, `traffic.sidecar.istio.io/…`: whatever Istio reads from an object.
_ISTIO_KEY = "^([a-z0-9.-]+[.])?istio[.]io/"

Variable = tuple[str, str]

DEPLOYER: Variable = ("deployer", _DEPLOYER)
SYSTEM: Variable = ("system", _SYSTEM)
CONTROLLER: Variable = ("controller", f"request.userInfo.username.matches({json.dumps(_WORKLOAD_CONTROLLERS)})")


def literal(value: str | Iterable[str] | Mapping[str, str]) -> str:
    """Text, a list of texts, or a map from text to text. CEL's escapes are JSON's, for what names hold."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(json.dumps(item) for item in value) + "]"


def by_namespace(values: Mapping[str, str], otherwise: str) -> str:
    """Of the request's namespace. values: namespace -> expression.

    One branch each, so that what the others hold is not even built.
    """
    branches = "".join(f"request.namespace == {literal(name)} ? {value} : " for name, value in values.items())
    return f"{branches}{otherwise}"


def only(keys: str, allowed: Mapping[str, str], where: Mapping[str, tuple[str, str]] | None = None) -> str:
    """Of a map of labels or annotations: Istio's keys are these only, each with a value that matches its pattern.

    where: key -> pattern, and the expression that must hold beside it.
    """
    table = literal(allowed)
    more = "".join(
        f" || (key == {literal(key)} && {keys}[key].matches({literal(pattern)}) && {condition})"
        for key, (pattern, condition) in (where or {}).items()
    )
    return (
        f"{keys}.all(key, !key.matches({literal(_ISTIO_KEY)}) || "
        f"(key in {table} && {keys}[key].matches({table}[key])){more})"
    )


def none_of_istios(keys: str) -> str:
    return f"{keys}.all(key, !key.matches({literal(_ISTIO_KEY)}))"
