/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's state: its numbers at one moment, the table by which `status` and `metrics` show
 * them, and `status` itself.
 */
#ifndef VSA_SERVER_STATUS_H
#define VSA_SERVER_STATUS_H

#include "process/process.h"
#include "server/request.h"

/* What the server's state is made of, at one moment. */
struct vsa_snapshot {
    struct vsa_server_statistics statistics;
    struct vsa_process_usage usage;
    /* Limits, beside what they limit. */
    uint64_t max_connections;
    uint64_t max_in_flight;
    uint64_t max_queue;
    uint64_t max_buffered;
};

enum vsa_unit {
    VSA_UNIT_ONE,
    VSA_UNIT_US,    /* microseconds; a metric has seconds */
    VSA_UNIT_US_MS, /* microseconds; `status` has milliseconds */
    VSA_UNIT_MS,    /* milliseconds; a metric has seconds */
};

/* An integer of 64 bits in a snapshot; below 0: not known. */
struct vsa_quantity {
    size_t offset;
    enum vsa_unit unit;
    const char *group;  /* object in `status`, or NULL: the reply itself */
    const char *member; /* of that; NULL: not in `status` */
    const char *metric; /* without prefix; NULL: not in `metrics` */
    const char *label;  /* such as state="idle", or NULL */
    const char *type;   /* of the metric; NULL: as in the row before, whose metric it is */
    const char *help;
};

extern const struct vsa_quantity vsa_quantities[];
extern const size_t vsa_quantity_count;

int64_t vsa_quantity_value(const struct vsa_quantity *quantity,
                           const struct vsa_snapshot *snapshot);

/* Reads every member of the statistics. Any thread. */
void vsa_statistics_read(const struct vsa_requests *all, struct vsa_server_statistics *statistics);
/* Reads all, the statistics included. Any thread. */
void vsa_snapshot_take(const struct vsa_requests *all, struct vsa_snapshot *snapshot);

/* Adds what `status` has besides what vsa_service_status_encode() writes. Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_service_add_statistics(const struct vsa_snapshot *snapshot,
                                                        json_t *reply, struct vsa_error *error);

#endif
