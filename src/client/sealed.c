/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed requests: the enclave's key, kept while it is good; one exchange; the reply, opened. */
#include <vsattest/client.h>

#include <pthread.h>
#include <stdlib.h>

#include "attestation/policy.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/slice.h"
#include "client/attest.h"
#include "client/client.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include <vsattest/seal.h>

/* A key that a server says is good for longer is asked for again after this. */
#define LONGEST_USE_MS (3600 * 1000)
/* A request must arrive before its key's end: the last part of a key's life is not used. */
#define UNUSED_PART   8
#define LONGEST_ROUND 60000

struct vsa_sealed_enclave {
    struct vsa_client *client;
    struct vsa_verifier *verifier;
    struct vsa_policy policy;
    int64_t (*now)(const void *context);
    const void *context;
    const struct vsa_sender *sender;
    pthread_mutex_t lock;                 /* of what follows; held while a new key is got */
    struct vsa_seal_recipient *recipient; /* NULL: a new one is needed */
    int64_t good_until_ms;                /* monotonic */
    uint64_t keys;                        /* got so far */
};

/* --- the key ---------------------------------------------------------------------------------- */

static void drop_key(struct vsa_sealed_enclave *enclave)
{
    vsa_seal_recipient_free(enclave->recipient);
    enclave->recipient = NULL;
}

/* Counts from before the key was asked for, so that no delay makes it last longer. */
static int64_t end_of_use(int64_t asked_ms, int64_t expires_in_ms)
{
    int64_t life_ms = expires_in_ms < LONGEST_USE_MS ? expires_in_ms : LONGEST_USE_MS;
    int64_t unused_ms = life_ms / UNUSED_PART;
    return asked_ms + life_ms - (unused_ms < LONGEST_ROUND ? unused_ms : LONGEST_ROUND);
}

static enum vsa_status get_key(struct vsa_sealed_enclave *enclave, int64_t deadline_ms,
                               struct vsa_error *error)
{
    struct vsa_claims claims;
    int64_t asked_ms = vsa_monotonic_ms();
    int64_t expires_in_ms;
    struct vsa_attestation_reply *reply = malloc(sizeof(*reply));
    if (!reply)
        return vsa_fail_memory(error);
    enum vsa_status status =
        vsa_client_seal_key(enclave->client, enclave->verifier, &enclave->policy, enclave->now,
                            enclave->context, deadline_ms, reply, &claims, &expires_in_ms, error);
    if (status == VSA_OK)
        status = vsa_seal_recipient_new(&claims, &enclave->recipient, error);
    free(reply);
    VSA_TRY(status);
    enclave->good_until_ms = end_of_use(asked_ms, expires_in_ms);
    enclave->keys++;
    return VSA_OK;
}

/* Gets a new key. One that was good for a moment only is used at least once. */
static enum vsa_status renew_key(struct vsa_sealed_enclave *enclave, int64_t deadline_ms,
                                 struct vsa_error *error)
{
    if (enclave->recipient && vsa_monotonic_ms() < enclave->good_until_ms)
        return VSA_OK;
    drop_key(enclave);
    return get_key(enclave, deadline_ms, error);
}

/*
 * Drops the key, which may be at fault, or the enclave another one: the next request gets a new
 * one.
 */
static void suspect_key(struct vsa_sealed_enclave *enclave, uint64_t number)
{
    (void)pthread_mutex_lock(&enclave->lock);
    if (enclave->keys == number)
        drop_key(enclave);
    (void)pthread_mutex_unlock(&enclave->lock);
}

/* --- one request ------------------------------------------------------------------------------ */

/* A request on its way; too large for a stack. */
struct message {
    struct vsa_slice aad; /* borrowed */
    struct vsa_seal_pending *pending;
    int64_t deadline_ms;
    uint64_t key_number;
    uint8_t sealed[VSA_SEAL_MAX_SEALED]; /* the request, then the reply */
    size_t sealed_size;
    uint8_t text[VSA_SEAL_MAX_SEALED]; /* the request as JSON, then the opened reply: secret */
};

static void free_message(struct message *message)
{
    vsa_seal_pending_free(message->pending);
    vsa_wipe(message->text, sizeof(message->text));
    free(message);
}

static enum vsa_status write_text(const json_t *request, struct message *message,
                                  struct vsa_slice *text, struct vsa_error *error)
{
    const char *command;
    size_t size;
    if (!json_is_object(request) || json_object_get(request, "id"))
        return vsa_fail(error, VSA_ERR_REQUEST, "a request is a JSON object without \"id\"");
    VSA_TRY(vsa_request_command(request, &command, error));
    enum vsa_status status =
        vsa_json_write_line(request, (char *)message->text, sizeof(message->text), &size, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "the request has more than %d bytes",
                        VSA_SEAL_MAX_PLAINTEXT);
    VSA_TRY(status);
    *text = vsa_slice_of(message->text, size - 1); /* without its newline */
    return VSA_OK;
}

static enum vsa_status seal(struct vsa_sealed_enclave *enclave, struct vsa_slice text,
                            struct message *message, struct vsa_error *error)
{
    struct vsa_slice sealed = {0};
    (void)pthread_mutex_lock(&enclave->lock);
    enum vsa_status status = renew_key(enclave, message->deadline_ms, error);
    message->key_number = enclave->keys;
    if (status == VSA_OK)
        status = vsa_seal_signed_request(enclave->recipient, enclave->sender, message->aad, text,
                                         message->sealed, sizeof(message->sealed), &sealed,
                                         &message->pending, error);
    (void)pthread_mutex_unlock(&enclave->lock);
    message->sealed_size = sealed.size;
    return status;
}

static json_t *outer_request(const struct message *message)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "command", json_string(VSA_COMMAND_NAME_SEALED));
    vsa_json_put(&writer, "sealed",
                 vsa_json_base64(vsa_slice_of(message->sealed, message->sealed_size)));
    if (message->aad.size)
        vsa_json_put(&writer, "aad", vsa_json_base64(message->aad));
    return vsa_json_finish(&writer);
}

/*
 * Returns whether it is unknown: what is outside of the seal proves nothing, so neither does its
 * absence.
 */
static enum vsa_status outcome_unknown(struct vsa_error *error)
{
    struct vsa_error why = error ? *error : (struct vsa_error){.status = VSA_OK};
    return vsa_fail(error, VSA_ERR_OUTCOME, "sent, and perhaps carried out: %.160s", why.detail);
}

static enum vsa_status send_message(const struct vsa_sealed_enclave *enclave,
                                    const struct message *message, json_t **outer,
                                    struct vsa_error *error)
{
    bool sent = false;
    VSA_AUTO_JSON json_t *request = outer_request(message);
    if (!request)
        return vsa_fail_memory(error);
    enum vsa_status status = vsa_client_request_once(enclave->client, request, message->deadline_ms,
                                                     &sent, outer, error);
    return status != VSA_OK && sent ? outcome_unknown(error) : status;
}

/* Opens the reply: that it opens shows that the enclave ran this very request. */
static enum vsa_status open_reply(const json_t *outer, struct message *message, json_t **inner,
                                  struct vsa_error *error)
{
    struct vsa_slice sealed;
    struct vsa_slice plaintext;
    const json_t *member = json_object_get(outer, "sealed");
    if (!json_is_string(member))
        return vsa_fail(error, VSA_ERR_REPLY, "the reply has no \"sealed\"");
    VSA_TRY(vsa_base64_decode(vsa_json_string_slice(member), VSA_BASE64_STRICT, message->sealed,
                              sizeof(message->sealed), &sealed, error));
    VSA_TRY(vsa_seal_open_reply(message->pending, sealed, message->text, sizeof(message->text),
                                &plaintext, error));
    return vsa_json_parse(plaintext, inner, error);
}

static enum vsa_status exchange(struct vsa_sealed_enclave *enclave, const json_t *request,
                                struct message *message, json_t **reply, struct vsa_error *error)
{
    struct vsa_slice text;
    VSA_AUTO_JSON json_t *outer = NULL;
    VSA_AUTO_JSON json_t *inner = NULL;
    VSA_TRY(write_text(request, message, &text, error));
    VSA_TRY(seal(enclave, text, message, error));
    enum vsa_status status = send_message(enclave, message, &outer, error);
    if (status == VSA_OK && open_reply(outer, message, &inner, error) != VSA_OK)
        status = outcome_unknown(error);
    if (status == VSA_ERR_OUTCOME)
        suspect_key(enclave, message->key_number);
    VSA_TRY(status);
    VSA_TRY(vsa_reply_check(inner, error));
    *reply = json_incref(inner);
    return VSA_OK;
}

enum vsa_status vsa_sealed_request(struct vsa_sealed_enclave *enclave, const json_t *request,
                                   struct vsa_slice aad, json_t **reply, struct vsa_error *error)
{
    struct vsa_error why = {.status = VSA_OK}; /* an unknown outcome names its reason */
    struct message *message = calloc(1, sizeof(*message));
    if (!message)
        return vsa_fail_memory(error);
    message->aad = aad;
    message->deadline_ms = vsa_client_deadline(enclave->client);
    enum vsa_status status = exchange(enclave, request, message, reply, &why);
    free_message(message);
    if (status != VSA_OK && error)
        *error = why;
    return status;
}

/* --- enclaves --------------------------------------------------------------------------------- */

enum vsa_status vsa_client_seal(struct vsa_client *client, struct vsa_verifier *verifier,
                                const struct vsa_policy *policy,
                                int64_t (*now)(const void *context), const void *context,
                                const struct vsa_sender *sender,
                                struct vsa_sealed_enclave **enclave, struct vsa_error *error)
{
    struct vsa_policy known;
    VSA_TRY(vsa_policy_read(policy, &known, error));
    if (known.nonce.data || known.user_data.data)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a policy for sealing has no nonce and no user data: both are made anew "
                        "for each key");
    struct vsa_sealed_enclave *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->client = client;
    made->verifier = verifier;
    made->policy = known;
    made->now = now;
    made->context = context;
    made->sender = sender;
    /* It cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&made->lock, NULL);
    enum vsa_status status = get_key(made, vsa_client_deadline(client), error);
    if (status != VSA_OK) {
        vsa_sealed_enclave_free(made);
        return status;
    }
    *enclave = made;
    return VSA_OK;
}

void vsa_sealed_enclave_free(struct vsa_sealed_enclave *enclave)
{
    if (!enclave)
        return;
    drop_key(enclave);
    (void)pthread_mutex_destroy(&enclave->lock);
    free(enclave);
}
