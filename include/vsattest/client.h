/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests attestation of an enclave from its parent instance: find it, request, verify.
 *
 * Source: docs/PROTOCOL.md (the wire contract); nitro-cli's describe-enclaves output.
 * Example: examples/request_attestation.c, examples/pool.c, examples/sealed_request.c
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
 * A client of one enclave, with a pool of connections behind it.
 *
 * Connections are made when they are needed, up to a limit, and kept for the next request; a single
 * thread never has more than one. Connections that were idle for too long are closed, broken ones
 * are replaced. Callers that find none free are served in FIFO order, each until its own deadline.
 *
 * All functions but vsa_client_free() may be called from any number of threads at once. There is no
 * background thread, and no lock is held during I/O.
 *
 * fork(): a client belongs to the process that made it, because a connection shared by two
 * processes would mix up their replies. In a child every request is VSA_ERR_ARGUMENT (statistics
 * are zero) and vsa_client_free() frees only the child's copies: make another client in the child.
 */
struct vsa_client;

/* Set up with vsa_client_options_init(), then change what should differ. */
struct vsa_client_options {
    size_t size; /* of this struct, in bytes; set by vsa_client_options_init() */
    /*
     * Time of one whole call, in milliseconds, more than 0: waiting for a connection, connecting,
     * the exchange, and all pauses and retries. Default: VSA_DEFAULT_CLIENT_TIMEOUT_MS.
     */
    int64_t timeout_ms;
    /*
     * Time after which an idle connection is closed, at the next request, in milliseconds; with 0
     * every request gets a new connection. Default: VSA_DEFAULT_CLIENT_IDLE_TIMEOUT_MS, half of
     * what the server grants.
     */
    int64_t idle_timeout_ms;
    /*
     * Times that one call sends its request again, at most VSA_MAX_RETRIES. Default: 0. Before each
     * it pauses: for what the enclave asked for ("retry_after_ms"), else for a time that doubles;
     * plus a random part. A pause that would not end before the timeout is not begun: the call
     * fails at once with what the last try met.
     *
     * A request is sent again after VSA_ERR_REFUSED, VSA_ERR_BUSY, VSA_ERR_RATE_LIMITED,
     * VSA_ERR_CONNECTIONS, VSA_ERR_SHUTTING_DOWN and VSA_ERR_IDLE_TIMEOUT, which all mean that
     * nothing was carried out; and after VSA_ERR_NSM_UNREACHABLE and VSA_ERR_CLOSED (before any
     * byte of a reply) if it is idempotent: "ping", "status", "metrics", and "attest"
     * without "generate_key".
     */
    unsigned retries;
    /* Open at once, 1..VSA_MAX_CLIENT_CONNECTIONS. Default: VSA_DEFAULT_CLIENT_CONNECTIONS. */
    size_t max_connections;
};

/* Sets the first `size` bytes of the options: vsa_client_options_init() for other languages. */
VSA_PUBLIC void vsa_client_options_init_size(struct vsa_client_options *options, size_t size);

static inline void vsa_client_options_init(struct vsa_client_options *options)
{
    vsa_client_options_init_size(options, sizeof(*options));
}

/*
 * Makes a client. It does not connect yet.
 *
 * address  in: "vsock:CID:PORT", "unix:PATH", "vsock-mux:PATH:PORT" or "tcp:HOST:PORT"
 *          (transport.h); copied
 * options  in, may be NULL: the defaults; copied
 * client   out: set on success; free with vsa_client_free()
 *
 * Errors: VSA_ERR_ARGUMENT (not an address, an option out of its range), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_new(const char *address,
                                                       const struct vsa_client_options *options,
                                                       struct vsa_client **client,
                                                       struct vsa_error *error);

/* Closes all connections. No call may be in progress or come later. NULL is fine. */
VSA_PUBLIC void vsa_client_free(struct vsa_client *client);

/*
 * Sends any request, also of commands that were registered in the server (server.h).
 *
 * request  in: a JSON object with "command"; an "id" is added to what is sent (not to the object)
 *          and looked for in the reply, so it may not have one
 * reply    out: the reply with "success": true, without the "id"; a new reference
 *
 * A kept connection that turns out dead before any byte of the reply is replaced and the request
 * sent once more, even with `retries` 0, if it is idempotent (see there) or the enclave reported
 * that it had closed for idleness. A failure affects only the call that met it.
 *
 * Errors: VSA_ERR_REQUEST when the request is not such an object or too long; those of
 * vsa_connect() when a connection had to be made; VSA_ERR_TIMEOUT, also when no connection came
 * free in time; VSA_ERR_CLOSED, VSA_ERR_IO; VSA_ERR_REPLY, VSA_ERR_JSON, VSA_ERR_LINE_TOO_LONG for
 * a reply that breaks the protocol; VSA_ERR_ARGUMENT in a child of the process that made the
 * client. When the enclave refuses: VSA_ERR_BUSY, VSA_ERR_RATE_LIMITED, VSA_ERR_CONNECTIONS,
 * VSA_ERR_SHUTTING_DOWN, VSA_ERR_IDLE_TIMEOUT, VSA_ERR_TIMEOUT, VSA_ERR_LINE_TOO_LONG, VSA_ERR_NSM,
 * VSA_ERR_NSM_UNREACHABLE and VSA_ERR_BACKEND (also of a relay that cannot connect) are passed on
 * as they are; all others are VSA_ERR_REFUSED_BY_PEER. The detail has the enclave's words, freed of
 * control characters.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_request(struct vsa_client *client,
                                                           const json_t *request, json_t **reply,
                                                           struct vsa_error *error);

/* Checks that the server answers. Errors: as vsa_client_request(). */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_ping(struct vsa_client *client,
                                                        struct vsa_error *error);

/*
 * Requests what the server reports of itself.
 *
 * status  out: the whole reply (docs/PROTOCOL.md, "status"), a new reference; "status" is a
 *         string and "uptime" a number in it, the rest is up to the server
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_status(struct vsa_client *client,
                                                          json_t **status, struct vsa_error *error);

/* A request of `attest`. Set up with vsa_attestation_request_init(). Slices are borrowed. */
struct vsa_attestation_request {
    size_t size;                /* of this struct, in bytes */
    bool no_user_data;          /* a document without user data; `user_data` must be absent */
    bool generate_key;          /* a fresh key made in the enclave, its public half attested */
    struct vsa_slice user_data; /* absent: the server's default, "hello-from-enclave" */
    struct vsa_slice nonce;     /* absent: none; at most VSA_MAX_FIELD bytes, as user_data */
};

static inline void vsa_attestation_request_init(struct vsa_attestation_request *request)
{
    memset(request, 0, sizeof(*request));
    request->size = sizeof(*request);
}

/*
 * A reply to `attest`, *not verified*: only the document proves anything, and only after
 * vsa_verify().
 */
struct vsa_attestation_reply {
    size_t size; /* of this struct, in bytes; set by the calls that fill it */
    size_t document_size;
    size_t user_data_size;
    size_t nonce_size;
    bool has_user_data; /* the reply has user data; the next two alike */
    bool has_nonce;
    bool has_public_key;
    uint64_t timestamp_ms; /* Unix time as the server sent it; 0: none */
    uint8_t document[VSA_MAX_DOCUMENT];
    uint8_t user_data[VSA_MAX_FIELD];
    uint8_t nonce[VSA_MAX_FIELD];
};

static inline struct vsa_slice vsa_reply_document(const struct vsa_attestation_reply *reply)
{
    return vsa_slice_of(reply->document, reply->document_size);
}

/* Sets the first `reply_size` bytes of the reply: vsa_client_attest() for other languages. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_client_attest_size(struct vsa_client *client, const struct vsa_attestation_request *request,
                       struct vsa_attestation_reply *reply, size_t reply_size,
                       struct vsa_error *error);

/*
 * Requests a document and verifies nothing.
 *
 * reply  out: set on success; untouched otherwise
 *
 * Errors: as vsa_client_request(); VSA_ERR_TOO_LARGE for fields that are too long;
 * VSA_ERR_ARGUMENT for a request that was not set up.
 */
static inline VSA_MUST_USE enum vsa_status
vsa_client_attest(struct vsa_client *client, const struct vsa_attestation_request *request,
                  struct vsa_attestation_reply *reply, struct vsa_error *error)
{
    return vsa_client_attest_size(client, request, reply, sizeof(*reply), error);
}

/* 32 random bytes in lower-case hex and a NUL: what makes a good nonce. */
#define VSA_NONCE_TEXT_SIZE 65
/* Writes random bytes. Errors: VSA_ERR_IO when the kernel gives none. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_make_nonce(char text[VSA_NONCE_TEXT_SIZE],
                                                       struct vsa_error *error);

/* Sets so many bytes of reply and claims: vsa_client_attest_and_verify() for other languages. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_client_attest_and_verify_size(
    struct vsa_client *client, const struct vsa_attestation_request *request,
    struct vsa_verifier *verifier, const struct vsa_policy *policy,
    int64_t (*now)(const void *context), const void *context, struct vsa_attestation_reply *reply,
    size_t reply_size, struct vsa_claims *claims, size_t claims_size, struct vsa_error *error);

/*
 * Requests a document and verifies it. The connection is free for others before that: verifying
 * takes milliseconds.
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
static inline VSA_MUST_USE enum vsa_status vsa_client_attest_and_verify(
    struct vsa_client *client, const struct vsa_attestation_request *request,
    struct vsa_verifier *verifier, const struct vsa_policy *policy,
    int64_t (*now)(const void *context), const void *context, struct vsa_attestation_reply *reply,
    struct vsa_claims *claims, struct vsa_error *error)
{
    return vsa_client_attest_and_verify_size(client, request, verifier, policy, now, context, reply,
                                             sizeof(*reply), claims, sizeof(*claims), error);
}

/* --- sealed requests -------------------------------------------------------------------------- */

/* A sender's private key: seal.h. */
struct vsa_sender;

/*
 * An enclave whose document holds, and its sealing key: what is sent here can be read by that
 * enclave alone, and replies by this client alone. All functions but vsa_sealed_enclave_free() may
 * be called from any number of threads at once; while one gets a new key, the others wait.
 */
struct vsa_sealed_enclave;

/*
 * Requests the enclave's sealing key and verifies the document about it.
 *
 * client    in: as all that is borrowed below, until vsa_sealed_enclave_free()
 * verifier  in: trust anchors; borrowed
 * policy    in: what is expected of the document; without nonce and user data. Copied, what it
 *           points to is borrowed. A policy without PCRs and measurements proves of no program that
 *           it gets what is sealed
 * now       in: called with `context` for each key: Unix milliseconds
 * sender    in: signs each request, so that the enclave knows who sends it; borrowed, may be NULL
 * enclave   out: set on success; vsa_sealed_enclave_free()
 *
 * Errors: those of vsa_client_attest_and_verify(); VSA_ERR_FIELD (the document is not about a
 * sealing key); VSA_ERR_ARGUMENT (a policy with a nonce or user data).
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_client_seal(struct vsa_client *client, struct vsa_verifier *verifier,
                const struct vsa_policy *policy, int64_t (*now)(const void *context),
                const void *context, const struct vsa_sender *sender,
                struct vsa_sealed_enclave **enclave, struct vsa_error *error);
/* Frees it; no call may be in progress. NULL is fine. */
VSA_PUBLIC void vsa_sealed_enclave_free(struct vsa_sealed_enclave *enclave);

/*
 * Seals a request, sends it once, and opens the reply. A key that is about to expire is replaced
 * first, by a document that is verified as the first one was.
 *
 * request  in: as of vsa_client_request(); at most VSA_SEAL_MAX_PLAINTEXT bytes as JSON
 * aad      in: at most VSA_SEAL_MAX_AAD bytes that the enclave gets as they are, and that the
 *          parent can read; or absent
 * reply    out: the enclave's reply with "success": true, authentic and secret; a new reference
 *
 * Once some of it is sent, a request is never sent again, whatever `retries` says: VSA_ERR_OUTCOME
 * means that the enclave may have carried it out, because the reply did not come, did not open, or
 * was an error that any process on the way can make up. The next request gets a new key then.
 *
 * Errors: VSA_ERR_OUTCOME; before it is sent VSA_ERR_REQUEST, VSA_ERR_TOO_LARGE, and those of
 * vsa_client_seal(); and what the enclave itself refuses, as vsa_client_request() reports it.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_sealed_request(struct vsa_sealed_enclave *enclave,
                                                           const json_t *request,
                                                           struct vsa_slice aad, json_t **reply,
                                                           struct vsa_error *error);

/* --- connections and their numbers ------------------------------------------------------------ */

/*
 * Closes connections that are idle for `idle_ms` milliseconds or longer, all idle ones for 0, and
 * returns their number.
 */
VSA_PUBLIC size_t vsa_client_close_idle(struct vsa_client *client, int64_t idle_ms);

struct vsa_client_statistics {
    size_t size; /* of this struct, in bytes */
    /* now */
    size_t open;    /* connections in use, idle and being made */
    size_t idle;    /* connections among these that are not in use */
    size_t waiting; /* calls that wait for a connection */
    /* since the client was made */
    uint64_t made;    /* connections made */
    uint64_t broken;  /* connections closed because they broke or the enclave closed them */
    uint64_t expired; /* connections closed because they were idle */
    uint64_t retried; /* requests sent again, for any reason */
};
/* Sets the first `size` bytes: vsa_client_get_statistics() for other languages. */
VSA_PUBLIC void vsa_client_get_statistics_size(struct vsa_client *client,
                                               struct vsa_client_statistics *statistics,
                                               size_t size);

static inline void vsa_client_get_statistics(struct vsa_client *client,
                                             struct vsa_client_statistics *statistics)
{
    vsa_client_get_statistics_size(client, statistics, sizeof(*statistics));
}

/* --- finding enclaves ------------------------------------------------------------------------ */

/* One running enclave of this parent instance, as nitro-cli describes it. */
struct vsa_enclave {
    char name[VSA_MAX_ENCLAVE_NAME]; /* "" if it has none; printable, NUL-terminated */
    char id[VSA_MAX_ENCLAVE_NAME];   /* "i-...-enc...", NUL-terminated */
    uint32_t cid;                    /* 4 .. VSA_CID_ANY - 1 */
    bool debug_mode;                 /* started with --debug-mode: proves nothing about its code */
};

struct vsa_enclave_list {
    size_t count;
    struct vsa_enclave enclaves[VSA_MAX_ENCLAVES];
    size_t unreachable; /* number of enclave processes that nitro-cli could not reach */
};

/* Selects an enclave: members that are not NULL must be equal. Both NULL: the only one. */
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
 * Errors: VSA_ERR_EMPTY, VSA_ERR_JSON, VSA_ERR_DUPLICATE_KEY (not what nitro-cli prints);
 * VSA_ERR_TOO_LARGE, VSA_ERR_TOO_MANY; VSA_ERR_NO_ENCLAVE; VSA_ERR_AMBIGUOUS_ENCLAVE (the detail
 * lists them as far as it has room, `running` all).
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
 * Errors: as vsa_find_enclave_in();
 * VSA_ERR_NO_NITRO_CLI when it is missing or fails, VSA_ERR_TIMEOUT.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_find_enclave(const struct vsa_enclave_selector *selector, int64_t timeout_ms,
                 struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                 struct vsa_error *error);

/*
 * Lists the running enclaves, as `nitro-cli describe-enclaves` shows them.
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
