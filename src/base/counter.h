/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number that one thread writes and any thread reads: an increment is a relaxed load and store,
 * not a locked instruction. With a second writer increments are lost.
 */
#ifndef VSA_BASE_COUNTER_H
#define VSA_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t vsa_counter;

static inline uint64_t vsa_counter_get(const vsa_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void vsa_counter_set(vsa_counter *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* Adds `n`, which may be negative. */
static inline void vsa_counter_add(vsa_counter *counter, int64_t n)
{
    vsa_counter_set(counter, vsa_counter_get(counter) + (uint64_t)n);
}

#endif
