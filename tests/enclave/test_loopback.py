# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel in a guest: software_nsm --cuse as its /dev/nsm, server and client over real AF_VSOCK, CID 1."""

import json
import os
import re
import shutil
import unittest

import material
from bench import TOP, Bench, BenchError, tool

# What the calls of guest/exercise.c give on the real driver. test_nitro.py compares the same text.
DEVICE = """answer: DescribeNSM
10 bytes of room: 10 bytes
beyond them: 0
no room: 0 bytes
request of 4097 bytes: EMSGSIZE
endless request: EMSGSIZE
request nowhere: EFAULT
response nowhere: EFAULT
struct nowhere: EFAULT
another ioctl: EINVAL
read: EINVAL
write: EINVAL
DescribePCR of 32: 20 bytes
answer: InvalidIndex
4096 bytes of nonsense: 24 bytes
answer: InvalidOperation
"""


def device_report(text):
    """The lines of `exercise device` that must be the same on every NSM: not the size of the module's description."""
    lines = re.search(r"^request: \d+ bytes\n(.*?)^ok device$", text, re.MULTILINE | re.DOTALL)
    if not lines:
        raise BenchError("no report in: " + text[-2000:])
    return re.sub(r"^endless room: \d+ bytes\n", "", lines.group(1), flags=re.MULTILINE)


class Loopback(unittest.TestCase):
    """One guest for all tests; each leaves module and server running."""

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench(300)
        cls.addClassCleanup(cls.bench.__exit__)
        programs = material.files("enclave_app", "vsock_client", "software_nsm", "exercise")
        cls.guest = cls.bench.debian_guest(files=programs)
        cls.guest.wait_up(120)
        cls.start_module()
        cls.start_server()
        cls.guest.run("vsock_client --cid 1 --ping")
        cls.guest.expect("^Pong!$")
        material.note("loopback: QEMU start to first answered ping: %.1f s" % cls.guest.elapsed())

    @classmethod
    def start(cls, command, log, ready):
        """Starts a program that stays, its output in a file of the guest."""
        cls.guest.run("%s >%s 2>&1 & echo $! >%s.pid" % (command, log, log))
        wait = "for i in $(seq 300); do grep -q '%s' %s && break; sleep 0.1; done; cat %s" % (ready, log, log)
        result = cls.guest.run(wait, 60)
        if not re.search(ready, result.output):
            raise BenchError("%s did not start: %s" % (command, result.output))

    @classmethod
    def start_module(cls):
        cls.start("software_nsm --cuse --state /run/nsm --root-out /tmp/root.pem", "/tmp/nsm", "ready on /dev/nsm")

    @classmethod
    def start_server(cls):
        cls.start("enclave_app --vsock 9000", "/tmp/app", "event=listening")

    @classmethod
    def stop_server(cls):
        """SIGTERM; returns when it is gone."""
        cls.guest.run("kill -TERM $(cat /tmp/app.pid)")
        cls.guest.run("for i in $(seq 200); do kill -0 $(cat /tmp/app.pid) 2>/dev/null || break; sleep 0.1; done")

    def client(self, *options, status=0, timeout=60):
        """vsock_client --json: its exit status is checked, its object returned."""
        result = self.guest.run("vsock_client --json %s 2>/tmp/client" % " ".join(options), timeout)
        self.assertEqual(result.status, status, result.output)
        return json.loads(result.output)

    def refused(self, code, *options, status):
        self.assertEqual(self.client(*options, status=status)["error_code"], code)

    def test_device(self):
        self.assertIn("666 character special file", self.guest.run("stat -c '%a %F' /dev/nsm").output)
        self.assertEqual(device_report(self.guest.run("exercise device").output), DEVICE)

    def test_ping(self):
        self.assertEqual(self.client("--cid 1 --ping"), {"success": True, "message": "pong"})

    def test_status(self):
        self.assertTrue(self.client("--cid 1 --status")["success"])
        text = self.guest.run("vsock_client --cid 1 --status").output
        self.assertRegex(text, r"NSM +reachable, module ID i-0123456789abcdef0-enc[0-9a-f]{16}")

    def test_verify(self):
        reply = self.client("--cid 1 --verify --generate-key --root /tmp/root.pem")
        self.assertTrue(reply["success"] and reply["verified"] and reply["has_public_key"])

    def test_untrusted_without_its_root(self):
        self.refused("untrusted_root", "--cid 1 --verify --generate-key", status=1)

    def test_refused_port(self):
        self.refused("connection_refused", "--cid 1 --port 9001 --ping", status=3)

    def test_absent_cid(self):
        # No transport leads anywhere but to CID 1 here: ENODEV at once.
        self.refused("no_such_cid", "--cid 77 --ping", status=3)

    def test_200_connections(self):
        result = self.guest.run("exercise crowd 1 9000 200", 60)
        self.assertIn("ok 200 answered", result.output)
        self.assertGreaterEqual(int(re.search(r'"connections": ?(\d+)', result.output).group(1)), 200)
        self.test_ping()

    def test_address_in_use(self):
        result = self.guest.run("enclave_app --vsock 9000", 30)
        self.assertEqual(result.status, 3, result.output)
        self.assertIn("vsock:any:9000 is in use", result.output)

    def test_server_killed_mid_request(self):
        # A module that does not answer keeps the request under way.
        self.guest.run("kill -STOP $(cat /tmp/nsm.pid)")
        self.guest.run("(vsock_client --json --cid 1 --attest >/tmp/reply 2>&1; echo status $? >>/tmp/reply) &")
        self.guest.run("sleep 2; kill -KILL $(cat /tmp/app.pid)")
        self.guest.run("kill -CONT $(cat /tmp/nsm.pid)")
        wait = "for i in $(seq 100); do grep -q ^status /tmp/reply && break; sleep 0.1; done; cat /tmp/reply"
        result = self.guest.run(wait, 30)
        self.refused("connection_refused", "--cid 1 --ping", status=3)
        self.start_server()
        self.test_ping()
        self.assertIn('"error_code": "connection_closed"', result.output)
        self.assertIn("status 3", result.output)

    def test_module_restarts(self):
        self.guest.run("kill -TERM $(cat /tmp/nsm.pid); sleep 0.5")
        self.assertNotEqual(self.guest.run("test -e /dev/nsm").status, 0, "the device is gone with its module")
        self.refused("nsm_unreachable", "--cid 1 --attest", status=3)
        self.start_module()
        # The server's descriptor is that of a device which is no more; a real one never goes away.
        self.refused("nsm_unreachable", "--cid 1 --attest", status=3)
        self.stop_server()
        self.start_server()
        self.assertEqual(self.client("--cid 1 --verify --root /tmp/root.pem")["verified"], True)

    def test_module_is_the_only_one(self):
        result = self.guest.run("software_nsm --cuse --state /run/nsm")
        self.assertEqual(result.status, 3)
        self.assertIn("/dev/nsm is there already", result.output)
        self.start("software_nsm --cuse nsm-2 --state /run/nsm", "/tmp/nsm-2", "ready on /dev/nsm-2")
        result = self.guest.run("enclave_app --nsm /dev/nsm-2 data 2>/dev/null; kill $(cat /tmp/nsm-2.pid)")
        self.assertRegex(result.output, r"^\s*[A-Za-z0-9+/]{3000,}=*\s*$")

    def test_server_stops(self):
        self.stop_server()
        self.refused("connection_refused", "--cid 1 --ping", status=3)
        self.start_server()
        self.test_ping()


class Modules(unittest.TestCase):
    """enclave_init with Debian's kernel, which has vsock as modules: each needs the one before."""

    def setUp(self):
        self.directory = tool("tests/enclave/fetch-guest")
        self.bench = Bench(300)
        self.addCleanup(self.bench.__exit__)

    def boot(self, *names):
        """The console of an image with these modules, and their files."""
        there = sorted(os.listdir(os.path.join(self.directory, "modules")))
        files = [next(file for file in there if file[3:] == name + ".ko") for name in names]
        options = []
        for file in files:
            options += ["--module", os.path.join(self.directory, "modules", file)]
        image = material.image_of(
            "modules-" + names[-1], material.guest_program("exercise"), ["modules"], options=options,
            kernel_path=os.path.join(self.directory, "vmlinuz"),
        )
        guest = self.bench.debian_guest(initramfs=material.ramdisks_of(image), words=" enclave_init.heartbeat=off")
        guest.expect("^enclave_init: the enclave ends", 200)
        self.assertEqual(guest.wait(30), 0)
        return guest.output, files

    def test_in_order(self):
        names = ("vsock", "vmw_vsock_virtio_transport_common", "vsock_loopback")
        console, files = self.boot(*names)
        self.assertEqual(re.findall("^enclave_init: loaded (.*)$", console, re.MULTILINE), files)
        # The kernel lists the newest one first.
        loaded = re.findall("^module (.*)$", console, re.MULTILINE)
        self.assertEqual([name for name in loaded if name in names], list(reversed(names)))
        self.assertIn("enclave_init: /app/exercise exited with status 0", console)

    def test_out_of_order(self):
        console, files = self.boot("vsock", "vsock_loopback", "vmw_vsock_virtio_transport_common")
        self.assertIn("enclave_init: loaded " + files[0], console)
        self.assertIn("enclave_init: cannot load /modules/%s: it needs a symbol that neither" % files[1], console)
        self.assertNotIn("started", console)
class Services(unittest.TestCase):
    """Two programs, and a file tree with hard links, unpacked by Linux: examples/services/shell and a client of it."""

    MAIN = """#!/bin/sh
echo "main is $(id -u):$(id -g)"
stat -c 'links of %n: %h, mode %a' /etc/one /etc/two /run/dice
echo '{"command":"roll","sides":1,"vsattest":{"sealed":true}}' | socat -t 60 - UNIX-CONNECT:/run/dice/socket
exit 3
"""

    def image(self, directory, bench):
        """The ramdisks of an image of this machine's programs."""
        tree = os.path.join(bench.directory, "tree")
        services = os.path.join(TOP, "examples", "services")
        programs = ["/bin/sh", *(shutil.which(name) for name in ("id", "stat", "socat", "jq", "od"))]
        if None in programs:
            self.skipTest("no socat or jq on this machine")
        material.call(os.path.join(services, "collect"), tree, *programs)
        for path, source in (("app/dice", os.path.join(services, "shell", "dice")), ("etc/one", __file__)):
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            shutil.copy(source, os.path.join(tree, path))
        os.link(os.path.join(tree, "etc/one"), os.path.join(tree, "etc/two"))
        os.chmod(os.path.join(tree, "etc/one"), 0o640)
        main = bench.file("main", self.MAIN.encode())
        path = bench.file("services.eif", b"")
        material.call(
            material.built("enclave_image"), "build", "--kernel", os.path.join(directory, "vmlinuz"), "--app", main,
            "--init", os.path.join(material.BUILD, "src", "enclave_init", "enclave_init"), "--rootfs", tree,
            "--service", "dice=/app/dice", "--arg", "/run/dice/socket", "--user", "1000",
            "--socket", "/run/dice/socket", "--output", path,
        )
        return material.ramdisks_of(material.Image(path, {}))

    def test_in_order(self):
        directory = tool("tests/enclave/fetch-guest")
        with Bench(300) as bench:
            ramdisks = self.image(directory, bench)
            guest = bench.debian_guest(initramfs=ramdisks, memory=512, words=" enclave_init.heartbeat=off")
            guest.expect("^enclave_init: /app/main exited with status 3; restart 1 of 5", 200)
            lines = [line for line in guest.output.splitlines() if not line.startswith("[")]
        first = lines.index("enclave_init: started dice as user 1000, group 1000")
        self.assertEqual(lines[first:first + 8], [
            "enclave_init: started dice as user 1000, group 1000",
            "enclave_init: dice is ready",
            "enclave_init: started /app/main as user 0, group 0",
            "main is 0:0",
            "links of /etc/one: 2, mode 640",
            "links of /etc/two: 2, mode 640",
            "links of /run/dice: 2, mode 755",
            '{"success":true,"rolled":1,"sealed":true}',
        ])
