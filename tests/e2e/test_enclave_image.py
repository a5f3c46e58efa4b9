# SPDX-License-Identifier: Apache-2.0
"""enclave_image: known answer, reproducible images, signatures, refusals. Nothing is booted here.

The format is written down once more in `eif()` and `cpio()`, from the facts, to check the program
against something that is not itself.
"""

import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
import unittest
import zlib

import harness

KNOWN_SHA256 = "359f1d7210cd9660b522876c0fb9a7512c9cee552468455574f10aa391e50970"
KNOWN = {
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


def cpio(archive):
    """{path: (mode, data)} of a newc archive; everything that has to be zero is checked."""
    table, offset, inodes = {}, 0, set()
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
        assert inode not in inodes and path not in table
        inodes.add(inode)
        table[path] = (mode, archive[data:data + size])


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
            "--kernel", self.write("kernel", "KERNEL"),
            "--cmdline", "console=ttyS0",
            "--ramdisk", self.write("ramdisk0", "RAMDISK0"),
            "--ramdisk", self.write("ramdisk1", "RAMDISK1"),
        ]

    def build_known(self, *options, name="known.eif", status=0):
        path = self.path(name)
        metadata = self.write("metadata.json", "{}")
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
        self.assertEqual(len(image), 645)
        self.assertEqual(hashlib.sha256(image).hexdigest(), KNOWN_SHA256)
        self.assertEqual(json.loads(done.stdout), {"Measurements": KNOWN})

    def test_description(self):
        path, _ = self.build_known()
        self.assertEqual(
            json.loads(self.run_image("describe", path).stdout),
            {"EifVersion": 4, "Measurements": KNOWN, "IsSigned": False, "CheckCRC": True,
             "Metadata": {}},
        )

    def test_extraction(self):
        path, _ = self.build_known()
        folder = self.path("parts")
        done = self.run_image("extract", "--output", folder, path)
        expected = {
            "kernel": b"KERNEL", "cmdline": b"console=ttyS0", "metadata.json": b"{}",
            "ramdisk-0.cpio": b"RAMDISK0", "ramdisk-1.cpio": b"RAMDISK1",
        }
        self.assertEqual(
            set(done.stdout.decode().split()),
            {os.path.join(folder, name) for name in expected},
        )
        for name, data in expected.items():
            self.assertEqual(self.read(os.path.join(folder, name)), data)

    def test_registers_of_files(self):
        empty = self.write("empty", "")
        one = self.write("one", "KERNELconsole=ttyS0RAMDISK0")
        for path, value in ((empty, PCR_OF_NOTHING), (one, KNOWN["PCR1"])):
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
        path, _ = self.build_known("--arch", "aarch64")
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

    def build_app(self, folder, *options, **keywords):
        """The image's bytes, built in a folder of its own from copies of everything."""
        os.makedirs(folder)
        shutil.copy(self.init, os.path.join(folder, "server"))
        with open(os.path.join(folder, "kernel"), "wb") as file:
            file.write(b"KERNEL")
        keywords.setdefault("cwd", folder)
        self.run_image(
            "build", "--kernel", "kernel", "--app", "server", "--output", "app.eif", *options,
            **keywords,
        )
        return self.read(os.path.join(folder, "app.eif"))

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
        folders = ["", "/app", "/dev", "/proc", "/run", "/sys", "/tmp", "/var"]
        self.assertEqual(
            cpio(found[4][1]),
            {
                "cmd": (0o100644, b"/app/server\n--vsock\n\na b\n"),
                "env": (0o100644, b"A=1\nB=x=y\n"),
                "rootfs/app/server": (0o100755, server),
                **{"rootfs" + name: (0o40755, b"") for name in folders},
            },
        )
        contents = [found[0][1], found[1][1], found[3][1], found[4][1]]
        measured = json.loads(self.run_image("describe", self.path("a/app.eif")).stdout)
        self.assertEqual(measured["Measurements"]["PCR0"], measure(*contents))
        self.assertEqual(measured["Measurements"]["PCR1"], measure(*contents[:3]))
        self.assertEqual(measured["Measurements"]["PCR2"], measure(contents[3]))
        self.assertEqual(measured["ImageName"], "server")

    def test_twice_in_two_folders_at_two_times(self):
        images = []
        for index, name in enumerate(("one", "another/folder")):
            folder = self.path(name)
            data = self.path(f"data-{index}")
            # Another order of making, other times, other permissions for group and others.
            for file in sorted(("b", "a", "c/d"), reverse=bool(index)):
                self.write(os.path.join(data, file), file, mode=0o600 if index else 0o666)
                os.utime(os.path.join(data, file), (index * 10**9, index * 10**9))
            old = os.umask(0o077 if index else 0o022)
            try:
                images.append(self.build_app(folder, "--file", data + ":/data"))
            finally:
                os.umask(old)
        self.assertEqual(images[0], images[1])
        self.assertIn("rootfs/data/c/d", cpio(sections(images[0])[4][1]))

    def test_files_and_folders(self):
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

    def test_nsm_module(self):
        module = self.write("nsm.ko", "MODULE")
        image = self.build_app(self.path("a"), "--nsm-module", module)
        self.assertEqual(cpio(sections(image)[3][1])["nsm.ko"], (0o100755, b"MODULE"))

    def test_other_programs_as_cpio_sees_them(self):
        if not shutil.which("cpio"):
            self.skipTest("no cpio program on this machine")
        image = self.build_app(self.path("a"))
        for _, ramdisk in sections(image)[3:]:
            done = harness.run(["cpio", "-it", "--quiet"], stdin=ramdisk)
            self.assert_exit(done, 0)
            self.assertEqual(done.stdout.decode().split(), sorted(cpio(ramdisk)))

    def test_refused_arguments(self):
        kernel = self.write("kernel", "KERNEL")
        file = self.write("file", "x")
        script = self.write("script", "#! /bin/sh -e\n")
        text = self.write("text", "no program at all, and long enough to have an ELF header......")
        os.mkfifo(self.path("fifo"))
        rows = [
            (["--app", self.path("missing")], "missing"),
            (["--app", text], "neither a program (ELF) nor a script"),
            (["--app", script], "needs /bin/sh, which is not in the image"),
            (["--app", self.init, "--arch", "aarch64"], "for another processor"),
            (["--app", self.init, "--arg", "a\nb"], "line break"),
            (["--app", self.init, "--env", "A"], "--env 'A' is not NAME=VALUE"),
            (["--app", self.init, "--env", "=1"], "is not NAME=VALUE"),
            (["--app", self.init, "--file", file], "is not SOURCE:/DESTINATION"),
            (["--app", self.init, "--file", file + ":relative"], "is not SOURCE:/DESTINATION"),
            (["--app", self.init, "--file", file + ":/"], "is not SOURCE:/DESTINATION"),
            (["--app", self.init, "--file", file + ":/../x"], "cannot be a path"),
            (["--app", self.init, "--file", file + ":/a", "--file", file + ":/a"], "twice"),
            (["--app", self.init, "--file", file + ":/a", "--file", file + ":/a/b"], "twice"),
            (["--app", self.init, "--file", self.path("nothing") + ":/a"], "cannot read"),
            (["--app", self.init, "--file", self.path("fifo") + ":/a"], "neither a file nor"),
            (["--app", self.init, "--ramdisk", file], "leave out --ramdisk"),
            (["--app", self.init, "--init", script], "statically linked"),
            (["--app", self.init, "--init", file], "neither a program"),
            (["--ramdisk", file, "--arg", "x"], "belong to --app"),
            ([], "what is in the image?"),
            (["--ramdisk", file, "operand"], "what stands alone?"),
            (["--ramdisk", self.path("missing")], "--ramdisk"),
            (["--ramdisk", file, "--private-key", file], "signing needs both"),
            (["--ramdisk", file, "--metadata", file], "not JSON"),
            (["--ramdisk", file, "--metadata", self.write("m1", "[]")], "not a JSON object"),
            (["--ramdisk", file, "--metadata", self.write("m2", '{"a":1,"a":2}')], "not JSON"),
            (["--ramdisk", file, "--metadata", self.write("m3", "{}"), "--name", "x"], "leave out"),
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
        folder = self.path("a")
        os.makedirs(folder)
        output = os.path.join(folder, "x.eif")
        self.run_image(
            "build", "--kernel", self.write("kernel", "K"), "--app", script, "--output", output,
            "--file", self.init + ":/bin/tool",
        )
        self.assertIn("rootfs/bin/tool", cpio(sections(self.read(output))[4][1]))

    def test_dynamic_program_is_refused(self):
        done = self.run_image(
            "build", "--kernel", self.write("kernel", "K"), "--app", self.program,
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
        folder = self.path("parts")
        self.run_image("extract", path, "--output", folder)
        self.assertEqual(
            self.read(os.path.join(folder, "signing-certificate.pem")), self.read(certificate)
        )
        section = self.read(os.path.join(folder, "signature.cbor"))
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
                folder = self.path("parts")
                self.assert_refused(
                    self.run_image("extract", "--output", folder, path, status=4), text
                )
                self.assertFalse(os.path.exists(folder))

    def test_metadata_that_is_no_json(self):
        parts = self.PARTS[:2] + [(METADATA, b"<xml/>")] + self.PARTS[3:]
        path = self.write("bad.eif", eif(parts))
        self.assert_refused(self.run_image("describe", path, status=4), "not JSON")

    def test_older_version(self):
        path = self.write("old.eif", eif([(KERNEL, b"K"), (CMDLINE, b"C"), (RAMDISK, b"R")], 2))
        described = json.loads(self.run_image("describe", path).stdout)
        self.assertEqual(described["EifVersion"], 2)
        self.assertNotIn("Metadata", described)

    def test_missing_file(self):
        done = self.run_image("describe", self.path("missing.eif"), status=3)
        self.assert_refused(done, "missing.eif")

    def test_output_that_cannot_be_written(self):
        _, done = self.build_known(name="no/such/folder.eif", status=3)
        self.assert_refused(done, "no/such/folder.eif")
        os.mkdir(self.path("folder"))
        _, done = self.build_known(name="folder", status=3)
        self.assert_refused(done, "not a regular file")
        self.assertEqual(os.listdir(self.path("folder")), [])

    def test_command_line_too_long_for_linux(self):
        done = self.run_image(
            "build", *self.parts()[:2], *self.parts()[4:], "--cmdline", "x" * 2048,
            "--output", self.path("x.eif"), status=4,
        )
        self.assert_refused(done, "section 1 (cmdline) has 2048 bytes")

    def test_too_many_ramdisks(self):
        path = self.path("x.eif")
        ramdisk = self.write("r", "R")
        base = ["build", "--kernel", self.write("kernel", "K"), "--output", path]
        self.run_image(*base, *["--ramdisk", ramdisk] * 29)
        self.assertEqual(len(sections(self.read(path))), 32)
        for count in (30, 33):
            done = self.run_image(*base, *["--ramdisk", ramdisk] * count, status=2)
            self.assert_refused(done, "at most 32 sections")


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
            (["extract", "a"], "--output FOLDER"),
            (["sign", "a"], "--signing-certificate and --private-key"),
            (["pcr"], "either"),
            (["pcr", "--input", "a", "--signing-certificate", "b"], "either"),
            (["build"], "--kernel FILE"),
            (["build", "--kernel", "/nonexistent"], "--kernel"),
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
