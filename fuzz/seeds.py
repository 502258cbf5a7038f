#!/usr/bin/env python3
"""Makes what the fuzzer begins with: fuzz/seeds from the files in events, and the dictionaries.

    python3 fuzz/seeds.py

The inputs are a line of each shape, in each container in turn, and each event of Lambda with the
notification in it. Inputs that were added by hand (`found_*`) stay. The words are the names in
docs/EVENTS.md and docs/VOCABULARY.md, and the names and sources in the events of Lambda.
"""

import json
import pathlib
import re
from collections.abc import Iterator

FUZZ = pathlib.Path(__file__).resolve().parent
EVENTS = FUZZ.parent / "events"

# As in fuzz_targets/reader.rs: the container, the settings of the count, three places to split at.
CONTAINERS = 7
PLACES = b"\x07\x00\x29\x00\x6f\x00"

# The numbers of the zones of times that name none. All other inputs are in the first one, UTC.
ZONES = range(1, 8)

# Longer inputs are tried more slowly, and have nothing that shorter ones lack.
BYTES_MAX = 4096


def shape(value: object) -> object:
    """What two lines have in common that differ in their values only."""
    if isinstance(value, dict):
        types = [str(value[name]) for name in ("event_type", "event", "type") if name in value]
        return [types, sorted((name, shape(member)) for name, member in value.items())]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def shape_of_line(line: bytes) -> str:
    try:
        return json.dumps(shape(json.loads(line)))
    except ValueError:
        return line.decode("latin-1")


def reader_seeds() -> dict[str, bytes]:
    texts: dict[str, bytes] = {}
    shapes = set()
    for file in sorted(EVENTS.glob("**/*.jsonl")):
        whole = file.read_bytes()
        if file.parent.name == "odd" and len(whole) <= BYTES_MAX:
            texts[file.stem] = whole
        for number, line in enumerate(whole.splitlines()):
            if len(line) <= BYTES_MAX and shape_of_line(line) not in shapes:
                shapes.add(shape_of_line(line))
                texts[f"{file.stem}_{number:03}"] = line + b"\n"
    texts |= layouts()
    settings = (bytes([place % CONTAINERS, place % 8]) + PLACES for place in range(len(texts)))
    seeds = {name: head + text for head, (name, text) in zip(settings, texts.items())}
    return seeds | {f"zone_{zone}": bytes([0, zone << 3]) + PLACES + local_times() for zone in ZONES}


def local_times() -> bytes:
    """A few events whose times name no zone, where clocks change."""
    times = ["2026-03-29 02:30", "2026-10-25T02:30:00", "10/4/2026 2:15 AM", "2011-12-30", "20181104T003000"]
    events = ({"event": "view", "ts": time, "sku": 1} for time in times)
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def layouts() -> dict[str, bytes]:
    """A few events in layouts other than one a line."""
    lines = (EVENTS / "events.jsonl").read_bytes().splitlines()[:3]
    events = [json.loads(line) for line in lines]
    names = sorted({name for event in events for name in event})
    cells = [[str(event.get(name, "")) for name in names] for event in events]
    records = [",".join(f'"{cell}"' for cell in row) for row in [names, *cells]]
    return {
        "layout_array": b"[" + b",".join(lines) + b"]",
        "layout_array_of_lines": b"[\n" + b",\n".join(lines) + b"\n]\n",
        "layout_concatenated": b"".join(lines),
        "layout_escaped_line_ends": b"\\n".join(lines),
        "layout_pretty": json.dumps(events, indent=2).encode(),
        "layout_joined": b"".join(b"\xef\xbb\xbf" + line + b"\r\n" for line in lines),
        "layout_broken": b'{"a":[\n' + lines[0] + b',{"a":NaN},\n{"a":"5" b"}' + lines[1] + b"\n1,[",
        "layout_csv": "\r\n".join(records).encode(),
        "layout_csv_semicolons": "\n".join(records).replace(",", ";").encode(),
        "layout_csv_broken": "\n".join(records).replace('",', ",").encode() + b"\n{}",
        "layout_utf16": (b"\n".join(lines)).decode().encode("utf-16"),
        "layout_utf16_be": "\n".join(records).encode("utf-16-be"),
    }


def events_seeds() -> dict[str, bytes]:
    seeds = {}
    for file in sorted((EVENTS / "lambda").glob("*.json")):
        event = json.loads(file.read_bytes())
        seeds[file.stem] = json.dumps(event, separators=(",", ":")).encode()
        for number, record in enumerate(event.get("Records", [])):
            if "body" in record:
                seeds[f"{file.stem}_body_{number}"] = record["body"].encode()
    return seeds


def names_of(value: object) -> Iterator[str]:
    """The names of members, and what sources and events are called."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            if name in ("eventSource", "eventName", "Event", "Type", "detail-type"):
                yield member
            if name in ("body", "Message"):
                yield from names_of(json.loads(member))
            yield from names_of(member)
    elif isinstance(value, list):
        for element in value:
            yield from names_of(element)


def events_words() -> set[str]:
    files = (EVENTS / "lambda").glob("*.json")
    words = {word for file in files for word in names_of(json.loads(file.read_bytes()))}
    return words | {":stream/", ":cluster/", "SelfManagedKafka", "aws.s3", "via CloudTrail"}


def reader_words() -> set[str]:
    pages = ((FUZZ.parent / "docs" / page).read_text() for page in ("EVENTS.md", "VOCABULARY.md"))
    words = {word for page in pages for word in re.findall(r"`([A-Za-z_][A-Za-z_ ]*)`", page)}
    return words | {"USD", "EUR", "default", "1795216079", "2026-11-20T23:07:59Z"}


def main() -> None:
    for target, words in [("reader", reader_words()), ("events", events_words())]:
        # In quotes, because most of them are names or values of JSON.
        lines = (json.dumps(json.dumps(word)) for word in sorted(words))
        (FUZZ / f"{target}.dict").write_text("".join(f"{line}\n" for line in lines))
        print(f"{target}: {len(words)} words")
    for target, seeds in [("reader", reader_seeds()), ("events", events_seeds())]:
        folder = FUZZ / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found_"):
                old.unlink()
        for name, seed in seeds.items():
            (folder / name).write_bytes(seed)
        print(f"{target}: {len(seeds)} inputs, {sum(map(len, seeds.values()))} bytes")


if __name__ == "__main__":
    main()
