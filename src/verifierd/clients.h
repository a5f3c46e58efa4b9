/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask, and how often: bearer tokens (RFC 6750) and token buckets by client or address. */
#ifndef VSA_VERIFIERD_CLIENTS_H
#define VSA_VERIFIERD_CLIENTS_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "crypto/digest.h"
#include "verifierd/limits.h"

#define VSA_MAX_CLIENT_NAME 32
/* Bytes of a secret: with fewer, its digest could be guessed. */
#define VSA_MIN_CLIENT_SECRET 32
#define VSA_MAX_CLIENT_SECRET 256

struct vsa_service_client {
    char name[VSA_MAX_CLIENT_NAME + 1];
    uint8_t secret_sha256[VSA_SHA256_SIZE];
    int64_t rate; /* requests a second; 0: the service's */
};

struct vsa_client_list {
    size_t count;
    struct vsa_service_client clients[VSA_MAX_CLIENTS];
};

/*
 * Reads lines "NAME SHA256 [RATE]": the digest of the secret in hexadecimal. Blank lines and those
 * that begin with # are passed over. Errors: VSA_ERR_ARGUMENT, with the line.
 */
VSA_MUST_USE enum vsa_status
vsa_client_list_parse(struct vsa_slice file, struct vsa_client_list *list, struct vsa_error *error);

/*
 * Returns the client of an Authorization header, "Bearer SECRET"; NULL for none. Takes as long
 * whichever it is.
 */
const struct vsa_service_client *vsa_client_list_find(const struct vsa_client_list *list,
                                                      const char *authorization);

/* Buckets, VSA_CLIENT_TABLE of them; safe to share between threads. */
struct vsa_rate_table;

struct vsa_rate_table *vsa_rate_table_new(void);
/* Frees it; NULL is fine. */
void vsa_rate_table_free(struct vsa_rate_table *table);
VSA_DEFINE_CLEANUP(struct vsa_rate_table, vsa_rate_table_free, vsa_cleanup_rate_table);

/*
 * Takes a token of the bucket with this key: returns 0, or after how many milliseconds there is
 * one. A key that cannot be hashed has to wait.
 */
int64_t vsa_rate_table_take(struct vsa_rate_table *table, struct vsa_slice key, int64_t rate,
                            int64_t burst, int64_t now_ms);

#endif
