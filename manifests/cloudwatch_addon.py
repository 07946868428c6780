"""What we set in EKS's add-on `amazon-cloudwatch-observability`."""

from __future__ import annotations

from typing import Any


def cloudwatch_addon_values() -> dict[str, Any]:
    """The add-on's configuration values: the containers' logs, and no Application Signals.

    Its default is to watch each Deployment behind a Service, for which its webhook adds an init container without a
    securityContext: the level `restricted` of our namespaces refuses each pod of them then. Two values, since each is
    the other's default only: `applicationSignals.enabled` takes the pipeline out of the agent, `monitorAllServices`
    the annotations out of the operator.
    Source: helm-charts 6.4.0, templates/_helpers.tpl (`manager.modify-auto-monitor-config`);
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Observability-EKS-addon.html
    """
    return {
        "containerLogs": {"enabled": True},
        "applicationSignals": {"enabled": False},
        "manager": {"applicationSignals": {"autoMonitor": {"monitorAllServices": False}}},
    }
