/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "json/load.h"
#include <vsattest/report.h>

void vsa_archive_entry_clear(struct vsa_archive_entry *entry)
{
    free(entry->name);
    free(entry->bytes);
    free(entry->result);
    *entry = (struct vsa_archive_entry){.name = NULL};
}

void vsa_archive_request_clear(struct vsa_archive_request *request)
{
    free(request->decoded);
    json_decref(request->id);
    request->decoded = NULL;
    request->id = NULL;
}

void vsa_archive_request_init(struct vsa_archive_request *request)
{
    request->document = vsa_slice_of(NULL, 0);
    request->document_time = false;
    request->id = NULL;
    request->decoded = NULL;
    request->apart = vsa_slice_of(NULL, 0);
    request->fields_used = 0;
}

/* Decodes a document in any form in which it was saved. */
static enum vsa_status read_document(struct vsa_slice saved, struct vsa_archive_request *request,
                                     struct vsa_error *error)
{
    request->decoded = malloc(saved.size + 1);
    if (!request->decoded)
        return vsa_fail_memory(error);
    return vsa_document_decode(saved, request->decoded, saved.size + 1, &request->document, error);
}

/* --- members of a line ------------------------------------------------------------------------ */

/* A member of a line, and who reads it. */
struct member {
    const char *name;
    enum vsa_status (*read)(struct vsa_archive_request *request, const char *name, json_t *value,
                            struct vsa_error *error);
};

static enum vsa_status refuse(const char *name, const char *form, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_JSON, "the line's \"%s\" is not %s", name, form);
}

/* Copies bytes to where the policy can borrow them. */
static enum vsa_status keep(struct vsa_archive_request *request, const char *name,
                            struct vsa_slice bytes, struct vsa_slice *expected,
                            struct vsa_error *error)
{
    if (bytes.size > VSA_MAX_FIELD)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "the line's \"%s\" has more than %d bytes", name,
                        VSA_MAX_FIELD);
    if (expected->data && !vsa_slice_equal(*expected, bytes))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the line's \"%s\" is another than what is expected of all documents, or "
                        "the line has two of them",
                        name);
    if (expected->data)
        return VSA_OK;
    if (bytes.size > sizeof(request->fields) - request->fields_used)
        return vsa_fail(error, VSA_ERR_INTERNAL, "no room for \"%s\"", name);
    uint8_t *copy = request->fields + request->fields_used;
    memcpy(copy, bytes.data, bytes.size);
    request->fields_used += bytes.size;
    *expected = vsa_slice_of(copy, bytes.size);
    return VSA_OK;
}

static enum vsa_status keep_text(struct vsa_archive_request *request, const char *name,
                                 json_t *value, struct vsa_slice *expected, struct vsa_error *error)
{
    if (!json_is_string(value))
        return refuse(name, "a string", error);
    return keep(request, name, vsa_json_apart_slice(value, request->apart), expected, error);
}

static enum vsa_status keep_base64(struct vsa_archive_request *request, const char *name,
                                   json_t *value, struct vsa_slice *expected,
                                   struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_FIELD + 3];
    struct vsa_slice bytes;
    if (!json_is_string(value) ||
        vsa_base64_decode(vsa_json_apart_slice(value, request->apart), VSA_BASE64_STRICT, buffer,
                          sizeof(buffer), &bytes, NULL) != VSA_OK)
        return refuse(name, "base64 of at most 1024 bytes", error);
    return keep(request, name, bytes, expected, error);
}

#define FIELD(function, keep_as, member)                                                           \
    static enum vsa_status function(struct vsa_archive_request *request, const char *name,         \
                                    json_t *value, struct vsa_error *error)                        \
    {                                                                                              \
        return keep_as(request, name, value, &request->policy.member, error);                      \
    }                                                                                              \
    struct swallow_semicolon_

FIELD(read_nonce, keep_text, nonce);
FIELD(read_nonce_base64, keep_base64, nonce);
FIELD(read_user_data, keep_text, user_data);
FIELD(read_user_data_base64, keep_base64, user_data);
FIELD(read_public_key, keep_base64, public_key);
FIELD(read_instance, keep_text, instance);

static enum vsa_status read_saved(struct vsa_archive_request *request, const char *name,
                                  json_t *value, struct vsa_error *error)
{
    if (!json_is_string(value))
        return refuse(name, "a string", error);
    return read_document(vsa_json_apart_slice(value, request->apart), request, error);
}

/* Takes a JSON string or number to give back with the result. */
static enum vsa_status read_id(struct vsa_archive_request *request, const char *name, json_t *value,
                               struct vsa_error *error)
{
    if ((!json_is_string(value) && !json_is_integer(value)) ||
        (json_is_string(value) &&
         vsa_json_apart_slice(value, request->apart).size > VSA_MAX_REQUEST_ID))
        return refuse(name, "a string of at most 128 bytes or an integer", error);
    request->id = json_incref(value);
    return VSA_OK;
}

/* Takes the time of one document; read_line() refused it where the caller chose one for all. */
static enum vsa_status read_at(struct vsa_archive_request *request, const char *name, json_t *value,
                               struct vsa_error *error)
{
    char text[32];
    const char *at = json_string_value(value);
    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        at = text;
    }
    request->document_time = at && strcmp(at, "document") == 0;
    if (request->document_time || (at && vsa_time_parse(at, &request->now_ms, NULL) == VSA_OK))
        return VSA_OK;
    return refuse(name, "RFC 3339, Unix seconds or \"document\"", error);
}

/* Takes a number of seconds in place of that of all documents, which it may only lower. */
static enum vsa_status lower_limit(const char *name, const json_t *value, int64_t *limit_ms,
                                   struct vsa_error *error)
{
    json_int_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds < 0 || seconds > INT64_MAX / 1000)
        return refuse(name, "a number of seconds", error);
    if (seconds * 1000 > *limit_ms)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the line's \"%s\" is more than the %lld seconds of all documents: a line "
                        "can only lower that",
                        name, (long long)(*limit_ms / 1000));
    *limit_ms = seconds * 1000;
    return VSA_OK;
}

static enum vsa_status read_max_age(struct vsa_archive_request *request, const char *name,
                                    json_t *value, struct vsa_error *error)
{
    return lower_limit(name, value, &request->policy.max_age_ms, error);
}

static enum vsa_status read_max_skew(struct vsa_archive_request *request, const char *name,
                                     json_t *value, struct vsa_error *error)
{
    return lower_limit(name, value, &request->policy.max_skew_ms, error);
}

static enum vsa_status read_pcrs(struct vsa_archive_request *request, const char *name,
                                 json_t *value, struct vsa_error *error)
{
    const char *key;
    json_t *member;
    if (!json_is_object(value))
        return refuse(name, "an object", error);
    json_object_foreach(value, key, member)
    {
        uint8_t pcr[VSA_PCR_SIZE];
        char *end = NULL;
        unsigned long index = strtoul(key, &end, 10);
        if (key[0] < '0' || key[0] > '9' || *end || index >= VSA_PCR_COUNT ||
            (key[0] == '0' && key[1]) || !json_is_string(member) ||
            vsa_hex_decode(vsa_json_string_slice(member), pcr, sizeof(pcr), NULL) != VSA_OK)
            return refuse(name, "an object of indexes from 0 to 31 and 96 hexadecimal digits each",
                          error);
        VSA_TRY(vsa_policy_expect_pcr(&request->policy, (unsigned)index,
                                      vsa_slice_of(pcr, sizeof(pcr)), error));
    }
    return VSA_OK;
}

static const struct member members[] = {
    {"document", read_saved},
    {"id", read_id},
    {"at", read_at},
    {"nonce", read_nonce},
    {"nonce_base64", read_nonce_base64},
    {"user_data", read_user_data},
    {"user_data_base64", read_user_data_base64},
    {"public_key", read_public_key},
    {"instance_id", read_instance},
    {"pcrs", read_pcrs},
    {"max_age", read_max_age},
    {"max_skew", read_max_skew},
};

/*
 * Reads one member. An unknown one may be an expectation that was misspelt, and null one that its
 * writer did not know: both are refused, not left unchecked.
 */
static enum vsa_status read_member(struct vsa_archive_request *request, const char *name,
                                   json_t *value, struct vsa_error *error)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(name, members[i].name) == 0)
            return members[i].read(request, name, value, error);
    return vsa_fail(error, VSA_ERR_JSON,
                    "the line has a member that is none of document, id, at, nonce, user_data, "
                    "public_key, instance_id, pcrs, max_age and max_skew");
}

static enum vsa_status read_line(const struct vsa_archive_entry *entry,
                                 const struct vsa_archive_expectations *all,
                                 struct vsa_archive_request *request, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the line",
        .max_size = VSA_MAX_ARCHIVE_LINE,
        .max_depth = VSA_MAX_JSON_DEPTH,
        .allow_nul = true,
    };
    VSA_AUTO_JSON json_t *line = NULL;
    const char *name;
    json_t *value;
    VSA_TRY(vsa_json_load_object_apart(vsa_slice_of(entry->bytes, entry->size), &limits, &line,
                                       &request->apart, error));
    if (all->has_time && vsa_json_get(line, "at"))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the line names a time (\"at\"), and another one was chosen for all");
    json_object_foreach(line, name, value)
    {
        VSA_TRY(read_member(request, name, value, error));
    }
    if (!request->decoded)
        return vsa_fail(error, VSA_ERR_JSON, "the line has no \"document\"");
    return VSA_OK;
}

enum vsa_status vsa_archive_request_read(const struct vsa_archive_entry *entry,
                                         const struct vsa_archive_expectations *all,
                                         struct vsa_archive_request *request,
                                         struct vsa_error *error)
{
    request->policy = *all->policy;
    request->now_ms = all->now_ms;
    request->document_time = all->document_time;
    if (entry->is_line)
        VSA_TRY(read_line(entry, all, request, error));
    else
        VSA_TRY(read_document(vsa_slice_of(entry->bytes, entry->size), request, error));
    if (!request->document_time)
        return VSA_OK;
    /* Not authenticated yet; it is once the signature has been verified. */
    struct vsa_unverified_document parsed;
    VSA_TRY(vsa_document_parse(request->document, &parsed, error));
    request->now_ms = (int64_t)parsed.timestamp_ms;
    return VSA_OK;
}
