# SPDX-License-Identifier: Apache-2.0
"""enclave_image build --rootfs and --service: trees, tar archives, layers, services.

The archives are Python's, or written byte by byte where they are hostile.
"""

import io
import json
import os
import platform
import shutil
import tarfile
import unittest

import harness
import test_enclave_image as image

SERVICES = """name signer
user 1001:1002
socket /run/signer/socket
restart always
env A=1
arg /bin/tool
arg -x
arg 
name other
arg /bin/tool
"""


def member(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link=""):
    """(entry, contents) of an archive; everything that must not matter is odd."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.mode, entry.linkname = kind, len(data), mode, link
    entry.mtime, entry.uid, entry.gid, entry.uname = 1234567890, 1000, 1000, "user"
    return entry, data


def directory(name, mode=0o755):
    return member(name, tarfile.DIRTYPE, mode=mode)


def tar(*members, form=tarfile.PAX_FORMAT, headers=None):
    """An archive's bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, pax_headers=headers) as archive:
        for entry, data in members:
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def saved(*layers, **changes):
    """An archive as `docker save` writes it, of the bytes of layers."""
    names = ["blobs/sha256/%064x" % index for index in range(len(layers))]
    manifest = [{"Config": "blobs/sha256/config", "RepoTags": ["x:1"], "Layers": names, **changes}]
    return tar(
        directory("blobs/"), directory("blobs/sha256/"), member("oci-layout", data=b"{}"),
        *[member(name, data=layer) for name, layer in zip(names, layers)],
        member("manifest.json", data=json.dumps(manifest).encode()),
    )


def block(name=b"file", kind=b"0", size=b"00000000000", mode=b"0000644", link=b"", magic=b"ustar\x0000",
          prefix=b"", checksum=None):
    """One header, byte by byte."""
    head = b"".join((
        name.ljust(100, b"\0"), mode.ljust(8, b"\0"), b"0000000\0" * 2, size.ljust(12, b"\0"), b"0" * 11 + b"\0",
        b" " * 8, kind, link.ljust(100, b"\0"), magic.ljust(8, b"\0"), bytes(80), prefix.ljust(155, b"\0"),
    )).ljust(512, b"\0")
    total = b"%06o\0 " % sum(head) if checksum is None else checksum
    return head[:148] + total + head[156:]


def record(key, value):
    """One record of a pax header: its length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def pax(data, kind=b"x"):
    """A pax header of these bytes."""
    return block(b"pax", kind, b"%011o" % len(data)) + data.ljust((len(data) + 511) // 512 * 512, b"\0")


END = bytes(1024)


class TreeTestCase(image.ImageTestCase):
    def setUp(self):
        super().setUp()
        self.init = os.path.join(harness.BUILD, "src", "enclave_init", "enclave_init")
        if not os.path.exists(self.init) or platform.machine() != "x86_64":
            raise unittest.SkipTest("no static program for x86_64 in this build")
        self.kernel = self.write("kernel", image.BZIMAGE)
        self.server = self.path("server")
        shutil.copy(self.init, self.server)

    def build(self, *options, status=0):
        """(the finished process, the image's path)"""
        output = self.path("x.eif")
        done = self.run_image("build", "--kernel", self.kernel, "--app", self.server, "--output", output, *options,
                              status=status)
        return done, output

    def tree(self, *sources, options=(), links=None):
        """What a guest finds below /: {path: (mode, data)}, without the server and empty directories of its own."""
        rootfs = []
        for index, source in enumerate(sources):
            path = self.write("source-%d.tar" % index, source) if isinstance(source, bytes) else source
            rootfs += ["--rootfs", path]
        _, output = self.build(*rootfs, *options)
        found = image.cpio(image.sections(self.read(output))[4][1], links)
        own = ["rootfs/" + name for name in ("app", "app/server", "dev", "proc", "run", "sys", "var")]
        return {path: entry for path, entry in found.items() if path not in own and path not in ("cmd", "env")}

    def refused(self, source, *texts, status=2):
        path = self.write("bad.tar", source) if isinstance(source, bytes) else source
        done, output = self.build("--rootfs", path, status=status)
        self.assert_refused(done, *texts)
        self.assertFalse(os.path.exists(output))


class Trees(TreeTestCase):
    def members(self):
        return [
            directory("./", 0o750), directory("./bin", 0o555), directory("./tmp", 0o1777),
            member("./bin/tool", data=b"tool", mode=0o4751), member("./bin/other", tarfile.LNKTYPE, link="./bin/tool"),
            member("./data", data=b"x" * 1025, mode=0o600), member("./link", tarfile.SYMTYPE, link="/bin/tool"),
            member("./empty", mode=0o444),
        ]

    EXPECTED = {
        "rootfs": (0o40750, b""), "rootfs/bin": (0o40555, b""), "rootfs/tmp": (0o41777, b""),
        "rootfs/bin/other": (0o100751, b"tool"), "rootfs/bin/tool": (0o100751, b"tool"),
        "rootfs/data": (0o100600, b"x" * 1025), "rootfs/link": (0o120777, b"/bin/tool"),
        "rootfs/empty": (0o100444, b""),
    }

    def test_archive(self):
        """Permissions and links are kept; owners, times and set-user-ID bits are not."""
        links = {}
        self.assertEqual(self.tree(tar(*self.members()), links=links), self.EXPECTED)
        self.assertEqual(list(links.values()), [["rootfs/bin/other", "rootfs/bin/tool"]])

    def test_forms(self):
        """GNU's form and that of pax; names and targets that need more than a header has."""
        name, target = "d/" + "n" * 150, "t" * 150
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with self.subTest(form=form):
                found = self.tree(tar(
                    directory("d"), member(name, data=b"1"), member("link", tarfile.SYMTYPE, link=target),
                    member("d/hard", tarfile.LNKTYPE, link=name), member("e" * 60 + "/" + "f" * 90, data=b"2"),
                    form=form,
                ), links={})
                self.assertEqual(found["rootfs/" + name], (0o100644, b"1"))
                self.assertEqual(found["rootfs/d/hard"], (0o100644, b"1"))
                self.assertEqual(found["rootfs/link"], (0o120777, target.encode()))
                self.assertEqual(found["rootfs/" + "e" * 60 + "/" + "f" * 90], (0o100644, b"2"))
        # The prefix of ustar.
        found = self.tree(tar(member("e" * 60 + "/" + "f" * 90, data=b"2"), form=tarfile.USTAR_FORMAT))
        self.assertEqual(found["rootfs/" + "e" * 60 + "/" + "f" * 90], (0o100644, b"2"))

    def test_directory(self):
        root = self.path("root")
        self.write("root/bin/tool", "tool", mode=0o4751)
        self.write("root/data", "x" * 1025, mode=0o600)
        self.write("root/empty", "", mode=0o444)
        os.link(os.path.join(root, "bin/tool"), os.path.join(root, "bin/other"))
        os.symlink("/bin/tool", os.path.join(root, "link"))
        os.mkdir(os.path.join(root, "tmp"))
        for path, mode in (("tmp", 0o1777), ("bin", 0o555), (".", 0o750)):
            os.chmod(os.path.join(root, path), mode)
        self.addCleanup(os.chmod, os.path.join(root, "bin"), 0o755)
        links = {}
        self.assertEqual(self.tree(root, links=links), self.EXPECTED)
        self.assertEqual(list(links.values()), [["rootfs/bin/other", "rootfs/bin/tool"]])

    def test_reproducible(self):
        """The order, times and owners in an archive do not matter, nor its form."""
        members = self.members()
        images = []
        for form, order in ((tarfile.PAX_FORMAT, members), (tarfile.GNU_FORMAT, members[3:] + members[:3])):
            for entry, _ in order:
                entry.mtime, entry.uid = len(images), len(images)
            images.append(self.read(self.build("--rootfs", self.write("a.tar", tar(*order, form=form)))[1]))
        self.assertEqual(images[0], images[1])

    def test_files_come_on_top(self):
        found = self.tree(tar(directory("etc")), options=["--file", self.write("conf", "x") + ":/etc/conf"])
        self.assertEqual(found["rootfs/etc/conf"], (0o100644, b"x"))
        done, _ = self.build("--rootfs", self.write("a.tar", tar(member("conf"))), "--file",
                             self.write("conf", "x") + ":/conf", status=2)
        self.assert_refused(done, "'rootfs/conf' is in the ramdisk twice")


class Layers(TreeTestCase):
    def test_whiteouts(self):
        lower = tar(
            directory("a"), directory("a/b"), member("a/b/c", data=b"1"), member("a/d", data=b"1"),
            directory("o"), member("o/old"), member("gone"), member("was-file"), directory("was-dir", 0o700),
            member("was-dir/x"), member("kept", data=b"1"),
        )
        middle = tar(
            member("a/.wh.b"), member("a/d", data=b"2"), directory("o", 0o711), member("o/.wh..wh..opq"),
            member("o/new"), member(".wh.gone"), directory("was-file"), member("was-file/x"), member("was-dir"),
        )
        upper = tar(directory("was-dir", 0o500), directory("a/b", 0o700), member("a/b/e"))
        expected = {
            "rootfs/a": (0o40755, b""), "rootfs/a/b": (0o40700, b""), "rootfs/a/b/e": (0o100644, b""),
            "rootfs/a/d": (0o100644, b"2"), "rootfs/o": (0o40711, b""), "rootfs/o/new": (0o100644, b""),
            "rootfs/was-file": (0o40755, b""), "rootfs/was-file/x": (0o100644, b""),
            "rootfs/was-dir": (0o40500, b""), "rootfs/kept": (0o100644, b"1"),
            "rootfs": (0o40755, b""), "rootfs/tmp": (0o40755, b""),
        }
        self.assertEqual(self.tree(lower, middle, upper), expected)
        self.assertEqual(self.tree(saved(lower, middle, upper)), expected)
        self.assertEqual(self.tree(saved(lower, middle), upper), expected)

    def test_whiteout_spares_its_own_layer(self):
        found = self.tree(tar(directory("d"), member("d/x", data=b"1"), member("d/y")),
                          tar(member("d/.wh.x"), member("d/x", data=b"2"), member("d/.wh..wh..opq")))
        self.assertEqual(found["rootfs/d/x"], (0o100644, b"2"))
        self.assertNotIn("rootfs/d/y", found)

    def test_hard_links_between_layers(self):
        """The other name of a file that a layer above has hidden is a file like others."""
        lower = tar(member("a", data=b"1"), member("b", tarfile.LNKTYPE, link="a"),
                    member("c", tarfile.LNKTYPE, link="b"))
        links = {}
        found = self.tree(lower, tar(member(".wh.a")), links=links)
        self.assertNotIn("rootfs/a", found)
        self.assertEqual(list(links.values()), [["rootfs/b", "rootfs/c"]])
        found = self.tree(lower, tar(member(".wh.a"), member("b", data=b"2")))
        self.assertEqual((found["rootfs/b"], found["rootfs/c"]), ((0o100644, b"2"), (0o100644, b"1")))

    def test_manifest_of_an_application(self):
        """A manifest.json that is none of docker's is a file."""
        for text in (b"{}", b"[]", b'[{"Layers": ["x"]}]', b'[{"Config": "c", "Layers": "x"}]'):
            self.assertEqual(self.tree(tar(member("manifest.json", data=text)))["rootfs/manifest.json"],
                             (0o100644, text))

    def test_refused_archives_of_layers(self):
        layer = tar(member("x"))
        self.refused(saved(layer, Layers=["../x"]), "layer 0 is no file of the archive")
        self.refused(saved(layer, Layers=["blobs"]), "layer 0 is no file of the archive")
        self.refused(saved(layer, Layers=[1]), "layer 0 is no file of the archive")
        self.refused(saved(b"\x1f\x8b" + bytes(600)), "unpack a compressed one")
        self.refused(saved(layer, Layers=["blobs/sha256/%064x" % 0] * 129), "more than 128 layers")
        self.refused(tar(member("oci-layout", data=b"{}")), "is an OCI layout")
        two = json.dumps([{"Config": "c", "Layers": []}] * 2).encode()
        self.refused(tar(member("manifest.json", data=two)), "2 images in one archive")
        self.refused(tar(member("manifest.json", data=b"[" * 40)), "deeper than 32 levels")
        self.refused(tar(member("manifest.json", data=b"x")), "not valid JSON")


class Hostile(TreeTestCase):
    def test_paths(self):
        for name, text in (
            ("../x", "is absolute, or has a part"), ("a/../../x", "is absolute, or has a part"),
            ("/etc/passwd", "is absolute, or has a part"), ("a//b", "is absolute, or has a part"),
            ("a/./b", "is absolute, or has a part"), ("..", "is absolute, or has a part"),
            ("d/" * 128 + "x", "is deeper than 128 directories"), ("x" * 5000, "a path of 5000 bytes"),
            (".wh..", "reserved for whiteouts"), (".wh...", "reserved for whiteouts"), (".wh.", "reserved for whiteouts"),
            (".wh..wh.x", "reserved for whiteouts"),
        ):
            with self.subTest(name=name[:20]):
                self.refused(tar(member(name)), text)
        self.refused(pax(record(b"path", b"a\0b")) + block() + END, "or with a NUL character")
        self.refused(tar(member("a", data=b"1"), member("b", tarfile.LNKTYPE, link="../a")), "is absolute, or has")
        self.refused(block(b"x", prefix=b"..") + END, "is absolute, or has a part")
        self.refused(block(b"x", prefix=b"/") + END, "is absolute, or has a part")

    def test_kinds(self):
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            self.refused(tar(member("dev/x", kind)), "'dev/x' is a device or a pipe")
        for kind in (b"7", b"S", b"V", b"M", b"A", b"s", b"\xff"):
            self.refused(block(kind=kind) + END, "not a file, a directory or a link")
        self.refused(pax(record(b"GNU.sparse.major", b"1")) + block() + END, "a sparse file")
        self.refused(self.path("fifo-tree"), "cannot read", status=2)
        os.mkdir(self.path("fifo-tree"))
        os.mkfifo(self.path("fifo-tree/fifo"))
        self.refused(self.path("fifo-tree"), "neither a file nor a directory nor a link")

    def test_links(self):
        self.refused(tar(member("a", tarfile.LNKTYPE, link="b"), member("b")), "no file before it")
        self.refused(tar(member("a", tarfile.LNKTYPE, link="a")), "no file before it")
        self.refused(tar(directory("d"), member("a", tarfile.LNKTYPE, link="d")), "no file before it")
        self.refused(tar(member("s", tarfile.SYMTYPE, link="x"), member("a", tarfile.LNKTYPE, link="s")),
                     "no file before it")
        self.refused(block(kind=b"2") + END, "leads nowhere")
        self.refused(block(kind=b"2", link=b"x", size=b"1") + b"x".ljust(512) + END, "has contents, and is no file")
        self.refused(pax(record(b"linkpath", b"a\0b")) + block(kind=b"2") + END, "leads to a path")
        # A link in the place of a directory leads no entry out of its layer.
        self.refused(tar(member("d", tarfile.SYMTYPE, link="/etc"), member("d/x", data=b"1")), "twice")

    def test_twice(self):
        for first, second in ((member("x"), member("x")), (member("x"), directory("x")),
                              (directory("x"), member("x")), (member("x"), member("./x"))):
            self.refused(tar(first, second), "'x' is in the archive twice")
        self.refused(tar(member("x"), member("x/y")), "twice")
        self.assertEqual(self.tree(tar(directory("d"), directory("d", 0o711)))["rootfs/d"], (0o40711, b""))

    def test_headers(self):
        whole = tar(member("x", data=b"1"))
        self.refused(b"", "neither a directory nor a tar archive")
        self.refused(b"x" * 1024, "neither a directory nor a tar archive")
        self.refused(END, "neither a directory nor a tar archive")
        self.refused(b"\x1f\x8b" + bytes(1022), "unpack a compressed one with gunzip or zstd -d")
        self.refused(block(magic=b"") + END, "neither a directory nor a tar archive")
        self.refused(block() + block(checksum=b"0000001\0") + END, "no header of a tar archive")
        self.refused(block(), "the archive is cut off")
        self.refused(whole[:700], "the archive is cut off")
        self.refused(block() + bytes(512) + b"x", "bytes behind the end of the archive")
        self.refused(block(size=b"77777777777") + END, "the archive is cut off")
        for size in (b"", b"8", b"-1", b"\x80" + bytes(10) + b"\x01", b"1x", b"  "):
            self.refused(block(size=size) + END, "a size that is not octal")
        self.refused(block(mode=b"rwx") + END, "a mode that is not octal")
        self.refused(block(name=b"") + END, "an entry without a name")
        self.refused(block(name=b".") + END, "the root is not a directory")

    def test_pax_headers(self):
        for data in (b"x", b"5 a=b", b"0 a=b\n", b"99 a=b\n", b"6 a=b\n ", b"6 abc\n", b"-1 a=b\n", b"7 a=b\n",
                     b"99999999999999999999 a=b\n", b"18446744073709551615 a=b\n"):
            self.refused(pax(data) + block() + END, "a malformed pax header")
        self.refused(pax(record(b"size", b"1x")) + block() + END, "a size that is no number")
        self.refused(pax(record(b"size", b"999999999999999999")) + block() + END, "the archive is cut off")
        for key in (b"path", b"linkpath", b"size"):
            self.refused(pax(record(key, b"1"), b"g") + block() + END, "a global pax header with a path or a size")
        self.refused(pax(b"") + block() + END, "a header of 0 bytes")
        self.refused(pax(record(b"comment", b"x" * 1024 * 1024)) + block() + END, "a header of 104859")
        comment = pax(record(b"comment", b"0123456789"), b"g")
        found = self.tree(comment + pax(record(b"path", b"y") + record(b"SCHILY.xattr.user.a", b"\0\xff")) + block() + END)
        self.assertEqual(found["rootfs/y"], (0o100644, b""))

    def test_many_entries_end_in_time(self):
        """20,000 whiteouts above 20,000 files: each path is looked at once."""
        lower = tar(*[member("f%d" % index) for index in range(20000)], form=tarfile.USTAR_FORMAT)
        upper = tar(*[member(".wh.f%d" % index) for index in range(20000)], form=tarfile.USTAR_FORMAT)
        self.assertEqual(sorted(self.tree(lower, upper)), ["rootfs", "rootfs/tmp"])


class Services(TreeTestCase):
    def rootfs(self):
        return self.write("a.tar", tar(directory("bin"), member("bin/tool", data=self.read(self.init), mode=0o755)))

    def test_file(self):
        _, output = self.build(
            "--rootfs", self.rootfs(), "--arg", "--vsock", "--user", "1000",
            "--service", "signer=/bin/tool", "--user", "1001:1002", "--socket", "/run/signer/socket",
            "--restart", "always", "--env", "A=1", "--arg", "-x", "--arg", "", "--service", "other=/bin/tool",
        )
        found = image.cpio(image.sections(self.read(output))[4][1])
        self.assertEqual(found["services"], (0o100644, SERVICES.encode()))
        self.assertEqual(found["cmd"], (0o100644, b"/app/server\n--vsock\n"))
        self.assertEqual(found["user"], (0o100644, b"1000:1000\n"))
        self.assertEqual(found["env"], (0o100644, b""))

    def test_refused(self):
        service = ["--service", "a=/bin/tool"]
        rows = [
            (["--service", "a"], "--service 'a' is not NAME=/PROGRAM"),
            (["--service", "a=bin/tool"], "is not NAME=/PROGRAM"),
            (["--service", "=/bin/tool"], "a name has up to 32 of a-z, 0-9 and -"),
            (["--service", "A=/bin/tool"], "a name has up to 32 of a-z, 0-9 and -"),
            (["--service", "../x=/bin/tool"], "a name has up to 32 of a-z, 0-9 and -"),
            (["--service", "a" * 33 + "=/bin/tool"], "a name has up to 32 of a-z, 0-9 and -"),
            (["--service", "a" * 64 + "=/bin/tool"], "is not NAME=/PROGRAM"),
            ([*service, *service], "two services have the name a"),
            (["--service", "a=/bin/none"], "service a: /bin/none is not in the image"),
            (["--service", "a=/etc/text"], "neither a program (ELF) nor a script"),
            (["--service", "a=/bin/tool\nuser 0:0"], "holds a line break"),
            ([*service, "--arg", "x\nname b"], "holds a line break"),
            ([*service, "--env", "A=\nname b"], "holds a line break"),
            ([*service, "--env", "A"], "is not NAME=VALUE"),
            ([*service, "--socket", "/run/b/s"], "socket '/run/b/s' is not /run/a/FILE"),
            ([*service, "--socket", "/run/a/"], "is not /run/a/FILE"),
            ([*service, "--socket", "/run/a/.."], "is not /run/a/FILE"),
            ([*service, "--socket", "/run/a/b/c"], "is not /run/a/FILE"),
            ([*service, "--socket", "/run/a/b\nc"], "is not /run/a/FILE"),
            ([*service, "--socket", "/run/a/" + "x" * 101], "of at most 107 bytes"),
            ([*service, "--socket", "/run/a/b", "--socket", "/run/a/b"], "--socket given twice for one program"),
            ([*service, "--restart", "maybe"], "is none of on-failure, always, never"),
            ([*service, "--restart", "never", "--restart", "never"], "--restart given twice for one program"),
            ([*service, "--user", "1", "--user", "1"], "--user given twice for one program"),
            (["--user", "1", "--user", "1"], "--user given twice for one program"),
            ([*service, "--user", "1:0"], "neither or both"),
            (["--socket", "/run/a/b"], "--socket comes after the --service"),
            (["--restart", "never"], "--restart comes after the --service"),
            ([part for index in range(16) for part in ("--service", "a%d=/bin/tool" % index)], "more than 15 services"),
            ([*service] + ["--arg", "x"] * 4096, "262144 bytes or 4096 lines"),
            ([*service, "--arg", "x" * 100000, "--arg", "x" * 100000, "--arg", "x" * 100000], "262144 bytes or 4096"),
        ]
        text = self.write("text", "x" * 100) + ":/etc/text"
        for options, reason in rows:
            with self.subTest(options=[option[:40] for option in options[:6]]):
                done, output = self.build("--rootfs", self.rootfs(), "--file", text, *options, status=2)
                self.assert_refused(done, reason)
                self.assertFalse(os.path.exists(output))
        done = self.run_image("build", "--kernel", self.kernel, "--ramdisk", self.write("r", "070701"), "--output",
                              self.path("y.eif"), *service, status=2)
        self.assert_refused(done, "belong to --app")


if __name__ == "__main__":
    unittest.main()
