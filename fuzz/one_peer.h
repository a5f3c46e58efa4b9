/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in the client's own thread, for one client with one connection at a time.
 *
 * The linker replaces poll() and the clock (-Wl,--wrap=poll,--wrap=clock_gettime,
 * --wrap=clock_nanosleep): the server acts when the client waits, and time passes when there is
 * nothing to wait for.
 */
#ifndef VSA_FUZZ_ONE_PEER_H
#define VSA_FUZZ_ONE_PEER_H

#include <stdbool.h>
#include <vsattest/base.h>

/*
 * Acts once. `request`: bytes that arrived, or absent when the client only waits. Returns false
 * when there is nothing to do, so that time passes.
 */
typedef bool one_peer_act(struct vsa_slice request);

/* Returns where it listens, a path; the same for all inputs. */
const char *one_peer_listen(void);
/* Between the two the client runs, and time is the peer's. */
void one_peer_begin(one_peer_act *act);
void one_peer_end(void);

void one_peer_send(struct vsa_slice bytes);
void one_peer_hang_up(void);
/* Returns the monotonic time. */
int64_t one_peer_now_ms(void);

#endif
