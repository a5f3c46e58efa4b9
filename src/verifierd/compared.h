/* SPDX-License-Identifier: Apache-2.0 */
/* Which PCRs an appraisal compared, and how each came out: for people, beside the token. */
#ifndef VSA_VERIFIERD_COMPARED_H
#define VSA_VERIFIERD_COMPARED_H

#include <jansson.h>

#include "verifierd/appraise.h"

/*
 * Makes {"0": true, "8": false}: the PCRs that the policy names, and whether each has a value that
 * it expects. Where no image matched, a PCR is compared with those of all images: each may have a
 * value of one of them, and all together still be no image's. Returns a new reference; NULL when
 * memory is short.
 */
json_t *vsa_compared_pcrs_to_json(const struct vsa_appraisal_rules *rules,
                                  const struct vsa_appraisal *appraisal,
                                  const struct vsa_pcrs *found);

#endif
