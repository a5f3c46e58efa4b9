/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "forge.h"
#include "verifierd/inspect.h"

static struct forge forge;
static struct vsa_answer answer;

static int reset(void **state)
{
    (void)state;
    forge_reset(&forge);
    return 0;
}

static int release(void **state)
{
    (void)state;
    vsa_answer_free(&answer);
    return 0;
}

/* The answer's body; the caller releases it. */
static json_t *inspect(unsigned status)
{
    vsa_inspect_document(forge_build(&forge), FORGE_NOW_MS, &answer);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.type, "application/json");
    json_t *body = json_loadb(answer.body, answer.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    return body;
}

static const char *text_at(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void genuine(void **state)
{
    (void)state;
    uint8_t pcr4[VSA_PCR_SIZE];
    char hex[2 * VSA_PCR_SIZE + 1];
    forge_set(&forge, FORGE_FIELD_NONCE, "4301ff7f");
    forge_set(&forge, FORGE_FIELD_USER_DATA, "40");
    forge_set(&forge, FORGE_FIELD_PUBLIC_KEY, "f6");
    json_t *body = inspect(200);
    assert_true(json_is_false(json_object_get(body, "verified")));
    assert_int_equal(json_integer_value(json_object_get(body, "now")), FORGE_NOW_MS);
    assert_int_equal(json_integer_value(json_object_get(body, "timestamp")), FORGE_TIMESTAMP_MS);
    assert_string_equal(text_at(body, "module_id"), FORGE_MODULE_ID);
    assert_string_equal(text_at(body, "nonce"), "Af9/");
    assert_string_equal(text_at(body, "user_data"), "");
    assert_true(json_is_null(json_object_get(body, "public_key")));
    forge_pcr_value(4, pcr4);
    for (size_t i = 0; i < sizeof(pcr4); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", pcr4[i]);
    assert_string_equal(text_at(json_object_get(body, "pcrs"), "4"), hex);
    json_decref(body);
}

static void chain(void **state)
{
    (void)state;
    json_t *body = inspect(200);
    json_t *certificates = json_object_get(body, "certificates");
    assert_int_equal(json_array_size(certificates), FORGE_LEVELS);
    for (size_t i = 0; i < FORGE_LEVELS; i++) {
        json_t *one = json_array_get(certificates, i);
        assert_null(json_object_get(one, "error"));
        assert_true(json_integer_value(json_object_get(one, "not_before")) < FORGE_NOW_MS);
        assert_true(json_integer_value(json_object_get(one, "not_after")) > FORGE_NOW_MS);
        assert_int_equal(strlen(text_at(one, "sha256")), 64);
        /* Each was issued by the one above it, and the root by itself. */
        assert_string_equal(text_at(one, "issuer"),
                            text_at(json_array_get(certificates, i ? i - 1 : 0), "subject"));
    }
    json_decref(body);
}

/* What does not verify is shown all the same: people want to see why. */
static void not_genuine(void **state)
{
    (void)state;
    forge.cose.signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    forge.certificates[FORGE_LEAF].signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    forge.certificates[FORGE_LEAF].not_after = "20260101000000Z";
    json_decref(inspect(200));
}

static void certificate_that_cannot_be_read(void **state)
{
    (void)state;
    forge.certificates[FORGE_ZONAL].form = FORGE_CUT_OFF;
    json_t *body = inspect(200);
    json_t *certificates = json_object_get(body, "certificates");
    json_t *zonal = json_array_get(certificates, FORGE_ZONAL);
    assert_non_null(text_at(zonal, "error"));
    assert_int_equal(json_object_size(zonal), 1);
    assert_null(json_object_get(json_array_get(certificates, FORGE_INSTANCE), "error"));
    json_decref(body);
}

/* Text stays text: JSON's own escapes, and nothing that breaks a line. */
static void hostile_text(void **state)
{
    (void)state;
    static const char markup[] = "<script>\"\n-enc";
    forge_set_value(&forge, FORGE_FIELD_MODULE_ID, forge_text(&forge, markup));
    forge.certificates[FORGE_LEAF].subject = "<img src=x onerror=alert(1)>";
    json_t *body = inspect(200);
    assert_string_equal(text_at(body, "module_id"), markup);
    json_t *leaf = json_array_get(json_object_get(body, "certificates"), FORGE_LEAF);
    assert_non_null(strstr(text_at(leaf, "subject"), "img src"));
    json_decref(body);
}

static void no_document(void **state)
{
    (void)state;
    forge.cose.after = "00";
    json_t *body = inspect(400);
    assert_string_equal(text_at(body, "error"), "document_malformed");
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(genuine, reset, release),
        cmocka_unit_test_setup_teardown(chain, reset, release),
        cmocka_unit_test_setup_teardown(not_genuine, reset, release),
        cmocka_unit_test_setup_teardown(certificate_that_cannot_be_read, reset, release),
        cmocka_unit_test_setup_teardown(hostile_text, reset, release),
        cmocka_unit_test_setup_teardown(no_document, reset, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
