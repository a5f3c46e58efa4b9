/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of sealed requests that got the enclave's key from the test, which shortens what is not
 * tested: a document, and its verification.
 */
#ifndef VSA_TESTS_SEAL_CLIENT_H
#define VSA_TESTS_SEAL_CLIENT_H

#include "seal/key_config.h"
#include <vsattest/seal.h>

/* One request on its way. */
struct seal_client {
    struct vsa_seal_recipient *recipient;
    struct vsa_seal_pending *pending;
    uint8_t bytes[VSA_SEAL_MAX_SEALED]; /* what was sealed last */
    size_t size;
    char line[VSA_MAX_REQUEST_LINE]; /* the same as a request's line */
};

/* Makes a client of the enclave that has this key; seal_client_free() frees what it has. */
void seal_client_init(struct seal_client *client, const struct vsa_key_config *config);
void seal_client_free(struct seal_client *client);

/* Seals `json` and returns its line. `sender` may be NULL; `aad` too. */
const char *seal_client_seal(struct seal_client *client, const struct vsa_sender *sender,
                             const char *aad, const char *json);
/* Writes the line of `bytes` anew, after they were changed. */
const char *seal_client_line(struct seal_client *client, const char *aad);

/* Opens a reply's line, or fails the test. Returns the JSON without the spaces behind, static. */
const char *seal_client_open(struct seal_client *client, const char *line);

#endif
