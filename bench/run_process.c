/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command again and again; one JSON line with the median wall and CPU time and the largest
 * peak memory. In C, because a child's peak counts the memory of the process that started it until
 * exec.
 *
 *   run_process RUNS COMMAND [ARGUMENT ...]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_RUNS 1000

struct run {
    double wall_ms;
    double cpu_ms;
    long peak_kib;
};

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void become(char **command)
{
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    (void)execv(command[0], command);
    _exit(127);
}

static int run_once(char **command, struct run *run)
{
    struct rusage usage;
    int status = 0;
    double start = now_ms();
    pid_t child = fork();
    if (child == 0)
        become(command);
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return -1;
    run->wall_ms = now_ms() - start;
    run->cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
    run->peak_kib = usage.ru_maxrss;
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(const struct run *runs, size_t count)
{
    static double wall[MAX_RUNS];
    static double cpu[MAX_RUNS];
    long peak = 0;
    for (size_t i = 0; i < count; i++) {
        wall[i] = runs[i].wall_ms;
        cpu[i] = runs[i].cpu_ms;
        peak = runs[i].peak_kib > peak ? runs[i].peak_kib : peak;
    }
    qsort(wall, count, sizeof(*wall), ascending);
    qsort(cpu, count, sizeof(*cpu), ascending);
    (void)printf("{\"wall_ms\": %.3f, \"cpu_ms\": %.3f, \"peak_kib\": %ld}\n", wall[count / 2],
                 cpu[count / 2], peak);
}

int main(int argc, char **argv)
{
    static struct run runs[MAX_RUNS];
    int count = argc > 2 ? atoi(argv[1]) : 0;
    if (count < 1 || count > MAX_RUNS) {
        (void)fprintf(stderr, "usage: run_process RUNS COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        if (run_once(argv + 2, &runs[i]) != 0) {
            (void)fprintf(stderr, "run_process: %s failed\n", argv[2]);
            return 1;
        }
    }
    report(runs, (size_t)count);
    return 0;
}
