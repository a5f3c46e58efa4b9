# SPDX-License-Identifier: Apache-2.0
"""scripts/hooks and scripts/release, in a clone of the test's own."""

import os
import shutil

import harness


class Clone(harness.TestCase):
    def setUp(self):
        super().setUp()
        if not shutil.which("git"):
            self.skipTest("git is not installed")
        for name in ("scripts/hooks", "scripts/release", "meson.build", "src/meson.build", "debian/changelog",
                     "packaging/vsattest.spec", "NEWS.md"):
            source, target = os.path.join(harness.SOURCE, name), self.path(name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
        self.write("scripts/check-layers", "#!/bin/sh\n")
        os.chmod(self.path("scripts/check-layers"), 0o755)
        self.git("init", "-q")
        self.commit("The beginning", "all of it")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def git(self, *arguments, status=0):
        done = harness.run(["git", "-c", "user.name=n", "-c", "user.email=n@localhost", *arguments], cwd=self.directory)
        self.assert_exit(done, status)
        return done.stdout.decode() + done.stderr.decode()

    def commit(self, *message, status=0):
        self.git("add", "-A")
        return self.git("commit", "-q", *(part for text in message for part in ("-m", text)), status=status)

    def test_hooks(self):
        self.write(".git/hooks/pre-commit", "#!/bin/sh\n# a user's\n")
        self.assert_exit(harness.run([self.path("scripts/hooks/install")]), 0)
        with open(self.path(".git/hooks/pre-commit"), encoding="utf-8") as file:
            self.assertIn("a user's", file.read())
        os.unlink(self.path(".git/hooks/pre-commit"))
        self.assert_exit(harness.run([self.path("scripts/hooks/install")]), 0)
        self.write("src/a.c", "int a;\n")
        self.assertIn("say below the subject why", self.commit("A subject", status=1))
        self.assertIn("say below", self.commit("A subject", "Signed-off-by: n", status=1))
        self.commit("A subject", "why")
        self.write("README", "x\n")
        self.commit("Without src")
        self.write("scripts/check-layers", "#!/bin/sh\nexit 1\n")
        self.commit("A subject", status=0)  # nothing that layers hold of
        self.write("src/a.c", "int b;\n")
        self.commit("A subject", "why", status=1)

    def release(self, version, status):
        done = harness.run([self.path("scripts/release"), "--dry-run", version])
        self.assert_exit(done, status)
        return done.stdout.decode() + done.stderr.decode()

    def test_release(self):
        with open(self.path("meson.build"), encoding="utf-8") as file:
            version = file.read().split("version: '")[1].split("'")[0]
        self.write("NEWS.md", f"# News\n\n## {version} (not yet)\n\nx\n")
        self.assertIn("uncommitted", self.release(version, 1))
        self.commit("News")
        self.assertIn("NEWS.md begins with", self.release(version, 1))
        self.write("NEWS.md", f"# News\n\n## {version} (2026-12-01)\n\nx\n")
        self.commit("News")
        self.assertIn("all checks passed", self.release(version, 0))
        self.assertEqual(self.git("tag"), "")
        self.git("tag", "v" + version)
        self.assertIn("exists", self.release(version, 1))
        self.write("NEWS.md", "# News\n\n## 9.9.9 (2026-12-01)\n\nx\n")
        self.commit("News")
        self.assertIn("names version", self.release("9.9.9", 1))
        self.assertIn("usage", self.release("9.9", 1))
