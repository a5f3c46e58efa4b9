/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcbor as an oracle: whatever our reader accepts, libcbor decodes to the same values. Not the
 * other way round: libcbor takes much that we refuse. Its 0.8 calls tag 18 malformed, so tagged
 * documents are left out. Skipped where libcbor's header is not installed.
 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "cbor/reader.h"
#include "cbor_vectors.h"
#include "cose/sign1.h"
#include "forge.h"
#include "software_nsm_fixture.h"

#if __has_include(<cbor.h>)
#include <cbor.h>

#define TEXT_MAX 65536

/* A value as text, as both readers see it. */
struct text {
    char bytes[TEXT_MAX];
    size_t size;
};

static void put(struct text *text, const char *piece)
{
    size_t size = strlen(piece);
    assert_true(text->size + size < sizeof(text->bytes));
    memcpy(text->bytes + text->size, piece, size + 1);
    text->size += size;
}

static void put_number(struct text *text, char kind, uint64_t number)
{
    char piece[32];
    (void)snprintf(piece, sizeof(piece), "%c%llu ", kind, (unsigned long long)number);
    put(text, piece);
}

static void put_bytes(struct text *text, char kind, const uint8_t *bytes, size_t size)
{
    put_number(text, kind, size);
    for (size_t i = 0; i < size; i++) {
        char piece[3];
        (void)snprintf(piece, sizeof(piece), "%02x", bytes[i]);
        put(text, piece);
    }
    put(text, " ");
}

/* --- ours --- */

/* False where our typed functions end: integers beyond 64 bits with sign. */
static bool describe(struct vsa_cbor_reader *reader, struct text *text);

static bool describe_array(struct vsa_cbor_reader *reader, struct text *text)
{
    size_t count = 0;
    assert_int_equal(vsa_cbor_read_array(reader, &count, NULL), VSA_OK);
    put_number(text, '[', count);
    for (size_t i = 0; i < count; i++)
        if (!describe(reader, text))
            return false;
    put(text, "] ");
    return true;
}

static bool describe_map(struct vsa_cbor_reader *reader, struct text *text)
{
    struct vsa_cbor_map map;
    bool found = true;
    put(text, "{ ");
    assert_int_equal(vsa_cbor_open_map(reader, VSA_CBOR_MAP_ANY, &map, NULL), VSA_OK);
    for (;;) {
        assert_int_equal(vsa_cbor_next_entry(reader, &map, &found, NULL), VSA_OK);
        if (!found)
            break;
        if (!describe(reader, text) || !describe(reader, text))
            return false;
    }
    put(text, "} ");
    return true;
}

static void describe_simple(struct vsa_cbor_reader *reader, struct text *text)
{
    struct vsa_cbor_reader copy = *reader;
    bool value = false;
    bool was_null = false;
    if (vsa_cbor_read_boolean(&copy, &value, NULL) == VSA_OK) {
        *reader = copy;
        put(text, value ? "true " : "false ");
        return;
    }
    assert_int_equal(vsa_cbor_read_optional_null(reader, &was_null, NULL), VSA_OK);
    assert_true(was_null);
    put(text, "null ");
}

static bool describe(struct vsa_cbor_reader *reader, struct text *text)
{
    struct vsa_slice slice;
    uint64_t number = 0;
    int64_t integer = 0;
    switch (vsa_cbor_peek(reader)) {
    case VSA_CBOR_UNSIGNED:
        assert_int_equal(vsa_cbor_read_unsigned(reader, &number, NULL), VSA_OK);
        put_number(text, '+', number);
        return true;
    case VSA_CBOR_NEGATIVE:
        if (vsa_cbor_read_integer(reader, &integer, NULL) != VSA_OK)
            return false;
        put_number(text, '-', (uint64_t)(-1 - integer));
        return true;
    case VSA_CBOR_BYTES:
        assert_int_equal(vsa_cbor_read_bytes(reader, &slice, NULL), VSA_OK);
        put_bytes(text, 'h', slice.data, slice.size);
        return true;
    case VSA_CBOR_TEXT:
        assert_int_equal(vsa_cbor_read_text(reader, &slice, NULL), VSA_OK);
        put_bytes(text, 't', slice.data, slice.size);
        return true;
    case VSA_CBOR_ARRAY:
        return describe_array(reader, text);
    case VSA_CBOR_MAP:
        return describe_map(reader, text);
    case VSA_CBOR_SIMPLE:
        describe_simple(reader, text);
        return true;
    case VSA_CBOR_TAG:
    case VSA_CBOR_END:
    default:
        fail_msg("accepted, and of no known type");
        return false;
    }
}

/* --- libcbor's --- */

static void describe_item(const cbor_item_t *item, struct text *text);

static void describe_entries(const cbor_item_t *item, struct text *text)
{
    put(text, "{ ");
    for (size_t i = 0; i < cbor_map_size(item); i++) {
        describe_item(cbor_map_handle(item)[i].key, text);
        describe_item(cbor_map_handle(item)[i].value, text);
    }
    put(text, "} ");
}

static void describe_items(const cbor_item_t *item, struct text *text)
{
    put_number(text, '[', cbor_array_size(item));
    for (size_t i = 0; i < cbor_array_size(item); i++)
        describe_item(cbor_array_handle(item)[i], text);
    put(text, "] ");
}

static void describe_item(const cbor_item_t *item, struct text *text)
{
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT:
        put_number(text, '+', cbor_get_int(item));
        break;
    case CBOR_TYPE_NEGINT:
        put_number(text, '-', cbor_get_int(item));
        break;
    case CBOR_TYPE_BYTESTRING:
        put_bytes(text, 'h', cbor_bytestring_handle(item), cbor_bytestring_length(item));
        break;
    case CBOR_TYPE_STRING:
        put_bytes(text, 't', cbor_string_handle(item), cbor_string_length(item));
        break;
    case CBOR_TYPE_ARRAY:
        describe_items(item, text);
        break;
    case CBOR_TYPE_MAP:
        describe_entries(item, text);
        break;
    case CBOR_TYPE_FLOAT_CTRL:
        assert_true(cbor_float_ctrl_is_ctrl(item));
        put(text, cbor_is_null(item) ? "null " : cbor_get_bool(item) ? "true " : "false ");
        break;
    case CBOR_TYPE_TAG:
    default:
        fail_msg("libcbor found a tag");
    }
}

/* --- both --- */

/* The item was accepted by our reader: libcbor must read the same, and as far. */
static void compare(struct vsa_slice input)
{
    static struct text ours;
    static struct text theirs;
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(input);
    struct cbor_load_result result;
    ours.size = 0;
    theirs.size = 0;
    if (!describe(&reader, &ours))
        return;
    assert_int_equal(reader.offset, input.size);
    cbor_item_t *item = cbor_load(input.data, input.size, &result);
    if (!item)
        fail_msg("libcbor refuses (%d): %s", (int)result.error.code, ours.bytes);
    assert_int_equal(result.read, input.size);
    describe_item(item, &theirs);
    cbor_decref(&item);
    assert_string_equal(ours.bytes, theirs.bytes);
}

static bool is_accepted(struct vsa_slice input)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(input);
    return vsa_cbor_skip(&reader, NULL) == VSA_OK && reader.offset == input.size;
}

static void accepted_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_accepted_count; i++) {
        uint8_t bytes[1024];
        size_t size = cbor_vector_bytes(cbor_accepted[i].hex, bytes, sizeof(bytes));
        assert_true(is_accepted(vsa_slice_of(bytes, size)));
        compare(vsa_slice_of(bytes, size));
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Each vector, accepted or refused, with a few of its bytes changed; always the same ones. */
static void changed_vectors(void **state)
{
    (void)state;
    uint32_t seed = 2463534242;
    size_t accepted = 0;
    for (unsigned round = 0; round < 200; round++)
        for (size_t i = 0; i < cbor_accepted_count + cbor_refused_count; i++) {
            const struct cbor_vector *vector = i < cbor_accepted_count
                                                   ? &cbor_accepted[i]
                                                   : &cbor_refused[i - cbor_accepted_count];
            uint8_t bytes[1024];
            size_t size = cbor_vector_bytes(vector->hex, bytes, sizeof(bytes));
            for (unsigned change = 0; size && change <= round % 3; change++)
                bytes[next_random(&seed) % size] = (uint8_t)next_random(&seed);
            if (!is_accepted(vsa_slice_of(bytes, size)))
                continue;
            accepted++;
            compare(vsa_slice_of(bytes, size));
        }
    /* Enough of them, or this would test nothing. */
    assert_true(accepted > 1000);
}

static void forged_documents(void **state)
{
    (void)state;
    static struct forge forge;
    for (int indefinite = 0; indefinite < 2; indefinite++) {
        forge_reset(&forge);
        forge_add(&forge, "later", "83a10102f6f5");
        if (indefinite) {
            forge.payload_head = "bf";
            forge.payload_end = "ff";
        }
        struct vsa_slice document = forge_build(&forge);
        compare(document);
        compare(forge.made_payload);
        compare(vsa_slice_of("\xa1\x01\x38\x22", 4));
    }
}

/* {"Attestation": {"document": h'..'}} */
static struct vsa_slice document_of(struct vsa_slice response)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(response);
    struct vsa_slice slice;
    for (int level = 0; level < 2; level++) {
        struct vsa_cbor_map map;
        bool found = false;
        assert_int_equal(vsa_cbor_open_map(&reader, VSA_CBOR_MAP_DEFINITE, &map, NULL), VSA_OK);
        assert_int_equal(vsa_cbor_next_entry(&reader, &map, &found, NULL), VSA_OK);
        assert_int_equal(vsa_cbor_read_text(&reader, &slice, NULL), VSA_OK);
    }
    assert_int_equal(vsa_cbor_read_bytes(&reader, &slice, NULL), VSA_OK);
    return slice;
}

static void documents_of_the_software_nsm(void **state)
{
    static const char *const requests[] = {
        "a1 6b4174746573746174696f6e a3 69757365725f64617461f6 656e6f6e6365f6 "
        "6a7075626c69635f6b6579f6",
        "a1 6b4174746573746174696f6e a3 69757365725f6461746140 656e6f6e63654161 "
        "6a7075626c69635f6b6579"
        "43010203",
    };
    (void)state;
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size = 0;
    struct vsa_software_nsm *nsm = fixture_software_nsm(root, &root_size);
    for (size_t i = 0; i < 2; i++) {
        struct vsa_slice response;
        struct vsa_cose_sign1 sign1;
        vsa_software_nsm_respond(nsm, from_hex(requests[i]), FIXTURE_NOW_MS, &response, NULL);
        compare(response);
        struct vsa_slice document = document_of(response);
        compare(document);
        assert_int_equal(vsa_cose_sign1_parse(document, VSA_COSE_ES384, &sign1, NULL), VSA_OK);
        compare(sign1.payload);
        compare(sign1.protected_header);
    }
    vsa_software_nsm_free(nsm);
}

#else

static void no_libcbor(void **state)
{
    (void)state;
    SKIP_BECAUSE("libcbor's header (libcbor-dev) is not installed");
}
#define accepted_vectors              no_libcbor
#define changed_vectors               no_libcbor
#define forged_documents              no_libcbor
#define documents_of_the_software_nsm no_libcbor

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_vectors),
        cmocka_unit_test(changed_vectors),
        cmocka_unit_test(forged_documents),
        cmocka_unit_test(documents_of_the_software_nsm),
    };
    return cmocka_run_group_tests_name("cbor_oracle", tests, NULL, NULL);
}
