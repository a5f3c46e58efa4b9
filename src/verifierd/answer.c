/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "json/writer.h"

static const struct {
    unsigned status;
    const char *code;
    const char *meaning;
} problems[] = {
#define PROBLEM_ROW(name, status, code, meaning) {status, code, meaning},
    VSA_PROBLEM_TABLE(PROBLEM_ROW)
#undef PROBLEM_ROW
};

void vsa_answer_free(struct vsa_answer *answer)
{
    free(answer->body);
    *answer = (struct vsa_answer){0};
}

void vsa_answer_text(struct vsa_answer *answer, const char *type, char *body)
{
    vsa_answer_free(answer);
    if (!body) {
        /* An answer without a body is what can be made without memory. */
        *answer = (struct vsa_answer){.status = 500, .type = "text/plain"};
        return;
    }
    *answer = (struct vsa_answer){.status = 200, .type = type, .body = body, .size = strlen(body)};
}

void vsa_answer_bytes(struct vsa_answer *answer, const char *type, struct vsa_slice body)
{
    char *copy = malloc(body.size + 1);
    if (copy) {
        memcpy(copy, body.data, body.size);
        copy[body.size] = '\0';
    }
    vsa_answer_text(answer, type, copy);
    if (copy)
        answer->size = body.size;
}

void vsa_answer_json(struct vsa_answer *answer, json_t *body)
{
    vsa_answer_text(answer, "application/json", vsa_json_print(body, JSON_COMPACT));
    json_decref(body);
}

/* Returns the problem: memory that is short while a request is read is no fault of the client's. */
static enum vsa_problem blame(enum vsa_problem problem, const struct vsa_error *detail)
{
    bool is_ours = detail && vsa_status_class(detail->status) == VSA_CLASS_INTERNAL;
    return is_ours && problems[problem].status < 500 ? VSA_PROBLEM_INTERNAL : problem;
}

void vsa_answer_problem(struct vsa_answer *answer, enum vsa_problem refused,
                        const struct vsa_error *detail)
{
    const enum vsa_problem problem = blame(refused, detail);
    char text[2 * VSA_ERROR_DETAIL + 80];
    char sentence[2 * VSA_ERROR_DETAIL] = "";
    if (detail && detail->detail[0])
        (void)vsa_error_sentence(detail, sentence, sizeof(sentence));
    (void)snprintf(text, sizeof(text), "%s%s%s", problems[problem].meaning, sentence[0] ? ": " : "",
                   sentence);
    vsa_printable_make(text, strlen(text));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "error", json_string(problems[problem].code));
    vsa_json_put(&writer, "message", json_string(text));
    vsa_answer_json(answer, vsa_json_finish(&writer));
    answer->status = problems[problem].status;
    if (answer->status == 503)
        answer->retry_after_ms = 1000;
}
