# SPDX-License-Identifier: Apache-2.0
"""What a guide in Markdown has its reader type: its fenced blocks, and the commands in them."""

import dataclasses
import re

FENCE = re.compile(r"^(`{3,})\s*(\w*)\s*$")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$")
# A line that is bold as a whole stands above a block as a heading does: **Timeout issues:**
BOLD = re.compile(r"^\*\*(.+?):?\*\*:?$")


@dataclasses.dataclass(frozen=True)
class Block:
    title: str  # of the heading, or bold line, that it stands under
    language: str
    text: str
    line: int  # in the file, of its first line

    def is_script(self):
        """Made to be saved as a file and run as a whole."""
        return self.text.startswith("#!")


@dataclasses.dataclass(frozen=True)
class Command:
    title: str
    text: str  # as printed; continued lines joined
    line: int
    # Assignments printed above it in the same block: ENCLAVE_CID=...
    variables: tuple


def blocks(text):
    """All fenced blocks of a Markdown text, in their order."""
    found, title, fence, language, start, body = [], "", None, "", 0, []
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if fence:
            if match and match[1] == fence:
                found.append(Block(title, language, "\n".join(body) + "\n", start))
                fence = None
            else:
                body.append(line)
        elif match:
            fence, language, start, body = match[1], match[2], number + 1, []
        else:
            heading = HEADING.match(line) or BOLD.match(line.strip())
            if heading:
                title = heading[1].rstrip(":")
    if fence:
        raise ValueError(f"line {start - 1}: the block is not closed")
    return found


def commands(block):
    """The commands of a block of shell, one by one; comments are for the reader."""
    found, pending, start, variables = [], "", 0, ()
    for number, line in enumerate(block.text.splitlines(), block.line):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if pending else number
        # A comment behind a command: bash passes over it, and so does who types.
        text = re.sub(r"\s+#\s.*$", "", line).strip()
        if text.endswith("\\"):
            pending += text[:-1].rstrip() + " "
            continue
        found.append(Command(block.title, pending + text, start, variables))
        if re.fullmatch(r"[A-Za-z_]\w*=.*", pending + text):
            variables += (pending + text,)
        pending = ""
    if pending:
        raise ValueError(f"line {start}: the command goes on after the end of its block")
    return found
