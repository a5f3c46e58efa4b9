/* SPDX-License-Identifier: Apache-2.0 */
#include "service_client/http_helper.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "client/spawn.h"
#include "http_exchange/limits.h"
#include "protocol/json.h"
#include "json/load.h"

/* The process ends as soon as it reads that we are gone; then it is killed. */
#define END_MS 1000

enum vsa_status vsa_http_helper_attach(struct vsa_http_helper *helper, int fd,
                                       struct vsa_error *error)
{
    *helper = (struct vsa_http_helper){.fd = fd, .line = malloc(VSA_HTTP_MAX_LINE)};
    if (!helper->line)
        return vsa_fail_memory(error);
    helper->reader =
        (struct vsa_line_reader){.fd = fd, .buffer = helper->line, .capacity = VSA_HTTP_MAX_LINE};
    return VSA_OK;
}

enum vsa_status vsa_http_helper_start(struct vsa_http_helper *helper, const char *path,
                                      struct vsa_error *error)
{
    const char *const arguments[] = {path, NULL};
    int fds[2];
    *helper = (struct vsa_http_helper){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return vsa_fail(error, VSA_ERR_IO, "no sockets for " VSA_HTTP_HELPER ": %s",
                        strerror(errno));
    VSA_AUTO_FD int ours = vsa_spawn_move_up(fds[0]);
    VSA_AUTO_FD int theirs = vsa_spawn_move_up(fds[1]);
    pid_t pid = 0;
    int failed = ours < 0 || theirs < 0 ? errno : 0;
    if (!failed)
        failed = vsa_spawn(arguments, (struct vsa_spawn_fds){theirs, theirs, STDERR_FILENO}, &pid);
    if (failed)
        return vsa_fail(error, VSA_ERR_IO, "cannot start %.160s: %s", path, strerror(failed));
    enum vsa_status status = vsa_http_helper_attach(helper, vsa_take_fd(&ours), error);
    helper->pid = pid;
    return status;
}

void vsa_http_helper_close(struct vsa_http_helper *helper)
{
    int ignored;
    if (helper->fd >= 0)
        (void)close(helper->fd);
    if (helper->pid && !vsa_spawn_reap(helper->pid, vsa_deadline(END_MS), &ignored))
        vsa_spawn_end(helper->pid);
    free(helper->line);
    *helper = (struct vsa_http_helper){.fd = -1};
}

/* Sends the line by memory that is wiped: a token may be in it. */
static enum vsa_status send_line(struct vsa_http_helper *helper, const json_t *request,
                                 int64_t deadline_ms, struct vsa_error *error)
{
    size_t size = 0;
    char *line = malloc(VSA_HTTP_MAX_LINE);
    if (!line)
        return vsa_fail_memory(error);
    enum vsa_status status = vsa_json_write_line(request, line, VSA_HTTP_MAX_LINE, &size, error);
    if (status == VSA_OK)
        status = vsa_send_all(helper->fd, vsa_slice_of(line, size), deadline_ms, error);
    vsa_wipe(line, size);
    free(line);
    return status;
}

/* Passes the helper's error on as it is: it is a part of this program. */
static enum vsa_status read_answer(const json_t *answer, int *status, json_t **body,
                                   struct vsa_error *error)
{
    const char *code = json_string_value(json_object_get(answer, "error_code"));
    const char *text = json_string_value(json_object_get(answer, "error"));
    json_t *received = json_object_get(answer, "body");
    if (json_is_true(json_object_get(answer, "success")) && received) {
        *status = (int)json_integer_value(json_object_get(answer, "status"));
        *body = json_incref(received);
        return VSA_OK;
    }
    return vsa_fail(error, code ? vsa_status_from_code(code) : VSA_ERR_INTERNAL, "%.200s",
                    text ? text : "no answer of " VSA_HTTP_HELPER);
}

enum vsa_status vsa_http_helper_ask(struct vsa_http_helper *helper, json_t *request,
                                    int64_t deadline_ms, int *status, json_t **body,
                                    struct vsa_error *error)
{
    const struct vsa_json_limits limits = {.name = "the line of " VSA_HTTP_HELPER,
                                           .max_size = VSA_HTTP_MAX_LINE,
                                           .max_depth = VSA_HTTP_MAX_DEPTH,
                                           .allow_nul = true};
    VSA_AUTO_JSON json_t *answer = NULL;
    struct vsa_slice line;
    int64_t left_ms = deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(error, VSA_ERR_TIMEOUT, "no time is left");
    if (left_ms > VSA_HTTP_MAX_TIMEOUT_MS)
        left_ms = VSA_HTTP_MAX_TIMEOUT_MS;
    VSA_TRY(vsa_json_set(request, "timeout_ms", json_integer(left_ms), error));
    enum vsa_status sent = send_line(helper, request, deadline_ms, error);
    /* The helper keeps the time itself, and its error is the better one. */
    if (sent == VSA_OK)
        sent = vsa_read_line(&helper->reader, deadline_ms + END_MS, &line, error);
    if (sent == VSA_ERR_CLOSED)
        return vsa_fail(error, VSA_ERR_IO,
                        VSA_HTTP_HELPER " ended without an answer: is libcurl installed?");
    VSA_TRY(sent);
    VSA_TRY(vsa_json_load_object(line, &limits, &answer, error));
    return read_answer(answer, status, body, error);
}
