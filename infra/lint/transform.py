"""Runs SAM's transform over the template, as CloudFormation does, and checks what comes out.

    python infra/lint/transform.py            # with the packages of infra/lint/requirements.txt

Ends with 1 and a line for each finding.
"""

import os
import re
import sys
from pathlib import Path

# The transform asks boto3 for a region, and nothing else of it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

# Whoever deploys uploads the code, and writes here where it is.
CODE_URI = re.compile(r"CodeUri: \.\./\S+")
UPLOADED = "CodeUri: s3://artifacts/function.zip"

# Limits of CloudFormation.
RESOURCES_MAX = 500
PARAMETERS_MAX = 200
TEMPLATE_BYTES_MAX = 1_000_000

# The types of resources that the transform replaces.
OF_SAM = "AWS::Serverless::"


class NoManagedPolicies:
    """No function names a managed policy: each has a role with what it uses."""

    def load(self):
        return {}


def findings(text):
    template = yaml_parse(CODE_URI.sub(UPLOADED, text))
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == f"{OF_SAM}Function"
    }
    globals_ = template["Globals"]["Function"]
    roles = {
        name for name, resource in template["Resources"].items() if resource["Type"] == "AWS::IAM::Role"
    }
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    try:
        made = transform(template, defaults, NoManagedPolicies())
    except InvalidDocumentException as error:
        return [cause.message for cause in error.causes] or [error.message]
    found = []
    resources = made["Resources"]
    left = [name for name, resource in resources.items() if resource["Type"].startswith(OF_SAM)]
    if left:
        found.append(f"these are left as they were: {', '.join(left)}")
    made_roles = {name for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"}
    if made_roles != roles:
        found.append(f"SAM adds roles: {', '.join(sorted(made_roles - roles))}")
    for name, properties in functions.items():
        function = resources[name]["Properties"]
        for setting in ("Runtime", "Architectures"):
            if function.get(setting) != globals_[setting]:
                found.append(f"{name} has {setting} {function.get(setting)!r}")
        log = function.get("LoggingConfig", {})
        if log != {**globals_["LoggingConfig"], **properties["LoggingConfig"]}:
            found.append(f"{name} logs to {log}")
        variables = function["Environment"]["Variables"]
        missing = globals_["Environment"]["Variables"].keys() - variables.keys()
        if missing:
            found.append(f"{name} lacks the variables {', '.join(sorted(missing))}")
    for name, count, most in (
        ("resources", len(resources), RESOURCES_MAX),
        ("parameters", len(made["Parameters"]), PARAMETERS_MAX),
        ("bytes", len(text.encode()), TEMPLATE_BYTES_MAX),
    ):
        if count > most:
            found.append(f"the template has {count} {name}; CloudFormation takes {most}")
    if not found:
        print(f"SAM makes {len(resources)} resources of {len(functions)} functions and the rest")
    return found


def main():
    found = findings(TEMPLATE.read_text())
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
