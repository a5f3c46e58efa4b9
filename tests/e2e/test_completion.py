# SPDX-License-Identifier: Apache-2.0
"""bash completion says what --help says, and knows what each kind of value is."""

import glob
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

import harness

SCRIPT = os.path.join(harness.SOURCE, "packaging", "bash-completion", "vsattest.bash")
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
PROGRAMS = ("verifier", "vsock_client", "enclave_app", "enclave_image", "software_nsm",
            *(["vsattest-verifierd"] if os.path.exists(harness.program("vsattest-verifierd")) else []))
# What --help has behind an option, and what is completed there. "free": nothing can be proposed.
KINDS = {
    "FILE": "file", "PEM": "file", "PROGRAM": "file", "SOURCE:/DEST": "file", "DIR|TAR": "file",
    "DIR": "directory",
    "TEXT|@FILE": "free",  # completed behind "@", below
    "JSON|@FILE|-": "free",  # as above
    "ADDRESS": "address", "URL": "address", "unix:PATH": "address", "[NAME,...=]unix:PATH": "address",
    "LEVEL": "words", "KEM": "words", "[NAMES=]FILE": "file", "ARCH": "words", "POLICY": "words",
    **dict.fromkeys(
        ("ARN", "BASE64", "CID", "HEX", "ID", "N", "N=HEX", "NAME", "NAME=VALUE", "PORT", "SECONDS",
         "TEXT", "TIME", "WORD", "N[:BURST]", "MILLISECONDS", "UID[:GID]",
         "NAME=/PROGRAM", "URI", "/run/NAME/FILE"),
        "free",
    ),
}
# As readline would: COMP_WORDS is the line cut at blanks and at the characters of COMP_WORDBREAKS.
COMPLETE = r"""
source "$1"; source "$2"; shift 2
COMP_LINE=$1; COMP_POINT=${#1}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_vsattest "$1" "${!#}" "" || exit
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""


def help_of(*command):
    return harness.run([harness.program(command[0]), *command[1:], "--help"]).stdout.decode()


def options_of(*command):
    """Option to the word behind it ("" for none), read in another way than the script does."""
    found = {}
    for line in help_of(*command).splitlines():
        if line.startswith("  -"):
            words = re.split(r"\s{2,}", line.strip(), maxsplit=1)[0].split(" ")
            found[words[0]] = words[1] if len(words) > 1 else ""
    return found


def all_commands():
    for name in PROGRAMS:
        if name != "enclave_image":
            yield (name,)
    yield ("enclave_image",)
    for command in re.findall(r"^  ([a-z]+) ", help_of("enclave_image"), re.MULTILINE):
        yield ("enclave_image", command)


@unittest.skipUnless(shutil.which("bash") and os.path.exists(BASH_COMPLETION),
                     "no bash-completion here")
class Completion(harness.TestCase):
    def complete(self, line, breaks=":="):
        """The replies for the cursor at the end of the line."""
        words = [word for word in re.split(rf"\s+|([{breaks}])", line) if word]
        if line[-1].isspace():
            words.append("")
        elif line[-1] in breaks and words[-1] != line[-1]:
            words.append("")
        words[0] = harness.program(words[0])
        line = line.replace(line.split()[0], words[0], 1)
        done = harness.run(
            ["bash", "--norc", "-c", COMPLETE, "bash", BASH_COMPLETION, SCRIPT, line, *words],
            cwd=self.directory,
        )
        self.assert_exit(done, 0)
        return done.stdout.decode().split()

    def setUp(self):
        super().setUp()
        self.directory = self.path("here")
        os.makedirs(os.path.join(self.directory, "directory"))
        open(os.path.join(self.directory, "file"), "w", encoding="utf-8").close()

    def test_options_are_those_of_the_help(self):
        for command in all_commands():
            options = options_of(*command)
            self.assertIn("--help", options)
            with self.subTest(command=command):
                self.assertEqual(sorted(self.complete(" ".join(command) + " --")), sorted(options))

    def test_every_value_is_of_a_known_kind(self):
        expected = {
            "file": ["directory", "file"], "directory": ["directory"], "free": [],
        }
        for command in all_commands():
            for option, word in options_of(*command).items():
                with self.subTest(command=command, option=option):
                    if not word:
                        continue
                    self.assertIn(word, KINDS, "new in --help: teach packaging/bash-completion it")
                    replies = sorted(self.complete(f"{' '.join(command)} {option} "))
                    if KINDS[word] in expected:
                        self.assertEqual(replies, expected[KINDS[word]])
                    else:
                        self.assertNotEqual(replies, [])

    def test_every_man_page_option_is_completed(self):
        """Options that the man page explains and the help forgot would be missing in both."""
        aliases = {"--vsock-server", "--expected-nonce", "--expected-user-data"}
        for name in PROGRAMS:
            (path,) = glob.glob(os.path.join(harness.SOURCE, "man", name + ".[18].scd"))
            with open(path, encoding="utf-8") as page:
                text = page.read()
            explained = set()
            for line in re.findall(r"^\*--.*$", text, re.MULTILINE):
                explained.update(re.findall(r"\*(--[a-z0-9-]+)\*", line.split(":")[0]))
            known = set()
            for command in all_commands():
                if command[0] == name:
                    known.update(options_of(*command))
            with self.subTest(program=name):
                self.assertEqual(explained - known - aliases, set())

    def test_commands_of_enclave_image(self):
        self.assertEqual(sorted(self.complete("enclave_image ")),
                         ["build", "describe", "extract", "pcr", "sign"])
        self.assertEqual(self.complete("enclave_image de"), ["describe"])

    def test_words_are_accepted_by_the_programs(self):
        for level in self.complete("enclave_app --log-level "):
            done = harness.run([harness.program("enclave_app"), "--log-level", level, "--version"])
            self.assert_exit(done, 0)
        self.assertEqual(len(self.complete("enclave_app --log-level ")), 4)
        self.assertEqual(self.complete("enclave_app --log-level w"), ["warn"])
        self.assertEqual(self.complete("enclave_image build --arch a"), ["aarch64"])

    def test_addresses(self):
        self.assertEqual(self.complete("vsock_client --connect "), ["unix:", "vsock:", "vsock-mux:", "tcp:"])
        self.assertEqual(self.complete("vsock_client --connect vsock-"), ["vsock-mux:"])
        self.assertEqual(self.complete("enclave_app --nsm "), ["/dev/nsm", "unix:"])
        self.assertEqual(self.complete("software_nsm --listen "), ["unix:"])
        # readline puts replies behind the last colon.
        self.assertEqual(self.complete("vsock_client --connect unix:fi"), ["file"])
        self.assertEqual(self.complete("vsock_client --connect vsock-mux:fi"), ["file"])
        self.assertEqual(self.complete("vsock_client --connect vsock:1"), [])

    def test_an_equals_sign_is_as_good_as_a_blank(self):
        self.assertEqual(self.complete("verifier --root=fi"), ["file"])
        self.assertEqual(self.complete("vsock_client --connect=unix:fi"), ["file"])
        self.assertEqual(self.complete("enclave_app --log-level=d"), ["debug"])

    def test_arguments_without_an_option(self):
        self.assertEqual(self.complete("verifier fi"), ["file"])
        self.assertEqual(self.complete("enclave_image describe fi"), ["file"])
        self.assertEqual(self.complete("vsock_client fi"), [])
        self.assertIn("--ping", self.complete("vsock_client "))
        self.assertEqual(self.complete("enclave_image build --cmdline @fi"), ["@file"])
        self.assertEqual(self.complete("vsock_client --request @fi"), ["@file"])

    def test_a_program_that_is_not_there_completes_nothing(self):
        done = harness.run(
            ["bash", "--norc", "-c", COMPLETE, "bash", BASH_COMPLETION, SCRIPT,
             "/nonexistent/verifier --", "/nonexistent/verifier", "--"],
            cwd=self.directory,
        )
        self.assertEqual(done.stdout, b"")

    def test_in_a_terminal(self):
        """The real thing: a shell on a terminal, the tabulator key, and what readline makes of it."""
        main, terminal = pty.openpty()
        shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=terminal, stdout=terminal,
            stderr=terminal, cwd=self.directory, start_new_session=True,
            env={**os.environ, "TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null",
                 "PATH": os.path.dirname(harness.program("verifier")) + ":" + os.environ["PATH"]},
        )
        os.close(terminal)

        def see(text):
            seen, deadline = b"", time.monotonic() + harness.PATIENCE
            while text.encode() not in seen:
                ready, _, _ = select.select([main], [], [], max(0, deadline - time.monotonic()))
                self.assertTrue(ready, f"no {text!r} in {seen!r}")
                seen += os.read(main, 4096)

        try:
            os.write(main, f"source {BASH_COMPLETION}; source {SCRIPT}; echo rea''dy\n".encode())
            see("ready")
            os.write(main, b"verifier --measu\t")
            see("--measurements ")
            os.write(main, b"fi\t")
            see("file ")
            os.write(main, b"\x15vsock_client --connect u\t")
            see("unix:")
            os.write(main, b"di\t")
            see("directory/")
        finally:
            shell.kill()
            shell.wait()
            os.close(main)


if __name__ == "__main__":
    unittest.main()
