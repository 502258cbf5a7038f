"""Deploys the template to an emulator, by CloudFormation, and prints the outputs of the stack.

`minutebook up` and the tests run it with the Python of .minutebook/tools, whose boto3 the emulator
brings. The SDK for Rust would take longer to compile than all of minutebook's functions.

Standard input: a JSON object with the members of `Request`.
Standard output: a JSON object, the outputs by name.
Exit code: 0, or 1 with the reason on standard error.
"""

import hashlib
import io
import json
import re
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

POLL_SECONDS = 0.1
FAILED_CREATIONS = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}

# Lines of the template that name the source of a function.
CODE_URI = re.compile(r"CodeUri: \.\./functions/(\w+)$", re.MULTILINE)

# The attribute that holds when a row expires, as in the template.
TTL_ATTRIBUTE = "ttl"

# Readable and executable for everyone, as Lambda requires.
PROGRAM_MODE = 0o755

# The program of a function whose invocations are proxied.
STUB = b"#!/bin/sh\necho 'this function is proxied to cargo lambda watch' >&2\nexit 1\n"


@dataclass
class Request:
    """What is deployed, and where.

    `code` has the path of each function's program, or of a zip of it, or null for a stub.
    """

    endpoint_url: str
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str
    stack_name: str
    template: str
    code: dict[str, str | None]
    parameters: dict[str, str]
    seconds_max: float


class Failed(Exception):
    """The stack cannot be deployed."""


def zip_of(path):
    """The zip of a program: the same bytes for the same program.

    It is not compressed: compressing a debug build takes longer than uploading it.
    """
    if path is not None and path.endswith(".zip"):
        return Path(path).read_bytes()
    program = STUB if path is None else Path(path).read_bytes()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = PROGRAM_MODE << 16
        archive.writestr(entry, program)
    return target.getvalue()


class Deployment:
    def __init__(self, request):
        self.request = request
        self.deadline = time.monotonic() + request.seconds_max
        self.artifacts = f"{request.stack_name}-artifacts-{request.account_id}"
        self.s3 = self.client("s3")
        self.cloudformation = self.client("cloudformation")

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.request.endpoint_url,
            region_name=self.request.region,
            aws_access_key_id=self.request.access_key_id,
            aws_secret_access_key=self.request.secret_access_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def run(self):
        """Returns the outputs. A second deployment of the same code changes nothing."""
        template_url = self.upload()
        stack = self.settled()
        if stack and stack["StackStatus"] in FAILED_CREATIONS:
            # A stack whose creation failed cannot be updated.
            self.cloudformation.delete_stack(StackName=self.request.stack_name)
            stack = self.settled()
        self.create_or_update(template_url, is_new=stack is None)
        stack = self.settled()
        if stack is None:
            raise Failed("the stack that was just deployed is gone")
        if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = stack.get("StackStatusReason", stack["StackStatus"])
            raise Failed(self.first_failure() or reason)
        outputs = {
            output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
        }
        self.enable_ttl(outputs["Table"])
        return outputs

    def upload(self):
        """Uploads the code and the template; returns the template's URL.

        In a request a template may have 51,200 bytes, in a bucket 1 MB.
        """
        try:
            self.s3.head_bucket(Bucket=self.artifacts)
        except ClientError:
            self.s3.create_bucket(Bucket=self.artifacts)
        uris = {
            function: f"s3://{self.artifacts}/{self.upload_code(function, path)}"
            for function, path in self.request.code.items()
        }
        template = CODE_URI.sub(
            lambda line: f"CodeUri: {uris[line[1]]}", Path(self.request.template).read_text()
        )
        key = f"template/{hashlib.sha256(template.encode()).hexdigest()}.yaml"
        self.s3.put_object(Bucket=self.artifacts, Key=key, Body=template.encode())
        return f"{self.request.endpoint_url}/{self.artifacts}/{key}"

    def upload_code(self, function, path):
        """Uploads a zip under its hash, so that the template changes exactly when the code does."""
        body = zip_of(path)
        key = f"{function}/{hashlib.sha256(body).hexdigest()}.zip"
        try:
            self.s3.head_object(Bucket=self.artifacts, Key=key)
        except ClientError:
            self.s3.put_object(Bucket=self.artifacts, Key=key, Body=body)
        return key

    def create_or_update(self, template_url, is_new):
        change = self.cloudformation.create_stack if is_new else self.cloudformation.update_stack
        parameters = self.request.parameters.items()
        try:
            change(
                StackName=self.request.stack_name,
                TemplateURL=template_url,
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value} for name, value in parameters
                ],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as error:
            if "No updates are to be" not in str(error):
                raise

    def settled(self):
        """Waits while the stack changes, and returns it; None if there is none."""
        while time.monotonic() < self.deadline:
            stack = self.described()
            if stack is None or not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(POLL_SECONDS)
        raise Failed(f"it is still being changed after {self.request.seconds_max:.0f} s")

    def described(self):
        try:
            found = self.cloudformation.describe_stacks(StackName=self.request.stack_name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        stack = found["Stacks"][0] if found["Stacks"] else None
        return None if stack and stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def first_failure(self):
        """The failure that caused the others: the earliest with a reason of its own."""
        name = self.request.stack_name
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        # The newest comes first.
        for event in reversed(events):
            reason = event.get("ResourceStatusReason", "no reason was given")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                return f"{event['LogicalResourceId']}: {reason}"
        return None

    def enable_ttl(self, table):
        """Has expired rows deleted. MiniStack's CloudFormation ignores that the template asks."""
        dynamodb = self.client("dynamodb")
        ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"AttributeName": TTL_ATTRIBUTE, "Enabled": True},
            )


def main():
    try:
        outputs = Deployment(Request(**json.load(sys.stdin))).run()
    except (Failed, ClientError, BotoCoreError, OSError) as error:
        sys.exit(str(error))
    json.dump(outputs, sys.stdout)


if __name__ == "__main__":
    main()
