/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/jwks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "file/name_list.h"
#include "file/whole_file.h"
#include "json/writer.h"

static enum vsa_status fail_kind(struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "not an EC key on P-256 or P-384; openssl genpkey -algorithm EC -pkeyopt "
                    "ec_paramgen_curve:P-256 makes one");
}

static enum vsa_status check_new(const struct vsa_signing_keys *keys,
                                 const struct vsa_signing_key *added, struct vsa_error *error)
{
    if (!vsa_jwk_algorithm(vsa_key_curve(added->key)))
        return fail_kind(error);
    if (keys->count == VSA_MAX_SIGNING_KEYS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d signing keys", VSA_MAX_SIGNING_KEYS);
    return VSA_OK;
}

enum vsa_status vsa_signing_keys_add(struct vsa_signing_keys *keys, struct vsa_key *key,
                                     int64_t since_ms, struct vsa_error *error)
{
    struct vsa_signing_key added = {.key = key, .since_ms = since_ms};
    enum vsa_status status = check_new(keys, &added, error);
    if (status == VSA_OK)
        status = vsa_jwk_thumbprint(added.key, added.id, error);
    for (size_t i = 0; status == VSA_OK && i < keys->count; i++)
        if (strcmp(keys->keys[i].id, added.id) == 0)
            status = vsa_fail(error, VSA_ERR_ARGUMENT, "the same key twice");
    if (status != VSA_OK) {
        vsa_key_free(key);
        return status;
    }
    keys->keys[keys->count++] = added;
    return VSA_OK;
}

/*
 * Reads from when on a key signs out of its file's name, "20261201T1200Z.pem". systemd's
 * LoadCredential= of a directory puts its ID and '_' before that.
 */
static bool read_name(const char *name, int64_t *from_ms)
{
    char text[32];
    const char *prefix_end = strrchr(name, '_');
    if (prefix_end)
        name = prefix_end + 1;
    if (strlen(name) != strlen("20261201T1200Z.pem"))
        return false;
    (void)snprintf(text, sizeof(text), "%.4s-%.2s-%.5s:%.2s:00Z", name, name + 4, name + 6,
                   name + 11);
    return name[13] == 'Z' && vsa_time_parse(text, from_ms, NULL) == VSA_OK;
}

static enum vsa_status load_key(const char *path, const char *name, struct vsa_signing_keys *keys,
                                struct vsa_error *error)
{
    struct stat status;
    uint8_t text[VSA_MAX_KEY_FILE + 1]; /* the last byte: too long */
    size_t size = 0;
    struct vsa_key *key = NULL;
    VSA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return vsa_fail(error, VSA_ERR_IO, "cannot open it: %s", strerror(errno));
    VSA_TRY(vsa_whole_file_fill(fd, path, text, sizeof(text), &size, error));
    enum vsa_status read =
        size > VSA_MAX_KEY_FILE
            ? vsa_fail(error, VSA_ERR_TOO_LARGE, "more than %d bytes", VSA_MAX_KEY_FILE)
            : vsa_key_read_private(vsa_slice_of(text, size), &key, error);
    vsa_wipe(text, size);
    if (read == VSA_ERR_ARGUMENT)
        return fail_kind(error); /* RSA, Ed25519: what signs no token of this service */
    VSA_TRY(read);
    int64_t from_ms;
    int64_t since_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    if (read_name(name, &from_ms))
        since_ms = from_ms - VSA_KEY_LEAD_MS;
    return vsa_signing_keys_add(keys, key, since_ms, error);
}

enum vsa_status vsa_signing_keys_load(const char *directory, struct vsa_signing_keys *keys,
                                      struct vsa_error *error)
{
    char path[4096];
    VSA_AUTO_NAME_LIST struct vsa_name_list list = {0};
    *keys = (struct vsa_signing_keys){0};
    VSA_TRY(vsa_name_list_read(directory, ".pem", VSA_MAX_SIGNING_KEYS, &list, error));
    if (!list.count)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no signing key (*.pem) in %.160s", directory);
    for (size_t i = 0; i < list.count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, list.names[i]);
        enum vsa_status status = load_key(path, list.names[i], keys, error);
        if (status != VSA_OK) {
            vsa_error_wrap(error, "signing key %.80s", list.names[i]);
            return status;
        }
    }
    return VSA_OK;
}

enum vsa_status vsa_signing_keys_generate(struct vsa_signing_keys *keys, struct vsa_error *error)
{
    struct vsa_key *key = NULL;
    *keys = (struct vsa_signing_keys){0};
    VSA_TRY(vsa_key_generate(VSA_CURVE_P256, &key, error));
    return vsa_signing_keys_add(keys, key, 0, error);
}

void vsa_signing_keys_free(struct vsa_signing_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        vsa_key_free(keys->keys[i].key);
    keys->count = 0;
}

const struct vsa_signing_key *vsa_signing_keys_choose(const struct vsa_signing_keys *keys,
                                                      int64_t now_ms)
{
    const struct vsa_signing_key *newest = NULL;
    const struct vsa_signing_key *oldest = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct vsa_signing_key *key = &keys->keys[i];
        if (!oldest || key->since_ms < oldest->since_ms)
            oldest = key;
        if (key->since_ms + VSA_KEY_LEAD_MS <= now_ms &&
            (!newest || key->since_ms > newest->since_ms))
            newest = key;
    }
    return newest ? newest : oldest;
}

json_t *vsa_signing_keys_to_json(const struct vsa_signing_keys *keys)
{
    struct vsa_json_writer list = vsa_json_array();
    for (size_t i = 0; i < keys->count; i++)
        vsa_json_append(&list, vsa_jwk_to_json(keys->keys[i].key, keys->keys[i].id));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "keys", vsa_json_finish(&list));
    return vsa_json_finish(&writer);
}
