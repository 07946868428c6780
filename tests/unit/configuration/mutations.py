"""Spoils the three stacks in one place at a time, in ways that people, templates and machines do. Same each time."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import random
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from configuration.cluster import ExistingCluster
from configuration.settings import PROJECT, Settings
from offline.stack_files import read_stack
from tests import ROOT

STACKS = ("dev", "prod", "lab")

Tree = dict[str, Any]
Location = tuple[int | str, ...]

# What a person, a template or an editor puts where something else belongs, and what is valid somewhere.
_TEXTS = (
    "", " ", "a", "A", "0", "1", "-1", "1.5", "true", "null", "default", "deny-all", "istio-proxy", "kube-system",
    "istio-system", "shop", "secure-apps", "billing-api", "billing-api-sa", "secure-apps/billing-api", "a.b", "a-",
    "a--b", "a_b", "a" * 60, "a" * 61, "a" * 64, "a" * 254, "localhost", "kubernetes.default", "api.stripe.com",
    "*.example.com", "example.com", "app.example.com", "app.dev.example.com", "x.y.dev.example.com", "10.0.0.1",
    "10.0.0.0/8", "10.0.0.0/33", "0.0.0.0/0", "0.0.0.0/1", "127.0.0.0/16", "10.60.0.0/16", "10.60.0.0/21",
    "10.60.0.0/22", "100.64.0.0/16", "::/0", "/", "/*", "/a", "/a/", "/a/*", "/a/{*}/b", "/a/{**}", "/{**}/{*}",
    "/a*", "/a/../b", "//", "/proc", "/tmp", "/_", "/-", "/A", "/var/lib/app", "/caf\u00e9", "/a%20b", "*/a",
    "100m", "0m", "2", "0.5", "128m", "128", "64Mi", "256Mi", "1Gi", "1.5Gi", "1T", "100Mi", "1e3", "GET", "get",
    "POST", "CONNECT", "http", "grpc", "tcp", "TLS", "HTTPS", "HTTP", "TCP", "terminate", "passthrough", "strict",
    "permissive", "outside", "shadow", "restricted", "baseline", "privileged", "enforce", "warn", "managed", "external",
    "single", "perZone", "internal", "internet-facing", "alb", "nlb", "derived", "STRICT", "PERMISSIVE", "ON_DEMAND",
    "SPOT", "arm64", "x86_64", "selfSigned", "internalCa", "ClusterAdmin", "Admin", "Edit", "View", "AdminView",
    "m7g.large", "m7i.large", "t3.micro", "u7i-12tb.224xlarge", "eu-west-1", "eu-west-1c", "us-east-1", "mars-north-1",
    "1.34", "1.35", "1.36", "1.31.1", "1.31.2", "1.30", "v1", "ghcr.io/example/api:v1", "ghcr.io/Example/api:v1", "api",
    "api:1", "api:latest", f"api@sha256:{'ab' * 32}", "registry.example.com/mesh", "https://registry.example.com",
    "vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "Z0123456789EXAMPLE",
    "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/a/b",
    "arn:aws:sts::111122223333:assumed-role/a/b", "-a",
    "arn:aws:acm:eu-west-1:111122223333:certificate/a", "https://login.example.com", "http://login.example.com",
    "x-user", "Authorization", "user:jane", "group:system:masters", "serviceAccount:a/b", "\u00e9", "\ud800", "a\0b",
    "a\nb", "{{ x }}", "${x}", "[", "{", '{"a": 1}', "yes",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 5, 14, 30, 53, 80, 443, 1337, 8080, 15001, 15021, 65535, 65536, -1, 1.5, 1e9, 10**30, 100, 20)
# What no stack has and no type tells: settings of which several keys belong together.
_WHOLE: dict[str, list[Any]] = {
    "egress": [
        [{"cidr": cidr, "port": port, "protocol": "TCP"}, *more]
        for cidr in (
            "10.60.0.0/24",
            "10.60.0.9/32",
            "10.20.224.0/24",
            "10.20.0.0/24",
            "10.0.0.0/8",
            "169.254.169.254/32",
        )
        for port in (5432, 443)
        for more in (
            [],
            [{"cidr": "10.60.0.128/25", "port": 5432, "protocol": "TCP"}],
            [{"host": "orders.internal.example.com", "networks": ["10.61.0.0/24"]}],
            [{"host": "db.example.net", "port": 5432, "protocol": "TCP"}],
        )
    ]
    + [
        [{"host": "orders.internal.example.com", "networks": networks, "originate": originate}]
        for networks in (["10.61.0.0/24"], ["10.61.0.0/24", "10.61.0.0/24"], ["10.40.0.0/24"])
        for originate in (True, False)
    ]
    + [[{"host": f"{name}.eu-west-1.amazonaws.com"}] for name in ("sts", "logs", "1.dkr.ecr", "s3")],
    "awsPolicy": [
        [{"actions": actions, "resources": resources}]
        for actions in (["s3:GetObject"], ["s3:*"], ["*"], ["s3:Get*", "sqs:SendMessage"])
        for resources in (["arn:aws:s3:::invoices/*"], ["*"], ["invoices"], [])
    ],
    "cidr": ["10.60.0.0/24", "10.60.0.9/32", "192.168.0.0/16", "10.40.224.0/24"],
    "networks": [["10.60.0.0/24"], ["10.60.0.0/24", "10.20.0.0/24"]],
}
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], [""], [1], {"a": "b"}, {"": ""}, float("nan"))


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """stack: the one that was spoilt; how: where and by what, for a person."""

    stack: str
    how: str
    tree: Tree


def base(stack: str) -> Tree:
    """A stack's keys as structured values, each with its prefix."""
    tree: Tree = {}
    for key, value in read_stack(ROOT, stack).config.items():
        text = str(value)
        tree[key] = json.loads(text) if text[:1] in ("{", "[") else text
    return tree


def mutations(count: int, seed: int) -> Iterator[Mutation]:
    chance = random.Random(seed)
    bases = [*((stack, base(stack)) for stack in STACKS), ("prod", _with_karpenter(base("prod")))]
    places = [[*_places(tree), *_unset(tree)] for _, tree in bases]
    likely = _likely(tree for _, tree in bases)
    # A fifth of what a deep copy takes.
    wholes = [(stack, pickle.dumps(tree)) for stack, tree in bases]
    for _ in range(count):
        index = chance.randrange(len(bases))
        stack, whole = wholes[index]
        location = chance.choice(places[index])
        tree = pickle.loads(whole)
        how = _spoil(tree, location, chance, likely)
        if chance.random() < 0.15:
            how += _adopted(tree, chance)
        yield Mutation(stack=stack, how=f"{stack}: {'.'.join(map(str, location))} {how}", tree=tree)


def _adopted(tree: Tree, chance: random.Random) -> str:
    """Puts the stack into a cluster that is there before and has some of what it needs."""
    cluster = tree.get(f"{PROJECT}:cluster")
    if not isinstance(cluster, dict):
        return ""
    there = {to_camel(field.name): chance.choice((True, False)) for field in dataclasses.fields(ExistingCluster)}
    ids = [f"subnet-0000000{number}" for number in range(1, 5)]
    vpc = {"vpcId": "vpc-00000001", "privateSubnetIds": ids[:2], "publicSubnetIds": ids[2:]}
    tree[f"{PROJECT}:network"] = {"existing": vpc}
    cluster["existing"] = there
    return f", in a cluster with {', '.join(name for name, yes in there.items() if yes) or 'nothing'}"


def _with_karpenter(tree: Tree) -> Tree:
    """What no stack here says, and what stands below it, is spoilt too."""
    tree[f"{PROJECT}:cluster"]["nodeGroup"] |= {"autoscaler": "karpenter", "karpenter": {}}
    return tree


def _places(value: Any, location: Location = ()) -> Iterator[Location]:
    if location:
        yield location
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*location, key))


def _unset(tree: Tree) -> Iterator[Location]:
    """Every setting that a stack leaves at its default, beside those that it makes."""
    for field in dataclasses.fields(Settings):
        key = f"{PROJECT}:{to_camel(field.name)}"
        hints = typing.get_type_hints(Settings)
        if field.name not in ("region", "profile", "allowed_account_ids"):
            yield from _below(tree.get(key), _section(hints[field.name]), (key,))


def _below(value: Any, section: Any, location: Location) -> Iterator[Location]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, section, (*location, index))
    elif section is not None and isinstance(value, Mapping):
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            name = to_camel(field.name)
            if name not in value:
                yield (*location, name)
            yield from _below(value.get(name), _section(hints[field.name]), (*location, name))


def _likely(trees: Iterable[Tree]) -> dict[str, list[Any]]:
    """Key -> values that may be valid there: those of the stacks, and those that its type allows."""
    found: dict[str, list[Any]] = copy.deepcopy(_WHOLE)
    for tree in trees:
        for location in _places(tree):
            value: Any = tree
            for step in location:
                value = value[step]
            if isinstance(location[-1], str):
                found.setdefault(location[-1], []).append(value)
    waiting: list[Any] = [Settings]
    for section in waiting:  # it grows on the way
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            below = _section(hints[field.name])
            if below is not None and below not in waiting:
                waiting.append(below)
            found.setdefault(to_camel(field.name), []).extend(_of_type(hints[field.name]))
    return found


def _of_type(hint: Any) -> Iterator[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        yield from arguments
    elif origin is tuple:
        yield []
        yield from ([one] for one in _of_type(arguments[0]))
    elif arguments and origin is not dict:
        yield from (one for argument in arguments for one in _of_type(argument))
    elif hint in (bool, int, float):
        yield from {bool: (True, False), int: (1, 2, 3, 10, 30, 90, 8080), float: (0, 0.5, 100)}[hint]


def _section(hint: Any) -> Any:
    """The section that a type is, or is a list of; None for any other."""
    if dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in typing.get_args(hint) if (found := _section(part)) is not None), None)


def _spoil(tree: Tree, location: Location, chance: random.Random, likely: Mapping[str, list[Any]]) -> str:
    parent: Any = tree
    for step in location[:-1]:
        parent = parent[step]
    last = location[-1]
    there = isinstance(parent, list) or last in parent
    kind = chance.random()
    if kind < 0.08 and there:
        del parent[last]
        return "removed"
    if kind < 0.14 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[last]))
        return "doubled"
    if kind < 0.18 and isinstance(parent, dict) and there:
        parent[f"{last}x"] = parent.pop(last)
        return "misspelt"
    fitting = likely.get(next((step for step in reversed(location) if isinstance(step, str)), ""), [])
    if kind > 0.5 and fitting:
        parent[last] = copy.deepcopy(chance.choice(fitting))
        return f"= {parent[last]!r:.60}"
    value = copy.deepcopy(chance.choice(chance.choice((_TEXTS, _TEXTS, _NUMBERS, _OTHERS))))
    if kind < 0.45:
        value = [value]
    elif kind < 0.5:
        value = {chance.choice(("name", "host", "a")): value}
    parent[last] = value
    return f"= {value!r:.60}"
