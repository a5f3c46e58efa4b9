/* SPDX-License-Identifier: Apache-2.0 */
/* All seven requests against the module, and its documents against vsa_verify(). */
#include "software_nsm/software_nsm.h"

#include "base/slice.h"
#include "nsm/message.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"
#include <vsattest/attestation.h>

#define HOUR_MS INT64_C(3600000)
#define NOTHING vsa_slice_of(NULL, 0)

struct context {
    struct vsa_software_nsm *nsm;
    struct vsa_verifier *verifier; /* trusts the module's root */
    struct vsa_policy policy;
    int64_t now_ms;
};

static int setup(void **state)
{
    static struct context context;
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size = 0;
    context.nsm = fixture_software_nsm(root, &root_size);
    context.verifier = vsa_verifier_new();
    context.now_ms = FIXTURE_NOW_MS;
    assert_non_null(context.verifier);
    assert_int_equal(vsa_verifier_add_root(context.verifier, vsa_slice_of(root, root_size), NULL),
                     VSA_OK);
    vsa_policy_init(&context.policy);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    vsa_software_nsm_free(context->nsm);
    vsa_verifier_free(context->verifier);
    return 0;
}

static struct vsa_nsm_response respond(struct context *context, struct vsa_slice request)
{
    struct vsa_slice encoded;
    struct vsa_error failure;
    struct vsa_nsm_response response;
    vsa_software_nsm_respond(context->nsm, request, context->now_ms, &encoded, &failure);
    assert_int_equal(failure.status, VSA_OK);
    assert_int_equal(vsa_nsm_response_decode(encoded, &response, NULL), VSA_OK);
    return response;
}

static struct vsa_nsm_response ask(struct context *context, struct vsa_nsm_request request)
{
    uint8_t buffer[2 * VSA_NSM_MAX_REQUEST];
    struct vsa_slice encoded;
    assert_int_equal(vsa_nsm_request_encode(&request, buffer, sizeof(buffer), &encoded, NULL),
                     VSA_OK);
    return respond(context, encoded);
}

/* VSA_NSM_SUCCESS when the answer is of the kind that was asked for. */
static enum vsa_nsm_code code_of(struct context *context, struct vsa_nsm_request request)
{
    struct vsa_nsm_response response = ask(context, request);
    if (response.kind == VSA_NSM_ERROR)
        return response.code;
    assert_int_equal(response.kind, request.kind);
    return VSA_NSM_SUCCESS;
}

#define REQUEST(kind, ...) ((struct vsa_nsm_request){(kind), __VA_ARGS__})

static void test_describe(void **state)
{
    struct vsa_nsm_response response = ask(*state, REQUEST(VSA_NSM_DESCRIBE_NSM, 0));
    assert_int_equal(response.kind, VSA_NSM_DESCRIBE_NSM);
    assert_int_equal(response.description.version_major, 1);
    assert_int_equal(response.description.version_minor, 0);
    assert_int_equal(response.description.version_patch, 0);
    assert_string_equal(response.description.module_id, FIXTURE_MODULE_ID);
    assert_int_equal(response.description.max_pcrs, 32);
    assert_int_equal(response.description.locked_pcrs, 0x0000ffff);
    assert_string_equal(response.description.digest, "SHA384");
}

static void test_describe_pcr(void **state)
{
    struct vsa_pcr_bank bank = fixture_bank();
    struct vsa_nsm_response response = ask(*state, REQUEST(VSA_NSM_DESCRIBE_PCR, .index = 4));
    assert_int_equal(response.kind, VSA_NSM_DESCRIBE_PCR);
    assert_true(response.lock);
    assert_memory_equal(response.data.data, bank.value[4], VSA_PCR_SIZE);
    response = ask(*state, REQUEST(VSA_NSM_DESCRIBE_PCR, .index = 31));
    assert_false(response.lock);
    assert_true(vsa_slice_is_zero(response.data));
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_DESCRIBE_PCR, .index = 32)),
                     VSA_NSM_INVALID_INDEX);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_DESCRIBE_PCR, .index = 65535)),
                     VSA_NSM_INVALID_INDEX);
}

static void test_extend_and_lock(void **state)
{
    struct vsa_slice hello = vsa_slice_of_text("hello");
    struct vsa_slice expected = from_hex("30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73d"
                                         "af0279801bb18730c39db7f27f2f77b7b458cb9e");
    struct vsa_nsm_response response =
        ask(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 16, .data = hello));
    assert_int_equal(response.kind, VSA_NSM_EXTEND_PCR);
    assert_memory_equal(response.data.data, expected.data, VSA_PCR_SIZE);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCR, .index = 16)), VSA_NSM_SUCCESS);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCR, .index = 16)),
                     VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 16, .data = hello)),
                     VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 0, .data = hello)),
                     VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 32, .data = hello)),
                     VSA_NSM_INVALID_INDEX);
    response = ask(*state, REQUEST(VSA_NSM_DESCRIBE_PCR, .index = 16));
    assert_true(response.lock);
    assert_memory_equal(response.data.data, expected.data, VSA_PCR_SIZE);
}

static void test_lock_range(void **state)
{
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCRS, .range = 33)),
                     VSA_NSM_INVALID_INDEX);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCRS, .range = 20)), VSA_NSM_SUCCESS);
    assert_int_equal(ask(*state, REQUEST(VSA_NSM_DESCRIBE_NSM, 0)).description.locked_pcrs,
                     0x000fffff);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCRS, .range = 32)), VSA_NSM_SUCCESS);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_LOCK_PCRS, .range = 32)), VSA_NSM_SUCCESS);
}

static void test_random(void **state)
{
    uint8_t first[VSA_NSM_MAX_RANDOM];
    struct vsa_nsm_response response = ask(*state, REQUEST(VSA_NSM_GET_RANDOM, 0));
    assert_int_equal(response.random.size, sizeof(first));
    memcpy(first, response.random.data, sizeof(first));
    response = ask(*state, REQUEST(VSA_NSM_GET_RANDOM, 0));
    assert_memory_not_equal(response.random.data, first, sizeof(first));
}

/* --- documents ------------------------------------------------------------------------------- */

/* Borrowed until the next request. */
static struct vsa_slice attest(struct context *context, struct vsa_slice user_data,
                               struct vsa_slice nonce, struct vsa_slice public_key)
{
    struct vsa_nsm_response response =
        ask(context, REQUEST(VSA_NSM_ATTESTATION, .user_data = user_data, .nonce = nonce,
                             .public_key = public_key));
    assert_int_equal(response.kind, VSA_NSM_ATTESTATION);
    return response.document;
}

static enum vsa_status verify_at(struct context *context, struct vsa_slice document, int64_t now_ms,
                                 struct vsa_claims *claims)
{
    return vsa_verify(context->verifier, document, &context->policy, now_ms, claims, NULL);
}

static void test_document_verifies(void **state)
{
    struct context *context = *state;
    struct vsa_claims claims;
    struct vsa_pcr_bank bank = fixture_bank();
    context->policy.nonce = vsa_slice_of_text("nonce");
    context->policy.user_data = vsa_slice_of_text("hello");
    context->policy.instance = vsa_slice_of_text("i-0123456789abcdef0");
    struct vsa_slice document =
        attest(context, context->policy.user_data, context->policy.nonce, vsa_slice_of_text("key"));
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_true(vsa_slice_equal_text(claims.module_id, FIXTURE_MODULE_ID));
    assert_int_equal(claims.timestamp_ms, context->now_ms);
    assert_true(vsa_slice_equal_text(claims.public_key, "key"));
    assert_true(claims.nonce_checked && claims.user_data_checked && claims.instance_checked);
    assert_false(claims.debug_mode);
    assert_int_equal(claims.pcrs.present, 0x0000ffff);
    assert_memory_equal(claims.pcrs.value, bank.value, sizeof(bank.value));
    assert_non_null(strstr(claims.root_subject, "not AWS"));
}

static void test_document_is_not_trusted_as_aws(void **state)
{
    struct context *context = *state;
    struct vsa_claims claims;
    struct vsa_verifier *aws = vsa_verifier_new();
    assert_int_equal(vsa_verifier_add_aws_roots(aws, NULL), VSA_OK);
    struct vsa_slice document = attest(context, NOTHING, NOTHING, NOTHING);
    assert_int_equal(vsa_verify(aws, document, &context->policy, context->now_ms, &claims, NULL),
                     VSA_ERR_UNTRUSTED_ROOT);
    vsa_verifier_free(aws);
}

static bool contains(struct vsa_slice document, struct vsa_slice part)
{
    return memmem(document.data, document.size, part.data, part.size) != NULL;
}

/* Head and tail as in production-2026-indefinite-map.bin of testdata. */
static void test_document_bytes(void **state)
{
    struct context *context = *state;
    struct vsa_slice document = attest(context, NOTHING, NOTHING, NOTHING);
    struct vsa_slice head = from_hex("84 44 a1013822 a0 59");
    /* bf "module_id" then 39 bytes */
    struct vsa_slice payload = from_hex("bf 69 6d6f64756c655f6964 78 27");
    struct vsa_slice middle = from_hex("66 646967657374 66 534841333834 69 74696d657374616d70 "
                                       "1b 0000019b8599ae40 64 70637273 b0 00 58 30");
    struct vsa_slice bundle = from_hex("68 636162756e646c65 84 59");
    struct vsa_slice tail = from_hex("6a 7075626c69635f6b6579 f6 69 757365725f64617461 f6 "
                                     "65 6e6f6e6365 f6 ff 58 60");
    assert_memory_equal(document.data, head.data, head.size);
    assert_memory_equal(document.data + head.size + 2, payload.data, payload.size);
    assert_true(contains(document, middle));
    assert_true(contains(document, bundle));
    assert_memory_equal(document.data + document.size - 96 - tail.size, tail.data, tail.size);
}

static void test_optional_fields(void **state)
{
    struct context *context = *state;
    struct vsa_unverified_document parsed;
    struct vsa_slice document = attest(context, vsa_slice_of_text(""), NOTHING, NOTHING);
    assert_int_equal(vsa_document_parse(document, &parsed, NULL), VSA_OK);
    assert_non_null(parsed.user_data.data);
    assert_int_equal(parsed.user_data.size, 0);
    assert_null(parsed.nonce.data);
    assert_null(parsed.public_key.data);
}

static void test_locked_pcrs_are_attested(void **state)
{
    struct context *context = *state;
    struct vsa_claims claims;
    struct vsa_slice data = vsa_slice_of_text("hello");
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_EXTEND_PCR, .index = 16, .data = data)),
                     VSA_NSM_SUCCESS);
    struct vsa_slice document = attest(context, NOTHING, NOTHING, NOTHING);
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_int_equal(claims.pcrs.present, 0x0000ffff); /* extended, but open */
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_LOCK_PCR, .index = 16)), VSA_NSM_SUCCESS);
    document = attest(context, NOTHING, NOTHING, NOTHING);
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_int_equal(claims.pcrs.present, 0x0001ffff);
    assert_int_equal(claims.pcrs.value[16][0], 0x30);
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_LOCK_PCRS, .range = 32)), VSA_NSM_SUCCESS);
    document = attest(context, NOTHING, NOTHING, NOTHING);
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_int_equal(claims.pcrs.present, 0xffffffff);
}

static void test_debug_mode(void **state)
{
    struct context *context = *state;
    struct vsa_claims claims;
    struct vsa_software_nsm *debug = NULL;
    struct vsa_authority *authority = fixture_authority();
    struct vsa_pcr_bank bank = fixture_bank();
    vsa_pcr_bank_set_debug(&bank);
    assert_int_equal(vsa_verifier_add_root(context->verifier,
                                           vsa_authority_certificate(authority, VSA_AUTHORITY_ROOT),
                                           NULL),
                     VSA_OK);
    assert_int_equal(vsa_software_nsm_new(authority, &bank, &debug, NULL), VSA_OK);
    vsa_software_nsm_free(context->nsm);
    context->nsm = debug;
    struct vsa_slice document = attest(context, NOTHING, NOTHING, NOTHING);
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_ERR_DEBUG_MODE);
    context->policy.allow_debug = true;
    context->policy.instance = vsa_slice_of_text("i-0123456789abcdef0");
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_true(claims.debug_mode);
}

/* Asked for hours, it never signs with a leaf that has run out, and each document verifies. */
static void test_leaf_renewal(void **state)
{
    struct context *context = *state;
    struct vsa_claims claims;
    int64_t last_end = 0;
    unsigned leaves = 0;
    for (int i = 0; i < 27; i++) {
        struct vsa_slice document = attest(context, NOTHING, NOTHING, NOTHING);
        assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
        /* Five minutes later, the default for the oldest document, too. */
        assert_int_equal(verify_at(context, document, context->now_ms + 300000, &claims), VSA_OK);
        leaves += claims.certificate_not_after_ms != last_end ? 1 : 0;
        last_end = claims.certificate_not_after_ms;
        context->now_ms += HOUR_MS;
    }
    /* At 0, 3, 6, 9 h and so on. */
    assert_int_equal(leaves, 9);
}

static void test_limits_of_fields(void **state)
{
    struct context *context = *state;
    static uint8_t bytes[VSA_MAX_FIELD + 1];
    struct vsa_claims claims;
    struct vsa_slice most = vsa_slice_of(bytes, VSA_MAX_FIELD);
    struct vsa_slice more = vsa_slice_of(bytes, VSA_MAX_FIELD + 1);
    struct vsa_slice document = attest(context, most, most, most);
    assert_int_equal(verify_at(context, document, context->now_ms, &claims), VSA_OK);
    assert_int_equal(claims.public_key.size, VSA_MAX_FIELD);
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_ATTESTATION, .user_data = more)),
                     VSA_NSM_INPUT_TOO_LARGE);
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_ATTESTATION, .nonce = more)),
                     VSA_NSM_INPUT_TOO_LARGE);
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_ATTESTATION, .public_key = more)),
                     VSA_NSM_INPUT_TOO_LARGE);
}

/* All 32 PCRs and three full fields fit into a response. */
static void test_largest_document(void **state)
{
    struct context *context = *state;
    static uint8_t bytes[VSA_MAX_FIELD];
    struct vsa_slice most = vsa_slice_of(bytes, VSA_MAX_FIELD);
    assert_int_equal(code_of(context, REQUEST(VSA_NSM_LOCK_PCRS, .range = 32)), VSA_NSM_SUCCESS);
    assert_in_range(attest(context, most, most, most).size, 8000, VSA_NSM_MAX_RESPONSE - 64);
}

/* --- wrong requests -------------------------------------------------------------------------- */

static void test_request_size(void **state)
{
    static uint8_t bytes[VSA_NSM_MAX_REQUEST + 1];
    /* ExtendPCR of as much as fits: 31 bytes are not data. */
    struct vsa_slice most = vsa_slice_of(bytes, VSA_NSM_MAX_REQUEST - 27);
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 16, .data = most)),
                     VSA_NSM_SUCCESS);
    most.size++;
    assert_int_equal(code_of(*state, REQUEST(VSA_NSM_EXTEND_PCR, .index = 16, .data = most)),
                     VSA_NSM_INPUT_TOO_LARGE);
    struct vsa_nsm_response response = respond(*state, vsa_slice_of(bytes, sizeof(bytes)));
    assert_int_equal(response.code, VSA_NSM_INPUT_TOO_LARGE);
}

static void test_wrong_requests(void **state)
{
    static const struct {
        const char *request;
        enum vsa_nsm_code code;
    } rows[] = {
        {"", VSA_NSM_INVALID_OPERATION},
        {"ff", VSA_NSM_INVALID_OPERATION},
        {"68 4e6f6e73656e7365", VSA_NSM_INVALID_OPERATION},
        {"a1 68 4e6f6e73656e7365 a0", VSA_NSM_INVALID_OPERATION},
        {"69 47657452616e646f6d 00", VSA_NSM_INVALID_OPERATION},
        {"67 4c6f636b504352", VSA_NSM_INVALID_OPERATION},
        {"a1 67 4c6f636b504352 a0", VSA_NSM_INVALID_ARGUMENT},
        {"a1 67 4c6f636b504352 a1 65 696e646578 1a00010000", VSA_NSM_INVALID_ARGUMENT},
        {"a1 67 4c6f636b504352 a2 65 696e646578 01 65 696e646578 01", VSA_NSM_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_nsm_response response = respond(*state, from_hex(rows[i].request));
        assert_int_equal(response.kind, VSA_NSM_ERROR);
        assert_int_equal(response.code, rows[i].code);
    }
}

static void test_failure_is_told(void **state)
{
    struct context *context = *state;
    uint8_t buffer[128];
    struct vsa_slice request;
    struct vsa_slice encoded;
    struct vsa_error failure;
    struct vsa_nsm_response response;
    struct vsa_nsm_request wanted = REQUEST(VSA_NSM_ATTESTATION, 0);
    assert_int_equal(vsa_nsm_request_encode(&wanted, buffer, sizeof(buffer), &request, NULL),
                     VSA_OK);
    /* Before the root was made. */
    vsa_software_nsm_respond(context->nsm, request, FIXTURE_NOW_MS - 24 * HOUR_MS, &encoded,
                             &failure);
    assert_int_equal(failure.status, VSA_ERR_NOT_YET_VALID);
    assert_int_equal(vsa_nsm_response_decode(encoded, &response, NULL), VSA_OK);
    assert_int_equal(response.code, VSA_NSM_INTERNAL_ERROR);
    vsa_software_nsm_respond(context->nsm, request, FIXTURE_NOW_MS, &encoded, NULL);
    assert_int_equal(vsa_nsm_response_decode(encoded, &response, NULL), VSA_OK);
    assert_int_equal(response.kind, VSA_NSM_ATTESTATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_describe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe_pcr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extend_and_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_verifies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_is_not_trusted_as_aws, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_optional_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locked_pcrs_are_attested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_debug_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaf_renewal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits_of_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_document, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
