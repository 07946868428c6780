"""What an application may do in AWS: the statements of its role's policy."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from configuration.problems import rejection
from configuration.section import section

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html: <service>:<action>, with
# wildcards in the action.
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+", re.ASCII)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: no wildcard before the region.
_RESOURCE = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9*-]*:(\d{12}|\*|aws)?:[\x21-\x7e]+", re.ASCII)


def _action(value: str) -> str:
    if not _ACTION.fullmatch(value):
        raise rejection(
            "It is not an action of a service; `*` alone is every action of AWS.", 'Write it as "s3:GetObject".'
        )
    return value


def _resource(value: str) -> str:
    # IAM replaces ${…} by what a request brings; what a template leaves behind looks the same.
    if value != "*" and (not _RESOURCE.fullmatch(value) or "${" in value):
        raise rejection("It is not an ARN.", 'Write it as "arn:aws:s3:::example-bucket/invoices/*".')
    return value


AwsAction = Annotated[str, AfterValidator(_action)]
AwsResource = Annotated[str, AfterValidator(_resource)]


@section
class AwsStatement:
    """Actions, each with its service, that are allowed on resources."""

    actions: Annotated[tuple[AwsAction, ...], Field(min_length=1)]
    """E.g. `s3:GetObject`. With a wildcard they need resources by name."""
    resources: Annotated[tuple[AwsResource, ...], Field(min_length=1)]
    """ARNs; `*` for actions that know no resources, e.g. `xray:PutTraceSegments`."""

    @property
    def on_everything(self) -> bool:
        return "*" in self.resources

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Its actions that stand for more than one."""
        return tuple(action for action in self.actions if "*" in action or "?" in action)
