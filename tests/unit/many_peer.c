/* SPDX-License-Identifier: Apache-2.0 */
#include "many_peer.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "unit_test.h"
#include <vsattest/limits.h>

static void lock(struct many_peer *peer)
{
    (void)pthread_mutex_lock(&peer->lock);
}

static void unlock(struct many_peer *peer)
{
    (void)pthread_mutex_unlock(&peer->lock);
}

static void say(int fd, const char *text, size_t size)
{
    /* A client that is gone is the test's affair. */
    enum vsa_status ignored =
        vsa_send_all(fd, vsa_slice_of(text, size), vsa_deadline(PEER_PATIENCE_MS), NULL);
    (void)ignored;
}

static void say_scripted(int fd, const char *text, long long id)
{
    char line[512];
    const char *dollar = strchr(text, '$');
    int size = dollar ? snprintf(line, sizeof(line), "%.*s%lld%s\n", (int)(dollar - text), text, id,
                                 dollar + 1)
                      : snprintf(line, sizeof(line), "%s\n", text);
    say(fd, line, (size_t)size);
}

/* False: hang up. */
static bool answer(int fd, const char *scripted, long long id, long long said)
{
    char line[128];
    if (!scripted) {
        int size = snprintf(line, sizeof(line),
                            "{\"success\":true,\"message\":\"pong\",\"said\":%lld,\"id\":%lld}\n",
                            said, id);
        say(fd, line, (size_t)size);
        return true;
    }
    if (strcmp(scripted, PEER_HANG_UP) == 0)
        return false;
    if (strcmp(scripted, PEER_HALF_A_REPLY) == 0) {
        say(fd, "{\"success\":", 11);
        return false;
    }
    bool last = strncmp(scripted, PEER_LAST, strlen(PEER_LAST)) == 0;
    say_scripted(fd, last ? scripted + strlen(PEER_LAST) : scripted, id);
    return !last;
}

static bool serve_one(struct many_peer *peer, int fd, struct vsa_line_reader *reader)
{
    struct vsa_slice line;
    const char *scripted = NULL;
    if (vsa_read_line(reader, vsa_deadline(PEER_PATIENCE_MS), &line, NULL) != VSA_OK)
        return false;
    json_t *request = json_loadb((const char *)line.data, line.size, 0, NULL);
    long long id = json_integer_value(json_object_get(request, "id"));
    long long said = json_integer_value(json_object_get(request, "say"));
    json_decref(request);
    lock(peer);
    if (peer->requests < PEER_MAX_LOG)
        peer->log[peer->requests] = said;
    peer->requests++;
    if (peer->done < peer->scripted)
        scripted = peer->script[peer->done++];
    (void)pthread_cond_broadcast(&peer->changed);
    while (peer->holds && !peer->stopping)
        (void)pthread_cond_wait(&peer->changed, &peer->lock);
    unlock(peer);
    return answer(fd, scripted, id, said);
}

struct connection {
    struct many_peer *peer;
    unsigned index;
};

static void *serve(void *argument)
{
    struct connection connection = *(struct connection *)argument;
    struct many_peer *peer = connection.peer;
    int fd = peer->fds[connection.index];
    char *buffer = malloc(VSA_MAX_REQUEST_LINE);
    peer->buffers[connection.index] = buffer;
    struct vsa_line_reader reader = {fd, buffer, VSA_MAX_REQUEST_LINE, 0, 0};
    free(argument);
    while (buffer && serve_one(peer, fd, &reader))
        continue;
    lock(peer);
    free(buffer);
    peer->buffers[connection.index] = NULL;
    peer->fds[connection.index] = -1;
    (void)close(fd);
    unlock(peer);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct many_peer *peer = argument;
    struct pollfd entry = {peer->listener.fd, POLLIN, 0};
    for (;;) {
        /* The stop shuts the listener down, which shows here. */
        int ready = poll(&entry, 1, PEER_PATIENCE_MS * 3);
        int fd = ready == 1 ? accept4(entry.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
        if (fd < 0)
            return NULL;
        struct connection *connection = malloc(sizeof(*connection));
        lock(peer);
        unsigned index = peer->accepted;
        if (!connection || peer->stopping || index == PEER_MAX_CONNECTIONS) {
            unlock(peer);
            free(connection);
            (void)close(fd);
            continue;
        }
        *connection = (struct connection){peer, index};
        peer->fds[index] = fd;
        if (pthread_create(&peer->serving[index], NULL, serve, connection) != 0)
            abort();
        peer->accepted++;
        (void)pthread_cond_broadcast(&peer->changed);
        unlock(peer);
    }
}

int many_peer_start(struct many_peer *peer)
{
    struct vsa_address address;
    pthread_condattr_t monotonic;
    memset(peer, 0, sizeof(*peer));
    (void)strcpy(peer->directory, "/tmp/vsa-peer-XXXXXX");
    if (!mkdtemp(peer->directory))
        return -1;
    (void)pthread_mutex_init(&peer->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&peer->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)snprintf(peer->address, sizeof(peer->address), "unix:%s/s", peer->directory);
    return vsa_address_parse(peer->address, &address, NULL) != VSA_OK ||
           vsa_listen(&address, &peer->listener, NULL) != VSA_OK ||
           pthread_create(&peer->accepting, NULL, accept_all, peer) != 0;
}

static void shut_down_all(struct many_peer *peer)
{
    for (unsigned i = 0; i < peer->accepted; i++)
        if (peer->fds[i] >= 0)
            (void)shutdown(peer->fds[i], SHUT_RDWR);
}

void many_peer_stop(struct many_peer *peer)
{
    (void)shutdown(peer->listener.fd, SHUT_RDWR);
    (void)pthread_join(peer->accepting, NULL);
    lock(peer);
    peer->stopping = true;
    shut_down_all(peer);
    (void)pthread_cond_broadcast(&peer->changed);
    unlock(peer);
    for (unsigned i = 0; i < peer->accepted; i++)
        (void)pthread_join(peer->serving[i], NULL);
    vsa_listener_close(&peer->listener);
    (void)rmdir(peer->directory);
    (void)pthread_cond_destroy(&peer->changed);
    (void)pthread_mutex_destroy(&peer->lock);
}

void many_peer_hold(struct many_peer *peer, bool holds)
{
    lock(peer);
    peer->holds = holds;
    (void)pthread_cond_broadcast(&peer->changed);
    unlock(peer);
}

void many_peer_script(struct many_peer *peer, const char *const *replies, unsigned count)
{
    lock(peer);
    assert_true(count <= PEER_MAX_SCRIPT);
    memcpy(peer->script, replies, count * sizeof(*replies));
    peer->scripted = count;
    peer->done = 0;
    unlock(peer);
}

void many_peer_hang_up(struct many_peer *peer)
{
    lock(peer);
    shut_down_all(peer);
    unlock(peer);
}

void many_peer_say(struct many_peer *peer, const char *line)
{
    lock(peer);
    for (unsigned i = 0; i < peer->accepted; i++)
        if (peer->fds[i] >= 0)
            say_scripted(peer->fds[i], line, 0);
    unlock(peer);
}

void many_peer_await_requests(struct many_peer *peer, unsigned count)
{
    int64_t deadline_ms = vsa_deadline(PEER_PATIENCE_MS);
    struct timespec until = {(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000 * 1000000)};
    int result = 0;
    lock(peer);
    while (peer->requests < count && result == 0)
        result = pthread_cond_timedwait(&peer->changed, &peer->lock, &until);
    unsigned requests = peer->requests;
    unlock(peer);
    assert_int_equal(requests, count);
}

unsigned many_peer_accepted(struct many_peer *peer)
{
    lock(peer);
    unsigned accepted = peer->accepted;
    unlock(peer);
    return accepted;
}

unsigned many_peer_requests(struct many_peer *peer)
{
    lock(peer);
    unsigned requests = peer->requests;
    unlock(peer);
    return requests;
}
