/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about what the relying party expects (src/attestation/policy.c, verify.c). */
#include "unit_test.h"

#include "mutation.h"

/* --- the call itself --- */

static void uninitialised(struct setting *setting, const struct mutation *row)
{
    memset(&setting->policy, (int)row->number, sizeof(setting->policy));
}

static void no_policy(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->used_policy = NULL;
}

static void now(struct setting *setting, const struct mutation *row)
{
    setting->now_ms = row->number;
}

static void no_anchors(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->anchors = ANCHOR_NONE;
}

static void max_age(struct setting *setting, const struct mutation *row)
{
    setting->policy.max_age_ms = row->number;
}

static void max_skew(struct setting *setting, const struct mutation *row)
{
    setting->policy.max_skew_ms = row->number;
}

/* --- freshness: the document's time against now, `number` ms later --- */

static void document_at(struct setting *setting, int64_t offset)
{
    forge_set_value(&setting->forge, FORGE_FIELD_TIMESTAMP,
                    forge_unsigned(&setting->forge, (uint64_t)(FORGE_NOW_MS + offset)));
}

static void age(struct setting *setting, const struct mutation *row)
{
    document_at(setting, -row->number);
}

static void age_without_limit(struct setting *setting, const struct mutation *row)
{
    document_at(setting, -row->number);
    setting->policy.max_age_ms = INT64_MAX;
    setting->policy.max_skew_ms = INT64_MAX;
}

static void age_with_no_window(struct setting *setting, const struct mutation *row)
{
    document_at(setting, -row->number);
    setting->policy.max_age_ms = 0;
    setting->policy.max_skew_ms = 0;
}

#define AGE(name, age_ms, status)                                                                  \
    {                                                                                              \
        name, age, status, 0, NULL, NULL, age_ms                                                   \
    }

/* --- nonce, user data, public key: expected `text`, found `hex` or nothing changed --- */

static struct vsa_slice *expected_slice(struct setting *setting, size_t field)
{
    if (field == FORGE_FIELD_NONCE)
        return &setting->policy.nonce;
    return field == FORGE_FIELD_USER_DATA ? &setting->policy.user_data
                                          : &setting->policy.public_key;
}

static void expect(struct setting *setting, const struct mutation *row)
{
    *expected_slice(setting, row->where) = vsa_slice_of_text(row->text);
    if (row->hex)
        set_field(setting, row);
}

static void expect_but_left_out(struct setting *setting, const struct mutation *row)
{
    *expected_slice(setting, row->where) = vsa_slice_of_text(row->text);
    forge_remove(&setting->forge, (enum forge_field)row->where);
}

/* A length without bytes is a mistake of the caller's, not "nothing expected". */
static void expect_null_with_size(struct setting *setting, const struct mutation *row)
{
    *expected_slice(setting, row->where) = vsa_slice_of(NULL, 5);
}

#define EXPECT(name, field, text, hex, status)                                                     \
    {                                                                                              \
        name, expect, status, field, hex, text, 0                                                  \
    }

#define NONCE  FORGE_FIELD_NONCE
#define DATA   FORGE_FIELD_USER_DATA
#define PUBLIC FORGE_FIELD_PUBLIC_KEY

/* --- PCRs --- */

static void expect_pcr(struct setting *setting, unsigned index)
{
    setting->policy.pcrs.present |= 1u << index;
    forge_pcr_value(index, setting->policy.pcrs.value[index]);
}

static void expect_genuine(struct setting *setting, const struct mutation *row)
{
    for (unsigned i = 0; i < 16; i++)
        if ((uint32_t)row->number >> i & 1)
            expect_pcr(setting, i);
}

/* One bit of the expected PCR `where` is another, at bit `number`. */
static void expect_another(struct setting *setting, const struct mutation *row)
{
    expect_pcr(setting, (unsigned)row->where);
    setting->policy.pcrs.value[row->where][row->number / 8] ^= (uint8_t)(1 << row->number % 8);
}

/* CVE-2025-64186 (evervault-go): PCR8 fits, PCR0 does not. */
static void only_pcr8_fits(struct setting *setting, const struct mutation *row)
{
    expect_another(setting, row);
    expect_pcr(setting, 8);
}

/* Expected, but not among the locked ones of the document. */
static void expect_absent(struct setting *setting, const struct mutation *row)
{
    setting->policy.pcrs.present |= 1u << row->where;
    memset(setting->policy.pcrs.value[row->where], 1, VSA_PCR_SIZE);
}

static void expect_zero(struct setting *setting, const struct mutation *row)
{
    setting->policy.pcrs.present |= 1u << row->where;
    setting->policy.allow_debug = row->number != 0;
}

/* What an enclave in debug mode shows: PCR0, 1, 2 (and 8) zero, 3 and 4 not. */
static void debug_document(struct setting *setting)
{
    static const unsigned zeroed[] = {0, 1, 2, 8};
    for (size_t i = 0; i < sizeof(zeroed) / sizeof(zeroed[0]); i++)
        setting->forge.pcrs[zeroed[i]].value = forge_bytes(&setting->forge, VSA_PCR_SIZE, 0);
}

static void debug(struct setting *setting, const struct mutation *row)
{
    debug_document(setting);
    setting->policy.allow_debug = row->number != 0;
}

static void debug_and_expected_pcr(struct setting *setting, const struct mutation *row)
{
    debug(setting, row);
    expect_pcr(setting, (unsigned)row->where);
}

static void debug_and_expected_zero(struct setting *setting, const struct mutation *row)
{
    debug_document(setting);
    expect_zero(setting, row);
}

/* Debug mode is PCR0 all zero and nothing else. */
static void all_zero_but_pcr0(struct setting *setting, const struct mutation *row)
{
    (void)row;
    for (size_t i = 1; i < 16; i++)
        setting->forge.pcrs[i].value = forge_bytes(&setting->forge, VSA_PCR_SIZE, 0);
}

static void pcr0_with_one_bit(struct setting *setting, const struct mutation *row)
{
    static uint8_t value[2 + VSA_PCR_SIZE] = {0x58, VSA_PCR_SIZE};
    value[1 + VSA_PCR_SIZE] = 1;
    (void)row;
    setting->forge.pcrs[0].value = vsa_slice_of(value, sizeof(value));
}

static void allow_debug(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->policy.allow_debug = true;
}

/* --- instance --- */

static void instance(struct setting *setting, const struct mutation *row)
{
    setting->policy.instance = vsa_slice_of_text(row->text);
}

static void instance_null_with_size(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->policy.instance = vsa_slice_of(NULL, 5);
}

static void instance_without_pcr4(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    instance(setting, row);
    memmove(&forge->pcrs[4], &forge->pcrs[5], 11 * sizeof(forge->pcrs[0]));
    forge->pcr_count = 15;
}

static void instance_with_another_pcr4(struct setting *setting, const struct mutation *row)
{
    instance(setting, row);
    setting->forge.pcrs[4].value = forge_bytes(&setting->forge, VSA_PCR_SIZE, 0x14);
}

static void instance_and_module_id(struct setting *setting, const struct mutation *row)
{
    setting->policy.instance = vsa_slice_of_text(FORGE_INSTANCE_ID);
    forge_set_value(&setting->forge, FORGE_FIELD_MODULE_ID, forge_text(&setting->forge, row->text));
}

#define INSTANCE(name, text, status)                                                               \
    {                                                                                              \
        name, instance, status, 0, NULL, text, 0                                                   \
    }

static const struct mutation rows[] = {
    /* --- the call; wishes 18 "empty policy is an error" (pontifex, anjuna, evervault) --- */
    {"policy all zero", uninitialised, VSA_ERR_POLICY_EMPTY, 0, NULL, NULL, 0},
    {"policy all ones", uninitialised, VSA_ERR_POLICY_EMPTY, 0, NULL, NULL, 0xff},
    {"no policy", no_policy, VSA_ERR_POLICY_EMPTY, 0, NULL, NULL, 0},
    {"negative maximum age", max_age, VSA_ERR_ARGUMENT, 0, NULL, NULL, -1},
    {"least maximum age", max_age, VSA_ERR_ARGUMENT, 0, NULL, NULL, INT64_MIN},
    {"negative skew", max_skew, VSA_ERR_ARGUMENT, 0, NULL, NULL, -1},
    /* pitfalls "stale docs, empty roots" (aptos-core PR #20103) */
    {"no trust anchors", no_anchors, VSA_ERR_NO_ANCHOR, 0, NULL, NULL, 0},
    {"now 0", now, VSA_ERR_ARGUMENT, 0, NULL, NULL, 0},
    {"now -1", now, VSA_ERR_ARGUMENT, 0, NULL, NULL, -1},
    {"now at its least", now, VSA_ERR_ARGUMENT, 0, NULL, NULL, INT64_MIN},
    {"now in the year 10000", now, VSA_ERR_ARGUMENT, 0, NULL, NULL, INT64_C(253402300800000)},
    {"now at its most", now, VSA_ERR_ARGUMENT, 0, NULL, NULL, INT64_MAX},
    /* Seconds where milliseconds are asked for: January 1970, before every certificate. */
    {"now in seconds", now, VSA_ERR_NOT_YET_VALID, 0, NULL, NULL, FORGE_NOW_MS / 1000},

    /* --- freshness; pitfalls "future timestamp skips age check" (oyster, nitro-test) --- */
    AGE("300 s old", 300000, VSA_OK),
    AGE("300.001 s old", 300001, VSA_ERR_TOO_OLD),
    AGE("an hour old", 3600000, VSA_ERR_TOO_OLD),
    AGE("years old", INT64_C(100000000000), VSA_ERR_TOO_OLD),
    AGE("of this very millisecond", 0, VSA_OK),
    AGE("30 s in the future", -30000, VSA_OK),
    AGE("30.001 s in the future", -30001, VSA_ERR_FROM_FUTURE),
    AGE("an hour in the future", -3600000, VSA_ERR_FROM_FUTURE),
    AGE("years in the future", -INT64_C(100000000000), VSA_ERR_FROM_FUTURE),
    {"years old, no limit", age_without_limit, VSA_OK, 0, NULL, NULL, INT64_C(100000000000)},
    {"years in the future, no limit", age_without_limit, VSA_OK, 0, NULL, NULL,
     -INT64_C(100000000000)},
    {"no window, this millisecond", age_with_no_window, VSA_OK, 0, NULL, NULL, 0},
    {"no window, a millisecond old", age_with_no_window, VSA_ERR_TOO_OLD, 0, NULL, NULL, 1},
    {"no window, a millisecond early", age_with_no_window, VSA_ERR_FROM_FUTURE, 0, NULL, NULL, -1},

    /* --- pitfalls "nonce None passes" (nitro-test, evervault, oyster) --- */
    EXPECT("the expected nonce", NONCE, "nonce", NULL, VSA_OK),
    EXPECT("another nonce", NONCE, "nonse", NULL, VSA_ERR_NONCE),
    EXPECT("nonce of another case", NONCE, "Nonce", NULL, VSA_ERR_NONCE),
    EXPECT("nonce expected longer", NONCE, "nonce1", NULL, VSA_ERR_NONCE),
    EXPECT("nonce expected shorter", NONCE, "nonc", NULL, VSA_ERR_NONCE),
    EXPECT("nonce expected, null", NONCE, "nonce", "f6", VSA_ERR_NONCE),
    EXPECT("nonce expected, empty", NONCE, "nonce", "40", VSA_ERR_NONCE),
    EXPECT("nonce expected with a NUL after it", NONCE, "nonce", "466e6f6e636500", VSA_ERR_NONCE),
    EXPECT("empty nonce expected, empty", NONCE, "", "40", VSA_OK),
    EXPECT("empty nonce expected, null", NONCE, "", "f6", VSA_ERR_NONCE),
    EXPECT("empty nonce expected, another", NONCE, "", NULL, VSA_ERR_NONCE),
    {"nonce expected, left out", expect_but_left_out, VSA_ERR_NONCE, NONCE, NULL, "nonce", 0},
    {"empty nonce expected, left out", expect_but_left_out, VSA_ERR_NONCE, NONCE, NULL, "", 0},
    {"nonce expected without bytes", expect_null_with_size, VSA_ERR_ARGUMENT, NONCE, NULL, NULL, 0},
    EXPECT("nonce of the user data's value", NONCE, "user data", NULL, VSA_ERR_NONCE),

    EXPECT("the expected user data", DATA, "user data", NULL, VSA_OK),
    EXPECT("other user data", DATA, "user date", NULL, VSA_ERR_USER_DATA),
    EXPECT("user data expected, null", DATA, "user data", "f6", VSA_ERR_USER_DATA),
    EXPECT("empty user data expected, null", DATA, "", "f6", VSA_ERR_USER_DATA),
    EXPECT("empty user data expected, empty", DATA, "", "40", VSA_OK),
    {"user data expected, left out", expect_but_left_out, VSA_ERR_USER_DATA, DATA, NULL,
     "user data", 0},
    {"user data expected without bytes", expect_null_with_size, VSA_ERR_ARGUMENT, DATA, NULL, NULL,
     0},

    EXPECT("the expected public key", PUBLIC, "public 1", NULL, VSA_OK),
    EXPECT("another public key", PUBLIC, "public 2", NULL, VSA_ERR_PUBLIC_KEY),
    EXPECT("public key expected, null", PUBLIC, "public 1", "f6", VSA_ERR_PUBLIC_KEY),
    EXPECT("public key expected, empty", PUBLIC, "public 1", "40", VSA_ERR_PUBLIC_KEY),
    {"public key expected, left out", expect_but_left_out, VSA_ERR_PUBLIC_KEY, PUBLIC, NULL,
     "public 1", 0},
    {"public key expected without bytes", expect_null_with_size, VSA_ERR_ARGUMENT, PUBLIC, NULL,
     NULL, 0},

    /* --- PCRs; Trail of Bits 2024-02-16: PCR0 alone is not enough, each must count --- */
    {"the expected PCR0", expect_genuine, VSA_OK, 0, NULL, NULL, 1},
    {"the expected PCR0, 1, 2 and 8", expect_genuine, VSA_OK, 0, NULL, NULL, 0x107},
    {"all 16 as expected", expect_genuine, VSA_OK, 0, NULL, NULL, 0xffff},
    {"PCR0's first bit is another", expect_another, VSA_ERR_PCR_MISMATCH, 0, NULL, NULL, 0},
    {"PCR0's last bit is another", expect_another, VSA_ERR_PCR_MISMATCH, 0, NULL, NULL, 383},
    {"PCR1 is another", expect_another, VSA_ERR_PCR_MISMATCH, 1, NULL, NULL, 200},
    {"PCR2 is another", expect_another, VSA_ERR_PCR_MISMATCH, 2, NULL, NULL, 7},
    {"PCR15 is another", expect_another, VSA_ERR_PCR_MISMATCH, 15, NULL, NULL, 8},
    {"PCR8 fits, PCR0 does not", only_pcr8_fits, VSA_ERR_PCR_MISMATCH, 0, NULL, NULL, 0},
    {"PCR8 fits, PCR15 does not", only_pcr8_fits, VSA_ERR_PCR_MISMATCH, 15, NULL, NULL, 0},
    {"PCR16 is expected, not locked", expect_absent, VSA_ERR_PCR_MISSING, 16, NULL, NULL, 0},
    {"PCR31 is expected, not locked", expect_absent, VSA_ERR_PCR_MISSING, 31, NULL, NULL, 0},

    /* --- pitfalls "debug zero PCRs pass / are filtered / are wildcards" --- */
    {"debug mode", debug, VSA_ERR_DEBUG_MODE, 0, NULL, NULL, 0},
    {"debug mode, allowed", debug, VSA_OK, 0, NULL, NULL, 1},
    {"debug mode, PCR0 expected", debug_and_expected_pcr, VSA_ERR_DEBUG_MODE, 0, NULL, NULL, 0},
    {"debug mode, allowed, PCR0 expected", debug_and_expected_pcr, VSA_ERR_PCR_MISMATCH, 0, NULL,
     NULL, 1},
    {"debug mode, allowed, PCR3 expected", debug_and_expected_pcr, VSA_OK, 3, NULL, NULL, 1},
    {"debug mode, zero PCR0 expected", debug_and_expected_zero, VSA_ERR_POLICY_PCR, 0, NULL, NULL,
     0},
    {"debug mode, allowed, zero PCR0 expected", debug_and_expected_zero, VSA_ERR_POLICY_PCR, 0,
     NULL, NULL, 1},
    {"zero PCR0 expected", expect_zero, VSA_ERR_POLICY_PCR, 0, NULL, NULL, 0},
    {"zero PCR8 expected", expect_zero, VSA_ERR_POLICY_PCR, 8, NULL, NULL, 1},
    {"zero PCR4 expected", expect_zero, VSA_ERR_POLICY_PCR, 4, NULL, NULL, 1},
    {"zero PCR31 expected, which the document lacks", expect_zero, VSA_ERR_PCR_MISSING, 31, NULL,
     NULL, 1},
    {"debug mode allowed, not used", allow_debug, VSA_OK, 0, NULL, NULL, 0},
    {"all zero but PCR0", all_zero_but_pcr0, VSA_OK, 0, NULL, NULL, 0},
    {"PCR0 with one bit set", pcr0_with_one_bit, VSA_OK, 0, NULL, NULL, 0},

    /* --- the instance --- */
    INSTANCE("the expected instance", FORGE_INSTANCE_ID, VSA_OK),
    INSTANCE("another instance", "i-0123456789abcdef1", VSA_ERR_INSTANCE),
    INSTANCE("the beginning of an instance ID", "i-0123456789abcdef", VSA_ERR_INSTANCE),
    INSTANCE("an instance ID and more", FORGE_INSTANCE_ID "-enc0", VSA_ERR_INSTANCE),
    INSTANCE("the whole module ID", FORGE_MODULE_ID, VSA_ERR_INSTANCE),
    INSTANCE("an instance ID far too long",
             FORGE_MODULE_ID FORGE_MODULE_ID FORGE_MODULE_ID FORGE_MODULE_ID, VSA_ERR_INSTANCE),
    INSTANCE("an empty instance ID", "", VSA_ERR_ARGUMENT),
    {"an instance ID without bytes", instance_null_with_size, VSA_ERR_ARGUMENT, 0, NULL, NULL, 0},
    {"instance expected, PCR4 left out", instance_without_pcr4, VSA_ERR_INSTANCE, 0, NULL,
     FORGE_INSTANCE_ID, 0},
    {"instance expected, PCR4 another's", instance_with_another_pcr4, VSA_ERR_INSTANCE, 0, NULL,
     FORGE_INSTANCE_ID, 0},
    {"instance expected, module ID another's", instance_and_module_id, VSA_ERR_INSTANCE, 0, NULL,
     "i-0fedcba9876543210-enc0", 0},
    {"instance expected, inside the module ID", instance_and_module_id, VSA_ERR_INSTANCE, 0, NULL,
     "x" FORGE_INSTANCE_ID "-enc0", 0},
    {"instance expected, module ID shorter", instance_and_module_id, VSA_ERR_INSTANCE, 0, NULL,
     "-enc", 0},
};

int main(void)
{
    return MUTATION_RUN("mutations_policy", rows);
}
