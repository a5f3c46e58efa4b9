/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "cbor/reader.h"
#include "cbor_vectors.h"

/* A heap block of exactly its size, so that sanitizers and valgrind see what is read past it. */
static struct vsa_slice exact(const char *hex)
{
    uint8_t bytes[1024];
    size_t size = cbor_vector_bytes(hex, bytes, sizeof(bytes));
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return vsa_slice_of(copy, size);
}

static void release(struct vsa_slice copy)
{
    free((void *)(uintptr_t)copy.data);
}

static enum vsa_status skip_all(struct vsa_slice input, struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(input);
    enum vsa_status status = vsa_cbor_skip(&reader, error);
    return status != VSA_OK ? status : vsa_cbor_finish(&reader, "the item", error);
}

static void refused_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_refused_count; i++) {
        const struct cbor_vector *vector = &cbor_refused[i];
        struct vsa_slice input = exact(vector->hex);
        struct vsa_error error = {0};
        enum vsa_status status = skip_all(input, &error);
        if (status != vector->expected || error.status != status || error.offset != vector->offset)
            fail_msg("%s (%s): %s at %zu: %s", vector->hex, vector->comment,
                     vsa_status_code(status), error.offset, error.detail);
        assert_int_equal(skip_all(input, NULL), status);
        release(input);
    }
}

static void accepted_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_accepted_count; i++) {
        const struct cbor_vector *vector = &cbor_accepted[i];
        struct vsa_slice input = exact(vector->hex);
        struct vsa_error error = {0};
        if (skip_all(input, &error) != VSA_OK || input.size != vector->offset)
            fail_msg("%s (%s): %s", vector->hex, vector->comment, error.detail);
        release(input);
    }
}

/* Every beginning of an accepted item is cut off, and known to be. */
static void cut_off_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_accepted_count; i++) {
        struct vsa_slice input = exact(cbor_accepted[i].hex);
        for (size_t size = 0; size < input.size; size++) {
            uint8_t *copy = malloc(size ? size : 1);
            assert_non_null(copy);
            memcpy(copy, input.data, size);
            struct vsa_error error = {0};
            assert_int_equal(skip_all(vsa_slice_of(copy, size), &error), VSA_ERR_CBOR);
            assert_true(error.offset <= size);
            free(copy);
        }
        release(input);
    }
}

/* One more byte of any value is never taken for a part of the item. */
static void one_byte_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_accepted_count; i++) {
        uint8_t bytes[256];
        size_t size = cbor_vector_bytes(cbor_accepted[i].hex, bytes, sizeof(bytes) - 1);
        for (unsigned more = 0; more < 256; more++) {
            struct vsa_error error = {0};
            bytes[size] = (uint8_t)more;
            assert_int_equal(skip_all(vsa_slice_of(bytes, size + 1), &error),
                             VSA_ERR_TRAILING_BYTES);
            assert_int_equal(error.offset, size);
        }
    }
}

/* All inputs of 1 and 2 bytes: no crash, and what is accepted has
 * exactly one reading: none is the beginning of another. */
static void all_short_inputs(void **state)
{
    (void)state;
    size_t accepted[3] = {0};
    for (unsigned a = 0; a < 256; a++) {
        uint8_t one[] = {(uint8_t)a};
        bool one_accepted = skip_all(vsa_slice_of(one, 1), NULL) == VSA_OK;
        accepted[1] += one_accepted;
        for (unsigned b = 0; b < 256; b++) {
            uint8_t two[] = {(uint8_t)a, (uint8_t)b};
            bool two_accepted = skip_all(vsa_slice_of(two, 2), NULL) == VSA_OK;
            accepted[2] += two_accepted;
            assert_false(one_accepted && two_accepted);
        }
    }
    /* 24 + 24 integers, h'', "", [], {}, false, true, null. */
    assert_int_equal(accepted[1], 24 + 24 + 4 + 3);
    /* 232 + 232 integers in 2 bytes, 256 byte strings, 128 texts, [x] of the 55 above. */
    assert_int_equal(accepted[2], 232 + 232 + 256 + 128 + 55);
}

/* --- the typed functions --- */

#define READER(name, hex)                                                                          \
    uint8_t name##_bytes[256];                                                                     \
    struct vsa_cbor_reader name = vsa_cbor_reader_of(                                              \
        vsa_slice_of(name##_bytes, cbor_vector_bytes(hex, name##_bytes, sizeof(name##_bytes))))

static void unsigned_integers(void **state)
{
    static const struct {
        const char *hex;
        uint64_t value;
    } rows[] = {{"00", 0},
                {"17", 23},
                {"1818", 24},
                {"18ff", 255},
                {"190100", 256},
                {"19ffff", 65535},
                {"1a00010000", 65536},
                {"1affffffff", UINT32_MAX},
                {"1b0000000100000000", UINT64_C(1) << 32},
                {"1bffffffffffffffff", UINT64_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        READER(reader, rows[i].hex);
        uint64_t value = 1;
        assert_int_equal(vsa_cbor_read_unsigned(&reader, &value, NULL), VSA_OK);
        assert_true(value == rows[i].value);
        assert_int_equal(reader.offset, reader.input.size);
    }
    READER(negative, "20");
    uint64_t value = 99;
    assert_int_equal(vsa_cbor_read_unsigned(&negative, &value, NULL), VSA_ERR_FIELD);
    assert_int_equal(value, 99);
    assert_int_equal(negative.offset, 0);
}

static void signed_integers(void **state)
{
    static const struct {
        const char *hex;
        int64_t value;
    } rows[] = {{"00", 0},
                {"20", -1},
                {"37", -24},
                {"3818", -25},
                {"3822", -35},
                {"38ff", -256},
                {"390100", -257},
                {"1b7fffffffffffffff", INT64_MAX},
                {"3b7fffffffffffffff", INT64_MIN}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        READER(reader, rows[i].hex);
        int64_t value = 1;
        assert_int_equal(vsa_cbor_read_integer(&reader, &value, NULL), VSA_OK);
        assert_true(value == rows[i].value);
    }
    static const char *const too_large[] = {"1b8000000000000000", "1bffffffffffffffff",
                                            "3b8000000000000000", "3bffffffffffffffff"};
    for (size_t i = 0; i < 4; i++) {
        READER(reader, too_large[i]);
        int64_t value = 7;
        struct vsa_error error = {0};
        assert_int_equal(vsa_cbor_read_integer(&reader, &value, &error), VSA_ERR_FIELD);
        assert_int_equal(value, 7);
        assert_int_equal(error.offset, 0);
    }
    READER(text, "6130");
    int64_t value = 0;
    assert_int_equal(vsa_cbor_read_integer(&text, &value, NULL), VSA_ERR_FIELD);
}

static void strings_are_borrowed(void **state)
{
    (void)state;
    READER(reader, "43010203 6161 40 60");
    struct vsa_slice slice;
    assert_int_equal(vsa_cbor_read_bytes(&reader, &slice, NULL), VSA_OK);
    assert_ptr_equal(slice.data, reader_bytes + 1);
    assert_int_equal(slice.size, 3);
    assert_int_equal(vsa_cbor_read_text(&reader, &slice, NULL), VSA_OK);
    assert_ptr_equal(slice.data, reader_bytes + 5);
    assert_int_equal(slice.size, 1);
    /* Empty is not absent. */
    assert_int_equal(vsa_cbor_read_bytes(&reader, &slice, NULL), VSA_OK);
    assert_non_null(slice.data);
    assert_int_equal(slice.size, 0);
    assert_int_equal(vsa_cbor_read_text(&reader, &slice, NULL), VSA_OK);
    assert_non_null(slice.data);
    assert_int_equal(vsa_cbor_read_text(&reader, &slice, NULL), VSA_ERR_CBOR);
}

static void types_are_not_mixed_up(void **state)
{
    (void)state;
    READER(text, "6161");
    READER(bytes, "4161");
    READER(map, "a0");
    READER(array, "80");
    struct vsa_slice slice;
    size_t count = 0;
    uint64_t tag = 0;
    struct vsa_cbor_map entries;
    assert_int_equal(vsa_cbor_read_bytes(&text, &slice, NULL), VSA_ERR_FIELD);
    assert_int_equal(vsa_cbor_read_text(&bytes, &slice, NULL), VSA_ERR_FIELD);
    assert_int_equal(vsa_cbor_read_array(&map, &count, NULL), VSA_ERR_FIELD);
    assert_int_equal(vsa_cbor_open_map(&array, VSA_CBOR_MAP_ANY, &entries, NULL), VSA_ERR_FIELD);
    assert_int_equal(vsa_cbor_read_tag(&array, &tag, NULL), VSA_ERR_FIELD);
    assert_int_equal(vsa_cbor_peek(&text), VSA_CBOR_TEXT);
    assert_int_equal(vsa_cbor_peek(&bytes), VSA_CBOR_BYTES);
    assert_int_equal(vsa_cbor_peek(&map), VSA_CBOR_MAP);
    assert_int_equal(vsa_cbor_peek(&array), VSA_CBOR_ARRAY);
    READER(nothing, "");
    assert_int_equal(vsa_cbor_peek(&nothing), VSA_CBOR_END);
}

static void booleans_and_null(void **state)
{
    (void)state;
    READER(reader, "f4 f5 f6");
    bool value = true;
    bool was_null = false;
    assert_int_equal(vsa_cbor_read_boolean(&reader, &value, NULL), VSA_OK);
    assert_false(value);
    assert_int_equal(vsa_cbor_read_boolean(&reader, &value, NULL), VSA_OK);
    assert_true(value);
    assert_int_equal(vsa_cbor_read_optional_null(&reader, &was_null, NULL), VSA_OK);
    assert_true(was_null);
    /* At the end, and before anything else, there is no null and nothing is read. */
    assert_int_equal(vsa_cbor_read_optional_null(&reader, &was_null, NULL), VSA_OK);
    assert_false(was_null);
    READER(bytes, "40");
    was_null = true;
    assert_int_equal(vsa_cbor_read_optional_null(&bytes, &was_null, NULL), VSA_OK);
    assert_false(was_null);
    assert_int_equal(bytes.offset, 0);
    READER(truth, "f5");
    assert_int_equal(vsa_cbor_read_optional_null(&truth, &was_null, NULL), VSA_ERR_FIELD);
    READER(null, "f6");
    assert_int_equal(vsa_cbor_read_boolean(&null, &value, NULL), VSA_ERR_FIELD);
    READER(undefined, "f7");
    assert_int_equal(vsa_cbor_read_optional_null(&undefined, &was_null, NULL),
                     VSA_ERR_CBOR_FORBIDDEN);
    READER(number, "01");
    assert_int_equal(vsa_cbor_read_boolean(&number, &value, NULL), VSA_ERR_FIELD);
}

static void tags_only_where_asked(void **state)
{
    (void)state;
    READER(reader, "d2 00");
    uint64_t tag = 0;
    assert_int_equal(vsa_cbor_peek(&reader), VSA_CBOR_TAG);
    assert_int_equal(vsa_cbor_read_tag(&reader, &tag, NULL), VSA_OK);
    assert_int_equal(tag, 18);
    assert_int_equal(reader.offset, 1);
    READER(large, "dbffffffffffffffff");
    assert_int_equal(vsa_cbor_read_tag(&large, &tag, NULL), VSA_OK);
    assert_true(tag == UINT64_MAX);
    READER(wide, "d812");
    assert_int_equal(vsa_cbor_read_tag(&wide, &tag, NULL), VSA_ERR_CBOR_FORBIDDEN);
}

/* Walks a map of integer keys and values; the sum of the values, or a status. */
static enum vsa_status walk(struct vsa_cbor_reader *reader, enum vsa_cbor_map_form form,
                            int64_t *sum, struct vsa_error *error)
{
    struct vsa_cbor_map map;
    *sum = 0;
    enum vsa_status status = vsa_cbor_open_map(reader, form, &map, error);
    for (bool found = true; status == VSA_OK && found;) {
        int64_t key = 0;
        int64_t value = 0;
        status = vsa_cbor_next_entry(reader, &map, &found, error);
        if (status != VSA_OK || !found)
            break;
        status = vsa_cbor_read_integer(reader, &key, error);
        if (status == VSA_OK)
            status = vsa_cbor_read_integer(reader, &value, error);
        *sum += value;
    }
    return status;
}

static void maps_of_both_forms(void **state)
{
    static const struct {
        const char *hex;
        enum vsa_cbor_map_form form;
        enum vsa_status expected;
        int64_t sum;
        size_t end;
    } rows[] = {
        {"a0", VSA_CBOR_MAP_DEFINITE, VSA_OK, 0, 1},
        {"a201020304", VSA_CBOR_MAP_DEFINITE, VSA_OK, 6, 5},
        {"a201020304", VSA_CBOR_MAP_ANY, VSA_OK, 6, 5},
        {"bfff", VSA_CBOR_MAP_ANY, VSA_OK, 0, 2},
        {"bf01020304ff", VSA_CBOR_MAP_ANY, VSA_OK, 6, 6},
        {"bf01020304ff", VSA_CBOR_MAP_DEFINITE, VSA_ERR_CBOR_FORBIDDEN, 0, 0},
        {"bf0102", VSA_CBOR_MAP_ANY, VSA_ERR_CBOR, 2, 3},
        {"bf", VSA_CBOR_MAP_ANY, VSA_ERR_CBOR, 0, 1},
        {"bf01ff", VSA_CBOR_MAP_ANY, VSA_ERR_CBOR_FORBIDDEN, 0, 2},
        {"bf01020103ff", VSA_CBOR_MAP_ANY, VSA_ERR_DUPLICATE_KEY, 2, 3},
        {"a2 01020103", VSA_CBOR_MAP_DEFINITE, VSA_ERR_DUPLICATE_KEY, 2, 3},
        {"a1ff", VSA_CBOR_MAP_ANY, VSA_ERR_CBOR, 0, 1},
        {"a1ff00", VSA_CBOR_MAP_ANY, VSA_ERR_CBOR_FORBIDDEN, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        READER(reader, rows[i].hex);
        int64_t sum = 0;
        struct vsa_error error = {0};
        enum vsa_status status = walk(&reader, rows[i].form, &sum, &error);
        if (status != rows[i].expected || sum != rows[i].sum ||
            (status == VSA_OK && reader.offset != rows[i].end))
            fail_msg("%s: %s, sum %lld, at %zu", rows[i].hex, vsa_status_code(status),
                     (long long)sum, reader.offset);
    }
}

/* A count is compared with the bytes left before anything is done with it. */
static void counts_against_what_is_left(void **state)
{
    (void)state;
    READER(exact, "83000000");
    READER(short_by_one, "830000");
    size_t count = 0;
    assert_int_equal(vsa_cbor_read_array(&exact, &count, NULL), VSA_OK);
    assert_int_equal(count, 3);
    count = 77;
    assert_int_equal(vsa_cbor_read_array(&short_by_one, &count, NULL), VSA_ERR_CBOR);
    assert_int_equal(count, 77);
    struct vsa_cbor_map map;
    READER(map_short, "a2000000");
    assert_int_equal(vsa_cbor_open_map(&map_short, VSA_CBOR_MAP_ANY, &map, NULL), VSA_ERR_CBOR);
}

static void finish_names_what_follows(void **state)
{
    (void)state;
    READER(reader, "000102");
    uint64_t value = 0;
    struct vsa_error error = {0};
    assert_int_equal(vsa_cbor_read_unsigned(&reader, &value, NULL), VSA_OK);
    assert_int_equal(vsa_cbor_finish(&reader, "the number", &error), VSA_ERR_TRAILING_BYTES);
    assert_int_equal(error.offset, 1);
    assert_string_equal(error.detail, "2 bytes after the end of the number");
}

/* --- a reader for any form --- */

static enum vsa_status skip_any_form(struct vsa_slice input, struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of_any_form(input);
    enum vsa_status status = vsa_cbor_skip(&reader, error);
    return status != VSA_OK ? status : vsa_cbor_finish(&reader, "the item", error);
}

/* What the strict reader takes, one for any form takes too, to the same end. */
static void any_form_takes_what_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < cbor_accepted_count; i++) {
        struct vsa_slice input = exact(cbor_accepted[i].hex);
        assert_int_equal(skip_any_form(input, NULL), VSA_OK);
        release(input);
    }
    for (unsigned i = 0; i <= UINT16_MAX; i++) {
        uint8_t bytes[] = {(uint8_t)(i >> 8), (uint8_t)i};
        if (skip_all(vsa_slice_of(bytes, 2), NULL) == VSA_OK)
            assert_int_equal(skip_any_form(vsa_slice_of(bytes, 2), NULL), VSA_OK);
    }
}

static void any_form_and_its_limits(void **state)
{
    static const struct {
        const char *hex;
        enum vsa_status expected;
    } rows[] = {
        {"1b0000000000000000", VSA_OK},                  /* 0 in 8 bytes */
        {"5b000000000000000161", VSA_OK},                /* a length in 8 bytes */
        {"9f9fbfff9f00ffffff", VSA_OK},                  /* indefinite within indefinite */
        {"82f97e00fb3ff199999999999a", VSA_OK},          /* NaN, 1.1 */
        {"83f7e0f8ff", VSA_OK},                          /* undefined, simple 0 and 255 */
        {"c1d9d9f7dbffffffffffffffff00", VSA_OK},        /* tags of tags */
        {"f81f", VSA_ERR_CBOR},                          /* simple 31 in two bytes */
        {"c1", VSA_ERR_CBOR},                            /* a tag of nothing */
        {"c1ff", VSA_ERR_CBOR_FORBIDDEN},                /* a tag of the break */
        {"9f9fff", VSA_ERR_CBOR},                        /* one break for two arrays */
        {"9fffff", VSA_ERR_TRAILING_BYTES},              /* two breaks for one */
        {"81ff", VSA_ERR_CBOR_FORBIDDEN},                /* break in a definite array */
        {"bf00ff", VSA_ERR_CBOR_FORBIDDEN},              /* break in place of a value */
        {"5f4101ff", VSA_ERR_CBOR_FORBIDDEN},            /* bytes in pieces */
        {"7f6161ff", VSA_ERR_CBOR_FORBIDDEN},            /* text in pieces */
        {"9c", VSA_ERR_CBOR},                            /* reserved */
        {"9bffffffffffffffff00", VSA_ERR_CBOR},          /* 2^64-1 items */
        {"a20000180000", VSA_ERR_DUPLICATE_KEY},         /* 0 in two encodings */
        {"bf20003900000000ff", VSA_ERR_DUPLICATE_KEY},   /* -1 in two encodings */
        {"a261610078016100", VSA_ERR_DUPLICATE_KEY},     /* text, two lengths of a length */
        {"c19fbf1800f60000ffff", VSA_ERR_DUPLICATE_KEY}, /* below tag and array */
        {"a300002000613000", VSA_OK},                    /* 0, -1, "0": three keys */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice input = exact(rows[i].hex);
        enum vsa_status status = skip_any_form(input, NULL);
        if (status != rows[i].expected)
            fail_msg("%s: %s", rows[i].hex, vsa_status_code(status));
        release(input);
    }
}

/* Tags do not count as levels; arrays of either form do. */
static void any_form_is_bounded_in_depth(void **state)
{
    (void)state;
    for (unsigned more = 0; more <= 1; more++)
        for (unsigned form = 0; form <= 1; form++) {
            uint8_t bytes[2 * (VSA_MAX_CBOR_DEPTH + 1)];
            size_t depth = VSA_MAX_CBOR_DEPTH - 1 + more;
            memset(bytes, form ? 0x9f : 0x81, depth);
            bytes[depth] = 0x80;
            memset(bytes + depth + 1, 0xff, depth);
            assert_int_equal(
                skip_any_form(vsa_slice_of(bytes, depth + 1 + (form ? depth : 0)), NULL),
                more ? VSA_ERR_NESTING : VSA_OK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_vectors),
        cmocka_unit_test(accepted_vectors),
        cmocka_unit_test(cut_off_at_every_byte),
        cmocka_unit_test(one_byte_more),
        cmocka_unit_test(all_short_inputs),
        cmocka_unit_test(unsigned_integers),
        cmocka_unit_test(signed_integers),
        cmocka_unit_test(strings_are_borrowed),
        cmocka_unit_test(types_are_not_mixed_up),
        cmocka_unit_test(booleans_and_null),
        cmocka_unit_test(tags_only_where_asked),
        cmocka_unit_test(maps_of_both_forms),
        cmocka_unit_test(counts_against_what_is_left),
        cmocka_unit_test(finish_names_what_follows),
        cmocka_unit_test(any_form_takes_what_is_strict),
        cmocka_unit_test(any_form_and_its_limits),
        cmocka_unit_test(any_form_is_bounded_in_depth),
    };
    return cmocka_run_group_tests_name("cbor_reader", tests, NULL, NULL);
}
