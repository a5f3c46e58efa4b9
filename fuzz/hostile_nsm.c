/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile_nsm.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "lockstep.h"
#include "make_nsm.h"
#include "nsm/message.h"

/* A server has one connection to its NSM; it may connect anew before the old one is seen to end. */
#define CONNECTIONS 4
/* Honest answers that are kept, since a signature costs more than all the rest of most inputs. */
#define KEPT 16

struct connection {
    int fd;
    bool holds; /* a request in `held` */
    size_t held_size;
    uint8_t held[VSA_NSM_MAX_REQUEST];
};

struct kept {
    size_t request_size;
    size_t answer_size;
    uint8_t request[512];
    uint8_t answer[VSA_NSM_MAX_RESPONSE];
};

static struct {
    struct kept kept[KEPT];
    size_t next_kept;
    struct vsa_software_nsm *honest; /* kept from input to input */
    char address[sizeof("unix:") + sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct hostile_manner manner;
    int listener;
    struct connection connections[CONNECTIONS];
} nsm;

/* --- answers ---------------------------------------------------------------------------------- */

/* A full socket or a peer that is gone loses it. */
static void put(int fd, const void *bytes, size_t size)
{
    FUZZ_CALL(send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
}

static void put_slice(int fd, struct vsa_slice bytes)
{
    put(fd, bytes.data, bytes.size);
}

static const struct kept *find_kept(struct vsa_slice request)
{
    for (size_t i = 0; i < KEPT; i++) {
        const struct kept *kept = &nsm.kept[i];
        if (kept->request_size == request.size &&
            memcmp(kept->request, request.data, request.size) == 0)
            return kept;
    }
    return NULL;
}

static void keep(struct vsa_slice request, struct vsa_slice answer)
{
    struct kept *kept = &nsm.kept[nsm.next_kept];
    if (request.size > sizeof(kept->request))
        return;
    kept->request_size = request.size;
    memcpy(kept->request, request.data, request.size);
    kept->answer_size = answer.size;
    memcpy(kept->answer, answer.data, answer.size);
    nsm.next_kept = (nsm.next_kept + 1) % KEPT;
}

/* Its time may be that of an earlier input; the server does not compare it with its own. */
static struct vsa_slice honest_answer(struct vsa_slice request)
{
    struct vsa_slice answer;
    const struct kept *kept = find_kept(request);
    if (kept)
        return vsa_slice_of(kept->answer, kept->answer_size);
    vsa_software_nsm_respond(nsm.honest, request, lockstep_now_ms(), &answer, NULL);
    keep(request, answer);
    return answer;
}

static void put_other(int fd, unsigned argument)
{
    uint8_t buffer[64];
    struct vsa_slice request;
    struct vsa_nsm_request other = {.kind = argument % VSA_NSM_ERROR, .index = 16};
    FUZZ_REQUIRE(vsa_nsm_request_encode(&other, buffer, sizeof(buffer), &request, NULL) == VSA_OK);
    put_slice(fd, honest_answer(request));
}

static void put_error(int fd, unsigned argument)
{
    uint8_t buffer[64];
    struct vsa_slice answer;
    struct vsa_nsm_response error = {.kind = VSA_NSM_ERROR,
                                     .code = 1 + argument % VSA_NSM_INTERNAL_ERROR};
    FUZZ_REQUIRE(vsa_nsm_response_encode(&error, buffer, sizeof(buffer), &answer, NULL) == VSA_OK);
    put_slice(fd, answer);
}

static void put_changed(int fd, struct vsa_slice answer, size_t at)
{
    uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    memcpy(buffer, answer.data, answer.size);
    buffer[at % answer.size] ^= 0xff;
    put(fd, buffer, answer.size);
}

static void put_cut(int fd, struct vsa_slice answer, size_t size)
{
    put(fd, answer.data, size < answer.size ? size : answer.size);
}

static void hang_up(struct connection *connection)
{
    (void)close(connection->fd);
    connection->fd = -1;
    connection->holds = false;
}

static void hold(struct connection *connection, struct vsa_slice request)
{
    connection->holds = true;
    connection->held_size = request.size;
    memcpy(connection->held, request.data, request.size);
}

static void answer(struct connection *connection, struct vsa_slice request)
{
    static const uint8_t huge[VSA_NSM_MAX_RESPONSE + 1];
    const struct hostile_manner *manner = &nsm.manner;
    int fd = connection->fd;
    switch (manner->answer) {
    case HOSTILE_ERROR:
        put_error(fd, manner->argument);
        return;
    case HOSTILE_BYTES:
        put_slice(fd, manner->bytes);
        return;
    case HOSTILE_CUT:
        put_cut(fd, honest_answer(request), (size_t)manner->argument * 32);
        return;
    case HOSTILE_CHANGED:
        put_changed(fd, honest_answer(request), (size_t)manner->argument * 16);
        return;
    case HOSTILE_OTHER:
        put_other(fd, manner->argument);
        return;
    case HOSTILE_TWICE:
        put_slice(fd, honest_answer(request));
        put_slice(fd, honest_answer(request));
        return;
    case HOSTILE_EMPTY:
        put(fd, "", 0);
        return;
    case HOSTILE_HANG_UP:
        hang_up(connection);
        return;
    case HOSTILE_HOLD:
        hold(connection, request);
        return;
    case HOSTILE_HUGE:
        put(fd, huge, sizeof(huge));
        return;
    case HOSTILE_HONEST:
    case HOSTILE_ANSWERS:
        put_slice(fd, honest_answer(request));
        return;
    }
}

/* --- connections ------------------------------------------------------------------------------ */

static bool accept_one(void)
{
    int fd = nsm.listener < 0 ? -1 : accept4(nsm.listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (nsm.connections[i].fd >= 0)
            continue;
        nsm.connections[i] = (struct connection){.fd = fd};
        return true;
    }
    (void)close(fd);
    return true;
}

static bool serve_one(struct connection *connection)
{
    uint8_t buffer[VSA_NSM_MAX_REQUEST];
    if (connection->fd < 0)
        return false;
    ssize_t size = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size < 0)
        return false;
    if (size == 0)
        hang_up(connection);
    else
        answer(connection, vsa_slice_of(buffer, (size_t)size));
    return true;
}

bool hostile_nsm_serve(void)
{
    bool served = accept_one();
    for (size_t i = 0; i < CONNECTIONS; i++)
        served |= serve_one(&nsm.connections[i]);
    return served;
}

void hostile_nsm_release(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &nsm.connections[i];
        if (connection->holds)
            put_slice(connection->fd,
                      honest_answer(vsa_slice_of(connection->held, connection->held_size)));
        connection->holds = false;
    }
}

void hostile_nsm_behave(const struct hostile_manner *manner)
{
    nsm.manner = *manner;
}

/* --- the socket ------------------------------------------------------------------------------- */

const char *hostile_nsm_address(void)
{
    return nsm.address;
}

static void stop_listening(void)
{
    if (nsm.listener >= 0) {
        (void)close(nsm.listener);
        (void)unlink(nsm.address + strlen("unix:"));
    }
    nsm.listener = -1;
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (nsm.connections[i].fd >= 0)
            hang_up(&nsm.connections[i]);
}

void hostile_nsm_listen(bool listening)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!listening) {
        stop_listening();
        return;
    }
    if (nsm.listener >= 0)
        return;
    memcpy(name.sun_path, nsm.address + strlen("unix:"), strlen(nsm.address + strlen("unix:")));
    nsm.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FUZZ_REQUIRE(nsm.listener >= 0);
    FUZZ_REQUIRE(bind(nsm.listener, (const struct sockaddr *)&name, sizeof(name)) == 0);
    FUZZ_REQUIRE(listen(nsm.listener, CONNECTIONS) == 0);
}

void hostile_nsm_begin(const char *directory)
{
    if (!nsm.honest) {
        struct vsa_pcr_bank bank;
        vsa_pcr_bank_init(&bank);
        nsm.honest = make_nsm(&bank, LOCKSTEP_EPOCH_MS);
    }
    int size = snprintf(nsm.address, sizeof(nsm.address), "unix:%s/nsm", directory);
    FUZZ_REQUIRE(size > 0 && (size_t)size < sizeof(nsm.address));
    nsm.manner = (struct hostile_manner){.answer = HOSTILE_HONEST};
    nsm.listener = -1;
    for (size_t i = 0; i < CONNECTIONS; i++)
        nsm.connections[i] = (struct connection){.fd = -1};
}

void hostile_nsm_end(void)
{
    stop_listening();
}
