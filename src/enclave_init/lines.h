/* SPDX-License-Identifier: Apache-2.0 */
/* The files cmd and env of an image: one item a line (nitro-cli enclave_build). */
#ifndef VSA_ENCLAVE_INIT_LINES_H
#define VSA_ENCLAVE_INIT_LINES_H

#include <stddef.h>

/* Linux itself takes 128 KiB for one argument and a few MiB for all. */
#define LINES_MAX_BYTES (256 * 1024)
#define LINES_MAX_ITEMS 4096

struct lines {
    char text[LINES_MAX_BYTES + 1];   /* the file; cut into items by lines_parse() */
    char *items[LINES_MAX_ITEMS + 1]; /* ends with NULL: fit for execvp() */
    size_t count;
};

/*
 * Cuts the first `size` bytes of `lines->text`. An empty line is an empty item; the last line may
 * lack its newline. Returns NULL, or what is wrong, static.
 */
const char *lines_parse(struct lines *lines, size_t size);

/* Checks that each item is NAME=VALUE. Returns NULL, or what is wrong. */
const char *lines_check_environment(const struct lines *lines);

#endif
