/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices, status codes and the error object: what every other public header builds on.
 *
 * Example: examples/verify_document.c
 */
#ifndef VSATTEST_BASE_H
#define VSATTEST_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSA_PUBLIC __attribute__((visibility("default")))
/* A result that is ignored is a check that never happened. */
#define VSA_MUST_USE                    __attribute__((warn_unused_result))
#define VSA_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/*
 * A borrowed run of bytes: the length never travels apart from the pointer.
 * `data` is NULL when there is no value at all ("absent"); a value of no bytes has a non-NULL
 * `data` and `size` 0. Attestation documents use both, and they mean different things.
 */
struct vsa_slice {
    const uint8_t *data;
    size_t size; /* bytes */
};

static inline struct vsa_slice vsa_slice_of(const void *data, size_t size)
{
    struct vsa_slice slice = {(const uint8_t *)data, size};
    return slice;
}

/* Returns the bytes of a NUL-terminated string, without the NUL. `text` must not be NULL. */
static inline struct vsa_slice vsa_slice_of_text(const char *text)
{
    return vsa_slice_of(text, strlen(text));
}

/*
 * What can go wrong, by class. The class decides a program's exit code, the Python exception and
 * how a caller should react; the code is the stable snake_case name in JSON (`error_code`).
 * Numbers and names never change meaning; new ones are added at the end of their class.
 */
enum vsa_status_class {
    VSA_CLASS_OK = 0,
    VSA_CLASS_SYNTAX = 1,   /* the bytes are not well-formed (base64, CBOR, JSON, DER) */
    VSA_CLASS_FORMAT = 2,   /* well-formed, but not what the specification says */
    VSA_CLASS_TRUST = 3,    /* certificate chain or signature does not hold */
    VSA_CLASS_POLICY = 4,   /* genuine, but not what the caller expects */
    VSA_CLASS_LIMIT = 5,    /* too large, too many, too busy */
    VSA_CLASS_IO = 6,       /* the peer or device could not be reached or broke off */
    VSA_CLASS_USAGE = 7,    /* the caller's arguments are wrong */
    VSA_CLASS_INTERNAL = 8, /* out of memory, or a fault of the library */
};

/* X(name, number = class * 0x100 + n, code, what it means) */
#define VSA_STATUS_TABLE(X)                                                                        \
    X(VSA_OK, 0x000, "ok", "success")                                                              \
    X(VSA_ERR_BASE64, 0x100, "base64_invalid", "not valid base64")                                 \
    X(VSA_ERR_HEX, 0x101, "hex_invalid", "not valid hexadecimal")                                  \
    X(VSA_ERR_CBOR, 0x102, "cbor_malformed", "not well-formed CBOR")                               \
    X(VSA_ERR_CBOR_FORBIDDEN, 0x103, "cbor_forbidden", "a CBOR form that Nitro never uses")        \
    X(VSA_ERR_DUPLICATE_KEY, 0x104, "duplicate_key", "the same map key twice")                     \
    X(VSA_ERR_TRAILING_BYTES, 0x105, "trailing_bytes", "bytes after the end")                      \
    X(VSA_ERR_JSON, 0x106, "json_invalid", "not valid JSON")                                       \
    X(VSA_ERR_CERTIFICATE_SYNTAX, 0x107, "certificate_malformed", "not a DER certificate")         \
    X(VSA_ERR_EMPTY, 0x108, "empty_input", "no input at all")                                      \
    X(VSA_ERR_COSE, 0x200, "cose_invalid", "not a COSE_Sign1 structure")                           \
    X(VSA_ERR_ALGORITHM, 0x201, "algorithm_invalid", "protected header is not ES384")              \
    X(VSA_ERR_SIGNATURE_SIZE, 0x202, "signature_size", "signature is not 96 bytes")                \
    X(VSA_ERR_FIELD_MISSING, 0x203, "field_missing", "a mandatory field is absent")                \
    X(VSA_ERR_FIELD, 0x204, "field_invalid", "a field has the wrong type or value")                \
    X(VSA_ERR_PCRS, 0x205, "pcrs_invalid", "PCR map breaks the rules")                             \
    X(VSA_ERR_TIMESTAMP, 0x206, "timestamp_invalid", "timestamp is not a positive integer")        \
    X(VSA_ERR_CABUNDLE, 0x207, "cabundle_invalid", "cabundle breaks the rules")                    \
    X(VSA_ERR_NITROTPM, 0x208, "nitrotpm_document", "a NitroTPM document, not an enclave's")       \
    X(VSA_ERR_REPLY, 0x209, "reply_invalid", "the peer's reply is not what was asked for")         \
    X(VSA_ERR_REQUEST, 0x20a, "request_invalid", "the request breaks the protocol")                \
    X(VSA_ERR_UNKNOWN_COMMAND, 0x20b, "unknown_command", "no such command")                        \
    X(VSA_ERR_IMAGE, 0x20c, "image_invalid", "not a valid enclave image (EIF)")                    \
    X(VSA_ERR_SEALED, 0x20d, "sealed_invalid", "sealed for another key, or changed on its way")    \
    X(VSA_ERR_REPLAYED, 0x20e, "sealed_replayed", "the same sealed request came before")           \
    X(VSA_ERR_SEALED_KEY, 0x20f, "sealed_key_unknown", "sealed for a key that is not in use")      \
    X(VSA_ERR_UNTRUSTED_ROOT, 0x300, "untrusted_root", "root is not a trust anchor")               \
    X(VSA_ERR_CERTIFICATE_PROFILE, 0x301, "certificate_invalid", "certificate profile broken")     \
    X(VSA_ERR_CHAIN, 0x302, "chain_broken", "certificate not issued by the one above it")          \
    X(VSA_ERR_EXPIRED, 0x303, "certificate_expired", "certificate no longer valid")                \
    X(VSA_ERR_NOT_YET_VALID, 0x304, "certificate_not_yet_valid", "certificate not yet valid")      \
    X(VSA_ERR_SIGNATURE, 0x305, "signature_invalid", "COSE signature does not verify")             \
    X(VSA_ERR_TOKEN, 0x306, "token_invalid", "a signed result that cannot be relied on")           \
    X(VSA_ERR_TOO_OLD, 0x400, "document_too_old", "document older than allowed")                   \
    X(VSA_ERR_FROM_FUTURE, 0x401, "document_from_future", "document time ahead of ours")           \
    X(VSA_ERR_DEBUG_MODE, 0x402, "debug_mode", "enclave runs in debug mode")                       \
    X(VSA_ERR_NONCE, 0x403, "nonce_mismatch", "nonce absent or different")                         \
    X(VSA_ERR_USER_DATA, 0x404, "user_data_mismatch", "user data absent or different")             \
    X(VSA_ERR_PUBLIC_KEY, 0x405, "public_key_mismatch", "public key absent or different")          \
    X(VSA_ERR_PCR_MISMATCH, 0x406, "pcr_mismatch", "a PCR has another value")                      \
    X(VSA_ERR_PCR_MISSING, 0x407, "pcr_missing", "an expected PCR is not in the document")         \
    X(VSA_ERR_INSTANCE, 0x408, "instance_mismatch", "another parent instance")                     \
    X(VSA_ERR_REFUSED_BY_PEER, 0x409, "refused_by_peer", "the peer refused the request")           \
    X(VSA_ERR_SEALED_REQUIRED, 0x40a, "sealed_required", "done for sealed requests only")          \
    X(VSA_ERR_SENDER, 0x40b, "sender_unknown", "not signed by a sender that may ask for it")       \
    X(VSA_ERR_TOO_LARGE, 0x500, "too_large", "larger than its limit")                              \
    X(VSA_ERR_TOO_MANY, 0x501, "too_many", "more entries than allowed")                            \
    X(VSA_ERR_NESTING, 0x502, "nesting_too_deep", "nested too deeply")                             \
    X(VSA_ERR_BUFFER, 0x503, "buffer_too_small", "the caller's buffer is too small")               \
    X(VSA_ERR_BUSY, 0x504, "busy", "queue full, try again")                                        \
    X(VSA_ERR_CONNECTIONS, 0x505, "too_many_connections", "connection limit reached")              \
    X(VSA_ERR_LINE_TOO_LONG, 0x506, "line_too_long", "line longer than allowed")                   \
    X(VSA_ERR_RATE_LIMITED, 0x507, "rate_limited", "more requests than a peer may make")           \
    X(VSA_ERR_IO, 0x600, "io_error", "input or output failed")                                     \
    X(VSA_ERR_REFUSED, 0x601, "connection_refused", "no server listens there")                     \
    X(VSA_ERR_TIMEOUT, 0x602, "timeout", "no answer in time")                                      \
    X(VSA_ERR_NO_SUCH_CID, 0x603, "no_such_cid", "no enclave with that CID")                       \
    X(VSA_ERR_CLOSED, 0x604, "connection_closed", "the peer closed the connection")                \
    X(VSA_ERR_ADDRESS_IN_USE, 0x605, "address_in_use", "the address is taken")                     \
    X(VSA_ERR_NSM_UNREACHABLE, 0x606, "nsm_unreachable", "no Nitro Secure Module there")           \
    X(VSA_ERR_NSM, 0x607, "nsm_error", "the Nitro Secure Module refused")                          \
    X(VSA_ERR_NO_NITRO_CLI, 0x608, "nitro_cli_unavailable", "nitro-cli missing or failing")        \
    X(VSA_ERR_NO_ENCLAVE, 0x609, "no_enclave", "no running enclave found")                         \
    X(VSA_ERR_AMBIGUOUS_ENCLAVE, 0x60a, "ambiguous_enclave", "several enclaves run")               \
    X(VSA_ERR_SHUTTING_DOWN, 0x60b, "shutting_down", "the server is stopping")                     \
    X(VSA_ERR_IDLE_TIMEOUT, 0x60c, "idle_timeout", "connection idle for too long")                 \
    X(VSA_ERR_OUTCOME, 0x60d, "outcome_unknown", "sent, and perhaps carried out")                  \
    X(VSA_ERR_BACKEND, 0x60e, "backend_unavailable", "the application behind it does not answer")  \
    X(VSA_ERR_ARGUMENT, 0x700, "invalid_argument", "an argument is wrong")                         \
    X(VSA_ERR_POLICY_EMPTY, 0x701, "policy_empty", "nothing to check against")                     \
    X(VSA_ERR_POLICY_PCR, 0x702, "policy_pcr_invalid", "an expected PCR makes no sense")           \
    X(VSA_ERR_NO_ANCHOR, 0x703, "no_trust_anchor", "no root certificate to trust")                 \
    X(VSA_ERR_INTERNAL, 0x800, "internal_error", "a fault of this program")                        \
    X(VSA_ERR_MEMORY, 0x801, "out_of_memory", "out of memory")                                     \
    X(VSA_ERR_CRYPTO, 0x802, "crypto_failure", "the crypto library failed")

enum vsa_status {
#define VSA_STATUS_ENUM(name, number, code, meaning) name = (number),
    VSA_STATUS_TABLE(VSA_STATUS_ENUM)
#undef VSA_STATUS_ENUM
};

#define VSA_NO_OFFSET    SIZE_MAX
#define VSA_ERROR_DETAIL 240

/*
 * Why a call failed. Owned by the caller, filled once where the failure is found, never allocated.
 * Every function that takes one accepts NULL. Left alone on success.
 */
struct vsa_error {
    enum vsa_status status;
    size_t offset;                 /* byte of the input, or VSA_NO_OFFSET */
    const char *rule;              /* static: specification and section, or NULL */
    char detail[VSA_ERROR_DETAIL]; /* one sentence, no secrets, NUL-terminated */
};

/* Returns the class of a status; VSA_CLASS_OK for VSA_OK. */
VSA_PUBLIC enum vsa_status_class vsa_status_class(enum vsa_status status);

/*
 * Returns the stable snake_case name, static.
 * "internal_error" for a number that is not in the table.
 */
VSA_PUBLIC const char *vsa_status_code(enum vsa_status status);

/* Returns what the status means, in a few words, static. */
VSA_PUBLIC const char *vsa_status_text(enum vsa_status status);

/*
 * Returns the failure with this code, or VSA_ERR_INTERNAL when there is none. Never VSA_OK: "ok" is
 * the code of no failure, and what is looked up here usually comes from elsewhere.
 */
VSA_PUBLIC enum vsa_status vsa_status_from_code(const char *code);

/*
 * Writes one sentence for people: the detail and the rule it rests on. Truncated at `capacity`
 * bytes, always NUL-terminated. Returns `text`.
 */
VSA_PUBLIC const char *vsa_error_sentence(const struct vsa_error *error, char *text,
                                          size_t capacity);

/* Returns CLOCK_MONOTONIC in milliseconds. Only for time limits. */
VSA_PUBLIC int64_t vsa_monotonic_ms(void);
/* Returns the moment `timeout_ms` from now; a negative timeout is one that is over already. */
VSA_PUBLIC int64_t vsa_deadline(int64_t timeout_ms);

/* Returns the library's version, "MAJOR.MINOR.PATCH", static. */
VSA_PUBLIC const char *vsa_version(void);

#ifdef __cplusplus
}
#endif

#endif
