"""The AWS session of a stack: its region and profile, or a stand-in's placeholder credentials."""

from __future__ import annotations

from urllib.parse import urlsplit

import boto3

from configuration.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def session_of(settings: Settings, endpoint_url: str | None) -> boto3.Session:
    """A session for the stack's region and profile.

    An endpoint on this machine is a stand-in for AWS: it gets placeholder credentials, so that real ones are neither
    looked for nor sent. Raises `botocore.exceptions.ProfileNotFound`.
    """
    if endpoint_url and urlsplit(endpoint_url).hostname in _LOOPBACK:
        return boto3.Session(
            aws_access_key_id="stand-in", aws_secret_access_key="stand-in", region_name=settings.region
        )
    return boto3.Session(profile_name=settings.profile, region_name=settings.region)
