/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed requests from their line to their reply, through the server's own dispatch. */
#include "unit_test.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/pem.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "pipeline_fixture.h"
#include "seal_client.h"
#include "server/dispatch.h"
#include "server/enable_sealing.h"
#include "server/forward.h"
#include "server/status.h"
#include "slow_tool.h"
#include <vsattest/key.h>

#define PING_TEXT "{\"command\":\"ping\",\"id\":7}"
#define PONG_TEXT "{\"success\":true,\"message\":\"pong\",\"id\":7}"

static struct seal_client client;
static int peer;
static int runs;
static char seen_aad[64];
static char seen_sender[VSA_SENDER_THUMBPRINT + 1];
static bool was_sealed;

static enum vsa_status look(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    struct vsa_slice aad = {0};
    const char *sender = vsa_server_sender(context);
    (void)request, (void)reply, (void)error;
    runs++;
    was_sealed = vsa_server_sealed(context, &aad);
    (void)snprintf(seen_aad, sizeof(seen_aad), "%.*s", (int)aad.size, (const char *)aad.data);
    (void)snprintf(seen_sender, sizeof(seen_sender), "%s", sender ? sender : "");
    return VSA_OK;
}

static enum vsa_status say_much(const struct vsa_command_context *context, const json_t *request,
                                json_t *reply, struct vsa_error *error)
{
    static char much[VSA_SEAL_MAX_PLAINTEXT];
    (void)context, (void)request, (void)error;
    memset(much, 'x', sizeof(much) - 1);
    return json_object_set_new(reply, "much", json_string(much)) ? VSA_ERR_MEMORY : VSA_OK;
}

static void add(const char *name, vsa_command_handler *handler, unsigned flags)
{
    const struct vsa_command command = {name, handler, NULL, flags};
    assert_int_equal(
        vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
}

static void new_client(void)
{
    seal_client_free(&client);
    seal_client_init(&client, &pipeline.requests.sealing->keys.current->config);
}

/* The threads do not run yet. */
static int set_up_idle(void **state, size_t kem)
{
    struct vsa_sealing_options options;
    if (pipeline_set_up(state))
        return -1;
    vsa_sealing_options_init(&options);
    options.kem = kem;
    options.max_uses = VSA_MIN_SEAL_MAX_USES;
    options.rate_limit = 0;
    runs = 0;
    was_sealed = false;
    enable_sealing(&options);
    add("look", look, 0);
    add("look-there", look, VSA_COMMAND_BLOCKING);
    add("secret", look, VSA_COMMAND_SEALED_ONLY);
    add("much", say_much, 0);
    peer = connect_stream();
    new_client();
    return 0;
}

static int set_up_with(void **state, size_t kem)
{
    if (set_up_idle(state, kem))
        return -1;
    start_worker();
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, VSA_SEALING_X25519);
}

static int set_up_p384(void **state)
{
    return set_up_with(state, VSA_SEALING_P384);
}

static int set_up_without_threads(void **state)
{
    return set_up_idle(state, VSA_SEALING_X25519);
}

static int set_up_p384_without_threads(void **state)
{
    return set_up_idle(state, VSA_SEALING_P384);
}

static int tear_down(void **state)
{
    seal_client_free(&client);
    return pipeline_tear_down(state);
}

/* Sends a sealed request and returns what its reply says inside. */
static const char *ask(const char *json)
{
    send_text(peer, seal_client_seal(&client, NULL, NULL, json));
    return seal_client_open(&client, receive_lines(peer, 1));
}

static void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
}

static void a_request_and_its_reply(void **state)
{
    (void)state;
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    assert_holds(ask("{\"command\":\"attest\",\"nonce\":\"n\"}"), "\"nonce\":\"n\"");
    assert_string_equal(ask("{\"command\":\"look-there\"}"), "{\"success\":true}");
    assert_true(was_sealed);
    assert_in_flight(0);
    assert_nothing_buffered();
}

static void handlers_learn_how_it_came(void **state)
{
    (void)state;
    static const char *const requests[] = {"{\"command\":\"look\"}",
                                           "{\"command\":\"look-there\"}"};
    for (size_t i = 0; i < 2; i++) {
        send_text(peer, seal_client_seal(&client, NULL, "tenant-1", requests[i]));
        assert_string_equal(seal_client_open(&client, receive_lines(peer, 1)),
                            "{\"success\":true}");
        assert_true(was_sealed);
        assert_string_equal(seen_aad, "tenant-1");
        assert_string_equal(seen_sender, "");
    }
    send_text(peer, "{\"command\":\"look\"}\n");
    (void)receive_lines(peer, 1);
    assert_false(was_sealed);
    send_text(peer, "{\"command\":\"look-there\"}\n");
    (void)receive_lines(peer, 1);
    assert_false(was_sealed);
    assert_int_equal(runs, 4);
}

/* Whatever goes wrong inside is said inside. */
static void errors_are_sealed(void **state)
{
    (void)state;
    assert_holds(ask("{"), "\"error_code\":\"json_invalid\"");
    assert_holds(ask("  "), "\"success\":false");
    assert_holds(ask("[]"), "\"success\":false");
    assert_holds(ask("{\"command\":\"nothing\",\"id\":1}"), "\"error_code\":\"unknown_command\"");
    assert_holds(ask("{\"command\":\"attest\",\"nonce\":1}"), "\"error_code\":\"field_invalid\"");
    assert_holds(ask("{\"command\":\"sealed\",\"sealed\":\"\"}"),
                 "\"error_code\":\"request_invalid\"");
    assert_holds(ask("{\"command\":\"much\"}"), "\"error_code\":\"too_large\"");
    assert_holds(ask("{\"command\":\"seal_key\"}"), "\"error_code\":\"field_invalid\"");
    assert_nothing_buffered();
}

static void an_inner_rate_limit(void **state)
{
    (void)state;
    pipeline.requests.rate.rate = pipeline.requests.rate.burst = 1;
    assert_string_equal(ask("{\"command\":\"limited\"}"), "{\"success\":true}");
    assert_holds(ask("{\"command\":\"limited\"}"), "\"error_code\":\"rate_limited\"");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.rate_limited), 0);
}

static void the_limit_of_sealed(void **state)
{
    (void)state;
    struct vsa_rate_limit *rate = &pipeline.requests.sealed_rate;
    assert_int_equal(rate->rate, 0);
    rate->rate = rate->burst = 1;
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    send_text(peer, seal_client_seal(&client, NULL, NULL, PING_TEXT));
    assert_says(peer, "\"error_code\":\"rate_limited\"");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.rate_limited), 1);
}

static void outside_it_is_sealed_only(void **state)
{
    (void)state;
    send_text(peer, "{\"command\":\"secret\"}\n");
    assert_says(peer, "\"error_code\":\"sealed_required\"");
    assert_int_equal(runs, 0);
    assert_string_equal(ask("{\"command\":\"secret\"}"), "{\"success\":true}");
    assert_int_equal(runs, 1);
}

static void nothing_is_done_twice(void **state)
{
    (void)state;
    int other = connect_stream();
    const char *line = seal_client_seal(&client, NULL, NULL, "{\"command\":\"look\"}");
    send_text(peer, line);
    send_text(other, line);
    const char *reply = receive_lines(peer, 1);
    if (strstr(reply, "sealed_replayed")) {
        reply = receive_lines(other, 1);
        assert_string_equal(seal_client_open(&client, reply), "{\"success\":true}");
    } else {
        assert_string_equal(seal_client_open(&client, reply), "{\"success\":true}");
        assert_says(other, "\"error_code\":\"sealed_replayed\"");
    }
    send_text(peer, line);
    assert_says(peer, "\"error_code\":\"sealed_replayed\"");
    assert_int_equal(runs, 1);
}

static void flip_every_bit(size_t header)
{
    /* Valgrind gets every 29th, which comes to each bit of a byte in turn. */
    const size_t step = slow_tool_step() > 1 ? 29 : 1;
    (void)seal_client_seal(&client, NULL, "tenant-1", "{\"command\":\"look\"}");
    for (size_t bit = 0; bit < 8 * client.size; bit += step) {
        client.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        send_text(peer, seal_client_line(&client, "tenant-1"));
        assert_says(peer, bit < 8 * header ? "\"error_code\":\"sealed_key_unknown\""
                                           : "\"error_code\":\"sealed_invalid\"");
        client.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    send_text(peer, seal_client_line(&client, "tenant-2"));
    assert_says(peer, "\"error_code\":\"sealed_invalid\"");
    send_text(peer, seal_client_line(&client, NULL));
    assert_says(peer, "\"error_code\":\"sealed_invalid\"");
    assert_int_equal(runs, 0);
    send_text(peer, seal_client_line(&client, "tenant-1"));
    assert_string_equal(seal_client_open(&client, receive_lines(peer, 1)), "{\"success\":true}");
    assert_int_equal(runs, 1);
}

static void every_bit_counts(void **state)
{
    (void)state;
    flip_every_bit(7);
}

static void other_sizes_and_types(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *code;
    } wrong[] = {
        {"{\"command\":\"sealed\"}\n", "field_invalid"},
        {"{\"command\":\"sealed\",\"sealed\":1}\n", "field_invalid"},
        {"{\"command\":\"sealed\",\"sealed\":\"\"}\n", "field_invalid"},
        {"{\"command\":\"sealed\",\"sealed\":\"AAAA\"}\n", "field_invalid"},
        {"{\"command\":\"sealed\",\"sealed\":\"AAA\"}\n", "base64_invalid"},
        {"{\"command\":\"seal_key\"}\n", "field_invalid"},
        {"{\"command\":\"seal_key\",\"nonce\":\"\"}\n", "field_invalid"},
        {"{\"command\":\"seal_key\",\"nonce\":\"\\u0000vsattest\\u0000\"}\n", "field_invalid"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        send_text(peer, wrong[i].line);
        assert_says(peer, wrong[i].code);
    }
    (void)seal_client_seal(&client, NULL, NULL, PING_TEXT);
    client.size = vsa_seal_request_overhead(pipeline.requests.sealing->keys.suite) - 1;
    send_text(peer, seal_client_line(&client, NULL));
    assert_says(peer, "field_invalid");
    client.size++;
    send_text(peer, seal_client_line(&client, NULL));
    assert_says(peer, "sealed_invalid");
    assert_nothing_buffered();
}

static void the_key_is_announced(void **state)
{
    (void)state;
    const struct vsa_key_config *config = &pipeline.requests.sealing->keys.current->config;
    char expected[200];
    send_text(peer, "{\"command\":\"seal_key\",\"nonce\":\"fresh\",\"user_data\":\"mine\"}\n");
    const char *reply = receive_lines(peer, 1);
    (void)snprintf(expected, sizeof(expected),
                   "\"key_id\":%u,\"kem_id\":32,\"kdf_id\":1,\"aead_id\":2,\"expires_in_ms\":4",
                   config->key_id);
    assert_holds(reply, "\"nonce\":\"fresh\"");
    assert_holds(reply, "\"user_data_base64\":\"AHZzYXR0ZXN0AHNlYWwAA");
    assert_holds(reply, "\"has_public_key\":true");
    assert_holds(reply, expected);
    assert_holds(reply, "\"max_plaintext\":47872}");
}

/* --- senders ---------------------------------------------------------------------------------- */

static struct vsa_sender *new_sender(char *pem, size_t capacity)
{
    struct vsa_key_pair pair;
    struct vsa_sender *sender = NULL;
    struct vsa_slice text;
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    assert_int_equal(
        vsa_sender_new(vsa_slice_of(pair.private_key, pair.private_key_size), &sender, NULL),
        VSA_OK);
    assert_int_equal(vsa_pem_encode("PUBLIC KEY",
                                    vsa_slice_of(pair.public_key, sizeof(pair.public_key)), pem,
                                    capacity, &text, NULL),
                     VSA_OK);
    return sender;
}

static const char *ask_as(const struct vsa_sender *sender, const char *json)
{
    send_text(peer, seal_client_seal(&client, sender, NULL, json));
    return seal_client_open(&client, receive_lines(peer, 1));
}

static void senders(void **state)
{
    (void)state;
    char pem[512];
    char other_pem[512];
    struct vsa_senders *known = &pipeline.requests.sealing->senders;
    struct vsa_sender *one = new_sender(pem, sizeof(pem));
    struct vsa_sender *other = new_sender(other_pem, sizeof(other_pem));
    assert_string_equal(ask_as(one, "{\"command\":\"look\"}"), "{\"success\":true}");
    assert_string_equal(seen_sender, vsa_sender_thumbprint(one));
    assert_int_equal(vsa_senders_allow(known, "look", vsa_slice_of_text(pem), NULL), VSA_OK);
    assert_string_equal(ask_as(one, "{\"command\":\"look\"}"), "{\"success\":true}");
    assert_holds(ask_as(other, "{\"command\":\"look\"}"), "\"error_code\":\"sender_unknown\"");
    assert_holds(ask_as(NULL, "{\"command\":\"look\"}"), "\"error_code\":\"sender_unknown\"");
    assert_string_equal(ask_as(NULL, "{\"command\":\"look-there\"}"), "{\"success\":true}");
    assert_int_equal(runs, 3);
    send_text(peer, "{\"command\":\"look\"}\n");
    assert_says(peer, "\"error_code\":\"sealed_required\"");
    /* All others are for the other one, but for built-in ones in clear. */
    assert_int_equal(vsa_senders_allow(known, NULL, vsa_slice_of_text(other_pem), NULL), VSA_OK);
    assert_holds(ask_as(one, "{\"command\":\"ping\"}"), "\"error_code\":\"sender_unknown\"");
    assert_holds(ask_as(other, "{\"command\":\"ping\"}"), "pong");
    assert_holds(ask_as(NULL, "{\"command\":\"nothing\"}"), "\"error_code\":\"sender_unknown\"");
    assert_string_equal(ask_as(one, "{\"command\":\"look\"}"), "{\"success\":true}");
    send_text(peer, PING);
    assert_says(peer, "pong");
    send_text(peer, "{\"command\":\"look-there\"}\n");
    assert_says(peer, "\"error_code\":\"sealed_required\"");
    /* "look" with a letter wrong: nothing would keep the command for known senders. */
    assert_int_equal(vsa_check_senders(&pipeline.requests, NULL), VSA_OK);
    assert_int_equal(vsa_senders_allow(known, "lock", vsa_slice_of_text(pem), NULL), VSA_OK);
    assert_int_equal(vsa_check_senders(&pipeline.requests, NULL), VSA_ERR_ARGUMENT);
    vsa_sender_free(one);
    vsa_sender_free(other);
}

/* What begins like a signed request, and is none. */
static void a_wrong_signature(void **state)
{
    (void)state;
    struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
    const struct vsa_key_config *config = &pipeline.requests.sealing->keys.current->config;
    static const char not_signed[] = "\x84 not a signature";
    uint8_t opened[1024] = {0};
    struct vsa_slice sealed;
    (void)seal_client_seal(&client, NULL, NULL, PING_TEXT);
    assert_int_equal(vsa_seal_write_request(config, NULL, vsa_slice_of(NULL, 0),
                                            vsa_slice_of_text(not_signed), client.bytes, &exchange,
                                            NULL),
                     VSA_OK);
    client.size = strlen(not_signed) + vsa_seal_request_overhead(config->suite);
    send_text(peer, seal_client_line(&client, NULL));
    const char *reply = receive_lines(peer, 1) + strlen("{\"success\":true,\"sealed\":\"");
    assert_int_equal(vsa_base64_decode(vsa_slice_of(reply, strcspn(reply, "\"")), VSA_BASE64_STRICT,
                                       client.bytes, sizeof(client.bytes), &sealed, NULL),
                     VSA_OK);
    assert_int_equal(vsa_seal_read_reply(&exchange, sealed, opened, NULL), VSA_OK);
    assert_non_null(memmem(opened, sizeof(opened), "\"sender_unknown\"", 16));
}

/* --- who opens -------------------------------------------------------------------------------- */

static struct seal_client other_client;
static int other_peer;

static void assert_in_thread(size_t count)
{
    assert_int_equal(pipeline.requests.sealing->in_thread, count);
}

static void add_other_client(void)
{
    other_peer = connect_stream();
    seal_client_init(&other_client, &pipeline.requests.sealing->keys.current->config);
}

/* Starts the thread, and has both clients answered. */
static void assert_pongs(void)
{
    assert_int_equal(vsa_sealing_start(pipeline.requests.sealing, NULL), VSA_OK);
    assert_string_equal(seal_client_open(&client, receive_lines(peer, 1)), PONG_TEXT);
    assert_string_equal(seal_client_open(&other_client, receive_lines(other_peer, 1)), PONG_TEXT);
    assert_in_thread(0);
    seal_client_free(&other_client);
}

/* A signature; and whatever comes while the thread has something to do. */
static void what_the_loop_leaves_to_the_thread(void **state)
{
    (void)state;
    char pem[512];
    struct vsa_sender *sender = new_sender(pem, sizeof(pem));
    assert_string_equal(ask(PING_TEXT), PONG_TEXT); /* no thread runs */
    add_other_client();
    begin_request(peer, seal_client_seal(&client, sender, NULL, PING_TEXT));
    assert_in_thread(1);
    begin_request(other_peer, seal_client_seal(&other_client, NULL, NULL, PING_TEXT));
    assert_in_thread(2);
    assert_pongs();
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    vsa_sender_free(sender);
}

/* Other peers have the loop's time, too. */
static void several_at_a_time(void **state)
{
    (void)state;
    add_other_client();
    for (int i = 0; i < 3; i++)
        assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    send_text(peer, seal_client_seal(&client, NULL, NULL, PING_TEXT));
    send_text(other_peer, seal_client_seal(&other_client, NULL, NULL, PING_TEXT));
    iterate();
    assert_in_thread(1);
    assert_pongs();
}

static void one_that_leaves_the_thread(void **state)
{
    (void)state;
    begin_request(peer, seal_client_seal(&client, NULL, NULL, PING_TEXT));
    assert_in_thread(1);
    (void)shutdown(peer, SHUT_RDWR);
    while (pipeline.requests.sealing->in_thread > 0)
        iterate();
    assert_in_flight(0);
    assert_nothing_buffered();
}

/* --- what is seen from outside ---------------------------------------------------------------- */

static void numbers_say_nothing_of_what_is_inside(void **state)
{
    (void)state;
    struct vsa_server_statistics statistics;
    (void)ask(PING_TEXT);
    (void)ask("{\"command\":\"nothing\"}");
    (void)ask("{\"command\":\"secret\"}");
    vsa_counters_read(&pipeline.requests.counters, 0, &statistics);
    assert_int_equal(statistics.requests, 3);
    assert_int_equal(statistics.errors, 0);
    for (size_t i = 0; i < pipeline.requests.table.count; i++) {
        bool is_sealed = strcmp(pipeline.requests.table.rows[i].name, "sealed") == 0;
        assert_int_equal(statistics.commands[i].requests, is_sealed ? 3 : 0);
        assert_int_equal(statistics.commands[i].errors, 0);
    }
}

static int gate[2];

static enum vsa_status hold(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    char byte;
    (void)context, (void)request, (void)reply, (void)error;
    return read(gate[0], &byte, 1) == 1 ? VSA_OK : VSA_ERR_IO;
}

/* Returns what the budget has while the request is carried out. */
static uint64_t buffered_for(const char *json)
{
    uint64_t before = vsa_counter_get(&pipeline.requests.sealing->keys.uses);
    send_text(peer, seal_client_seal(&client, NULL, NULL, json));
    while (vsa_counter_get(&pipeline.requests.sealing->keys.uses) == before)
        iterate();
    uint64_t used = vsa_counter_get(&pipeline.streams->budget.used);
    assert_int_equal(write(gate[1], "", 1), 1);
    assert_string_equal(seal_client_open(&client, receive_lines(peer, 1)), "{\"success\":true}");
    return used;
}

/* Requests of one padded size look alike while they wait, too. */
static void memory_says_nothing_of_what_is_inside(void **state)
{
    (void)state;
    assert_int_equal(pipe(gate), 0);
    add("hold", hold, VSA_COMMAND_BLOCKING);
    uint64_t used = buffered_for("{\"command\":\"hold\"}");
    assert_true(used > 0);
    assert_int_equal(buffered_for("{\"command\":\"hold\",\"x\":[1,2,{\"a\":\"some more text\"}]}"),
                     used);
    assert_nothing_buffered();
    (void)close(gate[0]);
    (void)close(gate[1]);
}

static void a_handler_of_all_sees_what_is_inside(void **state)
{
    (void)state;
    add(VSA_COMMAND_ANY, look, 0);
    assert_string_equal(ask("{\"command\":\"whatever\"}"), "{\"success\":true}");
    assert_string_equal(ask(PING_TEXT), "{\"success\":true,\"id\":7}");
    assert_int_equal(runs, 2);
    send_text(peer, "{\"command\":\"seal_key\",\"nonce\":\"n\"}\n");
    assert_says(peer, "\"key_id\":");
    assert_int_equal(runs, 2);
}

static void its_names_are_taken(void **state)
{
    (void)state;
    static const char *const names[] = {"sealed", "seal_key"};
    for (size_t i = 0; i < 2; i++) {
        const struct vsa_command command = {names[i], look, NULL, 0};
        assert_int_equal(
            vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL),
            VSA_ERR_ARGUMENT);
    }
}

/* A program may go on without: the table and the loop are as they were. */
static void no_sealing_where_it_cannot_be(void **state)
{
    (void)state;
    struct vsa_server_statistics statistics;
    size_t before = pipeline.requests.table.count;
    add("sealed", look, 0);
    assert_int_equal(vsa_enable_sealing(&pipeline.requests, NULL, NULL, NULL, NULL),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(pipeline.requests.table.count, before + 1);
    assert_null(pipeline.requests.sealing);
    assert_int_equal(vsa_worker_start(pipeline.worker, NULL), VSA_OK);
    peer = connect_stream();
    send_text(peer, "{\"command\":\"seal_key\",\"nonce\":\"n\"}\n");
    assert_says(peer, "\"error_code\":\"unknown_command\"");
    send_text(peer, "{\"command\":\"sealed\"}\n");
    assert_says(peer, "\"success\":true");
    vsa_statistics_read(&pipeline.requests, &statistics);
    assert_int_equal(statistics.sealing_kem, 0);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void a_key_is_used_up(void **state)
{
    (void)state;
    const struct vsa_seal_keys *keys = &pipeline.requests.sealing->keys;
    uint8_t first = keys->current->config.key_id;
    const int early = VSA_MIN_SEAL_MAX_USES - VSA_MIN_SEAL_MAX_USES / 8;
    for (int i = 0; i < early; i++) {
        assert_int_equal(keys->current->config.key_id, first);
        assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    }
    assert_int_equal(keys->current->config.key_id, (uint8_t)(first + 1));
    assert_int_equal(vsa_counter_get(&keys->rotated_early), 1);
    for (int i = early; i < VSA_MIN_SEAL_MAX_USES; i++)
        assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    send_text(peer, seal_client_seal(&client, NULL, NULL, PING_TEXT));
    assert_says(peer, "\"error_code\":\"sealed_key_unknown\"");
    new_client();
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
}

/* A request that was being opened when its key ended is not carried out. */
static void a_key_ends_meanwhile(void **state)
{
    (void)state;
    struct vsa_seal_keys *keys = &pipeline.requests.sealing->keys;
    begin_request(peer, seal_client_seal(&client, NULL, NULL, "{\"command\":\"look\"}"));
    keys->current->ends_ms = 0;
    assert_says(peer, "\"error_code\":\"sealed_key_unknown\"");
    assert_int_equal(runs, 0);
}

#define MASK 0x5a

/* Where the secret is in this process's memory; `masked`, so that it is not found there. */
static size_t count_in_memory(const uint8_t masked[32])
{
    static uint8_t chunk[1 << 16];
    size_t found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long long begin;
        unsigned long long end;
        if (sscanf(line, "%llx-%llx rw", &begin, &end) != 2 || !strstr(line, " rw"))
            continue;
        /* Chunks overlap: a secret may lie across two. */
        for (; begin < end; begin += sizeof(chunk) - 32) {
            size_t size = end - begin < sizeof(chunk) ? (size_t)(end - begin) : sizeof(chunk);
            ssize_t got = pread(memory, chunk, size, (off_t)begin);
            for (ssize_t i = 0; i + 32 <= got; i++) {
                size_t same = 0;
                while (same < 32 && (chunk[i + (ssize_t)same] ^ MASK) == masked[same])
                    same++;
                found += same == 32;
            }
        }
    }
    vsa_wipe(chunk, sizeof(chunk));
    (void)fclose(maps);
    (void)close(memory);
    return found;
}

static void copy_masked(const uint8_t *secret, uint8_t masked[32])
{
    for (size_t i = 0; i < 32; i++)
        masked[i] = secret[i] ^ MASK;
}

static void put_known_key(struct vsa_seal_generation *generation, enum vsa_dh_group group,
                          struct vsa_slice scalar)
{
    vsa_dh_key_free(generation->key);
    assert_int_equal(vsa_dh_key_from_scalar(group, scalar, &generation->key, NULL), VSA_OK);
    vsa_dh_public(generation->key, generation->config.public_key);
}

/* Gives the present generation a key that the test knows, and writes it masked. */
static void give_known_key(struct vsa_seal_generation *generation, uint8_t masked[32])
{
    uint8_t scalar[32];
    assert_int_equal(vsa_random(scalar, sizeof(scalar), NULL), VSA_OK);
    /* As RFC 7748 section 5 has it used, so that copies made for that are found, too. */
    scalar[0] &= 0xf8;
    scalar[31] = (uint8_t)((scalar[31] & 0x7f) | 0x40);
    copy_masked(scalar, masked);
    put_known_key(generation, VSA_DH_X25519, vsa_slice_of(scalar, sizeof(scalar)));
    vsa_wipe(scalar, sizeof(scalar));
}

/* Does the same with P-384: parts of the scalar as it is written, and as libcrypto has numbers. */
static void give_known_p384_key(struct vsa_seal_generation *generation, uint8_t written[32],
                                uint8_t number[32])
{
    uint8_t scalar[48];
    uint8_t reversed[48];
    assert_int_equal(vsa_random(scalar, sizeof(scalar), NULL), VSA_OK);
    scalar[0] &= 0x7f; /* below the order of the curve */
    for (size_t i = 0; i < sizeof(scalar); i++)
        reversed[i] = scalar[sizeof(scalar) - 1 - i];
    copy_masked(scalar, written);
    copy_masked(reversed, number);
    put_known_key(generation, VSA_DH_P384, vsa_slice_of(scalar, sizeof(scalar)));
    vsa_wipe(scalar, sizeof(scalar));
    vsa_wipe(reversed, sizeof(reversed));
}

static void keys_are_wiped(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t filter_key[32];
    struct vsa_seal_keys *keys = &pipeline.requests.sealing->keys;
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind and sanitizers have terabytes of memory of their own");
    /* The loop's time may be a millisecond before the key's begin. */
    int64_t now_ms = keys->current->begun_ms;
    (void)mallopt(M_PERTURB, 0); /* freed memory stays as it is: only wiping counts */
    give_known_key(keys->current, key);
    copy_masked(keys->current->filter_key, filter_key);
    new_client();
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    assert_true(count_in_memory(key) > 0);
    assert_true(count_in_memory(filter_key) > 0);
    vsa_seal_keys_update(keys, now_ms + VSA_DEFAULT_SEAL_LIFETIME_MS);
    assert_true(count_in_memory(key) > 0);
    vsa_seal_keys_update(keys, now_ms + VSA_DEFAULT_SEAL_LIFETIME_MS + VSA_DEFAULT_SEAL_OVERLAP_MS);
    assert_int_equal(count_in_memory(key), 0);
    assert_int_equal(count_in_memory(filter_key), 0);
}

static void p384_keys_are_wiped(void **state)
{
    (void)state;
    uint8_t written[32];
    uint8_t number[32];
    struct vsa_seal_keys *keys = &pipeline.requests.sealing->keys;
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind and sanitizers have terabytes of memory of their own");
    int64_t now_ms = keys->current->begun_ms;
    (void)mallopt(M_PERTURB, 0); /* as above */
    give_known_p384_key(keys->current, written, number);
    /* OpenSSL 3.5's decoder leaves a copy of what it reads; generated keys do not meet it. */
    size_t left_by_decoder = count_in_memory(written);
    new_client();
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    assert_true(count_in_memory(number) > 0);
    vsa_seal_keys_update(keys, now_ms + VSA_DEFAULT_SEAL_LIFETIME_MS);
    vsa_seal_keys_update(keys, now_ms + VSA_DEFAULT_SEAL_LIFETIME_MS + VSA_DEFAULT_SEAL_OVERLAP_MS);
    assert_int_equal(count_in_memory(number), 0);
    assert_true(count_in_memory(written) <= left_by_decoder);
}

static bool is_in_buffers(const char *text)
{
    const struct vsa_requests *all = &pipeline.requests;
    size_t size = strlen(text);
    return memmem(all->buffer, sizeof(all->buffer), text, size) ||
           memmem(all->call_buffer, sizeof(all->call_buffer), text, size) ||
           memmem(all->sealing->plaintext, sizeof(all->sealing->plaintext), text, size);
}

/* What is carried out in the loop, in the thread, and what is too large; errors, too. */
static void replies_are_wiped(void **state)
{
    (void)state;
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    assert_false(is_in_buffers("pong"));
    assert_holds(ask("{\"command\":\"attest\",\"nonce\":\"s3cret\"}"), "s3cret");
    assert_false(is_in_buffers("s3cret"));
    assert_holds(ask("{\"command\":\"much\"}"), "\"error_code\":\"too_large\"");
    assert_false(is_in_buffers("xxxxxxxx"));
    assert_holds(ask("{\"command\":\"nothing\"}"), "unknown_command");
    assert_false(is_in_buffers("unknown_command"));
    send_text(peer, PING);
    assert_says(peer, "pong");
    assert_true(is_in_buffers("pong"));
}

/* Numbers take more room when they are printed. */
static void a_line_too_large_for_a_backend(void **state)
{
    (void)state;
    static char text[20000];
    size_t at = strlen(strcpy(text, "{\"command\":\"b\",\"x\":["));
    while (at < sizeof(text) - 10)
        at += strlen(strcpy(text + at, "1e16,"));
    (void)strcpy(text + at, "0]}");
    pipeline.streams->limits.max_line = VSA_MAX_REQUEST_LINE;
    assert_int_equal(vsa_forward_add(&pipeline.requests, "b", "unix:/nowhere", 1, 0, NULL), VSA_OK);
    assert_holds(ask(text), "\"error_code\":\"too_large\"");
    assert_false(is_in_buffers("000000.0"));
}

/* --- the end of streams and of time ----------------------------------------------------------- */

static void a_peer_that_leaves(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int leaving = connect_stream();
        send_text(leaving, seal_client_seal(&client, NULL, NULL, "{\"command\":\"look-there\"}"));
        if (i % 2)
            iterate();
        (void)shutdown(leaving, SHUT_RDWR);
        (void)ask(PING_TEXT);
        (void)close(leaving);
        pipeline.peer_count--;
    }
    assert_string_equal(ask(PING_TEXT), PONG_TEXT);
    while (vsa_counter_get(&pipeline.requests.counters.in_flight) > 0)
        iterate();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_and_its_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_and_its_reply, set_up_p384, tear_down),
        cmocka_unit_test_setup_teardown(handlers_learn_how_it_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_are_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_inner_rate_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_of_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outside_it_is_sealed_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_done_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_bit_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_bit_counts, set_up_p384, tear_down),
        cmocka_unit_test_setup_teardown(other_sizes_and_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_key_is_announced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(senders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_loop_leaves_to_the_thread, set_up_without_threads,
                                        tear_down),
        cmocka_unit_test_setup_teardown(several_at_a_time, set_up_without_threads, tear_down),
        cmocka_unit_test_setup_teardown(one_that_leaves_the_thread, set_up_p384_without_threads,
                                        tear_down),
        cmocka_unit_test_setup_teardown(numbers_say_nothing_of_what_is_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_says_nothing_of_what_is_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_of_all_sees_what_is_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_names_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_sealing_where_it_cannot_be, pipeline_set_up,
                                        pipeline_tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_used_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_ends_meanwhile, set_up_p384, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_wiped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(p384_keys_are_wiped, set_up_p384, tear_down),
        cmocka_unit_test_setup_teardown(replies_are_wiped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_too_large_for_a_backend, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_leaves, set_up_p384, tear_down),
    };
    return cmocka_run_group_tests_name("server_sealed", tests, NULL, NULL);
}
