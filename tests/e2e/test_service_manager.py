# SPDX-License-Identifier: Apache-2.0
"""Servers under a service manager that waits for their messages (sd_notify(3)); here a test is the manager."""

import re
import select
import signal
import socket

import harness
import support
import test_relay
import verifierd


class Manager:
    """The socket of a service manager: a path, or an abstract name that begins with @."""

    def __init__(self, name):
        self.environment = {"NOTIFY_SOCKET": name}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.socket.settimeout(harness.PATIENCE)

    def next(self):
        return self.socket.recv(256).decode()

    def is_silent(self):
        return not select.select([self.socket], [], [], 0)[0]


class Managed(verifierd.ServiceTestCase):
    def manager(self, name=None):
        manager = Manager(name or self.path("notify"))
        self.addCleanup(manager.socket.close)
        return manager

    def start(self, manager, *arguments):
        """Starts a server and waits for the manager's message alone."""
        service = self.service([harness.program(arguments[0]), *arguments[1:]], env=manager.environment)
        self.assertEqual(manager.next(), "READY=1", service.log())
        return service

    def start_managed_verifierd(self, manager, *options):
        self.policy()
        return self.start(manager, "vsattest-verifierd", "--listen", "unix:" + self.path("v"),
                          "--policies", self.policies, *options)

    def test_verifierd(self):
        manager = self.manager()
        service = self.start_managed_verifierd(manager)
        self.assertEqual(verifierd.ask(self.path("v"), "GET", "/readyz").status, 200)
        # Whether a reload succeeds or not: READY=1 ends it. Type=notify-reload compares the time with its own.
        for name in ("another", "Broken"):
            self.policy(name)
            service.process.send_signal(signal.SIGHUP)
            self.assertRegex(manager.next(), r"\ARELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*\Z")
            self.assertEqual(manager.next(), "READY=1")
        self.assertIn("reload failed", service.log())
        self.assertEqual(service.stop(), 0)
        self.assertEqual(manager.next(), "STOPPING=1")
        self.assertTrue(manager.is_silent())

    def test_verifierd_that_cannot_start(self):
        manager = self.manager()
        service = self.service([verifierd.PROGRAM, "--listen", "unix:" + self.path("v"), "--policies", self.policies],
                               env=manager.environment)
        self.assertNotEqual(service.wait(), 0)
        self.assertTrue(manager.is_silent())

    def test_software_enclave(self):
        """In its sandbox, too, and by an abstract name."""
        manager = self.manager("@" + self.path("notify"))
        nsm = "unix:" + self.path("nsm")
        self.start(manager, "software_nsm", "--listen", nsm, "--state", self.path("state"),
                   "--root-out", self.path("root.pem"))
        address = "unix:" + self.path("enclave")
        enclave = self.start(manager, "enclave_app", "--listen", address, "--nsm", nsm)
        self.assert_exit(self.client("--connect", address, "--verify", "--root", self.path("root.pem")), 0)
        self.assertEqual(enclave.stop(), 0)
        self.assertEqual(manager.next(), "STOPPING=1")

    def test_relay(self):
        manager = self.manager()
        address = f"tcp:127.0.0.1:{test_relay.free_port()}"
        server = support.SocketServer(self.path("peer"), test_relay.echo)
        self.addCleanup(server.close)
        self.start(manager, "vsock_client", "--relay", "--listen", address, "--connect", "unix:" + self.path("peer"))
        client = test_relay.Client(address)
        self.addCleanup(client.close)
        self.assertTrue(client.ask()["success"])

    def test_manager_out_of_reach(self):
        """The server warns and serves. It opens no vsock address; were it to, the launcher would keep it from that."""
        launcher = support.Sandbox(self).launcher
        self.policy()
        for name in (self.path("nothing"), "vsock:2:1234", "@", "relative", "/" + "x" * 200):
            service = self.service([launcher, verifierd.PROGRAM, "--listen", "unix:" + self.path("v"), "--policies",
                                    self.policies], env={"NOTIFY_SOCKET": name}, wait_for=self.path("v"))
            self.assertEqual(verifierd.ask(self.path("v"), "GET", "/readyz").status, 200)
            self.assertTrue(re.search(r"warning: NOTIFY_SOCKET: .", service.log()), (name, service.log()))
            self.assertEqual(service.stop(), 0)
