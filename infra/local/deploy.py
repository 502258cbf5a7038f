"""Creates or updates a stack by CloudFormation, waits until it is done, and prints its outputs.

`minutebook up` and the tests run it for the emulator, with the Python of .minutebook/tools. Rust's
SDK for CloudFormation would take longer to compile than all of minutebook's functions.

Standard input: a JSON object with the members of `Request`.
Standard output: a JSON object, the outputs of the stack by name.
Exit code: 0, or 1 with the reason on standard error.
"""

import json
import sys
import time
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

POLL_SECONDS = 0.1
FAILED_CREATIONS = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


@dataclass
class Request:
    """What is deployed, and where."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    stack_name: str
    template_url: str
    parameters: dict[str, str]
    seconds_max: float


class Failed(Exception):
    """The stack cannot be deployed."""


class Deployment:
    def __init__(self, request):
        self.request = request
        self.deadline = time.monotonic() + request.seconds_max
        self.cloudformation = boto3.client(
            "cloudformation",
            endpoint_url=request.endpoint_url,
            region_name=request.region,
            aws_access_key_id=request.access_key_id,
            aws_secret_access_key=request.secret_access_key,
        )

    def run(self):
        """Returns the outputs."""
        stack = self.settled()
        if stack and stack["StackStatus"] in FAILED_CREATIONS:
            # A stack whose creation failed cannot be updated.
            self.cloudformation.delete_stack(StackName=self.request.stack_name)
            stack = self.settled()
        self.create_or_update(is_new=stack is None)
        stack = self.settled()
        if stack is None:
            raise Failed("the stack that was just deployed is gone")
        if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            reason = stack.get("StackStatusReason", stack["StackStatus"])
            raise Failed(self.first_failure() or reason)
        outputs = stack.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def create_or_update(self, is_new):
        change = self.cloudformation.create_stack if is_new else self.cloudformation.update_stack
        parameters = self.request.parameters.items()
        try:
            change(
                StackName=self.request.stack_name,
                TemplateURL=self.request.template_url,
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


def main():
    try:
        outputs = Deployment(Request(**json.load(sys.stdin))).run()
    except (Failed, ClientError, BotoCoreError) as error:
        sys.exit(str(error))
    json.dump(outputs, sys.stdout)


if __name__ == "__main__":
    main()
