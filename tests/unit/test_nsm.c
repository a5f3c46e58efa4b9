/* SPDX-License-Identifier: Apache-2.0 */
/* The API over a transport that answers what the test wants: also garbage, also nothing. */
#include "nsm/transport.h"

#include "base/error.h"
#include "nsm/message.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"

struct fake {
    struct vsa_nsm_transport base;
    enum vsa_status status;  /* what exchange returns */
    struct vsa_slice answer; /* and answers */
    size_t requests;
    uint8_t request[VSA_NSM_MAX_REQUEST];
    size_t request_size;
    bool closed;
};

static enum vsa_status fake_exchange(struct vsa_nsm_transport *transport, struct vsa_slice request,
                                     uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                     struct vsa_error *error)
{
    struct fake *fake = (struct fake *)(void *)transport;
    fake->requests++;
    assert_in_range(request.size, 1, VSA_NSM_MAX_REQUEST);
    memcpy(fake->request, request.data, request.size);
    fake->request_size = request.size;
    if (fake->status != VSA_OK)
        return vsa_fail(error, fake->status, "a fault of the test");
    assert_int_equal(capacity, VSA_NSM_MAX_RESPONSE);
    memcpy(buffer, fake->answer.data, fake->answer.size);
    *response = vsa_slice_of(buffer, fake->answer.size);
    return VSA_OK;
}

static void fake_close(struct vsa_nsm_transport *transport)
{
    ((struct fake *)(void *)transport)->closed = true;
}

struct context {
    struct fake fake;
    struct vsa_nsm *nsm;
};

static int setup(void **state)
{
    static struct context context;
    memset(&context, 0, sizeof(context));
    context.fake.base.exchange = fake_exchange;
    context.fake.base.close = fake_close;
    assert_int_equal(vsa_nsm_new(&context.fake.base, &context.nsm, NULL), VSA_OK);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    vsa_nsm_free(context->nsm);
    assert_true(context->fake.closed);
    return 0;
}

static void answer(struct context *context, const char *hex)
{
    context->fake.answer = from_hex(hex);
}

#define NOTHING vsa_slice_of(NULL, 0)
#define ATTESTATION_REQUEST                                                                        \
    "a1 6b 4174746573746174696f6e a3 69 757365725f64617461 f6 65 6e6f6e6365 f6 "                   \
    "6a 7075626c69635f6b6579 f6"
#define DESCRIPTION_RESPONSE                                                                       \
    "a1 6b 44657363726962654e534d a7 6d 76657273696f6e5f6d616a6f72 01 "                            \
    "6d 76657273696f6e5f6d696e6f72 00 6d 76657273696f6e5f7061746368 02 "                           \
    "69 6d6f64756c655f6964 61 69 68 6d61785f70637273 1820 6b 6c6f636b65645f70637273 80 "           \
    "66 646967657374 66 534841333834"
#define EXTEND_RESPONSE                                                                            \
    "a1 69 457874656e64504352 a1 64 64617461 58 30"                                                \
    "30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73daf0279801bb18730c39db7f27f2f77b7"     \
    "b458cb9e"
#define PCR_RESPONSE                                                                               \
    "a1 6b 4465736372696265504352 a2 64 6c6f636b f5 64 64617461 58 30"                             \
    "30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73daf0279801bb18730c39db7f27f2f77b7"     \
    "b458cb9e"

/* All seven requests, in a form that a table can hold. */
static enum vsa_status ask_describe(struct vsa_nsm *nsm, struct vsa_error *error)
{
    struct vsa_nsm_description description;
    return vsa_nsm_describe(nsm, &description, error);
}

static enum vsa_status ask_describe_pcr(struct vsa_nsm *nsm, struct vsa_error *error)
{
    struct vsa_nsm_pcr pcr;
    return vsa_nsm_describe_pcr(nsm, 3, &pcr, error);
}

static enum vsa_status ask_extend(struct vsa_nsm *nsm, struct vsa_error *error)
{
    uint8_t value[VSA_PCR_SIZE];
    return vsa_nsm_extend_pcr(nsm, 16, vsa_slice_of_text("hello"), value, error);
}

static enum vsa_status ask_lock(struct vsa_nsm *nsm, struct vsa_error *error)
{
    return vsa_nsm_lock_pcr(nsm, 16, error);
}

static enum vsa_status ask_lock_range(struct vsa_nsm *nsm, struct vsa_error *error)
{
    return vsa_nsm_lock_pcrs(nsm, 20, error);
}

static enum vsa_status ask_attest(struct vsa_nsm *nsm, struct vsa_error *error)
{
    struct vsa_slice document;
    return vsa_nsm_attest(nsm, NOTHING, NOTHING, NOTHING, &document, error);
}

static enum vsa_status ask_random(struct vsa_nsm *nsm, struct vsa_error *error)
{
    struct vsa_slice random;
    return vsa_nsm_random(nsm, &random, error);
}

static enum vsa_status (*const questions[])(struct vsa_nsm *, struct vsa_error *) = {
    ask_describe, ask_describe_pcr, ask_extend, ask_lock, ask_lock_range, ask_attest, ask_random,
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void test_requests_on_the_wire(void **state)
{
    static const char *const expected[QUESTIONS] = {
        "6b 44657363726962654e534d",
        "a1 6b 4465736372696265504352 a1 65 696e646578 03",
        "a1 69 457874656e64504352 a2 65 696e646578 10 64 64617461 45 68656c6c6f",
        "a1 67 4c6f636b504352 a1 65 696e646578 10",
        "a1 68 4c6f636b50435273 a1 65 72616e6765 14",
        ATTESTATION_REQUEST,
        "69 47657452616e646f6d",
    };
    struct context *context = *state;
    answer(context, "a1 65 4572726f72 6d 496e7465726e616c4572726f72");
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct vsa_slice wanted = from_hex(expected[i]);
        assert_int_equal(questions[i](context->nsm, NULL), VSA_ERR_NSM);
        assert_int_equal(context->fake.request_size, wanted.size);
        assert_memory_equal(context->fake.request, wanted.data, wanted.size);
    }
}

static void test_answers(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_pcr pcr = {0};
    uint8_t value[VSA_PCR_SIZE];
    struct vsa_slice bytes;
    answer(context, PCR_RESPONSE);
    assert_int_equal(vsa_nsm_describe_pcr(context->nsm, 3, &pcr, NULL), VSA_OK);
    assert_true(pcr.locked);
    assert_int_equal(pcr.value[0], 0x30);
    answer(context, "67 4c6f636b504352");
    assert_int_equal(vsa_nsm_lock_pcr(context->nsm, 16, NULL), VSA_OK);
    answer(context, "68 4c6f636b50435273");
    assert_int_equal(vsa_nsm_lock_pcrs(context->nsm, 20, NULL), VSA_OK);
    answer(context, "a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 43 646f63");
    assert_int_equal(vsa_nsm_attest(context->nsm, NOTHING, NOTHING, NOTHING, &bytes, NULL), VSA_OK);
    assert_int_equal(bytes.size, 3);
    answer(context, "a1 69 47657452616e646f6d a1 66 72616e646f6d 42 0102");
    assert_int_equal(vsa_nsm_random(context->nsm, &bytes, NULL), VSA_OK);
    assert_int_equal(bytes.size, 2);
    answer(context, "a1 69 457874656e64504352 a1 64 64617461 58 30"
                    "00000000000000000000000000000000000000000000000000000000000000000000000000"
                    "0000000000000000000007");
    assert_int_equal(vsa_nsm_extend_pcr(context->nsm, 16, vsa_slice_of_text("x"), value, NULL),
                     VSA_OK);
    assert_int_equal(value[VSA_PCR_SIZE - 1], 7);
    assert_int_equal(vsa_nsm_last_code(context->nsm), VSA_NSM_SUCCESS);
}

static void test_error_codes(void **state)
{
    struct context *context = *state;
    for (enum vsa_nsm_code code = VSA_NSM_INVALID_ARGUMENT; code <= VSA_NSM_INTERNAL_ERROR;
         code++) {
        uint8_t buffer[64];
        struct vsa_error error = {0};
        struct vsa_nsm_response response = {.kind = VSA_NSM_ERROR, .code = code};
        assert_int_equal(
            vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &context->fake.answer, NULL),
            VSA_OK);
        for (size_t i = 0; i < QUESTIONS; i++) {
            assert_int_equal(questions[i](context->nsm, &error), VSA_ERR_NSM);
            assert_int_equal(vsa_nsm_last_code(context->nsm), code);
            assert_non_null(strstr(error.detail, vsa_nsm_code_name(code)));
        }
    }
    answer(context, "a1 65 4572726f72 63 4e6577");
    assert_int_equal(ask_random(context->nsm, NULL), VSA_ERR_NSM);
    assert_int_equal(vsa_nsm_last_code(context->nsm), VSA_NSM_INTERNAL_ERROR);
}

/* 39 letters and a character of two bytes: no half of it is left at the cut after 40 bytes. */
static void test_unknown_codes_are_printable(void **state)
{
    struct context *context = *state;
    struct vsa_error error = {0};
    answer(context, "a1 65 4572726f72 78 2a"
                    "616161616161616161616161616161616161616161616161616161616161616161616161616161"
                    "c3bc 61");
    assert_int_equal(ask_random(context->nsm, &error), VSA_ERR_NSM);
    assert_non_null(strstr(error.detail, ": aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_int_equal(error.detail[strlen(error.detail) - 1], 'a');
    answer(context, "a1 65 4572726f72 67 61 c29b e280ae 7a");
    assert_int_equal(ask_random(context->nsm, &error), VSA_ERR_NSM);
    assert_non_null(strstr(error.detail, ": a?????z"));
}

/* The right answer to one question is the wrong one to all others. */
static void test_answers_of_another_kind(void **state)
{
    static const char *const answers[QUESTIONS] = {
        DESCRIPTION_RESPONSE,
        PCR_RESPONSE,
        EXTEND_RESPONSE,
        "67 4c6f636b504352",
        "68 4c6f636b50435273",
        "a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 43 646f63",
        "a1 69 47657452616e646f6d a1 66 72616e646f6d 42 0102",
    };
    struct context *context = *state;
    for (size_t asked = 0; asked < QUESTIONS; asked++) {
        for (size_t answered = 0; answered < QUESTIONS; answered++) {
            answer(context, answers[answered]);
            bool same = asked == answered;
            assert_int_equal(questions[asked](context->nsm, NULL), same ? VSA_OK : VSA_ERR_REPLY);
            assert_int_equal(vsa_nsm_last_code(context->nsm),
                             same ? VSA_NSM_SUCCESS : VSA_NSM_INVALID_RESPONSE);
        }
    }
}

static void test_garbage(void **state)
{
    static const char *const garbage[] = {
        "00", "ff", "a0", "f6", "67 4c6f636b50", "a1 65 4572726f72"};
    struct context *context = *state;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        answer(context, garbage[i]);
        for (size_t asked = 0; asked < QUESTIONS; asked++) {
            struct vsa_error error = {0};
            assert_int_equal(questions[asked](context->nsm, &error), VSA_ERR_REPLY);
            assert_int_equal(error.status, VSA_ERR_REPLY);
            assert_int_equal(vsa_nsm_last_code(context->nsm), VSA_NSM_INVALID_RESPONSE);
        }
    }
}

static void test_every_cut_off_answer(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_pcr pcr = {0};
    struct vsa_slice whole = from_hex(PCR_RESPONSE);
    for (size_t size = 0; size < whole.size; size++) {
        context->fake.answer = vsa_slice_of(whole.data, size);
        assert_int_equal(vsa_nsm_describe_pcr(context->nsm, 3, &pcr, NULL), VSA_ERR_REPLY);
    }
    assert_int_equal(pcr.value[0], 0);
}

static void test_transport_errors_pass(void **state)
{
    static const enum vsa_status statuses[] = {VSA_ERR_TIMEOUT, VSA_ERR_NSM_UNREACHABLE,
                                               VSA_ERR_REPLY};
    struct context *context = *state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct vsa_error error = {0};
        context->fake.status = statuses[i];
        assert_int_equal(ask_attest(context->nsm, &error), statuses[i]);
        assert_string_equal(error.detail, "a fault of the test");
        assert_int_equal(vsa_nsm_last_code(context->nsm), VSA_NSM_SUCCESS);
    }
}

static void test_sizes(void **state)
{
    struct context *context = *state;
    static uint8_t bytes[VSA_NSM_MAX_REQUEST];
    uint8_t value[VSA_PCR_SIZE];
    struct vsa_slice document;
    struct vsa_slice most = vsa_slice_of(bytes, VSA_MAX_FIELD);
    struct vsa_slice more = vsa_slice_of(bytes, VSA_MAX_FIELD + 1);
    answer(context, "a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 43 646f63");
    assert_int_equal(vsa_nsm_attest(context->nsm, most, most, most, &document, NULL), VSA_OK);
    assert_int_equal(vsa_nsm_attest(context->nsm, more, NOTHING, NOTHING, &document, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_int_equal(vsa_nsm_attest(context->nsm, NOTHING, more, NOTHING, &document, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_int_equal(vsa_nsm_attest(context->nsm, NOTHING, NOTHING, more, &document, NULL),
                     VSA_ERR_TOO_LARGE);
    assert_int_equal(
        vsa_nsm_extend_pcr(context->nsm, 16, vsa_slice_of(bytes, sizeof(bytes)), value, NULL),
        VSA_ERR_TOO_LARGE);
    /* What is too large is not sent. */
    assert_int_equal(context->fake.requests, 1);
}

static void test_empty_answers(void **state)
{
    struct context *context = *state;
    static uint8_t large[VSA_NSM_MAX_RANDOM + 1];
    uint8_t buffer[512];
    struct vsa_nsm_response response = {.kind = VSA_NSM_GET_RANDOM,
                                        .random = vsa_slice_of(large, sizeof(large))};
    answer(context, "a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 40");
    assert_int_equal(ask_attest(context->nsm, NULL), VSA_ERR_REPLY);
    answer(context, "a1 69 47657452616e646f6d a1 66 72616e646f6d 40");
    assert_int_equal(ask_random(context->nsm, NULL), VSA_ERR_REPLY);
    assert_int_equal(
        vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &context->fake.answer, NULL),
        VSA_OK);
    assert_int_equal(ask_random(context->nsm, NULL), VSA_ERR_REPLY);
}

static void test_open_arguments(void **state)
{
    (void)state;
    struct vsa_nsm *nsm = NULL;
    assert_int_equal(vsa_nsm_open(NULL, 1000, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_nsm_open("", 1000, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_nsm_open("nsm", 1000, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_nsm_open("unix:", 1000, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_nsm_open(VSA_NSM_DEVICE, 0, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_nsm_open("unix:/nowhere", -1, &nsm, NULL), VSA_ERR_ARGUMENT);
    assert_null(nsm);
    vsa_nsm_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_codes_are_printable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_of_another_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_off_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transport_errors_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_answers, setup, teardown),
        cmocka_unit_test(test_open_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
