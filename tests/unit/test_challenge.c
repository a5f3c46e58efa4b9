/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "base/base64.h"
#include "verifierd/challenge.h"
#include "verifierd/limits.h"

#define NOW_MS  INT64_C(1768478400000)
#define SKEW_MS 5000

/* 32 bytes each. */
#define OLD_SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NEW_SECRET "_-4gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0"

#define TOO_LONG                                                                                   \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"                             \
    "MDEyMzQ1Njc4OTo7PD0-P0A"

static struct vsa_challenge_keys keys_of(const char *file)
{
    struct vsa_challenge_keys keys;
    assert_int_equal(vsa_challenge_keys_parse(vsa_slice_of_text(file), &keys, NULL), VSA_OK);
    return keys;
}

static enum vsa_challenge_verdict check_at(const struct vsa_challenge_keys *keys,
                                           const char *policy, const char *text, int64_t now_ms)
{
    enum vsa_challenge_verdict verdict;
    struct vsa_challenge challenge = {0};
    assert_int_equal(vsa_challenge_check(keys, vsa_slice_of_text(policy), vsa_slice_of_text(text),
                                         now_ms, SKEW_MS, &verdict, &challenge, NULL),
                     VSA_OK);
    assert_int_equal(challenge.issued_ms, verdict == VSA_CHALLENGE_VALID ? NOW_MS : 0);
    return verdict;
}

static void make_at_now(const struct vsa_challenge_keys *keys, const char *policy, char *text)
{
    assert_int_equal(vsa_challenge_make(keys, vsa_slice_of_text(policy), NOW_MS, text, NULL),
                     VSA_OK);
}

/* The form, byte by byte: version, key id, big-endian time; 64 characters. */
static void format(void **state)
{
    (void)state;
    struct vsa_challenge_keys keys = keys_of(OLD_SECRET);
    char text[VSA_CHALLENGE_TEXT + 1];
    char other[VSA_CHALLENGE_TEXT + 1];
    uint8_t bytes[VSA_CHALLENGE_SIZE];
    struct vsa_slice decoded;
    make_at_now(&keys, "p", text);
    make_at_now(&keys, "p", other);
    assert_int_equal(strlen(text), 64);
    assert_string_not_equal(text, other);
    assert_int_equal(
        vsa_base64url_decode(vsa_slice_of_text(text), bytes, sizeof(bytes), &decoded, NULL),
        VSA_OK);
    assert_int_equal(decoded.size, 48);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[1], keys.keys[0].id);
    assert_memory_equal(bytes + 2, "\x01\x9b\xc1\x86\xde\x00", 6);
}

static void age(void **state)
{
    (void)state;
    struct vsa_challenge_keys keys = keys_of(OLD_SECRET);
    char text[VSA_CHALLENGE_TEXT + 1];
    make_at_now(&keys, "p", text);
    static const struct {
        int64_t later_ms;
        enum vsa_challenge_verdict verdict;
    } table[] = {
        {0, VSA_CHALLENGE_VALID},
        {VSA_CHALLENGE_LIFETIME_MS, VSA_CHALLENGE_VALID},
        {VSA_CHALLENGE_LIFETIME_MS + 1, VSA_CHALLENGE_EXPIRED},
        {-SKEW_MS, VSA_CHALLENGE_VALID},
        {-SKEW_MS - 1, VSA_CHALLENGE_FROM_FUTURE},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(check_at(&keys, "p", text, NOW_MS + table[i].later_ms), table[i].verdict);
}

/* Every bit is under the MAC, and so is the policy, whose end cannot be moved. */
static void nothing_can_be_changed(void **state)
{
    (void)state;
    struct vsa_challenge_keys keys = keys_of(OLD_SECRET);
    char text[VSA_CHALLENGE_TEXT + 1];
    char changed[VSA_CHALLENGE_TEXT + 1];
    uint8_t bytes[VSA_CHALLENGE_SIZE];
    struct vsa_slice decoded;
    make_at_now(&keys, "p", text);
    assert_int_equal(check_at(&keys, "q", text, NOW_MS), VSA_CHALLENGE_UNKNOWN);
    assert_int_equal(check_at(&keys, "", text, NOW_MS), VSA_CHALLENGE_UNKNOWN);
    assert_int_equal(
        vsa_base64url_decode(vsa_slice_of_text(text), bytes, sizeof(bytes), &decoded, NULL),
        VSA_OK);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(vsa_base64url_encode(decoded, changed, sizeof(changed), NULL), VSA_OK);
        assert_int_equal(check_at(&keys, "p", changed, NOW_MS),
                         bit < 8 ? VSA_CHALLENGE_MALFORMED : VSA_CHALLENGE_UNKNOWN);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void malformed(void **state)
{
    (void)state;
    struct vsa_challenge_keys keys = keys_of(OLD_SECRET);
    char text[VSA_CHALLENGE_TEXT + 1];
    assert_int_equal(check_at(&keys, "p", "", NOW_MS), VSA_CHALLENGE_MALFORMED);
    for (size_t i = 0; i < VSA_CHALLENGE_TEXT; i++) {
        make_at_now(&keys, "p", text);
        text[i] = '.';
        assert_int_equal(check_at(&keys, "p", text, NOW_MS), VSA_CHALLENGE_MALFORMED);
        text[i] = '\0';
        assert_int_equal(check_at(&keys, "p", text, NOW_MS), VSA_CHALLENGE_MALFORMED);
    }
}

/* New first, then old: both are recognised, in any replica, until the old one is taken out. */
static void rotation(void **state)
{
    (void)state;
    struct vsa_challenge_keys before = keys_of(OLD_SECRET);
    struct vsa_challenge_keys between = keys_of(NEW_SECRET "\r\n\n" OLD_SECRET "\n");
    struct vsa_challenge_keys after = keys_of(NEW_SECRET "\n");
    char old[VSA_CHALLENGE_TEXT + 1];
    char new[VSA_CHALLENGE_TEXT + 1];
    assert_int_equal(between.count, 2);
    make_at_now(&before, "p", old);
    make_at_now(&between, "p", new);
    assert_int_equal(check_at(&between, "p", old, NOW_MS), VSA_CHALLENGE_VALID);
    assert_int_equal(check_at(&between, "p", new, NOW_MS), VSA_CHALLENGE_VALID);
    assert_int_equal(check_at(&after, "p", new, NOW_MS), VSA_CHALLENGE_VALID);
    assert_int_equal(check_at(&after, "p", old, NOW_MS), VSA_CHALLENGE_UNKNOWN);
    assert_int_equal(check_at(&before, "p", new, NOW_MS), VSA_CHALLENGE_UNKNOWN);
}

static void keys_that_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "\n \n",
        "not base64 at all, but long enough to be a key",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",  /* 31 bytes */
        OLD_SECRET "\n" OLD_SECRET,                      /* the same id */
        OLD_SECRET "\n" NEW_SECRET "\n" OLD_SECRET "\n", /* three */
        TOO_LONG,                                        /* 65 bytes */
    };
    struct vsa_challenge_keys keys = {.count = 7};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_equal(vsa_challenge_keys_parse(vsa_slice_of_text(files[i]), &keys, NULL),
                         VSA_ERR_ARGUMENT);
    assert_int_equal(keys.count, 7);
}

static void generated_keys_differ(void **state)
{
    (void)state;
    struct vsa_challenge_keys one;
    struct vsa_challenge_keys other;
    char text[VSA_CHALLENGE_TEXT + 1];
    assert_int_equal(vsa_challenge_keys_generate(&one, NULL), VSA_OK);
    assert_int_equal(vsa_challenge_keys_generate(&other, NULL), VSA_OK);
    make_at_now(&one, "p", text);
    assert_int_equal(check_at(&one, "p", text, NOW_MS), VSA_CHALLENGE_VALID);
    assert_int_equal(check_at(&other, "p", text, NOW_MS), VSA_CHALLENGE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format),
        cmocka_unit_test(age),
        cmocka_unit_test(nothing_can_be_changed),
        cmocka_unit_test(malformed),
        cmocka_unit_test(rotation),
        cmocka_unit_test(keys_that_are_refused),
        cmocka_unit_test(generated_keys_differ),
    };
    return cmocka_run_group_tests_name("challenge", tests, NULL, NULL);
}
