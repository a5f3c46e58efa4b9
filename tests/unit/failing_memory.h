/* SPDX-License-Identifier: Apache-2.0 */
/* jansson's memory, running out at a chosen allocation. */
#ifndef VSA_TESTS_FAILING_MEMORY_H
#define VSA_TESTS_FAILING_MEMORY_H

/* Lets `count` allocations of jansson's succeed and every later one fail; -1: all succeed. */
void failing_memory_after(int count);

/* Lets `count` allocations of jansson's succeed and only the next one fail. */
void failing_memory_once_after(int count);

#endif
