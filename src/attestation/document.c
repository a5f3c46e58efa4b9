/* SPDX-License-Identifier: Apache-2.0 */
/* The document's syntax: AWS NSM API, docs/attestation_process.md, section 3.2.2. */
#include <vsattest/attestation.h>

#include "base/error.h"
#include "base/slice.h"
#include "cbor/reader.h"
#include "cose/sign1.h"

static const char rule[] = "AWS attestation process 3.2.2";

/* The end of the year 9999: later times cannot be written down, and sums stay far from overflow. */
#define MAX_TIMESTAMP_MS UINT64_C(253402300799999)

struct parser {
    struct vsa_cbor_reader reader; /* over the payload */
    struct vsa_unverified_document *parsed;
    struct vsa_error *error;
};

static enum vsa_status read_module_id(struct parser *parser)
{
    struct vsa_slice *module_id = &parser->parsed->module_id;
    size_t start = parser->reader.offset;
    VSA_TRY(vsa_cbor_read_text(&parser->reader, module_id, parser->error));
    if (!module_id->size || module_id->size > VSA_MAX_MODULE_ID)
        return vsa_fail_at(parser->error, VSA_ERR_FIELD, start, rule,
                           "module_id has %zu bytes instead of 1 to %d", module_id->size,
                           VSA_MAX_MODULE_ID);
    /* An instance's own module ID (NitroTPM) lacks the enclave's part. */
    if (!memmem(module_id->data, module_id->size, "-enc", 4))
        return vsa_fail_at(parser->error, VSA_ERR_NITROTPM, start, rule,
                           "module_id names no enclave (no \"-enc\" in it)");
    return VSA_OK;
}

static enum vsa_status read_digest(struct parser *parser)
{
    struct vsa_slice digest;
    size_t start = parser->reader.offset;
    VSA_TRY(vsa_cbor_read_text(&parser->reader, &digest, parser->error));
    if (!vsa_slice_equal_text(digest, "SHA384"))
        return vsa_fail_at(parser->error, VSA_ERR_FIELD, start, rule, "digest is not \"SHA384\"");
    return VSA_OK;
}

static enum vsa_status read_timestamp(struct parser *parser)
{
    size_t start = parser->reader.offset;
    if (vsa_cbor_peek(&parser->reader) != VSA_CBOR_UNSIGNED)
        return vsa_fail_at(parser->error, VSA_ERR_TIMESTAMP, start, rule,
                           "timestamp is not an unsigned integer");
    uint64_t *timestamp = &parser->parsed->timestamp_ms;
    VSA_TRY(vsa_cbor_read_unsigned(&parser->reader, timestamp, parser->error));
    if (*timestamp == 0 || *timestamp > MAX_TIMESTAMP_MS)
        return vsa_fail_at(parser->error, VSA_ERR_TIMESTAMP, start, rule,
                           "timestamp %llu is not a time in milliseconds since 1970",
                           (unsigned long long)*timestamp);
    return VSA_OK;
}

static enum vsa_status read_pcr(struct parser *parser)
{
    size_t start = parser->reader.offset;
    uint64_t index = 0;
    struct vsa_slice value;
    if (vsa_cbor_peek(&parser->reader) != VSA_CBOR_UNSIGNED)
        return vsa_fail_at(parser->error, VSA_ERR_PCRS, start, rule, "PCR index is not an integer");
    VSA_TRY(vsa_cbor_read_unsigned(&parser->reader, &index, parser->error));
    if (index >= VSA_PCR_COUNT)
        return vsa_fail_at(parser->error, VSA_ERR_PCRS, start, rule,
                           "PCR index %llu; the last is %d", (unsigned long long)index,
                           VSA_PCR_COUNT - 1);
    if (vsa_cbor_peek(&parser->reader) != VSA_CBOR_BYTES)
        return vsa_fail_at(parser->error, VSA_ERR_PCRS, parser->reader.offset, rule,
                           "PCR%llu is not a byte string", (unsigned long long)index);
    VSA_TRY(vsa_cbor_read_bytes(&parser->reader, &value, parser->error));
    if (value.size != VSA_PCR_SIZE)
        return vsa_fail_at(parser->error, VSA_ERR_PCRS, start, rule,
                           "PCR%llu has %zu bytes; SHA384 makes %d", (unsigned long long)index,
                           value.size, VSA_PCR_SIZE);
    memcpy(parser->parsed->pcrs.value[index], value.data, VSA_PCR_SIZE);
    parser->parsed->pcrs.present |= 1u << index;
    return VSA_OK;
}

static enum vsa_status read_pcrs(struct parser *parser)
{
    struct vsa_cbor_map map;
    bool found = false;
    size_t start = parser->reader.offset;
    VSA_TRY(vsa_cbor_open_map(&parser->reader, VSA_CBOR_MAP_DEFINITE, &map, parser->error));
    for (;;) {
        VSA_TRY(vsa_cbor_next_entry(&parser->reader, &map, &found, parser->error));
        if (!found)
            break;
        VSA_TRY(read_pcr(parser));
    }
    if (!parser->parsed->pcrs.present)
        return vsa_fail_at(parser->error, VSA_ERR_PCRS, start, rule, "there is no PCR");
    return VSA_OK;
}

static enum vsa_status read_certificate_bytes(struct parser *parser, const char *name,
                                              struct vsa_slice *der)
{
    size_t start = parser->reader.offset;
    VSA_TRY(vsa_cbor_read_bytes(&parser->reader, der, parser->error));
    if (!der->size || der->size > VSA_MAX_CERTIFICATE)
        return vsa_fail_at(parser->error, VSA_ERR_FIELD, start, rule,
                           "%s has %zu bytes instead of 1 to %d", name, der->size,
                           VSA_MAX_CERTIFICATE);
    return VSA_OK;
}

static enum vsa_status read_certificate(struct parser *parser)
{
    return read_certificate_bytes(parser, "certificate", &parser->parsed->certificate);
}

static enum vsa_status refuse_cabundle(struct parser *parser, size_t start, size_t count)
{
    return vsa_fail_at(parser->error, VSA_ERR_CABUNDLE, start, rule,
                       "cabundle has %zu certificates instead of 1 to %d", count, VSA_MAX_CABUNDLE);
}

static enum vsa_status read_cabundle(struct parser *parser)
{
    size_t start = parser->reader.offset;
    size_t count = 0;
    struct vsa_cbor_array array;
    VSA_TRY(vsa_cbor_open_array(&parser->reader, &array, parser->error));
    if (array.remaining > VSA_MAX_CABUNDLE)
        return refuse_cabundle(parser, start, array.remaining);
    while (vsa_cbor_next_item(&parser->reader, &array)) {
        if (count == VSA_MAX_CABUNDLE)
            return refuse_cabundle(parser, start, count + 1);
        VSA_TRY(read_certificate_bytes(parser, "cabundle entry", &parser->parsed->cabundle[count]));
        count++;
    }
    if (!count)
        return refuse_cabundle(parser, start, 0);
    parser->parsed->cabundle_count = count;
    return VSA_OK;
}

/*
 * Reads an optional byte string: null stays absent; h'' becomes a present slice of no bytes. Both
 * occur in real documents.
 */
static enum vsa_status read_optional(struct parser *parser, const char *name,
                                     struct vsa_slice *value)
{
    bool was_null = false;
    size_t start = parser->reader.offset;
    VSA_TRY(vsa_cbor_read_optional_null(&parser->reader, &was_null, parser->error));
    if (was_null)
        return VSA_OK;
    VSA_TRY(vsa_cbor_read_bytes(&parser->reader, value, parser->error));
    if (value->size > VSA_MAX_FIELD)
        return vsa_fail_at(parser->error, VSA_ERR_FIELD, start, rule,
                           "%s has %zu bytes; at most %d are allowed", name, value->size,
                           VSA_MAX_FIELD);
    return VSA_OK;
}

static enum vsa_status read_public_key(struct parser *parser)
{
    return read_optional(parser, "public_key", &parser->parsed->public_key);
}

static enum vsa_status read_user_data(struct parser *parser)
{
    return read_optional(parser, "user_data", &parser->parsed->user_data);
}

static enum vsa_status read_nonce(struct parser *parser)
{
    return read_optional(parser, "nonce", &parser->parsed->nonce);
}

static enum vsa_status refuse_nitrotpm(struct parser *parser)
{
    return vsa_fail_at(parser->error, VSA_ERR_NITROTPM, parser->reader.offset, rule,
                       "this is a NitroTPM document of an instance, not an enclave's");
}

struct field {
    const char *name;
    bool mandatory;
    enum vsa_status (*read)(struct parser *parser);
};

static const struct field fields[] = {
    {"module_id", true, read_module_id},
    {"digest", true, read_digest},
    {"timestamp", true, read_timestamp},
    {"pcrs", true, read_pcrs},
    {"certificate", true, read_certificate},
    {"cabundle", true, read_cabundle},
    {"public_key", false, read_public_key},
    {"user_data", false, read_user_data},
    {"nonce", false, read_nonce},
    {"nitrotpm_pcrs", false, refuse_nitrotpm},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* Reads one entry of the payload map. Skips unknown keys, which AWS may add. */
static enum vsa_status read_entry(struct parser *parser, uint32_t *seen)
{
    struct vsa_slice key;
    size_t start = parser->reader.offset;
    if (vsa_cbor_peek(&parser->reader) != VSA_CBOR_TEXT)
        return vsa_fail_at(parser->error, VSA_ERR_FIELD, start, rule, "payload key is not text");
    VSA_TRY(vsa_cbor_read_text(&parser->reader, &key, parser->error));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!vsa_slice_equal_text(key, fields[i].name))
            continue;
        *seen |= 1u << i;
        return fields[i].read(parser);
    }
    return vsa_cbor_skip(&parser->reader, parser->error);
}

static enum vsa_status read_payload(struct parser *parser)
{
    struct vsa_cbor_map map;
    bool found = false;
    uint32_t seen = 0;
    VSA_TRY(vsa_cbor_open_map(&parser->reader, VSA_CBOR_MAP_ANY, &map, parser->error));
    for (;;) {
        VSA_TRY(vsa_cbor_next_entry(&parser->reader, &map, &found, parser->error));
        if (!found)
            break;
        VSA_TRY(read_entry(parser, &seen));
    }
    VSA_TRY(vsa_cbor_finish(&parser->reader, "the payload map", parser->error));
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].mandatory && !(seen & 1u << i))
            return vsa_fail_at(parser->error, VSA_ERR_FIELD_MISSING, VSA_NO_OFFSET, rule,
                               "%s is missing", fields[i].name);
    return VSA_OK;
}

static enum vsa_status parse(struct vsa_slice document, struct vsa_unverified_document *parsed,
                             struct vsa_error *error)
{
    if (!document.size)
        return vsa_fail(error, VSA_ERR_EMPTY, "there is no document");
    if (document.size > VSA_MAX_DOCUMENT)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, rule,
                           "document of %zu bytes; at most %d are possible", document.size,
                           VSA_MAX_DOCUMENT);
    struct vsa_cose_sign1 sign1;
    VSA_TRY(vsa_cose_sign1_parse(document, VSA_COSE_ES384, &sign1, error));
    if (!sign1.payload.size || sign1.payload.size > VSA_MAX_PAYLOAD)
        return vsa_fail_at(error, VSA_ERR_COSE, VSA_NO_OFFSET, rule,
                           "payload has %zu bytes instead of 1 to %d", sign1.payload.size,
                           VSA_MAX_PAYLOAD);
    parsed->payload = sign1.payload;
    parsed->protected_header = sign1.protected_header;
    parsed->signature = sign1.signature;
    /* What AWS signed may be encoded in any form; the envelope around it is exact. */
    struct parser parser = {vsa_cbor_reader_of_any_form(sign1.payload), parsed, error};
    enum vsa_status status = read_payload(&parser);
    if (status != VSA_OK && error && error->offset != VSA_NO_OFFSET)
        error->offset += (size_t)(sign1.payload.data - document.data);
    return status;
}

enum vsa_status vsa_document_parse(struct vsa_slice document,
                                   struct vsa_unverified_document *parsed, struct vsa_error *error)
{
    memset(parsed, 0, sizeof(*parsed));
    enum vsa_status status = parse(document, parsed, error);
    if (status != VSA_OK)
        memset(parsed, 0, sizeof(*parsed));
    return status;
}
