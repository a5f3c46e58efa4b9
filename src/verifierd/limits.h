/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit of the verification service, each with its reason. Sizes in bytes, times in ms. */
#ifndef VSA_VERIFIERD_LIMITS_H
#define VSA_VERIFIERD_LIMITS_H

/* A body: a document of 16 KiB in base64, and JSON around it. */
#define VSA_SERVICE_MAX_BODY 65536
/* Nesting of a body: the object itself, and one level for what may come. */
#define VSA_SERVICE_MAX_BODY_DEPTH 2
/* Certificates in a document's bundle: as real ones have, so four checks and the document's own. */
#define VSA_SERVICE_MAX_CABUNDLE 4
/* Time from the challenge to the request that redeems it. */
#define VSA_CHALLENGE_LIFETIME_MS (300 * 1000)
/* What the store remembers longer than that, beside the skew of clocks. */
#define VSA_STORE_MARGIN_MS (10 * 1000)
/* Clocks of replicas may differ by so much, unless an option says otherwise. */
#define VSA_SERVICE_DEFAULT_SKEW_MS (5 * 1000)
#define VSA_SERVICE_MAX_SKEW_MS     (60 * 1000)
/* A token's life; a certificate that ends sooner ends it. */
#define VSA_TOKEN_LIFETIME_MS (300 * 1000)
/* How long readers may keep the published keys. */
#define VSA_JWKS_MAX_AGE_MS (300 * 1000)
/* Time that a new signing key is published before it signs: twice what readers keep. */
#define VSA_KEY_LEAD_MS (2 * VSA_JWKS_MAX_AGE_MS)
/* Signing keys in one directory: the one in use, its successor and predecessors of some hours. */
#define VSA_MAX_SIGNING_KEYS 8
/* Policies of one service; each has a line of counters in the metrics. */
#define VSA_MAX_POLICY_FILES 256
/* Minutes whose verdicts are counted for the page, and verdicts that it lists. */
#define VSA_VERDICT_MINUTES 60
#define VSA_RECENT_VERDICTS 32
/* Name of a policy, which is its file's, without its NUL. */
#define VSA_MAX_POLICY_NAME 64
/* An audience or an issuer: a URI. */
#define VSA_MAX_TOKEN_TEXT 256
/* Oldest document that a policy may allow: a year, for audits of stored ones. */
#define VSA_MAX_POLICY_AGE_MS INT64_C(31622400000)
/* Challenges that one process without a store remembers: at 1,000 a second, for 300 s. */
#define VSA_MEMORY_STORE_ENTRIES (512 * 1024)
/* Clients with a bearer token. */
#define VSA_MAX_CLIENTS 1024
/* Addresses with a bucket each; the calmest one of eight makes room for another. */
#define VSA_CLIENT_TABLE 8192
/* Requests a second of one address or client, and at once. */
#define VSA_SERVICE_DEFAULT_RATE  50
#define VSA_SERVICE_DEFAULT_BURST 100
/* Open connections, and time of one without progress. */
#define VSA_SERVICE_MAX_CONNECTIONS 1024
#define VSA_SERVICE_IDLE_MS         (10 * 1000)
/* Time of a body from the header to its last byte: 64 KiB at 52 kbit/s. */
#define VSA_SERVICE_BODY_MS (10 * 1000)
/* Time from a connection's beginning, or an answer, to the next answer's end: each byte of it. */
#define VSA_SERVICE_REQUEST_MS (30 * 1000)
/* Memory of a connection for its header: request line and fields have about 8 KiB of it. */
#define VSA_SERVICE_CONNECTION_MEMORY 16384
/* Requests that are read or answered at a time; the next ones are sent away with 503. */
#define VSA_SERVICE_MAX_IN_FLIGHT 512
/* Time to answer what has begun, at the end: some times what the store may take. */
#define VSA_SERVICE_STOP_MS (5 * 1000)
/* Time to connect to the store, and for one command. */
#define VSA_STORE_TIMEOUT_MS 200
/* Bytes of one reply of the store: INFO, which has a few KiB and a line for each database. */
#define VSA_STORE_MAX_REPLY (256 * 1024)
/* Time that a store which did not answer is left alone. */
#define VSA_STORE_RETRY_MS 1000
/* How often a connection asks whether the store may evict. */
#define VSA_STORE_CHECK_MS 1000

#endif
