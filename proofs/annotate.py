# SPDX-License-Identifier: Apache-2.0
"""Usage: annotate.py READER SOURCE CASES: the source with the annotations of CASES, on standard output.

A line of CASES is  READER | function | line | annotation;...  and the annotations go behind the line,
or before it where they begin with "^". The line occurs in the function exactly once, but with "*:".
"""

import re
import sys


def body_of(lines, function):
    """Returns the lines of the function's body: from the one that names it at a line's start to "}"."""
    pattern = re.compile(r"^(static |enum |const |struct )+.*\b" + re.escape(function) + r"\(")
    starts = [i for i, line in enumerate(lines) if pattern.match(line) and not line.endswith(";")]
    starts = [i for i in starts if "{" in lines[i:next(k for k in range(i, len(lines)) if lines[k] in ("{", "}", ""))+1]]
    if len(starts) != 1:
        sys.exit(f"annotate: {len(starts)} functions {function}")
    end = next(i for i in range(starts[0], len(lines)) if lines[i] == "}")
    return range(starts[0], end)


def main():
    reader, source, cases = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        lines = file.read().split("\n")
    with open(cases, encoding="utf-8") as file:
        rows = [[part.strip() for part in line.split("|", 3)] for line in file if line.strip() and line[0] != "#"]
    before, after = {}, {}
    for row_reader, function, text, annotations in rows:
        if row_reader != reader:
            continue
        each = text.startswith("*:")
        text = text.removeprefix("*:")
        found = [i for i in body_of(lines, function) if lines[i].strip().startswith(text)]
        if not found or (len(found) > 1 and not each):
            sys.exit(f"annotate: {len(found)} lines \"{text}\" in {function}: mend proofs/cases")
        where = before if annotations.startswith("^") else after
        for i in found:
            indent = lines[i][:len(lines[i]) - len(lines[i].lstrip())]
            where.setdefault(i, []).extend(f"{indent}//@ {part.strip()};" for part in annotations.lstrip("^").split(";"))
    for i, line in enumerate(lines):
        print(*before.get(i, []), line, *after.get(i, []), sep="\n", end="\n" if i + 1 < len(lines) else "")


main()
