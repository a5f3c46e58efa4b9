/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/service_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "command_line/output.h"

#define SEND_TIMEOUT_S 5

/* Of the whole process, as its manager is; -1: none. */
static int manager = -1;

/* Returns the name's size; 0: neither a path nor an abstract name, such as vsock:CID:PORT. */
static socklen_t read_name(const char *text, struct sockaddr_un *name)
{
    size_t size = strlen(text);
    if (!strchr("/@", text[0]) || size < 2 || size > sizeof(name->sun_path))
        return 0;
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(name->sun_path, text, size);
    if (text[0] == '@')
        name->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

static enum vsa_status connect_to(const char *text, struct vsa_error *error)
{
    struct sockaddr_un name;
    const struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};
    socklen_t size = read_name(text, &name);
    if (!size)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.120s' is no Unix socket", text);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
        connect(fd, (const struct sockaddr *)&name, size) == 0) {
        manager = fd;
        return VSA_OK;
    }
    enum vsa_status status = vsa_fail(error, VSA_ERR_IO, "%.120s: %s", text, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return status;
}

void service_manager_connect(const char *program)
{
    struct vsa_error error = {0};
    const char *text = getenv("NOTIFY_SOCKET");
    if (!text || !*text || connect_to(text, &error) == VSA_OK)
        return;
    vsa_error_wrap(&error, "warning: NOTIFY_SOCKET");
    output_error(program, &error);
}

static void send_state(const char *text)
{
    if (manager >= 0)
        (void)send(manager, text, strlen(text), MSG_NOSIGNAL);
}

void service_manager_send_ready(void)
{
    send_state("READY=1");
}

void service_manager_send_reloading(void)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, vsa_monotonic_us());
    send_state(text);
}

void service_manager_send_stopping(void)
{
    send_state("STOPPING=1");
}
