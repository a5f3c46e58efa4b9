/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sized.h"

#include <stdbool.h>

#include "base/error.h"

/* What is larger was never set by an init function. */
#define MAX_SIZE 65536

static bool is_zero(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return size == 0;
}

enum vsa_status vsa_sized_read(void *known, size_t known_size, const void *given, const char *what,
                               const char *init, struct vsa_error *error)
{
    size_t size;
    memcpy(&size, given, sizeof(size));
    /* Its first member aligns the struct, so half a member is in no version's size. */
    if (size <= sizeof(size) || size % sizeof(size) != 0 || size > MAX_SIZE)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s without a size: set up with %s", what, init);
    if (size > known_size && !is_zero((const uint8_t *)given + known_size, size - known_size))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s with a member that libvsattest %s does not have: leave it as %s set "
                        "it, or install the version that the program was compiled with",
                        what, vsa_version(), init);
    memcpy(known, given, size < known_size ? size : known_size);
    memcpy(known, &known_size, sizeof(known_size));
    return VSA_OK;
}

void vsa_sized_copy(void *known, size_t known_size, const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof(size));
    memcpy(known, given, size < known_size ? size : known_size);
}

void vsa_sized_write(void *given, size_t given_size, const void *known, size_t known_size)
{
    size_t common = given_size < known_size ? given_size : known_size;
    memset(given, 0, given_size);
    memcpy(given, known, common);
    if (given_size >= sizeof(given_size))
        memcpy(given, &given_size, sizeof(given_size));
}
