/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline_fixture.h"

#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/dispatch.h"
#include "server/enable_sealing.h"
#include "stream/stream.h"

struct pipeline pipeline;

static void on_event(void *user, const struct vsa_server_event *event)
{
    (void)user;
    pipeline.events[event->kind]++;
}

static void on_woken(void *user)
{
    (void)user;
    vsa_call_collect(&pipeline.requests);
    vsa_dispatch_opened(&pipeline.requests);
}

static void on_done(void *user)
{
    vsa_event_loop_wake(user);
}

static void on_exchanged(void *user, int64_t duration_us, enum vsa_status status)
{
    (void)user, (void)duration_us, (void)status;
}

static enum vsa_status limited(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error)
{
    (void)context, (void)request, (void)reply, (void)error;
    return VSA_OK;
}

int pipeline_set_up(void **state)
{
    (void)state;
    const struct vsa_command command = {"limited", limited, NULL, VSA_COMMAND_RATE_LIMITED};
    const struct vsa_stream_limits limits = {.max_streams = 16,
                                             .max_line = 4096,
                                             .max_buffered = 1 << 20,
                                             .attachment = VSA_DISPATCH_ATTACHMENT,
                                             .idle_timeout_ms = 600000};
    memset(&pipeline, 0, sizeof(pipeline));
    pipeline.options.on_event = on_event;
    pipeline.options.max_in_flight = 4;
    pipeline.options.max_queue = 2;
    pipeline.options.request_timeout_ms = 600000;
    vsa_nsm_health_init(&pipeline.health);
    (void)vsa_nsm_health_end_probe(&pipeline.health, VSA_OK, "i-1", INT64_MAX); /* news for ever */
    assert_int_equal(vsa_builtin_add(&pipeline.requests, NULL), VSA_OK);
    assert_int_equal(
        vsa_command_table_add(&pipeline.requests.table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    assert_int_equal(vsa_event_loop_open(&pipeline.loop, on_woken, NULL, NULL), VSA_OK);
    const struct vsa_worker_options how = {.nsm = "unix:/nowhere",
                                           .timeout_ms = 1000,
                                           .max_queue = 2,
                                           .depth = &pipeline.requests.counters.queue_depth,
                                           .done = on_done,
                                           .exchanged = on_exchanged,
                                           .user = &pipeline.loop};
    assert_int_equal(vsa_worker_new(&how, fake_nsm_open(&pipeline.fake), &pipeline.worker, NULL),
                     VSA_OK);
    assert_int_equal(vsa_streams_new(&pipeline.loop, &limits, &vsa_dispatch_handlers,
                                     &pipeline.requests, &pipeline.streams, NULL),
                     VSA_OK);
    pipeline.requests.loop = &pipeline.loop;
    pipeline.requests.streams = pipeline.streams;
    pipeline.requests.worker = pipeline.worker;
    pipeline.requests.health = &pipeline.health;
    pipeline.requests.options = &pipeline.options;
    vsa_waiting_init(&pipeline.requests);
    return 0;
}

int pipeline_tear_down(void **state)
{
    (void)state;
    vsa_dispatch_close(&pipeline.requests);
    vsa_worker_free(pipeline.worker, vsa_call_release);
    vsa_sealing_free(pipeline.requests.sealing);
    vsa_streams_free(pipeline.streams);
    vsa_event_loop_close(&pipeline.loop);
    vsa_nsm_health_destroy(&pipeline.health);
    for (size_t i = 0; i < pipeline.peer_count; i++)
        (void)close(pipeline.peers[i]);
    return 0;
}

int connect_stream(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(vsa_streams_adopt(pipeline.streams, pair[1], 0, NULL), VSA_OK);
    pipeline.peers[pipeline.peer_count++] = pair[0];
    return pair[0];
}

void iterate(void)
{
    vsa_event_loop_iterate(&pipeline.loop);
    vsa_streams_end_iteration(pipeline.streams);
    vsa_backends_end_iteration(pipeline.requests.backends);
}

void enable_sealing(const struct vsa_sealing_options *options)
{
    assert_int_equal(vsa_enable_sealing(&pipeline.requests, options, on_done, &pipeline.loop, NULL),
                     VSA_OK);
}

void start_worker(void)
{
    assert_int_equal(vsa_worker_start(pipeline.worker, NULL), VSA_OK);
    assert_int_equal(vsa_sealing_start(pipeline.requests.sealing, NULL), VSA_OK);
}

void send_text(int peer, const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void begin_request(int peer, const char *text)
{
    uint64_t before = vsa_counter_get(&pipeline.requests.counters.in_flight);
    send_text(peer, text);
    while (vsa_counter_get(&pipeline.requests.counters.in_flight) == before)
        iterate();
}

const char *receive_lines(int peer, int count)
{
    static char text[4 * VSA_MAX_REPLY_LINE];
    size_t size = 0;
    while (count > 0) {
        ssize_t got = recv(peer, text + size, 1, MSG_DONTWAIT);
        if (got < 0)
            iterate();
        else if (got == 0)
            fail_msg("%d lines are missing", count);
        else if (text[size++] == '\n')
            count--;
    }
    text[size] = '\0';
    return text;
}

void assert_says(int peer, const char *part)
{
    const char *text = receive_lines(peer, 1);
    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
}

void assert_in_flight(uint64_t count)
{
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.in_flight), count);
}

void assert_nothing_buffered(void)
{
    assert_int_equal(vsa_counter_get(&pipeline.streams->budget.used), 0);
}
