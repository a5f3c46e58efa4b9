# SPDX-License-Identifier: Apache-2.0
"""Inside the enclave: documents and key pairs."""

import base64
import os
import pathlib
import shutil
import subprocess

import enclave_app
import harness
import support
import vsattest


class Documents(support.EnclaveTestCase):
    def setUp(self):
        super().setUp()
        self.start_nsm()

    def document(self, *arguments, **keywords):
        return enclave_app.get_attestation_document(*arguments, nsm=self.nsm, **keywords)

    def test_everything_in_it(self):
        pair = enclave_app.generate_ephemeral_keypair()
        document = self.document("data", b"\xff", pair.public_key)
        self.assertEqual(document[0], 0x84)
        result = vsattest.verify_attestation_document(document, roots=[pathlib.Path(self.root)])
        self.assertEqual(result["user_data"], b"data")
        self.assertEqual(result["nonce"], b"\xff")
        self.assertEqual(result["public_key"], pair.public_key)

    def test_none_is_not_empty(self):
        roots = [pathlib.Path(self.root)]
        nothing = vsattest.verify_attestation_document(self.document(), roots=roots)
        self.assertIsNone(nothing["user_data"])
        self.assertIsNone(nothing["nonce"])
        self.assertIsNone(nothing["public_key"])
        empty = vsattest.verify_attestation_document(self.document("", "", ""), roots=roots)
        self.assertEqual(empty["user_data"], b"")
        self.assertEqual(empty["nonce"], b"")
        self.assertEqual(empty["public_key"], b"")

    def test_the_same_in_c(self):
        done = harness.run([harness.example("attested_key"), self.nsm])
        self.assert_exit(done, 0)
        result = vsattest.verify_attestation_document(done.stdout, roots=[pathlib.Path(self.root)])
        self.assertEqual(len(result["public_key"]), 120)
        done = harness.run([harness.example("attested_key"), "unix:" + self.path("nothing")])
        self.assert_exit(done, 1)
        self.assertEqual(done.stdout, b"")

    def test_the_same_in_c_on_a_terminal(self):
        """Bytes that would garble the terminal are not printed there."""
        master, terminal = os.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([harness.example("attested_key"), self.nsm], stdout=terminal,
                              stderr=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
        os.close(terminal)
        self.assert_exit(done, 2)
        self.assertIn(b">document.cbor", done.stderr)

    def test_no_nsm(self):
        with self.assertRaises(vsattest.TransportError) as raised:
            enclave_app.get_attestation_document(nsm="unix:" + self.path("nothing"))
        self.assertEqual(raised.exception.error_code, "nsm_unreachable")
        with self.assertRaises(vsattest.TransportError) as raised:
            enclave_app.get_attestation_document(nsm=self.path("no-device"))
        self.assertEqual(raised.exception.error_code, "nsm_unreachable")

    def test_arguments(self):
        for arguments in (("x" * 1025,), ("", "x" * 1025), ("", "", b"x" * 1025)):
            with self.assertRaises(vsattest.UsageError):
                self.document(*arguments)
        for arguments in ((5,), ("", 5.5), ("", "", [])):
            with self.assertRaises(vsattest.WrongTypeError):
                self.document(*arguments)
        for nsm in ("", "relative", "unix:", "/dev/\0nsm"):
            with self.assertRaises(vsattest.UsageError):
                enclave_app.get_attestation_document(nsm=nsm)
        with self.assertRaises(vsattest.WrongTypeError):
            enclave_app.get_attestation_document(nsm=None)


class KeyPairs(harness.TestCase):
    def test_every_pair_is_new(self):
        one, other = (enclave_app.generate_ephemeral_keypair() for _ in range(2))
        self.assertNotEqual(one.private_key, other.private_key)
        self.assertNotEqual(one.public_key, other.public_key)

    def test_forms(self):
        pair = enclave_app.generate_ephemeral_keypair()
        private_key, public_key = pair
        self.assertEqual((private_key, public_key), (pair.private_key, pair.public_key))
        self.assertEqual(len(public_key), 120)
        for label, pem, der in (("PRIVATE", pair.private_key_pem, private_key),
                                ("PUBLIC", pair.public_key_pem, public_key)):
            begin, *lines, end, nothing = pem.split("\n")
            self.assertEqual(begin, f"-----BEGIN {label} KEY-----")
            self.assertEqual(end, f"-----END {label} KEY-----")
            self.assertEqual(nothing, "")
            self.assertEqual(base64.b64decode("".join(lines)), der)

    def test_private_half_is_not_shown(self):
        pair = enclave_app.generate_ephemeral_keypair()
        for text in (repr(pair), str(pair)):
            self.assertNotIn("private", text)
            self.assertNotIn(repr(pair.private_key)[2:-1], text)

    def test_openssl_reads_it(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl program")
        pair = enclave_app.generate_ephemeral_keypair()
        done = harness.run(["openssl", "pkey", "-pubout", "-outform", "DER"],
                           stdin=pair.private_key_pem.encode())
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, pair.public_key)
        done = harness.run(["openssl", "pkey", "-pubin", "-text", "-noout"],
                           stdin=pair.public_key_pem.encode())
        self.assert_exit(done, 0)
        self.assertIn(b"P-384", done.stdout)
