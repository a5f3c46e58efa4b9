/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"
#include "cbor/reader.h"
#include "nsm/schema.h"

static const char rule[] = "AWS NSM API src/api/mod.rs";

/* Differences between requests, which are decoded strictly, and responses, which may grow. */
struct direction {
    const struct vsa_nsm_variant *variants;
    enum vsa_cbor_map_form map_form;
    bool unknown_fields_allowed;
    enum vsa_status unknown_variant;
};

static const struct direction requests = {
    vsa_nsm_request_variants,
    VSA_CBOR_MAP_DEFINITE,
    false,
    VSA_ERR_UNKNOWN_COMMAND,
};
static const struct direction responses = {
    vsa_nsm_response_variants,
    VSA_CBOR_MAP_ANY,
    true,
    VSA_ERR_REPLY,
};

static enum vsa_status read_u16(struct vsa_cbor_reader *reader, uint16_t *value,
                                struct vsa_error *error)
{
    uint64_t number = 0;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_unsigned(reader, &number, error));
    if (number > UINT16_MAX)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "number does not fit 16 bits");
    *value = (uint16_t)number;
    return VSA_OK;
}

static enum vsa_status read_optional_bytes(struct vsa_cbor_reader *reader, struct vsa_slice *bytes,
                                           struct vsa_error *error)
{
    bool is_null = false;
    VSA_TRY(vsa_cbor_read_optional_null(reader, &is_null, error));
    if (!is_null)
        return vsa_cbor_read_bytes(reader, bytes, error);
    *bytes = vsa_slice_of(NULL, 0);
    return VSA_OK;
}

static enum vsa_status read_pcr_value(struct vsa_cbor_reader *reader, struct vsa_slice *value,
                                      struct vsa_error *error)
{
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_bytes(reader, value, error));
    if (value->size != VSA_PCR_SIZE)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "PCR value of %zu bytes, not %d",
                           value->size, VSA_PCR_SIZE);
    return VSA_OK;
}

static enum vsa_status read_pcr_set(struct vsa_cbor_reader *reader, uint32_t *set,
                                    struct vsa_error *error)
{
    size_t count = 0;
    VSA_TRY(vsa_cbor_read_array(reader, &count, error));
    *set = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t index = 0;
        size_t start = reader->offset;
        VSA_TRY(read_u16(reader, &index, error));
        if (index >= VSA_PCR_COUNT || *set >> index & 1)
            return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "PCR index %u is %s", index,
                               index >= VSA_PCR_COUNT ? "out of bounds" : "there twice");
        *set |= UINT32_C(1) << index;
    }
    return VSA_OK;
}

/* Reads a module ID, which goes into logs and JSON as it is: printable, and within its bound. */
static enum vsa_status read_module_id(struct vsa_cbor_reader *reader, char *module_id,
                                      struct vsa_error *error)
{
    struct vsa_slice text;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_text(reader, &text, error));
    if (text.size == 0 || text.size > VSA_MAX_MODULE_ID)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "module_id of %zu bytes, not 1..%d",
                           text.size, VSA_MAX_MODULE_ID);
    if (!vsa_printable_all(text))
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule,
                           "module_id has a character that is not printable");
    memcpy(module_id, text.data, text.size);
    module_id[text.size] = '\0';
    return VSA_OK;
}

static enum vsa_status read_digest(struct vsa_cbor_reader *reader, char *digest,
                                   struct vsa_error *error)
{
    static const char *const known[] = {"SHA256", "SHA384", "SHA512"};
    struct vsa_slice text;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_text(reader, &text, error));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (vsa_slice_equal_text(text, known[i])) {
            memcpy(digest, known[i], sizeof("SHA384"));
            return VSA_OK;
        }
    }
    return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "unknown digest");
}

static enum vsa_status read_field(struct vsa_cbor_reader *reader, enum vsa_nsm_field_type type,
                                  void *member, struct vsa_error *error)
{
    switch (type) {
    case VSA_NSM_FIELD_U16:
        return read_u16(reader, member, error);
    case VSA_NSM_FIELD_BOOLEAN:
        return vsa_cbor_read_boolean(reader, member, error);
    case VSA_NSM_FIELD_BYTES:
        return vsa_cbor_read_bytes(reader, member, error);
    case VSA_NSM_FIELD_OPTIONAL_BYTES:
        return read_optional_bytes(reader, member, error);
    case VSA_NSM_FIELD_PCR_VALUE:
        return read_pcr_value(reader, member, error);
    case VSA_NSM_FIELD_PCR_SET:
        return read_pcr_set(reader, member, error);
    case VSA_NSM_FIELD_MODULE_ID:
        return read_module_id(reader, member, error);
    case VSA_NSM_FIELD_DIGEST:
        return read_digest(reader, member, error);
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, "unknown field type");
}

/* Returns the field's index in `variant`, or its field_count. */
static size_t find_field(const struct vsa_nsm_variant *variant, struct vsa_slice name)
{
    size_t i = 0;
    while (i < variant->field_count && !vsa_slice_equal_text(name, variant->fields[i].name))
        i++;
    return i;
}

/* Reads a field: its name, then its value. Sets the field's bit in `*seen`. */
static enum vsa_status read_entry(struct vsa_cbor_reader *reader, const struct direction *direction,
                                  const struct vsa_nsm_variant *variant, void *message,
                                  unsigned *seen, struct vsa_error *error)
{
    struct vsa_slice name;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_text(reader, &name, error));
    size_t place = find_field(variant, name);
    if (place < variant->field_count) {
        const struct vsa_nsm_field *field = &variant->fields[place];
        *seen |= 1u << place;
        enum vsa_status status =
            read_field(reader, field->type, (uint8_t *)message + field->offset, error);
        if (status != VSA_OK)
            vsa_error_wrap(error, "%s.%s", variant->name, field->name);
        return status;
    }
    if (!direction->unknown_fields_allowed)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "unknown field in %s", variant->name);
    return vsa_cbor_skip(reader, error);
}

static enum vsa_status read_fields(struct vsa_cbor_reader *reader,
                                   const struct direction *direction,
                                   const struct vsa_nsm_variant *variant, void *message,
                                   struct vsa_error *error)
{
    struct vsa_cbor_map map;
    unsigned seen = 0;
    bool found = false;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_open_map(reader, direction->map_form, &map, error));
    VSA_TRY(vsa_cbor_next_entry(reader, &map, &found, error));
    while (found) {
        VSA_TRY(read_entry(reader, direction, variant, message, &seen, error));
        VSA_TRY(vsa_cbor_next_entry(reader, &map, &found, error));
    }
    for (size_t i = 0; i < variant->field_count; i++)
        if (!(seen >> i & 1))
            return vsa_fail_at(error, VSA_ERR_FIELD_MISSING, start, rule, "%s lacks %s",
                               variant->name, variant->fields[i].name);
    return VSA_OK;
}

/*
 * Finds the variant: those without fields are bare text, the others are in a map: `bare` picks the
 * kind.
 */
static const struct vsa_nsm_variant *find_variant(const struct direction *direction,
                                                  struct vsa_slice name, bool bare)
{
    for (size_t i = 0; i < VSA_NSM_VARIANTS; i++) {
        const struct vsa_nsm_variant *variant = &direction->variants[i];
        if (vsa_slice_equal_text(name, variant->name) && bare == (variant->field_count == 0))
            return variant;
    }
    return NULL;
}

static enum vsa_status read_code(struct vsa_cbor_reader *reader, struct vsa_nsm_response *response,
                                 struct vsa_error *error)
{
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_read_text(reader, &response->code_name, error));
    response->kind = VSA_NSM_ERROR;
    response->code = VSA_NSM_INTERNAL_ERROR;
    for (int code = 0; code < VSA_NSM_CODE_COUNT; code++)
        if (vsa_slice_equal_text(response->code_name, vsa_nsm_code_name((enum vsa_nsm_code)code)))
            response->code = (enum vsa_nsm_code)code;
    if (response->code == VSA_NSM_SUCCESS)
        return vsa_fail_at(error, VSA_ERR_FIELD, start, rule, "an error with the code Success");
    return VSA_OK;
}

/*
 * Reads the value under `name` in the outer map. Only responses have the variant Error, whose value
 * is text and not a map of fields.
 */
static enum vsa_status read_value(struct vsa_cbor_reader *reader, const struct direction *direction,
                                  struct vsa_slice name, void *message, enum vsa_nsm_kind *kind,
                                  struct vsa_nsm_response *response, struct vsa_error *error)
{
    if (response && vsa_slice_equal_text(name, vsa_nsm_kind_name(VSA_NSM_ERROR)))
        return read_code(reader, response, error);
    const struct vsa_nsm_variant *variant = find_variant(direction, name, false);
    if (!variant)
        return vsa_fail_at(error, direction->unknown_variant, 0, rule, "unknown NSM message");
    *kind = variant->kind;
    return read_fields(reader, direction, variant, message, error);
}

static enum vsa_status read_outer_map(struct vsa_cbor_reader *reader,
                                      const struct direction *direction, void *message,
                                      enum vsa_nsm_kind *kind, struct vsa_nsm_response *response,
                                      struct vsa_error *error)
{
    struct vsa_cbor_map map;
    struct vsa_slice name;
    bool found = false;
    VSA_TRY(vsa_cbor_open_map(reader, direction->map_form, &map, error));
    VSA_TRY(vsa_cbor_next_entry(reader, &map, &found, error));
    if (!found)
        return vsa_fail_at(error, VSA_ERR_FIELD_MISSING, 0, rule, "an empty NSM message");
    VSA_TRY(vsa_cbor_read_text(reader, &name, error));
    VSA_TRY(read_value(reader, direction, name, message, kind, response, error));
    VSA_TRY(vsa_cbor_next_entry(reader, &map, &found, error));
    if (found)
        return vsa_fail_at(error, VSA_ERR_FIELD, reader->offset, rule, "two NSM messages in one");
    return VSA_OK;
}

static enum vsa_status read_message(struct vsa_slice encoded, const struct direction *direction,
                                    void *message, enum vsa_nsm_kind *kind,
                                    struct vsa_nsm_response *response, struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(encoded);
    if (vsa_cbor_peek(&reader) == VSA_CBOR_TEXT) {
        struct vsa_slice name;
        VSA_TRY(vsa_cbor_read_text(&reader, &name, error));
        const struct vsa_nsm_variant *variant = find_variant(direction, name, true);
        if (!variant)
            return vsa_fail_at(error, direction->unknown_variant, 0, rule, "unknown NSM message");
        *kind = variant->kind;
    } else {
        VSA_TRY(read_outer_map(&reader, direction, message, kind, response, error));
    }
    return vsa_cbor_finish(&reader, "the NSM message", error);
}

enum vsa_status vsa_nsm_request_decode(struct vsa_slice encoded, struct vsa_nsm_request *request,
                                       struct vsa_error *error)
{
    struct vsa_nsm_request decoded = {0};
    VSA_TRY(read_message(encoded, &requests, &decoded, &decoded.kind, NULL, error));
    *request = decoded;
    return VSA_OK;
}

enum vsa_status vsa_nsm_response_decode(struct vsa_slice encoded, struct vsa_nsm_response *response,
                                        struct vsa_error *error)
{
    struct vsa_nsm_response decoded = {0};
    VSA_TRY(read_message(encoded, &responses, &decoded, &decoded.kind, &decoded, error));
    *response = decoded;
    return VSA_OK;
}
