"""What is registered by its type alone is what the SDK's class of that type would register."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from components.submission import BUILT_IN, patch_namespace, release, submit
from components.web_acl import WebAcl, WebAclLog
from manifests.document import document
from offline.registration import Registration
from tests.unit.components.recording import run
from versions import Chart

MODULES: dict[str, Any] = {
    "v1": kubernetes.core.v1,
    "apps/v1": kubernetes.apps.v1,
    "autoscaling/v2": kubernetes.autoscaling.v2,
    "policy/v1": kubernetes.policy.v1,
    "networking.k8s.io/v1": kubernetes.networking.v1,
    "apiextensions.k8s.io/v1": kubernetes.apiextensions.v1,
    "rbac.authorization.k8s.io/v1": kubernetes.rbac.v1,
    "admissionregistration.k8s.io/v1": kubernetes.admissionregistration.v1,
}
_BOUND = {"roleRef": {"kind": "ClusterRole", "name": "a"}, "subjects": [{"kind": "Group", "name": "b"}]}
BESIDE_METADATA: dict[str, Any] = {
    "ConfigMap": {"data": {"a.b": "c"}},
    "Secret": {"type": "Opaque", "data": {"a.b": "Yw=="}},
    "ServiceAccount": {"automountServiceAccountToken": False},
    "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 3}},
    "CustomResourceDefinition": {"spec": {"group": "a.example"}},
    "ClusterRole": {"rules": [{"verbs": ["get"]}]},
    "ClusterRoleBinding": _BOUND,
    "RoleBinding": _BOUND,
    "ValidatingAdmissionPolicy": {"spec": {"failurePolicy": "Fail"}},
    "ValidatingAdmissionPolicyBinding": {"spec": {"policyName": "a"}},
}
CHART = Chart(repository="https://charts.example.com", name="gateway", version="1.2.3")


def registered(make: Callable[[], object], *, preview: bool) -> Registration:
    def program() -> None:
        make()

    (registration,) = run(program, preview=preview).resources
    return registration


@pytest.mark.parametrize(("api_version", "kind"), BUILT_IN, ids=lambda value: value)
def test_an_object_of_a_built_in_kind(api_version: str, kind: str, preview: bool) -> None:
    beside: dict[str, Any] = BESIDE_METADATA.get(kind, {"spec": {"minReadySeconds": 5}})
    written = document(api_version, kind, "a", namespace="shop", **beside)
    arguments = {re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", key): value for key, value in beside.items()}
    sdk = getattr(MODULES[api_version], kind)
    opts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete="20m"))
    ours = registered(lambda: submit(written, opts=opts), preview=preview)
    assert ours == registered(
        lambda: sdk("shop/a", metadata=written["metadata"], opts=opts, **arguments), preview=preview
    )
    assert ours == registered(lambda: submit(written, opts=opts, with_status=True), preview=preview)


def test_an_object_of_any_other_kind(preview: bool) -> None:
    written = document("security.istio.io/v1", "AuthorizationPolicy", "a", namespace="shop", spec={"rules": [{}]})
    opts = pulumi.ResourceOptions()

    def sdk() -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            "shop/a",
            api_version="security.istio.io/v1",
            kind="AuthorizationPolicy",
            metadata=written["metadata"],
            spec=written["spec"],
        )

    assert registered(lambda: submit(written, opts=opts), preview=preview) == registered(sdk, preview=preview)


def test_a_patch_of_a_namespace(preview: bool) -> None:
    written = document("v1", "Namespace", "shop", labels={"istio.io/rev": "stable"})
    opts = pulumi.ResourceOptions()
    assert registered(lambda: patch_namespace(written, opts=opts), preview=preview) == registered(
        lambda: kubernetes.core.v1.NamespacePatch("shop", metadata=written["metadata"]), preview=preview
    )


def test_a_release(preview: bool) -> None:
    def sdk() -> kubernetes.helm.v3.Release:
        return kubernetes.helm.v3.Release(
            "gateway",
            kubernetes.helm.v3.ReleaseArgs(
                name="gateway",
                chart=CHART.name,
                version=CHART.version,
                repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=CHART.repository),
                namespace="istio-ingress",
                values={"some_key": {"otherKey": 2}},
                atomic=True,
                cleanup_on_fail=True,
                skip_await=False,
                timeout=600,
                max_history=5,
            ),
        )

    def ours() -> pulumi.Resource:
        values = {"some_key": {"otherKey": 2}}
        return release("gateway", CHART, namespace="istio-ingress", values=values, opts=pulumi.ResourceOptions())

    assert registered(ours, preview=preview) == registered(sdk, preview=preview)


@pytest.mark.parametrize("oversize", ["block", "pass"])
def test_the_web_acl(preview: bool, oversize: Literal["block", "pass"]) -> None:
    count = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(
        name="SizeRestrictions_BODY",
        action_to_use=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs(
            count=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs()
        ),
    )

    def visible(name: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
        return aws.wafv2.WebAclRuleVisibilityConfigArgs(
            cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
        )

    def managed(name: str, priority: int) -> aws.wafv2.WebAclRuleArgs:
        return aws.wafv2.WebAclRuleArgs(
            name=name,
            priority=priority,
            override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()),
            statement=aws.wafv2.WebAclRuleStatementArgs(
                managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                    name=name,
                    vendor_name="AWS",
                    rule_action_overrides=[count] if oversize == "pass" and "Common" in name else None,
                )
            ),
            visibility_config=visible(name),
        )

    def sdk() -> aws.wafv2.WebAcl:
        limit = aws.wafv2.WebAclRuleArgs(
            name="rate-limit",
            priority=2,
            action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
            statement=aws.wafv2.WebAclRuleStatementArgs(
                rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                    aggregate_key_type="IP", limit=2000, evaluation_window_sec=300
                )
            ),
            visibility_config=visible("rate-limit"),
        )
        return aws.wafv2.WebAcl(
            "web-acl",
            scope="REGIONAL",
            default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            rules=[
                managed("AWSManagedRulesCommonRuleSet", 0),
                managed("AWSManagedRulesKnownBadInputsRuleSet", 1),
                limit,
            ],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name="web-acl", sampled_requests_enabled=True
            ),
        )

    def ours() -> pulumi.Resource:
        return WebAcl("web-acl", oversize_bodies=oversize, opts=pulumi.ResourceOptions())

    assert registered(ours, preview=preview) == registered(sdk, preview=preview)


def test_the_web_acls_log(preview: bool) -> None:
    acl, group = "arn:aws:wafv2:eu-west-1:1:regional/webacl/a/1", "arn:aws:logs:eu-west-1:1:log-group:aws-waf-logs-a"

    def sdk() -> pulumi.Resource:
        fields = [
            aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(name=name)
            )
            for name in ("authorization", "cookie")
        ]
        return aws.wafv2.WebAclLoggingConfiguration(
            "web-acl", resource_arn=acl, log_destination_configs=[group], redacted_fields=fields
        )

    def ours() -> pulumi.Resource:
        return WebAclLog("web-acl", web_acl_arn=acl, log_group_arn=group, opts=pulumi.ResourceOptions())

    assert registered(ours, preview=preview) == registered(sdk, preview=preview)
