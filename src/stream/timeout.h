/* SPDX-License-Identifier: Apache-2.0 */
/* Where streams time out: idle ones, and ones whose last line is not read. */
#ifndef VSA_STREAM_TIMEOUT_H
#define VSA_STREAM_TIMEOUT_H

#include "stream/state.h"

/* Makes the timer lists and adds them to the loop. */
void vsa_streams_add_timers(struct vsa_streams *streams);

#endif
