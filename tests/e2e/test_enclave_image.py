# SPDX-License-Identifier: Apache-2.0
"""enclave_image: known answer, reproducible images, signatures, refusals. Nothing is booted here.

The format is written down once more in `eif()` and `cpio()`, from the facts, to check the program
against something that is not itself.
"""

import hashlib
import itertools
import json
import os
import platform
import re
import resource
import shutil
import struct
import subprocess
import threading
import time
import unittest
import zlib

import harness

# The known answer of the specification: KERNEL and RAMDISK0 are neither, so that `build` refuses
# them; such an image can be described all the same.
SPECIFIED_SHA256 = "359f1d7210cd9660b522876c0fb9a7512c9cee552468455574f10aa391e50970"
SPECIFIED = {
    "HashAlgorithm": "Sha384 { ... }",
    "PCR0": "61fd2b06210a933b3db5e15c5752e394894bb097f7f1d96ad1f55a7525d0d7aa"
            "2c63b235f44420b12d8376cc392bdefb",
    "PCR1": "a6d35ce3e7ba80048a2b23da9b15063726a7cea90e16e9d6934e92a15aa1896f"
            "d54de706310e2fbc585d9c37db9c1805",
    "PCR2": "5f699ae4300525c628f5c96fc521729dd6ca1a2c07cb07b69e7ae9e3fa935cfd"
            "7cc83b3e26d89201a486d9db2405c562",
}
PCR_OF_NOTHING = (
    "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
    "10edb30948c90ba67310f7b964fc500a"
)
KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5
NITRO_CMDLINE = (
    b"reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp "
    b"i8042.dumbkbd random.trust_cpu=on"
)


def measure(*contents):
    """The value of a register over these contents."""
    inner = hashlib.sha384(b"".join(contents)).digest()
    return hashlib.sha384(bytes(48) + inner).hexdigest()


def eif(sections, version=4, flags=0):
    offsets, sizes, body, offset = [], [], b"", 548
    for kind, data in sections:
        offsets.append(offset)
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
        offset += 12 + len(data)
    header = b".eif" + struct.pack(">HHQQHH", version, flags, 1 << 30, 2, 0, len(sections))
    for table in (offsets, sizes):
        header += b"".join(struct.pack(">Q", n) for n in table + [0] * (32 - len(table)))
    header += bytes(4)
    return header + struct.pack(">I", zlib.crc32(body, zlib.crc32(header))) + body


def sections(image):
    """[(type, data)] of an image's bytes."""
    count = struct.unpack_from(">H", image, 0x1A)[0]
    found = []
    for index in range(count):
        offset = struct.unpack_from(">Q", image, 0x1C + 8 * index)[0]
        kind, _, size = struct.unpack_from(">HHQ", image, offset)
        found.append((kind, image[offset + 12:offset + 12 + size]))
    return found


def cpio(archive, links=None):
    """{path: (mode, data)} of a newc archive; everything that has to be zero is checked.

    Hard links, which are refused without `links`, are noted there: {inode: [path, ...]}.
    """
    table, offset, inodes = {}, 0, {}
    while True:
        fields = [int(archive[offset + 6 + 8 * i:offset + 14 + 8 * i], 16) for i in range(13)]
        assert archive[offset:offset + 6] == b"070701"
        inode, mode, uid, gid, _, mtime, size = fields[:7]
        start = offset + 110
        path = archive[start:start + fields[11] - 1].decode()
        data = (start + fields[11] + 3) & ~3
        offset = (data + size + 3) & ~3
        if path == "TRAILER!!!":
            assert offset == len(archive)
            return table
        assert uid == gid == mtime == 0 and not any(fields[7:11])
        assert path not in table
        if inode in inodes:
            # As Linux unpacks it: the first one has the contents, all say how many there are.
            assert links is not None and size == 0 and fields[4] > 1
            links.setdefault(inode, [inodes[inode]]).append(path)
            table[path] = table[inodes[inode]]
            continue
        inodes[inode] = path
        table[path] = (mode, archive[data:data + size])


# What `build` takes: the marks of a bzImage and of an Image, and of cpio archives.
BZIMAGE = bytes(0x202) + b"HdrS and the rest of a kernel"
ARM_IMAGE = bytes(0x38) + b"ARM\x64 and the rest of a kernel"
RAMDISKS = [b"070701RAMDISK0", b"070702RAMDISK1"]
NITRO_METADATA = {
    "ImageName": "x", "ImageVersion": "1", "DockerInfo": {}, "CustomMetadata": None,
    "BuildMetadata": {
        "BuildTime": "1970-01-01T00:00:00Z", "BuildTool": "t", "BuildToolVersion": "1",
        "OperatingSystem": "Linux", "KernelVersion": "6",
    },
}
KNOWN_METADATA = json.dumps(NITRO_METADATA).encode()
KNOWN_PARTS = [
    (KERNEL, BZIMAGE), (CMDLINE, b"console=ttyS0"), (METADATA, KNOWN_METADATA),
    (RAMDISK, RAMDISKS[0]), (RAMDISK, RAMDISKS[1]),
]
KNOWN_SHA256 = hashlib.sha256(eif(KNOWN_PARTS)).hexdigest()
KNOWN = {
    "HashAlgorithm": "Sha384 { ... }",
    "PCR0": measure(BZIMAGE, b"console=ttyS0", *RAMDISKS),
    "PCR1": measure(BZIMAGE, b"console=ttyS0", RAMDISKS[0]),
    "PCR2": measure(RAMDISKS[1]),
}


class ImageTestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.program = harness.program("enclave_image")

    def write(self, name, data, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def run_image(self, *arguments, status=0, env=None, cwd=None):
        done = harness.run([self.program, *arguments], env=env, cwd=cwd)
        self.assert_exit(done, status)
        return done

    def parts(self):
        return [
            "--kernel", self.write("kernel", BZIMAGE),
            "--cmdline", "console=ttyS0",
            "--ramdisk", self.write("ramdisk0", RAMDISKS[0]),
            "--ramdisk", self.write("ramdisk1", RAMDISKS[1]),
        ]

    def build_known(self, *options, name="known.eif", status=0):
        path = self.path(name)
        metadata = self.write("metadata.json", KNOWN_METADATA)
        done = self.run_image(
            "build", *self.parts(), "--metadata", metadata, "--output", path, *options,
            status=status,
        )
        return path, done

    def certificate(self, name, curve="secp384r1", days="2"):
        """(certificate, key) files of a new self-signed certificate, by openssl."""
        if not shutil.which("openssl"):
            raise unittest.SkipTest("no openssl program on this machine")
        key, certificate = self.path(name + ".key"), self.path(name + ".pem")
        for command in (
            ["ecparam", "-name", curve, "-genkey", "-noout", "-out", key],
            ["req", "-new", "-x509", "-key", key, "-days", days, "-out", certificate,
             "-subj", "/C=US/O=Example/CN=" + name],
        ):
            subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=60)
        return certificate, key

    def assert_refused(self, done, *texts):
        self.assertEqual(done.stdout, b"")
        for text in texts:
            self.assertIn(text, done.stderr.decode())


class KnownAnswer(ImageTestCase):
    def test_bytes_and_measurements(self):
        path, done = self.build_known()
        image = self.read(path)
        self.assertEqual(image, eif(KNOWN_PARTS))
        self.assertEqual(hashlib.sha256(image).hexdigest(), KNOWN_SHA256)
        self.assertEqual(json.loads(done.stdout), {"Measurements": KNOWN})

    def test_description(self):
        specified = eif([
            (KERNEL, b"KERNEL"), (CMDLINE, b"console=ttyS0"), (METADATA, b"{}"),
            (RAMDISK, b"RAMDISK0"), (RAMDISK, b"RAMDISK1"),
        ])
        self.assertEqual(hashlib.sha256(specified).hexdigest(), SPECIFIED_SHA256)
        path = self.write("specified.eif", specified)
        self.assertEqual(
            json.loads(self.run_image("describe", path).stdout),
            {"EifVersion": 4, "Measurements": SPECIFIED, "IsSigned": False, "CheckCRC": True,
             "Metadata": {}},
        )

    def test_extraction(self):
        path, _ = self.build_known()
        directory = self.path("parts")
        done = self.run_image("extract", "--output", directory, path)
        expected = {
            "kernel": BZIMAGE, "cmdline": b"console=ttyS0", "metadata.json": KNOWN_METADATA,
            "ramdisk-0.cpio": RAMDISKS[0], "ramdisk-1.cpio": RAMDISKS[1],
        }
        self.assertEqual(
            set(done.stdout.decode().split()),
            {os.path.join(directory, name) for name in expected},
        )
        for name, data in expected.items():
            self.assertEqual(self.read(os.path.join(directory, name)), data)

    def test_registers_of_files(self):
        empty = self.write("empty", "")
        one = self.write("one", "KERNELconsole=ttyS0RAMDISK0")
        for path, value in ((empty, PCR_OF_NOTHING), (one, SPECIFIED["PCR1"])):
            done = self.run_image("pcr", "--input", path)
            self.assertEqual(json.loads(done.stdout), {"PCR": value})

    def test_command_line_from_a_file(self):
        cmdline = self.write("cmdline", "\t console=ttyS0 \n")
        path = self.path("x.eif")
        parts = self.parts()
        parts[parts.index("console=ttyS0")] = "@" + cmdline
        done = self.run_image("build", *parts, "--output", path)
        self.assertEqual(json.loads(done.stdout), {"Measurements": KNOWN})

    def test_measurements_fit_the_verifier(self):
        _, done = self.build_known()
        measurements = self.write("measurements.json", done.stdout)
        document = harness.shared("testdata", "attestation", "production-2021.bin")
        done = harness.run(
            [harness.program("verifier"), "--json", "--at", "1616018515",
             "--measurements", measurements, document]
        )
        # Genuine, but of another image: the measurements were read and compared.
        self.assert_exit(done, 1)
        self.assertEqual(json.loads(done.stdout)["error_code"], "pcr_mismatch")

    def test_example(self):
        path, _ = self.build_known()
        done = harness.run([harness.example("measure_image"), path])
        self.assert_exit(done, 0)
        lines = dict(line.split() for line in done.stdout.decode().splitlines())
        self.assertEqual(lines, {name: KNOWN[name] for name in ("PCR0", "PCR1", "PCR2")})

    def test_default_metadata(self):
        config = self.write(
            "config", "#\n# Automatically generated file; DO NOT EDIT.\n"
            "# Linux/x86 6.12.117 Kernel Configuration\n#\nCONFIG_64BIT=y\n",
        )
        path = self.path("x.eif")
        self.run_image(
            "build", *self.parts(), "--kernel-config", config, "--name", "na\"me",
            "--version", "7", "--output", path, env={"SOURCE_DATE_EPOCH": "1700000000"},
        )
        metadata = dict(sections(self.read(path)))[METADATA]
        self.assertEqual(
            json.loads(metadata),
            {
                "ImageName": "na\"me", "ImageVersion": "7",
                "BuildMetadata": {
                    "BuildTime": "2023-11-14T22:13:20Z", "BuildTool": "enclave_image",
                    "BuildToolVersion": self.version(), "OperatingSystem": "Linux",
                    "KernelVersion": "6.12.117",
                },
                "DockerInfo": {}, "CustomMetadata": {},
            },
        )
        described = json.loads(self.run_image("describe", path).stdout)
        self.assertEqual(described["ImageName"], "na\"me")
        self.assertEqual(described["ImageVersion"], "7")
        self.assertEqual(described["Metadata"]["BuildTime"], "2023-11-14T22:13:20Z")
        self.assertEqual(described["Metadata"]["DockerInfo"], {})

    def version(self):
        return self.run_image("--version").stdout.decode().split()[1]

    def test_metadata_changes_no_register(self):
        path = self.path("x.eif")
        done = self.run_image("build", *self.parts(), "--name", "other", "--output", path)
        self.assertEqual(json.loads(done.stdout)["Measurements"], KNOWN)

    def test_architecture(self):
        self.write("arm", ARM_IMAGE)
        path = self.path("arm.eif")
        self.run_image(
            "build", "--kernel", self.path("arm"), *self.parts()[2:], "--arch", "aarch64",
            "--output", path,
        )
        self.assertEqual(self.read(path)[6:8], b"\x00\x01")


class Application(ImageTestCase):
    """--app: both ramdisks are made here."""

    def setUp(self):
        super().setUp()
        # Any static program will do, and there is one: the init itself.
        self.init = os.path.join(harness.BUILD, "src", "enclave_init", "enclave_init")
        if not os.path.exists(self.init):
            raise unittest.SkipTest("no static libc on this machine: enclave_init is not built")
        if platform.machine() != "x86_64":
            raise unittest.SkipTest("the programs of this build are not for x86_64")

    def build_app(self, directory, *options, **keywords):
        """The image's bytes, built in a directory of its own from copies of everything."""
        os.makedirs(directory)
        shutil.copy(self.init, os.path.join(directory, "server"))
        with open(os.path.join(directory, "kernel"), "wb") as file:
            file.write(BZIMAGE)
        keywords.setdefault("cwd", directory)
        self.run_image(
            "build", "--kernel", "kernel", "--app", "server", "--output", "app.eif", *options,
            **keywords,
        )
        return self.read(os.path.join(directory, "app.eif"))

    def test_layout(self):
        image = self.build_app(
            self.path("a"), "--arg", "--vsock", "--arg", "", "--arg", "a b",
            "--env", "A=1", "--env", "B=x=y",
        )
        found = sections(image)
        self.assertEqual([kind for kind, _ in found], [KERNEL, CMDLINE, METADATA, RAMDISK, RAMDISK])
        self.assertEqual(found[1][1], NITRO_CMDLINE)
        server = self.read(self.init)
        self.assertEqual(cpio(found[3][1]), {"dev": (0o40755, b""), "init": (0o100755, server)})
        directories = ["", "/app", "/dev", "/proc", "/run", "/sys", "/tmp", "/var"]
        self.assertEqual(
            cpio(found[4][1]),
            {
                "cmd": (0o100644, b"/app/server\n--vsock\n\na b\n"),
                "env": (0o100644, b"A=1\nB=x=y\n"),
                "rootfs/app/server": (0o100755, server),
                **{"rootfs" + name: (0o40755, b"") for name in directories},
            },
        )
        contents = [found[0][1], found[1][1], found[3][1], found[4][1]]
        measured = json.loads(self.run_image("describe", self.path("a/app.eif")).stdout)
        self.assertEqual(measured["Measurements"]["PCR0"], measure(*contents))
        self.assertEqual(measured["Measurements"]["PCR1"], measure(*contents[:3]))
        self.assertEqual(measured["Measurements"]["PCR2"], measure(contents[3]))
        self.assertEqual(measured["ImageName"], "server")

    def test_twice_in_two_directories_at_two_times(self):
        images = []
        for index, name in enumerate(("one", "another/directory")):
            directory = self.path(name)
            data = self.path(f"data-{index}")
            # Another order of making, other times, other permissions for group and others.
            for file in sorted(("b", "a", "c/d"), reverse=bool(index)):
                self.write(os.path.join(data, file), file, mode=0o600 if index else 0o666)
                os.utime(os.path.join(data, file), (index * 10**9, index * 10**9))
            old = os.umask(0o077 if index else 0o022)
            try:
                images.append(self.build_app(directory, "--file", data + ":/data"))
            finally:
                os.umask(old)
        self.assertEqual(images[0], images[1])
        self.assertIn("rootfs/data/c/d", cpio(sections(images[0])[4][1]))

    def test_files_and_directories(self):
        data = self.path("data")
        self.write("data/plain", "plain", mode=0o640)
        self.write("data/bin/tool", "tool", mode=0o4750)
        os.symlink("plain", os.path.join(data, "link"))
        os.symlink("/nowhere", os.path.join(data, "dangling"))
        os.makedirs(os.path.join(data, "empty"))
        link_to_file = self.path("named")
        os.symlink(os.path.join(data, "plain"), link_to_file)
        image = self.build_app(
            self.path("a"), "--file", data + ":/srv/data/", "--file", link_to_file + ":/etc/named",
        )
        tree = cpio(sections(image)[4][1])
        self.assertEqual(tree["rootfs/srv"], (0o40755, b""))
        self.assertEqual(tree["rootfs/srv/data/plain"], (0o100644, b"plain"))
        self.assertEqual(tree["rootfs/srv/data/bin/tool"], (0o100755, b"tool"))
        self.assertEqual(tree["rootfs/srv/data/link"], (0o120777, b"plain"))
        self.assertEqual(tree["rootfs/srv/data/dangling"], (0o120777, b"/nowhere"))
        self.assertEqual(tree["rootfs/srv/data/empty"], (0o40755, b""))
        # A link that is named itself is followed.
        self.assertEqual(tree["rootfs/etc/named"], (0o100644, b"plain"))

    def test_example(self):
        """A user of the library builds the same image."""
        image = self.build_app(self.path("a"))
        path = self.path("example.eif")
        done = harness.run([harness.example("build_image"), self.path("a/kernel"), self.init,
                            self.path("a/server"), path])
        self.assert_exit(done, 0)
        self.assertEqual(self.read(path), image)

    def test_nsm_module(self):
        module = harness.kernel_module(b"MODULE")
        image = self.build_app(self.path("a"), "--nsm-module", self.write("nsm.ko", module))
        self.assertEqual(cpio(sections(image)[3][1])["nsm.ko"], (0o100755, module))

    def test_modules(self):
        """In the order given, in the ramdisk that boots; PCR1 has them."""
        modules = {name: harness.kernel_module(name.encode()) for name in ("z.ko", "a.ko", "m")}
        options = []
        for name, data in modules.items():
            options += ["--module", self.write("from/" + name, data)]
        images = [self.build_app(self.path("a"), *options),
                  self.build_app(self.path("b"), *options[2:], *options[:2]),
                  self.build_app(self.path("c"))]
        found = cpio(sections(images[0])[3][1])
        self.assertEqual(found.pop("modules/order"), (0o100644, b"z.ko\na.ko\nm\n"))
        self.assertEqual(
            {path: entry for path, entry in found.items() if path.startswith("modules")},
            {"modules": (0o40755, b""),
             **{"modules/" + name: (0o100755, data) for name, data in modules.items()}},
        )
        self.assertNotIn("modules", cpio(sections(images[2])[3][1]))
        first = [sections(image)[3][1] for image in images]
        self.assertEqual(len(set(first)), 3)
        self.assertEqual(len({sections(image)[4][1] for image in images}), 1)

    def test_module_limits(self):
        options = []
        for number in range(65):
            options += ["--module", self.write(f"{number}.ko", harness.kernel_module())]
        self.build_app(self.path("a"), *options[2:])
        directory = self.path("a")
        done = self.run_image("build", "--kernel", "kernel", "--app", "server", "--output", "b.eif",
                              *options, status=2, cwd=directory)
        self.assert_refused(done, "65 kernel modules: an image has at most 64")
        large = self.path("large.ko")
        with open(large, "wb") as file:
            file.truncate(64 * 1024 * 1024 + 1)
        done = self.run_image("build", "--kernel", "kernel", "--app", "server", "--output", "b.eif",
                              "--module", large, status=2, cwd=directory)
        self.assert_refused(done, "large.ko has more than 67108864 bytes")
        # An endless one is read up to the limit, not until memory is short.
        done = self.run_image("build", "--kernel", "kernel", "--app", "server", "--output", "b.eif",
                              "--module", "/dev/zero", status=2, cwd=directory)
        self.assert_refused(done, "/dev/zero has more than 67108864 bytes")

    def test_user(self):
        """A file beside cmd and env says who runs the program: PCR2 has it. Root leaves none."""
        plain = self.build_app(self.path("a"))
        for index, (text, content) in enumerate((("1000", b"1000:1000\n"), ("65534:7", b"65534:7\n"),
                                                 ("4294967294", b"4294967294:4294967294\n"))):
            image = self.build_app(self.path(f"user-{index}"), "--user", text)
            app = cpio(sections(image)[4][1])
            self.assertEqual(app.pop("user"), (0o100644, content))
            self.assertEqual(app, cpio(sections(plain)[4][1]))
            self.assertEqual(sections(image)[3], sections(plain)[3])
        for index, text in enumerate(("0", "0:0")):
            self.assertEqual(self.build_app(self.path(f"root-{index}"), "--user", text), plain)

    def test_other_programs_as_cpio_sees_them(self):
        if not shutil.which("cpio"):
            self.skipTest("no cpio program on this machine")
        image = self.build_app(self.path("a"))
        for _, ramdisk in sections(image)[3:]:
            done = harness.run(["cpio", "-it", "--quiet"], stdin=ramdisk)
            self.assert_exit(done, 0)
            self.assertEqual(done.stdout.decode().split(), sorted(cpio(ramdisk)))

    def test_refused_arguments(self):
        kernel = self.write("kernel", BZIMAGE)
        file = self.write("file", "070701 and so on")
        text_file = self.write("text-file", "x")
        script = self.write("script", "#! /bin/sh -e\n")
        text = self.write("text", "no program at all, and long enough to have an ELF header......")
        os.mkfifo(self.path("fifo"))
        rows = [
            (["--app", self.path("missing")], "app: cannot open"),
            (["--app", text], f"app: {text} is neither a program (ELF) nor a script"),
            (["--app", script], "needs /bin/sh, which is not in the image"),
            (["--app", self.init, "--arg", "a\nb"], "line break"),
            (["--app", self.init, "--env", "A"], "environment entry 'A' is not NAME=VALUE"),
            (["--app", self.init, "--env", "=1"], "is not NAME=VALUE"),
            (["--app", self.init, "--file", file], "is not SOURCE:/DESTINATION"),
            (["--app", self.init, "--file", file + ":relative"], "is not SOURCE:/DESTINATION"),
            (["--app", self.init, "--file", file + ":/"], "only a directory can become /"),
            (["--app", self.init, "--file", file + ":/../x"], "cannot be a path"),
            (["--app", self.init, "--file", file + ":/a", "--file", file + ":/a"], "twice"),
            (["--app", self.init, "--file", file + ":/a", "--file", file + ":/a/b"], "twice"),
            (["--app", self.init, "--file", self.path("nothing") + ":/a"], "file: cannot read"),
            (["--app", self.init, "--file", self.path("fifo") + ":/a"], "neither a file nor"),
            (["--app", self.init, "--ramdisk", file], "leave out --ramdisk"),
            (["--app", self.init, "--init", script], "statically linked"),
            (["--app", self.init, "--init", text_file], "neither a program"),
            (["--ramdisk", file, "--arg", "x"], "belong to --app"),
            (["--ramdisk", file, "--module", file], "belong to --app"),
            (["--ramdisk", file, "--user", "0"], "belong to --app"),
            *((["--app", self.init, "--user", user], "--user UID[:GID]: '")
              for user in ("", "app", "-1", "1000 ", "4294967295", "99999999999999999999", ":5",
                           "0" * 15 + "1000", "0" * 11 + "1000app", "0" * 15 + "app:0")),
            *((["--app", self.init, "--user", user], "--user UID:GID: '")
              for user in ("1000:", "1000:app", "1000:4294967295", "1000:1:2")),
            (["--app", self.init, "--user", "1000:0"], "neither or both"),
            (["--app", self.init, "--user", "0:1000"], "neither or both"),
            *((["--app", self.init, option, self.write("bad.ko." + str(index), data)], reason)
              for option in ("--module", "--nsm-module")
              for index, (data, reason) in enumerate((
                  (b"", "bad.ko.0"),
                  (b"x" * 100, "is not a kernel module (an ELF relocatable"),
                  (harness.kernel_module(kind=2), "is not a kernel module"),
                  (harness.kernel_module()[:63], "is not a kernel module"),
                  (harness.kernel_module(machine=183), "another processor than the image's, x86_64"),
                  (harness.kernel_module(b"text")[:-1], "is cut off"),
                  (harness.kernel_module(sections=0), "is cut off"),
                  (b"\xfd7zXZ\0" + bytes(64), "unpack it with xz -d"),
                  (b"\x28\xb5\x2f\xfd" + bytes(64), "unpack it with zstd -d"),
              ))),
            (["--app", self.init, "--module", self.path("missing.ko")], "module: cannot open"),
            (["--app", self.init, "--nsm-module", self.path("missing.ko")], "nsm-module: cannot open"),
            (["--app", self.init, "--rootfs", self.path("missing")], "rootfs: cannot read"),
            (["--app", self.init, "--module", self.write("order", harness.kernel_module())],
             "has not the name of a module"),
            (["--app", self.init, "--module", self.write("x.ko", harness.kernel_module()),
              "--module", self.write("other/x.ko", harness.kernel_module())], "twice"),
            ([], "what is in the image?"),
            (["--ramdisk", file, "operand"], "what stands alone?"),
            (["--ramdisk", self.path("missing")], "missing: No such file"),
            (["--ramdisk", text_file], "is neither a cpio archive"),
            (["--ramdisk", file, "--private-key", file], "signing needs both"),
            (["--ramdisk", file, "--metadata", text_file], "not valid JSON"),
            (["--ramdisk", file, "--metadata", self.write("m1", "[]")], "not a JSON object"),
            (["--ramdisk", file, "--metadata", self.write("m2", '{"a":1,"a":2}')], "same key twice"),
            (["--ramdisk", file, "--metadata", self.write("m3", "{}"), "--name", "x"], "leave out"),
            (["--ramdisk", file, "--metadata", self.write("m4", "{}")], "ImageName is missing"),
            (["--ramdisk", file, "--metadata", self.write("m5", "[" * 33)], "deeper than 32 levels"),
            (["--ramdisk", file, "--arch", "riscv"], "neither x86_64 nor aarch64"),
            (["--ramdisk", file, "--name", "a", "--name", "b"], "given twice"),
            (["--ramdisk", file, "--at", "yesterday"], "yesterday"),
            (["--ramdisk", file, "--cmdline", "@" + self.path("missing")], "--cmdline"),
        ]
        for options, text in rows:
            with self.subTest(options=options):
                output = self.path("never.eif")
                done = self.run_image(
                    "build", "--kernel", kernel, "--output", output, *options, status=2
                )
                self.assert_refused(done, text)
                self.assertFalse(os.path.exists(output))

    def test_interpreter_may_come_along(self):
        script = self.write("run", "#!/bin/tool -x\n", mode=0o755)
        directory = self.path("a")
        os.makedirs(directory)
        output = os.path.join(directory, "x.eif")
        self.run_image(
            "build", "--kernel", self.write("kernel", BZIMAGE), "--app", script, "--output", output,
            "--file", self.init + ":/bin/tool",
        )
        self.assertIn("rootfs/bin/tool", cpio(sections(self.read(output))[4][1]))

    def test_interpreter_needs_its_own_loader(self):
        """A script's interpreter is looked at as a program is: its loader, then its libraries."""
        kernel, output = self.write("kernel", BZIMAGE), self.path("x.eif")
        script = self.write("run", "#!/usr/bin/tool\n", mode=0o755)
        root = self.path("root")
        self.write("root/usr/lib/tool", self.read(self.program), mode=0o755)
        os.makedirs(os.path.join(root, "usr/bin"))
        os.symlink("../lib/tool", os.path.join(root, "usr/bin/tool"))
        build = ["build", "--kernel", kernel, "--app", script, "--output", output,
                 "--file", root + ":/"]
        needed = subprocess.run(
            ["readelf", "-ld", self.program], capture_output=True, timeout=60, check=True,
        ).stdout.decode() if shutil.which("readelf") else self.skipTest("no readelf")
        found = re.search(r"interpreter: (.*)\]", needed)
        if not found:
            self.skipTest("this build's programs are linked statically")
        loader = found.group(1)
        self.assert_refused(self.run_image(*build, status=2), f"needs {loader}")
        build += ["--file", f"{self.init}:{loader}"]
        libraries = re.findall(r"NEEDED.*\[(.*)\]", needed)
        for library in libraries:
            self.assert_refused(self.run_image(*build, status=2), f"needs {library}")
            build += ["--file", f"{self.init}:/usr/lib/{library}"]
        self.run_image(*build)
        tree = cpio(sections(self.read(output))[4][1])
        self.assertEqual(tree["rootfs/usr/bin/tool"], (0o120777, b"../lib/tool"))

    def test_directory_as_root(self):
        root = self.path("root")
        self.write("root/etc/passwd", "root")
        self.write("root/run/x", "x")
        os.symlink("etc", os.path.join(root, "link"))
        tree = cpio(sections(self.build_app(self.path("a"), "--file", root + ":/"))[4][1])
        self.assertEqual(tree["rootfs/etc/passwd"], (0o100644, b"root"))
        self.assertEqual(tree["rootfs/run/x"], (0o100644, b"x"))
        self.assertEqual(tree["rootfs/link"], (0o120777, b"etc"))
        self.assertIn("rootfs/proc", tree)

    def test_tree_that_changes(self):
        """A name that turns into a link between looking and reading is never followed."""
        tree, secret = self.path("tree"), self.write("secret", "SECRET")
        os.makedirs(os.path.join(tree, "directory"))
        self.write("tree/directory/inside", "plain")
        os.makedirs(self.path("elsewhere"))
        self.write("elsewhere/inside", "SECRET")
        stop = threading.Event()

        def swap():
            """At most 10 s; the directory and the file in turn."""
            spare, link = self.path("spare"), self.path("link")
            for target, name, directory in itertools.cycle((
                (secret, "victim", False), (self.path("elsewhere"), "directory", True),
            )):
                if stop.is_set() or time.monotonic() > deadline:
                    return
                place = os.path.join(tree, name)
                if not directory:
                    with open(spare, "w", encoding="ascii") as file:
                        file.write("plain")
                    os.rename(spare, place)
                os.symlink(target, link)
                if directory:
                    os.rename(place, spare)
                os.rename(link, place)
                if directory:
                    os.unlink(place)
                    os.rename(spare, place)

        deadline = time.monotonic() + 10
        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            for _ in range(60):
                output = self.path("x.eif")
                done = harness.run(
                    [self.program, "build", "--kernel", self.write("kernel", BZIMAGE),
                     "--app", self.init, "--output", output, "--file", tree + ":/data"]
                )
                # A name that is away for a moment is an error, and that is all it may be.
                self.assertIn(done.returncode, (0, 2))
                if done.returncode == 0:
                    self.assertNotIn(b"SECRET", self.read(output))
        finally:
            stop.set()
            swapper.join()

    def test_dynamic_program_is_refused(self):
        done = self.run_image(
            "build", "--kernel", self.write("kernel", BZIMAGE), "--app", self.program,
            "--output", self.path("x.eif"), status=2,
        )
        self.assert_refused(done, "link it statically")


class Signatures(ImageTestCase):
    CURVES = ("prime256v1", "secp384r1", "secp521r1")

    def der(self, certificate):
        command = ["openssl", "x509", "-in", certificate, "-outform", "DER"]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout

    def test_three_curves(self):
        path, _ = self.build_known()
        for curve in self.CURVES:
            with self.subTest(curve=curve):
                certificate, key = self.certificate("signer-" + curve, curve)
                signed = self.path(curve + ".eif")
                done = self.run_image(
                    "sign", path, "--signing-certificate", certificate, "--private-key", key,
                    "--output", signed,
                )
                pcr8 = measure(self.der(certificate))
                expected = {**KNOWN, "PCR8": pcr8}
                self.assertEqual(json.loads(done.stdout), {"Measurements": expected})
                described = json.loads(self.run_image("describe", signed).stdout)
                self.assertEqual(described["Measurements"], expected)
                self.assertIs(described["IsSigned"], True)
                self.assertIs(described["SignatureCheck"], True)
                self.assertEqual(
                    described["SigningCertificate"]["IssuerName"],
                    {"countryName": "US", "organizationName": "Example",
                     "commonName": "signer-" + curve},
                )
                pcr = self.run_image("pcr", "--signing-certificate", certificate)
                self.assertEqual(json.loads(pcr.stdout), {"PCR8": pcr8})
        self.assertEqual(hashlib.sha256(self.read(path)).hexdigest(), KNOWN_SHA256)

    def test_certificate_as_openssl_prints_it(self):
        path, _ = self.build_known()
        certificate, key = self.certificate("signer")
        self.run_image("sign", path, "--signing-certificate", certificate, "--private-key", key)
        shown = json.loads(self.run_image("describe", path).stdout)["SigningCertificate"]
        command = ["openssl", "x509", "-in", certificate, "-noout", "-dates"]
        dates = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()
        self.assertIn("notBefore=" + shown["NotBefore"], dates)
        self.assertIn("notAfter=" + shown["NotAfter"], dates)
        self.assertEqual(shown["Algorithm"], "ecdsa-with-SHA256")
        signature = bytes.fromhex(shown["Signature"].replace(":", ""))
        self.assertTrue(self.der(certificate).endswith(signature))

    def test_signed_while_building(self):
        certificate, key = self.certificate("signer")
        path, done = self.build_known("--signing-certificate", certificate, "--private-key", key)
        self.assertIn("PCR8", json.loads(done.stdout)["Measurements"])
        self.run_image("describe", path)
        self.assertEqual([kind for kind, _ in sections(self.read(path))][-1], SIGNATURE)

    def test_signing_anew_replaces(self):
        path, _ = self.build_known()
        for name in ("first", "second"):
            certificate, key = self.certificate(name)
            self.run_image("sign", path, "--signing-certificate", certificate, "--private-key", key)
        image = self.read(path)
        self.assertEqual([kind for kind, _ in sections(image)].count(SIGNATURE), 1)
        described = json.loads(self.run_image("describe", path).stdout)
        self.assertEqual(described["SigningCertificate"]["IssuerName"]["commonName"], "second")
        # The same image without its signature.
        kept = [part for part in sections(image) if part[0] != SIGNATURE]
        self.assertEqual(hashlib.sha256(eif(kept)).hexdigest(), KNOWN_SHA256)

    def test_extracted_certificate(self):
        certificate, key = self.certificate("signer")
        path, _ = self.build_known("--signing-certificate", certificate, "--private-key", key)
        directory = self.path("parts")
        self.run_image("extract", path, "--output", directory)
        self.assertEqual(
            self.read(os.path.join(directory, "signing-certificate.pem")), self.read(certificate)
        )
        section = self.read(os.path.join(directory, "signature.cbor"))
        self.assertTrue(section.startswith(b"\x81\xa2\x73signing_certificate\x99"))

    def test_validity(self):
        certificate, key = self.certificate("signer")
        path, _ = self.build_known()
        unsigned = self.read(path)
        signing = ["--signing-certificate", certificate, "--private-key", key]
        for at, text in (("2020-01-01T00:00:00Z", "not valid before"),
                         ("2099-01-01T00:00:00Z", "expired at")):
            done = self.run_image("sign", path, *signing, "--at", at, status=1)
            self.assert_refused(done, text)
            self.assertEqual(self.read(path), unsigned)
        self.run_image("sign", path, *signing)
        for at, text in (("2020-01-01T00:00:00Z", "not valid before"),
                         ("2099-01-01T00:00:00Z", "expired at")):
            done = self.run_image("describe", path, "--at", at, status=1)
            self.assertIs(json.loads(done.stdout)["SignatureCheck"], False)
            self.assertIn(text, done.stderr.decode())

    def test_signature_of_another_image(self):
        certificate, key = self.certificate("signer")
        path, _ = self.build_known("--signing-certificate", certificate, "--private-key", key)
        parts = sections(self.read(path))
        parts[1] = (CMDLINE, b"init=/bin/sh")
        forged = self.write("forged.eif", eif(parts))
        done = self.run_image("describe", forged, status=1)
        described = json.loads(done.stdout)
        self.assertIs(described["SignatureCheck"], False)
        self.assertIs(described["CheckCRC"], True)
        self.assertIn("the PCR0 of another image", done.stderr.decode())

    def test_signature_bytes_changed(self):
        certificate, key = self.certificate("signer")
        path, _ = self.build_known("--signing-certificate", certificate, "--private-key", key)
        parts = sections(self.read(path))
        section = bytearray(parts[-1][1])
        section[-1] ^= 1
        parts[-1] = (SIGNATURE, bytes(section))
        done = self.run_image("describe", self.write("changed.eif", eif(parts)), status=1)
        self.assertIs(json.loads(done.stdout)["SignatureCheck"], False)

    def test_malformed_signature_section(self):
        path, _ = self.build_known()
        parts = sections(self.read(path)) + [(SIGNATURE, b"\x80")]
        done = self.run_image("describe", self.write("x.eif", eif(parts)), status=4)
        self.assert_refused(done, "the signature section")

    def test_unfit_keys(self):
        path, _ = self.build_known()
        certificate, key = self.certificate("signer")
        _, other = self.certificate("other")
        rsa, rsa_key = self.path("rsa.pem"), self.path("rsa.key")
        command = ["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                   "/CN=rsa", "-keyout", rsa_key, "-out", rsa]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        rows = [
            (certificate, other, 2, "does not belong to the signing certificate"),
            (certificate, certificate, 4, "not an unencrypted private key"),
            (key, key, 4, "no certificate"),
            (rsa, rsa_key, 1, "P-256, P-384 or P-521"),
        ]
        for one, two, status, text in rows:
            with self.subTest(text=text):
                done = self.run_image(
                    "sign", path, "--signing-certificate", one, "--private-key", two, status=status
                )
                self.assert_refused(done, text)


class BadFiles(ImageTestCase):
    PARTS = [(KERNEL, b"K"), (CMDLINE, b"C"), (METADATA, b"{}"), (RAMDISK, b"R")]

    def test_refused_by_every_command(self):
        good = eif(self.PARTS)
        cases = {
            "does not begin with .eif": b"ELF" + good[3:],
            "the header is cut off": good[:500],
            "section 3 (ramdisk) is cut off": good[:-1],
            "after section 3 (ramdisk)": good + b"x",
            "the header's CRC": good[:-1] + b"X",
            "the header says 33 sections": good[:0x1A] + b"\0\x21" + good[0x1C:],
            "the kernel section is missing": eif(self.PARTS[1:]),
            "the metadata section is missing": eif([self.PARTS[i] for i in (0, 1, 3)]),
            "section 2 (cmdline) is one too many": eif(self.PARTS[:2] + self.PARTS[1:]),
            "version 9": eif(self.PARTS, version=9),
            "unknown flags": eif(self.PARTS, flags=4),
        }
        for text, image in cases.items():
            with self.subTest(text=text):
                path = self.write("bad.eif", image)
                self.assert_refused(self.run_image("describe", path, status=4), text)
                directory = self.path("parts")
                self.assert_refused(
                    self.run_image("extract", "--output", directory, path, status=4), text
                )
                self.assertFalse(os.path.exists(directory))

    def test_metadata_that_is_no_json(self):
        parts = self.PARTS[:2] + [(METADATA, b"<xml/>")] + self.PARTS[3:]
        path = self.write("bad.eif", eif(parts))
        done = self.run_image("describe", path)
        self.assertNotIn("Metadata", json.loads(done.stdout))
        self.assertIn("warning: the metadata is not valid JSON", done.stderr.decode())

    def test_older_version(self):
        path = self.write("old.eif", eif([(KERNEL, b"K"), (CMDLINE, b"C"), (RAMDISK, b"R")], 2))
        described = json.loads(self.run_image("describe", path).stdout)
        self.assertEqual(described["EifVersion"], 2)
        self.assertNotIn("Metadata", described)

    def test_missing_file(self):
        done = self.run_image("describe", self.path("missing.eif"), status=3)
        self.assert_refused(done, "missing.eif")

    def test_output_that_cannot_be_written(self):
        _, done = self.build_known(name="no/such/directory.eif", status=3)
        self.assert_refused(done, "no/such/directory.eif")
        os.mkdir(self.path("directory"))
        _, done = self.build_known(name="directory", status=3)
        self.assert_refused(done, "not a regular file")
        self.assertEqual(os.listdir(self.path("directory")), [])

    def test_command_line_too_long_for_linux(self):
        done = self.run_image(
            "build", *self.parts()[:2], *self.parts()[4:], "--cmdline", "x" * 2048,
            "--output", self.path("x.eif"), status=4,
        )
        self.assert_refused(done, "section 1 (cmdline) has 2048 bytes")

    def test_too_many_ramdisks(self):
        path = self.path("x.eif")
        ramdisk = self.write("r", RAMDISKS[0])
        base = ["build", "--kernel", self.write("kernel", BZIMAGE), "--output", path]
        self.run_image(*base, *["--ramdisk", ramdisk] * 29)
        self.assertEqual(len(sections(self.read(path))), 32)
        for count in (30, 33):
            done = self.run_image(*base, *["--ramdisk", ramdisk] * count, status=2)
            self.assert_refused(done, "at most 32 sections")


class Kernels(ImageTestCase):
    def test_what_is_no_kernel(self):
        rows = [
            (b"\x7fELF" + bytes(600), "x86_64", "an ELF file (a vmlinux?)"),
            (b"\x1f\x8b" + bytes(600), "aarch64", "compressed by gzip"),
            (bytes(600), "x86_64", "no kernel"),
            (b"x", "x86_64", "no kernel"),
            (ARM_IMAGE, "x86_64", "an Image for aarch64; an image for x86_64 needs"),
            (BZIMAGE, "aarch64", "a bzImage (x86_64); an image for aarch64 needs"),
        ]
        for kernel, architecture, text in rows:
            with self.subTest(text=text):
                done = self.run_image(
                    "build", "--kernel", self.write("k", kernel), *self.parts()[2:],
                    "--arch", architecture, "--output", self.path("x.eif"), status=2,
                )
                self.assert_refused(done, text)

    def test_program_for_another_processor(self):
        if platform.machine() != "x86_64":
            self.skipTest("the programs of this build are not for x86_64")
        done = self.run_image(
            "build", "--kernel", self.write("arm", ARM_IMAGE), "--arch", "aarch64",
            "--app", self.program, "--init", self.program, "--output", self.path("x.eif"), status=2,
        )
        self.assert_refused(done, "for another processor")

    def test_compressed_ramdisks(self):
        marks = [b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"BZh",
                 b"\x5d\0\0", b"\x89LZO"]
        for mark in marks:
            with self.subTest(mark=mark):
                self.run_image(
                    "build", *self.parts()[:4], "--ramdisk", self.write("r", mark + b"rest"),
                    "--output", self.path("x.eif"),
                )


class LargeImages(ImageTestCase):
    """More than 4 GiB: mapped, so that the process's own memory stays small."""

    LIMIT = 256 * 1024 * 1024

    def run_limited(self, *arguments):
        return subprocess.run(
            [self.program, *arguments], capture_output=True, check=False,
            timeout=10 * harness.PATIENCE,
            # Private memory that can be written: mapped files do not count.
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (self.LIMIT, self.LIMIT)),
        )

    def test_beyond_4_gib(self):
        if harness.is_sanitized():
            self.skipTest("sanitizers reserve more memory than the limit of this test")
        path, size = self.path("big.eif"), (1 << 32) + 1
        image = eif([(KERNEL, b"K"), (CMDLINE, b"C"), (METADATA, b"{}"), (RAMDISK, b"R")])
        # A second ramdisk of zeros, none of them on the disk.
        header = bytearray(image[:548])
        struct.pack_into(">H", header, 0x1A, 5)
        struct.pack_into(">Q", header, 0x1C + 8 * 4, len(image))
        struct.pack_into(">Q", header, 0x11C + 8 * 4, size)
        head = struct.pack(">HHQ", RAMDISK, 0, size)
        crc = zlib.crc32(image[548:] + head, zlib.crc32(header[:0x220]))
        digest, zeros = hashlib.sha384(), bytes(1 << 24)
        for _ in range(size // len(zeros)):
            crc = zlib.crc32(zeros, crc)
            digest.update(zeros)
        crc = zlib.crc32(b"\0", crc)
        digest.update(b"\0")
        struct.pack_into(">I", header, 0x220, crc)
        with open(path, "wb") as file:
            file.write(bytes(header) + image[548:] + head)
            file.truncate(len(image) + len(head) + size)
        done = self.run_limited("describe", path)
        self.assert_exit(done, 0)
        self.assertEqual(
            json.loads(done.stdout)["Measurements"]["PCR2"],
            hashlib.sha384(bytes(48) + digest.digest()).hexdigest(),
        )


class AsAws(ImageTestCase):
    """What AWS's code takes: described with a warning, not signed."""

    PARTS = [(KERNEL, b"K"), (CMDLINE, b"C"), (METADATA, b"{}"), (RAMDISK, b"R"), (RAMDISK, b"S")]

    def test_deviations(self):
        kernel, cmdline, metadata, first, second = self.PARTS
        flags = bytearray(eif(self.PARTS))
        flags[548 + 3] = 1
        struct.pack_into(">I", flags, 0x220, zlib.crc32(flags[548:], zlib.crc32(flags[:0x220])))
        rows = [
            (eif([cmdline, kernel, metadata, first, second]), "order",
             [measure(b"CKRS"), measure(b"CKR"), measure(b"S")]),
            (eif([kernel, metadata, first, second, cmdline]), "order",
             [measure(b"KRSC"), measure(b"KRC"), measure(b"S")]),
            (bytes(flags), "flags are not zero",
             [measure(b"KCRS"), measure(b"KCR"), measure(b"S")]),
            (eif([kernel, cmdline, metadata]), "no ramdisk",
             [measure(b"KC"), measure(b"KC"), measure(b"")]),
            (eif([kernel, cmdline, (METADATA, b'{"a":"' + b"x" * 65536 + b'"}'), first]), "larger",
             [measure(b"KCR"), measure(b"KCR"), measure(b"")]),
        ]
        certificate, key = self.certificate("signer")
        for image, text, registers in rows:
            with self.subTest(text=text):
                path = self.write("x.eif", image)
                done = self.run_image("describe", path)
                self.assertIn("warning: ", done.stderr.decode())
                self.assertIn(text, done.stderr.decode())
                measured = json.loads(done.stdout)["Measurements"]
                self.assertEqual([measured[f"PCR{i}"] for i in range(3)], registers)
                self.run_image("sign", path, "--signing-certificate", certificate,
                               "--private-key", key, status=4)
                self.assertEqual(self.read(path), image)

    def signed(self, name, *options):
        certificate, key = self.certificate(name)
        path, _ = self.build_known("--signing-certificate", certificate, "--private-key", key,
                                   *options)
        return path, certificate, key

    def test_stale_signature_size(self):
        path, certificate, key = self.signed("signer")
        good = self.read(path)
        stale = bytearray(good)
        size = struct.unpack_from(">Q", stale, 0x11C + 8 * 5)[0]
        struct.pack_into(">Q", stale, 0x11C + 8 * 5, size + 37)
        struct.pack_into(">I", stale, 0x220, zlib.crc32(stale[548:], zlib.crc32(stale[:0x220])))
        self.write("known.eif", bytes(stale))
        done = self.run_image("describe", path)
        self.assertIs(json.loads(done.stdout)["SignatureCheck"], True)
        self.assertIn("as AWS's sign-eif leaves it after signing again", done.stderr.decode())
        self.run_image("extract", "--output", self.path("parts"), path)
        self.run_image("sign", path, "--signing-certificate", certificate, "--private-key", key)
        done = self.run_image("describe", path)
        self.assertEqual(done.stderr, b"")
        self.assertIs(json.loads(done.stdout)["SignatureCheck"], True)

    def test_two_signatures(self):
        path, _, _ = self.signed("signer")
        parts = sections(self.read(path))
        path = self.write("two.eif", eif(parts + [(SIGNATURE, b"nonsense")]))
        done = self.run_image("describe", path)
        self.assertIs(json.loads(done.stdout)["SignatureCheck"], True)
        self.assertIn("more than one signature", done.stderr.decode())

    def test_certificate_chain(self):
        """The first certificate counts; signing with such a file is refused, with advice."""
        path, certificate, key = self.signed("signer")
        other, _ = self.certificate("other")
        chain = self.write("chain.pem", self.read(certificate) + self.read(other))
        shown = json.loads(self.run_image("pcr", "--signing-certificate", chain).stdout)
        alone = json.loads(self.run_image("pcr", "--signing-certificate", certificate).stdout)
        self.assertEqual(shown, alone)
        parts = sections(self.read(path))
        section = parts[-1][1]
        start = section.index(b"signing_certificate") + len(b"signing_certificate")
        end = section.index(b"isignature")
        octets = b"".join(
            bytes([n]) if n < 24 else bytes([0x18, n]) for n in self.read(chain)
        )
        length = struct.pack(">BH", 0x99, len(self.read(chain)))
        parts[-1] = (SIGNATURE, section[:start] + length + octets + section[end:])
        done = self.run_image("describe", self.write("chain.eif", eif(parts)))
        described = json.loads(done.stdout)
        self.assertIs(described["SignatureCheck"], True)
        self.assertEqual(described["Measurements"]["PCR8"], alone["PCR8"])
        done = self.run_image("sign", path, "--signing-certificate", chain, "--private-key", key,
                              status=4)
        self.assert_refused(done, "more than one certificate", "openssl x509 -in")


class KeysElsewhere(ImageTestCase):
    """--print-to-be-signed and --signature: the key is openssl's here, as in an HSM."""

    def test_signature_from_elsewhere(self):
        for curve, digest in (("prime256v1", "sha256"), ("secp384r1", "sha384"),
                              ("secp521r1", "sha512")):
            with self.subTest(curve=curve):
                path, _ = self.build_known()
                certificate, key = self.certificate("signer-" + curve, curve)
                sign = ["sign", path, "--signing-certificate", certificate]
                tbs = self.write("tbs", self.run_image(*sign, "--print-to-be-signed").stdout)
                command = ["openssl", "dgst", "-" + digest, "-sign", key, tbs]
                signature = subprocess.run(command, check=True, capture_output=True, timeout=60)
                self.write("signature", signature.stdout)
                done = self.run_image(*sign, "--signature", self.path("signature"))
                self.assertIn("PCR8", json.loads(done.stdout)["Measurements"])
                described = json.loads(self.run_image("describe", path).stdout)
                self.assertIs(described["SignatureCheck"], True)

    def test_refused(self):
        path, _ = self.build_known()
        before = self.read(path)
        certificate, key = self.certificate("signer")
        sign = ["sign", path, "--signing-certificate", certificate]
        garbage = self.write("garbage", b"x" * 50)
        raw = self.write("raw", b"\x01" * 96)
        rows = [
            (["--signature", garbage], 2, "neither DER nor 96 bytes"),
            (["--signature", raw], 1, "signature"),
            (["--signature", raw, "--private-key", key], 2, "choose one"),
            (["--print-to-be-signed", "--output", "x"], 2, "choose one"),
        ]
        for options, status, text in rows:
            with self.subTest(text=text):
                self.assert_refused(self.run_image(*sign, *options, status=status), text)
        self.assertEqual(self.read(path), before)


class Usage(ImageTestCase):
    def test_help(self):
        self.assertIn(b"describe", self.run_image("--help").stdout)
        for command in ("build", "describe", "extract", "sign", "pcr"):
            done = self.run_image(command, "--help")
            self.assertIn(b"Usage: enclave_image " + command.encode(), done.stdout)
            self.assertEqual(done.stderr, b"")

    def test_usage_errors(self):
        rows = [
            ([], "no command"),
            (["make"], "unknown command 'make'"),
            (["describe"], "which image?"),
            (["describe", "a", "b"], "one image at a time"),
            (["describe", "--pcr"], "unknown or ambiguous option"),
            (["extract", "a"], "--output DIR"),
            (["sign", "a"], "--signing-certificate and --private-key"),
            (["pcr"], "either"),
            (["pcr", "--input", "a", "--signing-certificate", "b"], "either"),
            (["build"], "--kernel FILE"),
            (["build", "--kernel", "/nonexistent"], "where to?"),
        ]
        for arguments, text in rows:
            with self.subTest(arguments=arguments):
                self.assert_refused(self.run_image(*arguments, status=2), text)

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        path, _ = self.build_known()
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [self.program, "describe", path], stdout=full, stderr=subprocess.PIPE,
                timeout=harness.PATIENCE, check=False,
            )
        self.assertEqual(done.returncode, 3)

    def test_init_refuses_to_run_here(self):
        init = os.path.join(harness.BUILD, "src", "enclave_init", "enclave_init")
        if not os.path.exists(init):
            self.skipTest("no static libc on this machine: enclave_init is not built")
        done = harness.run([init])
        self.assert_exit(done, 2)
        self.assertIn(b"PID 1", done.stderr)
        self.assertIn(b"enclave_init", harness.run([init, "--version"]).stdout)


if __name__ == "__main__":
    unittest.main()
