#!/usr/bin/env python3
"""Puts 400 days of a shop with 10,000 items onto the local stack, and its catalogue.

    cargo mb up
    python3 web/e2e/many_days.py [COMMAND]     # default: cargo mb

Each day has an hour with 500 events, so that every row of days, weeks and months is there, and
counting them takes minutes instead of hours. Before today they are views of items alone: the
emulator looks at each row of a year for each question, and takes longer than a function waits if
there are those of all measures.
"""

import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

DAYS = 400
EVENTS = 500
ITEMS = 10_000


def main() -> None:
    command = sys.argv[1:] or ["cargo", "mb"]

    def run(*arguments: str) -> None:
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)

    now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        for day in range(DAYS):
            end = (now - timedelta(days=day)).isoformat()
            out = str(Path(folder, f"{day:03}.jsonl"))
            amounts = ("--events", str(EVENTS), "--items", str(ITEMS), "--seed", str(day + 1))
            kinds = ("--event-ids", "--checkouts", "--refunds")
            run("generate", "--minutes", "60", "--end", end, "--out", out, *amounts, *kinds)
            if day > 0:
                lines = Path(out).read_text().splitlines(keepends=True)
                Path(out).write_text("".join(line for line in lines if '"view_item"' in line))
        run("put", folder, "--prefix", "days/", "--wait", "--timeout", "3600")
        items = Path(folder, "items.jsonl")
        with items.open("w") as file:
            for item in range(1, ITEMS + 1):
                line = {"item_id": item, "name": f"Item {item}", "category": f"C{item % 40}"}
                file.write(json.dumps(line) + "\n")
        run("catalogue", "put", str(items))


if __name__ == "__main__":
    main()
