/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/claims_text.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "programs/output.h"

/* PCR2 of an image without an application ramdisk: SHA384(0^48 || SHA384("")). */
static const uint8_t empty_pcr2[VSA_PCR_SIZE] = {
    0x21, 0xb9, 0xef, 0xbc, 0x18, 0x48, 0x07, 0x66, 0x2e, 0x96, 0x6d, 0x34, 0xf3, 0x90, 0x82, 0x13,
    0x09, 0xee, 0xac, 0x68, 0x02, 0x30, 0x97, 0x98, 0x82, 0x62, 0x96, 0xbf, 0x3e, 0x8b, 0xec, 0x7c,
    0x10, 0xed, 0xb3, 0x09, 0x48, 0xc9, 0x0b, 0xa6, 0x73, 0x10, 0xf7, 0xb9, 0x64, 0xfc, 0x50, 0x0a,
};

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

static void print_times(FILE *out, const struct vsa_claims *claims, bool time_given)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format((int64_t)claims->timestamp_ms, text, sizeof(text));
    (void)fprintf(out, "  made at       %s, ", text);
    int64_t age = claims->verified_at_ms - (int64_t)claims->timestamp_ms;
    (void)fprintf(out, "%" PRId64 ".%03d s %s\n", (age < 0 ? -age : age) / 1000,
                  (int)((age < 0 ? -age : age) % 1000),
                  age < 0 ? "ahead of the verification" : "before the verification");
    vsa_time_format(claims->verified_at_ms, text, sizeof(text));
    (void)fprintf(out, "  verified at   %s%s\n", text,
                  time_given ? " (as asked by --at: it may not hold now)" : "");
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

void claims_print(FILE *out, const struct vsa_claims *claims, bool time_given)
{
    (void)fprintf(out, "Verified: a Nitro Enclaves attestation document%s.\n\n",
                  claims->debug_mode ? " of an enclave in DEBUG MODE" : "");
    (void)fputs("  module ID     ", out);
    output_text(out, claims->module_id);
    (void)fputc('\n', out);
    print_times(out, claims, time_given);
    print_certificates(out, claims);
    (void)fprintf(out, "  debug mode    %s\n", claims->debug_mode ? "YES" : "no");
    (void)fprintf(out, "  instance      %s\n\n", checked_text(claims->instance_checked));
    print_field(out, "nonce", claims->nonce, claims->nonce_checked);
    print_field(out, "user data", claims->user_data, claims->user_data_checked);
    print_public_key(out, claims);
    print_pcrs(out, claims);
}

static void warn(FILE *out, const char *program, const char *text)
{
    (void)fprintf(out, "%s: warning: %s\n", program, text);
}

void claims_warn(FILE *out, const char *program, const struct vsa_claims *claims)
{
    uint32_t checked = claims->pcrs_checked;
    uint32_t image = PCR_BIT(0) | PCR_BIT(1) | PCR_BIT(2) | PCR_BIT(8);
    if (claims->debug_mode)
        warn(out, program,
             "the enclave runs in debug mode: its parent can read its console and its image is "
             "not measured; accepted only because of --allow-debug");
    if (!checked)
        warn(out, program,
             "no PCR was checked: this proves some Nitro enclave, not which program runs in it; "
             "give --measurements FILE or --pcr 0=HEX");
    else if (!(checked & image))
        warn(out, program,
             "no PCR of the image was checked (0, 1, 2 or 8): this does not prove which program "
             "runs; give --measurements FILE or --pcr 0=HEX");
    else if ((checked & image) == PCR_BIT(2))
        warn(out, program,
             "of the image only PCR2 was checked, which leaves out kernel, command line and boot "
             "ramdisk; check PCR0 as well");
    if ((checked & PCR_BIT(2)) && vsa_slice_equal(vsa_slice_of(claims->pcrs.value[2], VSA_PCR_SIZE),
                                                  vsa_slice_of(empty_pcr2, sizeof(empty_pcr2))))
        warn(out, program,
             "PCR2 is the value of an image without an application ramdisk: it says nothing about "
             "the application; PCR0 or PCR1 does");
}
