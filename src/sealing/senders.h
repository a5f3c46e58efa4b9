/* SPDX-License-Identifier: Apache-2.0 */
/* Who may send which commands: public keys by thumbprint, for one command or for all others. */
#ifndef VSA_SEALING_SENDERS_H
#define VSA_SEALING_SENDERS_H

#include <stdbool.h>

#include <vsattest/limits.h>
#include <vsattest/seal.h>

/* One key for one command. */
struct vsa_allowed_sender {
    char command[VSA_MAX_COMMAND_NAME + 1]; /* "": all that are not named elsewhere */
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
};

/* Zeroed: any sender, and none at all, may send everything. */
struct vsa_senders {
    struct vsa_allowed_sender *entries; /* owned */
    size_t count;
};

/*
 * Allows the keys to send a command.
 *
 * command  in: its name; NULL: all commands that are not named by another call
 * pem      in: P-384 public keys, one PEM block ("PUBLIC KEY") after the other; text between them
 *          is ignored
 *
 * Errors: VSA_ERR_ARGUMENT (no key, another kind of key, a name that is none), VSA_ERR_TOO_MANY
 * (VSA_MAX_SENDERS), VSA_ERR_BASE64, VSA_ERR_MEMORY; nothing was added then.
 */
VSA_MUST_USE enum vsa_status vsa_senders_allow(struct vsa_senders *senders, const char *command,
                                               struct vsa_slice pem, struct vsa_error *error);

/*
 * Returns whether the command is for senders that are known, and so for sealed requests only. Of
 * built-in ones that holds only where they are named: they stay open in clear.
 */
bool vsa_senders_are_named(const struct vsa_senders *senders, const char *command, bool built_in);

/* Returns whether this sender may send it. `thumbprint` "": not signed. */
bool vsa_senders_may_send(const struct vsa_senders *senders, const char *command,
                          const char *thumbprint);

void vsa_senders_clear(struct vsa_senders *senders);

#endif
