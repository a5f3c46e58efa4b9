/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real documents, made by AWS's hardware, and three that must be refused: each gets the verdict of
 * its manifest, at its own time and today. They stand beside the checkout (VSA_SHARED), or where
 * scripts/deps documents has put those that are public.
 */
#include "unit_test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "slow_tool.h"
#include "x509/parse.h"
#include <vsattest/attestation.h>

#define DOCUMENTS         22
#define FETCHED_DOCUMENTS 6

struct document {
    json_t *row; /* of the manifest */
    const char *file;
    uint8_t bytes[VSA_MAX_DOCUMENT];
    struct vsa_slice slice;
    int64_t time_ms; /* when it was made; of the malformed one: when its original was */
};

static struct {
    char attestation[4096]; /* the directory of the documents */
    bool fetched;
    json_t *manifest;
    json_t *measurements;
    struct vsa_verifier *verifier; /* with AWS's roots */
} shared;

static void shared_path(char *path, size_t capacity, const char *name)
{
    const char *directory = getenv("VSA_SHARED");
    assert_true(snprintf(path, capacity, "%s/testdata/%s", directory ? directory : "../shared",
                         name) < (int)capacity);
}

static json_t *load_json(const char *name)
{
    char path[4096];
    shared_path(path, sizeof(path), name);
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static void choose_directory(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    bool own = cache && *cache;
    shared_path(shared.attestation, sizeof(shared.attestation), "attestation");
    shared.fetched = access(shared.attestation, R_OK) != 0;
    if (shared.fetched)
        (void)snprintf(shared.attestation, sizeof(shared.attestation), "%s%s/vsattest/documents",
                       own ? cache : (home ? home : ""), own ? "" : "/.cache");
}

static json_t *load_manifest(void)
{
    char path[4096 + 32];
    choose_directory();
    (void)snprintf(path, sizeof(path), "%s/manifest.json", shared.attestation);
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static size_t load_path(const char *path, uint8_t *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    size_t size = fread(bytes, 1, capacity, file);
    assert_true(fgetc(file) == EOF);
    (void)fclose(file);
    return size;
}

static size_t load_file(const char *name, uint8_t *bytes, size_t capacity)
{
    char path[4096];
    shared_path(path, sizeof(path), name);
    return load_path(path, bytes, capacity);
}

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

static void load_document(json_t *row, struct document *document)
{
    char path[4096 + 256];
    document->row = row;
    document->file = text_of(row, "file");
    (void)snprintf(path, sizeof(path), "%s/%s", shared.attestation, document->file);
    size_t size = load_path(path, document->bytes, sizeof(document->bytes));
    document->slice = vsa_slice_of(document->bytes, size);
    json_t *time_s = json_object_get(row, "document_time_unix_s");
    document->time_ms =
        json_is_integer(time_s) ? json_integer_value(time_s) * 1000 : INT64_C(1767472867000);
    assert_int_equal(size, json_integer_value(json_object_get(row, "bytes")));
}

typedef void (*document_check)(struct document *document);

static void for_each_document(document_check check)
{
    static struct document document;
    if (!shared.manifest)
        SKIP_BECAUSE("no testdata/attestation under VSA_SHARED, and no scripts/deps documents");
    size_t count = json_array_size(shared.manifest);
    assert_int_equal(count, shared.fetched ? FETCHED_DOCUMENTS : DOCUMENTS);
    for (size_t i = 0; i < count; i++) {
        load_document(json_array_get(shared.manifest, i), &document);
        check(&document);
    }
}

static void expect_verdict(struct document *document, const struct vsa_policy *policy,
                           int64_t now_ms, enum vsa_status expected)
{
    struct vsa_claims claims;
    struct vsa_error error = {0};
    enum vsa_status status =
        vsa_verify(shared.verifier, document->slice, policy, now_ms, &claims, &error);
    if (status != expected)
        fail_msg("%s: %s instead of %s: %s", document->file, vsa_status_code(status),
                 vsa_status_code(expected), status ? error.detail : "accepted");
    if (status == VSA_OK) {
        assert_int_equal(claims.debug_mode,
                         strcmp(text_of(document->row, "verdict_at_document_time"), "accept") != 0);
        assert_string_equal(claims.root_subject, "CN=aws.nitro-enclaves,OU=AWS,O=Amazon,C=US");
        assert_in_range(claims.timestamp_ms, document->time_ms, document->time_ms + 999);
    } else {
        static const struct vsa_claims zero;
        assert_memory_equal(&claims, &zero, sizeof(zero));
    }
}

/* --- the bytes are the manifest's --- */

static void check_fingerprint(struct document *document)
{
    uint8_t digest[VSA_SHA256_SIZE];
    char hex[2 * VSA_SHA256_SIZE + 1];
    assert_int_equal(vsa_sha256(&document->slice, 1, digest, NULL), VSA_OK);
    vsa_hex_encode(vsa_slice_of(digest, sizeof(digest)), hex, sizeof(hex));
    assert_string_equal(hex, text_of(document->row, "sha256"));
}

static void files_are_those_of_the_manifest(void **state)
{
    (void)state;
    for_each_document(check_fingerprint);
}

/* --- verdicts --- */

/* What the manifest says, without and with debug mode allowed. */
static enum vsa_status verdict_of(const json_t *row, bool allow_debug)
{
    const char *verdict = text_of(row, "verdict_at_document_time");
    const char *reason = text_of(row, "reject_reason");
    if (strcmp(verdict, "accept") == 0)
        return VSA_OK;
    if (strcmp(verdict, "accept-debug") == 0)
        return allow_debug ? VSA_OK : VSA_ERR_DEBUG_MODE;
    assert_string_equal(verdict, "reject");
    if (strcmp(reason, "signature") == 0)
        return VSA_ERR_SIGNATURE;
    if (strcmp(reason, "untrusted-root") == 0)
        return VSA_ERR_UNTRUSTED_ROOT;
    if (strcmp(reason, "nitrotpm_document") == 0)
        return VSA_ERR_NITROTPM;
    /* Three bytes are missing inside the payload, so that an array stands where bytes should. */
    assert_string_equal(reason, "malformed");
    return VSA_ERR_FIELD;
}

static void check_verdict(struct document *document)
{
    struct vsa_policy policy;
    for (int debug = 0; debug <= 1; debug++) {
        vsa_policy_init(&policy);
        policy.allow_debug = debug;
        expect_verdict(document, &policy, document->time_ms + 1000,
                       verdict_of(document->row, debug));
        /* From the cache now, where the chain was good. */
        expect_verdict(document, &policy, document->time_ms + 1000,
                       verdict_of(document->row, debug));
    }
}

static void verdicts_at_document_time(void **state)
{
    (void)state;
    for_each_document(check_verdict);
}

static void check_today(struct document *document)
{
    struct vsa_policy policy;
    enum vsa_status expected = verdict_of(document->row, true);
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    policy.max_age_ms = INT64_MAX;
    assert_string_equal(text_of(document->row, "verdict_now"), "reject");
    /* The bad signature comes after the certificates, which are too old first. */
    if (expected == VSA_OK || expected == VSA_ERR_SIGNATURE)
        expected = VSA_ERR_EXPIRED;
    expect_verdict(document, &policy, (int64_t)time(NULL) * 1000, expected);
}

static void all_are_refused_today(void **state)
{
    (void)state;
    for_each_document(check_today);
}

static void check_before(struct document *document)
{
    struct vsa_policy policy;
    enum vsa_status expected = verdict_of(document->row, true);
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    policy.max_skew_ms = 0;
    if (expected == VSA_OK || expected == VSA_ERR_SIGNATURE)
        expected = VSA_ERR_NOT_YET_VALID;
    expect_verdict(document, &policy, document->time_ms - INT64_C(5) * 3600 * 1000, expected);
}

static void all_are_refused_before_their_time(void **state)
{
    (void)state;
    for_each_document(check_before);
}

/* An hour later the leaf is still valid: the age of the document is what counts. */
static void check_later(struct document *document)
{
    struct vsa_policy policy;
    enum vsa_status expected = verdict_of(document->row, true);
    int64_t not_after_ms = 0;
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    if (expected != VSA_OK)
        return;
    struct vsa_claims claims;
    assert_int_equal(
        vsa_verify(shared.verifier, document->slice, &policy, document->time_ms, &claims, NULL),
        VSA_OK);
    not_after_ms = claims.certificate_not_after_ms;
    expect_verdict(document, &policy, document->time_ms + 1800 * 1000,
                   document->time_ms + 1800 * 1000 > not_after_ms + 999 ? VSA_ERR_EXPIRED
                                                                        : VSA_ERR_TOO_OLD);
}

static void half_an_hour_later_they_are_stale(void **state)
{
    (void)state;
    for_each_document(check_later);
}

/* --- content --- */

static void expect_size(const struct document *document, const char *key, struct vsa_slice found)
{
    const char *text = text_of(document->row, key);
    char have[32] = "null";
    if (found.data)
        (void)snprintf(have, sizeof(have), "%zu", found.size);
    if (strcmp(have, text) != 0)
        fail_msg("%s: %s %s instead of %s", document->file, key, have, text);
}

static void expect_nonzero_pcrs(const struct document *document, const struct vsa_pcrs *pcrs)
{
    char text[128] = "";
    size_t at = 0;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (pcrs->present >> i & 1 && !vsa_slice_is_zero(vsa_slice_of(pcrs->value[i], 48)))
            at += (size_t)snprintf(text + at, sizeof(text) - at, at ? ",%u" : "%u", i);
    assert_string_equal(text, text_of(document->row, "nonzero_pcrs"));
}

/* s above half the order of P-384. */
static bool is_high_s(struct vsa_slice signature)
{
    static const char half_order[] = "7fffffffffffffffffffffffffffffffffffffffffffffff"
                                     "e3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9";
    uint8_t half[48];
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(half_order), half, sizeof(half), NULL),
                     VSA_OK);
    return memcmp(signature.data + 48, half, sizeof(half)) > 0;
}

static void check_content(struct document *document)
{
    struct vsa_unverified_document parsed;
    if (vsa_status_class(verdict_of(document->row, true)) == VSA_CLASS_FORMAT)
        return;
    assert_int_equal(vsa_document_parse(document->slice, &parsed, NULL), VSA_OK);
    char pcr_count[8];
    (void)snprintf(pcr_count, sizeof(pcr_count), "%d", __builtin_popcount(parsed.pcrs.present));
    assert_string_equal(pcr_count, text_of(document->row, "pcr_count"));
    expect_nonzero_pcrs(document, &parsed.pcrs);
    expect_size(document, "public_key_bytes", parsed.public_key);
    expect_size(document, "user_data_bytes", parsed.user_data);
    expect_size(document, "nonce_bytes", parsed.nonce);
    assert_string_equal(is_high_s(parsed.signature) ? "True" : "False",
                        text_of(document->row, "high_s"));
    bool indefinite = strncmp(text_of(document->row, "payload_map"), "indefinite", 10) == 0;
    assert_int_equal(parsed.payload.data[0], indefinite ? 0xbf : 0xa9);
    assert_int_equal(parsed.timestamp_ms / 1000, (uint64_t)document->time_ms / 1000);
}

static void content_is_that_of_the_manifest(void **state)
{
    (void)state;
    for_each_document(check_content);
}

/* --- expected PCRs --- */

static void expect_measurements(struct vsa_policy *policy, const char *file)
{
    json_t *pcrs = json_object_get(json_object_get(shared.measurements, file), "Measurements");
    const char *key = NULL;
    json_t *value = NULL;
    assert_true(json_object_size(pcrs) > 1);
    json_object_foreach(pcrs, key, value)
    {
        uint8_t bytes[VSA_PCR_SIZE];
        unsigned index = 0;
        if (sscanf(key, "PCR%u", &index) != 1)
            continue;
        assert_int_equal(
            vsa_hex_decode(vsa_slice_of_text(json_string_value(value)), bytes, sizeof(bytes), NULL),
            VSA_OK);
        assert_int_equal(
            vsa_policy_expect_pcr(policy, index, vsa_slice_of(bytes, sizeof(bytes)), NULL), VSA_OK);
    }
}

static void check_measurements(struct document *document)
{
    struct vsa_policy policy;
    const char *other = NULL;
    json_t *value = NULL;
    if (!json_object_get(shared.measurements, document->file))
        return;
    json_object_foreach(shared.measurements, other, value)
    {
        enum vsa_status expected = verdict_of(document->row, false);
        if (expected == VSA_OK && strcmp(other, document->file) != 0)
            expected = VSA_ERR_PCR_MISMATCH;
        vsa_policy_init(&policy);
        expect_measurements(&policy, other);
        expect_verdict(document, &policy, document->time_ms + 1000, expected);
    }
}

static void measurements_are_those_of_their_documents(void **state)
{
    (void)state;
    if (!shared.measurements)
        SKIP_BECAUSE("no testdata/pcrs/measurements-of-documents.json under VSA_SHARED");
    assert_int_equal(json_object_size(shared.measurements), 9);
    for_each_document(check_measurements);
}

/* --- the foreign root --- */

/* Trusting the root it was made for changes the verdict, and for that document only. */
static void check_foreign(struct document *document)
{
    static uint8_t bytes[4096];
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_error error = {0};
    size_t size = load_file("roots/foreign-root.crt", bytes, sizeof(bytes));
    struct vsa_verifier *verifier = vsa_verifier_new();
    assert_true(verifier && size);
    assert_int_equal(vsa_verifier_add_root(verifier, vsa_slice_of(bytes, size), &error), VSA_OK);
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    enum vsa_status expected = verdict_of(document->row, true);
    if (expected == VSA_ERR_UNTRUSTED_ROOT)
        expected = VSA_OK;
    else if (vsa_status_class(expected) != VSA_CLASS_FORMAT)
        expected = VSA_ERR_UNTRUSTED_ROOT;
    enum vsa_status status =
        vsa_verify(verifier, document->slice, &policy, document->time_ms, &claims, &error);
    if (status != expected)
        fail_msg("%s: %s instead of %s: %s", document->file, vsa_status_code(status),
                 vsa_status_code(expected), error.detail);
    vsa_verifier_free(verifier);
}

static void each_root_vouches_for_its_own(void **state)
{
    (void)state;
    if (shared.fetched)
        SKIP_BECAUSE("no testdata/roots under VSA_SHARED");
    for_each_document(check_foreign);
}

static int load(void **state)
{
    (void)state;
    shared.manifest = load_manifest();
    shared.measurements = load_json("pcrs/measurements-of-documents.json");
    shared.verifier = vsa_verifier_new();
    return shared.verifier && vsa_verifier_add_aws_roots(shared.verifier, NULL) == VSA_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(shared.manifest);
    json_decref(shared.measurements);
    vsa_verifier_free(shared.verifier);
    return 0;
}

/* --- changed --- */

/* Of every so manieth byte; VSA_EVERY_CHANGE=1 in the environment: of every byte, in all ways. */
#define CHANGED_STEP 31

static bool wants_every_change(void)
{
    return getenv("VSA_EVERY_CHANGE") != NULL;
}

/* Does what comes before a signature, whatever it finds: the sanitizers watch. */
static void read_all(struct vsa_slice bytes)
{
    struct vsa_unverified_document parsed;
    struct vsa_x509 fields;
    if (vsa_document_parse(bytes, &parsed, NULL) != VSA_OK)
        return;
    (void)!vsa_x509_parse(parsed.certificate, &fields, NULL);
    for (size_t i = 0; i < parsed.cabundle_count; i++)
        (void)!vsa_x509_parse(parsed.cabundle[i], &fields, NULL);
}

/* Even where nothing else is expected of it. */
static void expect_refused(const struct document *document, struct vsa_slice bytes, size_t at)
{
    struct vsa_policy policy;
    struct vsa_claims claims;
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    policy.max_age_ms = INT64_MAX;
    policy.max_skew_ms = INT64_MAX;
    if (vsa_verify(shared.verifier, bytes, &policy, document->time_ms + 1000, &claims, NULL) ==
        VSA_OK)
        fail_msg("%s: accepted, changed at byte %zu", document->file, at);
}

/* Each in a heap block of its size, which the sanitizers know. */
static void check_beginnings(struct document *document)
{
    for (size_t size = 0; size < document->slice.size; size += is_slow_tool() ? CHANGED_STEP : 1) {
        uint8_t *block = malloc(size + 1);
        assert_non_null(block);
        memcpy(block + 1, document->bytes, size);
        expect_refused(document, vsa_slice_of(block + 1, size), size);
        free(block);
    }
}

static void every_beginning_is_refused(void **state)
{
    (void)state;
    for_each_document(check_beginnings);
}

static void check_changed_byte(const struct document *document, uint8_t *block, size_t at)
{
    struct vsa_slice bytes = vsa_slice_of(block, document->slice.size);
    const uint8_t genuine = block[at];
    for (unsigned change = 1; change < 256; change++) {
        bool is_bit = !(change & (change - 1));
        block[at] = (uint8_t)(genuine ^ change);
        if (is_bit && (wants_every_change() || change == 1u << at % 8))
            expect_refused(document, bytes, at);
        else
            read_all(bytes);
    }
    block[at] = genuine;
}

static void check_changed_bytes(struct document *document)
{
    size_t step = wants_every_change() ? 1 : is_slow_tool() ? 32 * CHANGED_STEP : CHANGED_STEP;
    if (verdict_of(document->row, true) != VSA_OK)
        return;
    uint8_t *block = malloc(document->slice.size);
    assert_non_null(block);
    memcpy(block, document->bytes, document->slice.size);
    for (size_t at = 0; at < document->slice.size; at += step)
        check_changed_byte(document, block, at);
    free(block);
}

static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    for_each_document(check_changed_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_of_the_manifest),
        cmocka_unit_test(verdicts_at_document_time),
        cmocka_unit_test(all_are_refused_today),
        cmocka_unit_test(all_are_refused_before_their_time),
        cmocka_unit_test(half_an_hour_later_they_are_stale),
        cmocka_unit_test(content_is_that_of_the_manifest),
        cmocka_unit_test(measurements_are_those_of_their_documents),
        cmocka_unit_test(each_root_vouches_for_its_own),
        cmocka_unit_test(every_beginning_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused),
    };
    return cmocka_run_group_tests_name("aws_documents", tests, load, unload);
}
