/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/parallel.h"

#include <pthread.h>
#include <stdbool.h>

#include <vsattest/client.h>

struct task {
    pthread_t thread;
    bool started;
    void (*work)(void *item);
    void *item;
};

static void *run(void *context)
{
    const struct task *task = context;
    task->work(task->item);
    return NULL;
}

void client_parallel(void *items, size_t count, size_t size, void (*work)(void *item))
{
    struct task tasks[VSA_MAX_ENCLAVES];
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (struct task){.work = work, .item = (char *)items + i * size};
        tasks[i].started = pthread_create(&tasks[i].thread, NULL, run, &tasks[i]) == 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!tasks[i].started)
            (void)run(&tasks[i]);
    for (size_t i = 0; i < count; i++)
        if (tasks[i].started)
            (void)pthread_join(tasks[i].thread, NULL);
}
