/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public structs that may grow: their first member, `size_t size`, is what sizeof gave when the
 * caller was compiled (perf_event_open(2) does the same). docs/VERSIONING.md has the rules.
 */
#ifndef VSA_BASE_SIZED_H
#define VSA_BASE_SIZED_H

#include <vsattest/base.h>

/*
 * Copies a caller's struct over one of this library's.
 *
 * known  in: the defaults; out: with the members that the caller's struct has
 * given  in: the caller's, as long as its first member says
 * what   in: names the struct in errors
 * init   in: names the function that sets its size
 *
 * Errors: VSA_ERR_ARGUMENT for a size that no version can have, and when a member that this library
 * does not know is not zero.
 */
VSA_MUST_USE enum vsa_status vsa_sized_read(void *known, size_t known_size, const void *given,
                                            const char *what, const char *init,
                                            struct vsa_error *error);

/*
 * Copies what both know of a struct that this library set before: no byte beyond its size, and what
 * a newer program's struct has besides is zero.
 */
void vsa_sized_copy(void *known, size_t known_size, const void *given);

/* Fills a caller's struct of `given_size` bytes: known members, then zeros; sets its size. */
void vsa_sized_write(void *given, size_t given_size, const void *known, size_t known_size);

/* A member added later must lie behind the end of the struct before it, not in its padding. */
#define VSA_SIZED_ASSERT(type, last)                                                               \
    _Static_assert(offsetof(type, size) == 0 &&                                                    \
                       offsetof(type, last) + sizeof(((type *)NULL)->last) == sizeof(type),        \
                   #type " begins with size and has no padding at its end")

#endif
