# SPDX-License-Identifier: Apache-2.0
"""python3 vsock_client.py ... is the C program vsock_client, and so on."""

import json
import os
import pathlib
import re
import shutil
import stat
import sys

import harness
import support
import vsattest
from vsattest import programs

NAMES = ("vsock_client", "verifier", "enclave_app")


def module_path(name):
    """The file that `import NAME` finds."""
    for directory in sys.path:
        path = os.path.join(directory, name + ".py")
        if os.path.exists(path):
            return path
    raise AssertionError(f"no {name}.py")


class Installed(support.EnclaveTestCase):
    """Where Python modules go, and that they say their version."""

    def test_metadata(self):
        directory = os.path.dirname(os.path.dirname(vsattest.__file__))
        if os.path.realpath(directory) == os.path.realpath(os.path.join(harness.BUILD, "python")):
            done = harness.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--tags",
                                "python-runtime", "--destdir", self.directory])
            self.assert_exit(done, 0)
            (directory,) = {str(path.parent.parent)
                         for path in pathlib.Path(self.directory).rglob("*.dist-info/METADATA")}
        done = harness.run(
            [sys.executable, "-c", "from importlib import metadata; "
             "print(metadata.version('vsattest'), metadata.metadata('vsattest')['Name'])"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": directory},
        )
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout.decode().split(), [vsattest.__version__, "vsattest"])

    def build(self, prefix):
        """scripts/build with a Meson that only writes down its arguments."""
        log = self.path("meson.log")
        meson = pathlib.Path(self.path("meson"))
        meson.write_text(f"#!/bin/sh\necho \"$*\" >>'{log}'\n", encoding="utf-8")
        meson.chmod(0o755)
        pathlib.Path(log).unlink(missing_ok=True)
        done = harness.run(
            [os.path.join(harness.SOURCE, "scripts", "build"), prefix],
            env={"PATH": f"{self.directory}:/usr/bin:/bin", "HOME": self.path("home")},
        )
        if b"deps: " in done.stderr:
            self.skipTest("a compiler or library is missing: scripts/deps build")
        self.assert_exit(done, 0)
        return pathlib.Path(log).read_text(encoding="utf-8"), done.stderr.decode()

    def test_build_installs_where_python_looks(self):
        home = self.path("home/.local")
        (directory,) = harness.run(
            ["/usr/bin/python3", "-c", "import site; print(site.getusersitepackages())"],
            env={"HOME": self.path("home"), "PATH": "/usr/bin:/bin"},
        ).stdout.decode().split()
        log, _ = self.build(home)
        self.assertIn(f"-Dpython.platlibdir={os.path.relpath(directory, home)} ", log)

    def test_build_says_that_it_installs_no_modules(self):
        log, stderr = self.build(self.path("elsewhere"))
        self.assertIn("-Dpython=disabled", log)
        self.assertIn("no Python modules: no Python looks in", stderr)
        self.assertIn("pip install .", stderr)


class Programs(support.EnclaveTestCase):
    def python(self, path, *options, **keywords):
        return harness.run([sys.executable, path, *options], **keywords)

    def test_same_output_and_status(self):
        """Byte by byte, for options that work and options that do not. The wheel has its own crypto library."""
        def without_library(text):
            return re.sub(rb"^(\w+ [0-9.]+) \(.*\)$", rb"\1", text)

        for name in NAMES:
            for options in (["--help"], ["--version"], ["--no-such-option"], ["--json", "--no"]):
                with self.subTest(name, options=options):
                    ours = self.python(module_path(name), *options)
                    theirs = harness.run([harness.program(name), *options])
                    self.assertEqual(
                        (ours.returncode, without_library(ours.stdout), ours.stderr.replace(b".py", b"")),
                        (theirs.returncode, without_library(theirs.stdout),
                         theirs.stderr.replace(harness.program(name).encode(), name.encode())),
                    )

    def test_against_an_enclave(self):
        self.start_enclave()
        done = self.python(module_path("vsock_client"), "--ping", "--connect", self.enclave)
        self.assert_exit(done, 0)
        self.assertEqual(done.stdout, b"Pong!\n")
        done = self.python(module_path("vsock_client"), "--verify", "--json", "--connect",
                           self.enclave, "--root", self.root, "--generate-key",
                           "--save", self.path("saved.b64"))
        self.assertIs(self.json_of(done, 0)["verified"], True)
        done = self.python(module_path("verifier"), "--json", self.path("saved.b64"))
        self.assertEqual(self.json_of(done, 1)["error_code"], "untrusted_root")
        done = self.python(module_path("verifier"), "--json", "--root", self.root,
                           self.path("saved.b64"))
        self.assertEqual(self.json_of(done, 0)["verification_status"], "SUCCESS")

    def test_enclave_app_serves(self):
        self.start_nsm()
        path = self.path("served")
        service = self.service(
            [sys.executable, module_path("enclave_app"), "--listen", "unix:" + path,
             "--nsm", self.nsm],
            wait_for=path,
        )
        self.assertEqual(support.ask(path, {"command": "ping"})["message"], "pong")
        # One process: what signals Python's is the server.
        self.assertEqual(service.stop(), 0)
        done = self.python(module_path("enclave_app"), "--nsm", self.nsm, "--generate-key")
        self.assert_exit(done, 0)

    def test_file_from_the_sources(self):
        """python3 vsock_client.py in the repository, as the guide prints it."""
        for name in ("vsock_client", "verifier"):
            link = os.path.join(harness.SOURCE, name + ".py")
            self.assertTrue(os.path.islink(link))
            done = self.python(link, "--version", cwd=harness.SOURCE)
            self.assert_exit(done, 0)
            self.assertRegex(done.stdout.decode(), rf"^{name} \d+\.\d+\.\d+ \(.*\)\n$")

    def test_copy_elsewhere(self):
        """/app/enclave_app.py is a copy."""
        copy = shutil.copy(module_path("enclave_app"), self.path("enclave_app.py"))
        done = self.python(copy, "--version", cwd=self.directory)
        self.assert_exit(done, 0)

    def test_without_the_package(self):
        for name in NAMES:
            done = harness.run(
                [sys.executable, "-I", "-S",
                 os.path.join(harness.SOURCE, "python", "modules", name + ".py"), "--version"])
            self.assert_exit(done, 5)
            self.assertEqual(done.stdout, b"")
            self.assertIn(b"pip install .", done.stderr)


class Finding(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.bin = self.path("bin")
        os.mkdir(self.bin)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)

    def script(self, name, mode=stat.S_IRWXU):
        path = os.path.join(self.bin, name)
        support.write_script(path, "echo found")
        os.chmod(path, mode)
        return path

    def test_path_comes_last(self):
        for name in NAMES:
            self.script(name)
            os.environ["PATH"] = self.bin
            found = programs.find_program(name)
            self.assertNotEqual(os.path.dirname(found), self.bin)
            self.assertTrue(os.path.isabs(found))

    def test_path(self):
        """For programs that came otherwise than with the package."""
        there = self.script("vsa-test-program")
        os.environ["PATH"] = f"/nonexistent:{self.bin}"
        self.assertEqual(programs.find_program("vsa-test-program"), there)

    def test_no_relative_directory_of_path(self):
        self.script("vsa-test-program")
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.directory)
        for path in ("", ".", "bin", ":bin:", "./bin"):
            os.environ["PATH"] = path
            self.assertIsNone(programs.find_program("vsa-test-program"), path)

    def test_only_what_can_run(self):
        self.script("vsa-test-program", mode=0o600)
        os.mkdir(os.path.join(self.bin, "vsa-test-directory"))
        os.environ["PATH"] = self.bin
        self.assertIsNone(programs.find_program("vsa-test-directory"))
        if os.getuid() != 0:
            self.assertIsNone(programs.find_program("vsa-test-program"))

    def test_not_found(self):
        done = harness.run(
            [sys.executable, "-c",
             "from vsattest.programs import run_program; run_program('vsa-no-such-program')"])
        self.assert_exit(done, 5)
        self.assertIn(b"pip install .", done.stderr)
        self.assertNotIn(b"Traceback", done.stderr)

    def test_cannot_be_run(self):
        path = os.path.join(self.bin, "vsa-test-program")
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/nonexistent/interpreter\n")
        os.chmod(path, 0o700)
        done = harness.run(
            [sys.executable, "-c",
             "from vsattest.programs import run_program; run_program('vsa-test-program')"],
            env={"PATH": self.bin})
        self.assert_exit(done, 5)
        self.assertNotIn(b"Traceback", done.stderr)

    def test_arguments_and_environment_reach_it(self):
        support.write_script(os.path.join(self.bin, "vsa-test-program"),
                             'printf "%s|" "$@"; exit 3')
        done = harness.run(
            [sys.executable, "-c",
             "from vsattest.programs import run_program; run_program('vsa-test-program')",
             "one two", "", "--x=*"],
            env={"PATH": self.bin})
        self.assert_exit(done, 3)
        self.assertEqual(done.stdout, b"one two||--x=*|")


class Json(harness.TestCase):
    def test_json_is_the_programs(self):
        done = harness.run([sys.executable, module_path("verifier"), "--json"],
                           stdin=b"no document!")
        self.assert_exit(done, 4)
        self.assertEqual(json.loads(done.stdout)["error_code"], "base64_invalid")
