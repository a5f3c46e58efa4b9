/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/service.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "base/slice.h"
#include "clock/wall_clock.h"
#include "token/jws.h"
#include "verifierd/compared.h"
#include "verifierd/ear.h"
#include "verifierd/limits.h"
#include "verifierd/store_kinds.h"
#include "verifierd/verdict_log.h"
#include "json/writer.h"

/* What files say: replaced as a whole, freed by the last request that uses it. */
struct state {
    size_t users;
    struct vsa_policy_set *policies;
    struct vsa_signing_keys keys;
    struct vsa_challenge_keys challenge_keys;
    bool needs_client;
    struct vsa_client_list clients;
};

struct vsa_service {
    struct vsa_service_options options;
    struct vsa_service_metrics *metrics;
    struct vsa_verdict_log *verdicts;
    struct vsa_store *store;
    struct vsa_rate_table *rates;
    atomic_bool is_away;   /* the store, when it was asked last for readiness */
    pthread_mutex_t mutex; /* of `state` and its users */
    struct state *state;
};

/* --- state ------------------------------------------------------------------------------------ */

static void state_free(struct state *state)
{
    vsa_policy_set_free(state->policies);
    vsa_signing_keys_free(&state->keys);
    vsa_wipe(&state->challenge_keys, sizeof(state->challenge_keys));
    free(state);
}
VSA_DEFINE_CLEANUP(struct state, state_free, cleanup_state);

static enum vsa_status read_challenge_keys(const char *path, struct vsa_challenge_keys *keys,
                                           struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_CONFIG_FILE, &file, error));
    enum vsa_status status = vsa_challenge_keys_parse(vsa_whole_file_slice(&file), keys, error);
    if (!file.is_mapped)
        vsa_wipe(file.data, file.size);
    return status;
}

static enum vsa_status read_clients(const char *path, struct vsa_client_list *clients,
                                    struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_INPUT_FILE, &file, error));
    return vsa_client_list_parse(vsa_whole_file_slice(&file), clients, error);
}

/* Keeps keys that this process made: after a reload, too, what it issued is valid. */
static enum vsa_status read_keys(const struct vsa_service *service, struct state *state,
                                 struct vsa_error *error)
{
    const struct vsa_service_options *options = &service->options;
    if (options->challenge_key)
        VSA_TRY(read_challenge_keys(options->challenge_key, &state->challenge_keys, error));
    else if (service->state)
        state->challenge_keys = service->state->challenge_keys;
    else
        VSA_TRY(vsa_challenge_keys_generate(&state->challenge_keys, error));
    if (options->keys)
        return vsa_signing_keys_load(options->keys, &state->keys, error);
    if (!service->state)
        return vsa_signing_keys_generate(&state->keys, error);
    uint8_t buffer[VSA_MAX_PRIVATE_KEY];
    struct vsa_slice der;
    struct vsa_key *copy = NULL;
    VSA_TRY(vsa_key_write_private(service->state->keys.keys[0].key, buffer, sizeof(buffer), &der,
                                  error));
    enum vsa_status status = vsa_key_read_private(der, &copy, error);
    vsa_wipe(buffer, sizeof(buffer));
    VSA_TRY(status);
    return vsa_signing_keys_add(&state->keys, copy, 0, error);
}

/* Names the option of vsattest-verifierd that an error is about. */
static enum vsa_status of_option(const char *name, enum vsa_status status, struct vsa_error *error)
{
    if (vsa_status_class(status) == VSA_CLASS_IO)
        vsa_error_wrap(error, "--%s", name);
    return status;
}

static enum vsa_status load(const struct vsa_service *service, struct state **loaded,
                            struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_state) struct state *state = calloc(1, sizeof(*state));
    if (!state)
        return vsa_fail_memory(error);
    state->users = 1;
    VSA_TRY(of_option("policies",
                      vsa_policy_set_load(service->options.policies, &state->policies, error),
                      error));
    VSA_TRY(read_keys(service, state, error));
    state->needs_client = service->options.clients != NULL;
    if (state->needs_client)
        VSA_TRY(of_option("clients", read_clients(service->options.clients, &state->clients, error),
                          error));
    *loaded = state;
    state = NULL;
    return VSA_OK;
}

static struct state *acquire_state(struct vsa_service *service)
{
    (void)pthread_mutex_lock(&service->mutex);
    struct state *state = service->state;
    state->users++;
    (void)pthread_mutex_unlock(&service->mutex);
    return state;
}

static void release_state(struct vsa_service *service, struct state *state)
{
    (void)pthread_mutex_lock(&service->mutex);
    bool last = --state->users == 0;
    (void)pthread_mutex_unlock(&service->mutex);
    if (last)
        state_free(state);
}

enum vsa_status vsa_service_reload(struct vsa_service *service, struct vsa_error *error)
{
    struct state *loaded = NULL;
    enum vsa_status status = load(service, &loaded, error);
    vsa_service_metrics_count_event(service->metrics,
                                    status == VSA_OK ? VSA_EVENT_RELOAD : VSA_EVENT_RELOAD_FAILED);
    VSA_TRY(status);
    (void)pthread_mutex_lock(&service->mutex);
    struct state *before = service->state;
    service->state = loaded;
    (void)pthread_mutex_unlock(&service->mutex);
    release_state(service, before);
    return VSA_OK;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Replicas share what they check: a store that is shared without keys that are is a mistake. */
static enum vsa_status check_options(const struct vsa_service *service, struct vsa_error *error)
{
    if (service->store->is_shared && (!service->options.challenge_key || !service->options.keys))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "with a shared store the replicas need the same challenge key and signing "
                        "keys: give files of both");
    return VSA_OK;
}

static enum vsa_status begin(struct vsa_service *service, int64_t now_ms, struct vsa_error *error)
{
    service->metrics = vsa_service_metrics_new();
    service->verdicts = vsa_verdict_log_new();
    service->rates = vsa_rate_table_new();
    if (!service->metrics || !service->verdicts || !service->rates)
        return vsa_fail_memory(error);
    /* A key of this process alone: what was issued before it is unknown, whatever clocks say. */
    int64_t begin_ms = service->options.challenge_key ? now_ms : INT64_MIN;
    VSA_TRY(vsa_store_new(&service->options.store, begin_ms, &service->store, error));
    VSA_TRY(check_options(service, error));
    VSA_TRY(load(service, &service->state, error));
    /* Begins the store's memory where it has none; a store that is away shows in readiness. */
    atomic_store(&service->is_away, vsa_store_probe(service->store, now_ms, NULL) != VSA_OK);
    if (atomic_load(&service->is_away))
        vsa_service_metrics_count_event(service->metrics, VSA_EVENT_STORE_ERROR);
    return VSA_OK;
}

enum vsa_status vsa_service_new(const struct vsa_service_options *options, int64_t now_ms,
                                struct vsa_service **service, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_service) struct vsa_service *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->options = *options;
    made->options.store.skew_ms = options->skew_ms;
    made->options.store.timeout_ms = VSA_STORE_TIMEOUT_MS;
    (void)pthread_mutex_init(&made->mutex, NULL);
    VSA_TRY(begin(made, now_ms, error));
    *service = made;
    made = NULL;
    return VSA_OK;
}

void vsa_service_free(struct vsa_service *service)
{
    if (!service)
        return;
    if (service->state)
        state_free(service->state);
    vsa_store_free(service->store);
    vsa_rate_table_free(service->rates);
    vsa_service_metrics_free(service->metrics);
    vsa_verdict_log_free(service->verdicts);
    (void)pthread_mutex_destroy(&service->mutex);
    free(service);
}

struct vsa_service_metrics *vsa_service_get_metrics(struct vsa_service *service)
{
    return service->metrics;
}

/* --- admission -------------------------------------------------------------------------------- */

/* Takes a token of the client's bucket, or of the address's where no client is needed. */
static int64_t take_token(struct vsa_service *service, const struct vsa_service_client *client,
                          struct vsa_slice address)
{
    int64_t rate = client && client->rate ? client->rate : service->options.rate;
    int64_t burst = client && client->rate ? 2 * client->rate : service->options.burst;
    /* Not the name: one of four letters is an address, which takes its own. */
    struct vsa_slice key =
        client ? vsa_slice_of(client->secret_sha256, sizeof(client->secret_sha256)) : address;
    return vsa_rate_table_take(service->rates, key, rate, burst, vsa_monotonic_ms());
}

bool vsa_service_admit(struct vsa_service *service, const char *authorization,
                       struct vsa_slice address, struct vsa_answer *answer)
{
    struct state *state = acquire_state(service);
    const struct vsa_service_client *client = NULL;
    if (state->needs_client)
        client = vsa_client_list_find(&state->clients, authorization);
    bool known = client || !state->needs_client;
    /* Who guesses tokens has the bucket of the address. */
    int64_t wait_ms = take_token(service, client, address);
    release_state(service, state);
    if (wait_ms) {
        vsa_answer_problem(answer, VSA_PROBLEM_RATE, NULL);
        answer->retry_after_ms = wait_ms;
    } else if (!known) {
        vsa_answer_problem(answer, VSA_PROBLEM_CLIENT, NULL);
    }
    return known && !wait_ms;
}

/* --- challenges ------------------------------------------------------------------------------- */

static json_t *challenge_to_json(const char *challenge, const char *policy)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "challenge", json_string(challenge));
    vsa_json_put(&writer, "expires_in_ms", json_integer(VSA_CHALLENGE_LIFETIME_MS));
    vsa_json_put(&writer, "policy", json_string(policy));
    return vsa_json_finish(&writer);
}

static void issue(struct vsa_service *service, const struct state *state, struct vsa_slice name,
                  int64_t now_ms, struct vsa_answer *answer)
{
    char text[VSA_CHALLENGE_TEXT + 1];
    struct vsa_error error = {0};
    const struct vsa_service_policy *policy = vsa_policy_set_find(state->policies, name);
    if (!policy) {
        vsa_answer_problem(answer, VSA_PROBLEM_POLICY, NULL);
    } else if (vsa_challenge_make(&state->challenge_keys, name, now_ms, text, &error) != VSA_OK) {
        vsa_answer_problem(answer, VSA_PROBLEM_INTERNAL, NULL);
    } else {
        vsa_answer_json(answer, challenge_to_json(text, policy->name));
        vsa_service_metrics_count_event(service->metrics, VSA_EVENT_CHALLENGE_ISSUED);
    }
}

void vsa_service_issue_challenge(struct vsa_service *service, struct vsa_slice body, int64_t now_ms,
                                 struct vsa_answer *answer)
{
    VSA_AUTO_JSON json_t *json = NULL;
    struct vsa_slice name = {0};
    struct vsa_error error = {0};
    if (vsa_challenge_request_parse(body, &json, &name, &error) != VSA_OK) {
        vsa_answer_problem(answer, VSA_PROBLEM_BODY, &error);
        return;
    }
    struct state *state = acquire_state(service);
    issue(service, state, name, now_ms, answer);
    release_state(service, state);
}

/* --- verification ----------------------------------------------------------------------------- */

/* One request on its way. Each step returns whether the next one follows, or makes the answer. */
struct verification {
    struct vsa_service *service;
    const struct state *state;
    const struct vsa_verify_request *request;
    int64_t now_ms;
    struct vsa_answer *answer;
    const struct vsa_service_policy *policy;
    struct vsa_challenge challenge;
    enum vsa_status status; /* of vsa_verify() */
    struct vsa_claims claims;
    struct vsa_appraisal appraisal;
};

static bool stop(struct verification *run, enum vsa_problem problem, const struct vsa_error *detail)
{
    vsa_answer_problem(run->answer, problem, detail);
    return false;
}

static void count(struct verification *run, enum vsa_service_event event)
{
    vsa_service_metrics_count_event(run->service->metrics, event);
}

static bool find_policy(struct verification *run)
{
    run->policy = vsa_policy_set_find(run->state->policies, run->request->policy);
    return run->policy ? true : stop(run, VSA_PROBLEM_POLICY, NULL);
}

static bool check_challenge(struct verification *run)
{
    static const struct {
        enum vsa_problem problem;
        enum vsa_service_event event;
    } refusals[] = {
        [VSA_CHALLENGE_MALFORMED] = {VSA_PROBLEM_CHALLENGE_FORM, VSA_EVENT_CHALLENGE_UNKNOWN},
        [VSA_CHALLENGE_UNKNOWN] = {VSA_PROBLEM_CHALLENGE_UNKNOWN, VSA_EVENT_CHALLENGE_UNKNOWN},
        [VSA_CHALLENGE_EXPIRED] = {VSA_PROBLEM_CHALLENGE_EXPIRED, VSA_EVENT_CHALLENGE_EXPIRED},
        [VSA_CHALLENGE_FROM_FUTURE] = {VSA_PROBLEM_CHALLENGE_EXPIRED, VSA_EVENT_CHALLENGE_EXPIRED},
    };
    enum vsa_challenge_verdict verdict;
    if (!run->request->challenge.data)
        return run->policy->challenge_required ? stop(run, VSA_PROBLEM_CHALLENGE_MISSING, NULL)
                                               : true;
    if (vsa_challenge_check(&run->state->challenge_keys, run->request->policy,
                            run->request->challenge, run->now_ms, run->service->options.skew_ms,
                            &verdict, &run->challenge, NULL) != VSA_OK)
        return stop(run, VSA_PROBLEM_INTERNAL, NULL);
    if (verdict == VSA_CHALLENGE_VALID)
        return true;
    count(run, refusals[verdict].event);
    return stop(run, refusals[verdict].problem, NULL);
}

/* Refuses, before any signature is checked, a document that would need more than five. */
static bool check_document(struct verification *run)
{
    struct vsa_unverified_document parsed;
    struct vsa_error error = {0};
    if (vsa_document_parse(run->request->document, &parsed, &error) != VSA_OK)
        return stop(run, VSA_PROBLEM_DOCUMENT, &error);
    if (parsed.cabundle_count <= VSA_SERVICE_MAX_CABUNDLE)
        return true;
    vsa_error_set(&error, VSA_ERR_CABUNDLE, VSA_NO_OFFSET, NULL,
                  "%zu certificates in its bundle; %d at most", parsed.cabundle_count,
                  VSA_SERVICE_MAX_CABUNDLE);
    return stop(run, VSA_PROBLEM_DOCUMENT, &error);
}

/* Expects only the time here: what else differs is for the appraisal to say. */
static bool verify_document(struct verification *run)
{
    struct vsa_policy policy;
    struct vsa_error error = {0};
    vsa_policy_init(&policy);
    policy.max_age_ms = run->policy->max_age_ms;
    policy.allow_debug = true;
    int64_t begin_us = vsa_monotonic_us();
    run->status = vsa_verify(run->policy->verifier, run->request->document, &policy, run->now_ms,
                             &run->claims, &error);
    vsa_service_metrics_observe(run->service->metrics, vsa_monotonic_us() - begin_us);
    if (run->status == VSA_OK || vsa_status_class(run->status) == VSA_CLASS_TRUST)
        return true;
    if (run->status == VSA_ERR_TOO_OLD)
        return stop(run, VSA_PROBLEM_AGE, &error);
    if (run->status == VSA_ERR_FROM_FUTURE)
        return stop(run, VSA_PROBLEM_FUTURE, &error);
    if (vsa_status_class(run->status) == VSA_CLASS_INTERNAL)
        return stop(run, VSA_PROBLEM_INTERNAL, NULL);
    return stop(run, VSA_PROBLEM_DOCUMENT, &error);
}

static bool check_nonce(struct verification *run)
{
    if (!run->request->challenge.data || run->status != VSA_OK ||
        vsa_slice_equal(run->request->challenge, run->claims.nonce))
        return true;
    count(run, VSA_EVENT_CHALLENGE_MISMATCH);
    return stop(run, VSA_PROBLEM_CHALLENGE_MISMATCH, NULL);
}

/*
 * Returns whether the store may have forgotten a redemption since the challenge's age was checked:
 * this process was stopped meanwhile, alone or with its container or its machine. By the wall
 * clock, since the monotonic one stops with the machine.
 */
static bool was_stopped(const struct verification *run)
{
    return vsa_wall_clock_ms() - run->now_ms >= VSA_STORE_MARGIN_MS;
}

/* Redeems it last, so that a wrong document does not use up an honest client's challenge. */
static bool redeem_challenge(struct verification *run)
{
    enum vsa_redemption redemption;
    if (!run->request->challenge.data)
        return true;
    struct vsa_store *store = run->service->store;
    enum vsa_status status =
        run->status == VSA_OK
            ? vsa_store_redeem(store, &run->challenge, run->now_ms, &redemption, NULL)
            : vsa_store_look(store, &run->challenge, run->now_ms, &redemption, NULL);
    if (status != VSA_OK) {
        count(run, VSA_EVENT_STORE_ERROR);
        return stop(run, VSA_PROBLEM_STORE, NULL);
    }
    if (redemption == VSA_REDEMPTION_FORGOTTEN || was_stopped(run)) {
        count(run, VSA_EVENT_CHALLENGE_EXPIRED);
        return stop(run, VSA_PROBLEM_CHALLENGE_EXPIRED, NULL);
    }
    if (redemption == VSA_REDEMPTION_AGAIN) {
        count(run, VSA_EVENT_CHALLENGE_REPLAYED);
        return stop(run, VSA_PROBLEM_CHALLENGE_USED, NULL);
    }
    if (run->status == VSA_OK)
        count(run, VSA_EVENT_CHALLENGE_REDEEMED);
    return true;
}

static json_t *result_to_json(const struct verification *run, const char *token, json_t *claims)
{
    bool affirming = run->appraisal.status == VSA_TIER_AFFIRMING;
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "affirming", json_boolean(affirming));
    vsa_json_put(&writer, "token", json_string(token));
    vsa_json_put(&writer, "result", json_incref(claims));
    if (run->status == VSA_OK)
        vsa_json_put(
            &writer, "pcrs_compared",
            vsa_compared_pcrs_to_json(&run->policy->rules, &run->appraisal, &run->claims.pcrs));
    return vsa_json_finish(&writer);
}

static void write_token(struct verification *run, bool wants_json)
{
    const struct vsa_ear ear = {
        .issuer = run->service->options.issuer,
        .policy_id = run->policy->id,
        .audience = run->request->audience,
        .challenge = run->request->challenge,
        .now_ms = run->now_ms,
        .appraisal = &run->appraisal,
        .claims = run->status == VSA_OK ? &run->claims : NULL,
    };
    char *token = NULL;
    VSA_AUTO_JSON json_t *claims = vsa_ear_to_json(&ear);
    const struct vsa_signing_key *key = vsa_signing_keys_choose(&run->state->keys, run->now_ms);
    if (!claims || vsa_jws_sign(key->key, key->id, VSA_EAR_TYPE, claims, &token, NULL) != VSA_OK) {
        (void)stop(run, VSA_PROBLEM_INTERNAL, NULL);
        return;
    }
    vsa_verdict_log_add(run->service->verdicts, run->policy->name, run->appraisal.status,
                        vsa_monotonic_ms());
    if (wants_json) {
        vsa_answer_json(run->answer, result_to_json(run, token, claims));
        free(token);
    } else {
        vsa_answer_text(run->answer, VSA_EAR_MEDIA_TYPE, token);
    }
}

void vsa_service_verify(struct vsa_service *service, const struct vsa_verify_request *request,
                        int64_t now_ms, bool wants_json, struct vsa_answer *answer)
{
    struct state *state = acquire_state(service);
    struct verification run = {
        .service = service,
        .state = state,
        .request = request,
        .now_ms = now_ms,
        .answer = answer,
    };
    if (check_document(&run) && find_policy(&run) && check_challenge(&run) &&
        verify_document(&run) && check_nonce(&run)) {
        vsa_appraise(run.status, &run.claims, &run.policy->rules, &run.appraisal);
        if (redeem_challenge(&run))
            write_token(&run, wants_json);
    }
    release_state(service, state);
}

/* --- what is published ------------------------------------------------------------------------ */

static json_t *policies_to_json(const struct vsa_policy_set *set)
{
    struct vsa_json_writer list = vsa_json_array();
    for (size_t i = 0; i < set->count; i++) {
        struct vsa_json_writer writer = vsa_json_object();
        vsa_json_put(&writer, "name", json_string(set->policies[i].name));
        vsa_json_put(&writer, "id", json_string(set->policies[i].id));
        vsa_json_append(&list, vsa_json_finish(&writer));
    }
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "policies", vsa_json_finish(&list));
    return vsa_json_finish(&writer);
}

void vsa_service_show_policy(struct vsa_service *service, struct vsa_slice name,
                             struct vsa_answer *answer)
{
    struct state *state = acquire_state(service);
    const struct vsa_service_policy *policy = vsa_policy_set_find(state->policies, name);
    if (policy)
        vsa_answer_bytes(answer, "application/json", vsa_whole_file_slice(&policy->file));
    else if (name.size)
        vsa_answer_problem(answer, VSA_PROBLEM_POLICY, NULL);
    else
        vsa_answer_json(answer, policies_to_json(state->policies));
    release_state(service, state);
}

void vsa_service_show_verdicts(struct vsa_service *service, struct vsa_answer *answer)
{
    vsa_answer_json(answer, vsa_verdict_log_to_json(service->verdicts, vsa_monotonic_ms()));
}

void vsa_service_show_keys(struct vsa_service *service, struct vsa_answer *answer)
{
    struct state *state = acquire_state(service);
    vsa_answer_json(answer, vsa_signing_keys_to_json(&state->keys));
    release_state(service, state);
    if (answer->status == 200)
        answer->max_age_ms = VSA_JWKS_MAX_AGE_MS;
}

void vsa_service_show_metrics(struct vsa_service *service, int64_t now_ms, int64_t in_flight,
                              struct vsa_answer *answer)
{
    struct state *state = acquire_state(service);
    int64_t since_ms = vsa_signing_keys_choose(&state->keys, now_ms)->since_ms;
    const struct vsa_service_gauges gauges = {
        .policies = state->policies->count,
        .signing_keys = state->keys.count,
        .key_age_s = since_ms ? (now_ms - since_ms) / 1000 : 0,
        .in_flight = in_flight,
        .store_is_shared = service->store->is_shared,
    };
    release_state(service, state);
    vsa_answer_text(answer, "text/plain; version=0.0.4",
                    vsa_service_metrics_text(service->metrics, service->verdicts, &gauges));
}

/*
 * Asks the store. All who ask for readiness are one client: above its rate, which is a flood and no
 * balancer, they get what was true a moment ago.
 */
static enum vsa_status probe_store(struct vsa_service *service, int64_t now_ms,
                                   struct vsa_error *error)
{
    if (take_token(service, NULL, vsa_slice_of_text("readiness")))
        return atomic_load(&service->is_away)
                   ? vsa_fail(error, VSA_ERR_BACKEND, "the store was not ready a moment ago")
                   : VSA_OK;
    enum vsa_status status = vsa_store_probe(service->store, now_ms, error);
    atomic_store(&service->is_away, status != VSA_OK);
    if (status != VSA_OK)
        vsa_service_metrics_count_event(service->metrics, VSA_EVENT_STORE_ERROR);
    return status;
}

void vsa_service_show_readiness(struct vsa_service *service, int64_t now_ms,
                                struct vsa_answer *answer)
{
    struct vsa_error error = {0};
    if (probe_store(service, now_ms, &error) != VSA_OK) {
        vsa_answer_problem(answer, VSA_PROBLEM_STORE, &error);
        return;
    }
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "ready", json_true());
    vsa_json_put(&writer, "store",
                 json_string(service->store->is_shared ? "shared" : "memory of this process only"));
    vsa_answer_json(answer, vsa_json_finish(&writer));
}
