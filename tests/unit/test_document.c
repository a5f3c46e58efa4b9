/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parsing gives, and where it says the fault is. The limits at their edges and everything
 * refused are rows of test_mutations_payload.c and test_mutations_cose.c.
 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "forge.h"

static struct forge forge;

static struct vsa_unverified_document parse(struct vsa_slice document)
{
    struct vsa_unverified_document parsed;
    struct vsa_error error = {0};
    if (vsa_document_parse(document, &parsed, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return parsed;
}

static bool lies_within(struct vsa_slice slice, struct vsa_slice whole)
{
    return !slice.data || (slice.data >= whole.data && slice.size <= whole.size &&
                           slice.data + slice.size <= whole.data + whole.size);
}

static void content_of_the_genuine_document(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_unverified_document parsed = parse(document);
    assert_true(vsa_slice_equal_text(parsed.module_id, FORGE_MODULE_ID));
    assert_true(parsed.timestamp_ms == FORGE_TIMESTAMP_MS);
    assert_int_equal(parsed.pcrs.present, 0xffff);
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        uint8_t value[VSA_PCR_SIZE] = {0};
        if (i < 16)
            forge_pcr_value(i, value);
        assert_memory_equal(parsed.pcrs.value[i], value, sizeof(value));
    }
    assert_int_equal(parsed.cabundle_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(vsa_slice_equal(parsed.cabundle[i], forge.made_certificates[i]));
    for (size_t i = 4; i < VSA_MAX_CABUNDLE; i++)
        assert_null(parsed.cabundle[i].data);
    assert_true(vsa_slice_equal(parsed.certificate, forge.made_certificates[FORGE_LEAF]));
    assert_true(vsa_slice_equal_text(parsed.public_key, "public 1"));
    assert_true(vsa_slice_equal_text(parsed.user_data, "user data"));
    assert_true(vsa_slice_equal_text(parsed.nonce, "nonce"));
    assert_true(vsa_slice_equal(parsed.payload, forge.made_payload));
    assert_true(vsa_slice_equal(parsed.protected_header, vsa_slice_of("\xa1\x01\x38\x22", 4)));
    assert_int_equal(parsed.signature.size, VSA_P384_SIGNATURE_SIZE);
}

static void everything_is_borrowed(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_unverified_document parsed = parse(document);
    struct vsa_slice slices[] = {parsed.module_id,        parsed.certificate, parsed.public_key,
                                 parsed.user_data,        parsed.nonce,       parsed.payload,
                                 parsed.protected_header, parsed.signature};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
        assert_true(slices[i].data && lies_within(slices[i], document));
    for (size_t i = 0; i < parsed.cabundle_count; i++)
        assert_true(lies_within(parsed.cabundle[i], document));
}

/* null and left out are absent; h'' is there and empty. */
static void absent_and_empty(void **state)
{
    static const enum forge_field fields[] = {FORGE_FIELD_PUBLIC_KEY, FORGE_FIELD_USER_DATA,
                                              FORGE_FIELD_NONCE};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int form = 0; form < 3; form++) {
            forge_reset(&forge);
            if (form == 0)
                forge_set(&forge, fields[i], "f6");
            else if (form == 1)
                forge_remove(&forge, fields[i]);
            else
                forge_set(&forge, fields[i], "40");
            struct vsa_unverified_document parsed = parse(forge_build(&forge));
            struct vsa_slice found[] = {parsed.public_key, parsed.user_data, parsed.nonce};
            assert_int_equal(found[i].size, 0);
            assert_int_equal(found[i].data != NULL, form == 2);
            assert_true(found[(i + 1) % 3].size > 0 && found[(i + 2) % 3].size > 0);
        }
}

static void sparse_pcrs(void **state)
{
    (void)state;
    forge_reset(&forge);
    forge.pcr_count = 0;
    forge_add_pcr(&forge, 31, 0xab);
    forge_add_pcr(&forge, 0, 0xcd);
    struct vsa_unverified_document parsed = parse(forge_build(&forge));
    assert_true(parsed.pcrs.present == 0x80000001u);
    assert_int_equal(parsed.pcrs.value[31][47], 0xab);
    assert_int_equal(parsed.pcrs.value[0][0], 0xcd);
    assert_int_equal(parsed.pcrs.value[1][0], 0);
}

static void other_forms(void **state)
{
    (void)state;
    forge_reset(&forge);
    forge.cose.before = "d2";
    forge.payload_head = "bf";
    forge.payload_end = "ff";
    forge_add(&forge, "later", "82a10102f6");
    struct vsa_unverified_document parsed = parse(forge_build(&forge));
    assert_true(vsa_slice_equal_text(parsed.nonce, "nonce"));
    assert_int_equal(parsed.payload.data[0], 0xbf);
}

/* --- failures --- */

static const struct vsa_unverified_document zero;

static void expect_failure(struct vsa_slice document, enum vsa_status expected, size_t offset)
{
    struct vsa_unverified_document parsed;
    struct vsa_error error = {0};
    memset(&parsed, 0xa5, sizeof(parsed));
    enum vsa_status status = vsa_document_parse(document, &parsed, &error);
    if (status != expected || error.offset != offset)
        fail_msg("%s at %zu: %s", vsa_status_code(status), error.offset, error.detail);
    assert_memory_equal(&parsed, &zero, sizeof(zero));
    assert_int_equal(vsa_document_parse(document, &parsed, NULL), expected);
}

static void nothing_and_too_much(void **state)
{
    (void)state;
    static uint8_t large[VSA_MAX_DOCUMENT + 1] = {0x84};
    expect_failure(vsa_slice_of(NULL, 0), VSA_ERR_EMPTY, VSA_NO_OFFSET);
    expect_failure(vsa_slice_of("", 0), VSA_ERR_EMPTY, VSA_NO_OFFSET);
    expect_failure(vsa_slice_of(large, sizeof(large)), VSA_ERR_TOO_LARGE, VSA_NO_OFFSET);
    /* One byte less is looked at: the header is not a byte string. */
    expect_failure(vsa_slice_of(large, sizeof(large) - 1), VSA_ERR_FIELD, 1);
}

/* Cut off at every byte: an error at or before the cut, never a read past it. */
static void cut_off_at_every_byte(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    for (size_t size = 1; size < document.size; size++) {
        uint8_t *copy = malloc(size);
        struct vsa_unverified_document parsed;
        struct vsa_error error = {0};
        assert_non_null(copy);
        memcpy(copy, document.data, size);
        assert_int_equal(vsa_document_parse(vsa_slice_of(copy, size), &parsed, &error),
                         VSA_ERR_CBOR);
        assert_true(error.offset <= size);
        assert_memory_equal(&parsed, &zero, sizeof(zero));
        free(copy);
    }
}

/* The same for the payload, in a whole envelope. */
static void payload_cut_off_at_every_byte(void **state)
{
    (void)state;
    forge_reset(&forge);
    (void)forge_build(&forge);
    static uint8_t whole[8192];
    size_t full = forge.made_payload.size;
    memcpy(whole, forge.made_payload.data, full);
    static const uint8_t zeros[96];
    for (size_t size = 1; size < full; size++) {
        uint8_t document[8192] = {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0};
        size_t at = 7;
        if (size >= 256) {
            document[at++] = 0x59;
            document[at++] = (uint8_t)(size >> 8);
        } else if (size >= 24) {
            document[at++] = 0x58;
        }
        document[at++] = size >= 24 ? (uint8_t)size : (uint8_t)(0x40 + size);
        memcpy(document + at, whole, size);
        memcpy(document + at + size, "\x58\x60", 2);
        memcpy(document + at + size + 2, zeros, 96);
        struct vsa_unverified_document parsed;
        struct vsa_error error = {0};
        enum vsa_status status =
            vsa_document_parse(vsa_slice_of(document, at + size + 98), &parsed, &error);
        /* Where a value should begin, some fields say what they miss. */
        assert_true(status == VSA_ERR_CBOR || status == VSA_ERR_TIMESTAMP ||
                    status == VSA_ERR_PCRS);
        assert_in_range(error.offset, at, at + size);
    }
}

/* Offsets count from the beginning of the document, also inside the payload. */
static void offsets_of_errors(void **state)
{
    (void)state;
    /* 84, 44 a1013822, a0, 59 LLLL: the payload's map begins at 10. */
    forge_reset(&forge);
    forge_set(&forge, FORGE_FIELD_MODULE_ID, "60");
    expect_failure(forge_build(&forge), VSA_ERR_FIELD, 10 + 1 + 10);
    forge_reset(&forge);
    forge.cose.before = "d2";
    forge_set(&forge, FORGE_FIELD_MODULE_ID, "60");
    expect_failure(forge_build(&forge), VSA_ERR_FIELD, 1 + 10 + 1 + 10);
    forge_reset(&forge);
    forge.cose.protected_header = "a10126";
    expect_failure(forge_build(&forge), VSA_ERR_ALGORITHM, 1);
    forge_reset(&forge);
    forge.cose.unprotected = "a10126";
    expect_failure(forge_build(&forge), VSA_ERR_COSE, 6);
    forge_reset(&forge);
    forge.cose.array = "83";
    expect_failure(forge_build(&forge), VSA_ERR_COSE, 0);
    forge_reset(&forge);
    forge.cose.signature_item = forge_bytes(&forge, 95, 1);
    struct vsa_slice document = forge_build(&forge);
    expect_failure(document, VSA_ERR_SIGNATURE_SIZE, document.size - 97);
    forge_reset(&forge);
    forge.cose.after = "00";
    document = forge_build(&forge);
    expect_failure(document, VSA_ERR_TRAILING_BYTES, document.size - 1);
    forge_reset(&forge);
    forge.payload_end = "00";
    document = forge_build(&forge);
    expect_failure(document, VSA_ERR_TRAILING_BYTES, document.size - 98 - 1);
    forge_reset(&forge);
    forge_add(&forge, "nonce", "f6");
    document = forge_build(&forge);
    expect_failure(document, VSA_ERR_DUPLICATE_KEY, document.size - 98 - 7);
    forge_reset(&forge);
    forge_remove(&forge, FORGE_FIELD_DIGEST);
    expect_failure(forge_build(&forge), VSA_ERR_FIELD_MISSING, VSA_NO_OFFSET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_of_the_genuine_document),
        cmocka_unit_test(everything_is_borrowed),
        cmocka_unit_test(absent_and_empty),
        cmocka_unit_test(sparse_pcrs),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(nothing_and_too_much),
        cmocka_unit_test(cut_off_at_every_byte),
        cmocka_unit_test(payload_cut_off_at_every_byte),
        cmocka_unit_test(offsets_of_errors),
    };
    return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
