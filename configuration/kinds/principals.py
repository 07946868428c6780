"""IAM principals that an EKS access entry may name."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from configuration.problems import rejection

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: names and paths.
_PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(role|user)/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII)
_FORM = 'Write it as "arn:aws:iam::111122223333:role/platform-engineers".'


def _principal_arn(value: str) -> str:
    """https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html: one IAM role or user."""
    session = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+", value)
    if session:
        raise rejection(
            "This is a session of a role, and another one tomorrow: an access entry takes the role itself.",
            f'Write "arn:aws:iam::{session[1]}:role/{session[2]}", with the role\'s path if it has one.',
        )
    if "*" in value:
        raise rejection("An access entry names one principal: EKS knows no wildcards there.", _FORM)
    if ":group/" in value:
        raise rejection("EKS takes no IAM group: an access entry names a role or a user.", "Name a role they assume.")
    if value.startswith("arn:aws:iam::") and value.endswith(":root"):
        raise rejection("EKS takes no account's root user: an access entry names a role or a user.", _FORM)
    if not _PRINCIPAL.fullmatch(value) or "/aws-service-role/" in value:
        raise rejection("It must be the ARN of an IAM role or user, with a 12-digit account.", _FORM)
    return value


PrincipalArn = Annotated[str, AfterValidator(_principal_arn)]
