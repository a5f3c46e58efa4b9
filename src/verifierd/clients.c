/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/clients.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/bucket.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include <vsattest/limits.h>

/* --- clients ---------------------------------------------------------------------------------- */

static enum vsa_status fail_line(size_t number, const char *what, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "line %zu of the clients: %s; a line is NAME SHA256 [RATE]", number, what);
}

static bool is_known(const struct vsa_client_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->clients[i].name, name) == 0)
            return true;
    return false;
}

static enum vsa_status parse_client(const char *line, size_t number, struct vsa_client_list *list,
                                    struct vsa_error *error)
{
    struct vsa_service_client client = {0};
    char digest[2 * VSA_SHA256_SIZE + 2];
    unsigned long rate = 0;
    int end = 0;
    if (sscanf(line, "%32[a-zA-Z0-9._-]%*[ ]%65[0-9a-fA-F]%n", client.name, digest, &end) != 2)
        return fail_line(number, "not of this form", error);
    const char *rest = line + end + strspn(line + end, " ");
    const char *digits = rest;
    rest += strspn(rest, "0123456789");
    if (rest > digits)
        rate = strtoul(digits, NULL, 10);
    if (rest[strspn(rest, " ")])
        return fail_line(number, "a rate that is no number", error);
    if (vsa_hex_decode(vsa_slice_of_text(digest), client.secret_sha256, VSA_SHA256_SIZE, NULL) !=
        VSA_OK)
        return fail_line(number, "a digest that has not 64 digits", error);
    if (rest > digits && (rate < 1 || rate > VSA_MAX_RATE_LIMIT))
        return fail_line(number, "a rate that is not from 1 to 1000000", error);
    if (is_known(list, client.name))
        return fail_line(number, "a name that stands there already", error);
    if (list->count == VSA_MAX_CLIENTS)
        return fail_line(number, "more clients than 1024", error);
    client.rate = (unsigned)rate;
    list->clients[list->count++] = client;
    return VSA_OK;
}

static enum vsa_status parse_line(struct vsa_slice bytes, size_t number,
                                  struct vsa_client_list *list, struct vsa_error *error)
{
    char line[128];
    if (bytes.size >= sizeof(line) || memchr(bytes.data, '\0', bytes.size))
        return fail_line(number, "too long, or no text", error);
    memcpy(line, bytes.data, bytes.size);
    line[bytes.size] = '\0';
    line[strcspn(line, "\r")] = '\0';
    if (!line[strspn(line, " ")] || line[0] == '#')
        return VSA_OK;
    return parse_client(line, number, list, error);
}

enum vsa_status vsa_client_list_parse(struct vsa_slice file, struct vsa_client_list *list,
                                      struct vsa_error *error)
{
    list->count = 0;
    for (size_t number = 1; file.size; number++) {
        const uint8_t *end = memchr(file.data, '\n', file.size);
        size_t size = end ? (size_t)(end - file.data) : file.size;
        VSA_TRY(parse_line(vsa_slice_of(file.data, size), number, list, error));
        size += end ? 1 : 0;
        file = vsa_slice_of(file.data + size, file.size - size);
    }
    return VSA_OK;
}

const struct vsa_service_client *vsa_client_list_find(const struct vsa_client_list *list,
                                                      const char *authorization)
{
    static const char scheme[] = "Bearer ";
    uint8_t digest[VSA_SHA256_SIZE];
    const struct vsa_service_client *found = NULL;
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return NULL;
    const struct vsa_slice secret = vsa_slice_of_text(authorization + strlen(scheme));
    if (secret.size < VSA_MIN_CLIENT_SECRET || secret.size > VSA_MAX_CLIENT_SECRET ||
        vsa_sha256(&secret, 1, digest, NULL) != VSA_OK)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        if (vsa_slice_equal_constant_time(
                vsa_slice_of(list->clients[i].secret_sha256, VSA_SHA256_SIZE),
                vsa_slice_of(digest, sizeof(digest))))
            found = &list->clients[i];
    return found;
}

/* --- buckets ---------------------------------------------------------------------------------- */

#define WAYS     8
#define KEY_SIZE 16
/* What a key that cannot be hashed waits. */
#define FAILED_MS 1000

struct entry {
    uint8_t key[KEY_SIZE];
    struct vsa_bucket bucket;
};

struct vsa_rate_table {
    pthread_mutex_t mutex;
    uint8_t seed[KEY_SIZE]; /* so that no client can choose whose place it takes */
    struct entry entries[VSA_CLIENT_TABLE / WAYS][WAYS];
};

struct vsa_rate_table *vsa_rate_table_new(void)
{
    struct vsa_rate_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    (void)pthread_mutex_init(&table->mutex, NULL);
    if (vsa_random(table->seed, sizeof(table->seed), NULL) == VSA_OK)
        return table;
    vsa_rate_table_free(table);
    return NULL;
}

void vsa_rate_table_free(struct vsa_rate_table *table)
{
    if (!table)
        return;
    (void)pthread_mutex_destroy(&table->mutex);
    free(table);
}

/* Returns the entry of the key, or the one with the most tokens for it to take over. */
static struct entry *find_entry(struct entry row[WAYS], const uint8_t key[KEY_SIZE], int64_t rate,
                                int64_t now_ms)
{
    struct entry *calmest = &row[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(row[i].key, key, KEY_SIZE) == 0)
            return &row[i];
        (void)vsa_bucket_is_full(&row[i].bucket, rate, now_ms);
        if (row[i].bucket.taken_milli < calmest->bucket.taken_milli)
            calmest = &row[i];
    }
    *calmest = (struct entry){.bucket = {.updated_ms = now_ms}};
    memcpy(calmest->key, key, KEY_SIZE);
    return calmest;
}

int64_t vsa_rate_table_take(struct vsa_rate_table *table, struct vsa_slice key, int64_t rate,
                            int64_t burst, int64_t now_ms)
{
    uint8_t digest[VSA_SHA256_SIZE];
    const struct vsa_slice parts[] = {vsa_slice_of(table->seed, sizeof(table->seed)), key};
    if (vsa_sha256(parts, 2, digest, NULL) != VSA_OK)
        return FAILED_MS;
    size_t row = ((size_t)digest[KEY_SIZE] << 8 | digest[KEY_SIZE + 1]) % (VSA_CLIENT_TABLE / WAYS);
    (void)pthread_mutex_lock(&table->mutex);
    struct entry *entry = find_entry(table->entries[row], digest, rate, now_ms);
    int64_t wait_ms = vsa_bucket_take(&entry->bucket, rate, burst, now_ms);
    (void)pthread_mutex_unlock(&table->mutex);
    return wait_ms;
}
