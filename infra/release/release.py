"""Makes what a release consists of, beside the zips of the functions.

    python3 infra/release/release.py --out DIR [--zips ARCHITECTURE [--from FOLDER]]

DIR gets:

- with `--zips arm64` (or `x86-64`): the zips in target/lambda of FOLDER, by default of the checkout,
  as <function>-<architecture>.zip, and an archive of the template in FOLDER with these zips;
- template.yaml;
- functions.cdx.json and command.cdx.json: what the functions and the command are linked from, as
  bills of materials in CycloneDX 1.6;
- LICENCES.txt: the licence of minutebook, and those of everything that is linked;
- SHA256SUMS of all files in DIR.

The same sources give the same bytes. Nothing is built, and nothing downloaded: `cargo fetch` before.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ARCHITECTURES = ("arm64", "x86-64")

# What the functions run on, and what the command runs on besides: the targets of deny.toml.
PLATFORMS_OF_FUNCTIONS = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]
PLATFORMS_OF_COMMAND = [*PLATFORMS_OF_FUNCTIONS, "aarch64-apple-darwin", "x86_64-apple-darwin"]

COMMAND = "minutebook"

# The function that has the dashboard in it.
WITH_DASHBOARD = "api"

# Files of a crate that hold its licence or must come with it.
LICENCE_FILE = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright)", re.I)

SPEC_VERSION = "1.6"


def functions():
    return sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())


class Crates:
    """What cargo knows about the crates of the workspace, for some platforms."""

    def __init__(self, platforms):
        command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1"]
        for platform in platforms:
            command += ["--filter-platform", platform]
        made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        metadata = json.loads(made.stdout)
        self.packages = {package["id"]: package for package in metadata["packages"]}
        self.nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        self.members = set(metadata["workspace_members"])

    def member(self, name):
        return next(id for id in self.members if self.packages[id]["name"] == name)

    def linked_by(self, id):
        """The crates that a crate is linked with: no build scripts, macros or tests."""
        found = []
        for dependency in self.nodes[id]["deps"]:
            is_normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_normal and not self.is_macro(dependency["pkg"]):
                found.append(dependency["pkg"])
        return found

    def is_macro(self, id):
        kinds = {kind for target in self.packages[id]["targets"] for kind in target["kind"]}
        return "proc-macro" in kinds

    def linked_into(self, roots):
        """Every crate that ends up in these, themselves included."""
        seen, waiting = set(), list(roots)
        while waiting:
            id = waiting.pop()
            if id not in seen:
                seen.add(id)
                waiting += self.linked_by(id)
        return seen

    def reference(self, id):
        package = self.packages[id]
        return f"pkg:cargo/{package['name']}@{package['version']}"


def checksums():
    """The SHA-256 of the archive of each crate, by name and version."""
    lock = (ROOT / "Cargo.lock").read_text()
    entry = re.compile(
        r'^name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"', re.M
    )
    return {(name, version): checksum for name, version, checksum in entry.findall(lock)}


def expression(licence):
    """An SPDX expression; older crates write / for OR."""
    return re.sub(r"\s*/\s*", " OR ", licence)


def component(crates, id, known_checksums):
    package = crates.packages[id]
    reference = crates.reference(id)
    made = {
        "type": "library",
        "bom-ref": reference,
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": expression(package["license"])}],
        "purl": reference,
    }
    checksum = known_checksums.get((package["name"], package["version"]))
    if checksum is not None:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def web_packages():
    """The packages that are in the dashboard's files, as components with what each depends on."""
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    waiting = sorted(lock["packages"][""]["dependencies"])
    components, dependencies = {}, {}
    while waiting:
        name = waiting.pop(0)
        if name in components:
            continue
        entry = lock["packages"][f"node_modules/{name}"]
        components[name] = {
            "type": "library",
            "bom-ref": npm_reference(name, entry),
            "name": name,
            "version": entry["version"],
            "licenses": [{"expression": entry["license"]}],
            "purl": npm_reference(name, entry),
        }
        dependencies[name] = sorted(entry.get("dependencies", {}))
        waiting += dependencies[name]
    edges = [
        {
            "ref": components[name]["bom-ref"],
            "dependsOn": [components[other]["bom-ref"] for other in others],
        }
        for name, others in dependencies.items()
    ]
    return list(components.values()), edges


def npm_reference(name, entry):
    return f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}"


def bill(name, crates, roots):
    """The bill of materials of programs, as JSON."""
    known_checksums = checksums()
    linked = sorted(crates.linked_into(roots), key=crates.reference)
    components = [component(crates, id, known_checksums) for id in linked]
    edges = {
        crates.reference(id): sorted({crates.reference(other) for other in crates.linked_by(id)})
        for id in linked
    }
    by_reference = {made["bom-ref"]: made for made in components}
    for root in roots:
        by_reference[crates.reference(root)]["type"] = "application"
    if any(crates.packages[root]["name"] == WITH_DASHBOARD for root in roots):
        of_web, edges_of_web = web_packages()
        components += of_web
        edges |= {edge["ref"]: edge["dependsOn"] for edge in edges_of_web}
        edges[crates.reference(crates.member(WITH_DASHBOARD))] += [
            made["bom-ref"] for made in of_web
        ]
    version = crates.packages[crates.member(COMMAND)]["version"]
    subject = f"minutebook-{name}@{version}"
    edges[subject] = sorted(crates.reference(root) for root in roots)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": subject,
                "name": f"minutebook-{name}",
                "version": version,
                "licenses": [{"expression": "MIT"}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": reference, "dependsOn": others} for reference, others in sorted(edges.items())
        ],
    }


def licences(crates_by_platform):
    """The licence of minutebook, then each text once, under the crates that it is of."""
    texts, without = {}, []
    named = {}
    for crates, roots in crates_by_platform:
        for id in crates.linked_into(roots) - crates.members:
            named[crates.reference(id)] = crates.packages[id]
    for reference, package in sorted(named.items()):
        folder = Path(package["manifest_path"]).parent
        files = sorted(path for path in folder.iterdir() if LICENCE_FILE.match(path.name))
        found = [path.read_text(errors="replace").strip() for path in files if path.is_file()]
        label = f"{package['name']} {package['version']}"
        for text in filter(None, found):
            texts.setdefault(text, []).append(label)
        if not any(found):
            without.append(f"{label}: {expression(package['license'])}")
    line = "=" * 80
    parts = [
        "minutebook\n" + line + "\n" + (ROOT / "LICENSE").read_text().strip(),
        "It is linked with the standard library of Rust, which is licensed under MIT or Apache-2.0\n"
        "(https://github.com/rust-lang/rust), and with the crates below.",
    ]
    for text, names in sorted(texts.items(), key=lambda entry: entry[1]):
        parts.append("\n".join(sorted(set(names))) + "\n" + line + "\n" + text)
    if without:
        parts.append("These come without a text, under the named licence:\n" + "\n".join(without))
    for path in sorted((ROOT / "web" / "dist" / "assets").glob("licences-*.txt")):
        parts.append(path.read_text().strip())
    return "\n\n\n".join(parts) + "\n"


def archive(target, files):
    """A .tar.gz of files, by their names in it, that has no times and no users."""
    with open(target, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, path in sorted(files.items()):
                body = path.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size = len(body)
                entry.mode = 0o644
                tar.addfile(entry, io.BytesIO(body))


def put_zips(out, architecture, folder):
    files = {"infra/template.yaml": folder / "infra" / "template.yaml"}
    for function in functions():
        path = folder / "target" / "lambda" / function / "bootstrap.zip"
        if not path.exists():
            sys.exit(f"{path} is missing: cargo lambda build --output-format zip makes it")
        (out / f"{function}-{architecture}.zip").write_bytes(path.read_bytes())
        files[f"target/lambda/{function}/bootstrap.zip"] = path
    archive(out / f"minutebook-{architecture}.tar.gz", files)


def put_documents(out):
    of_functions = Crates(PLATFORMS_OF_FUNCTIONS)
    of_command = Crates(PLATFORMS_OF_COMMAND)
    roots = [of_functions.member(function) for function in functions()]
    command = [of_command.member(COMMAND)]
    for name, crates, programs in (
        ("functions", of_functions, roots), ("command", of_command, command)
    ):
        made = json.dumps(bill(name, crates, programs), indent=1, sort_keys=True)
        (out / f"{name}.cdx.json").write_text(made + "\n")
    text = licences([(of_functions, roots), (of_command, command)])
    (out / "LICENCES.txt").write_text(text)
    (out / "template.yaml").write_bytes((ROOT / "infra" / "template.yaml").read_bytes())


def put_checksums(out):
    files = sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")
    parser.add_argument("--zips", choices=ARCHITECTURES, help="take the zips of this architecture")
    parser.add_argument("--from", type=Path, default=ROOT, dest="folder", help="where they are")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.zips:
        put_zips(arguments.out, arguments.zips, arguments.folder)
    put_documents(arguments.out)
    put_checksums(arguments.out)


if __name__ == "__main__":
    main()
