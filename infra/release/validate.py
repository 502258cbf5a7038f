"""Checks the bills of materials of a release.

    python infra/release/validate.py DIR      # with the packages of infra/lint/requirements.txt

Each has the schema of CycloneDX, names every component once, and its dependencies name components.
Every crate that `cargo tree` says is linked into a function or the command is in its bill. The
checksums are those of the files. Ends with 1 and a line for each finding.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]

BILLS = {
    "functions.cdx.json": [path.name for path in (ROOT / "functions").iterdir() if path.is_dir()],
    "command.cdx.json": ["minutebook"],
}


def tree(package):
    """The crates that cargo says are linked into a program on this machine, without macros."""
    command = ["cargo", "tree", "--locked", "--offline", "--package", package]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    words = (line.split() for line in listed.splitlines() if line)
    return {f"pkg:cargo/{name}@{version.removeprefix('v')}" for name, version, *_ in words}


def findings_of_bill(path, programs):
    text = path.read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        return [f"{path.name} is no bill of CycloneDX: {error}"]
    found = []
    bill = json.loads(text)
    references = [component["bom-ref"] for component in bill["components"]]
    if len(references) != len(set(references)):
        found.append(f"{path.name} names a component twice")
    subject = bill["metadata"]["component"]["bom-ref"]
    for dependency in bill["dependencies"]:
        unknown = {dependency["ref"], *dependency["dependsOn"]} - {subject, *references}
        if unknown:
            found.append(f"{path.name} has dependencies that it does not list: {sorted(unknown)}")
    linked = set().union(*map(tree, programs))
    missing = linked - set(references)
    if missing:
        found.append(f"{path.name} lacks {sorted(missing)}")
    return found


def findings_of_checksums(folder):
    found = []
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    named = dict(reversed(line.split("  ", 1)) for line in lines)
    files = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    if named.keys() != files:
        found.append(f"SHA256SUMS and the folder differ: {sorted(named.keys() ^ files)}")
    for name in named.keys() & files:
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != named[name]:
            found.append(f"{name} has another checksum")
    return found


def main():
    folder = Path(sys.argv[1])
    found = findings_of_checksums(folder)
    for name, programs in BILLS.items():
        found += findings_of_bill(folder / name, programs)
    for finding in found:
        print(finding)
    if not found:
        print(f"the bills of materials in {folder} are right")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
