#!/usr/bin/env python3
"""Times the first run: what the README's two commands take in a fresh clone.

    python3 benches/first_run.py                # both commands, cold and warm
    python3 benches/first_run.py --demo-only    # `cargo mb demo` only

It clones the last commit of this checkout into an empty temporary folder, has cargo download the
crates (which is not timed), and runs there

    cargo mb demo                cold: nothing is built, no tools are installed, pip has no cache
    cargo mb demo                warm: everything is there, the stack is up
    cargo test --workspace       cold: what the demo has built is there, and nothing else
    cargo test --workspace       warm

Then it takes the stack down and removes the folder. Nothing outside of the folder changes but
cargo's cache of downloaded crates. Changes that are not committed are not in the clone.

The table has a line for each run:

    wall        from start to end, in seconds
    processor   user and system time of the command and all that it waited for; divided by the
                number of cores it is the least that the wall time can be on an idle machine
    first       seconds until the command printed anything
    silence     the longest time without any output
    load        the 1-minute load average before and after: on an idle machine the first is near 0

Python 3.10 or newer, git and cargo must be in PATH; there are no other requirements. The exit code
is 1 if a command failed, with the end of its output.
"""

import argparse
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How much of a command's output is shown when it fails.
LINES_SHOWN = 40
READ_BYTES = 65_536


@dataclass
class Run:
    """One run of a command, times in seconds."""

    command: str
    state: str
    wall: float
    processor: float
    first: float
    silence: float
    load: tuple


class Failed(Exception):
    """A command ended with a status other than 0."""


def environment():
    """This process's environment without what would lead the build or pip elsewhere."""
    inherited = dict(os.environ)
    for name in ("CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"):
        inherited.pop(name, None)
    return inherited | {"PIP_NO_CACHE_DIR": "1"}


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def load_average():
    return os.getloadavg()[0]


def timed(command, state, folder, log):
    """Runs a command in `folder` and measures it; what it prints goes to the file `log`."""
    print(f"{command} ({state}) …", file=sys.stderr, flush=True)
    load_before = load_average()
    processor_before = processor_seconds()
    begun = time.monotonic()
    last_output = begun
    first = None
    silence = 0.0
    with log.open("wb", buffering=0) as output:
        child = subprocess.Popen(
            command.split(),
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # The emulator, which stays up, has an output of its own: the pipe ends with the command.
        while data := os.read(child.stdout.fileno(), READ_BYTES):
            now = time.monotonic()
            first = now - begun if first is None else first
            silence = max(silence, now - last_output)
            last_output = now
            output.write(data)
        status = child.wait()
    ended = time.monotonic()
    if status != 0:
        lines = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        raise Failed("\n".join([*lines, f"{command} ended with status {status}"]))
    return Run(
        command=command,
        state=state,
        wall=ended - begun,
        processor=processor_seconds() - processor_before,
        first=ended - begun if first is None else first,
        silence=max(silence, ended - last_output),
        load=(load_before, load_average()),
    )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def measure(folder, is_demo_only, port):
    """Makes the clone in `folder` and gives the runs one by one."""
    clone = folder / "minutebook"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run(["cargo", "fetch", "--quiet", "--locked"], cwd=clone, env=environment(), check=True)
    log = folder / "output.log"
    demo = f"cargo mb demo --port {port}"
    try:
        for state in ("cold", "warm"):
            yield timed(demo, state, clone, log)
    finally:
        command = clone / "target" / "debug" / "minutebook"
        if command.exists():
            subprocess.run([command, "down"], cwd=clone, check=True, stderr=subprocess.DEVNULL)
    if not is_demo_only:
        for state in ("cold", "warm"):
            yield timed("cargo test --workspace", state, clone, log)


def print_table(runs):
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, {rustc.stdout.strip()}, commit {commit.stdout.strip()}\n")
    print("| command | | wall | processor | first | silence | load |")
    print("|---|---|---|---|---|---|---|")
    for run in runs:
        name = run.command.split(" --port")[0]
        print(
            f"| `{name}` | {run.state} | {run.wall:.0f} s | {run.processor:.0f} s | {run.first:.1f} s "
            f"| {run.silence:.0f} s | {run.load[0]:.1f}, {run.load[1]:.1f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo-only", action="store_true", help="leave out `cargo test --workspace`")
    parser.add_argument("--port", type=int, help="port of the emulator (default: a free one)")
    arguments = parser.parse_args()
    runs = []
    folder = Path(tempfile.mkdtemp(prefix="minutebook-first-run-"))
    try:
        for run in measure(folder, arguments.demo_only, arguments.port or free_port()):
            runs.append(run)
    except (Failed, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    finally:
        shutil.rmtree(folder)
        if runs:
            print_table(runs)


if __name__ == "__main__":
    main()
