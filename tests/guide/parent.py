# SPDX-License-Identifier: Apache-2.0
"""A parent instance that is none: nitro-cli's answers, and an enclave_app behind each enclave.

Fields, messages and error codes are the real program's (AWS's nitro-cli, src/common/json_output.rs and
document_errors.rs), as far as the guides need them.
"""

import json
import os
import socket
import threading
import time

import harness

INSTANCE_ID = "i-0123456789abcdef0"
# The guide calls its first enclave 18; nitro-cli counts on from where it was.
FIRST_CID = 18
OPTIONS = {
    "run-enclave": {"--eif-path", "--memory", "--cpu-count", "--enclave-cid", "--enclave-name",
                    "--debug-mode"},
    "describe-enclaves": {"--metadata"},
    "terminate-enclave": {"--enclave-id", "--enclave-name", "--all"},
    "console": {"--enclave-id", "--enclave-name", "--disconnect-timeout"},
    "describe-eif": {"--eif-path"},
}
# What run-enclave takes when it is not asked: the guides name theirs.
CPU_COUNT = "2"
FLAGS = {"--debug-mode", "--metadata", "--all"}


class Failure(Exception):
    """nitro-cli ends with an error: its code and the sentence."""

    def __str__(self):
        code, sentence = self.args
        return f"[ {code} ] {sentence}\n"


def parse(command, arguments):
    """nitro-cli's options as a dict; its own complaint about others."""
    options, rest = {}, list(arguments)
    while rest:
        name = rest.pop(0)
        if name not in OPTIONS.get(command, ()):
            raise Failure("E14", f"error: Found argument '{name}' which wasn't expected")
        if name not in FLAGS and not rest:
            raise Failure("E01", f"error: The argument '{name}' requires a value")
        options[name] = True if name in FLAGS else rest.pop(0)
    return options


class Enclave:
    """A software NSM and the attestation server, as `nitro-cli run-enclave` would have booted them."""

    def __init__(self, parent, name, cid, number, memory, cpus, debug, measurements):
        self.parent, self.name, self.cid, self.debug = parent, name, cid, debug
        self.id = f"{INSTANCE_ID}-enc{0x1234567890abc0 + number:016x}"
        self.memory, self.cpus, self.measurements = memory, cpus, measurements
        self.nsm_path = os.path.join(parent.directory, f"nsm-{number}")
        self.port_directory = os.path.join(parent.sandbox.vsock, str(cid))
        os.makedirs(self.port_directory, exist_ok=True)
        file = os.path.join(parent.directory, f"pcrs-{cid}.json")
        with open(file, "w", encoding="utf-8") as output:
            json.dump({"Measurements": measurements}, output)
        self.nsm = harness.Service(
            [harness.program("software_nsm"), "--listen", "unix:" + self.nsm_path,
             "--state", os.path.join(parent.directory, "nsm-state"), "--root-out", parent.root,
             "--module-id", self.id, "--measurements", file, *(["--debug-mode"] * debug)],
            parent.directory,
        )
        self.servers = []
        self.nsm.wait_for(self.nsm_path)
        self.serve()

    def serve(self, port=9000):
        """What the image's init starts: /app/enclave_app --vsock."""
        service = harness.Service(
            [self.parent.sandbox.no_vsock, harness.program("enclave_app"), "--vsock", str(port),
             "--nsm", "unix:" + self.nsm_path],
            self.parent.directory,
            env=self.parent.sandbox.shim_environment(self.cid),
        )
        self.servers.append(service)
        service.wait_for(self.socket(port))
        return service

    def socket(self, port):
        """What a server on this vsock port listens at."""
        return os.path.join(self.port_directory, str(port))

    def crash(self):
        """The server ends; the enclave stays in the list, as it does where init lives on."""
        for server in self.servers:
            server.end()
        for port in os.listdir(self.port_directory):
            os.unlink(os.path.join(self.port_directory, port))

    def end(self):
        self.crash()
        self.nsm.end()
        os.rmdir(self.port_directory)

    def started(self):
        return {
            "EnclaveName": self.name,
            "EnclaveID": self.id,
            "ProcessID": self.nsm.pid,
            "EnclaveCID": self.cid,
            "NumberOfCPUs": self.cpus,
            "CPUIDs": [1 + 4 * index for index in range(self.cpus)],
            "MemoryMiB": self.memory,
        }

    def described(self):
        return {
            **self.started(),
            "State": "RUNNING",
            "Flags": "DEBUG_MODE" if self.debug else "NONE",
            "Measurements": self.measurements,
        }

    def log(self):
        return "".join(server.log() for server in self.servers)


class Parent:
    """Answers the stand-in nitro-cli over a Unix socket, one thread a command."""

    def __init__(self, sandbox):
        self.sandbox, self.directory = sandbox, sandbox.directory
        self.root = os.path.join(self.directory, "root.pem")
        self.enclaves, self.number, self.next_cid = [], 0, FIRST_CID
        self.calls = []
        self.threads_per_core = 2  # as on most instances: then an odd CPU count starts nothing
        self.socket_path = os.path.join(self.directory, "parent")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.socket_path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        def say(name, value):
            connection.sendall(json.dumps([name, value]).encode() + b"\n")

        with connection, connection.makefile("r", encoding="utf-8") as lines:
            try:
                directory, *arguments = json.loads(lines.readline())
                self.calls.append(arguments)
                try:
                    self.run(directory, arguments, say)
                    say("exit", 0)
                except Failure as failure:
                    say("stderr", str(failure))
                    say("exit", 1)
            except OSError:
                pass  # it was ended, which is how a console is left

    def run(self, directory, arguments, say):
        command = arguments[0] if arguments else "--help"
        if command not in OPTIONS:
            raise Failure("E14", f"error: Found argument '{command}' which wasn't expected")
        options = parse(command, arguments[1:])
        getattr(self, command.replace("-", "_"))(directory, options, say)

    def close(self):
        self.terminate_all()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def terminate_all(self):
        while self.enclaves:
            self.enclaves.pop().end()
        self.next_cid = FIRST_CID

    def start(self, image, **options):
        """What a test needs running: `nitro-cli run-enclave` without its output."""
        defaults = {"--eif-path": image, "--memory": "1920", "--cpu-count": CPU_COUNT}
        self.run_enclave("/vsattest", {**defaults, **options}, lambda name, value: None)
        return self.enclaves[-1]

    # --- commands: (directory of the caller, its options, where to say things) ---------------------

    def image_of(self, directory, options):
        path = os.path.join(self.sandbox.outside(directory), options["--eif-path"])
        if not os.path.exists(path):
            raise Failure("E19", f"File operation failure: {path}: No such file or directory")
        done = harness.run([harness.program("enclave_image"), "describe", path])
        if done.returncode != 0:
            raise Failure("E35", "EIF file parsing error. " + done.stderr.decode())
        return path, json.loads(done.stdout)

    def run_enclave(self, directory, options, say):
        for name in ("--eif-path", "--memory"):
            if name not in options:
                raise Failure("E01", f"The following required arguments were not provided: {name}")
        path, description = self.image_of(directory, options)
        memory, cpus = int(options["--memory"]), int(options.get("--cpu-count", CPU_COUNT))
        debug, least = "--debug-mode" in options, 4 * os.path.getsize(path)
        if memory << 20 < max(least, 64 << 20):
            raise Failure("E26", "Insufficient memory requested. User provided "
                          f"`memory` is {memory} MiB, but at least {least >> 20} MiB is required")
        if cpus % self.threads_per_core:
            raise Failure("E33", "The enclave cannot start because full CPU cores have not been "
                          "set")
        if description["IsSigned"] and not description["SignatureCheck"]:
            raise Failure("E59", "EIF signature checker error.")
        name = options.get("--enclave-name") or os.path.basename(path)[: -len(".eif")]
        taken = {enclave.name for enclave in self.enclaves}
        name = next(one for one in [name, *(f"{name}_{i}" for i in range(1, 99))]
                    if one not in taken)
        cid = int(options.get("--enclave-cid", 0)) or self.next_cid
        self.next_cid, self.number = max(self.next_cid, cid) + 1, self.number + 1
        say("stderr", "Start allocating memory...\n")
        enclave = Enclave(self, name, cid, self.number, memory, cpus, debug,
                          description["Measurements"])
        self.enclaves.append(enclave)
        started = enclave.started()
        say("stderr", f"Started enclave with enclave-cid: {cid}, memory: {memory} MiB, "
            f"cpu-ids: {started['CPUIDs']}\n")
        say("stdout", json.dumps(started, indent=2) + "\n")

    def describe_enclaves(self, _directory, _options, say):
        say("stdout", json.dumps([one.described() for one in self.enclaves], indent=2) + "\n")

    def describe_eif(self, directory, options, say):
        say("stdout", json.dumps(self.image_of(directory, options)[1], indent=2) + "\n")

    def named(self, options):
        if "--enclave-name" in options:
            found = [one for one in self.enclaves if one.name == options["--enclave-name"]]
            if not found:
                # An enclave's ID is no name.
                raise Failure("E58", "Enclave naming error. No enclave matched the given name.")
            return found[0]
        found = [one for one in self.enclaves if one.id == options.get("--enclave-id")]
        if not found:
            raise Failure("E39", "Enclave process connection failure. No such enclave.")
        return found[0]

    def terminate_enclave(self, _directory, options, say):
        ended = list(self.enclaves) if "--all" in options else [self.named(options)]
        for enclave in ended:
            self.enclaves.remove(enclave)
            enclave.end()
            say("stderr", f"Successfully terminated enclave {enclave.id}.\n")
            say("stdout", json.dumps({"EnclaveName": enclave.name, "EnclaveID": enclave.id,
                                      "Terminated": True}, indent=2) + "\n")

    def console(self, _directory, options, say):
        enclave = self.named(options)
        say("stdout", f"Connecting to the console for enclave {enclave.cid}...\n")
        if not enclave.debug:
            raise Failure("E44", "Enclave console connection failure. Such error appears when the "
                          "enclave was not started in debug mode.")
        say("stdout", "Successfully connected to the console.\n")
        shown = 0
        # It follows the log until the user leaves, or the enclave ends.
        while enclave in self.enclaves:
            log = enclave.log()
            say("stdout", log[shown:])
            shown = len(log)
            time.sleep(0.1)
