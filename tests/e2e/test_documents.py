# SPDX-License-Identifier: Apache-2.0
"""scripts/deps documents: only what is pinned is taken. No network: cargo is one of ours here."""

import io
import json
import os
import pathlib
import tarfile

import harness

LIST = os.path.join(harness.SOURCE, "tests", "documents.json")


class Fetch(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.cargo = pathlib.Path(self.path("bin"), "cargo")
        self.cargo.parent.mkdir()

    def fetch(self):
        return harness.run(
            [os.path.join(harness.SOURCE, "scripts", "deps"), "documents"],
            env={"PATH": f"{self.cargo.parent}:/usr/bin:/bin", "HOME": self.directory,
                 "CARGO_HOME": self.path("cargo")},
        )

    def refused(self, *words):
        done = self.fetch()
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr.decode())
        cache = pathlib.Path(self.path(".cache"), "vsattest")
        self.assertEqual(list(cache.iterdir()) if cache.exists() else [], [])

    def script(self, text):
        self.cargo.write_text("#!/bin/sh\n" + text, encoding="utf-8")
        self.cargo.chmod(0o755)

    def test_no_package(self):
        self.script("echo could not find it >&2; exit 101\n")
        self.refused("could not find it", "1.82")

    def test_another_package_of_that_name(self):
        with open(LIST, encoding="utf-8") as file:
            crate = json.load(file)[0]
        name = f"{crate['crate']}-{crate['version']}"
        directory = pathlib.Path(self.path("cargo"), "registry", "cache", "index")
        directory.mkdir(parents=True)
        with tarfile.open(directory / f"{name}.crate", "w:gz") as archive:
            content = b"another document"
            member = tarfile.TarInfo(f"{name}/{crate['documents'][0]['member']}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        self.script("exit 0\n")
        self.refused(f"{name}.crate is not the one that tests/documents.json pins")
