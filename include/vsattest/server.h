/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in the enclave: answers `ping`, `status`, `attest`, `metrics` and custom commands, one
 * JSON object a line, to thousands of connections at once.
 *
 *     struct vsa_server_options options;
 *     vsa_server_options_init(&options);
 *     vsa_server_new(&options, &server, &error);
 *     vsa_server_register(server, &(struct vsa_command){.name = "hello", .handler = hello},
 * &error); vsa_server_run(server, &error);
 *
 * All of it runs in the thread that calls vsa_server_run(), but for commands with VSA_COMMAND_NSM
 * or VSA_COMMAND_BLOCKING: these run one after the other in a second thread, so that a slow NSM
 * delays no other client.
 *
 * Source: docs/PROTOCOL.md (the wire contract).
 * Example: examples/custom_command.c
 */
#ifndef VSATTEST_SERVER_H
#define VSATTEST_SERVER_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>
#include <vsattest/nsm.h>
#include <vsattest/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vsa_server;

/* --- events ----------------------------------------------------------------------------------- */

enum vsa_server_event_kind {
    VSA_EVENT_LISTENING,          /* detail: the address */
    VSA_EVENT_NSM_REACHABLE,      /* at the start and when it is back; detail: its module ID */
    VSA_EVENT_NSM_UNREACHABLE,    /* at the start and when it is lost; detail: why */
    VSA_EVENT_CONNECTION_OPENED,  /* connection, connections */
    VSA_EVENT_CONNECTION_CLOSED,  /* connection, connections; status: why; VSA_OK: by its peer */
    VSA_EVENT_CONNECTION_REFUSED, /* the connection limit is reached */
    VSA_EVENT_REQUEST,            /* answered: connection, command, status, duration_us */
    VSA_EVENT_ACCEPT_PAUSED,      /* no descriptors or memory left for connections; detail: why */
    VSA_EVENT_STOPPING,           /* vsa_server_stop() was called */
    VSA_EVENT_STOPPED, /* status: VSA_OK, or VSA_ERR_TIMEOUT when draining took too long */
};

/* Returns the event's name for logs: snake_case, static. */
VSA_PUBLIC const char *vsa_server_event_name(enum vsa_server_event_kind kind);

/* Something that happened. Holds nothing that a client sent: no user data, no nonce. */
struct vsa_server_event {
    enum vsa_server_event_kind kind;
    enum vsa_status status;
    uint64_t connection; /* counted from 1; 0 when the event is about none */
    size_t connections;  /* open now */
    const char *command; /* the command's registered name; NULL when there was no valid one */
    int64_t duration_us; /* from the request's last byte to its reply */
    const char *detail;  /* for people, or NULL */
};

/* --- commands --------------------------------------------------------------------------------- */

/* Runs in the NSM's thread, with `nsm` in its context; answered `busy` when the queue is full. */
#define VSA_COMMAND_NSM 1U
/*
 * Like VSA_COMMAND_NSM, for handlers that may block but can do without an NSM: they are called also
 * while there is none, and then the context's `nsm` is NULL.
 */
#define VSA_COMMAND_BLOCKING 2U

/*
 * The name for "whatever the command": a handler that is registered under it gets every well-formed
 * request, the built-in commands' and unknown ones' included, but for those with a handler of the
 * program's own under their very name.
 */
#define VSA_COMMAND_ANY "*"

/*
 * Counts against the peer's rate limit (struct vsa_server_options), as `attest` does. Together with
 * one of the others, or alone.
 */
#define VSA_COMMAND_RATE_LIMITED 4U

/*
 * Only for requests that came sealed (vsattest/seal.h); others get VSA_ERR_SEALED_REQUIRED.
 * Together with the others, or alone. Refused by vsa_server_register() while sealing is not on.
 */
#define VSA_COMMAND_SEALED_ONLY 32U

struct vsa_command_context {
    void *user; /* of struct vsa_command */
    /* VSA_COMMAND_NSM and VSA_COMMAND_BLOCKING: to be used during the call; else NULL. */
    struct vsa_nsm *nsm;
    struct vsa_server *server; /* that the request came to */
};

/*
 * Answers one request.
 *
 * context  in
 * request  in: the client's object, its "command" and "id" included; borrowed during the call
 * reply    in: an object with "success": true; add members. The server adds the "id". The whole
 *          line has VSA_MAX_REPLY_LINE bytes at most
 * error    out: on failure, status and detail become the reply's "error_code" and "error"; never
 *          NULL, and empty before the call
 *
 * Returns VSA_OK, or the status of a failure. Without VSA_COMMAND_NSM or VSA_COMMAND_BLOCKING a
 * handler must not block: it runs in the thread that serves all clients.
 */
typedef enum vsa_status vsa_command_handler(const struct vsa_command_context *context,
                                            const json_t *request, json_t *reply,
                                            struct vsa_error *error);

struct vsa_command {
    /* 1..VSA_MAX_COMMAND_NAME of a-z 0-9 _ - ; or VSA_COMMAND_ANY; copied. */
    const char *name;
    vsa_command_handler *handler;
    void *user;     /* passed to the handler; must live as long as the server */
    unsigned flags; /* VSA_COMMAND_*: _NSM or _BLOCKING or neither, and any of the others */
};

/* --- keys ------------------------------------------------------------------------------------- */

/*
 * A P-384 key pair that `attest` made because of "generate_key", with the public half in a
 * document. All slices are valid during the call only, and the private key is wiped after it.
 */
struct vsa_server_key {
    struct vsa_slice private_key; /* PKCS#8 DER */
    struct vsa_slice public_key;  /* SubjectPublicKeyInfo DER, as in the document */
    struct vsa_slice document;    /* the attestation document */
    struct vsa_slice user_data;   /* of the request, or absent */
    struct vsa_slice nonce;       /* as above */
};

/* --- options ---------------------------------------------------------------------------------- */

/* Fill with vsa_server_options_init(), then change what you want. Strings are copied. */
struct vsa_server_options {
    size_t size;        /* of this struct, in bytes; set by vsa_server_options_init() */
    const char *listen; /* an address of transport.h; default "vsock:any:9000" */
    const char *nsm;    /* an address of nsm.h; default "/dev/nsm" */

    size_t max_connections; /* VSA_DEFAULT_MAX_CONNECTIONS; for one more the longest idle one is
                               closed, or, if none is idle, it gets too_many_connections */
    size_t max_in_flight; /* VSA_DEFAULT_MAX_IN_FLIGHT requests accepted and not answered, over all
                             connections; then busy. Requests that are answered at once, such as
                             ping, are never in flight */
    size_t max_queue;     /* VSA_DEFAULT_MAX_QUEUE requests waiting for the NSM; then busy */
    /*
     * `attest` and other commands with VSA_COMMAND_RATE_LIMITED: so many a second in the long run,
     * and so many at once, for each CID, or for each connection where the address has no CID; more
     * get rate_limited. What is answered without asking the NSM anew does not count. rate_limit 0:
     * no limit; rate_burst 0: twice rate_limit. At most VSA_MAX_RATE_LIMIT each.
     */
    size_t rate_limit; /* VSA_DEFAULT_RATE_LIMIT */
    size_t rate_burst; /* VSA_DEFAULT_RATE_BURST */
    /*
     * An `attest` without nonce and without "generate_key" may get the document that another one
     * with the same user data got, up to this age; 0, the default: never. At most
     * VSA_MAX_CACHE_TTL_MS, and never beyond the life of the document's certificate. Not where a
     * handler of the program stands before `attest`: that is called for each request.
     */
    int64_t cache_ttl_ms;
    size_t max_line;            /* bytes of a request line; VSA_MAX_REQUEST_LINE, not more */
    size_t max_buffered;        /* bytes; VSA_DEFAULT_MAX_BUFFERED */
    int64_t idle_timeout_ms;    /* VSA_DEFAULT_IDLE_TIMEOUT_MS without a complete request */
    int64_t request_timeout_ms; /* VSA_DEFAULT_REQUEST_TIMEOUT_MS from request to reply */
    int64_t drain_timeout_ms;   /* VSA_DEFAULT_DRAIN_TIMEOUT_MS after vsa_server_stop() */

    /* Called in the loop's thread for every event; NULL: no calls. Must not block. */
    void (*on_event)(void *user, const struct vsa_server_event *event);
    /*
     * Gets the private half of every key made by "generate_key", in the NSM's thread, after the
     * document is made and before the client has it. Anything but VSA_OK fails the request
     * with that status. NULL: private keys are wiped at once, and "generate_key" only proves that
     * an enclave can put a public key into a document.
     */
    enum vsa_status (*on_key)(void *user, const struct vsa_server_key *key);
    void *user; /* passed to both */
};

/* Sets the first `size` bytes of the options: vsa_server_options_init() for other languages. */
VSA_PUBLIC void vsa_server_options_init_size(struct vsa_server_options *options, size_t size);

static inline void vsa_server_options_init(struct vsa_server_options *options)
{
    vsa_server_options_init_size(options, sizeof(*options));
}

/* --- sealed requests -------------------------------------------------------------------------- */

/* KEMs of RFC 9180 section 7.1: of the key that requests are sealed to. */
#define VSA_SEALING_X25519 0x0020
#define VSA_SEALING_P384   0x0011

/* The KEM's default: none with X25519, VSA_DEFAULT_SEAL_RATE_P384 with P-384. */
#define VSA_SEALING_RATE_OF_KEM ((size_t)-1)

/* Fill with vsa_sealing_options_init(), then change what you want. */
struct vsa_sealing_options {
    size_t size; /* of this struct, in bytes; set by vsa_sealing_options_init() */
    size_t kem;  /* VSA_SEALING_X25519 */
    /* A new key after this time; the one before it is accepted for `overlap_ms` more. */
    int64_t lifetime_ms; /* VSA_DEFAULT_SEAL_LIFETIME_MS, at most VSA_MAX_SEAL_TIME_MS */
    int64_t overlap_ms;  /* VSA_DEFAULT_SEAL_OVERLAP_MS, as above */
    /*
     * Requests that one key accepts; at 7/8 of them a new one begins. Each is remembered until the
     * key ends: 32 bytes, for two keys.
     */
    size_t max_uses; /* VSA_DEFAULT_SEAL_MAX_USES; VSA_MIN_SEAL_MAX_USES..VSA_MAX_SEAL_MAX_USES */
    /*
     * Sealed requests a second for each peer, twice as many at once, whatever is inside; more get
     * rate_limited. 0: no limit. At most VSA_MAX_RATE_LIMIT.
     */
    size_t rate_limit; /* VSA_SEALING_RATE_OF_KEM */
};

/* Sets the first `size` bytes of the options: vsa_sealing_options_init() for other languages. */
VSA_PUBLIC void vsa_sealing_options_init_size(struct vsa_sealing_options *options, size_t size);

static inline void vsa_sealing_options_init(struct vsa_sealing_options *options)
{
    vsa_sealing_options_init_size(options, sizeof(*options));
}

/*
 * Has the server take sealed requests (vsattest/seal.h), opened in a thread of their own: adds the
 * commands `seal_key` and `sealed`, whose names no program can register then, and which
 * VSA_COMMAND_ANY does not see. What is inside a sealed request is handled like any other one, but
 * its reply, errors included, is sealed, and events and statistics say `sealed` and nothing of what
 * is inside. Once, before vsa_server_run(). Do not fork afterwards: two processes would have one
 * key.
 *
 * options  in: NULL: defaults
 *
 * Errors: VSA_ERR_ARGUMENT (options, called twice, the names are taken), VSA_ERR_TOO_MANY
 * (commands), VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_server_enable_sealing(struct vsa_server *server, const struct vsa_sealing_options *options,
                          struct vsa_error *error);

/*
 * Names keys that may send a command: it is then carried out only if it comes sealed and signed by
 * one of them; others get VSA_ERR_SENDER, and in clear VSA_ERR_SEALED_REQUIRED. After sealing is
 * enabled, before vsa_server_run(); several calls for one command add up.
 *
 * command  in: its name; NULL: all commands that are in no other call. Built-in ones stay open in
 *          clear unless they are named. `seal_key` and `sealed` cannot be, and a name that is no
 *          command's when the server runs is an error then
 * pem      in: P-384 public keys ("PUBLIC KEY"), one after the other
 *
 * Errors: VSA_ERR_ARGUMENT (no key, or another kind), VSA_ERR_TOO_MANY (VSA_MAX_SENDERS),
 * VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_server_allow_senders(struct vsa_server *server,
                                                                 const char *command,
                                                                 struct vsa_slice pem,
                                                                 struct vsa_error *error);

/*
 * Returns whether the request came sealed. From a handler, in its thread.
 *
 * aad  out: the associated data, set where it came sealed; borrowed during the call. May be NULL
 */
VSA_PUBLIC bool vsa_server_sealed(const struct vsa_command_context *context, struct vsa_slice *aad);
/*
 * Returns the thumbprint of the key that signed the request (VSA_SENDER_THUMBPRINT characters,
 * borrowed during the call), or NULL: it is not signed. From a handler, in its thread.
 */
VSA_PUBLIC const char *vsa_server_sender(const struct vsa_command_context *context);

/* --- the server ------------------------------------------------------------------------------- */

/*
 * Opens the NSM and listens; clients can connect from now on and are served by vsa_server_run().
 * A `unix:` NSM that does not answer is no error (VSA_EVENT_NSM_UNREACHABLE is emitted); a device
 * that is not there is.
 *
 * options  in
 * server   out: set on success; free with vsa_server_free()
 *
 * Errors: VSA_ERR_ARGUMENT; those of vsa_listen() and vsa_nsm_open(); VSA_ERR_MEMORY, VSA_ERR_IO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_server_new(const struct vsa_server_options *options,
                                                       struct vsa_server **server,
                                                       struct vsa_error *error);

/*
 * Adds a command, or puts a handler in the place of a built-in one (`ping`, `status`, `attest`,
 * `metrics`) or before all of them (VSA_COMMAND_ANY); before vsa_server_run() only. What takes the
 * place of `attest` brings its own flags: without VSA_COMMAND_RATE_LIMITED there is no rate limit.
 *
 * Errors: VSA_ERR_ARGUMENT (the name is malformed or was registered already, no handler, unknown
 * flags), VSA_ERR_TOO_MANY (VSA_MAX_COMMANDS), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_server_register(struct vsa_server *server,
                                                            const struct vsa_command *command,
                                                            struct vsa_error *error);

/*
 * Has an application answer commands: a process of the same enclave that listens on a Unix socket
 * and speaks the same JSON lines (docs/PROTOCOL.md, "Backends"). Before vsa_server_run() only. It
 * need not listen yet: each request that it cannot answer gets VSA_ERR_BACKEND or VSA_ERR_TIMEOUT.
 *
 * commands         in: names as in struct vsa_command, separated by commas; NULL: every command
 *                  that is no other's. Built-in ones stay the server's, and cannot be named
 * address          in: "unix:PATH"; copied
 * max_connections  in: connections to it at once, 1..VSA_MAX_BACKEND_CONNECTIONS; further requests
 *                  wait for one. 1 for an application that serves one connection after the other
 * flags            in: VSA_COMMAND_RATE_LIMITED, VSA_COMMAND_SEALED_ONLY
 *
 * Errors: VSA_ERR_ARGUMENT (a name is malformed or taken, the address, the flags),
 * VSA_ERR_TOO_MANY (VSA_MAX_BACKENDS, VSA_MAX_COMMANDS), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_server_add_backend(struct vsa_server *server, const char *commands, const char *address,
                       size_t max_connections, unsigned flags, struct vsa_error *error);

/*
 * Carries out a built-in command, as if no command had been registered. From a handler: so a
 * program can look at requests, change or refuse them, and add to the replies, without doing the
 * work itself:
 *
 *     static enum vsa_status audit(const struct vsa_command_context *context,
 *                                  const json_t *request, json_t *reply, struct vsa_error *error)
 *     {
 *         log_request(request);
 *         return vsa_server_run_builtin(context, request, reply, error);
 *     }
 *     ...
 *     struct vsa_command all = {.name = VSA_COMMAND_ANY, .handler = audit,
 *                               .flags = VSA_COMMAND_BLOCKING};
 *     vsa_server_register(server, &all, &error);
 *
 * context  in: the handler's own. In one without VSA_COMMAND_NSM or VSA_COMMAND_BLOCKING there is
 * no NSM for `attest`; with them `status` probes it, else it reports the last known state
 * request  in: an object with "command"; may be another than the handler's
 * reply    in/out: an object; gets the members of the command's reply
 * error    out: never NULL
 *
 * Errors: the command's; VSA_ERR_UNKNOWN_COMMAND when it is none of ours; VSA_ERR_REQUEST and
 * VSA_ERR_FIELD when there is none; VSA_ERR_NSM_UNREACHABLE. A handler passes them on, or clears
 * the error by returning VSA_OK with what it wants to reply.
 *
 * A handler that calls vsa_nsm_attest() itself must not put bytes of a client that begin with
 * VSA_RESERVED_PREFIX into `user_data` or `nonce`, as `attest` does not: the document would say of
 * the client's bytes that the enclave itself wrote them (docs/PROTOCOL.md, "Sealed requests").
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_server_run_builtin(const struct vsa_command_context *context, const json_t *request,
                       json_t *reply, struct vsa_error *error);

/*
 * Serves until vsa_server_stop(), once in a server's life. Then: no new connections, requests in
 * flight are answered, new ones get `shutting_down`, the socket file is removed. After
 * drain_timeout_ms what the NSM's thread has begun gets `timeout`, what it has not `shutting_down`.
 *
 * Errors: VSA_ERR_TIMEOUT when requests were still in flight drain_timeout_ms after the stop: the
 * NSM's thread is in a call that does not return, and vsa_server_free() would wait for it; a
 * program that ends anyway can leave that out and call _exit(). VSA_ERR_ARGUMENT: it ran before, or
 * senders are named for what is no command. VSA_ERR_MEMORY, VSA_ERR_IO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_server_run(struct vsa_server *server,
                                                       struct vsa_error *error);

/*
 * Makes vsa_server_run() drain and return. Idempotent; callable before and during it, from any
 * thread or signal handler.
 */
VSA_PUBLIC void vsa_server_stop(struct vsa_server *server);

/* --- statistics ------------------------------------------------------------------------------- */

/* Upper bounds of struct vsa_latency_statistics' buckets, 0.5 ms to 10 s in steps 1, 2.5, 5. */
#define VSA_LATENCY_BUCKETS 14

struct vsa_latency_bucket {
    uint64_t upper_us; /* inclusive */
    uint64_t count;    /* of durations up to upper_us: cumulative */
};

/* Durations of exchanges with the NSM, failed ones included, in microseconds. */
struct vsa_latency_statistics {
    uint64_t count;
    uint64_t failures; /* calls among these without an answer, or with a malformed one */
    uint64_t sum_us;
    uint64_t p50_us; /* at most 6.25 % above the true value, never below it nor above max_us */
    uint64_t p99_us; /* as above */
    uint64_t max_us;
    struct vsa_latency_bucket buckets[VSA_LATENCY_BUCKETS];
};

struct vsa_command_statistics {
    const char *name; /* the registered name; valid until vsa_server_free() */
    uint64_t requests;
    uint64_t errors; /* of these, with "success": false */
};

/* All counts are since vsa_server_run() unless they say "now". */
struct vsa_server_statistics {
    size_t size; /* of this struct, in bytes */
    int64_t uptime_ms;
    uint64_t requests; /* answered, errors included; also those that name no command of ours */
    uint64_t errors;   /* of these, with "success": false */
    size_t command_count;
    /*
     * In order of registration. Requests that went to VSA_COMMAND_ANY are counted under the command
     * that they name; under VSA_COMMAND_ANY are those that name none of these.
     */
    struct vsa_command_statistics commands[VSA_MAX_COMMANDS];

    uint64_t connections;         /* open now: the sum of the next four */
    uint64_t connections_idle;    /* waiting for a request */
    uint64_t connections_busy;    /* a request is in flight */
    uint64_t connections_sending; /* the peer does not read its replies */
    uint64_t connections_closing; /* no more requests; the peer may read why */
    uint64_t connections_opened;
    uint64_t connections_refused; /* too_many_connections */

    uint64_t buffered_bytes; /* now: of unfinished lines, unread replies and waiting requests */

    uint64_t in_flight;   /* now: requests accepted and not answered */
    uint64_t queue_depth; /* now: of these, and of the server's own, those waiting for the NSM */

    uint64_t rate_limited; /* requests answered rate_limited */
    uint64_t cached;       /* requests answered from the cache of replies */
    uint64_t coalesced;    /* requests that shared the NSM's answer to another one */

    struct vsa_latency_statistics nsm_latency;
    char module_id[VSA_MAX_MODULE_ID + 1]; /* of the NSM; "" while not known */
    bool nsm_reachable;                    /* result of the last call of the NSM */
    int64_t nsm_age_ms;                    /* time since that call; -1: none yet */

    /* The present sealing key; 0 without vsa_server_enable_sealing(). */
    uint64_t sealing_kem; /* VSA_SEALING_X25519 or _P384 */
    uint64_t sealing_key_id;
    int64_t sealing_age_ms; /* -1 without sealing */
    uint64_t sealing_uses;  /* requests that it accepted */
    /* Keys that were used up before their time: each accepts a bounded number of requests. */
    uint64_t sealed_rotated_early;
};

/* Sets the first `size` bytes: vsa_server_get_statistics() for other languages. */
VSA_PUBLIC void vsa_server_get_statistics_size(const struct vsa_server *server,
                                               struct vsa_server_statistics *statistics,
                                               size_t size);

/*
 * Reads the server's counters, in any thread, before, during and after vsa_server_run(). Each
 * number is exact, but they are read one after another while the server runs: sums may be off by
 * what was counted meanwhile.
 */
static inline void vsa_server_get_statistics(const struct vsa_server *server,
                                             struct vsa_server_statistics *statistics)
{
    vsa_server_get_statistics_size(server, statistics, sizeof(*statistics));
}

/* Frees the server, after vsa_server_run() has returned or without it. NULL is fine. */
VSA_PUBLIC void vsa_server_free(struct vsa_server *server);

#ifdef __cplusplus
}
#endif

#endif
