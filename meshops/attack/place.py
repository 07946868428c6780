"""Where a client of an attempt stands."""

from __future__ import annotations

from dataclasses import dataclass

from meshops.verify.calls import Client


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a client stands. client: the pod it is; None for this machine.

    tokens: audiences of tokens of its own service account that it has; caged: a NetworkPolicy lets it nowhere.
    """

    client: Client | None = None
    tokens: tuple[str, ...] = ()
    caged: bool = False

    @property
    def named(self) -> str:
        if self.client is None:
            return "internet"
        if not self.client.namespace:
            return "caged pod" if self.caged else "pod outside"
        label = dict(self.client.labels).get("app", "a pod")
        account = self.client.service_account or "default"
        return f"{self.client.namespace}/{label} as {account}{'' if self.client.injected else ', past its sidecar'}"
