# SPDX-License-Identifier: Apache-2.0
"""examples/services: each application behind a server with a software NSM, and its image."""

import hashlib
import hmac
import json
import os
import platform
import shutil
import subprocess
import sys
import unittest

import harness
import test_enclave_image as image
import test_server

HERE = os.path.join(harness.SOURCE, "examples", "services")


def need(*programs):
    """Skips the test where one of them is not installed."""
    for name in programs:
        if not shutil.which(name):
            raise unittest.SkipTest("no %s on this machine" % name)


class ServiceTestCase(test_server.ServerTestCase):
    def start(self):
        self.backend_path = self.path("backend")
        self.start_nsm()
        self.run_service()
        self.start_server("--backend", "unix:" + self.backend_path)

    def run_service(self):
        raise unittest.SkipTest("not a service")

    def image_tree(self, name):
        """{path: (mode, data)} of the second ramdisk that the service's script builds."""
        init = os.path.join(harness.BUILD, "src", "enclave_init", "enclave_init")
        if not os.path.exists(init) or platform.machine() != "x86_64":
            self.skipTest("no static program for x86_64 in this build")
        kernel, server, output = self.path("kernel"), self.path("enclave_app"), self.path("x.eif")
        with open(kernel, "wb") as file:
            file.write(image.BZIMAGE)
        shutil.copy(init, server)
        programs = os.path.dirname(harness.program("enclave_image"))
        environment = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
        script = os.path.join(HERE, name, "build-image")
        done = subprocess.run([script, kernel, server, output], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300, check=False)
        self.assert_exit(done, 0)
        with open(output, "rb") as file:
            found = image.cpio(image.sections(file.read())[4][1], {})
        self.assertEqual(list(json.loads(done.stdout)), ["Measurements"])
        return found


class Python(ServiceTestCase):
    def run_service(self):
        script = os.path.join(HERE, "python", "signer.py")
        self.service([sys.executable, script, self.backend_path], wait_for=self.backend_path)

    def test_clear(self):
        """What must come sealed is refused in clear, and without a password there is no signature."""
        self.assert_code(self.ask({"command": "set_password", "password": "x"}), "sealed_required")
        self.assert_code(self.ask({"command": "sign", "message": "x"}), "not_ready")
        self.assert_code(self.ask({"command": "sign", "message": 1}), "field_invalid")
        self.assert_code(self.ask({"command": "nothing"}), "unknown_command")

    def test_sealed(self):
        """The password gets in, and only what is made of it comes out."""
        self.assertEqual(self.sealed({"command": "set_password", "password": "correct horse"}), {"success": True})
        key = hashlib.pbkdf2_hmac("sha256", b"correct horse", b"examples/services/python", 100000)
        reply = self.sealed({"command": "sign", "message": "text"})
        self.assertEqual(reply["signature"], hmac.new(key, b"text", "sha256").hexdigest())
        self.assertIn("another password", self.sealed({"command": "set_password", "password": "x"}, status=1))

    def test_image(self):
        found = self.image_tree("python")
        services = found["services"][1].decode().splitlines()
        self.assertEqual(services[:4], ["name signer", "user 1000:1000", "socket /run/signer/socket",
                                        "env PYTHONDONTWRITEBYTECODE=1"])
        self.assertEqual(services[5:], ["arg /app/signer.py", "arg /run/signer/socket"])
        self.assertIn("rootfs/app/signer.py", found)
        self.assertEqual(found["user"][1], b"1000:1000\n")


class Go(ServiceTestCase):
    def run_service(self):
        need("go")
        program = self.path("notes")
        environment = {**os.environ, "CGO_ENABLED": "0"}
        built = subprocess.run(["go", "build", "-o", program, "."], cwd=os.path.join(HERE, "go"), env=environment,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        self.assert_exit(built, 0)
        self.service([program, self.backend_path], wait_for=self.backend_path)

    def test_clear(self):
        self.assert_code(self.ask({"command": "put", "note": "x"}), "sender_unknown")
        self.assert_code(self.ask({"command": "get"}), "sender_unknown")

    def test_sealed(self):
        """Each sender has a note; without a signature there is none."""
        need("openssl")
        keys = []
        for name in ("one.key", "two.key"):
            keys.append(self.path(name))
            subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", keys[-1]],
                           check=True, capture_output=True, timeout=60)
        for key, note in zip(keys, ("first", "second")):
            self.assertEqual(self.sealed({"command": "put", "note": note}, "--sign-key", key), {"success": True})
        for key, note in zip(keys, ("first", "second")):
            self.assertEqual(self.sealed({"command": "get"}, "--sign-key", key), {"success": True, "note": note})
        self.assertIn("sender_unknown", self.sealed({"command": "get"}, status=1))
        # encoding/json ignores the case of members: by that no client may name another one's key.
        public = subprocess.run(["openssl", "pkey", "-in", keys[0], "-pubout", "-outform", "DER"], check=True,
                                capture_output=True, timeout=60).stdout
        forged = {"sender": hashlib.sha384(public).hexdigest()}
        for member in ("VSATTEST", "v\u017fattest"):
            self.assertIn("field_invalid", self.sealed({"command": "get", member: forged}, status=1))
            self.assert_code(self.ask({"command": "get", member: forged}), "field_invalid")

    def test_image(self):
        found = self.image_tree("go")
        self.assertEqual(found["rootfs/bin/notes"][0], 0o100755)
        self.assertIn(b"arg /bin/notes\narg /run/notes/socket\n", found["services"][1])


class Shell(ServiceTestCase):
    def run_service(self):
        need("socat", "jq")
        self.service([os.path.join(HERE, "shell", "dice"), self.backend_path], wait_for=self.backend_path)

    def test_dice(self):
        rolled = [self.ask({"command": "roll", "id": n}) for n in range(10)]
        for n, reply in enumerate(rolled):
            self.assertEqual((reply["success"], reply["id"], reply["sealed"]), (True, n, False))
            self.assertIn(reply["rolled"], range(1, 7))
        self.assertEqual(self.ask({"command": "roll", "sides": 1})["rolled"], 1)
        for sides in (0, 1001, 1.5, "6", [6], {"a": "$(id)"}, -1):
            self.assert_code(self.ask({"command": "roll", "sides": sides}), "field_invalid")
        self.assert_code(self.ask({"command": "`id`"}), "unknown_command")

    def test_image(self):
        found = self.image_tree("shell")
        self.assertEqual(found["rootfs/app/dice"][0], 0o100755)
        self.assertIn(b"arg /app/dice\narg /run/dice/socket\n", found["services"][1])


if __name__ == "__main__":
    unittest.main()
