# SPDX-License-Identifier: Apache-2.0
"""enclave_app's configuration file, its limits, and what it says about them."""

import os
import re
import time

import harness
import support
import test_server

ATTEST = {"command": "attest"}


class SettingsTestCase(test_server.ServerTestCase):
    def start(self):
        self.start_nsm()

    def write(self, text, name="app.conf"):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def app(self, *options, **keywords):
        return harness.run([harness.program("enclave_app"), *options], **keywords)

    def refused(self, text, words, status=2):
        path = self.write(text)
        done = self.app("--config", path, "--nsm", self.nsm)
        self.assert_exit(done, status)
        self.assertIn(words, done.stderr.decode())
        self.assertEqual(done.stdout, b"")
        return done.stderr.decode()

    def serve(self, text, *options):
        """enclave_app that knows from a file where to listen."""
        path = self.write(text)
        self.enclave_service = self.service(
            [harness.program("enclave_app"), "--config", path, *options], wait_for=self.server_path
        )


class ConfigurationFile(SettingsTestCase):
    def test_all_settings(self):
        self.serve(
            f"# An enclave for tests.\n\n"
            f"listen = unix:{self.server_path}\r\n"
            f"\tnsm=unix:{self.path('nsm')}  \n"
            f"max-connections = 7\n"
            f"max-in-flight = 5\n"
            f"max-nsm-queue = 3\n"
            f"idle-timeout = 2.5\n"
            f"request-timeout = 4\n"
            f"drain-timeout = 1\n"
            f"  # log-level = error\n"
            f"log-level = debug"  # without a newline
        )
        self.assertIs(self.ask(ATTEST)["success"], True)
        limits = self.logged("descriptor_limit")[0]
        self.assertEqual(
            [limits[name] for name in ("max_connections", "max_in_flight", "max_nsm_queue")],
            ["7", "5", "3"],
        )
        self.wait_for_event("connection_opened")

    def test_equals_and_hashes_belong_to_values(self):
        self.server_path = self.path("a=b #c")
        self.serve(f"listen = unix:{self.server_path}\nnsm = {self.nsm}\n")
        self.assert_alive()

    def test_command_line_wins(self):
        text = f"listen = unix:{self.path('other')}\nnsm = {self.nsm}\nmax-connections = 7\n"
        self.serve(
            text + "max-nsm-queue = 9\n",
            "--listen", "unix:" + self.server_path, "--max-connections", "8",
        )
        limits = self.logged("descriptor_limit")[0]
        self.assertEqual((limits["max_connections"], limits["max_nsm_queue"]), ("8", "9"))
        self.assertFalse(os.path.exists(self.path("other")))

    def test_mode_of_the_command_line_wins(self):
        path = self.write(f"listen = unix:{self.server_path}\nnsm = {self.nsm}\nidle-timeout = 1\n")
        for options in (["--daemon"], ["--generate-key"], ["data"], ["data", "nonce"]):
            done = self.app("--config", path, *options, stdin=b"attest\nexit\n")
            self.assert_exit(done, 0)
            self.assertEqual(done.stdout.count(b"\n"), 1, options)
        launcher = support.Sandbox(self).launcher
        done = harness.run([launcher, harness.program("enclave_app"), "--vsock", "--config", path])
        self.assert_exit(done, 3)
        self.assertIn(b"no vsock support", done.stderr)

    def test_one_document(self):
        path = self.write(f"nsm = {self.nsm}\n")
        done = self.app("--config", path)
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, rb"^[A-Za-z0-9+/]+=*\n$")

    def test_wrong_value_that_is_overruled(self):
        path = self.write(f"listen = unix:{self.server_path}\nmax-connections = many\n")
        done = self.app("--config", path, "--nsm", self.nsm, "--max-connections", "8")
        self.assert_exit(done, 2)
        self.assertIn(":2: max-connections: 'many'", done.stderr.decode())

    def test_refused(self):
        listen = f"listen = unix:{self.server_path}\n"
        for text, words in (
            ("colour = red\n", "app.conf:1: there is no setting 'colour'"),
            (listen + "max-buffered = 1\n", ":2: max-buffered: '1' is not a whole number from 262144"),
            ("Listen = unix:/x\n", "there is no setting 'Listen'"),
            ("--listen = unix:/x\n", "there is no setting '--listen'"),
            ("vsock = 9000\n", "there is no setting 'vsock'"),
            ("config = other.conf\n", "there is no setting 'config'"),
            ("max-queue = 3\n", "there is no setting 'max-queue'"),
            ("= 3\n", "there is no setting ''"),
            (listen + "\n#\nidle-timeout = 1\nidle-timeout = 1\n", "app.conf:5: 'idle-timeout' is"),
            ("listen\n", "app.conf:1: expected 'name = value'"),
            ("listen unix:/x\n", "expected 'name = value'"),
            ("listen =\n", "'listen' has no value"),
            ("listen = \t\r\n", "'listen' has no value"),
            ("max-connections = 0\n", "app.conf:1: max-connections: '0' is not"),
            ("max-connections = 12x\n", "max-connections: '12x'"),
            ("max-connections = 1000001\n", "from 1 to 1000000"),
            ("max-in-flight = -1\n", "max-in-flight: '-1'"),
            ("max-nsm-queue = 3 # three\n", "max-nsm-queue: '3 # three'"),
            ("idle-timeout = 0\n", "idle-timeout: '0' is not a number of seconds from 0.001"),
            ("request-timeout = 1.2345\n", "request-timeout: '1.2345'"),
            ("drain-timeout = 86401\n", "drain-timeout: '86401'"),
            ("log-level = loud\n", "app.conf:1: log level 'loud'"),
            (listen + "nsm = a\0b\n", "app.conf:2: a NUL character"),
            (listen.encode() + b"nsm = a\x1b[2Jb\n", "app.conf:2: a control character"),
            ("listen = udp:80\n", "expected vsock:"),
            ("listen = tcp:127.0.0.1:80\n", "an enclave has no network"),
        ):
            with self.subTest(text=text):
                self.refused(text, words)

    def test_size(self):
        listen = f"listen = unix:{self.server_path}\n"
        self.serve(listen + f"nsm = {self.nsm}\n#" + "x" * (65536 - 200 - len(listen)) + "\n")
        self.assert_alive()
        self.refused("#" * 65537, "has more than 65536 bytes")

    def test_unreadable(self):
        for path, words in (
            (self.path("missing"), "--config: cannot open"),
            (self.directory, "--config: cannot read"),
        ):
            done = self.app("--config", path, "--nsm", self.nsm)
            self.assert_exit(done, 2)
            self.assertIn(words, done.stderr.decode())
        done = self.app("--config", "a", "--config", "b")
        self.assert_exit(done, 2)
        self.assertIn(b"--config is given twice", done.stderr)

    def test_empty(self):
        for text in ("", "\n\n", "# nothing\n"):
            done = self.app("--config", self.write(text), "--nsm", self.nsm)
            self.assert_exit(done, 0)

    def test_help_and_manual_name_all(self):
        """Every option of --help is in the manual, every setting is a name for the file."""
        text = self.app("--help").stdout.decode()
        manual = os.path.join(harness.SOURCE, "man", "enclave_app.1.scd")
        with open(manual, encoding="utf-8") as file:
            described = file.read()
        options, settings = text.split("Settings, also for a configuration file:")
        names = re.findall(r"^  --([a-z-]+)", settings, re.M)
        self.assertGreaterEqual(len(names), 11)
        for name in re.findall(r"^  --([a-z-]+)", options, re.M) + names:
            self.assertIn(f"*--{name}*", described)
        for name in names:
            self.refused(f"{name} =\n", f"'{name}' has no value")


class Limits(SettingsTestCase):
    def start_with(self, *options):
        self.start_server(*options)

    def test_in_flight(self):
        """More requests than may be in flight get an error; those for which no client waits do not."""
        self.start_with("--max-in-flight", "2", "--request-timeout", "2")
        self.assertIs(self.ask(ATTEST)["success"], True)
        self.stall_nsm()
        clients = [self.connect() for _ in range(5)]
        for client in clients:
            client.send(ATTEST)
        codes = [client.receive()["error_code"] for client in clients]
        self.assertEqual(sorted(codes), ["busy"] * 3 + ["timeout"] * 2)
        # The first two have come back: there is room again.
        self.resume_nsm()
        harness.wait_until(lambda: self.ask(ATTEST)["success"], "the NSM to answer again")

    def test_full_server_answers_ping_and_status(self):
        self.start_with("--max-in-flight", "1", "--request-timeout", "20")
        self.assertIs(self.ask(ATTEST)["success"], True)
        self.stall_nsm()
        waiting = self.connect()
        waiting.send(ATTEST)
        time.sleep(1.1)  # what it knows of the NSM is old now, and it does not ask
        self.assert_alive()
        status = self.ask({"command": "status"})
        self.assertIs(status["success"], True)
        self.assert_code(self.ask(ATTEST), "busy")
        self.resume_nsm()
        self.assertIs(waiting.receive()["success"], True)
        self.assertIs(self.ask(ATTEST)["success"], True)

    def test_client_that_leaves_makes_room(self):
        self.start_with("--max-in-flight", "1", "--log-level", "debug")
        self.stall_nsm()
        client = self.connect()
        client.send(ATTEST)
        self.wait_for_event("connection_opened")
        client.close()
        self.wait_for_event("connection_closed")
        self.resume_nsm()
        self.assertIs(self.ask(ATTEST)["success"], True)

    def limits_of(self, soft, hard, most):
        """What enclave_app says at its start under these limits of open files."""
        app = [harness.program("enclave_app"), "--listen", "unix:" + self.server_path]
        app += ["--nsm", self.nsm, "--max-connections", str(most)]
        service = self.service(
            ["sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh", *app],
            wait_for=self.server_path,
        )
        with open(f"/proc/{service.pid}/limits", encoding="ascii") as file:
            row = next(line.split() for line in file if line.startswith("Max open files"))
        self.enclave_service = service
        event = self.logged("descriptor_limit")[0]
        service.stop()
        self.assertEqual(row[3], event["descriptors"])
        return event["level"], int(event["descriptors"]), event["detail"]

    def test_descriptors(self):
        level, descriptors, detail = self.limits_of(200, 400, 100)
        self.assertEqual((level, descriptors), ("info", 200))
        self.assertIn("high enough", detail)
        # No more is taken than is needed.
        level, descriptors, detail = self.limits_of(50, 400, 100)
        self.assertEqual((level, descriptors), ("info", 132))
        self.assertIn("was raised", detail)
        level, descriptors, detail = self.limits_of(50, 80, 100)
        self.assertEqual((level, descriptors), ("warn", 80))
        self.assertIn("lower --max-connections", detail)


class LogLevels(SettingsTestCase):
    def test_errors_are_logged(self):
        self.nsm = "unix:" + self.path("nowhere")
        self.start_server("--log-level", "error")
        self.wait_for_event("nsm_unreachable")
        self.assert_code(self.ask(ATTEST), "nsm_unreachable")
        self.assertEqual(self.enclave_service.stop(), 0)
        events = test_server.log_lines(self.enclave_service.log())
        self.assertEqual([event["event"] for event in events], ["nsm_unreachable"])
        self.assertEqual(events[0]["level"], "error")
