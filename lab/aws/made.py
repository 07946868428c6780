"""The types of this room: the stand-in's clients, a resource that was made there, and how a type of them is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

Inputs = Mapping[str, Any]
"""A resource's inputs, camelCase as Pulumi sends them, secrets revealed, `tags` with the provider's default tags."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One resource as it exists in the account: its physical id, and what Pulumi would call its outputs."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Aws:
    """The stand-in for AWS: one account in one region behind one endpoint on this machine.

    pods: the range of the pods' addresses, which the node's interface has
    hosted_zones: zone id of the settings -> the id that the stand-in, which picks ids by itself, gave it.
    """

    endpoint_url: str
    region: str
    pods: str = "10.0.0.0/18"
    hosted_zones: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _session(self) -> boto3.Session:
        # Placeholders: whatever the user has is neither looked for nor sent.
        return boto3.Session(aws_access_key_id="stand-in", aws_secret_access_key="stand-in", region_name=self.region)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:  # boto3 makes its clients at run time; they have no static type
        if service not in self._clients:
            config = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 2})
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint_url, config=config)
        return self._clients[service]

    @cached_property
    def account_id(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        return f"arn:aws:{service}:{self.region if regional else ''}:{self.account_id}:{resource}"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How one resource type is made in the account and taken out of it.

    delete: None if it cannot go while the account stays; the account is then made anew.
    tagged_by_ec2: its id is an EC2 resource's, so that a change of tags alone is made in place.
    """

    create: Callable[[Aws, Inputs], Made]
    delete: Callable[[Aws, Inputs, Made], None] | None = None
    tagged_by_ec2: bool = False


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that have a value: boto3 refuses None."""
    return {key: value for key, value in arguments.items() if value is not None}
