"""What the VPC's resolver looks up: the names of the settings, and those that are listed here beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, TypeAdapter

from configuration.problems import rejection
from configuration.section import section
from configuration.values import Host

_HOST: TypeAdapter[str] = TypeAdapter(Host)
_WRITE = 'Write "api.example.com", or "*.example.com" for every name below it.'


def _allowed_name(value: str) -> str:
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_UpdateFirewallDomains.html: letters,
    # digits and hyphens, with one asterisk at the beginning.
    suffix = value.removeprefix("*.")
    if suffix.strip("*.") == "" or (value.startswith("*.") and "." not in suffix):
        raise rejection("This opens a whole top-level domain: whoever owns a name there can be told anything.", _WRITE)
    if "*" in suffix:
        raise rejection("Route 53 takes an asterisk as the whole first label and nowhere else.", _WRITE)
    _HOST.validate_python(suffix)
    return value


AllowedName = Annotated[str, AfterValidator(_allowed_name)]


@section
class DnsFirewall:
    """Route 53 Resolver DNS Firewall on the VPC: a name that nobody declared does not exist, and who asked for it is
    logged. Allowed are the hosts under `egress`, those of `jwksUri`, the registries of the images, and what AWS's nodes
    and add-ons ask for; `{}` turns it on. Protected by `cluster.deletionProtection`: turn that off before this.
    """

    allowed_names: tuple[AllowedName, ...] = ()
    """What else is asked in the VPC: by nodes, by namespaces outside the mesh, by a runner. `*.example.com` is for
    every name below it, and whoever owns such a zone reads each name that is asked for in it."""
    whole_vpc: bool = False
    """Must be true where the VPC is not this cluster's alone (`existing`, `sharedWithClusters`): the firewall answers
    every client in it, and the others then resolve these names and no more. Of an existing VPC, what the resolver does
    when its firewall fails and which queries it logs stays its owner's to say."""
