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
 * Decodes a document from the form in which it was received: raw CBOR (it begins with 0x84 or
 * 0xd2), or text: base64 or base64url with or without padding and line breaks; hexadecimal digits
 * that begin with 8444a1 or d284, optional 0x before them; either of them in quotes, as UTF-16 with
 * its byte order mark, or as the member "attestation_document" or "attestation" of a JSON object.
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

/* Images read from measurements files. Zero it first; free it with vsa_measurements_free(). */
struct vsa_measurements_list {
    struct vsa_measurements *images; /* the list's own; another place after each reading */
    size_t count;
};

/*
 * Adds the images of a measurements file to a list: what `nitro-cli build-enclave` or
 * `describe-eif` prints ({"Measurements": {"PCR0": ...}}), the bare {"PCR0": ...} object, an entry
 * of `describe-enclaves`, or an array of such. Text lines before the JSON, as build-enclave prints
 * them, are passed over, and so are members beside the PCRs (a time, a signature) unless they look
 * like PCRs. A string member "name", "ImageName" or "EnclaveName" becomes the image's name.
 *
 * Any one of them may match:
 *
 *     struct vsa_measurements_list list = {0};
 *     vsa_measurements_read(&list, file, "history.json", &error)
 *     policy.measurements = list.images;    the list must outlive the policy's last use
 *     policy.measurement_count = list.count;
 *
 * list  in and out: unchanged on failure
 * json  in: at most VSA_MAX_INPUT_FILE bytes
 * file  in: where it is from, for results and errors; borrowed as long as the list; may be NULL
 *
 * Errors: VSA_ERR_JSON, VSA_ERR_TOO_LARGE, VSA_ERR_NESTING; VSA_ERR_TOO_MANY beyond
 * VSA_MAX_MEASUREMENTS; VSA_ERR_POLICY_EMPTY for no image or one without PCRs; VSA_ERR_POLICY_PCR
 * for an unknown PCR, another hash than SHA-384, a wrong size, zeros (debug mode)
 * or a PCR with two values.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_measurements_read(struct vsa_measurements_list *list,
                                                              struct vsa_slice json,
                                                              const char *file,
                                                              struct vsa_error *error);
VSA_PUBLIC void vsa_measurements_free(struct vsa_measurements_list *list);

/*
 * Expects the PCRs of the one image of a measurements file, which the policy then has a copy of.
 *
 * Errors: those of vsa_measurements_read(); VSA_ERR_ARGUMENT for a file with several images;
 * VSA_ERR_POLICY_PCR for a value that contradicts the policy, which is unchanged on failure.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_policy_expect_measurements(struct vsa_policy *policy,
                                                                       struct vsa_slice json,
                                                                       struct vsa_error *error);

/*
 * Returns the verification result as a JSON object (docs/PROTOCOL.md, "Verification result"). New
 * reference, the caller's; NULL when memory is short.
 */
VSA_PUBLIC json_t *vsa_claims_to_json(const struct vsa_claims *claims);

/*
 * What a verification that succeeded does not prove, for the decision that depends on it. Bits of
 * one set.
 */
enum vsa_warning {
    VSA_WARNING_DEBUG_MODE = 1 << 0,   /* allowed by the policy */
    VSA_WARNING_NO_PCR = 1 << 1,       /* some enclave, not which program */
    VSA_WARNING_NO_IMAGE_PCR = 1 << 2, /* PCRs were compared, but none of 0, 1, 2 and 8 */
    VSA_WARNING_ONLY_PCR2 = 1 << 3,    /* not the kernel and what boots the application */
    VSA_WARNING_EMPTY_PCR2 = 1 << 4,   /* PCR2 is that of an image without an application ramdisk */
    VSA_WARNING_OTHER_ROOT = 1 << 5,   /* the trust anchor is none of AWS's */
};

/* Returns the set of warnings that apply to verified claims; 0: none. */
VSA_PUBLIC unsigned vsa_claims_warnings(const struct vsa_claims *claims);

/* Returns one warning's sentence, without a full stop; a constant. */
VSA_PUBLIC const char *vsa_warning_text(enum vsa_warning warning);

/*
 * Returns {"verification_status": "FAILED", "verification_error": ..., "error_code": ...}: nothing
 * of the document. New reference; NULL when memory is short.
 */
VSA_PUBLIC json_t *vsa_error_to_json(const struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
