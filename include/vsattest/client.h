/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ask an enclave for attestation, from its parent instance: find it, connect, request, verify.
 *
 * Source: docs/PROTOCOL.md (the wire contract); nitro-cli's describe-enclaves output.
 * Example: examples/request_attestation.c
 */
#ifndef VSATTEST_CLIENT_H
#define VSATTEST_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/attestation.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One connection to one enclave. Requests go one at a time: calls on one object must not overlap.
 *
 * After VSA_ERR_TIMEOUT, VSA_ERR_CLOSED, VSA_ERR_IO, VSA_ERR_REPLY, VSA_ERR_JSON and
 * VSA_ERR_LINE_TOO_LONG nobody knows what the next line would answer, so the object gives
 * VSA_ERR_CLOSED from then on: free it and connect again.
 */
struct vsa_client;

/*
 * Connects.
 *
 * address     in: "vsock:CID:PORT", "unix:PATH" or "vsock-mux:PATH:PORT" (transport.h)
 * timeout_ms  in: for connecting and the first exchange together; every later exchange gets as
 *             much again
 * client      out: set on success; free with vsa_client_free()
 *
 * Errors: those of vsa_address_parse() and vsa_connect(), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_connect(const char *address, int64_t timeout_ms,
                                                           struct vsa_client **client,
                                                           struct vsa_error *error);
/* Closes the connection. NULL is fine. */
VSA_PUBLIC void vsa_client_free(struct vsa_client *client);

/*
 * Any request, also of commands that were registered in the server (server.h).
 *
 * request  in: a JSON object with "command"; an "id" is added to what is sent (not to the object)
 *          and looked for in the reply, so it may not have one
 * reply    out: the reply with "success": true, without the "id"; a new reference
 *
 * Errors, besides those of the connection: VSA_ERR_REQUEST when the request is not such an object
 * or too long; VSA_ERR_REPLY, VSA_ERR_JSON, VSA_ERR_LINE_TOO_LONG for a reply that breaks the
 * protocol. When the enclave says no: VSA_ERR_BUSY, VSA_ERR_RATE_LIMITED, VSA_ERR_CONNECTIONS,
 * VSA_ERR_SHUTTING_DOWN, VSA_ERR_IDLE_TIMEOUT, VSA_ERR_TIMEOUT, VSA_ERR_LINE_TOO_LONG, VSA_ERR_NSM
 * and VSA_ERR_NSM_UNREACHABLE are passed on as they are; all others are VSA_ERR_REFUSED_BY_PEER.
 * The detail has the enclave's words, freed of control characters.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_request(struct vsa_client *client,
                                                           const json_t *request, json_t **reply,
                                                           struct vsa_error *error);

/*
 * When the enclave asked to be asked again ("retry_after_ms"), in milliseconds from its answer to
 * the last request on: 0..VSA_MAX_RETRY_AFTER_MS, or -1 when it said nothing about it. It comes
 * with VSA_ERR_RATE_LIMITED. It is the peer's word: wait no longer than suits you.
 */
VSA_PUBLIC int64_t vsa_client_retry_after_ms(const struct vsa_client *client);

/* Does anybody answer? Errors: as vsa_client_request(). */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_ping(struct vsa_client *client,
                                                        struct vsa_error *error);

/*
 * What the server says of itself.
 *
 * status  out: the whole reply (docs/PROTOCOL.md, "status"), a new reference; "status" is a
 *         string and "uptime" a number in it, the rest is up to the server
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_status(struct vsa_client *client,
                                                          json_t **status, struct vsa_error *error);

/* What to ask for. Zero it, then fill it. Slices are borrowed during the call. */
struct vsa_attestation_request {
    struct vsa_slice user_data; /* absent: the server's default, "hello-from-enclave" */
    bool no_user_data;          /* none at all instead; `user_data` must be absent then */
    struct vsa_slice nonce;     /* absent: none; at most VSA_MAX_FIELD bytes, as user_data */
    bool generate_key;          /* a fresh key made in the enclave, its public half attested */
};

/*
 * What came back. All of it is what the peer says, *not verified*: only the document proves
 * anything, and only after vsa_verify().
 */
struct vsa_attestation_reply {
    size_t document_size;
    size_t user_data_size;
    size_t nonce_size;
    bool has_user_data; /* the reply names user data. Likewise below */
    bool has_nonce;
    bool has_public_key;
    uint64_t timestamp_ms; /* by the server's word, Unix time; 0 if it gave none */
    uint8_t document[VSA_MAX_DOCUMENT];
    uint8_t user_data[VSA_MAX_FIELD];
    uint8_t nonce[VSA_MAX_FIELD];
};

static inline struct vsa_slice vsa_reply_document(const struct vsa_attestation_reply *reply)
{
    return vsa_slice_of(reply->document, reply->document_size);
}

/*
 * Requests a document and verifies nothing.
 *
 * reply  out: set on success; untouched otherwise
 *
 * Errors: as vsa_client_request(); VSA_ERR_TOO_LARGE for fields that are too long.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_client_attest(struct vsa_client *client, const struct vsa_attestation_request *request,
                  struct vsa_attestation_reply *reply, struct vsa_error *error);

/* 32 random bytes in lower-case hex and a NUL: what makes a good nonce. */
#define VSA_NONCE_TEXT_SIZE 65
/* Errors: VSA_ERR_IO when the kernel gives no random bytes. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_make_nonce(char text[VSA_NONCE_TEXT_SIZE],
                                                       struct vsa_error *error);

/*
 * Requests a document and verifies it.
 *
 * The document must hold what was asked for, on top of what the policy says: the nonce, the user
 * data if some was named, and a public key if `generate_key` is set. A nonce or user data that only
 * the policy names is asked for too; without any nonce a random one is made.
 *
 * verifier  in: trust anchors
 * policy    in: what is expected besides; not changed
 * now       in: called once with `context`, after the reply has arrived: Unix milliseconds
 * reply     out: set as soon as a document has arrived, also when it does not verify
 *           (`document_size` is 0 if none did)
 * claims    out: set on success, zeroed otherwise; borrows from `*reply`
 *
 * Errors: those of vsa_client_attest() and vsa_verify(); VSA_ERR_ARGUMENT when request and policy
 * name different values.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_attest_and_verify(
    struct vsa_client *client, const struct vsa_attestation_request *request,
    struct vsa_verifier *verifier, const struct vsa_policy *policy,
    int64_t (*now)(const void *context), const void *context, struct vsa_attestation_reply *reply,
    struct vsa_claims *claims, struct vsa_error *error);

/* --- finding enclaves ------------------------------------------------------------------------ */

/* One running enclave of this parent instance, as nitro-cli describes it. */
struct vsa_enclave {
    char name[VSA_MAX_ENCLAVE_NAME]; /* "" if it has none; printable, NUL-terminated */
    char id[VSA_MAX_ENCLAVE_NAME];   /* "i-...-enc..." likewise */
    uint32_t cid;                    /* 4 .. VSA_CID_ANY - 1 */
    bool debug_mode;                 /* started with --debug-mode: proves nothing about its code */
};

struct vsa_enclave_list {
    size_t count;
    struct vsa_enclave enclaves[VSA_MAX_ENCLAVES];
    size_t unreachable; /* enclave processes that nitro-cli could not reach, and left out */
};

/* Which one: what is not NULL must be equal. Both NULL: the one that runs. */
struct vsa_enclave_selector {
    const char *name;
    const char *id;
};

/*
 * Finds an enclave in what `nitro-cli describe-enclaves` printed. Enclaves that are not RUNNING
 * are passed over.
 *
 * json      in: at most VSA_MAX_NITRO_CLI_OUTPUT bytes
 * selector  in
 * running   out, may be NULL: all that run, set whenever the JSON was understood
 * enclave   out: set on success
 *
 * Errors: VSA_ERR_JSON (not what nitro-cli prints); VSA_ERR_TOO_LARGE, VSA_ERR_TOO_MANY;
 * VSA_ERR_NO_ENCLAVE; VSA_ERR_AMBIGUOUS_ENCLAVE (the detail lists them as far as it has room,
 * `running` all).
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_find_enclave_in(struct vsa_slice json, const struct vsa_enclave_selector *selector,
                    struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                    struct vsa_error *error);

/*
 * Runs `nitro-cli describe-enclaves` (looked up in PATH, no shell) and finds an enclave in its
 * output. Only if it fails for want of permission it is run once more through `sudo -n`, which
 * never asks for a password. Where it could not reach some enclave process (its exit status 39) the
 * others are taken, and `running->unreachable` is not 0.
 *
 * timeout_ms  in: for all of it; what still runs then is killed
 *
 * Errors: as vsa_find_enclave_in(); VSA_ERR_NO_NITRO_CLI when it is missing or fails,
 * VSA_ERR_TIMEOUT.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_find_enclave(const struct vsa_enclave_selector *selector, int64_t timeout_ms,
                 struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                 struct vsa_error *error);

/*
 * All enclaves that run, as `nitro-cli describe-enclaves` shows them.
 *
 * running  out: at least one on success
 *
 * Errors: as vsa_find_enclave(), but for VSA_ERR_AMBIGUOUS_ENCLAVE.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_list_enclaves(int64_t timeout_ms, struct vsa_enclave_list *running, struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
