/* SPDX-License-Identifier: Apache-2.0 */
/* Documents byte by byte; test_software_nsm.c verifies them. */
#include "unit_test.h"

#include <string.h>

#include <vsattest/attestation.h>

#include "software_nsm/documents.h"
#include "software_nsm_fixture.h"

static struct vsa_authority *authority;
static struct vsa_pcr_bank bank;
static uint8_t buffer[VSA_MAX_DOCUMENT];

static int set_up(void **state)
{
    (void)state;
    authority = fixture_authority();
    bank = fixture_bank();
    return vsa_authority_refresh(authority, FIXTURE_NOW_MS, NULL) == VSA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_authority_free(authority);
    return 0;
}

static bool has(struct vsa_slice bytes, const void *part, size_t size)
{
    return memmem(bytes.data, bytes.size, part, size) != NULL;
}

#define HAS(bytes, text) has(bytes, text, sizeof(text) - 1)

static void form_of_aws(void **state)
{
    struct vsa_software_document content = {.pcrs = &bank, .timestamp_ms = 1};
    struct vsa_slice document;
    (void)state;
    assert_int_equal(
        vsa_software_document_sign(authority, &content, buffer, sizeof(buffer), &document, NULL),
        VSA_OK);
    /* An array of four without a tag; the protected header {1: -35}, an empty map. */
    assert_memory_equal(document.data, "\x84\x44\xa1\x01\x38\x22\xa0", 7);
    /* A map of indefinite length, its first key; the last three keys are null. */
    assert_true(HAS(document, "\xbf\x69module_id\x78\x27" FIXTURE_MODULE_ID));
    assert_true(HAS(document, "\x69timestamp\x1b\0\0\0\0\0\0\0\1"));
    assert_true(HAS(document, "\x6apublic_key\xf6\x69user_data\xf6\x65nonce\xf6\xff"));
    /* PCR0 to 15 are locked; the signature has 96 bytes and ends it. */
    assert_true(HAS(document, "\x64pcrs\xb0\x00\x58\x30"));
    assert_int_equal(document.data[document.size - 98], 0x58);
    assert_int_equal(document.data[document.size - 97], 96);
}

static void optional_fields(void **state)
{
    struct vsa_software_document content = {.pcrs = &bank,
                                            .timestamp_ms = UINT64_MAX,
                                            .public_key = vsa_slice_of_text("key"),
                                            .user_data = vsa_slice_of("", 0),
                                            .nonce = vsa_slice_of_text("n")};
    struct vsa_slice document;
    (void)state;
    assert_int_equal(
        vsa_software_document_sign(authority, &content, buffer, sizeof(buffer), &document, NULL),
        VSA_OK);
    assert_true(HAS(document, "\x6apublic_key\x43key\x69user_data\x40\x65nonce\x41n\xff"));
    assert_true(HAS(document, "\x69timestamp\x1b\xff\xff\xff\xff\xff\xff\xff\xff"));
}

static void no_room(void **state)
{
    static uint8_t large[VSA_MAX_PAYLOAD + 1];
    struct vsa_software_document content = {.pcrs = &bank};
    struct vsa_slice document = {NULL, 0};
    (void)state;
    assert_int_equal(vsa_software_document_sign(authority, &content, buffer, 1000, &document, NULL),
                     VSA_ERR_BUFFER);
    content.user_data = vsa_slice_of(large, sizeof(large));
    assert_int_equal(
        vsa_software_document_sign(authority, &content, buffer, sizeof(buffer), &document, NULL),
        VSA_ERR_BUFFER);
    assert_null(document.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_of_aws),
        cmocka_unit_test(optional_fields),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
