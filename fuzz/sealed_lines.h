/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed requests of fuzz_server's clients, which take the server's key from its replies as it is:
 * nothing is verified.
 */
#ifndef VSA_FUZZ_SEALED_LINES_H
#define VSA_FUZZ_SEALED_LINES_H

#include <jansson.h>
#include <vsattest/seal.h>

enum { SEALED_SIGNED = 1, SEALED_CHANGED = 2 };

/* Forgets the server's key: requests are sealed to another one until there is a reply with it. */
void sealed_lines_begin(void);
/* Takes the key from a reply to `seal_key`, if it is one. */
void sealed_lines_learn(const json_t *reply);
/* Returns the key of the only sender, PEM. */
struct vsa_slice sealed_lines_sender(void);

/* Writes a line, terminated by a zero byte. `*pending` is to be freed. */
void sealed_lines_write(const char *inner, unsigned manner, long long id, char *line,
                        size_t capacity, struct vsa_seal_pending **pending);
/* Requires that the reply opens, and that a reply is inside; uses up `pending`. */
void sealed_lines_check(struct vsa_seal_pending *pending, const json_t *reply);

#endif
