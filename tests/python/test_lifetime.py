# SPDX-License-Identifier: Apache-2.0
"""Memory and descriptors stay as they were over many calls.

VSA_PYTHON_CALLS=1000000 for a long run.
"""

import gc
import os
import pathlib
import resource
import sys

import harness
import support
import vsattest

CALLS = int(os.environ.get("VSA_PYTHON_CALLS", "10000"))


def resident_kib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def descriptors():
    return len(os.listdir("/proc/self/fd"))


class Lifetime(support.EnclaveTestCase):
    # What arenas of the allocator may take: less than one small object for each of 10000 calls.
    MOST_KIB = 256

    def stays(self, function, calls):
        """Memory after a tenth of the calls is what it is after all of them."""
        for _ in range(max(calls // 10, 200)):
            function()
        gc.collect()
        before, blocks, open_before = resident_kib(), sys.getallocatedblocks(), descriptors()
        for _ in range(calls):
            function()
        gc.collect()
        grown = resident_kib() - before
        print(f"# {self.id()}: {calls} calls, {before} KiB, {grown:+d} KiB", flush=True)
        self.assertLess(grown, self.MOST_KIB)
        self.assertLess(sys.getallocatedblocks() - blocks, 200)
        self.assertEqual(descriptors(), open_before)

    def test_verify_that_fails(self):
        def call():
            try:
                vsattest.verify_attestation_document(b"\x84\x44\xa1\x01", "user data", "nonce")
            except vsattest.MalformedError:
                pass

        self.stays(call, CALLS)

    def test_verify_that_succeeds(self):
        self.start_nsm()
        roots = [pathlib.Path(self.root).read_bytes()]
        document = vsattest.get_attestation_document("x" * 1000, "n", nsm=self.nsm)
        # Six signatures each, but for the cache.
        self.stays(lambda: vsattest.verify_attestation_document(
            document, expected_nonce="n", roots=roots, max_age_seconds=86400,
            pcrs=dict(support.PCRS)), CALLS // 20)

    def test_arguments_that_are_refused(self):
        def call():
            try:
                vsattest.verify_attestation_document(b"", pcrs={0: "00" * 48})
            except vsattest.UsageError:
                pass

        self.stays(call, CALLS)

    def test_ping(self):
        self.start_enclave()
        with vsattest.VsockAttestationClient(address=self.enclave) as client:
            self.stays(client.ping, CALLS)

    def test_requests(self):
        self.start_enclave()
        with vsattest.VsockAttestationClient(address=self.enclave) as client:
            self.stays(lambda: client.send_request({"command": "ping", "x": ["y" * 100]}), CALLS)
            self.stays(client.get_status, CALLS // 10)

    def test_request_and_verify(self):
        self.start_enclave()
        roots = [pathlib.Path(self.root)]
        with vsattest.VsockAttestationClient(address=self.enclave, roots=roots) as client:
            self.stays(lambda: client.request_and_verify(generate_key=True), CALLS // 100)

    def test_clients(self):
        self.start_enclave()

        def call():
            with vsattest.VsockAttestationClient(address=self.enclave) as client:
                client.ping()

        self.stays(call, CALLS // 20)

    def test_clients_that_nobody_closes(self):
        self.start_enclave()

        def call():
            vsattest.VsockAttestationClient(address=self.enclave).ping()

        self.stays(call, CALLS // 20)

    def test_clients_that_reach_nobody(self):
        client = vsattest.VsockAttestationClient(address="unix:" + self.path("nothing"))
        self.stays(client.ping, CALLS // 10)

    def test_documents(self):
        self.start_nsm()
        self.stays(lambda: vsattest.get_attestation_document("x", nsm=self.nsm), CALLS // 100)

    def test_key_pairs(self):
        self.stays(vsattest.generate_ephemeral_keypair, CALLS // 20)
