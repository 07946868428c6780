"""A service of the SDK imported by name has what the whole package has."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import ROOT

NAMES = (
    "ec2.get_vpc_output",  # before `get_vpc`, which is a function and its module
    "ec2.get_vpc",
    "ec2.Vpc",
    "ec2.VpcEndpoint",
    "ec2.LaunchTemplateMetadataOptionsArgs",
    "ec2.outputs",
    "s3.Bucket",
    "s3.BucketVersioning",  # `outputs` has one too
    "eks.AddonPodIdentityAssociationArgs",
    "iam.RolePolicyAttachment",
    "acm.Certificate",
    "lb.get_hosted_zone_id_output",
    "eks.ClusterArgs",
)
PROGRAM = f"""
import json, sys
from offline.sdk_packages import imported_by_name
def found():
    import pulumi_aws as aws
    values = [(name, getattr(getattr(aws, name.split(".")[0]), name.split(".")[1])) for name in {NAMES}]
    return [(name, type(value).__name__, value.__name__) for name, value in values]
if sys.argv[1] == "by-name":
    with imported_by_name():
        names = found()
else:
    names = found()
modules = [name for name in sys.modules if name.startswith("pulumi_aws.ec2.")]
missing = hasattr(sys.modules["pulumi_aws"].ec2, "NoSuchThing")
print(json.dumps([names, len(modules), missing]))
"""


def imported(how: str) -> tuple[list[list[str]], int, bool]:
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_each_name_is_found_and_few_modules_are_imported_for_them() -> None:
    by_name, few, missing = imported("by-name")
    whole, many, _ = imported("whole")
    assert by_name == whole
    assert few < 12 < 100 < many
    assert missing is False, "for what it does not have, a package imports all of itself, and says so"
