/* SPDX-License-Identifier: Apache-2.0 */
#include "image/signature.h"

#include "base/error.h"
#include "base/slice.h"
#include "cbor/reader.h"
#include "cbor/writer.h"
#include "x509/certificate.h"

static const char rule_signature[] = "AWS EIF, signature section";

static const char key_certificate[] = "signing_certificate";
static const char key_sign1[] = "signature";
static const char key_index[] = "register_index";
static const char key_value[] = "register_value";

/* Reads an array of integers 0..255, one per byte. */
static enum vsa_status read_octets(struct vsa_cbor_reader *reader, const char *what,
                                   uint8_t *buffer, size_t capacity, size_t *size,
                                   struct vsa_error *error)
{
    size_t start = reader->offset;
    size_t count = 0;
    VSA_TRY(vsa_cbor_read_array(reader, &count, error));
    if (count > capacity)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, start, rule_signature,
                           "%s has %zu bytes; the most is %zu", what, count, capacity);
    for (size_t i = 0; i < count; i++) {
        uint64_t octet = 0;
        size_t offset = reader->offset;
        VSA_TRY(vsa_cbor_read_unsigned(reader, &octet, error));
        if (octet > UINT8_MAX)
            return vsa_fail_at(error, VSA_ERR_FIELD, offset, rule_signature,
                               "%s holds %llu, which is not a byte", what,
                               (unsigned long long)octet);
        buffer[i] = (uint8_t)octet;
    }
    *size = count;
    return VSA_OK;
}

static void write_octets(struct vsa_builder *builder, struct vsa_slice bytes)
{
    vsa_cbor_write_array(builder, bytes.size);
    for (size_t i = 0; i < bytes.size; i++)
        vsa_cbor_write_unsigned(builder, bytes.data[i]);
}

static enum vsa_status read_signature_entry(struct vsa_cbor_reader *reader, struct vsa_slice key,
                                            struct vsa_image_signature *signature,
                                            struct vsa_error *error)
{
    if (vsa_slice_equal_text(key, key_certificate))
        return read_octets(reader, key_certificate, signature->certificate,
                           sizeof(signature->certificate), &signature->certificate_size, error);
    if (vsa_slice_equal_text(key, key_sign1))
        return read_octets(reader, key_sign1, signature->sign1, sizeof(signature->sign1),
                           &signature->sign1_size, error);
    return vsa_fail_at(error, VSA_ERR_FIELD, reader->offset, rule_signature, "unknown key '%.*s'",
                       (int)(key.size > 40 ? 40 : key.size), (const char *)key.data);
}

static enum vsa_status read_section(struct vsa_slice section, struct vsa_image_signature *signature,
                                    struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(section);
    size_t count = 0;
    VSA_TRY(vsa_cbor_read_array(&reader, &count, error));
    if (count != 1)
        return vsa_fail_at(error, VSA_ERR_FIELD, 0, rule_signature, "%zu signatures instead of one",
                           count);
    struct vsa_cbor_map map;
    bool found = false;
    VSA_TRY(vsa_cbor_open_map(&reader, VSA_CBOR_MAP_DEFINITE, &map, error));
    for (;;) {
        struct vsa_slice key;
        VSA_TRY(vsa_cbor_next_entry(&reader, &map, &found, error));
        if (!found)
            break;
        VSA_TRY(vsa_cbor_read_text(&reader, &key, error));
        VSA_TRY(read_signature_entry(&reader, key, signature, error));
    }
    VSA_TRY(vsa_cbor_finish(&reader, "the signature", error));
    if (!signature->certificate_size || !signature->sign1_size)
        return vsa_fail_at(error, VSA_ERR_FIELD_MISSING, VSA_NO_OFFSET, rule_signature,
                           "no %s, or an empty one",
                           signature->certificate_size ? key_sign1 : key_certificate);
    return VSA_OK;
}

enum vsa_status vsa_image_signature_read(struct vsa_slice section,
                                         struct vsa_image_signature *signature,
                                         struct vsa_error *error)
{
    signature->certificate_size = 0;
    signature->sign1_size = 0;
    enum vsa_status status = read_section(section, signature, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "the signature section");
    return status;
}

enum vsa_status vsa_image_signature_write(struct vsa_slice certificate, struct vsa_slice sign1,
                                          void *buffer, size_t capacity, struct vsa_slice *section,
                                          struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    vsa_cbor_write_array(&builder, 1);
    vsa_cbor_write_map(&builder, 2);
    vsa_cbor_write_text(&builder, key_certificate);
    write_octets(&builder, certificate);
    vsa_cbor_write_text(&builder, key_sign1);
    write_octets(&builder, sign1);
    return vsa_builder_finish(&builder, section, error);
}

enum vsa_status vsa_image_payload_write(const uint8_t pcr0[VSA_PCR_SIZE], void *buffer,
                                        size_t capacity, struct vsa_slice *payload,
                                        struct vsa_error *error)
{
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    vsa_cbor_write_map(&builder, 2);
    vsa_cbor_write_text(&builder, key_index);
    vsa_cbor_write_unsigned(&builder, 0);
    vsa_cbor_write_text(&builder, key_value);
    write_octets(&builder, vsa_slice_of(pcr0, VSA_PCR_SIZE));
    return vsa_builder_finish(&builder, payload, error);
}

struct payload {
    bool has_index;
    uint64_t index;
    uint8_t value[VSA_PCR_SIZE];
    size_t value_size;
};

static enum vsa_status read_payload(struct vsa_slice bytes, struct payload *payload,
                                    struct vsa_error *error)
{
    struct vsa_cbor_reader reader = vsa_cbor_reader_of(bytes);
    struct vsa_cbor_map map;
    bool found = false;
    VSA_TRY(vsa_cbor_open_map(&reader, VSA_CBOR_MAP_DEFINITE, &map, error));
    for (;;) {
        struct vsa_slice key;
        VSA_TRY(vsa_cbor_next_entry(&reader, &map, &found, error));
        if (!found)
            break;
        VSA_TRY(vsa_cbor_read_text(&reader, &key, error));
        if (vsa_slice_equal_text(key, key_index)) {
            VSA_TRY(vsa_cbor_read_unsigned(&reader, &payload->index, error));
            payload->has_index = true;
        } else if (vsa_slice_equal_text(key, key_value)) {
            VSA_TRY(read_octets(&reader, key_value, payload->value, sizeof(payload->value),
                                &payload->value_size, error));
        } else {
            return vsa_fail_at(error, VSA_ERR_FIELD, reader.offset, rule_signature,
                               "unknown key in what is signed");
        }
    }
    return vsa_cbor_finish(&reader, "what is signed", error);
}

enum vsa_status vsa_image_payload_check(struct vsa_slice bytes, const uint8_t pcr0[VSA_PCR_SIZE],
                                        struct vsa_error *error)
{
    struct payload payload = {.has_index = false};
    enum vsa_status status = read_payload(bytes, &payload, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "the signature section");
        return status;
    }
    uint8_t buffer[VSA_MAX_IMAGE_PAYLOAD];
    struct vsa_slice expected;
    if (!payload.has_index || payload.index != 0)
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, rule_signature,
                           "the signature is not over PCR0");
    if (!vsa_slice_equal(vsa_slice_of(payload.value, payload.value_size),
                         vsa_slice_of(pcr0, VSA_PCR_SIZE)))
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, rule_signature,
                           "the signature is over the PCR0 of another image");
    VSA_TRY(vsa_image_payload_write(pcr0, buffer, sizeof(buffer), &expected, error));
    if (!vsa_slice_equal(bytes, expected))
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, rule_signature,
                           "the signature is over this PCR0, but in other bytes (such as another "
                           "order of keys) than nitro-cli compares with");
    return VSA_OK;
}

/* Returns the offset behind the first PEM certificate; 0 when there is none. */
static size_t end_of_first(struct vsa_slice pem)
{
    static const char mark[] = "-----END CERTIFICATE-----";
    const uint8_t *found = memmem(pem.data, pem.size, mark, sizeof(mark) - 1);
    return found ? (size_t)(found - pem.data) + sizeof(mark) - 1 : 0;
}

bool vsa_image_pem_has_chain(struct vsa_slice pem)
{
    size_t end = end_of_first(pem);
    return end && end_of_first(vsa_slice_of(pem.data + end, pem.size - end));
}

enum vsa_status vsa_image_certificate_from_pem(struct vsa_slice pem, uint8_t *buffer,
                                               size_t capacity, struct vsa_slice *der,
                                               struct vsa_error *error)
{
    struct vsa_slice found;
    size_t end = end_of_first(pem);
    if (end)
        pem.size = end;
    VSA_TRY(vsa_certificate_read_file(pem, buffer, capacity, &found, error));
    /* nitro-cli and the hypervisor take PEM only. */
    if (found.data == pem.data)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, rule_signature,
                           "the signing certificate must be PEM, and this is DER");
    *der = found;
    return VSA_OK;
}
