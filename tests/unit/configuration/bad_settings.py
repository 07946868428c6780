"""A small valid stack, and every way to spoil it that the settings must refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from versions import ISTIO

Stack = dict[str, Any]

ADMIN = {"principalArn": "arn:aws:iam::111122223333:role/deploy", "policy": "ClusterAdmin"}


def stack() -> Stack:
    """A small valid stack, as a stack file spells it."""
    return {
        "environment": "test",
        "network": {"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]},
        "cluster": {"name": "mesh-test", "privateAccessCidrs": ["10.250.0.0/24"], "access": [{**ADMIN}]},
        "loadBalancer": {
            "domain": "test.example.com",
            "hostedZoneId": "Z0123456789",
            "allowedCidrs": ["10.0.0.0/8"],
        },
        "namespaces": [
            {
                "name": "shop",
                "phase": "strict",
                "applications": [
                    {
                        "name": "api",
                        "image": "registry.example.com/api:1",
                        "port": 3000,
                        "callers": [{"application": "ui", "methods": ["GET"], "paths": ["/data"]}],
                        "egress": [{"host": "api.stripe.com"}],
                    },
                    {
                        "name": "ui",
                        "image": "registry.example.com/ui:1",
                        "port": 8080,
                        "hosts": ["ui.test.example.com"],
                    },
                ],
            },
            {"name": "legacy", "phase": "permissive", "applications": []},
        ],
    }


SUPPRESSED = {
    "rule": "MR605",
    "resource": "Deployment shop/cart",
    "reason": "It runs once until the old queue is empty.",
    "expires": "2027-03-31",
}


def put(path: str, value: Any) -> Callable[[Stack], None]:
    """A change of one setting: `put("network.zones.0", "x")`."""

    def change(tree: Stack) -> None:
        *parents, last = path.split(".")
        node: Any = tree
        for step in parents:
            node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
        if isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value

    return change


API = "namespaces.0.applications.0"
UI = "namespaces.0.applications.1"
API_PATH = "namespaces[shop].applications[api]"
UI_PATH = "namespaces[shop].applications[ui]"

# name: (change, path of the problem, what the rule says, what the remedy says)
BAD: dict[str, tuple[Callable[[Stack], None], str, str, str]] = {
    "host bits in a CIDR": (put("network.cidr", "10.20.0.1/16"), "network.cidr", "host bits", '"10.20.0.0/16"'),
    "a CIDR that is none": (put("network.cidr", "ten"), "network.cidr", "CIDR form", "10.20.0.0/16"),
    "a CIDR too small": (put("network.cidr", "10.20.0.0/22"), "network.cidr", "/21", "range of that size"),
    "a CIDR too large": (put("network.cidr", "10.0.0.0/8"), "network.cidr", "/16", "range of that size"),
    "a public CIDR": (put("network.cidr", "8.8.0.0/16"), "network.cidr", "public addresses", "RFC 1918"),
    **{
        f"a VPC of {what} addresses": (put("network.cidr", cidr), "network.cidr", "reserved ones", "RFC 1918")
        for what, cidr in (
            ("loopback", "127.0.0.0/16"),
            ("link-local", "169.254.0.0/16"),
            ("unspecified", "0.0.0.0/16"),
            ("class E", "240.0.0.0/16"),
            ("multicast", "224.0.0.0/16"),
            ("benchmarking", "198.18.0.0/16"),
        )
    },
    "no CIDR": (put("network.cidr", None), "network.cidr", "address range", "existing"),
    "one zone": (put("network.zones", ["eu-west-1a"]), "network.zones", "two to four zones", "two to four"),
    "five zones": (
        put("network.zones", [f"eu-west-1{letter}" for letter in "abcde"]),
        "network.zones",
        "two to four zones",
        "two to four",
    ),
    "a zone of another region": (
        put("network.zones.1", "us-east-1a"),
        "network.zones[1]",
        "region eu-west-1",
        "eu-west-1a",
    ),
    "a zone twice": (
        put("network.zones", ["eu-west-1a", "eu-west-1b", "eu-west-1b"]),
        "network.zones",
        "named twice",
        "once",
    ),
    "zones and subnets together": (
        put("network.subnets", [{"zone": "eu-west-1a", "private": "10.20.0.0/20", "public": "10.20.16.0/24"}]),
        "network.subnets",
        "given twice",
        "Keep one",
    ),
    "an existing cluster of which nothing else is said": (
        put("cluster.existing", True),
        "cluster.existing",
        "must be said",
        "which is what true meant",
    ),
    "an existing cluster in a network of our own": (
        put("cluster.existing", {"certManager": True}),
        "cluster.existing",
        "lives in an existing VPC",
        "network.existing",
    ),
    "an existing VPC and a CIDR": (
        put(
            "network.existing",
            {"vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-01234567"]},
        ),
        "network.existing",
        "cidr, zones",
        "Remove",
    ),
    "a DNS firewall on a VPC of several clusters": (
        lambda tree: tree["network"].update(sharedWithClusters=["other"], dnsFirewall={}),
        "network.dnsFirewall.wholeVpc",
        "other would resolve nothing but these names",
        "set wholeVpc to true",
    ),
    "a DNS firewall on somebody else's VPC": (
        put(
            "network",
            {
                "existing": {
                    "vpcId": "vpc-0123456789abcdef0",
                    "privateSubnetIds": ["subnet-00000001", "subnet-00000002"],
                    "publicSubnetIds": ["subnet-00000003", "subnet-00000004"],
                },
                "dnsFirewall": {},
            },
        ),
        "network.dnsFirewall.wholeVpc",
        "every client of the VPC",
        "allowedNames",
    ),
    "a name that allows everything": (
        put("network.dnsFirewall", {"allowedNames": ["*"]}),
        "network.dnsFirewall.allowedNames[0]",
        "top-level domain",
        "*.example.com",
    ),
    "a name that allows a top-level domain": (
        put("network.dnsFirewall", {"allowedNames": ["*.com"]}),
        "network.dnsFirewall.allowedNames[0]",
        "top-level domain",
        "*.example.com",
    ),
    "an allowed name with an asterisk inside": (
        put("network.dnsFirewall", {"allowedNames": ["a.*.example.com"]}),
        "network.dnsFirewall.allowedNames[0]",
        "whole first label",
        "*.example.com",
    ),
    "an allowed name with a scheme": (
        put("network.dnsFirewall", {"allowedNames": ["https://example.com"]}),
        "network.dnsFirewall.allowedNames[0]",
        "fully qualified DNS name",
        "without scheme",
    ),
    "more names than Route 53 takes": (
        put("network.dnsFirewall", {"allowedNames": [f"h{number}.example.com" for number in range(900)]}),
        "network.dnsFirewall",
        "1,000 names",
        "fewer hosts",
    ),
    "an unknown key": (put("network.zone", "a"), "network.zone", "No setting has this name", "spelling"),
    "an unknown section": (put("netwrok", {"cidr": "10.0.0.0/16"}), "netwrok", "No setting has this name", "spelling"),
    "a wrong type": (put("cluster.oidc", "perhaps"), "cluster.oidc", "true or false", "docs/settings.md"),
    "an unknown NAT mode": (put("network.nat", "none"), "network.nat", "'single' or 'perZone'", "Choose"),
    "a retention CloudWatch lacks": (
        put("network.flowLogRetentionDays", 15),
        "network.flowLogRetentionDays",
        "fixed choice",
        "14, 30",
    ),
    "a cluster name too long": (put("cluster.name", "c" * 101), "cluster.name", "1 to 100 characters", "101"),
    "a malformed cluster name": (put("cluster.name", "-mesh"), "cluster.name", "beginning with a letter", "form"),
    "an unsupported Kubernetes": (
        put("cluster.kubernetesVersion", "1.31"),
        "cluster.kubernetesVersion",
        "Istio 1.31 supports Kubernetes 1.32 to 1.36",
        "1.35",
    ),
    "an unquoted Kubernetes": (
        put("cluster.kubernetesVersion", 1.3),
        "cluster.kubernetesVersion",
        "unquoted",
        "quotes",
    ),
    "an Istio this program does not know": (put("mesh.istioVersion", "1.24.3"), "mesh.istioVersion", "1.31", "Choose"),
    "a patch of Istio that nobody publishes": (
        put("mesh.istioVersion", "1.31.01"),
        "mesh.istioVersion",
        "1.31",
        "Choose",
    ),
    "two control planes of one revision": (
        put("mesh.secondIstioVersion", ISTIO),
        "mesh.secondIstioVersion",
        "cannot be two of one name",
        "Name the version",
    ),
    "a second Istio this program does not know": (
        put("mesh.secondIstioVersion", "1.32.0"),
        "mesh.secondIstioVersion",
        "installs Istio 1.31",
        "Choose",
    ),
    "a namespace on a control plane that is gone": (
        put("namespaces.0.istioVersion", "1.31.0"),
        "namespaces[shop].istioVersion",
        f"only {ISTIO}: its pods would start without a sidecar",
        "mesh.secondIstioVersion",
    ),
    "a gateway on a control plane that is gone": (
        put("gateway.istioVersion", "1.31.0"),
        "gateway.istioVersion",
        "No control plane of this version is installed",
        "Remove it",
    ),
    "an open API endpoint": (
        put("cluster.publicAccessCidrs", ["0.0.0.0/0"]),
        "cluster.publicAccessCidrs[0]",
        "open to everyone",
        "private endpoint",
    ),
    "an endpoint that admits nobody": (
        put("cluster.privateAccessCidrs", []),
        "cluster.privateAccessCidrs",
        "times out",
        "publicAccessCidrs",
    ),
    "a private endpoint for a public address": (
        put("cluster.privateAccessCidrs", ["8.8.8.0/24"]),
        "cluster.privateAccessCidrs[0]",
        "public address",
        "under publicAccessCidrs",
    ),
    "a cluster that nobody administers": (
        put("cluster.access", []),
        "cluster.access",
        "first Kubernetes object",
        "principal that runs `up`",
    ),
    "one access given twice": (
        put("cluster.access", [ADMIN, ADMIN]),
        "cluster.access[1]",
        "has ClusterAdmin already",
        "Merge",
    ),
    **{
        f"a principal that is {what}": (
            put("cluster.access", [ADMIN, {"principalArn": arn, "policy": "AdminView"}]),
            "cluster.access[1].principalArn",
            rule,
            remedy,
        )
        for what, arn, rule, remedy in (
            (
                "a session",
                "arn:aws:sts::111122223333:assumed-role/admins/jane",
                "a session of a role",
                "arn:aws:iam::111122223333:role/admins",
            ),
            ("a wildcard", "arn:aws:iam::111122223333:role/*", "no wildcards", "arn:aws:iam::"),
            ("a group", "arn:aws:iam::111122223333:group/admins", "no IAM group", "a role they assume"),
            ("the root user", "arn:aws:iam::111122223333:root", "root user", "arn:aws:iam::"),
            ("a bucket", "arn:aws:s3:::bucket", "an IAM role or user", "arn:aws:iam::"),
            ("AWS's own policy", "arn:aws:iam::aws:policy/AdministratorAccess", "an IAM role or user", "arn:aws:iam::"),
            (
                "a service's own role",
                "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
                "an IAM role or user",
                "arn:aws:iam::",
            ),
            ("an account too short", "arn:aws:iam::1111:role/a", "12-digit", "arn:aws:iam::"),
        )
    },
    "min above desired": (
        put("cluster.nodeGroup", {"minSize": 4, "desiredSize": 3, "maxSize": 6}),
        "cluster.nodeGroup.minSize",
        "above desiredSize (3)",
        "minSize <= desiredSize",
    ),
    "desired above max": (
        put("cluster.nodeGroup", {"minSize": 1, "desiredSize": 9, "maxSize": 6}),
        "cluster.nodeGroup.desiredSize",
        "above maxSize (6)",
        "desiredSize <= maxSize",
    ),
    "an instance type of another architecture": (
        put("cluster.nodeGroup", {"instanceTypes": ["m7g.large"]}),
        "cluster.nodeGroup.instanceTypes[0]",
        "not x86_64",
        "architecture",
    ),
    "istiod's minimum above its maximum": (
        put("mesh.pilot", {"minReplicas": 6, "maxReplicas": 5}),
        "mesh.pilot.minReplicas",
        "above maxReplicas",
        "minReplicas to 5",
    ),
    "one gateway replica": (put("gateway.minReplicas", 1), "gateway.minReplicas", "from 2 to 100", "range"),
    "a certificate renewed without end": (
        put("certificates", {"durationHours": 24, "renewBeforeHours": 24}),
        "certificates.renewBeforeHours",
        "without end",
        "Renew later",
    ),
    "a certificate of another region": (
        put("loadBalancer.certificateArn", "arn:aws:acm:us-east-1:111122223333:certificate/x"),
        "loadBalancer.certificateArn",
        "its own region, eu-west-1",
        "arn:aws:acm:eu-west-1:",
    ),
    "no certificate at all": (
        put("loadBalancer.hostedZoneId", None),
        "loadBalancer.certificateArn",
        "needs an ACM certificate",
        "hostedZoneId",
    ),
    "an unknown ssl policy": (
        put("loadBalancer.sslPolicy", "ELBSecurityPolicy-2016-08"),
        "loadBalancer.sslPolicy",
        "begin at TLS 1.3",
        "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    ),
    "nobody said who may connect": (
        put("loadBalancer.allowedCidrs", []),
        "loadBalancer.allowedCidrs",
        "Who may connect",
        "0.0.0.0/0",
    ),
    "a reserved tag": (put("tags", {"aws:team": "x"}), "tags.aws:team", "aws:", "Rename"),
    "a registry with a scheme": (put("imageRegistry", "https://r.example.com"), "imageRegistry", "scheme", "Write"),
    "a mesh held STRICT too early": (
        put("mesh.peerAuthentication", "STRICT"),
        "mesh.peerAuthentication",
        "legacy",
        "derived",
    ),
    "a reserved namespace": (
        put("namespaces.1.name", "kube-system"),
        "namespaces[kube-system].name",
        "belongs to Kubernetes",
        "of their own",
    ),
    "istio's namespace": (
        put("namespaces.1.name", "istio-system"),
        "namespaces[istio-system].name",
        "belongs to Kubernetes or to the platform",
        "of their own",
    ),
    "two namespaces of one name": (
        put("namespaces.1.name", "shop"),
        "namespaces[shop].name",
        "Two namespaces",
        "rename one",
    ),
    "no phase": (
        lambda tree: tree["namespaces"][1].pop("phase"),
        "namespaces[legacy].phase",
        "required",
        "Set it",
    ),
    "two applications of one name": (
        lambda tree: tree["namespaces"][0]["applications"].append(
            {"name": "ui", "image": "ui:2", "serviceAccount": "x"}
        ),
        f"{UI_PATH}.name",
        "Two applications",
        "Rename one",
    ),
    "one service account for two": (
        put(f"{UI}.serviceAccount", "api-sa"),
        f"{UI_PATH}.serviceAccount",
        "api runs under this service account",
        "of its own",
    ),
    "one host for two": (
        put(f"{API}.hosts", ["ui.test.example.com"]),
        f"{UI_PATH}.hosts[0]",
        "shop/api claims this host",
        "own host",
    ),
    "a host outside the certificate": (
        put(f"{UI}.hosts", ["ui.other.example.com"]),
        f"{UI_PATH}.hosts[0]",
        "covers test.example.com and *.test.example.com",
        "ui.test.example.com",
    ),
    "a host two labels deep": (
        put(f"{UI}.hosts", ["a.b.test.example.com"]),
        f"{UI_PATH}.hosts[0]",
        "one label deep",
        "a.test.example.com",
    ),
    "a caller that does not exist": (
        put(f"{API}.callers.0.application", "nobody"),
        f"{API_PATH}.callers[0].application",
        "No application of this stack has this name",
        "namespace/application",
    ),
    "a method in lower case": (
        put(f"{API}.callers.0.methods", ["get"]),
        f"{API_PATH}.callers[0].methods[0]",
        "matches nothing",
        "GET",
    ),
    "a path without a slash": (
        put(f"{API}.callers.0.paths", ["api/data"]),
        f"{API_PATH}.callers[0].paths[0]",
        "begins with '/'",
        '"/api/data"',
    ),
    "a star inside a path": (
        put(f"{API}.callers.0.paths", ["/api/*/data"]),
        f"{API_PATH}.callers[0].paths[0]",
        "only at the end",
        "/api/{*}/data",
    ),
    "a path with a query": (
        put(f"{API}.callers.0.paths", ["/api?x=1"]),
        f"{API_PATH}.callers[0].paths[0]",
        "query",
        "Leave that part out",
    ),
    "a path that is normalised away": (
        put(f"{API}.callers.0.paths", ["/api/../data"]),
        f"{API_PATH}.callers[0].paths[0]",
        "normalises",
        "normal form",
    ),
    "an empty list of methods": (
        put(f"{API}.callers.0.methods", []),
        f"{API_PATH}.callers[0].methods",
        "must not be empty",
        "Add an item",
    ),
    "methods for an opaque protocol": (
        put(f"{API}.protocol", "tcp"),
        f"{API_PATH}.callers[0]",
        "never matches",
        "Leave methods and paths out",
    ),
    "a wildcard egress host": (
        put(f"{API}.egress.0.host", "*.stripe.com"),
        f"{API_PATH}.egress[0].host",
        "wildcard",
        "in full",
    ),
    "egress to an IP": (put(f"{API}.egress.0.host", "1.2.3.4"), f"{API_PATH}.egress[0].host", "IP address", "DNS name"),
    "egress into the cluster": (
        put(f"{API}.egress.0.host", "ui.shop.svc.cluster.local"),
        f"{API_PATH}.egress[0].host",
        "not external",
        "callers",
    ),
    "egress declared in two ways": (
        put(f"{UI}.egress", [{"host": "api.stripe.com", "protocol": "TCP"}]),
        f"{UI_PATH}.egress[0].protocol",
        "would conflict",
        "one protocol",
    ),
    "a sidecar's port": (put(f"{API}.port", 15021), f"{API_PATH}.port", "sidecar", "another port"),
    "a port out of range": (put(f"{API}.port", 70000), f"{API_PATH}.port", "1 to 65535", "listens"),
    "a called application without a port": (
        lambda tree: tree["namespaces"][0]["applications"][0].pop("port"),
        f"{API_PATH}.port",
        "needs a port",
        "Set the port",
    ),
    "a deployer without its kind": (
        put("admission.deployers", ["ci"]),
        "admission.deployers[0]",
        "one identity",
        '"user:<name>"',
    ),
    "a service account without its namespace": (
        put("admission.podMakers", ["serviceAccount:argo"]),
        "admission.podMakers[0]",
        "its namespace and its name",
        "serviceAccount:",
    ),
    "everybody as a deployer": (
        put("admission.deployers", ["group:system:authenticated"]),
        "admission.deployers[0]",
        "no policy would hold",
        "the one identity",
    ),
    "the service accounts of a namespace as deployers": (
        put("admission.deployers", ["group:system:serviceaccounts:shop"]),
        "admission.deployers[0]",
        "no policy would hold",
        "the one identity",
    ),
    "a tenant of a namespace that is not the stack's": (
        put(
            "cluster.access",
            [
                ADMIN,
                {"principalArn": "arn:aws:iam::111122223333:role/a", "policy": "Edit", "namespaces": ["elsewhere"]},
            ],
        ),
        "cluster.access[1].namespaces",
        "none of them",
        "a namespace of the stack",
    ),
    "an administrator of a namespace that is none": (
        put(
            "cluster.access",
            [
                ADMIN,
                {"principalArn": "arn:aws:iam::111122223333:role/a", "policy": "Admin", "namespaces": ["elsewhere"]},
            ],
        ),
        "cluster.access[1].namespaces",
        "would lead nowhere",
        "Name one of legacy, shop, default",
    ),
    "the sidecar's user": (put(f"{API}.userId", 1337), f"{API_PATH}.userId", "bypass the mesh", "another user id"),
    "root": (put(f"{API}.userId", 0), f"{API_PATH}.userId", "from 1 to 65534", "range"),
    "no image": (put(f"{API}.image", None), f"{API_PATH}.image", "needs an image", "external"),
    "a floating image": (
        put(f"{API}.image", "registry.example.com:5000/api"),
        f"{API_PATH}.image",
        "without a fixed tag",
        "digest",
    ),
    "the latest image": (put(f"{API}.image", "api:latest"), f"{API_PATH}.image", "without a fixed tag", "digest"),
    "an image nobody runs": (put(f"{API}.workload", "external"), f"{API_PATH}.image", "never run", "managed"),
    "passthrough without an NLB": (
        put(f"{UI}.tls", "passthrough"),
        f"{UI_PATH}.tls",
        "sends no SNI (trap 3)",
        "loadBalancer.entries",
    ),
    "a host without an ALB": (put("loadBalancer.entries", ["nlb"]), f"{UI_PATH}.hosts", "no ALB", "passthrough"),
    "two kinds of stickiness": (
        put(f"{UI}.stickiness", {"cookie": "a", "header": "b"}),
        f"{UI_PATH}.stickiness",
        "exactly one",
        "one of the two",
    ),
    "a strict application called in plaintext": (
        put("mesh.plaintextServices", [{"host": "api.shop.svc.cluster.local", "reason": "its pipeline is behind"}]),
        "mesh.plaintextServices[0].host",
        "strict and refuses plaintext",
        "permissive",
    ),
    "a suppressed policy of no id": (
        put("policySuppressions", [{**SUPPRESSED, "rule": "root"}]),
        "policySuppressions[0].rule",
        "id of one rule",
        "docs/policies.md",
    ),
    "a suppressed policy without a reason": (
        put("policySuppressions", [{**SUPPRESSED, "reason": "legacy"}]),
        "policySuppressions[0].reason",
        "10 to 300 characters",
        "Say why",
    ),
    "a suppressed policy of no resource": (
        put("policySuppressions", [{**SUPPRESSED, "resource": ""}]),
        "policySuppressions[0].resource",
        "one resource",
        '"Deployment shop/cart"',
    ),
    "a suppression until a day that is none": (
        put("policySuppressions", [{**SUPPRESSED, "expires": "2027-02-30"}]),
        "policySuppressions[0].expires",
        "day of the calendar",
        '"2027-03-31"',
    ),
    "plaintext without a reason": (
        put("mesh.plaintextServices", [{"host": "prometheus.monitoring.svc.cluster.local", "reason": "?"}]),
        "mesh.plaintextServices[0].reason",
        "needs a reason",
        "Say in a sentence",
    ),
    "a probe path with a wildcard": (
        put(f"{API}.readinessPath", "/health/*"),
        f"{API_PATH}.readinessPath",
        "taken literally",
        "in full",
    ),
    "a name that is no label": (put("namespaces.1.name", "Shop_1"), "namespaces[Shop_1].name", "DNS label", "Rename"),
}
