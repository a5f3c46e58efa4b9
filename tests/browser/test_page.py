# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium: what it shows of genuine, expired, debug, forged and hostile documents."""

import base64
import hashlib
import json
import os
import re
import time
import unittest

import browser
import forged
import harness
import support
import verifierd
from browser import expect

PRODUCTION, PRODUCTION_TIME = "production-2023-user-data-290.bin", 1695899317
DEBUG, DEBUG_TIME = "debug-2024-all-fields.bin", 1706120075
MARKUP = "<img src=x onerror=alert(1)>"


def setUpModule():
    os.makedirs(browser.SCREENSHOTS, exist_ok=True)
    browser.Chromium.start()


def tearDownModule():
    browser.Chromium.stop()


class Verdicts(browser.PageTestCase):
    def test_genuine(self):
        """AWS's own document at its time: dropped, and affirming at a look."""
        document = self.real(PRODUCTION)
        self.policy("audit", challenge="optional")
        self.serve(at=PRODUCTION_TIME)
        page = self.open()
        self.shoot(page, "start")
        self.drop(page, document)
        self.expect_verdict(page, "✓ Affirming", "the enclave is what the policy asks for")
        expect(page.locator("#verdict-title")).to_be_focused()
        expect(page.locator("#chain > li.good")).to_have_count(5)
        expect(page.locator("#chain > li").first).to_contain_text("Root: aws.nitro-enclaves")
        expect(page.locator("#chain > li").last).to_contain_text("valid at the document's time; valid now (ends in 2 hours)")
        expect(page.locator("#unverified")).to_be_hidden()
        expect(page.locator("#fields")).to_contain_text("290 bytes")
        expect(page.locator("#vector tr")).to_have_count(2)
        token = page.input_value("#ear-token")
        self.assertEqual(json.loads(page.text_content("#raw-result"))["token"], token)
        self.assertEqual(token.count("."), 2)
        self.shoot(page, "genuine")

    def test_expired(self):
        """The same document today: the chain shows where it ended."""
        document = self.real(PRODUCTION)
        self.policy("audit", challenge="optional")
        self.serve()
        page = self.open()
        self.load(page, document)
        self.expect_verdict(page, "✕ Contraindicated", "no longer valid")
        expect(page.locator("#chain > li.good")).to_have_count(1)
        expect(page.locator("#chain > li").last).to_contain_text(
            re.compile(r"valid at the document's time; no longer valid now \(ended \d+ years? ago\)"))
        expect(page.locator("#unverified")).to_be_visible()
        expect(page.locator("#vector tr")).to_have_count(8)
        self.shoot(page, "expired")

    def test_expired_of_software(self):
        """Four hours later, of its chain only the enclave's certificate has ended."""
        if not verifierd.FAKETIME or harness.is_sanitized():
            self.skipTest("no libfaketime for this build")
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        document = self.document()
        self.serve(at=int(time.time()) + 4 * 3600)
        page = self.open()
        self.paste(page, document)
        self.expect_verdict(page, "✕ Contraindicated", "An enclave's own lives three hours")
        expect(page.locator("#chain > li.bad")).to_have_count(1)
        expect(page.locator("#chain > li").last).to_contain_text("no longer valid now (ended 1 hour ago)")
        expect(page.locator("#axis")).to_contain_text("now")

    def test_debug(self):
        document = self.real(DEBUG)
        self.policy("audit", challenge="optional")
        self.serve(at=DEBUG_TIME)
        page = self.open()
        self.paste(page, document)
        self.expect_verdict(page, "✕ Contraindicated", "debug mode")
        expect(page.locator("#pcrs tr").first).to_contain_text("zeros: the enclave ran in debug mode")
        self.shoot(page, "debug")

    def test_debug_allowed(self):
        document = self.real(DEBUG)
        self.policy("audit", challenge="optional", allow_debug=True)
        self.serve(at=DEBUG_TIME)
        page = self.open()
        self.paste(page, document)
        self.expect_verdict(page, "! Warning", "debug mode")
        self.shoot(page, "warning")

    def test_forged(self):
        """One bit of the signature: all is shown, and said to be unproved."""
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        self.serve()
        document = self.document()
        page = self.open()
        self.paste(page, document[:-1] + bytes([document[-1] ^ 1]))
        self.expect_verdict(page, "✕ Contraindicated", "the document was changed or forged")
        expect(page.locator("#unverified")).to_be_visible()
        expect(page.locator("#fields")).to_contain_text(support.MODULE_ID)
        expect(page.locator("#pcrs")).not_to_contain_text("as expected")
        self.shoot(page, "forged")

    def test_no_document(self):
        self.policy()
        self.serve()
        page = self.open()
        self.verify(page)
        self.expect_verdict(page, "– No verdict", "There is no document yet")
        self.load(page, b"\x84\x40")
        self.expect_verdict(page, "– No verdict", "not an attestation document")
        expect(page.locator("#evidence")).to_be_hidden()
        self.load(page, b"A" * 65537, MARKUP)
        expect(page.locator("#message")).to_contain_text(f"“{MARKUP}” is larger than 65536 bytes")

    def test_software_enclave(self):
        """All that is compared; another root than AWS's is named as the reason."""
        self.start_enclave()
        images = [{**{str(n): support.PCRS[n] for n in range(3)}, "label": "v1.4"}]
        self.nsm_policy(challenge="optional", pcrs=images)
        self.nsm_policy("other", challenge="optional", pcrs=[{**images[0], "1": "ee" * 48}])
        self.policy("aws", challenge="optional")
        self.serve()
        document = self.document(None, "--user-data", "some text", "--generate-key")
        page = self.open()
        page.select_option("#policy", "p")
        self.drop(page, base64.b64encode(document), "document.b64")
        self.expect_verdict(page, "✕ Contraindicated", "which is not a root of AWS", "The image is “v1.4”.")
        expect(page.locator("#pcrs tr.good")).to_have_count(3)
        expect(page.locator("#vector")).to_contain_text("3approved, as it was when it booted")
        expect(page.locator("#pcrs")).to_contain_text("3, 5 to 15")
        expect(page.locator("#fields")).to_contain_text("some text")
        expect(page.locator("#fields")).to_contain_text("EC, P-384")
        page.select_option("#policy", "other")
        self.verify(page)
        expect(page.locator("#pcrs tr.bad")).to_have_count(1)
        expect(page.locator("#pcrs tr.bad")).to_contain_text("✕ different")
        page.select_option("#policy", "aws")
        self.verify(page)
        self.expect_verdict(page, "✕ Contraindicated", "nor in one that the policy trusts")


class Ways(browser.PageTestCase):
    """By which a document comes, besides those of the other tests."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        self.serve()
        self.sample = self.document(None, "--user-data", "the sample")

    def test_file_that_is_pasted(self):
        page = self.open()
        page.evaluate("""(transfer) => document.getElementById("document").dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}))""",
                      self.transfer(page, self.sample))
        self.expect_verdict(page, "✕ Contraindicated")

    def test_text_that_is_dropped(self):
        page = self.open()
        transfer = page.evaluate_handle("""(text) => {
            const transfer = new DataTransfer();
            transfer.setData("text/plain", text);
            return transfer;
        }""", self.sample.hex())
        page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
        expect(page.locator("html")).to_have_class("dropping")
        page.dispatch_event("body", "drop", {"dataTransfer": transfer})
        expect(page.locator("html")).to_have_class("")
        self.expect_verdict(page, "✕ Contraindicated")

    def test_reply_of_an_enclave(self):
        page = self.open()
        page.fill("#document", json.dumps(support.document_reply(self.sample)))
        self.verify(page)
        self.expect_verdict(page, "✕ Contraindicated")

    def test_the_last_one_counts(self):
        """An answer that comes late is not shown as that of another document."""
        other = self.document(None, "--user-data", "the other one")
        page = self.open()
        held = []
        page.route("**/v1/inspect", lambda route: held.append(route) if not held else route.continue_())
        self.paste(page, self.sample)
        harness.wait_until(lambda: page.wait_for_timeout(10) or held, "the first request")
        self.paste(page, other)
        expect(page.locator("#fields")).to_contain_text("the other one")
        self.expect_verdict(page, "✕ Contraindicated")
        with page.expect_response("**/v1/inspect"):
            held[0].continue_()
        page.wait_for_timeout(100)
        expect(page.locator("#fields")).to_contain_text("the other one")
        expect(page.locator("#live-policies tr")).to_contain_text("p1001")


class Challenges(browser.PageTestCase):
    def setUp(self):
        super().setUp()
        self.start_enclave()
        self.nsm_policy()
        self.serve()

    def test_asked_for_here(self):
        page = self.open()
        self.paste(page, self.document())
        self.expect_verdict(page, "– No verdict", "The policy requires a challenge")
        expect(page.locator("#chain > li")).to_have_count(5)
        # It is open already.
        page.click("#get-challenge")
        expect(page.locator("#command")).to_be_visible()
        challenge = page.input_value("#challenge")
        self.assertRegex(challenge, r"^[\w-]{64}$")
        expect(page.locator("#command")).to_contain_text(f"--nonce {challenge}")
        document = self.document(challenge)
        self.paste(page, document)
        self.expect_verdict(page, "✕ Contraindicated", "Made for this challenge, which is redeemed now.")
        expect(page.locator("#claims")).to_contain_text(challenge)
        self.verify(page)
        self.expect_verdict(page, "– No verdict", "redeemed before", "Get a new one under “Challenge”")
        page.click("#get-challenge")
        expect(page.locator("#challenge")).not_to_have_value(challenge)
        self.paste(page, self.document(page.input_value("#challenge")))
        self.expect_verdict(page, "✕ Contraindicated", "Made for this challenge, which is redeemed now.")
        page.fill("#challenge", "not a challenge")
        self.verify(page)
        self.expect_verdict(page, "– No verdict", "no challenge of this service")

    def test_of_the_document(self):
        page = self.open()
        challenge = page.evaluate(
            """async () => (await (await fetch("/v1/challenges", {method: "POST", body: '{"policy":"p"}',
            headers: {"Content-Type": "application/json"}})).json()).challenge""")
        self.paste(page, self.document(challenge))
        self.expect_verdict(page, "✕ Contraindicated", "It is proof for you only if you asked for it.")
        expect(page.locator("#challenge-part")).not_to_have_attribute("open", "")
        self.verify(page)
        self.expect_verdict(page, "– No verdict", "perhaps by your last look at this document")
        expect(page.locator("#get-challenge")).to_be_visible()


class Hostile(browser.PageTestCase):
    """Markup, scripts and characters that reorder a line, wherever a document has text."""

    SCRIPT = "</textarea></pre><script>alert(2)</script>"
    REORDERED = "abc\u202edcba\u2066"

    def test_every_field(self):
        chain = forged.Chain([(MARKUP, '"><script>alert(3)</script>'), ("<svg onload=alert(4)>", "{{7*7}}"),
                              ("<a href=javascript:alert(5)>x", "& &lt; ' \" ,=+")])
        self.write("policies/root.pem", chain.root_pem())
        self.policy(roots="root.pem", challenge="optional")
        self.serve()
        module_id = f"i-0-enc0{MARKUP}\u202e\x1b[31m\x00"
        document = chain.document(
            module_id, nonce=self.SCRIPT.encode(),
            user_data=(self.REORDERED + MARKUP).encode(), public_key=self.SCRIPT.encode())
        page = self.open()
        self.load(page, document, MARKUP + ".bin")
        # Genuine under its own root: what is shown passed every check.
        self.expect_verdict(page, "✕ Contraindicated", "which is not a root of AWS")
        expect(page.locator("#unverified")).to_be_hidden()
        fields = page.locator("#fields")
        expect(fields).to_contain_text("i-0-enc0" + MARKUP + r"\u{202e}\u{1b}[31m\u{0}")
        expect(fields).to_contain_text(self.SCRIPT)
        expect(fields).to_contain_text(r"abc\u{202e}dcba\u{2066}" + MARKUP)
        expect(page.locator("#chain")).to_contain_text("Root: " + MARKUP)
        expect(page.locator("#chain")).to_contain_text("Issuer 1: <svg onload=alert(4)>")
        expect(page.locator("#chain")).to_contain_text("Enclave: <a href=javascript:alert(5)>x")
        self.assertEqual(page.locator("main script, main img, main a[href^=javascript], main svg[onload]").count(), 0)
        raw = page.text_content("#raw-document")
        self.assertIn("svg onload=alert(4)", raw)
        self.assertIn("i-0-enc0" + MARKUP + r"\u202e", raw)
        self.assertEqual(json.loads(raw)["module_id"], module_id)
        self.shoot(page, "hostile")

    def test_answers_of_another_service(self):
        """Whatever answers, text stays text: the page trusts its own service for verdicts only."""
        self.policy()
        self.serve()
        page = self.open()
        page.route("**/v1/inspect", lambda route: route.fulfill(
            status=400, content_type="application/json", body=json.dumps({"error": MARKUP, "message": self.SCRIPT})))
        self.load(page, b"anything")
        self.expect_verdict(page, "– No verdict", self.SCRIPT)
        page.route("**/v1/inspect", lambda route: route.fulfill(status=502, content_type="text/html", body=self.SCRIPT))
        self.load(page, b"anything")
        self.expect_verdict(page, "– No verdict", "The service answered 502, and no JSON.")
        page.route("**/v1/inspect", lambda route: route.abort())
        self.load(page, b"anything")
        self.expect_verdict(page, "– No verdict", "The service did not answer.")

    def test_markup_is_refused(self):
        """The policy holds even against a mistake of the page's own."""
        self.policy()
        self.serve()
        page = self.open()
        for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.createElement('script').text = 'x'",
                        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')"):
            error = page.evaluate(f"() => {{ try {{ {attempt}; return 'done'; }} catch (e) {{ return e.name; }} }}")
            self.assertEqual(error, "TypeError", attempt)
        # Before the console and the events are looked at: these were meant.
        page.evaluate("seen.length = 0")

    def check(self, page, wrong):
        wrong[:] = [line for line in wrong if "TrustedHTML" not in line and "TrustedScript" not in line
                    and "net::ERR_FAILED" not in line]
        super().check(page, wrong)


class Live(browser.PageTestCase):
    def test_counts(self):
        self.start_enclave()
        self.nsm_policy("prod", challenge="optional")
        self.serve()
        page = self.open()
        expect(page.locator("#live-message")).to_have_text("None yet.")
        document = self.document()
        for count in (1, 2):
            self.paste(page, document)
            expect(page.locator("#live-policies tr")).to_contain_text(f"prod{count}00{count}")
        page.click("summary:has-text('The last ones')")
        expect(page.locator("#live-recent li")).to_have_count(2)
        expect(page.locator("#live-recent li").first).to_contain_text("prod: contraindicated")
        expect(page.locator("#live-policies svg")).to_have_attribute("aria-label", re.compile("at most [12] in one"))
        page.locator("#live").screenshot(path=os.path.join(browser.SCREENSHOTS, "live.png"))

    def test_asks_again_while_wanted(self):
        self.policy()
        self.serve()
        context = browser.Chromium.browser.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        page.clock.install()
        asked = []
        page.on("requestfinished", lambda request: request.url.endswith("/v1/verdicts") and asked.append(1))
        page.goto(self.url + "/")

        def count_is(count):
            page.wait_for_timeout(20)
            return len(asked) == count

        harness.wait_until(lambda: count_is(1), "the first request")
        for count in (2, 3):
            expect(page.locator("#live-message")).to_have_text("None yet.")
            page.clock.run_for(5000)
            harness.wait_until(lambda: count_is(count), "another request")
        page.uncheck("#live-on")
        harness.wait_until(lambda: count_is(4), "the last request")
        page.clock.run_for(60000)
        # A request that the minute brought would be answered before the one of the page loaded again.
        page.reload()
        expect(page.locator("#live-message")).to_have_text("None yet.")
        self.assertTrue(count_is(5), asked)

    def test_only_with_a_token(self):
        secret = "1" * 40
        self.write("clients", f"one {hashlib.sha256(secret.encode()).hexdigest()}\n".encode())
        self.start_enclave()
        self.nsm_policy(challenge="optional")
        self.serve("--clients", self.path("clients"))
        page = self.open()
        expect(page.locator("#live-message")).to_contain_text("wants an access token")
        document = self.document()
        self.paste(page, document)
        self.expect_verdict(page, "– No verdict", "wants an access token")
        page.fill("#token", "not\u00e9")
        self.verify(page)
        self.expect_verdict(page, "– No verdict", "letters, digits and signs only")
        page.fill("#token", secret)
        self.verify(page)
        self.expect_verdict(page, "✕ Contraindicated", "which is not a root of AWS")
        expect(page.locator("#live-policies tr")).to_contain_text("p1001")
        # In memory only.
        self.assertEqual(page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]"), [0, 0, ""])
        page.reload()
        expect(page.locator("#token")).to_have_value("")
        expect(page.locator("#live-message")).to_contain_text("wants an access token")


class Access(browser.PageTestCase):
    """Keyboard, small screens, colours, and what axe-core looks for."""

    def setUp(self):
        super().setUp()
        self.start_enclave()
        images = [{str(n): support.PCRS[n] for n in range(3)}]
        self.nsm_policy(challenge="optional", pcrs=images)
        self.serve()
        self.sample = self.document(None, "--user-data", "some text " * 20, "--generate-key")

    def test_keyboard_alone(self):
        page = self.open()
        order = []
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        for _ in range(9):
            order.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            self.assertEqual(outline, "solid", order[-1])
            page.keyboard.press("Tab")
        self.assertEqual([name for name in order if name in ("document", "file", "policy", "token", "Challenge", "Verify")],
                         order[:len(order) - order[::-1].index("Verify")])
        self.assertIn("live-on", order)
        page.focus("#document")
        page.keyboard.insert_text(base64.b64encode(self.sample).decode())
        page.keyboard.press("Control+Enter")
        self.expect_verdict(page, "✕ Contraindicated")
        expect(page.locator("#verdict-title")).to_be_focused()
        # The challenge part opens by keyboard, too.
        page.focus("summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("#challenge")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.locator("#challenge")).to_have_value(re.compile(r"^[\w-]{64}$"))

    def test_screen_reader(self):
        """Names and roles as assistive technology gets them."""
        page = self.open()
        for role, name in (("textbox", "Attestation document"), ("combobox", "Policy"), ("textbox", "Access token"),
                           ("button", "Verify"), ("heading", "What an enclave proves")):
            expect(page.get_by_role(role, name=name, exact=True)).to_be_visible()
        self.paste(page, self.sample)
        expect(page.get_by_role("region", name="✕ Contraindicated")).to_be_visible()
        expect(page.get_by_role("rowheader", name="0", exact=True)).to_be_visible()
        expect(page.get_by_role("list").filter(has_text="Root:").get_by_role("listitem").first).to_be_visible()

    def test_dark_and_light(self):
        colours = {}
        for scheme in ("light", "dark"):
            page = self.open(color_scheme=scheme)
            self.paste(page, self.sample)
            self.expect_verdict(page, "✕ Contraindicated")
            self.shoot(page, scheme)
            colours[scheme] = [page.evaluate(f"getComputedStyle(document.{what})") and page.evaluate(
                f"getComputedStyle(document.querySelector('{what}')).backgroundColor") for what in ("body",)]
        self.assertEqual(colours, {"light": ["rgb(255, 255, 255)"], "dark": ["rgb(16, 21, 27)"]})

    def test_small_screen(self):
        page = self.open(viewport=browser.SMALL, has_touch=True)
        self.paste(page, self.sample)
        self.expect_verdict(page, "✕ Contraindicated")
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), browser.SMALL["width"])
        for name in ("#document", "#policy", "#get-challenge", "button.primary", "#live-on"):
            page.locator(name).first.evaluate("one => one.closest('details')?.setAttribute('open', '')")
            box = page.locator(name).first.bounding_box()
            self.assertGreaterEqual(box["x"], 0)
            self.assertLessEqual(box["x"] + box["width"], browser.SMALL["width"])
            self.assertGreaterEqual(min(box["width"], box["height"]), 20, name)
        self.shoot(page, "small")

    def test_axe(self):
        """axe-core finds nothing: at the start, with a verdict, with a refusal; dark, light, small."""
        with open(os.environ["VSA_AXE"], encoding="utf-8") as file:
            axe = file.read()
        for name, options in (("light", {}), ("dark", {"color_scheme": "dark"}), ("small", {"viewport": browser.SMALL})):
            page = self.open(bypass_csp=True, **options)
            page.evaluate(axe)
            for state in ("start", "verdict", "refusal"):
                if state == "verdict":
                    self.paste(page, self.sample)
                    self.expect_verdict(page, "✕ Contraindicated")
                    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                elif state == "refusal":
                    self.load(page, b"x")
                    self.expect_verdict(page, "– No verdict")
                found = page.evaluate("axe.run()")
                self.assertGreater(len(found["passes"]), 15)
                self.assertEqual([(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]],
                                 [], f"{name}, {state}")


if __name__ == "__main__":
    unittest.main()
