/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Nitro Secure Module (NSM): all seven requests, over /dev/nsm or a software NSM.
 *
 * Sources: linux include/uapi/linux/nsm.h, drivers/misc/nsm.c; AWS NSM API src/api/mod.rs.
 * Example: examples/nsm_describe.c
 */
#ifndef VSATTEST_NSM_H
#define VSATTEST_NSM_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSA_NSM_DEVICE "/dev/nsm"

/* AWS NSM API `ErrorCode`: what the module answers instead of a result. */
enum vsa_nsm_code {
    VSA_NSM_SUCCESS = 0,
    VSA_NSM_INVALID_ARGUMENT = 1,
    VSA_NSM_INVALID_INDEX = 2,
    VSA_NSM_INVALID_RESPONSE = 3,
    VSA_NSM_READ_ONLY_INDEX = 4,
    VSA_NSM_INVALID_OPERATION = 5,
    VSA_NSM_BUFFER_TOO_SMALL = 6,
    VSA_NSM_INPUT_TOO_LARGE = 7,
    VSA_NSM_INTERNAL_ERROR = 8,
};

/* Returns AWS's name of the code ("InvalidIndex"), static; "Unknown" for others. */
VSA_PUBLIC const char *vsa_nsm_code_name(enum vsa_nsm_code code);

/*
 * One open NSM. Calls on one object must not overlap: the device serves one request at a time
 * anyway. Open it once per process.
 */
struct vsa_nsm;

/*
 * Opens an NSM.
 *
 * address     in: "/dev/nsm" (any absolute path of a device) or "unix:PATH" (software_nsm)
 * timeout_ms  in: the longest one request may take on a socket; the device's own limit is 120 s
 * nsm         out: set on success; free with vsa_nsm_free()
 * error       out, may be NULL; as for all functions below
 *
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_NSM_UNREACHABLE (the detail says what to do), VSA_ERR_TIMEOUT,
 * VSA_ERR_MEMORY. Nothing but `address` is tried.
 * A `unix:` NSM that goes away is connected to again at the next request.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_open(const char *address, int timeout_ms,
                                                     struct vsa_nsm **nsm, struct vsa_error *error);
/* Closes and frees it; NULL is fine. */
VSA_PUBLIC void vsa_nsm_free(struct vsa_nsm *nsm);

/*
 * Returns the module's code for the last request: VSA_NSM_SUCCESS; the code behind VSA_ERR_NSM; or
 * VSA_NSM_INVALID_RESPONSE behind VSA_ERR_REPLY. VSA_NSM_SUCCESS also when there was no response.
 */
VSA_PUBLIC enum vsa_nsm_code vsa_nsm_last_code(const struct vsa_nsm *nsm);

/*
 * The seven requests. All return
 *   VSA_ERR_NSM              when the module refuses; vsa_nsm_last_code() returns its code
 *   VSA_ERR_NSM_UNREACHABLE, VSA_ERR_TIMEOUT   when it does not answer
 *   VSA_ERR_REPLY            when the answer is not what was asked for, or malformed
 *   VSA_ERR_TOO_LARGE        when the request does not fit (nothing was sent)
 * Outputs are set on success only. After any error the next request starts afresh.
 */

/* DescribeNSM */
struct vsa_nsm_description {
    uint16_t version_major;
    uint16_t version_minor;
    uint16_t version_patch;
    char module_id[VSA_MAX_MODULE_ID + 1]; /* "i-...-enc...", no control characters */
    uint16_t max_pcrs;
    uint32_t locked_pcrs; /* bit n: PCR n is locked, and so part of attestation documents */
    char digest[8];       /* "SHA256", "SHA384" or "SHA512" */
};
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_describe(struct vsa_nsm *nsm,
                                                         struct vsa_nsm_description *description,
                                                         struct vsa_error *error);

/* DescribePCR: one register. VSA_NSM_INVALID_INDEX for an index of 32 or more. */
struct vsa_nsm_pcr {
    bool locked;
    uint8_t value[VSA_PCR_SIZE];
};
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_describe_pcr(struct vsa_nsm *nsm, uint16_t index,
                                                             struct vsa_nsm_pcr *pcr,
                                                             struct vsa_error *error);

/*
 * Sends ExtendPCR: new value = SHA384(old value || data). The data is not hashed first.
 *
 * index  in: 16..31; 0..15 are locked from the start (VSA_NSM_READ_ONLY_INDEX)
 * data   in: what to add, at most what fits VSA_NSM_MAX_REQUEST
 * value  out: the new value, VSA_PCR_SIZE bytes
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_extend_pcr(struct vsa_nsm *nsm, uint16_t index,
                                                           struct vsa_slice data,
                                                           uint8_t value[VSA_PCR_SIZE],
                                                           struct vsa_error *error);

/* Sends LockPCR: makes one register read-only until the enclave ends. An error if it is already. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_lock_pcr(struct vsa_nsm *nsm, uint16_t index,
                                                         struct vsa_error *error);

/* Sends LockPCRs: locks registers 0 .. range - 1, range at most 32; some may be locked already. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_nsm_lock_pcrs(struct vsa_nsm *nsm, uint16_t range,
                                                          struct vsa_error *error);

/*
 * Sends Attestation: gets a document signed by the module.
 *
 * user_data, nonce, public_key   in: at most VSA_MAX_FIELD bytes each; absent (data NULL) becomes
 *                                null in the document, which is not the same as no bytes
 * document  out: raw CBOR (COSE_Sign1), borrowed from `nsm` until its next request
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_nsm_attest(struct vsa_nsm *nsm, struct vsa_slice user_data, struct vsa_slice nonce,
               struct vsa_slice public_key, struct vsa_slice *document, struct vsa_error *error);

/*
 * Sends GetRandom: gets random bytes of the module's own generator.
 *
 * random  out: 1..VSA_NSM_MAX_RANDOM bytes, borrowed from `nsm` until its next request
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_nsm_random(struct vsa_nsm *nsm, struct vsa_slice *random, struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
