#!/usr/bin/env python3
"""Imports a year of daily files in random order, twice, and holds the answers against sums of its own.

    cargo mb up && python3 tests/year.py [--days 365] [--events 10000] [--items 1000] [--seed 1]

The files end with yesterday, so that most of them are older than minutes are kept. `minutebook verify` recounts the
files and compares every row; then the months of `/history` are compared with sums that this script makes by itself.
Ends with a status other than 0 at the first difference.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ROOT / "target" / "debug" / "minutebook"
# A site and a folder of keys for each run, so that the sums are of its files alone.
SITE = f"year-{int(time.time())}"
TOP = 5
FILES_A_PUT = 73


def minutebook(*arguments):
    command = [COMMAND, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def make_files(folder, days, options):
    for number, day in enumerate(days):
        end = f"{day + timedelta(days=1)}T00:00:00Z"
        minutebook("generate", "--events", options.events, "--minutes", 1440, "--end", end, "--items", options.items,
                   "--seed", options.seed + number, "--sites", SITE, "--out", folder / f"{day}.jsonl")


def sums_by_month(files):
    """Sums by (measure, month) and item, from the fields that `minutebook generate` writes."""
    sums = defaultdict(Counter)
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line, parse_float=Decimal)
                month, item = event["timestamp"][:7], event.get("item_id")
                kind = event["event_type"]
                if kind == "view_item":
                    sums["views", month][item] += 1
                elif kind == "add_to_cart":
                    sums["carts", month][item] += 1
                elif kind == "remove_from_cart":
                    sums["removals", month][item] += 1
                elif kind == "purchase":
                    sums["units", month][item] += event["quantity"]
                    sums["sales", month][item] += event["quantity"] * Decimal(event["price"])
    return sums


def put(files):
    started = time.monotonic()
    for first in range(0, len(files), FILES_A_PUT):
        minutebook("put", "--prefix", f"{SITE}/", "--wait", "--timeout", 1200, *files[first:first + FILES_A_PUT])
    return time.monotonic() - started


def verify():
    started = time.monotonic()
    report = json.loads(minutebook("verify", "--json"))
    print(f"  verify, {time.monotonic() - started:.1f} s: {json.dumps(report)}", flush=True)


def history(api_url, measure, days):
    question = {"site_id": SITE, "measure": measure, "granularity": "month", "from": days[0].replace(day=1),
                "to": days[-1] + timedelta(days=1), "limit": TOP}
    for attempts_left in reversed(range(5)):
        try:
            with urllib.request.urlopen(f"{api_url}/history?{urllib.parse.urlencode(question)}") as answer:
                return json.load(answer, parse_float=Decimal)
        except urllib.error.HTTPError as error:
            # The emulator shares two cores with everything else; 503 says that another try helps.
            if error.code != 503 or attempts_left == 0:
                raise


def compare(api_url, sums, days):
    periods_compared = 0
    for measure in ["views", "carts", "removals", "units", "sales"]:
        for period in history(api_url, measure, days)["periods"]:
            expected = sums[measure, period["from"][:7]]
            top = sorted(expected.items(), key=lambda entry: (-entry[1], entry[0]))[:TOP]
            answered = [(entry["item_id"], Decimal(entry["total"])) for entry in period["top"]]
            if Decimal(period["total"]) != sum(expected.values()) or answered != [(i, Decimal(n)) for i, n in top]:
                sys.exit(f"{measure} of {period['from']}: answered {period}, summed {sum(expected.values())} {top}")
            periods_compared += 1
    print(f"  /history by month: {periods_compared} periods equal the sums of this script", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in [("days", 365), ("events", 10_000), ("items", 1_000), ("seed", 1)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--quiet", "--package", "minutebook"], cwd=ROOT, check=True)
    api_url = json.loads(minutebook("status", "--json"))["api_url"]
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    days = [yesterday - timedelta(days=ago) for ago in reversed(range(options.days))]
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), days, options)
        files = [Path(folder) / f"{day}.jsonl" for day in days]
        sums = sums_by_month(files)
        random.Random(options.seed).shuffle(files)
        print(f"{len(files)} files of {options.events} events, {days[0]} to {days[-1]}, in random order", flush=True)
        for attempt in ["put", "put again"]:
            print(f"{attempt}: {put(files):.1f} s", flush=True)
            verify()
            compare(api_url, sums, days)


if __name__ == "__main__":
    main()
