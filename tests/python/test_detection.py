# SPDX-License-Identifier: Apache-2.0
"""enclave_cid=None, and CIDs: in support.Sandbox, where vsock addresses are Unix sockets."""

import json
import os
import sys

import harness
import support

# Runs in the sandbox: what is to be tried comes as JSON, what came of it goes back the same way.
SCRIPT = """
import json, sys
from vsock_client import AttestationError, VsockAttestationClient
steps = json.load(sys.stdin)
client = VsockAttestationClient(*steps["arguments"], timeout=5)
results = []
for step in steps["calls"]:
    if step.startswith("!"):
        import os
        os.rename(*step[1:].split(" "))
        continue
    try:
        results.append(getattr(client, step)())
    except AttestationError as error:
        results.append([type(error).__name__, error.error_code, str(error)])
for result in results:
    if isinstance(result, dict):
        result.pop("verification", None)
print(json.dumps(results))
"""


class Detection(support.EnclaveTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.sandbox = support.Sandbox(self)
        self.sandbox.link(16, 9000, self.path("enclave"))

    def python(self, calls, arguments=()):
        done = harness.run(
            [self.sandbox.launcher, sys.executable, "-c", SCRIPT],
            stdin=json.dumps({"arguments": arguments, "calls": calls}).encode(),
            env={
                "PATH": f"{self.sandbox.bin}:/usr/bin:/bin",
                "LD_PRELOAD": self.sandbox.shim,
                "VSA_SHIM": self.sandbox.directory,
            },
        )
        self.assert_exit(done, 0)
        return json.loads(done.stdout)

    def runs(self, *entries):
        self.sandbox.nitro_cli(self.sandbox.describes([support.enclave_entry(*e) for e in entries]))

    def test_named_cid(self):
        self.assertEqual(self.python(["ping"], [16]), [True])
        self.assertEqual(self.sandbox.calls(), [])

    def test_cid_that_is_not_there(self):
        [[kind, code, _]] = self.python(["get_status"], [17])
        self.assertEqual((kind, code), ("TransportError", "no_such_cid"))

    def test_port_where_nobody_listens(self):
        [[kind, code, _]] = self.python(["get_status"], [16, 9001])
        self.assertEqual((kind, code), ("TransportError", "connection_refused"))

    def test_found(self):
        self.runs(("app", 16))
        results = self.python(["ping", "get_status", "ping"])
        self.assertIs(results[0], True)
        self.assertEqual(results[1]["status"], "running")
        self.assertEqual(self.sandbox.calls(), ["nitro-cli describe-enclaves"])

    def test_no_nitro_cli(self):
        ping, [kind, code, _], verify = self.python(["ping", "get_status", "request_and_verify"])
        self.assertIs(ping, False)
        self.assertEqual((kind, code), ("TransportError", "nitro_cli_unavailable"))
        self.assertIs(verify["verified"], False)
        self.assertEqual(verify["error_code"], "nitro_cli_unavailable")

    def test_none_runs(self):
        self.runs(("app", 16, "TERMINATING"))
        [[kind, code, _]] = self.python(["get_status"])
        self.assertEqual((kind, code), ("TransportError", "no_enclave"))

    def test_a_dead_enclave_hides_no_others(self):
        listing = self.sandbox.describes([support.enclave_entry("app", 16)])
        self.sandbox.nitro_cli(listing.replace("exec ", "")
                               + "\necho '[ E39 ] connection failure' >&2; exit 39")
        self.assertEqual(self.python(["ping"]), [True])

    def test_several_run(self):
        self.runs(("one", 16), ("two", 17))
        [kind, code, text], verify = self.python(["get_status", "request_and_verify"])
        self.assertEqual((kind, code), ("TransportError", "ambiguous_enclave"))
        self.assertIn("one", text)
        done = self.sandbox.client("--verify", "--json")
        self.assertEqual(verify, json.loads(done.stdout))
        self.assertEqual([enclave["cid"] for enclave in verify["enclaves"]], [16, 17])

    def test_asked_again_when_it_has_gone(self):
        """The enclave comes back with another CID."""
        self.runs(("app", 17))
        listing = os.path.join(self.sandbox.bin, "listing.json")
        later = self.path("later.json")
        with open(later, "w", encoding="utf-8") as file:
            json.dump([support.enclave_entry("app", 16)], file)
        results = self.python(["ping", f"!{later} {listing}", "ping"])
        self.assertEqual(results, [False, True])
        self.assertEqual(len(self.sandbox.calls()), 2)
