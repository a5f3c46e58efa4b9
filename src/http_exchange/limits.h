/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the lines between vsock_client and http_exchange. Sizes in bytes. */
#ifndef VSA_HTTP_EXCHANGE_LIMITS_H
#define VSA_HTTP_EXCHANGE_LIMITS_H

/* An answer, and its fields: a token of 32 KiB, and as much for what a proxy may put around it. */
#define VSA_HTTP_MAX_ANSWER 65536
/* A line with it: in JSON each byte may become six ("\u0000"), and there are a few words. */
#define VSA_HTTP_MAX_LINE (6 * VSA_HTTP_MAX_ANSWER + 4096)
/* Levels of a line: a request has its body inside. */
#define VSA_HTTP_MAX_DEPTH 4
/* Time of one exchange in ms: a day. */
#define VSA_HTTP_MAX_TIMEOUT_MS (86400 * 1000)

#endif
