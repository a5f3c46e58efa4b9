/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include <vsattest/transport.h>

/* One lookup: of its thread and of its caller, until the second of them leaves it. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned holders;
    bool done;
    int result; /* of getaddrinfo() */
    int number; /* errno */
    struct addrinfo *found;
    char host[VSA_MAX_SOCKET_PATH];
    char service[8];
};

static void release_lookup(struct lookup *lookup)
{
    bool last = --lookup->holders == 0;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (!last)
        return;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    (void)pthread_cond_destroy(&lookup->ended);
    (void)pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static int look_up(const char *host, const char *service, int flags, struct addrinfo **found)
{
    const struct addrinfo hints = {
        .ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    return getaddrinfo(host, service, &hints, found);
}

static void *look_up_name(void *argument)
{
    struct lookup *lookup = argument;
    struct addrinfo *found = NULL;
    int result = look_up(lookup->host, lookup->service, AI_ADDRCONFIG, &found);
    int number = errno;
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->found = result == 0 ? found : NULL;
    lookup->result = result;
    lookup->number = number;
    lookup->done = true;
    (void)pthread_cond_signal(&lookup->ended);
    release_lookup(lookup);
    return NULL;
}

static struct lookup *new_lookup(const char *host, const char *service)
{
    pthread_condattr_t monotonic;
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return NULL;
    /* These cannot fail with default attributes (glibc and musl). */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&lookup->lock, NULL);
    (void)pthread_cond_init(&lookup->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    (void)snprintf(lookup->service, sizeof(lookup->service), "%s", service);
    return lookup;
}

/* Starts the thread, which takes no signal: they are the program's. */
static int start(struct lookup *lookup)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    lookup->holders = 2;
    int number = pthread_create(&thread, NULL, look_up_name, lookup);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        (void)pthread_detach(thread);
    else
        lookup->holders = 1;
    return number;
}

static enum vsa_status result_of(const char *host, int result, int number, struct vsa_error *error)
{
    if (result == 0)
        return VSA_OK;
    if (result == EAI_MEMORY)
        return vsa_fail_memory(error);
    return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "getaddrinfo(3)",
                       "no address of host \"%s\": %s", host,
                       result == EAI_SYSTEM ? strerror(number) : gai_strerror(result));
}

static enum vsa_status await(struct lookup *lookup, int64_t deadline_ms, struct addrinfo **found,
                             struct vsa_error *error)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000 * 1000000)};
    int waited = 0;
    while (!lookup->done && waited == 0)
        waited = pthread_cond_timedwait(&lookup->ended, &lookup->lock, &until);
    if (!lookup->done)
        return vsa_fail_at(error, VSA_ERR_TIMEOUT, VSA_NO_OFFSET, "getaddrinfo(3)",
                           "no answer from the name service about host \"%s\"", lookup->host);
    VSA_TRY(result_of(lookup->host, lookup->result, lookup->number, error));
    *found = lookup->found;
    lookup->found = NULL;
    return VSA_OK;
}

enum vsa_status vsa_resolve(const char *host, uint32_t port, int64_t deadline_ms,
                            struct addrinfo **found, struct vsa_error *error)
{
    char service[8];
    (void)snprintf(service, sizeof(service), "%" PRIu32, port);
    int result = look_up(host, service, AI_NUMERICHOST, found);
    if (result != EAI_NONAME)
        return result_of(host, result, errno, error);
    struct lookup *lookup = new_lookup(host, service);
    if (!lookup)
        return vsa_fail_memory(error);
    int number = start(lookup);
    (void)pthread_mutex_lock(&lookup->lock);
    enum vsa_status status = number == 0 ? await(lookup, deadline_ms, found, error)
                                         : vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET,
                                                       "pthread_create(3)", "%s", strerror(number));
    release_lookup(lookup);
    return status;
}
