# SPDX-License-Identifier: Apache-2.0
"""Standard descriptors that are closed, full or hung up: nothing goes where it does not belong."""

import os
import subprocess

import harness
import support


def run_without(descriptor, arguments):
    """Runs a program with one of its standard descriptors closed."""
    return subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=harness.PATIENCE,
        preexec_fn=lambda: os.close(descriptor),
        check=False,
    )


class Client(support.EnclaveTestCase):
    def setUp(self):
        super().setUp()
        self.start_nsm()
        self.start_server("--log-level", "debug")

    def vsock_client(self, *options):
        return [harness.program("vsock_client"), "--connect", self.enclave, *options]

    def requests(self):
        """What the server was asked, by its log."""
        log = self.enclave_service.log()
        return [line for line in log.splitlines() if "event=request" in line]

    def test_closed_stdout_does_not_become_the_connection(self):
        for json in ([], ["--json"]):
            self.assert_exit(run_without(1, self.vsock_client("--ping", *json)), 3)
        verify = self.vsock_client("--verify", "--root", self.root, "--json")
        self.assert_exit(run_without(1, verify), 3)
        self.assertEqual(len(self.requests()), 3)
        for line in self.requests():
            self.assertIn("status=ok", line)

    def test_closed_stderr_does_not_become_the_connection(self):
        completed = run_without(2, self.vsock_client("--attest", "--json"))
        self.assertTrue(self.json_of(completed, 0)["success"])
        self.assertEqual(len(self.requests()), 1)

    def test_closed_stdin_does_not_matter(self):
        completed = run_without(0, self.vsock_client("--ping", "--json"))
        self.assertTrue(self.json_of(completed, 0)["success"])

    def test_full_stdout_fails(self):
        with open("/dev/full", "wb") as full:
            for action in (["--ping"], ["--status", "--json"], ["--attest"]):
                completed = subprocess.run(
                    self.vsock_client(*action),
                    stdin=subprocess.DEVNULL,
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=harness.PATIENCE,
                    check=False,
                )
                self.assertEqual(completed.returncode, 3, action)
                self.assertIn(b"standard output", completed.stderr)


class Server(support.EnclaveTestCase):
    def test_closed_stderr_is_no_log(self):
        self.start_nsm()
        path = self.path("enclave")
        server = subprocess.Popen(
            [
                harness.program("enclave_app"),
                "--listen", "unix:" + path,
                "--nsm", self.nsm,
                "--log-level", "debug",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.close(2),
        )
        self.addCleanup(server.wait, harness.PATIENCE)
        self.addCleanup(server.terminate)
        harness.wait_until(lambda: os.path.exists(path), path)
        for _ in range(3):
            completed = self.client("--connect", "unix:" + path, "--attest", "--json")
            self.assertTrue(self.json_of(completed, 0)["success"])


class Verifier(harness.TestCase):
    def test_closed_stdin(self):
        completed = run_without(0, [harness.program("verifier"), "--json"])
        self.assert_exit(completed, 3)
        self.assertEqual(support.strict_json(completed.stdout)["error_code"], "io_error")

    def test_abbreviated_json_is_json(self):
        completed = harness.run([harness.program("verifier"), "--js", "/nonexistent"])
        self.assert_exit(completed, 3)
        self.assertEqual(support.strict_json(completed.stdout)["error_code"], "io_error")
        client = harness.program("vsock_client")
        completed = harness.run([client, "--js", "--verif", "--timeout", "x"])
        self.assert_exit(completed, 2)
        self.assertIs(support.strict_json(completed.stdout)["verified"], False)
