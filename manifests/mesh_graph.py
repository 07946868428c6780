"""Who calls whom, derived once from what the applications declare about their callers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from configuration.applications import Application, Caller, Namespace, qualified
from configuration.mesh import Mesh
from manifests.interface_endpoints import NO_ENDPOINTS, InterfaceEndpoints
from manifests.names import principal, service_host


@dataclass(frozen=True, kw_only=True)
class Member:
    """An application where it lives."""

    namespace: Namespace
    application: Application

    @property
    def name(self) -> str:
        return self.application.name

    @property
    def host(self) -> str:
        """Of its Service, in full."""
        return service_host(self.application.service_name, self.namespace.name)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One declared caller of an application, resolved."""

    caller: Member
    declared: Caller


@dataclass(frozen=True, kw_only=True)
class MeshGraph:
    """What the documents of one application must know about the rest of the stack."""

    namespaces: tuple[Namespace, ...]
    trust_domain: str
    plaintext_hosts: frozenset[str] = frozenset()
    """Full Service names that the settings exempt from mutual TLS, by `mesh.plaintextServices`."""

    endpoints: InterfaceEndpoints = NO_ENDPOINTS
    """The VPC's own, which answer for some external hosts."""

    @classmethod
    def of(cls, mesh: Mesh, namespaces: tuple[Namespace, ...], *, endpoints: InterfaceEndpoints = NO_ENDPOINTS) -> Self:
        """The graph of a stack."""
        return cls(
            namespaces=namespaces,
            endpoints=endpoints,
            trust_domain=mesh.trust_domain,
            plaintext_hosts=frozenset(service.host for service in mesh.plaintext_services),
        )

    def grants(self, namespace: str, application: str) -> tuple[Grant, ...]:
        """Who may call it, in the order of the settings."""
        return self._grants[namespace, application]

    def callees(self, namespace: str, application: str) -> tuple[Member, ...]:
        """Whom it may call, sorted by namespace and name: the other side of their `callers`."""
        return self._callees.get((namespace, application), ())

    def principal(self, member: Member) -> str:
        """Its identity, which it has only inside the mesh."""
        return principal(self.trust_domain, member.namespace.name, member.application.identity)

    def principals(self, member: Member) -> tuple[str, ...]:
        """Every identity that is taken for this application's: its own, and while it moves to another one both."""
        return tuple(
            principal(self.trust_domain, member.namespace.name, account)
            for account in (member.application.identity, *member.application.accepted_service_accounts)
        )

    @cached_property
    def _members(self) -> dict[tuple[str, str], Member]:
        return {
            (namespace.name, application.name): Member(namespace=namespace, application=application)
            for namespace in self.namespaces
            for application in namespace.applications
        }

    @cached_property
    def _grants(self) -> dict[tuple[str, str], tuple[Grant, ...]]:
        return {
            key: tuple(
                Grant(caller=self._members[_key(caller.application, key[0])], declared=caller)
                for caller in member.application.callers
            )
            for key, member in self._members.items()
        }

    @cached_property
    def _callees(self) -> dict[tuple[str, str], tuple[Member, ...]]:
        found: defaultdict[tuple[str, str], list[Member]] = defaultdict(list)
        for key in sorted(self._grants):
            for caller in dict.fromkeys((one.caller.namespace.name, one.caller.name) for one in self._grants[key]):
                found[caller].append(self._members[key])
        return {caller: tuple(members) for caller, members in found.items()}


def _key(caller: str, namespace: str) -> tuple[str, str]:
    """`frontend` seen from namespace `shop` -> (`shop`, `frontend`)."""
    home, _, name = qualified(caller, namespace).partition("/")
    return home, name
