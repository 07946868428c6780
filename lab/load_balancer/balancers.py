"""The loop: what the account says of its load balancers, what Envoy is told, and what it sees of their targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.load_balancer import report
from lab.load_balancer.account import Account
from lab.load_balancer.certificates import ServedPair, written
from lab.load_balancer.envoy_clusters import assignment, cluster
from lab.load_balancer.envoy_listeners import listener
from lab.load_balancer.model import LoadBalancerModel, NotPlayed
from lab.load_balancer.proxy import Proxy
from lab.load_balancer.report import Standing


@dataclass(kw_only=True)
class Balancers:
    """The load balancers of one account, played by one Envoy.

    claim: gives the n-th load balancer (0 is the first ALB) its address and returns it
    say:   writes one line of the log
    """

    root: Path
    account: Account
    proxy: Proxy
    claim: Callable[[int], str]
    say: Callable[[str], None]
    _served: dict[str, LoadBalancerModel] = field(default_factory=dict)
    _not_played: dict[str, NotPlayed] = field(default_factory=dict)
    _pairs: dict[str, ServedPair] = field(default_factory=dict)
    _claimed: dict[str, str] = field(default_factory=dict)
    _version: str = ""
    _told: dict[str, dict[str, str]] | None = None
    _said: tuple[str, ...] = ()

    def step(self) -> tuple[Standing, ...]:
        """Looks once and does what is to be done. Raises AWS_ERRORS."""
        version = self.account.version()
        if version != self._version:
            self._read()
            self._tell_envoy()
            self._version = version
        self._tell_health()
        standings = tuple(self._standing(model) for model in self._served.values())
        standings += tuple(
            Standing(source=str(problem).partition(": ")[0], refused=_reason(problem), targets={})
            for name, problem in self._not_played.items()
            if name not in self._served
        )
        self._note(standings)
        report.write(self.root, standings)
        return standings

    def _read(self) -> None:
        """What is served from now on; a load balancer that is not played any more goes on as it was."""
        found = self.account.balancers()
        self._served = {name: model for name, model in self._served.items() if name in found}
        self._not_played = {}
        for name, model in found.items():
            try:
                if isinstance(model, NotPlayed):
                    raise model
                self._have_pairs(model)
                self._served[name] = model
            except NotPlayed as problem:
                self._not_played[name] = problem

    def _have_pairs(self, model: LoadBalancerModel) -> None:
        for arn in {arn for made in model.listeners for arn in made.certificates}:
            if arn not in self._pairs:
                try:
                    pair = self.account.pair(arn)
                except NotPlayed as problem:
                    raise NotPlayed(f"{model.source}: {problem}") from problem
                self._pairs[arn] = written(report.certificates(self.root), arn, *pair)

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

    def _tell_envoy(self) -> None:
        addresses = self._addresses()
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

    def _tell_health(self) -> None:
        health = {
            group.arn: {address: str(state) for address, state in self.proxy.health(group.name).items()}
            for model in self._served.values()
            for group in model.groups
        }
        if health != self._told:
            self.account.tell_health(health)
            self._told = health

    def _standing(self, model: LoadBalancerModel) -> Standing:
        refused = ""
        if problem := self._not_played.get(model.name):
            refused = _reason(problem)
        elif rejected := self.proxy.rejected(model.name):
            refused = f"Envoy did not take it: {rejected}"
        targets = {
            address: health for group in model.groups for address, health in self.proxy.health(group.name).items()
        }
        return Standing(
            source=model.source,
            host=model.host,
            address=self._claimed[model.name] if self.proxy.listens(model.name, len(model.listeners)) else "",
            ports=tuple(made.port for made in model.listeners),
            refused=refused,
            targets=targets,
        )

    def _note(self, standings: tuple[Standing, ...]) -> None:
        said = tuple(map(str, standings))
        for line in said:
            if line not in self._said:
                self.say(line)
        self._said = said


def _reason(problem: NotPlayed) -> str:
    return str(problem).partition(": ")[2]
