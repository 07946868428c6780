"""What a `pulumi destroy` of the program takes down, and in which order.

The engine deletes a resource once nothing that depends on it is left, and otherwise whatever it comes to first. So the
order here is the worst that the program's dependencies allow: the account's resources as early as they may go, what has
a load balancer as late. If a dependency were missing, the ground would go from under it here.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence

from offline.registration import Registration

_BALANCED = ("kubernetes:networking.k8s.io/v1:Ingress", "kubernetes:core/v1:Service")


def order(registrations: Sequence[Registration]) -> tuple[Registration, ...]:
    """What is deleted by itself, first to last: not what goes with another resource, is retained, or only read."""
    position = {each.urn: number for number, each in enumerate(registrations)}
    needs: dict[str, set[str]] = {each.urn: _needed(each) & position.keys() for each in registrations}
    dependents: dict[str, int] = defaultdict(int)
    for wanted in needs.values():
        for urn in wanted:
            dependents[urn] += 1
    free = [(_lateness(each), -position[each.urn]) for each in registrations if not dependents[each.urn]]
    heapq.heapify(free)
    gone: list[Registration] = []
    while free:
        _, negative = heapq.heappop(free)
        one = registrations[-negative]
        gone.append(one)
        for urn in needs[one.urn]:
            dependents[urn] -= 1
            if not dependents[urn]:
                heapq.heappush(free, (_lateness(registrations[position[urn]]), -position[urn]))
    return tuple(each for each in gone if _deleted(each))


def _needed(each: Registration) -> set[str]:
    provider = each.provider.rpartition("::")[0]
    return {*each.depends_on, *filter(None, (each.parent, provider, each.deleted_with))}


def _deleted(each: Registration) -> bool:
    provider = each.type.startswith("pulumi:providers:")
    made = (each.custom or each.remote) and not provider and not each.read_id
    return made and not each.deleted_with and not each.retain_on_delete


def _lateness(each: Registration) -> int:
    return 2 if each.type in _BALANCED else 1 if each.type.startswith("kubernetes:") else 0
