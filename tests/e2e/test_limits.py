# SPDX-License-Identifier: Apache-2.0
"""Rate limits, answers that are shared and answers that are given again.

Who gets what is asserted by counts and by order (the server's log), not by time, but where a time is
the point: then with bounds that only a wrong server misses.
"""

import itertools
import os
import socket
import time
import unittest

import harness
import support
import test_server

SHIM = os.path.join(harness.BUILD, "tests", "e2e", "libpeer_shim.so")
PING, PONG = test_server.PING, test_server.PONG
ATTEST = {"command": "attest"}
numbers = itertools.count()


def nonce():
    return {"command": "attest", "nonce": f"n-{next(numbers)}"}


class CidClient(test_server.Client):
    """A connection that comes from a CID, as far as a server under the shim can see."""

    def __init__(self, path, cid):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(harness.PATIENCE)
        self.socket.bind(f"\0cid-{cid}-{os.getpid()}-{next(numbers)}")
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")


class LimitsTestCase(test_server.ServerTestCase):
    def start(self):
        self.start_nsm()
        self.service_under_shim(*self.server_options)

    def service_under_shim(self, *options):
        self.enclave_service = self.service(
            [
                harness.program("enclave_app"), "--listen", "unix:" + self.server_path,
                "--nsm", self.nsm, *options,
            ],
            wait_for=self.server_path,
            env={
                "LD_PRELOAD": SHIM,
                # The shim comes before the sanitizer's library, which does not mind really.
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            },
        )
        self.wait_for_event("listening")

    def from_cid(self, cid):
        client = CidClient(self.server_path, cid)
        self.addCleanup(client.close)
        return client

    def status(self):
        return self.ask({"command": "status"})

    def assert_document(self, reply):
        self.assertIs(reply["success"], True, reply)
        return reply["attestation_document"]

    def assert_limited(self, reply, longest_ms):
        self.assert_code(reply, "rate_limited")
        self.assertRegex(reply["error"], r"^rate limit of \d+ documents a second exceeded; try again")
        self.assertIs(type(reply["retry_after_ms"]), int)
        self.assertGreater(reply["retry_after_ms"], 0)
        self.assertLessEqual(reply["retry_after_ms"], longest_ms)
        return reply["retry_after_ms"]

    def wait_for_status(self, **values):
        def reached():
            status = self.status()
            return all(status[name] >= value for name, value in values.items())

        harness.wait_until(reached, f"{values} in status")

    def hold(self):
        """The NSM is stalled, and at another peer's request."""
        self.stall_nsm()
        holder = self.connect()
        holder.send(nonce())
        self.wait_for_status(in_flight=1)
        harness.wait_until(lambda: self.status()["queue_depth"] == 0, "the NSM to be asked")
        return holder

    def answered(self, command="attest"):
        """(connection, status) of the requests in the log, oldest first."""
        return [
            (int(line["connection"]), line["status"])
            for line in self.logged("request") if line.get("command") == command
        ]


class RateLimit(LimitsTestCase):
    # So slow that no second goes by unnoticed: a token takes 1 s.
    server_options = ("--rate-limit", "1:3")

    def test_burst_and_pause(self):
        client = self.connect()
        begin = time.monotonic()
        for _ in range(3):
            self.assert_document(client.ask(nonce()))
        reply = client.ask({**nonce(), "id": "fourth"})
        while reply["success"]:  # on a slow machine a second went by
            self.assertGreater(time.monotonic() - begin, 0.9)
            reply = client.ask({**nonce(), "id": "fourth"})
        self.assertEqual(reply["id"], "fourth")
        pause = self.assert_limited(reply, 1000)
        # All else is answered meanwhile, on the same connection.
        self.assertEqual(client.ask(PING), PONG)
        self.assertEqual(client.ask({"command": "status"})["rate_limited"], 1)
        self.assertIs(client.ask({"command": "metrics"})["success"], True)
        time.sleep(pause / 1000)
        self.assert_document(client.ask(nonce()))

    def test_each_connection_of_a_unix_socket(self):
        for _ in range(3):
            client = self.connect()
            replies = [client.ask(nonce()) for _ in range(4)]
            self.assertTrue(all(reply["success"] for reply in replies[:3]))
        # More than there are places for CIDs.
        for client in [self.connect() for _ in range(100)]:
            self.assert_document(client.ask(nonce()))

    def test_connections_of_a_cid_share(self):
        begin = time.monotonic()
        replies = [self.from_cid(3).ask(nonce()) for _ in range(30)]
        passed = time.monotonic() - begin
        good = sum(reply["success"] for reply in replies)
        self.assertGreaterEqual(good, 3)
        self.assertLessEqual(good, 3 + passed)
        for reply in replies:
            if not reply["success"]:
                self.assert_limited(reply, 1000)
        # Others have their own.
        for cid in (4, 5, 4294967294):
            self.assert_document(self.from_cid(cid).ask(nonce()))
        self.assert_document(self.ask(nonce()))

    def test_hanging_up_gains_nothing(self):
        begin = time.monotonic()
        good = 0
        for _ in range(10):
            client = CidClient(self.server_path, 3)
            client.send(*[nonce() for _ in range(5)])
            good += sum(client.receive()["success"] for _ in range(5))
            client.close()
        self.assertGreaterEqual(good, 3)
        self.assertLessEqual(good, 3 + (time.monotonic() - begin))

    def test_many_cids(self):
        """More than the table has places for: no peer is forgotten, and the server stays."""
        for cid in range(10, 10 + 64):
            client = self.from_cid(cid)
            client.send(*[nonce() for _ in range(3)])
            for _ in range(3):
                client.receive()
        before = self.status()["rate_limited"]
        for cid in range(100, 200):
            self.from_cid(cid).ask(nonce())
        self.assertGreater(self.status()["rate_limited"], before)
        self.assert_alive()

    def test_mistakes_and_unknown_commands_do_not_count(self):
        client = self.connect()
        for _ in range(20):
            self.assert_code(client.ask({"command": "nope"}), "unknown_command")
            self.assert_code(client.ask(b"{\n"), "json_invalid")
        self.assert_document(client.ask(nonce()))

    def test_program_tells(self):
        """vsock_client without --retries: the exit status is that of a busy server."""
        lying = support.lying_server(
            self.path("limited"),
            lambda request: {"success": False, "error": "slowly", "error_code": "rate_limited",
                             "retry_after_ms": 70},
        )
        self.addCleanup(lying.close)
        done = self.client("--attest", "--json", "--connect", "unix:" + self.path("limited"))
        reply = self.json_of(done, 3)
        self.assertEqual(reply["error_code"], "rate_limited")


class DefaultLimit(LimitsTestCase):
    def test_it_is_on(self):
        limits = self.logged("descriptor_limit")[0]
        self.assertEqual((limits["rate_limit"], limits["cache_ttl_ms"]), ("100", "0"))
        for cid in range(3, 13):
            limited, seconds = self.ask_230_times(cid)
            self.assertGreaterEqual(limited, 30 - 100 * seconds)
            if limited:
                return
        self.fail("230 requests take more than 0.3 s here: that shows no limit")

    def ask_230_times(self, cid):
        """How many of that CID's were refused, and what they took together."""
        self.stall_nsm()
        clients = [self.from_cid(cid) for _ in range(230)]
        before, begin = self.status()["rate_limited"], time.monotonic()
        for client in clients:
            client.send(nonce())

        def all_read():
            status = self.status()
            return status["in_flight"] + status["rate_limited"] - before == len(clients)

        harness.wait_until(all_read, "all requests to be read")
        seconds = time.monotonic() - begin
        self.resume_nsm()
        outcomes = [client.receive() for client in clients]
        self.assertGreaterEqual(sum(reply["success"] for reply in outcomes), 200)
        for reply in outcomes:
            if not reply["success"]:
                self.assert_limited(reply, 11)
        return self.status()["rate_limited"] - before, seconds


class NoLimit(LimitsTestCase):
    server_options = ("--rate-limit", "0")

    def test_none(self):
        client = self.from_cid(3)
        client.send(*[nonce() for _ in range(400)])
        for _ in range(400):
            self.assert_document(client.receive())
        self.assertEqual(self.status()["rate_limited"], 0)


class SharingTestCase(LimitsTestCase):
    def setUp(self):
        super().setUp()
        self.wait_for_event("nsm_reachable")


class OwnTimeLimit(SharingTestCase):
    # The second request comes 5 s after the first: that long is there to answer it in time.
    server_options = ("--rate-limit", "0", "--request-timeout", "7")

    def test_each_has_its_own_time_limit(self):
        self.hold()
        first = self.connect()
        first.send({**ATTEST, "id": 1})
        time.sleep(5)
        second = self.connect()
        second.send({**ATTEST, "id": 2})
        self.wait_for_status(coalesced=1)
        reply = first.receive()
        self.assert_code(reply, "timeout")
        self.assertEqual(reply["id"], 1)
        self.assertEqual(self.status()["coalesced"], 1)
        self.resume_nsm()
        reply = second.receive()
        self.assertEqual(reply["id"], 2)
        self.assert_document(reply)


class Sharing(SharingTestCase):
    server_options = ("--rate-limit", "0", "--request-timeout", str(harness.PATIENCE))

    def send_all(self, requests):
        clients = [self.connect() for _ in requests]
        for client, request in zip(clients, requests):
            client.send(request)
        return clients

    def documents(self, clients):
        return [self.assert_document(client.receive()) for client in clients]

    def test_one_call_for_all(self):
        self.hold()
        clients = self.send_all([{**ATTEST, "id": number} for number in range(8)])
        self.wait_for_status(in_flight=9, coalesced=7)
        self.assertEqual(self.status()["queue_depth"], 1)
        self.resume_nsm()
        replies = [client.receive() for client in clients]
        self.assertEqual([reply["id"] for reply in replies], list(range(8)))
        self.assertEqual(len({self.assert_document(reply) for reply in replies}), 1)
        self.assertNotIn("cached", replies[0])
        self.assertEqual(self.status()["coalesced"], 7)
        self.assertEqual(self.status()["in_flight"], 0)

    def test_what_counts_as_equal(self):
        self.hold()
        same = [{"command": "attest", "user_data": "a"},
                {"command": "attest", "user_data_base64": "YQ==", "nonce": None},
                {"user_data": "a", "generate_key": False, "command": "attest", "other": 1}]
        others = [{"command": "attest", "user_data": None}, {"command": "attest", "user_data": ""},
                  {"command": "attest", "user_data": "b"}, ATTEST,
                  {"command": "attest", "user_data": "a", "nonce": ""},
                  {"command": "attest", "user_data": "a", "nonce": "n"},
                  {"command": "attest", "user_data": "a", "nonce": "n"},
                  {"command": "attest", "user_data": "a", "generate_key": True},
                  {"command": "attest", "user_data": "a", "generate_key": True}]
        clients = self.send_all(same + others)
        self.wait_for_status(in_flight=1 + len(clients), coalesced=2)
        self.resume_nsm()
        documents = self.documents(clients)
        self.assertEqual(len(set(documents[:3])), 1)
        self.assertEqual(len(set(documents)), 1 + len(others))
        self.assertEqual(self.status()["coalesced"], 2)

    def test_not_older_than_the_request(self):
        """A call that has begun is not joined: its document would be older than the request."""
        self.stall_nsm()
        early = self.connect()
        early.send(ATTEST)
        harness.wait_until(
            lambda: self.status()["in_flight"] == 1 and self.status()["queue_depth"] == 0,
            "the NSM to be asked",
        )
        late = self.send_all([ATTEST, ATTEST])
        self.wait_for_status(coalesced=1)
        self.resume_nsm()
        first = self.assert_document(early.receive())
        second, third = self.documents(late)
        self.assertNotEqual(first, second)
        self.assertEqual(second, third)

    def test_the_first_one_goes(self):
        self.hold()
        clients = self.send_all([ATTEST] * 3)
        self.wait_for_status(coalesced=2)
        clients[0].close()
        harness.wait_until(lambda: self.status()["in_flight"] == 3, "its end to be noticed")
        self.resume_nsm()
        self.assertEqual(len(set(self.documents(clients[1:]))), 1)

    def test_all_go(self):
        """No client waits any more: the NSM is not asked."""
        self.hold()
        clients = self.send_all([ATTEST] * 3)
        self.wait_for_status(coalesced=2)
        self.assertEqual(self.status()["queue_depth"], 1)
        for client in clients:
            client.close()
        harness.wait_until(lambda: self.status()["queue_depth"] == 0, "the call to be given up")
        self.assertEqual(self.status()["in_flight"], 1)
        self.resume_nsm()
        self.assert_document(self.ask(ATTEST))

    def test_errors_are_shared(self):
        self.hold()
        clients = self.send_all([ATTEST] * 3)
        self.wait_for_status(coalesced=2)
        self.kill_nsm()
        for client in clients:
            self.assert_code(client.receive(), "nsm_unreachable")
        self.assert_alive()

    def test_pipelined(self):
        """One connection's requests go one after the other, and each has its own document."""
        client = self.connect()
        client.send(*[ATTEST] * 20)
        documents = [self.assert_document(client.receive()) for _ in range(20)]
        self.assertEqual(len(set(documents)), 20)

    def test_comers_and_goers(self):
        """Many clients, most of which do not wait: everybody who does gets an answer."""
        stayers = [self.connect() for _ in range(10)]
        for _ in range(30):
            for client in stayers:
                client.send(ATTEST)
            for _ in range(10):
                goer = test_server.Client(self.server_path)
                goer.send(ATTEST, ATTEST)
                goer.close()
            for client in stayers:
                self.assert_document(client.receive())
        harness.wait_until(lambda: self.status()["in_flight"] == 0, "all to be done")
        self.assertEqual(self.status()["queue_depth"], 0)


class Cache(LimitsTestCase):
    server_options = ("--cache-ttl", "2", "--rate-limit", "0")

    def test_given_again(self):
        first = self.ask({**ATTEST, "id": 1})
        self.assertEqual((first["cached"], first["age_ms"]), (False, 0))
        begin = time.monotonic()
        second = self.ask({**ATTEST, "id": "two"})
        if time.monotonic() - begin < 1:
            self.assertIs(second["cached"], True)
        self.assertIs(type(second["age_ms"]), int)
        self.assertEqual(second["id"], "two")
        if second["cached"]:
            for reply in (first, second):
                for name in ("id", "cached", "age_ms"):
                    del reply[name]
            self.assertEqual(first, second)
            self.assertEqual(self.status()["cached"], 1)

    def test_expires(self):
        """Polled without pause: never older than the limit, and then a new one."""
        seen, oldest, begin = [], 0, time.monotonic()
        while len(seen) < 3:
            self.assertLess(time.monotonic() - begin, harness.PATIENCE)
            reply = self.ask(ATTEST)
            oldest = max(oldest, reply["age_ms"])
            if self.assert_document(reply) not in seen:
                self.assertIs(reply["cached"], False)
                seen.append(reply["attestation_document"])
                began = time.monotonic()
            else:
                self.assertEqual(seen[-1], reply["attestation_document"])
                self.assertIs(reply["cached"], True)
            time.sleep(0.02)
        self.assertLess(oldest, 2000)
        self.assertGreater(oldest, 1000)
        self.assertGreater(time.monotonic() - begin, 3.5)

    def test_never_with_a_nonce_or_key(self):
        self.ask(ATTEST)
        documents = set()
        requests = [{**ATTEST, "nonce": "n"}, {**ATTEST, "nonce": ""}, {**ATTEST, "nonce_base64": "AA=="},
                    {**ATTEST, "generate_key": True}]
        for request in requests * 2:
            reply = self.ask(request)
            documents.add(self.assert_document(reply))
            self.assertEqual((reply["cached"], reply["age_ms"]), (False, 0))
        self.assertEqual(len(documents), 8)
        self.assertEqual(self.status()["cached"], 0)

    def test_other_user_data(self):
        documents = set()
        for user_data in ("a", "b", "", None):
            documents.add(self.assert_document(self.ask({**ATTEST, "user_data": user_data})))
        self.assertEqual(len(documents), 4)

    def test_no_token_needed(self):
        self.service_under_shim_again("--cache-ttl", "600", "--rate-limit", "1:1")
        client = self.connect()
        for number in range(30):
            self.assertIs(client.ask(ATTEST)["cached"], number > 0)
        self.assertEqual(self.status()["rate_limited"], 0)

    def service_under_shim_again(self, *options):
        self.enclave_service.stop()
        self.service_under_shim(*options)

    def test_begun_calls_are_joined(self):
        """With a cache, older documents are wanted: one call for all."""
        self.service_under_shim_again("--cache-ttl", "600")
        self.assert_document(self.ask(nonce()))
        self.stall_nsm()
        clients = [self.connect() for _ in range(5)]
        clients[0].send(ATTEST)
        harness.wait_until(
            lambda: self.status()["in_flight"] == 1 and self.status()["queue_depth"] == 0,
            "the NSM to be asked",
        )
        for client in clients[1:]:
            client.send(ATTEST)
        self.wait_for_status(coalesced=4)
        self.resume_nsm()
        replies = [client.receive() for client in clients]
        self.assertEqual(len({self.assert_document(reply) for reply in replies}), 1)
        self.assertEqual({reply["cached"] for reply in replies}, {False})

    def test_calls_older_than_that_are_not_joined(self):
        """No document is older than the cache may give, wherever it comes from."""
        self.service_under_shim_again("--cache-ttl", "0.5")
        self.assert_document(self.ask(nonce()))
        self.stall_nsm()
        early, late = self.connect(), self.connect()
        early.send(ATTEST)
        harness.wait_until(
            lambda: self.status()["in_flight"] == 1 and self.status()["queue_depth"] == 0,
            "the NSM to be asked",
        )
        time.sleep(0.6)  # longer than what the cache keeps
        late.send(ATTEST)
        self.wait_for_status(in_flight=2)
        self.resume_nsm()
        documents = {self.assert_document(client.receive()) for client in (early, late)}
        self.assertEqual(len(documents), 2)
        self.assertEqual(self.status()["coalesced"], 0)

    def test_bounded(self):
        """A thousand different ones: memory stays, and the last is still there."""
        for number in range(300):
            self.ask({**ATTEST, "user_data": f"{number}"})
        reply = self.ask({**ATTEST, "user_data": "299"})
        self.assertIs(type(reply["cached"]), bool)
        self.assertIs(self.ask({**ATTEST, "user_data": "0"})["cached"], False)

    def test_another_nsm(self):
        """What the one before made is not given any more once it is known to be gone."""
        self.service_under_shim_again("--cache-ttl", "600")
        old = self.assert_document(self.ask(ATTEST))
        self.assertIs(self.ask(ATTEST)["cached"], True)
        self.kill_nsm()
        self.assert_code(self.ask(nonce()), "nsm_unreachable")
        self.assert_code(self.ask(ATTEST), "nsm_unreachable")
        self.start_nsm()
        harness.wait_until(lambda: self.ask(ATTEST)["success"], "the NSM to answer again")
        self.assertNotEqual(self.assert_document(self.ask(ATTEST)), old)

    def test_off_by_default(self):
        self.service_under_shim_again()
        first, second = self.ask(ATTEST), self.ask(ATTEST)
        self.assertNotEqual(self.assert_document(first), self.assert_document(second))
        self.assertNotIn("cached", second)
        self.assertNotIn("age_ms", second)


if __name__ == "__main__":
    unittest.main()
