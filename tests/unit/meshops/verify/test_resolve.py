"""`--resolve`: where a load balancer is, in place of what DNS says of its name."""

from __future__ import annotations

import pytest

from manifests.ingress import INGRESS_NAME
from manifests.names import ISTIO_INGRESS
from meshops.checks.options import UsageError, resolved
from meshops.verify.facts import Objects
from meshops.verify.gather.edge import address_of
from tests.unit.meshops.verify.world import live

HOST = "k8s-istioing-1.eu-west-1.elb.amazonaws.com"


def objects(**entry: str) -> Objects:
    ingress = {
        "kind": "Ingress",
        "metadata": {"namespace": ISTIO_INGRESS, "name": INGRESS_NAME},
        "status": {"loadBalancer": {"ingress": [entry]}},
    }
    found = live(ingress)
    return Objects(pods=(), others={found.key: found})


def test_a_load_balancer_is_asked_under_its_name_unless_somebody_says_where_it_is() -> None:
    found = objects(hostname=HOST)
    assert address_of(found, "Ingress", INGRESS_NAME, {}) == HOST
    assert address_of(found, "Ingress", INGRESS_NAME, {HOST: "10.201.0.10"}) == "10.201.0.10"
    assert address_of(found, "Ingress", INGRESS_NAME, {"other": "10.201.0.10"}) == HOST


def test_pairs_are_names_and_addresses() -> None:
    assert resolved([f"{HOST}=10.201.0.10", "b=10.201.0.11"]) == {HOST: "10.201.0.10", "b": "10.201.0.11"}
    assert resolved([]) == {}


@pytest.mark.parametrize("pair", ["name", "name=", "=10.201.0.10"])
def test_a_pair_that_lacks_a_half_is_wrong_usage(pair: str) -> None:
    with pytest.raises(UsageError, match="each is a name, an equals sign and an address"):
        resolved([pair])
