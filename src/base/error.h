/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way errors are made and passed on:
 *
 *     if (bad)
 *         return vsa_fail_at(error, VSA_ERR_PCRS, offset, "AWS NSM API 3.2.2", "PCR index %u", n);
 *     VSA_TRY(next_step(..., error));
 */
#ifndef VSA_BASE_ERROR_H
#define VSA_BASE_ERROR_H

#include <vsattest/base.h>

/*
 * Each fills `error`, which may be NULL, and returns the status, so that it can end a function.
 * Macros, so that static analysers see which status is returned: otherwise they assume for every
 * VSA_TRY that it may go on with nothing set.
 *
 *     vsa_fail(error, status, format, ...)                  the common case
 *     vsa_fail_at(error, status, offset, rule, format, ...) where in the input, and which rule of
 *                                                           which specification (static, or NULL)
 *     vsa_fail_memory(error)                                VSA_ERR_MEMORY
 */
#define vsa_fail(error, status, ...)    vsa_fail_at(error, status, VSA_NO_OFFSET, NULL, __VA_ARGS__)
#define vsa_fail_at(error, status, ...) (vsa_error_set((error), (status), __VA_ARGS__), (status))
#define vsa_fail_memory(error)          vsa_fail(error, VSA_ERR_MEMORY, "out of memory")

/* Fills `error`, which may be NULL. `rule` is static or NULL; `offset` may be VSA_NO_OFFSET. */
VSA_PRINTF(5, 6)
void vsa_error_set(struct vsa_error *error, enum vsa_status status, size_t offset, const char *rule,
                   const char *format, ...);

/* Puts the formatted context and ": " before the detail of an error on its way up. */
VSA_PRINTF(2, 3) void vsa_error_wrap(struct vsa_error *error, const char *format, ...);

/* Passes a failure on unchanged. */
#define VSA_TRY(call)                                                                              \
    do {                                                                                           \
        enum vsa_status vsa_try_status_ = (call);                                                  \
        if (vsa_try_status_ != VSA_OK)                                                             \
            return vsa_try_status_;                                                                \
    } while (0)

#endif
