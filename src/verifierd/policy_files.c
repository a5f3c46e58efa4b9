/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/policy_files.h"

#include <stdio.h>

#include "attestation/pcrs.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "file/name_list.h"
#include "json/load.h"
#include "json/writer.h"

#define IMAGE_PCRS UINT32_C(7)

/* --- members ---------------------------------------------------------------------------------- */

static enum vsa_status fail_member(const char *name, const char *expected, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_FIELD, "\"%s\" is not %s", name, expected);
}

/* Gives an entry {"0": hex, ..., "label": text} the form that nitro-cli prints. */
static json_t *nitro_cli_form(json_t *entry)
{
    struct vsa_json_writer writer = vsa_json_object();
    const char *key;
    json_t *value;
    json_object_foreach(entry, key, value)
    {
        char name[8] = "name";
        if (strlen(key) <= 2)
            (void)snprintf(name, sizeof(name), "PCR%s", key);
        else if (strcmp(key, "label") != 0 || !json_is_string(value))
            writer.failed = true;
        vsa_json_put(&writer, name, json_incref(value));
    }
    return vsa_json_finish(&writer);
}

static json_t *nitro_cli_forms(const json_t *entries)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);
        vsa_json_append(&writer, json_is_object(entry) ? nitro_cli_form(entry) : NULL);
    }
    return vsa_json_finish(&writer);
}

/* Has the one reader of measurements read them, with all its checks. */
static enum vsa_status read_images(const json_t *value, struct vsa_service_policy *policy,
                                   struct vsa_error *error)
{
    VSA_AUTO_FREE char *text = vsa_json_print(value, JSON_COMPACT);
    if (!text)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_measurements_read(&policy->images, vsa_slice_of_text(text), NULL, error));
    for (size_t i = 0; i < policy->images.count; i++)
        if ((policy->images.images[i].pcrs.present & IMAGE_PCRS) != IMAGE_PCRS)
            return vsa_fail(error, VSA_ERR_FIELD,
                            "image %zu does not have PCR0, PCR1 and PCR2: nothing less names one",
                            i);
    policy->rules.images = policy->images.images;
    policy->rules.image_count = policy->images.count;
    return VSA_OK;
}

static enum vsa_status take_pcrs(const char *name, const json_t *value,
                                 struct vsa_service_policy *policy, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *entries = json_is_array(value) ? nitro_cli_forms(value) : NULL;
    if (!entries)
        return fail_member(
            name, "an array of objects with \"0\", \"1\", \"2\" and \"label\", each a string",
            error);
    return read_images(entries, policy, error);
}

static enum vsa_status take_measurements(const char *name, const json_t *value,
                                         struct vsa_service_policy *policy, struct vsa_error *error)
{
    if (!json_is_object(value) && !json_is_array(value))
        return fail_member(name, "what nitro-cli prints, or an array of such", error);
    return read_images(value, policy, error);
}

static enum vsa_status expect_pcr(struct vsa_service_policy *policy, unsigned index,
                                  const uint8_t value[VSA_PCR_SIZE], struct vsa_error *error)
{
    struct vsa_policy checks;
    vsa_policy_init(&checks);
    checks.pcrs = policy->rules.platform;
    VSA_TRY(vsa_policy_expect_pcr(&checks, index, vsa_slice_of(value, VSA_PCR_SIZE), error));
    policy->rules.platform = checks.pcrs;
    return VSA_OK;
}

/* Takes "pcr3", "pcr4" or "pcr8". */
static enum vsa_status take_pcr(const char *name, const json_t *value,
                                struct vsa_service_policy *policy, struct vsa_error *error)
{
    uint8_t bytes[VSA_PCR_SIZE];
    if (!json_is_string(value) ||
        vsa_hex_decode(vsa_json_string_slice(value), bytes, sizeof(bytes), NULL) != VSA_OK)
        return fail_member(name, "96 hexadecimal digits", error);
    return expect_pcr(policy, (unsigned)(name[3] - '0'), bytes, error);
}

/* Expects the PCR that is extended once by a text. */
static enum vsa_status expect_text(struct vsa_service_policy *policy, unsigned index,
                                   struct vsa_slice text, struct vsa_error *error)
{
    uint8_t value[VSA_PCR_SIZE];
    VSA_TRY(vsa_pcr_measure_text(text, value, error));
    return expect_pcr(policy, index, value, error);
}

static enum vsa_status take_instance(const char *name, const json_t *value,
                                     struct vsa_service_policy *policy, struct vsa_error *error)
{
    const char *text = json_string_value(value);
    if (!text || strncmp(text, "i-", 2) != 0 || strlen(text) >= sizeof(policy->instance))
        return fail_member(name, "an instance ID, such as i-0123456789abcdef0", error);
    (void)snprintf(policy->instance, sizeof(policy->instance), "%s", text);
    policy->rules.instance = vsa_slice_of_text(policy->instance);
    return expect_text(policy, 4, policy->rules.instance, error);
}

static enum vsa_status take_role(const char *name, const json_t *value,
                                 struct vsa_service_policy *policy, struct vsa_error *error)
{
    const char *text = json_string_value(value);
    if (!text || strncmp(text, "arn:", 4) != 0 || !strstr(text, ":role/"))
        return fail_member(name, "an IAM role, such as arn:aws:iam::123456789012:role/NAME", error);
    return expect_text(policy, 3, vsa_slice_of_text(text), error);
}

static enum vsa_status take_user_data(const char *name, const json_t *value,
                                      struct vsa_service_policy *policy, struct vsa_error *error)
{
    if (!json_is_string(value) ||
        vsa_base64_decode(vsa_json_string_slice(value), VSA_BASE64_STRICT, policy->user_data,
                          sizeof(policy->user_data), &policy->rules.user_data, NULL) != VSA_OK)
        return fail_member(name, "base64 of at most 1024 bytes", error);
    return VSA_OK;
}

static enum vsa_status take_flag(const char *name, const json_t *value, bool *flag,
                                 struct vsa_error *error)
{
    if (!json_is_boolean(value))
        return fail_member(name, "true or false", error);
    *flag = json_is_true(value);
    return VSA_OK;
}

static enum vsa_status take_public_key(const char *name, const json_t *value,
                                       struct vsa_service_policy *policy, struct vsa_error *error)
{
    return take_flag(name, value, &policy->rules.public_key_required, error);
}

static enum vsa_status take_debug(const char *name, const json_t *value,
                                  struct vsa_service_policy *policy, struct vsa_error *error)
{
    return take_flag(name, value, &policy->rules.allow_debug, error);
}

static enum vsa_status take_age(const char *name, const json_t *value,
                                struct vsa_service_policy *policy, struct vsa_error *error)
{
    json_int_t age_ms = json_integer_value(value);
    if (!json_is_integer(value) || age_ms < 1 || age_ms > VSA_MAX_POLICY_AGE_MS)
        return fail_member(name, "a number of milliseconds from 1 to 31622400000, a year", error);
    policy->max_age_ms = age_ms;
    return VSA_OK;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Returns whether it is a name of a file in the directory, and none that is hidden or above. */
static bool is_plain_name(const char *name)
{
    if (!*name || strchr("-_.", *name) || strlen(name) > VSA_MAX_POLICY_NAME)
        return false;
    while (is_name_character(*name))
        name++;
    return !*name;
}

static enum vsa_status take_roots(const char *name, const json_t *value,
                                  struct vsa_service_policy *policy, struct vsa_error *error)
{
    const char *text = json_string_value(value);
    if (!text || !is_plain_name(text))
        return fail_member(name, "\"aws\" or the name of a file beside the policy", error);
    (void)snprintf(policy->roots, sizeof(policy->roots), "%s", text);
    return VSA_OK;
}

static enum vsa_status take_challenge(const char *name, const json_t *value,
                                      struct vsa_service_policy *policy, struct vsa_error *error)
{
    const char *text = json_string_value(value);
    if (!text || (strcmp(text, "required") != 0 && strcmp(text, "optional") != 0))
        return fail_member(name, "\"required\" or \"optional\"", error);
    policy->challenge_required = strcmp(text, "required") == 0;
    return VSA_OK;
}

static const struct member {
    const char *name;
    enum vsa_status (*take)(const char *name, const json_t *value,
                            struct vsa_service_policy *policy, struct vsa_error *error);
} members[] = {
    {"pcrs", take_pcrs},
    {"measurements", take_measurements},
    {"pcr3", take_pcr},
    {"pcr4", take_pcr},
    {"pcr8", take_pcr},
    {"instance", take_instance},
    {"role", take_role},
    {"user_data", take_user_data},
    {"require_public_key", take_public_key},
    {"max_age_ms", take_age},
    {"allow_debug", take_debug},
    {"roots", take_roots},
    {"challenge", take_challenge},
};

static enum vsa_status take_member(const char *name, const json_t *value,
                                   struct vsa_service_policy *policy, struct vsa_error *error)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].take(name, value, policy, error);
    return vsa_fail(error, VSA_ERR_FIELD, "a policy has no member \"%.40s\"", name);
}

/* --- one policy ------------------------------------------------------------------------------- */

static enum vsa_status name_policy(struct vsa_slice text, struct vsa_service_policy *policy,
                                   struct vsa_error *error)
{
    uint8_t digest[VSA_SHA256_SIZE];
    char encoded[44];
    VSA_TRY(vsa_sha256(&text, 1, digest, error));
    VSA_TRY(vsa_base64url_encode(vsa_slice_of(digest, sizeof(digest)), encoded, sizeof(encoded),
                                 error));
    (void)snprintf(policy->id, sizeof(policy->id), "%s#sha256-%s", policy->name, encoded);
    return VSA_OK;
}

enum vsa_status vsa_service_policy_parse(struct vsa_slice text, struct vsa_service_policy *policy,
                                         struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the policy",
        .max_size = VSA_MAX_INPUT_FILE,
        .max_depth = VSA_MAX_JSON_FILE_DEPTH,
    };
    VSA_AUTO_JSON json_t *object = NULL;
    const char *name;
    json_t *value;
    policy->max_age_ms = VSA_DEFAULT_MAX_AGE_MS;
    policy->challenge_required = true;
    (void)snprintf(policy->roots, sizeof(policy->roots), "aws");
    VSA_TRY(vsa_json_load_object(text, &limits, &object, error));
    if (json_object_get(object, "pcrs") && json_object_get(object, "measurements"))
        return vsa_fail(error, VSA_ERR_FIELD,
                        "both \"pcrs\" and \"measurements\": which are meant?");
    json_object_foreach(object, name, value) VSA_TRY(take_member(name, value, policy, error));
    return name_policy(text, policy, error);
}

void vsa_service_policy_free(struct vsa_service_policy *policy)
{
    vsa_whole_file_close(&policy->file);
    if (!policy->borrows_verifier)
        vsa_verifier_free(policy->verifier);
    vsa_measurements_free(&policy->images);
}

/* --- the directory ---------------------------------------------------------------------------- */

static enum vsa_status read_beside(const char *directory, const char *name, size_t limit,
                                   struct vsa_whole_file *file, struct vsa_error *error)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the path of %.64s is too long", name);
    return vsa_whole_file_read(path, limit, file, error);
}

/* Makes room for a fleet, too, whose documents are of hundreds of enclaves in turns. */
static enum vsa_status add_aws_roots(struct vsa_verifier *verifier, struct vsa_error *error)
{
    VSA_TRY(vsa_verifier_set_cache_size(verifier, VSA_MAX_CACHED_CERTIFICATES, error));
    return vsa_verifier_add_aws_roots(verifier, error);
}

/* Gives the last policy of the set its verifier: certificates are checked once for all policies. */
static enum vsa_status add_roots(const char *directory, struct vsa_policy_set *set,
                                 struct vsa_error *error)
{
    struct vsa_service_policy *policy = &set->policies[set->count - 1];
    for (size_t i = 0; i + 1 < set->count; i++) {
        if (strcmp(set->policies[i].roots, policy->roots) != 0)
            continue;
        policy->verifier = set->policies[i].verifier;
        policy->borrows_verifier = true;
        return VSA_OK;
    }
    policy->verifier = vsa_verifier_new();
    if (!policy->verifier)
        return vsa_fail_memory(error);
    if (strcmp(policy->roots, "aws") == 0)
        return add_aws_roots(policy->verifier, error);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file root = {NULL, 0, false};
    VSA_TRY(read_beside(directory, policy->roots, VSA_MAX_INPUT_FILE, &root, error));
    return vsa_verifier_add_root(policy->verifier, vsa_whole_file_slice(&root), error);
}

static enum vsa_status load_policy(const char *directory, const char *file,
                                   struct vsa_service_policy *policy, struct vsa_error *error)
{
    size_t size = strlen(file) - strlen(".json");
    if (size <= VSA_MAX_POLICY_NAME)
        memcpy(policy->name, file, size);
    if (!is_plain_name(policy->name))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a policy's name is of a-z, 0-9, '-', '_' and '.', at most %d characters",
                        VSA_MAX_POLICY_NAME);
    VSA_TRY(read_beside(directory, file, VSA_MAX_INPUT_FILE, &policy->file, error));
    return vsa_service_policy_parse(vsa_whole_file_slice(&policy->file), policy, error);
}

static enum vsa_status load_policies(const char *directory, const struct vsa_name_list *list,
                                     struct vsa_policy_set *set, struct vsa_error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        struct vsa_service_policy *policy = &set->policies[set->count++];
        enum vsa_status status = load_policy(directory, list->names[i], policy, error);
        if (status == VSA_OK)
            status = add_roots(directory, set, error);
        if (status != VSA_OK) {
            vsa_error_wrap(error, "policy %.80s", list->names[i]);
            return status;
        }
    }
    return VSA_OK;
}

enum vsa_status vsa_policy_set_load(const char *directory, struct vsa_policy_set **set,
                                    struct vsa_error *error)
{
    VSA_AUTO_NAME_LIST struct vsa_name_list list = {0};
    VSA_TRY(vsa_name_list_read(directory, ".json", VSA_MAX_POLICY_FILES, &list, error));
    if (!list.count)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no policy (NAME.json) in %.160s", directory);
    VSA_CLEANUP(vsa_cleanup_policy_set)
    struct vsa_policy_set *loaded = calloc(1, sizeof(*loaded));
    if (!loaded)
        return vsa_fail_memory(error);
    VSA_TRY(load_policies(directory, &list, loaded, error));
    *set = loaded;
    loaded = NULL;
    return VSA_OK;
}

void vsa_policy_set_free(struct vsa_policy_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        vsa_service_policy_free(&set->policies[i]);
    free(set);
}

const struct vsa_service_policy *vsa_policy_set_find(const struct vsa_policy_set *set,
                                                     struct vsa_slice name)
{
    for (size_t i = 0; i < set->count; i++)
        if (vsa_slice_equal_text(name, set->policies[i].name))
            return &set->policies[i];
    return NULL;
}
