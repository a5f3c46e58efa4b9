/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that a peer or a file chose, on its way to a terminal or a log.
 *
 * Printable is every well-formed UTF-8 character outside Unicode's categories Cc, Cf, Zl and Zp:
 * controls, which terminals obey; format characters, which are not seen and may reorder what
 * stands behind them on the line; separators of lines and paragraphs.
 */
#ifndef VSA_BASE_PRINTABLE_H
#define VSA_BASE_PRINTABLE_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Returns the size of the character at `offset`, which must be inside; 1 for a byte that begins
 * none. Sets `*printable`.
 */
size_t vsa_printable_next(struct vsa_slice text, size_t offset, bool *printable);

/* Returns whether every character is printable; true for no bytes. */
bool vsa_printable_all(struct vsa_slice text);

/* Makes `size` bytes of text printable in place: every byte of other characters becomes '?'. */
void vsa_printable_make(char *text, size_t size);

#endif
