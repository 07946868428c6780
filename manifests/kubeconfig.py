"""The kubeconfig of an EKS cluster: who asks for tokens, and how."""

from __future__ import annotations

import json
from typing import Any


def kubeconfig(
    *, cluster_name: str, region: str, profile: str | None, endpoint: Any, certificate_authority: Any
) -> dict[str, Any]:
    """A kubeconfig that gets its tokens from the AWS CLI.

    endpoint and certificate_authority (base64) may be Outputs; they are placed as leaves. profile: named in the
    command, so that an `AWS_PROFILE` in somebody's environment changes nothing.
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster_name,
        "clusters": [
            {
                "name": cluster_name,
                "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
            }
        ],
        "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
        "users": [
            {
                "name": cluster_name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "aws",
                        "args": [
                            *("--region", region),
                            *("eks", "get-token", "--cluster-name", cluster_name, "--output", "json"),
                            *_profile(profile),
                        ],
                        "interactiveMode": "Never",
                    }
                },
            }
        ],
    }


def with_profile(text: str, profile: str | None) -> str:
    """The same kubeconfig (JSON), its AWS CLI calls made with `profile`; anything else in it stays as it is.

    pulumi-eks hands out its kubeconfig without a profile, whatever its credentials were.
    """
    if profile is None:
        return text
    config = json.loads(text)
    for user in config.get("users", []):
        command = user.get("user", {}).get("exec", {})
        if command.get("command") == "aws" and "--profile" not in command.get("args", []):
            command["args"] = [*command.get("args", []), *_profile(profile)]
    return json.dumps(config)


def _profile(profile: str | None) -> tuple[str, ...]:
    return ("--profile", profile) if profile else ()
