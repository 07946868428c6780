"""The web ACL in front of the ALB and its log, where the stack asks for a WAF and names none of its own."""

from __future__ import annotations

import importlib.metadata
from typing import Any, Literal

import pulumi

from manifests.web_acl import log_properties, web_acl_properties

# Of the provider's plugin.
_VERSION = importlib.metadata.version("pulumi_aws")


class WebAcl(pulumi.CustomResource):
    """What `aws.wafv2.WebAcl` would send; a test holds the two together.

    Importing that class takes longer than anything else in a plan: WAF's statements nest, and the SDK has a class for
    each level of each of them.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, *, oversize_bodies: Literal["block", "pass"] = "block", opts: pulumi.ResourceOptions
    ) -> None:
        properties = web_acl_properties(name, oversize_bodies=oversize_bodies)
        # A property without a value is one that the engine answers.
        super().__init__("aws:wafv2/webAcl:WebAcl", name, {**properties, "arn": None}, _pinned(opts))


class WebAclLog(pulumi.CustomResource):
    """What `aws.wafv2.WebAclLoggingConfiguration` would send; a test holds the two together.

    WAF itself lets its log delivery write to the group:
    https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
    """

    def __init__(self, name: str, *, web_acl_arn: Any, log_group_arn: Any, opts: pulumi.ResourceOptions) -> None:
        properties = log_properties(web_acl_arn=web_acl_arn, log_group_arn=log_group_arn)
        kind = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
        super().__init__(kind, name, properties, _pinned(opts))


def _pinned(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_VERSION), opts)
