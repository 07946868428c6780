"""What the settings once took of an application, and the API server, a node or Istio refused afterwards."""

from __future__ import annotations

from collections.abc import Callable

from configuration.applications import RESERVED_APPLICATIONS
from tests.unit.configuration.bad_settings import API, API_PATH, UI, Stack, put

Bad = tuple[Callable[[Stack], None], str, str, str]


def resources(key: str, value: object) -> Callable[[Stack], None]:
    return put(f"{API}.resources.{key}", value)


def path(value: str) -> Callable[[Stack], None]:
    return put(f"{API}.callers.0.paths", [value])


BAD_WORKLOADS: dict[str, Bad] = {
    **{
        f"the variable {value}": (
            put(f"{API}.environment", {"TOKEN": value}),
            f"{API_PATH}.environment.TOKEN",
            "{secretRef: <name>/<key>}",
            "one of the four",
        )
        for value in (
            {},
            {"secret": 1},
            {"secrets": "a"},
            {"secret": "a", "secretRef": "a/b"},
            {"secretRef": "a"},
            {"secretRef": "a/b/c"},
            {"secretRef": "A/b"},
            {"secretRef": "/b"},
            {"value": "a"},
        )
    },
    "a variable that is a list": (
        put(f"{API}.environment", {"TOKEN": ["a"]}),
        f"{API_PATH}.environment.TOKEN",
        "It must be text",
        "stands in quotes",
    ),
    "a secret that the stack does not have": (
        put(f"{API}.environment", {"TOKEN": {"secret": "token"}}),
        f"{API_PATH}.environment.TOKEN.secret",
        "no secret of this name",
        "pulumi config set --secret --path secrets.values.token",
    ),
    "a request above its limit": (
        lambda tree: [resources("memory", "1Gi")(tree), resources("memoryLimit", "1000Mi")(tree)][0],
        f"{API_PATH}.resources.memory",
        "above memoryLimit (1000Mi)",
        "Raise memoryLimit",
    ),
    "a request above the limit that stands by default": (
        resources("memory", "512Mi"),
        f"{API_PATH}.resources.memory",
        "above memoryLimit (256Mi)",
        "Raise memoryLimit",
    ),
    **{
        name: (lambda tree, values=values: tree["namespaces"][0]["applications"][0].update(values), *told)
        for name, values, told in (
            (
                "an autoscaler without an upper bound",
                {"minReplicas": 2},
                (f"{API_PATH}.minReplicas", "both of its bounds", "Set maxReplicas"),
            ),
            (
                "an autoscaler without a lower bound",
                {"maxReplicas": 4},
                (f"{API_PATH}.maxReplicas", "both of its bounds", "Set minReplicas"),
            ),
            (
                "an autoscaler's bounds the wrong way round",
                {"minReplicas": 5, "maxReplicas": 4},
                (f"{API_PATH}.minReplicas", "above maxReplicas (4)", "raise maxReplicas"),
            ),
            (
                "an autoscaler down to one pod, which no drain could move",
                {"minReplicas": 1, "maxReplicas": 4},
                (f"{API_PATH}.minReplicas", "from 2 to 1000 replicas", "in that range"),
            ),
            (
                "an autoscaler and a fixed number",
                {"minReplicas": 2, "maxReplicas": 4, "replicas": 3},
                (f"{API_PATH}.replicas", "would never hold", "Remove it"),
            ),
            (
                "an autoscaler of another pipeline's pods",
                {"minReplicas": 2, "maxReplicas": 4, "workload": "external", "image": None},
                (f"{API_PATH}.workload", "its autoscaler with it", "managed"),
            ),
        )
    },
    **{
        f"memory of {text!r}": (
            resources("memory", text),
            f"{API_PATH}.resources.memory",
            "with its unit",
            '"256Mi"',
        )
        for text in ("128m", "128", "256Mb", "1Ki", "-1Gi", "0Mi", "1e3Mi")
    },
    **{
        f"processors of {text!r}": (resources("cpu", text), f"{API_PATH}.resources.cpu", "above zero", '"250m"')
        for text in ("100Mi", "0", "0m", "-1", "1.23456")
    },
    **{
        f"the image {text!r}": (put(f"{API}.image", text), f"{API_PATH}.image", rule, remedy)
        for text, rule, remedy in (
            ("ghcr.io/Example/API:1", "not a reference", "ghcr.io/example"),
            ("ghcr.io/example/api:1 ", "not a reference", "ghcr.io/example"),
            ("https://ghcr.io/example/api:1", "not a reference", "ghcr.io/example"),
            ("ghcr.io/example//api:1", "not a reference", "ghcr.io/example"),
            (":1", "not a reference", "ghcr.io/example"),
            ("api:-1", "not a reference", "ghcr.io/example"),
            ("api@sha256:abc", "64 hexadecimal digits", "whole"),
            ("api:1@md5:" + "a" * 32, "64 hexadecimal digits", "whole"),
            ("a" * 256 + ":1", "not a reference", "ghcr.io/example"),
        )
    },
    **{
        f"an empty directory over {text!r}": (
            put(f"{API}.writablePaths", [text]),
            f"{API_PATH}.writablePaths[0]",
            rule,
            remedy,
        )
        for text, rule, remedy in (
            ("/", "absolute path of a directory", "/var/cache/app"),
            ("/a/../b", "absolute path of a directory", "/var/cache/app"),
            ("/a:b", "absolute path of a directory", "/var/cache/app"),
            ("/\u00e9", "absolute path of a directory", "/var/cache/app"),
            ("/proc", "hides what the container needs", "the one directory"),
            ("/dev/shm", "hides what the container needs", "the one directory"),
            ("/var/run/secrets/eks", "hides what the container needs", "the one directory"),
        )
    },
    **{
        f"an application named {name}": (
            lambda tree, name=name: tree["namespaces"][1]["applications"].append(
                {"name": name, "image": "registry.example.com/x:1"}
            ),
            f"namespaces[legacy].applications[{name}].name",
            "has this name in every namespace",
            "another name",
        )
        for name in RESERVED_APPLICATIONS
    },
    "everybody's service account": (
        put(f"{UI}.serviceAccount", "default"),
        "namespaces[shop].applications[ui].serviceAccount",
        "every pod that names none",
        "of its own",
    ),
    **{
        f"the path {text!r}": (path(text), f"{API_PATH}.callers[0].paths[0]", rule, remedy)
        for text, rule, remedy in (
            ("/{**}/{*}", "must be the last template", "{*}"),
            ("/{**}/{**}", "must be the last template", "{*}"),
            ("/a/{*}.txt", "as whole segments", "/api/{*}/data"),
            ("/a/{name}", "as whole segments", "/api/{*}/data"),
            ("/a/..", "normalises", "normal form"),
            ("/a/.", "normalises", "normal form"),
            ("/a/../*", "normalises", "normal form"),
            ("/a%20b", "Encoded", "letters, digits"),
            ("/a%2Fb", "Encoded", "letters, digits"),
            ("/caf\u00e9", "Encoded", "letters, digits"),
            ('/a"b', "Encoded", "letters, digits"),
            ("/a\\b", "Encoded", "letters, digits"),
            ("/{*}/a^b", "Encoded", "letters, digits"),
        )
    },
}
