"""Rules on the names that the VPC's resolver looks up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.breaches import Breach, breach
from configuration.settings import Settings

# There is a limit of 1000 domains per request, and the provider sends a list in one:
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_UpdateFirewallDomains.html
# The rest is for AWS's own names and the registries'.
_MOST_NAMES = 900


def firewall_of_a_shared_vpc_is_meant(settings: Settings) -> Iterator[Breach]:
    network = settings.network
    firewall = network.dns_firewall
    if firewall is None or firewall.whole_vpc:
        return
    others = ", ".join(network.shared_with_clusters)
    if network.existing or others:
        yield breach(
            "network.dnsFirewall.wholeVpc",
            False,
            "The firewall answers every client of the VPC, not this cluster's alone: "
            + (f"{others} would resolve nothing but these names." if others else "its others would resolve nothing but "
               "these names."),
            "List what the others ask for under allowedNames and set wholeVpc to true, or remove dnsFirewall.",
            "network.existing" if network.existing else "network.sharedWithClusters",
        )  # fmt: skip


def allowed_names_fit_one_list(settings: Settings) -> Iterator[Breach]:
    firewall = settings.network.dns_firewall
    if firewall is None:
        return
    applications = [application for namespace in settings.namespaces for application in namespace.applications]
    names = {egress.host for application in applications for egress in application.egress if egress.host}
    if len(names | set(firewall.allowed_names)) > _MOST_NAMES:
        yield breach(
            "network.dnsFirewall",
            len(names | set(firewall.allowed_names)),
            f"Route 53 takes 1,000 names at once, and some are AWS's own: {_MOST_NAMES} are left for egress hosts and "
            "allowedNames.",
            "Declare fewer hosts, or split the stack.",
        )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    firewall_of_a_shared_vpc_is_meant,
    allowed_names_fit_one_list,
)
