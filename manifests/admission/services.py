"""Services: none reaches the node or the world, and none takes an application's traffic or its name."""

from __future__ import annotations

from configuration.applications import Namespace
from manifests.admission.cel import DEPLOYER, by_namespace, literal, none_of_istios
from manifests.admission.policy import Policy, Resources, Rule


def service_policy(namespaces: tuple[Namespace, ...]) -> Policy:
    """namespaces: those in the mesh."""
    declared = {
        item.name: literal(application.name for application in item.applications)
        for item in namespaces
        if item.applications
    }
    managed = {
        item.name: literal(one.name for one in item.applications if one.workload == "managed")
        for item in namespaces
        if any(one.workload == "managed" for one in item.applications)
    }
    return Policy(
        name="mesh-services",
        resources=(Resources(group="", names=("services",), operations=("CREATE", "UPDATE")),),
        variables=(
            DEPLOYER,
            ("spec", "dyn(object.spec)"),
            ("app", "variables.spec.?selector.?app.orValue('')"),
            ("declared", by_namespace(declared, "[]")),
            ("managed", by_namespace(managed, "[]")),
            # What was there before is judged when it changes.
            (
                "changed",
                "request.operation == 'CREATE' || variables.spec != dyn(oldObject.spec) || "
                "object.metadata.?labels != oldObject.metadata.?labels || "
                "object.metadata.?annotations != oldObject.metadata.?annotations",
            ),
        ),
        rules=(
            _rule(
                "variables.spec.?type.orValue('ClusterIP') == 'ClusterIP' && "
                "size(variables.spec.?externalIPs.orValue([])) == 0 && !has(variables.spec.externalName) && "
                "variables.spec.?ports.orValue([]).all(port, port.?nodePort.orValue(0) == 0)",
                "A Service of the mesh is a ClusterIP: what is public is a host of an application, in the settings.",
            ),
            # A selector without `app` could match the pods of any application.
            _rule(
                "variables.app != '' && "
                "(!(variables.app in variables.declared) || object.metadata.name == variables.app)",
                "A Service selects its own application's pods, by the label `app`.",
            ),
            _rule(
                "!(object.metadata.name in variables.declared) || variables.app == object.metadata.name",
                "The name is an application's of the stack: its Service leads to its pods.",
            ),
            _rule(
                "!(object.metadata.name in variables.managed)",
                "The program makes this Service: change the application in the stack's settings.",
            ),
            _rule(
                f"{none_of_istios('object.metadata.?labels.orValue({})')} && "
                f"{none_of_istios('object.metadata.?annotations.orValue({})')}",
                "A label or an annotation of Istio's would change who is trusted as this Service: remove it.",
            ),
        ),
    )


def _rule(expression: str, message: str) -> Rule:
    return Rule(expression=f"!variables.changed || ({expression}) || variables.deployer", message=message)
