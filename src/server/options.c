/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options.h"

#include "base/error.h"
#include "base/sized.h"

/* Below this not even the requests of the guide fit. */
#define SMALLEST_MAX_LINE 256

VSA_SIZED_ASSERT(struct vsa_server_options, user);

void vsa_server_options_init_size(struct vsa_server_options *options, size_t size)
{
    const struct vsa_server_options defaults = {
        .listen = "vsock:any:9000",
        .nsm = VSA_NSM_DEVICE,
        .max_connections = VSA_DEFAULT_MAX_CONNECTIONS,
        .max_in_flight = VSA_DEFAULT_MAX_IN_FLIGHT,
        .max_queue = VSA_DEFAULT_MAX_QUEUE,
        .rate_limit = VSA_DEFAULT_RATE_LIMIT,
        .rate_burst = VSA_DEFAULT_RATE_BURST,
        .max_line = VSA_MAX_REQUEST_LINE,
        .max_buffered = VSA_DEFAULT_MAX_BUFFERED,
        .idle_timeout_ms = VSA_DEFAULT_IDLE_TIMEOUT_MS,
        .request_timeout_ms = VSA_DEFAULT_REQUEST_TIMEOUT_MS,
        .drain_timeout_ms = VSA_DEFAULT_DRAIN_TIMEOUT_MS,
    };
    vsa_sized_write(options, size, &defaults, sizeof(defaults));
}

static enum vsa_status check(const struct vsa_server_options *options, struct vsa_error *error)
{
    if (!options->listen || !options->nsm)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no address");
    if (options->max_connections == 0 || options->max_in_flight == 0 || options->max_queue == 0 ||
        options->max_buffered == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a limit of 0");
    if (options->max_line < SMALLEST_MAX_LINE || options->max_line > VSA_MAX_REQUEST_LINE)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "max_line must be %d..%d bytes", SMALLEST_MAX_LINE,
                        VSA_MAX_REQUEST_LINE);
    if (options->rate_limit > VSA_MAX_RATE_LIMIT || options->rate_burst > VSA_MAX_RATE_LIMIT)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "rate limit and burst must be at most %d",
                        VSA_MAX_RATE_LIMIT);
    if (options->cache_ttl_ms < 0 || options->cache_ttl_ms > VSA_MAX_CACHE_TTL_MS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the cache's time must be 0..%d ms",
                        VSA_MAX_CACHE_TTL_MS);
    if (options->idle_timeout_ms <= 0 || options->request_timeout_ms <= 0 ||
        options->drain_timeout_ms <= 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "time limits must be above 0 ms");
    return VSA_OK;
}

enum vsa_status vsa_server_options_read(const struct vsa_server_options *options,
                                        struct vsa_server_options *known, struct vsa_error *error)
{
    vsa_server_options_init(known);
    VSA_TRY(vsa_sized_read(known, sizeof(*known), options, "server options",
                           "vsa_server_options_init()", error));
    return check(known, error);
}
