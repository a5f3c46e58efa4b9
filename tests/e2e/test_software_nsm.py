# SPDX-License-Identifier: Apache-2.0
"""software_nsm as its users see it: options, files, signals, and the bytes on its socket."""

import hashlib
import os
import signal
import socket
import stat
import unittest

import harness

MODULE_ID = "i-1234567890abcdef0-enc0123456789abcdef"
ROLE = "arn:aws:iam::123456789012:role/Webserver"
ZEROS = "0" * 96
# Known answers of AWS's User Guide.
PCR3 = (
    "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef"
    "4fc1f1a452e315b9e98f9e312e6921e6"
)
PCR4 = (
    "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812"
    "719327281c401a67a10fcba87ae79ce0"
)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class SoftwareNsm(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.socket = self.path("nsm")
        self.state = self.path("state")
        self.root = self.path("root.pem")

    def arguments(self, *options):
        return [
            harness.program("software_nsm"),
            "--listen", "unix:" + self.socket,
            "--state", self.state,
            *options,
        ]

    def start(self, *options):
        return self.service(self.arguments(*options), wait_for=self.socket)

    def fails(self, *options, status=2):
        """Runs it with options it must refuse; returns what it says."""
        completed = harness.run(self.arguments(*options))
        self.assert_exit(completed, status)
        self.assertEqual(completed.stdout, b"")
        self.assertFalse(os.path.exists(self.socket + ".new"))
        return completed.stderr.decode()

    def ask(self, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(harness.PATIENCE)
            connection.connect(self.socket)
            connection.send(request)
            return connection.recv(12288)

    def describe(self):
        """First line and PCRs, as the example of the library prints them."""
        completed = harness.run([harness.example("nsm_describe"), "unix:" + self.socket])
        self.assert_exit(completed, 0)
        first, *rest = completed.stdout.decode().splitlines()
        pcrs = {}
        for line in rest:
            index, state, value = line.replace("PCR", "", 1).split()
            pcrs[int(index)] = (state, value)
        self.assertEqual(sorted(pcrs), list(range(32)))
        return first, pcrs

    def attest(self, nonce=b"nonce"):
        """A document, asked for with the bytes of AWS's own library."""
        head = bytes.fromhex("a16b4174746573746174696f6e a369757365725f64617461f6 656e6f6e6365")
        tail = bytes.fromhex("6a7075626c69635f6b6579f6")
        answer = self.ask(head + bytes([0x40 + len(nonce)]) + nonce + tail)
        start = bytes.fromhex("a16b4174746573746174696f6e a168646f63756d656e74 59")
        self.assertEqual(answer[: len(start)], start)
        document = answer[len(start) + 2 :]
        self.assertEqual(len(document), int.from_bytes(answer[len(start) :][:2], "big"))
        return document

    # --- service ---

    def test_says_that_it_is_ready(self):
        service = self.start("--module-id", MODULE_ID)
        log = harness.wait_until(service.log, "the line on stderr")
        self.assertEqual(len(log.splitlines()), 1)
        self.assertIn("ready on unix:" + self.socket, log)
        self.assertIn(MODULE_ID, log)
        self.assertIn("not AWS", log)

    def test_ends_on_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                service = self.start()
                self.assertEqual(service.stop(number), 0)
                self.assertFalse(os.path.exists(self.socket))

    def test_known_bytes(self):
        self.start()
        self.assertEqual(self.ask(bytes.fromhex("a1674c6f636b504352a165696e64657810")),
                         bytes.fromhex("674c6f636b504352"))
        self.assertEqual(self.ask(bytes.fromhex("a1674c6f636b504352a165696e64657810")),
                         bytes.fromhex("a1654572726f726d526561644f6e6c79496e646578"))
        self.assertEqual(self.ask(bytes.fromhex("a1674c6f636b504352a165696e6465781820")),
                         bytes.fromhex("a1654572726f726c496e76616c6964496e646578"))
        answer = self.ask(bytes.fromhex("6947657452616e646f6d"))
        head = bytes.fromhex("a16947657452616e646f6d a16672616e646f6d 590100")
        self.assertEqual(answer[: len(head)], head)
        self.assertEqual(len(answer), len(head) + 256)

    def test_socket_of_a_killed_process_is_replaced(self):
        service = self.start()
        self.assertEqual(service.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue(os.path.exists(self.socket))
        completed = harness.run([harness.example("nsm_describe"), "unix:" + self.socket])
        self.assert_exit(completed, 1)
        self.assertIn(b"no software NSM answers", completed.stderr)
        service = self.service(self.arguments())
        harness.wait_until(service.log, "the second one")
        self.describe()

    def test_live_socket_is_refused(self):
        self.start()
        self.assertIn("another process listens", self.fails(status=3))
        self.describe()

    def test_other_file_is_kept(self):
        with open(self.socket, "w", encoding="ascii") as file:
            file.write("mine")
        self.assertIn("not a socket", self.fails(status=3))
        with open(self.socket, encoding="ascii") as file:
            self.assertEqual(file.read(), "mine")

    # --- state and trust ---

    def test_root_is_kept(self):
        first = self.start("--root-out", self.root)
        with open(self.root, "rb") as file:
            root = file.read()
        self.assertTrue(root.startswith(b"-----BEGIN CERTIFICATE-----\n"))
        self.assertEqual(mode(self.root), 0o644)
        self.assertEqual(mode(self.state), 0o700)
        self.assertEqual(mode(os.path.join(self.state, "root.key")), 0o600)
        self.assertEqual(mode(self.socket), 0o700)
        self.assertEqual(first.stop(), 0)
        os.unlink(self.root)
        self.start("--root-out", self.root)
        with open(self.root, "rb") as file:
            self.assertEqual(file.read(), root)

    def test_state_open_to_others_is_refused(self):
        os.mkdir(self.state, 0o755)
        os.chmod(self.state, 0o755)
        error = self.fails()
        self.assertIn("open to other users", error)
        self.assertIn("chmod go=", error)

    def test_damaged_state(self):
        self.assertEqual(self.start().stop(), 0)
        with open(os.path.join(self.state, "root.pem"), "wb") as file:
            file.write(b"nonsense")
        self.assertIn(self.state, self.fails(status=4))

    def test_default_state(self):
        arguments = [harness.program("software_nsm"), "--listen", "unix:" + self.socket]
        for variable, directory in (("XDG_STATE_HOME", "x"), ("HOME", "h/.local/state")):
            with self.subTest(variable):
                environment = {"HOME": self.path("h"), "XDG_STATE_HOME": ""}
                environment[variable] = self.path(variable[0].lower())
                service = self.service(arguments, wait_for=self.socket, env=environment)
                self.assertEqual(service.stop(), 0)
                kept = self.path(f"{directory}/vsattest/software_nsm/root.key")
                self.assertTrue(os.path.exists(kept), kept)

    def test_state_of_the_old_name(self):
        """The root that verifiers know stays the root."""
        arguments = [harness.program("software_nsm"), "--listen", "unix:" + self.socket]
        home = self.path("state")
        old, new = home + "/vsock-attest/software_nsm", home + "/vsattest/software_nsm"

        def root_of_a_run():
            service = self.service(arguments, wait_for=self.socket, env={"XDG_STATE_HOME": home})
            self.assertEqual(service.stop(), 0)
            with open(new + "/root.pem", "rb") as file:
                return file.read()

        root = root_of_a_run()
        os.makedirs(os.path.dirname(old))
        os.rename(new, old)
        os.rmdir(os.path.dirname(new))
        self.assertEqual(root_of_a_run(), root)
        self.assertFalse(os.path.exists(os.path.dirname(old)))
        # Once only: what is there stays.
        os.makedirs(old)
        self.assertEqual(root_of_a_run(), root)
        self.assertTrue(os.path.exists(old))

    def test_documents_verify_with_its_root_only(self):
        self.start("--root-out", self.root)
        document = self.attest()
        verifier = [harness.program("verifier"), "--nonce", "nonce"]
        completed = harness.run([*verifier, "--root", self.root], stdin=document)
        self.assert_exit(completed, 0)
        self.assertIn(b"not AWS", completed.stdout)
        self.assert_exit(harness.run(verifier, stdin=document), 1)

    # --- what it measures ---

    def test_placeholders(self):
        self.start()
        first, pcrs = self.describe()
        self.assertIn("version 1.0.0, 32 PCRs of SHA384", first)
        for index in range(3):
            text = f"software_nsm PCR{index}".encode()
            self.assertEqual(pcrs[index], ("locked", hashlib.sha384(text).hexdigest()))
        self.assertEqual(pcrs[3], ("locked", ZEROS))
        self.assertEqual(pcrs[15], ("locked", ZEROS))
        self.assertEqual(pcrs[16], ("open", ZEROS))

    def test_instance_and_role(self):
        self.start("--instance-id", "i-1234567890abcdef0", "--role-arn", ROLE)
        first, pcrs = self.describe()
        self.assertIn("module i-1234567890abcdef0-enc", first)
        self.assertEqual(pcrs[3][1], PCR3)
        self.assertEqual(pcrs[4][1], PCR4)

    def test_module_id(self):
        self.start("--module-id", MODULE_ID)
        first, pcrs = self.describe()
        self.assertIn(f"module {MODULE_ID},", first)
        self.assertEqual(pcrs[4][1], PCR4)

    def test_measurements(self):
        values = {index: f"{index + 1:02x}" * 48 for index in (0, 1, 2, 8)}
        measurements = self.path("measurements.json")
        with open(measurements, "w", encoding="ascii") as file:
            file.write('{"Measurements": {"PCR0": "%s", "PCR1": "%s", "PCR2": "%s"}}'
                       % (values[0], values[1], values[2]))
        self.start("--measurements", measurements, "--pcr", f"8={values[8]}")
        _, pcrs = self.describe()
        for index, value in values.items():
            self.assertEqual(pcrs[index], ("locked", value))

    def test_debug_mode(self):
        self.start("--debug-mode", "--pcr", "0=" + "ab" * 48, "--role-arn", ROLE)
        _, pcrs = self.describe()
        for index in (0, 1, 2, 8):
            self.assertEqual(pcrs[index][1], ZEROS)
        self.assertEqual(pcrs[3][1], PCR3)

    # --- a device (what it does is tested in a guest: tests/enclave) ---

    @unittest.skipIf(os.path.exists("/dev/cuse"), "this machine has CUSE: it would make a device")
    def test_device_without_cuse(self):
        completed = harness.run([harness.program("software_nsm"), "--cuse", "vsattest-test",
                                 "--state", self.state])
        self.assert_exit(completed, 3)
        self.assertIn(b"no /dev/cuse", completed.stderr)
        self.assertIn(b"--listen unix:PATH", completed.stderr)

    # --- the command line ---

    def test_help_and_version(self):
        completed = harness.run([harness.program("software_nsm"), "--help"])
        self.assert_exit(completed, 0)
        for option in ("--listen", "--cuse", "--state", "--root-out", "--pcr", "--measurements",
                       "--debug-mode", "--module-id", "--role-arn", "--instance-id"):
            self.assertIn(option.encode(), completed.stdout)
        completed = harness.run([harness.program("software_nsm"), "--version"])
        self.assert_exit(completed, 0)
        self.assertRegex(completed.stdout, rb"^software_nsm \d+\.\d+\.\d+ \((OpenSSL|AWS-LC) \d[^()]*\)\n$")

    def test_wrong_arguments(self):
        value = "ab" * 48
        for options, expected in (
            (("--pcr", "32=" + value), "--pcr"),
            (("--pcr", "16=" + value), "PCR16 to PCR31"),
            (("--pcr", "0=abcd"), "96 hexadecimal digits"),
            (("--pcr", "0=" + value, "--pcr", "0=" + "cd" * 48), "PCR0"),
            (("--module-id", "enclave"), "no module ID"),
            (("--instance-id", "i-1"), "no instance ID"),
            (("--module-id", MODULE_ID, "--instance-id", "i-01234567"), "--instance-id says"),
            (("--role-arn", "arn:aws:iam::123456789012:instance-profile/x"), "no IAM role"),
            (("--measurements", self.path("missing.json")), "missing.json"),
            (("surplus",), "surplus"),
            (("--nonsense",), "--nonsense"),
        ):
            with self.subTest(options):
                self.assertIn(expected, self.fails(*options))
        completed = harness.run([harness.program("software_nsm"), "--cuse", "nsm", "surplus",
                                 "--state", self.state])
        self.assert_exit(completed, 2)
        self.assertIn(b"surplus", completed.stderr)
        completed = harness.run([harness.program("software_nsm"), "--cuse", "../nsm",
                                 "--state", self.state])
        self.assert_exit(completed, 2)
        self.assertIn(b"name of a device", completed.stderr)
        completed = harness.run([harness.program("software_nsm")])
        self.assert_exit(completed, 2)
        self.assertIn(b"--listen", completed.stderr)
        for address in ("vsock:3:9000", "/tmp/nsm.sock"):
            completed = harness.run([harness.program("software_nsm"), "--listen", address,
                                     "--state", self.state])
            self.assert_exit(completed, 2)
            self.assertIn(b"has unix:PATH", completed.stderr)
