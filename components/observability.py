"""What observes the mesh on AWS: the collector's traces to X-Ray and CloudWatch, and the containers' logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.order import Order
from components.submission import submit, submit_all
from configuration.mesh import Observability as ObservabilitySettings
from configuration.network import RetentionDays
from manifests.cloudwatch_addon import cloudwatch_addon_values
from manifests.collector import collector_documents
from manifests.iam import spans_log_policy
from manifests.images import Images
from manifests.names import OBSERVABILITY
from manifests.namespace import platform_namespace
from versions import CLOUDWATCH_ADDON, CLOUDWATCH_ADDON_VERSION

# On AL2023 `host` and `dataplane` may stay empty, which costs nothing. Whatever the agent does write to, it makes
# itself where it is missing (`auto_create_group` in the chart's Fluent Bit configuration), and then without an end.
_LOG_GROUPS = ("application", "dataplane", "host", "performance")
# What the collector's pods refer to; the rest refers to them.
_BEFORE_PODS = ("ServiceAccount", "ServiceEntry", "ConfigMap")


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    settings: ObservabilitySettings
    images: Images
    region: str
    cluster_name: str
    log_retention_days: RetentionDays
    """Of the containers' logs, which are the mesh's audit trail."""
    after: Sequence[pulumi.Resource]
    """What a pod needs to run, its identity for AWS with it, and Istio's CRDs for the collector's ServiceEntry."""
    deleted_with: pulumi.Resource | None
    """The cluster, if it is ours."""


class Observability(pulumi.ComponentResource):
    ready: tuple[pulumi.Resource, ...]
    """The collector and the add-on, as far as the settings ask for them; without either what it comes after."""

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:observability:Observability", name, None, opts)
        self._args = args
        self._order = Order(self, after=args.after, deleted_with=args.deleted_with)
        tracing = self._tracing() if args.settings.tracing else ()
        logs = self._container_logs() if args.settings.container_logs else ()
        self.ready = self._order.last(*tracing, *logs) or tuple(args.after)
        self.register_outputs({})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _tracing(self) -> tuple[pulumi.Resource, ...]:
        args = self._args
        search = self._transaction_search()
        namespace = submit(platform_namespace(OBSERVABILITY), opts=self._order.after())
        documents = collector_documents(region=args.region, images=args.images)
        referred = submit_all(
            [document for document in documents if document["kind"] in _BEFORE_PODS],
            opts=self._order.after(namespace),
        )
        workload = submit_all(
            [document for document in documents if document["kind"] not in _BEFORE_PODS],
            opts=self._order.after(*referred, search),
        )
        return (*referred, *workload)

    def _transaction_search(self) -> pulumi.Resource:
        """Sends the region's spans to CloudWatch Logs, which X-Ray's OTLP endpoint requires.

        Region-wide: the other stacks of this account and region use it too, so a destroy leaves it, and the permission
        that it needs, behind. X-Ray makes the log group `aws/spans`; how long it keeps them cannot be said here, since
        nobody else may make a group whose name begins with `aws/`: `aws logs put-retention-policy` sets it.
        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
        """
        args = self._args
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self)).account_id
        permission = aws.cloudwatch.LogResourcePolicy(
            "transaction-search",
            # The same name from every stack: Logs takes ten such policies in a region.
            policy_name="TransactionSearchXRayAccess",
            policy_document=pulumi.Output.json_dumps(spans_log_policy(region=args.region, account_id=account)),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return aws.xray.TraceSegmentDestination(
            "transaction-search",
            destination="CloudWatchLogs",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission], retain_on_delete=True),
        )

    def _container_logs(self) -> tuple[pulumi.Resource, ...]:
        args = self._args
        # The agent would make these itself, without retention.
        groups = [
            aws.cloudwatch.LogGroup(
                f"containers-{group}",
                name=f"/aws/containerinsights/{args.cluster_name}/{group}",
                retention_in_days=args.log_retention_days,
                opts=self._child(),
            )
            for group in _LOG_GROUPS
        ]
        addon = aws.eks.Addon(
            CLOUDWATCH_ADDON,
            cluster_name=args.cluster_name,
            addon_name=CLOUDWATCH_ADDON,
            addon_version=CLOUDWATCH_ADDON_VERSION,
            configuration_values=json.dumps(cloudwatch_addon_values()),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self._child(*args.after, *groups),
        )
        return (addon,)
