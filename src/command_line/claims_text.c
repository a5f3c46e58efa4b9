/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/claims_text.h"

#include <inttypes.h>

#include <vsattest/report.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "command_line/output.h"

#define PCR_BIT(n) (UINT32_C(1) << (n))

static const char *checked_text(bool checked)
{
    return checked ? "as expected" : "not compared";
}

static const char *pcr_meaning(unsigned index)
{
    switch (index) {
    case 0:
        return "image";
    case 1:
        return "kernel and boot";
    case 2:
        return "application";
    case 3:
        return "parent's role";
    case 4:
        return "parent instance";
    case 8:
        return "image signer";
    default:
        return "";
    }
}

static void print_pcrs(FILE *out, const struct vsa_claims *claims)
{
    unsigned zeros = 0;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        if (!(claims->pcrs.present & PCR_BIT(i)))
            continue;
        struct vsa_slice value = vsa_slice_of(claims->pcrs.value[i], VSA_PCR_SIZE);
        bool checked = claims->pcrs_checked & PCR_BIT(i);
        if (i > 2 && !checked && vsa_slice_is_zero(value)) {
            zeros++;
            continue;
        }
        char hex[2 * VSA_PCR_SIZE + 1];
        vsa_hex_encode(value, hex, sizeof(hex));
        (void)fprintf(out, "  PCR%-2u         %-12s  %s  %s\n", i, checked_text(checked), hex,
                      pcr_meaning(i));
    }
    if (zeros)
        (void)fprintf(out, "  other PCRs    %u, all zero\n", zeros);
}

static void print_field(FILE *out, const char *name, struct vsa_slice value, bool checked)
{
    (void)fprintf(out, "  %-12s  %-12s  ", name, checked_text(checked));
    output_field(out, value);
    (void)fputc('\n', out);
}

static void print_public_key(FILE *out, const struct vsa_claims *claims)
{
    char base64[(VSA_MAX_FIELD + 2) / 3 * 4 + 1] = "";
    (void)fprintf(out, "  %-12s  %-12s  ", "public key", checked_text(claims->public_key_checked));
    if (!claims->public_key.data)
        (void)fputs("none\n", out);
    else if (vsa_base64_encode(claims->public_key, base64, sizeof(base64), NULL) == VSA_OK)
        (void)fprintf(out, "%zu bytes, base64 %s\n", claims->public_key.size, base64);
}

/* Prints which of the expected images it is: history.json[3] "v1.2". */
static void print_image(FILE *out, const struct vsa_measurements *image)
{
    if (!image)
        return;
    (void)fprintf(out, "  %-12s  %-12s  ", "measurements", checked_text(true));
    output_text(out, vsa_slice_of_text(image->file ? image->file : ""));
    if (image->index != VSA_NO_INDEX)
        (void)fprintf(out, "[%zu]", image->index);
    if (image->name[0]) {
        (void)fputc(' ', out);
        output_field(out, vsa_slice_of_text(image->name));
    }
    (void)fputc('\n', out);
}

static void print_times(FILE *out, const struct vsa_claims *claims, const char *chosen)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format((int64_t)claims->timestamp_ms, text, sizeof(text));
    (void)fprintf(out, "  made at       %s, ", text);
    int64_t age = claims->verified_at_ms - (int64_t)claims->timestamp_ms;
    (void)fprintf(out, "%" PRId64 ".%03d s %s\n", (age < 0 ? -age : age) / 1000,
                  (int)((age < 0 ? -age : age) % 1000),
                  age < 0 ? "ahead of the verification" : "before the verification");
    vsa_time_format(claims->verified_at_ms, text, sizeof(text));
    (void)fprintf(out, "  verified at   %s", text);
    if (chosen)
        (void)fprintf(out, " (%s: it may not hold now)", chosen);
    (void)fputc('\n', out);
}

static void print_certificates(FILE *out, const struct vsa_claims *claims)
{
    char from[VSA_TIME_TEXT_SIZE];
    char until[VSA_TIME_TEXT_SIZE];
    char sha256[2 * sizeof(claims->root_sha256) + 1];
    vsa_hex_encode(vsa_slice_of(claims->root_sha256, sizeof(claims->root_sha256)), sha256,
                   sizeof(sha256));
    vsa_time_format(claims->certificate_not_before_ms, from, sizeof(from));
    vsa_time_format(claims->certificate_not_after_ms, until, sizeof(until));
    (void)fputs("  certificate   ", out);
    output_text(out, vsa_slice_of_text(claims->certificate_subject));
    (void)fprintf(out, "\n                valid from %s to %s\n  root          ", from, until);
    output_text(out, vsa_slice_of_text(claims->root_subject));
    (void)fprintf(out, "\n                SHA-256 %s\n", sha256);
}

void claims_print(FILE *out, const struct vsa_claims *claims, const char *chosen)
{
    (void)fprintf(out, "Verified: a Nitro Enclaves attestation document%s%s.\n\n",
                  claims->debug_mode ? " of an enclave in DEBUG MODE" : "",
                  claims->root_is_aws ? "" : ", under a root certificate that is NOT AWS's");
    (void)fputs("  module ID     ", out);
    output_text(out, claims->module_id);
    (void)fputc('\n', out);
    print_times(out, claims, chosen);
    print_certificates(out, claims);
    (void)fprintf(out, "  debug mode    %s\n", claims->debug_mode ? "YES" : "no");
    (void)fprintf(out, "  instance      %s\n\n", checked_text(claims->instance_checked));
    print_field(out, "nonce", claims->nonce, claims->nonce_checked);
    print_field(out, "user data", claims->user_data, claims->user_data_checked);
    print_public_key(out, claims);
    print_image(out, claims->measurements);
    print_pcrs(out, claims);
}

static bool is_about_time(enum vsa_status status)
{
    return status == VSA_ERR_EXPIRED || status == VSA_ERR_NOT_YET_VALID ||
           status == VSA_ERR_TOO_OLD || status == VSA_ERR_FROM_FUTURE;
}

static void explain_time(FILE *out, const struct vsa_unverified_document *document, int64_t now_ms,
                         bool fresh)
{
    char made[VSA_TIME_TEXT_SIZE];
    char now[VSA_TIME_TEXT_SIZE];
    vsa_time_format((int64_t)document->timestamp_ms, made, sizeof(made));
    vsa_time_format(now_ms, now, sizeof(now));
    if (fresh)
        (void)fprintf(out,
                      "The document was made just now: check the clocks. This machine says %s, the "
                      "document %s.\n",
                      now, made);
    else
        (void)fprintf(
            out,
            "The document says that it is of %s; this machine's clock says %s. A document "
            "of the past: --at %s (or --at document).\n",
            made, now, made);
}

void claims_explain(FILE *out, const struct policy_options *options, enum vsa_status status,
                    struct vsa_slice document, int64_t now_ms, bool fresh)
{
    struct vsa_unverified_document parsed;
    if (is_about_time(status) && !options->has_time &&
        vsa_document_parse(document, &parsed, NULL) == VSA_OK)
        explain_time(out, &parsed, now_ms, fresh);
    if (status == VSA_ERR_UNTRUSTED_ROOT)
        (void)fprintf(out, "AWS did not sign this. %s\n",
                      options->has_root
                          ? "Nor is it under the --root given: a software_nsm with another --state "
                            "has another root; its --root-out FILE writes it."
                          : "If it comes from a software_nsm, name its root: --root FILE");
}

/* Returns what to do about a warning, in this program's words. */
static const char *advice(enum vsa_warning warning)
{
    switch (warning) {
    case VSA_WARNING_DEBUG_MODE:
        return "; accepted only because of --allow-debug";
    case VSA_WARNING_OTHER_ROOT:
        return "; trusted only because of --root";
    case VSA_WARNING_NO_PCR:
    case VSA_WARNING_NO_IMAGE_PCR:
        return "; give --measurements FILE or --pcr 0=HEX";
    case VSA_WARNING_ONLY_PCR2:
    case VSA_WARNING_EMPTY_PCR2:
        break;
    }
    return "";
}

void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims)
{
    unsigned warnings = vsa_claims_warnings(claims);
    for (unsigned bit = 1; bit <= warnings; bit <<= 1) {
        enum vsa_warning warning = (enum vsa_warning)bit;
        if (warnings & bit)
            (void)fprintf(out, "%s: warning: %s%s\n", program, vsa_warning_text(warning),
                          advice(warning));
    }
}
