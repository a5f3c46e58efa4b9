/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's own parts, and which file does what:
 *
 *   server.c      options, creating, registering, freeing
 *   run.c         serving, stopping and draining
 *   loop.c        epoll (knows nothing of this header; nor do deadlines.c, worker.c)
 *   accept.c      new connections
 *   connection.c  a connection's life: reading, lines, time limits
 *   memory.c      who may keep how much, and who gives way
 *   output.c      sending, and what the peer does not take yet
 *   dispatch.c    from a line to its answer, or to a job
 *   jobs.c        requests that wait, and what they get
 *   rate_limit.c  how often a peer may ask
 *   nsm_health.c  what is known of the NSM
 *   commands.c    ping, status, attest, metrics
 *   status.c, metrics.c, process.c  what these two tell
 *   worker.c      the NSM's thread
 *   attest_sharing.c, reply_cache.c: their parts of the above
 *   statistics.c  what is counted
 */
#ifndef VSA_SERVER_INTERNAL_H
#define VSA_SERVER_INTERNAL_H

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/error.h"
#include "server/deadlines.h"
#include "server/loop.h"
#include "server/nsm_health.h"
#include "server/rate_limit.h"
#include "server/reply_cache.h"
#include "server/statistics.h"
#include "server/worker.h"
#include "stream/budget.h"
#include "stream/buffer.h"
#include <vsattest/server.h>

/* Replies of one turn of one connection are collected before they are sent. */
#define VSA_OUTPUT_SCRATCH (2 * VSA_MAX_REPLY_LINE)

/*
 * How long one connection may be worked on before others have their turn, and how long all that are
 * ready may be before the kernel is asked who else is. A request that was begun is finished.
 */
#define VSA_TURN_US  1000
#define VSA_ROUND_US 2000

/* What status and metrics tell may be so old, once they are asked for more often than this. */
#define VSA_SUMMARY_KEEP_MS 100
#define VSA_SUMMARIES_NEW   10

/* A peer that was told why its connection ends has so long to read it. */
#define VSA_LINGER_MS 2000
/* Clients wait in the backlog until the NSM is known, but not longer. */
#define VSA_BEGIN_MS 500
/* Without descriptors or memory for new connections. */
#define VSA_ACCEPT_PAUSE_MS 100

enum vsa_connection_state {
    VSA_CONNECTION_OPEN,
    VSA_CONNECTION_CLOSING,   /* no more requests; the last reply is on its way */
    VSA_CONNECTION_LINGERING, /* said why, reads on so that the peer can read it, then closes */
    VSA_CONNECTION_CLOSED,    /* freed at the end of the loop's turn */
};

struct vsa_connection {
    struct vsa_watch watch;
    struct vsa_deadline deadline; /* in one of the server's lists of connections */
    struct vsa_server *server;
    struct vsa_connection *next_closed;
    struct vsa_waiter *waiter; /* the request in flight */
    uint64_t number;
    uint64_t peer;            /* who it is, for limits: a CID, or its number above all of them */
    struct vsa_bucket bucket; /* if the peer is this connection and no CID */
    struct vsa_buffer input;  /* what came in and is no request yet */
    struct vsa_buffer output; /* what the peer did not take yet */
    struct vsa_budget_share share; /* what these two have */
    size_t scanned;                /* bytes of `input` known to hold no newline */
    enum vsa_connection_state state;
    enum vsa_connection_phase phase; /* as it is counted */
    enum vsa_status reason;          /* why it closes */
    bool input_ended;                /* the peer will send no more */
    bool deaf;                       /* readable, but not to be read now */
    bool answered;                   /* a request was answered since its time limit was set */
    unsigned char last_reads;        /* how often it was read while the server was ending */
};

/* What a command has besides what was registered. */
struct vsa_command_parts {
    char *name;         /* owned; `name` of the command */
    bool is_summary;    /* a built-in command that says how the server is */
    json_t *summary;    /* owned; a built-in command's last reply, if it may be given again */
    int64_t summary_ms; /* when the first of `summaries` was made */
    unsigned summaries; /* made anew since then */
    bool built_in;      /* nobody registered another handler for it */
    const struct vsa_sharing *sharing; /* NULL: each request has its own answer */
};

struct vsa_server {
    struct vsa_server_options options; /* its strings are the next two */
    char *listen_text;
    char *nsm_text;
    struct vsa_command commands[VSA_MAX_COMMANDS];
    struct vsa_command_parts command_parts[VSA_MAX_COMMANDS];
    size_t command_count;
    const struct vsa_command *any; /* the row of VSA_COMMAND_ANY, or NULL */

    struct vsa_listener listener;
    uint32_t port; /* vsock port, or 0; unlike the listener's it stays */
    struct vsa_worker *worker;
    struct vsa_nsm_health nsm;
    struct vsa_nsm_health *nsm_reader; /* the same: reading it takes its lock */

    struct vsa_loop loop;
    struct vsa_watch accept_watch;
    atomic_bool stop; /* vsa_server_stop() was called */
    bool started;     /* vsa_server_run() was called */
    bool begun;       /* takes clients */
    enum vsa_status begin_status;
    bool accepting; /* the listener is watched */
    bool draining;  /* the stop is under way */
    bool drain_timed_out;
    bool ending; /* nothing is in flight any more; connections close as their input is answered */
    bool ended;  /* all is done */

    /* Every connection is in one of these. */
    struct vsa_deadline_list idle;      /* it is the peer's turn */
    struct vsa_deadline_list ready;     /* more requests are in the buffer */
    struct vsa_deadline_list busy;      /* a job is in flight; that has its own limit */
    struct vsa_deadline_list lingering; /* VSA_CONNECTION_LINGERING; unread replies at the end */
    /* Waiters. */
    struct vsa_deadline_list requests; /* for the worker */
    /* One entry each. */
    struct vsa_deadline_list pauses;
    struct vsa_deadline_list drains;
    struct vsa_deadline_list begins;
    struct vsa_deadline accept_pause;
    int64_t pause_reported_ms; /* when the last VSA_EVENT_ACCEPT_PAUSED was */
    struct vsa_deadline drain_limit;
    struct vsa_deadline begin_limit;

    struct vsa_job *shared; /* jobs that others may join */
    struct vsa_reply_cache cache;
    struct vsa_rate_limit rate;

    size_t connections;
    size_t unsent; /* connections whose peer does not take its replies */
    uint64_t connection_number;
    struct vsa_statistics *statistics;
    struct vsa_connection *closed; /* to be freed */
    struct vsa_budget budget;      /* of unfinished lines, unread replies and waiting requests */

    char *input_scratch;  /* VSA_MAX_REQUEST_LINE bytes */
    char *output_scratch; /* VSA_OUTPUT_SCRATCH bytes: the present turn's replies */
    size_t output_size;
};

/* --- run.c ------------------------------------------------------------------------------------ */

VSA_MUST_USE enum vsa_status vsa_server_init_loop(struct vsa_server *server,
                                                  struct vsa_error *error);
/* From now on the entry has the list's time limit. */
static inline void vsa_server_limit(struct vsa_server *server, struct vsa_deadline_list *list,
                                    struct vsa_deadline *entry)
{
    vsa_deadlines_append(list, entry, server->loop.now_ms);
}
/* Tells the application, if it wants to know; fills in `connections`. */
void vsa_server_tell(struct vsa_server *server, struct vsa_server_event event);

/* Takes clients, from the first call on. */
void vsa_server_begin(struct vsa_server *server);

/* --- accept.c --------------------------------------------------------------------------------- */

VSA_MUST_USE enum vsa_status vsa_accept_start(struct vsa_server *server, struct vsa_error *error);
/* Takes who is waiting already, then no one any more. */
void vsa_accept_stop(struct vsa_server *server);
void vsa_accept_pause_over(void *user, struct vsa_deadline *entry);
/* A descriptor was closed: ends the pause, if there is one. */
void vsa_accept_resume(struct vsa_server *server);

/* --- connection.c ----------------------------------------------------------------------------- */

/* Owns `fd` from now on, but for a failure. `peer` is its address, as accept(2) gave it. */
VSA_MUST_USE enum vsa_status vsa_connection_open(struct vsa_server *server, int fd,
                                                 const struct sockaddr *peer, socklen_t peer_size,
                                                 struct vsa_error *error);
void vsa_connection_close(struct vsa_connection *connection, enum vsa_status reason);
/* Closes it with `busy`, so that another one may have its memory. Not the one whose turn it is. */
void vsa_connection_give_way(struct vsa_connection *connection);
/* Answers `reason` to whatever the peer was about to say, then closes. */
void vsa_connection_refuse(struct vsa_connection *connection, enum vsa_status reason,
                           const char *detail);
/* The request in flight has its answer in the turn's output: sends it and goes on. */
void vsa_connection_complete(struct vsa_connection *connection);
/* The server is ending: gives it turns until all is answered that its peer sent, then closes it. */
void vsa_connection_end(struct vsa_connection *connection);
/* Answers what the peer sent until now as far as it takes the replies, then closes at once. */
void vsa_connection_drain(struct vsa_connection *connection);
/* Expiry of lists; `user` is the server. */
void vsa_connection_idle_expired(void *user, struct vsa_deadline *entry);
void vsa_connection_ready_expired(void *user, struct vsa_deadline *entry);
void vsa_connection_linger_expired(void *user, struct vsa_deadline *entry);
struct vsa_connection *vsa_connection_of(struct vsa_deadline *entry);
/* Frees the closed ones. */
void vsa_connection_bury(struct vsa_server *server);

/* --- memory.c --------------------------------------------------------------------------------- */

/*
 * Adds to a buffer of the connection. Connections that have more give way for that; false when it
 * has most itself, or memory is short.
 */
bool vsa_memory_keep(struct vsa_connection *connection, struct vsa_buffer *buffer, const char *data,
                     size_t size);
void vsa_memory_drop(struct vsa_connection *connection, struct vsa_buffer *buffer, size_t size);

/* --- output.c --------------------------------------------------------------------------------- */

/* Room for one reply at the end of the present turn's. */
char *vsa_output_reserve(struct vsa_connection *connection);
/* The reply was written there. */
void vsa_output_commit(struct vsa_connection *connection, size_t size);
/* Sends the turn's replies; what the peer does not take is kept. */
void vsa_output_flush(struct vsa_connection *connection);
/* Sends what was kept. */
void vsa_output_resume(struct vsa_connection *connection);
void vsa_output_drop(struct vsa_connection *connection);
static inline bool vsa_output_pending(const struct vsa_connection *connection)
{
    return connection->output.size > 0;
}

/* --- dispatch.c ------------------------------------------------------------------------------- */

/* Answers one line, or sets `connection->job`. */
void vsa_dispatch_line(struct vsa_connection *connection, struct vsa_slice line);
/* Puts {"success": false, ...} into the turn's output. */
void vsa_dispatch_error(struct vsa_connection *connection, const struct vsa_error *error,
                        json_t *id);
/* A request on its way through the loop. */
struct vsa_dispatch {
    struct vsa_connection *connection;
    struct vsa_slice line;
    json_t *object;
    json_t *id;                        /* borrowed from `object`, or NULL */
    const struct vsa_command *command; /* that answers it */
    const struct vsa_command *named;   /* as what it is counted and told: mostly the same */
    int64_t started_us;
    int64_t retry_after_ms; /* why it is VSA_ERR_RATE_LIMITED */
};
/* Runs a command in the loop. `reply` is the caller's to free; NULL when memory is short. */
enum vsa_status vsa_dispatch_run(struct vsa_server *server, const struct vsa_command *command,
                                 const json_t *request, json_t **reply, struct vsa_error *error);
/* Counts and tells that a request has its answer in the turn's output. `command` may be NULL. */
void vsa_dispatch_answered(struct vsa_connection *connection, const struct vsa_command *command,
                           enum vsa_status status, int64_t started_us);
/* Puts `reply` into the turn's output. Returns what it says: `status`, if it could be written. */
enum vsa_status vsa_dispatch_write(struct vsa_connection *connection, enum vsa_status status,
                                   json_t *reply, json_t *id);

/* --- jobs.c ----------------------------------------------------------------------------------- */

/*
 * Answers the request from the cache, or has it share another one's answer: true. `key` is by
 * which requests are shared, or NULL.
 */
bool vsa_jobs_share(const struct vsa_dispatch *request, const uint8_t *key);
/* Whether its handler runs in the NSM's thread. */
bool vsa_jobs_in_worker(const struct vsa_command *command);
/* Makes a job of it; then `connection->waiter` is set. Errors: VSA_ERR_BUSY, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_jobs_start(const struct vsa_dispatch *request, const uint8_t *key,
                                            struct vsa_error *error);
/* Answers a request with an error instead of its result. */
void vsa_jobs_give_up(struct vsa_waiter *waiter, const struct vsa_error *error);
/* The server stops before the request has its result. */
void vsa_jobs_shut_down(struct vsa_waiter *waiter);
/* The connection's peer is gone. */
void vsa_jobs_abandon(struct vsa_connection *connection);
/* Asks the NSM how it is, if nothing was heard of it for a second. */
void vsa_jobs_probe(struct vsa_server *server);
/* What the worker finished. */
void vsa_jobs_collect(struct vsa_server *server);
void vsa_jobs_request_expired(void *user, struct vsa_deadline *entry);
struct vsa_waiter *vsa_waiter_of(struct vsa_deadline *entry);

/* --- commands.c ------------------------------------------------------------------------------- */

/* Adds a row to the table of commands; `built_in` ones give way to others. */
VSA_MUST_USE enum vsa_status vsa_server_add_command(struct vsa_server *server,
                                                    const struct vsa_command *command,
                                                    bool built_in, struct vsa_error *error);
VSA_MUST_USE enum vsa_status vsa_commands_register(struct vsa_server *server,
                                                   struct vsa_error *error);
/* Adds "available_commands" to a reply, if memory allows. Any thread. */
void vsa_commands_list(const struct vsa_server *server, json_t *reply);

#endif
