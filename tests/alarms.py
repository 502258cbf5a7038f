#!/usr/bin/env python3
"""Deploys the template to an emulator of its own, with alarms, and shows when each of them rings.

    .minutebook/tools/bin/python tests/alarms.py

The functions are stubs. Each alarm that CloudFormation has made is evaluated, by CloudWatch's rules for periods and
missing data as they are written here once more, on what its metric would be: when all is well, when little is wrong, and
when it has to ring. What the emulator evaluates itself, the metrics of the functions, is also sent to it. The composite
alarm, whose type the emulator's CloudFormation does not know, is put there with the rule of the template.
Ends with 1 at the first difference.
"""

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"
ACCOUNT = "000000000000"
REGION = "us-east-1"
STACK = "alarms"
PATIENCE_SECONDS = 60
ALARM, OK, UNKNOWN = "ALARM", "OK", "INSUFFICIENT_DATA"

# For each alarm: what its metric was in the last periods, the newest last, and the state that follows. None is a period
# without data. What is not listed was before: nothing.
NOTHING = None
CASES = {
    "DeadLettersAlarm": [([NOTHING], OK), ([0], OK), ([1], ALARM)],
    "QueueAgeAlarm": [
        ([NOTHING] * 5, OK),
        ([901] * 5, ALARM),
        ([900, 901, 901, 901, 901], OK),
        ([901] * 4 + [0], OK),
    ],
    # A chunk that fails five times, with twelve minutes between the attempts, raises no alarm before it is a dead letter.
    "FailedAttemptsAlarm": [([NOTHING, 1], OK), ([6, NOTHING], OK), ([5, 5], OK), ([6, 6], ALARM)],
    # A run fails if any hour does. One good run in five minutes makes the minimum zero.
    "RollupAlarm": [
        ([0] * 12, OK),
        ([1] * 11 + [0], OK),
        ([0] + [1] * 11, OK),
        ([1] * 12, ALARM),
        ([NOTHING] * 12, UNKNOWN),
        ([NOTHING] * 11 + [0], OK),
    ],
    # Reported for each five minutes, unless it is zero; one late report does not end it.
    "RejectedLinesAlarm": [
        ([NOTHING, NOTHING], OK),
        ([NOTHING, 5], OK),
        ([NOTHING, 5.1], ALARM),
        ([100, NOTHING], ALARM),
    ],
    "ApiErrorsAlarm": [([NOTHING], OK), ([5], OK), ([6], ALARM)],
    "TableThrottlesAlarm": [([NOTHING] * 3, OK), ([500, 500, NOTHING], OK), ([101] * 3, ALARM)],
    "KinesisAgeAlarm": [([NOTHING], OK), ([900_000], OK), ([900_001], ALARM)],
    "KafkaLagAlarm": [([NOTHING] * 3, OK), ([100_001, 100_000, 100_001], OK), ([100_001] * 3, ALARM)],
}

# The metrics of the functions, and a value at which the emulator, too, has to say that the alarm rings.
OWN = {"failed": 50, "throttles": 500, "rejected_percent": 100}


def state(alarm, values):
    """The state of an alarm by its settings: which of its last periods breach, and what stands for missing data."""
    periods, needed = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
    if alarm["ComparisonOperator"] != "GreaterThanThreshold":
        sys.exit(f"{alarm['AlarmName']} compares with {alarm['ComparisonOperator']}")
    values = ([NOTHING] * periods + values)[-periods:]
    missing = {"notBreaching": False, "breaching": True, "missing": None}[alarm["TreatMissingData"]]
    breaches = [missing if value is NOTHING else value > alarm["Threshold"] for value in values]
    known = [breach for breach in breaches if breach is not None]
    if not known:
        return UNKNOWN
    return ALARM if sum(known) >= needed else OK


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def emulator():
    """The URL of an emulator, with state of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "wb") as log:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "STATE_DIR": str(Path(folder) / "state"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "AWS_ENDPOINT_URL": url,
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        program = Path(sys.executable).with_name("ministack")
        started = subprocess.Popen([program], env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(url)
            yield url
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def wait_for(url):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("the emulator does not start")
            time.sleep(0.1)


def deploy(url, parameters):
    """Deploys the template with stubs, and returns its outputs."""
    stub = io.BytesIO()
    with zipfile.ZipFile(stub, "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\nexit 1\n")
    s3, cloudformation = client(url, "s3"), client(url, "cloudformation")
    s3.create_bucket(Bucket=STACK)
    s3.put_object(Bucket=STACK, Key="stub.zip", Body=stub.getvalue())
    text = re.sub(r"CodeUri: \S+", f"CodeUri: s3://{STACK}/stub.zip", TEMPLATE.read_text())
    s3.put_object(Bucket=STACK, Key="template.yaml", Body=text.encode())
    parameters = {
        "RequireTls": "false",
        "DeletionProtection": "false",
        "IngestMaxConcurrency": "0",
        "LiveHost": f"{url}/_aws/execute-api",
        **parameters,
    }
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{url}/{STACK}/template.yaml",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() > deadline:
            sys.exit(f"the stack is {stack['StackStatus']}: {stack.get('StackStatusReason')}")
        time.sleep(0.1)


def client(url, service):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="emulator",
        config=Config(s3={"addressing_style": "path"}),
    )


def alarms_of(cloudwatch):
    """The alarms by the names that the template gives them."""
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(f"{STACK}-").rsplit("-", 1)[0]: alarm for alarm in found}


def expect(is_so, sentence):
    if not is_so:
        sys.exit(sentence)


def check_none_without_a_topic(url):
    deploy(url, {})
    found = alarms_of(client(url, "cloudwatch"))
    expect(not found, f"nobody is told of {', '.join(found)}")


def check_settings(url):
    streams = {
        "KinesisStreamArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/events",
        "KafkaBrokers": "127.0.0.1:9092",
        "KafkaSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:kafka",
    }
    client(url, "kinesis").create_stream(StreamName="events", ShardCount=1)
    outputs = deploy(url, {"AlarmEmail": "operator@shop.example", "CreateDashboard": "true", **streams})
    cloudwatch = client(url, "cloudwatch")
    alarms = alarms_of(cloudwatch)
    expect(alarms.keys() == CASES.keys(), f"the alarms are {sorted(alarms)}")
    topics = {topic["TopicArn"] for topic in client(url, "sns").list_topics()["Topics"]}
    for name, alarm in alarms.items():
        expect(set(alarm["AlarmActions"]) <= topics and alarm["AlarmActions"], f"{name} tells nobody")
        for values, expected in CASES[name]:
            found = state(alarm, values)
            expect(found == expected, f"{name} is {found} after {values}, not {expected}")
    told_of_silence = alarms["RollupAlarm"]["InsufficientDataActions"]
    expect(told_of_silence == alarms["RollupAlarm"]["AlarmActions"], "nobody is told that rollup does not run")
    for alarm in alarms.values():
        if alarm["Namespace"] == "minutebook":
            table = {"Name": "table", "Value": outputs["Table"]}
            expect(table in alarm["Dimensions"], f"{alarm['AlarmName']} is not of this stack")
    body = cloudwatch.get_dashboard(DashboardName=STACK)["DashboardBody"]
    expect(len(json.loads(body)["widgets"]) == 4, body)
    return alarms


def check_emulated(url, alarms):
    """Sends what the functions would write, and waits for nothing: the emulator evaluates at once."""
    cloudwatch = client(url, "cloudwatch")
    for name, alarm in alarms.items():
        if alarm["Namespace"] != "minutebook":
            continue
        for value, expected in ((0, OK), (OWN[alarm["MetricName"]], ALARM)):
            cloudwatch.put_metric_data(
                Namespace=alarm["Namespace"],
                MetricData=[
                    {
                        "MetricName": alarm["MetricName"],
                        "Dimensions": alarm["Dimensions"],
                        "Value": value,
                    }
                ],
            )
            found = alarms_of(cloudwatch)[name]["StateValue"]
            expect(found == expected, f"{name} is {found} after {value}, not {expected}")


def check_pager(url, alarms):
    """The rule of the composite alarm, with each alarm in turn the only one that rings."""
    text = TEMPLATE.read_text()
    rule = text.split("AlarmRule: !Sub", 1)[1].split("AlarmActions", 1)[0]
    rule = " ".join(re.findall(r'(?:ALARM|INSUFFICIENT_DATA)\("\$\{\w+\}"\)', rule)).replace(") ", ") OR ")
    named = re.sub(r"\$\{(\w+)\}", lambda found: alarms[found[1]]["AlarmName"], rule)
    cloudwatch = client(url, "cloudwatch")

    def set_all(state_of):
        for name, alarm in alarms.items():
            cloudwatch.set_alarm_state(
                AlarmName=alarm["AlarmName"], StateValue=state_of(name), StateReason="a test"
            )

    set_all(lambda _: OK)
    cloudwatch.put_composite_alarm(AlarmName="unwell", AlarmRule=named)
    silent = [(None, OK), *((name, ALARM) for name in alarms), ("RollupAlarm", UNKNOWN)]
    for ringing, its_state in silent:
        set_all(lambda name: its_state if name == ringing else OK)
        described = cloudwatch.describe_alarms(AlarmNames=["unwell"], AlarmTypes=["CompositeAlarm"])
        found = described["CompositeAlarms"][0]["StateValue"]
        expected = OK if ringing is None else ALARM
        expect(found == expected, f"the pager's alarm is {found} while {ringing} is {its_state}")


def main():
    with emulator() as url:
        check_none_without_a_topic(url)
    with emulator() as url:
        alarms = check_settings(url)
        check_emulated(url, alarms)
        check_pager(url, alarms)
    print(f"{len(alarms)} alarms ring when they have to, and so does the pager's")


if __name__ == "__main__":
    main()
