# SPDX-License-Identifier: Apache-2.0
"""What packages promise: symbols of the shared library, one version everywhere, all files named."""

import glob
import json
import os
import re
import shutil
import sys
import unittest

import harness

CHECK_SYMBOLS = os.path.join(harness.SOURCE, "scripts", "check-symbols")
LIBRARY = os.path.join(harness.BUILD, "src", "libvsattest.so.0")


def read(*path):
    with open(os.path.join(harness.SOURCE, *path), encoding="utf-8") as file:
        return file.read()


@unittest.skipUnless(os.path.exists(LIBRARY), "no shared library in this build")
@unittest.skipUnless(shutil.which("nm"), "no nm here")
class Symbols(harness.TestCase):
    def checked(self, text, status):
        """check-symbols in a directory of its own, with this list."""
        top = self.path("source")
        for directory in ("scripts", "debian"):
            os.makedirs(os.path.join(top, directory), exist_ok=True)
        for name in ("scripts/check-symbols", "meson.build"):
            shutil.copy(os.path.join(harness.SOURCE, name), os.path.join(top, name))
        self.list = os.path.join(top, "debian", "libvsattest0.symbols")
        if text is not None:
            with open(self.list, "w", encoding="utf-8") as file:
                file.write(text)
        self.script = os.path.join(top, "scripts", "check-symbols")
        done = harness.run([sys.executable, self.script, LIBRARY])
        self.assert_exit(done, status)
        return done.stderr.decode()

    def test_exactly_those_promised(self):
        done = harness.run([sys.executable, CHECK_SYMBOLS, LIBRARY])
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_a_new_and_a_lost_symbol_are_told(self):
        text = read("debian", "libvsattest0.symbols")
        said = self.checked(text.replace(" vsa_version@", " vsa_version_gone@"), 1)
        self.assertIn("new, not in the list: vsa_version\n", said)
        self.assertIn("gone, but promised: vsa_version_gone\n", said)
        self.assertIn("--update", said)

    def test_update_keeps_versions_and_mends(self):
        text = read("debian", "libvsattest0.symbols")
        old = re.sub(r"( vsa_version@Base) \S+", r"\1 0.0.1", text)
        self.checked(re.sub(r" vsa_address_parse@.*\n", "", old), 1)
        self.assert_exit(harness.run([sys.executable, self.script, "--update", LIBRARY]), 0)
        self.assert_exit(harness.run([sys.executable, self.script, LIBRARY]), 0)
        with open(self.list, encoding="utf-8") as file:
            self.assertEqual(file.read(), old)


class Packaging(harness.TestCase):
    def test_one_version_everywhere(self):
        version = re.search(r"^  version: '([\d.]+)'", read("meson.build"), re.MULTILINE).group(1)
        places = {
            ("src", "meson.build"): r"version: '([\d.]+)', soversion",
            ("debian", "changelog"): r"\Avsattest \(([\d.]+)\)",
            ("packaging", "vsattest.spec"): r"(?m)^Version: +(\S+)$",
            ("NEWS.md",): r"(?m)^## ([\d.]+)",
        }
        if os.path.exists(os.path.join(harness.SOURCE, "pyproject.toml")):
            pyproject = read("pyproject.toml")
            if "version" not in re.search(r"(?s)dynamic *=.*?\]|\Z", pyproject).group():
                places[("pyproject.toml",)] = r'(?m)^version *= *"([^"]+)"'
        for path, pattern in places.items():
            with self.subTest(path="/".join(path)):
                self.assertEqual(re.search(pattern, read(*path)).group(1), version)

    def test_soname_is_that_of_the_packages(self):
        soname = re.search(r"soversion: '(\d+)'", read("src", "meson.build")).group(1)
        self.assertIn(f"Package: libvsattest{soname}\n", read("debian", "control"))
        self.assertIn(f"libvsattest.so.{soname} libvsattest{soname} ",
                      read("debian", f"libvsattest{soname}.symbols"))

    def test_every_example_unit_and_man_page_is_installed(self):
        named = read("packaging", "meson.build")
        for path in glob.glob(os.path.join(harness.SOURCE, "packaging", "systemd", "*")):
            self.assertIn(f"'systemd/{os.path.basename(path)}'", named)
        pages = read("man", "meson.build")
        for path in glob.glob(os.path.join(harness.SOURCE, "man", "*.scd")):
            self.assertIn(f"'{os.path.basename(path)[:-4]}'", pages)

    def test_links_of_installed_documents_lead_somewhere(self):
        with open(os.path.join(harness.BUILD, "meson-info", "intro-installed.json"), encoding="utf-8") as file:
            installed = {to: built for built, to in json.load(file).items()}
        documents = {to: built for to, built in installed.items() if to.endswith(".md")}
        self.assertGreater(len(documents), 5)
        links = 0
        for path, built in documents.items():
            with open(built, encoding="utf-8") as file:
                prose = re.sub(r"^```.*?^```$", "", file.read(), flags=re.MULTILINE | re.DOTALL)
            for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", prose):
                links += 1
                self.assertIn(os.path.normpath(os.path.join(os.path.dirname(path), link)), documents, path)
            self.assertNotIn("](../", prose)
        self.assertGreater(links, 10)

    def test_the_library_is_found_under_a_prefix(self):
        """pkg-config's line is all that a program needs; a prefix of the system's needs no more."""
        (path,) = glob.glob(os.path.join(harness.BUILD, "meson-private", "libvsattest.pc"))
        with open(path, encoding="utf-8") as file:
            text = file.read()
        prefix = re.search(r"(?m)^prefix=(.*)$", text).group(1)
        self.assertEqual("-Wl,-rpath,${libdir}" in text, prefix not in ("/usr", "/usr/local"), prefix)

    def test_units_of_a_user_find_a_prefix_of_the_user(self):
        for name in ("software_nsm", "enclave_app"):
            text = read("packaging", "systemd", name + ".service")
            self.assertIn("\nExecSearchPath=%h/.local/bin:/usr/local/bin:/usr/bin\n", text)
            self.assertIn(f"\nExecStart={name} ", text)

    def test_units_start_what_is_there(self):
        """Each ExecStart= names a program of ours with options it has, or one of the system."""
        for path in glob.glob(os.path.join(harness.SOURCE, "packaging", "systemd", "*.service")):
            text = read(path).replace("\\\n", " ")
            (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
            with self.subTest(unit=os.path.basename(path)):
                ours = re.search(r"\b(vsock_client|software_nsm|enclave_app|vsattest-verifierd(?= ))\b(.*?)(>|;|$)", line)
                if not ours:
                    self.assertTrue(line.startswith("/usr/bin/socat "), line)
                    continue
                if not os.path.exists(harness.program(ours.group(1))):
                    continue
                said = harness.run([harness.program(ours.group(1)), "--help"]).stdout.decode()
                for option in re.findall(r" (--[a-z-]+)", ours.group(2)):
                    self.assertRegex(said, rf"(?m)^  {option}( |$)")


if __name__ == "__main__":
    unittest.main()
