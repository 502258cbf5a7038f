"""One stack of CloudFormation: what it is, and how it changes."""

import secrets
import time

from botocore.exceptions import ClientError

from reasons import Failed, with_quota_hint

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

# How long AWS is left alone between two questions; an emulator is done in a second.
POLL_SECONDS = 2.0
EMULATOR_POLL_SECONDS = 0.1

# States in which a stack is settled and was created once.
SETTLED = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
# States of a stack whose creation failed: it cannot be updated, and nothing of it was ever used.
FAILED_CREATIONS = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
# The state of a stack that has a change set and nothing else.
ONLY_REVIEWED = "REVIEW_IN_PROGRESS"

# What CloudFormation says of a change set, or of an update, that would change nothing.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

BUCKET, TABLE = "AWS::S3::Bucket", "AWS::DynamoDB::Table"
STACK = "AWS::CloudFormation::Stack"
# What holds data: without it, or with a new one in its place, the deployment is another.
HOLDS_DATA = {BUCKET, TABLE, "AWS::SQS::Queue"}


class Stack:
    def __init__(self, cloud, name, seconds_max, report):
        self.cloud, self.name, self.report = cloud, name, report
        self.seconds_max = seconds_max
        self.deadline = time.monotonic() + seconds_max
        self.poll_seconds = EMULATOR_POLL_SECONDS if cloud.is_emulator else POLL_SECONDS
        self.client = cloud.client("cloudformation")

    # --- What it is ---

    def described(self, stack_id=None):
        """The stack; None if there is none. A deleted one is found by its id only."""
        try:
            found = self.client.describe_stacks(StackName=stack_id or self.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        stack = found[0] if found else None
        is_gone = stack is not None and stack["StackStatus"] == "DELETE_COMPLETE"
        return None if is_gone and stack_id is None else stack

    def settled(self, stack_id=None):
        """Waits while the stack changes, and returns it; None if there is none."""
        while True:
            stack = self.described(stack_id)
            status = stack["StackStatus"] if stack else None
            if stack is None or status == ONLY_REVIEWED or not status.endswith("_IN_PROGRESS"):
                return stack
            self.wait(f"the stack {self.name} is still {status}")

    def wait(self, state):
        if time.monotonic() >= self.deadline:
            raise Failed(f"{state} after {self.seconds_max:.0f} s: run the command again")
        time.sleep(self.poll_seconds)

    def events_since(self, stack_id, seen):
        """The events that are newer than the event `seen`, oldest first."""
        newer = []
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for page in pages:
            for event in page["StackEvents"]:
                if event["EventId"] == seen:
                    return newer[::-1]
                newer.append(event)
        return newer[::-1]

    def newest_event(self, stack_id):
        events = self.client.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events[0]["EventId"] if events else None

    def template(self):
        """The text of the template that the stack was deployed from."""
        answer = self.client.get_template(StackName=self.name, TemplateStage="Original")
        return answer["TemplateBody"]

    # --- Change sets ---

    def propose(self, template_url, parameters, is_new):
        """Makes a change set; returns its name and changes, or None if it would change nothing."""
        name = f"minutebook-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateURL=template_url,
            Parameters=parameters,
            Capabilities=CAPABILITIES,
        )
        first = self.made(name)
        if first["Status"] == "CREATE_COMPLETE":
            return name, self.changes(first)
        self.discard(name)
        reason = first.get("StatusReason", "no reason was given")
        if any(text in reason for text in NO_CHANGES):
            return None, []
        raise Failed(f"CloudFormation refuses the change: {with_quota_hint(reason)}")

    def made(self, change_set):
        """Waits until the change set is made or has failed; returns the first page of it."""
        while True:
            page = self.client.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if page["Status"] in ("CREATE_COMPLETE", "FAILED"):
                return page
            self.wait(f"the change set {change_set} is still {page['Status']}")

    def changes(self, page):
        changes = page["Changes"]
        while token := page.get("NextToken"):
            page = self.client.describe_change_set(
                StackName=self.name, ChangeSetName=page["ChangeSetName"], NextToken=token
            )
            changes += page["Changes"]
        resources = [change["ResourceChange"] for change in changes if "ResourceChange" in change]
        return [
            {
                "action": change["Action"],
                "resource": change["LogicalResourceId"],
                "type": change["ResourceType"],
                "loses_data": change["ResourceType"] in HOLDS_DATA
                and (change["Action"] == "Remove" or change.get("Replacement") == "True"),
            }
            for change in resources
        ]

    def discard(self, change_set):
        """Deletes a change set, and the stack if it has nothing else."""
        stack = self.described()
        if stack is None:
            return
        if stack["StackStatus"] == ONLY_REVIEWED:
            self.client.delete_stack(StackName=stack["StackId"])
            self.settled(stack["StackId"])
        else:
            self.client.delete_change_set(StackName=self.name, ChangeSetName=change_set)

    # --- Changing ---

    def execute(self, change_set, changes_count):
        """Carries a change set out. A creation that fails leaves nothing.

        Raises Failed with the first reason; an update is then rolled back by CloudFormation.
        """
        stack = self.described()
        if stack is None:
            raise Failed(f"the stack {self.name} was deleted meanwhile: run the command again")
        is_new = stack["StackStatus"] == ONLY_REVIEWED
        seen = self.newest_event(stack["StackId"])
        self.client.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        self.follow_to_success(stack["StackId"], seen, changes_count, is_new)

    def update(self, template_url, parameters, changes_count):
        """Updates the stack without a change set, to what it was before."""
        stack = self.settled()
        seen = self.newest_event(stack["StackId"])
        try:
            self.client.update_stack(
                StackName=self.name,
                TemplateURL=template_url,
                Parameters=parameters,
                Capabilities=CAPABILITIES,
            )
        except ClientError as error:
            if any(text in str(error) for text in NO_CHANGES):
                return
            raise
        self.follow_to_success(stack["StackId"], seen, changes_count, is_new=False)

    def follow_to_success(self, stack_id, seen, changes_count, is_new):
        events, status = self.follow(stack_id, seen, changes_count)
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        reason = first_failure(events) or f"it ended as {status}"
        if is_new and status in FAILED_CREATIONS:
            self.remove_failed_creation(stack_id)
            raise Failed(f"{reason} (nothing is left of the stack)")
        raise Failed(f"{reason} (the stack is {status})")

    def follow(self, stack_id, seen, changes_count):
        """Waits until the change that has just begun is over, and reports its events. Returns them,
        and the status of the stack.

        It goes by the events: the stack may have the status of before for a moment.
        """
        events, done, of_stack = [], set(), None
        while True:
            for event in self.events_since(stack_id, seen):
                seen = event["EventId"]
                events.append(event)
                status = event["ResourceStatus"]
                if event["ResourceType"] == STACK and event["LogicalResourceId"] == self.name:
                    of_stack = status
                    continue
                if status.endswith("_COMPLETE"):
                    done.add(event["LogicalResourceId"])
                self.report(
                    event={
                        "resource": event["LogicalResourceId"],
                        "type": event["ResourceType"],
                        "status": status,
                        "reason": event.get("ResourceStatusReason", ""),
                    },
                    done=min(len(done), changes_count),
                    total=changes_count,
                )
            if of_stack and not of_stack.endswith("_IN_PROGRESS"):
                # The status may be a moment behind, too.
                self.settled(stack_id)
                return events, of_stack
            self.wait(f"the stack {self.name} is still being changed")

    def remove_failed_creation(self, stack_id=None):
        """Deletes a stack whose creation failed, with the table that its rollback could not delete.

        The table may be protected from deletion, but no function of the stack ever worked.
        """
        stack_id = stack_id or self.described()["StackId"]
        dynamodb = self.cloud.client("dynamodb")
        tables = {
            event["PhysicalResourceId"]
            for event in self.events_since(stack_id, None)
            if event["ResourceType"] == TABLE and event.get("PhysicalResourceId")
        }
        left = [table for table in tables if is_there(dynamodb, table)]
        for table in left:
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        self.delete(stack_id)
        for table in left:
            if is_there(dynamodb, table):
                dynamodb.delete_table(TableName=table)

    def delete(self, stack_id):
        """Deletes the stack, but for what its template retains.

        Raises Failed if another resource cannot be deleted.
        """
        seen = self.newest_event(stack_id)
        resources = self.client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        count = sum(len(page["StackResourceSummaries"]) for page in resources)
        self.client.delete_stack(StackName=stack_id)
        events, status = self.follow(stack_id, seen, count)
        if status != "DELETE_COMPLETE":
            reason = first_failure(events) or f"it is {status}"
            raise Failed(f"{reason}: delete what keeps it, then run the command again")


def first_failure(events):
    """The failure that caused the others: the earliest with a reason of its own."""
    for event in events:
        reason = event.get("ResourceStatusReason", "no reason was given")
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            return with_quota_hint(f"{event['LogicalResourceId']}: {reason}")
    return None


def is_there(dynamodb, table):
    try:
        dynamodb.describe_table(TableName=table)
    except dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True
