/* SPDX-License-Identifier: Apache-2.0 */
/* All numbers of a server at one moment. */
#ifndef VSA_SERVER_STATISTICS_H
#define VSA_SERVER_STATISTICS_H

#include "server/request.h"

/* Reads every member, of a struct vsa_requests. Any thread. */
void vsa_statistics_read(const void *requests, struct vsa_server_statistics *statistics);

#endif
