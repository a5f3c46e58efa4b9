/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows about the certificate path (src/attestation/chain.c, cache.c, src/x509/parse.c).
 * Certificates below a changed one are issued again, so that each row breaks one rule.
 */
#include "unit_test.h"

#include "base/hex.h"
#include "mutation.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static struct forge_certificate *certificate(struct setting *setting, size_t level)
{
    return &setting->forge.certificates[level];
}

/* --- knobs of one certificate, `where` --- */

#define KNOB(function, member, type)                                                               \
    static void function(struct setting *setting, const struct mutation *row)                      \
    {                                                                                              \
        certificate(setting, row->where)->member = (type)row->number;                              \
    }                                                                                              \
    struct swallow_semicolon_

KNOB(key_kind, key_kind, enum forge_key_kind);
KNOB(outer_algorithm, outer_algorithm, enum forge_algorithm);
KNOB(form, form, enum forge_form);
KNOB(signature_edit, signature_edit, enum forge_signature_edit);
KNOB(signer, signer, int);

#define TEXT_KNOB(function, member, from)                                                          \
    static void function(struct setting *setting, const struct mutation *row)                      \
    {                                                                                              \
        certificate(setting, row->where)->member = row->from;                                      \
    }                                                                                              \
    struct swallow_semicolon_

TEXT_KNOB(version, version, hex);
TEXT_KNOB(subject, subject, text);
TEXT_KNOB(issuer, issuer, text);
TEXT_KNOB(not_before, not_before, text);
TEXT_KNOB(not_after, not_after, text);

#define ROW(name, function, level, number, status)                                                 \
    {                                                                                              \
        name, function, status, level, NULL, NULL, number                                          \
    }
#define HEX(name, function, level, hex, status)                                                    \
    {                                                                                              \
        name, function, status, level, hex, NULL, 0                                                \
    }
#define TEXT(name, function, level, text, status)                                                  \
    {                                                                                              \
        name, function, status, level, NULL, text, 0                                               \
    }

static void algorithm(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->algorithm = (enum forge_algorithm)row->number;
    certificate(setting, row->where)->outer_algorithm = (enum forge_algorithm)row->number;
}

/* An RSA key and what it signs. */
static void rsa_issuer(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->key_kind = FORGE_RSA;
    certificate(setting, row->where + 1)->algorithm = FORGE_RSA_SHA384;
    certificate(setting, row->where + 1)->outer_algorithm = FORGE_RSA_SHA384;
}

static void rsa_leaf(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->key_kind = FORGE_RSA;
    setting->forge.cose.signature_item = forge_bytes(&setting->forge, 96, 1);
}

/* P-521 and P-256 signatures have other sizes than 96 bytes: they would be refused earlier. */
static void other_curve_leaf(struct setting *setting, const struct mutation *row)
{
    key_kind(setting, row);
    setting->forge.cose.signature_item = forge_bytes(&setting->forge, 96, 1);
}

/* basicConstraints and keyUsage: critical as they are on CAs; not on the leaf. */
static void basic_constraints(struct setting *setting, const struct mutation *row)
{
    forge_extension_set(certificate(setting, row->where), FORGE_OID_BASIC_CONSTRAINTS,
                        row->where != FORGE_LEAF, row->hex);
}

static void basic_constraints_criticality(struct setting *setting, const struct mutation *row)
{
    forge_extension_set(certificate(setting, row->where), FORGE_OID_BASIC_CONSTRAINTS,
                        row->number != 0, row->hex);
}

static void key_usage(struct setting *setting, const struct mutation *row)
{
    forge_extension_set(certificate(setting, row->where), FORGE_OID_KEY_USAGE,
                        row->where != FORGE_LEAF, row->hex);
}

static void key_usage_criticality(struct setting *setting, const struct mutation *row)
{
    forge_extension_set(certificate(setting, row->where), FORGE_OID_KEY_USAGE, row->number != 0,
                        row->hex);
}

/* One extension more: OID `text`, value `hex`, critical if `number`. */
static void extension(struct setting *setting, const struct mutation *row)
{
    forge_extension_add(certificate(setting, row->where), row->text, row->number != 0, row->hex);
}

static void extension_twice(struct setting *setting, const struct mutation *row)
{
    extension(setting, row);
    extension(setting, row);
}

#define EXTENSION(name, level, oid, critical, hex, status)                                         \
    {                                                                                              \
        name, extension, status, level, hex, oid, critical                                         \
    }

static void extension_count(struct setting *setting, const struct mutation *row)
{
    static const char *const oids[] = {"2a030600", "2a030601", "2a030602", "2a030603", "2a030604",
                                       "2a030605", "2a030606", "2a030607", "2a030608", "2a030609",
                                       "2a03060a", "2a03060b", "2a03060c", "2a03060d", "2a03060e"};
    struct forge_certificate *made = certificate(setting, row->where);
    for (size_t i = 0; made->extension_count < (size_t)row->number; i++)
        forge_extension_add(made, oids[i], false, "0500");
}

/* `hex` in the TBSCertificate becomes `text`, of the same size, before signing. */
static void replace(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->find = row->hex;
    certificate(setting, row->where)->replacement = row->text;
}

#define REPLACE(name, level, find, replacement, status)                                            \
    {                                                                                              \
        name, replace, status, level, find, replacement, 0                                         \
    }

static void wrong_key_identifier(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->authority_key_id = true;
    certificate(setting, row->where)->wrong_authority_key_id = true;
}

static void key_identifiers(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->authority_key_id = row->number != 0;
    certificate(setting, row->where)->subject_key_id = row->number != 0;
}

/* --- roots --- */

static void own_root_row(struct setting *setting)
{
    setting->anchors = ANCHOR_OWN;
}

/* The attacker's root is signed by his own key and has the right name and the right bits. */
static void attackers_root(struct setting *setting, const struct mutation *row)
{
    (void)row;
    certificate(setting, FORGE_ROOT)->key_number = FORGE_STRANGER;
    certificate(setting, FORGE_ROOT)->signer = FORGE_STRANGER;
    certificate(setting, FORGE_REGIONAL)->signer = FORGE_STRANGER;
}

static void attackers_root_trusted(struct setting *setting, const struct mutation *row)
{
    attackers_root(setting, row);
    own_root_row(setting);
}

/* The genuine root in front, everything below by the attacker. */
static void attackers_chain(struct setting *setting, const struct mutation *row)
{
    (void)row;
    for (size_t i = FORGE_REGIONAL; i <= FORGE_LEAF; i++) {
        certificate(setting, i)->key_number = FORGE_STRANGER;
        certificate(setting, i)->signer = FORGE_STRANGER;
    }
    setting->forge.cose.signer = FORGE_STRANGER;
}

/* Genuine down to the instance; the leaf, and so the document, by the attacker. */
static void attackers_leaf(struct setting *setting, const struct mutation *row)
{
    (void)row;
    certificate(setting, FORGE_LEAF)->key_number = FORGE_STRANGER;
    certificate(setting, FORGE_LEAF)->signer = FORGE_STRANGER;
    setting->forge.cose.signer = FORGE_STRANGER;
}

/* Two anchors: a root must not vouch for the certificates of the other. */
static void under_the_other_root(struct setting *setting, const struct mutation *row)
{
    attackers_root(setting, row);
    own_root_row(setting);
    certificate(setting, FORGE_REGIONAL)->signer = FORGE_ROOT;
}

static void own_path_length(struct setting *setting, const struct mutation *row)
{
    own_root_row(setting);
    basic_constraints(setting, row);
}

static void own_not_after(struct setting *setting, const struct mutation *row)
{
    own_root_row(setting);
    not_after(setting, row);
}

static void own_not_before(struct setting *setting, const struct mutation *row)
{
    own_root_row(setting);
    not_before(setting, row);
}

/* --- cabundle --- */

/* Level numbers as digits: "0123" is the genuine order. */
static void bundle(struct setting *setting, const struct mutation *row)
{
    setting->forge.bundle_count = strlen(row->text);
    for (size_t i = 0; row->text[i]; i++)
        setting->forge.bundle[i] = row->text[i] - '0';
}

/*
 * A leaf that issues: a sixth certificate under the genuine leaf, which stands in cabundle as if
 * it were a CA. Its path ends where the attacker's key is.
 */
static void leaf_as_ca(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    struct forge_certificate leaf = *certificate(setting, FORGE_LEAF);
    struct forge_certificate below = leaf;
    below.subject = "attacker";
    below.signer = FORGE_LEAF;
    below.key_number = FORGE_STRANGER;
    forge->levels = FORGE_LEVELS + 1;
    forge->certificates[FORGE_LEAF + 1] = below;
    forge->bundle_count = FORGE_LEVELS;
    forge->bundle[FORGE_LEAF] = FORGE_LEAF;
    forge->cose.signer = FORGE_STRANGER;
    if (row->hex)
        forge_extension_set(&forge->certificates[FORGE_LEAF], FORGE_OID_BASIC_CONSTRAINTS, true,
                            row->hex);
    if (row->text)
        forge_extension_set(&forge->certificates[FORGE_LEAF], FORGE_OID_KEY_USAGE, true, row->text);
}

/* The same with no pathLen above that forbids it: only the leaf's own bits are left. */
static void leaf_as_ca_unlimited(struct setting *setting, const struct mutation *row)
{
    leaf_as_ca(setting, row);
    for (size_t i = FORGE_REGIONAL; i <= FORGE_INSTANCE; i++)
        forge_extension_set(certificate(setting, i), FORGE_OID_BASIC_CONSTRAINTS, true, FORGE_CA);
}

/* A document signed by the instance's CA, whose certificate stands in place of the leaf's. */
static void ca_as_leaf(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->forge.levels = FORGE_INSTANCE + 1;
    setting->forge.bundle_count = FORGE_INSTANCE;
    setting->forge.cose.signer = FORGE_INSTANCE;
}

/* The root a second time, as a relay could make it: with (r, n - s), which verifies as well. */
static void root_again(struct setting *setting, const struct mutation *row)
{
    static char text[2 * 1200 + 1];
    struct forge *forge = &setting->forge;
    (void)row;
    certificate(setting, FORGE_ROOT)->signature_edit = FORGE_SIGNATURE_NEGATED;
    vsa_hex_encode(forge_issue(forge, FORGE_ROOT), text, sizeof(text));
    certificate(setting, FORGE_ROOT)->signature_edit = FORGE_SIGNATURE_GOOD;
    forge->levels = FORGE_LEVELS + 1;
    forge->certificates[FORGE_LEAF + 1] = *certificate(setting, FORGE_LEAF);
    forge->certificates[FORGE_LEAF + 1].issuer = certificate(setting, FORGE_INSTANCE)->subject;
    certificate(setting, FORGE_LEAF)->replaced = text;
    forge->cose.signer = FORGE_LEAF;
    const int bundle[] = {FORGE_ROOT, FORGE_LEAF, FORGE_REGIONAL, FORGE_ZONAL, FORGE_INSTANCE};
    forge->bundle_count = sizeof(bundle) / sizeof(bundle[0]);
    memcpy(forge->bundle, bundle, sizeof(bundle));
}

/* A CA that is its own issuer by name, signed by the one above. */
static void self_issued(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->subject = certificate(setting, row->where - 1)->subject;
}

/* Valid from `text` to `hex`. */
static void validity(struct setting *setting, const struct mutation *row)
{
    certificate(setting, row->where)->not_before = row->text;
    certificate(setting, row->where)->not_after = row->hex;
}

/* Seven CAs below the root, one with pathLen `hex` at level `where`. */
static void long_chain(struct setting *setting, const struct mutation *row)
{
    forge_set_levels(&setting->forge, 9);
    forge_extension_set(certificate(setting, row->where), FORGE_OID_BASIC_CONSTRAINTS, true,
                        row->hex);
}

/* --- time --- */

static void at(struct setting *setting, const struct mutation *row)
{
    setting->now_ms += row->number;
    setting->policy.max_age_ms = INT64_MAX;
    setting->policy.max_skew_ms = MINUTE;
}

#define AT(name, offset, status)                                                                   \
    {                                                                                              \
        name, at, status, 0, NULL, NULL, offset                                                    \
    }

/* The leaf is valid from 11:59:00 to 14:59:03; it is noon. */
#define LEAF_FROM (-MINUTE)
#define LEAF_TO   (2 * HOUR + 59 * MINUTE + 3000)

static const struct mutation rows[] = {
    /* --- pitfalls "trust anchor not enforced: any self-signed root" (nitro-test, oyster) --- */
    ROW("forged chain with the attacker's own root", attackers_root, 0, 0, VSA_ERR_UNTRUSTED_ROOT),
    ROW("the same, once that root is trusted", attackers_root_trusted, 0, 0, VSA_OK),
    ROW("genuine root, forged chain below", attackers_chain, 0, 0, VSA_ERR_CHAIN),
    ROW("genuine CAs, forged leaf", attackers_leaf, 0, 0, VSA_ERR_CHAIN),
    ROW("signed by one root, presented under another", under_the_other_root, 0, 0, VSA_ERR_CHAIN),
    ROW("root with another signature, rest genuine", signature_edit, FORGE_ROOT,
        FORGE_SIGNATURE_NEGATED, VSA_ERR_UNTRUSTED_ROOT),
    ROW("root with a byte after it", form, FORGE_ROOT, FORGE_TRAILING_OUTSIDE,
        VSA_ERR_UNTRUSTED_ROOT),
    TEXT("root with another name", subject, FORGE_ROOT, "forge.nitro-enclaveS",
         VSA_ERR_UNTRUSTED_ROOT),
    TEXT("root left out", bundle, 0, "123", VSA_ERR_UNTRUSTED_ROOT),
    TEXT("cabundle in the other order", bundle, 0, "3210", VSA_ERR_UNTRUSTED_ROOT),

    /* --- the order of cabundle --- */
    TEXT("root alone", bundle, 0, "0", VSA_ERR_CHAIN),
    TEXT("without the regional CA", bundle, 0, "023", VSA_ERR_CHAIN),
    TEXT("without the zonal CA", bundle, 0, "013", VSA_ERR_CHAIN),
    TEXT("without the instance CA", bundle, 0, "012", VSA_ERR_CHAIN),
    TEXT("two CAs swapped", bundle, 0, "0213", VSA_ERR_CHAIN),
    TEXT("a CA twice", bundle, 0, "01123", VSA_ERR_CHAIN),
    /* RFC 5280 section 6.1: no certificate twice in a path */
    TEXT("root twice", bundle, 0, "00123", VSA_ERR_CHAIN),
    TEXT("root at the end too", bundle, 0, "01230", VSA_ERR_CHAIN),
    TEXT("leaf in cabundle too", bundle, 0, "01234", VSA_ERR_CERTIFICATE_PROFILE),
    ROW("root twice, with (r, n - s)", root_again, 0, 0, VSA_ERR_CHAIN),
    ROW("regional CA self-issued", self_issued, FORGE_REGIONAL, 0, VSA_ERR_CHAIN),
    ROW("instance CA self-issued", self_issued, FORGE_INSTANCE, 0, VSA_ERR_CHAIN),
    ROW("leaf self-issued", self_issued, FORGE_LEAF, 0, VSA_ERR_CHAIN),
    ROW("leaf that names no subject", form, FORGE_LEAF, FORGE_EMPTY_SUBJECT,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("zonal CA that names no subject", form, FORGE_ZONAL, FORGE_EMPTY_SUBJECT,
        VSA_ERR_CERTIFICATE_PROFILE),

    /* --- names and keys --- */
    TEXT("issuer's name is another's", issuer, FORGE_ZONAL, "another name", VSA_ERR_CHAIN),
    TEXT("leaf's issuer is another", issuer, FORGE_LEAF, "another name", VSA_ERR_CHAIN),
    TEXT("leaf names itself as issuer", issuer, FORGE_LEAF, FORGE_MODULE_ID ".eu-north-1.forge",
         VSA_ERR_CHAIN),
    TEXT("a CA renamed after it issued", issuer, FORGE_REGIONAL, "old name", VSA_ERR_CHAIN),
    /* RFC 5280 section 7.1 would take these for the same name; one encoding, one name. */
    TEXT("issuer's name in another case", issuer, FORGE_REGIONAL, "Forge.Nitro-Enclaves",
         VSA_ERR_CHAIN),
    ROW("regional CA signed by a stranger", signer, FORGE_REGIONAL, FORGE_STRANGER, VSA_ERR_CHAIN),
    ROW("zonal CA signed by a stranger", signer, FORGE_ZONAL, FORGE_STRANGER, VSA_ERR_CHAIN),
    ROW("zonal CA signed by the root", signer, FORGE_ZONAL, FORGE_ROOT, VSA_ERR_CHAIN),
    ROW("zonal CA signed by itself", signer, FORGE_ZONAL, FORGE_ZONAL, VSA_ERR_CHAIN),
    ROW("instance CA signed by a stranger", signer, FORGE_INSTANCE, FORGE_STRANGER, VSA_ERR_CHAIN),
    ROW("leaf signed by a stranger", signer, FORGE_LEAF, FORGE_STRANGER, VSA_ERR_CHAIN),
    ROW("leaf signed by itself", signer, FORGE_LEAF, FORGE_LEAF, VSA_ERR_CHAIN),
    ROW("regional CA's signature with a bit flipped", signature_edit, FORGE_REGIONAL,
        FORGE_SIGNATURE_BIT_FLIPPED, VSA_ERR_CHAIN),
    ROW("leaf's signature with a bit flipped", signature_edit, FORGE_LEAF,
        FORGE_SIGNATURE_BIT_FLIPPED, VSA_ERR_CHAIN),
    ROW("leaf's signature zero", signature_edit, FORGE_LEAF, FORGE_SIGNATURE_BOTH_ZERO,
        VSA_ERR_CHAIN),
    ROW("leaf's signature with r = n", signature_edit, FORGE_LEAF, FORGE_SIGNATURE_R_ORDER,
        VSA_ERR_CHAIN),
    ROW("leaf's signature (s, r)", signature_edit, FORGE_LEAF, FORGE_SIGNATURE_SWAPPED,
        VSA_ERR_CHAIN),
    ROW("leaf's signature (r, n - s)", signature_edit, FORGE_LEAF, FORGE_SIGNATURE_NEGATED, VSA_OK),
    ROW("wrong authority key identifier in a CA", wrong_key_identifier, FORGE_ZONAL, 0,
        VSA_ERR_CHAIN),
    ROW("authority key identifier where the issuer has none", wrong_key_identifier, FORGE_LEAF, 0,
        VSA_OK),
    ROW("key identifiers in the instance CA, as since 2024", key_identifiers, FORGE_INSTANCE, 1,
        VSA_OK),
    ROW("no key identifiers in a CA", key_identifiers, FORGE_ZONAL, 0, VSA_OK),

    /* --- pitfalls "X.509 signatures only, no BC/KU/pathLen (a leaf may issue)" --- */
    HEX("leaf as CA", leaf_as_ca, 0, NULL, VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf as CA, no pathLen above", leaf_as_ca_unlimited, 0, NULL, VSA_ERR_CERTIFICATE_PROFILE),
    {"leaf as CA with keyCertSign, no pathLen above", leaf_as_ca_unlimited,
     VSA_ERR_CERTIFICATE_PROFILE, 0, NULL, FORGE_USAGE_CA, 0},
    {"leaf as CA that says CA, without keyCertSign", leaf_as_ca_unlimited,
     VSA_ERR_CERTIFICATE_PROFILE, 0, FORGE_CA, NULL, 0},
    /* The instance CA's pathLen 0 is all that stands against this one. */
    {"a CA under the instance CA", leaf_as_ca, VSA_ERR_CERTIFICATE_PROFILE, 0, FORGE_CA,
     FORGE_USAGE_CA, 0},
    {"a CA under an instance CA without pathLen", leaf_as_ca_unlimited, VSA_OK, 0, FORGE_CA,
     FORGE_USAGE_CA, 0},
    ROW("instance CA as leaf", ca_as_leaf, 0, 0, VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf says that it is a CA", basic_constraints, FORGE_LEAF, FORGE_CA,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf has a pathLen", basic_constraints, FORGE_LEAF, "3003020100",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf without basicConstraints", basic_constraints, FORGE_LEAF, NULL, VSA_OK),
    {"leaf's basicConstraints critical", basic_constraints_criticality, VSA_OK, FORGE_LEAF,
     FORGE_NOT_CA, NULL, 1},
    HEX("regional CA without basicConstraints", basic_constraints, FORGE_REGIONAL, NULL,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("instance CA without basicConstraints", basic_constraints, FORGE_INSTANCE, NULL,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("zonal CA that says it is none", basic_constraints, FORGE_ZONAL, FORGE_NOT_CA,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("zonal CA with a pathLen but no CA bit", basic_constraints, FORGE_ZONAL, "3003020101",
        VSA_ERR_CERTIFICATE_PROFILE),
    {"zonal CA's basicConstraints not critical", basic_constraints_criticality,
     VSA_ERR_CERTIFICATE_PROFILE, FORGE_ZONAL, FORGE_CA_PATH("01"), NULL, 0},

    /* --- pathLen; Cantina "pathLen overflow" --- */
    HEX("pathLen 1 in the regional CA", basic_constraints, FORGE_REGIONAL, FORGE_CA_PATH("01"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 0 in the regional CA", basic_constraints, FORGE_REGIONAL, FORGE_CA_PATH("00"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 0 in the zonal CA", basic_constraints, FORGE_ZONAL, FORGE_CA_PATH("00"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 127 in the instance CA", basic_constraints, FORGE_INSTANCE, FORGE_CA_PATH("7f"),
        VSA_OK),
    HEX("pathLen 2 in a trusted root", own_path_length, FORGE_ROOT, FORGE_CA_PATH("02"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 3 in a trusted root", own_path_length, FORGE_ROOT, FORGE_CA_PATH("03"), VSA_OK),
    HEX("pathLen -1", basic_constraints, FORGE_REGIONAL, FORGE_CA_PATH("ff"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen -128", basic_constraints, FORGE_REGIONAL, FORGE_CA_PATH("80"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 255", basic_constraints, FORGE_REGIONAL, "30070101ff020200ff", VSA_OK),
    HEX("pathLen 256", basic_constraints, FORGE_REGIONAL, "30070101ff02020100",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 2^31-1", basic_constraints, FORGE_REGIONAL, "30090101ff02047fffffff",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 2^32", basic_constraints, FORGE_REGIONAL, "300a0101ff02050100000000",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen 2^64+2", basic_constraints, FORGE_REGIONAL, "300e0101ff0209010000000000000002",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen -2^63", basic_constraints, FORGE_REGIONAL, "300d0101ff02088000000000000000",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen not in shortest form", basic_constraints, FORGE_REGIONAL, "30070101ff02020002",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("pathLen of no bytes", basic_constraints, FORGE_REGIONAL, "30050101ff0200",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("7 CAs, pathLen 6 in the first", long_chain, 1, FORGE_CA_PATH("06"), VSA_OK),
    HEX("7 CAs, pathLen 5 in the first", long_chain, 1, FORGE_CA_PATH("05"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("7 CAs, pathLen 0 in the last but one", long_chain, 6, FORGE_CA_PATH("00"),
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("7 CAs, pathLen 0 in the last", long_chain, 7, FORGE_CA_PATH("00"), VSA_OK),

    /* --- keyUsage --- */
    HEX("regional CA without keyUsage", key_usage, FORGE_REGIONAL, NULL,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("instance CA without keyUsage", key_usage, FORGE_INSTANCE, NULL,
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("regional CA without keyCertSign", key_usage, FORGE_REGIONAL, "03020182",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("instance CA with digitalSignature only", key_usage, FORGE_INSTANCE, "03020780",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("instance CA with an empty keyUsage", key_usage, FORGE_INSTANCE, "030100",
        VSA_ERR_CERTIFICATE_PROFILE),
    {"zonal CA's keyUsage not critical", key_usage_criticality, VSA_OK, FORGE_ZONAL,
     FORGE_USAGE_ROOT, NULL, 0},
    {"leaf's keyUsage critical", key_usage_criticality, VSA_OK, FORGE_LEAF, FORGE_USAGE_LEAF, NULL,
     1},
    HEX("leaf without keyUsage", key_usage, FORGE_LEAF, NULL, VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf without digitalSignature", key_usage, FORGE_LEAF, "03020640",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("leaf with digitalSignature only", key_usage, FORGE_LEAF, "03020780", VSA_OK),
    HEX("leaf with keyCertSign", key_usage, FORGE_LEAF, "03020284", VSA_ERR_CERTIFICATE_PROFILE),

    /* --- keys: P-256 or RSA links --- */
    ROW("P-256 in the regional CA", key_kind, FORGE_REGIONAL, FORGE_P256,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("P-256 in the instance CA", key_kind, FORGE_INSTANCE, FORGE_P256,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("P-256 in the leaf", other_curve_leaf, FORGE_LEAF, FORGE_P256, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("P-521 in the zonal CA", key_kind, FORGE_ZONAL, FORGE_P521, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("P-521 in the leaf", other_curve_leaf, FORGE_LEAF, FORGE_P521, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("brainpoolP384r1 in the zonal CA", key_kind, FORGE_ZONAL, FORGE_BRAINPOOL384,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("brainpoolP384r1 in the leaf", key_kind, FORGE_LEAF, FORGE_BRAINPOOL384,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("RSA in the regional CA", rsa_issuer, FORGE_REGIONAL, 0, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("RSA in the instance CA", rsa_issuer, FORGE_INSTANCE, 0, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("RSA in the leaf", rsa_leaf, FORGE_LEAF, 0, VSA_ERR_CERTIFICATE_PROFILE),
    ROW("explicit curve parameters in a CA", key_kind, FORGE_ZONAL, FORGE_P384_EXPLICIT,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("explicit curve parameters in the leaf", key_kind, FORGE_LEAF, FORGE_P384_EXPLICIT,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("compressed point in a CA", key_kind, FORGE_ZONAL, FORGE_P384_COMPRESSED,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("compressed point in the leaf", key_kind, FORGE_LEAF, FORGE_P384_COMPRESSED,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("hybrid point in the leaf", key_kind, FORGE_LEAF, FORGE_P384_HYBRID,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("point off the curve in a CA", key_kind, FORGE_ZONAL, FORGE_P384_OFF_CURVE,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("point off the curve in the leaf", key_kind, FORGE_LEAF, FORGE_P384_OFF_CURVE,
        VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("another key type with the curve's OID", FORGE_LEAF, "06072a8648ce3d0201",
            "06072a8648ce3d0202", VSA_ERR_CERTIFICATE_PROFILE),

    /* --- signature algorithm --- */
    ROW("regional CA signed with SHA-256", algorithm, FORGE_REGIONAL, FORGE_ECDSA_SHA256,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("leaf signed with SHA-256", algorithm, FORGE_LEAF, FORGE_ECDSA_SHA256,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("leaf signed with SHA-512", algorithm, FORGE_LEAF, FORGE_ECDSA_SHA512,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("algorithm with NULL parameters", algorithm, FORGE_ZONAL, FORGE_ECDSA_SHA384_NULL,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("another algorithm outside", outer_algorithm, FORGE_LEAF, FORGE_ECDSA_SHA256,
        VSA_ERR_CERTIFICATE_PROFILE),
    ROW("NULL parameters outside only", outer_algorithm, FORGE_LEAF, FORGE_ECDSA_SHA384_NULL,
        VSA_ERR_CERTIFICATE_PROFILE),

    /* --- version; Cantina "trailing bytes in version / SPKI wrappers" --- */
    HEX("version left out, v1", version, FORGE_ZONAL, "", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version v1", version, FORGE_LEAF, "a003020100", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version v2", version, FORGE_LEAF, "a003020101", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version v4", version, FORGE_LEAF, "a003020103", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version -1", version, FORGE_LEAF, "a0030201ff", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version 2^32 + 2", version, FORGE_LEAF, "a00702050100000002", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("version not in shortest form", version, FORGE_LEAF, "a00402020002",
        VSA_ERR_CERTIFICATE_SYNTAX),
    HEX("a byte after the version", version, FORGE_LEAF, "a0050201020500",
        VSA_ERR_CERTIFICATE_SYNTAX),
    HEX("version untagged", version, FORGE_LEAF, "020102", VSA_ERR_CERTIFICATE_SYNTAX),

    /* --- validity; Cantina "ancestor expiry not checked in the cache": run warm as well --- */
    TEXT("regional CA expired", not_after, FORGE_REGIONAL, "260115115959Z", VSA_ERR_EXPIRED),
    TEXT("zonal CA expired", not_after, FORGE_ZONAL, "260115115959Z", VSA_ERR_EXPIRED),
    TEXT("instance CA expired", not_after, FORGE_INSTANCE, "260115115959Z", VSA_ERR_EXPIRED),
    TEXT("leaf expired", not_after, FORGE_LEAF, "260115115959Z", VSA_ERR_EXPIRED),
    TEXT("leaf's last second", not_after, FORGE_LEAF, "260115120000Z", VSA_OK),
    TEXT("regional CA not yet valid", not_before, FORGE_REGIONAL, "260115120031Z",
         VSA_ERR_NOT_YET_VALID),
    TEXT("zonal CA not yet valid", not_before, FORGE_ZONAL, "260115120031Z", VSA_ERR_NOT_YET_VALID),
    TEXT("instance CA not yet valid", not_before, FORGE_INSTANCE, "260115120031Z",
         VSA_ERR_NOT_YET_VALID),
    TEXT("leaf not yet valid", not_before, FORGE_LEAF, "260115120031Z", VSA_ERR_NOT_YET_VALID),
    TEXT("leaf valid from now on", not_before, FORGE_LEAF, "260115120000Z", VSA_OK),
    /* A clock that is slow by less than the allowed skew must not refuse a new certificate. */
    TEXT("leaf valid from the skew on", not_before, FORGE_LEAF, "260115120030Z", VSA_OK),
    TEXT("zonal CA valid from the skew on", not_before, FORGE_ZONAL, "260115120030Z", VSA_OK),
    TEXT("trusted root expired", own_not_after, FORGE_ROOT, "260115115959Z", VSA_ERR_EXPIRED),
    TEXT("trusted root not yet valid", own_not_before, FORGE_ROOT, "260115120031Z",
         VSA_ERR_NOT_YET_VALID),
    /* Each end by itself is within what the skew allows. */
    {"leaf ends before it begins", validity, VSA_ERR_CERTIFICATE_SYNTAX, FORGE_LEAF,
     "260115120000Z", "260115120001Z", 0},
    {"leaf of one second", validity, VSA_OK, FORGE_LEAF, "260115120000Z", "260115120000Z", 0},
    /* pitfalls "validity taken at the document's own time" (oyster, automata) */
    AT("a day later", DAY, VSA_ERR_EXPIRED),
    AT("a year later", 365 * DAY, VSA_ERR_EXPIRED),
    AT("a century later, the root is expired too", 36500 * DAY, VSA_ERR_EXPIRED),
    AT("a day earlier", -DAY, VSA_ERR_NOT_YET_VALID),
    AT("before the root", -3650 * DAY, VSA_ERR_NOT_YET_VALID),
    AT("the leaf's first millisecond", LEAF_FROM, VSA_OK),
    AT("the leaf's first millisecond with the skew", LEAF_FROM - MINUTE, VSA_ERR_FROM_FUTURE),
    AT("the millisecond before", LEAF_FROM - MINUTE - 1, VSA_ERR_NOT_YET_VALID),
    AT("the leaf's last millisecond", LEAF_TO + 999, VSA_OK),
    AT("the millisecond after", LEAF_TO + 1000, VSA_ERR_EXPIRED),

    /* --- times that do not exist; Cantina "invalid dates normalised" --- */
    TEXT("30 February", not_before, FORGE_LEAF, "250230000000Z", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("29 February of a common year", not_before, FORGE_LEAF, "250229000000Z",
         VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("29 February of a leap year", not_before, FORGE_LEAF, "240229000000Z", VSA_OK),
    TEXT("month 13", not_after, FORGE_LEAF, "261301000000Z", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("month 0", not_before, FORGE_LEAF, "250001000000Z", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("hour 24", not_after, FORGE_LEAF, "260115240000Z", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("second 60", not_after, FORGE_LEAF, "260115125960Z", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("UTCTime without seconds", not_after, FORGE_LEAF, "2601151300Z",
         VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("UTCTime with an offset", not_after, FORGE_LEAF, "260115130000+0000",
         VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("UTCTime without Z", not_after, FORGE_LEAF, "260115130000", VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("UTCTime with a letter", not_after, FORGE_LEAF, "26011513000OZ",
         VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("no time at all", not_after, FORGE_LEAF, "", VSA_ERR_CERTIFICATE_SYNTAX),
    /* RFC 5280 section 4.1.2.5: one time, one encoding. */
    TEXT("GeneralizedTime before 2050", not_after, FORGE_LEAF, "20260115145903Z",
         VSA_ERR_CERTIFICATE_SYNTAX),
    TEXT("GeneralizedTime", not_after, FORGE_LEAF, "20500101000000Z", VSA_OK),
    TEXT("GeneralizedTime, no end", not_after, FORGE_LEAF, "99991231235959Z", VSA_OK),
    TEXT("1950 in UTCTime", not_before, FORGE_LEAF, "500101000000Z", VSA_OK),
    {"2049 in UTCTime", validity, VSA_ERR_NOT_YET_VALID, FORGE_LEAF, "20500101000000Z",
     "491231235959Z", 0},

    /* --- other extensions --- */
    EXTENSION("unknown critical extension in the leaf", FORGE_LEAF, FORGE_OID_UNKNOWN, 1, "0500",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("unknown critical extension in a CA", FORGE_REGIONAL, FORGE_OID_UNKNOWN, 1, "0500",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("unknown extension", FORGE_LEAF, FORGE_OID_UNKNOWN, 0, "0500", VSA_OK),
    EXTENSION("critical name constraints", FORGE_REGIONAL, FORGE_OID_NAME_CONSTRAINTS, 1,
              "300ea00c300a82086e6f77686572 65 2e", VSA_ERR_CERTIFICATE_PROFILE),
    /* Not critical, as they have to be, they limit all the same. */
    EXTENSION("name constraints", FORGE_REGIONAL, FORGE_OID_NAME_CONSTRAINTS, 0,
              "300ea00c300a82086e6f77686572 65 2e", VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("policy constraints", FORGE_REGIONAL, "551d24", 0, "3003800100",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("policy mappings", FORGE_ZONAL, "551d21", 0, "300a300806022a0306022a04",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("inhibitAnyPolicy", FORGE_ZONAL, "551d36", 0, "020100", VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("certificate policies", FORGE_ZONAL, "551d20", 0, "300630040602 2a03", VSA_OK),
    EXTENSION("certificate policies malformed", FORGE_ZONAL, "551d20", 0, "3000",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("where the issuer is, malformed", FORGE_LEAF, "2b06010505070101", 0, "3000",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("an extension's number of 2^28", FORGE_LEAF, "2a8180808000", 0, "0500",
              VSA_ERR_CERTIFICATE_SYNTAX),
    EXTENSION("an extension's number of 2^28 - 1", FORGE_LEAF, "2affffff7f", 0, "0500", VSA_OK),
    EXTENSION("critical extended key usage", FORGE_LEAF, "551d25", 1, "300a06082b06010505070301",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("critical certificate policies", FORGE_ZONAL, "551d20", 1, "300630040602 2a03",
              VSA_ERR_CERTIFICATE_PROFILE),
    /* pitfalls "cert extension data trusted: documents carried in SAN" (evervault): ignored */
    EXTENSION("subject alternative name", FORGE_LEAF, "551d11", 0, "3003820161", VSA_OK),
    EXTENSION("basicConstraints twice", FORGE_LEAF, FORGE_OID_BASIC_CONSTRAINTS, 0, FORGE_NOT_CA,
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("basicConstraints twice, the second says no CA", FORGE_ZONAL,
              FORGE_OID_BASIC_CONSTRAINTS, 1, FORGE_NOT_CA, VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("keyUsage twice", FORGE_INSTANCE, FORGE_OID_KEY_USAGE, 1, FORGE_USAGE_ROOT,
              VSA_ERR_CERTIFICATE_PROFILE),
    {"unknown extension twice", extension_twice, VSA_ERR_CERTIFICATE_PROFILE, FORGE_LEAF, "0500",
     FORGE_OID_UNKNOWN, 0},
    EXTENSION("subject key identifier twice", FORGE_ZONAL, "551d0e", 0, "040161",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("subject key identifier malformed", FORGE_LEAF, "551d0e", 0, "0500",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("subject key identifier with a byte after it", FORGE_LEAF, "551d0e", 0, "04016100",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("subject key identifier with a long length", FORGE_LEAF, "551d0e", 0, "04810161",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("subject key identifier in pieces", FORGE_LEAF, "551d0e", 0, "240304 0161",
              VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("authority key identifier with a byte after it", FORGE_LEAF, "551d23", 0,
              "300380016100", VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("authority key identifier with a long length", FORGE_LEAF, "551d23", 0,
              "308103800161", VSA_ERR_CERTIFICATE_PROFILE),
    EXTENSION("authority key identifier with a NULL in it", FORGE_LEAF, "551d23", 0,
              "30058001610500", VSA_ERR_CERTIFICATE_PROFILE),
    /* Purposes are not compared: a genuine document of a private root has certificates with some.
     */
    EXTENSION("extended key usage", FORGE_LEAF, "551d25", 0, "300a06082b06010505070302", VSA_OK),
    EXTENSION("extended key usage malformed", FORGE_LEAF, "551d25", 0, "ff",
              VSA_ERR_CERTIFICATE_PROFILE),
    ROW("16 extensions", extension_count, FORGE_LEAF, 16, VSA_OK),
    ROW("17 extensions", extension_count, FORGE_LEAF, 17, VSA_ERR_CERTIFICATE_PROFILE),

    /* --- malformed extensions; Cantina "ASN.1 tag substitution", "non-canonical BOOLEAN" --- */
    HEX("basicConstraints with BOOLEAN 1", basic_constraints, FORGE_ZONAL, "3003010101",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints that says FALSE", basic_constraints, FORGE_LEAF, "3003010100",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints a SET", basic_constraints, FORGE_ZONAL, "31030101ff",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints with an INTEGER for CA", basic_constraints, FORGE_ZONAL, "30030201ff",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints with a byte after it", basic_constraints, FORGE_ZONAL, "30030101ff00",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints with a NULL in it", basic_constraints, FORGE_ZONAL, "30050101ff0500",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints with a long length", basic_constraints, FORGE_ZONAL, "3081030101ff",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints of indefinite length", basic_constraints, FORGE_ZONAL, "30800101ff0000",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints empty", basic_constraints, FORGE_LEAF, "", VSA_ERR_CERTIFICATE_PROFILE),
    HEX("basicConstraints cut off", basic_constraints, FORGE_ZONAL, "30030101",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage an OCTET STRING", key_usage, FORGE_ZONAL, "04020186",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage with an unused bit set", key_usage, FORGE_INSTANCE, "03020386",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage with zero bits at its end", key_usage, FORGE_INSTANCE, "03020006",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage with a zero byte at its end", key_usage, FORGE_INSTANCE, "0303000400",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage with a byte after it", key_usage, FORGE_LEAF, "030206c000",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage with 9 unused bits", key_usage, FORGE_LEAF, "030209c0",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage in chunks", key_usage, FORGE_LEAF, "2380030206c00000",
        VSA_ERR_CERTIFICATE_PROFILE),
    HEX("keyUsage empty", key_usage, FORGE_LEAF, "", VSA_ERR_CERTIFICATE_PROFILE),
    REPLACE("critical as BOOLEAN 1", FORGE_ZONAL, "0603551d130101ff", "0603551d13010101",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("critical said to be FALSE", FORGE_ZONAL, "0603551d130101ff", "0603551d13010100",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("extension's value not an OCTET STRING", FORGE_ZONAL, "0101ff0408", "0101ff0308",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("public key not a BIT STRING", FORGE_ZONAL, "03620004", "04620004",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("public key with unused bits", FORGE_ZONAL, "03620004", "03620104",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("public key with unused bits that are zero", FORGE_LEAF, "03620004", "03620104",
            VSA_ERR_CERTIFICATE_SYNTAX),
    /* A tag without its constructed bit would hide what is inside from the check for strict DER. */
    REPLACE("issuer a primitive SEQUENCE", FORGE_ZONAL, "04030330", "04030310",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("a name's first SET primitive", FORGE_ZONAL, "310b300906035504", "110b300906035504",
            VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("issuerUniqueID", form, FORGE_ZONAL, FORGE_UNIQUE_ID, VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("issuerUniqueID in pieces", form, FORGE_LEAF, FORGE_UNIQUE_ID_PIECES,
        VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("validity a SET", FORGE_ZONAL, "301e170d", "311e170d", VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("serial number an ENUMERATED", FORGE_ZONAL, "a003020102020103", "a0030201020a0103",
            VSA_ERR_CERTIFICATE_SYNTAX),
    REPLACE("name with a wrong string type", FORGE_LEAF, "06035504060c02", "06035504060102",
            VSA_ERR_CERTIFICATE_SYNTAX),

    /* --- the encoding as a whole; pitfalls "trailing bytes", "+1 byte at every level" --- */
    ROW("a byte after the leaf", form, FORGE_LEAF, FORGE_TRAILING_OUTSIDE, VSA_ERR_TRAILING_BYTES),
    ROW("a byte after a CA", form, FORGE_REGIONAL, FORGE_TRAILING_OUTSIDE, VSA_ERR_TRAILING_BYTES),
    ROW("a field after the leaf's signature", form, FORGE_LEAF, FORGE_TRAILING_INSIDE,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("a field after the leaf's extensions", form, FORGE_LEAF, FORGE_TRAILING_IN_TBS,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("leaf cut off", form, FORGE_LEAF, FORGE_CUT_OFF, VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("BER: long length outside", form, FORGE_LEAF, FORGE_LONG_OUTER_LENGTH,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("BER: indefinite length outside", form, FORGE_LEAF, FORGE_INDEFINITE_OUTER,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("BER: long length inside, signed so", form, FORGE_LEAF, FORGE_LONG_TBS_LENGTH,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("BER: long length in a CA, signed so", form, FORGE_REGIONAL, FORGE_LONG_TBS_LENGTH,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("BER: long length of the subject, signed so", form, FORGE_LEAF, FORGE_LONG_NAME_LENGTH,
        VSA_ERR_CERTIFICATE_SYNTAX),
    /* Whether the bit that counts as unused is set decides what the decoder makes of it. */
    ROW("leaf's signature said to have unused bits", form, FORGE_LEAF, FORGE_UNUSED_BITS,
        VSA_ERR_CERTIFICATE_SYNTAX),
    ROW("a CA's signature said to have unused bits", form, FORGE_ZONAL, FORGE_UNUSED_BITS,
        VSA_ERR_CHAIN),
};

int main(void)
{
    return MUTATION_RUN("mutations_chain", rows);
}
