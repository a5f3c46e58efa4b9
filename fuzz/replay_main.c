/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its corpus as an ordinary TAP test: each input as it is, cut off at
 * many lengths, and with single bytes changed. Inputs are copied to the heap at their exact size,
 * so that the sanitizers and valgrind see every byte read past the end. The input of a failure is
 * printed in hex (for `xxd -r -p`).
 *
 * Usage: fuzz_NAME CORPUS_DIRECTORY
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

/* The corpus is ours; anything larger does not belong there. */
#define MAX_SEED 65536
/* Cuts and changes of one input: enough for every byte of a small one, bounded for large ones. */
#define MAX_MUTATIONS 256

struct input {
    unsigned char bytes[MAX_SEED];
    size_t size;
};

typedef void (*visitor)(const struct input *input);

static struct {
    const unsigned char *bytes;
    size_t size;
} running;

/* FUZZ_REQUIRE() did not hold: nothing is broken, so that printing is safe. */
static void print_running(int number)
{
    (void)number;
    fprintf(stderr, "# failed with the input ");
    for (size_t i = 0; i < running.size; i++)
        fprintf(stderr, "%02x", running.bytes[i]);
    fprintf(stderr, "\n");
}

static void run(const unsigned char *bytes, size_t size)
{
    /* malloc(0) may give NULL; a target must take that too, but not by accident. */
    unsigned char *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    running.bytes = copy;
    running.size = size;
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void as_it_is(const struct input *input)
{
    run(input->bytes, input->size);
}

static size_t step(const struct input *input)
{
    return input->size / MAX_MUTATIONS + 1;
}

static void cut_off(const struct input *input)
{
    for (size_t size = 0; size < input->size; size += step(input)) {
        run(input->bytes, size);
    }
}

static void changed(const struct input *input)
{
    static const unsigned char masks[] = {0x01, 0x20, 0x80, 0xff};
    static struct input copy;
    copy = *input;
    for (size_t i = 0; i < copy.size; i += step(input)) {
        unsigned char mask = masks[i % sizeof(masks)];
        copy.bytes[i] ^= mask;
        run(copy.bytes, copy.size);
        copy.bytes[i] ^= mask;
    }
}

static int read_input(const char *directory, const char *name, struct input *input)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return -1;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    input->size = fread(input->bytes, 1, sizeof(input->bytes), file);
    int whole = feof(file) && !ferror(file);
    fclose(file);
    return whole ? 0 : -1;
}

/* Returns how many inputs there were, or -1 if one could not be read. */
static int for_each_input(const char *directory, visitor visit)
{
    static struct input input;
    DIR *stream = opendir(directory);
    if (stream == NULL)
        return -1;
    int count = 0;
    for (const struct dirent *entry; count >= 0 && (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (read_input(directory, entry->d_name, &input) != 0) {
            printf("# cannot read %s/%s, or it is larger than %d bytes\n", directory, entry->d_name,
                   MAX_SEED);
            count = -1;
            continue;
        }
        visit(&input);
        count++;
    }
    closedir(stream);
    return count;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        visitor visit;
    } cases[] = {
        {"inputs as they are", as_it_is},
        {"inputs cut off", cut_off},
        {"inputs with a byte changed", changed},
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    int failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGABRT, print_running);
    printf("1..%zu\n", sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int count = for_each_input(argv[1], cases[i].visit);
        /* An empty corpus would test nothing. */
        failed |= count <= 0;
        printf("%s %zu - %s (%d files)\n", count > 0 ? "ok" : "not ok", i + 1, cases[i].name,
               count);
    }
    return failed;
}
