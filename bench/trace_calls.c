/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program that was built with -finstrument-functions: notes which functions are
 * entered and left, by which thread, from one SIGUSR1 to the next, which writes them to the file
 * that VSA_TRACE names. scripts/trace-attest counts them.
 */
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_CALLS  1000000
#define UNOBSERVED __attribute__((no_instrument_function))

struct call {
    uintptr_t function;
    long thread;
    char kind; /* '+': entered, '-': left */
};

/* What the compiler's calls are named. */
void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

static struct call calls[MAX_CALLS];
static atomic_size_t count;
static atomic_bool on;
static uintptr_t base; /* of the program */

UNOBSERVED static void write_calls(void)
{
    const char *path = getenv("VSA_TRACE");
    FILE *file = path ? fopen(path, "w") : NULL;
    for (size_t i = 0; file && i < count && i < MAX_CALLS; i++)
        (void)fprintf(file, "%ld %c 0x%lx\n", calls[i].thread, calls[i].kind,
                      (unsigned long)(calls[i].function - base));
    if (!file || fclose(file) != 0)
        _exit(1);
}

UNOBSERVED static void on_signal(int number)
{
    (void)number;
    if (atomic_exchange(&on, !on))
        write_calls();
}

/* The program is the first. */
UNOBSERVED static int take_base(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    base = info->dlpi_addr;
    return 1;
}

UNOBSERVED __attribute__((constructor)) static void begin(void)
{
    (void)dl_iterate_phdr(take_base, NULL);
    (void)signal(SIGUSR1, on_signal);
}

UNOBSERVED static void note(void *function, char kind)
{
    if (!on)
        return;
    size_t place = atomic_fetch_add(&count, 1);
    if (place < MAX_CALLS)
        calls[place] = (struct call){(uintptr_t)function, syscall(SYS_gettid), kind};
}

UNOBSERVED void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    note(function, '+');
}

UNOBSERVED void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)caller;
    note(function, '-');
}
