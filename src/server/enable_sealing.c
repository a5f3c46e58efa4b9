/* SPDX-License-Identifier: Apache-2.0 */
#include "server/enable_sealing.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/sized.h"

VSA_SIZED_ASSERT(struct vsa_sealing_options, rate_limit);

void vsa_sealing_options_init_size(struct vsa_sealing_options *options, size_t size)
{
    const struct vsa_sealing_options defaults = {
        .kem = VSA_SEALING_X25519,
        .lifetime_ms = VSA_DEFAULT_SEAL_LIFETIME_MS,
        .overlap_ms = VSA_DEFAULT_SEAL_OVERLAP_MS,
        .max_uses = VSA_DEFAULT_SEAL_MAX_USES,
        .rate_limit = VSA_SEALING_RATE_OF_KEM,
    };
    vsa_sized_write(options, size, &defaults, sizeof(defaults));
}

static enum vsa_status check(const struct vsa_sealing_options *options, struct vsa_error *error)
{
    if (options->kem != VSA_SEALING_X25519 && options->kem != VSA_SEALING_P384)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the sealing key is of X25519 or of P-384");
    if (options->lifetime_ms <= 0 || options->lifetime_ms > VSA_MAX_SEAL_TIME_MS ||
        options->overlap_ms < 0 || options->overlap_ms > VSA_MAX_SEAL_TIME_MS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a sealing key's times must be at most %d ms",
                        VSA_MAX_SEAL_TIME_MS);
    if (options->max_uses < VSA_MIN_SEAL_MAX_USES || options->max_uses > VSA_MAX_SEAL_MAX_USES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a sealing key's uses must be %d..%d",
                        VSA_MIN_SEAL_MAX_USES, VSA_MAX_SEAL_MAX_USES);
    if (options->rate_limit > VSA_MAX_RATE_LIMIT && options->rate_limit != VSA_SEALING_RATE_OF_KEM)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the rate limit must be at most %d",
                        VSA_MAX_RATE_LIMIT);
    return VSA_OK;
}

static int64_t rate_of(const struct vsa_sealing_options *options)
{
    if (options->rate_limit != VSA_SEALING_RATE_OF_KEM)
        return (int64_t)options->rate_limit;
    return options->kem == VSA_SEALING_P384 ? VSA_DEFAULT_SEAL_RATE_P384 : 0;
}

enum vsa_status vsa_enable_sealing(struct vsa_requests *requests,
                                   const struct vsa_sealing_options *options,
                                   void (*done)(void *user), void *user, struct vsa_error *error)
{
    struct vsa_sealing_options known;
    vsa_sealing_options_init(&known);
    if (options)
        VSA_TRY(vsa_sized_read(&known, sizeof(known), options, "sealing options",
                               "vsa_sealing_options_init()", error));
    VSA_TRY(check(&known, error));
    struct vsa_sealing *sealing = calloc(1, sizeof(*sealing));
    if (!sealing)
        return vsa_fail_memory(error);
    sealing->loop = requests->loop;
    sealing->budget = &requests->streams->budget;
    sealing->max_queue = requests->options->max_queue;
    sealing->done = done;
    sealing->user = user;
    sealing->keys.suite = vsa_hpke_find_suite((uint16_t)known.kem);
    sealing->keys.lifetime_ms = known.lifetime_ms;
    sealing->keys.overlap_ms = known.overlap_ms;
    sealing->keys.max_uses = known.max_uses;
    /* The loop borrows what begins: last. A program may go on without sealing if it fails. */
    size_t commands = requests->table.count;
    enum vsa_status status = vsa_builtin_add_sealing(&requests->table, error);
    if (status == VSA_OK)
        status = vsa_sealing_begin(sealing, error);
    if (status != VSA_OK) {
        requests->table.count = commands;
        vsa_sealing_free(sealing);
        return status;
    }
    requests->sealing = sealing;
    requests->sealed_rate.rate = rate_of(&known);
    requests->sealed_rate.burst = 2 * requests->sealed_rate.rate;
    return VSA_OK;
}

enum vsa_status vsa_check_senders(const struct vsa_requests *requests, struct vsa_error *error)
{
    const struct vsa_sealing *sealing = requests->sealing;
    const struct vsa_command_row *named;
    for (size_t i = 0; sealing && i < sealing->senders.count; i++) {
        const char *name = sealing->senders.entries[i].command;
        if (name[0] && !vsa_command_table_find(&requests->table, name, &named))
            return vsa_fail(error, VSA_ERR_ARGUMENT,
                            "senders are named for \"%s\", which is no command of this server, "
                            "nor named for a backend",
                            name);
    }
    return VSA_OK;
}
