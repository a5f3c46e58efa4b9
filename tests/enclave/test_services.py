# SPDX-License-Identifier: Apache-2.0
"""An application behind enclave_app in an enclave, and a secret for it from the parent instance, over real AF_VSOCK.

examples/services/python in an image of its own, with Debian's kernel: only that has CUSE, by which software_nsm is
the enclave's /dev/nsm. QEMU's own module does not sign, so that no client could seal to it.
"""

import hashlib
import hmac
import json
import os
import re
import time
import unittest

import material
from bench import PARENT_CID, TOP, Bench, read, tool

CID, PORT, KILL_PORT = 16, 9000, 9999
HOST = "--connect vsock:2:9000"  # from where a bridge leads to the enclave
EXAMPLE = os.path.join(TOP, "examples", "services", "python")
PASSWORD = "correct horse"
PCR0 = "5a" * 48
RELAY = "tcp:127.0.0.1:9443"
MODULES = ("cuse", "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport")


def signature(message):
    """What examples/services/python makes of a message and the password."""
    key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"examples/services/python", 100000)
    return hmac.new(key, message.encode(), "sha256").hexdigest()


class Python(unittest.TestCase):
    """Parent instance (CID 3) and enclave (CID 16); one test, since each step needs the one before."""

    def setUp(self):
        self.directory = tool("tests/enclave/fetch-guest")
        self.bench = Bench(600)
        self.addCleanup(self.bench.__exit__)
        state, root = self.make_root()
        image = self.build_image(state)
        link = self.link = self.bench.vhost(PARENT_CID, CID)
        files = material.files("vsock_client", "probe")
        files["/root.pem"] = root
        for name, request in (
            ("password", {"command": "set_password", "password": PASSWORD}),
            ("sign", {"command": "sign", "message": "text"}),
        ):
            files["/%s.json" % name] = json.dumps(request).encode()
        self.parent = self.bench.debian_guest(files=files, vhost=link, cid=PARENT_CID, name="parent")
        self.bridge = self.bench.bridge(link, PARENT_CID, CID, PORT)
        self.parent.wait_up(120)
        self.parent.run("probe echo 9000 &")
        self.parent.expect("ok listening on port 9000")
        self.enclave = self.bench.debian_guest(
            initramfs=material.ramdisks_of(image), memory=512, vhost=link, cid=CID, name="enclave"
        )

    def make_root(self):
        """The state of a software NSM, whose root the parent must know: (its directory, the certificate)."""
        state, root = os.path.join(self.bench.directory, "state"), os.path.join(self.bench.directory, "root.pem")
        address = "unix:" + os.path.join(self.bench.directory, "nsm")
        command = [material.built("software_nsm"), "--listen", address, "--state", state, "--root-out", root]
        module = self.bench.process("software_nsm", command)
        module.expect("ready on")
        module.stop()
        return state, read(root)

    def build_image(self, state):
        """The example's own script, and beside the application a module, and what kills the application."""
        tree = os.path.join(self.bench.directory, "tree")
        material.call("install", "-D", "-t", os.path.join(tree, "bin"), material.program("software_nsm"),
                      material.guest_program("exercise"))
        material.call("cp", "-a", state, os.path.join(tree, "state"))
        there = os.listdir(os.path.join(self.directory, "modules"))
        options = ["--rootfs", tree, "--arg", "--backend-sealed-only"]
        for name in MODULES:
            file = next(file for file in there if file[3:] == name + ".ko")
            options += ["--module", os.path.join(self.directory, "modules", file)]
        for name, *arguments in (
            ("nsm=/bin/software_nsm", "--cuse", "--state", "/state", "--pcr", "0=" + PCR0),
            ("killer=/bin/exercise", "killer", str(KILL_PORT), "signer.py"),
        ):
            options += ["--service", name, *["--arg=" + argument for argument in arguments]]
        path = os.path.join(self.bench.directory, "signer.eif")
        programs = os.path.dirname(material.built("enclave_image"))
        server = material.program("enclave_app")
        kernel = os.path.join(self.directory, "vmlinuz")
        begun = time.monotonic()
        material.call("env", "PATH=%s:%s" % (programs, os.environ["PATH"]), os.path.join(EXAMPLE, "build-image"),
                      kernel, server, path, *options)
        material.note("image with Python: %d bytes, built in %.1f s" % (os.path.getsize(path), time.monotonic() - begun))
        return material.Image(path, {})

    def ask(self, name, to=HOST, sealed="--sealed --root /root.pem --pcr 0=" + PCR0):
        """The reply to a request from the parent instance, or the code of its error."""
        command = "vsock_client --json %s %s --timeout 120 --request @/%s.json 2>/tmp/client"
        result = self.parent.run(command % (to, sealed, name), 150)
        self.assertTrue(result.output, self.parent.run("cat /tmp/client").output)
        reply = json.loads(result.output)
        if result.status == 0:
            return reply
        inner = re.search(r"\[(\w+)\]$", reply["error"])
        return inner[1] if inner else reply["error_code"]

    def test_life(self):
        self.enclave.expect("event=listening", 200)
        material.note("QEMU start to enclave_app in front of Python: %.1f s" % self.enclave.elapsed())
        self.refuses_in_clear()
        self.uses_the_secret()
        self.relays()
        self.comes_back()
        self.assertGreater(len(self.bridge.carried), 10000)
        for secret in (PASSWORD, signature("text"), "not_ready"):
            self.assertNotIn(secret.encode(), self.bridge.carried)
        self.gives_up()

    def refuses_in_clear(self):
        self.assertEqual(self.ask("sign", sealed=""), "sealed_required")
        self.assertIn(b'"sign"', self.bridge.carried)

    def uses_the_secret(self):
        self.assertEqual(self.ask("sign"), "not_ready")
        self.assertEqual(self.ask("password"), {"success": True})
        self.assertEqual(self.ask("sign"), {"success": True, "signature": signature("text")})

    def relays(self):
        self.parent.run("ifconfig lo up")
        self.parent.run("vsock_client --relay --listen %s %s >/tmp/relay 2>&1 &" % (RELAY, HOST))
        self.parent.run("for i in $(seq 300); do grep -q 'relay: from' /tmp/relay && break; sleep 0.1; done", 60)
        self.assertEqual(self.ask("sign", to="--connect " + RELAY), {"success": True, "signature": signature("text")})

    def comes_back(self):
        """The application is killed: a clear code until it is back, without what it knew."""
        start = len(self.enclave.output)
        with self.link.connect_soon(CID, KILL_PORT):
            self.enclave.expect(r"signer was killed by signal 9 \(Killed\); restart 1 of 5 in 250 ms", 60, start)
            self.assertEqual(self.ask("sign"), "backend_unavailable")
        self.enclave.expect("^enclave_init: started signer as user 1000, group 1000", 60, start)
        deadline = time.monotonic() + 60
        while (code := self.ask("sign")) == "backend_unavailable":
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(code, "not_ready")
        self.assertEqual(self.ask("password"), {"success": True})
        self.assertEqual(self.ask("sign")["signature"], signature("text"))

    def gives_up(self):
        """Killed again and again, the application ends the enclave."""
        for _ in range(12):
            start = len(self.enclave.output)
            self.link.connect_soon(CID, KILL_PORT).close()
            end = self.enclave.expect(r"signer was killed.*(giving up after 5 restarts|restart . of 5 in)", 60, start)
            if re.match("giving up", end[1]):
                break
            self.enclave.expect("^enclave_init: started signer", 60, start)
        else:
            self.fail("it never gave up")
        self.enclave.expect("^enclave_init: the enclave ends", 60)
        self.assertEqual(self.enclave.wait(60), 0)
