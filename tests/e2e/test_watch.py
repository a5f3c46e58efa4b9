# SPDX-License-Identifier: Apache-2.0
"""vsock_client --watch: rounds, failures, changes, signals."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time

import harness
import support

OTHER_PCR = "5b" * 48
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  (ok    |failed)"
    r"(?: +\d+\.\d ms  document -?\d+\.\d s old  \S+)?.*"
)
MEMBERS = [
    "round", "time", "address", "state", "error", "error_code", "duration_ms", "verified",
    "document_age_ms", "module_id", "changes",
]

MASKS = {
    "time": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "<time>"),
    "address": (r"unix:.*", "<address>"),
    "duration_ms": (r"\d+\.\d+", "<ms>"),
    "document_age_ms": (r"-?\d{1,5}", "<ms>"),
    "error": (r".*nothing.*", "<sentence>"),
}


def checked_line(line):
    """A line of --json: exactly the documented members, of the documented types."""
    value = support.strict_json(line)
    if list(value) != MEMBERS:
        raise AssertionError(f"members of {line!r}")
    if (value["state"] == "failed") != (value["error_code"] is not None):
        raise AssertionError(f"state and error_code of {line!r}")
    return value


class Watch:
    """A running vsock_client --watch --json, whose lines can be waited for."""

    def __init__(self, test, command, env=None):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else {**os.environ, **env},
        )
        test.addCleanup(self.end)
        self.lines = []
        self.errors = b""
        self.broken = None
        self.threads = [
            threading.Thread(target=self.read_lines, daemon=True),
            threading.Thread(target=self.read_errors, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def read_lines(self):
        for line in self.process.stdout:
            try:
                self.lines.append(checked_line(line))
            except (AssertionError, ValueError) as problem:
                self.broken = problem

    def read_errors(self):
        self.errors = self.process.stderr.read()

    def wait_for(self, what, condition, after=0):
        """The first line from index `after` on for which `condition` holds."""

        def found():
            if self.broken:
                raise AssertionError(self.broken)
            matching = [line for line in self.lines[after:] if condition(line)]
            if not matching and self.process.poll() is not None:
                raise AssertionError(f"ended without {what}: {self.lines} {self.errors}")
            return matching

        return harness.wait_until(found, what)[0]

    def wait_for_state(self, state, **members):
        """A line from now on with this state and these members."""
        return self.wait_for(
            f"{state} {members}",
            lambda line: line["state"] == state
            and all(line[key] == value for key, value in members.items()),
            len(self.lines),
        )

    def stop(self, number=signal.SIGTERM):
        """Ends it by a signal; gives its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(harness.PATIENCE)
        for thread in self.threads:
            thread.join(harness.PATIENCE)
        if self.broken:
            raise AssertionError(self.broken)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(harness.PATIENCE)
        for thread in self.threads:
            thread.join(harness.PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()


class WatchTestCase(support.EnclaveTestCase):
    # Otherwise a round has as long as the interval, and on a busy machine it needs longer.
    PATIENT = f"--timeout={harness.PATIENCE}"

    def command(self, *options):
        return [harness.program("vsock_client"), "--watch", "--interval=0.2", *options]

    def watch(self, *options):
        """In JSON, of the enclave that start_enclave() started, until it is stopped."""
        return Watch(self, self.command("--json", "--root", self.root, "--connect", self.enclave,
                                        self.PATIENT, *options))

    def rounds(self, *options, interval="0.1"):
        """A watch that ends by itself."""
        return harness.run([harness.program("vsock_client"), "--watch", f"--interval={interval}",
                            *options])

    def json_rounds(self, status, *options, **keywords):
        done = self.rounds("--json", *options, **keywords)
        self.assert_exit(done, status)
        return [checked_line(line) for line in done.stdout.splitlines(keepends=True)]

    def restart_nsm(self, *options, **keywords):
        self.nsm_service.stop()
        self.start_nsm(*options, **keywords)


class Rounds(WatchTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.to = ("--connect", self.enclave, "--root", self.root, self.PATIENT)

    def test_lines_for_people(self):
        done = self.rounds(*self.to, "--count=3")
        self.assert_exit(done, 0)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 3)
        for line in lines:
            self.assertRegex(line, LINE)
            self.assertIn("Z  ok  ", line)
        # Said once, not each round.
        self.assertEqual(done.stderr.count(b"warning: no PCR was checked"), 1)

    def test_json_lines(self):
        lines = self.json_rounds(0, *self.to, f"--pcr=0={support.PCRS[0]}", "--count=3")
        self.assertEqual([line["round"] for line in lines], [1, 2, 3])
        for line in lines:
            self.assertEqual(line["state"], "ok")
            self.assertIs(line["verified"], True)
            self.assertEqual(line["changes"], [])
            self.assertEqual(line["module_id"], support.MODULE_ID)
            self.assertEqual(line["address"], self.enclave)
            self.assertLess(line["duration_ms"], 1000 * harness.PATIENCE)
            self.assertLess(abs(line["document_age_ms"]), 1000 * harness.PATIENCE)
        support.assert_golden(self, "client-watch.json", support.masked(lines[2], MASKS))
        line = self.json_rounds(3, "--connect", "unix:" + self.path("nothing"), "--count=1")[0]
        support.assert_golden(self, "client-watch-failed.json", support.masked(line, MASKS))

    def test_each_round_has_a_nonce_of_its_own(self):
        seen = []

        def answer(request):
            if "nonce" in request:
                seen.append(request["nonce"])
            return support.ask(self.path("enclave"), request)

        server = support.lying_server(self.path("between"), answer)
        self.addCleanup(server.close)
        self.json_rounds(0, "--connect", "unix:" + self.path("between"), "--root", self.root,
                         self.PATIENT, "--count=3")
        self.assertEqual(len(set(seen)), 3)
        for nonce in seen:
            self.assertRegex(nonce, "^[0-9a-f]{64}$")

    def test_beside_verify(self):
        self.assertIs(self.json_rounds(0, "--verify", *self.to, "--count=1")[0]["verified"], True)

    def test_rounds_keep_to_the_interval(self):
        started = time.monotonic()
        self.json_rounds(0, *self.to, "--count=4", interval="0.4")
        self.assertGreaterEqual(time.monotonic() - started, 1.2)

    def test_a_policy_holds_each_round(self):
        support.slow_post(self, self.path("enclave"), self.path("slow"))
        for options, code in (
            ([f"--pcr=1={OTHER_PCR}", "--root", self.root], "pcr_mismatch"),
            (["--instance-id=i-00000000000000000", "--root", self.root], "instance_mismatch"),
            (["--max-age=0", "--root", self.root], "document_too_old"),
            ([], "untrusted_root"),
        ):
            with self.subTest(options):
                lines = self.json_rounds(1, *options, "--connect", "unix:" + self.path("slow"),
                                         self.PATIENT, "--count=2")
                self.assertEqual(len(lines), 2)
                for line in lines:
                    self.assertEqual(line["state"], "failed")
                    self.assertIs(line["verified"], False)
                    self.assertIsNone(line["module_id"])
                    self.assertEqual(line["error_code"], code)

    def test_user_data_and_key(self):
        line = self.json_rounds(0, *self.to, "--user-data=x", "--generate-key", "--count=1")[0]
        self.assertIs(line["verified"], True)


class DebugMode(WatchTestCase):
    def test_only_if_allowed(self):
        self.start_enclave("--debug-mode", measured=False)
        to = ("--connect", self.enclave, "--root", self.root, "--count=1", self.PATIENT)
        self.assertEqual(self.json_rounds(1, *to)[0]["error_code"], "debug_mode")
        done = self.rounds("--json", "--allow-debug", *to)
        self.assertIs(self.json_of(done, 0)["verified"], True)
        self.assertIn(b"debug mode", done.stderr)


class Changes(WatchTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()

    def test_restart(self):
        watch = self.watch()
        watch.wait_for_state("ok")
        self.enclave_service.stop(signal.SIGKILL)
        failed = watch.wait_for_state("failed", error_code="connection_refused")
        self.assertIsNone(failed["module_id"])
        self.assertIs(failed["verified"], False)
        self.start_server()
        again = watch.wait_for_state("ok")
        self.assertEqual(again["changes"], [])
        self.assertIs(again["verified"], True)
        self.assertEqual(watch.stop(), 3)

    def test_other_image(self):
        """PCR0 changes: every round fails from then on, by what the first one showed."""
        watch = self.watch()
        watch.wait_for_state("ok")
        self.restart_nsm("--pcr=0=" + OTHER_PCR, "--pcr=1=" + support.PCRS[1],
                         "--pcr=2=" + support.PCRS[2], measured=False)
        for _ in range(2):
            changed = watch.wait_for_state("failed", error_code="pcr_mismatch")
            self.assertEqual(changed["changes"], ["PCR0"])
            self.assertIs(changed["verified"], True)  # by a policy that names no PCR
            self.assertIn("--measurements", changed["error"])
        self.assertEqual(watch.stop(), 1)

    def test_other_image_and_a_policy(self):
        watch = self.watch(f"--pcr=0={support.PCRS[0]}")
        watch.wait_for_state("ok")
        self.restart_nsm("--pcr=0=" + OTHER_PCR, measured=False)
        for _ in range(2):
            changed = watch.wait_for_state("failed", error_code="pcr_mismatch")
            self.assertIs(changed["verified"], False)
            self.assertEqual(changed["changes"], [])
        self.assertEqual(watch.stop(), 1)

    def test_pcr_of_the_program(self):
        """From 16 on they are the program's own to extend and lock: reported, and no failure."""
        watch = self.watch()
        watch.wait_for_state("ok")
        # CBOR: {"ExtendPCR": {"index": 17, "data": h'78'}}, {"LockPCR": {"index": 17}}
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as module:
            module.settimeout(harness.PATIENCE)
            module.connect(self.path("nsm"))
            module.sendall(b"\xa1\x69ExtendPCR\xa2\x65index\x11\x64data\x41x")
            self.assertIn(b"ExtendPCR", module.recv(4096))
            module.sendall(b"\xa1\x67LockPCR\xa1\x65index\x11")
            self.assertIn(b"LockPCR", module.recv(4096))
        watch.wait_for_state("ok", changes=["PCR17"])
        self.assertEqual(watch.stop(), 0)

    def test_other_module(self):
        watch = self.watch()
        watch.wait_for_state("ok")
        module = support.MODULE_ID[:-4] + "0000"
        support_module, support.MODULE_ID = support.MODULE_ID, module
        try:
            self.restart_nsm()
        finally:
            support.MODULE_ID = support_module
        changed = watch.wait_for_state("ok", changes=["module_id"])
        self.assertEqual(changed["module_id"], module)
        # The change is no failure; a round while the NSM was away is one.
        status = watch.stop()
        failed = any(line["state"] == "failed" for line in watch.lines)
        self.assertEqual(status, 3 if failed else 0)

    def test_nsm_gone(self):
        watch = self.watch()
        watch.wait_for_state("ok")
        self.nsm_service.stop()
        watch.wait_for_state("failed", error_code="nsm_unreachable")
        self.assertEqual(watch.stop(), 3)


class Silence(WatchTestCase):
    def setUp(self):
        super().setUp()
        self.server = support.SocketServer(self.path("silent"), support.wait_for_hangup)
        self.addCleanup(self.server.close)
        self.to = ("--connect", "unix:" + self.path("silent"))

    def test_rounds_do_not_pile_up(self):
        started = time.monotonic()
        lines = self.json_rounds(3, *self.to, "--timeout=0.5", "--count=3", interval="0.2")
        self.assertEqual([line["error_code"] for line in lines], ["timeout"] * 3)
        self.assertEqual([line["round"] for line in lines], [1, 2, 3])
        # 0.5 s each, begun at 0, 0.6 and 1.2 or later.
        self.assertGreaterEqual(time.monotonic() - started, 1.6)

    def test_timeout_is_the_interval_by_default(self):
        """And not the 30 s of a client that is not watching."""
        line = self.json_rounds(3, *self.to, "--count=1", interval="1.5")[0]
        self.assertEqual(line["error_code"], "timeout")
        self.assertGreaterEqual(line["duration_ms"], 1500)
        self.assertLess(line["duration_ms"], 30000)

    def test_stopped_while_a_round_hangs(self):
        watch = Watch(self, self.command("--json", *self.to, "--timeout=600"))
        harness.wait_until(lambda: self.server.connections, "the round")
        self.assertEqual(watch.stop(), 0)
        self.assertEqual(watch.lines, [])
        self.assertEqual(watch.errors, b"")


class Ending(WatchTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                watch = self.watch()
                watch.wait_for_state("ok")
                self.assertEqual(watch.stop(number), 0)

    def test_signal_while_it_waits(self):
        watch = Watch(self, [harness.program("vsock_client"), "--watch", "--json", "--interval=600",
                             "--connect", self.enclave, "--root", self.root])
        watch.wait_for("its only line", lambda line: line["state"] == "ok")
        self.assertEqual(watch.stop(signal.SIGINT), 0)
        self.assertEqual(len(watch.lines), 1)

    def test_reader_gone(self):
        """Noticed when the next line is due."""
        process = subprocess.Popen(
            [harness.program("vsock_client"), "--watch", "--interval=0.2", "--connect",
             self.enclave, "--root", self.root, self.PATIENT],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, harness.PATIENCE)
        self.addCleanup(process.kill)
        self.assertIn(b"  ok  ", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(process.wait(harness.PATIENCE), 3)
        self.assertIn(b"cannot write to standard output", process.stderr.read())

    def test_reader_that_does_not_read(self):
        """Rounds wait for it, and signals do not."""
        for options in (["--json"], []):
            reader, writer = os.pipe()
            self.addCleanup(os.close, reader)
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b"x" * 4096)
            os.set_blocking(writer, True)
            process = subprocess.Popen(
                [harness.program("vsock_client"), "--watch", "--interval=0.1", self.PATIENT,
                 "--connect", self.enclave, "--root", self.root, *options],
                stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE,
            )
            os.close(writer)
            self.addCleanup(process.stderr.close)
            self.addCleanup(process.wait, harness.PATIENCE)
            self.addCleanup(process.kill)
            harness.wait_until(lambda process=process: support.is_writing(process.pid),
                               "the first line to wait for its reader")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(harness.PATIENCE), 0)

    def test_closed_stdout(self):
        done = subprocess.run(
            self.command("--connect", self.enclave, "--root", self.root),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=harness.PATIENCE, preexec_fn=lambda: os.close(1), check=False,
        )
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"standard output", done.stderr)

    def test_full_stdout(self):
        with open("/dev/full", "wb") as full:
            for options in ([], ["--json"]):
                done = subprocess.run(
                    self.command("--connect", self.enclave, "--root", self.root, *options),
                    stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                    timeout=harness.PATIENCE, check=False,
                )
                self.assertEqual(done.returncode, 3)
                self.assertIn(b"standard output", done.stderr)


class Found(WatchTestCase):
    """Without --connect and --cid: nitro-cli says where it is, and again when it is lost."""

    def setUp(self):
        super().setUp()
        self.sandbox = support.Sandbox(self)
        self.start_enclave()

    def describe(self, *entries):
        self.sandbox.nitro_cli(self.sandbox.describes(list(entries)))

    def start(self, *options):
        command, environment = self.sandbox.client_command(
            "--watch", "--interval=0.2", self.PATIENT, "--json", *options
        )
        return Watch(self, command, environment)

    def test_another_cid_after_a_restart(self):
        self.describe(support.enclave_entry("app", 16))
        self.sandbox.link(16, 9000, self.path("enclave"))
        watch = self.start("--root", self.root)
        first = watch.wait_for_state("ok")
        self.assertEqual(first["address"], "vsock:16:9000")
        self.assertEqual(self.sandbox.calls(), ["nitro-cli describe-enclaves"])
        self.sandbox.unlink(16)
        watch.wait_for_state("failed", error_code="no_such_cid")
        before = len(self.sandbox.calls())
        self.describe(support.enclave_entry("app", 17))
        self.sandbox.link(17, 9000, self.path("enclave"))
        again = watch.wait_for_state("ok")
        self.assertEqual(again["address"], "vsock:17:9000")
        self.assertGreater(len(self.sandbox.calls()), before)
        self.assertEqual(watch.stop(), 3)

    def test_no_enclave_yet(self):
        self.describe()
        watch = self.start("--root", self.root)
        failed = watch.wait_for_state("failed", error_code="no_enclave")
        self.assertIsNone(failed["address"])
        self.sandbox.link(16, 9000, self.path("enclave"))
        self.describe(support.enclave_entry("app", 16))
        watch.wait_for_state("ok")
        self.assertEqual(watch.stop(), 3)


class Usage(WatchTestCase):
    def test_usage(self):
        to = ("--connect", "unix:" + self.path("nothing"))
        for options in (
            ["--watch", *to, "--interval=0"],
            ["--watch", *to, "--interval=0.05"],
            ["--watch", *to, "--interval=x"],
            ["--watch", *to, "--interval=86401"],
            ["--watch", *to, "--count=0"],
            ["--watch", *to, "--count=-1"],
            ["--watch", *to, "--count=4294967296"],
            ["--watch", *to, "--nonce=x"],
            ["--watch", *to, "--at=1"],
            ["--watch", *to, "--save=x"],
            ["--watch", *to, "--status"],
            ["--watch", *to, "--attest"],
            ["--watch", *to, "--metrics"],
            ["--watch", *to, "--ping"],
            ["--watch", "--all"],
            ["--ping", *to, "--interval=1"],
            ["--ping", *to, "--count=1"],
            ["--verify", *to, "--count=1"],
        ):
            with self.subTest(options):
                done = self.client(*options, "--json")
                self.assertEqual(self.json_of(done, 2)["error_code"], "invalid_argument")
                self.assertTrue(done.stderr)
