# SPDX-License-Identifier: Apache-2.0
"""verifier with AWS's own documents: input forms, options, policy, output, exit statuses."""

import base64
import hashlib
import json
import os
import subprocess
import unittest

import harness
import support

VERIFIER = harness.program("verifier")
# A production document with user data and a nonce that are text.
SAMPLE = "production-2023-user-data-290.bin"
SAMPLE_TIME = 1695899307
SAMPLE_TIMESTAMP_MS = 1695899307117
SAMPLE_NONCE = "e7b4c7e77c9f69fa6f02d3c87796f541"
WITH_KEY = "production-2024-public-key-64.bin"
WITH_KEY_TIME = 1734075478
DEBUG = "debug-2024-all-fields.bin"
DEBUG_TIME = 1706120065


def document(name):
    path = os.path.join(harness.documents(), name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{name} is not among the documents that can be fetched")
    return path


def contents(name):
    with open(document(name), "rb") as file:
        return file.read()


def measurements():
    with open(
        harness.shared("testdata", "pcrs", "measurements-of-documents.json"), encoding="utf-8"
    ) as file:
        return json.load(file)


class VerifierTestCase(support.EnclaveTestCase):
    def verifier(self, *options, **keywords):
        return harness.run([VERIFIER, *options], **keywords)

    def accepts(self, *options, **keywords):
        result = self.json_of(self.verifier("--json", *options, **keywords), 0)
        self.assertEqual(result["verification_status"], "SUCCESS")
        return result

    def refuses(self, status, code, *options, **keywords):
        """Fails so, in JSON as for people, and shows nothing of the document."""
        done = self.verifier("--json", *options, **keywords)
        result = self.json_of(done, status)
        self.assertEqual(
            sorted(result), ["error_code", "verification_error", "verification_status"]
        )
        self.assertEqual(result["verification_status"], "FAILED")
        self.assertEqual(result["error_code"], code, result["verification_error"])
        self.assertIn(result["verification_error"].encode(), done.stderr)
        plain = self.verifier(*options, **keywords)
        self.assert_exit(plain, status)
        self.assertEqual(plain.stdout, b"")
        self.assertIn(result["verification_error"].encode(), plain.stderr)
        return result["verification_error"]

    def write(self, name, data):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(data)
        return path


class RealDocuments(VerifierTestCase):
    """Every document of the collection gets the verdict of its manifest."""

    REASONS = {
        "malformed": (4, None),
        "signature": (1, "signature_invalid"),
        "untrusted-root": (1, "untrusted_root"),
        "nitrotpm_document": (4, "nitrotpm_document"),
    }

    def setUp(self):
        super().setUp()
        with open(os.path.join(harness.documents(), "manifest.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        self.assertIn(len(self.manifest), (22, 6))
        for entry in self.manifest:
            digest = hashlib.sha256(contents(entry["file"])).hexdigest()
            self.assertEqual(digest, entry["sha256"])

    def verify(self, entry, *options):
        done = self.verifier("--json", *options, document(entry["file"]))
        return done.returncode, support.strict_json(done.stdout)

    def check_rejected(self, entry, *options):
        status, code = self.REASONS[entry["reject_reason"]]
        exit_status, result = self.verify(entry, *options)
        self.assertEqual(exit_status, status, result)
        self.assertEqual(result["verification_status"], "FAILED")
        if code:
            self.assertEqual(result["error_code"], code, result)

    def check_accepted(self, entry, debug, *options):
        exit_status, result = self.verify(entry, *options)
        self.assertEqual(exit_status, 0, result)
        self.assertEqual(result["verification_status"], "SUCCESS")
        self.assertIs(result["debug_mode"], debug)
        self.assertEqual(result["digest"], "SHA384")
        self.assertEqual(result["timestamp"] // 1000, entry["document_time_unix_s"])
        self.assertEqual(len(result["pcrs"]), int(entry["pcr_count"]))
        nonzero = [index for index, value in result["pcrs"].items() if int(value, 16)]
        self.assertEqual(",".join(nonzero), entry["nonzero_pcrs"])
        self.assertEqual(result["certificate"]["not_after"], entry["leaf_not_after"])
        self.assertEqual(result["pcrs_checked"], [])
        for name, key in (
            ("public_key", "public_key"),
            ("user_data", "user_data_base64"),
            ("nonce", "nonce_base64"),
        ):
            size = entry[name + "_bytes"]
            if size == "null":
                self.assertIsNone(result[key])
            else:
                self.assertEqual(len(base64.b64decode(result[key], validate=True)), int(size))

    def test_at_document_time(self):
        for entry in self.manifest:
            at = f"--at={entry['document_time_unix_s'] or 1767472867}"
            with self.subTest(entry["file"]):
                if entry["verdict_at_document_time"] == "accept":
                    self.check_accepted(entry, False, at)
                elif entry["verdict_at_document_time"] == "accept-debug":
                    exit_status, result = self.verify(entry, at)
                    self.assertEqual((exit_status, result["error_code"]), (1, "debug_mode"))
                else:
                    self.check_rejected(entry, at)

    def test_at_document_time_with_debug_allowed(self):
        for entry in self.manifest:
            at = f"--at={entry['document_time_unix_s'] or 1767472867}"
            with self.subTest(entry["file"]):
                if entry["verdict_at_document_time"] == "reject":
                    self.check_rejected(entry, at, "--allow-debug")
                else:
                    debug = entry["verdict_at_document_time"] == "accept-debug"
                    self.check_accepted(entry, debug, at, "--allow-debug")

    def test_today(self):
        for entry in self.manifest:
            with self.subTest(entry["file"]):
                self.assertEqual(entry["verdict_now"], "reject")
                # The rest come after the certificates, which are too old first.
                if entry.get("reject_reason") in ("malformed", "nitrotpm_document",
                                                  "untrusted-root"):
                    self.check_rejected(entry, "--allow-debug")
                    continue
                exit_status, result = self.verify(entry, "--allow-debug")
                self.assertEqual(result["verification_status"], "FAILED")
                self.assertEqual((exit_status, result["error_code"]), (1, "certificate_expired"))

    def test_measurements_of_each(self):
        """The PCRs that the collection names, from a file as nitro-cli prints it."""
        checked = 0
        expected = measurements()
        for entry in self.manifest:
            if entry["verdict_at_document_time"] != "accept" or entry["file"] not in expected:
                continue
            with self.subTest(entry["file"]):
                own = expected[entry["file"]]
                path = self.write("measurements.json", json.dumps(own).encode())
                at = f"--at={entry['document_time_unix_s']}"
                exit_status, result = self.verify(entry, at, "--measurements", path)
                self.assertEqual(exit_status, 0, result)
                indexes = [int(key[3:]) for key in own["Measurements"] if key.startswith("PCR")]
                self.assertEqual(result["pcrs_checked"], sorted(indexes))
                own["Measurements"]["PCR0"] = "11" * 48
                path = self.write("measurements.json", json.dumps(own).encode())
                exit_status, result = self.verify(entry, at, "--measurements", path)
                self.assertEqual((exit_status, result["error_code"]), (1, "pcr_mismatch"))
                checked += 1
        self.assertGreaterEqual(checked, 8)

    def test_govcloud_and_foreign_roots_are_no_anchors_of_these(self):
        """More roots make nothing else acceptable: the chain decides."""
        for root in ("aws-us-gov-root.pem", "foreign-root.crt"):
            self.refuses(
                1, "signature_invalid",
                "--at=1721770180", "--allow-debug",
                "--root", harness.shared("testdata", "roots", root),
                document("bad-cose-signature.bin"),
            )


class Input(VerifierTestCase):
    """Raw or base64, file or standard input."""

    AT = f"--at={SAMPLE_TIME}"

    def forms(self):
        raw = contents(SAMPLE)
        text = base64.b64encode(raw)
        return {
            "raw": raw,
            "one line": text,
            "one line and newline": text + b"\n",
            "wrapped": base64.encodebytes(raw),
            "wrapped with carriage returns": base64.encodebytes(raw).replace(b"\n", b"\r\n"),
            "spaces around": b" \n\t" + text + b"\n\n",
            "base64url without padding": base64.urlsafe_b64encode(raw).rstrip(b"="),
            "hexadecimal": raw.hex().encode() + b"\n",
            "hexadecimal with 0x": b"0x" + raw.hex().upper().encode(),
            "quoted": b'"' + text + b'"\n',
            "UTF-16, as PowerShell writes it": "\ufeff".encode("utf-16-le")
            + (text.decode() + "\r\n").encode("utf-16-le"),
            "vsock_client --attest --json": json.dumps(
                {"success": True, "attestation_document": text.decode(), "nonce": "\0"}
            ).encode(),
            "JSON of other services": b'{"attestation": "' + text + b'"}',
        }

    def test_forms(self):
        expected = self.accepts(self.AT, document(SAMPLE))
        for name, data in self.forms().items():
            with self.subTest(name):
                path = self.write("document", data)
                self.assertEqual(self.accepts(self.AT, path), expected)
                self.assertEqual(self.accepts(self.AT, "-", stdin=data), expected)
                self.assertEqual(self.accepts(self.AT, stdin=data), expected)

    def test_options_may_follow_the_file(self):
        done = self.verifier(document(SAMPLE), self.AT, "--json")
        self.json_of(done, 0)

    def test_files_of_options_that_are_missing(self):
        for option in ("--root", "--measurements", "--public-key"):
            done = self.verifier(option, self.path("missing"), document(SAMPLE))
            self.assert_exit(done, 2)
            self.assertRegex(done.stderr.decode(), f"{option}( .*)?: cannot open {self.path('missing')}: ")

    def test_file_named_like_an_option(self):
        path = self.write("--json", contents(SAMPLE))
        done = self.verifier(self.AT, "--", os.path.basename(path), cwd=self.directory)
        self.assert_exit(done, 0)
        self.assertIn(b"Verified", done.stdout)

    def test_unreadable(self):
        missing = self.refuses(3, "io_error", self.path("missing"))
        self.assertIn("No such file", missing)
        self.refuses(3, "io_error", self.directory)

    def test_empty(self):
        self.refuses(4, "empty_input", self.write("empty", b""))
        self.refuses(4, "empty_input", self.write("blank", b" \n\n"))
        self.refuses(4, "empty_input", stdin=b"")

    def test_malformed_names_what_makes_a_document(self):
        """The rule of CBOR or base64 that is broken does not help who took the wrong file."""
        cut = base64.b64encode(contents(SAMPLE))[:1000]
        for data in (cut, b"hello", b"\x84", b"{}"):
            done = self.verifier(self.write("malformed", data))
            self.assert_exit(done, 4)
            self.assertIn(b"vsock_client --attest --save FILE", done.stderr, data)
            self.assertIn(b"--archive FILE", done.stderr, data)
        done = self.verifier(document(SAMPLE))
        self.assert_exit(done, 1)
        self.assertNotIn(b"--save", done.stderr)

    def test_too_large(self):
        self.refuses(4, "too_large", self.write("large", b"A" * (1024 * 1024 + 1)))
        self.refuses(4, "too_large", "/dev/zero")

    def test_garbage(self):
        self.refuses(4, "base64_invalid", stdin=b"hello, world!")
        self.refuses(4, "base64_invalid", stdin=base64.b64encode(contents(SAMPLE))[:401])
        self.refuses(4, "trailing_bytes", stdin=contents(SAMPLE) + b"\n")
        self.refuses(4, "cbor_malformed", stdin=contents(SAMPLE)[:-1])
        self.refuses(4, "cose_invalid", stdin=base64.b64encode(b"\x00"))

    def test_json_without_a_document(self):
        message = self.refuses(4, "json_invalid", stdin=b'{"document": "hEShATgi"}')
        self.assertIn("jq -r .KEY", message)

    def test_one_document_at_a_time(self):
        self.refuses(2, "invalid_argument", document(SAMPLE), document(SAMPLE))


class Policy(VerifierTestCase):
    def sample(self, *options):
        return (f"--at={SAMPLE_TIME}", *options, document(SAMPLE))

    def with_key(self, *options):
        return (f"--at={WITH_KEY_TIME}", *options, document(WITH_KEY))

    def test_nonce(self):
        for option in ("--nonce", "--expected-nonce"):
            self.accepts(*self.sample(option, SAMPLE_NONCE))
            self.refuses(1, "nonce_mismatch", *self.sample(option, SAMPLE_NONCE[:-1]))
            self.refuses(1, "nonce_mismatch", *self.sample(option, SAMPLE_NONCE + "0"))
        coded = base64.b64encode(SAMPLE_NONCE.encode()).decode()
        self.accepts(*self.sample("--nonce-base64", coded))
        self.refuses(1, "nonce_mismatch", *self.sample("--nonce-base64", "AAAA"))
        self.accepts(*self.sample("--nonce-hex", SAMPLE_NONCE.encode().hex().upper()))
        self.refuses(1, "nonce_mismatch", *self.sample("--nonce-hex", "00"))

    def test_absent_nonce(self):
        self.refuses(1, "nonce_mismatch", *self.with_key("--nonce", "x"))

    def test_user_data(self):
        user_data = self.accepts(*self.sample())["user_data"]
        self.assertEqual(len(user_data), 290)
        for option in ("--user-data", "--expected-user-data"):
            self.accepts(*self.sample(option, user_data))
            self.refuses(1, "user_data_mismatch", *self.sample(option, user_data[:-1]))
        coded = base64.b64encode(user_data.encode()).decode()
        self.accepts(*self.sample("--user-data-base64", coded))
        # Empty is a value; absent is none.
        self.refuses(1, "user_data_mismatch", *self.sample("--user-data", ""))
        self.refuses(1, "user_data_mismatch", *self.with_key("--user-data", ""))

    def test_public_key(self):
        key = base64.b64decode(self.accepts(*self.with_key())["public_key"])
        self.assertEqual(len(key), 64)
        self.accepts(*self.with_key("--public-key", self.write("key", key)))
        wrong = self.write("wrong", key[:-1] + b"x")
        self.refuses(1, "public_key_mismatch", *self.with_key("--public-key", wrong))
        self.refuses(1, "public_key_mismatch", *self.sample("--public-key", wrong))

    def test_public_key_in_pem(self):
        result = self.accepts(f"--at={DEBUG_TIME}", "--allow-debug", document(DEBUG))
        body = base64.encodebytes(base64.b64decode(result["public_key"])).decode()
        pem = f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"
        options = (f"--at={DEBUG_TIME}", "--allow-debug", document(DEBUG), "--public-key")
        self.accepts(*options, self.write("key.pem", pem.encode()))
        self.refuses(2, "base64_invalid", *options, self.write("cut", pem[:-20].encode()))
        self.refuses(2, "base64_invalid", *options, self.write("bad", pem.replace("M", "*").encode()))

    def test_pcrs(self):
        pcrs = self.accepts(*self.sample())["pcrs"]
        options = [f"--pcr={index}={pcrs[index]}" for index in ("0", "1", "4")]
        self.assertEqual(self.accepts(*self.sample(*options))["pcrs_checked"], [0, 1, 4])
        upper = f"--pcr=2={pcrs['2'].upper()}"
        self.assertEqual(self.accepts(*self.sample(upper))["pcrs_checked"], [2])
        self.refuses(1, "pcr_mismatch", *self.sample(f"--pcr=1={pcrs['0']}", *options[:1]))
        self.refuses(1, "pcr_missing", *self.sample(f"--pcr=31={pcrs['0']}"))
        # The same twice is one expectation, two values are a contradiction.
        self.accepts(*self.sample(options[0], options[0]))
        self.refuses(
            2, "policy_pcr_invalid", *self.sample(options[0], f"--pcr=0={pcrs['1']}")
        )

    def test_pcrs_and_measurements_together(self):
        pcrs = self.accepts(*self.sample())["pcrs"]
        path = self.write("m.json", json.dumps({"PCR0": pcrs["0"]}).encode())
        both = self.sample("--measurements", path, f"--pcr=4={pcrs['4']}")
        self.assertEqual(self.accepts(*both)["pcrs_checked"], [0, 4])
        contradiction = self.sample("--measurements", path, f"--pcr=0={pcrs['4']}")
        self.refuses(2, "policy_pcr_invalid", *contradiction)

    def image(self, entry=SAMPLE):
        """PCR0 to 2 of a document, as a bare object."""
        pcrs = measurements()[entry]["Measurements"]
        return {f"PCR{index}": pcrs[f"PCR{index}"] for index in range(3)}

    def test_any_of_several_measurements(self):
        """A list of releases, and a second file: one image matches, and the result names it."""
        own, other = self.image(), {f"PCR{index}": f"{index + 1:02x}" * 48 for index in range(3)}
        history = self.write("history.json", json.dumps(
            [{**other, "timestamp": 1736000000, "signature": "MGUCMQ=="}, {**own, "name": "v2"}]
        ).encode())
        single = self.write("single.json", json.dumps({"Measurements": other}).encode())
        result = self.accepts(*self.sample("--measurements", single, "--measurements", history))
        self.assertEqual(result["measurements"], {"file": history, "index": 1, "name": "v2"})
        self.assertEqual(result["pcrs_checked"], [0, 1, 2])
        text = self.verifier("--at", str(SAMPLE_TIME), "--measurements", history, document(SAMPLE))
        self.assertRegex(text.stdout.decode(), r'measurements +as expected +\S+history.json\[1\] "v2"')
        only = self.write("only.json", json.dumps(own).encode())
        result = self.accepts(*self.sample("--measurements", single, "--measurements", only))
        self.assertEqual(result["measurements"], {"file": only, "index": None, "name": None})
        self.assertIsNone(self.accepts(*self.sample("--pcr", f"0={own['PCR0']}"))["measurements"])

    def test_measurements_are_never_mixed(self):
        own = self.image()
        halves = [{**own, "PCR0": "11" * 48}, {**own, "PCR1": "22" * 48, "PCR2": "33" * 48}]
        path = self.write("halves.json", json.dumps(halves).encode())
        error = self.refuses(1, "pcr_mismatch", "--at", str(SAMPLE_TIME), "--measurements", path,
                             document(SAMPLE))
        self.assertIn("none of 2 measurements matches; in the closest, ", error)
        self.assertIn("[0], PCR0 differs: another image", error)

    def test_measurements_and_pcrs_must_both_hold(self):
        own = self.image()
        images = [own, {f"PCR{index}": "55" * 48 for index in range(3)}]
        path = self.write("two.json", json.dumps(images).encode())
        options = ("--measurements", path, "--at", str(SAMPLE_TIME))
        self.accepts(*options, "--pcr", f"0={own['PCR0']}", document(SAMPLE))
        # Possible, but not this document.
        self.refuses(1, "pcr_mismatch", *options, "--pcr", f"0={'55' * 48}", document(SAMPLE))
        # No document at all could be right.
        self.refuses(2, "policy_pcr_invalid", *options, "--pcr", f"0={'66' * 48}", document(SAMPLE))

    def test_lists_of_measurements_that_prove_nothing(self):
        own = self.image()
        for code, images in (
            ("policy_empty", []),
            ("policy_empty", [own, {}]),
            ("policy_pcr_invalid", [own, {"PCR3": "11" * 48}]),
            ("policy_pcr_invalid", [own, {f"PCR{index}": "00" * 48 for index in range(3)}]),
            ("too_many", [own] * 1025),
        ):
            with self.subTest(images=str(images)[:80], code=code):
                path = self.write("list.json", json.dumps(images).encode())
                self.refuses(2, code, "--at", str(SAMPLE_TIME), "--measurements", path,
                             document(SAMPLE))

    def test_instance(self):
        self.accepts(*self.sample("--instance-id", "i-015531f954c54297c"))
        self.refuses(
            1, "instance_mismatch", *self.sample("--instance-id", "i-015531f954c54297d")
        )

    def test_age(self):
        def at(milliseconds, *options):
            moment = SAMPLE_TIMESTAMP_MS + milliseconds
            return (f"--at={moment // 1000}.{moment % 1000:03d}", *options, document(SAMPLE))

        self.accepts(*at(300_000))
        self.refuses(1, "document_too_old", *at(300_001))
        self.accepts(*at(300_001, "--max-age=300.001"))
        self.refuses(1, "document_too_old", *at(1, "--max-age=0"))
        # Not to be tried with the past: the leaf begins 3 s before the document.
        self.accepts(*at(-2_000))
        self.refuses(1, "document_from_future", *at(-2_001, "--max-skew=2"))
        self.accepts(*at(-2_000, "--max-skew=2"))
        # The leaf begins 3 s before the document; a clock that is slow by less than the skew is fine.
        self.accepts(*at(-4_000))
        self.refuses(1, "certificate_not_yet_valid", "--max-skew=0", *at(-4_000))

    def test_time_forms(self):
        for text in (
            "2023-09-28T11:08:27Z",
            "2023-09-28T13:08:27+02:00",
            "2023-09-28T11:08:27.000Z",
            "1695899307",
            "1695899307.000",
        ):
            result = self.accepts("--at", text, document(SAMPLE))
            self.assertEqual(result["verified_at"], "2023-09-28T11:08:27Z")

    def test_added_root_keeps_aws(self):
        root = harness.shared("testdata", "roots", "aws_NitroEnclaves_Root-G1.pem")
        gov = harness.shared("testdata", "roots", "aws-us-gov-root.pem")
        self.accepts(*self.sample("--root", root, "--root", gov, "--root", root))


class Usage(VerifierTestCase):
    """Every wrong argument: exit status 2, and what to do."""

    def test_bad_values(self):
        text = self.write("text", b"hello")
        two = self.write(
            "two.json", json.dumps([{"PCR0": "11" * 48}, {"PCR0": "22" * 48}]).encode()
        )
        missing = self.path("missing")
        for code, options in (
            ("invalid_argument", ["--unknown"]),
            ("invalid_argument", ["-x"]),
            ("invalid_argument", ["--max"]),
            ("invalid_argument", ["--json=yes"]),
            ("invalid_argument", ["--nonce"]),
            ("invalid_argument", ["--nonce="]),
            ("invalid_argument", ["--nonce-base64="]),
            ("invalid_argument", ["--nonce=a", "--nonce=b"]),
            ("invalid_argument", ["--nonce=a", "--expected-nonce=a"]),
            ("invalid_argument", ["--nonce=a", "--nonce-base64=YQ=="]),
            ("invalid_argument", ["--nonce=a", "--nonce-hex=61"]),
            ("invalid_argument", ["--nonce-hex="]),
            ("invalid_argument", ["--nonce-hex=6"]),
            ("invalid_argument", ["--nonce-hex=0x61"]),
            ("invalid_argument", ["--nonce-hex", "61" * 1025]),
            ("invalid_argument", ["--at=documents"]),
            ("invalid_argument", ["--user-data", "x" * 1025]),
            ("base64_invalid", ["--user-data-base64=*"]),
            ("invalid_argument", ["--at=yesterday"]),
            ("invalid_argument", ["--at=2023-09-28"]),
            ("invalid_argument", ["--max-age=-1"]),
            ("invalid_argument", ["--max-age=1x"]),
            ("invalid_argument", ["--max-age="]),
            ("invalid_argument", ["--max-age= 1"]),
            ("invalid_argument", ["--max-age=0x10"]),
            ("invalid_argument", ["--max-age=1.0001"]),
            ("invalid_argument", ["--max-age=99999999999999999999"]),
            ("invalid_argument", ["--max-skew=1."]),
            ("invalid_argument", ["--pcr=0"]),
            ("invalid_argument", ["--pcr=32=" + "11" * 48]),
            ("invalid_argument", ["--pcr=-1=" + "11" * 48]),
            ("invalid_argument", ["--pcr==" + "11" * 48]),
            ("invalid_argument", ["--pcr=0=" + "11" * 47]),
            ("invalid_argument", ["--pcr=0=" + "11" * 49]),
            ("invalid_argument", ["--pcr=0=" + "1g" * 48]),
            ("policy_pcr_invalid", ["--pcr=0=" + "00" * 48]),
            ("invalid_argument", ["--instance-id=0123"]),
            ("invalid_argument", ["--instance-id=i-"]),
            ("io_error", ["--root", missing]),
            ("io_error", ["--measurements", missing]),
            ("io_error", ["--public-key", missing]),
            ("json_invalid", ["--measurements", text]),
            ("policy_empty", ["--measurements", self.write("e.json", b"{}")]),
            ("invalid_argument", ["--public-key", self.write("empty", b"")]),
        ):
            with self.subTest(options=options):
                self.refuses(2, code, *options, stdin=b"")

    def test_unfit_root(self):
        for data in (b"hello", b"", b"-----BEGIN CERTIFICATE-----\n"):
            done = self.verifier("--json", "--root", self.write("root", data), stdin=b"")
            result = self.json_of(done, 2)
            self.assertIn("--root", result["verification_error"])

    def test_leaf_is_no_root(self):
        """A certificate that is not a self-signed CA cannot be made an anchor."""
        raw = contents(SAMPLE)
        start = raw.index(b"certificate") + len(b"certificate")
        self.assertEqual(raw[start], 0x59)
        size = int.from_bytes(raw[start + 1 : start + 3], "big")
        leaf = self.write("leaf.der", raw[start + 3 : start + 3 + size])
        done = self.verifier("--json", "--root", leaf, stdin=b"")
        self.json_of(done, 2)

    def test_help_names_every_option(self):
        done = self.verifier("--help")
        self.assert_exit(done, 0)
        self.assertEqual(done.stderr, b"")
        for option in (
            "json at max-age max-skew user-data nonce public-key pcr measurements require-pcrs instance-id "
            "root allow-debug help version"
        ).split():
            self.assertIn(f"--{option} ".encode(), done.stdout + b" ")
        self.assertNotIn(b"--expected-", done.stdout)

    def test_version(self):
        done = self.verifier("--version")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, rb"^verifier \d+\.\d+\.\d+ \((OpenSSL|AWS-LC) \d[^()]*\)\n$")

    def test_full_disk_is_no_success(self):
        for options in (["--json"], []):
            with open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [VERIFIER, *options, f"--at={SAMPLE_TIME}", document(SAMPLE)],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=harness.PATIENCE,
                    check=False,
                )
            self.assertEqual(done.returncode, 3)
            self.assertIn(b"standard output", done.stderr)


class Output(VerifierTestCase):
    def test_golden_json(self):
        """Letter by letter: everything in the document, nothing volatile."""
        for name, at, options in (
            (SAMPLE, SAMPLE_TIME, []),
            (DEBUG, DEBUG_TIME, ["--allow-debug"]),
            ("production-2025-pcr16.bin", 1745922759, ["--pcr=16=" + SHA384_OF_HELLO]),
        ):
            with self.subTest(name):
                done = self.verifier("--json", f"--at={at}", *options, document(name))
                golden = "verifier-" + name.replace(".bin", ".json")
                result = self.json_of(done, 0)
                support.assert_golden(self, golden, result)
                with open(os.path.join(support.GOLDEN, golden), "rb") as file:
                    self.assertEqual(done.stdout, file.read())

    def test_for_people(self):
        pcrs = self.accepts(f"--at={SAMPLE_TIME}", document(SAMPLE))["pcrs"]
        done = self.verifier(
            f"--at={SAMPLE_TIME}", "--nonce", SAMPLE_NONCE, f"--pcr=0={pcrs['0']}", document(SAMPLE)
        )
        self.assert_exit(done, 0)
        text = done.stdout.decode()
        self.assertTrue(text.startswith("Verified: "))
        self.assertIn("i-015531f954c54297c-enc018adb700a324d32", text)
        self.assertRegex(text, rf'nonce +as expected +"{SAMPLE_NONCE}"')
        self.assertRegex(text, r"user data +not compared +\"")
        self.assertRegex(text, rf"PCR0 +as expected +{pcrs['0']}")
        self.assertRegex(text, rf"PCR1 +not compared +{pcrs['1']}")
        self.assertIn("as asked by --at", text)
        self.assertEqual(done.stderr, b"")

    def test_at_the_time_of_the_document(self):
        then = self.accepts(f"--at={SAMPLE_TIME}", document(SAMPLE))
        result = self.accepts("--at=document", document(SAMPLE))
        self.assertIs(result["at_document_time"], True)
        self.assertNotIn("at_document_time", then)
        self.assertEqual(result["verified_at"], result["document_time"])
        done = self.verifier("--at=document", document(SAMPLE))
        self.assertIn(b"the document's own, as asked by --at", done.stdout)
        self.refuses(1, "nonce_mismatch", "--at=document", "--nonce=x", document(SAMPLE))

    def test_a_document_of_the_past_says_its_time(self):
        done = self.verifier(document(SAMPLE))
        self.assert_exit(done, 1)
        made = self.accepts("--at=document", document(SAMPLE))["document_time"]
        self.assertIn(f"--at {made} (or --at document)", done.stderr.decode())
        self.accepts(f"--at={made}", document(SAMPLE))
        done = self.verifier("--at=2020-01-01T00:00:00Z", document(SAMPLE))
        self.assertNotIn(b"--at document", done.stderr)

    def test_milliseconds_are_named(self):
        message = self.refuses(2, "invalid_argument", "--at=1766650000123", document(SAMPLE))
        self.assertIn("milliseconds; in seconds that is --at 1766650000.123", message)

    def test_keys_in_another_form_are_named(self):
        for label, advice in (
            ("RSA PUBLIC KEY", "openssl rsa -RSAPublicKey_in -pubout"),
            ("CERTIFICATE", "openssl x509 -pubkey -noout"),
            ("PRIVATE KEY", "openssl pkey -pubout"),
        ):
            text = f"-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n"
            path = self.write("key.pem", text.encode())
            message = self.refuses(2, "invalid_argument", f"--public-key={path}", document(SAMPLE))
            self.assertIn(advice, message)

    def test_no_pcr_is_warned_of(self):
        for options in ([], ["--json"]):
            done = self.verifier(*options, f"--at={SAMPLE_TIME}", document(SAMPLE))
            self.assert_exit(done, 0)
            self.assertIn(b"warning: no PCR was checked", done.stderr)
            self.assertIn(b"--measurements", done.stderr)

    def test_pcr2_alone_is_warned_of(self):
        pcrs = self.accepts(f"--at={SAMPLE_TIME}", document(SAMPLE))["pcrs"]
        for indexes, warning in (
            ([2], b"only PCR2"),
            ([2, 4], b"only PCR2"),
            ([4], b"no PCR of the image"),
            ([0], None),
            ([1, 2], None),
        ):
            options = [f"--pcr={index}={pcrs[str(index)]}" for index in indexes]
            done = self.verifier("--json", f"--at={SAMPLE_TIME}", *options, document(SAMPLE))
            self.assert_exit(done, 0)
            if warning:
                self.assertIn(warning, done.stderr)
            else:
                self.assertEqual(done.stderr, b"")

    def test_nothing_to_compare(self):
        """--require-pcrs: an expectation that got lost on its way here does not pass."""
        error = self.refuses(2, "policy_empty", "--require-pcrs", "--nonce=x", document(SAMPLE))
        self.assertIn("--require-pcrs without --measurements FILE and --pcr 0=HEX", error)
        pcrs = self.accepts(f"--at={SAMPLE_TIME}", document(SAMPLE))["pcrs"]
        # The parent's role and instance are not the program.
        for index in ("3", "4"):
            value = pcrs[index] if index == "4" else "33" * 48
            error = self.refuses(2, "policy_empty", "--require-pcrs", f"--pcr={index}={value}",
                                 f"--at={SAMPLE_TIME}", document(SAMPLE))
            self.assertIn("expect its measurements, or PCR0, 1, 2 or 8", error)
        self.accepts("--require-pcrs", f"--pcr=4={pcrs['4']}", f"--pcr=1={pcrs['1']}",
                     f"--at={SAMPLE_TIME}", document(SAMPLE))

    def test_another_root_is_warned_of(self):
        self.start_nsm()
        self.start_server()
        path = self.path("document")
        done = self.client("--connect", self.enclave, "--attest", "--save", path)
        self.assert_exit(done, 0)
        options = ("--root", self.root, "--pcr", f"0={support.PCRS[0]}")
        self.assertIs(self.accepts(*options, path)["root"]["aws"], False)
        done = self.verifier(*options, path)
        self.assertIn(b"under a root certificate that is NOT AWS's", done.stdout.splitlines()[0])
        self.assertRegex(done.stderr, rb"^verifier: warning: the root certificate is not one of "
                                      rb"AWS's: .*; trusted only because of --root\n$")
        genuine = self.accepts("--root", self.root, f"--at={SAMPLE_TIME}", document(SAMPLE))
        self.assertIs(genuine["root"]["aws"], True)
        # The root that is missing is named only where none is given.
        self.assertIn(b"name its root: --root FILE", self.verifier(path).stderr)
        other = self.path("other.pem")
        self.service([harness.program("software_nsm"), "--listen", "unix:" + self.path("other"),
                      "--state", self.path("other-state"), "--root-out", other],
                     wait_for=self.path("other"))
        wrong = self.verifier("--root", other, path)
        self.assert_exit(wrong, 1)
        self.assertNotIn(b"name its root", wrong.stderr)
        self.assertIn(b"Nor is it under the --root given", wrong.stderr)

    def test_debug_mode_is_warned_of(self):
        done = self.verifier("--json", f"--at={DEBUG_TIME}", "--allow-debug", document(DEBUG))
        self.assert_exit(done, 0)
        self.assertIn(b"warning: the enclave runs in debug mode", done.stderr)
        plain = self.verifier(f"--at={DEBUG_TIME}", "--allow-debug", document(DEBUG))
        self.assertIn(b"DEBUG MODE", plain.stdout)


# PCR16 of that document: "hello" once extended (nitro-facts.md 9.2).
SHA384_OF_HELLO = (
    "30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73daf027980"
    "1bb18730c39db7f27f2f77b7b458cb9e"
)


class Example(VerifierTestCase):
    def test_verify_document(self):
        """examples/verify_document.c does what its header says."""
        run = lambda *arguments: harness.run([harness.example("verify_document"), *arguments])
        pcr0 = self.accepts(f"--at={SAMPLE_TIME}", document(SAMPLE))["pcrs"]["0"]
        done = run(document(SAMPLE), pcr0, SAMPLE_NONCE, str(SAMPLE_TIME))
        self.assert_exit(done, 0)
        self.assertIn("i-015531f954c54297c-enc018adb700a324d32", done.stdout.decode())
        done = run(document(SAMPLE), pcr0, "another nonce", str(SAMPLE_TIME))
        self.assert_exit(done, 1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"nonce", done.stderr)
        for clock in ([], ["now"]):
            done = run(document(SAMPLE), pcr0, SAMPLE_NONCE, *clock)
            self.assert_exit(done, 1)
            self.assertIn(b"expired", done.stderr)

    def test_verify_document_of_a_software_nsm(self):
        self.start_nsm()
        self.start_server()
        path = self.path("document")
        done = self.client("--connect", self.enclave, "--attest", "--nonce=n", "--save", path)
        self.assert_exit(done, 0)
        arguments = [harness.example("verify_document"), path, support.PCRS[0], "n", "now"]
        self.assert_exit(harness.run([*arguments, self.root]), 0)
        done = harness.run(arguments)
        self.assert_exit(done, 1)
        self.assertIn(b"untrusted_root", done.stderr)
