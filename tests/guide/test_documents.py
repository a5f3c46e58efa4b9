# SPDX-License-Identifier: Apache-2.0
"""The documents among each other: links, numbers, length."""

import os
import re
import unittest

import harness


def read(path):
    with open(os.path.join(harness.SOURCE, path), encoding="utf-8") as file:
        return file.read()


def limits():
    """include/vsattest/limits.h: macro -> value."""
    values = {}
    for name, value in re.findall(r"^#define VSA_(\w+)\s+(.+)$", read("include/vsattest/limits.h"), re.MULTILINE):
        if value.startswith('"'):
            continue
        value = re.sub(r"VSA_(\w+)", lambda found: str(values[found[1]]), value).replace("LL", "").replace("/", "//")
        assert re.fullmatch(r"[\d ()*+/]+", value), (name, value)
        values[name] = eval(value)  # pylint: disable=eval-used
    return values


class Links(unittest.TestCase):
    """Of every document, since a section that moves breaks links elsewhere."""

    def test_lead_somewhere(self):
        links, anchors = [], {}
        for directory in ("", "docs", "packaging", "examples"):
            for name in sorted(os.listdir(os.path.join(harness.SOURCE, directory))):
                if name.endswith(".md"):
                    path = os.path.join(directory, name)
                    with open(os.path.join(harness.SOURCE, path), encoding="utf-8") as file:
                        prose = re.sub(r"^```.*?^```$", "", file.read(), flags=re.MULTILINE | re.DOTALL)
                    anchors[path] = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
                                     for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}
                    links += [(path, link) for link in re.findall(r"\]\(([^)]+)\)", prose)]
        self.assertGreater(len(links), 80)
        for path, link in links:
            target, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            with self.subTest(path=path, link=link):
                self.assertTrue(os.path.exists(os.path.join(harness.SOURCE, target)))
                if anchor:
                    self.assertIn(anchor, anchors[target])

    def test_readme_takes_a_minute(self):
        with open(os.path.join(harness.SOURCE, "README.md"), encoding="utf-8") as file:
            self.assertLessEqual(len(file.readlines()), 80)


# Numbers have one owner, limits.h. Where a document names one for its readers, it is this one; _S: in seconds.
PHRASES = {
    "docs/PROTOCOL.md": [
        "At most {MAX_JSON_DEPTH} levels of nesting",
        "more than {MAX_JSON_DEPTH} levels",
        "the server's port is {DEFAULT_PORT}",
        "A request line has at most {MAX_REQUEST_LINE} bytes",
        "{MAX_REQUEST_LINE} bytes without a newline",
        "string of up to {MAX_REQUEST_ID} bytes",
        "string, up to {MAX_FIELD} bytes of UTF-8",
        "string, up to {MAX_FIELD} bytes |",
        "a value has more than {MAX_FIELD} bytes, an `id` more than {MAX_REQUEST_ID}",
        "up to {MAX_DOCUMENT} bytes when decoded",
        "Names have 1 to {MAX_COMMAND_NAME} characters",
        "({DEFAULT_REQUEST_TIMEOUT_MS_S} s, or before the server stopped)",
        "it takes at most {DEFAULT_REQUEST_TIMEOUT_MS_S} s",
        "no complete request for {DEFAULT_IDLE_TIMEOUT_MS_S} s",
        "connections after {DEFAULT_IDLE_TIMEOUT_MS_S} s without a complete request",
        "in flight for up to {DEFAULT_DRAIN_TIMEOUT_MS_S} s",
        "{DEFAULT_RATE_LIMIT} documents a second",
        "{DEFAULT_RATE_BURST} at once",
    ],
    "docs/GUIDE.md": [
        "each CID gets {DEFAULT_RATE_LIMIT} documents a second",
        "{DEFAULT_RATE_BURST} at once",
        "age: {DEFAULT_MAX_AGE_MS_S} seconds by default",
    ],
    "SECURITY.md": [
        "`--max-age` ({DEFAULT_MAX_AGE_MS_S} s)",
        "`--max-skew` ({DEFAULT_MAX_SKEW_MS_S} s)",
    ],
}
# Options whose default, or largest value, their man page names.
OPTIONS = {
    "man/enclave_app.1.scd": {
        "vsock": "DEFAULT_PORT",
        "max-connections": "DEFAULT_MAX_CONNECTIONS",
        "max-in-flight": "DEFAULT_MAX_IN_FLIGHT",
        "max-nsm-queue": "DEFAULT_MAX_QUEUE",
        "rate-limit": "DEFAULT_RATE_LIMIT",
        "cache-ttl": "MAX_CACHE_TTL_MS_S",
        "seal-lifetime": "DEFAULT_SEAL_LIFETIME_MS_S",
        "seal-max-uses": "DEFAULT_SEAL_MAX_USES",
        "seal-rate-limit": "DEFAULT_SEAL_RATE_P384",
        "idle-timeout": "DEFAULT_IDLE_TIMEOUT_MS_S",
        "request-timeout": "DEFAULT_REQUEST_TIMEOUT_MS_S",
        "drain-timeout": "DEFAULT_DRAIN_TIMEOUT_MS_S",
    },
    "man/verifier.1.scd": {"max-age": "DEFAULT_MAX_AGE_MS_S", "max-skew": "DEFAULT_MAX_SKEW_MS_S"},
    "man/vsock_client.1.scd": {
        "port": "DEFAULT_PORT",
        "timeout": "DEFAULT_CLIENT_TIMEOUT_MS_S",
        "retries": "MAX_RETRIES",
    },
}


class Numbers(unittest.TestCase):
    def setUp(self):
        values = limits()
        self.values = {**values, **{name + "_S": value // 1000 for name, value in values.items()}}

    def test_documents(self):
        for path, phrases in PHRASES.items():
            text = re.sub(r"\s+", " ", read(path))
            for phrase in phrases:
                with self.subTest(path=path, phrase=phrase):
                    self.assertTrue(phrase.format(**self.values) in text)  # without the whole text

    def test_man_pages(self):
        for path, options in OPTIONS.items():
            # An option's head, and the indented lines under it.
            entries = dict(re.findall(r"^\*--([\w-]+)\*(.*\n(?:\t.*\n|\n(?=\t))+)", read(path), re.MULTILINE))
            for option, name in options.items():
                with self.subTest(path=path, option=option):
                    self.assertRegex(entries[option], rf"\b{self.values[name]}\b")


if __name__ == "__main__":
    unittest.main()
