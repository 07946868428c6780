"""The order in which a component submits its resources."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


class Order:
    """Names to the engine what each resource of a component comes directly after.

    What these came after themselves, the engine knows: it waits for them, and deletes in the opposite order, however
    many resources stand between. To name them once more costs time for each pair, since the SDK looks for circles.
    """

    def __init__(
        self,
        component: pulumi.Resource,
        *,
        after: Sequence[pulumi.Resource],
        deleted_with: pulumi.Resource | None,
    ) -> None:
        """after: the layers below; what the component submits first comes after these."""
        self._component, self._below, self._deleted_with = component, tuple(after), deleted_with
        self._followed: set[pulumi.Resource] = set()

    def after(self, *resources: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options for what comes after these, each of which comes after the layers below; for the first ones, none."""
        self._followed.update(resources)
        return pulumi.ResourceOptions(
            parent=self._component,
            depends_on=list(resources or self._below),
            deleted_with=self._deleted_with,
        )

    def last(self, *resources: pulumi.Resource) -> tuple[pulumi.Resource, ...]:
        """Of these, those that nothing came after: once they are there, all are. What came after one is among them."""
        return tuple(resource for resource in resources if resource not in self._followed)
