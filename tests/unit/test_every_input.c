/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every input of up to two bytes (VSA_EVERY_INPUT=3 in the environment: three, as CI; 4 takes hours
 * under sanitizers) through the readers of hostile bytes. Inputs end where their heap block ends.
 */
#include "unit_test.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "cbor/reader.h"
#include "der/reader.h"
#include "slow_tool.h"

static void check_cbor(struct vsa_slice input)
{
    for (int any_form = 0; any_form < 2; any_form++) {
        struct vsa_cbor_reader reader = vsa_cbor_reader_of(input);
        reader.any_form = any_form;
        enum vsa_status status = vsa_cbor_skip(&reader, NULL);
        assert_true(reader.offset <= input.size);
        assert_true(status != VSA_OK || reader.offset > 0);
    }
}

/* A failed read does not move the reader; a good one moves it behind the element. */
static void check_der(struct vsa_slice input)
{
    struct vsa_der_reader reader = vsa_der_reader_of(input);
    if (vsa_der_skip(&reader, NULL) == VSA_OK)
        assert_true(reader.offset >= 2 && reader.offset == 2u + input.data[1]);
    else
        assert_true(reader.offset == 0);
    assert_true(reader.end == input.size);
}

static void check_base64(struct vsa_slice input)
{
    uint8_t bytes[4];
    char text[8];
    struct vsa_slice out;
    for (unsigned forms = 0; forms < 8; forms++)
        if (vsa_base64_decode(input, forms, bytes, sizeof(bytes), &out, NULL) == VSA_OK)
            assert_true(out.size <= 3);
    /* Strict text has one reading. */
    if (vsa_base64_decode(input, VSA_BASE64_STRICT, bytes, sizeof(bytes), &out, NULL) != VSA_OK)
        return;
    assert_true(vsa_base64_encode(out, text, sizeof(text), NULL) == VSA_OK);
    assert_true(strlen(text) == input.size);
    assert_true(!input.size || memcmp(text, input.data, input.size) == 0);
}

static void check_hex(struct vsa_slice input)
{
    uint8_t bytes[2];
    char text[5];
    if (vsa_hex_decode(input, bytes, input.size / 2, NULL) != VSA_OK)
        return;
    assert_true(input.size % 2 == 0);
    vsa_hex_encode(vsa_slice_of(bytes, input.size / 2), text, sizeof(text));
    for (size_t i = 0; i < input.size; i++)
        assert_true(text[i] == tolower(input.data[i]));
}

static size_t most_bytes(void)
{
    const char *chosen = getenv("VSA_EVERY_INPUT");
    if (chosen)
        return (size_t)(chosen[0] - '0');
    return is_slow_tool() ? 1 : 2;
}

static void run_all(void (*check)(struct vsa_slice input))
{
    for (size_t size = 0; size <= most_bytes(); size++) {
        uint8_t *block = malloc(size + 1);
        assert_non_null(block);
        for (uint64_t number = 0; number < UINT64_C(1) << 8 * size; number++) {
            for (size_t i = 0; i < size; i++)
                block[1 + i] = (uint8_t)(number >> 8 * i);
            check(vsa_slice_of(block + 1, size));
        }
        free(block);
    }
}

static void cbor(void **state)
{
    (void)state;
    run_all(check_cbor);
}

static void der(void **state)
{
    (void)state;
    run_all(check_der);
}

static void base64(void **state)
{
    (void)state;
    run_all(check_base64);
}

static void hex(void **state)
{
    (void)state;
    run_all(check_hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbor),
        cmocka_unit_test(der),
        cmocka_unit_test(base64),
        cmocka_unit_test(hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
