# SPDX-License-Identifier: Apache-2.0
"""app.eif, whole: in QEMU's nitro-enclave machine beside a parent instance, and without a Nitro machine.

QEMU's Nitro Secure Module measures as the real one does but cannot sign: its documents must be refused.
"""

import base64
import json
import os
import re
import struct
import subprocess
import time
import unittest

import cbor
import eif
import material
from bench import PARENT_CID, Bench, connect, nitro_qemu_command, read
from test_loopback import DEVICE, device_report

CID, PORT = 16, 9000
KILL_PORT = 9999
ROLE, INSTANCE = "arn:aws:iam::123456789012:role/bench", "i-1234567890abcdef0"
# On a busy machine the timer's first ticks come late, and Linux gives up on it.
NO_HEARTBEAT = " enclave_init.heartbeat=off no_timer_check"

# What guest/exercise.c may do as a user.
USER = """user 1234 1234 group 567 567 others 0
open /x: EACCES
open /app/x: EACCES
open /app/exercise: EACCES
open /run/x: EACCES
open /dev/x: EACCES
open /var/x: EACCES
open /tmp/x: ok
open /dev/shm/x: ok
open /dev/nsm: ok
open /dev/stdout: ok
kill 1: EPERM
"""


def elf_module():
    """What enclave_image takes for a kernel module: an ELF relocatable with a table of sections."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    return head + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 1, 0) + bytes(64)


def ping(connection):
    """Sends a ping over a connection to the server; the reply."""
    connection.sendall(b'{"command": "ping"}\n')
    reply = b""
    while not reply.endswith(b"\n"):
        data = connection.recv(4096)
        if not data:
            raise ConnectionError("closed after %r" % reply)
        reply += data
    return json.loads(reply)


def first_ping(guest, link):
    """Seconds from QEMU's start to the first answered ping, tried from the host."""
    with link.connect_soon(CID, PORT, 90) as connection:
        if not ping(connection)["success"]:
            guest.fail("the ping was not answered with success")
        return guest.elapsed()


def host_client(link, *options):
    """vsock_client on this machine, through the Unix socket: (exit status, object, standard error)."""
    address = "vsock-mux:%s:%d" % (link.path(CID), PORT)
    command = [material.built("vsock_client"), "--json", "--connect", address, *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout), done.stderr


class Enclave(unittest.TestCase):
    """Parent instance (CID 3) and enclave (CID 16), the image signed; one pair for all tests."""

    @classmethod
    def setUpClass(cls):
        nitro_qemu_command()
        cls.image = material.signed_image()
        cls.bench = Bench(300)
        cls.addClassCleanup(cls.bench.__exit__)
        cls.link = cls.bench.vhost(PARENT_CID, CID)
        files = material.files("vsock_client", "probe")
        cls.parent = cls.bench.debian_guest(files=files, vhost=cls.link, cid=PARENT_CID, name="parent")
        cls.parent.wait_up(120)
        # As nitro-cli does: what the enclave sends comes back.
        cls.parent.run("probe echo 9000 &")
        cls.parent.expect("ok listening on port 9000")
        cls.enclave = cls.bench.nitro_guest(
            read(cls.image.path), cls.link, CID, memory=64, parent_role=ROLE, parent_id=INSTANCE
        )
        seconds = first_ping(cls.enclave, cls.link)
        size = os.path.getsize(material.app_image().path)
        material.note("QEMU start to first answered ping: %.1f s with 64 MiB; app.eif: %d bytes" % (seconds, size))

    def client(self, *options, status=0, cid=CID, timeout=60):
        """vsock_client --json in the parent instance."""
        command = "vsock_client --json --cid %d %s 2>/tmp/client" % (cid, " ".join(options))
        result = self.parent.run(command, timeout)
        self.assertEqual(result.status, status, result.output)
        return json.loads(result.output)

    def test_heartbeat(self):
        # Without an answer it would have ended before this: test_without_parent.
        console = self.enclave.output
        self.assertIn("enclave_init: started /app/enclave_app as user 1000, group 1000\n", console)
        self.assertNotIn("event=sandbox", console)
        self.assertNotIn("no heartbeat", console)

    def test_ping(self):
        self.assertEqual(self.client("--ping"), {"success": True, "message": "pong"})

    def test_status(self):
        self.assertTrue(self.client("--status")["success"])
        text = self.parent.run("vsock_client --cid %d --status" % CID).output
        self.assertRegex(text, r"NSM +reachable, module ID i-1234567890abcdef0-enc0123456789abcdef")

    def attest(self):
        """(protected header, payload, signature) of a document from the parent instance."""
        reply = self.client("--attest --generate-key --nonce challenge --user-data session")
        self.assertTrue(reply["success"])
        self.assertIs(reply["verified"], False)
        return cbor.document(base64.b64decode(reply["attestation_document"], validate=True))

    def test_pcrs(self):
        pcrs = self.attest()[1]["pcrs"]
        self.assertEqual(sorted(self.image.pcrs), [0, 1, 2, 8])
        for index, value in self.image.pcrs.items():
            self.assertEqual(pcrs[index].hex(), value, "PCR%d" % index)
        self.assertEqual(pcrs[3], eif.extended(ROLE))
        self.assertEqual(pcrs[4], eif.extended(INSTANCE))
        self.assertEqual(sorted(pcrs), list(range(16)))

    def test_signing_changes_pcr8_only(self):
        unsigned = dict(material.app_image().pcrs)
        self.assertEqual({**self.image.pcrs, **unsigned}, self.image.pcrs)

    def test_attest(self):
        protected, payload, signature = self.attest()
        self.assertEqual(payload["module_id"], "i-1234567890abcdef0-enc0123456789abcdef")
        self.assertEqual(payload["nonce"], b"challenge")
        self.assertEqual(payload["user_data"], b"session")
        self.assertEqual(len(payload["public_key"]), 120)
        # QEMU says plainly that it does not sign.
        self.assertEqual((protected, signature), ({1: -1}, bytes(64)))

    def test_verify_refuses(self):
        reply = self.client("--verify --generate-key", status=4)
        self.assertIs(reply["verified"], False)
        self.assertEqual(reply["error_code"], "algorithm_invalid")
        self.assertIn("algorithm -1 instead of -35", reply["verification_error"])

    def test_verify_with_measurements_refuses(self):
        measurements = material.work("measurements.json")
        pcrs = {"PCR%d" % index: value for index, value in self.image.pcrs.items()}
        with open(measurements, "w", encoding="utf-8") as file:
            json.dump({"Measurements": pcrs}, file)
        status, reply, talk = host_client(self.link, "--verify", "--measurements", measurements)
        self.assertEqual((status, reply["error_code"]), (4, "algorithm_invalid"))
        self.assertIn("algorithm -1", talk)

    def test_client_on_the_host(self):
        self.assertEqual(host_client(self.link, "--ping")[:2], (0, {"success": True, "message": "pong"}))
        status, reply, _ = host_client(self.link, "--attest")
        self.assertEqual(status, 0)
        document = cbor.document(base64.b64decode(reply["attestation_document"]))[1]
        self.assertEqual(document["pcrs"][0].hex(), self.image.pcrs[0])

    def test_refused_port(self):
        self.assertEqual(self.client("--ping --port 9001", status=3)["error_code"], "connection_refused")

    def test_absent_cid(self):
        # The daemon does not answer for a guest that is not there.
        self.assertEqual(self.client("--ping --timeout 3", status=3, cid=77)["error_code"], "timeout")


class EnclaveAlone(unittest.TestCase):
    """Images in the Nitro machine without a parent instance."""

    def setUp(self):
        nitro_qemu_command()
        self.bench = Bench(300)
        self.addCleanup(self.bench.__exit__)
        self.link = self.bench.vhost(CID)

    def boot(self, image, memory=64):
        return self.bench.nitro_guest(read(image.path), self.link, CID, memory=memory)

    def test_without_parent(self):
        enclave = self.boot(material.app_image())
        enclave.expect(r"^enclave_init: .*heartbeat", 60)
        enclave.expect(r"^enclave_init: the enclave ends", 60)
        self.assertEqual(enclave.wait(30), 0)
        self.assertNotIn("started", enclave.output)

    def test_real_driver(self):
        """Our own /dev/nsm (CUSE) and the kernel's driver answer strange calls alike."""
        exercise = material.guest_program("exercise")
        image = material.image_of("device", exercise, ["device"], words=NO_HEARTBEAT)
        enclave = self.boot(image)
        enclave.expect(r"^ok device", 60)
        self.assertEqual(device_report(enclave.output), DEVICE)
        # It is done: the enclave ends.
        enclave.expect(r"^enclave_init: the enclave ends", 30)
        self.assertEqual(enclave.wait(30), 0)

    def test_user(self):
        """A program that is not root: what it may do, what the server has left, and that it can attest."""
        server = material.program("enclave_app") + ":/bin/enclave_app"
        arguments = ["user", "/bin/enclave_app", "--vsock"]
        exercise = material.guest_program("exercise")
        image = material.image_of("user", exercise, arguments, [server], NO_HEARTBEAT, ["--user", "1234:567"])
        enclave = self.boot(image, 128)
        enclave.expect(r"^ok \d+ threads in the sandbox", 200)
        report = re.search(r"^(user 1234.*?)^ok (\d+) threads", enclave.output, re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(report, enclave.output)
        lines = report[1].splitlines()
        for line in USER.splitlines():
            self.assertIn(line, lines)
        threads = [line for line in lines if line.startswith("thread")]
        self.assertEqual(len(threads), int(report[2]))
        self.assertEqual(set(threads), {
            "thread Uid:=1234=1234=1234=1234 Gid:=567=567=567=567 CapEff:=0000000000000000 NoNewPrivs:=1 Seccomp:=2"
        })
        enclave.expect("enclave_init: started /app/exercise as user 1234, group 567", 10)
        first_ping(enclave, self.link)
        status, reply, _ = host_client(self.link, "--attest", "--generate-key")
        self.assertEqual(status, 0)
        pcrs = cbor.document(base64.b64decode(reply["attestation_document"]))[1]["pcrs"]
        self.assertEqual({index: pcrs[index].hex() for index in (0, 1, 2)}, image.pcrs)

    def test_kernel_without_modules(self):
        module = self.bench.file("any.ko", elf_module())
        image = material.image_of(
            "no-modules", material.guest_program("exercise"), ["modules"], words=NO_HEARTBEAT,
            options=["--module", module],
        )
        enclave = self.boot(image)
        enclave.expect("enclave_init: cannot load /modules/any.ko: this kernel takes no modules: ", 200)
        enclave.expect("enclave_init: the enclave ends", 30)
        self.assertEqual(enclave.wait(30), 0)
        self.assertNotIn("started", enclave.output)

    def test_restarts(self):
        """A server that is killed comes back; the sixth time in a row the enclave ends."""
        image = material.image_of(
            "killable",
            material.guest_program("exercise"),
            ["killable", str(KILL_PORT), "/bin/enclave_app", "--vsock"],
            [material.program("enclave_app") + ":/bin/enclave_app"],
            NO_HEARTBEAT,
        )
        enclave = self.boot(image, 128)
        first_ping(enclave, self.link)
        delays = (250, 500, 1000, 2000, 4000)
        for number, delay in enumerate(delays, 1):
            start = len(enclave.output)
            self.link.connect_soon(CID, KILL_PORT).close()
            text = r"exercise was killed by signal 9 .*; restart %d of %d in %d ms" % (number, len(delays), delay)
            enclave.expect(text, 30, start)
            enclave.expect("enclave_init: started", 30, start)
            with self.link.connect_soon(CID, PORT, 30) as connection:
                self.assertTrue(ping(connection)["success"])
        self.link.connect_soon(CID, KILL_PORT).close()
        enclave.expect("giving up after 5 restarts", 30)
        enclave.expect("enclave_init: the enclave ends", 30)
        self.assertEqual(enclave.wait(30), 0)


class NoModule(unittest.TestCase):
    """An enclave without an NSM cannot attest: it must not look alive."""

    def test_ends(self):
        kernel, cmdline, ramdisks = material.app_parts()
        with Bench(120) as bench:
            link = bench.vhost(CID)
            guest = bench.enclave_kernel_guest(kernel, cmdline + NO_HEARTBEAT.encode(), ramdisks, link, CID, memory=128)
            guest.expect("enclave_init: there is no /dev/nsm: this enclave cannot be attested", 60)
            guest.expect("enclave_app: --nsm /dev/nsm: no Nitro Secure Module at /dev/nsm", 60)
            guest.expect("giving up after 5 restarts", 60)
            self.assertEqual(guest.wait(30), 0)


class PlainQemu(unittest.TestCase):
    """The same kernel, command line and ramdisks in a machine that knows nothing of enclaves."""

    @classmethod
    def setUpClass(cls):
        nitro_qemu_command()
        cls.bench = Bench(180)
        cls.addClassCleanup(cls.bench.__exit__)
        kernel, cmdline, ramdisks = material.app_parts()
        cls.link = cls.bench.vhost(CID)
        cls.guest = cls.bench.enclave_kernel_guest(
            kernel, cmdline + NO_HEARTBEAT.encode(), ramdisks, cls.link, CID, memory=128, nsm=True
        )
        material.note("without a Nitro machine: %.1f s to the first answered ping" % first_ping(cls.guest, cls.link))

    def test_client_on_the_host(self):
        self.assertEqual(host_client(self.link, "--ping")[:2], (0, {"success": True, "message": "pong"}))
        status, reply, _ = host_client(self.link, "--status")
        self.assertEqual((status, reply["success"]), (0, True))

    def test_unmeasured(self):
        # This enclave was not measured: its module has no locked PCR to attest.
        status, reply, _ = host_client(self.link, "--attest")
        self.assertEqual(status, 0)
        self.assertEqual(cbor.document(base64.b64decode(reply["attestation_document"]))[1]["pcrs"], {})
        status, reply, _ = host_client(self.link, "--verify")
        self.assertEqual((status, reply["verified"]), (4, False))

    def test_refused_port(self):
        with self.assertRaises(ConnectionRefusedError):
            connect(self.link.path(CID), 9001).close()
        address = "vsock-mux:%s:9001" % self.link.path(CID)
        done = subprocess.run(
            [material.built("vsock_client"), "--json", "--connect", address, "--ping"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        self.assertEqual((done.returncode, json.loads(done.stdout)["error_code"]), (3, "connection_refused"))

    def test_50_connections(self):
        begun = time.monotonic()
        connections = [self.link.connect(CID, PORT) for _ in range(50)]
        try:
            for connection in connections:
                self.assertTrue(ping(connection)["success"])
        finally:
            for connection in connections:
                connection.close()
        self.assertLess(time.monotonic() - begun, 60)

    def test_console(self):
        self.assertRegex(self.guest.output, re.compile("^enclave_init: no heartbeat: the kernel command line", re.M))
