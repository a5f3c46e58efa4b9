# SPDX-License-Identifier: Apache-2.0
"""docs/PYTHON.md: its examples run as printed, and what it says of the package is so."""

import inspect
import json
import os
import pathlib
import re
import sys

import harness
import support
import vsattest
import vsattest.spark

TEXT = pathlib.Path(harness.SOURCE, "docs", "PYTHON.md").read_text(encoding="utf-8")
CLIENT, SEALED, VERIFIER, _SERVICE, MANY, SPARK, SERVER, WITHOUT_ENCLAVE = re.findall(
    r"```python\n(.*?)```", TEXT, re.DOTALL)


class Examples(support.EnclaveTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()

    def test_client(self):
        """Finds the enclave, and refuses it, since AWS did not sign for a software NSM."""
        sandbox = support.Sandbox(self)
        sandbox.link(16, 9000, self.path("enclave"))
        sandbox.nitro_cli(sandbox.describes([support.enclave_entry("app", 16)]))
        measurements = {f"PCR{index}": value for index, value in support.PCRS.items()}
        pathlib.Path(self.path("measurements.json")).write_text(json.dumps(measurements))
        done = harness.run(
            [sandbox.launcher, sys.executable, "-c", CLIENT],
            env={"PATH": f"{sandbox.bin}:/usr/bin:/bin", "LD_PRELOAD": sandbox.shim,
                 "VSA_SHIM": sandbox.directory},
            cwd=self.directory,
        )
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout.decode(), r"^untrusted_root .+\n$")

    def test_sealed(self):
        """The request reaches the enclave, which has no such command."""
        measurements = {f"PCR{index}": value for index, value in support.PCRS.items()}
        pathlib.Path(self.path("app.measurements.json")).write_text(json.dumps(measurements))
        key = self.path("key.pem")
        harness.run(["openssl", "ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", key])
        names = {"password": "secret", "address": self.enclave, "root": pathlib.Path(self.root),
                 "Path": lambda name: pathlib.Path(self.directory, name)}
        code = SEALED.replace("(policy=policy)", "(policy=policy, address=address, roots=[root])")
        with self.assertRaises(vsattest.PolicyError) as raised:
            exec("from vsattest import *\n" + code, names)  # pylint: disable=exec-used
        self.assertIn("[unknown_command]", str(raised.exception))

    def test_verifier(self):
        document = vsattest.get_attestation_document("x", "nonce", nsm=self.nsm)
        # Forged, as far as AWS is concerned: no output. Cut off: the other branch.
        for cut, printed in ((document, ""), (document[:-1], "cbor_malformed")):
            given = f"document, nonce, measurements = {cut!r}, 'nonce', {{'PCR0': {'ab' * 48!r}}}\n"
            done = harness.run([sys.executable, "-c", given + VERIFIER])
            self.assert_exit(done, 0)
            self.assertTrue(done.stdout.decode().startswith(printed), done.stdout)
            self.assertEqual(bool(done.stdout), bool(printed))

    def test_many(self):
        document = vsattest.get_attestation_document("x", "nonce", nsm=self.nsm)
        pathlib.Path(self.path("app.measurements.json")).write_text(
            json.dumps({f"PCR{index}": value for index, value in support.PCRS.items()}))
        given = ("from pathlib import Path\nfrom types import SimpleNamespace\n"
                 f"rows = [SimpleNamespace(document={document!r}, nonce='nonce')]\n")
        done = harness.run([sys.executable, "-c", given + MANY], cwd=self.directory)
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout.decode(), r"^untrusted_root .+\n$")

    def test_spark(self):
        """Compiles, and names what there is; Spark itself is in test_spark.py."""
        compile(SPARK, "PYTHON.md", "exec")
        parameters = inspect.signature(vsattest.spark.verify_documents).parameters
        named = re.findall(r"\b(document|nonce|at)=", SPARK)
        self.assertEqual(named, ["document", "nonce", "at"])
        self.assertLessEqual(set(named), set(parameters))

    def test_server(self):
        definition, last = SERVER.rstrip("\n").rsplit("\n", 1)
        # Never vsock in a test.
        self.assertEqual(last, "MyServer(port=9000).serve_forever()")
        names = {}
        exec(definition, names)  # pylint: disable=exec-used
        path = self.path("served")
        with names["MyServer"](address="unix:" + path, nsm=self.nsm):
            self.assertEqual(support.ask(path, {"command": "hello", "name": "x"}),
                             {"success": True, "greeting": "hello, x"})
            self.assertEqual(support.ask(path, {"command": "ping"})["message"], "pong")

    def test_without_enclave(self):
        code = WITHOUT_ENCLAVE
        for printed, here in (("/tmp/enclave.sock", self.path("enclave")),
                              ("/tmp/root.pem", self.root), ("/tmp/mine.sock", self.path("mine")),
                              ("unix:/tmp/nsm.sock", self.nsm)):
            self.assertIn(printed, code)
            code = code.replace(printed, here)
        names = {}
        exec(CLIENT.split("policy =")[0] + SERVER.rsplit("\n", 2)[0], names)  # pylint: disable=exec-used
        exec(code, names)  # pylint: disable=exec-used
        with names["client"] as client, names["server"]:
            self.assertTrue(client.request_and_verify(user_data="x")["verified"])
            self.assertTrue(support.ask(self.path("mine"), {"command": "ping"})["success"])


class Claims(harness.TestCase):
    def test_first_examples_name_measurements(self):
        """What is copied first must not accept any enclave."""
        checked = []
        for path in [*pathlib.Path(harness.SOURCE).glob("*.md"), *pathlib.Path(harness.SOURCE, "docs").glob("*.md")]:
            examples = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
            first = next((example for example in examples if "request_and_verify" in example), None)
            if first is not None:
                self.assertIn("policy = Policy(measurements=", first, path.name)
                self.assertIn("(policy=policy", first, path.name)
                checked.append(path.name)
        self.assertEqual(sorted(checked), ["GUIDE.md", "PYTHON.md"])

    def test_table_of_exceptions(self):
        rows = re.findall(r"^\| `(\w+Error)` \| `(\w+)` \|", TEXT, re.MULTILINE)
        self.assertEqual(len(rows), 8)
        for name, error_class in rows:
            self.assertEqual(getattr(vsattest, name).error_class, error_class)

    def test_everything_has_a_docstring(self):
        for name in vsattest.__all__:
            thing = getattr(vsattest, name)
            self.assertTrue(thing.__doc__, name)
            for attribute, value in vars(thing).items() if isinstance(thing, type) else ():
                if callable(value) and not attribute.startswith("_"):
                    self.assertTrue(value.__doc__, f"{name}.{attribute}")

    def test_modules_are_the_package(self):
        for module in ("vsock_client", "verifier", "vsock_server", "enclave_app"):
            imported = __import__(module)
            for name in imported.__all__:
                self.assertIs(getattr(imported, name), getattr(vsattest, name))

    def test_links_in_the_root(self):
        for name in ("vsock_client", "verifier"):
            self.assertEqual(os.readlink(os.path.join(harness.SOURCE, name + ".py")),
                             f"python/modules/{name}.py")
