#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the benches themselves work, with a small probe in the place of the project's programs.

    tests/enclave/check_bench.py [--required] [loopback] [vhost] [microvm] [nitro] [pair]

Without a name all are run. A bench whose tools cannot be had here is skipped, with the reason; with --required that
is a failure too.
"""

import re
import sys
import time

import eif
from bench import PARENT_CID, Bench, NotAvailable, nitro_qemu_command, read, shell_initramfs, tool

CMDLINE = b"reboot=k panic=30 console=ttyS0 quiet random.trust_cpu=on"
ENCLAVE_CID = 16
ROLE, INSTANCE = "arn:aws:iam::123456789012:role/bench", "i-1234567890abcdef0"
DESCRIBE_NSM = "6b44657363726962654e534d"
DESCRIBE_PCR = "a16b4465736372696265504352a165696e646578%02x"


def check(condition, what):
    """Like assert, but never left out."""
    if not condition:
        raise AssertionError(what)


def loopback():
    """Debian's kernel, AF_VSOCK loopback inside the guest, CUSE there for a made-up /dev/nsm."""
    with Bench(60) as bench:
        guest = bench.debian_guest(files={"/bin/probe": bench.probe()})
        up = guest.wait_up()
        guest.run("probe echo 9000 &")
        guest.expect("ok listening on port 9000")
        check("ok hello" in guest.run("probe ping 1 9000 hello").output, "ping over CID 1")
        check("reset by peer" in guest.run("probe ping 1 9001 hello").output, "a port without a listener")
        check("No such device" in guest.run("probe ping 77 9000 hello").output, "a CID that is not there")
        check(guest.run("test -c /dev/cuse").status == 0, "/dev/cuse")
        guest.write("reboot -f\n")
        check(guest.wait() == 0, "the guest ends QEMU")
        return "up after %.1f s" % up


def vhost():
    """Debian's kernel, the host reaches the guest's port through a Unix socket."""
    with Bench(60) as bench:
        link = bench.vhost(ENCLAVE_CID)
        guest = bench.debian_guest(files={"/bin/probe": bench.probe()}, vhost=link, cid=ENCLAVE_CID)
        guest.wait_up()
        check("ok 16" in guest.run("probe cid").output, "the guest's CID")
        guest.run("probe echo 9000 &")
        return _talk(link, guest)


def _talk(link, guest):
    """Sends data from the host to the echo server on the guest's port 9000 and reads it back."""
    with link.connect_soon(ENCLAVE_CID, 9000) as connection:
        first = guest.elapsed()
        connection.sendall(b"hello")
        check(connection.recv(16) == b"hello", "echo to the host")
    try:
        link.connect(ENCLAVE_CID, 9001).close()
    except ConnectionRefusedError:
        return "first answer after %.1f s" % first
    raise AssertionError("a port without a listener must be refused")


def _image(bench, setup):
    """An image of our kernel with a shell: (kernel, ramdisks)."""
    kernel = read(tool("enclave/build-kernel"))
    files = {"/bin/probe": bench.probe()}
    # Two ramdisks, as nitro-cli makes them, so that PCR2 covers something.
    first = shell_initramfs(tool("tests/enclave/fetch-guest"), files, setup, modules=False)
    second = shell_initramfs(tool("tests/enclave/fetch-guest"), files, setup, modules=False)
    return kernel, [first, second]


def microvm():
    """Our enclave kernel without a Nitro machine: no NSM, but vsock."""
    with Bench(60) as bench:
        kernel, ramdisks = _image(bench, "probe echo 9000 &")
        link = bench.vhost(ENCLAVE_CID)
        guest = bench.enclave_kernel_guest(kernel, CMDLINE, ramdisks, link, ENCLAVE_CID)
        guest.wait_up()
        check(guest.run("test -e /dev/nsm").status != 0, "no NSM here")
        return _talk(link, guest)


def _pcr(guest, index):
    """The value of a PCR as the enclave's /dev/nsm gives it."""
    answer = guest.run("probe nsm " + DESCRIBE_PCR % index).output
    value = re.search(r"^ok a16b4465736372696265504352.*64646174615830([0-9a-f]{96})", answer, re.MULTILINE)
    check(value, answer)
    return bytes.fromhex(value.group(1))


def nitro():
    """The nitro-enclave machine: an image made by eif.py, the Linux driver, PCRs, the host's way in."""
    nitro_qemu_command()
    with Bench(60) as bench:
        kernel, ramdisks = _image(bench, "probe echo 9000 &")
        image = eif.build(kernel, CMDLINE, ramdisks)
        link = bench.vhost(ENCLAVE_CID)
        guest = bench.nitro_guest(image, link, parent_role=ROLE, parent_id=INSTANCE)
        up = guest.wait_up()
        talk = _talk(link, guest)
        check("ok a16b44657363726962654e534d" in guest.run("probe nsm " + DESCRIBE_NSM).output, "DescribeNSM")
        expected = eif.measure(kernel, CMDLINE, ramdisks)
        expected.update({3: eif.extended(ROLE), 4: eif.extended(INSTANCE), 8: bytes(48)})
        for index, value in expected.items():
            check(_pcr(guest, index) == value, "PCR%d" % index)
        check("666" in guest.run("stat -c %a /dev/nsm").output, "the mode of /dev/nsm")
        check(guest.run("probe ping 1 9000 x").status != 0, "CID 1 must not exist in an enclave")
        return "up after %.1f s, %s, image %d bytes" % (up, talk, len(image))


def pair():
    """A parent instance with CID 3 and an enclave with CID 16 that sends the heartbeat."""
    nitro_qemu_command()
    with Bench(90) as bench:
        begun = time.monotonic()
        link = bench.vhost(PARENT_CID, ENCLAVE_CID)
        parent = bench.debian_guest(files={"/bin/probe": bench.probe()}, vhost=link, cid=PARENT_CID, name="parent")
        parent.wait_up()
        parent.run("probe echo 9000 &")
        parent.expect("ok listening on port 9000")
        kernel, ramdisks = _image(bench, "probe heartbeat 3 9000; probe echo 9000 &")
        enclave = bench.nitro_guest(eif.build(kernel, CMDLINE, ramdisks), link)
        enclave.expect("ok heartbeat")
        enclave.wait_up()
        enclave.expect("ok listening on port 9000")
        check("ok hello" in parent.run("probe ping 16 9000 hello").output, "parent to enclave")
        check("ok back" in enclave.run("probe ping 3 9000 back").output, "enclave to parent")
        check("reset by peer" in parent.run("probe ping 16 9001 x").output, "a port without a listener")
        return "%.1f s in all" % (time.monotonic() - begun)


def main():
    """Runs the benches named, or all."""
    benches = {f.__name__: f for f in (loopback, vhost, microvm, nitro, pair)}
    names = [name for name in sys.argv[1:] if name != "--required"]
    required = len(names) < len(sys.argv) - 1
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    for name in names or benches:
        begun = time.monotonic()
        try:
            verdict, text = "ok", benches[name]()
        except NotAvailable as reason:
            verdict, text = ("FAILED" if required else "skipped"), reason
        except Exception as error:  # pylint: disable=broad-except # every kind of failure is reported the same way
            verdict, text = "FAILED", "%s: %s" % (type(error).__name__, error)
        counts[verdict] += 1
        print("%-8s %-9s %5.1f s  %s" % (verdict, name, time.monotonic() - begun, text), flush=True)
    print("%d passed, %d failed, %d skipped" % tuple(counts.values()))
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
