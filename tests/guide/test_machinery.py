# SPDX-License-Identifier: Apache-2.0
"""What makes a guide a test: commands are found, and none goes by unnoticed."""

import unittest

import guide_test
import markdown
from guide_test import Expect

TEXT = """# Title

```
a picture
```

**Bold line:**
```bash
# a comment
first --option   # what it does

CID=$(second)
third $CID \\
  --more \\
  "and more"
```

## Second

```python
#!/usr/bin/env python3
print("x")
```
````bash
#!/bin/bash
```
exit 1
````
"""


class Markdown(unittest.TestCase):
    def test_blocks(self):
        blocks = markdown.blocks(TEXT)
        self.assertEqual([(block.title, block.language, block.line) for block in blocks],
                         [("Title", "", 4), ("Bold line", "bash", 9), ("Second", "python", 21),
                          ("Second", "bash", 25)])
        self.assertEqual([block.is_script() for block in blocks], [False, False, True, True])
        self.assertEqual(blocks[3].text, "#!/bin/bash\n```\nexit 1\n")

    def test_commands(self):
        found = markdown.commands(markdown.blocks(TEXT)[1])
        self.assertEqual([(command.text, command.line) for command in found], [
            ("first --option", 10),
            ("CID=$(second)", 12),
            ('third $CID --more "and more"', 13),
        ])
        self.assertEqual(found[2].variables, ("CID=$(second)",))

    def test_ends_too_early(self):
        with self.assertRaisesRegex(ValueError, "line 2"):
            markdown.blocks("text\n```bash\nx\n")
        with self.assertRaisesRegex(ValueError, "line 2"):
            markdown.commands(markdown.blocks("```bash\nx \\\n```\n")[0])


class Machinery(unittest.TestCase):
    """A guide's test cases, run without a sandbox."""

    def run_guide(self, commands, blocks):
        done = []

        class Case(unittest.TestCase):
            def run_command(self, command, expect):
                done.append(command.text)

            def run_script(self, block, name, interpreter, expect):
                done.append((name, interpreter))

            def enter_title(self, title):
                pass

        guide_test.make(Case, TEXT, commands, blocks)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
        return done, [failure[0].id().split(".")[-1] for failure in result.failures]

    def complete(self):
        commands = {("Bold line", text): Expect()
                    for text in ("first --option", "CID=$(second)", 'third $CID --more "and more"')}
        blocks = {("Title", ""): "a picture", ("Second", "python"): Expect(),
                  ("Second", "bash"): lambda test, block: None}
        return commands, blocks

    def test_everything_in_order(self):
        done, failed = self.run_guide(*self.complete())
        self.assertEqual(failed, [])
        self.assertEqual(done, ["first --option", "CID=$(second)", 'third $CID --more "and more"',
                                ("second.py", "python3")])

    def test_unknown_command_fails(self):
        commands, blocks = self.complete()
        del commands["Bold line", "CID=$(second)"]
        done, failed = self.run_guide(commands, blocks)
        self.assertEqual(failed, ["test_003 line 12: CID=$(second)"])
        self.assertEqual(len(done), 3)

    def test_unknown_block_fails(self):
        commands, blocks = self.complete()
        del blocks["Title", ""], blocks["Second", "python"]
        _, failed = self.run_guide(commands, blocks)
        self.assertEqual(failed, ["test_001 line 4: text under Title",
                                  "test_005 line 21: python under Second"])

    def test_expectation_without_command_fails(self):
        commands, blocks = self.complete()
        commands["Bold line", "fourth"] = Expect()
        _, failed = self.run_guide(commands, blocks)
        self.assertEqual(failed, ["test_zzz_nothing_is_expected_that_the_guide_does_not_say"])


class Judging(guide_test.GuideTestCase):
    """What a command did is held to what is expected."""

    @classmethod
    def setUpClass(cls):
        pass  # no sandbox: nothing is run

    def judged(self, expect, status=0, out=b"", err=b""):
        done = guide_test.subprocess.CompletedProcess([], status, out, err)
        self.judge("command", done, expect)

    def test_status(self):
        self.judged(Expect(status=3), 3)
        with self.assertRaisesRegex(AssertionError, "exited 1, not 0"):
            self.judged(Expect(), 1)

    def test_texts(self):
        self.judged(Expect(out=("Pong!",), err=("warning",)), 0, b"Pong!\n", b"warning: x")
        for out, err in ((b"", b"warning"), (b"Pong!", b""), (b"warning", b"Pong!")):
            with self.assertRaises(AssertionError):
                self.judged(Expect(out=("Pong!",), err=("warning",)), 0, out, err)

    def test_check(self):
        with self.assertRaises(AssertionError):
            self.judged(Expect(check=guide_test.lists(1)), 0, b"[]\n")


if __name__ == "__main__":
    unittest.main()
