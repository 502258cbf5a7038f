#!/usr/bin/env python3
"""Shows that the seeded histories catch faults: plays them on builds that are broken on purpose.

    python3 tests/broken/run.py [NAME]...

Each patch of this folder breaks one thing. It is applied to a copy of the sources in target/broken,
where histories of the seeds 1 to 50 are played; one of them has to fail. Ends with 1 if a broken
build passes.

The copy is built in a target folder of its own (CARGO_TARGET_DIR, or target/broken/build), so that
cargo never takes a broken crate for a whole one. What is in target/debug is copied there first, so
that only our own crates are built.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

SEEDS = 50
# How much of a failure is shown: so many lines, and so much of each.
LINES_SHOWN = 8
LINE_SHOWN = 300

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from warm_build import warm_up  # noqa: E402

DEFAULT_BUILD = ROOT / "target" / "broken" / "build"
BUILD = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", DEFAULT_BUILD)).resolve()
SOURCES = BUILD.parent / f"{BUILD.name}-sources"


def copy_sources() -> None:
    """Copies what git knows or would know, and leaves a file alone that is the same already."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, SOURCES / name
        is_same = copy.is_file() and source.is_file() and copy.read_bytes() == source.read_bytes()
        if is_same or not source.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    # The emulator need not be installed again.
    tools = SOURCES / ".minutebook" / "tools"
    if not tools.exists() and (ROOT / ".minutebook" / "tools").exists():
        tools.parent.mkdir(exist_ok=True)
        tools.symlink_to(ROOT / ".minutebook" / "tools")


def play(patch: pathlib.Path) -> bool:
    # This also takes back the patch before.
    copy_sources()
    # The copy may lie in a repository, which the patch is not for.
    environment = {
        **os.environ,
        "GIT_CEILING_DIRECTORIES": str(SOURCES.parent),
        "CARGO_TARGET_DIR": str(BUILD),
    }
    subprocess.run(["git", "apply", str(patch)], cwd=SOURCES, check=True, env=environment)
    cargo = ["cargo", "test", "--workspace", "--locked", "--test", "histories"]
    subprocess.run([*cargo, "--no-run", "--quiet"], cwd=SOURCES, check=True, env=environment)
    begun = time.monotonic()
    environment |= {"MINUTEBOOK_HISTORIES": str(SEEDS), "MINUTEBOOK_SEED": "1"}
    ended = subprocess.run(
        [*cargo, "--", "histories"],
        cwd=SOURCES,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.monotonic() - begun
    seed = re.search(r"the history of seed (\d+) failed", ended.stdout)
    if ended.returncode == 0 or seed is None:
        print(f"{patch.stem}: NOT CAUGHT by {SEEDS} histories ({seconds:.0f} s)")
        print(ended.stdout[-3000:], flush=True)
        return False
    print(f"{patch.stem}: caught by seed {seed[1]}, after {seconds:.0f} s")
    for line in ended.stdout[seed.start():].splitlines()[:LINES_SHOWN]:
        print(f"    {line[:LINE_SHOWN]}", flush=True)
    return True


def main() -> int:
    patches = sorted(pathlib.Path(__file__).parent.glob("*.patch"))
    chosen = [patch for patch in patches if not sys.argv[1:] or patch.stem in sys.argv[1:]]
    if not chosen:
        names = ", ".join(patch.stem for patch in patches)
        print(f"no such patch; there are {names}", file=sys.stderr)
        return 2
    warm_up(BUILD, ROOT / "target")
    are_caught = [play(patch) for patch in chosen]
    return 0 if all(are_caught) else 1


if __name__ == "__main__":
    sys.exit(main())
