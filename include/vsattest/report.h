/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What relying parties have and get: documents as text, expected measurements, results as JSON.
 *
 * Example: examples/verify_document.c
 */
#ifndef VSATTEST_REPORT_H
#define VSATTEST_REPORT_H

#include <jansson.h>

#include <vsattest/attestation.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A document in the form in which it was handed over: raw CBOR (it begins with 0x84 or 0xd2), or
 * text: base64 or base64url with or without padding and line breaks; hexadecimal digits that begin
 * with 8444a1 or d284, optional 0x before them; either of them in quotes, as UTF-16 with its byte
 * order mark, or as the member "attestation_document" or "attestation" of a JSON object.
 *
 * input     in: the file's or line's bytes; JSON has VSA_MAX_INPUT_FILE bytes at most
 * buffer    in: room for the decoded bytes, as many as `input` has at most; may be used or not
 * document  out: borrows `input` or `buffer`
 *
 * Errors: VSA_ERR_EMPTY, VSA_ERR_BASE64, VSA_ERR_HEX, VSA_ERR_JSON, VSA_ERR_DUPLICATE_KEY,
 * VSA_ERR_NESTING, VSA_ERR_TOO_LARGE, VSA_ERR_BUFFER, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_document_decode(struct vsa_slice input, void *buffer,
                                                            size_t capacity,
                                                            struct vsa_slice *document,
                                                            struct vsa_error *error);

/*
 * Expects the PCRs of a measurements file: what `nitro-cli build-enclave` or `describe-eif`
 * prints ({"Measurements": {"PCR0": ...}}), one entry of `describe-enclaves`, an array with one
 * such entry, or the bare {"PCR0": ...} object. A text line before the JSON, as build-enclave
 * prints it, is passed over.
 *
 * policy   in and out
 * json     in: at most VSA_MAX_INPUT_FILE bytes
 *
 * Errors: VSA_ERR_JSON; VSA_ERR_TOO_LARGE, VSA_ERR_NESTING; VSA_ERR_ARGUMENT for an array with
 * several enclaves; VSA_ERR_POLICY_EMPTY when there is no PCR in it; VSA_ERR_POLICY_PCR for an
 * unknown name, another hash than SHA-384, a wrong size, zeros (debug mode), or a value that
 * contradicts the policy. The policy is unchanged on failure.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_policy_expect_measurements(struct vsa_policy *policy,
                                                                       struct vsa_slice json,
                                                                       struct vsa_error *error);

/*
 * The verification result as a JSON object (docs/PROTOCOL.md, "Verification result"). New
 * reference, the caller's; NULL when memory is short.
 */
VSA_PUBLIC json_t *vsa_claims_to_json(const struct vsa_claims *claims);

/*
 * What a verification that succeeded does not prove, for whoever decides on it. Bits of one set.
 */
enum vsa_warning {
    VSA_WARNING_DEBUG_MODE = 1 << 0,   /* allowed by the policy */
    VSA_WARNING_NO_PCR = 1 << 1,       /* some enclave, not which program */
    VSA_WARNING_NO_IMAGE_PCR = 1 << 2, /* PCRs were compared, but none of 0, 1, 2 and 8 */
    VSA_WARNING_ONLY_PCR2 = 1 << 3,    /* not the kernel and what boots the application */
    VSA_WARNING_EMPTY_PCR2 = 1 << 4,   /* PCR2 is that of an image without an application ramdisk */
};

/* Returns the set of warnings that apply to verified claims; 0: none. */
VSA_PUBLIC unsigned vsa_claims_warnings(const struct vsa_claims *claims);

/* Returns one warning's sentence, without a full stop; a constant. */
VSA_PUBLIC const char *vsa_warning_text(enum vsa_warning warning);

/*
 * {"verification_status": "FAILED", "verification_error": ..., "error_code": ...}: nothing of the
 * document. New reference; NULL when memory is short.
 */
VSA_PUBLIC json_t *vsa_error_to_json(const struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
