"""The account: load settings, wire components, export. Nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi has this directory on the path, and the rooms lie beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulumi
import pulumi_aws as aws

from bootstrap import settings as account_settings
from bootstrap.account import wire

settings = account_settings.load()
account = aws.Provider(
    "aws",
    region=settings.region,
    profile=settings.profile,
    allowed_account_ids=settings.allowed_account_ids,
    default_tags=aws.ProviderDefaultTagsArgs(tags={**settings.tags, "managed-by": "pulumi", "part": "bootstrap"}),
)
for name, value in wire(settings, pulumi.ResourceOptions(providers={"aws": account})).items():
    pulumi.export(name, value)
