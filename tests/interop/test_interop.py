# SPDX-License-Identifier: Apache-2.0
"""Sealed requests of implementations that this project did not write, to a live server; and our client's
requests, to keys of theirs.

Each peer gets the key configuration of a document that vsock_client has verified, and knows the rest
from docs/PROTOCOL.md. Go's standard library needs a toolchain only; `scripts/deps interop` installs
@hpke/core and pyhpke.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import unittest

import harness
import support

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"),
                     "vsattest", "interop")
PURPOSE = b"\0vsattest\0seal\0\1"
KEMS = {"x25519": "0x20", "p384": "0x11"}
SEALER = os.path.join(harness.BUILD, "tests", "interop", "seal_for_peer")


def need(path):
    if not os.path.exists(path):
        raise unittest.SkipTest(f"no {os.path.basename(path)}: scripts/deps interop gets it")
    return path


class Interop(support.EnclaveTestCase):
    def key_config(self, kem):
        """Starts an enclave; returns the configuration of its key, from the signed document."""
        self.start_enclave()
        self.enclave_service.end()
        os.unlink(self.path("enclave"))
        self.start_server(f"--seal={kem}", "--seal-rate-limit=0")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path("enclave"))
            client.sendall(b'{"command":"seal_key","nonce":"interop"}\n')
            reply = json.loads(client.makefile("rb").readline())
        done = harness.run([harness.program("verifier"), "--json", "--root", self.root, "--nonce=interop"],
                           stdin=reply["attestation_document"].encode())
        self.assert_exit(done, 0)
        user_data = base64.b64decode(json.loads(done.stdout)["user_data_base64"])
        self.assertTrue(user_data.startswith(PURPOSE))
        return user_data[len(PURPOSE):].hex()

    def check(self, command, count, environment=None):
        for kem in KEMS:
            with self.subTest(kem=kem):
                arguments = [self.path("enclave"), self.key_config(kem), str(count)]
                done = harness.run([*command, *arguments], timeout=240, env=environment)
                self.assert_exit(done, 0)
                self.assertEqual(done.stdout.strip(), str(count).encode())
                self.enclave_service.stop()
                self.nsm_service.stop()
        self.check_opening(command, count, environment)

    def check_opening(self, command, count, environment):
        """The peer opens what our client seals, and our client the replies that the peer seals."""
        self.start_nsm()
        for kem, number in KEMS.items():
            with self.subTest(kem=kem, opens="peer"):
                peer = self.service([*command, "open", number], stdin=subprocess.PIPE, env=environment)
                config = peer.process.stdout.readline().decode().strip()
                self.assertTrue(config.startswith("07"), peer.log())
                done = subprocess.run([SEALER, self.nsm, self.root, config, str(count)], timeout=240, check=False,
                                      stdin=peer.process.stdout, stdout=peer.process.stdin, stderr=subprocess.PIPE)
                peer.process.stdin.close()
                self.assertEqual((done.returncode, done.stderr.decode(), peer.wait()), (0, str(count), 0), peer.log())

    def test_go(self):
        go = shutil.which("go")
        if not go:
            self.skipTest("no Go")
        version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=60, check=False)
        digits = version.stdout.strip().removeprefix("go").split(".")
        if tuple(int(part) if part.isdigit() else 0 for part in digits[:2]) < (1, 26):
            self.skipTest(f"Go {version.stdout.strip()} has no crypto/hpke, which 1.26 has")
        peer = self.path("peer")
        done = harness.run([go, "build", "-C", os.path.join(HERE, "go"), "-o", peer], timeout=240,
                           env={"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"})
        self.assert_exit(done, 0)
        self.check([peer], 1000)

    def test_node(self):
        node = shutil.which("node")
        if not node:
            self.skipTest("no Node.js")
        need(os.path.join(CACHE, "node", "node_modules", "@hpke", "core"))
        self.check([node, os.path.join(HERE, "peer.mjs")], 200, {"VSA_INTEROP_NODE": os.path.join(CACHE, "node")})

    def test_python(self):
        need(os.path.join(CACHE, "python", "pyhpke"))
        self.check([sys.executable, os.path.join(HERE, "peer.py")], 200, {"PYTHONPATH": os.path.join(CACHE, "python")})
