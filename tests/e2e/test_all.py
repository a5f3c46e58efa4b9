# SPDX-License-Identifier: Apache-2.0
"""vsock_client --all: several enclaves at once, none of which hides or delays another."""

import os
import threading

import harness
import support

ENTRY = ["name", "id", "cid", "debug_mode", "ok", "latency_ms", "result"]

MASKS = {"enclaves[].latency_ms": (r"\d+\.\d+", "<ms>")}


class AllTestCase(support.EnclaveTestCase):
    def setUp(self):
        super().setUp()
        self.sandbox = support.Sandbox(self)
        self.start_nsm()

    def client(self, *options, **keywords):
        return self.sandbox.client(*options, **keywords)

    def describe(self, *entries):
        self.sandbox.nitro_cli(self.sandbox.describes(list(entries)))

    def real(self, cid):
        """A real one."""
        self.start_server(name=f"enclave{cid}")
        self.sandbox.link(cid, 9000, self.path(f"enclave{cid}"))
        return support.enclave_entry(f"app{cid}", cid)

    def peer(self, cid, answer):
        server = support.lying_server(self.path(f"peer{cid}"), answer)
        self.addCleanup(server.close)
        self.sandbox.link(cid, 9000, self.path(f"peer{cid}"))
        return support.enclave_entry(f"app{cid}", cid)

    def silent(self, cid, handle=support.wait_for_hangup):
        """Takes connections and never says a word."""
        server = support.SocketServer(self.path(f"silent{cid}"), handle)
        self.addCleanup(server.close)
        self.sandbox.link(cid, 9000, self.path(f"silent{cid}"))
        return support.enclave_entry(f"app{cid}", cid)

    def deserted(self, cid):
        """Runs, and has no server."""
        os.mkdir(os.path.join(self.sandbox.directory, str(cid)))
        return support.enclave_entry(f"app{cid}", cid)

    def entries(self, status, *options):
        done = self.client("--json", "--all", *options)
        result = self.json_of(done, status)
        self.assertEqual(list(result), ["success", "enclaves"])
        self.assertIs(result["success"], status == 0)
        for entry in result["enclaves"]:
            self.assertEqual(list(entry), ENTRY)
            self.assertIs(entry["ok"], entry["result"]["success"]
                          and entry["result"].get("verified", True))
            self.assertIsInstance(entry["latency_ms"], float)
            self.assertIs(entry["debug_mode"], False)
        return {entry["cid"]: entry["result"] for entry in result["enclaves"]}


class Everywhere(AllTestCase):
    def test_all_well(self):
        self.describe(self.real(16), self.real(17), self.real(18))
        pong = {"success": True, "message": "pong"}
        self.assertEqual(self.entries(0, "--ping"), {16: pong, 17: pong, 18: pong})
        for cid, result in self.entries(0, "--status").items():
            self.assertEqual(result["status"], "running", cid)
        done = self.client("--json", "--all", "--ping")
        support.assert_golden(self, "client-all.json",
                              support.masked(self.json_of(done, 0), MASKS))
        verified = self.entries(0, "--verify", "--root", self.root)
        self.assertEqual(len({result["nonce"] for result in verified.values()}), 3)
        for result in verified.values():
            self.assertIs(result["verified"], True)
            self.assertEqual(result["verification"]["module_id"], support.MODULE_ID)
        self.assertEqual(self.sandbox.calls(), ["nitro-cli describe-enclaves"] * 4)

    def test_tables(self):
        self.describe(self.real(16), self.real(17))
        done = self.client("--all", "--ping")
        self.assert_exit(done, 0)
        self.assertEqual(done.stderr, b"")
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "CID", "STATE", "LATENCY"])
        for line, cid in zip(lines[1:], (16, 17), strict=True):
            self.assertRegex(line, rf"^app{cid} +{cid}  ok +\d+\.\d ms$")
        done = self.client("--all", "--status")
        self.assert_exit(done, 0)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[0].split()[4:],
                         ["UPTIME", "REQUESTS", "ERRORS", "CONNECTIONS", "NSM", "VERSION"])
        for line in lines[1:]:
            self.assertRegex(line, r"ok +\d+\.\d ms +\d+ s +\d+ +0 +1  yes  \d+\.\d+\.\d+$")
        done = self.client("--all", "--verify", "--root", self.root, f"--pcr=0={support.PCRS[0]}")
        self.assert_exit(done, 0)
        lines = done.stdout.decode().splitlines()
        for line in lines[1:]:
            self.assertRegex(
                line, rf"ms  a0a0a0a0  a1a1a1a1  a2a2a2a2   1 PCR   {support.MODULE_ID}$"
            )
        # Each table is one: what stands in a column begins where its head does.
        self.assertEqual(lines[0].index("PCR0"), lines[1].index("a0a0a0a0"))
        self.assertEqual(lines[0].index("MODULE ID"), lines[1].index(support.MODULE_ID))

    def test_warnings_name_their_enclave(self):
        self.describe(self.real(16))
        done = self.client("--all", "--verify", "--root", self.root)
        self.assert_exit(done, 0)
        self.assertIn(b"vsock_client: app16: warning: no PCR was checked", done.stderr)

    def test_port(self):
        entry = self.real(16)
        self.sandbox.link(16, 9001, self.path("enclave16"))
        self.sandbox.unlink(16)
        self.sandbox.link(16, 9001, self.path("enclave16"))
        self.describe(entry)
        self.entries(0, "--ping", "--port=9001")
        self.assertEqual(self.entries(3, "--ping")[16]["error_code"], "connection_refused")

    def test_one_alone_and_one_that_ends(self):
        gone = support.enclave_entry("gone", 20, state="TERMINATING")
        self.describe(self.real(16), gone)
        self.assertEqual(list(self.entries(0, "--ping")), [16])

    def test_sixteen(self):
        self.start_server()
        entries = [support.enclave_entry(f"app{cid}", cid) for cid in range(16, 33)]
        for cid in range(16, 33):
            self.sandbox.link(cid, 9000, self.path("enclave"))
        self.describe(*entries[:16])
        self.assertEqual(list(self.entries(0, "--ping")), list(range(16, 32)))
        self.describe(*entries)
        done = self.client("--json", "--all", "--ping")
        self.assertEqual(self.json_of(done, 4)["error_code"], "too_many")


class Trouble(AllTestCase):
    def test_one_hanging_among_three(self):
        self.describe(self.real(16), self.silent(17), self.real(18))
        # Enough for the two that answer, on a busy machine too.
        results = self.entries(3, "--verify", "--root", self.root,
                               f"--timeout={harness.PATIENCE / 5}")
        self.assertIs(results[16]["verified"], True)
        self.assertIs(results[18]["verified"], True)
        self.assertEqual(results[17]["error_code"], "timeout")
        self.assertIs(results[17]["verified"], False)

    def test_hanging_ones_hang_at_the_same_time(self):
        barrier = threading.Barrier(10, timeout=harness.PATIENCE)

        def handle(connection):
            barrier.wait()  # broken if they came one after the other
            support.wait_for_hangup(connection)

        self.describe(*[self.silent(cid, handle) for cid in range(16, 26)])
        done = self.client("--all", "--ping", f"--timeout={harness.PATIENCE / 5}")
        self.assertFalse(barrier.broken)
        self.assertEqual(barrier.n_waiting, 0)
        self.assert_exit(done, 3)
        self.assertEqual(done.stdout.count(b" timeout "), 10)
        for cid in range(16, 26):
            self.assertIn(f"vsock_client: app{cid}: ".encode(), done.stderr)

    def test_the_worst_result_decides(self):
        refusing = self.peer(19, lambda request: {"success": False, "error": "\x1b[31mno"})
        lying = self.peer(20, lambda request: b"hello\n")
        well = self.real(16)
        for entries, status in (
            ([well, self.deserted(17)], 3),
            ([lying, well, support.enclave_entry("app17", 17)], 4),
            ([refusing, lying, well, support.enclave_entry("app17", 17)], 1),
            ([well, refusing], 1),
        ):
            with self.subTest(status=status):
                self.describe(*entries)
                results = self.entries(status, "--ping")
                self.assertEqual(len(results), len(entries))
                self.assertEqual(results[16]["message"], "pong")
        done = self.client("--all", "--ping")
        self.assert_exit(done, 1)
        self.assertRegex(done.stdout, rb"app16 +16  ok ")
        self.assertRegex(done.stdout, rb"app19 +19  refused_by_peer ")
        self.assertNotIn(b"\x1b", done.stdout + done.stderr)

    def test_a_document_that_does_not_hold(self):
        def answer(request):
            return support.ask(self.path("enclave16"), {**request, "nonce": "old"})

        self.describe(self.real(16), self.peer(17, answer))
        results = self.entries(1, "--verify", "--root", self.root)
        self.assertIs(results[16]["verified"], True)
        self.assertEqual(results[17]["error_code"], "nonce_mismatch")
        self.assertIn("attestation_document", results[17])

    def test_nothing_to_ask(self):
        done = self.client("--json", "--all", "--ping")
        self.assertEqual(self.json_of(done, 3)["error_code"], "nitro_cli_unavailable")
        self.describe()
        done = self.client("--json", "--all", "--verify")
        result = self.json_of(done, 3)
        self.assertEqual(result["error_code"], "no_enclave")
        self.assertIs(result["verified"], False)
        self.assertIn(b"nitro-cli run-enclave", done.stderr)

    def test_hanging_nitro_cli(self):
        self.sandbox.nitro_cli("exec sleep 600")
        done = self.client("--json", "--all", "--ping", "--timeout=0.5")
        self.assertEqual(self.json_of(done, 3)["error_code"], "timeout")

    def test_usage(self):
        for options in (
            ["--all"],
            ["--all", "--attest"],
            ["--all", "--metrics"],
            ["--all", "--verify", "--save=x"],
            ["--all", "--ping", "--cid=16"],
            ["--all", "--ping", "--connect=unix:/x"],
            ["--all", "--ping", "--enclave-name=x"],
            ["--all", "--ping", "--enclave-id=x"],
        ):
            with self.subTest(options):
                done = self.client(*options, "--json")
                self.assertEqual(self.json_of(done, 2)["error_code"], "invalid_argument")
