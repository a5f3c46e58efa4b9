# SPDX-License-Identifier: Apache-2.0
"""What the tests put into guests: our programs as static ones, and enclave images of them. Made once, on first use.

scripts/test-enclave builds the programs and names where all is by VSA_GUEST_BUILD and VSA_GUEST_WORK.
"""

import functools
import json
import os
import subprocess
import sys
from collections import namedtuple

from bench import HERE, TOP, NotAvailable, read, tool

BUILD = os.environ.get("VSA_GUEST_BUILD", os.path.join(TOP, "build-enclave"))
WORK = os.environ.get("VSA_GUEST_WORK", "")

# path: of the EIF; pcrs: {0: hex, 1: hex, 2: hex[, 8: hex]} as enclave_image printed them
Image = namedtuple("Image", "path pcrs")


def work(name):
    """A path in the directory for things made here."""
    return os.path.join(WORK, name)


def call(*command):
    """Runs a program that must succeed; its standard output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (command[0], done.stderr[-2000:]))
    return done.stdout


def built(name):
    """One of our programs as it was linked: statically, to run here and in guests."""
    return os.path.join(BUILD, "src", "programs", name)


@functools.lru_cache(maxsize=None)
def program(name):
    """The file of one of our programs, stripped."""
    path = work(name)
    call("strip", "-s", "-o", path, built(name))
    return path


@functools.lru_cache(maxsize=None)
def guest_program(name):
    """The file of a program of guest/, compiled statically."""
    path = work(name)
    source = os.path.join(HERE, "guest", name + ".c")
    call("gcc", "-D_GNU_SOURCE", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, source)
    return path


def files(*names):
    """{path in a guest: bytes} of programs, ours or guest/'s."""
    found = {}
    for name in names:
        own = os.path.exists(os.path.join(HERE, "guest", name + ".c"))
        found["/bin/" + name] = read(guest_program(name) if own else program(name))
    return found


def _image(path, text):
    measurements = json.loads(text)["Measurements"]
    pcrs = {int(key[3:]): value for key, value in measurements.items() if key.startswith("PCR")}
    return Image(path, pcrs)


def kernel():
    """The enclave kernel; NotAvailable where it cannot be built."""
    return tool("enclave/build-kernel")


@functools.lru_cache(maxsize=None)
def app_image():
    """app.eif as ./build-enclave.sh makes it, with our own kernel."""
    path = work("app.eif")
    script = os.path.join(TOP, "build-enclave.sh")
    return _image(path, call(script, "--kernel", kernel(), "--output", path))


@functools.lru_cache(maxsize=None)
def signed_image():
    """app.eif, signed with a certificate made for it."""
    key, certificate, path = work("signing.key"), work("signing.pem"), work("signed.eif")
    app = app_image()
    call("openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key)
    request = ["-new", "-x509", "-sha384", "-key", key, "-subj", "/CN=test", "-days", "2", "-out", certificate]
    call("openssl", "req", *request)
    options = ["--signing-certificate", certificate, "--private-key", key, "--output", path]
    return _image(path, call(built("enclave_image"), "sign", *options, app.path))


@functools.lru_cache(maxsize=None)
def app_parts():
    """(kernel, command line, ramdisks) of app.eif, as bytes."""
    directory = work("parts")
    if not os.path.isdir(directory):
        call(built("enclave_image"), "extract", "--output", directory, app_image().path)
    ramdisks = sorted(name for name in os.listdir(directory) if name.startswith("ramdisk"))
    parts = [read(os.path.join(directory, name)) for name in ("kernel", "cmdline", *ramdisks)]
    return parts[0], parts[1], parts[2:]


def image_of(name, program_path, arguments, extra_files=(), words="", options=(), kernel_path=None):
    """An image of another program, with the kernel (or another one), the command line and the init of app.eif."""
    path = work(name + ".eif")
    options = ["--kernel", kernel_path or kernel(), "--cmdline", app_parts()[1].decode() + words, *options]
    options += ["--init", os.path.join(BUILD, "src", "enclave_init", "enclave_init"), "--app", program_path]
    for argument in arguments:
        options += ["--arg", argument]
    for file in extra_files:
        options += ["--file", file]
    return _image(path, call(built("enclave_image"), "build", *options, "--output", path))


def ramdisks_of(image):
    """The ramdisks of an image, as bytes."""
    directory = image.path + ".parts"
    call(built("enclave_image"), "extract", "--output", directory, image.path)
    return b"".join(read(os.path.join(directory, name)) for name in sorted(os.listdir(directory)) if "ramdisk" in name)


def note(text):
    """A line for the reader of the test's output."""
    print("   " + text, flush=True, file=sys.stderr)


__all__ = ["Image", "NotAvailable", "app_image", "app_parts", "built", "files", "guest_program", "image_of", "note"]
__all__ += ["program", "ramdisks_of", "signed_image"]
