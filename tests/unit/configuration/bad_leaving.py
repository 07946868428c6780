"""Ways out of the mesh that would be wider than they look, or lead to what is nobody's to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.configuration.bad_settings import API, API_PATH, Stack, put

Bad = tuple[Callable[[Stack], None], str, str, str]

_EGRESS = f"{API_PATH}.egress[0]"
_POLICY = f"{API_PATH}.awsPolicy[0]"
_BUCKET = "arn:aws:s3:::invoices/*"


def egress(*entries: dict[str, Any]) -> Callable[[Stack], None]:
    return put(f"{API}.egress", list(entries))


def network(cidr: str, port: int = 5432) -> dict[str, Any]:
    return {"cidr": cidr, "port": port, "protocol": "TCP"}


def allows(actions: list[str], *resources: str) -> Callable[[Stack], None]:
    return put(f"{API}.awsPolicy", [{"actions": actions, "resources": list(resources)}])


def _in(cidrs: Callable[[Stack], None], layout: dict[str, Any]) -> Callable[[Stack], None]:
    def change(tree: Stack) -> None:
        put("network", layout)(tree)
        cidrs(tree)

    return change


_SUBNETS = {
    "cidr": "10.20.0.0/16",
    "subnets": [
        {"zone": "eu-west-1a", "private": "10.20.0.0/24", "public": "10.20.8.0/26"},
        {"zone": "eu-west-1b", "private": "10.20.1.0/24", "public": "10.20.9.0/26"},
    ],
}

BAD_LEAVING: dict[str, Bad] = {
    **{
        f"{what} would be reached ({cidr})": (egress(network(cidr)), f"{_EGRESS}.cidr", rule, remedy)
        for what, cidr, rule, remedy in (
            ("instance metadata", "169.254.169.254/32", "metadata", "narrow"),
            ("the node's agents", "169.254.0.0/16", "credentials", "narrow"),
            ("the pod itself", "127.0.0.1/32", "the pod itself", "narrow"),
            ("every machine of the company", "10.0.0.0/8", "wider than a /16", "narrow"),
            ("everything", "0.0.0.0/0", "wider than a /16", "narrow"),
            ("everybody at once", "224.0.0.0/24", "Multicast", "narrow"),
            ("the internet without a name", "203.0.113.0/24", "public", "`host`"),
            ("every Service of the cluster", "172.20.0.0/16", "Services", "`callers`"),
            ("one Service of the cluster", "10.100.3.7/32", "Services", "`callers`"),
            ("every pod of a zone", "10.20.0.0/24", "Subnets of the cluster's own", "last eighth"),
            ("every pod of a zone to come", "10.20.96.0/24", "Subnets of the cluster's own", "last eighth"),
            ("every pod", "10.20.0.0/16", "Subnets of the cluster's own", "last eighth"),
            ("a host, not a network", "10.50.0.1/24", "host bits", "10.50.0.0/24"),
        )
    },
    "every pod of a subnet of an address plan would be reached": (
        _in(egress(network("10.20.1.128/25")), _SUBNETS),
        f"{_EGRESS}.cidr",
        "Subnets of the cluster's own",
        "callers",
    ),
    "every pod would be reached as a private host's network": (
        egress({"host": "orders.internal.example.com", "networks": ["10.61.0.0/24", "10.20.32.0/24"]}),
        f"{_EGRESS}.networks[1]",
        "Subnets of the cluster's own",
        "callers",
    ),
    "metadata would be reached as a private host's network": (
        egress({"host": "orders.internal.example.com", "networks": ["169.254.169.254/32"]}),
        f"{_EGRESS}.networks[0]",
        "metadata",
        "narrow",
    ),
    "an egress to nowhere": (egress({"port": 443}), f"{_EGRESS}.host", "either a host", "Set one of"),
    "an egress to two places": (
        egress({"host": "db.example.com", **network("10.50.0.0/24")}),
        f"{_EGRESS}.cidr",
        "either a host",
        "Set one of",
    ),
    "a network in networks": (
        egress({**network("10.50.0.0/24"), "networks": ["10.51.0.0/24"]}),
        f"{_EGRESS}.networks",
        "where a host stands",
        "of its own",
    ),
    "TLS to addresses, which Istio would tell by a name that nobody says": (
        egress({"cidr": "10.50.0.0/24", "port": 443}),
        f"{_EGRESS}.protocol",
        "addresses have none",
        "protocol: TCP",
    ),
    "one of two networks on a port would never be used": (
        egress(network("10.50.0.0/24"), network("10.50.0.128/25")),
        f"{API_PATH}.egress[1].cidr",
        "never be used",
        "holds both",
    ),
    "one of two opaque hosts on a port would never be used": (
        egress(
            {"host": "one.example.net", "port": 5432, "protocol": "TCP"},
            {"host": "two.example.net", "port": 5432, "protocol": "TCP"},
        ),
        f"{API_PATH}.egress[1].host",
        "never be used",
        "by `cidr`",
    ),
    "every action of AWS": (allows(["*"], _BUCKET), f"{_POLICY}.actions[0]", "every action of AWS", "s3:GetObject"),
    "every action of a service on everything": (allows(["s3:*"], "*"), f"{_POLICY}.actions", "no limit", "Name"),
    "every reading action on everything": (
        allows(["s3:GetObject", "s3:List*"], _BUCKET, "*"),
        f"{_POLICY}.actions",
        "no limit",
        "Name",
    ),
    "actions on nothing": (
        put(f"{API}.awsPolicy", [{"actions": ["s3:GetObject"], "resources": []}]),
        f"{_POLICY}.resources",
        "must not be empty",
        "Add an item",
    ),
    "actions on what is not said": (
        put(f"{API}.awsPolicy", [{"actions": ["s3:GetObject"]}]),
        f"{_POLICY}.resources",
        "required",
        "Set it",
    ),
    "a bucket by its name": (
        allows(["s3:GetObject"], "invoices"),
        f"{_POLICY}.resources[0]",
        "not an ARN",
        "arn:aws:s3",
    ),
    "an ARN that a template left behind": (
        allows(["s3:GetObject"], "arn:aws:s3:::${bucket}/*"),
        f"{_POLICY}.resources[0]",
        "not an ARN",
        "arn:aws:s3",
    ),
    "a policy that IAM would refuse for its length": (
        allows(["s3:GetObject"], *(f"arn:aws:s3:::invoices-{number:04}/{'a' * 80}/*" for number in range(100))),
        f"{API_PATH}.awsPolicy",
        "10240 characters",
        "fewer",
    ),
    "a path in a variable that says it is the secret": (
        put(f"{API}.environment", {"DB_PASSWORD": {"secretsManager": "shop/db#password"}}),
        f"{API_PATH}.environment.DB_PASSWORD",
        "holds the path of a file",
        "DB_PASSWORD_FILE",
    ),
    "one secret for two files": (
        put(f"{API}.environment", {name: {"secretsManager": "shop/db"} for name in ("A_FILE", "B_FILE")}),
        f"{API_PATH}.environment.B_FILE",
        "A_FILE names the same",
        "that one",
    ),
    "a retirement without a reason": (
        put("retirement", {"until": "2026-12-01"}),
        "retirement.reason",
        "required",
        "Set it",
    ),
    "a retirement without a day": (
        put("retirement", {"until": "soon", "reason": "Its users have moved away."}),
        "retirement.until",
        "a day of the calendar",
        "2027-03-31",
    ),
    "a secret by a wildcard": (
        put(f"{API}.environment", {"DB_FILE": {"secretsManager": "shop/*"}}),
        f"{API_PATH}.environment.DB_FILE",
        "secretsManager: <name>#<key>",
        "one of the four",
    ),
    "a key that JMESPath would read otherwise": (
        put(f"{API}.environment", {"DB_FILE": {"secretsManager": "shop/db#pass-word"}}),
        f"{API_PATH}.environment.DB_FILE",
        "secretsManager: <name>#<key>",
        "one of the four",
    ),
}
