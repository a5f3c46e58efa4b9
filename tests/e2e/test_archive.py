# SPDX-License-Identifier: Apache-2.0
"""verifier --archive: lines, directories, tar archives; damage, resuming, memory, exit statuses."""

import base64
import io
import json
import os
import signal
import subprocess
import tarfile

import harness

VERIFIER = harness.program("verifier")
MALFORMED = '{"document":"AAAA"}'


class ArchiveTestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.document = harness.production_documents()[0]
        self.base64 = base64.b64encode(self.document).decode("ascii")

    def line(self, **members):
        return json.dumps({"document": self.base64, **members})

    def lines(self, *lines):
        path = self.path("archive.jsonl")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)
        return path

    def archive(self, path, *options, at="document", **keywords):
        return harness.run([VERIFIER, "--archive", path, *(("--at", at) if at else ()), *options],
                           **keywords)

    def results(self, done, status):
        self.assert_exit(done, status)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([result["entry"] for result in found], list(range(len(found))))
        return found

    def codes(self, done, status):
        return [result.get("error_code") for result in self.results(done, status)]


class Lines(ArchiveTestCase):
    def test_results_in_order_with_ids_and_the_time(self):
        path = self.lines(self.line(id="a"), self.line(id=2, nonce="other"), MALFORMED, "{", "",
                          self.line(nonse="n"), self.line(at="2020-01-01T00:00:00Z"), self.line())
        found = self.results(self.archive(path, at=None), 1)
        self.assertEqual(
            [result.get("error_code") for result in found],
            ["certificate_expired", "certificate_expired", "cose_invalid", "json_invalid",
             "empty_input", "json_invalid", "certificate_not_yet_valid", "certificate_expired"])
        path = self.lines(self.line(id="a"), self.line(id=2, nonce="other"), self.line(max_age=60))
        found = self.results(self.archive(path), 1)
        self.assertEqual([result["verification_status"] for result in found],
                         ["SUCCESS", "FAILED", "SUCCESS"])
        self.assertEqual([result.get("id") for result in found], ["a", 2, None])
        self.assertTrue(found[0]["at_document_time"])
        self.assertEqual(found[0]["verified_at"], found[0]["document_time"])
        self.assertNotIn("module_id", found[1])
        # As the single call has it.
        path = self.path("document")
        with open(path, "wb") as file:
            file.write(self.document)
        single = json.loads(harness.run([VERIFIER, "--json", "--at", "document", path]).stdout)
        for key, value in single.items():
            self.assertEqual(found[0][key], value)

    def test_a_time_in_the_line_and_another_for_all(self):
        path = self.lines(self.line(at="document"), self.line())
        self.assertEqual(self.codes(self.archive(path), 2), ["invalid_argument", None])
        self.assertEqual(self.codes(self.archive(path, at=None), 1),
                         [None, "certificate_expired"])

    def test_exit_statuses(self):
        good, refused = self.line(), self.line(nonce="other")
        for lines, status in (((), 4), ((good, good), 0), ((good, refused), 1),
                              ((good, MALFORMED), 4), ((MALFORMED, refused), 1)):
            done = self.archive(self.lines(*lines))
            self.assertEqual(len(self.results(done, status)), len(lines))
            self.assertIn(f"{len(lines)} documents".encode(), done.stderr)

    def test_standard_input_and_options_of_all(self):
        text = "\n".join([self.line(), self.line(instance_id="i-0123456789abcdef0")])
        done = self.archive("-", "--jobs", "3", stdin=text.encode())
        self.assertEqual(self.codes(done, 1), [None, "instance_mismatch"])
        done = self.archive("-", "--nonce", "other", stdin=text.encode())
        self.assertEqual(self.codes(done, 1), ["nonce_mismatch", "nonce_mismatch"])

    def test_arguments(self):
        path = self.lines(self.line())
        for options in (["--archive", path, path], ["--jobs", "2", path], ["--resume", path, path],
                        ["--archive", path, "--jobs", "0"], ["--archive", path, "--jobs", "x"]):
            self.assert_exit(harness.run([VERIFIER, *options]), 2)
        self.assert_exit(self.archive(self.path("nothing")), 3)

    def test_a_line_of_100_mib_in_bounded_memory(self):
        path = self.lines(self.line())
        with open(path, "ab") as file:
            for _ in range(100):
                file.write(b"x" * (1024 * 1024))
            file.write(b"\n" + self.line().encode() + b"\n")
        with open(self.path("out"), "wb") as out, open(self.path("err"), "wb") as err:
            process = subprocess.Popen([VERIFIER, "--archive", path, "--at", "document"],
                                       stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 4)
        with open(self.path("out"), "rb") as file:
            codes = [json.loads(line).get("error_code") for line in file]
        self.assertEqual(codes, [None, "line_too_long", None])
        if not harness.is_sanitized():
            self.assertLess(usage.ru_maxrss, 48 * 1024)  # KiB

    def test_a_closed_standard_output(self):
        path = self.lines(*[self.line()] * 100)
        done = subprocess.run(
            ["sh", "-c", f'exec "{VERIFIER}" --archive "{path}" --at document >&-'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"cannot write the results", done.stderr)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [VERIFIER, "--archive", path, "--at", "document"],
                stdout=full, stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, 3)


class Files(ArchiveTestCase):
    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def test_a_directory(self):
        directory = self.path("saved")
        os.mkdir(directory)
        self.write("saved/b.bin", self.document)
        self.write("saved/a.b64", self.base64.encode())
        self.write("saved/c", b"\0")
        self.write("saved/large", b"x" * 65537)
        os.mkdir(self.path("saved/d"))
        os.mkfifo(self.path("saved/pipe"))
        os.symlink("nothing", self.path("saved/link"))
        self.write("saved/unreadable", self.document)
        os.chmod(self.path("saved/unreadable"), 0)
        found = self.results(self.archive(directory), 4)
        root = os.geteuid() == 0
        self.assertEqual(
            [(result["file"], result.get("error_code")) for result in found],
            [("a.b64", None), ("b.bin", None), ("c", "base64_invalid"), ("d", "io_error"),
             ("large", "too_large"), ("link", "io_error"), ("pipe", "io_error"),
             ("unreadable", None if root else "io_error")])

    def tar(self, names):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = len(self.document)
                archive.addfile(member, io.BytesIO(self.document))
            archive.addfile(tarfile.TarInfo("damaged"))
        return buffer.getvalue()

    def test_an_archive_of_nothing_is_no_success(self):
        os.mkdir(self.path("empty"))
        for path in (self.path("empty"), self.lines()):
            done = self.archive(path)
            self.assertEqual(self.results(done, 4), [])
            self.assertIn(b"the archive has no documents", done.stderr)

    def test_a_tar_archive_and_a_damaged_one(self):
        content = self.tar(["one", "x/two", "three"])
        self.write("a.tar", content)
        found = self.results(self.archive(self.path("a.tar")), 4)
        self.assertEqual([(result["file"], result.get("error_code")) for result in found],
                         [("one", None), ("x/two", None), ("three", None),
                          ("damaged", "empty_input")])
        # Behind the second header nothing can be found any more, and that is a result, too.
        second = 512 + (len(self.document) + 511) // 512 * 512
        self.write("b.tar", content[:second] + b"\xff" + content[second + 1:])
        found = self.results(self.archive(self.path("b.tar")), 3)
        self.assertEqual([result.get("error_code") for result in found],
                         [None, "io_error"])


class Resuming(ArchiveTestCase):
    ENTRIES = 100000

    def test_killed_in_the_middle_and_resumed(self):
        good, refused = self.line(), self.line(nonce="other")
        path = self.lines(*(good if n % 2000 == 0 else refused if n % 2000 == 1 else MALFORMED
                            for n in range(self.ENTRIES)))
        results = self.path("results.jsonl")
        command = [VERIFIER, "--archive", path, "--at", "document", "--resume", results]
        for target in (200000, 2000000):
            with open(self.path("log"), "wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)
                harness.wait_until(
                    lambda target=target: os.path.exists(results)
                    and os.path.getsize(results) > target, "some results")
                process.send_signal(signal.SIGKILL)
                process.wait(harness.PATIENCE)
        self.assertLess(os.path.getsize(results), self.ENTRIES * 100)
        done = harness.run(command, timeout=300)
        self.assert_exit(done, 1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(f"{self.ENTRIES} documents: {self.ENTRIES // 2000} verified".encode(),
                      done.stderr)
        whole = self.archive(path, timeout=300)
        with open(results, "rb") as file:
            self.assertTrue(file.read() == whole.stdout)
        # Once more there is nothing to do, and the exit status is that of all entries.
        self.assert_exit(harness.run(command, timeout=300), 1)

    def first_line(self, path, *options):
        return self.archive(path, *options).stdout.splitlines(keepends=True)[0]

    def test_results_of_other_options(self):
        """What another run expected of the documents is no result of this one."""
        path, results = self.lines(self.line(), self.line()), self.path("results")
        pcr0 = json.loads(self.first_line(path))["pcrs"]["0"]
        images = self.path("images")
        with open(images, "w", encoding="ascii") as file:
            json.dump({"Measurements": {"PCR0": pcr0}}, file)
        made_with = ["--pcr", "0=" + pcr0, "--max-age", "400", "--measurements", images]
        first = self.first_line(path, *made_with)
        self.assertRegex(first, rb'^{"entry":0,"verification_status":"SUCCESS","options":"[0-9a-f]{16}",')

        def resumed(*options):
            with open(results, "wb") as file:
                file.write(first)
            return self.archive(path, *options, "--resume", results)

        self.assert_exit(resumed(*made_with), 0)
        with open(results, "rb") as file:
            self.assertEqual(len(file.readlines()), 2)
        for options in (made_with[2:], made_with[:2], [*made_with, "--allow-debug"],
                        [*made_with, "--nonce", "other"], [*made_with[:3], "401", *made_with[4:]], []):
            done = resumed(*options)
            self.assert_exit(done, 2)
            self.assertIn(b"--resume: these results are of a run with other options", done.stderr)
            with open(results, "rb") as file:
                self.assertEqual(file.read(), first)
        # Another file with the same content is the same; the same file with another one is not.
        os.rename(images, images + "2")
        self.assert_exit(resumed(*made_with[:-1], images + "2"), 0)
        with open(images + "2", "ab") as file:
            file.write(b"\n")
        self.assert_exit(resumed(*made_with[:-1], images + "2"), 2)

    def test_results_of_another_archive(self):
        path = self.lines(self.line())
        for content, status, text in (
            (b"hello\n", 4, b"not a file of results"),
            (self.first_line(path) + b'{"entry":1,"verification_status":"SUCCESS"}\n', 2, b"more entries"),
        ):
            with open(self.path("results"), "wb") as file:
                file.write(content)
            done = self.archive(path, "--resume", self.path("results"))
            self.assert_exit(done, status)
            self.assertIn(text, done.stderr)
            with open(self.path("results"), "rb") as file:
                self.assertEqual(file.read(), content)

