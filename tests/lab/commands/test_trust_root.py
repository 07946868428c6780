"""docs/runbooks/trust-root.md on the running lab: its commands as they stand there, in one shell, there and back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import paths
from tests import ROOT
from tests.runbooks import blocks
from tests.whole_lab import WholeLab

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

_PAGE = ROOT / "docs" / "runbooks" / "trust-root.md"
_PUBLISHED = "configmap", "istio-ca-root-cert", "-n", "istio-ingress", "-o", r"jsonpath={.data.root-cert\.pem}"
# What the page's own words are here: the lab in the place of production, and who signs what the gateway shows others.
_SHELL = """
set -o errexit -o pipefail
make() { test "$*" = "verify STACK=prod" && (cd "$ROOT" && "$PYTHON" -m lab verify); }
signer() {
  local pod
  pod=$(kubectl get pods -n istio-ingress -l istio=ingressgateway,pod-template-hash -o name \\
      --sort-by=.metadata.creationTimestamp |
    tail -n 1)
  istioctl proxy-config secret -n istio-ingress "${pod#pod/}" -o json | "$PYTHON" -c "$CHAIN" |
    openssl x509 -noout -issuer
}
"""
# What a proxy shows others, of what istioctl says of its secrets.
_CHAIN = """
import base64, json, sys
held = {each["name"]: each["secret"] for each in json.load(sys.stdin)["dynamicActiveSecrets"]}
print(base64.b64decode(held["default"]["tlsCertificate"]["certificateChain"]["inlineBytes"]).decode())
"""


def test_another_root_takes_over_and_the_old_one_comes_back(whole_lab: WholeLab, tmp_path: Path) -> None:
    (made,), (both,), (signs,), (alone, back) = (blocks(_PAGE, part) for part in ("1.", "2.", "3.", "4."))
    before = whole_lab.tool("kubectl", "get", *_PUBLISHED).stdout
    script = _SHELL + "\n".join(
        (made, both, "echo SIGNER $(signer)", signs, "echo SIGNER $(signer)", alone, back,
         "echo SIGNER $(signer)")
    )  # fmt: skip
    tools = whole_lab.plane.toolchain
    environment = {
        **os.environ, **whole_lab.plane.environment, "ROOT": str(ROOT), "PYTHON": sys.executable, "CHAIN": _CHAIN,
        paths.STATE_VARIABLE: str(whole_lab.state),
        "PATH": f"{tools.kubectl.parent}:{tools.bin('istioctl').parent}:{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    first, second, last = re.findall(r"^SIGNER (.*)$", done.stdout, re.MULTILINE)
    assert "mesh root 2" in second
    assert first == last != second
    assert len(re.findall(r"0 failed, 0 unknown", done.stdout)) == 4
    # As it was: nothing of the other root is left to be trusted.
    assert whole_lab.tool("kubectl", "get", *_PUBLISHED).stdout.split() == before.split()
