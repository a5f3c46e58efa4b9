/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/reply.h"

#include <stdio.h>

#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"

/* Bytes of the peer's sentence in our error, its NUL included. */
#define MAX_PEER_TEXT 160
#define MAX_PEER_CODE 40

enum vsa_status vsa_reply_set_error(json_t *reply, const struct vsa_error *cause,
                                    struct vsa_error *error)
{
    char sentence[VSA_ERROR_DETAIL + 80];
    vsa_error_sentence(cause, sentence, sizeof(sentence));
    vsa_printable_make(sentence, strlen(sentence));
    if (json_object_clear(reply) != 0)
        return vsa_fail(error, VSA_ERR_INTERNAL, "reply is not an object");
    struct vsa_json_writer writer = vsa_json_extend(reply);
    vsa_json_put(&writer, "success", json_false());
    vsa_json_put(&writer, "error", json_string(sentence));
    vsa_json_put(&writer, "error_code", json_string_nocheck(vsa_status_code(cause->status)));
    return vsa_json_close(&writer, error);
}

enum vsa_status vsa_reply_set_retry_after(json_t *reply, int64_t retry_after_ms,
                                          struct vsa_error *error)
{
    return vsa_json_set(reply, "retry_after_ms", json_integer(retry_after_ms), error);
}

enum vsa_status vsa_reply_print_id(const json_t *id, char *buffer, struct vsa_slice *text,
                                   struct vsa_error *error)
{
    static const char name[] = ",\"id\":";
    const size_t size = sizeof(name) - 1;
    size_t more = 0;
    if (!id)
        return VSA_OK;
    memcpy(buffer, name, size);
    more = json_dumpb(id, buffer + size, VSA_REPLY_ID - size, JSON_COMPACT | JSON_ENCODE_ANY);
    if (more == 0)
        return vsa_fail_memory(error);
    *text = vsa_slice_of(buffer, size + more);
    return VSA_OK;
}

int64_t vsa_reply_retry_after(const json_t *reply)
{
    const json_t *value = vsa_json_get(reply, "retry_after_ms");
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return -1;
    json_int_t asked_ms = json_integer_value(value);
    return asked_ms < VSA_MAX_RETRY_AFTER_MS ? asked_ms : VSA_MAX_RETRY_AFTER_MS;
}

/* Returns the peer's status where a client reacts to it, else VSA_ERR_REFUSED_BY_PEER. */
static enum vsa_status status_of_peer(const char *code)
{
    static const enum vsa_status distinguished[] = {
        VSA_ERR_BUSY,         VSA_ERR_TIMEOUT,       VSA_ERR_SHUTTING_DOWN,   VSA_ERR_CONNECTIONS,
        VSA_ERR_IDLE_TIMEOUT, VSA_ERR_LINE_TOO_LONG, VSA_ERR_NSM_UNREACHABLE, VSA_ERR_NSM,
        VSA_ERR_RATE_LIMITED, VSA_ERR_BACKEND,
    };
    enum vsa_status status = vsa_status_from_code(code);
    for (size_t i = 0; i < sizeof(distinguished) / sizeof(distinguished[0]); i++)
        if (distinguished[i] == status)
            return status;
    return VSA_ERR_REFUSED_BY_PEER;
}

/* Copies the peer's text for terminals and logs: printable, on one line, cut short. */
static const char *printable(const json_t *string, char *text, size_t capacity)
{
    struct vsa_slice from = vsa_json_string_slice(string);
    if (from.size > capacity - 1)
        from.size = capacity - 1;
    from = vsa_slice_whole_characters(from);
    memcpy(text, from.data, from.size);
    text[from.size] = '\0';
    vsa_printable_make(text, from.size);
    return text;
}

/* Lists what a server offers beside unknown_command, as far as there is room; "" without a list. */
static void list_commands(const json_t *reply, char *text, size_t capacity)
{
    const json_t *names = json_object_get(reply, "available_commands");
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(names); i++) {
        char name[MAX_PEER_CODE];
        const json_t *value = json_array_get(names, i);
        if (!json_is_string(value))
            continue;
        (void)printable(value, name, sizeof(name));
        int added =
            snprintf(text + size, capacity - size, "%s%s", size ? ", " : "; there is ", name);
        if (added < 0 || (size_t)added >= capacity - size) {
            text[size] = '\0';
            return;
        }
        size += (size_t)added;
    }
}

enum vsa_status vsa_reply_check(const json_t *reply, struct vsa_error *error)
{
    char sentence[MAX_PEER_TEXT] = "no reason given";
    char code[MAX_PEER_CODE] = "";
    char commands[MAX_PEER_TEXT] = "";
    const json_t *success = json_object_get(reply, "success");
    if (!json_is_boolean(success))
        return vsa_fail(error, VSA_ERR_REPLY,
                        "the reply has no \"success\": not a server of this protocol?");
    if (json_is_true(success))
        return VSA_OK;
    if (json_is_string(json_object_get(reply, "error")))
        printable(json_object_get(reply, "error"), sentence, sizeof(sentence));
    if (json_is_string(json_object_get(reply, "error_code")))
        printable(json_object_get(reply, "error_code"), code, sizeof(code));
    if (vsa_status_from_code(code) == VSA_ERR_UNKNOWN_COMMAND)
        list_commands(reply, commands, sizeof(commands));
    return vsa_fail(error, status_of_peer(code), "the enclave refused: %s%s%s%s%s", sentence,
                    *code ? " [" : "", code, *code ? "]" : "", commands);
}
