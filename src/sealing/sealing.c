/* SPDX-License-Identifier: Apache-2.0 */
#include "sealing/sealing.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/begin.h"
#include "seal/sender.h"

/* Bytes: most requests take one step. */
#define CHARGE_STEP 4096
/* After a key could not be made. */
#define RETRY_MS 1000
/* Waking the loop takes both threads half as long as opening a request of X25519. */
#define HOLD_US 500

#define REPLY_HEAD "{\"success\":true,\"sealed\":\""

_Static_assert(sizeof(REPLY_HEAD) + (VSA_SEAL_MAX_SEALED + 2) / 3 * 4 + VSA_REPLY_ID <=
                   VSA_MAX_REPLY_LINE,
               "the longest sealed reply fits into a line");

/* --- opening, in the thread or in the loop ---------------------------------------------------- */

static struct vsa_sealed *sealed_of(struct vsa_work *work)
{
    return VSA_CONTAINER_OF(work, struct vsa_sealed, work);
}

/* Drops the padding: the reader of JSON would take each space like any other character. */
static void trim(struct vsa_slice *request)
{
    while (request->size > 0 && request->data[request->size - 1] == ' ')
        request->size--;
}

static void verify_sender(struct vsa_sealed *sealed)
{
    const struct vsa_sender_binding binding = {
        .enc = vsa_slice_of(sealed->exchange.enc, sealed->generation->config.suite->enc_size),
        .aad = vsa_slice_of(sealed->origin.aad, sealed->origin.aad_size),
    };
    if (vsa_sender_is_signed(sealed->request))
        sealed->sender_status = vsa_sender_verify(sealed->request, &binding, &sealed->request,
                                                  sealed->origin.sender, &sealed->error);
    trim(&sealed->request);
}

static void decrypt(struct vsa_sealed *sealed)
{
    const struct vsa_seal_generation *generation = sealed->generation;
    const struct vsa_hpke_suite *suite = generation->config.suite;
    uint8_t *plaintext = sealed->buffer + sealed->sealed.size;
    sealed->status =
        vsa_seal_read_request(&generation->config, generation->key,
                              vsa_slice_of(sealed->origin.aad, sealed->origin.aad_size),
                              sealed->sealed, plaintext, &sealed->exchange, &sealed->error);
    if (sealed->status == VSA_OK)
        sealed->status = vsa_replay_tag(generation->filter_key,
                                        vsa_slice_of(sealed->exchange.enc, suite->enc_size),
                                        sealed->tag, &sealed->error);
    if (sealed->status == VSA_OK)
        sealed->request =
            vsa_slice_of(plaintext, sealed->sealed.size - vsa_seal_request_overhead(suite));
}

static void run_whole(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error)
{
    struct vsa_sealed *sealed = sealed_of(work);
    (void)nsm, (void)nsm_error;
    decrypt(sealed);
    if (sealed->status == VSA_OK)
        verify_sender(sealed);
}

static void run_rest(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error)
{
    (void)nsm, (void)nsm_error;
    verify_sender(sealed_of(work));
}

static bool is_first_of_slice(struct vsa_sealing *sealing)
{
    bool is_first = sealing->slice_us != sealing->loop->slice_us;
    sealing->slice_us = sealing->loop->slice_us;
    return is_first;
}

/*
 * Returns whether the loop opens it, which takes less than handing it over. When several come at a
 * time, the thread does, beside the loop: other peers are served meanwhile, and there may be
 * another CPU. Never both, so that neither waits for the other's use of the key.
 */
static bool belongs_in_loop(struct vsa_sealing *sealing)
{
    return sealing->keys.suite->group == VSA_DH_X25519 && sealing->in_thread == 0 &&
           is_first_of_slice(sealing);
}

bool vsa_sealed_open_now(struct vsa_sealed *sealed)
{
    if (!belongs_in_loop(sealed->sealing))
        return false;
    decrypt(sealed);
    /* Checking a signature takes 20 times as long as opening. */
    sealed->work.run = run_rest;
    if (sealed->status == VSA_OK && vsa_sender_is_signed(sealed->request))
        return false;
    trim(&sealed->request);
    return true;
}

/* --- one request ------------------------------------------------------------------------------ */

static void abandon(struct vsa_awaited *awaited)
{
    struct vsa_sealed *sealed = VSA_CONTAINER_OF(awaited, struct vsa_sealed, awaited);
    if (!vsa_worker_withdraw(sealed->sealing->worker, &sealed->work))
        return;
    sealed->sealing->in_thread--;
    vsa_sealed_release(sealed);
}

static bool has_begun(struct vsa_awaited *awaited)
{
    struct vsa_sealed *sealed = VSA_CONTAINER_OF(awaited, struct vsa_sealed, awaited);
    return vsa_worker_begun_ms(sealed->sealing->worker, &sealed->work) != INT64_MAX;
}

static const struct vsa_awaited_kind kind = {abandon, has_begun,
                                             "the request was not opened in time"};

static void release_work(struct vsa_work *work)
{
    vsa_sealed_release(sealed_of(work));
}

static void let_key_go(struct vsa_sealed *sealed)
{
    if (sealed->generation)
        vsa_seal_generation_release(sealed->generation);
    sealed->generation = NULL;
}

void vsa_sealed_forget_text(struct vsa_sealed *sealed)
{
    if (sealed->buffer)
        vsa_wipe(sealed->buffer, sealed->buffer_size);
    free(sealed->buffer);
    sealed->buffer = NULL;
    sealed->request = sealed->sealed = (struct vsa_slice){0};
}

enum vsa_status vsa_sealed_charge(const struct vsa_sealed *sealed, struct vsa_budget *budget,
                                  size_t size, size_t *charged, struct vsa_error *error)
{
    if (sealed)
        size = (size + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
    if (!vsa_budget_charge(budget, size))
        return vsa_fail(error, VSA_ERR_BUSY, "too many unfinished requests; try again later");
    *charged = size;
    return VSA_OK;
}

void vsa_sealed_release(struct vsa_sealed *sealed)
{
    if (--sealed->references > 0)
        return;
    let_key_go(sealed);
    vsa_sealed_forget_text(sealed);
    if (sealed->charged)
        vsa_budget_refund(sealed->sealing->budget, sealed->charged);
    vsa_wipe(sealed, sizeof(*sealed));
    free(sealed);
}

static enum vsa_status read_text(const json_t *object, const char *key, struct vsa_slice *text,
                                 struct vsa_error *error)
{
    const json_t *value = vsa_json_get(object, key);
    if (!json_is_string(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"%s\" must be a base64 string", key);
    *text = vsa_json_string_slice(value);
    return VSA_OK;
}

static enum vsa_status decode(struct vsa_slice text, const char *key, uint8_t *buffer, size_t most,
                              struct vsa_slice *bytes, struct vsa_error *error)
{
    enum vsa_status status = vsa_base64_decode(text, VSA_BASE64_STRICT, buffer, most, bytes, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "\"%s\" is longer than %zu bytes", key, most);
    if (status != VSA_OK)
        vsa_error_wrap(error, "\"%s\"", key);
    return status;
}

static enum vsa_status read_aad(struct vsa_sealed *sealed, const json_t *object,
                                struct vsa_error *error)
{
    struct vsa_slice text;
    struct vsa_slice aad;
    if (!vsa_json_get(object, "aad"))
        return VSA_OK;
    VSA_TRY(read_text(object, "aad", &text, error));
    VSA_TRY(decode(text, "aad", sealed->origin.aad, sizeof(sealed->origin.aad), &aad, error));
    sealed->origin.aad_size = aad.size;
    return VSA_OK;
}

static enum vsa_status find_key(struct vsa_sealed *sealed, struct vsa_error *error)
{
    struct vsa_sealing *sealing = sealed->sealing;
    size_t overhead = vsa_seal_request_overhead(sealing->keys.suite);
    if (sealed->sealed.size < overhead)
        return vsa_fail(error, VSA_ERR_FIELD, "a sealed request has at least %zu bytes", overhead);
    if (sealed->sealed.size > overhead + VSA_SEAL_MAX_PLAINTEXT)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "a sealed request has at most %zu bytes",
                        overhead + VSA_SEAL_MAX_PLAINTEXT);
    vsa_seal_keys_update(&sealing->keys, sealing->loop->now_ms);
    sealed->generation = vsa_seal_keys_find(&sealing->keys, sealed->sealed);
    if (!sealed->generation)
        return vsa_fail(error, VSA_ERR_SEALED_KEY,
                        "sealed to a key that is not in use; ask for the present one (seal_key)");
    vsa_seal_generation_hold(sealed->generation);
    return VSA_OK;
}

static enum vsa_status fill(struct vsa_sealed *sealed, const json_t *object, struct vsa_slice apart,
                            struct vsa_error *error)
{
    struct vsa_slice text;
    VSA_TRY(read_text(object, "sealed", &text, error));
    if (apart.data)
        text = apart;
    /* What is decoded has three bytes for four characters, what is opened no more than that. */
    size_t most = text.size / 4 * 3;
    most = most < VSA_SEAL_MAX_SEALED ? most : VSA_SEAL_MAX_SEALED;
    VSA_TRY(vsa_sealed_charge(NULL, sealed->sealing->budget, sizeof(*sealed) + 2 * most,
                              &sealed->charged, error));
    sealed->buffer_size = 2 * most + 1;
    sealed->buffer = malloc(sealed->buffer_size);
    if (!sealed->buffer)
        return vsa_fail_memory(error);
    VSA_TRY(decode(text, "sealed", sealed->buffer, most, &sealed->sealed, error));
    VSA_TRY(read_aad(sealed, object, error));
    return find_key(sealed, error);
}

enum vsa_status vsa_sealed_new(struct vsa_sealing *sealing, const json_t *object,
                               struct vsa_slice apart, struct vsa_sealed **sealed,
                               struct vsa_error *error)
{
    struct vsa_sealed *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->awaited.kind = &kind;
    made->work.run = run_whole;
    made->sealing = sealing;
    made->references = 1;
    made->exchange.label = VSA_SEAL_LABEL;
    made->error.offset = VSA_NO_OFFSET;
    enum vsa_status status = fill(made, object, apart, error);
    if (status != VSA_OK) {
        vsa_sealed_release(made);
        return status;
    }
    *sealed = made;
    return VSA_OK;
}

enum vsa_status vsa_sealed_put(struct vsa_sealed *sealed, struct vsa_error *error)
{
    VSA_TRY(vsa_worker_put(sealed->sealing->worker, &sealed->work, error));
    sealed->sealing->in_thread++;
    return VSA_OK;
}

struct vsa_sealed *vsa_sealing_next(struct vsa_sealing *sealing)
{
    if (!vsa_list_first(&sealing->opened))
        vsa_worker_finished(sealing->worker, &sealing->opened);
    struct vsa_work *work = vsa_work_of(vsa_list_pop(&sealing->opened));
    if (!work)
        return NULL;
    sealing->in_thread--;
    return sealed_of(work);
}

static void schedule(struct vsa_sealing *sealing);

enum vsa_status vsa_sealed_accept(struct vsa_sealed *sealed, struct vsa_error *error)
{
    struct vsa_sealing *sealing = sealed->sealing;
    enum vsa_status status = sealed->status;
    if (status != VSA_OK && error)
        *error = sealed->error;
    if (status == VSA_OK)
        status = vsa_seal_keys_accept(&sealing->keys, sealed->generation, sealed->tag,
                                      sealing->loop->now_ms, error);
    let_key_go(sealed);
    schedule(sealing);
    return status;
}

/* --- replies ---------------------------------------------------------------------------------- */

/* Makes the plaintext, with its spaces. */
static enum vsa_status assemble(struct vsa_sealing *sealing, const struct vsa_slice *parts,
                                size_t count, struct vsa_slice *plaintext, struct vsa_error *error)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > sizeof(sealing->plaintext) - size)
            return vsa_fail(error, VSA_ERR_TOO_LARGE, "the reply is larger than %d bytes",
                            VSA_SEAL_MAX_PLAINTEXT);
        if (parts[i].size)
            memcpy(sealing->plaintext + size, parts[i].data, parts[i].size);
        size += parts[i].size;
    }
    size_t padded = vsa_seal_padded_size(size);
    memset(sealing->plaintext + size, ' ', padded - size);
    *plaintext = vsa_slice_of(sealing->plaintext, padded);
    return VSA_OK;
}

static enum vsa_status seal(const struct vsa_sealed *sealed, struct vsa_slice plaintext,
                            struct vsa_slice *text, struct vsa_error *error)
{
    struct vsa_sealing *sealing = sealed->sealing;
    size_t size = plaintext.size + vsa_seal_reply_overhead(sealed->exchange.context.suite);
    size_t at = strlen(REPLY_HEAD);
    VSA_TRY(vsa_seal_write_reply(&sealed->exchange, NULL, plaintext, sealing->sealed, error));
    memcpy(sealing->line, REPLY_HEAD, at);
    VSA_TRY(vsa_base64_encode(vsa_slice_of(sealing->sealed, size), sealing->line + at,
                              sizeof(sealing->line) - at, error));
    at += vsa_base64_encoded_size(size);
    sealing->line[at++] = '"';
    *text = vsa_slice_of(sealing->line, at);
    return VSA_OK;
}

enum vsa_status vsa_sealed_reply(const struct vsa_sealed *sealed, const struct vsa_slice *parts,
                                 size_t count, struct vsa_slice *text, struct vsa_error *error)
{
    struct vsa_sealing *sealing = sealed->sealing;
    struct vsa_slice plaintext = vsa_slice_of(NULL, 0);
    enum vsa_status status = assemble(sealing, parts, count, &plaintext, error);
    if (status == VSA_OK)
        status = seal(sealed, plaintext, text, error);
    vsa_wipe(sealing->plaintext, status == VSA_OK ? plaintext.size : sizeof(sealing->plaintext));
    return status;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void schedule(struct vsa_sealing *sealing)
{
    int64_t now_ms = sealing->loop->now_ms;
    int64_t due_ms = vsa_seal_keys_due_ms(&sealing->keys);
    /* Of one timer, so that each start may have a duration of its own. */
    sealing->rotations.duration_ms = due_ms > now_ms ? due_ms - now_ms : RETRY_MS;
    vsa_timer_start(&sealing->rotations, &sealing->rotation, now_ms);
}

static void on_due(void *user, struct vsa_timer *timer)
{
    struct vsa_sealing *sealing = user;
    (void)timer;
    vsa_seal_keys_update(&sealing->keys, sealing->loop->now_ms);
    schedule(sealing);
}

enum vsa_status vsa_sealing_offer(struct vsa_sealing *sealing, struct vsa_seal_offer *offer,
                                  struct vsa_error *error)
{
    int64_t now_ms = sealing->loop->now_ms;
    vsa_seal_keys_update(&sealing->keys, now_ms);
    schedule(sealing);
    const struct vsa_seal_generation *current = sealing->keys.current;
    if (!current)
        return vsa_fail(error, VSA_ERR_CRYPTO, "no sealing key could be made");
    offer->config = current->config;
    offer->expires_in_ms = current->ends_ms - now_ms;
    return VSA_OK;
}

enum vsa_status vsa_sealing_begin(struct vsa_sealing *sealing, struct vsa_error *error)
{
    const struct vsa_worker_options options = {
        .max_queue = sealing->max_queue,
        .hold_us = HOLD_US,
        .depth = &sealing->depth,
        .begin = vsa_crypto_begin_thread,
        .done = sealing->done,
        .user = sealing->user,
    };
    int64_t now_ms = vsa_monotonic_ms();
    VSA_TRY(vsa_seal_keys_begin(&sealing->keys, now_ms, error));
    VSA_TRY(vsa_worker_new(&options, NULL, &sealing->worker, error));
    vsa_event_loop_add(sealing->loop, &sealing->rotations, sealing->keys.lifetime_ms, on_due,
                       sealing);
    vsa_timer_start(&sealing->rotations, &sealing->rotation, now_ms);
    return VSA_OK;
}

enum vsa_status vsa_sealing_start(struct vsa_sealing *sealing, struct vsa_error *error)
{
    return sealing ? vsa_worker_start(sealing->worker, error) : VSA_OK;
}

void vsa_sealing_free(struct vsa_sealing *sealing)
{
    struct vsa_work *work;
    if (!sealing)
        return;
    vsa_worker_free(sealing->worker, release_work);
    while ((work = vsa_work_of(vsa_list_pop(&sealing->opened))))
        release_work(work);
    vsa_seal_keys_close(&sealing->keys);
    vsa_senders_clear(&sealing->senders);
    free(sealing);
}
