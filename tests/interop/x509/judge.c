/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the certificates on its input, each behind its length in 4 bytes: one line each, "ok" for
 * what a path may hold (attestation/chain.c), "profile" for what is well-formed but no Nitro
 * certificate, else the rule that is broken.
 */
#include <stdio.h>

#include "x509/certificate.h"

#define MAX_CERTIFICATE 65536

static const char *judge(struct vsa_slice der)
{
    struct vsa_certificate *certificate = NULL;
    struct vsa_error error = {.status = VSA_OK};
    if (vsa_certificate_parse(der, NULL, &certificate, &error) != VSA_OK)
        return error.rule ? error.rule : "size or range";
    const struct vsa_x509 *fields = &certificate->fields;
    const char *verdict = "ok";
    if (fields->malformed)
        verdict = fields->malformed;
    else if (fields->not_applied)
        verdict = fields->not_applied;
    else if (fields->version != 3 || !fields->signed_with_ecdsa_sha384 ||
             fields->curve != VSA_CURVE_P384 || fields->unknown_critical)
        verdict = "profile";
    vsa_certificate_release(certificate);
    return verdict;
}

int main(void)
{
    static uint8_t buffer[MAX_CERTIFICATE];
    uint8_t head[4];
    while (fread(head, sizeof(head), 1, stdin) == 1) {
        size_t size =
            (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (size > sizeof(buffer) || (size && fread(buffer, size, 1, stdin) != 1))
            return 1;
        (void)puts(judge(vsa_slice_of(buffer, size)));
    }
    return 0;
}
