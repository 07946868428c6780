"""The control loop: what the cluster wants, what AWS allows, what Envoy is told, and what is written back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.load_balancer import report
from lab.load_balancer.account import Account
from lab.load_balancer.certificates import ServedPair, written
from lab.load_balancer.cluster import Cluster, Seen, reference
from lab.load_balancer.envoy_clusters import assignment, cluster
from lab.load_balancer.envoy_listeners import listener
from lab.load_balancer.ingress_model import PREFIX, ingress_model
from lab.load_balancer.model import LoadBalancerModel, Refusal, TargetGroup
from lab.load_balancer.proxy import Proxy
from lab.load_balancer.report import HOSTS, Standing, wish_of
from lab.load_balancer.report import source_of as source
from lab.load_balancer.service_model import service_model
from lab.load_balancer.surroundings import Surroundings, balancer_name

Document = dict[str, Any]

# How long what was read from AWS is taken for true while the cluster does not change.
_AWS_SECONDS = 5.0


@dataclass(kw_only=True)
class Controller:
    """The stand-in for the AWS Load Balancer Controller.

    claim: gives the n-th load balancer (0 is the first ALB) its address and returns it
    say:   writes one line of the log
    """

    root: Path
    cluster: Cluster
    account: Account
    proxy: Proxy
    claim: Callable[[int], str]
    say: Callable[[str], None]
    _served: dict[str, LoadBalancerModel] = field(default_factory=dict)
    _made: dict[str, LoadBalancerModel] = field(default_factory=dict)
    _pairs: dict[str, ServedPair] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _around: Surroundings | None = None
    _vpc: str = ""
    _looked: tuple[float, str] = (0.0, "")
    _there: frozenset[str] = frozenset()
    _claimed: dict[str, str] = field(default_factory=dict)

    def step(self) -> tuple[Standing, ...]:
        """Looks once and does what is to be done. Raises CLUSTER_ERRORS and AWS_ERRORS."""
        seen = self.cluster.see()
        around = self._surroundings(seen)
        refused: dict[str, Refusal] = {}
        for wanted in seen.wanted:
            try:
                model = self._model(wanted, around)
                self._deploy(model)
                self._served[source(wanted)] = model
            except Refusal as refusal:
                refused[source(wanted)] = refusal
                self._keep_targets(source(wanted), around)
        self._forget(seen.wanted)
        addresses = self._addresses()
        self._tell_envoy(addresses)
        standings = tuple(self._standing(wanted, addresses, refused) for wanted in seen.wanted)
        for wanted, standing in zip(seen.wanted, standings, strict=True):
            self._write_back(wanted, standing, refused.get(source(wanted)))
        report.write(self.root, standings)
        return standings

    # --- deciding ----------------------------------------------------------------------------------------------

    def _model(self, wanted: Document, around: Surroundings | None) -> LoadBalancerModel:
        if around is None:
            raise Refusal(f"there is no EKS cluster {self.account.cluster} in the account, and so no VPC")
        return (ingress_model if wanted["kind"] == "Ingress" else service_model)(wanted, around)

    def _surroundings(self, seen: Seen) -> Surroundings | None:
        """What AWS says is read again when the cluster's wishes changed, and every few seconds."""
        versions = json.dumps([(source(wanted), wish_of(wanted)) for wanted in seen.wanted])
        looked, before = self._looked
        if versions != before or time.monotonic() - looked > _AWS_SECONDS or self._around is None:
            self._around = self._read_account(seen)
            self._looked = (time.monotonic(), versions)
        if self._around is None:
            return None
        return replace(self._around, services=seen.services, slices=seen.slices)

    def _read_account(self, seen: Seen) -> Surroundings | None:
        vpc = self.account.vpc()
        if vpc is None:
            return None
        # Whoever took them away, and with them a whole account made anew: they are made again.
        self._there = frozenset(self.account.balancers())
        self._made = {name: model for name, model in self._made.items() if name in self._there}
        self._vpc = vpc
        arns = {
            arn.strip()
            for wanted in seen.wanted
            for arn in _annotations(wanted).get(f"{PREFIX}certificate-arn", "").split(",")
            if arn.strip()
        }
        return Surroundings(
            cluster=self.account.cluster,
            subnets=self.account.subnets(vpc),
            certificates=self.account.certificates(sorted(arns)),
            web_acls=self.account.web_acls(),
        )

    # --- doing -------------------------------------------------------------------------------------------------

    def _deploy(self, model: LoadBalancerModel) -> None:
        """Makes the AWS side what the model says, and has its certificates at hand."""
        for arn in {arn for made in model.listeners for arn in made.certificates}:
            if arn not in self._pairs:
                self._pairs[arn] = written(report.certificates(self.root), arn, *self.account.pair(arn))
        before = self._made.get(model.name)
        if before is None or _without_targets(before) != _without_targets(model):
            self.account.make(model, self._vpc)
            self.say(f"{model.source}: made {model.kind} load balancer {model.name}")
            before = None
        for group in model.groups:
            if before is None or group not in before.groups:
                self.account.register(group)
                self.say(f"{model.source}: targets are {', '.join(map(str, group.targets)) or 'none'}")
        self._made[model.name] = model

    def _keep_targets(self, name: str, around: Surroundings | None) -> None:
        """A load balancer whose newest wish is refused goes on as it was, to the pods of now."""
        served = self._served.get(name)
        if served is None or around is None:
            return

        def current(group: TargetGroup) -> TargetGroup:
            try:
                port = around.service_port(group.service, group.port)
            except Refusal:
                return replace(group, targets=())
            return replace(group, targets=around.targets(group.service, port))

        listeners = tuple(replace(made, group=current(made.group) if made.group else None) for made in served.listeners)
        self._served[name] = replace(served, listeners=listeners)

    def _forget(self, wanted: Iterable[Document]) -> None:
        sources, names = set[str](), set[str]()
        for one in wanted:
            sources.add(source(one))
            namespace, _, name = reference(one).partition("/")
            names.add(balancer_name(namespace, name, cluster=self.account.cluster))
        for gone in [name for name in self._served if name not in sources]:
            del self._served[gone]
            self.say(f"{gone}: is gone, and its load balancer with it")
        # Also what an earlier process of this stand-in made.
        for gone in (self._there | self._made.keys()) - names:
            self.account.remove(gone)
            self._made.pop(gone, None)
        self._there &= names
        self._said = {name: text for name, text in self._said.items() if name in sources}

    def _addresses(self) -> dict[str, str]:
        """An address for each that is served, the same one for as long as the lab lives."""
        book = report.directory(self.root) / "addresses.json"
        numbers: dict[str, int] = json.loads(book.read_text(encoding="utf-8")) if book.exists() else {}
        for name, model in self._served.items():
            if name not in numbers:
                first = 0 if model.kind == "application" else 1
                numbers[name] = next(n for n in range(first, 200) if n not in numbers.values())
                book.write_text(json.dumps(numbers), encoding="utf-8")
            if name not in self._claimed:
                self._claimed[name] = self.claim(numbers[name])
        return {name: self._claimed[name] for name in self._served}

    def _tell_envoy(self, addresses: dict[str, str]) -> None:
        groups = [(name, model, group) for name, model in self._served.items() for group in model.groups]
        self.proxy.apply(
            listeners=[
                listener(model, made, address=addresses[name], pairs=tuple(self._pairs[a] for a in made.certificates))
                for name, model in self._served.items()
                for made in model.listeners
            ],
            clusters=[
                cluster(
                    group,
                    endpoints=str(self.proxy.endpoints(group.name)),
                    idle_timeout=model.idle_timeout,
                    source=addresses[name],
                )
                for name, model, group in groups
            ],
            endpoints=[assignment(group) for _, _, group in groups],
        )

    # --- writing back ------------------------------------------------------------------------------------------

    def _standing(self, wanted: Document, addresses: dict[str, str], refused: dict[str, Refusal]) -> Standing:
        name = source(wanted)
        problem = refused.get(name)
        text = f"{problem.reason}: {problem}" if problem else ""
        model = self._served.get(name)
        if model is None:
            return Standing(source=name, wish=wish_of(wanted), refused=text, targets={})
        if not text and (rejected := self.proxy.rejected(model.name)):
            text = f"FailedDeployModel: Envoy did not take it: {rejected}"
        targets = {
            address: health for group in model.groups for address, health in self.proxy.health(group.name).items()
        }
        return Standing(
            source=name,
            wish=wish_of(wanted),
            address=addresses[name] if self.proxy.listens(model.name, len(model.listeners)) else "",
            ports=tuple(made.port for made in model.listeners),
            refused=text,
            targets=targets,
        )

    def _write_back(self, wanted: Document, standing: Standing, refusal: Refusal | None) -> None:
        if standing.address:
            host = HOSTS[wanted["kind"]]
            self.cluster.write_status(wanted, [{"hostname": host, "ip": standing.address}])
        if self._said.get(standing.source) != standing.refused:
            self._said[standing.source] = standing.refused
            if standing.refused:
                self.say(f"{standing.source}: REFUSED: {standing.refused}")
                reason, _, message = standing.refused.partition(": ")
                self.cluster.write_event(wanted, reason, f"stand-in: {message}", warning=True)
            else:
                self.say(f"{standing.source}: served at {standing.address or 'an address to come'}")
                self.cluster.write_event(
                    wanted, "SuccessfullyReconciled", "stand-in: Successfully reconciled", warning=False
                )


def _without_targets(model: LoadBalancerModel) -> LoadBalancerModel:
    listeners = tuple(
        replace(made, group=replace(made.group, targets=()) if made.group else None) for made in model.listeners
    )
    return replace(model, listeners=listeners)


def _annotations(wanted: Document) -> dict[str, str]:
    return wanted["metadata"].get("annotations") or {}
