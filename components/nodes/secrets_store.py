"""The Secrets Store CSI driver with AWS's provider, an add-on of EKS, where an application takes a secret by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from configuration.applications import Namespace
from versions import SECRETS_STORE_ADDON, SECRETS_STORE_ADDON_VERSION


@dataclass(frozen=True, kw_only=True)
class SecretsStoreArgs:
    namespaces: Sequence[Namespace]
    cluster_name: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """The cluster's nodes and DNS."""
    deleted_with: pulumi.Resource | None


class SecretsStore(pulumi.ComponentResource):
    ready: tuple[pulumi.Resource, ...]
    """What a SecretProviderClass and a pod that mounts one need; empty where no application has any."""

    def __init__(self, name: str, args: SecretsStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:secrets_store:SecretsStore", name, None, opts)
        self.ready = ()
        if any(application.managed_secrets for one in args.namespaces for application in one.applications):
            addon = aws.eks.Addon(
                SECRETS_STORE_ADDON,
                cluster_name=args.cluster_name,
                addon_name=SECRETS_STORE_ADDON,
                addon_version=SECRETS_STORE_ADDON_VERSION,
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.deleted_with),
            )
            self.ready = (addon,)
        self.register_outputs({})
