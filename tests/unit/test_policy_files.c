/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "verifierd/policy_files.h"

#define TWICE(x)    x x
#define TIMES48(x)  TWICE(TWICE(TWICE(TWICE(x x x))))
#define PCR(n, hex) "\"" n "\":\"" TIMES48(hex) "\""
#define IMAGE(a)    "{" PCR("0", a) "," PCR("1", "b1") "," PCR("2", "c2")
#define WHOLE_IMAGE IMAGE("a0") ",\"label\":\"v1.4\"}"
#define OTHER_IMAGE IMAGE("a9") "}"

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/vsattest-policies-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static void path_of(const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_of(name, path);
    const struct vsa_slice part = vsa_slice_of_text(text);
    assert_int_equal(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &part, 1, NULL), VSA_OK);
}

static void remove_file(const char *name)
{
    char path[128];
    path_of(name, path);
    assert_int_equal(remove(path), 0);
}

static int remove_directory(void **state)
{
    (void)state;
    return remove(directory);
}

static enum vsa_status parse(const char *text, struct vsa_service_policy *policy)
{
    *policy = (struct vsa_service_policy){.name = "name"};
    return vsa_service_policy_parse(vsa_slice_of_text(text), policy, NULL);
}

static void defaults(void **state)
{
    (void)state;
    struct vsa_service_policy policy;
    assert_int_equal(parse("{}", &policy), VSA_OK);
    assert_int_equal(policy.max_age_ms, 300000);
    assert_true(policy.challenge_required);
    assert_false(policy.rules.allow_debug);
    assert_false(policy.rules.public_key_required);
    assert_string_equal(policy.roots, "aws");
    assert_int_equal(policy.rules.image_count, 0);
    assert_int_equal(policy.rules.platform.present, 0);
    /* printf '{}' | openssl dgst -sha256 -binary | basenc --base64url */
    assert_string_equal(policy.id, "name#sha256-RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o");
    vsa_service_policy_free(&policy);
}

static void all_members(void **state)
{
    (void)state;
    struct vsa_service_policy policy;
    assert_int_equal(
        parse("{\"pcrs\":[" OTHER_IMAGE "," WHOLE_IMAGE "],\"pcr8\":\"" TIMES48(
                  "88") "\",\"instance\":\"i-0123456789abcdef0\","
                        "\"role\":\"arn:aws:iam::123456789012:role/r\",\"user_data\":\"ZGF0YQ==\","
                        "\"require_public_key\":true,\"max_age_ms\":1000,\"allow_debug\":true,"
                        "\"roots\":\"ours.pem\",\"challenge\":\"optional\"}",
              &policy),
        VSA_OK);
    assert_int_equal(policy.rules.image_count, 2);
    assert_int_equal(policy.rules.images[1].pcrs.present, 7);
    assert_int_equal(policy.rules.images[1].pcrs.value[0][47], 0xa0);
    assert_string_equal(policy.rules.images[1].name, "v1.4");
    assert_string_equal(policy.rules.images[0].name, "");
    assert_int_equal(policy.rules.platform.present, 1 << 3 | 1 << 4 | 1 << 8);
    assert_int_equal(policy.rules.platform.value[8][0], 0x88);
    /* PCR4 of this instance in documents of the software NSM; PCR3 by openssl dgst -sha384. */
    assert_memory_equal(policy.rules.instance.data, "i-0123456789abcdef0", 19);
    assert_memory_equal(policy.rules.user_data.data, "data", 4);
    assert_int_equal(policy.rules.user_data.size, 4);
    assert_true(policy.rules.public_key_required);
    assert_true(policy.rules.allow_debug);
    assert_false(policy.challenge_required);
    assert_int_equal(policy.max_age_ms, 1000);
    assert_string_equal(policy.roots, "ours.pem");
    vsa_service_policy_free(&policy);
}

/* What nitro-cli prints can be put in as it is. */
static void measurements_of_nitro_cli(void **state)
{
    (void)state;
    struct vsa_service_policy policy;
    assert_int_equal(
        parse("{\"measurements\":{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\","
              "\"PCR0\":\"" TIMES48("a0") "\",\"PCR1\":\"" TIMES48("b1") "\",\"PCR2\":\"" TIMES48(
                  "c2") "\"}}}",
              &policy),
        VSA_OK);
    assert_int_equal(policy.rules.image_count, 1);
    vsa_service_policy_free(&policy);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vsa_status status;
    } table[] = {
        {"", VSA_ERR_EMPTY},
        {"[]", VSA_ERR_JSON},
        {"{", VSA_ERR_JSON},
        {"{\"roots\":\"aws\",\"roots\":\"aws\"}", VSA_ERR_DUPLICATE_KEY},
        {"{\"pcr0\":\"00\"}", VSA_ERR_FIELD},
        {"{\"alow_debug\":true}", VSA_ERR_FIELD},
        {"{\"allow_debug\":1}", VSA_ERR_FIELD},
        {"{\"allow_debug\":null}", VSA_ERR_FIELD},
        {"{\"max_age_ms\":0}", VSA_ERR_FIELD},
        {"{\"max_age_ms\":1.5}", VSA_ERR_FIELD},
        {"{\"max_age_ms\":\"1\"}", VSA_ERR_FIELD},
        {"{\"max_age_ms\":31622400001}", VSA_ERR_FIELD},
        {"{\"roots\":\"/etc/x.pem\"}", VSA_ERR_FIELD},
        {"{\"roots\":\"../x.pem\"}", VSA_ERR_FIELD},
        {"{\"roots\":\".x\"}", VSA_ERR_FIELD},
        {"{\"roots\":\"\"}", VSA_ERR_FIELD},
        {"{\"roots\":\"http://example.com/\"}", VSA_ERR_FIELD},
        {"{\"challenge\":\"never\"}", VSA_ERR_FIELD},
        {"{\"challenge\":false}", VSA_ERR_FIELD},
        {"{\"instance\":\"0123\"}", VSA_ERR_FIELD},
        {"{\"role\":\"r\"}", VSA_ERR_FIELD},
        {"{\"user_data\":\"ZGF0YQ\"}", VSA_ERR_FIELD},
        {"{\"pcr4\":\"00\"}", VSA_ERR_FIELD},
        {"{\"pcr8\":\"" TIMES48("00") "\"}", VSA_ERR_POLICY_PCR},
        {"{\"instance\":\"i-0\",\"pcr4\":\"" TIMES48("11") "\"}", VSA_ERR_POLICY_PCR},
        {"{\"pcrs\":{}}", VSA_ERR_FIELD},
        {"{\"pcrs\":[]}", VSA_ERR_POLICY_EMPTY},
        {"{\"pcrs\":[1]}", VSA_ERR_FIELD},
        {"{\"pcrs\":[{}]}", VSA_ERR_POLICY_EMPTY},
        {"{\"pcrs\":[{\"0\":\"" TIMES48("a0") "\"}]}", VSA_ERR_FIELD},
        {"{\"pcrs\":[" IMAGE("00") "}]}", VSA_ERR_POLICY_PCR},
        {"{\"pcrs\":[" IMAGE("a0") ",\"32\":\"" TIMES48("a0") "\"}]}", VSA_ERR_POLICY_PCR},
        {"{\"pcrs\":[" IMAGE("a0") ",\"lable\":\"x\"}]}", VSA_ERR_FIELD},
        {"{\"pcrs\":[" IMAGE("a0") ",\"label\":14}]}", VSA_ERR_FIELD},
        {"{\"pcrs\":[" IMAGE("a0") ",\"label\":null}]}", VSA_ERR_FIELD},
        {"{\"measurements\":{\"PCR0\":\"" TIMES48("a0") "\",\"name\":14}}", VSA_ERR_JSON},
        {"{\"pcrs\":[" OTHER_IMAGE "],\"measurements\":[]}", VSA_ERR_FIELD},
        {"{\"measurements\":null}", VSA_ERR_FIELD},
        {"{\"measurements\":\"x\"}", VSA_ERR_FIELD},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct vsa_service_policy policy;
        enum vsa_status status = parse(table[i].text, &policy);
        if (status != table[i].status)
            print_message("# %s\n", table[i].text);
        assert_int_equal(status, table[i].status);
        vsa_service_policy_free(&policy);
    }
}

/* All or none: a broken file beside a good one, and what is no policy is passed over. */
static void directories(void **state)
{
    (void)state;
    struct vsa_policy_set *set = NULL;
    struct vsa_error error;
    assert_int_equal(vsa_policy_set_load(directory, &set, &error), VSA_ERR_ARGUMENT);
    write_file("b.json", "{}");
    write_file("a.json", "{\"challenge\":\"optional\"}");
    write_file("README", "text");
    write_file(".hidden.json", "broken");
    assert_int_equal(vsa_policy_set_load(directory, &set, &error), VSA_OK);
    assert_int_equal(set->count, 2);
    assert_string_equal(set->policies[0].name, "a");
    assert_non_null(set->policies[0].verifier);
    assert_ptr_equal(set->policies[1].verifier, set->policies[0].verifier);
    assert_ptr_equal(vsa_policy_set_find(set, vsa_slice_of_text("b")), &set->policies[1]);
    assert_null(vsa_policy_set_find(set, vsa_slice_of_text("c")));
    assert_null(vsa_policy_set_find(set, vsa_slice_of_text("")));
    assert_memory_equal(set->policies[1].file.data, "{}", 2);
    vsa_policy_set_free(set);
    set = NULL;
    write_file("c.json", "{\"roots\":\"none.pem\"}");
    assert_int_equal(vsa_policy_set_load(directory, &set, &error), VSA_ERR_IO);
    assert_null(set);
    assert_non_null(strstr(error.detail, "policy c.json"));
    write_file("c.json", "{\"pcrs\":[" IMAGE("a0") ",\"label\":[\"v1\"]}]}");
    assert_int_equal(vsa_policy_set_load(directory, &set, &error), VSA_ERR_FIELD);
    assert_string_equal(error.detail,
                        "policy c.json: \"pcrs\" is not an array of objects with \"0\", "
                        "\"1\", \"2\" and \"label\", each a string");
    write_file("c.json", "{\"roots\":\"README\"}");
    assert_int_not_equal(vsa_policy_set_load(directory, &set, &error), VSA_OK);
    assert_null(set);
    remove_file("c.json");
    write_file("Upper.json", "{}");
    assert_int_equal(vsa_policy_set_load(directory, &set, &error), VSA_ERR_ARGUMENT);
    remove_file("Upper.json");
    remove_file("a.json");
    remove_file("b.json");
    remove_file("README");
    remove_file(".hidden.json");
    assert_int_equal(vsa_policy_set_load("/nonexistent/policies", &set, &error), VSA_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_members),
        cmocka_unit_test(measurements_of_nitro_cli),
        cmocka_unit_test(refused),
        cmocka_unit_test_setup_teardown(directories, make_directory, remove_directory),
    };
    return cmocka_run_group_tests_name("policy_files", tests, NULL, NULL);
}
