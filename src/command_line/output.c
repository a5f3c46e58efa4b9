/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"
#include "json/writer.h"
#include <vsattest/limits.h>

void output_start(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        /* The lowest free number is this one. Kept open: that is the purpose. */
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return;
}

static void put_escaped(FILE *out, struct vsa_slice text, bool quoted)
{
    bool printable;
    for (size_t i = 0; i < text.size;) {
        size_t end = i + vsa_printable_next(text, i, &printable);
        if (quoted && (text.data[i] == '"' || text.data[i] == '\\'))
            (void)fputc('\\', out);
        for (; i < end; i++)
            (void)fprintf(out, printable ? "%c" : "\\x%02x", text.data[i]);
    }
}

void output_text(FILE *out, struct vsa_slice text)
{
    put_escaped(out, text, false);
}

void output_field(FILE *out, struct vsa_slice value)
{
    char base64[(VSA_MAX_FIELD + 2) / 3 * 4 + 1];
    if (!value.data) {
        (void)fputs("none", out);
    } else if (vsa_slice_is_utf8(value)) {
        (void)fputc('"', out);
        put_escaped(out, value, true);
        (void)fputc('"', out);
    } else if (vsa_base64_encode(value, base64, sizeof(base64), NULL) == VSA_OK) {
        (void)fprintf(out, "%zu bytes, base64 %s", value.size, base64);
    } else {
        (void)fprintf(out, "%zu bytes", value.size);
    }
}

void output_error(const char *program, const struct vsa_error *error)
{
    char sentence[2 * VSA_ERROR_DETAIL];
    vsa_error_sentence(error, sentence, sizeof(sentence));
    (void)fprintf(stderr, "%s: ", program);
    output_text(stderr, vsa_slice_of_text(sentence));
    (void)fputc('\n', stderr);
}

static enum vsa_status print_json(json_t *object, size_t layout, struct vsa_error *error)
{
    /*
     * ASCII only: user data with terminal controls beyond C0 stays harmless. With 15 digits a
     * fraction looks as it was written.
     */
    const size_t flags = layout | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15);
    VSA_AUTO_FREE char *text = vsa_json_print(object, flags);
    json_decref(object);
    if (!text)
        return vsa_fail_memory(error);
    (void)fputs(text, stdout); /* output_finish() sees failures */
    (void)fputc('\n', stdout);
    return output_finish(error);
}

enum vsa_status output_json(json_t *object, struct vsa_error *error)
{
    return print_json(object, JSON_INDENT(2), error);
}

enum vsa_status output_json_line(json_t *object, struct vsa_error *error)
{
    return print_json(object, JSON_COMPACT, error);
}

enum vsa_status output_finish(struct vsa_error *error)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_IO, "cannot write to standard output: %s", strerror(errno));
}
