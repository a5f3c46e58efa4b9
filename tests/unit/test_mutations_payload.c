/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about the payload's syntax (src/attestation/document.c, src/cbor/reader.c). */
#include "unit_test.h"

#include "mutation.h"

#define ID   FORGE_FIELD_MODULE_ID
#define DIG  FORGE_FIELD_DIGEST
#define TIME FORGE_FIELD_TIMESTAMP
#define PCRS FORGE_FIELD_PCRS
#define LEAF FORGE_FIELD_CERTIFICATE
#define CAS  FORGE_FIELD_CABUNDLE
#define KEY  FORGE_FIELD_PUBLIC_KEY
#define DATA FORGE_FIELD_USER_DATA
#define NONC FORGE_FIELD_NONCE

#define SET(name, field, hex, status)                                                              \
    {                                                                                              \
        name, set_field, status, field, hex, NULL, 0                                               \
    }
#define SIZE(name, field, size, status)                                                            \
    {                                                                                              \
        name, set_field_size, status, field, NULL, NULL, size                                      \
    }
#define WITHOUT(name, field, status)                                                               \
    {                                                                                              \
        name, remove_field, status, field, NULL, NULL, 0                                           \
    }
#define ADD(name, key, hex, status)                                                                \
    {                                                                                              \
        name, add_entry, status, 0, hex, key, 0                                                    \
    }

/* --- the map --- */

static void payload_head(struct setting *setting, const struct mutation *row)
{
    setting->forge.payload_head = row->hex;
    setting->forge.payload_end = row->text ? row->text : "";
}

static void payload_end(struct setting *setting, const struct mutation *row)
{
    setting->forge.payload_end = row->hex;
}

static void whole_payload(struct setting *setting, const struct mutation *row)
{
    setting->forge.payload = forge_hex(&setting->forge, row->hex);
}

/* An entry whose key is any CBOR. */
static void add_key(struct setting *setting, const struct mutation *row)
{
    forge_add_entry(&setting->forge, forge_hex(&setting->forge, row->hex),
                    forge_hex(&setting->forge, "f6"));
}

static void add_twice(struct setting *setting, const struct mutation *row)
{
    add_key(setting, row);
    add_key(setting, row);
}

/* A key that stands there already, with a value of its own right type. */
static void repeat_field(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    (void)forge_build(forge);
    forge_add_entry(forge, forge->entries[row->where].key, forge->entries[row->where].value);
}

/* The same, put before the one that counts. */
static void repeat_first(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    repeat_field(setting, row);
    struct forge_entry last = forge->entries[forge->entry_count - 1];
    memmove(&forge->entries[1], &forge->entries[0],
            (forge->entry_count - 1) * sizeof(forge->entries[0]));
    forge->entries[0] = last;
}

static void reverse_order(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    (void)row;
    for (size_t i = 0; i < forge->entry_count / 2; i++) {
        struct forge_entry entry = forge->entries[i];
        forge->entries[i] = forge->entries[forge->entry_count - 1 - i];
        forge->entries[forge->entry_count - 1 - i] = entry;
    }
}

/* Unknown entries up to `number` in all. */
static void many_entries(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    while (forge->entry_count < (size_t)row->number) {
        const char key[] = {'k', (char)('0' + forge->entry_count / 10),
                            (char)('0' + forge->entry_count % 10), '\0'};
        forge_add(forge, key, "f6");
    }
}

static void module_id_of_size(struct setting *setting, const struct mutation *row)
{
    char text[256] = "i-0-enc";
    for (size_t i = strlen(text); i < (size_t)row->number; i++)
        text[i] = '0';
    forge_set_value(&setting->forge, ID, forge_text(&setting->forge, text));
}

static void timestamp(struct setting *setting, const struct mutation *row)
{
    forge_set_value(&setting->forge, TIME, forge_unsigned(&setting->forge, (uint64_t)row->number));
}

static void timestamp_above_limit(struct setting *setting, const struct mutation *row)
{
    setting->policy.max_skew_ms = INT64_MAX;
    timestamp(setting, row);
}

/* --- PCRs --- */

static void pcr_head(struct setting *setting, const struct mutation *row)
{
    setting->forge.pcr_head = row->hex;
    setting->forge.pcr_end = row->text ? row->text : "";
}

/* PCR 0 to `number` - 1. */
static void pcr_count(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    if (forge->pcr_count > (size_t)row->number)
        forge->pcr_count = (size_t)row->number;
    while (forge->pcr_count < (size_t)row->number)
        forge_add_pcr(forge, forge->pcr_count, 0x77);
}

static void add_pcr(struct setting *setting, const struct mutation *row)
{
    forge_add_pcr(&setting->forge, (uint64_t)row->number, 0x77);
}

static void pcr_key(struct setting *setting, const struct mutation *row)
{
    setting->forge.pcrs[15].key = forge_hex(&setting->forge, row->hex);
}

static void pcr_value(struct setting *setting, const struct mutation *row)
{
    setting->forge.pcrs[15].value = forge_hex(&setting->forge, row->hex);
}

static void pcr_size(struct setting *setting, const struct mutation *row)
{
    setting->forge.pcrs[row->where].value = forge_bytes(&setting->forge, (size_t)row->number, 0x22);
}

/* Only PCR0 and PCR31. */
static void sparse_pcrs(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->forge.pcr_count = 1;
    forge_add_pcr(&setting->forge, 31, 0x77);
}

/* All but PCR0. */
static void without_pcr0(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    (void)row;
    memmove(&forge->pcrs[0], &forge->pcrs[1], 15 * sizeof(forge->pcrs[0]));
    forge->pcr_count = 15;
}

static void without_pcr0_debug_allowed(struct setting *setting, const struct mutation *row)
{
    setting->policy.allow_debug = true;
    without_pcr0(setting, row);
}

/* --- certificates as byte strings --- */

static void leaf_size(struct setting *setting, const struct mutation *row)
{
    setting->forge.certificates[FORGE_LEAF].padded_size = (size_t)row->number;
}

static void ca_size(struct setting *setting, const struct mutation *row)
{
    setting->forge.certificates[FORGE_ZONAL].padded_size = (size_t)row->number;
}

static void bundle_head(struct setting *setting, const struct mutation *row)
{
    setting->forge.bundle_head = row->hex;
    setting->forge.bundle_end = row->text ? row->text : "";
}

static void empty_bundle_entry(struct setting *setting, const struct mutation *row)
{
    setting->forge.certificates[row->where].replaced = "";
}

/* A chain of so many certificates in cabundle. */
static void bundle_of(struct setting *setting, const struct mutation *row)
{
    forge_set_levels(&setting->forge, (size_t)row->number + 1);
}

static const struct mutation rows[] = {
    /* --- the map; wishes 14 and pitfalls "definite map assumed": both forms are real --- */
    {"map of indefinite length", payload_head, VSA_OK, 0, "bf", "ff", 0},
    {"map of indefinite length without break", payload_head, VSA_ERR_CBOR, 0, "bf", "", 0},
    {"map of indefinite length, two breaks", payload_head, VSA_ERR_TRAILING_BYTES, 0, "bf", "ffff",
     0},
    {"map with a break", payload_end, VSA_ERR_TRAILING_BYTES, 0, "ff", NULL, 0},
    {"break in place of a value", payload_head, VSA_ERR_CBOR_FORBIDDEN, 0, "bf", "6161ff", 0},
    {"map of 10 with 9 entries", payload_head, VSA_ERR_CBOR, 0, "aa", NULL, 0},
    {"map of 8 with 9 entries", payload_head, VSA_ERR_TRAILING_BYTES, 0, "a8", NULL, 0},
    {"map not in shortest form", payload_head, VSA_OK, 0, "b809", NULL, 0},
    {"map with a reserved length", payload_head, VSA_ERR_CBOR, 0, "bc", NULL, 0},
    {"map of 2^28 entries", payload_head, VSA_ERR_CBOR, 0, "ba10000000", NULL, 0},
    {"map of 2^64-1 entries", payload_head, VSA_ERR_CBOR, 0, "bbffffffffffffffff", NULL, 0},
    {"map tagged", payload_head, VSA_ERR_FIELD, 0, "d9d9f7a9", NULL, 0},
    {"an array instead of the map", payload_head, VSA_ERR_FIELD, 0, "92", NULL, 0},
    /* pitfalls "trailing bytes", in the payload */
    {"a byte after the map", payload_end, VSA_ERR_TRAILING_BYTES, 0, "00", NULL, 0},
    {"an entry after the map", payload_end, VSA_ERR_TRAILING_BYTES, 0, "6161f6", NULL, 0},
    {"payload null", whole_payload, VSA_ERR_FIELD, 0, "f6", NULL, 0},
    {"payload an integer", whole_payload, VSA_ERR_FIELD, 0, "00", NULL, 0},
    {"payload an empty map", whole_payload, VSA_ERR_FIELD_MISSING, 0, "a0", NULL, 0},
    {"payload an empty indefinite map", whole_payload, VSA_ERR_FIELD_MISSING, 0, "bfff", NULL, 0},
    {"payload the break code", whole_payload, VSA_ERR_CBOR_FORBIDDEN, 0, "ff", NULL, 0},
    {"payload wrapped twice", whole_payload, VSA_ERR_FIELD, 0, "41a0", NULL, 0},
    {"another order of entries", reverse_order, VSA_OK, 0, NULL, NULL, 0},

    /* --- keys --- */
    {"integer key", add_key, VSA_ERR_FIELD, 0, "01", NULL, 0},
    {"negative key", add_key, VSA_ERR_FIELD, 0, "20", NULL, 0},
    {"bytes as key", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "456e6f6e6365", NULL, 0},
    {"array as key", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "80", NULL, 0},
    {"map as key", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "a0", NULL, 0},
    {"tagged key", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "d820656e6f6e6365", NULL, 0},
    {"null as key", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "f6", NULL, 0},
    {"key in chunks", add_key, VSA_ERR_CBOR_FORBIDDEN, 0, "7f616eff", NULL, 0},
    {"key not UTF-8", add_key, VSA_ERR_CBOR, 0, "61ff", NULL, 0},
    {"key longer than the payload", add_key, VSA_ERR_CBOR, 0, "7a7fffffff", NULL, 0},
    {"empty key", add_key, VSA_OK, 0, "60", NULL, 0},
    /* A parser that does not insist on shortest form would see two keys, or one twice. */
    {"nonce again, its length not shortest", add_key, VSA_ERR_DUPLICATE_KEY, 0, "78056e6f6e6365",
     NULL, 0},
    {"Nonce with a capital letter", add_key, VSA_OK, 0, "654e6f6e6365", NULL, 0},
    {"nonce with a NUL after it", add_key, VSA_OK, 0, "666e6f6e636500", NULL, 0},

    /* --- pitfalls "duplicate map keys: first/last wins" (serde_cbor, fxamacker, cbor2) --- */
    {"module_id twice", repeat_field, VSA_ERR_DUPLICATE_KEY, ID, NULL, NULL, 0},
    {"digest twice", repeat_field, VSA_ERR_DUPLICATE_KEY, DIG, NULL, NULL, 0},
    {"timestamp twice", repeat_field, VSA_ERR_DUPLICATE_KEY, TIME, NULL, NULL, 0},
    {"pcrs twice", repeat_field, VSA_ERR_DUPLICATE_KEY, PCRS, NULL, NULL, 0},
    {"certificate twice", repeat_field, VSA_ERR_DUPLICATE_KEY, LEAF, NULL, NULL, 0},
    {"cabundle twice", repeat_field, VSA_ERR_DUPLICATE_KEY, CAS, NULL, NULL, 0},
    {"public_key twice", repeat_field, VSA_ERR_DUPLICATE_KEY, KEY, NULL, NULL, 0},
    {"user_data twice", repeat_field, VSA_ERR_DUPLICATE_KEY, DATA, NULL, NULL, 0},
    {"nonce twice", repeat_field, VSA_ERR_DUPLICATE_KEY, NONC, NULL, NULL, 0},
    {"nonce twice, the other first", repeat_first, VSA_ERR_DUPLICATE_KEY, NONC, NULL, NULL, 0},
    ADD("nonce again as null", "nonce", "f6", VSA_ERR_DUPLICATE_KEY),
    {"an unknown key twice", add_twice, VSA_ERR_DUPLICATE_KEY, 0, "6161", NULL, 0},

    /* --- mandatory fields --- */
    WITHOUT("no module_id", ID, VSA_ERR_FIELD_MISSING),
    WITHOUT("no digest", DIG, VSA_ERR_FIELD_MISSING),
    WITHOUT("no timestamp", TIME, VSA_ERR_FIELD_MISSING),
    WITHOUT("no pcrs", PCRS, VSA_ERR_FIELD_MISSING),
    WITHOUT("no certificate", LEAF, VSA_ERR_FIELD_MISSING),
    WITHOUT("no cabundle", CAS, VSA_ERR_FIELD_MISSING),
    SET("module_id null", ID, "f6", VSA_ERR_FIELD),
    SET("digest null", DIG, "f6", VSA_ERR_FIELD),
    SET("timestamp null", TIME, "f6", VSA_ERR_TIMESTAMP),
    SET("pcrs null", PCRS, "f6", VSA_ERR_FIELD),
    SET("certificate null", LEAF, "f6", VSA_ERR_FIELD),
    SET("cabundle null", CAS, "f6", VSA_ERR_FIELD),
    /* --- optional ones; Cantina "omitted public_key refused" --- */
    WITHOUT("no public_key", KEY, VSA_OK),
    WITHOUT("no user_data", DATA, VSA_OK),
    WITHOUT("no nonce", NONC, VSA_OK),
    SET("public_key null", KEY, "f6", VSA_OK),
    SET("user_data null", DATA, "f6", VSA_OK),
    SET("nonce null", NONC, "f6", VSA_OK),
    SET("public_key empty", KEY, "40", VSA_OK),
    SET("user_data empty", DATA, "40", VSA_OK),
    SET("nonce empty", NONC, "40", VSA_OK),
    /* wishes 3 and 13: 512 or 1024? each limit at its edge */
    SIZE("public_key of 1024 bytes", KEY, 1024, VSA_OK),
    SIZE("public_key of 1025 bytes", KEY, 1025, VSA_ERR_FIELD),
    SIZE("user_data of 1024 bytes", DATA, 1024, VSA_OK),
    SIZE("user_data of 1025 bytes", DATA, 1025, VSA_ERR_FIELD),
    SIZE("nonce of 1024 bytes", NONC, 1024, VSA_OK),
    SIZE("nonce of 1025 bytes", NONC, 1025, VSA_ERR_FIELD),
    SET("nonce as text", NONC, "656e6f6e6365", VSA_ERR_FIELD),
    SET("nonce true", NONC, "f5", VSA_ERR_FIELD),
    SET("nonce undefined", NONC, "f7", VSA_ERR_CBOR_FORBIDDEN),
    SET("nonce an array of integers", NONC, "8101", VSA_ERR_FIELD),
    SET("nonce in chunks", NONC, "5f456e6f6e6365ff", VSA_ERR_CBOR_FORBIDDEN),
    SET("nonce's length not shortest", NONC, "58056e6f6e6365", VSA_OK),
    SET("nonce longer than the payload", NONC, "5a0fffffff", VSA_ERR_CBOR),
    SET("nonce of 2^64-1 bytes", NONC, "5bffffffffffffffff", VSA_ERR_CBOR),
    SET("nonce tagged", NONC, "c2456e6f6e6365", VSA_ERR_FIELD),
    SET("user_data as text", DATA, "60", VSA_ERR_FIELD),
    SET("user_data false", DATA, "f4", VSA_ERR_FIELD),
    SET("public_key a map", KEY, "a0", VSA_ERR_FIELD),
    SET("public_key 0", KEY, "00", VSA_ERR_FIELD),

    /* --- module_id, digest --- */
    SET("module_id empty", ID, "60", VSA_ERR_FIELD),
    {"module_id of 128 bytes", module_id_of_size, VSA_OK, 0, NULL, NULL, 128},
    {"module_id of 129 bytes", module_id_of_size, VSA_ERR_FIELD, 0, NULL, NULL, 129},
    SET("module_id as bytes", ID, "46692d302d656e63", VSA_ERR_FIELD),
    SET("module_id not UTF-8", ID, "68692d302d656e63ff", VSA_ERR_CBOR),
    SET("module_id with a surrogate", ID, "6a 692d302d656e63 eda080", VSA_ERR_CBOR),
    SET("digest SHA256", DIG, "66534841323536", VSA_ERR_FIELD),
    SET("digest SHA512", DIG, "66534841353132", VSA_ERR_FIELD),
    SET("digest in lower case", DIG, "66736861333834", VSA_ERR_FIELD),
    SET("digest with a NUL", DIG, "6753484133383400", VSA_ERR_FIELD),
    SET("digest empty", DIG, "60", VSA_ERR_FIELD),
    SET("digest as bytes", DIG, "46534841333834", VSA_ERR_FIELD),

    /* --- pitfalls "timestamp 0 skips freshness" (nitro-test), Cantina "tag-wrapped" --- */
    {"timestamp 0", timestamp, VSA_ERR_TIMESTAMP, 0, NULL, NULL, 0},
    {"timestamp 1", timestamp, VSA_ERR_TOO_OLD, 0, NULL, NULL, 1},
    SET("timestamp -1", TIME, "20", VSA_ERR_TIMESTAMP),
    SET("timestamp -(now)", TIME, "3b0000019bc16f8000", VSA_ERR_TIMESTAMP),
    SET("timestamp as text", TIME, "6131", VSA_ERR_TIMESTAMP),
    SET("timestamp as bytes", TIME, "48 0000019bc16f8000", VSA_ERR_TIMESTAMP),
    SET("timestamp float64", TIME, "fb4279bc16f8000000", VSA_ERR_TIMESTAMP),
    SET("timestamp float32", TIME, "fa47c35000", VSA_ERR_TIMESTAMP),
    SET("timestamp float16", TIME, "f93c00", VSA_ERR_TIMESTAMP),
    SET("timestamp tagged 1", TIME, "c11b0000019bc16f8000", VSA_ERR_TIMESTAMP),
    SET("timestamp a bignum", TIME, "c2480000019bc16f8000", VSA_ERR_TIMESTAMP),
    SET("timestamp true", TIME, "f5", VSA_ERR_TIMESTAMP),
    SET("timestamp in an array", TIME, "8101", VSA_ERR_TIMESTAMP),
    SET("timestamp not shortest", TIME, "1b0000000000000001", VSA_ERR_TOO_OLD),
    SET("timestamp with a reserved width", TIME, "1c", VSA_ERR_CBOR),
    {"timestamp in the year 9999", timestamp_above_limit, VSA_OK, 0, NULL, NULL,
     INT64_C(253402300799999)},
    {"timestamp in the year 10000", timestamp_above_limit, VSA_ERR_TIMESTAMP, 0, NULL, NULL,
     INT64_C(253402300800000)},
    SET("timestamp 2^63-1", TIME, "1b7fffffffffffffff", VSA_ERR_TIMESTAMP),
    SET("timestamp 2^63", TIME, "1b8000000000000000", VSA_ERR_TIMESTAMP),
    SET("timestamp 2^64-1", TIME, "1bffffffffffffffff", VSA_ERR_TIMESTAMP),

    /* --- pitfalls "PCR index 32 / >31 / count confusion" (qos, fastcrypto, anjuna) --- */
    {"1 PCR", pcr_count, VSA_OK, 0, NULL, NULL, 1},
    {"17 PCRs", pcr_count, VSA_OK, 0, NULL, NULL, 17},
    {"32 PCRs", pcr_count, VSA_OK, 0, NULL, NULL, 32},
    {"33 PCRs", pcr_count, VSA_ERR_PCRS, 0, NULL, NULL, 33},
    {"no PCR", pcr_count, VSA_ERR_PCRS, 0, NULL, NULL, 0},
    {"PCR0 and PCR31 only", sparse_pcrs, VSA_OK, 0, NULL, NULL, 0},
    {"PCR31", add_pcr, VSA_OK, 0, NULL, NULL, 31},
    {"PCR32", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, 32},
    {"PCR33", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, 33},
    {"PCR255", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, 255},
    /* 2^32 and 2^8: what a narrowing cast would take for PCR0 */
    {"PCR256", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, 256},
    {"PCR2^32", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, INT64_C(1) << 32},
    {"PCR2^63-1", add_pcr, VSA_ERR_PCRS, 0, NULL, NULL, INT64_MAX},
    {"PCR index 2^64-1", pcr_key, VSA_ERR_FIELD, 0, "1bffffffffffffffff", NULL, 0},
    {"PCR index -1", pcr_key, VSA_ERR_PCRS, 0, "20", NULL, 0},
    {"PCR index as text", pcr_key, VSA_ERR_PCRS, 0, "623135", NULL, 0},
    {"PCR index as bytes", pcr_key, VSA_ERR_CBOR_FORBIDDEN, 0, "410f", NULL, 0},
    {"PCR index not shortest", pcr_key, VSA_OK, 0, "180f", NULL, 0},
    {"PCR index tagged", pcr_key, VSA_ERR_CBOR_FORBIDDEN, 0, "c10f", NULL, 0},
    {"PCR0 twice, in two forms", pcr_key, VSA_ERR_DUPLICATE_KEY, 0, "1800", NULL, 0},
    {"PCR0 twice, in the longest form", pcr_key, VSA_ERR_DUPLICATE_KEY, 0, "1b0000000000000000",
     NULL, 0},
    {"PCR0 twice", pcr_key, VSA_ERR_DUPLICATE_KEY, 0, "00", NULL, 0},
    {"PCR14 twice", pcr_key, VSA_ERR_DUPLICATE_KEY, 0, "0e", NULL, 0},
    {"PCR15 of 0 bytes", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 0},
    {"PCR15 of 1 byte", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 1},
    {"PCR15 of 32 bytes, SHA-256", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 32},
    {"PCR15 of 47 bytes", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 47},
    {"PCR15 of 49 bytes", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 49},
    {"PCR15 of 64 bytes, SHA-512", pcr_size, VSA_ERR_PCRS, 15, NULL, NULL, 64},
    {"PCR0 of 0 bytes", pcr_size, VSA_ERR_PCRS, 0, NULL, NULL, 0},
    {"PCR15 null", pcr_value, VSA_ERR_PCRS, 0, "f6", NULL, 0},
    {"PCR15 as text", pcr_value, VSA_ERR_PCRS, 0, "6130", NULL, 0},
    {"PCR15 an array", pcr_value, VSA_ERR_PCRS, 0, "80", NULL, 0},
    {"PCR15 in chunks", pcr_value, VSA_ERR_CBOR_FORBIDDEN, 0, "5f4100ff", NULL, 0},
    {"PCR map of indefinite length", pcr_head, VSA_OK, 0, "bf", "ff", 0},
    {"PCR map without a break", pcr_head, VSA_ERR_PCRS, 0, "bf", NULL, 0},
    {"PCR map not in shortest form", pcr_head, VSA_OK, 0, "b810", NULL, 0},
    {"PCR map of 2^64-1", pcr_head, VSA_ERR_CBOR, 0, "bbffffffffffffffff", NULL, 0},
    {"PCR map one short", pcr_head, VSA_ERR_FIELD, 0, "af", NULL, 0},
    {"PCRs as an array", pcr_head, VSA_ERR_FIELD, 0, "9820", NULL, 0},
    /* pitfalls "debug zero PCRs": without PCR0 debug mode could hide */
    {"no PCR0", without_pcr0, VSA_ERR_PCR_MISSING, 0, NULL, NULL, 0},
    {"no PCR0, debug mode allowed", without_pcr0_debug_allowed, VSA_ERR_PCR_MISSING, 0, NULL, NULL,
     0},

    /* --- certificates as strings; Cantina "leaf length unbounded" --- */
    {"certificate of 1024 bytes", leaf_size, VSA_OK, 0, NULL, NULL, 1024},
    {"certificate of 1025 bytes", leaf_size, VSA_ERR_FIELD, 0, NULL, NULL, 1025},
    {"cabundle entry of 1024 bytes", ca_size, VSA_OK, 0, NULL, NULL, 1024},
    {"cabundle entry of 1025 bytes", ca_size, VSA_ERR_FIELD, 0, NULL, NULL, 1025},
    SET("certificate empty", LEAF, "40", VSA_ERR_FIELD),
    SET("certificate as text", LEAF, "6130", VSA_ERR_FIELD),
    SET("certificate of 2^28 bytes", LEAF, "5a10000000", VSA_ERR_CBOR),
    SET("certificate one byte", LEAF, "4130", VSA_ERR_CERTIFICATE_SYNTAX),
    SET("cabundle empty", CAS, "80", VSA_ERR_CABUNDLE),
    SET("cabundle a byte string", CAS, "4130", VSA_ERR_FIELD),
    SET("cabundle a map", CAS, "a0", VSA_ERR_FIELD),
    SET("cabundle of nulls", CAS, "81f6", VSA_ERR_FIELD),
    SET("cabundle of texts", CAS, "816130", VSA_ERR_FIELD),
    SET("cabundle of one byte", CAS, "814130", VSA_ERR_UNTRUSTED_ROOT),
    {"cabundle of indefinite length", bundle_head, VSA_OK, 0, "9f", "ff", 0},
    {"cabundle without a break", bundle_head, VSA_ERR_FIELD, 0, "9f", NULL, 0},
    {"empty cabundle of indefinite length", set_field, VSA_ERR_CABUNDLE, CAS, "9fff", NULL, 0},
    {"cabundle not in shortest form", bundle_head, VSA_OK, 0, "9804", NULL, 0},
    {"cabundle of 2^28", bundle_head, VSA_ERR_CBOR, 0, "9a10000000", NULL, 0},
    {"cabundle of 2^64-1", bundle_head, VSA_ERR_CBOR, 0, "9bffffffffffffffff", NULL, 0},
    {"cabundle one too many claimed", bundle_head, VSA_ERR_FIELD, 0, "85", NULL, 0},
    {"root empty", empty_bundle_entry, VSA_ERR_FIELD, FORGE_ROOT, NULL, NULL, 0},
    {"last cabundle entry empty", empty_bundle_entry, VSA_ERR_FIELD, FORGE_INSTANCE, NULL, NULL, 0},
    {"1 certificate in cabundle", bundle_of, VSA_OK, 0, NULL, NULL, 1},
    {"2 certificates in cabundle", bundle_of, VSA_OK, 0, NULL, NULL, 2},
    {"8 certificates in cabundle", bundle_of, VSA_OK, 0, NULL, NULL, 8},
    {"9 certificates in cabundle", bundle_of, VSA_ERR_CABUNDLE, 0, NULL, NULL, 9},

    /* --- pitfalls "NitroTPM document taken as enclave's": both signs of one --- */
    SET("module_id of an instance", ID, "73692d30313233343536373839616263646566 30",
        VSA_ERR_NITROTPM),
    ADD("nitrotpm_pcrs besides pcrs", "nitrotpm_pcrs",
        "a1005830 000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000",
        VSA_ERR_NITROTPM),
    ADD("nitrotpm_pcrs null", "nitrotpm_pcrs", "f6", VSA_ERR_NITROTPM),

    /* --- entries that AWS may add one day --- */
    ADD("an unknown entry", "later", "01", VSA_OK),
    ADD("unknown, null", "later", "f6", VSA_OK),
    ADD("unknown, negative", "later", "3903e7", VSA_OK),
    ADD("unknown, 2^64-1", "later", "1bffffffffffffffff", VSA_OK),
    ADD("unknown, -2^64", "later", "3bffffffffffffffff", VSA_OK),
    ADD("unknown, true", "later", "f5", VSA_OK),
    ADD("unknown, nested 4 deep", "later", "81a16161818100", VSA_OK),
    ADD("unknown, nested 5 deep", "later", "81a1616181818100", VSA_OK),
    ADD("unknown, nested 200 deep", "later",
        "81818181818181818181818181818181818181818181818181818181818181818181818181818181818181"
        "81818181818181818181818181818181818181818181818181818181818181818181818181818181818181"
        "81818181818181818181818181818181818181818181818181818181818181818181818181818181818181"
        "818181818181818181818181818181818181818181818181818181818181818100",
        VSA_ERR_NESTING),
    ADD("unknown, maps 5 deep", "later", "a100a100a100a100a100f6", VSA_OK),
    ADD("unknown, empty array and map", "later", "8280a0", VSA_OK),
    ADD("unknown, a key twice in its map", "later", "a2010001 00", VSA_ERR_DUPLICATE_KEY),
    ADD("unknown, a key twice two levels down", "later", "81a16161a2617800 617800",
        VSA_ERR_DUPLICATE_KEY),
    ADD("unknown, the same key in two maps", "later", "82a10000a10000", VSA_OK),
    ADD("unknown, tag", "later", "c101", VSA_OK),
    ADD("unknown, tag in an array", "later", "81c101", VSA_OK),
    ADD("unknown, float", "later", "fb3ff0000000000000", VSA_OK),
    ADD("unknown, half float", "later", "f93c00", VSA_OK),
    ADD("unknown, undefined", "later", "f7", VSA_OK),
    ADD("unknown, simple value 16", "later", "f0", VSA_OK),
    ADD("unknown, simple value 255", "later", "f8ff", VSA_OK),
    ADD("unknown, array of indefinite length", "later", "9fff", VSA_OK),
    ADD("unknown, map of indefinite length", "later", "bfff", VSA_OK),
    ADD("unknown, nested 16 deep", "later", "81818181818181818181818181818181 00", VSA_OK),
    ADD("unknown, nested 17 deep", "later", "8181818181818181818181818181818181 00",
        VSA_ERR_NESTING),
    ADD("unknown, indefinite in indefinite", "later", "9f9fbf019f03ffffff04ff", VSA_OK),
    ADD("unknown, tag of a tag", "later", "c1c1d9d9f7 80", VSA_OK),
    ADD("unknown, tag of a break", "later", "9fc1ff", VSA_ERR_CBOR_FORBIDDEN),
    ADD("unknown, array without a break", "later", "9f01", VSA_ERR_CBOR),
    ADD("unknown, map with a key and no value", "later", "bf01ff", VSA_ERR_CBOR_FORBIDDEN),
    ADD("unknown, simple value 31 in two bytes", "later", "f81f", VSA_ERR_CBOR),
    ADD("unknown, null in two bytes", "later", "f816", VSA_ERR_CBOR),
    ADD("unknown, integer not shortest", "later", "1b0000000000000000", VSA_OK),
    /* One key in two forms is one key. */
    ADD("unknown, an integer key in two forms", "later", "a2 0100 180100", VSA_ERR_DUPLICATE_KEY),
    ADD("unknown, a negative key in two forms", "later", "bf 2000 3900 0000ff",
        VSA_ERR_DUPLICATE_KEY),
    ADD("unknown, a text key in two forms", "later", "a2 616100 78016100", VSA_ERR_DUPLICATE_KEY),
    ADD("unknown, 1 and \"1\" as keys", "later", "a2 0100 613100", VSA_OK),
    ADD("unknown, 1 and -2 as keys", "later", "a2 0100 2100", VSA_OK),
    ADD("unknown, bytes in chunks", "later", "5fff", VSA_ERR_CBOR_FORBIDDEN),
    ADD("unknown, break", "later", "ff", VSA_ERR_CBOR_FORBIDDEN),
    ADD("unknown, text not UTF-8", "later", "61c0", VSA_ERR_CBOR),
    ADD("unknown, length not shortest", "later", "5800", VSA_OK),
    ADD("unknown, reserved additional information 28", "later", "1c", VSA_ERR_CBOR),
    ADD("unknown, reserved additional information 30", "later", "fe", VSA_ERR_CBOR),
    ADD("unknown, array of 2^64-1", "later", "9bffffffffffffffff", VSA_ERR_CBOR),
    ADD("unknown, map of 2^63", "later", "bb8000000000000000", VSA_ERR_CBOR),
    ADD("unknown, map key an array", "later", "a18000", VSA_ERR_CBOR_FORBIDDEN),
    ADD("unknown, cut off", "later", "8201", VSA_ERR_CBOR),
    {"64 entries", many_entries, VSA_OK, 0, NULL, NULL, 64},
    {"65 entries", many_entries, VSA_ERR_TOO_MANY, 0, NULL, NULL, 65},
};

int main(void)
{
    return MUTATION_RUN("mutations_payload", rows);
}
