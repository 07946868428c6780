"""The applications of a stack, each with the path of its setting."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.applications import Application, Namespace
from configuration.settings import Settings


def each_application(settings: Settings) -> Iterator[tuple[Namespace, Application, str]]:
    for namespace in settings.namespaces:
        for application in namespace.applications:
            yield namespace, application, path_of(namespace, application)


def path_of(namespace: Namespace, application: Application) -> str:
    return f"namespaces[{namespace.name}].applications[{application.name}]"
