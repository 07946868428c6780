"""Every attempt, derived from the settings: in one namespace of the mesh, against one application of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from meshops.verify.attempt import As, Attempt, Family
from meshops.verify.attempts.against import Against
from meshops.verify.attempts.documents import (
    cron_job,
    deployment,
    job,
    pod,
    service,
)
from meshops.verify.attempts.identities import IdentityAttempts
from meshops.verify.attempts.pods import PodAttempts
from meshops.verify.attempts.walls import WallAttempts


class Catalogue(Against):
    def attempts(self) -> tuple[Attempt, ...]:
        """All of them. Those that are legitimate stand beside, so that a wall which refuses everything is seen."""
        of = {"member": self.member, "images": self.images, "pod": self.pod}
        pods, identities, walls = PodAttempts(**of), IdentityAttempts(**of), WallAttempts(**of)
        families: dict[Family, tuple[Iterable[Attempt], ...]] = {
            "legitimate": (self.legitimate(),),
            "in the mesh": (pods.leaving_the_mesh(), pods.users(), pods.node(), pods.sidecar()),
            "identity": (identities.identity(), identities.services(), identities.credentials()),
            "walls": (walls.walls(), walls.role()),
            "into pods": (walls.streams(),),
        }
        return tuple(
            replace(attempt, family=family)
            for family, groups in families.items()
            for group in groups
            for attempt in group
        )

    def legitimate(self) -> Iterator[Attempt]:
        yield self.ask.create("deployment", "a Deployment as it should be", deployment(self.template), legitimate=True)
        yield self.ask.create("job", "a Job as it should be", job(self.template), legitimate=True)
        yield self.ask.create("cron-job", "a CronJob as it should be", cron_job(self.template), legitimate=True)
        yield self.ask.create("service", "a Service of its own application", service(), legitimate=True)
        yield self.ask.create("controllers-pod", "its pod", pod(self.template), legitimate=True, as_="controller")
        tenant: As = "tenant"
        yield self.ask.create("tenants-deployment", "the same", deployment(self.template), legitimate=True, as_=tenant)
