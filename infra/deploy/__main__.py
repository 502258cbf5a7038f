"""Deploys the template by CloudFormation, to AWS or to an emulator, and removes what it deployed.

`minutebook deploy`, `destroy` and `up` and the tests run it with the Python of .minutebook/tools,
whose boto3 the emulator brings. The SDK for Rust would take longer to compile than all of
minutebook's functions.

Standard input: a JSON object with the members of `Request`.
Standard output: JSON objects, one a line: the progress of the stack's resources, then
`{"result": …}` with what the command returns.
Exit code: 0, or 1 with the reason on standard error.

Commands:
- `deploy`: plans and applies, without asking.
- `plan`: uploads the code and makes a change set.
- `apply`: carries out the change set of a plan.
- `discard`: deletes the change set of a plan.
- `restore`: deploys again what a plan has found.
- `inspect`: says what the stack has.
- `destroy`: deletes it.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from artifacts import Artifacts
from cloud import Cloud
from package import parameters_of
from reasons import Failed, in_one_line
from stack import BUCKET, FAILED_CREATIONS, ONLY_REVIEWED, SETTLED, TABLE, Stack, is_there

# The attribute that holds when a row expires, as in the template.
TTL_ATTRIBUTE = "ttl"


@dataclass
class Request:
    """What is done, and where.

    `code` has the path of each function's program, or of a zip of it, or null for a stub.
    `plan` is what the command `plan` returned.
    """

    command: str
    stack_name: str
    seconds_max: float
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    template: str | None = None
    code: dict[str, str | None] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    # Whether parameters that are not given keep their values; else they get their defaults.
    keeps_parameters: bool = False
    artifact_bucket: str | None = None
    plan: dict = field(default_factory=dict)


def report(**members):
    print(json.dumps(members), flush=True)


class Deployment:
    def __init__(self, request):
        self.request = request
        self.cloud = Cloud(request)
        self.stack = Stack(self.cloud, request.stack_name, request.seconds_max, report)

    def run(self):
        return getattr(self, self.request.command)()

    def deploy(self):
        """A second deployment of the same code and parameters changes nothing."""
        self.request.plan = self.plan()
        return self.apply()

    def plan(self):
        before = self.deployed()
        kept = before["parameters"] if before and self.request.keeps_parameters else {}
        parameters = self.parameters(kept)
        architecture = {"Architecture": "arm64", **kept, **self.request.parameters}["Architecture"]
        artifacts = Artifacts(self.cloud, self.request.artifact_bucket)
        artifacts.make_bucket()
        template_url = artifacts.upload(self.request.template, self.request.code, architecture)
        change_set, changes = self.stack.propose(template_url, listed(parameters), before is None)
        return {
            "account": self.cloud.account,
            "region": self.cloud.region,
            "artifact_bucket": artifacts.bucket,
            "is_new": before is None,
            "change_set": change_set,
            "changes": changes,
            "before": before and {
                "template_url": artifacts.upload_template(before["template"]),
                "parameters": before["parameters"],
            },
        }

    def deployed(self):
        """The template and the parameters of the stack; None if there is none."""
        stack = self.stack.settled()
        if stack and stack["StackStatus"] in FAILED_CREATIONS:
            self.stack.remove_failed_creation()
            return None
        if stack is None or stack["StackStatus"] == ONLY_REVIEWED:
            return None
        status = stack["StackStatus"]
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Failed(
                f"the stack {self.stack.name} could not be rolled back: see its events, then run "
                f"`aws cloudformation continue-update-rollback --stack-name {self.stack.name}`"
            )
        if status not in SETTLED:
            raise Failed(
                f"the stack {self.stack.name} is {status}: run `minutebook destroy --stack "
                f"{self.stack.name}` first"
            )
        return {"template": text_of(self.stack.template()), "parameters": values_of(stack)}

    def parameters(self, kept):
        """The value of each parameter that is not left to its default; None keeps what it has."""
        declared = parameters_of(Path(self.request.template).read_text())
        for name in self.request.parameters:
            if name not in declared:
                raise Failed(f"the template has no parameter {name}: it has {', '.join(declared)}")
        return {**{name: None for name in declared if name in kept}, **self.request.parameters}

    def apply(self):
        plan = self.request.plan
        if plan["change_set"]:
            self.stack.execute(plan["change_set"], len(plan["changes"]))
        return self.outputs()

    def outputs(self):
        stack = self.stack.described()
        if stack is None:
            raise Failed("the stack that was just deployed is gone")
        outputs = {
            output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
        }
        if self.cloud.is_emulator:
            self.enable_ttl(outputs["Table"])
        return {"outputs": outputs, "parameters": values_of(stack)}

    def discard(self):
        self.stack.discard(self.request.plan["change_set"])
        return {}

    def restore(self):
        before, changes = self.request.plan["before"], self.request.plan["changes"]
        self.stack.update(before["template_url"], listed(before["parameters"]), len(changes))
        return self.outputs()

    def inspect(self):
        """What the stack has, and what of it `destroy` keeps; nothing if there is none."""
        stack = self.stack.settled()
        if stack is None:
            return {"account": self.cloud.account, "region": self.cloud.region, "resources": []}
        pages = self.stack.client.get_paginator("list_stack_resources")
        resources = [
            {
                "resource": resource["LogicalResourceId"],
                "type": resource["ResourceType"],
                "name": resource.get("PhysicalResourceId", ""),
                "is_kept": self.is_kept(resource),
            }
            for page in pages.paginate(StackName=stack["StackId"])
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] != "DELETE_COMPLETE"
        ]
        return {
            "account": self.cloud.account,
            "region": self.cloud.region,
            "status": stack["StackStatus"],
            # A stack whose creation failed is made anew.
            "parameters": values_of(stack) if stack["StackStatus"] in SETTLED else {},
            "resources": resources,
        }

    def is_kept(self, resource):
        """Buckets outlive the stack, and so does a table that is protected from deletion."""
        if resource["ResourceType"] == TABLE:
            return self.is_protected(resource["PhysicalResourceId"])
        return resource["ResourceType"] == BUCKET

    def is_protected(self, table):
        dynamodb = self.cloud.client("dynamodb")
        try:
            table = dynamodb.describe_table(TableName=table)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return False
        return table.get("DeletionProtectionEnabled", False)

    def destroy(self):
        resources = self.inspect()["resources"]
        stack = self.stack.described()
        if stack is None:
            return {}
        if stack["StackStatus"] in FAILED_CREATIONS:
            self.stack.remove_failed_creation(stack["StackId"])
            return {}
        # The template retains the table. It goes first, so that a destroy that is interrupted can
        # be repeated.
        dynamodb = self.cloud.client("dynamodb")
        for each in resources:
            is_table = each["type"] == TABLE
            if is_table and not each["is_kept"] and is_there(dynamodb, each["name"]):
                dynamodb.delete_table(TableName=each["name"])
        self.stack.delete(stack["StackId"])
        return {}

    def enable_ttl(self, table):
        """Has expired rows deleted. MiniStack's CloudFormation ignores that the template asks."""
        dynamodb = self.cloud.client("dynamodb")
        ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"AttributeName": TTL_ATTRIBUTE, "Enabled": True},
            )


def listed(parameters):
    """Parameters as CloudFormation takes them; None keeps the value of before."""
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in parameters.items()
    ]


def values_of(stack):
    return {
        parameter["ParameterKey"]: parameter["ParameterValue"]
        for parameter in stack.get("Parameters", [])
    }


def text_of(template):
    """The text of a template, which boto3 has parsed if it is JSON."""
    return template if isinstance(template, str) else json.dumps(template)


def main():
    request = Request(**json.load(sys.stdin))
    try:
        result = Deployment(request).run()
    except Failed as error:
        sys.exit(str(error))
    except (ClientError, BotoCoreError, OSError) as error:
        sys.exit(in_one_line(error, request.profile))
    report(result=result)


if __name__ == "__main__":
    main()
