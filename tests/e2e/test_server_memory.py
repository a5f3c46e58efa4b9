# SPDX-License-Identifier: Apache-2.0
"""What requests that wait may cost: their lines, not their trees."""

import re
import signal
import socket
import unittest

import harness
import support

WAITING = 100
# 64 KiB that would become a tree of 3 MiB.
HEAVY = b'{"command":"%s","x":[' + b",".join([b"{}"] * 21500) + b"]}\n"


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) // 1024


@unittest.skipIf(harness.is_sanitized(), "sanitizers keep freed memory")
class Waiting(support.EnclaveTestCase):
    def connect(self, line):
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.settimeout(harness.PATIENCE)
        peer.connect(self.path("enclave"))
        peer.sendall(line)
        return peer

    def test_heavy_requests(self):
        self.start_enclave()
        before = peak_mib(self.enclave_service.pid)
        self.nsm_service.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.nsm_service.process.send_signal, signal.SIGCONT)
        peers = [self.connect(HEAVY % b"attest") for _ in range(WAITING)]
        # All lines are read once a later one is answered.
        probe = self.connect(b'{"command":"ping"}\n')
        self.assertIn(b"pong", probe.recv(100))
        self.nsm_service.process.send_signal(signal.SIGCONT)
        for peer in peers:
            self.assertIn(b'"success":true', peer.recv(100))
        # Lines: 100 * 64 KiB. Trees would be 300 MiB.
        self.assertLess(peak_mib(self.enclave_service.pid) - before, 30)
