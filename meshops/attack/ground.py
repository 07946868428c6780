"""The ground that attempts are made on: the stack, what its cluster has, and who may have which answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from manifests.ingress import INGRESS_NAME, NLB_NAME
from manifests.mesh_graph import Grant, Member
from manifests.names import GATEWAY_SELECTOR, ISTIO_INGRESS, ISTIO_SYSTEM, KUBE_SYSTEM, OBSERVABILITY
from meshops.attack.place import Place
from meshops.verify.calling.plan import concrete_path
from meshops.verify.calls import BESIDE_GATEWAY, OUTSIDE, Client
from meshops.verify.facts import Objects, Pod
from meshops.verify.gather.edge import address_of
from meshops.verify.stack import Stack

ISTIO_CA = "istio-ca"
"""The audience that istiod asks of a token."""
INTERNET = Place()
OUTSIDER = Place(client=OUTSIDE)
CAGED = Place(client=OUTSIDE, caged=True)
BESIDE = Place(client=BESIDE_GATEWAY)
"""A pod that the gateway's NetworkPolicy admits as it does the load balancer."""
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What one identity may ask for, and others may not. path: one that the caller's declaration matches."""

    callee: Member
    caller: Member
    method: str
    path: str
    stranger: Member | None
    """An application of the caller's namespace that may not call it; None for the namespace's default account."""

    @property
    def host(self) -> str:
        return self.callee.host

    @property
    def port(self) -> int:
        """Of its container."""
        return self.callee.application.port or 0

    @property
    def called_port(self) -> int:
        """Of its Service."""
        return self.callee.application.called_port or 0

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.called_port}"

    @property
    def named(self) -> str:
        return f"{self.callee.namespace.name}/{self.callee.name}"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """alb, nlb: addresses or names of the load balancers, empty for none. nodes: the nodes' addresses.

    addresses: (namespace, Service) -> its cluster address.
    marks: resource name -> what only its answers contain; known once the entitled caller has been answered.
    writes: whether attempts may be made that change something. enforced: whether an engine enforces NetworkPolicies;
    None while that is not known.
    """

    stack: Stack
    objects: Objects
    run: str
    alb: str = ""
    nlb: str = ""
    nodes: tuple[str, ...] = ()
    addresses: Mapping[tuple[str, str], str] = field(default_factory=dict)
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generated: int = 300
    seed: int = 1

    @classmethod
    def of(
        cls,
        stack: Stack,
        objects: Objects,
        *,
        run: str,
        nodes: tuple[str, ...],
        generated: int,
        seed: int,
        resolve: Mapping[str, str] | None = None,
    ) -> Ground:
        """resolve: name of a load balancer -> its address, in place of DNS."""
        return cls(
            stack=stack,
            objects=objects,
            run=run,
            alb=address_of(objects, "Ingress", INGRESS_NAME, resolve or {}),
            nlb=address_of(objects, "Service", NLB_NAME, resolve or {}),
            nodes=nodes,
            addresses={
                (item.namespace, item.name): item.spec.get("clusterIP", "") for item in objects.of_kind("Service")
            },
            generated=generated,
            seed=seed,
        )

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Of every application of the mesh that speaks HTTP and that somebody may call without changing it."""
        return tuple(self._resources())

    def _resources(self) -> Iterator[Resource]:
        for callee in self.stack.listeners:
            if callee.application.opaque or callee.application.protocol == "grpc":
                continue
            grants = [
                grant
                for grant in self.stack.graph.grants(callee.namespace.name, callee.name)
                if grant.caller.namespace.in_mesh
            ]
            for grant in grants:
                method = next((item for item in _SAFE if item in (grant.declared.methods or _SAFE)), "")
                if method:
                    path = callee.application.readiness_path
                    if grant.declared.paths:
                        path = concrete_path(grant.declared.paths[0])
                    yield Resource(
                        callee=callee,
                        caller=grant.caller,
                        method=method,
                        path=path,
                        stranger=_stranger(grant, grants, callee),
                    )
                    break

    @property
    def target(self) -> Resource | None:
        """The one that attempts on a single resource are made on: one with declared paths, if there is any."""
        declared = [item for item in self.resources if item.path != item.callee.application.readiness_path]
        return next(iter((*declared, *self.resources)), None)

    @property
    def public(self) -> Member | None:
        """An application with a public host whose TLS the gateway ends."""
        return next(iter(self.stack.published), None)

    @property
    def public_host(self) -> str:
        return self.public.application.hosts[0] if self.public else ""

    def pods(self, namespace: str, app: str) -> tuple[Pod, ...]:
        """The running pods of an application, or of a part of the platform that labels its pods `app`."""
        return tuple(pod for pod in self.objects.pods_of(namespace, {"app": app}) if pod.running and pod.ip)

    def pod_ip(self, resource: Resource) -> str:
        """Of one of its pods; empty without any."""
        return next((pod.ip for pod in self.pods(resource.callee.namespace.name, resource.callee.name)), "")

    @property
    def gateways(self) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.objects.pods_of(ISTIO_INGRESS, GATEWAY_SELECTOR) if pod.running and pod.ip)

    @property
    def istiod(self) -> str:
        """The address of one of istiod's pods."""
        return next((pod.ip for pod in self.pods(ISTIO_SYSTEM, "istiod")), "")

    @property
    def collector(self) -> str:
        return next((pod.ip for pod in self.pods(OBSERVABILITY, "otel-collector")), "")

    @property
    def dns(self) -> str:
        found = self.objects.pods_of(KUBE_SYSTEM, {"k8s-app": "kube-dns"})
        return next((pod.ip for pod in found if pod.running), "")

    @property
    def dns_service(self) -> str:
        return self.addresses.get((KUBE_SYSTEM, "kube-dns"), "")

    def agent(self, mark: str) -> str:
        """A User-Agent, by which the proxies' logs know what was sent."""
        return f"meshops-attack/{self.run}/{mark}"

    # Places ------------------------------------------------------------------------------------------------------

    def caller(self, resource: Resource) -> Place:
        """In the place of the one who may."""
        return standing_in(resource.caller, resource.caller.application.identity)

    def impostor(self, resource: Resource) -> Place:
        """With the caller's labels, so that its Sidecar and NetworkPolicy let it out, and somebody else's identity."""
        return standing_in(resource.caller, resource.stranger.application.identity if resource.stranger else "")

    def neighbour(self, resource: Resource) -> Place | None:
        """Another application in its own place, with all that is its own."""
        return standing_in(resource.stranger, resource.stranger.application.identity) if resource.stranger else None

    def past(self, resource: Resource) -> Place:
        """The impostor without a sidecar, but with the certificate of its own identity: it says its own bytes."""
        return Place(
            client=Client(
                namespace=resource.caller.namespace.name,
                service_account=resource.stranger.application.identity if resource.stranger else "",
                labels=(("app", resource.caller.name),),
            ),
            tokens=(ISTIO_CA,),
        )

    def nobody(self, resource: Resource) -> Place:
        """With the caller's labels, so that NetworkPolicies let it out, and the account that every pod may have."""
        client = Client(namespace=resource.caller.namespace.name, labels=(("app", resource.caller.name),))
        return Place(client=client, tokens=(ISTIO_CA,))

    def past_as_caller(self, resource: Resource) -> Place:
        """The entitled caller with its own certificate and no sidecar, which could refuse what it may not."""
        return Place(
            client=Client(
                namespace=resource.caller.namespace.name,
                service_account=resource.caller.application.identity,
                labels=(("app", resource.caller.name),),
            ),
            tokens=(ISTIO_CA,),
        )


def standing_in(member: Member, account: str) -> Place:
    return Place(
        client=Client(
            namespace=member.namespace.name,
            service_account=account,
            labels=(("app", member.name),),
            injected=True,
        )
    )


def _stranger(grant: Grant, grants: list[Grant], callee: Member) -> Member | None:
    """Rather one that has nothing to do with the call than the callee itself."""
    home = grant.caller.namespace
    allowed = {(item.caller.namespace.name, item.caller.name) for item in grants}
    others = [
        Member(namespace=home, application=item)
        for item in home.applications
        if item.workload == "managed" and (home.name, item.name) not in allowed
    ]
    rather = [item for item in others if (item.namespace.name, item.name) != (callee.namespace.name, callee.name)]
    return next(iter((*rather, *others)), None)
