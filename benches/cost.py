#!/usr/bin/env python3
"""Computes the tables of docs/COST.md: what minutebook costs in a month, at rest and at several
rates of events, and what somebody can make you pay at most in a day.

    python3 benches/cost.py             # prints the tables
    python3 benches/cost.py --write     # puts them into docs/COST.md
    python3 benches/cost.py --check     # ends with 1 if docs/COST.md has others

It reads the template (alarms, memory of functions, schedules, default bounds), the list of metrics in
shared/runtime/src/emf.rs, and the size of the dashboard's files. What was measured is below, and has
to stand in docs/PERFORMANCE.md as well; what is assumed is named so. Only the standard library.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "COST.md"
PERFORMANCE = ROOT / "docs" / "PERFORMANCE.md"

# --- Prices ---------------------------------------------------------------------------------------
# Of us-east-1 in dollars, on demand, first tier, without the allowances below. Read in November 2026
# at https://aws.amazon.com/<service>/pricing/.

MILLION = 1e6
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
SQS_REQUEST = 0.40 / MILLION
S3_PUT = 0.005 / 1_000
S3_GET = 0.0004 / 1_000
S3_GB_MONTH = 0.023
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION
TABLE_GB_MONTH = 0.25 + 0.20  # with point-in-time recovery
HTTP_CALL = 1.00 / MILLION
SOCKET_MESSAGE = 1.00 / MILLION
SOCKET_MINUTE = 0.25 / MILLION
METRIC_MONTH = 0.30
ALARM_METRIC_MONTH = 0.10
COMPOSITE_ALARM_MONTH = 0.50
DASHBOARD_MONTH = 3.00
LOG_GB = 0.50
OUT_GB = 0.09
# Rules of EventBridge with a schedule, budgets, mails of SNS (1,000 a month) and what Lambda reads of
# the table's stream cost nothing.

# What each account gets for nothing each month, for ever.
FREE_SQS_REQUESTS = 1_000_000
FREE_LAMBDA_REQUESTS = 1_000_000
FREE_LAMBDA_GB_SECONDS = 400_000
FREE_ALARM_METRICS = 10
FREE_LOG_GB = 5

# --- Measured: docs/PERFORMANCE.md has each of these figures --------------------------------------

EVENTS_PER_FILE = 10_000
# "Write units at the rates of a month": of a million events, and of sealing an hour, by the events of
# the month and the events of an object.
UNITS_OF_MILLION = {
    (1_000_000, EVENTS_PER_FILE): 424_960,
    (1_000_000, 1): 8_801_520,
    (100_000_000, EVENTS_PER_FILE): 14_834,
    (100_000_000, 1): 11_736_520,
}
UNITS_OF_SEALED_HOUR = {
    (1_000_000, EVENTS_PER_FILE): 111,
    (1_000_000, 1): 490,
    (100_000_000, EVENTS_PER_FILE): 2_560,
    (100_000_000, 1): 2_560,
}
# "Counting": an uploaded file is known again by two rows.
UNITS_OF_KNOWN_FILE = 4
READ_UNITS_OF_KNOWN_FILE = 2
# "Many sites": the rows of the open hours, and of the totals, that each run of rollup reads, and the
# row of the lag that it writes.
ROLLUP_READ_UNITS = 17 + 1
ROLLUP_READ_UNITS_OF_FIFTH = 5
ROLLUP_WRITE_UNITS = 1
ROLLUP_WRITE_UNITS_OF_FIFTH = 1
# "Through the local stack": the median of an object of 10,000 events, with the calls of the emulator.
INGEST_SECONDS_OF_FILE = 0.393
EVENT_BYTES = 171
# "Live push" and "Cost of five viewers".
PUSH_READ_UNITS = 41
PUSH_READ_UNITS_WITHOUT_VIEWERS = 1
OVERVIEW_READ_UNITS = 47
PUSH_SECONDS = 0.100
PUSH_SECONDS_WITHOUT_VIEWERS = 0.010
CALL_SECONDS = 0.030
OVERVIEW_EVERY_SECONDS = 1.5

# --- Assumed: nobody has measured them on AWS -----------------------------------------------------

IDLE_POLLERS = 5  # Lambda's, each of which asks the queue every 20 s; a maximum concurrency keeps all
POLLS_A_MINUTE = 3
ROLLUP_SECONDS = 0.050
ROLLUP_SECONDS_OF_HOUR = 3.0
COLLECT_SECONDS = 0.040
INGEST_SECONDS_OF_POST = 0.060
# One message for each invocation of ingest: receiving, invoking and deleting are not shared.
SQS_REQUESTS_OF_OBJECT = 3
READ_UNITS_OF_OBJECT = 2
LOG_BYTES_OF_INVOCATION = 700  # what Lambda itself writes
LOG_BYTES_OF_LINE = 1_100
LEDGER_BYTES_OF_OBJECT = 700
TABLE_BYTES_OF_SEALED_HOUR = {1_000_000: 20_000, 100_000_000: 320_000}
VIEWERS = 5
ACCOUNT_CONCURRENCY = 1_000
FILE_STEP_BYTES = 50_000
VIEWERS_OF_SITE_MAX = 1_000  # shared/storage/src/connections.rs

MONTH_HOURS = 730
MONTH_MINUTES = MONTH_HOURS * 60
DAY_SECONDS = 86_400

EVENTS = [1_000_000, 100_000_000]


class Template:
    """What the template says: resources by name with their lines, and defaults of parameters."""

    def __init__(self, text):
        self.resources = {}
        _, resources = text.split("\nResources:\n", 1)
        resources, _ = resources.split("\nOutputs:\n", 1)
        for name, body in re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", resources, re.M):
            self.resources[name] = body
        self.defaults = dict(re.findall(r"^  (\w+): \{ Type: Number, Default: (\d+)", text, re.M))

    def default(self, parameter):
        return int(self.defaults[parameter])

    def of_type(self, kind):
        return {
            name: body
            for name, body in self.resources.items()
            if re.search(rf"^    Type: {kind}$", body, re.M)
        }

    def gigabytes(self, function):
        return int(re.search(r"MemorySize: (\d+)", self.resources[function])[1]) / 1024

    def functions(self):
        return list(self.of_type("AWS::Serverless::Function"))

    def runs_a_month(self, function):
        schedule = re.search(r"Schedule: rate\((\d+) minutes?\)", self.resources[function])
        return MONTH_MINUTES / int(schedule[1])

    def alarms(self, with_streams=False):
        """The metrics that alarms read, of a deployment whose alarms go somewhere."""
        alarms = self.of_type("AWS::CloudWatch::Alarm").values()
        on_streams = re.compile("Condition: AlarmOnK")
        return sum(
            body.count("MetricName:")
            for body in alarms
            if with_streams or not on_streams.search(body)
        )


def metrics():
    """The metrics that the functions write, as (service, name)."""
    text = (ROOT / "shared" / "runtime" / "src" / "emf.rs").read_text()
    found = re.findall(r'Metric::of_(\w+)\("(\w+)"', text)
    listed = re.search(r"pub const METRICS: \[Metric; (\d+)\]", text)
    if len(found) != int(listed[1]):
        sys.exit(f"emf.rs has {len(found)} metrics, and lists {listed[1]}")
    return found


# Those that are written only while something is wrong, or for streams.
RARE_METRICS = {"failed", "throttles", "records_stored"}


class Bill:
    """Dollars by what they are paid for."""

    def __init__(self):
        self.dollars = {}
        self.free = 0.0

    def add(self, what, dollars):
        self.dollars[what] = self.dollars.get(what, 0.0) + dollars

    def sum(self):
        return sum(self.dollars.values())


QUEUE = "SQS"
FUNCTIONS = "Lambda"
API = "API Gateway"
BUCKET = "S3: requests"
COUNTING = "DynamoDB: counting"
SEALING = "DynamoDB: `rollup`"
LOGS = "logs"
METRICS = "metrics"
STORAGE = "storage, of what one month adds"
LINES = [QUEUE, BUCKET, COUNTING, SEALING, FUNCTIONS, API, LOGS, METRICS, STORAGE]


def lambda_cost(invocations, seconds, gigabytes):
    return invocations * (LAMBDA_REQUEST + seconds * gigabytes * LAMBDA_GB_SECOND)


def log_cost(size_bytes):
    return size_bytes / 1e9 * LOG_GB


def at_rest(template):
    bill = Bill()
    polls = IDLE_POLLERS * POLLS_A_MINUTE * MONTH_MINUTES
    runs = template.runs_a_month("RollupFunction")
    gigabytes = template.gigabytes("RollupFunction")
    bill.add(QUEUE, polls * SQS_REQUEST)
    bill.add(FUNCTIONS, lambda_cost(runs, ROLLUP_SECONDS, gigabytes))
    reads = runs * (ROLLUP_READ_UNITS + ROLLUP_READ_UNITS_OF_FIFTH / 5)
    writes = runs * (ROLLUP_WRITE_UNITS + ROLLUP_WRITE_UNITS_OF_FIFTH / 5)
    bill.add(SEALING, reads * READ_UNIT + writes * WRITE_UNIT)
    logged = runs * (LOG_BYTES_OF_INVOCATION + LOG_BYTES_OF_LINE / 5)
    bill.add(LOGS, log_cost(logged))
    is_free = (
        polls <= FREE_SQS_REQUESTS
        and runs <= FREE_LAMBDA_REQUESTS
        and runs * ROLLUP_SECONDS * gigabytes <= FREE_LAMBDA_GB_SECONDS
        and logged / 1e9 <= FREE_LOG_GB
    )
    if not is_free:
        sys.exit("a deployment at rest uses more than the allowances")
    bill.free = bill.dollars[QUEUE] + bill.dollars[FUNCTIONS] + bill.dollars[LOGS]
    return bill


def month(template, events, events_per_object):
    """A month of so many events, in objects of so many: files, or posts of one event each."""
    bill = at_rest(template)
    objects = events / events_per_object
    is_file = events_per_object > 1
    ingest = template.gigabytes("IngestFunction")
    if is_file:
        seconds = INGEST_SECONDS_OF_FILE
    else:
        seconds = INGEST_SECONDS_OF_POST
        collect = template.gigabytes("CollectFunction")
        bill.add(API, objects * HTTP_CALL)
        bill.add(FUNCTIONS, lambda_cost(objects, COLLECT_SECONDS, collect))
        bill.add(LOGS, log_cost(objects * LOG_BYTES_OF_INVOCATION))
    bill.add(BUCKET, objects * (S3_PUT + S3_GET))
    bill.add(QUEUE, objects * SQS_REQUESTS_OF_OBJECT * SQS_REQUEST)
    bill.add(FUNCTIONS, lambda_cost(objects, seconds, ingest))
    bill.add(LOGS, log_cost(objects * (LOG_BYTES_OF_INVOCATION + LOG_BYTES_OF_LINE)))
    units = events / MILLION * UNITS_OF_MILLION[events, events_per_object]
    reads = objects * READ_UNITS_OF_OBJECT
    if is_file:
        units += objects * UNITS_OF_KNOWN_FILE
        reads += objects * READ_UNITS_OF_KNOWN_FILE
    bill.add(COUNTING, units * WRITE_UNIT + reads * READ_UNIT)
    bill.add(SEALING, MONTH_HOURS * UNITS_OF_SEALED_HOUR[events, events_per_object] * WRITE_UNIT)
    rollup = template.gigabytes("RollupFunction")
    bill.add(FUNCTIONS, MONTH_HOURS * ROLLUP_SECONDS_OF_HOUR * rollup * LAMBDA_GB_SECOND)
    bill.add(METRICS, METRIC_MONTH * sum(name not in RARE_METRICS for _, name in metrics()))
    table = objects * LEDGER_BYTES_OF_OBJECT + MONTH_HOURS * TABLE_BYTES_OF_SEALED_HOUR[events]
    raw = events * EVENT_BYTES
    bill.add(STORAGE, table / 1e9 * TABLE_GB_MONTH + raw / 1e9 * S3_GB_MONTH)
    return bill


def viewers(template, changes):
    """Five pages that are open all month, while so many commits change what they show."""
    push = template.gigabytes("PushFunction")
    api = template.gigabytes("ApiFunction")
    seconds = MONTH_MINUTES * 60
    pushes = min(changes, seconds)
    cost = pushes * (PUSH_READ_UNITS * READ_UNIT + VIEWERS * SOCKET_MESSAGE)
    cost += lambda_cost(pushes, PUSH_SECONDS, push)
    calls = VIEWERS * max(min(changes, seconds / OVERVIEW_EVERY_SECONDS), MONTH_MINUTES)
    cost += calls * (HTTP_CALL + OVERVIEW_READ_UNITS * READ_UNIT)
    cost += lambda_cost(calls, CALL_SECONDS, api)
    return cost + VIEWERS * MONTH_MINUTES * SOCKET_MINUTE


def pushes_without_viewers(template, changes):
    pushes = min(changes, MONTH_MINUTES * 60)
    reads = pushes * PUSH_READ_UNITS_WITHOUT_VIEWERS * READ_UNIT
    push = template.gigabytes("PushFunction")
    return reads + lambda_cost(pushes, PUSH_SECONDS_WITHOUT_VIEWERS, push)


def money(dollars):
    if dollars >= 100:
        return f"{dollars:,.0f}"
    return f"{dollars:.1f}" if dollars >= 10 else f"{dollars:.2f}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def month_table(template):
    columns = [("at rest", at_rest(template), 0)]
    for events in EVENTS:
        for size, name in ((EVENTS_PER_FILE, "files"), (1, "posts")):
            label = f"{events // 1_000_000} M in {name}"
            columns.append((label, month(template, events, size), events / size))
    lines = [row(["$ a month", *(label for label, _, _ in columns)])]
    lines.append("|---" * (len(columns) + 1) + "|")
    for line in LINES:
        cells = [money(bill.dollars.get(line, 0.0)) for _, bill, _ in columns]
        lines.append(row([line, *cells]))
    idle_pushes = [pushes_without_viewers(template, changes) for _, _, changes in columns]
    lines.append(row(["following the table's stream", *map(money, idle_pushes)]))
    sums = [bill.sum() + idle for (_, bill, _), idle in zip(columns, idle_pushes)]
    lines.append(row(["**sum, without viewers**", *(f"**{money(total)}**" for total in sums)]))
    watched = [viewers(template, changes) for _, _, changes in columns]
    lines.append(row(["five viewers, all month", *map(money, watched)]))
    totals = [
        total - idle + seen for total, idle, seen in zip(sums, idle_pushes, watched)
    ]
    lines.append(row(["**sum, with five viewers**", *(f"**{money(total)}**" for total in totals)]))
    return lines


def rest_table(template):
    bill = at_rest(template)
    alarms = template.alarms() * ALARM_METRIC_MONTH
    streams = (template.alarms(with_streams=True) - template.alarms()) * ALARM_METRIC_MONTH
    free_alarms = min(template.alarms(), FREE_ALARM_METRICS) * ALARM_METRIC_MONTH
    composites = len(template.of_type("AWS::CloudWatch::CompositeAlarm"))
    pager = composites * COMPOSITE_ALARM_MONTH
    lines = [row(["at rest, $ a month", "list price", "after what each account has free"])]
    lines.append("|---|---|---|")
    lines.append(row(["queue, table, functions, logs", money(bill.sum()), money(bill.sum() - bill.free)]))
    lines.append(row(["custom metrics: none is written", money(0), money(0)]))
    name = f"{template.alarms()} alarms, with `AlarmEmail` or `AlarmTopicArn`"
    lines.append(row([name, money(alarms), money(alarms - free_alarms)]))
    lines.append(row(["both alarms of streams, with Kinesis and Kafka", money(streams), money(0)]))
    lines.append(row(["the composite alarm, with `PagerTopicArn`", money(pager), money(pager)]))
    lines.append(row(["the dashboard, with `CreateDashboard`", money(DASHBOARD_MONTH), money(0)]))
    return lines


def bounds_table(template):
    reads, writes = template.default("TableReadUnitsMax"), template.default("TableWriteUnitsMax")
    rate = template.default("ApiRequestsPerSecond")
    calls = rate * DAY_SECONDS
    lines = [row(["what", "bound by", "at most, in a day", "$"]), "|---|---|---|---|"]

    def line(what, bound, most, dollars):
        lines.append(row([what, bound, most, money(dollars)]))
        return dollars

    def millions(number):
        return f"{number / MILLION:,.1f} million" if number < 100e6 else f"{number / MILLION:,.0f} million"

    total = line(
        "reads of the table", f"`TableReadUnitsMax` ({reads})",
        f"{millions(reads * DAY_SECONDS)} read units", reads * DAY_SECONDS * READ_UNIT,
    )
    total += line(
        "writes of the table", f"`TableWriteUnitsMax` ({writes})",
        f"{millions(writes * DAY_SECONDS)} write units", writes * DAY_SECONDS * WRITE_UNIT,
    )
    bound = f"`ApiRequestsPerSecond` ({rate})"
    total += line("calls of the HTTP API", bound, millions(calls), calls * HTTP_CALL)
    total += line(
        "objects that posts store, with announcing and reading them", "the same",
        millions(calls), calls * (S3_PUT + S3_GET + SQS_REQUESTS_OF_OBJECT * SQS_REQUEST),
    )
    total += line("messages from sockets", "the same, of the WebSocket API", millions(calls), calls * SOCKET_MESSAGE)
    sent = VIEWERS_OF_SITE_MAX * DAY_SECONDS
    open_minutes = VIEWERS_OF_SITE_MAX * DAY_SECONDS / 60
    total += line(
        "messages to sockets, of one site", f"{VIEWERS_OF_SITE_MAX:,} viewers, a message a second",
        millions(sent), sent * SOCKET_MESSAGE + open_minutes * SOCKET_MINUTE,
    )
    lambdas = [(name, template.gigabytes(name)) for name in template.functions()]
    largest = max(gigabytes for _, gigabytes in lambdas)
    total += line(
        "functions", f"the concurrency of the account ({ACCOUNT_CONCURRENCY:,})",
        f"{ACCOUNT_CONCURRENCY:,} copies of {largest:g} GB all day",
        ACCOUNT_CONCURRENCY * largest * DAY_SECONDS * LAMBDA_GB_SECOND,
    )
    logged = calls * (2 * LOG_BYTES_OF_INVOCATION + LOG_BYTES_OF_LINE)
    total += line("logs of these", "what is above", f"{logged / 1e9:.0f} GB", log_cost(logged))
    file = max((ROOT / "web" / "dist" / "assets").iterdir(), key=lambda path: path.stat().st_size)
    # Rounded up, so that not every change of the dashboard changes the page.
    size_bytes = -(-file.stat().st_size // FILE_STEP_BYTES) * FILE_STEP_BYTES
    out = calls * size_bytes / 1e9
    total += line(
        "the dashboard's largest file, which needs no key", bound, f"{out:.0f} GB", out * OUT_GB
    )
    lines.append(row(["**sum**", "", "", f"**{money(total)}**"]))
    return lines


def metrics_table():
    lines = [row(["metric", "of", "written"]), "|---|---|---|"]
    when = {
        "events": "for objects with events that count",
        "rejected": "for objects with rejected lines",
        "failed": "for attempts that failed",
        "throttles": "for objects that the table throttled",
        "records_stored": "for batches of streams",
        "oldest_open_hour_age_seconds": "while an hour waits to be rolled up",
        "rejected_percent": "every five minutes while lines of the last hour were rejected",
    }
    for service, name in metrics():
        lines.append(row([f"`{name}`", f"`{service}`", when[name]]))
    return lines


def check_measured():
    """Each measured figure stands in docs/PERFORMANCE.md."""
    text = PERFORMANCE.read_text()
    figures = [*UNITS_OF_MILLION.values(), *UNITS_OF_SEALED_HOUR.values(), PUSH_READ_UNITS,
               OVERVIEW_READ_UNITS]
    missing = [figure for figure in figures if f"{figure:,}" not in text]
    if missing:
        sys.exit(f"docs/PERFORMANCE.md does not have these figures: {missing}")


def with_tables(page, tables):
    for name, lines in tables.items():
        table = re.compile(rf"(<!-- cost\.py: {name} -->\n).*?(<!-- end -->)", re.S)
        page, count = table.subn(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], page)
        if count != 1:
            sys.exit(f"docs/COST.md has no place for the table {name!r}")
    return page


def main():
    template = Template((ROOT / "infra" / "template.yaml").read_text())
    check_measured()
    tables = {
        "rest": rest_table(template),
        "month": month_table(template),
        "bounds": bounds_table(template),
        "metrics": metrics_table(),
    }
    if "--write" in sys.argv or "--check" in sys.argv:
        page = PAGE.read_text()
        wanted = with_tables(page, tables)
        if "--write" in sys.argv:
            PAGE.write_text(wanted)
        elif page != wanted:
            sys.exit("docs/COST.md has other tables than `python3 benches/cost.py` prints: --write")
        else:
            print("docs/COST.md has the tables that benches/cost.py prints")
        return
    for name, lines in tables.items():
        print(f"{name}:", *lines, sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
