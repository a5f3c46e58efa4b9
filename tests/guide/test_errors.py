# SPDX-License-Identifier: Apache-2.0
"""The guide's table of errors and the messages: each row's error is made, and has the row's words."""

import base64
import os
import re
import unittest

import harness
import support

HOUR = 3600
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def table():
    """error_code -> what to do, by the guide."""
    with open(os.path.join(harness.SOURCE, "docs", "GUIDE.md"), encoding="utf-8") as file:
        section = file.read().split("### Not verified\n")[1].split("\n#")[0]
    return {code: do for code, _, do in ROW.findall(section) if code != "error_code"}


class Errors(support.EnclaveTestCase):
    def attest(self, name):
        self.start_server(name=name + ".sock")
        path = self.path(name)
        done = self.client("--connect", self.enclave, "--attest", "--nonce", "mine", "--user-data",
                           "ours", "--save", path)
        self.assert_exit(done, 0)
        return path

    def debug_document(self):
        """One of an enclave in debug mode, under the same root."""
        self.nsm_service.end()
        os.unlink(self.path("nsm"))
        self.start_nsm("--debug-mode")
        return self.attest("debug")

    def verifier(self, *options):
        return harness.run([harness.program("verifier"), "--json", *options])

    def made(self):
        """error_code -> the verifier's options that bring it about, exit status 1 or 2."""
        self.start_nsm()
        path = self.attest("document")
        good = support.strict_json(self.verifier("--root", self.root, path).stdout)
        now = good["timestamp"] / 1000
        trusted = ("--root", self.root, path)
        return {
            "pcr_mismatch": ("--pcr", "0=" + "ee" * 48, *trusted),
            "pcr_missing": ("--pcr", "31=" + "ee" * 48, *trusted),
            "policy_pcr_invalid": ("--pcr", "0=" + "00" * 48, *trusted),
            "nonce_mismatch": ("--nonce", "other", *trusted),
            "user_data_mismatch": ("--user-data", "else", *trusted),
            "public_key_mismatch": ("--public-key", self.root_as_key(), *trusted),
            "instance_mismatch": ("--instance-id", "i-00000000000000000", *trusted),
            "document_too_old": ("--at", str(int(now) + 400), *trusted),
            "document_from_future": ("--at", f"{now - 1:.3f}", "--max-skew", "0", *trusted),
            "certificate_expired": ("--at", str(int(now) + 24 * HOUR), *trusted),
            "certificate_not_yet_valid": ("--at", str(int(now) - 24 * HOUR), *trusted),
            "untrusted_root": (path,),
            "signature_invalid": ("--root", self.root, self.changed(path)),
            "debug_mode": ("--root", self.root, self.debug_document()),
        }

    def root_as_key(self):
        path = self.path("key")
        with open(path, "wb") as file:
            file.write(b"\x30\x00")
        return path

    def changed(self, path):
        """The document with another signature, which is its end."""
        with open(path, "rb") as file:
            document = bytearray(base64.b64decode(file.read()))
        document[-1] ^= 1
        path = self.path("changed")
        with open(path, "wb") as file:
            file.write(document)
        return path

    def check(self, code, options, words):
        done = self.verifier(*options)
        result = self.json_of(done, 2 if code.startswith("policy_") else 1)
        self.assertEqual(result["error_code"], code, result)
        self.assertIn(words, result["verification_error"], "GUIDE.md says otherwise")
        # The rule's name, if there is one, is the last.
        rule = re.search(r" \((AWS|RFC)[^()]*(\([^()]*\)){0,2}\)", result["verification_error"])
        if rule:
            self.assertTrue(result["verification_error"].endswith(rule.group()), result)

    def test_each_row(self):
        rows = table()
        made = self.made()
        self.assertEqual(sorted(rows), sorted(made), "a row without its error, or the reverse")
        for code, options in made.items():
            with self.subTest(code):
                self.check(code, options, rows[code])


if __name__ == "__main__":
    unittest.main()
