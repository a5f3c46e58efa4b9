/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of mutations: each row turns knobs of the forge, of the policy or of the clock and names
 * the verdict. Every row is one test case, run with an empty cache and with one that has seen the
 * genuine chain and all rows before; a refused document must leave nothing in the claims and
 * nothing in the cache.
 */
#ifndef VSA_TESTS_MUTATION_H
#define VSA_TESTS_MUTATION_H

#include "forge.h"

enum anchors {
    ANCHOR_GENUINE, /* the root of the genuine chain, whatever the document says */
    ANCHOR_OWN,     /* also the document's own root: for what a trusted root may not do */
    ANCHOR_NONE,
};

struct setting {
    struct forge forge;
    struct vsa_policy policy;
    const struct vsa_policy *used_policy; /* NULL only where a row says so */
    int64_t now_ms;
    enum anchors anchors;
};

struct mutation {
    const char *name;
    void (*apply)(struct setting *setting, const struct mutation *row);
    enum vsa_status expected;
    /* What `apply` makes of these is its own affair. */
    size_t where;
    const char *hex;
    const char *text;
    int64_t number;
};

/* One cmocka group; returns what main() returns. */
int mutation_run(const char *group, const struct mutation *rows, size_t count);

#define MUTATION_RUN(group, rows) mutation_run(group, rows, sizeof(rows) / sizeof((rows)[0]))

/* --- for `apply` --- */

/* The `const char *` of struct forge_cose at offset `where` becomes `hex`. */
void set_cose(struct setting *setting, const struct mutation *row);
/* The payload's field `where` becomes `hex`, or `number` bytes, or is taken out. */
void set_field(struct setting *setting, const struct mutation *row);
void set_field_size(struct setting *setting, const struct mutation *row);
void remove_field(struct setting *setting, const struct mutation *row);
/* An entry `text`: `hex` at the end of the payload. */
void add_entry(struct setting *setting, const struct mutation *row);
/* Nothing: the genuine document. */
void leave(struct setting *setting, const struct mutation *row);

#endif
