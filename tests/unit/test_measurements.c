/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include <vsattest/report.h>

#define A48                                                                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaa"
#define B48                                                                                        \
    "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB" \
    "BBBB"
#define C48                                                                                        \
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" \
    "cccc"
#define ZERO48                                                                                     \
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
    "0000"
#define THREE "\"PCR0\":\"" A48 "\",\"PCR1\":\"" B48 "\",\"PCR2\":\"" C48 "\""
#define SHA   "\"HashAlgorithm\":\"Sha384 { ... }\","

static enum vsa_status read_text(const char *json, struct vsa_policy *policy,
                                 struct vsa_error *error)
{
    vsa_policy_init(policy);
    return vsa_policy_expect_measurements(policy, vsa_slice_of_text(json), error);
}

static void assert_filled(const struct vsa_pcrs *pcrs, unsigned index, uint8_t byte)
{
    assert_true(pcrs->present & (UINT32_C(1) << index));
    for (size_t i = 0; i < VSA_PCR_SIZE; i++)
        assert_int_equal(pcrs->value[index][i], byte);
}

static void assert_three(const char *json)
{
    struct vsa_policy policy;
    struct vsa_error error = {0};
    assert_int_equal(read_text(json, &policy, &error), VSA_OK);
    assert_int_equal(policy.pcrs.present, 7);
    assert_filled(&policy.pcrs, 0, 0xaa);
    assert_filled(&policy.pcrs, 1, 0xbb);
    assert_filled(&policy.pcrs, 2, 0xcc);
}

static void accepts_what_nitro_cli_prints(void **state)
{
    (void)state;
    /* build-enclave, with the lines before its JSON */
    assert_three("Start building the Enclave Image...\n"
                 "Using the locally available Docker image...\n"
                 "Enclave Image successfully created.\n"
                 "{\n  \"Measurements\": {\n" SHA THREE "  }\n}\n");
    /* describe-eif */
    assert_three("{\"EifVersion\":4,\"Measurements\":{" SHA THREE "},\"IsSigned\":false,"
                 "\"CheckCRC\":true,\"ImageName\":\"app\",\"Metadata\":{\"BuildTime\":\"x\"}}");
    /* An image without metadata. */
    assert_three("{\"Measurements\":{" SHA THREE "},\"ImageName\":null}");
    /* describe-enclaves: one entry, and an array with one */
    assert_three("{\"EnclaveName\":\"app\",\"EnclaveCID\":16,\"Measurements\":{" SHA THREE "}}");
    assert_three(" \n[{\"EnclaveCID\":16,\"Measurements\":{" SHA THREE "}}]\n");
    /* the bare object */
    assert_three("{" SHA THREE "}");
    assert_three("\r\n\t{" THREE "}");
    /* nitro-cli 1.5.0 on another version of its hash library */
    assert_three("{\"Measurements\":{\"HashAlgorithm\":\"Sha512_48 { .. }\"," THREE "}}");
    /* other builders */
    assert_three("{\"hashAlgorithm\":\"SHA384\"," THREE "}");
    assert_three("\xef\xbb\xbf{" THREE "}");
    assert_three("{\"pcr0\":\"" A48 "\",\"Pcr1\":\"0x" B48 "\",\"pCR2\":\"0X" C48 "\"}");
}

static void accepts_every_index(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        char json[160];
        struct vsa_policy policy;
        (void)snprintf(json, sizeof(json), "{\"PCR%u\":\"" A48 "\"}", i);
        assert_int_equal(read_text(json, &policy, NULL), VSA_OK);
        assert_int_equal(policy.pcrs.present, UINT32_C(1) << i);
        assert_filled(&policy.pcrs, i, 0xaa);
    }
}

static void adds_to_a_policy(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_slice same = vsa_slice_of_text("{\"PCR0\":\"" A48 "\"}");
    struct vsa_slice more = vsa_slice_of_text("{\"PCR8\":\"" B48 "\"}");
    struct vsa_slice other = vsa_slice_of_text("{\"PCR0\":\"" B48 "\"}");
    assert_int_equal(read_text("{\"PCR0\":\"" A48 "\"}", &policy, NULL), VSA_OK);
    assert_int_equal(vsa_policy_expect_measurements(&policy, same, NULL), VSA_OK);
    assert_int_equal(vsa_policy_expect_measurements(&policy, more, NULL), VSA_OK);
    assert_int_equal(policy.pcrs.present, 0x101);
    assert_int_equal(vsa_policy_expect_measurements(&policy, other, NULL), VSA_ERR_POLICY_PCR);
    assert_filled(&policy.pcrs, 0, 0xaa);
}

struct refusal {
    const char *json;
    enum vsa_status status;
    const char *says;
};

static const struct refusal refusals[] = {
    {"", VSA_ERR_JSON, "no JSON"},
    {"Enclave Image successfully created.\n", VSA_ERR_JSON, "no JSON"},
    {"null", VSA_ERR_JSON, "no JSON"},
    {"{\"PCR0\":\"" A48 "\"", VSA_ERR_JSON, "not valid JSON"},
    {"{" THREE "} {}", VSA_ERR_JSON, "not valid JSON"},
    {"{\"PCR0\":\"" A48 "\",\"PCR0\":\"" A48 "\"}", VSA_ERR_DUPLICATE_KEY, "same key twice"},
    {"[1]", VSA_ERR_JSON, "object"},
    {"{\"Measurements\":[]}", VSA_ERR_JSON, "object"},
    {"[]", VSA_ERR_POLICY_EMPTY, "lists no image"},
    {"[[]]", VSA_ERR_JSON, "object"},
    {"[{}]", VSA_ERR_POLICY_EMPTY, "[0]: no PCR"},
    {"{}", VSA_ERR_POLICY_EMPTY, "describe-eif"},
    {"{\"Measurements\":{}}", VSA_ERR_POLICY_EMPTY, "describe-eif"},
    {"{\"Measurements\":{" SHA "\"X\":1}}", VSA_ERR_POLICY_EMPTY, "describe-eif"},
    {"{\"EnclaveID\":\"i-1-enc1\",\"EnclaveCID\":16}", VSA_ERR_POLICY_EMPTY, "describe-eif"},
    {"[{\"Measurements\":{" THREE "}},{\"Measurements\":{" THREE "}}]", VSA_ERR_ARGUMENT,
     "lists 2 images"},
    {"{\"PCR32\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR00\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR01\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR100\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR0x\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR-1\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{\"PCR 1\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{" THREE ",\"pcr32\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "PCR0..PCR31"},
    {"{" THREE ",\"pcr0\":\"" B48 "\"}", VSA_ERR_POLICY_PCR, "two different values"},
    {"{" THREE ",\"signature\":\"" A48 "\"}", VSA_ERR_POLICY_PCR, "\"signature\" beside PCRs"},
    {"{" THREE ",\"a\\u001b[31m\":\"0x" A48 "\"}", VSA_ERR_POLICY_PCR, "\"a?[31m\" beside PCRs"},
    {"{" THREE ",\"more\":{\"pcr8\":1}}", VSA_ERR_POLICY_PCR, "\"more\" beside PCRs"},
    {"{\"pcrs\":{\"0\":\"" A48 "\"}}", VSA_ERR_POLICY_EMPTY, "one by one"},
    {A48 " PCR0\n", VSA_ERR_JSON, "one by one"},
    {"{\"PCR8\":\"" A48 "\",\"Measurements\":{" THREE "}}", VSA_ERR_POLICY_PCR, "beside"},
    {"{\"Measurements\":{" THREE "},\"measurements\":{\"PCR0\":\"" B48 "\"}}", VSA_ERR_POLICY_PCR,
     "\"measurements\" beside PCRs"},
    {"{\"older\":{\"pcr8\":\"" B48 "\"},\"Measurements\":{" THREE "}}", VSA_ERR_POLICY_PCR,
     "\"older\" beside PCRs"},
    {"\xff\xfe{", VSA_ERR_JSON, "UTF-16"},
    {"\xfe\xff", VSA_ERR_JSON, "UTF-16"},
    {"{\"PCR0\":\"" ZERO48 "\"}", VSA_ERR_POLICY_PCR, "zero"},
    {"{\"PCR0\":\"aa\"}", VSA_ERR_POLICY_PCR, "96 hexadecimal digits"},
    {"{\"PCR0\":\"" A48 "aa\"}", VSA_ERR_POLICY_PCR, "96 hexadecimal digits"},
    {"{\"PCR0\":\"x" A48 "\"}", VSA_ERR_POLICY_PCR, "96 hexadecimal digits"},
    {"{\"PCR0\":\"\"}", VSA_ERR_POLICY_PCR, "96 hexadecimal digits"},
    {"{\"PCR0\":null}", VSA_ERR_POLICY_PCR, "not a string"},
    {"{\"PCR0\":0}", VSA_ERR_POLICY_PCR, "not a string"},
    {"{\"HashAlgorithm\":\"Sha256 { ... }\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":\"Sha512_32 { .. }\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":\"Sha512_64 { .. }\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":\"Sha512_48_2\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":\"Sha512\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":\"Sha3840\"," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"HashAlgorithm\":384," THREE "}", VSA_ERR_POLICY_PCR, "Sha384"},
    {"{\"name\":1," THREE "}", VSA_ERR_JSON, "the name of the measurements is not a string"},
    {"{\"ImageName\":[],\"Measurements\":{" THREE "}}", VSA_ERR_JSON, "not a string"},
};

static void refuses(void **state)
{
    (void)state;
    struct vsa_policy untouched;
    vsa_policy_init(&untouched);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct vsa_policy policy;
        struct vsa_error error = {0};
        enum vsa_status status = read_text(refusals[i].json, &policy, &error);
        if (status != refusals[i].status || !strstr(error.detail, refusals[i].says))
            fail_msg("%s: status %d, %s", refusals[i].json, status, error.detail);
        assert_int_equal(error.status, refusals[i].status);
        assert_memory_equal(&policy, &untouched, sizeof(policy));
    }
}

/* --- several images --- */

/* As published by who releases often: registers, and what else is known of each release. */
#define ENTRY(pcr0, more)                                                                          \
    "{\"PCR0\":\"" pcr0 "\",\"PCR1\":\"" B48 "\",\"PCR2\":\"" C48 "\"" more "}"

static void reads_every_image_of_a_list(void **state)
{
    (void)state;
    static const char history[] =
        "[" ENTRY(A48, ",\"timestamp\":1736000000,\"signature\":\"MGUCMQ==\"") "," ENTRY(
            B48, ",\"name\":\"v2\\u001b[31m\",\"more\":{\"a\":[]}") ","
                                                                    "{\"ImageName\":\"three\","
                                                                    "\"Measurements\":{" SHA
                                                                    "\"PCR0\":\"" C48 "\"}}]";
    struct vsa_measurements_list list = {0};
    struct vsa_error error = {0};
    if (vsa_measurements_read(&list, vsa_slice_of_text(history), "h.json", &error) != VSA_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(list.count, 3);
    assert_filled(&list.images[0].pcrs, 0, 0xaa);
    assert_filled(&list.images[1].pcrs, 0, 0xbb);
    assert_filled(&list.images[2].pcrs, 0, 0xcc);
    assert_int_equal(list.images[1].pcrs.present, 7);
    assert_int_equal(list.images[2].pcrs.present, 1);
    assert_string_equal(list.images[0].name, "");
    assert_string_equal(list.images[1].name, "v2?[31m");
    assert_string_equal(list.images[2].name, "three");
    /* A second file adds to it. */
    assert_int_equal(vsa_measurements_read(&list, vsa_slice_of_text("{" THREE "}"), NULL, NULL),
                     VSA_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(list.images[i].file, "h.json");
        assert_int_equal(list.images[i].index, i);
    }
    assert_null(list.images[3].file);
    assert_true(list.images[3].index == VSA_NO_INDEX);
    vsa_measurements_free(&list);
    assert_null(list.images);
}

/* One bad image spoils the file: what it was meant to say is not known. */
static void a_list_is_good_or_bad_as_a_whole(void **state)
{
    (void)state;
    static const struct refusal lists[] = {
        {"[" ENTRY(A48, "") ",{}]", VSA_ERR_POLICY_EMPTY, "[1]: no PCR"},
        {"[" ENTRY(A48, "") ",7]", VSA_ERR_JSON, "[1]: measurements must be"},
        {"[" ENTRY(A48, "") "," ENTRY(ZERO48, "") "]", VSA_ERR_POLICY_PCR, "[1]: PCR0 expected"},
        {"[" ENTRY(A48, "") "," ENTRY("aa", "") "]", VSA_ERR_POLICY_PCR, "[1]: PCR0 is not"},
        {"[" ENTRY(A48, "") "," ENTRY(A48, ",\"PCR0\":\"" A48 "\"") "]", VSA_ERR_DUPLICATE_KEY,
         "same key"},
        {"[" ENTRY(A48, "") "," ENTRY(A48, ",\"pcr0\":\"" B48 "\"") "]", VSA_ERR_POLICY_PCR,
         "[1]: PCR0 expected with two"},
    };
    struct vsa_measurements_list list = {0};
    assert_int_equal(vsa_measurements_read(&list, vsa_slice_of_text("{" THREE "}"), "a", NULL),
                     VSA_OK);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct vsa_error error = {0};
        enum vsa_status status =
            vsa_measurements_read(&list, vsa_slice_of_text(lists[i].json), "b", &error);
        if (status != lists[i].status || !strstr(error.detail, lists[i].says))
            fail_msg("%s: status %d, %s", lists[i].json, status, error.detail);
        assert_int_equal(list.count, 1);
    }
    vsa_measurements_free(&list);
}

static void the_number_of_images_is_bounded(void **state)
{
    (void)state;
    struct vsa_measurements_list list = {0};
    char *text = malloc(VSA_MAX_INPUT_FILE);
    size_t size = 0;
    assert_non_null(text);
    text[size++] = '[';
    for (size_t i = 0; i < VSA_MAX_MEASUREMENTS; i++) {
        memcpy(text + size, "{" THREE "},", strlen("{" THREE "},"));
        size += strlen("{" THREE "},");
    }
    text[size - 1] = ']';
    assert_int_equal(vsa_measurements_read(&list, vsa_slice_of(text, size), NULL, NULL), VSA_OK);
    assert_int_equal(list.count, VSA_MAX_MEASUREMENTS);
    assert_int_equal(vsa_measurements_read(&list, vsa_slice_of_text("{" THREE "}"), NULL, NULL),
                     VSA_ERR_TOO_MANY);
    assert_int_equal(list.count, VSA_MAX_MEASUREMENTS);
    vsa_measurements_free(&list);
    free(text);
}

static void refuses_deep_nesting_and_large_files(void **state)
{
    (void)state;
    struct vsa_policy policy;
    size_t size = VSA_MAX_INPUT_FILE + 1;
    char *text = malloc(size);
    assert_non_null(text);
    vsa_policy_init(&policy);
    memset(text, '[', size);
    assert_int_equal(vsa_policy_expect_measurements(&policy, vsa_slice_of(text, 100000), NULL),
                     VSA_ERR_NESTING);
    assert_int_equal(vsa_policy_expect_measurements(&policy, vsa_slice_of(text, size), NULL),
                     VSA_ERR_TOO_LARGE);
    memset(text, ' ', size);
    memcpy(text, "{" THREE "}", strlen("{" THREE "}"));
    assert_int_equal(
        vsa_policy_expect_measurements(&policy, vsa_slice_of(text, VSA_MAX_INPUT_FILE), NULL),
        VSA_OK);
    /* A NUL is not white space. */
    text[VSA_MAX_INPUT_FILE - 1] = '\0';
    assert_int_equal(
        vsa_policy_expect_measurements(&policy, vsa_slice_of(text, VSA_MAX_INPUT_FILE), NULL),
        VSA_ERR_JSON);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_nitro_cli_prints),
        cmocka_unit_test(accepts_every_index),
        cmocka_unit_test(adds_to_a_policy),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reads_every_image_of_a_list),
        cmocka_unit_test(a_list_is_good_or_bad_as_a_whole),
        cmocka_unit_test(the_number_of_images_is_bounded),
        cmocka_unit_test(refuses_deep_nesting_and_large_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
