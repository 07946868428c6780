"""AWS resources, made in the stand-in's account; what nothing reads there is recorded with made-up outputs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.aws import made
from lab.aws.account import MAKERS, UNTAGGED, MotoAccount
from lab.engine.maker import Inputs, Made
from offline.made_up import MadeUpOutputs
from offline.registration import Registration
from offline.values import Secret, revealed

EKS_CLUSTER = "eks:index:Cluster"
CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"


class AwsResources:
    """A `Maker`, of the component `eks.Cluster` too. providers: URN -> the inputs of those registered so far.

    kubeconfig: the lab's own, which the cluster gives out
    """

    def __init__(
        self, account: MotoAccount, made_up: MadeUpOutputs, providers: Mapping[str, Inputs], kubeconfig: Path
    ) -> None:
        self._account, self._made_up = account, made_up
        self._providers, self._kubeconfig = providers, kubeconfig

    def make(self, registration: Registration, inputs: Inputs) -> Made:
        id_, outputs = self._made_up.create(registration)
        if registration.type in MAKERS and registration.type not in UNTAGGED:
            tags = {**self._default_tags(registration.provider), **(inputs.get("tags") or {})}
            inputs = {**inputs, **({"tags": tags} if tags else {})}
        found = self._account.make(
            registration.urn,
            registration.type,
            registration.name,
            inputs,
            stand_in=lambda: made.Made(id=id_, outputs=revealed(outputs)),
        )
        change = self._account.changes[registration.urn]
        if registration.type == EKS_CLUSTER:
            return Made(change=change, id="", outputs=self._cluster_outputs(found.outputs, outputs))
        return Made(change=change, id=found.id, outputs=found.outputs)

    def remove_others(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        """The account keeps its own records of what this run made."""
        self._account.finish()
        return iter(())

    def remove(self, urn: str) -> bool:
        return self._account.remove(urn)

    def caller_identity(self) -> dict[str, Any]:
        answer = self._account.aws.client("sts").get_caller_identity()
        return {
            "id": CALLER_IDENTITY, "accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]
        }  # fmt: skip

    def _cluster_outputs(self, real: Mapping[str, Any], made_up: dict[str, Any]) -> dict[str, Any]:
        """What the component gives out; the kubeconfig leads to the lab's own API server."""
        kubeconfig = yaml.safe_load(self._kubeconfig.read_text(encoding="utf-8"))
        return {
            **made_up,
            **{key: real[key] for key in real.keys() & made_up.keys()},
            "kubeconfig": Secret(kubeconfig),
            "kubeconfigJson": Secret(json.dumps(kubeconfig)),
        }

    def _default_tags(self, provider: str) -> Mapping[str, str]:
        inputs = self._providers.get(provider.rpartition("::")[0], {})
        given = inputs.get("defaultTags") or {}
        # A provider's structured inputs travel as JSON text.
        return (json.loads(given) if isinstance(given, str) else given).get("tags") or {}
