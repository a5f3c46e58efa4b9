/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/policy_options.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "clock/wall_clock.h"
#include "command_line/numbers.h"
#include "crypto/begin.h"
#include "crypto/public_key_file.h"

/* A hundred years: longer than any root lives. */
#define MAX_AGE_SECONDS UINT64_C(3153600000)
/* Of FNV-1a. */
#define FINGERPRINT_START UINT64_C(0xcbf29ce484222325)
#define FINGERPRINT_PRIME UINT64_C(0x100000001b3)

const struct program_option policy_option_table[] = {
    {"user-data", POLICY_OPTION_USER_DATA, "TEXT", "user data the document must hold", false},
    {"expected-user-data", POLICY_OPTION_USER_DATA, "TEXT", NULL, false},
    {"user-data-base64", POLICY_OPTION_USER_DATA_BASE64, "BASE64", "the same for binary data",
     false},
    {"nonce", POLICY_OPTION_NONCE, "TEXT", "nonce the document must hold", false},
    {"expected-nonce", POLICY_OPTION_NONCE, "TEXT", NULL, false},
    {"nonce-base64", POLICY_OPTION_NONCE_BASE64, "BASE64", "the same for a binary nonce", false},
    {"nonce-hex", POLICY_OPTION_NONCE_HEX, "HEX", "the same in hexadecimal digits", false},
    {"public-key", POLICY_OPTION_PUBLIC_KEY, "FILE",
     "public key the document must hold (DER or PEM)", false},
    {"pcr", POLICY_OPTION_PCR, "N=HEX", "value PCR N must have; may be repeated", true},
    {"measurements", POLICY_OPTION_MEASUREMENTS, "FILE",
     "PCRs the document must have: the JSON that\n"
     "nitro-cli build-enclave or describe-eif prints, or an\n"
     "array of such; may be repeated: any one image",
     true},
    {"require-pcrs", POLICY_OPTION_REQUIRE_PCRS, NULL,
     "no --measurements, nor --pcr 0, 1, 2 or 8, is a mistake", false},
    {"instance-id", POLICY_OPTION_INSTANCE_ID, "ID", "parent instance (module ID and PCR4)", false},
    {"max-age", POLICY_OPTION_MAX_AGE, "SECONDS", "oldest document accepted (default: 300)", false},
    {"max-skew", POLICY_OPTION_MAX_SKEW, "SECONDS",
     "how far ahead of our clock it may be (default: 30)", false},
    {"at", POLICY_OPTION_AT, "TIME",
     "verify at this time instead of now (RFC 3339 or\n"
     "Unix seconds; 'document': that of the document)",
     false},
    {"root", POLICY_OPTION_ROOT, "FILE",
     "root certificate to trust besides AWS's (PEM or\n"
     "DER); may be repeated",
     true},
    {"allow-debug", POLICY_OPTION_ALLOW_DEBUG, NULL,
     "accept enclaves in debug mode; never in production", false},
    OPTION_ROWS_END,
};

/*
 * Adds bytes with their end: FNV-1a of 64 bits. It finds a mistake, and is no proof: who writes
 * where it is stored decides what is there. Not SHA-256: options are read by programs that need no
 * libcrypto, which takes milliseconds to begin.
 */
static void add_to_fingerprint(struct policy_options *options, struct vsa_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        options->fingerprint = (options->fingerprint ^ bytes.data[i]) * FINGERPRINT_PRIME;
    options->fingerprint = (options->fingerprint ^ bytes.size) * FINGERPRINT_PRIME;
}

/* Adds an option; of those that name files it is what they hold that counts. */
static void add_option(struct policy_options *options, int key, const char *value)
{
    uint8_t number = (uint8_t)(key - OPTION_KEY_POLICY);
    bool is_file = key == POLICY_OPTION_ROOT || key == POLICY_OPTION_MEASUREMENTS ||
                   key == POLICY_OPTION_PUBLIC_KEY;
    add_to_fingerprint(options, vsa_slice_of(&number, 1));
    if (value && !is_file)
        add_to_fingerprint(options, vsa_slice_of_text(value));
}

static enum vsa_status read_file(struct policy_options *options, const char *path,
                                 struct vsa_whole_file *file, struct vsa_error *error)
{
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_INPUT_FILE, file, error));
    add_to_fingerprint(options, vsa_whole_file_slice(file));
    return VSA_OK;
}

void policy_options_init(struct policy_options *options)
{
    *options = (struct policy_options){.fingerprint = FINGERPRINT_START};
    vsa_policy_init(&options->policy);
    add_to_fingerprint(options, vsa_slice_of_text(VSA_VERSION));
}

/*
 * Makes the verifier with AWS's roots, if there is none yet. Not before it is needed: libcrypto
 * takes milliseconds to begin, and --version or --ping verify nothing.
 */
static enum vsa_status make_verifier(struct policy_options *options, struct vsa_error *error)
{
    if (options->verifier)
        return VSA_OK;
    vsa_crypto_begin_program();
    options->verifier = vsa_verifier_new();
    if (!options->verifier)
        return vsa_fail_memory(error);
    return vsa_verifier_add_aws_roots(options->verifier, error);
}

void policy_options_free(struct policy_options *options)
{
    vsa_verifier_free(options->verifier);
    options->verifier = NULL;
    vsa_measurements_free(&options->measurements);
    vsa_whole_file_close(&options->public_key);
}

static enum vsa_status take_field(const char *name, struct vsa_slice value, bool may_be_empty,
                                  struct vsa_slice *field, struct vsa_error *error)
{
    if (field->data)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: the same is given in another form, too; which one is meant?", name);
    if (!value.size && !may_be_empty)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s is empty, which proves nothing; leave the option out or give a value",
                        name);
    if (value.size > VSA_MAX_FIELD)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s has %zu bytes; documents hold %d at most",
                        name, value.size, VSA_MAX_FIELD);
    *field = value;
    return VSA_OK;
}

static enum vsa_status take_base64(const char *name, const char *text, uint8_t *buffer,
                                   bool may_be_empty, struct vsa_slice *field,
                                   struct vsa_error *error)
{
    struct vsa_slice bytes;
    enum vsa_status status = vsa_base64_decode(vsa_slice_of_text(text), VSA_BASE64_STRICT, buffer,
                                               VSA_MAX_FIELD, &bytes, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "%s", name);
        return status;
    }
    return take_field(name, bytes, may_be_empty, field, error);
}

static enum vsa_status take_nonce_hex(struct policy_options *options, const char *text,
                                      struct vsa_error *error)
{
    struct vsa_slice digits = vsa_slice_of_text(text);
    size_t size = digits.size / 2;
    if (size > VSA_MAX_FIELD)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--nonce-hex has %zu bytes; documents hold %d at most", size,
                        VSA_MAX_FIELD);
    if (digits.size % 2 || vsa_hex_decode(digits, options->nonce, size, NULL) != VSA_OK)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--nonce-hex: '%.40s' is not an even number of hexadecimal digits", text);
    return take_field("--nonce-hex", vsa_slice_of(options->nonce, size), false,
                      &options->policy.nonce, error);
}

static enum vsa_status take_pcr(struct policy_options *options, const char *text,
                                struct vsa_error *error)
{
    const char *equals = strchr(text, '=');
    char index_text[4] = "";
    uint64_t index = 0;
    uint8_t value[VSA_PCR_SIZE];
    if (equals && equals - text < (int)sizeof(index_text))
        memcpy(index_text, text, (size_t)(equals - text));
    if (!equals || numbers_parse("--pcr", index_text, 0, VSA_PCR_COUNT - 1, &index, NULL) != VSA_OK)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--pcr: '%.40s' is not N=HEX with N from 0 to %d",
                        text, VSA_PCR_COUNT - 1);
    if (vsa_hex_decode(vsa_slice_of_text(equals + 1), value, sizeof(value), NULL) != VSA_OK)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--pcr %s: the value must be %d hexadecimal digits", index_text,
                        2 * VSA_PCR_SIZE);
    return vsa_policy_expect_pcr(&options->policy, (unsigned)index,
                                 vsa_slice_of(value, sizeof(value)), error);
}

/* Names the option where the library's sentence has no room for one. */
static void add_pcr_option(struct vsa_error *error)
{
    size_t size = strlen(error->detail);
    if (error->status == VSA_ERR_JSON || error->status == VSA_ERR_POLICY_EMPTY)
        (void)snprintf(error->detail + size, sizeof(error->detail) - size, " (--pcr N=HEX)");
}

static enum vsa_status take_measurements(struct policy_options *options, const char *path,
                                         struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_TRY(read_file(options, path, &file, error));
    enum vsa_status status =
        vsa_measurements_read(&options->measurements, vsa_whole_file_slice(&file), path, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "--measurements %.80s", path);
        add_pcr_option(error);
    }
    return status;
}

static enum vsa_status take_root(struct policy_options *options, const char *path,
                                 struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    options->has_root = true;
    VSA_TRY(read_file(options, path, &file, error));
    VSA_TRY(make_verifier(options, error));
    enum vsa_status status =
        vsa_verifier_add_root(options->verifier, vsa_whole_file_slice(&file), error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "--root %.80s", path);
    return status;
}

static enum vsa_status read_public_key(struct policy_options *options, const char *path,
                                       struct vsa_error *error)
{
    struct vsa_whole_file *key = &options->public_key;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    struct vsa_slice bytes;
    VSA_TRY(read_file(options, path, &file, error));
    key->data = malloc(file.size + 1);
    if (!key->data)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_public_key_from_file(vsa_whole_file_slice(&file), key->data, file.size + 1, &bytes,
                                     error));
    memmove(key->data, bytes.data, bytes.size);
    key->size = bytes.size;
    return VSA_OK;
}

static enum vsa_status take_public_key(struct policy_options *options, const char *path,
                                       struct vsa_error *error)
{
    enum vsa_status status = read_public_key(options, path, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "--public-key %.80s", path);
        return status;
    }
    return take_field("--public-key", vsa_whole_file_slice(&options->public_key), false,
                      &options->policy.public_key, error);
}

static enum vsa_status take_instance(struct policy_options *options, const char *text,
                                     struct vsa_error *error)
{
    if (strncmp(text, "i-", 2) != 0 || !text[2])
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--instance-id: '%.40s' is not an EC2 instance ID (i-0123456789abcdef0)",
                        text);
    options->policy.instance = vsa_slice_of_text(text);
    return VSA_OK;
}

/*
 * Returns whether it is Unix time in milliseconds, as our JSON has it: 13 digits are years beyond
 * 33000 in seconds.
 */
static bool is_milliseconds(const char *text)
{
    return strspn(text, "0123456789") == 13 && !text[13];
}

static enum vsa_status take_time(struct policy_options *options, const char *text,
                                 struct vsa_error *error)
{
    options->document_time = strcmp(text, "document") == 0;
    options->has_time = true;
    if (options->document_time || vsa_time_parse(text, &options->time_ms, NULL) == VSA_OK)
        return VSA_OK;
    if (is_milliseconds(text))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--at: '%s' looks like milliseconds; in seconds that is --at %.10s.%s",
                        text, text, text + 10);
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "--at: '%.40s' is neither RFC 3339 (2026-01-31T12:00:00Z), nor Unix seconds, "
                    "nor 'document'",
                    text);
}

enum vsa_status policy_options_take(struct policy_options *options, int key, const char *value,
                                    struct vsa_error *error)
{
    struct vsa_policy *policy = &options->policy;
    add_option(options, key, value);
    /* What a user wants checked must not go unnoticed where nothing is verified. */
    bool also_request = key == POLICY_OPTION_USER_DATA || key == POLICY_OPTION_NONCE ||
                        key == POLICY_OPTION_USER_DATA_BASE64 ||
                        key == POLICY_OPTION_NONCE_BASE64 || key == POLICY_OPTION_NONCE_HEX;
    if (!also_request)
        for (const struct program_option *row = policy_option_table; row->name; row++)
            if (row->key == key && row->help)
                options->check_only = row->name;
    switch ((enum policy_option_key)key) {
    case POLICY_OPTION_AT:
        return take_time(options, value, error);
    case POLICY_OPTION_MAX_AGE:
        return numbers_parse_seconds("--max-age", value, 0, MAX_AGE_SECONDS, &policy->max_age_ms,
                                     error);
    case POLICY_OPTION_MAX_SKEW:
        return numbers_parse_seconds("--max-skew", value, 0, MAX_AGE_SECONDS, &policy->max_skew_ms,
                                     error);
    case POLICY_OPTION_USER_DATA:
        return take_field("--user-data", vsa_slice_of_text(value), true, &policy->user_data, error);
    case POLICY_OPTION_USER_DATA_BASE64:
        return take_base64("--user-data-base64", value, options->user_data, true,
                           &policy->user_data, error);
    case POLICY_OPTION_NONCE:
        return take_field("--nonce", vsa_slice_of_text(value), false, &policy->nonce, error);
    case POLICY_OPTION_NONCE_BASE64:
        return take_base64("--nonce-base64", value, options->nonce, false, &policy->nonce, error);
    case POLICY_OPTION_NONCE_HEX:
        return take_nonce_hex(options, value, error);
    case POLICY_OPTION_PUBLIC_KEY:
        return take_public_key(options, value, error);
    case POLICY_OPTION_PCR:
        return take_pcr(options, value, error);
    case POLICY_OPTION_MEASUREMENTS:
        return take_measurements(options, value, error);
    case POLICY_OPTION_INSTANCE_ID:
        return take_instance(options, value, error);
    case POLICY_OPTION_ROOT:
        return take_root(options, value, error);
    case POLICY_OPTION_ALLOW_DEBUG:
        policy->allow_debug = true;
        return VSA_OK;
    case POLICY_OPTION_REQUIRE_PCRS:
        policy->require_pcrs = true;
        return VSA_OK;
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, "unknown policy option");
}

enum vsa_status policy_options_finish(struct policy_options *options, bool verifies,
                                      struct vsa_error *error)
{
    options->policy.measurements = options->measurements.images;
    options->policy.measurement_count = options->measurements.count;
    enum vsa_status status = vsa_policy_check(&options->policy, error);
    if (status == VSA_ERR_POLICY_EMPTY)
        vsa_error_wrap(error, "--require-pcrs without --measurements FILE and --pcr 0=HEX");
    VSA_TRY(status);
    return verifies ? make_verifier(options, error) : VSA_OK;
}

int64_t policy_options_time(const struct policy_options *options)
{
    if (options->has_time)
        return options->time_ms;
    return vsa_wall_clock_ms();
}
