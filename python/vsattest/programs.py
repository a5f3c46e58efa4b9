# SPDX-License-Identifier: Apache-2.0
"""Runs the C programs: ``python3 vsock_client.py ...`` is ``vsock_client ...``.

There is one implementation of each program, in C. It is looked for, in this order,

1. among the files that were installed with this package (a wheel's own programs);
2. in the build tree that this package lies in;
3. in the directory that the package was built for, such as /usr/bin (a distribution's package);
4. in the directories of PATH that are absolute.
"""

from __future__ import annotations

import csv
import glob
import os
import sys
from typing import Iterator, List, NoReturn, Optional

from vsattest._paths import PROGRAM_DIRECTORY

EXIT_INTERNAL = 5
# The directory that the package is in.
_SITE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _installed_with_us(name: str) -> Iterator[str]:
    # By hand: importlib.metadata takes longer to import than all else.
    for record in glob.glob(os.path.join(glob.escape(_SITE), "vsattest-*.dist-info", "RECORD")):
        with open(record, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                directory, base = os.path.split(row[0] if row else "")
                if base == name and os.path.basename(directory) == "bin":
                    yield os.path.normpath(os.path.join(_SITE, row[0]))


def _in_build_tree(name: str) -> Iterator[str]:
    build = os.path.dirname(_SITE)
    if os.path.isdir(os.path.join(build, "meson-info")):
        yield os.path.join(build, "src", "programs", name)


def _in_path(name: str) -> Iterator[str]:
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        # "" and "." would run whatever lies in the current directory.
        if os.path.isabs(directory):
            yield os.path.join(directory, name)


def _candidates(name: str) -> Iterator[str]:
    yield from _installed_with_us(name)
    yield from _in_build_tree(name)
    if PROGRAM_DIRECTORY:
        yield os.path.join(PROGRAM_DIRECTORY, name)
    yield from _in_path(name)


def find_program(name: str) -> Optional[str]:
    """The absolute path of one of the C programs, such as ``"verifier"``, or None."""
    for path in _candidates(name):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run_program(name: str, arguments: Optional[List[str]] = None) -> NoReturn:
    """Becomes the C program: same options, same output, same exit status. Does not return.

    Args:
        name: such as ``"vsock_client"``.
        arguments: without the program's name. None: those of this process.
    """
    path = find_program(name)
    reason = "it is not installed beside the Python package, nor found in PATH"
    if path is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            os.execv(path, [name, *(sys.argv[1:] if arguments is None else arguments)])
        except (OSError, ValueError) as error:
            reason = f"{path}: {error}"
    print(
        f"{name}: cannot run the program {name}: {reason}\n"
        "To install both, in the repository: pip install .",
        file=sys.stderr,
    )
    sys.exit(EXIT_INTERNAL)
