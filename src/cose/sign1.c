/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/sign1.h"

#include "base/error.h"
#include "cbor/reader.h"
#include "cbor/writer.h"

static const char rule_sign1[] = "RFC 9052 section 4.2";
static const char rule_headers[] = "RFC 9052 section 3";
static const char rule_algorithm[] = "RFC 9053 section 2.1";

#define LABEL_ALGORITHM 1
#define LABEL_KEY_ID    4

/* {1: -35, 4: key ID}: 5 bytes, the head of the key ID, and itself. */
#define MAX_HEADER (16 + VSA_COSE_MAX_CONTEXT)
/* "Signature1" context, heads of protected header, external_aad and payload, and the first two. */
#define MAX_SIGNATURE_PREFIX (64 + VSA_COSE_MAX_CONTEXT)

static enum vsa_curve curve_of_algorithm(int64_t algorithm)
{
    switch (algorithm) {
    case VSA_COSE_ES256:
        return VSA_CURVE_P256;
    case VSA_COSE_ES384:
        return VSA_CURVE_P384;
    case VSA_COSE_ES512:
        return VSA_CURVE_P521;
    default:
        return VSA_CURVE_NONE;
    }
}

int64_t vsa_cose_algorithm_of(enum vsa_curve curve)
{
    switch (curve) {
    case VSA_CURVE_P256:
        return VSA_COSE_ES256;
    case VSA_CURVE_P521:
        return VSA_COSE_ES512;
    case VSA_CURVE_P384:
    case VSA_CURVE_NONE:
    default:
        return VSA_COSE_ES384;
    }
}

/* Reads {1: algorithm}, or, where `key_id` is not NULL, {1: algorithm, 4: key ID}. */
static bool read_protected_header(struct vsa_slice header, int64_t *algorithm,
                                  struct vsa_slice *key_id)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(header);
    struct vsa_cbor_map map;
    bool found = false;
    int64_t label = 0;
    if (vsa_cbor_open_map(&reader, VSA_CBOR_MAP_DEFINITE, &map, NULL) != VSA_OK ||
        vsa_cbor_next_entry(&reader, &map, &found, NULL) != VSA_OK || !found ||
        vsa_cbor_read_integer(&reader, &label, NULL) != VSA_OK || label != LABEL_ALGORITHM ||
        vsa_cbor_read_integer(&reader, algorithm, NULL) != VSA_OK)
        return false;
    if (key_id && (vsa_cbor_next_entry(&reader, &map, &found, NULL) != VSA_OK || !found ||
                   vsa_cbor_read_integer(&reader, &label, NULL) != VSA_OK ||
                   label != LABEL_KEY_ID || vsa_cbor_read_bytes(&reader, key_id, NULL) != VSA_OK))
        return false;
    return map.remaining == 0 && vsa_cbor_finish(&reader, "the protected header", NULL) == VSA_OK;
}

/* Leaves nothing (no `crit`) unread. */
static enum vsa_status check_protected_header(struct vsa_slice header, size_t offset,
                                              int64_t expected, struct vsa_slice *key_id,
                                              struct vsa_error *error)
{
    int64_t algorithm = 0;
    if (!read_protected_header(header, &algorithm, key_id))
        return vsa_fail_at(error, VSA_ERR_ALGORITHM, offset, rule_headers,
                           "protected header is not exactly {1: algorithm%s}",
                           key_id ? ", 4: key ID" : "");
    if (algorithm != expected)
        return vsa_fail_at(error, VSA_ERR_ALGORITHM, offset, rule_algorithm,
                           "algorithm %lld instead of %lld", (long long)algorithm,
                           (long long)expected);
    return VSA_OK;
}

static enum vsa_status read_tag(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    uint64_t tag = 0;
    if (vsa_cbor_peek(reader) != VSA_CBOR_TAG)
        return VSA_OK;
    VSA_TRY(vsa_cbor_read_tag(reader, &tag, error));
    if (tag != VSA_COSE_TAG_SIGN1)
        return vsa_fail_at(error, VSA_ERR_COSE, 0, rule_sign1, "tag %llu instead of 18",
                           (unsigned long long)tag);
    return VSA_OK;
}

static enum vsa_status read_envelope_head(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    size_t start = reader->offset;
    size_t count = 0;
    if (vsa_cbor_peek(reader) != VSA_CBOR_ARRAY)
        return vsa_fail_at(error, VSA_ERR_COSE, start, rule_sign1, "not an array");
    VSA_TRY(vsa_cbor_read_array(reader, &count, error));
    if (count != 4)
        return vsa_fail_at(error, VSA_ERR_COSE, start, rule_sign1, "array of %zu instead of 4",
                           count);
    return VSA_OK;
}

static enum vsa_status read_empty_map(struct vsa_cbor_reader *reader, struct vsa_error *error)
{
    struct vsa_cbor_map map;
    size_t start = reader->offset;
    VSA_TRY(vsa_cbor_open_map(reader, VSA_CBOR_MAP_DEFINITE, &map, error));
    if (map.remaining)
        return vsa_fail_at(error, VSA_ERR_COSE, start, rule_headers,
                           "unprotected map is not empty");
    return VSA_OK;
}

/* Parses the array; `key_id` as for read_protected_header(). */
static enum vsa_status parse(struct vsa_cbor_reader *reader, int64_t algorithm,
                             struct vsa_slice *key_id, struct vsa_cose_sign1 *sign1,
                             struct vsa_error *error)
{
    struct vsa_cose_sign1 parsed = {.algorithm = algorithm};
    VSA_TRY(read_envelope_head(reader, error));
    size_t header_offset = reader->offset;
    VSA_TRY(vsa_cbor_read_bytes(reader, &parsed.protected_header, error));
    VSA_TRY(read_empty_map(reader, error));
    VSA_TRY(vsa_cbor_read_bytes(reader, &parsed.payload, error));
    size_t signature_offset = reader->offset;
    VSA_TRY(vsa_cbor_read_bytes(reader, &parsed.signature, error));
    VSA_TRY(vsa_cbor_finish(reader, "the COSE_Sign1 array", error));
    VSA_TRY(
        check_protected_header(parsed.protected_header, header_offset, algorithm, key_id, error));
    size_t expected = vsa_curve_signature_size(curve_of_algorithm(algorithm));
    if (parsed.signature.size != expected)
        return vsa_fail_at(error, VSA_ERR_SIGNATURE_SIZE, signature_offset, rule_algorithm,
                           "signature has %zu bytes instead of %zu", parsed.signature.size,
                           expected);
    if (key_id)
        parsed.key_id = *key_id;
    *sign1 = parsed;
    return VSA_OK;
}

enum vsa_status vsa_cose_sign1_parse(struct vsa_slice bytes, int64_t algorithm,
                                     struct vsa_cose_sign1 *sign1, struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(bytes);
    VSA_TRY(read_tag(&reader, error));
    return parse(&reader, algorithm, NULL, sign1, error);
}

enum vsa_status vsa_cose_sign1_parse_with_key_id(struct vsa_slice bytes, int64_t algorithm,
                                                 struct vsa_cose_sign1 *sign1,
                                                 struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(bytes);
    struct vsa_slice key_id;
    return parse(&reader, algorithm, &key_id, sign1, error);
}

/* Writes what of Sig_structure stands before the payload's bytes (RFC 9052 section 4.4). */
static enum vsa_status write_signature_prefix(struct vsa_slice protected_header,
                                              struct vsa_slice external_aad, size_t payload_size,
                                              struct vsa_builder *builder, struct vsa_slice *prefix,
                                              struct vsa_error *error)
{
    vsa_cbor_write_array(builder, 4);
    vsa_cbor_write_text(builder, "Signature1");
    vsa_cbor_write_bytes(builder, protected_header);
    vsa_cbor_write_bytes(builder, external_aad);
    vsa_cbor_write_bytes_head(builder, payload_size);
    return vsa_builder_finish(builder, prefix, error);
}

enum vsa_status vsa_cose_sign1_prepare_check(const struct vsa_cose_sign1 *sign1,
                                             struct vsa_slice external_aad,
                                             const struct vsa_key *key,
                                             struct vsa_signature_check *check,
                                             struct vsa_error *error)
{
    if (vsa_key_curve(key) != curve_of_algorithm(sign1->algorithm))
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, rule_algorithm,
                           "the key's curve does not belong to algorithm %lld",
                           (long long)sign1->algorithm);
    uint8_t buffer[MAX_SIGNATURE_PREFIX];
    struct vsa_builder builder = vsa_builder_of(buffer, sizeof(buffer));
    struct vsa_slice parts[2] = {{NULL, 0}, sign1->payload};
    VSA_TRY(write_signature_prefix(sign1->protected_header, external_aad, sign1->payload.size,
                                   &builder, &parts[0], error));
    return vsa_signature_check_prepare(key, parts, 2, sign1->signature, check, error);
}

enum vsa_status vsa_cose_sign1_verify(const struct vsa_cose_sign1 *sign1,
                                      struct vsa_slice external_aad, const struct vsa_key *key,
                                      struct vsa_error *error)
{
    struct vsa_signature_check check;
    VSA_TRY(vsa_cose_sign1_prepare_check(sign1, external_aad, key, &check, error));
    return vsa_signature_check_run(&check, error);
}

/* Writes {1: algorithm}, and with a key ID {1: algorithm, 4: key ID}. */
static enum vsa_status write_protected_header(enum vsa_curve curve, struct vsa_slice key_id,
                                              uint8_t buffer[MAX_HEADER], struct vsa_slice *header,
                                              struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, MAX_HEADER);
    vsa_cbor_write_map(&builder, key_id.data ? 2 : 1);
    vsa_cbor_write_unsigned(&builder, LABEL_ALGORITHM);
    vsa_cbor_write_integer(&builder, vsa_cose_algorithm_of(curve));
    if (key_id.data) {
        vsa_cbor_write_unsigned(&builder, LABEL_KEY_ID);
        vsa_cbor_write_bytes(&builder, key_id);
    }
    return vsa_builder_finish(&builder, header, error);
}

enum vsa_status vsa_cose_sign1_to_be_signed(enum vsa_curve curve, struct vsa_slice payload,
                                            uint8_t *buffer, size_t capacity,
                                            struct vsa_slice *bytes, struct vsa_error *error)
{
    uint8_t header_buffer[MAX_HEADER];
    uint8_t prefix_buffer[MAX_SIGNATURE_PREFIX];
    struct vsa_slice header;
    struct vsa_slice prefix;
    struct vsa_slice none = {0};
    struct vsa_builder prefix_builder = vsa_builder_of(prefix_buffer, sizeof(prefix_buffer));
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    VSA_TRY(write_protected_header(curve, none, header_buffer, &header, error));
    VSA_TRY(write_signature_prefix(header, none, payload.size, &prefix_builder, &prefix, error));
    vsa_builder_append(&builder, prefix);
    vsa_builder_append(&builder, payload);
    return vsa_builder_finish(&builder, bytes, error);
}

static enum vsa_status write_sign1(struct vsa_slice header, struct vsa_slice payload,
                                   struct vsa_slice signature, uint8_t *buffer, size_t capacity,
                                   struct vsa_slice *sign1, struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    vsa_cbor_write_array(&builder, 4);
    vsa_cbor_write_bytes(&builder, header);
    vsa_cbor_write_map(&builder, 0);
    vsa_cbor_write_bytes(&builder, payload);
    vsa_cbor_write_bytes(&builder, signature);
    return vsa_builder_finish(&builder, sign1, error);
}

enum vsa_status vsa_cose_sign1_write(enum vsa_curve curve, struct vsa_slice payload,
                                     const uint8_t *signature, uint8_t *buffer, size_t capacity,
                                     struct vsa_slice *sign1, struct vsa_error *error)
{
    uint8_t header_buffer[MAX_HEADER];
    struct vsa_slice header;
    struct vsa_slice none = {0};
    VSA_TRY(write_protected_header(curve, none, header_buffer, &header, error));
    return write_sign1(header, payload, vsa_slice_of(signature, vsa_curve_signature_size(curve)),
                       buffer, capacity, sign1, error);
}

enum vsa_status vsa_cose_sign1_sign(const struct vsa_key *key,
                                    const struct vsa_cose_context *context,
                                    struct vsa_slice payload, uint8_t *buffer, size_t capacity,
                                    struct vsa_slice *sign1, struct vsa_error *error)
{
    static const struct vsa_cose_context none;
    const struct vsa_cose_context *with = context ? context : &none;
    enum vsa_curve curve = vsa_key_curve(key);
    uint8_t header_buffer[MAX_HEADER];
    uint8_t prefix_buffer[MAX_SIGNATURE_PREFIX];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    struct vsa_slice header;
    struct vsa_slice parts[2] = {{NULL, 0}, payload};
    struct vsa_builder prefix = vsa_builder_of(prefix_buffer, sizeof(prefix_buffer));
    VSA_TRY(write_protected_header(curve, with->key_id, header_buffer, &header, error));
    VSA_TRY(write_signature_prefix(header, with->external_aad, payload.size, &prefix, &parts[0],
                                   error));
    VSA_TRY(vsa_key_sign(key, parts, 2, signature, error));
    return write_sign1(header, payload, vsa_slice_of(signature, vsa_curve_signature_size(curve)),
                       buffer, capacity, sign1, error);
}
