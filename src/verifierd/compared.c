/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/compared.h"

#include <stdio.h>

#include "json/writer.h"

enum outcome { NOT_NAMED, DIFFERENT, EQUAL };

static enum outcome compare(const struct vsa_pcrs *expected, const struct vsa_pcrs *found,
                            unsigned index)
{
    uint32_t bit = UINT32_C(1) << index;
    if (!(expected->present & bit))
        return NOT_NAMED;
    bool equal = found->present & bit &&
                 memcmp(expected->value[index], found->value[index], VSA_PCR_SIZE) == 0;
    return equal ? EQUAL : DIFFERENT;
}

/* Returns the best outcome of all images; with one that matched, that one's. */
static enum outcome compare_images(const struct vsa_appraisal_rules *rules,
                                   const struct vsa_appraisal *appraisal,
                                   const struct vsa_pcrs *found, unsigned index)
{
    enum outcome best = NOT_NAMED;
    if (appraisal->image)
        return compare(&appraisal->image->pcrs, found, index);
    for (size_t i = 0; i < rules->image_count && best != EQUAL; i++) {
        enum outcome outcome = compare(&rules->images[i].pcrs, found, index);
        best = outcome > best ? outcome : best;
    }
    return best;
}

json_t *vsa_compared_pcrs_to_json(const struct vsa_appraisal_rules *rules,
                                  const struct vsa_appraisal *appraisal,
                                  const struct vsa_pcrs *found)
{
    struct vsa_json_writer writer = vsa_json_object();
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        enum outcome image = compare_images(rules, appraisal, found, i);
        enum outcome platform = compare(&rules->platform, found, i);
        char index[4];
        if (image == NOT_NAMED && platform == NOT_NAMED)
            continue;
        (void)snprintf(index, sizeof(index), "%u", i);
        vsa_json_put(&writer, index, json_boolean(image != DIFFERENT && platform != DIFFERENT));
    }
    return vsa_json_finish(&writer);
}
