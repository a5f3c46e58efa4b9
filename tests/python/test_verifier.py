# SPDX-License-Identifier: Apache-2.0
"""verify_attestation_document: verdicts on real documents, arguments, errors by class."""

import base64
import copy
import datetime
import gc
import json
import pathlib
import pickle
import re
import unittest
import warnings

import harness
import support
import vsattest
from verifier import (
    AttestationError,
    FormatError,
    LimitError,
    MalformedError,
    PolicyError,
    TrustError,
    UsageError,
    WrongTypeError,
    verify_attestation_document,
)


class RealDocuments(unittest.TestCase):
    """Those of ../shared, or those that can be fetched, at their own times and now."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(harness.documents())
        with open(cls.directory / "manifest.json", encoding="utf-8") as file:
            cls.manifest = json.load(file)

    def document(self, entry):
        return (self.directory / entry["file"]).read_bytes()

    def test_verdicts_at_document_time(self):
        seen = set()
        for entry in self.manifest:
            verdict = entry["verdict_at_document_time"]
            seen.add(verdict)
            # A document without a time of its own is refused at any time.
            now = entry["document_time_unix_s"] or 1700000000
            with self.subTest(entry["file"], verdict=verdict):
                if verdict == "accept":
                    result = verify_attestation_document(self.document(entry), now=now)
                    self.check_fields(result, entry)
                elif verdict == "accept-debug":
                    with self.assertRaises(PolicyError) as raised:
                        verify_attestation_document(self.document(entry), now=now)
                    self.assertEqual(raised.exception.error_code, "debug_mode")
                    result = verify_attestation_document(
                        self.document(entry), now=now, allow_debug=True
                    )
                    self.assertIs(result["debug_mode"], True)
                    self.check_fields(result, entry)
                else:
                    with self.assertRaises(AttestationError) as raised:
                        verify_attestation_document(self.document(entry), now=now)
                    self.assertIn(raised.exception.error_class, ("syntax", "format", "trust"))
        self.assertEqual(seen, {"accept", "accept-debug", "reject"})

    def check_fields(self, result, entry):
        self.assertEqual(result["verification_status"], "SUCCESS")
        self.assertEqual(len(result["pcrs"]), int(entry["pcr_count"]))
        nonzero = [str(index) for index, value in sorted(result["pcrs"].items()) if any(value)]
        self.assertEqual(",".join(nonzero), entry["nonzero_pcrs"])
        for name in ("public_key", "user_data", "nonce"):
            expected = entry[name + "_bytes"]
            self.assertEqual(
                "null" if result[name] is None else str(len(result[name])), expected, name
            )

    def test_verdicts_now(self):
        for entry in self.manifest:
            with self.subTest(entry["file"]):
                self.assertEqual(entry["verdict_now"], "reject")
                with self.assertRaises(AttestationError):
                    verify_attestation_document(self.document(entry))

    def test_clock_that_is_behind(self):
        """AWS's certificates are valid from a little before the document."""
        for entry in self.manifest:
            if entry["verdict_at_document_time"] != "accept":
                continue
            document = self.document(entry)
            earlier = entry["document_time_unix_s"] - 1
            result = verify_attestation_document(document, now=earlier + 1)
            begin = result["certificate"]["not_before"].replace("Z", "+00:00")
            if datetime.datetime.fromisoformat(begin).timestamp() <= earlier:
                break
        else:
            self.fail("each document was made in the first second of its certificate")
        verify_attestation_document(document, now=earlier)
        with self.assertRaises(PolicyError) as raised:
            verify_attestation_document(document, now=earlier, max_skew_seconds=0.1)
        self.assertEqual(raised.exception.error_code, "document_from_future")

    def test_same_as_the_program(self):
        """The JSON of the C program, but for the bytes."""
        fields = [name + "_bytes" for name in ("public_key", "user_data", "nonce")]
        entry = next(e for e in self.manifest if e["verdict_at_document_time"] == "accept-debug"
                     and all(int(e[name].replace("null", "0")) for name in fields))
        at = str(entry["document_time_unix_s"])
        done = harness.run(
            [harness.program("verifier"), "--json", "--allow-debug", "--at", at,
             str(self.directory / entry["file"])]
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        program = json.loads(done.stdout)
        result = verify_attestation_document(
            self.document(entry), now=entry["document_time_unix_s"], allow_debug=True
        )
        self.assertEqual(list(result), list(program))
        self.assertEqual(
            {index: value.hex() for index, value in result["pcrs"].items()},
            {int(index): value for index, value in program["pcrs"].items()},
        )
        self.assertEqual(result["public_key"], base64.b64decode(program["public_key"]))
        for name in ("user_data", "nonce"):
            self.assertEqual(result[name], base64.b64decode(program[name + "_base64"]))
        bytes_here = {"pcrs", "public_key", "user_data", "nonce"}
        for name in set(program) - bytes_here:
            self.assertEqual(result[name], program[name], name)


PCR3 = "dd" * 48


class Arguments(support.EnclaveTestCase):
    """A document of our own, and everything that can be expected of it."""

    def setUp(self):
        super().setUp()
        self.start_nsm("--pcr=3=" + PCR3)
        self.roots = [pathlib.Path(self.root)]
        self.key = vsattest.generate_ephemeral_keypair().public_key
        self.raw = vsattest.get_attestation_document(
            "session-12345", b"challenge-\xff", self.key, nsm=self.nsm
        )
        self.document = base64.b64encode(self.raw).decode()

    def verify(self, *arguments, document=None, **keywords):
        keywords.setdefault("roots", self.roots)
        return verify_attestation_document(document or self.document, *arguments, **keywords)

    def refused(self, kind, code, *arguments, **keywords):
        with self.assertRaises(AttestationError) as raised:
            self.verify(*arguments, **keywords)
        error = raised.exception
        self.assertIs(type(error), kind, error)
        self.assertEqual(error.error_code, code, error)
        return error

    def test_all_expectations_met(self):
        result = self.verify(
            "session-12345",
            b"challenge-\xff",
            60,
            max_skew_seconds=5.5,
            expected_public_key=self.key,
            pcrs={0: support.PCRS[0], 1: bytes.fromhex(support.PCRS[1])},
            instance_id=support.INSTANCE_ID,
        )
        self.assertEqual(result["module_id"], support.MODULE_ID)
        self.assertEqual(result["user_data"], b"session-12345")
        self.assertEqual(result["nonce"], b"challenge-\xff")
        self.assertEqual(result["public_key"], self.key)
        self.assertEqual(result["pcrs"][2], bytes.fromhex(support.PCRS[2]))
        self.assertEqual(result["pcrs_checked"], [0, 1])
        self.assertIs(result["debug_mode"], False)

    def warnings_of(self, **keywords):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.verify(**keywords)
        for warning in caught:
            self.assertIs(warning.category, UserWarning)
            # The line to mend is shown, not one of ours.
            self.assertEqual(warning.filename, __file__)
        return [str(warning.message) for warning in caught]

    def test_warnings_are_those_of_the_program(self):
        pathlib.Path(self.path("document")).write_bytes(self.raw)
        for indexes in ((), (3,), (2,), (0,), (0, 1, 2)):
            values = {index: {**support.PCRS, 3: PCR3}[index] for index in indexes}
            done = harness.run([harness.program("verifier"), "--root", self.root,
                                *(f"--pcr={index}={values[index]}" for index in indexes),
                                self.path("document")])
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stderr.decode().splitlines()
            advice = re.compile("; (give|trusted) .*")
            program = [advice.sub("", line.split("warning: ", 1)[1]) for line in lines]
            found = self.warnings_of(pcrs=values)
            self.assertEqual([advice.sub("", text) for text in found], program, indexes)
            self.assertEqual(len(found), 1 if 0 in indexes else 2)
            (root,) = self.warnings_of(pcrs=values, any_enclave=True)
            self.assertIn("not one of AWS's", root)
            self.assertIn("; trusted only because of roots=[...]", root)
        self.assertIn("any_enclave=True", self.warnings_of()[0])

    def test_nothing_to_compare(self):
        for pcrs in (None, {}):
            error = self.refused(UsageError, "policy_empty", pcrs=pcrs, require_pcrs=True)
            self.assertIsInstance(error, ValueError)
            self.assertIn("nothing to compare", str(error))
        error = self.refused(UsageError, "policy_empty", pcrs={3: b"3" * 48}, require_pcrs=True)
        self.assertIn("PCR0, 1, 2 or 8", str(error))
        self.verify(pcrs={0: support.PCRS[0]}, require_pcrs=True)
        self.refused(UsageError, "invalid_argument", pcrs={0: support.PCRS[0]}, require_pcrs=True,
                     any_enclave=True)
        self.refused(WrongTypeError, "invalid_argument", require_pcrs=1)
        self.refused(WrongTypeError, "invalid_argument", any_enclave="no")

    def test_forms_of_a_document(self):
        lines = base64.encodebytes(self.raw)
        forms = (self.raw, self.document, self.document.encode(), lines, bytearray(lines),
                 memoryview(self.raw))
        for form in forms:
            result = self.verify(document=form)
            self.assertEqual(result["module_id"], support.MODULE_ID)
            self.assertIs(result["root"]["aws"], False)

        unpadded = base64.urlsafe_b64encode(self.raw).decode().rstrip("=")
        for form in (self.raw.hex(), "0x" + self.raw.hex().upper(), unpadded, f'"{self.document}"',
                     json.dumps({"attestation_document": self.document, "success": True}),
                     json.dumps({"attestation": unpadded}).encode(),
                     self.document.encode("utf-16")):
            self.assertEqual(self.verify(document=form)["module_id"], support.MODULE_ID)

    def test_at_the_time_of_the_document(self):
        self.assertNotIn("at_document_time", self.verify())
        result = self.verify(at="document", max_age_seconds=0, max_skew_seconds=0)
        self.assertIs(result["at_document_time"], True)
        self.assertEqual(result["verified_at"], result["document_time"])
        error = self.refused(UsageError, "invalid_argument", at="now")
        self.assertIn('"document"', str(error))
        self.refused(UsageError, "invalid_argument", at="document", now=1700000000)
        self.refused(PolicyError, "nonce_mismatch", None, "other", at="document")
        changed = bytearray(self.raw)
        changed[-1] ^= 1
        self.refused(TrustError, "signature_invalid", document=bytes(changed), at="document")

    def test_forms_of_a_root(self):
        pem = pathlib.Path(self.root).read_text(encoding="ascii")
        der = base64.b64decode("".join(pem.split("-----")[2].split()))
        for root in (pem, pem.encode(), der, self.root, pathlib.Path(self.root)):
            self.assertEqual(self.verify(roots=[root])["module_id"], support.MODULE_ID)
            self.assertEqual(self.verify(roots=iter([root]))["module_id"], support.MODULE_ID)

    def test_root_that_is_not_trusted(self):
        self.refused(TrustError, "untrusted_root", roots=None)
        self.refused(TrustError, "untrusted_root", roots=[])

    def test_nothing_but_a_certificate_is_a_root(self):
        self.refused(WrongTypeError, "invalid_argument", roots=self.root)
        self.refused(WrongTypeError, "invalid_argument", roots=17)
        self.refused(WrongTypeError, "invalid_argument", roots=[17])
        self.refused(MalformedError, "certificate_malformed", roots=[self.root.encode()])
        for path in ("/nonexistent.pem", pathlib.Path("/nonexistent.pem"), "a\0b", "x" * 5000):
            error = self.refused(UsageError, "invalid_argument", roots=[path])
            self.assertIn("pathlib.Path", str(error))
        self.refused(LimitError, "too_large", roots=[b"0" * (1 << 20 | 1)])

    def test_expectations_not_met(self):
        other = "ee" * 48
        for code, keywords in (
            ("user_data_mismatch", {"expected_user_data": "session-12346"}),
            ("user_data_mismatch", {"expected_user_data": ""}),
            ("nonce_mismatch", {"expected_nonce": b"challenge-"}),
            ("public_key_mismatch", {"expected_public_key": self.key[:-1] + b"\0"}),
            ("pcr_mismatch", {"pcrs": {0: other}}),
            ("pcr_missing", {"pcrs": {31: other}}),
            ("instance_mismatch", {"instance_id": "i-0fffffffffffffff0"}),
            ("document_too_old", {"now": datetime.datetime.now(datetime.timezone.utc)
                                  + datetime.timedelta(seconds=301)}),
        ):
            with self.subTest(code):
                self.refused(PolicyError, code, **keywords)

    def test_window(self):
        later = datetime.datetime.now().timestamp() + 400
        self.refused(PolicyError, "document_too_old", now=later)
        self.verify(max_age_seconds=500, now=later)
        self.verify(max_age_seconds=500, now=int(later))

    def test_measurements(self):
        measurements = {"Measurements": {"HashAlgorithm": "Sha384 { ... }",
                                         **{f"PCR{i}": value for i, value in support.PCRS.items()}}}
        text = json.dumps(measurements)
        path = pathlib.Path(self.path("measurements.json"))
        path.write_text("Enclave Image successfully created.\n" + text, encoding="utf-8")
        for form in (measurements, text, text.encode(), path, str(path), "  " + text):
            self.assertEqual(self.verify(measurements=form)["pcrs_checked"], [0, 1, 2])
        measurements["Measurements"]["PCR1"] = "ee" * 48
        self.refused(PolicyError, "pcr_mismatch", measurements=measurements)
        self.refused(UsageError, "policy_pcr_invalid", measurements=text,
                     pcrs={0: "ee" * 48})
        self.refused(UsageError, "policy_empty", measurements={"Measurements": {}})
        self.refused(MalformedError, "json_invalid", measurements="{none")
        error = self.refused(UsageError, "invalid_argument", measurements="no-such.json")
        for words in ("'no-such.json'", "No such file", "pathlib.Path"):
            self.assertIn(words, str(error))
        self.refused(UsageError, "invalid_argument", measurements={"PCR0": {1, 2}})

    def test_any_of_several_measurements(self):
        own = {f"PCR{i}": value for i, value in support.PCRS.items()}
        other = {f"PCR{i}": "ee" * 48 for i in support.PCRS}
        history = pathlib.Path(self.path("history.json"))
        history.write_text(json.dumps([other, {**own, "name": "v2", "signature": "MGUC"}]))
        for form, file, index, name in (
            (history, str(history), 1, "v2"),
            ([other, str(history)], str(history), 1, "v2"),
            ([history, own], str(history), 1, "v2"),
            ([other, other, own], None, 2, None),
            ((json.dumps(other), {"ImageName": "app", "Measurements": own}), None, 1, "app"),
            (json.dumps([own]), None, 0, None),
            (own, None, None, None),
        ):
            with self.subTest(str(form)):
                result = self.verify(measurements=form)
                self.assertEqual(result["measurements"],
                                 {"file": file, "index": index, "name": name})
                self.assertEqual(result["pcrs_checked"], [0, 1, 2])
        self.assertIsNone(self.verify(pcrs=support.PCRS)["measurements"])
        error = self.refused(PolicyError, "pcr_mismatch", measurements=[other, {**own, "PCR1": "ee" * 48}])
        self.assertIn("none of 2 measurements matches; in the closest, [1], PCR1 differs", str(error))
        self.refused(PolicyError, "pcr_mismatch", measurements=[other, own], pcrs={0: "ee" * 48})
        # No document could be right; and none of these says anything.
        self.refused(UsageError, "policy_pcr_invalid", measurements=[other, own], pcrs={0: "aa" * 48})
        self.refused(UsageError, "policy_empty", measurements=[])
        self.refused(UsageError, "policy_empty", measurements=[own, []])
        self.refused(UsageError, "policy_pcr_invalid", measurements=[own, {"PCR3": "aa" * 48}])
        self.refused(UsageError, "policy_pcr_invalid", measurements=[own, {**own, "PCR0": "00" * 48}])
        self.refused(LimitError, "too_many", measurements=[own] * 1025)
        self.start_server()
        for count in (1, 3):
            policy = vsattest.Policy(measurements=[other] * (count - 1) + [own])
            gc.collect()
            with vsattest.VsockAttestationClient(address=self.enclave, roots=self.roots,
                                                 policy=policy) as client:
                result = client.request_and_verify()
            self.assertEqual(result["verification"]["measurements"]["index"], count - 1, result)
        with self.assertRaises(UsageError):
            vsattest.VsockAttestationClient(address=self.enclave, policy=vsattest.Policy(measurements=[]))

    def test_forms_of_a_public_key(self):
        error = self.refused(UsageError, "invalid_argument", expected_public_key="no-such.pem")
        self.assertIn("pathlib.Path", str(error))
        pem = (b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(self.key)
               + b"-----END PUBLIC KEY-----\n")
        for name, content in (("key.der", self.key), ("key.pem", pem)):
            path = pathlib.Path(self.path(name))
            path.write_bytes(content)
            for form in (path, str(path)):
                self.verify(expected_public_key=form)
        # As text it is what the document must hold, letter by letter.
        self.refused(PolicyError, "public_key_mismatch", expected_public_key=pem.decode())
        self.refused(PolicyError, "public_key_mismatch", expected_public_key="no-such-file")
        for unfit in (pem[:-3], pem.replace(b"PUBLIC KEY", b"RSA PUBLIC KEY"),
                      pem.replace(b"PUBLIC KEY", b"CERTIFICATE")):
            path.write_bytes(unfit)
            self.refused(UsageError, "invalid_argument", expected_public_key=path)
        self.refused(UsageError, "invalid_argument", expected_public_key=path.parent / "none")

    def test_size_of_a_pcr(self):
        for value, words in (("ab" * 32, "not 64 characters"), (b"x" * 32, "not 32 bytes"),
                             ("no hex", "not 'no hex'")):
            error = self.refused(UsageError, "policy_pcr_invalid", pcrs={7: value})
            self.assertIn("PCR7 must be 96 hexadecimal digits or 48 bytes, " + words, str(error))

    def test_expectations_that_make_no_sense(self):
        for code, keywords in (
            ("invalid_argument", {"expected_nonce": ""}),
            ("invalid_argument", {"expected_public_key": b""}),
            ("invalid_argument", {"expected_user_data": "x" * 1025}),
            ("invalid_argument", {"expected_user_data": "\ud800"}),
            ("invalid_argument", {"instance_id": "0123456789abcdef0"}),
            ("invalid_argument", {"pcrs": {32: support.PCRS[0]}}),
            ("invalid_argument", {"pcrs": {-1: support.PCRS[0]}}),
            ("policy_pcr_invalid", {"pcrs": {0: "00" * 48}}),
            ("policy_pcr_invalid", {"pcrs": {0: b"short"}}),
            ("policy_pcr_invalid", {"pcrs": {0: "no hex"}}),
            ("policy_pcr_invalid", {"pcrs": {0: "é" * 96}}),
            ("invalid_argument", {"max_age_seconds": -1}),
            ("invalid_argument", {"max_age_seconds": float("nan")}),
            ("invalid_argument", {"max_age_seconds": float("inf")}),
            ("invalid_argument", {"max_age_seconds": 10**400}),
            ("invalid_argument", {"max_skew_seconds": -0.5}),
            ("invalid_argument", {"now": -1}),
            ("invalid_argument", {"now": float("nan")}),
            ("invalid_argument", {"now": 10**400}),
            ("invalid_argument", {"now": datetime.datetime.now()}),
        ):
            with self.subTest(keywords=str(keywords)[:60]):
                error = self.refused(UsageError, code, **keywords)
                self.assertIsInstance(error, ValueError)

    def test_types_that_are_wrong(self):
        for keywords in (
            {"expected_user_data": 5},
            {"expected_nonce": ["x"]},
            {"expected_public_key": 1.5},
            {"pcrs": [support.PCRS[0]]},
            {"pcrs": {"0": support.PCRS[0]}},
            {"pcrs": {True: support.PCRS[0]}},
            {"pcrs": {0: None}},
            {"measurements": 5},
            {"instance_id": 5},
            {"max_age_seconds": "300"},
            {"max_age_seconds": True},
            {"max_skew_seconds": None},
            {"allow_debug": "no"},
            {"allow_debug": 1},
            {"now": "2026-01-01"},
            {"now": True},
        ):
            with self.subTest(keywords=str(keywords)[:60]):
                error = self.refused(WrongTypeError, "invalid_argument", **keywords)
                self.assertIsInstance(error, TypeError)
        with self.assertRaises(WrongTypeError):
            verify_attestation_document(None)
        # Roots and measurements may be paths, a document may not.
        with self.assertRaisesRegex(WrongTypeError, r"not PosixPath: .*read_bytes\(\)$"):
            verify_attestation_document(pathlib.Path("document"))

    def test_broken_documents(self):
        cut = self.raw[:-1]
        self.assertEqual(self.refused(MalformedError, "cbor_malformed", document=cut).rule,
                         "RFC 8949 section 3")
        error = self.refused(MalformedError, "trailing_bytes", document=self.raw + b"\0")
        self.assertEqual(error.offset, len(self.raw))
        self.assertEqual(error.error_class, "syntax")
        flipped = self.raw[:-1] + bytes([self.raw[-1] ^ 1])
        self.refused(TrustError, "signature_invalid", document=flipped)
        self.refused(FormatError, "cose_invalid", document=b"\xd2\x80")
        self.refused(MalformedError, "base64_invalid", document="é" * 8)
        self.refused(LimitError, "too_large", document=b"\x84" * (1 << 20 | 1))

    def test_errors_survive_pickle_and_copy(self):
        error = self.refused(MalformedError, "trailing_bytes", document=self.raw + b"\0")
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            self.assertIs(type(other), MalformedError)
            self.assertEqual(str(other), str(error))
            self.assertEqual((other.error_code, other.offset, other.rule),
                             (error.error_code, error.offset, error.rule))

    def test_errors_have_one_ancestor(self):
        for name in ("MalformedError", "FormatError", "TrustError", "PolicyError", "LimitError",
                     "TransportError", "UsageError", "InternalError", "WrongTypeError"):
            self.assertTrue(issubclass(getattr(vsattest, name), AttestationError), name)
        self.assertFalse(issubclass(AttestationError, ValueError))

    def test_result_is_a_copy(self):
        """Nothing in it borrows from the document."""
        document = bytearray(self.raw)
        result = self.verify(document=document)
        document[:] = bytes(len(document))
        self.assertEqual(result["user_data"], b"session-12345")
