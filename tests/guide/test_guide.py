# SPDX-License-Identifier: Apache-2.0
"""docs/GUIDE.md, word for word."""

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import unittest

import harness
import support
from guide_test import (
    PONG, STATUS, Expect, GuideTestCase, as_json, built, lists, make, runs, say, verified, verifies,
)

RUN = "nitro-cli run-enclave --cpu-count 2 --memory 64 --eif-path app.eif"
MEASURED = " --measurements app.measurements.json"
VERIFY = "vsock_client --verify" + MEASURED
CONSOLE = ("nitro-cli console --enclave-id "
           "$(nitro-cli describe-enclaves | jq -r '.[0].EnclaveID')")
ENDED = Expect(out=('"Terminated": true',))


# --- what the text takes for granted -------------------------------------------------------------


def one_enclave(test):
    test.fresh_enclaves("app.eif")


def no_enclave(test):
    test.parent.terminate_all()


def port_9001(test):
    test.parent.enclaves[0].serve(9001)
    say("stand-in: a second server, which the text presumes, on port 9001")


def only_port_9001(test):
    one_enclave(test)
    test.parent.enclaves[0].crash()
    done = test.sh("vsock_client --ping", 3)
    test.assertIn("refused", done.stderr.decode())
    port_9001(test)


def not_running(test):
    no_enclave(test)
    test.assertIn("No running enclaves found", test.sh("vsock_client --ping", 3).stderr.decode())


def nobody_listens(test):
    one_enclave(test)
    test.parent.enclaves[0].crash()


def asked_too_often(test):
    """That server runs, and has just refused: the next client must wait."""
    path = test.parent.enclaves[0].socket(9001)
    server = test.box.serving("/app/enclave_app --vsock 9001 --rate-limit 1:2", path)
    server.__enter__()
    test.addCleanup(server.__exit__, None, None, None)

    def refused():
        # All at once: where programs take a second to start, one after the other is not too often.
        replies = support.ask_all(path, [{"command": "attest", "nonce": "x"}] * 20)
        return any(reply.get("error_code") == "rate_limited" for reply in replies)

    harness.wait_until(refused, "a refusal")


def built_programs(test):
    """What ./build-enclave.sh leaves behind."""
    if not os.path.exists(os.path.join(test.box.build, "image", "enclave_app")):
        test.skipTest("./build-enclave.sh did not run here")


def file_of(name):
    """A block that is a file's content."""

    def handler(test, block):
        with open(test.path(name), "w", encoding="utf-8") as file:
            file.write(block.text)

    return handler


# --- checks --------------------------------------------------------------------------------------


def measured(test, done):
    """What the image itself says is what its build said."""
    with open(test.path("app.measurements.json"), encoding="utf-8") as file:
        test.assertEqual(as_json(done)["Measurements"], json.load(file)["Measurements"])


def built_from(test, done):
    """That of the file beside the image; a stand-in image has neither."""
    path = test.path("app.build-info.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            test.assertEqual(json.loads(done.stdout), json.load(file)["BuiltFrom"])


def pcr0(test, done):
    with open(test.path("app.measurements.json"), encoding="utf-8") as file:
        test.assertEqual(done.stdout.decode().strip(), json.load(file)["Measurements"]["PCR0"])


def saved(name, *options):
    def check(test, done):
        test.assertEqual(done.stdout, b"")
        verifies(name, *options)(test, done)

    return Expect(check=check)


def complete_json(test, done):
    value = as_json(done)
    test.assertIs(value["verified"], True, value)
    test.assertEqual(value["verification"]["pcrs_checked"], [0, 1, 2])
    test.assertIs(value["has_public_key"], True)


def uptime(test, done):
    test.assertRegex(done.stdout, rb"^\d+\n$")


def details(test, done):
    resident, commands, latency = json_values(done.stdout.decode())
    test.assertGreater(resident, 100000)
    test.assertGreater(commands["ping"]["requests"], 0)
    test.assertLessEqual(latency["p50"], latency["max"])


def json_values(text):
    values, decoder = [], json.JSONDecoder()
    while text.strip():
        value, end = decoder.raw_decode(text.lstrip())
        values.append(value)
        text = text.lstrip()[end:]
    return values


def saved_metrics(test, done):
    test.assertEqual(done.stdout, b"")
    with open(test.path("vsattest.prom"), encoding="utf-8") as file:
        test.assertIn("\nvsattest_requests_total{command=\"ping\"} ", file.read())


def greets(test, block):
    """The client's example, while the server's runs."""
    test.need_python("python3")
    with test.box.serving("python3 commands_of_your_own.py",
                          test.parent.enclaves[0].socket(9001)):
        file_of("hello.py")(test, block)
        test.assertEqual(test.sh("python3 hello.py").stdout, b"hello, parent\n")


def two_documents(test, done):
    documents = done.stdout.split()
    test.assertEqual(len(documents), 2)
    for document in documents:
        test.sh("verifier", stdin=document)


def sealed_reply(test, done):
    reply = as_json(done)
    test.assertEqual(reply["user_data"], "the secret")
    test.assertNotIn("sealed", reply)


def thumbprint(test, done):
    test.assertRegex(done.stdout, b"^[0-9a-f]{96} ")


def relay_in_background(test, command):
    """It serves the next command, and ends with the test program."""
    process = test.box.start(command)
    type(test).addClassCleanup(test.box.stop, process)

    def listens():
        test.assertIsNone(process.poll(), command)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", 9443)) == 0

    harness.wait_until(listens, "the relay")
    return subprocess.CompletedProcess(command, 0, b"", b"")


def with_service(test):
    for path in (harness.program("vsattest-verifierd"), os.path.join(harness.BUILD, "src/http_exchange/http_exchange")):
        if not os.path.exists(path):
            test.skipTest("no " + os.path.basename(path) + " in this build")


def service_in_background(test, command):
    """It serves the commands of the section, and ends with the test program."""
    with_service(test)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        type(test).service_port = probe.getsockname()[1]
    path = test.path("policies/app.json")
    with open(path, encoding="utf-8") as file:
        policy = json.load(file)
    shutil.copy(test.parent.root, test.path("policies/root.pem"))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**policy, "roots": "root.pem"}, file)
    process = test.box.start(f"{command} --listen tcp:127.0.0.1:{type(test).service_port}")
    type(test).addClassCleanup(test.box.stop, process)

    def listens():
        test.assertIsNone(process.poll(), command)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", type(test).service_port)) == 0

    harness.wait_until(listens, "the service")
    return subprocess.CompletedProcess(command, 0, b"", b"")


def token_of_the_service(test, done):
    with open(test.path("token"), encoding="utf-8") as file:
        test.assertRegex(file.read(), r"^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$")


def three_rounds(test, done):
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    test.assertEqual([one["round"] for one in rounds], [1, 2, 3])
    for one in rounds:
        test.assertIs(one["verified"], True, one)


def not_without_the_root(test, done):
    """Only the stand-in's --root lets a software enclave pass: AWS did not sign it."""
    test.sh(harness.program("verifier") + " attestation.b64", 1)
    done = test.sh(harness.program("vsock_client") + " --verify --json", 1)
    test.assertEqual(as_json(done)["error_code"], "untrusted_root")


def not_with_another_nonce(test, done):
    """The same script refuses a document that answers another nonce."""
    with open(test.path("nonce.txt"), "w", encoding="utf-8") as file:
        file.write("another")
    refused = test.sh("python3 python_at_the_relying_party.py", 1)
    test.assertIn("[nonce_mismatch]", refused.stderr.decode())


def request_is_answered(test, block):
    """The request of the text, as it is."""
    GuideTestCase.reply = support.ask(test.parent.enclaves[0].socket(9000), json.loads(block.text))
    test.assertIs(GuideTestCase.reply["success"], True)


def reply_is_this(test, block):
    """The reply has the members of the text, no more and no less."""
    expected = json.loads(block.text)
    test.assertEqual(set(GuideTestCase.reply), set(expected))
    for name, value in expected.items():
        test.assertIs(type(GuideTestCase.reply[name]), type(value), name)
        if name not in ("attestation_document", "document_size", "timestamp"):
            test.assertEqual(GuideTestCase.reply[name], value)


BY_SERVICE = "vsock_client --verify --service http://localhost:8080 --service-policy app"
# Another process of this machine may have the service's own.
SERVICE_PORT = (("8080", lambda test: str(type(test).service_port)),)

COMMANDS = {
    "1. Build and start the enclave": {
        "./build-enclave.sh": built("app"),
        RUN: runs(EnclaveCID=18, EnclaveName="app", MemoryMiB=64),
        "nitro-cli describe-enclaves": Expect(check=lists(1, EnclaveCID=18, Flags="NONE")),
    },
    "2. Test the connection": {
        "vsock_client --ping": PONG,
        "vsock_client --status": STATUS,
    },
    "3. Request and verify": {
        VERIFY: verified("PCR0          as expected"),
        VERIFY + " --generate-key": verified("public key", "120 bytes"),
        VERIFY + ' --user-data "my-session-token" --nonce "challenge-123" --generate-key':
            verified('as expected   "challenge-123"', 'as expected   "my-session-token"'),
        "vsock_client --attest --generate-key --save attestation.b64": saved("attestation.b64"),
        "verifier" + MEASURED + " attestation.b64": verified(check=not_without_the_root),
    },
    "1. Get the measurements yourself": {
        "enclave_image describe app.eif": Expect(check=measured),
        "jq -r '.Measurements.PCR0' app.measurements.json": Expect(check=pcr0),
        "enclave_image describe app.eif | jq '.Metadata.BuiltFrom'": Expect(check=built_from),
        "./build-enclave.sh --like app.build-info.json --output again.eif": built("again"),
    },
    "2. Ask with a nonce of your own": {
        "NONCE=$(openssl rand -hex 32)": Expect(out=('NONCE="',)),
        'vsock_client --attest --nonce "$NONCE" --user-data "session-12345" --generate-key '
        "--save evidence.b64": saved("evidence.b64"),
        'verifier --nonce "$NONCE" --user-data "session-12345"' + MEASURED + " evidence.b64":
            verified('as expected   "session-12345"'),
    },
    "3. See it refuse": {
        'verifier --nonce "another"' + MEASURED + " evidence.b64":
            Expect(status=1, err=("nonce",)),
        "vsock_client --verify --pcr 0=" + "1" * 96: Expect(status=1, err=("PCR0",)),
    },
    "4. Signed images": {
        'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384 -nodes -days 365 '
        '-subj "/CN=release" -keyout key.pem -out certificate.pem': Expect(),
        "./build-enclave.sh --signing-certificate certificate.pem --private-key key.pem "
        "--output signed.eif": built("signed", "PCR8"),
        RUN.replace("app", "signed"): runs(EnclaveName="signed"),
        "PCR8=$(enclave_image pcr --signing-certificate certificate.pem | jq -r '.PCR8')":
            Expect(out=('PCR8="',)),
        "vsock_client --enclave-name signed --verify --pcr 8=$PCR8":
            verified("PCR8          as expected"),
        "nitro-cli terminate-enclave --enclave-name signed": ENDED,
    },
    "5. Send the secret": {
        """(umask 077; echo '{"command": "attest", "user_data": "the secret"}' >request.json)""": Expect(),
        "vsock_client --request @request.json --sealed" + MEASURED: Expect(check=sealed_reply),
        "vsock_client --relay --listen tcp:127.0.0.1:9443": Expect(
            run=relay_in_background, note="goes on until the end of this section"),
        "vsock_client --connect tcp:127.0.0.1:9443 --request @request.json --sealed" + MEASURED:
            Expect(check=sealed_reply),
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out sender.pem": Expect(),
        "openssl pkey -in sender.pem -pubout >senders.pem": Expect(),
        "openssl pkey -in sender.pem -pubout -outform DER | sha384sum": Expect(check=thumbprint),
        "vsock_client --request @request.json --sealed --sign-key sender.pem" + MEASURED:
            Expect(check=sealed_reply),
    },
    "A service and its policy": {
        "mkdir policies": Expect(before=with_service),
        """echo '{"measurements": '"$(cat app.measurements.json)"'}' >policies/app.json""": Expect(before=with_service),
        "vsattest-verifierd --policies policies": Expect(
            run=service_in_background, note="on another port, until the end of this section; its policy trusts the "
                                            "software NSM's root besides"),
    },
    "A result": {
        BY_SERVICE: Expect(before=with_service, status=1, out=(": contraindicated", "untrusted_root", "executables       3", "Token:"),
                           replace=SERVICE_PORT, note="a software enclave is no AWS hardware, and so not affirming"),
        BY_SERVICE + " --json | jq -r '.token' >token": Expect(before=with_service, replace=SERVICE_PORT, check=token_of_the_service),
    },
    "Connection": {
        "vsock_client --ping": PONG,
        "vsock_client --status": STATUS,
        "vsock_client --status --json | jq '.nsm.reachable'": Expect(out=("true\n",)),
        "vsock_client --cid 18 --ping": PONG,
    },
    "Attestation": {
        "vsock_client --attest": Expect(check=verifies(None)),
        VERIFY: verified(),
        VERIFY + ' --user-data "session-12345" --nonce "challenge-abc" --generate-key':
            verified('as expected   "challenge-abc"'),
        "vsock_client --attest --generate-key --save my_attestation.b64":
            saved("my_attestation.b64"),
        VERIFY + " --generate-key --json": Expect(check=complete_json),
    },
    "Time, port, address": {
        "vsock_client --timeout 60 --verify" + MEASURED: verified(),
        "vsock_client --timeout 60 --retries 3 --ping": PONG,
        "vsock_client --port 9001 --ping": Expect(out=("Pong!",), before=port_9001),
    },
    "From Python": {
        "python3 vsock_client.py --ping": PONG,
        "python3 vsock_client.py --status": STATUS,
        "python3 vsock_client.py --verify" + MEASURED + " --generate-key": verified(),
        "python3 vsock_client.py --attest --save python.b64": saved("python.b64"),
        "python3 verifier.py" + MEASURED + " python.b64": verified(),
        "python3 -m vsock_client --ping": PONG,
    },
    "In an image of yours": {
        "/app/enclave_app --vsock 9001": Expect(port=9001),
        "/app/enclave_app --generate-key": Expect(check=verifies(None)),
        "/app/enclave_app --daemon":
            Expect(stdin=b"attest\nattest-key\nexit\n", check=two_documents),
    },
    "In an image with Python": {
        "python3 /app/enclave_app.py --vsock 9001": Expect(port=9001),
        "python3 /app/enclave_app.py --generate-key": Expect(check=verifies(None)),
    },
    "Commands of your own": {
        # Python's own way with SIGTERM, which no process sends in an enclave.
        "python3 commands_of_your_own.py": Expect(port=9001, status=-signal.SIGTERM),
    },
    '"Connection refused"': {
        "nitro-cli describe-enclaves": Expect(check=lists(1)),
        "vsock_client --port 9001 --ping": PONG,
    },
    '"No running enclaves found"': {
        "nitro-cli describe-enclaves": Expect(out=("[]",)),
        RUN: runs(EnclaveName="app"),
    },
    '"No answer in time"': {"vsock_client --timeout 60 --verify" + MEASURED: verified()},
    "Finding the enclave fails": {
        "ENCLAVE_CID=$(sudo nitro-cli describe-enclaves | jq -r '.[0].EnclaveCID')":
            Expect(out=('ENCLAVE_CID="18"',)),
        "vsock_client --cid $ENCLAVE_CID --ping": PONG,
    },
    "Debug mode": {
        RUN + " --debug-mode": runs(),
        CONSOLE: Expect(until="event=listening", note="ended after the server's first line",
                        out=("Successfully connected to the console.", "event=listening")),
        "vsock_client --verify": Expect(status=1, err=("debug",)),
        "vsock_client --verify --allow-debug": verified(err=("debug",)),
        "nitro-cli terminate-enclave --all": ENDED,
    },
    "Settings and limits": {
        "/app/enclave_app --config enclave_app.conf": Expect(port=9000, before=nobody_listens),
        "enclave_image build --kernel /usr/share/nitro_enclaves/blobs/bzImage "
        "--nsm-module /usr/share/nitro_enclaves/blobs/nsm.ko "
        "--init build-enclave/src/enclave_init/enclave_init --app build-enclave/image/enclave_app "
        "--file enclave_app.conf:/etc/enclave_app.conf --arg --config --arg /etc/enclave_app.conf "
        "--output tuned.eif >tuned.measurements.json": Expect(
            before=built_programs, replace=(("/usr/share/nitro_enclaves", lambda _: "/tmp"),)),
        RUN.replace("app", "tuned"): dataclasses.replace(runs(EnclaveName="tuned"),
                                                         before=built_programs),
        "vsock_client --enclave-name tuned --verify --measurements tuned.measurements.json":
            verified("PCR2          as expected", before=built_programs),
    },
    "Rate limits and caching": {
        "/app/enclave_app --vsock 9001 --rate-limit 1:2": Expect(port=9001),
        "vsock_client --port 9001 --retries 5 --timeout 60 --verify" + MEASURED:
            verified(before=asked_too_often),
    },
    "Monitoring": {
        "watch 'sudo nitro-cli describe-enclaves'": Expect(
            until="EnclaveID", out=("EnclaveID",), note="ended after its first picture"),
        "vsock_client --timeout 10 --retries 2 --ping": PONG,
        "vsock_client --status --json | jq '.uptime'": Expect(check=uptime),
        "vsock_client --status --json | jq '.resident_bytes, .commands, .nsm_latency_us'":
            Expect(check=details),
        "vsock_client --metrics": Expect(out=("# TYPE vsattest_uptime_seconds gauge\n",)),
        "vsock_client --metrics --save vsattest.prom": Expect(check=saved_metrics),
        "vsock_client --watch --interval 5" + MEASURED: Expect(
            until=" ok ", out=(" ok ",), note="ended after its first line"),
        "vsock_client --watch --interval 1 --timeout 10 --count 3" + MEASURED + " --json":
            Expect(check=three_rounds),
    },
    "Several enclaves": {
        "./build-enclave.sh --name app1 --output app1.eif": built("app1"),
        "./build-enclave.sh --name app2 --output app2.eif": built("app2"),
        RUN.replace("app", "app1"): runs(EnclaveName="app1", EnclaveCID=18),
        RUN.replace("app", "app2"): runs(EnclaveName="app2", EnclaveCID=19),
        "vsock_client --ping": Expect(status=3, err=("app1", "app2", "--enclave-name")),
        "vsock_client --enclave-name app1 --verify --measurements app1.measurements.json":
            verified(),
        "vsock_client --cid 19 --verify --measurements app2.measurements.json": verified(),
        "vsock_client --all --ping": Expect(out=("app1", "app2")),
        "vsock_client --all --verify --measurements app1.measurements.json "
        "--measurements app2.measurements.json":
            Expect(out=("app1", "app2")),
        "nitro-cli terminate-enclave --all": ENDED,
    },
}

BLOCKS = {
    ("Overview", ""): "a picture",
    ("A request", "json"): request_is_answered,
    ("Its reply", "json"): reply_is_this,
    # The first is the server, the second its client.
    ("Commands of your own", "python"): [file_of("commands_of_your_own.py"), greets],
    ("5. Send the secret", "python"): Expect(out=("Signed inside: the secret",)),
    ("Performance", "python"): Expect(out=("20 documents verified",)),
    ("Settings and limits", "ini"): file_of("enclave_app.conf"),
    ("Bash", "bash"): Expect(out=("Verified: i-0123456789abcdef0-enc", "secp384r1")),
    ("Python", "python"): Expect(out=("Verified: i-0123456789abcdef0-enc", "120 bytes of DER")),
    ("Python, at the relying party", "python"): Expect(
        out=("Verified: i-0123456789abcdef0-enc", "120 bytes of DER"), check=not_with_another_nonce),
}


class Guide(GuideTestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("no program openssl on this machine")
        super().setUpClass()

    states = {
        "4. Signed images": no_enclave,
        "5. Send the secret": one_enclave,
        "A service and its policy": one_enclave,
        "Connection": one_enclave,
        "In an image of yours": one_enclave,
        "In an image with Python": one_enclave,
        "Commands of your own": one_enclave,
        '"Connection refused"': only_port_9001,
        '"No running enclaves found"': not_running,
        '"No answer in time"': one_enclave,
        "Debug mode": no_enclave,
        "Settings and limits": one_enclave,
        "Rate limits and caching": one_enclave,
        "Performance": one_enclave,
        "Monitoring": one_enclave,
        "Several enclaves": no_enclave,
    }


with open(os.path.join(harness.SOURCE, "docs", "GUIDE.md"), encoding="utf-8") as guide:
    TEXT = guide.read()
    make(Guide, TEXT, {(title, command): expect for title, commands in COMMANDS.items()
                               for command, expect in commands.items()}, BLOCKS)

if __name__ == "__main__":
    unittest.main()
