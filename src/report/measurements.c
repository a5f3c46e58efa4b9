/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCRs of images from what nitro-cli prints. An expected PCR that is silently passed over is a
 * check that never happens, so everything that looks like one must be understood.
 */
#include <vsattest/report.h>

#include <ctype.h>
#include <strings.h>

#include "attestation/pcrs.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/printable.h"
#include "json/load.h"

#define RULE "nitro-cli output, Measurements"
/* Other builders print other forms; one PCR at a time always works. */
#define OTHER_FORMS "; PCRs in another form can be given one by one"

/* Returns whether it begins with UTF-16's byte order mark or a zero beside ASCII. */
static bool is_utf16(struct vsa_slice file)
{
    return file.size >= 2 &&
           ((file.data[0] == 0xff && file.data[1] == 0xfe) ||
            (file.data[0] == 0xfe && file.data[1] == 0xff) || !file.data[0] != !file.data[1]);
}

static enum vsa_status parse_json(struct vsa_slice file, json_t **root, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the measurements file",
        .max_size = VSA_MAX_INPUT_FILE,
        .max_depth = VSA_MAX_JSON_FILE_DEPTH,
        .skip_preamble = true, /* "Enclave Image successfully created."; marks of editors */
    };
    if (is_utf16(file))
        return vsa_fail_at(
            error, VSA_ERR_JSON, 0, "RFC 8259 section 8.1",
            "the measurements file is UTF-16 text, as > of PowerShell writes it, and "
            "JSON is UTF-8: write it with Out-File -Encoding utf8, or convert it "
            "with iconv -f UTF-16 -t UTF-8");
    enum vsa_status status = vsa_json_load(file, &limits, root, error);
    if (status == VSA_ERR_EMPTY)
        return vsa_fail(error, VSA_ERR_JSON,
                        "no JSON in the measurements file; expected what nitro-cli "
                        "build-enclave or describe-eif prints" OTHER_FORMS);
    return status;
}

/* Parses "PCR0" .. "PCR31" in any case, no leading zeros. */
static bool parse_pcr_name(const char *name, unsigned *index)
{
    if (strncasecmp(name, "PCR", 3) != 0 || !isdigit((unsigned char)name[3]))
        return false;
    unsigned value = (unsigned)(name[3] - '0');
    if (name[4]) {
        if (!isdigit((unsigned char)name[4]) || value == 0 || name[5])
            return false;
        value = value * 10 + (unsigned)(name[4] - '0');
    }
    *index = value;
    return value < VSA_PCR_COUNT;
}

static enum vsa_status check_hash_algorithm(const json_t *value, struct vsa_error *error)
{
    /*
     * nitro-cli prints Rust's debug form: "Sha384 { ... }" up to 1.4, "Sha512_48 { .. }" from 1.5,
     * which is SHA-512 cut to 48 bytes: SHA-384 (FIPS 180-4 section 5.3).
     * Sha512_32 is another hash.
     */
    static const char *const names[] = {"Sha384", "Sha512_48"};
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i]);
        if (strncasecmp(text, names[i], size) == 0 && !isalnum((unsigned char)text[size]) &&
            text[size] != '_')
            return VSA_OK;
    }
    return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
                       "HashAlgorithm of the measurements is not Sha384 (Sha512_48)");
}

/* Decodes hexadecimal digits of a PCR's length, with or without 0x before them. */
static bool decode_value(const json_t *value, uint8_t bytes[VSA_PCR_SIZE])
{
    if (!json_is_string(value))
        return false;
    struct vsa_slice hex = vsa_json_string_slice(value);
    if (hex.size > 2 && hex.data[0] == '0' && (hex.data[1] == 'x' || hex.data[1] == 'X'))
        hex = vsa_slice_of(hex.data + 2, hex.size - 2);
    return vsa_hex_decode(hex, bytes, VSA_PCR_SIZE, NULL) == VSA_OK;
}

static enum vsa_status expect_pcr(struct vsa_policy *policy, unsigned index, const json_t *value,
                                  struct vsa_error *error)
{
    uint8_t bytes[VSA_PCR_SIZE];
    if (!json_is_string(value))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE, "PCR%u is not a string",
                           index);
    if (!decode_value(value, bytes))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
                           "PCR%u is not %d hexadecimal digits", index, 2 * VSA_PCR_SIZE);
    return vsa_policy_expect_pcr(policy, index, vsa_slice_of(bytes, sizeof(bytes)), error);
}

static bool names_any_pcr(json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (strncasecmp(name, "PCR", 3) == 0 && !isalpha((unsigned char)name[3]))
            return true;
    }
    return false;
}

/* Returns whether name or value is like a PCR's: one to compare, in an unknown form. */
static bool looks_like_pcr(const char *name, json_t *value)
{
    uint8_t ignored[VSA_PCR_SIZE];
    return strncasecmp(name, "PCR", 3) == 0 || decode_value(value, ignored) || names_any_pcr(value);
}

static enum vsa_status refuse_key(const char *name, struct vsa_error *error)
{
    char text[41];
    (void)snprintf(text, sizeof(text), "%s", name);
    vsa_printable_make(text, strlen(text));
    return vsa_fail_at(
        error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
        "the measurements hold \"%s\" beside PCRs, which is not PCR0..PCR31; take it "
        "out if it is not to be compared",
        text);
}

static enum vsa_status expect_all(struct vsa_policy *policy, json_t *measurements,
                                  struct vsa_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(measurements, name, value)
    {
        unsigned index;
        if (strcasecmp(name, "HashAlgorithm") == 0)
            VSA_TRY(check_hash_algorithm(value, error));
        else if (parse_pcr_name(name, &index))
            VSA_TRY(expect_pcr(policy, index, value, error));
        else if (looks_like_pcr(name, value))
            return refuse_key(name, error);
    }
    return VSA_OK;
}

/* Refuses PCRs in objects beside "Measurements": they would not be compared. */
static enum vsa_status refuse_others(json_t *entry, const json_t *nested, struct vsa_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(entry, name, value)
    {
        if (value != nested && names_any_pcr(value))
            return refuse_key(name, error);
    }
    return VSA_OK;
}

/* Finds {"Measurements": {...}, ...}, or the bare {"PCR0": ...}. */
static enum vsa_status find_measurements(json_t *entry, json_t **measurements,
                                         struct vsa_error *error)
{
    json_t *nested = json_object_get(entry, "Measurements");
    bool bare = names_any_pcr(entry);
    if (!json_is_object(entry))
        return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                           "measurements must be a JSON object");
    if (nested && bare)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
                           "PCRs both inside and beside \"Measurements\": which are meant?");
    if (nested && !json_is_object(nested))
        return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                           "Measurements is not an object");
    if (nested)
        VSA_TRY(refuse_others(entry, nested, error));
    *measurements = nested ? nested : entry;
    if (bare || (nested && names_any_pcr(nested)))
        return VSA_OK;
    return vsa_fail_at(error, VSA_ERR_POLICY_EMPTY, VSA_NO_OFFSET, RULE,
                       "no PCR in the measurements; nitro-cli describe-eif --eif-path FILE prints "
                       "those of an image" OTHER_FORMS);
}

static enum vsa_status read_name(const json_t *entry, char name[VSA_MAX_MEASUREMENTS_NAME],
                                 struct vsa_error *error)
{
    static const char *const keys[] = {"name", "ImageName", "EnclaveName"};
    const json_t *found = NULL;
    for (size_t i = 0; !found && i < sizeof(keys) / sizeof(keys[0]); i++)
        found = vsa_json_get(entry, keys[i]);
    if (found && !json_is_string(found))
        return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                           "the name of the measurements is not a string");
    (void)snprintf(name, VSA_MAX_MEASUREMENTS_NAME, "%s", found ? json_string_value(found) : "");
    vsa_printable_make(name, strlen(name));
    return VSA_OK;
}

/* Reads one image; a policy made for it has the checks of each PCR. */
static enum vsa_status read_image(json_t *entry, struct vsa_measurements *image,
                                  struct vsa_error *error)
{
    json_t *measurements;
    struct vsa_policy policy;
    vsa_policy_init(&policy);
    VSA_TRY(find_measurements(entry, &measurements, error));
    VSA_TRY(expect_all(&policy, measurements, error));
    image->pcrs = policy.pcrs;
    return read_name(entry, image->name, error);
}

/* Reads each member of an array; errors name its index. */
static enum vsa_status read_images(json_t *root, struct vsa_measurements *images,
                                   struct vsa_error *error)
{
    if (!json_is_array(root)) {
        images->index = VSA_NO_INDEX;
        return read_image(root, images, error);
    }
    for (size_t i = 0; i < json_array_size(root); i++) {
        images[i].index = i;
        enum vsa_status status = read_image(json_array_get(root, i), &images[i], error);
        if (status != VSA_OK) {
            vsa_error_wrap(error, "[%zu]", i);
            return status;
        }
    }
    return VSA_OK;
}

static enum vsa_status count_images(const json_t *root, size_t present, size_t *count,
                                    struct vsa_error *error)
{
    *count = json_is_array(root) ? json_array_size(root) : 1;
    if (!*count)
        return vsa_fail_at(error, VSA_ERR_POLICY_EMPTY, VSA_NO_OFFSET, RULE,
                           "the measurements file lists no image: an empty list matches nothing");
    if (*count > VSA_MAX_MEASUREMENTS - present)
        return vsa_fail(error, VSA_ERR_TOO_MANY,
                        "measurements of %zu images; %d at most: leave out those that may run no "
                        "more",
                        *count + present, VSA_MAX_MEASUREMENTS);
    return VSA_OK;
}

enum vsa_status vsa_measurements_read(struct vsa_measurements_list *list, struct vsa_slice json,
                                      const char *file, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *root = NULL;
    size_t count;
    VSA_TRY(parse_json(json, &root, error));
    VSA_TRY(count_images(root, list->count, &count, error));
    struct vsa_measurements *images =
        realloc(list->images, (list->count + count) * sizeof(*images));
    if (!images)
        return vsa_fail_memory(error);
    list->images = images;
    images += list->count;
    for (size_t i = 0; i < count; i++)
        images[i] = (struct vsa_measurements){.file = file};
    VSA_TRY(read_images(root, images, error));
    list->count += count;
    return VSA_OK;
}

void vsa_measurements_free(struct vsa_measurements_list *list)
{
    free(list->images);
    *list = (struct vsa_measurements_list){0};
}

/* Expects all PCRs or none. Not by a copy: an older program's policy is shorter than ours. */
static enum vsa_status expect_pcrs(struct vsa_policy *policy, const struct vsa_pcrs *pcrs,
                                   struct vsa_error *error)
{
    const struct vsa_pcrs before = policy->pcrs;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        if (!vsa_has_pcr(pcrs, i))
            continue;
        enum vsa_status status = vsa_policy_expect_pcr(policy, i, vsa_pcr_value(pcrs, i), error);
        if (status != VSA_OK) {
            policy->pcrs = before;
            return status;
        }
    }
    return VSA_OK;
}

enum vsa_status vsa_policy_expect_measurements(struct vsa_policy *policy, struct vsa_slice json,
                                               struct vsa_error *error)
{
    VSA_CLEANUP(vsa_measurements_free) struct vsa_measurements_list list = {0};
    VSA_TRY(vsa_measurements_read(&list, json, NULL, error));
    if (list.count > 1)
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, RULE,
                           "the measurements file lists %zu images; keep the one you mean, for "
                           "example with jq '.[0]'",
                           list.count);
    return expect_pcrs(policy, &list.images[0].pcrs, error);
}
