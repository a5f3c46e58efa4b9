# SPDX-License-Identifier: Apache-2.0
"""The cache of long builds: what a killed one leaves behind, what is removed, what is shown.

enclave/build-kernel runs with a make that builds nothing, in a cache of the test's own.
"""

import glob
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tarfile
import time
import unittest

import harness

DAY = 24 * 3600
# `make bzImage` notes its process and waits for the test's word.
MAKE = """#!/bin/sh
case " $* " in
*" tinyconfig "*) : >"$2/.config" ;;
*" bzImage "*)
    echo "  CC      init/main.o"
    [ ! -e {directory}/wait ] || { echo $$ >{directory}/pid; exec sleep 600; }
    mkdir -p "$2/arch/x86/boot"
    echo kernel >"$2/arch/x86/boot/bzImage"
    ;;
esac
"""
# Everything is accepted: what the compiler and the configuration check are asked.
TOOL = """#!/bin/sh
for last; do :; done
[ "$last" != - ] || cat >/dev/null
echo a stand-in
"""
TOOLS = ("gcc", "ld", "flex", "bison", "bc", "xz", "zstd", "perl")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class BuildKernel(harness.TestCase):
    def setUp(self):
        super().setUp()
        if os.uname().machine != "x86_64":
            self.skipTest("our kernel is built on x86-64 only")
        for tool in ("setpriv", "setsid", "flock"):
            if not shutil.which(tool):
                self.skipTest(f"no program {tool} on this machine")
        self.bin, self.cache = self.path("bin"), self.path("cache/vsattest")
        os.makedirs(self.bin)
        for tool in TOOLS:
            self.script(tool, TOOL)
        self.script("make", MAKE.replace("{directory}", self.directory))
        # The sources, with a configuration that has nothing to lose.
        shutil.copytree(os.path.join(harness.SOURCE, "enclave"), self.path("source/enclave"))
        shutil.copytree(os.path.join(harness.SOURCE, "scripts"), self.path("source/scripts"))
        with open(self.path("source/enclave/kernel.config.fragment"), "w", encoding="ascii") as file:
            file.write("# nothing\n")
        os.makedirs(self.path("linux"))
        with tarfile.open(self.path("linux.tar"), "w") as archive:
            archive.add(self.path("linux"), "linux")

    def script(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU)

    def start(self, *options):
        return subprocess.Popen(
            [self.path("source/enclave/build-kernel"), "--tarball", self.path("linux.tar"), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}",
                 "XDG_CACHE_HOME": self.path("cache")})

    def build(self):
        """The path of the kernel."""
        with self.start() as process:
            self.addCleanup(process.kill)
            output, errors = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 0, errors.decode())
        self.assertTrue(os.path.exists(output.decode().rstrip()), output)
        return output.decode().rstrip()

    def directories(self):
        return sorted(name for name in os.listdir(self.cache) if not name.endswith(".lock"))

    def killed(self, number):
        """A build that is ended in the middle by a signal; its exit status."""
        with open(self.path("wait"), "w", encoding="ascii"):
            pass
        process = self.start()
        self.addCleanup(process.kill)
        pid_path = self.path("pid")

        def begun():
            self.assertIsNone(process.poll(), "it ended before make began")
            return os.path.exists(pid_path) and os.path.getsize(pid_path)

        harness.wait_until(begun, "make")
        with open(pid_path, encoding="ascii") as file:
            make = int(file.read())
        self.assertTrue(is_alive(make))
        self.assertEqual(len(glob.glob(self.cache + "/building-kernel.*")), 1)
        process.send_signal(number)
        # Nothing holds its output open, and nothing goes on.
        process.communicate(timeout=harness.PATIENCE / 2)
        harness.wait_until(lambda: not is_alive(make), "make to end")
        os.unlink(pid_path)
        os.unlink(self.path("wait"))
        return process.returncode

    def test_ended_by_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                self.assertEqual(self.killed(number), 128 + number)
                self.assertEqual(self.directories(), [])
        self.build()

    def test_killed(self):
        """No trap runs: nothing goes on, and the next build removes what is left."""
        self.assertEqual(self.killed(signal.SIGKILL), -signal.SIGKILL)
        left = self.directories()
        self.assertEqual(len(left), 1)
        entry = os.path.basename(os.path.dirname(self.build()))
        self.assertEqual(self.directories(), [entry])

    def test_a_step_that_fails(self):
        self.script("make", "#!/bin/sh\necho the reason\nexit 7\n")
        with self.start() as process:
            output, errors = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual((process.returncode, output), (1, b""))
        self.assertIn(b"the reason\nbuild-kernel: make tinyconfig failed\n", errors)
        self.assertEqual(self.directories(), [])

    def test_what_is_not_used_any_more_is_removed(self):
        ages = {"kernel-6.1-old": 31, "kernel-6.1-in-use": 29, "qemu-old": 31, "documents": 31}
        for name, days in ages.items():
            os.makedirs(os.path.join(self.cache, name, "inside"))
            then = time.time() - days * DAY
            os.utime(os.path.join(self.cache, name), (then, then))
        entry = os.path.dirname(self.build())
        kept = sorted([os.path.basename(entry), "kernel-6.1-in-use", "qemu-old", "documents"])
        self.assertEqual(self.directories(), kept)
        # Asked for after a long time: it is in use again, and not built again.
        then = time.time() - 40 * DAY
        os.utime(entry, (then, then))
        os.utime(os.path.join(self.cache, "kernel-6.1-in-use"), (then, then))
        self.script("make", "#!/bin/sh\nexit 1\n")
        self.assertEqual(os.path.dirname(self.build()), entry)
        self.assertGreater(os.stat(entry).st_mtime, then + DAY)
        self.assertNotIn("kernel-6.1-in-use", self.directories())


class Progress(harness.TestCase):
    def shown(self, steps, seconds):
        script = f"""
            . {harness.SOURCE}/scripts/cache.bash
            cache_steps() {{ echo {steps}; }}
            cache_progress {seconds}"""
        done = harness.run(["bash", "-c", script, "build-kernel"],
                           env={"XDG_CACHE_HOME": self.directory})
        self.assert_exit(done, 0)
        return done.stderr.decode()

    def test_a_line(self):
        self.assertEqual(self.shown("", 5), "build-kernel: 0:05\n")
        self.assertEqual(self.shown("10 2000", 65), "build-kernel: 1:05, step 10 of about 2000\n")
        self.assertEqual(self.shown("500 2000", 150), "build-kernel: 2:30, step 500 of about 2000, "
                         "about 10 minutes in all on this machine\n")
        # More steps than the last time.
        self.assertIn("step 2300 of about 2300, about 11 minutes", self.shown("2300 2000", 660))


class Place(harness.TestCase):
    def test_without_home(self):
        """Never in /tmp, where another user may have put what would be linked into programs."""
        done = subprocess.run(
            ["bash", "-uc", f'. {harness.SOURCE}/scripts/cache.bash; printf %s "$cache"'],
            env={"PATH": os.environ["PATH"]}, capture_output=True, check=True,
            timeout=harness.PATIENCE)
        self.assertEqual(done.stdout.decode(),
                         os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache/vsattest"))


if __name__ == "__main__":
    unittest.main()
