#!/usr/bin/env python3
"""Zips of functions, the same bytes for the same program, and the template that names them.

    python3 infra/deploy/package.py FOLDER

makes a release of what cargo-lambda has built: rewrites the zips in FOLDER/target/lambda, which
hold the time of the build, and writes FOLDER/infra/template.yaml, which names them.
"""

import io
import re
import sys
import zipfile
from pathlib import Path

# The program of a function whose invocations are proxied.
STUB = b"#!/bin/sh\necho 'this function is proxied to cargo lambda watch' >&2\nexit 1\n"

# The one file in a zip, readable and executable for everyone, as Lambda requires.
PROGRAM_NAME = "bootstrap"
PROGRAM_MODE = 0o100755
# The system that gives `external_attr` its meaning: Unix.
UNIX = 3

# Where the header of an ELF file says for which processor it is, and what that means for Lambda.
ELF_MAGIC = b"\x7fELF"
MACHINE_AT = slice(18, 20)
ARCHITECTURES = {62: "x86_64", 183: "arm64"}

# Lines of the template that name the source of a function.
CODE_URI = re.compile(r"CodeUri: \.\./functions/(\w+)$", re.MULTILINE)

# The section of the template with its parameters, and a parameter in it.
PARAMETERS = re.compile(r"^Parameters:\n((?: .*\n|\n)*)", re.MULTILINE)
PARAMETER = re.compile(r"^  (\w+):(?: |$)", re.MULTILINE)


def parameters_of(template):
    """The names of the parameters of the template."""
    return PARAMETER.findall(PARAMETERS.search(template)[1])


def with_code(template, uri_of):
    """A template in which each function has the code at `uri_of(name)`."""
    return CODE_URI.sub(lambda line: f"CodeUri: {uri_of(line[1])}", template)


def program_of(path):
    """The program in a file, which is the program itself or a zip of it; a stub for None."""
    if path is None:
        return STUB
    if not path.endswith(".zip"):
        return Path(path).read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(PROGRAM_NAME)


def architecture_of(program):
    """What Lambda calls the processor of a Linux program; None for any other file."""
    if not program.startswith(ELF_MAGIC):
        return None
    return ARCHITECTURES.get(int.from_bytes(program[MACHINE_AT], "little"))


def zip_of(program, is_compressed):
    """The zip of a program.

    Debug builds are better not compressed: that takes longer than to upload them to an emulator.
    """
    target = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if is_compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method) as archive:
        # Without a time of its own, an entry is of 1980.
        entry = zipfile.ZipInfo(PROGRAM_NAME)
        entry.create_system = UNIX
        entry.external_attr = PROGRAM_MODE << 16
        entry.compress_type = method
        archive.writestr(entry, program)
    return target.getvalue()


def main():
    root, release = Path(__file__).resolve().parents[2], Path(sys.argv[1])
    for path in release.glob("target/lambda/*/bootstrap.zip"):
        path.write_bytes(zip_of(program_of(str(path)), is_compressed=True))
    template = (root / "infra" / "template.yaml").read_text()
    (release / "infra").mkdir(exist_ok=True)
    (release / "infra" / "template.yaml").write_text(
        with_code(template, lambda function: f"../target/lambda/{function}/bootstrap.zip")
    )


if __name__ == "__main__":
    main()
