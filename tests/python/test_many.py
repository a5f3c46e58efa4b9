# SPDX-License-Identifier: Apache-2.0
"""verify_many: in order, bounded, the same results as of single calls."""

import base64
import itertools
import sys
import threading
import warnings

import harness
from vsattest import (
    AttestationError,
    MalformedError,
    Policy,
    SavedDocument,
    UsageError,
    WrongTypeError,
    verify_attestation_document,
    verify_many,
)

ANY = Policy(any_enclave=True)


class Many(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.documents = harness.production_documents()

    def single(self, document, **keywords):
        try:
            return verify_attestation_document(document, any_enclave=True, **keywords)
        except AttestationError as error:
            return error

    def assert_same(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected):
            self.assertIs(type(one), type(other))
            if isinstance(one, AttestationError):
                self.assertEqual((str(one), one.error_code, one.offset, one.rule),
                                 (str(other), other.error_code, other.offset, other.rule))
            else:
                self.assertEqual(one, other)

    def test_results_are_those_of_single_calls(self):
        forms = []
        for document in self.documents:
            broken = document[:-1] + bytes([document[-1] ^ 1])
            forms += [document, base64.b64encode(document).decode(), broken, document[:-1], b"", 7]
        for jobs in (1, 3):
            for count in (0, 1, 63, 64, 65, 3 * len(forms)):
                some = list(itertools.islice(itertools.cycle(forms), count))
                found = list(verify_many(some, ANY, at="document", jobs=jobs))
                self.assert_same([one for one, form in zip(found, some) if form != 7],
                                 [self.single(form, at="document") for form in some if form != 7])
                for one, form in zip(found, some):
                    if form == 7:
                        self.assertIsInstance(one, WrongTypeError)

    def test_what_each_must_hold(self):
        verified = [self.single(document, at="document") for document in self.documents]
        some = []
        for document, result in zip(self.documents, verified):
            some += [SavedDocument(document, nonce=result["nonce"] or None,
                                   user_data=result["user_data"]),
                     SavedDocument(document, nonce="another"),
                     SavedDocument(document, user_data=b"another"),
                     SavedDocument(document, nonce="")]
        found = list(verify_many(some, ANY, at="document"))
        for n, result in enumerate(verified):
            self.assertEqual(found[4 * n], result)
            self.assertEqual([one.error_code for one in found[4 * n + 1:4 * n + 4]],
                             ["nonce_mismatch", "user_data_mismatch", "invalid_argument"])

    def test_times(self):
        document = self.documents[0]
        time = self.single(document, at="document")["timestamp"] / 1000
        found = list(verify_many([document, SavedDocument(document, now=time)], ANY))
        self.assertEqual(found[0].error_code, "certificate_expired")
        self.assertEqual(found[1]["timestamp"], int(time * 1000))
        found = list(verify_many([SavedDocument(document, now=time), document], ANY, at="document"))
        self.assertNotIn("at_document_time", found[0])
        self.assertTrue(found[1]["at_document_time"])

    def test_it_reads_a_bounded_number_ahead_and_any_number(self):
        read = 0

        def endless():
            nonlocal read
            while True:
                read += 1
                yield self.documents[read % 2] if read % 50 == 0 else b"\x84"

        results = verify_many(endless(), ANY, at="document", jobs=2)
        for taken in range(1000):
            next(results)
            self.assertLessEqual(read, taken + 1 + 64 * 5)
        results.close()
        after = read
        self.assertEqual(threading.active_count(), 1)
        self.assertEqual(read, after)

    def test_the_iterable_fails(self):
        def failing():
            yield self.documents[0]
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            list(verify_many(failing(), ANY, at="document"))

    def test_other_threads_run_meanwhile(self):
        """The GIL is released: a thread counts on while one chunk is verified."""
        counted = 0
        stop = threading.Event()

        def count():
            nonlocal counted
            while not stop.is_set():
                counted += 1
                stop.wait(0.0005)

        thread = threading.Thread(target=count)
        interval = sys.getswitchinterval()
        thread.start()
        try:
            # A thread that holds the GIL would be asked for it only then.
            sys.setswitchinterval(1000)
            list(verify_many(self.documents[:1] * 64, ANY, at="document", jobs=1))
        finally:
            sys.setswitchinterval(interval)
            stop.set()
            thread.join()
        self.assertGreater(counted, 1)

    def test_warnings_once(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            list(verify_many(self.documents[:1] * 200, at="document"))
        self.assertEqual(len(caught), 1)
        self.assertIn("PCR", str(caught[0].message))

    def test_arguments(self):
        for keywords in ({"jobs": 0}, {"jobs": True}, {"jobs": "2"}, {"at": "now"},
                         {"at": "document", "now": 7}, {"now": -1}, {"roots": "x"}):
            with self.assertRaises(UsageError):
                verify_many([], ANY, **keywords)
        with self.assertRaises(UsageError):
            verify_many([], Policy(require_pcrs=True))
        self.assertIsInstance(next(verify_many(["!"], ANY)), MalformedError)
