# SPDX-License-Identifier: Apache-2.0
"""vsattest.spark with Spark in local mode. Needs pyspark, pandas, pyarrow and a Java runtime."""

import importlib.util
import shutil
import types
import unittest

import harness
from vsattest import Policy, UsageError, verify_many

from vsattest.spark import VERDICT_COLUMNS, _present, verify_documents

MISSING = [name for name in ("pandas", "pyarrow", "pyspark") if not importlib.util.find_spec(name)]

ANY = Policy(any_enclave=True)
ROWS = 100000
# One in so many is a real document: the others cost next to nothing.
REAL = 50


def with_nonce():
    """A document of AWS's that has a nonce, with that nonce."""
    for document in harness.production_documents():
        nonce = next(iter(verify_many([document], ANY, at="document")))["nonce"]
        if nonce:
            return document, nonce
    raise unittest.SkipTest("no production document has a nonce")


class Schema(dict):
    """What of a frame's schema is asked for, without Spark: the name of a column's type."""

    def __getitem__(self, name):
        kind = types.SimpleNamespace(typeName=lambda: self.get(name))
        return types.SimpleNamespace(dataType=kind)


class Columns(harness.TestCase):
    def test_a_number_is_no_nonce(self):
        """It was taken for null: not compared, and the document verified."""
        self.assertEqual(_present(1.5), 1.5)
        self.assertIsNone(_present(float("nan")))
        self.assertIsNone(_present(None))
        schema = Schema(document="binary", nonce="double")
        frame = types.SimpleNamespace(columns=list(schema), schema=schema)
        for name in ("nonce", "user_data"):
            with self.assertRaisesRegex(UsageError, "column 'nonce' is of type double"):
                verify_documents(frame, ANY, **{name: "nonce"})


@unittest.skipIf(MISSING, f"not there: {', '.join(MISSING)}; scripts/test-spark has all")
@unittest.skipUnless(shutil.which("java"), "no Java runtime")
class Spark(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        import pyspark.sql

        cls.spark = (
            pyspark.sql.SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            .getOrCreate()
        )

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.document = harness.production_documents()[0]

    def test_a_hundred_thousand_documents(self):
        document, own = with_nonce()
        broken = document[:-1] + bytes([document[-1] ^ 1])

        def rows(batches):
            import pandas

            for batch in batches:
                yield pandas.DataFrame({
                    "id": batch["id"],
                    "document": [
                        document if n % REAL == 0 else broken if n % REAL == 1 else
                        None if n % REAL == 2 else b"\x84" for n in batch["id"]],
                    "nonce": [(own, b"other", None, own)[n // REAL % 4] for n in batch["id"]],
                })

        frame = self.spark.range(ROWS, numPartitions=8).mapInPandas(
            rows, "id bigint, document binary, nonce binary")
        with_verdicts = verify_documents(
            frame.withColumnRenamed("nonce", "expected"), ANY, nonce="expected", at="document")
        self.assertEqual(with_verdicts.columns,
                         ["id", "document", "expected", *VERDICT_COLUMNS])
        counted = {
            (row["verified"], row["error_code"]): row["count"]
            for row in with_verdicts.groupBy("verified", "error_code").count().collect()
        }
        part = ROWS // REAL
        self.assertEqual(counted, {
            (True, None): part // 2,
            (False, "nonce_mismatch"): part // 2,  # another one, or null
            (False, "signature_invalid"): part,
            (False, "empty_input"): part,
            (False, "cbor_malformed"): ROWS - 3 * part,
        })

    def test_the_columns_of_one(self):
        frame = self.spark.createDataFrame([(7, bytearray(self.document))], "id int, document binary")
        row = verify_documents(frame, ANY, at="document").collect()[0]
        self.assertTrue(row["verified"] and row["at_document_time"])
        self.assertEqual((row["id"], row["error_code"], row["debug_mode"]), (7, None, False))
        self.assertEqual(sorted(row["pcrs"]), list(range(16)))
        self.assertEqual({len(value) for value in row["pcrs"].values()}, {48})
        self.assertTrue(row["module_id"].startswith("i-"))

    def test_arguments(self):
        frame = self.spark.createDataFrame([("x", True)], "document string, verified boolean")
        for keywords in ({}, {"document": "nothing"}, {"nonce": "nothing"}, {"at": "now"}):
            with self.assertRaises(UsageError):
                verify_documents(frame, ANY, **keywords)
