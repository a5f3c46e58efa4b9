# SPDX-License-Identifier: Apache-2.0
"""The tests' own tools must be able to fail: runners, counting, the layer check."""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys

import harness

TAP_RUNNER = os.path.join(harness.SOURCE, "tests", "e2e", "tap_runner.py")
RUN_CMOCKA = os.path.join(harness.SOURCE, "tests", "unit", "run_cmocka.py")
COUNT_TESTS = os.path.join(harness.SOURCE, "scripts", "count-tests")
CHECK_LAYERS = os.path.join(harness.SOURCE, "scripts", "check-layers")
CHECK_WORDS = os.path.join(harness.SOURCE, "scripts", "check-words")


class Listening(harness.TestCase):
    """What is_listening() says is what a client meets."""

    def test_from_bind_to_the_file_that_is_left(self):
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            path = self.path(f"socket{kind}")
            self.assertFalse(harness.is_listening(path))
            with socket.socket(socket.AF_UNIX, kind) as server:
                server.bind(path)
                self.assertFalse(harness.is_listening(path))
                server.listen()
                self.assertTrue(harness.is_listening(path))
                os.rename(path, path + "new")
                self.assertTrue(harness.is_listening(path + "new"))
                os.rename(path + "new", path)
                server.settimeout(0)
                with self.assertRaises(BlockingIOError):
                    server.accept()
            self.assertTrue(os.path.exists(path))
            self.assertFalse(harness.is_listening(path))


class TapRunner(harness.TestCase):
    def run_sample(self, body, status, *arguments, base="unittest.TestCase"):
        path = self.path("test_sample.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("import unittest, time, sys, harness\n"
                       f"class Sample({base}):\n" + body)
        done = harness.run([sys.executable, TAP_RUNNER, path, *arguments],
                           env={"PYTHONPATH": os.path.dirname(TAP_RUNNER)})
        self.assert_exit(done, status)
        return done

    def lines(self, *arguments):
        done = self.run_sample(*arguments)
        return [row for row in done.stdout.decode().splitlines() if not row.startswith("#")]

    def test_the_cause_is_printed(self):
        """By the test case and for the console: the assertion, and what its programs printed."""
        body = (
            "    def test_a(self):\n"
            "        said = 'import sys; sys.stderr.write(\\'first line\\\\nlast line\\\\n\\')'\n"
            "        self.service([sys.executable, '-c', said]).wait()\n"
            "        with self.subTest(n=1): self.fail('the sub-test')\n"
            "        self.fail('the reason')\n"
        )
        done = self.run_sample(body, 1, base="harness.TestCase")
        for output, before in ((done.stdout.decode(), "# "), (done.stderr.decode(), "")):
            self.assertIn(f"\n{before}AssertionError: the sub-test\n", output)
            self.assertIn(f"\n{before}AssertionError: the reason\n", output)
            self.assertRegex(output, rf"\n{before}python\S*\[\d+\]: last line\n")
        self.assertEqual(done.stdout.decode().count("not ok"), 1)

    def test_a_program_that_hangs_shows_what_it_printed(self):
        for seconds in (0.2, 2, harness.PATIENCE):  # until it came to print anything
            with self.assertRaisesRegex(AssertionError, f"did not end in {seconds:g} s\n") as failure:
                harness.run(["sh", "-c", "echo out; exec sleep 600"], timeout=seconds)
            if "stdout: b'out" in str(failure.exception):
                return
        self.fail(str(failure.exception))

    def test_counts_each_case(self):
        body = (
            "    def test_a(self): pass\n"
            "    def test_b(self): self.fail('no')\n"
            "    @unittest.skip('no tool')\n"
            "    def test_c(self): pass\n"
            "    def test_d(self): raise OSError('broken')\n"
        )
        self.assertEqual(
            self.lines(body, 1),
            [
                "ok 1 - Sample.test_a",
                "not ok 2 - Sample.test_b",
                "ok 3 - Sample.test_c # SKIP no tool",
                "not ok 4 - Sample.test_d",
                "1..4",
            ],
        )

    def test_a_failing_sub_test_fails_its_case_once(self):
        body = (
            "    def test_a(self):\n"
            "        for n in (1, 2, 3):\n"
            "            with self.subTest(n=n): self.assertEqual(n, 2)\n"
        )
        self.assertEqual(self.lines(body, 1), ["not ok 1 - Sample.test_a", "1..1"])

    def test_no_test_is_a_failure(self):
        self.assertEqual(self.lines("    pass\n", 1)[0], "1..0")

    def test_a_hanging_file_ends(self):
        self.assertEqual(self.lines("    def test_a(self): time.sleep(600)\n", 1, "1"), [])


class RunCmocka(harness.TestCase):
    def run_script(self, text):
        path = self.path("program")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return harness.run([sys.executable, RUN_CMOCKA, path])

    def test_mends_skips_and_keeps_the_rest(self):
        done = self.run_script(
            "echo 1..4; echo 'ok 1 - a'; echo '# skip: no shared directory'\n"
            "echo 'not ok 2 # SKIP b'; echo 'not ok 3 - c'\n"
            "echo '# skip: no tool'; echo 'ok 4 # SKIP d'; exit 1\n"
        )
        self.assert_exit(done, 1)
        self.assertEqual(
            done.stdout.decode().splitlines(),
            ["1..4", "ok 1 - a", "ok 2 - b # SKIP no shared directory", "not ok 3 - c",
             "ok 4 - d # SKIP no tool"],
        )

    def test_a_crash_is_a_failure(self):
        done = self.run_script("echo 1..2; echo 'ok 1 - a'; kill -SEGV $$\n")
        self.assert_exit(done, 1)
        self.assertIn("Bail out!", done.stdout.decode())
        self.assertIn("SIGSEGV", done.stdout.decode())


class CountTests(harness.TestCase):
    def count(self, *programs, log="testlog.json"):
        """Exit status and lines for programs of (result, output)."""
        logs = self.path("meson-logs")
        os.makedirs(logs, exist_ok=True)
        with open(os.path.join(logs, log), "w", encoding="utf-8") as file:
            for result, output in programs:
                entry = {"name": "p:unit / a", "result": result, "stdout": output}
                file.write(json.dumps(entry) + "\n")
        done = harness.run([sys.executable, COUNT_TESTS, self.directory])
        return done.returncode, done.stdout.decode().splitlines()

    def test_counts_cases_and_skips(self):
        self.assertEqual(
            self.count(("OK", "1..2\nok 1 - x\n# ok 9\n\x1b[1m\nok 2 - y # SKIP no tool\n")),
            (0, ["skipped: a: y: no tool", "1 passed, 0 failed, 1 skipped"]),
        )

    def test_a_wrapper(self):
        """meson test --wrapper valgrind writes another file; the last one counts."""
        self.count(("OK", "1..1\nok 1 - x\n"))
        os.utime(self.path("meson-logs/testlog.json"), (1, 1))
        self.assertEqual(self.count(("OK", "1..2\nok 1 - x\nok 2 - y\n"), log="testlog-valgrind.json"),
                         (0, ["2 passed, 0 failed, 0 skipped"]))

    def test_a_failed_case(self):
        self.assertEqual(
            self.count(("FAIL", "ok 1 - x\nnot ok 2 - y\n1..2\n"), ("OK", "1..1\nok 1 - z\n")),
            (1, ["failed: a: y", "2 passed, 1 failed, 0 skipped"]),
        )

    def test_a_failed_case_has_its_cause(self):
        lines = "".join(f"# line {number}\n" for number in range(100))
        status, printed = self.count(
            ("FAIL", f"ok 1 - x\n# not this\nnot ok 2 - y\n# Traceback:\n#   File\n"
             f"not ok 3 - z\n{lines}1..3\n"),
            ("OK", "ok 1 - v # SKIP no tool\n1..1\n"))
        self.assertEqual(status, 1)
        self.assertEqual(printed[:5], ["skipped: a: v: no tool", "failed: a: y", "    Traceback:",
                                       "      File", "failed: a: z"])
        self.assertEqual(len(printed), 5 + 61 + 1)
        self.assertEqual((printed[5], printed[-2]), ("    line 0", "    line 99"))

    def test_a_program_that_died_is_a_failure_more(self):
        for result in ("ERROR", "TIMEOUT", "INTERRUPT"):
            with self.subTest(result=result):
                status, lines = self.count((result, "1..2\nok 1 - x\n"))
                self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(self.count(), (1, ["0 passed, 0 failed, 0 skipped"]))
        self.assertEqual(self.count(("SKIP", "1..0\n")), (1, ["0 passed, 0 failed, 0 skipped"]))


class CheckLayers(harness.TestCase):
    """On a small tree of its own, under the real table."""

    HEADER = "/* SPDX-License-Identifier: Apache-2.0 */\n"

    def setUp(self):
        super().setUp()
        if not shutil.which("git"):
            self.skipTest("git is not installed")
        os.makedirs(self.path("src/base"))
        os.makedirs(self.path("include/vsattest"))
        # Without the real tree's exceptions, which would all be stale here.
        with open(CHECK_LAYERS, encoding="utf-8") as file:
            script = file.read()
        for exceptions, empty in (("ELSEWHERE", "{}"), ("CIRCLES", "set()"), ("TWICE", "set()"),
                                  ("WITHOUT_EXAMPLE", "set()")):
            begin = f"\n{exceptions} = {{\n"
            if f"\n{exceptions} = {empty}\n" in script:
                continue
            self.assertEqual(script.count(begin), 1)
            script = script.replace(begin, f"\n{exceptions} = {empty}\n_ = {{\n")
        self.write("scripts/check-layers", script)
        shutil.copy(os.path.join(harness.SOURCE, "ARCHITECTURE.md"), self.directory)
        subprocess.run(["git", "init", "-q", self.directory], check=True, timeout=harness.PATIENCE)
        self.write("src/base/meson.build", "files('a.c')\n")
        self.write("src/base/a.c", self.HEADER + "int a(void)\n{\n    return 1;\n}\n")

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, expected):
        done = harness.run([sys.executable, self.path("scripts/check-layers")])
        if expected is None:
            self.assert_exit(done, 0)
        else:
            self.assert_exit(done, 1)
            self.assertIn(expected, done.stderr.decode())

    def test_a_good_tree(self):
        self.check(None)

    def test_what_it_refuses(self):
        cases = {
            '#include "cbor/reader.h"\n': "may not include cbor",
            "#include <vsattest/attestation.h>\n": "may not include attestation",
            "#include <openssl/evp.h>\n": "may not use openssl",
            "#include <jansson.h>\n": "may not use jansson",
            '#include "a.h"\n': 'write "layer/file.h"',
            "int b(void)\n{\n    return json_dumpf(a, stdout, 0);\n}\n": "vsa_json_print()",
            "void *b(void)\n{\n    return json_loads(a, 0, NULL);\n}\n": "vsa_json_load()",
            "#ifdef OPTION\n#endif\n": "#ifdef OPTION",
            "#if 0\n#endif\n": "#if 0",
            "/* " + "a" * 95 + " */\n": "line of 101 columns",
            "/* --- a ---\n */\n": "a banner is one line",
            "int b(void)\n{\n" + "    ;\n" * 99 + "}\n": "function of 101 lines; the most is 100",
        }
        for text, expected in cases.items():
            with self.subTest(expected=expected):
                self.write("src/base/a.c", self.HEADER + text)
                self.check(expected)

    def test_one_function_of_a_hundred_may_be_longer(self):
        short = "int a{}(void)\n{{\n    return 1;\n}}\n"
        long = "int b{}(void)\n{{\n" + "    ;\n" * 39 + "}}\n"
        others = "".join(short.format(number) for number in range(198))
        self.write("src/base/a.c", self.HEADER + others + long.format(1) + long.format(2))
        self.check(None)
        self.write("src/base/a.c", self.HEADER + others + long.format(1) + long.format(2) + long.format(3))
        self.check("function of 41 lines; only 1 of 100 may have over 40")

    def test_an_example_of_each_public_header(self):
        guard = "#ifndef A_H\n#define A_H\n{}#endif\n"
        example = "/*\n * Example: examples/a.c\n */\n"
        header = "include/vsattest/base.h"
        self.write("examples/meson.build", "foreach name : ['a']\n")
        self.write(header, self.HEADER + guard.format("#define A 1\n"))
        self.check(None)
        self.write(header, self.HEADER + guard.format("int a(void);\n"))
        self.check(header + ":1: names no example")
        self.write(header, self.HEADER + example + guard.format("int a(void);\n"))
        self.check(header + ":1: no examples/a.c")
        self.write("examples/a.c", self.HEADER)
        self.check(header + ":1: examples/a.c does not include it")
        self.write("examples/a.c", self.HEADER + "#include <vsattest/report.h>\n")
        self.write("include/vsattest/report.h", self.HEADER + guard.format("#include <vsattest/base.h>\n"))
        self.check(None)
        self.write("examples/meson.build", "foreach name : ['b']\n")
        self.check("examples/meson.build does not name it")

    def test_a_name_that_is_a_struct_and_a_function(self):
        struct = "#ifndef A_H\n#define A_H\nstruct {}\n{{\n    int c;\n}};\n#endif\n"
        self.write("src/base/a.c", self.HEADER + "struct b\n{\n    int c;\n};\nint b(void)\n{\n    return 1;\n}\n")
        self.check("b is a struct, too: src/base/a.c")
        self.write("src/base/a.c", self.HEADER + "int vsa_b(void)\n{\n    return 1;\n}\n")
        self.check(None)
        self.write("src/base/a.h", self.HEADER + struct.format("vsa_b"))
        self.check("vsa_b is a struct, too: src/base/a.h")
        # What is static in one file may be a struct of another.
        self.write("src/base/a.h", self.HEADER + struct.format("b"))
        self.write("src/base/a.c", self.HEADER + "static int b(void)\n{\n    return 1;\n}\n")
        self.check(None)

    def test_no_licence_line(self):
        self.write("src/base/a.c", "int a;\n")
        self.check("no SPDX-License-Identifier")

    def test_a_forgotten_test(self):
        self.write("tests/unit/meson.build", "unit_tests = ['other']\n")
        self.write("tests/unit/test_base.c", self.HEADER)
        self.check("tests/unit/meson.build does not name it")

    def test_an_unknown_layer(self):
        self.write("src/extra/meson.build", "files('b.c')\n")
        self.write("src/extra/b.c", self.HEADER)
        self.check("layer extra is not in the table")


class CheckWords(harness.TestCase):
    """On a small tree of its own, with the real table of words."""

    def setUp(self):
        super().setUp()
        if not shutil.which("git"):
            self.skipTest("git is not installed")
        shutil.copy(os.path.join(harness.SOURCE, "CONTRIBUTING.md"), self.directory)
        subprocess.run(["git", "init", "-q", self.directory], check=True, timeout=harness.PATIENCE)

    def check(self, source, allowed, status, expected):
        os.makedirs(self.path("src/base"), exist_ok=True)
        os.makedirs(self.path("scripts"), exist_ok=True)
        with open(self.path("src/base/a.c"), "w", encoding="utf-8") as file:
            file.write(source)
        # Without the real tree's exceptions, which would all be stale here.
        with open(CHECK_WORDS, encoding="utf-8") as file:
            script, count = re.subn(r"\nALLOWED = \[\n[^\]]*\]", f"\nALLOWED = {allowed!r}", file.read())
        self.assertEqual(count, 1)
        with open(self.path("scripts/check-words"), "w", encoding="utf-8") as file:
            file.write(script)
        done = harness.run([sys.executable, self.path("scripts/check-words")])
        self.assert_exit(done, status)
        self.assertIn(expected, (done.stdout + done.stderr).decode())

    def test_words(self):
        self.check("/* The caller frees it; `folder_of` is one word. */\n", [], 0, "words hold")
        self.check("\n/* Whoever asks frees it. */\n", [], 1, 'src/base/a.c:2: "whoever"')
        self.check('puts("no such folder");\n', [], 1, '"folder": directory')
        self.check("/* closed after being idle so\n * long */\n", [], 1, 'src/base/a.c:1: "so long"')

    def test_exceptions(self):
        self.check("/* Whoever asks. */\n", ["src/base/a.c"], 0, "words hold")
        self.check("/* Whoever asks. */\n", ["src/base/"], 0, "words hold")
        self.check("/* The caller. */\n", ["src/base/a.c"], 1, "src/base/a.c is not needed any more")
