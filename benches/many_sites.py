#!/usr/bin/env python3
"""Measures sealing an hour of many sites on the local stack, and what others notice of it.

    cargo mb up --sites-max 0 && python3 benches/many_sites.py [--sites 10000] [--sites-per-file 1000] [--customers]

It puts one view for each site (with --customers of a customer, whose sketches are merged into four
periods) and waits until all are counted. Then it moves their rows two hours back, as if the hour
were over, and runs `rollup` once a minute, as its schedule does, until the hour of no site is open.
It asks for `/stats` of another site and for `/health` 20 times before the sites exist, while their
hours wait, and when all is done; and again and again during the runs.

It prints the seconds of counting, of all runs of `rollup`, and from the first run until the list of
open hours is empty (with the minutes in which sealing waits); then the medians of both calls. It
ends with 1 if an hour of a hundredth of the sites is not rolled up as it should be.

It needs the local stack to itself, and Python 3.10 or newer. `minutebook verify` finds differences
afterwards, since the rows have moved: `cargo mb down` removes them.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STACK = ROOT / ".minutebook" / "stack.json"
ASKED = 20
HOURS_BACK = 2
ITEM = "1"
OTHER_EVENTS = 500
# As the schedule of rollup.
SECONDS_BETWEEN_RUNS = 60
BATCH_WRITES_MAX = 25
# The partitions of the list of open hours, that of builds before included.
OPEN_PARTITIONS = [f"OPEN#{digit:x}" for digit in range(16)] + ["OPEN"]
PATIENCE_SECONDS = 3_600
POLL_SECONDS = 0.5
# The emulator answers one call at a time: questions must not take much of its time from rollup.
SECONDS_BETWEEN_QUESTIONS = 5


class Stack:
    """The local stack."""

    def __init__(self):
        self.stack = json.loads(STACK.read_text())
        self.table = self.stack["table"]
        self.rollup = self.stack["functions"]["rollup"]

    def call(self, service, path, body, headers=(), method="POST"):
        key, region = self.stack["access_key_id"], self.stack["region"]
        credential = f"{key}/20261121/{region}/{service}/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        request = urllib.request.Request(
            self.stack["endpoint_url"] + path,
            data=body,
            headers={"authorization": authorization, **dict(headers)},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.read()

    def dynamodb(self, operation, **arguments):
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        return json.loads(self.call("dynamodb", "/", json.dumps(arguments).encode(), headers))

    def set_schedule(self, is_enabled):
        operation = "EnableRule" if is_enabled else "DisableRule"
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSEvents.{operation}",
        }
        self.call("events", "/", json.dumps({"Name": self.rollup}).encode(), headers)

    def put(self, key, lines):
        self.call("s3", f"/{self.stack['bucket']}/{key}", "".join(lines).encode(), method="PUT")

    def run_rollup(self):
        """Runs rollup to its end, whatever it answers, and returns the seconds."""
        begun = time.monotonic()
        path = f"/2015-03-31/functions/{self.rollup}/invocations"
        try:
            self.call("lambda", path, b"{}")
        except urllib.error.HTTPError as error:
            print(f"  rollup: {error.code} {error.read().decode()[:200]}", file=sys.stderr)
        return time.monotonic() - begun

    def seconds_of(self, path):
        """How long a call of the API takes; it has to be answered with 200."""
        begun = time.monotonic()
        with urllib.request.urlopen(self.stack["api_url"] + path, timeout=60) as answer:
            answer.read()
        return time.monotonic() - begun

    def waiting_chunks(self):
        with urllib.request.urlopen(self.stack["api_url"] + "/health", timeout=60) as answer:
            health = json.loads(answer.read())
        return health["queue_size"] + health["in_flight"]

    def pages(self, operation, **arguments):
        while True:
            page = self.dynamodb(operation, TableName=self.table, ConsistentRead=True, **arguments)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def rows(self, pk, prefix):
        return self.pages(
            "Query",
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": pk}, ":sk": {"S": prefix}},
        )

    def open_hours(self, prefix):
        """The rows of the open hours of the sites with a prefix."""
        return (row for partition in OPEN_PARTITIONS for row in self.rows(partition, prefix))

    def write(self, writes):
        for first in range(0, len(writes), BATCH_WRITES_MAX):
            wanted = {self.table: writes[first : first + BATCH_WRITES_MAX]}
            while wanted:
                wanted = self.dynamodb("BatchWriteItem", RequestItems=wanted)["UnprocessedItems"]


def until(condition, what):
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"{what} after {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - begun


def hour_name(time_of_hour):
    return time_of_hour.strftime("%Y-%m-%dT%H")


def event(site, now, customer=None):
    members = {"type": "view", "timestamp": now.isoformat(), "item_id": ITEM, "site_id": site}
    if customer is not None:
        members["customer_id"] = customer
    return json.dumps(members) + "\n"


def move_back(stack, sites, hour, older):
    """Gives the rows of the sites' hour the keys of an older one."""
    moved = []
    of_sites = {f"T#{site}#{hour}": f"T#{site}#{older}" for site in sites}
    for item in stack.pages("Scan"):
        if item["pk"]["S"] in of_sites:
            moved.append((item, item | {"pk": {"S": of_sites[item["pk"]["S"]]}}))
    of_sites = {f"{site}#{hour}": f"{site}#{older}" for site in sites}
    for item in stack.pages("Scan"):
        if item["pk"]["S"] in OPEN_PARTITIONS and item["sk"]["S"] in of_sites:
            moved.append((item, item | {"sk": {"S": of_sites[item["sk"]["S"]]}}))
    stack.write([{"PutRequest": {"Item": after}} for _, after in moved])
    keys = [{"pk": before["pk"], "sk": before["sk"]} for before, _ in moved]
    stack.write([{"DeleteRequest": {"Key": key}} for key in keys])


def medians(stack, paths):
    return [statistics.median(stack.seconds_of(path) for _ in range(ASKED)) for path in paths]


def seal(stack, prefix, paths):
    """Runs rollup each minute until no hour is open.

    Returns the seconds of each run, those from the first to the end, and the medians of the calls
    during the runs.
    """
    runs, asked = [], [[] for _ in paths]
    begun = time.monotonic()
    while any(stack.open_hours(prefix)):
        next_run = begun + len(runs) * SECONDS_BETWEEN_RUNS
        time.sleep(max(0, next_run - time.monotonic()))
        thread = threading.Thread(target=lambda: runs.append(stack.run_rollup()))
        thread.start()
        while thread.is_alive():
            for path, times in zip(paths, asked):
                times.append(stack.seconds_of(path))
            thread.join(SECONDS_BETWEEN_QUESTIONS)
        print(f"  a run of rollup took {runs[-1]:.1f} s", file=sys.stderr, flush=True)
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"the hours are not sealed after {PATIENCE_SECONDS} s")
    return runs, time.monotonic() - begun, [statistics.median(times) for times in asked]


def check(stack, sites, older):
    """Every hundredth site has its view in the row of its hour, once."""
    day, hour = older.split("T")
    for site in sites[::100]:
        found = list(stack.rows(f"T#{site}#{day}", f"views#{hour}#"))
        if [row.get(f"i#{ITEM}") for row in found] != [{"N": "1"}]:
            sys.exit(f"the hour {older} of {site} is {found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--sites-per-file", type=int, default=1_000)
    parser.add_argument("--customers", action="store_true", help="give each event a customer")
    arguments = parser.parse_args()
    stack = Stack()
    run = int(time.time())
    prefix = f"many-{run}-"
    sites = [f"{prefix}{number:06}" for number in range(arguments.sites)]
    other = f"other-{run}"
    customer = "c-1" if arguments.customers else None
    paths = [f"/stats?site_id={other}", "/health"]
    load_before = os.getloadavg()[0]
    stack.set_schedule(False)
    try:
        now = datetime.now(timezone.utc)
        hour = hour_name(now)
        older = hour_name(now - timedelta(hours=HOURS_BACK))
        stack.put(f"many-sites/{run}/other.jsonl", [event(other, now) for _ in range(OTHER_EVENTS)])
        until(lambda: any(stack.open_hours(other)), "the other site is not counted")
        until(lambda: stack.waiting_chunks() == 0, "the other site is not counted")
        figures = [("before", medians(stack, paths))]

        begun = time.monotonic()
        for first in range(0, len(sites), arguments.sites_per_file):
            of_file = sites[first : first + arguments.sites_per_file]
            key = f"many-sites/{run}/{first:06}.jsonl"
            stack.put(key, [event(site, now, customer) for site in of_file])
        is_listed = lambda: sum(1 for _ in stack.open_hours(prefix)) == len(sites)
        until(is_listed, "not every site is listed")
        until(lambda: stack.waiting_chunks() == 0, "not every site is counted")
        counting = time.monotonic() - begun
        print(f"  counted in {counting:.1f} s", file=sys.stderr, flush=True)
        move_back(stack, sites, hour, older)
        figures.append(("while their hours wait", medians(stack, paths)))

        runs, elapsed, during = seal(stack, prefix, paths)
        figures.append(("during runs of rollup", during))
        figures.append(("when all is done", medians(stack, paths)))
        check(stack, sites, older)
    finally:
        stack.set_schedule(True)
    load = f"load {load_before:.1f} before and {os.getloadavg()[0]:.1f} after"
    what = "one event of a customer each" if arguments.customers else "one event each"
    print(f"{len(sites)} sites, {what}, in files of {arguments.sites_per_file}; {load}")
    print(f"counting: {counting:.1f} s")
    spent = ", ".join(f"{seconds:.1f}" for seconds in runs)
    print(f"sealing: {sum(runs):.1f} s in {len(runs)} runs ({spent}), {elapsed:.1f} s with waits\n")
    print("| | `/stats` of another site | `/health` |\n|---|---|---|")
    for when, (stats, health) in figures:
        print(f"| {when} | {stats * 1000:.0f} ms | {health * 1000:.0f} ms |")


if __name__ == "__main__":
    main()
