# SPDX-License-Identifier: Apache-2.0
"""What tests of the page share: Chromium, the service on the loopback, and what no test may see.

Playwright drives Debian's Chromium: it waits for what it asks for, has a context for each colour
scheme and size, and sees every request, console line and exception of the page, which a driver of
the WebDriver protocol alone does not.
"""

import base64
import os
import socket

import harness
import verifierd
from playwright.sync_api import expect, sync_playwright

CHROMIUM = os.environ.get("VSA_CHROMIUM", "/usr/bin/chromium")
SCREENSHOTS = os.environ["VSA_SCREENSHOTS"]
# What the console says of answers that are no success: the tests look at the page for these.
EXPECTED = "Failed to load resource: the server responded with a status of"
DESKTOP = {"width": 1100, "height": 800}
SMALL = {"width": 320, "height": 600}

# Kept by the page for the test: neither shows in the console alone.
WATCH = """
window.seen = [];
addEventListener("securitypolicyviolation", (event) => seen.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
MAKE_FILE = """([name, data]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
    return transfer;
}"""

expect.set_options(timeout=harness.PATIENCE * 1000)


class Chromium:
    """One process for all tests of a file. It can reach the loopback only."""

    playwright = browser = None

    @classmethod
    def start(cls):
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=[
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"])

    @classmethod
    def stop(cls):
        if cls.browser:
            cls.browser.close()
        if cls.playwright:
            cls.playwright.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class PageTestCase(verifierd.ServiceTestCase):
    def serve(self, *options, at=None):
        """Starts the service, with its clock at `at` (seconds since 1970) or as it is."""
        port = free_port()
        self.verifierd = self.service(
            [verifierd.PROGRAM, "--listen", f"tcp:127.0.0.1:{port}", "--policies", self.policies, "--rate=100000",
             "--burst=100000", *options], env=verifierd.clock_at(at))
        harness.wait_until(lambda: answers(port), "the service")
        self.url = f"http://127.0.0.1:{port}"

    def open(self, **options):
        """A new page in a context of its own; whatever is wrong with it fails the test at its end."""
        options = {"viewport": DESKTOP, "color_scheme": "light", **options}
        context = Chromium.browser.new_context(**options)
        self.addCleanup(context.close)
        context.set_default_timeout(harness.PATIENCE * 1000)
        context.add_init_script(WATCH)
        page = context.new_page()
        wrong = []
        page.on("console", lambda line: line.text.startswith(EXPECTED) or wrong.append(f"console: {line.text}"))
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith(self.url + "/")
                or wrong.append(f"request: {request.url}"))
        page.goto(self.url + "/")
        self.addCleanup(self.check, page, wrong)
        expect(page.locator("#policy option").first).to_be_attached()
        return page

    def check(self, page, wrong):
        self.assertEqual(page.evaluate("seen"), [], "violations of the content security policy")
        self.assertEqual(wrong, [])

    def shoot(self, page, name):
        page.screenshot(path=os.path.join(SCREENSHOTS, name + ".png"), full_page=True)

    def paste(self, page, document):
        page.fill("#document", base64.b64encode(document).decode())
        self.verify(page)

    def verify(self, page):
        page.get_by_role("button", name="Verify").click()

    def load(self, page, document, name="document.bin"):
        page.set_input_files("#file", {"name": name, "mimeType": "application/octet-stream", "buffer": document})

    def transfer(self, page, document, name="document.bin"):
        """What is dropped or pasted: a file."""
        return page.evaluate_handle(MAKE_FILE, [name, base64.b64encode(document).decode()])

    def drop(self, page, document, name="document.bin"):
        page.dispatch_event("body", "drop", {"dataTransfer": self.transfer(page, document, name)})

    def expect_verdict(self, page, title, *texts):
        expect(page.locator("#verdict-title")).to_have_text(title)
        for text in texts:
            expect(page.locator("#verdict")).to_contain_text(text)

    def real(self, name):
        """One of AWS's own documents; skips where there is none."""
        if not verifierd.FAKETIME or harness.is_sanitized():
            self.skipTest("no libfaketime for this build")
        path = os.path.join(harness.documents(), name)
        if not os.path.exists(path):
            self.skipTest(f"no {name} among the documents here")
        with open(path, "rb") as file:
            return file.read()
