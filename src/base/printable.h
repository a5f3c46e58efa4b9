/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a peer or a file chose, on its way to a terminal or a log. */
#ifndef VSA_BASE_PRINTABLE_H
#define VSA_BASE_PRINTABLE_H

#include <vsattest/base.h>

/*
 * How many bytes the control character at `offset` has: 1 for C0 and DEL, 2 for C1 in its UTF-8
 * form (U+0080..U+009F), which terminals obey as well; 0 if there is none.
 */
size_t vsa_printable_control(struct vsa_slice text, size_t offset);

/*
 * Makes `size` bytes of text printable in place: every byte of a control character becomes '?' (a
 * NUL too), and every byte beyond ASCII if the text is not UTF-8 as a whole.
 */
void vsa_printable_make(char *text, size_t size);

#endif
