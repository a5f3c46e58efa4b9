# SPDX-License-Identifier: Apache-2.0
"""Our X.509 beside Go's crypto/x509 and the crates x509-cert and x509-parser.

What ours accepts in a path, all accept, but for the rules in THEIRS; where they accept and ours does not, the rule is one
of OURS. Inputs: certificates of real documents and of the fuzz corpora, two dozen of them, or all with VSA_X509_BYTES=1,
and those that a software NSM has just made: every single bit changed (then all 255 changes of each byte), and cut off
everywhere; and the certificates of all rows of test_mutations_chain. `scripts/deps interop` gets the crates.

x509-limbo would be more of such rows, and is in none of the registries that tests fetch from (2026-11-29: npm's and
PyPI's lists have no such name, crates.io neither `x509-limbo` nor `limbo-harness-support`).
"""

import base64
import collections
import faulthandler
import glob
import os
import re
import shutil
import struct
import subprocess
import unittest

import harness
import support

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"),
                     "vsattest", "interop")
EACH_BYTE = bool(os.environ.get("VSA_X509_BYTES"))
CHANGES = range(1, 256) if EACH_BYTE else [1 << bit for bit in range(8)]

# Rules that ours has and some peer has not.
OURS = {
    "profile": "well-formed, but not X.509 v3 with P-384 and ecdsa-with-SHA384, or with a critical extension unknown",
    "size or range": "too large, or a number beyond its range",
    "RFC 5280 section 4.1": "bytes after the certificate, or none",
    "X.690 section 8.1.2": "types that X.509 does not use, in algorithm parameters",
    "X.690 section 8.3.2": "INTEGER with leading bytes",
    "X.690 section 8.8.2": "NULL with content",
    "X.690 section 8.19.2": "OBJECT IDENTIFIER not in its shortest form",
    "X.690 section 8.23": "text with characters that its type excludes",
    "X.690 section 8.23.8": "BMPString with surrogates",
    "X.690 section 10.1": "lengths, in what the peer does not look into",
    "X.690 section 11.1": "BOOLEAN neither 00 nor ff",
    "X.690 section 11.2.1": "unused bits that are set",
    "X.690 section 11.2.2": "named bits that end with zero",
    "X.690 section 11.5": "a default that is written",
    "X.690 section 11.6": "SET out of order",
    "RFC 5280 section 4.1.2.2": "serial number negative or long",
    "RFC 5280 section 4.1.2.4": "names empty, or in types with several readings",
    "RFC 5280 section 4.1.2.5": "times that do not exist, or in the wrong type",
    "RFC 5280 section 4.1.2.8": "unique identifiers",
    "RFC 5280 section 4.2": "an extension twice, or more than 16",
    "RFC 5280 section 4.2.1.1": "authorityKeyIdentifier",
    "RFC 5280 section 4.2.1.2": "subjectKeyIdentifier",
    "RFC 5280 section 4.2.1.3": "keyUsage",
    "RFC 5280 section 4.2.1.4": "certificatePolicies",
    "RFC 5280 section 4.2.1.5": "policyMappings, which are not applied",
    "RFC 5280 section 4.2.1.6": "subjectAltName",
    "RFC 5280 section 4.2.1.7": "issuerAltName",
    "RFC 5280 section 4.2.1.9": "basicConstraints",
    "RFC 5280 section 4.2.1.10": "nameConstraints, which are not applied",
    "RFC 5280 section 4.2.1.11": "policyConstraints, which are not applied",
    "RFC 5280 section 4.2.1.12": "extendedKeyUsage",
    "RFC 5280 section 4.2.1.13": "CRLDistributionPoints",
    "RFC 5280 section 4.2.1.14": "inhibitAnyPolicy, which is not applied",
    "RFC 5280 section 4.2.1.15": "freshestCRL",
    "RFC 5280 section 4.2.2.1": "authorityInfoAccess",
    "RFC 5280 section 4.2.2.2": "subjectInfoAccess",
    "RFC 3280 section 4.2.1.4": "privateKeyUsagePeriod, which is not applied",
    "RFC 3779 section 2.2.1": "ipAddrBlocks, which are not applied",
    "RFC 3779 section 3.2.1": "autonomousSysIds, which are not applied",
    "RFC 3820 section 3.8": "proxyCertInfo, which is not applied",
    "RFC 5280 appendix B": "OBJECT IDENTIFIER of large or many numbers",
    "RFC 5480 section 2.2": "a public key with unused bits, or not on its curve",
    "RFC 8410 section 3": "parameters of Ed25519",
}



def elements(der):
    """Yields (tag, content) of DER, also of what is inside constructed elements."""
    at = 0
    while at + 2 <= len(der):
        tag, size, begin = der[at], der[at + 1], at + 2
        if size > 0x80:
            begin += size - 0x80
            size = int.from_bytes(der[at + 2:begin], "big")
        content = der[begin:begin + size]
        yield tag, content
        if tag & 0x20:
            yield from elements(content)
        at = begin + size


def has_oid_beyond_const_oid(der):
    """X.690 section 8.19.4 limits the second arc under 0 and 1 to 39, const-oid that under 2, too; it holds 39 bytes."""
    return any(tag == 0x06 and content and (content[0] >= 120 or len(content) > 39) for tag, content in elements(der))


def has_time_before_1970(der):
    """RFC 5280 section 4.1.2.5.1 has UTCTime begin in 1950, the crate der's time in 1970."""
    return any(tag == 0x17 and b"50" <= content[:2] <= b"69" for tag, content in elements(der))


# What a peer refuses and ours does not: peer, all that it says, and what the certificate must have, by the rule it names.
THEIRS = [
    ("x509-cert", r"malformed OID at DER byte \d+", has_oid_beyond_const_oid),
    ("x509-cert", r"malformed ASN\.1 DER value for UTCTime.*", has_time_before_1970),
]


def certificates():
    """Returns the DER certificates to begin with, by name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "fuzz", "corpus", "x509", "*"))):
        with open(path, "rb") as file:
            found["corpus " + os.path.basename(path)] = file.read()
    shared = os.path.join(SOURCE, "..", "shared", "testdata")
    for path in sorted(glob.glob(os.path.join(shared, "attestation", "**", "*"), recursive=True)):
        if os.path.isfile(path) and os.path.getsize(path) < 32768:
            with open(path, "rb") as file:
                found.update(embedded(os.path.basename(path), file.read()))
    # The same certificate is in many documents.
    return {name: der for der, name in {der: name for name, der in found.items()}.items()}


def embedded(name, document):
    """Returns the certificates inside a document, raw or base64: DER of 4 bytes' head and the size it says."""
    if b"module_id" not in document:
        try:
            document = base64.b64decode(document, validate=False)
        except ValueError:
            return {}
    found = {}
    for match in re.finditer(rb"\x59(..)(\x30\x82(..))", document, re.DOTALL):
        size = int.from_bytes(match.group(1), "big")
        der = document[match.start(2):match.start(2) + size]
        if size == int.from_bytes(match.group(3), "big") + 4 and len(der) == size:
            found[f"{name} {match.start()}"] = der
    return found


def changed(der):
    """Yields a certificate, all changes of one byte, and all its beginnings."""
    yield der
    copy = bytearray(der)
    for i, byte in enumerate(der):
        for change in CHANGES:
            copy[i] = byte ^ change
            yield bytes(copy)
        copy[i] = byte
        yield der[:i]


def judge(command, stream):
    done = subprocess.run(command, input=stream, capture_output=True, timeout=1500, check=True)
    return done.stdout.decode(errors="replace").splitlines()


def framed(stream):
    """Returns what stands behind lengths of 4 bytes."""
    found = []
    while stream:
        size = int.from_bytes(stream[:4], "big")
        found.append(stream[4:4 + size])
        stream = stream[4 + size:]
    return found


class Differential(support.EnclaveTestCase):
    def rows(self):
        """Returns the certificates of all mutations of a path."""
        path = self.path("rows")
        done = harness.run([os.path.join(harness.BUILD, "tests", "unit", "test_mutations_chain")], timeout=300,
                           env={"VSA_DUMP_CERTIFICATES": path})
        self.assert_exit(done, 0)
        with open(path, "rb") as file:
            return sorted(set(framed(file.read())))

    def fresh(self):
        """Returns the certificates of a document that a software NSM makes now, by name."""
        self.start_enclave()
        path = self.path("document")
        self.assert_exit(self.client("--connect", self.enclave, "--attest", "--save", path), 0)
        with open(path, "rb") as file:
            found = embedded("fresh", file.read())
        self.assertEqual(len(found), 5)
        return found

    def peers(self):
        """Returns the programs that judge, by what a column of their output is named."""
        go, cargo = shutil.which("go"), shutil.which("cargo")
        if not go:
            self.skipTest("no Go")
        if not cargo or not os.path.exists(os.path.join(CACHE, "x509-crates")):
            self.skipTest("no crates x509-cert and x509-parser: scripts/deps interop gets them")
        done = harness.run([go, "build", "-C", os.path.join(HERE, "x509", "go"), "-o", self.path("go")], timeout=240,
                           env={"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"})
        self.assert_exit(done, 0)
        target = os.path.join(CACHE, "x509-target")
        done = harness.run([cargo, "build", "--quiet", "--locked", "--offline", "--manifest-path",
                            os.path.join(HERE, "x509", "rust", "Cargo.toml")], timeout=600,
                           env={"CARGO_TARGET_DIR": target, "CARGO_HOME": os.environ.get("CARGO_HOME") or
                                os.path.join(os.path.expanduser("~"), ".cargo"), "HOME": os.path.expanduser("~")})
        self.assert_exit(done, 0)
        return self.path("go"), os.path.join(target, "debug", "judge")

    def test_all(self):
        if EACH_BYTE:
            faulthandler.dump_traceback_later(7200, exit=True)  # in place of the runner's 15 minutes
        go, rust = self.peers()
        ours = os.path.join(harness.BUILD, "tests", "interop", "judge_x509")
        started = certificates()
        self.assertGreaterEqual(len(started), 10)
        counts, laxer, total, accepted = collections.Counter(), [], 0, 0
        names = list(started)
        chosen = [(name, changed(started[name])) for name in (names if EACH_BYTE else names[::len(names) // 24 or 1])]
        fresh = list(self.fresh().items())
        chosen += [(name, changed(der)) for name, der in (fresh if EACH_BYTE else fresh[:2])]
        rows = self.rows()
        self.assertGreater(len(rows), 150)
        chosen.append(("rows", rows))
        for name, inputs in chosen:
            inputs = list(inputs)
            stream = b"".join(struct.pack(">I", len(one)) + one for one in inputs)
            verdicts = list(zip(judge([ours], stream), judge([go], stream), judge([rust], stream), strict=True))
            self.assertEqual(len(verdicts), len(inputs))
            total += len(inputs)
            for one, (mine, gos, rusts) in zip(inputs, verdicts, strict=True):
                cert, parser = rusts.split("|")
                others = {"go": gos, "x509-cert": cert, "x509-parser": parser}
                if mine == "ok":
                    accepted += 1
                    laxer += [(name, peer, text, one.hex()) for peer, text in others.items() if text != "ok" and
                              not any(peer == known and re.fullmatch(pattern, text) and holds(one)
                                      for known, pattern, holds in THEIRS)]
                else:
                    counts.update((peer, mine) for peer, text in others.items() if text == "ok")
        print(f"# {len(started)} certificates to choose from, {len(rows)} of mutations, {total} inputs, "
              f"{accepted} accepted by ours")
        for (peer, rule), count in sorted(counts.items()):
            print(f"# {peer} alone accepts {count}: {rule}: {OURS.get(rule, 'UNKNOWN')}")
        self.assertEqual(sorted({rule for _, rule in counts} - set(OURS)), [])
        summary = collections.Counter((peer, text) for _, peer, text, _ in laxer)
        self.assertEqual(laxer, [], f"ours alone accepts: {summary}")


if __name__ == "__main__":
    unittest.main()
