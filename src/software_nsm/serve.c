/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/listen_unix.h"

/* Pause of the listener when descriptors run out, in ms; a busy loop would not free any. */
#define PAUSE_MS 100

enum { SLOT_STOP, SLOT_LISTENER, SLOT_CLIENTS };

struct loop {
    const struct vsa_software_service *service;
    bool paused; /* the listener, for one round */
    size_t count;
    struct pollfd polled[SLOT_CLIENTS + VSA_SOFTWARE_NSM_MAX_CLIENTS];
    uint8_t request[VSA_NSM_MAX_REQUEST + 1]; /* one more shows what is too long */
};

static void report(const struct loop *loop, enum vsa_status status, const char *what, int number)
{
    struct vsa_error error;
    if (vsa_fail(&error, status, "%s%s%s", what, number ? ": " : "",
                 number ? strerror(number) : "") != VSA_OK)
        loop->service->report(&error);
}

static void accept_client(struct loop *loop)
{
    VSA_AUTO_FD int fd = accept4(loop->service->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        loop->paused = true;
        report(loop, VSA_ERR_IO, "cannot accept a client", errno);
        return;
    }
    if (loop->count == SLOT_CLIENTS + VSA_SOFTWARE_NSM_MAX_CLIENTS) {
        report(loop, VSA_ERR_CONNECTIONS, "too many clients: the new one was hung up on", 0);
        return;
    }
    loop->polled[loop->count].fd = vsa_take_fd(&fd);
    loop->polled[loop->count].events = POLLIN;
    loop->polled[loop->count].revents = 0;
    loop->count++;
}

/* Answers one request; false when the client is done or does not read. */
static bool serve_client(struct loop *loop, int fd)
{
    struct vsa_error failure;
    struct vsa_slice response;
    const struct vsa_software_service *service = loop->service;
    ssize_t size = recv(fd, loop->request, sizeof(loop->request), MSG_DONTWAIT);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size == 0)
        return false;
    vsa_software_nsm_respond(service->nsm, vsa_slice_of(loop->request, (size_t)size),
                             service->now_ms(), &response, &failure);
    if (failure.status != VSA_OK)
        service->report(&failure);
    if (send(fd, response.data, response.size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno == EAGAIN)
        report(loop, VSA_ERR_IO, "a client that does not read its responses was dropped", 0);
    return false;
}

/* Removes a client; the last one moves into its slot. */
static void drop_client(struct loop *loop, size_t slot)
{
    (void)close(loop->polled[slot].fd);
    loop->polled[slot] = loop->polled[--loop->count];
}

static void serve_clients(struct loop *loop)
{
    for (size_t slot = loop->count; slot-- > SLOT_CLIENTS;)
        if (loop->polled[slot].revents && !serve_client(loop, loop->polled[slot].fd))
            drop_client(loop, slot);
}

static enum vsa_status run(struct loop *loop, struct vsa_error *error)
{
    for (;;) {
        loop->polled[SLOT_LISTENER].events = loop->paused ? 0 : POLLIN;
        int ready = poll(loop->polled, loop->count, loop->paused ? PAUSE_MS : -1);
        loop->paused = false;
        if (ready < 0 && errno != EINTR)
            return vsa_fail(error, VSA_ERR_IO, "poll: %s", strerror(errno));
        if (ready < 0)
            continue;
        if (loop->polled[SLOT_STOP].revents)
            return VSA_OK;
        serve_clients(loop);
        if (loop->polled[SLOT_LISTENER].revents)
            accept_client(loop);
    }
}

enum vsa_status vsa_software_nsm_listen(const char *address, struct vsa_listener *listener,
                                        struct vsa_error *error)
{
    struct vsa_address parsed;
    if (strncmp(address, "unix:", strlen("unix:")) != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.120s' is no address of a software NSM, which has unix:PATH", address);
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    return vsa_listen_unix(parsed.path, SOCK_SEQPACKET, listener, error);
}

enum vsa_status vsa_software_nsm_serve(const struct vsa_software_service *service,
                                       struct vsa_error *error)
{
    struct loop loop = {.service = service, .count = SLOT_CLIENTS};
    loop.polled[SLOT_STOP].fd = service->stop;
    loop.polled[SLOT_STOP].events = POLLIN;
    loop.polled[SLOT_LISTENER].fd = service->listener;
    enum vsa_status status = run(&loop, error);
    while (loop.count > SLOT_CLIENTS)
        drop_client(&loop, loop.count - 1);
    return status;
}
