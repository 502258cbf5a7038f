#!/usr/bin/env python3
"""Posts events at many at once while the stack fails, and holds the answers against sums of its own.

    cargo mb up && python3 tests/posts.py [--posts 1000] [--events 100] [--at-once 50] [--outage-seconds 30] [--seed 1]

The posts go out in three thirds: while `ingest` cannot start, while the table is out of reach of every function, and
while all is well. A post that gets no 2xx is repeated with the same Idempotency-Key. Then the queue is waited for,
every answer is compared with what was accepted, `minutebook verify` recounts it all, and no chunk may lie in the dead
letters.
Ends with a status other than 0 at the first difference. It needs the local stack to itself.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from local_stack import Stack, call

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ROOT / "target" / "debug" / "minutebook"
# A site for each run, so that the sums are of its posts alone.
SITE = f"posts-{int(time.time())}"
ITEMS = 10
# So few that the sketches of users are exact.
USERS = 900
# Nearly all events are of the last minute, as those that are posted are; some are of hours that are closed, so that both
# ways of counting are taken.
HOURS_BACK = 3
LATE_PERCENT = 2
WINDOW = f"{HOURS_BACK + 1}h"
# Nobody listens there.
CLOSED_PORT = "http://127.0.0.1:1"
# Longer than an outage: a message that fails in one is tried again after it, and once at most in each. The template's
# own (six times the timeout of ingest) would be as right, but a run would wait twelve minutes for what failed.
VISIBILITY_SECONDS_BEYOND_OUTAGE = 10
SECONDS_BEFORE_OUTAGE = 0.5
PATIENCE_SECONDS = 900
POST_PATIENCE_SECONDS = 180


def minutebook(*arguments):
    command = [COMMAND, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def other_variables(stack, functions, change):
    """Functions with a changed environment, for a while."""
    before = {function: stack.variables(function) for function in functions}
    try:
        for function in functions:
            stack.set_variables(function, change(before[function]))
        yield
    finally:
        for function in functions:
            stack.set_variables(function, before[function])


def ingest_that_cannot_start(stack):
    return other_variables(stack, ["ingest"], lambda before: {**before, "MINUTEBOOK_TABLE": ""})


def table_out_of_reach(stack):
    functions = [name for name in stack.status["functions"] if "MINUTEBOOK_TABLE" in stack.variables(name)]
    return other_variables(stack, functions, lambda before: {**before, "AWS_ENDPOINT_URL_DYNAMODB": CLOSED_PORT})


class Poster:
    """Posts bodies until they are accepted, and notes how it went."""

    def __init__(self, api_url):
        self.api_url = api_url
        self.lock = threading.Lock()
        self.seconds = []
        self.failures = Counter()
        self.chunks = set()

    def post(self, number_and_events):
        number, events = number_and_events
        body = "".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events).encode()
        headers = {"content-type": "application/x-ndjson", "idempotency-key": f"{SITE}-{number}"}
        deadline = time.monotonic() + POST_PATIENCE_SECONDS
        wait = 0.1
        while True:
            started = time.monotonic()
            try:
                code, text = call(f"{self.api_url}/events", body, headers)
            except OSError as error:
                code, text = type(error).__name__, str(error).encode()
            seconds = time.monotonic() - started
            if code == 202:
                break
            with self.lock:
                self.failures[code] += 1
            if time.monotonic() > deadline:
                raise RuntimeError(f"post {number} was not accepted: {code} {text.decode()}")
            time.sleep(wait)
            wait = min(wait * 2, 5)
        answer = json.loads(text)
        if answer["accepted"] != len(events) or answer["rejected"]:
            raise RuntimeError(f"post {number}: {answer}")
        with self.lock:
            self.seconds.append(seconds)
            self.chunks.add(answer["chunk"])


def make_posts(options, now):
    randomness = random.Random(options.seed)
    for number in range(options.posts):
        events = []
        for _ in range(options.events):
            # Late ones are of few minutes: for each query the emulator goes through all rows of an hour.
            is_late = randomness.randrange(100) < LATE_PERCENT
            back = {"hours": randomness.randrange(1, HOURS_BACK + 1)} if is_late else {"seconds": randomness.randrange(60)}
            at = now - timedelta(**back)
            event = {"event_type": randomness.choices(["view_item", "add_to_cart", "remove_from_cart", "purchase"],
                                                      [70, 15, 5, 10])[0],
                     "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "site_id": SITE,
                     "item_id": min(randomness.randrange(1, ITEMS + 1) for _ in range(2)),
                     "user_id": f"u{randomness.randrange(USERS)}"}
            if event["event_type"] == "purchase":
                event |= {"quantity": randomness.randrange(1, 4), "price": f"{randomness.randrange(1, 9999) / 100:.2f}"}
            events.append(event)
        yield number, events


def sums_of(posts):
    sums = {measure: Counter() for measure in ["views", "carts", "removals", "units", "sales"]}
    for _, events in posts:
        for event in events:
            item = event["item_id"]
            match event["event_type"]:
                case "view_item":
                    sums["views"][item] += 1
                case "add_to_cart":
                    sums["carts"][item] += 1
                case "remove_from_cart":
                    sums["removals"][item] += 1
                case "purchase":
                    sums["units"][item] += event["quantity"]
                    sums["sales"][item] += event["quantity"] * Decimal(event["price"])
    return sums


def equal(what, answered, expected):
    if answered != expected:
        sys.exit(f"{what}: answered {answered}, and not {expected}")


def compare(stack, posts, now):
    sums = sums_of(posts)
    as_of = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    for path, member, measure in [("/most_viewed_item", "views", "views"),
                                  ("/top_item_added_to_cart", "adds_to_cart", "carts"),
                                  ("/highest_grossing_item", "total_sales", "sales")]:
        answer = stack.ask(path, site_id=SITE, window=WINDOW, limit=100, as_of=as_of)
        top = sorted(sums[measure].items(), key=lambda entry: (-entry[1], entry[0]))
        equal(path, [(entry["item_id"], entry[member]) for entry in answer["top"]], top)
    edges = {"from": f"{now - timedelta(hours=HOURS_BACK + 1):%Y-%m-%dT%H:00:00Z}", "to": as_of}
    for measure, numbers in sums.items():
        periods = stack.ask("/history", site_id=SITE, measure=measure, granularity="hour", limit=0, **edges)["periods"]
        equal(f"/history of {measure}", sum(period["total"] for period in periods), sum(numbers.values()))
    members = {"views": "views", "carts": "adds_to_cart", "removals": "removals", "units": "units",
               "sales": "gross_sales"}
    for item in range(1, ITEMS + 1):
        answer = stack.ask(f"/items/{item}", site_id=SITE, window=WINDOW, as_of=as_of)
        for measure, member in members.items():
            equal(f"{member} of item {item}", answer[member], sums[measure][item])
    answer = stack.ask("/stats", site_id=SITE)
    equal("total_views of /stats", answer["total_views"], sum(sums["views"].values()))
    users = {event["user_id"] for _, events in posts for event in events}
    equal("unique_users of /stats", answer["unique_users"], len(users))
    events = sum(len(events) for _, events in posts)
    print(f"every answer about the {events} accepted events equals the sums of this script", flush=True)


def wait_until_counted(stack):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        code, health = stack.health()
        if code == 200 and health["queue_size"] == 0 and health["in_flight"] == 0:
            return
        if time.monotonic() > deadline:
            sys.exit(f"the queue is not empty after {PATIENCE_SECONDS} s: {health}")
        time.sleep(0.5)


def post_through_outages(stack, poster, posts, options):
    third = -(-len(posts) // 3)
    outages = [("ingest cannot start", ingest_that_cannot_start), ("the table is out of reach", table_out_of_reach),
               ("all is well", lambda _: contextlib.nullcontext())]
    seconds_posting = 0
    with ThreadPoolExecutor(options.at_once) as threads:
        for number, (name, outage) in enumerate(outages):
            part = posts[number * third:(number + 1) * third]
            started = time.monotonic()
            posted = [threads.submit(poster.post, post) for post in part]
            # Some posts are on their way when it begins, and lose the function that takes them.
            time.sleep(SECONDS_BEFORE_OUTAGE)
            with outage(stack):
                for post in posted:
                    post.result()
                seconds = time.monotonic() - started
                seconds_posting += seconds
                code, health = stack.health()
                print(f"{name}: {len(part)} posts in {seconds:.1f} s; /health is then {code} {json.dumps(health)}",
                      flush=True)
                if outage is table_out_of_reach and code != 503:
                    sys.exit("/health does not say that the table is out of reach")
                if outage is not outages[-1][1]:
                    time.sleep(max(0, options.outage_seconds - (time.monotonic() - started)))
    return seconds_posting


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in [("posts", 1_000), ("events", 100), ("at-once", 50), ("outage-seconds", 30), ("seed", 1)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    # What was taken from the stack is given back, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    subprocess.run(["cargo", "build", "--quiet", "--package", "minutebook"], cwd=ROOT, check=True)
    stack = Stack(json.loads(minutebook("status", "--json")))
    code, health = stack.health()
    if code != 200 or health["queue_size"] or health["in_flight"] or health["dead_letters"]:
        sys.exit(f"the stack is not at rest: {health}")

    posts = list(make_posts(options, datetime.now(timezone.utc)))
    poster = Poster(stack.api_url)
    queue_url = stack.status["queue_url"]
    visibility_seconds = stack.visibility_seconds(queue_url)
    started = time.monotonic()
    try:
        stack.set_visibility_seconds(queue_url, options.outage_seconds + VISIBILITY_SECONDS_BEYOND_OUTAGE)
        seconds_posting = post_through_outages(stack, poster, posts, options)
        drain_started = time.monotonic()
        wait_until_counted(stack)
        seconds_to_drain = time.monotonic() - drain_started
    finally:
        stack.set_visibility_seconds(queue_url, visibility_seconds)

    equal("the chunks of all posts", len(poster.chunks), len(posts))
    compare(stack, posts, datetime.now(timezone.utc))
    report = json.loads(minutebook("verify", "--json"))
    print(f"verify: {json.dumps(report)}", flush=True)
    equal("the differences that verify finds", report["differences"], 0)
    equal("the dead letters", stack.health()[1]["dead_letters"], 0)
    latencies = sorted(poster.seconds)
    failures = ", ".join(f"{count} times {code}" for code, count in sorted(poster.failures.items(), key=str)) or "none"
    p50, p99 = (latencies[len(latencies) * percent // 100] * 1000 for percent in (50, 99))
    print(f"{len(posts)} posts of {options.events} events, {options.at_once} at once: "
          f"{len(posts) / seconds_posting:.1f} posts/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms; "
          f"posted again: {sum(poster.failures.values())} ({failures}); "
          f"the queue was empty {seconds_to_drain:.1f} s after the last post, "
          f"{drain_started + seconds_to_drain - started:.1f} s after the first")


if __name__ == "__main__":
    main()
