/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected PCRs from what nitro-cli prints. An expected PCR that is silently passed over is a
 * check that never happens, so everything that looks like one must be understood.
 */
#include <vsattest/report.h>

#include <ctype.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/json_depth.h"
#include "base/printable.h"

#define RULE "nitro-cli output, Measurements"
/* Other builders print other forms; one PCR at a time always works. */
#define OTHER_FORMS "; PCRs in another form can be given one by one: --pcr N=HEX"

VSA_DEFINE_CLEANUP(json_t, json_decref, cleanup_json);

/* Windows' editors put a byte order mark in front (RFC 8259 section 8.1 lets a reader ignore it).
 */
static struct vsa_slice skip_byte_order_mark(struct vsa_slice text)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (text.size < sizeof(mark) || memcmp(text.data, mark, sizeof(mark)) != 0)
        return text;
    return vsa_slice_of(text.data + sizeof(mark), text.size - sizeof(mark));
}

/* Text lines before the JSON ("Enclave Image successfully created.") say nothing of interest. */
static struct vsa_slice skip_leading_lines(struct vsa_slice text)
{
    while (text.size) {
        size_t i = 0;
        while (i < text.size && strchr(" \t\r\n", text.data[i]) && text.data[i])
            i++;
        if (i < text.size && (text.data[i] == '{' || text.data[i] == '['))
            break;
        const uint8_t *end = memchr(text.data + i, '\n', text.size - i);
        if (!end)
            return vsa_slice_of(text.data, 0);
        text = vsa_slice_of(end + 1, text.size - (size_t)(end + 1 - text.data));
    }
    return text;
}

static enum vsa_status parse_json(struct vsa_slice file, json_t **root, struct vsa_error *error)
{
    if (file.size > VSA_MAX_INPUT_FILE)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "measurements of %zu bytes, the limit is %d",
                        file.size, VSA_MAX_INPUT_FILE);
    struct vsa_slice text = skip_leading_lines(skip_byte_order_mark(file));
    if (!text.size)
        return vsa_fail(error, VSA_ERR_JSON,
                        "no JSON in the measurements file; expected what nitro-cli "
                        "build-enclave or describe-eif prints" OTHER_FORMS);
    VSA_TRY(vsa_json_depth_check(text, VSA_MAX_JSON_FILE_DEPTH, error));
    json_error_t json_error;
    *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &json_error);
    if (*root)
        return VSA_OK;
    if (json_error_code(&json_error) == json_error_out_of_memory)
        return vsa_fail_memory(error);
    size_t offset = (size_t)(text.data - file.data);
    if (json_error.position > 0)
        offset += (size_t)json_error.position;
    return vsa_fail_at(error, VSA_ERR_JSON, offset, "RFC 8259", "measurements are not valid JSON");
}

/* The one enclave or image the file is about. */
static enum vsa_status find_entry(json_t *root, json_t **entry, struct vsa_error *error)
{
    *entry = root;
    if (json_is_array(root)) {
        size_t count = json_array_size(root);
        if (count == 0)
            return vsa_fail_at(error, VSA_ERR_POLICY_EMPTY, VSA_NO_OFFSET, RULE,
                               "the measurements file lists no enclave");
        if (count > 1)
            return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, RULE,
                               "the measurements file lists %zu enclaves; keep the one you mean, "
                               "for example with jq '.[0]'",
                               count);
        *entry = json_array_get(root, 0);
    }
    if (!json_is_object(*entry))
        return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                           "measurements must be a JSON object");
    return VSA_OK;
}

/* "PCR0" .. "PCR31" in any case, no leading zeros. */
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
     * which is SHA-512 cut to 48 bytes: SHA-384 (FIPS 180-4 section 5.3). Sha512_32 is another
     * hash.
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

static enum vsa_status expect_pcr(struct vsa_policy *policy, unsigned index, const json_t *value,
                                  struct vsa_error *error)
{
    if (!json_is_string(value))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE, "PCR%u is not a string",
                           index);
    struct vsa_slice hex = vsa_slice_of(json_string_value(value), json_string_length(value));
    if (hex.size > 2 && hex.data[0] == '0' && (hex.data[1] == 'x' || hex.data[1] == 'X'))
        hex = vsa_slice_of(hex.data + 2, hex.size - 2);
    uint8_t bytes[VSA_PCR_SIZE];
    if (vsa_hex_decode(hex, bytes, sizeof(bytes), NULL) != VSA_OK)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
                           "PCR%u is not %d hexadecimal digits", index, 2 * VSA_PCR_SIZE);
    return vsa_policy_expect_pcr(policy, index, vsa_slice_of(bytes, sizeof(bytes)), error);
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
        else
            return refuse_key(name, error);
    }
    return VSA_OK;
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

/* {"Measurements": {...}, ...}, or the bare {"PCR0": ...}. */
static enum vsa_status find_measurements(json_t *entry, json_t **measurements,
                                         struct vsa_error *error)
{
    json_t *nested = json_object_get(entry, "Measurements");
    bool bare = names_any_pcr(entry);
    if (nested && bare)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, RULE,
                           "PCRs both inside and beside \"Measurements\": which are meant?");
    if (nested && !json_is_object(nested))
        return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                           "Measurements is not an object");
    *measurements = nested ? nested : entry;
    if (bare || (nested && names_any_pcr(nested)))
        return VSA_OK;
    return vsa_fail_at(error, VSA_ERR_POLICY_EMPTY, VSA_NO_OFFSET, RULE,
                       "no PCR in the measurements file; nitro-cli describe-eif --eif-path FILE "
                       "prints those of an image" OTHER_FORMS);
}

enum vsa_status vsa_policy_expect_measurements(struct vsa_policy *policy, struct vsa_slice json,
                                               struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_json) json_t *root = NULL;
    json_t *entry;
    json_t *measurements;
    VSA_TRY(parse_json(json, &root, error));
    VSA_TRY(find_entry(root, &entry, error));
    VSA_TRY(find_measurements(entry, &measurements, error));
    struct vsa_policy changed = *policy;
    VSA_TRY(expect_all(&changed, measurements, error));
    *policy = changed;
    return VSA_OK;
}
