#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/demo --enclave: builds app.eif, boots it in QEMU as nitro-cli would on EC2, and attests it from this machine.

Needs what `scripts/deps qemu` installs. No AF_VSOCK is opened on this machine, no KVM is used, and nothing is left
running.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time

import cbor
from bench import PARENT_CID, TOP, Bench, NotAvailable, nitro_qemu_command, read, tool

CID, PORT = 16, 9000
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")

DIFFERENCES = """
{bold}What would differ on AWS{plain}
- nitro-cli run-enclave starts app.eif and answers the heartbeat; here QEMU and a small second guest did.
- The Nitro Secure Module signs its documents, with a certificate chain up to AWS's root. QEMU's does not sign at all
  (algorithm -1, 64 zero bytes for a signature), so nothing that came from it may be trusted, and vsock_client refused
  it. On AWS the same command verifies:
    vsock_client --verify --generate-key --measurements app.measurements.json
- vsock_client finds the enclave by itself; --connect vsock-mux:... is for virtual machines like this one.
- For documents that do verify, without AWS: scripts/demo (a software NSM with a root of its own).
"""


class DemoError(Exception):
    """A step did not do what it should."""


def title(text):
    """A heading."""
    print("\n%s%s%s" % (BOLD, text, PLAIN), flush=True)


def run(*command, status=0):
    """Shows a command, runs it and shows what it says; its standard output. The exit status must be `status`."""
    words = [os.path.basename(command[0]), *command[1:]]
    print("$ " + " ".join("'%s'" % word if " " in word else word for word in words), flush=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=900)
    if done.returncode != status:
        raise DemoError("exit status %d instead of %d" % (done.returncode, status))
    return done.stdout


def build(work):
    """app.eif and vsock_client; (path of the image, {"PCR0": hex, ...})."""
    image = os.path.join(work, "app.eif")
    os.chdir(TOP)
    kernel = tool("enclave/build-kernel")
    print(run("./build-enclave.sh", "--kernel", kernel, "--output", image), end="")
    command = ["ninja", "-C", "build-enclave", "src/programs/vsock_client"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    with open(os.path.join(work, "app.measurements.json"), encoding="utf-8") as file:
        return image, json.load(file)["Measurements"]


def boot(bench, image):
    """Parent instance and enclave; the link between them and us."""
    begun = time.monotonic()
    link = bench.vhost(PARENT_CID, CID)
    parent = bench.debian_guest(files={"/bin/probe": bench.probe()}, vhost=link, cid=PARENT_CID, name="parent")
    parent.wait_up(120)
    parent.run("probe echo 9000 &")
    parent.expect("ok listening on port 9000")
    print("A guest with CID %d plays the parent instance, after %.1f s." % (PARENT_CID, time.monotonic() - begun))
    print("qemu-system-x86_64 -M nitro-enclave -m 64M -kernel app.eif ...", flush=True)
    enclave = bench.nitro_guest(read(image), link, CID, memory=64)
    enclave.expect("event=listening", 90)
    print("The end of the enclave's console, %.1f s after QEMU's start:" % enclave.elapsed())
    lines = [line for line in enclave.output.splitlines() if line.startswith(("enclave_init", "time="))]
    print("\n".join("  | " + line for line in lines), flush=True)
    return link


def compare(document, measurements):
    """The registers in a document, of which nothing is verified, against what the build printed."""
    pcrs = cbor.document(base64.b64decode(document))[1]["pcrs"]
    for name in ("PCR0", "PCR1", "PCR2"):
        if pcrs[int(name[3:])].hex() != measurements[name]:
            raise DemoError("%s is not the one that the build printed" % name)
        print("  %s %s...  as printed by the build" % (name, measurements[name][:32]))


def demo(work):
    """All of it."""
    title("1. QEMU with the nitro-enclave machine, and guests (kept in ~/.cache/vsattest)")
    try:
        nitro_qemu_command("--where")
    except NotAvailable:
        print("Building QEMU and a kernel, once: a quarter of an hour ...", flush=True)
    print(nitro_qemu_command()[0])
    tool("tests/enclave/fetch-guest")
    title("2. Build the enclave image")
    image, measurements = build(work)
    client = os.path.join(TOP, "build-enclave", "src", "programs", "vsock_client")
    os.chdir(work)
    with Bench(300) as bench:
        title("3. Boot it")
        link = boot(bench, image)
        os.symlink(link.path(CID), os.path.join(work, "enclave.sock"))
        connect = ["--connect", "vsock-mux:enclave.sock:%d" % PORT]
        title("4. Is it there?")
        print(run(client, *connect, "--ping"), end="")
        print(run(client, *connect, "--status"), end="")
        title("5. Ask for attestation, and look at the measurements (which proves nothing yet)")
        reply = json.loads(run(client, *connect, "--attest", "--generate-key", "--json"))
        compare(reply["attestation_document"], measurements)
        title("6. Verify: this must be refused, since QEMU's module does not sign")
        options = ["--verify", "--generate-key", "--json", "--measurements", "app.measurements.json"]
        reply = json.loads(run(client, *connect, *options, status=4))
        if reply["verified"] is not False or reply["error_code"] != "algorithm_invalid":
            raise DemoError("refused for another reason than the missing signature: %s" % reply.get("error_code"))
        print("Refused, as it has to be: %s" % reply["verification_error"])
    print("\nEverything that was started has been stopped.")
    print(DIFFERENCES.format(bold=BOLD, plain=PLAIN))


def main():
    """Exit status 0 only if every step did what it should."""
    sys.stdout.reconfigure(line_buffering=True)
    try:
        with tempfile.TemporaryDirectory(prefix="vsa-demo-") as work:
            try:
                demo(work)
            finally:
                os.chdir(TOP)
    except NotAvailable as reason:
        print("\ndemo: not possible on this machine: %s" % reason, file=sys.stderr)
        print("demo: scripts/ci-enclave-deps names what is needed (Debian 12 on x86-64)", file=sys.stderr)
        return 1
    except Exception as error:  # pylint: disable=broad-except # every kind of failure is reported the same way
        print("\ndemo: FAILED: %s" % error, file=sys.stderr)
        return 1
    print("demo: every step passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
