"""The web ACL in front of the ALB, where the stack asks for a WAF and names none of its own."""

from __future__ import annotations

import importlib.metadata

import pulumi

from manifests.web_acl import web_acl_properties

# Of the provider's plugin.
_VERSION = importlib.metadata.version("pulumi_aws")


class WebAcl(pulumi.CustomResource):
    """What `aws.wafv2.WebAcl` would send; a test holds the two together.

    Importing that class takes longer than anything else in a plan: WAF's statements nest, and the SDK has a class for
    each level of each of them.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, *, opts: pulumi.ResourceOptions) -> None:
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_VERSION), opts)
        # A property without a value is one that the engine answers.
        super().__init__("aws:wafv2/webAcl:WebAcl", name, {**web_acl_properties(name), "arn": None}, opts)
