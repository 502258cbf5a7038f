#!/usr/bin/env python3
"""Shows that this build finishes what the build before began.

    python3 tests/upgrade/run.py [--from COMMIT]

The build before is that of the last commit with another plan format version, unless a commit is
named. It is deployed to a local stack and counts a file of many parts. In the middle its process is
stopped and cannot start again. Then this checkout is deployed over it, to the same table, bucket
and queue. Once the queue is empty, the chunk must be complete, each of its ledger entries must have
the version that it began with, a new file must be counted under the version of this build, and
`minutebook verify` must find no difference. Ends with a status other than 0 otherwise.

The build before has a target folder of its own (upgrade/build in that of this checkout), because
cargo would take the crates of one checkout for those of the other. It begins with what is built
here already, so that dependencies are built once. The stack is this checkout's own, which must not
be up, and is removed at the end.
"""

import argparse
import contextlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from local_stack import Stack  # noqa: E402
from warm_build import warm_up  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
STATE = ROOT / ".minutebook"
# The checkout and the target folder of the build before.
BEFORE, BUILD_BEFORE = TARGET / "upgrade" / "before", TARGET / "upgrade" / "build"
VERSION = r"^pub const PLAN_FORMAT_VERSION: u32 = ([0-9]+);"
FOLDER = "shared/domain/src"

# Late events, each in a minute of its own: some hundred parts.
LATE_MINUTES = 5_000
# In the last minutes, each of its own site, so that each has rows of its own.
OPEN_SITES = 400
ORDERS = 300
# So few that the sketches of visitors are exact.
CUSTOMERS = 900
# The file is made larger if it is counted before the process can be stopped.
FILES_MAX = 4
# It is stopped when so many parts are counted.
PARTS_BEFORE_STOP = 5
# Longer than a deployment takes: the message is then tried again by this build.
VISIBILITY_SECONDS = 30
PATIENCE_SECONDS = 600
POLL_SECONDS = 0.01


def git(*arguments):
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def version_at(commit):
    """The plan format version of a commit, or None if it has none under this name."""
    command = ["git", "grep", "-h", "-E", VERSION, commit, "--", FOLDER]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    match = re.search(VERSION, found.stdout)
    return int(match[1]) if match else None


def version_here():
    texts = (file.read_text() for file in (ROOT / FOLDER).rglob("*.rs"))
    return next(int(match[1]) for text in texts if (match := re.search(VERSION, text, re.M)))


def commit_before(version):
    """The last commit with another plan format version."""
    if version_at("HEAD") != version:
        return git("rev-parse", "HEAD").strip()
    changes = git("log", "--format=%H", f"-SPLAN_FORMAT_VERSION: u32 = {version};", "--", FOLDER)
    for change in changes.split():
        if version_at(f"{change}^") not in (None, version):
            return git("rev-parse", f"{change}^").strip()
    sys.exit(f"no commit has a plan format version before {version}: name one with --from")


def environment(folder):
    """That of commands in a checkout. Nothing may point them at another stack."""
    others = ("AWS_", "MINUTEBOOK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "CARGO_TARGET_DIR": str(BUILD_BEFORE if folder == BEFORE else TARGET)}


def cargo_build(folder):
    """Builds the command and the functions of a checkout, and returns the command."""
    template = (folder / "infra" / "template.yaml").read_text()
    # The build before may name zips there.
    functions = re.findall(r"CodeUri: \.\./(?:functions|target/lambda)/(\w+)", template)
    programs = ["minutebook", *functions]
    build = ["cargo", "build", "--locked", "--quiet"]
    build += [argument for program in programs for argument in ("--bin", program)]
    subprocess.run(build, cwd=folder, check=True, env=environment(folder))
    return Path(environment(folder)["CARGO_TARGET_DIR"]) / "debug" / "minutebook"


def minutebook(command, folder, *arguments):
    ran = subprocess.run(
        [command, *map(str, arguments)],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
    )
    if ran.returncode != 0:
        sys.exit(f"minutebook {' '.join(map(str, arguments))}: {ran.stdout}{ran.stderr}")
    return ran.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def checkout_before(commit):
    """A worktree of a commit, whose local stack is that of this checkout."""
    if BEFORE.exists():
        git("worktree", "remove", "--force", str(BEFORE))
    # Before the files of the worktree are written, which must be newer.
    warm_up(BUILD_BEFORE, TARGET)
    git("worktree", "add", "--quiet", "--detach", str(BEFORE), commit)
    try:
        STATE.mkdir(exist_ok=True)
        (BEFORE / ".minutebook").symlink_to(STATE)
        yield
    finally:
        git("worktree", "remove", "--force", str(BEFORE))


def events(size, now):
    """Late events and events of the present, with visitors, orders and money."""
    randomness = random.Random(size)

    def event(kind, at, **fields):
        user, session = randomness.randrange(CUSTOMERS), randomness.randrange(3 * CUSTOMERS)
        return {"event_type": kind, "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "user_id": f"u{user}", "session_id": session, **fields}

    def shopping(at, **fields):
        item = {"item_id": randomness.randrange(1, 50), **fields}
        yield event("view_item", at, page_url=f"/p/{item['item_id']}", **item)
        if randomness.randrange(4) == 0:
            yield event("add_to_cart", at, **item)
        if randomness.randrange(6) == 0:
            money = {"price": f"{randomness.randrange(1, 9_999) / 100:.2f}",
                     "currency": randomness.choice(["USD", "EUR"])}
            yield event("purchase", at, quantity=randomness.randrange(1, 4), **money, **item)

    for minute in range(LATE_MINUTES * size):
        yield from shopping(now - timedelta(days=1, minutes=minute))
    for site in range(OPEN_SITES * size):
        yield from shopping(now - timedelta(minutes=site % 3), site_id=f"site-{site}")
    for order in range(ORDERS * size):
        at = now - timedelta(days=1, minutes=randomness.randrange(LATE_MINUTES))
        name = {"order_id": f"o-{size}-{order}"}
        value = f"{randomness.randrange(100, 99_999) / 100:.2f}"
        yield event("OrderCreatedEvent", at, total_amount=value, **name)
        if order % 5 == 0:
            yield event("OrderCancelledEvent", at + timedelta(minutes=1), **name)


def make_file(folder, size):
    file = folder / f"upgrade-{size}.jsonl"
    made = events(size, datetime.now(timezone.utc))
    file.write_text("".join(f"{json.dumps(event)}\n" for event in made))
    return file


class Chunk:
    """The ledger entries of a file."""

    def __init__(self, stack, key):
        self.stack = stack
        self.start = f"L#{stack.status['bucket']}/{key}#"
        self.partition = None

    def read(self):
        """The plan format versions, how many parts are counted as a whole, and of how many."""
        entries = self.entries()
        by_name = {entry["sk"]["S"]: entry for entry in entries}
        transactions = {
            name: int(entry.get("late_parts", {"N": "1"})["N"])
            for name, entry in by_name.items() if "." not in name
        }
        whole = [
            part for part, count in transactions.items()
            if all(f"{part}.{late:03}" in by_name for late in range(1, count))
        ]
        versions = {int(entry["plan_format_version"]["N"]) for entry in entries}
        return versions, len(whole), max((int(entry["parts"]["N"]) for entry in entries), default=0)

    def entries(self):
        if self.partition is None:
            # The hash of the file, which is in the key, is not one that Python has.
            found = self.stack.rows(
                "Scan",
                FilterExpression="begins_with(pk, :start)",
                ExpressionAttributeValues={":start": {"S": self.start}},
            )
            self.partition = found[0]["pk"]["S"] if found else None
        if self.partition is None:
            return []
        return self.stack.rows(
            "Query",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": self.partition}},
        )


def wait_until(what, is_so, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(POLL_SECONDS)


def stop_in_the_middle(stack, command, folder, files):
    """Puts a file, stops ingest when some of its parts are counted, and returns its chunk."""
    variables = stack.variables("ingest")
    for size in (2**number for number in range(FILES_MAX)):
        file = make_file(files, size)
        chunk = Chunk(stack, file.name)
        minutebook(command, folder, "put", file)
        wait_until("parts are counted", lambda: chunk.read()[1] >= PARTS_BEFORE_STOP)
        # Another environment ends the process, and with this one no other can start.
        stack.set_variables("ingest", {**variables, "MINUTEBOOK_TABLE": ""})
        versions, whole, parts = chunk.read()
        lines = file.read_text().count("\n")
        if whole < parts:
            print(f"{lines} events in {parts} parts: stopped after {whole} parts", flush=True)
            return chunk, versions
        print(f"{lines} events were counted too fast: once more with a larger file", flush=True)
        stack.set_variables("ingest", variables)
    sys.exit("ingest could not be stopped in the middle of a chunk")


def ensure(is_so, what):
    if not is_so:
        sys.exit(what)


def upgrade(commit, files):
    old_version, version = version_at(commit), version_here()
    print(f"the build before: {git('log', '-1', '--format=%h %s', commit).strip()}", flush=True)
    print(f"plan format version {old_version} before, {version} now", flush=True)
    old_command, new_command = cargo_build(BEFORE), cargo_build(ROOT)
    minutebook(old_command, BEFORE, "up", "--port", free_port())
    stack = Stack(json.loads(minutebook(old_command, BEFORE, "status", "--json")))
    stack.set_visibility_seconds(stack.status["queue_url"], VISIBILITY_SECONDS)
    chunk, versions = stop_in_the_middle(stack, old_command, BEFORE, files)
    ensure(versions == {old_version}, f"the build before wrote entries of {versions}")
    left = chunk.read()

    minutebook(new_command, ROOT, "up")
    ensure(chunk.read() == left, "the chunk went on before this build was deployed")
    stack = chunk.stack = Stack(json.loads(minutebook(new_command, ROOT, "status", "--json")))
    variables = stack.variables("ingest")
    if not variables["MINUTEBOOK_TABLE"]:
        stack.set_variables("ingest", {**variables, "MINUTEBOOK_TABLE": stack.status["table"]})
    deployed = time.monotonic()
    queue, dead_letters = stack.status["queue_url"], stack.status["dead_letters_url"]
    wait_until("the queue is empty", lambda: stack.waiting(queue) == 0)
    seconds = time.monotonic() - deployed
    versions, whole, parts = chunk.read()
    print(f"this build is deployed, and the queue is empty {seconds:.1f} s later: {whole} of "
          f"{parts} parts are counted, under plan format version {versions}", flush=True)
    ensure(stack.waiting(dead_letters) == 0, "there are dead letters")
    ensure(whole == parts, "the chunk is not complete")
    ensure(versions == {old_version}, "its entries are not all of the version that it began with")

    new_file = files / "new.jsonl"
    event = {"event_type": "view_item", "timestamp": "2026-11-20T08:00:00Z", "item_id": 1}
    new_file.write_text(json.dumps(event))
    minutebook(new_command, ROOT, "put", "--wait", new_file)
    versions, _, _ = Chunk(stack, new_file.name).read()
    ensure(versions == {version}, f"a new file is counted under plan format version {versions}")
    report = json.loads(minutebook(new_command, ROOT, "verify", "--json"))
    print(f"verify: {json.dumps(report)}", flush=True)
    ensure(report["differences"] == 0, "verify finds differences")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--from", dest="commit", metavar="COMMIT", help="the build before")
    options = parser.parse_args()
    if (STATE / "emulator.json").exists():
        sys.exit("a local stack is up: run `cargo mb down` first")
    commit = options.commit or commit_before(version_here())
    with checkout_before(commit), tempfile.TemporaryDirectory() as files:
        try:
            upgrade(commit, Path(files))
        finally:
            minutebook(cargo_build(ROOT), ROOT, "down")


if __name__ == "__main__":
    main()
