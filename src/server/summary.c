/* SPDX-License-Identifier: Apache-2.0 */
#include "server/summary.h"

#include <stdlib.h>
#include <string.h>

bool vsa_summary_is_enough(struct vsa_summary *summary, int64_t now_ms)
{
    if (now_ms - summary->begun_ms >= VSA_SUMMARY_PERIOD_MS) {
        summary->begun_ms = now_ms;
        summary->made = 0;
    }
    if (summary->text && summary->made >= VSA_SUMMARIES_NEW)
        return true;
    summary->made++;
    return false;
}

void vsa_summary_keep(struct vsa_summary *summary, struct vsa_slice text)
{
    vsa_summary_drop(summary);
    summary->text = malloc(text.size);
    if (!summary->text)
        return;
    memcpy(summary->text, text.data, text.size);
    summary->size = text.size;
}

void vsa_summary_drop(struct vsa_summary *summary)
{
    free(summary->text);
    summary->text = NULL;
}
