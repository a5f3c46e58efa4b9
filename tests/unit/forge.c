/* SPDX-License-Identifier: Apache-2.0 */
/* The arena, the genuine settings, the payload and COSE_Sign1 (RFC 8949, RFC 9052). */
#include "forge.h"

#include <openssl/evp.h>

#include "forge_internal.h"

/* --- bytes --- */

static uint8_t *take(struct forge *forge, size_t size)
{
    FORGE_REQUIRE(size < sizeof(forge->arena) - forge->arena_used);
    uint8_t *bytes = forge->arena + forge->arena_used;
    /* One more byte keeps empty values apart. */
    forge->arena_used += size + 1;
    return bytes;
}

struct vsa_slice forge_copy(struct forge *forge, const void *bytes, size_t size)
{
    uint8_t *copy = take(forge, size);
    if (size)
        memcpy(copy, bytes, size);
    return vsa_slice_of(copy, size);
}

struct vsa_slice forge_fill(struct forge *forge, size_t size, uint8_t fill)
{
    uint8_t *bytes = take(forge, size);
    memset(bytes, fill, size);
    return vsa_slice_of(bytes, size);
}

static unsigned hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    FORGE_REQUIRE(at);
    return at ? (unsigned)(at - digits) : 0;
}

struct vsa_slice forge_hex(struct forge *forge, const char *hex)
{
    uint8_t *bytes = take(forge, strlen(hex) / 2 + 1);
    size_t size = 0;
    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        bytes[size++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex += 2;
    }
    return vsa_slice_of(bytes, size);
}

struct vsa_slice forge_concatenate(struct forge *forge, struct vsa_slice a, struct vsa_slice b)
{
    uint8_t *bytes = take(forge, a.size + b.size);
    if (a.size)
        memcpy(bytes, a.data, a.size);
    if (b.size)
        memcpy(bytes + a.size, b.data, b.size);
    return vsa_slice_of(bytes, a.size + b.size);
}

struct vsa_slice forge_der(struct forge *forge, uint8_t tag, struct vsa_slice content)
{
    uint8_t head[4] = {tag, (uint8_t)content.size};
    size_t size = 2;
    if (content.size >= 0x100) {
        head[1] = 0x82;
        head[2] = (uint8_t)(content.size >> 8);
        head[3] = (uint8_t)content.size;
        size = 4;
    } else if (content.size >= 0x80) {
        head[1] = 0x81;
        head[2] = (uint8_t)content.size;
        size = 3;
    }
    return forge_concatenate(forge, vsa_slice_of(head, size), content);
}

/* --- CBOR --- */

static struct vsa_slice cbor_head(struct forge *forge, unsigned major, uint64_t argument)
{
    uint8_t head[9] = {(uint8_t)(major << 5)};
    size_t width = argument < 24            ? 0
                   : argument <= UINT8_MAX  ? 1
                   : argument <= UINT16_MAX ? 2
                   : argument <= UINT32_MAX ? 4
                                            : 8;
    head[0] |= (uint8_t)(width == 0   ? argument
                         : width == 1 ? 24
                         : width == 2 ? 25
                         : width == 4 ? 26
                                      : 27);
    for (size_t i = 0; i < width; i++)
        head[1 + i] = (uint8_t)(argument >> (8 * (width - 1 - i)));
    return forge_copy(forge, head, 1 + width);
}

static struct vsa_slice cbor_string(struct forge *forge, unsigned major, struct vsa_slice bytes)
{
    return forge_concatenate(forge, cbor_head(forge, major, bytes.size), bytes);
}

struct vsa_slice forge_text(struct forge *forge, const char *text)
{
    return cbor_string(forge, 3, vsa_slice_of_text(text));
}

struct vsa_slice forge_bytes(struct forge *forge, size_t size, uint8_t fill)
{
    return cbor_string(forge, 2, forge_fill(forge, size, fill));
}

struct vsa_slice forge_unsigned(struct forge *forge, uint64_t value)
{
    return cbor_head(forge, 0, value);
}

/* --- entries --- */

static const char *const field_names[FORGE_FIELDS] = {
    "module_id", "digest",     "timestamp", "pcrs",  "certificate",
    "cabundle",  "public_key", "user_data", "nonce",
};

static struct forge_entry *find_entry(struct forge *forge, enum forge_field field)
{
    struct vsa_slice key = forge_text(forge, field_names[field]);
    for (size_t i = 0; i < forge->entry_count; i++)
        if (forge->entries[i].key.size == key.size &&
            memcmp(forge->entries[i].key.data, key.data, key.size) == 0)
            return &forge->entries[i];
    return NULL;
}

void forge_set_value(struct forge *forge, enum forge_field field, struct vsa_slice value)
{
    struct forge_entry *entry = find_entry(forge, field);
    FORGE_REQUIRE(entry);
    if (entry)
        entry->value = value;
}

void forge_set(struct forge *forge, enum forge_field field, const char *hex)
{
    forge_set_value(forge, field, forge_hex(forge, hex));
}

void forge_add_entry(struct forge *forge, struct vsa_slice key, struct vsa_slice value)
{
    FORGE_REQUIRE(forge->entry_count < FORGE_MAX_ENTRIES);
    forge->entries[forge->entry_count].key = key;
    forge->entries[forge->entry_count++].value = value;
}

void forge_add(struct forge *forge, const char *key, const char *hex)
{
    forge_add_entry(forge, forge_text(forge, key), forge_hex(forge, hex));
}

void forge_remove(struct forge *forge, enum forge_field field)
{
    struct forge_entry *entry = find_entry(forge, field);
    FORGE_REQUIRE(entry);
    if (!entry)
        return;
    size_t after = --forge->entry_count - (size_t)(entry - forge->entries);
    memmove(entry, entry + 1, after * sizeof(*entry));
}

void forge_pcr_value(unsigned index, uint8_t value[VSA_PCR_SIZE])
{
    memset(value, (int)(0x10 + index), VSA_PCR_SIZE);
    if (index != 4)
        return;
    uint8_t input[VSA_PCR_SIZE + sizeof(FORGE_INSTANCE_ID) - 1] = {0};
    memcpy(input + VSA_PCR_SIZE, FORGE_INSTANCE_ID, sizeof(FORGE_INSTANCE_ID) - 1);
    FORGE_REQUIRE(EVP_Digest(input, sizeof(input), value, NULL, EVP_sha384(), NULL));
}

void forge_add_pcr(struct forge *forge, uint64_t index, uint8_t fill)
{
    FORGE_REQUIRE(forge->pcr_count < FORGE_MAX_ENTRIES);
    struct forge_entry *entry = &forge->pcrs[forge->pcr_count++];
    entry->key = forge_unsigned(forge, index);
    entry->value = forge_bytes(forge, VSA_PCR_SIZE, fill);
}

/* --- the genuine document --- */

static const struct forge_certificate genuine[FORGE_LEVELS] = {
    [FORGE_ROOT] = {.subject = "forge.nitro-enclaves",
                    .not_before = "191028132805Z",
                    .not_after = "491028142805Z",
                    .subject_key_id = true,
                    .extension_count = 2,
                    .extensions = {{FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA},
                                   {FORGE_OID_KEY_USAGE, true, FORGE_USAGE_ROOT}}},
    [FORGE_REGIONAL] = {.subject = "1a2b3c4d.eu-north-1.forge.nitro-enclaves",
                        .not_before = "260110000000Z",
                        .not_after = "260130010000Z",
                        .subject_key_id = true,
                        .authority_key_id = true,
                        .extension_count = 2,
                        .extensions = {{FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA_PATH("02")},
                                       {FORGE_OID_KEY_USAGE, true, FORGE_USAGE_ROOT}}},
    [FORGE_ZONAL] = {.subject = "5e6f7a8b.zonal.eu-north-1.forge.nitro-enclaves",
                     .not_before = "260113000000Z",
                     .not_after = "260119010000Z",
                     .subject_key_id = true,
                     .authority_key_id = true,
                     .extension_count = 2,
                     .extensions = {{FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA_PATH("01")},
                                    {FORGE_OID_KEY_USAGE, true, FORGE_USAGE_ROOT}}},
    [FORGE_INSTANCE] = {.subject = FORGE_INSTANCE_ID ".eu-north-1.forge.nitro-enclaves",
                        .not_before = "260115000000Z",
                        .not_after = "260116000000Z",
                        .extension_count = 2,
                        .extensions = {{FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA_PATH("00")},
                                       {FORGE_OID_KEY_USAGE, true, FORGE_USAGE_CA}}},
    [FORGE_LEAF] = {.subject = FORGE_MODULE_ID ".eu-north-1.forge",
                    .not_before = "260115115900Z",
                    .not_after = "260115145903Z",
                    .extension_count = 2,
                    .extensions = {{FORGE_OID_BASIC_CONSTRAINTS, false, FORGE_NOT_CA},
                                   {FORGE_OID_KEY_USAGE, false, FORGE_USAGE_LEAF}}},
};

static void number_keys(struct forge *forge)
{
    for (size_t i = 0; i < forge->levels; i++) {
        forge->certificates[i].key_number = (int)i;
        forge->certificates[i].signer = (int)(i ? i - 1 : 0);
        if (!forge->certificates[i].version)
            forge->certificates[i].version = "a003020102";
    }
    forge->bundle_count = forge->levels - 1;
    for (size_t i = 0; i < forge->bundle_count; i++)
        forge->bundle[i] = (int)i;
    forge->cose.signer = (int)forge->bundle_count;
}

void forge_set_levels(struct forge *forge, size_t levels)
{
    static const char *const subjects[FORGE_MAX_LEVELS] = {
        NULL,         "level 1 CA", "level 2 CA", "level 3 CA", "level 4 CA",
        "level 5 CA", "level 6 CA", "level 7 CA", "level 8 CA", "level 9 CA"};
    FORGE_REQUIRE(levels >= 2 && levels <= FORGE_MAX_LEVELS);
    struct forge_certificate leaf = forge->certificates[forge->levels - 1];
    for (size_t i = 1; i + 1 < levels; i++) {
        memcpy(&forge->certificates[i], &genuine[FORGE_REGIONAL], sizeof(leaf));
        forge->certificates[i].subject = subjects[i];
        forge_extension_set(&forge->certificates[i], FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA);
    }
    memcpy(&forge->certificates[levels - 1], &leaf, sizeof(leaf));
    forge->levels = levels;
    number_keys(forge);
}

static void reset_payload(struct forge *forge)
{
    static const char *const values[FORGE_FIELDS] = {
        [FORGE_FIELD_DIGEST] = "66 534841333834",
        [FORGE_FIELD_PUBLIC_KEY] = "48 7075626c69632031",
        [FORGE_FIELD_USER_DATA] = "49 757365722064617461",
        [FORGE_FIELD_NONCE] = "45 6e6f6e6365",
    };
    for (size_t i = 0; i < FORGE_FIELDS; i++) {
        struct vsa_slice value = {NULL, 0};
        if (values[i])
            value = forge_hex(forge, values[i]);
        forge_add_entry(forge, forge_text(forge, field_names[i]), value);
    }
    forge_set_value(forge, FORGE_FIELD_MODULE_ID, forge_text(forge, FORGE_MODULE_ID));
    forge_set_value(forge, FORGE_FIELD_TIMESTAMP, forge_unsigned(forge, FORGE_TIMESTAMP_MS));
    for (unsigned i = 0; i < 16; i++) {
        uint8_t value[VSA_PCR_SIZE];
        forge_pcr_value(i, value);
        forge_add_pcr(forge, i, 0);
        forge->pcrs[i].value = cbor_string(forge, 2, forge_copy(forge, value, sizeof(value)));
    }
    forge->payload_end = "";
    forge->bundle_end = "";
    forge->pcr_end = "";
}

void forge_reset(struct forge *forge)
{
    memset(forge, 0, offsetof(struct forge, arena));
    forge->levels = FORGE_LEVELS;
    memcpy(forge->certificates, genuine, sizeof(genuine));
    number_keys(forge);
    memcpy(forge->pristine, forge->certificates, sizeof(forge->pristine));
    reset_payload(forge);
    forge->cose.before = "";
    forge->cose.array = "84";
    forge->cose.protected_header = "a1013822";
    forge->cose.unprotected = "a0";
    forge->cose.after = "";
}

struct vsa_slice forge_genuine_root(struct forge *forge)
{
    struct forge_certificate now = forge->certificates[FORGE_ROOT];
    memcpy(&forge->certificates[FORGE_ROOT], &forge->pristine[FORGE_ROOT], sizeof(now));
    struct vsa_slice root = forge_issue(forge, FORGE_ROOT);
    memcpy(&forge->certificates[FORGE_ROOT], &now, sizeof(now));
    return root;
}

/* --- building --- */

static struct vsa_slice head_or(struct forge *forge, const char *hex, unsigned major, size_t count)
{
    return hex ? forge_hex(forge, hex) : cbor_head(forge, major, count);
}

static struct vsa_slice pcr_map(struct forge *forge)
{
    struct vsa_slice map = head_or(forge, forge->pcr_head, 5, forge->pcr_count);
    for (size_t i = 0; i < forge->pcr_count; i++) {
        map = forge_concatenate(forge, map, forge->pcrs[i].key);
        map = forge_concatenate(forge, map, forge->pcrs[i].value);
    }
    return forge_concatenate(forge, map, forge_hex(forge, forge->pcr_end));
}

static struct vsa_slice cabundle(struct forge *forge)
{
    struct vsa_slice array = head_or(forge, forge->bundle_head, 4, forge->bundle_count);
    for (size_t i = 0; i < forge->bundle_count; i++)
        array = forge_concatenate(
            forge, array, cbor_string(forge, 2, forge->made_certificates[forge->bundle[i]]));
    return forge_concatenate(forge, array, forge_hex(forge, forge->bundle_end));
}

static void fill_in(struct forge *forge, enum forge_field field, struct vsa_slice value)
{
    struct forge_entry *entry = find_entry(forge, field);
    if (entry && !entry->value.data)
        entry->value = value;
}

static struct vsa_slice payload(struct forge *forge)
{
    if (forge->payload.data)
        return forge->payload;
    fill_in(forge, FORGE_FIELD_PCRS, pcr_map(forge));
    fill_in(forge, FORGE_FIELD_CABUNDLE, cabundle(forge));
    fill_in(forge, FORGE_FIELD_CERTIFICATE,
            cbor_string(forge, 2, forge->made_certificates[forge->levels - 1]));
    struct vsa_slice map = head_or(forge, forge->payload_head, 5, forge->entry_count);
    for (size_t i = 0; i < forge->entry_count; i++) {
        FORGE_REQUIRE(forge->entries[i].key.data && forge->entries[i].value.data);
        map = forge_concatenate(forge, map, forge->entries[i].key);
        map = forge_concatenate(forge, map, forge->entries[i].value);
    }
    return forge_concatenate(forge, map, forge_hex(forge, forge->payload_end));
}

/* RFC 9052 section 4.4. */
static struct vsa_slice to_be_signed(struct forge *forge)
{
    const struct forge_cose *cose = &forge->cose;
    struct vsa_slice header = forge_hex(forge, cose->protected_header);
    struct vsa_slice wrapped = cbor_string(forge, 2, forge->made_payload);
    const char *context = "Signature1";
    struct vsa_slice aad = forge_hex(forge, "40");
    switch (cose->signed_over) {
    case FORGE_SIGNED_PAYLOAD:
        return forge->made_payload;
    case FORGE_SIGNED_COUNTER_SIGNATURE:
        context = "CounterSignature";
        break;
    case FORGE_SIGNED_EXTERNAL_AAD:
        aad = forge_hex(forge, "4161");
        break;
    case FORGE_SIGNED_EMPTY_HEADER:
        header = forge_hex(forge, "");
        break;
    case FORGE_SIGNED_SIGNATURE1:
    default:
        break;
    }
    struct vsa_slice bytes =
        forge_concatenate(forge, forge_hex(forge, "84"), forge_text(forge, context));
    bytes = forge_concatenate(forge, bytes, cbor_string(forge, 2, header));
    bytes = forge_concatenate(forge, bytes, aad);
    return forge_concatenate(forge, bytes, wrapped);
}

static struct vsa_slice cose_signature(struct forge *forge)
{
    const struct forge_cose *cose = &forge->cose;
    const EVP_MD *md = cose->hash == FORGE_SHA256   ? EVP_sha256()
                       : cose->hash == FORGE_SHA512 ? EVP_sha512()
                                                    : EVP_sha384();
    struct vsa_slice bytes = to_be_signed(forge);
    const struct forge_certificate *leaf = &forge->certificates[forge->levels - 1];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    FORGE_REQUIRE(EVP_Digest(bytes.data, bytes.size, digest, &size, md, NULL));
    enum forge_key_kind kind = cose->signer == leaf->key_number ? leaf->key_kind : FORGE_P384;
    uint8_t raw[132];
    size_t raw_size = forge_sign_raw(kind, cose->signer, digest, size, cose->signature_edit, raw);
    return cbor_string(forge, 2, vsa_slice_of(raw, raw_size));
}

static struct vsa_slice payload_item(struct forge *forge)
{
    struct vsa_slice made = forge_copy(forge, forge->made_payload.data, forge->made_payload.size);
    if (forge->cose.change_after_signing)
        forge->arena[made.data - forge->arena + (ptrdiff_t)made.size - 1] ^= 1;
    uint8_t length[] = {0x5a, 0, 0, (uint8_t)(made.size >> 8), (uint8_t)made.size};
    if (forge->cose.payload_item.data)
        return forge->cose.payload_item;
    switch (forge->cose.payload_form) {
    case FORGE_PAYLOAD_LONG_LENGTH:
        return forge_concatenate(forge, vsa_slice_of(length, sizeof(length)), made);
    case FORGE_PAYLOAD_INDEFINITE:
        made = forge_concatenate(forge, forge_hex(forge, "5f"), cbor_string(forge, 2, made));
        return forge_concatenate(forge, made, forge_hex(forge, "ff"));
    case FORGE_PAYLOAD_TEXT:
        return cbor_string(forge, 3, made);
    case FORGE_PAYLOAD_BYTES:
    default:
        return cbor_string(forge, 2, made);
    }
}

struct vsa_slice forge_build(struct forge *forge)
{
    const struct forge_cose *cose = &forge->cose;
    for (size_t i = 0; i < forge->levels; i++)
        forge->made_certificates[i] = forge_issue(forge, i);
    forge->made_payload = payload(forge);
    struct vsa_slice header = forge_hex(forge, cose->protected_header);
    struct vsa_slice parts[] = {
        forge_hex(forge, cose->before),
        forge_hex(forge, cose->array),
        cose->protected_item ? forge_hex(forge, cose->protected_item)
                             : cbor_string(forge, 2, header),
        forge_hex(forge, cose->unprotected),
        payload_item(forge),
        cose->signature_item.data ? cose->signature_item : cose_signature(forge),
        forge_hex(forge, cose->after),
    };
    struct vsa_slice document = forge_hex(forge, "");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        document = forge_concatenate(forge, document, parts[i]);
    return document;
}
