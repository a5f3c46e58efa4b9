/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say what a document must be: the same in verifier and vsock_client. */
#ifndef VSA_COMMAND_LINE_POLICY_OPTIONS_H
#define VSA_COMMAND_LINE_POLICY_OPTIONS_H

#include "command_line/options.h"
#include "file/whole_file.h"
#include <vsattest/report.h>

/* Keys of policy_option_table: OPTION_KEY_POLICY and following. */
enum policy_option_key {
    POLICY_OPTION_AT = OPTION_KEY_POLICY,
    POLICY_OPTION_MAX_AGE,
    POLICY_OPTION_MAX_SKEW,
    POLICY_OPTION_USER_DATA,
    POLICY_OPTION_USER_DATA_BASE64,
    POLICY_OPTION_NONCE,
    POLICY_OPTION_NONCE_BASE64,
    POLICY_OPTION_NONCE_HEX,
    POLICY_OPTION_PUBLIC_KEY,
    POLICY_OPTION_PCR,
    POLICY_OPTION_MEASUREMENTS,
    POLICY_OPTION_INSTANCE_ID,
    POLICY_OPTION_ROOT,
    POLICY_OPTION_ALLOW_DEBUG,
    POLICY_OPTION_REQUIRE_PCRS,
};

extern const struct program_option policy_option_table[];

struct policy_options {
    struct vsa_policy policy;      /* borrows from argv and from this struct */
    struct vsa_verifier *verifier; /* with AWS's roots and --root; NULL: not needed yet */
    bool has_root;                 /* --root */
    bool has_time;
    bool document_time;     /* --at document; only where a saved one is verified */
    int64_t time_ms;        /* --at */
    const char *check_only; /* an option that only a verification can honour, or NULL */
    uint64_t fingerprint;   /* of the options so far, in their order, and of this version */
    struct vsa_measurements_list measurements;
    struct vsa_whole_file public_key;
    uint8_t user_data[VSA_MAX_FIELD]; /* of --user-data-base64 */
    uint8_t nonce[VSA_MAX_FIELD];     /* of --nonce-base64 and --nonce-hex */
};

/* Sets the defaults of a policy. */
void policy_options_init(struct policy_options *options);
void policy_options_free(struct policy_options *options);

/*
 * Takes one option; files are read at once. The error names the option and what to do; whatever
 * its status, it is a fault of the arguments (EXIT_CODE_USAGE).
 */
VSA_MUST_USE enum vsa_status policy_options_take(struct policy_options *options, int key,
                                                 const char *value, struct vsa_error *error);

/*
 * Completes the policy once all options are taken, and the verifier if something is to be verified.
 * Errors: VSA_ERR_POLICY_EMPTY, VSA_ERR_POLICY_PCR and the others of vsa_policy_check() for options
 * that make no sense together; class internal.
 */
VSA_MUST_USE enum vsa_status policy_options_finish(struct policy_options *options, bool verifies,
                                                   struct vsa_error *error);

/* Returns the time to verify at: --at, or the clock. Not for --at document. */
int64_t policy_options_time(const struct policy_options *options);

/* Returns how the time was chosen, in words for claims_print(): NULL without --at. */
static inline const char *policy_options_time_choice(const struct policy_options *options)
{
    if (!options->has_time)
        return NULL;
    return options->document_time ? "the document's own, as asked by --at" : "as asked by --at";
}

#endif
