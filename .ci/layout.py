#!/usr/bin/env python3
"""Checks the layout of the repository: what a compiler does not see.

    python3 .ci/layout.py

- No circle of imports between the files of a crate. A name that a `mod.rs` re-exports belongs to
  the file that defines it; unit tests are not looked at.
- No file of Rust with more than 500 lines of code, tests at its end left out, unless its head says
  `Long because`.
- No source file of the dashboard with more than 500 lines, or with a line over 100 columns.
- No folder with more than 15 files, but for data.
- No more than 1,500 lines in the template.
- No line of prose in Markdown over 100 columns (tables, code and links left out), and no relative
  link or anchor that leads nowhere.

Ends with 1 and a line for each finding.
"""

import pathlib
import re
import subprocess
import sys

CODE_LINES_MAX = 500
FILES_MAX = 15
COLUMNS_MAX = 100
TEMPLATE_LINES_MAX = 1_500
DATA_FOLDERS = ("events/", "cases/", "fuzz/seeds/")

ROOT = pathlib.Path(__file__).resolve().parents[1]


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def without_tests(text: str) -> str:
    return re.split(r"^#\[cfg\(test\)\]\n(?:#\[path[^\n]*\n)?mod \w+", text, flags=re.M)[0]


def is_test(path: str) -> bool:
    return bool(re.search(r"(^|/)(tests|\w+_tests)(\.rs$|/)", path))


def leaves(tree: str) -> list[list[str]]:
    """The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        return [re.sub(r"\s+as\s+\w+$", "", tree).split("::")]
    head = [part for part in tree[:brace].split("::") if part.strip()]
    parts, depth, start = [], 0, brace + 1
    for at in range(brace + 1, tree.rindex("}") + 1):
        if tree[at] == "{":
            depth += 1
        elif (tree[at] == "," and depth == 0) or at == tree.rindex("}"):
            parts.append(tree[start:at])
            start = at + 1
        elif tree[at] == "}":
            depth -= 1
    return [head + leaf for part in parts if part.strip() for leaf in leaves(part)]


class Crate:
    """The files of a crate by their module path, and the names that each re-exports."""

    def __init__(self, source: str, files: list[str]) -> None:
        self.modules: dict[tuple[str, ...], str] = {}
        self.texts: dict[tuple[str, ...], str] = {}
        for file in files:
            name = file.removeprefix(source + "/").removesuffix(".rs")
            if is_test(file.removeprefix(source + "/")):
                continue
            parts = tuple(part for part in name.split("/") if part != "mod")
            parts = () if parts in (("lib",), ("main",)) else parts
            self.modules[parts] = file
            self.texts[parts] = without_tests((ROOT / file).read_text())

    def absolute(self, module: tuple[str, ...], path: list[str]) -> tuple[str, ...] | None:
        path = [part.strip() for part in path]
        if path[0] == "crate":
            return tuple(path[1:])
        base = module
        if path[0] == "self":
            return base + tuple(path[1:])
        if path[0] == "super":
            while path and path[0] == "super":
                base, path = base[:-1], path[1:]
            return base + tuple(path)
        return base + tuple(path) if base + (path[0],) in self.modules else None

    def definer(self, path: tuple[str, ...], depth: int = 0) -> tuple[str, ...]:
        """The module that defines what the path names."""
        length = next(n for n in range(len(path), -1, -1) if path[:n] in self.modules)
        module, rest = path[:length], path[length:]
        if rest and depth < 8:
            for tree in re.findall(r"\bpub(?:\([^)]*\))? use ([^;]+);", self.texts[module]):
                for leaf in leaves(tree):
                    target = self.absolute(module, leaf)
                    if target and leaf[-1].strip() in (rest[0], "*"):
                        full = target if leaf[-1].strip() != "*" else target[:-1] + rest[:1]
                        if full[: len(full)] != path[: len(full)]:
                            return self.definer(full + rest[1:], depth + 1)
        return module

    def imports(self, module: tuple[str, ...]) -> set[tuple[str, ...]]:
        text = re.sub(r"//[^\n]*", "", self.texts[module])
        trees = re.findall(r"(?<!pub )\buse ([^;]+);", re.sub(r"\bpub(\([^)]*\))? use", "pub use", text))
        paths = [leaf for tree in trees for leaf in leaves(tree)]
        body = re.sub(r"\buse [^;]+;", "", text)
        paths += [p.split("::") for p in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", body)]
        found = set()
        for path in paths:
            target = self.absolute(module, path)
            if target is not None:
                found.add(self.definer(target))
        return found - {module}

    def circles(self) -> list[list[str]]:
        graph = {module: self.imports(module) for module in self.modules}
        index: dict[tuple[str, ...], int] = {}
        low: dict[tuple[str, ...], int] = {}
        stack: list[tuple[str, ...]] = []
        found: list[list[str]] = []

        def visit(node: tuple[str, ...]) -> None:
            index[node] = low[node] = len(index)
            stack.append(node)
            for next_node in graph[node]:
                if next_node not in index:
                    visit(next_node)
                    low[node] = min(low[node], low[next_node])
                elif next_node in stack:
                    low[node] = min(low[node], index[next_node])
            if low[node] == index[node]:
                at = stack.index(node)
                members = stack[at:]
                del stack[at:]
                if len(members) > 1:
                    found.append(sorted(self.modules[member] for member in members))

        for module in graph:
            if module not in index:
                visit(module)
        return found


def check_code(files: list[str]) -> list[str]:
    findings = []
    rust = [file for file in files if file.endswith(".rs")]
    sources = {file[: file.index("/src/") + 4] for file in rust if "/src/" in file}
    for source in sorted(sources):
        crate = Crate(source, [file for file in rust if file.startswith(source + "/")])
        findings += [f"these import each other: {', '.join(circle)}" for circle in crate.circles()]
    for file in rust:
        text = (ROOT / file).read_text()
        lines = len(without_tests(text).splitlines())
        if lines > CODE_LINES_MAX and "Long because" not in text[:2_000]:
            findings.append(f"{file} has {lines} lines of code; at most {CODE_LINES_MAX}")
    folders: dict[str, int] = {}
    for file in files:
        folder = file.rpartition("/")[0]
        folders[folder] = folders.get(folder, 0) + 1
    for folder, count in folders.items():
        if folder and count > FILES_MAX and not f"{folder}/".startswith(DATA_FOLDERS):
            findings.append(f"{folder} has {count} files; at most {FILES_MAX}")
    return findings


def check_web(files: list[str]) -> list[str]:
    findings = []
    for file in files:
        if not re.match(r"web/(?!dist/).*\.(tsx?|mjs|css|html)$", file):
            continue
        lines = (ROOT / file).read_text().splitlines()
        if len(lines) > CODE_LINES_MAX:
            findings.append(f"{file} has {len(lines)} lines; at most {CODE_LINES_MAX}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                findings.append(f"{file}:{number} has {len(line)} columns; at most {COLUMNS_MAX}")
    return findings


def check_template() -> list[str]:
    template = "infra/template.yaml"
    lines = len((ROOT / template).read_text().splitlines())
    if lines > TEMPLATE_LINES_MAX:
        return [f"{template} has {lines} lines; at most {TEMPLATE_LINES_MAX}"]
    return []


def anchors(text: str) -> set[str]:
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.M)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title)) for title in titles]
    return {title.strip().lower().replace(" ", "-") for title in plain}


def check_prose(files: list[str]) -> list[str]:
    findings = []
    for file in (file for file in files if file.endswith(".md")):
        text = (ROOT / file).read_text()
        prose = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), text, flags=re.S)
        for number, line in enumerate(prose.splitlines(), 1):
            is_free = line.startswith(("|", "    ", "<")) or "](" in line or "http" in line
            if len(line) > COLUMNS_MAX and not is_free:
                findings.append(f"{file}:{number} has {len(line)} columns; at most {COLUMNS_MAX}")
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"\w+:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (ROOT / file).parent / name if name else ROOT / file
            if not path.exists():
                findings.append(f"{file} links to {target}, which is not there")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text()):
                findings.append(f"{file} links to {target}, which has no such heading")
    return findings


def main() -> int:
    files = tracked()
    findings = check_code(files) + check_web(files) + check_template() + check_prose(files)
    for finding in findings:
        print(finding)
    if not findings:
        print(f"the layout of {len(files)} files is as CONTRIBUTING.md says")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
