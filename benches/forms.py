#!/usr/bin/env python3
"""Measures how fast each container, layout and form is read: one core, the median of some runs.

    python3 benches/forms.py [--mib 40] [--runs 5] [--instructions] [NAME ...]

The files of `events/forms` are repeated until they have so many MiB, with other ids in each
repetition, so that no event is a duplicate. `small_orders` are the orders of Shopify without the
members that nobody reads. The containers and layouts are those of plain events. Each file is read
by the program `stream`, pinned to processor 1; the time is that of the processor, with the start of
the process and the plan. `--instructions` counts them instead, with valgrind: those of 1,000 lines
less those of 200.
"""

import argparse
import gzip
import json
import os
import re
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
FORMS = ROOT / "events" / "forms"

# The member that makes an event or an order another one: the first `id`, or all of these.
FIRST_ID = ("shopify", "woocommerce", "small", "cloudevents", "eventbridge", "thelook")
IDS = r"event_id|messageId|insert_id|\$insert_id|uuid|unique_id|event_uuid|\$event_id|token"
READ_OF_ORDERS = ("id", "order_number", "created_at", "updated_at", "cancelled_at",
                  "financial_status", "currency", "total_price")


def small_order(line: str) -> str:
    order = json.loads(line)
    small = {name: order[name] for name in READ_OF_ORDERS if order.get(name) is not None}
    if order.get("customer"):
        small["customer"] = {"id": order["customer"]["id"]}
    small["line_items"] = []
    for item in order["line_items"]:
        name = next(name for name in ("product_id", "sku", "title") if item.get(name))
        small["line_items"].append({key: item[key] for key in (name, "quantity", "price")})
    return json.dumps(small, separators=(",", ":"), ensure_ascii=False)


def lines_of(name: str) -> list[str]:
    if name == "small_orders":
        return [small_order(line) for line in lines_of("shopify_orders")]
    return (FORMS / f"{name}.jsonl").read_text().splitlines()


def repeated(name: str, lines: list[str], enough) -> list[str]:
    is_first = name.startswith(FIRST_ID)
    ids = re.compile(rf'("(?:{"id" if is_first else IDS})":"?)((?!null)[\w.:-]+)')
    out: list[str] = []
    size = repetition = 0
    while not enough(len(out), size):
        for line in lines:
            line = ids.sub(rf"\g<1>\g<2>{repetition:05}", line, count=is_first)
            size += len(line) + 1
            out.append(line)
        repetition += 1
    return out


def plain_lines(count: int) -> list[str]:
    random = Random(7)
    lines = []
    for number in range(count):
        second = 3600 * 20 + number * 6000 // count
        customer = random.randrange(50_000)
        event = {
            "event_type": random.choices(("page_visit", "add_to_cart", "purchase"), (80, 14, 6))[0],
            "timestamp": f"2026-11-18T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
            "customer_id": f"customer-{customer}",
            "session_id": f"session-{customer}-{random.randrange(3)}",
            "item_id": f"item-{int(random.paretovariate(1)) % 10_000}",
        }
        if event["event_type"] == "purchase":
            price = round(random.random() * 100, 2)
            event |= {"quantity": random.randrange(1, 4), "price": price, "currency": "USD"}
        lines.append(json.dumps(event, separators=(",", ":")))
    return lines


def layouts(lines: list[str]) -> dict[str, bytes]:
    text = "\n".join(lines) + "\n"
    events = [json.loads(line) for line in lines]
    names = list(dict.fromkeys(name for event in events for name in event))
    cell = lambda value: "" if value is None else '"' + str(value).replace('"', '""') + '"'
    rows = [",".join(cell(event.get(name)) for name in names) for event in events]
    return {
        "one object a line": text.encode(),
        "the same, gzip": gzip.compress(text.encode(), 6),
        "the same, zstd": subprocess.run(["zstd", "-q", "-3"], input=text.encode(), check=True,
                                         capture_output=True).stdout,
        "pretty-printed": "\n".join(json.dumps(event, indent=2) for event in events).encode(),
        "one after another without line ends": "".join(lines).encode(),
        "an array with an object a line": ("[" + ",\n".join(lines) + "]").encode(),
        "an array in one line": ("[" + ",".join(lines) + "]").encode(),
        "CSV": "\n".join([",".join(names), *rows]).encode(),
        "one object a line, in UTF-16": text.encode("utf-16"),
    }


def run(program: Path, path: Path) -> tuple[float, dict]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["taskset", "-c", "1", program, path], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, json.loads(done.stdout)


def instructions(program: Path, path: Path) -> int:
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                           program, path], check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def measure(
    program: Path, path: Path, text: bytes, runs: int, label: str, plain_bytes: int
) -> None:
    path.write_bytes(text)
    done = [run(program, path) for _ in range(runs)]
    figures = done[0][1]
    seconds = statistics.median(seconds for seconds, _ in done)
    events = figures["lines"]
    print(f"| {label} | {plain_bytes / events:,.0f} | {events / seconds / 1e6:.2f} | "
          f"{plain_bytes / seconds / 1e6:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=40)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "minutebook-domain", "--example",
                    "stream"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = target / "release" / "examples" / "stream"
    forms = [path.stem for path in FORMS.glob("*.jsonl")] + ["small_orders"]
    names = options.names or sorted(forms)
    print("load:", os.getloadavg())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        for name in names:
            lines = lines_of(name)
            if options.instructions:
                counts = []
                for count in (1000, 200):
                    few = repeated(name, lines, lambda made, _: made >= count)[:count]
                    path.write_text("\n".join(few) + "\n")
                    counts.append(instructions(program, path))
                print(f"| `{name}` | {(counts[0] - counts[1]) // 800:,} |", flush=True)
                continue
            enough = lambda _, size: size >= options.mib << 20
            text = ("\n".join(repeated(name, lines, enough)) + "\n").encode()
            measure(program, path, text, options.runs, f"`{name}`", len(text))
        if not options.names and not options.instructions:
            lines = plain_lines(options.mib * 6_500)
            for label, text in layouts(lines).items():
                size = len("\n".join(lines)) + 1 if "the same" in label else len(text)
                measure(program, path, text, options.runs, label, size)


if __name__ == "__main__":
    main()
