/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bare libmicrohttpd that reads a body and answers with a text of a token's size: what HTTP alone
 * costs. Threads and flags are those of src/verifierd/http.c.
 *
 *   http_hello PATH THREADS
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <microhttpd.h>

static char text[1700];

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **kept)
{
    (void)context, (void)path, (void)method, (void)version, (void)data;
    if (!*kept) {
        *kept = text;
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof(text), text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    sigset_t signals;
    int number = 0;
    if (argc != 3)
        return 2;
    memset(text, 'x', sizeof(text));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1024) < 0)
        return 1;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request,
                         NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
                         (unsigned)strtoul(argv[2], NULL, 10), MHD_OPTION_END);
    if (!daemon)
        return 1;
    (void)sigwait(&signals, &number);
    MHD_stop_daemon(daemon);
    return 0;
}
