"""The account that the program makes in the stand-in for AWS, and the records that make a second run change nothing.

What is made lives in the memory of the stand-in's process: with the process it is gone, so the records name the
process they belong to and are void for any other.
"""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from lab.aws import edge, eks, identity, network, security_groups
from lab.aws.made import Aws, Inputs, Made, Maker, tag_list
from lab.errors import LabError
from lab.files import replace

MAKERS: dict[str, Maker] = {
    **network.MAKERS,
    **security_groups.MAKERS,
    **identity.MAKERS,
    **eks.MAKERS,
    **edge.MAKERS,
}
"""Resource type -> how it is really made: each that the report, `preflight`, `verify`, the load balancer controller or
another resource reads. Every other AWS type is recorded only, and the report names it."""

# What the provider names by itself where the program does not: type -> the input that takes the name.
_NAMED: dict[str, str] = {
    "aws:ec2/securityGroup:SecurityGroup": "name",
    "aws:iam/role:Role": "name",
    "aws:iam/rolePolicy:RolePolicy": "name",
    "aws:wafv2/webAcl:WebAcl": "name",
}

UNTAGGED: frozenset[str] = frozenset(
    {
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:ec2/tag:Tag",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:route53/record:Record",
    }
)
"""The types of `MAKERS` that take no tags; every other one gets the provider's default tags."""

Change = Literal["created", "unchanged", "updated", "removed", "recorded"]


class AwsError(LabError):
    """The account refused a resource. The message is AWS's, with the type and the operation."""


class AccountOutdated(Exception):
    """The account cannot get from what it is to what the program says: it has to be made anew (`reset`)."""


@dataclass(kw_only=True)
class _Entry:
    """One resource of the account, as recorded on disk."""

    type: str
    digest: str
    inputs: dict[str, Any]
    id: str
    outputs: dict[str, Any]
    real: bool

    @property
    def made(self) -> Made:
        return Made(id=self.id, outputs=self.outputs)


class MotoAccount:
    """What the program has in the account. Makes, keeps, changes and removes; survives the process that uses it.

    path: the records; identity: of the server's process. Records of another one are void.
    emptied: whether this object has made the account anew; for who else remembers what was in it
    changes: URN -> what this run did to it.
    """

    def __init__(self, aws: Aws, path: Path, identity: str) -> None:
        self.aws = aws
        self.changes: dict[str, Change] = {}
        self.emptied = False
        self._path, self._identity = path, identity
        self._void = False
        self._entries: dict[str, _Entry] = {}
        self._load()

    def make(
        self, urn: str, type_: str, name: str, inputs: Inputs, *, stand_in: Callable[[], Made] | None = None
    ) -> Made:
        """The resource as it exists after this call. `inputs` carry the provider's default tags already.

        stand_in: the outputs of a type that the account cannot have; the default gives none.
        Raises AwsError, and AccountOutdated.
        """
        maker = MAKERS.get(type_)
        named = _named(urn, type_, name, inputs) if maker else dict(inputs)
        digest, untagged = _digest(named), _digest({**named, "tags": None})
        entry = self._entries.get(urn)
        if entry is not None and entry.type == type_ and entry.digest == digest:
            self.changes[urn] = "unchanged" if entry.real else "recorded"
            return entry.made
        if maker is None:
            made = stand_in() if stand_in else Made(id=f"{name}-recorded")
            return self._keep(urn, "recorded", type_, digest, named, made, real=False)
        if entry is None:
            return self._keep(urn, "created", type_, digest, named, self._create(type_, maker, named), real=True)
        if maker.tagged_by_ec2 and _digest({**entry.inputs, "tags": None}) == untagged:
            self._retag(entry, named)
            return self._keep(urn, "updated", type_, digest, named, entry.made, real=True)
        self._remove(urn, entry)
        return self._keep(urn, "updated", type_, digest, named, self._create(type_, maker, named), real=True)

    def host_zone(self, zone_id: str, domain: str) -> None:
        """The hosted zone that the settings name and somebody else owns. Raises AwsError."""
        _refusing("the hosted zone", lambda: edge.host_zone(self.aws, zone_id, domain))
        self._save()

    def finish(self) -> None:
        """Removes what this run's program no longer has, last made first. Raises AccountOutdated."""
        for urn in reversed([urn for urn in self._entries if urn not in self.changes]):
            entry = self._entries[urn]
            if entry.real:
                self._remove(urn, entry)
            self._entries.pop(urn, None)
            self.changes[urn] = "removed"
            self._save()

    def remove(self, urn: str) -> bool:
        """Removes one resource; False if it is not here, or if it only goes with the account (a VPC, a subnet).

        Raises AccountOutdated if something still holds on to it.
        """
        entry = self._entries.get(urn)
        if entry is None or (entry.real and MAKERS[entry.type].delete is None):
            return False
        if entry.real:
            self._remove(urn, entry)
        else:
            self._entries.pop(urn)
            self._save()
        self.changes[urn] = "removed"
        return True

    def reset(self) -> None:
        """Empties the account, and the server's memory with it."""
        request = urllib.request.Request(f"{self.aws.endpoint_url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass
        self._void, self.emptied = False, True
        self._entries.clear()
        self.changes.clear()
        self.aws.hosted_zones.clear()
        self._save()

    def types(self, change: Change) -> dict[str, int]:
        """How many resources of each type this run left in that way, sorted by type."""
        found: dict[str, int] = {}
        for urn, what in self.changes.items():
            if what == change and urn in self._entries:
                type_ = self._entries[urn].type
                found[type_] = found.get(type_, 0) + 1
        return dict(sorted(found.items()))

    def _create(self, type_: str, maker: Maker, inputs: Inputs) -> Made:
        try:
            return _refusing(type_, lambda: maker.create(self.aws, inputs))
        except AwsError:
            # Half of it may exist: the next run must not meet it.
            self._void = True
            self._save()
            raise

    def _remove(self, urn: str, entry: _Entry) -> None:
        maker = MAKERS.get(entry.type)
        if maker is None or maker.delete is None:
            raise AccountOutdated(urn)
        try:
            maker.delete(self.aws, entry.inputs, entry.made)
        except (ClientError, KeyError) as problem:  # something still holds on to it
            raise AccountOutdated(urn) from problem
        self._entries.pop(urn)
        self._save()

    def _retag(self, entry: _Entry, inputs: Inputs) -> None:
        ec2 = self.aws.client("ec2")
        before, after = entry.inputs.get("tags") or {}, inputs.get("tags") or {}
        gone = [{"Key": key} for key in before if key not in after]

        def change() -> None:
            if gone:
                ec2.delete_tags(Resources=[entry.id], Tags=gone)
            if after:
                ec2.create_tags(Resources=[entry.id], Tags=tag_list(after))

        _refusing(entry.type, change)

    def _keep(
        self, urn: str, change: Change, type_: str, digest: str, inputs: Inputs, made: Made, *, real: bool
    ) -> Made:
        outputs = {
            **made.outputs,
            **{key: inputs[key] for key in (_NAMED.get(type_),) if key and key in inputs},
        }
        if "tags" in inputs:
            outputs["tagsAll"] = inputs["tags"]
        entry = _Entry(type=type_, digest=digest, inputs=dict(inputs), id=made.id, outputs=outputs, real=real)
        self._entries[urn] = entry
        self.changes[urn] = change
        self._save()
        return entry.made

    def _load(self) -> None:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            document = {}
        if document.get("identity") == self._identity:
            self._entries = {urn: _Entry(**entry) for urn, entry in document["resources"].items()}
            self.aws.hosted_zones.update(document["hosted_zones"])
        elif document:
            # Records of another process, or of an account that was left half made: nothing of it can be relied on.
            self.reset()

    def _save(self) -> None:
        document = {
            "identity": "void" if self._void else self._identity,
            "hosted_zones": self.aws.hosted_zones,
            "resources": {urn: asdict(entry) for urn, entry in self._entries.items()},
        }
        replace(self._path, document)


def _refusing(what: str, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except ClientError as problem:
        details = problem.response.get("Error", {})
        raise AwsError(
            f"{what}: {problem.operation_name}: {details.get('Code')}: {details.get('Message')}"
        ) from problem
    except KeyError as problem:
        raise AwsError(f"{what}: the program gives no {problem}") from problem
    except (BotoCoreError, ValueError, LabError) as problem:
        raise AwsError(f"{what}: {problem}") from problem


def _named(urn: str, type_: str, name: str, inputs: Inputs) -> dict[str, Any]:
    """The inputs with the name that the provider would have made up: the logical one and a suffix that stays."""
    key = _NAMED.get(type_)
    if key is None or inputs.get(key):
        return dict(inputs)
    suffix = hashlib.sha256(urn.encode()).hexdigest()[:7]
    prefix = inputs.get(f"{key}Prefix") or f"{name}-"
    return {**inputs, key: prefix + suffix}


def _digest(inputs: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
