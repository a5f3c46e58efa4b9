/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_JSON_DEPTH_H
#define VSA_BASE_JSON_DEPTH_H

#include <vsattest/base.h>

/*
 * jansson recurses, up to 2048 levels: this looks at the brackets before it does. On text that is
 * not JSON the count means little, and the parser refuses it anyway.
 * Errors: VSA_ERR_NESTING with the offset, when arrays and objects are nested deeper than `limit`.
 */
VSA_MUST_USE enum vsa_status vsa_json_depth_check(struct vsa_slice text, size_t limit,
                                                  struct vsa_error *error);

#endif
