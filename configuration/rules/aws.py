"""Rules of AWS that compare settings, or count them. Each limit is the one that AWS documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import collapse_addresses

from configuration.breaches import Breach, breach
from configuration.kinds.aws import instance_types, is_arm
from configuration.load_balancer import Waf
from configuration.settings import Settings
from configuration.values import IPv4Network

# https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html: public endpoint access CIDR ranges per cluster.
_PUBLIC_ACCESS_CIDRS = 40
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html: 60 inbound rules per security group.
_GROUP_RULES = 60
# EKS's own rule, and those of the load balancer controller's backend group for each target port.
_RULES_OF_OTHERS = 10
# https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html: 0-20 with a launch template.
_INSTANCE_TYPES = 20
# https://docs.aws.amazon.com/acm/latest/userguide/acm-bestpractices.html: the first name of a certificate, RFC 5280.
_COMMON_NAME = 64
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html: 50; ours, the controller's and EKS's take ten.
_TAGS = 40
_TAG = re.compile(r"[\w\s.:/=+\-@]*")  # botocore, elbv2: letters, blanks, numbers and _.:/=+-@
_OUR_TAGS = ("environment", "managed-by", "name")
_RESERVED_TAGS = (
    "aws:", "eks:", "kubernetes.io/", "k8s.io/", "elbv2.k8s.aws/", "ingress.k8s.aws/", "service.k8s.aws/",
    "karpenter.sh/", "karpenter.k8s.aws/",
)  # fmt: skip

_RESERVED = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.168.0.0/16", "224.0.0.0/3",
        ),
    )
)  # fmt: skip
"""Addresses from which nobody comes over the internet (RFC 6890)."""


def is_nearly_everyone(cidrs: Sequence[IPv4Network]) -> bool:
    """Whether they hold a quarter of all addresses, in however many pieces."""
    return sum(block.num_addresses for block in collapse_addresses(cidrs)) >= 2**30


def api_endpoint_takes_its_networks(settings: Settings) -> Iterator[Breach]:
    cidrs = settings.cluster.public_access_cidrs
    path = "cluster.publicAccessCidrs"
    if len(cidrs) > _PUBLIC_ACCESS_CIDRS:
        yield breach(
            path, len(cidrs), f"EKS takes {_PUBLIC_ACCESS_CIDRS} networks at most.", "Name larger or fewer ones."
        )
    if IPv4Network("0.0.0.0/0") not in cidrs and is_nearly_everyone(cidrs):
        yield breach(
            path,
            list(map(str, cidrs)),
            "This is a quarter of the internet or more: a public API endpoint must not be open to everyone.",
            "Name the networks that administer the cluster.",
        )
    for index, cidr in enumerate(cidrs):
        # https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html: no reserved addresses.
        if any(cidr.subnet_of(block) for block in _RESERVED):
            yield breach(
                f"{path}[{index}]",
                cidr,
                "Nobody comes from these addresses over the internet, and EKS refuses reserved ones.",
                "Name the public address behind which the deployer is, or put this one under privateAccessCidrs.",
            )
    if not settings.cluster.existing and len(settings.cluster.private_access) > _GROUP_RULES - _RULES_OF_OTHERS:
        yield breach(
            "cluster.privateAccessCidrs",
            len(settings.cluster.private_access),
            f"A security group takes {_GROUP_RULES} rules, some of which are EKS's and the load balancer controller's.",
            f"Name {_GROUP_RULES - _RULES_OF_OTHERS} networks at most, e.g. larger ones.",
        )


def balancer_fits_its_group(settings: Settings) -> Iterator[Breach]:
    balancer = settings.load_balancer
    # The ALB listens on 80, to redirect, and on 443: a rule for each network and listener.
    most = _GROUP_RULES // 2 if "alb" in balancer.entries else _GROUP_RULES
    if len(balancer.allowed_cidrs) > most:
        yield breach(
            "loadBalancer.allowedCidrs",
            len(balancer.allowed_cidrs),
            f"A security group takes {_GROUP_RULES} rules, and the balancer needs one for each network and listener.",
            f"Name {most} networks at most, e.g. larger ones.",
            "loadBalancer.entries",
        )


def balancer_takes_what_is_set(settings: Settings) -> Iterator[Breach]:
    balancer = settings.load_balancer
    if "alb" not in balancer.entries:
        # https://docs.aws.amazon.com/waf/latest/developerguide/waf-chapter.html: no Network Load Balancer among them;
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html: TLS listeners.
        for key, value, rule in (
            ("waf", balancer.waf, "No WAF stands before an NLB: nothing would look at the requests."),
            ("accessLogs", balancer.access_logs, "An NLB that passes TLS through writes no access log."),
        ):
            if value is not None:
                yield breach(
                    f"loadBalancer.{key}",
                    "(set)",
                    rule,
                    'Remove it, or add "alb" to loadBalancer.entries.',
                    "loadBalancer.entries",
                )
    if balancer.waf and balancer.waf.web_acl_arn:
        made = Waf()
        for key, value, default in (
            ("oversizeBodies", balancer.waf.oversize_bodies, made.oversize_bodies),
            ("logs", balancer.waf.logs, made.logs),
            ("logRetentionDays", balancer.waf.log_retention_days, made.log_retention_days),
        ):
            if value != default:
                yield breach(
                    f"loadBalancer.waf.{key}",
                    value,
                    "It is of a web ACL that this program makes; an existing one keeps its owner's rules and logs.",
                    "Remove it, or webAclArn.",
                    "loadBalancer.waf.webAclArn",
                )
    if balancer.certificate_arn is None and len(balancer.domain) > _COMMON_NAME:
        yield breach(
            "loadBalancer.domain",
            balancer.domain,
            f"ACM makes no certificate whose first name is over {_COMMON_NAME} characters (RFC 5280).",
            "Choose a shorter domain, or give a certificate as loadBalancer.certificateArn.",
            "loadBalancer.certificateArn",
        )


def instances_exist_and_fit(settings: Settings) -> Iterator[Breach]:
    nodes = settings.cluster.node_group
    if len(nodes.instance_types) > _INSTANCE_TYPES:
        yield breach(
            "cluster.nodeGroup.instanceTypes",
            len(nodes.instance_types),
            f"A node group takes {_INSTANCE_TYPES} instance types at most.",
            "Name fewer.",
        )
    for index, name in enumerate(nodes.instance_types):
        path = f"cluster.nodeGroup.instanceTypes[{index}]"
        size = name.partition(".")[2]
        if name not in instance_types() or name.startswith("mac"):
            yield breach(path, name, "It is not an EC2 instance type for a node.", 'Write it as "m7i.large".')
        elif is_arm(name) != (nodes.architecture == "arm64"):
            yield breach(
                path,
                name,
                f"Its processor is not {nodes.architecture}: the AMI would not boot.",
                "Choose another type, or set nodeGroup.architecture.",
                "cluster.nodeGroup.architecture",
            )
        elif size in ("nano", "micro", "small"):
            # https://github.com/awslabs/amazon-eks-ami, eni-max-pods.txt: 4 to 11 pods.
            yield breach(
                path,
                name,
                "A node of this size takes 4 to 11 pods, and the platform's own are nearly as many on each.",
                "Choose a medium at least; large is usual.",
            )


def tags_are_allowed(settings: Settings) -> Iterator[Breach]:
    if len(settings.tags) > _TAGS:
        yield breach(
            "tags",
            len(settings.tags),
            "A resource takes 50 tags, ten of which are the program's, EKS's and the load balancer controller's.",
            f"Keep {_TAGS} at most.",
        )
    folded: dict[str, str] = {}
    for key, value in settings.tags.items():
        path = f"tags.{key}"
        low = key.lower()
        if low.startswith(_RESERVED_TAGS) or not 1 <= len(key) <= 128 or len(value) > 256:
            yield breach(
                path,
                value,
                "AWS refuses keys that begin with 'aws:' or exceed 128 characters, and values over 256; keys of "
                "Kubernetes and its controllers decide who owns a resource.",
                "Rename or shorten the tag.",
            )
        elif low in _OUR_TAGS:
            yield breach(
                path, value, "The program sets this tag itself.", "Remove it; `environment` is a setting of its own."
            )
        elif (
            not _TAG.fullmatch(key)
            or not _TAG.fullmatch(value)
            or "=" in key
            or (key, value) != (key.strip(), value.strip())
        ):
            yield breach(
                path,
                value,
                "AWS takes letters, numbers, blanks and _.:/=+-@; a '=' in a key, or a blank at an end, the load "
                "balancer controller would misread.",
                "Write it with these characters.",
            )
        elif low in folded:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html: keys of roles do not differ in case.
            yield breach(
                path, value, f"IAM takes {folded[low]!r} and {key!r} for one key and refuses both.", "Keep one of them."
            )
        folded.setdefault(low, key)


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    api_endpoint_takes_its_networks,
    balancer_fits_its_group,
    balancer_takes_what_is_set,
    instances_exist_and_fit,
    tags_are_allowed,
)
