# SPDX-License-Identifier: Apache-2.0
"""The guide that this project implements, word for word: ../shared/guide/vsock-usage-guide.md.

All of its `python3 ...` commands work as printed. docs/GUIDE.md follows it and differs here:

there                                       docs/GUIDE.md                    why
------------------------------------------  -------------------------------  -------------------------------------------
nitro-cli console --enclave-name            --enclave-id                     an ID is no name: nitro-cli answers E58
    $(... .EnclaveID)
the console, to start a server              in the image                     the console is read-only, in debug mode only
python3 /app/enclave_app.py in the enclave  /app/enclave_app                 the image has neither Python nor a shell
--memory 1920                               --memory 64, four times the      only large images need more
                                            size of the image
--verify alone                              --verify --measurements FILE     without PCRs any enclave passes
fixed nonces                                random ones                      a known nonce proves nothing
"multiple enclaves on different ports"      different CIDs, the same port    ports belong to a CID
debug mode: "PCRs will be all zeros"        PCR0, 1 and 2 (and 8)            PCR3 and 4 keep their values
/tmp/response.json                          a file in the working directory  any user may write to /tmp
jq -r '.verified' | grep true               the exit status                  it separates refused, unreachable, malformed
encrypt to verification.public_key          with a custom server             enclave_app keeps no private key
new commands by changing vsock_server.py    a subclass, send_request()       both stay as they are installed
    and vsock_client.py
rate limits, pools, caches: "implement"     they exist                       "Production", "Monitoring"
"""

import json
import os
import shutil
import signal
import threading
import unittest

import harness
import support
from guide_test import (
    ID_IS_NO_NAME, PONG, STATUS, VERIFIED, Expect, GuideTestCase, as_json, built, lists, make,
    runs, say, verified, verifies,
)

RUN = "nitro-cli run-enclave --cpu-count 1 --memory 1920 --eif-path app.eif"
LIST = "sudo nitro-cli describe-enclaves"
CONSOLE = ("nitro-cli console --enclave-name "
           "$(sudo nitro-cli describe-enclaves | jq -r '.[0].EnclaveID')")
KEY = "public key"


# --- what the text takes for granted -------------------------------------------------------------


def one_enclave(test):
    test.fresh_enclaves("app.eif")


def no_enclave(test):
    test.parent.terminate_all()


def nobody_listens(test):
    one_enclave(test)
    test.parent.enclaves[0].crash()
    done = test.sh("vsock_client --ping", 3)
    test.assertIn("refused", done.stderr.decode())


def not_running(test):
    no_enclave(test)
    done = test.sh("vsock_client --ping", 3)
    test.assertIn("No running enclaves found", done.stderr.decode())


def slow_enclave(test):
    """Its NSM answers after a while only: too late for --timeout 1, in time for --timeout 60."""
    one_enclave(test)
    nsm = test.parent.enclaves[0].nsm
    nsm.process.send_signal(signal.SIGSTOP)
    done = test.sh("vsock_client --timeout 1 --verify", 3)
    test.assertIn("time", done.stderr.decode())
    timer = threading.Timer(0.5, nsm.process.send_signal, (signal.SIGCONT,))
    timer.start()
    test.addCleanup(timer.join)


def port_9001(test):
    test.parent.enclaves[0].serve(9001)
    say("stand-in: a second server, which the text presumes, on port 9001")


def cid_25(test):
    test.fresh_enclaves("app.eif", **{"--enclave-cid": "25"})
    say("stand-in: an enclave with CID 25, which the text presumes")


def two_images(test):
    test.parent.terminate_all()
    for name in ("app1.eif", "app2.eif"):
        shutil.copy(test.path("app.eif"), test.path(name))
    say("stand-in: app1.eif and app2.eif, which the text presumes, are copies of app.eif")


# --- checks --------------------------------------------------------------------------------------


def saved(name):
    def check(test, done):
        test.assertEqual(done.stdout, b"")
        verifies(name)(test, done)

    return Expect(check=check)


def complete_json(test, done):
    value = as_json(done)
    test.assertIs(value["verified"], True, value)
    test.assertIs(value["has_public_key"], True)
    test.assertEqual(value["verification"]["module_id"], test.parent.enclaves[0].id)


def uptime(test, done):
    test.assertRegex(done.stdout, rb"^\d+(\.\d+)?\n$")


def prompt_documents(test, done):
    for line in done.stdout.decode().split():
        verifies(None)(test, type(done)([], 0, line.encode(), b""))
    test.assertEqual(len(done.stdout.split()), 2)


def debug_mode(test, done):
    runs().check(test, done)
    refused = test.sh("vsock_client --verify", 1)
    test.assertIn("debug", refused.stderr.decode())


def request_is_answered(test, block):
    """The request of the text, as it is, gets the reply of the text: its members at least."""
    enclave = test.parent.enclaves[0]
    GuideTestCase.reply = support.ask(enclave.socket(9000),
                                      json.loads(block.text))
    test.assertIs(GuideTestCase.reply["success"], True)


def reply_has_these(test, block):
    reply = GuideTestCase.reply
    for name, value in json.loads(block.text).items():
        test.assertIs(type(reply[name]), type(value), name)
        if name in ("success", "user_data", "nonce", "has_public_key"):
            test.assertEqual(reply[name], value)


COMMANDS = {
    "1. Build and Start Enclave with Vsock Server": {
        "./build-enclave.sh": built("app"),
        RUN: runs(EnclaveCID=18, EnclaveName="app", MemoryMiB=1920),
        LIST: Expect(check=lists(1, EnclaveCID=18, Flags="NONE")),
    },
    "2. Test Connection from Parent": {
        "python3 vsock_client.py --ping": PONG,
        "python3 vsock_client.py --status": STATUS,
    },
    "3. Request and Verify Attestations": {
        "python3 vsock_client.py --verify": VERIFIED,
        "python3 vsock_client.py --verify --generate-key": verified(KEY),
        'python3 vsock_client.py --verify --user-data "my-session-token" --nonce "challenge-123" '
        "--generate-key": verified('"my-session-token"', '"challenge-123"', KEY),
        "python3 vsock_client.py --attest --generate-key --save attestation.b64":
            saved("attestation.b64"),
    },
    "Connection Testing": {
        "python3 vsock_client.py --ping": PONG,
        "python3 vsock_client.py --status": STATUS,
        "python3 vsock_client.py --cid 18 --ping": PONG,
    },
    "Attestation Requests": {
        "python3 vsock_client.py --attest": Expect(check=verifies(None)),
        "python3 vsock_client.py --verify": VERIFIED,
        "python3 vsock_client.py --verify --generate-key": verified(KEY),
        'python3 vsock_client.py --verify --user-data "session-12345" --nonce "challenge-abc" '
        "--generate-key": verified('"session-12345"', '"challenge-abc"', KEY),
        "python3 vsock_client.py --attest --generate-key --save my_attestation.b64":
            saved("my_attestation.b64"),
        "python3 vsock_client.py --verify --generate-key --json": Expect(check=complete_json),
    },
    "Advanced Options": {
        "python3 vsock_client.py --timeout 60 --port 9001 --verify":
            verified(before=port_9001),
        "python3 vsock_client.py --cid 25 --verify": verified(before=cid_25),
    },
    "Automatic Vsock Server (Default)": {RUN: runs(EnclaveName="app")},
    "Manual Server Start (if needed)": {
        CONSOLE: ID_IS_NO_NAME,
        "python3 /app/enclave_app.py --vsock 9001": Expect(
            port=9001, note="run in a mount namespace with /app and /dev/nsm"),
    },
    "Other Modes (for testing)": {
        "python3 /app/enclave_app.py --daemon":
            Expect(stdin=b"attest\nattest-key\nexit\n", check=prompt_documents),
        "python3 /app/enclave_app.py --generate-key": Expect(check=verifies(None)),
    },
    '"Connection refused" errors': {
        LIST: Expect(check=lists(1)),
        CONSOLE: ID_IS_NO_NAME,
    },
    '"No running enclaves found"': {
        RUN: runs(EnclaveName="app"),
        LIST: Expect(check=lists(1)),
    },
    "Timeout issues": {
        "python3 vsock_client.py --timeout 60 --verify": VERIFIED,
        "nitro-cli console --enclave-name <enclave-id>": Expect(
            status=1, err=("E58",), note=ID_IS_NO_NAME.note,
            replace=(("<enclave-id>", lambda test: test.parent.enclaves[0].id),)),
    },
    "Auto-detection failures": {
        "ENCLAVE_CID=$(sudo nitro-cli describe-enclaves | jq -r '.[0].EnclaveCID')":
            Expect(out=('ENCLAVE_CID="18"',)),
        "python3 vsock_client.py --cid $ENCLAVE_CID --verify": VERIFIED,
    },
    "Debug Mode": {
        RUN + " --debug-mode": Expect(check=debug_mode, note=runs().note),
        CONSOLE: ID_IS_NO_NAME,
    },
    "Monitoring": {
        "watch 'sudo nitro-cli describe-enclaves'": Expect(
            until="EnclaveID", out=("EnclaveID",), note="ended after its first picture"),
        "python3 vsock_client.py --ping": PONG,
        "python3 vsock_client.py --status --json | jq '.uptime'": Expect(check=uptime),
    },
    "Multiple Enclaves": {
        RUN.replace("app", "app1"): runs(EnclaveName="app1", EnclaveCID=18),
        RUN.replace("app", "app2"): runs(EnclaveName="app2", EnclaveCID=19),
        "python3 vsock_client.py --cid 18 --verify": VERIFIED,
        "python3 vsock_client.py --cid 19 --verify": VERIFIED,
    },
}

BLOCKS = {
    ("Architecture", ""): "a picture",
    ("Request Format (JSON)", "json"): request_is_answered,
    ("Response Format (JSON)", "json"): reply_has_these,
    ("Python Script Integration", "python"): Expect(out=("✅ Enclave verified: i-0123456789abcdef0",)),
    ("Bash Script Integration", "bash"): Expect(
        out=("✅ Attestation verified successfully", "Module ID: i-0123456789abcdef0-enc")),
}


class Original(GuideTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parent.threads_per_core = 1  # this guide starts its enclaves with one CPU

    states = {
        "Automatic Vsock Server (Default)": no_enclave,
        "Request Format (JSON)": one_enclave,
        '"Connection refused" errors': nobody_listens,
        '"No running enclaves found"': not_running,
        "Timeout issues": slow_enclave,
        "Auto-detection failures": one_enclave,
        "Debug Mode": no_enclave,
        "Monitoring": one_enclave,
        "Multiple Enclaves": two_images,
    }


def load():
    path = os.path.join(harness.SHARED, "guide", "vsock-usage-guide.md")
    if not os.path.exists(path):
        Original.setUpClass = classmethod(absent)
        Original.test_guide = lambda self: None
        return
    with open(path, encoding="utf-8") as file:
        text = file.read()
    flat = {(title, command): expect for title, commands in COMMANDS.items()
            for command, expect in commands.items()}
    make(Original, text, flat, BLOCKS)


def absent(_case):
    raise unittest.SkipTest("no ../shared/guide beside this repository")


load()

if __name__ == "__main__":
    unittest.main()
