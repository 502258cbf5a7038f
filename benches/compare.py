#!/usr/bin/env python3
"""Compares minutebook with DuckDB, Polars and chDB on a file of events: one core, in turn, medians.

    python3 benches/compare.py [--events 1000000] [--runs 5]

The script creates a Python environment for the other engines (.minutebook/benches), builds the Rust
program in release mode, generates the file from a seed, and checks that all engines agree on the
totals before it prints any figure. Each engine runs in its own process, pinned to one processor.
The time is from opening the file to the finished groups, without starting Python or loading the
engine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".minutebook" / "benches"
ENGINES = ["minutebook", "duckdb", "polars", "chdb"]

# Every engine groups by minute, type and item (or page), counts, and sums quantities and money
# exactly. It also sketches how many different customers and sessions each minute has.
DUCKDB = """
SET threads = 1;
CREATE TEMP TABLE events AS
SELECT date_trunc('minute', timestamp) AS minute, event_type, coalesce(item_id, page_url) AS key,
       quantity, price, customer_id, session_id
FROM read_json('{path}', format = 'newline_delimited', columns = {{
    event_type: 'VARCHAR', timestamp: 'TIMESTAMP', item_id: 'VARCHAR', page_url: 'VARCHAR',
    quantity: 'BIGINT', price: 'DECIMAL(12, 2)', customer_id: 'VARCHAR', session_id: 'VARCHAR'}});
CREATE TEMP TABLE grouped AS
SELECT minute, event_type, key, count(*) AS events, sum(quantity) AS units,
       sum(price * quantity) AS money
FROM events GROUP BY ALL;
CREATE TEMP TABLE visitors AS
SELECT minute, approx_count_distinct(customer_id) AS visitors,
       approx_count_distinct(session_id) AS sessions
FROM events GROUP BY minute;
"""

CHDB = [
    """
CREATE TABLE events ENGINE = Memory AS
SELECT toStartOfMinute(timestamp) AS minute, event_type, coalesce(item_id, page_url) AS key,
       quantity, price, customer_id, session_id
FROM file('{path}', 'JSONEachRow',
          'event_type LowCardinality(String), timestamp DateTime64(3), item_id Nullable(String),
           page_url Nullable(String), quantity Nullable(Int64), price Nullable(Decimal(12, 2)),
           customer_id Nullable(String), session_id Nullable(String)')
SETTINGS max_threads = 1, max_parsing_threads = 1, date_time_input_format = 'best_effort',
         input_format_skip_unknown_fields = 1
""",
    """
CREATE TABLE visitors ENGINE = Memory AS
SELECT minute, uniqHLL12(customer_id) AS visitors, uniqHLL12(session_id) AS sessions
FROM events GROUP BY minute SETTINGS max_threads = 1
""",
    """
SELECT count(), sum(events), sum(units), sum(money) FROM (
    SELECT minute, event_type, key, count() AS events, sum(quantity) AS units,
           sum(price * quantity) AS money
    FROM events GROUP BY minute, event_type, key)
SETTINGS max_threads = 1
FORMAT JSONCompact
""",
]


def run_duckdb(path):
    import duckdb

    started = now()
    connection = duckdb.connect()
    connection.execute(DUCKDB.format(path=path))
    seconds = now() - started
    groups, events, units, money = connection.execute(
        "SELECT count(*), sum(events), sum(units), sum(money) FROM grouped"
    ).fetchone()
    return seconds, groups, events, units, money


def run_polars(path):
    import polars as pl

    started = now()
    schema = {
        "event_type": pl.String,
        "timestamp": pl.String,
        "item_id": pl.String,
        "page_url": pl.String,
        "quantity": pl.Int64,
        "price": pl.Float64,
        "customer_id": pl.String,
        "session_id": pl.String,
    }
    events = (
        pl.scan_ndjson(path, schema=schema)
        .with_columns(
            pl.col("timestamp").str.slice(0, 16).alias("minute"),
            pl.coalesce("item_id", "page_url").alias("key"),
            (pl.col("price") * 100).round().cast(pl.Int64).alias("cents"),
        )
        .select("minute", "event_type", "key", "quantity", "cents", "customer_id", "session_id")
        .collect(engine="streaming")
        .lazy()
    )
    grouped = (
        events.group_by("minute", "event_type", "key")
        .agg(
            pl.len().alias("events"),
            pl.col("quantity").sum().alias("units"),
            (pl.col("cents") * pl.col("quantity")).sum().alias("money"),
        )
        .collect(engine="streaming")
    )
    events.group_by("minute").agg(
        pl.col("customer_id").approx_n_unique(), pl.col("session_id").approx_n_unique()
    ).collect()
    seconds = now() - started
    totals = grouped.select(
        pl.col("events").sum(), pl.col("units").sum(), pl.col("money").sum() / 100
    )
    return (seconds, grouped.height, *totals.row(0))


def run_chdb(path):
    from chdb.session import Session

    session = Session()
    session.query("SELECT 1")
    started = now()
    for query in CHDB:
        answer = session.query(query.format(path=path))
    answer = json.loads(str(answer))
    seconds = now() - started
    return (seconds, *answer["data"][0])


def now():
    import time

    return time.perf_counter()


def worker(engine, path):
    run = {"duckdb": run_duckdb, "polars": run_polars, "chdb": run_chdb}[engine]
    seconds, groups, events, units, money = run(path)
    result = {
        "seconds": seconds,
        "groups": int(groups),
        "events": int(events),
        "units": int(units),
        "money": f"{float(money):.2f}",
        "peak_memory_mib": peak_memory_mib(),
    }
    print(json.dumps(result))


def peak_memory_mib():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def environment():
    """Returns the Python of the other engines' environment, which the first call creates."""
    python = STATE / "bin" / "python"
    wanted = (ROOT / "benches" / "requirements.txt").read_text()
    stamp = STATE / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the other engines into", STATE, file=sys.stderr)
        venv.create(STATE, with_pip=True, clear=True)
        requirements = ROOT / "benches" / "requirements.txt"
        install = [python, "-m", "pip", "install", "--quiet", "-r", requirements]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


def run_once(engine, path, python, stream):
    if engine == "minutebook":
        command = [stream, path]
    else:
        command = [python, Path(__file__).resolve(), "--worker", engine, "--file", path]
    variables = {**os.environ, "POLARS_MAX_THREADS": "1"}
    output = subprocess.run(
        command,
        env=variables,
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )
    return json.loads(output.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--file", help="count this event file instead of a generated one")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker, arguments.file)
        return

    python = environment()
    build = ["cargo", "build", "--quiet", "--release", "-p", "minutebook-domain"]
    subprocess.run([*build, "--example", "stream"], cwd=ROOT, check=True)
    stream = ROOT / "target" / "release" / "examples" / "stream"
    path = arguments.file
    if path is None:
        path = STATE / f"events-{arguments.events}.jsonl"
        if not path.exists():
            generate = ["cargo", "run", "--quiet", "-p", "minutebook", "--", "generate"]
            generate += ["--seed", "1", "--minutes", "100", "--end", "2026-11-20T23:00:00Z"]
            generate += ["--events", str(arguments.events), "--out", path]
            subprocess.run(generate, cwd=ROOT, check=True)

    runs = {engine: [] for engine in ENGINES}
    for _ in range(arguments.runs):
        for engine in ENGINES:
            runs[engine].append(run_once(engine, str(path), python, stream))

    totals = {engine: (runs[engine][0]["events"],) for engine in ENGINES}
    first = {engine: runs[engine][0] for engine in ENGINES}
    money = {engine: (first[engine]["groups"], first[engine]["money"]) for engine in ENGINES[1:]}
    if len(set(totals.values())) != 1 or len(set(money.values())) != 1:
        sys.exit(f"error: the engines do not agree: {totals} {money}")
    events = totals["minutebook"][0]
    duckdb = [run["seconds"] for run in runs["duckdb"]]
    megabytes = os.path.getsize(path) / 1e6
    file = f"{events} events, {megabytes:.0f} MB"
    print(f"{file}, {arguments.runs} runs each in turn, one core; medians")
    ratios_heading = "DuckDB time / own (min, median, max)"
    print(f"{'engine':<12}{'seconds':>9}{'M events/s':>12}{'peak MiB':>10}{ratios_heading:>40}")
    for engine in ENGINES:
        seconds = [run["seconds"] for run in runs[engine]]
        ratios = sorted(other / own for other, own in zip(duckdb, seconds))
        ratio = f"{ratios[0]:.2f}  {statistics.median(ratios):.2f}  {ratios[-1]:.2f}"
        median = statistics.median(seconds)
        peak = statistics.median(run["peak_memory_mib"] for run in runs[engine])
        print(f"{engine:<12}{median:>9.3f}{events / median / 1e6:>12.2f}{peak:>10.0f}{ratio:>40}")


if __name__ == "__main__":
    main()
