"""Rules on what applications are: their names and identities, what their pods need, who delivers them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator

from configuration.applications import SIDECAR_USER
from configuration.breaches import Breach, breach
from configuration.kinds.quantities import bytes_of
from configuration.kinds.secrets import GENERATE_KEY
from configuration.rules.each import each_application, path_of
from configuration.settings import Settings


def names_are_unique(settings: Settings) -> Iterator[Breach]:
    seen: set[str] = set()
    for namespace in settings.namespaces:
        if namespace.name in seen:
            yield breach(
                f"namespaces[{namespace.name}].name",
                namespace.name,
                "Two namespaces have this name.",
                "Put the applications of both under one, or rename one.",
            )
        seen.add(namespace.name)
        inside: set[str] = set()
        for application in namespace.applications:
            if application.name in inside:
                yield breach(
                    f"{path_of(namespace, application)}.name",
                    application.name,
                    "Two applications of the namespace have this name.",
                    "Rename one.",
                )
            inside.add(application.name)


def identities_are_not_shared(settings: Settings) -> Iterator[Breach]:
    owners: dict[tuple[str, str], str] = {}
    for namespace, application, path in each_application(settings):
        accounts = [("serviceAccount", application.identity)]
        accounts += [("acceptedServiceAccounts", account) for account in application.accepted_service_accounts]
        for setting, account in accounts:
            owner = owners.setdefault((namespace.name, account), application.name)
            if owner != application.name:
                yield breach(
                    f"{path}.{setting}",
                    account,
                    f"{owner} runs under this service account: the two could not be told apart by any policy.",
                    "Give each application a service account of its own.",
                )


def applications_are_complete(settings: Settings) -> Iterator[Breach]:
    for _, application, path in each_application(settings):
        if application.port is None and (application.hosts or application.callers):
            yield breach(
                f"{path}.port",
                None,
                "An application that is called needs a port.",
                "Set the port its container listens on, or remove its hosts and callers.",
            )
        if application.workload == "managed" and not application.image:
            yield breach(
                f"{path}.image",
                None,
                "A managed workload needs an image.",
                'Set it with a tag or a digest, or set workload to "external".',
            )
        if application.workload == "external" and application.image:
            yield breach(
                f"{path}.image",
                application.image,
                "Another pipeline deploys this workload; an image given here would never run.",
                'Remove it, or set workload to "managed".',
            )
        if application.service_port is not None and application.port is None:
            yield breach(
                f"{path}.servicePort",
                application.service_port,
                "A Service leads to a port of the container, and none is named.",
                "Set `port` too: what the container listens on.",
                f"{path}.port",
            )
        if application.service and application.workload == "managed":
            yield breach(
                f"{path}.service",
                application.service,
                "The Service of a managed workload has the application's own name.",
                'Remove it, or set workload to "external".',
                f"{path}.workload",
            )


def pods_can_run(settings: Settings) -> Iterator[Breach]:
    for _, application, path in each_application(settings):
        if application.user_id == SIDECAR_USER:
            yield breach(
                f"{path}.userId",
                application.user_id,
                f"{SIDECAR_USER} is the sidecar's user: its traffic is not captured, so the application would bypass "
                "the mesh.",
                "Choose another user id.",
            )
        resources = application.resources
        if bytes_of(resources.memory) > bytes_of(resources.memory_limit):
            yield breach(
                f"{path}.resources.memory",
                resources.memory,
                f"It is above memoryLimit ({resources.memory_limit}): the API server refuses such a pod.",
                "Raise memoryLimit, or ask for less.",
                f"{path}.resources.memoryLimit",
            )
        for name in application.environment:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                yield breach(
                    f"{path}.environment.{name}",
                    name,
                    "It is not the name of an environment variable.",
                    "Use letters, digits and '_', not beginning with a digit.",
                )


def git_delivers_all(settings: Settings) -> Iterator[Breach]:
    for namespace in settings.namespaces:
        if namespace.delivery != "git":
            continue
        path = f"namespaces[{namespace.name}]"
        if not namespace.existing:
            yield breach(
                f"{path}.delivery",
                namespace.delivery,
                "Its own repository makes the namespace, and nobody else may delete it.",
                "Set `existing: true`, or let delivery be pulumi.",
                f"{path}.existing",
            )
        for application in namespace.applications:
            where = f"{path}.applications[{application.name}]"
            if application.workload == "managed":
                yield breach(
                    f"{where}.workload",
                    application.workload,
                    "What Git delivers the program does not submit: nobody would deploy this workload.",
                    'Set workload to "external", or let the namespace\'s delivery be pulumi.',
                    f"{path}.delivery",
                )
            if application.aws_policy:
                yield breach(
                    f"{where}.awsPolicy",
                    f"{len(application.aws_policy)} statements",
                    "A role in AWS is made with the application, and the program makes nothing of this one.",
                    "Remove it and make the role elsewhere, or let the namespace's delivery be pulumi.",
                    f"{path}.delivery",
                )


def secrets_exist(settings: Settings) -> Iterator[Breach]:
    known = settings.secrets.values
    for name in known:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,62}", name):
            yield breach(
                f"secrets.values.{name}",
                name,
                "A secret's name begins with a letter, has letters, digits, '_' and '-', and at most 63 of them.",
                "Rename it; names are no secrets, and are shown.",
            )
    for _, application, path in each_application(settings):
        for variable, name in application.secrets.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                yield breach(
                    f"{path}.environment.{variable}.secret",
                    name,
                    "The stack has no secret of this name.",
                    f'Write it as "{close[0]}".'
                    if close
                    else f"Set it: pulumi config set --secret --path secrets.values.{name}",
                    "secrets",
                )
            if application.workload == "external":
                yield breach(
                    f"{path}.environment.{variable}",
                    name,
                    "Another pipeline deploys this workload: a secret given here would never reach it.",
                    'Remove it, or set workload to "managed".',
                )
    if known and settings.secrets.key is None:
        yield breach(
            "secrets.key",
            None,
            "The pods' template holds a hash of their secrets, so that they roll with them; without a key, whoever "
            "sees the pods could try short secrets against it.",
            f"Set it once: {GENERATE_KEY}",
        )


def autoscalers_are_possible(settings: Settings) -> Iterator[Breach]:
    for _, application, path in each_application(settings):
        least, most = application.min_replicas, application.max_replicas
        if least is None and most is None:
            continue
        if least is None or most is None:
            one, other = ("minReplicas", "maxReplicas") if most is None else ("maxReplicas", "minReplicas")
            yield breach(
                f"{path}.{one}",
                least or most,
                "An autoscaler needs both of its bounds.",
                f"Set {other} too, or give a fixed number of replicas.",
                f"{path}.{other}",
            )
        elif least > most:
            yield breach(
                f"{path}.minReplicas",
                least,
                f"It is above maxReplicas ({most}).",
                "Lower it, or raise maxReplicas.",
                f"{path}.maxReplicas",
            )
        if application.replicas is not None:
            yield breach(
                f"{path}.replicas",
                application.replicas,
                "An autoscaler says how many pods there are; a fixed number would never hold.",
                "Remove it, or remove minReplicas and maxReplicas.",
                f"{path}.minReplicas",
            )
        if application.workload == "external":
            yield breach(
                f"{path}.workload",
                application.workload,
                "Another pipeline deploys this workload, and its autoscaler with it.",
                'Remove minReplicas and maxReplicas, or set workload to "managed".',
            )


def strict_applications_are_not_exempt(settings: Settings) -> Iterator[Breach]:
    strict = {
        f"{application.service_name}.{namespace.name}.svc.cluster.local": namespace.name
        for namespace, application, _ in each_application(settings)
        if namespace.phase == "strict"
    }
    for index, service in enumerate(settings.mesh.plaintext_services):
        if service.host in strict:
            yield breach(
                f"mesh.plaintextServices[{index}].host",
                service.host,
                f"Namespace {strict[service.host]} is strict and refuses plaintext: nobody could call it any more.",
                "Remove the exemption, or hold the namespace at phase permissive.",
                f"namespaces[{strict[service.host]}].phase",
            )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    names_are_unique,
    identities_are_not_shared,
    applications_are_complete,
    pods_can_run,
    git_delivers_all,
    secrets_exist,
    autoscalers_are_possible,
    strict_applications_are_not_exempt,
)
