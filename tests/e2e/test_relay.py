# SPDX-License-Identifier: Apache-2.0
"""vsock_client --relay: lines between clients elsewhere and the enclave, and bad ones on both sides.

Whatever one peer does, another client's ping is answered: every test ends with one.
"""

import json
import os
import random
import signal
import socket
import threading
import time

import harness
import support
import test_server

PING = b'{"command":"ping"}\n'
PONG = test_server.PONG
MAX_LINE = 65536


def free_port():
    """A port of the loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client(test_server.Client):
    """One connection to a relay."""

    @staticmethod
    def connected(address):
        kind, _, rest = address.partition(":")
        if kind != "tcp":
            return test_server.Client.connected(rest)
        host, port = rest.rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)), harness.PATIENCE)

    def ask(self, request=PING):
        return super().ask(request)


def lines_of(connection):
    return connection.makefile("rb")


def echo(connection):
    """Replies to each line with its length and content."""
    for line in lines_of(connection):
        connection.sendall(json.dumps({"success": True, "line": line.decode("latin-1")}).encode() + b"\n")


class RelayTestCase(support.EnclaveTestCase):
    def relay(self, *options, to=None, listen=None):
        """Starts the relay; sets and returns its address."""
        self.address = listen or f"tcp:127.0.0.1:{free_port()}"
        self.relay_service = self.service([
            harness.program("vsock_client"), "--relay", "--listen", self.address,
            "--connect", to or self.enclave, *options])
        harness.wait_until(self.is_ready, "the relay")
        return self.address

    def is_ready(self):
        if self.relay_service.process.poll() is not None:
            raise AssertionError(self.relay_service.log())
        return "relay: from" in self.relay_service.log()

    def fake(self, serve=echo, name="fake"):
        enclave = support.SocketServer(self.path(name), serve)
        self.addCleanup(enclave.close)
        self.enclave = "unix:" + self.path(name)
        return enclave

    def connect(self):
        client = Client(self.address)
        self.addCleanup(client.close)
        return client

    def assert_alive(self):
        with Client(self.address) as client:
            reply = client.ask()
            self.assertIs(reply["success"], True, reply)

    def assert_error(self, reply, code):
        self.assertEqual((reply["success"], reply["error_code"]), (False, code), reply)


class Enclave(RelayTestCase):
    """In front of a real one."""

    def setUp(self):
        super().setUp()
        self.start_enclave()

    def test_verify_over_tcp(self):
        to = ("--connect", self.relay())
        self.assertEqual(self.client("--ping", *to).stdout, b"Pong!\n")
        pcrs = [f"--pcr={index}={value}" for index, value in support.PCRS.items()]
        done = self.client("--verify", "--json", "--root", self.root, *pcrs, *to)
        self.assertIs(self.json_of(done, 0)["verified"], True)
        self.assertEqual(self.relay_service.stop(), 0)
        self.assertIn("relay: stopped", self.relay_service.log())
        done = self.client("--ping", *to)
        self.assert_exit(done, 3)
        self.assertIn(b"On the parent:\n  vsock_client --relay", done.stderr)

    def test_ipv6_and_name(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 loopback here")
        self.relay(listen=f"tcp:[::1]:{free_port()}")
        self.assertEqual(self.client("--ping", "--connect", self.address).stdout, b"Pong!\n")

    def test_unix(self):
        self.relay(listen="unix:" + self.path("relay"))
        self.assert_alive()
        self.assertEqual(self.relay_service.stop(), 0)
        self.assertFalse(os.path.exists(self.path("relay")))

    def test_many_clients_and_many_lines(self):
        self.relay("--rate-limit=0")
        clients = [self.connect() for _ in range(50)]
        for number, client in enumerate(clients):
            client.send(b"".join(b'{"command":"ping","id":%d}\n' % (number * 100 + i) for i in range(20)))
        for number, client in enumerate(clients):
            ids = [client.receive()["id"] for _ in range(20)]
            self.assertEqual(ids, [number * 100 + i for i in range(20)])
        self.assert_alive()

    def test_what_the_enclave_says_of_bad_lines(self):
        self.relay()
        client = self.connect()
        self.assert_error(client.ask(b"rubbish\n"), "json_invalid")
        self.assert_error(client.ask(b"\xff\x00\n"), "json_invalid")
        self.assertEqual(client.ask(b" \t\r\n\n\r\n" + PING), PONG)
        self.assert_alive()

    def test_half_close(self):
        self.relay()
        client = self.connect()
        client.send(PING + PING.strip())
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([client.receive() for _ in range(3)], [PONG, PONG, None])
        self.assert_alive()

    def test_stop_while_clients_send(self):
        """Each line gets its reply or its connection ends; the program does, too."""
        self.relay("--rate-limit=0")
        clients = [self.connect() for _ in range(10)]
        for client in clients:
            client.send(PING * 5)
        self.relay_service.process.send_signal(signal.SIGTERM)
        for client in clients:
            replies = []
            try:
                while (reply := client.receive()) is not None:
                    replies.append(reply)
            except ConnectionResetError:
                pass
            self.assertIn(replies, [[PONG] * count for count in range(6)])
        self.assertEqual(self.relay_service.wait(), 0)

    def test_enclave_restarts(self):
        """The same client is served by the next enclave."""
        self.relay()
        client = self.connect()
        self.assertEqual(client.ask(), PONG)
        self.assertEqual(self.enclave_service.stop(), 0)
        harness.wait_until(lambda: client.ask()["success"] is False, "the end of the enclave")
        self.assert_error(client.ask(), "backend_unavailable")
        self.assert_exit(self.client("--ping", "--connect", self.address), 3)
        self.assertNotIn(self.directory, json.dumps(client.ask()))
        self.assertEqual(self.relay_service.log().count("cannot be reached"), 1)
        self.start_server()
        self.assertEqual(client.ask(), PONG)
        self.assertIn("can be reached again", self.relay_service.log())


class Limits(RelayTestCase):
    def test_longest_line(self):
        self.fake()
        self.relay()
        client = self.connect()
        longest = b"x" * (MAX_LINE - 1) + b"\n"
        client.send(longest)
        # The reply is longer than a line may be, and ends the connection.
        self.assertIsNone(client.receive())
        self.assert_alive()

    def test_line_too_long(self):
        self.fake()
        self.relay()
        client = self.connect()
        client.send(b"x" * MAX_LINE)
        self.assert_error(client.receive(), "line_too_long")
        self.assertIsNone(client.receive())
        self.assert_alive()

    def test_idle(self):
        enclave = self.fake()
        self.relay("--idle-timeout=0.3")
        client, dripping = self.connect(), self.connect()
        self.assertTrue(client.ask()["success"])
        began = time.monotonic()
        for _ in range(3):
            dripping.send(b"x")  # single bytes are no line
            time.sleep(0.05)
        for one in (client, dripping):
            self.assert_error(one.receive(), "idle_timeout")
            self.assertIsNone(one.receive())
        self.assertLess(time.monotonic() - began, harness.PATIENCE)
        self.assertEqual(len(enclave.connections), 1)
        self.assert_alive()

    def test_connections(self):
        """The one that has been idle for longest gives way; where none is idle the new one does."""
        held = threading.Event()
        self.addCleanup(held.set)

        def serve(connection):
            for line in lines_of(connection):
                if b"wait" in line:
                    held.wait(harness.PATIENCE)
                connection.sendall(b'{"success":true}\n')

        self.fake(serve)
        self.relay("--max-connections=2")
        first, second = self.connect(), self.connect()
        self.assertTrue(first.ask()["success"])
        self.assertTrue(second.ask()["success"])
        third = self.connect()
        self.assert_error(first.receive(), "too_many_connections")
        second.send(b"wait\n")
        self.assertTrue(third.ask()["success"])
        third.send(b"wait\n")
        time.sleep(0.1)
        self.assert_error(self.connect().receive(), "too_many_connections")
        held.set()
        self.assertTrue(second.receive()["success"])
        self.assertTrue(third.receive()["success"])
        self.assert_alive()

    def test_rate(self):
        """All lines are answered, in order, and not faster than the limit."""
        self.fake()
        self.relay("--rate-limit=20")
        began = time.monotonic()
        clients = [self.connect() for _ in range(4)]
        for client in clients:
            client.send(b"".join(b"%d\n" % i for i in range(10)))
        for client in clients:
            self.assertEqual([client.receive()["line"] for _ in range(10)], [f"{i}\n" for i in range(10)])
        # 40 lines: 20 at once, 20 in a second.
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assert_alive()

    def test_client_goes_while_its_line_waits(self):
        self.fake()
        self.relay("--rate-limit=5")
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.send(b"x" * 1000 + b"\n")
        for client in clients[:19]:
            client.close()
        self.assertTrue(clients[19].receive()["success"])
        self.assert_alive()


class HostilePeers(RelayTestCase):
    def test_client_goes_while_the_enclave_works(self):
        gone = threading.Event()

        def serve(connection):
            for line in lines_of(connection):
                if b"slow" in line:
                    gone.wait(harness.PATIENCE)
                connection.sendall(b'{"success":true}\n')

        self.fake(serve)
        self.relay()
        for _ in range(20):
            client = self.connect()
            client.send(b"slow\n")
            client.close()
        gone.set()
        self.assert_alive()

    def test_enclave_closes_instead_of_replying(self):
        """The client's connection ends, as it would without a relay: nothing is made up."""
        def serve(connection):
            line = lines_of(connection).readline()
            if b"ping" in line:
                connection.sendall(b'{"success":true}\n')

        self.fake(serve)
        self.relay()
        client = self.connect()
        self.assertIsNone(client.ask(b"die\n"))
        self.assert_alive()

    def test_enclave_sends_what_was_not_asked_for(self):
        """Only a reply to a line reaches the client; the rest ends that connection to the enclave."""
        def serve(connection):
            for _ in lines_of(connection):
                connection.sendall(b'{"success":true,"n":1}\n{"success":true,"n":2}\n')

        enclave = self.fake(serve)
        self.relay()
        client = self.connect()
        for _ in range(5):
            self.assertEqual(client.ask()["n"], 1)
            time.sleep(0.02)
        self.assertGreater(len(enclave.connections), 1)
        self.assert_alive()

    def test_enclave_replies_without_end(self):
        def serve(connection):
            for line in lines_of(connection):
                while b"endless" in line:
                    connection.sendall(b"x" * 4096)
                connection.sendall(b'{"success":true}\n')

        self.fake(serve)
        self.relay()
        client = self.connect()
        self.assertIsNone(client.ask(b"endless\n"))
        self.assert_alive()

    def test_enclave_is_silent(self):
        """--timeout is how long a reply may take."""
        def serve(connection):
            for line in lines_of(connection):
                if b"ping" in line:
                    connection.sendall(b'{"success":true}\n')

        self.fake(serve)
        self.relay("--timeout=0.3")
        client = self.connect()
        self.assertIsNone(client.ask(b"silence\n"))
        self.assert_alive()

    def test_client_does_not_read(self):
        """It blocks itself alone, and is closed when it has been idle for long enough."""
        self.fake()
        self.relay("--rate-limit=0", "--idle-timeout=1")
        client = self.connect()
        client.socket.settimeout(0.2)
        try:
            for _ in range(2000):
                client.send(b"x" * 10000 + b"\n")
        except (TimeoutError, ConnectionError):
            pass
        self.assert_alive()

    def is_admitted(self):
        """Whether a ping is answered. One that has gone is counted until its line has its reply."""
        try:
            with Client(self.address) as client:
                reply = client.ask()
        except OSError:
            return False  # refused before its line was read
        if not reply["success"]:
            self.assert_error(reply, "too_many_connections")
        return reply["success"]

    def test_noise(self):
        """Random bytes at random times, from several clients that go as they like."""
        self.fake()
        self.relay("--rate-limit=0", "--max-connections=20")
        source = random.Random(11)
        clients = []
        for _ in range(300):
            if len(clients) < 15:
                clients.append(Client(self.address))
            client = source.choice(clients)
            try:
                if source.random() < 0.2:
                    clients.remove(client)
                    client.close()
                else:
                    client.send(source.randbytes(source.choice((1, 10, 1000, 30000))) + source.choice((b"", b"\n")))
            except OSError:
                client.close()
        for client in clients:
            client.close()
        harness.wait_until(self.is_admitted, "the replies to those who have gone")
        self.assertEqual(self.relay_service.stop(), 0)


class Usage(RelayTestCase):
    def test_usage(self):
        enclave = ("--connect", "unix:" + self.path("nothing"))
        port = free_port()
        listen = f"--listen=tcp:127.0.0.1:{port}"
        for options, words in (
            (["--relay"], b"--listen unix:PATH"),
            (["--relay", "--listen=vsock:any:9000"], b"--listen takes unix:PATH or tcp:"),
            (["--relay", f"--listen=tcp:0.0.0.0:{port}"], b"--anywhere"),
            (["--relay", f"--listen=tcp:[::]:{port}"], b"can be reached from other machines"),
            (["--relay", f"--listen=tcp:localhost:{port}"], b"takes a numeric address"),
            (["--relay", "--listen=tcp:127.0.0.1"], b"HOST"),
            (["--relay", "--anywhere", "--listen=unix:x"], b"--anywhere is for tcp:"),
            (["--relay", listen, "--json"], b"no --json"),
            (["--relay", listen, "--retries=3"], b"--retries"),
            (["--relay", listen, "--save=x"], b"--save goes with"),
            (["--relay", listen, "--nonce=x"], b"--nonce"),
            (["--relay", listen, "--all"], b"--all"),
            (["--relay", listen, "--watch"], b"--watch"),
            (["--relay", listen, "--ping"], b"or --relay (only --attest, --verify and --service go together)"),
            (["--relay", listen, "--max-connections=0"], b"--max-connections"),
            (["--relay", listen, "--rate-limit=x"], b"--rate-limit"),
            (["--relay", listen, "--idle-timeout=0"], b"--idle-timeout"),
            (["--ping", listen], b"go with --relay"),
            (["--ping", "--anywhere"], b"go with --relay"),
            (["--ping", "--rate-limit=1"], b"go with --relay"),
        ):
            with self.subTest(options=options):
                done = self.client(*options, *([] if "--all" in options else enclave))
                self.assert_exit(done, 2)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stdout.count(b"success"), options.count("--json"))

    def test_address_in_use(self):
        self.fake()
        self.relay()
        done = self.client("--relay", "--listen", self.address, "--connect", self.enclave)
        self.assert_exit(done, 3)
        self.assertIn(b"is in use", done.stderr)
        self.assert_alive()

    def test_anywhere(self):
        """An address of the loopback needs no permission, and has it."""
        self.fake()
        self.relay("--anywhere")
        self.assert_alive()
