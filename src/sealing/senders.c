/* SPDX-License-Identifier: Apache-2.0 */
#include "sealing/senders.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/pem.h"
#include "base/slice.h"
#include "crypto/key.h"
#include "protocol/request.h"
#include "seal/sender.h"

#define BEGIN "-----BEGIN PUBLIC KEY-----"
#define END   "-----END PUBLIC KEY-----"

/* --- reading keys ----------------------------------------------------------------------------- */

/* Moves `*rest` behind the next block; `*block` is absent when there is none. */
static enum vsa_status next_block(struct vsa_slice *rest, struct vsa_slice *block,
                                  struct vsa_error *error)
{
    *block = vsa_slice_of(NULL, 0);
    const uint8_t *begin = rest->size ? memmem(rest->data, rest->size, BEGIN, strlen(BEGIN)) : NULL;
    if (!begin)
        return VSA_OK;
    size_t left = rest->size - (size_t)(begin - rest->data);
    const uint8_t *end = memmem(begin, left, END, strlen(END));
    if (!end)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a public key does not end");
    end += strlen(END);
    *block = vsa_slice_of(begin, (size_t)(end - begin));
    *rest = vsa_slice_of(end, left - block->size);
    return VSA_OK;
}

static enum vsa_status read_thumbprint(struct vsa_slice block,
                                       char thumbprint[VSA_SENDER_THUMBPRINT + 1],
                                       struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_EC_SPKI];
    struct vsa_slice spki;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    if (vsa_pem_decode(block, "PUBLIC KEY", buffer, sizeof(buffer), &spki, NULL) != VSA_OK ||
        vsa_key_read_public(spki, &key, NULL) != VSA_OK || vsa_key_curve(key) != VSA_CURVE_P384)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a public key that is not on the curve P-384");
    return vsa_sender_thumbprint_of(spki, thumbprint, error);
}

/* --- the table -------------------------------------------------------------------------------- */

static enum vsa_status add(struct vsa_senders *senders, const struct vsa_allowed_sender *entry,
                           struct vsa_error *error)
{
    if (senders->count == VSA_MAX_SENDERS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d senders", VSA_MAX_SENDERS);
    struct vsa_allowed_sender *entries =
        realloc(senders->entries, (senders->count + 1) * sizeof(*entries));
    if (!entries)
        return vsa_fail_memory(error);
    entries[senders->count++] = *entry;
    senders->entries = entries;
    return VSA_OK;
}

static enum vsa_status add_all(struct vsa_senders *senders, const char *command,
                               struct vsa_slice pem, struct vsa_error *error)
{
    struct vsa_slice block;
    struct vsa_allowed_sender entry = {0};
    size_t before = senders->count;
    strncpy(entry.command, command, sizeof(entry.command) - 1);
    VSA_TRY(next_block(&pem, &block, error));
    while (block.data) {
        VSA_TRY(read_thumbprint(block, entry.thumbprint, error));
        VSA_TRY(add(senders, &entry, error));
        VSA_TRY(next_block(&pem, &block, error));
    }
    if (senders->count == before)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "no public key in PEM; openssl pkey -in KEY -pubout prints that of a key");
    return VSA_OK;
}

enum vsa_status vsa_senders_allow(struct vsa_senders *senders, const char *command,
                                  struct vsa_slice pem, struct vsa_error *error)
{
    size_t before = senders->count;
    if (command && (command[0] == '\0' || strlen(command) > VSA_MAX_COMMAND_NAME))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a command's name has 1 to %d characters",
                        VSA_MAX_COMMAND_NAME);
    if (command && strcmp(command, "*") == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "\"*\" is the name of no command; keys for all of them have no name");
    /* A key is asked for in clear: with it closed, no request could be sealed at all. */
    if (command && (strcmp(command, VSA_COMMAND_NAME_SEAL_KEY) == 0 ||
                    strcmp(command, VSA_COMMAND_NAME_SEALED) == 0))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "\"%s\" is how sealed requests come, from any sender; name the commands "
                        "inside of them",
                        command);
    enum vsa_status status = add_all(senders, command ? command : "", pem, error);
    if (status != VSA_OK)
        senders->count = before;
    return status;
}

/* Returns whether there is an entry for the command; with `thumbprint`, one of that sender. */
static bool has(const struct vsa_senders *senders, const char *command, const char *thumbprint)
{
    for (size_t i = 0; i < senders->count; i++)
        if (strcmp(senders->entries[i].command, command) == 0 &&
            (!thumbprint || strcmp(senders->entries[i].thumbprint, thumbprint) == 0))
            return true;
    return false;
}

bool vsa_senders_are_named(const struct vsa_senders *senders, const char *command, bool built_in)
{
    return has(senders, command, NULL) || (!built_in && has(senders, "", NULL));
}

bool vsa_senders_may_send(const struct vsa_senders *senders, const char *command,
                          const char *thumbprint)
{
    if (has(senders, command, NULL))
        return has(senders, command, thumbprint);
    return !has(senders, "", NULL) || has(senders, "", thumbprint);
}

void vsa_senders_clear(struct vsa_senders *senders)
{
    free(senders->entries);
    *senders = (struct vsa_senders){0};
}
