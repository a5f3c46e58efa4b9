/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of the library, each with its reason. Sizes in bytes, times in milliseconds.
 *
 * Sources: NSM API, docs/attestation_process.md (AWS); linux include/uapi/linux/nsm.h;
 * AWS Nitro Enclaves image format (EIF) README.
 */
#ifndef VSATTEST_LIMITS_H
#define VSATTEST_LIMITS_H

/* --- attestation documents ------------------------------------------------------------------ */

/* COSE payload: AWS's validation list, 1..16384. Real ones have 4.3 to 5.1 KB. */
#define VSA_MAX_PAYLOAD 16384
/* Payload, 96-byte signature, protected header and their heads. */
#define VSA_MAX_DOCUMENT (VSA_MAX_PAYLOAD + 128)
/* user_data, nonce, public_key: AWS's CDDL says 1024 (its list says 512; devices take 1024). */
#define VSA_MAX_FIELD 1024
/*
 * What `user_data` and `nonce` of an `attest` request may not begin with: the server alone writes
 * such fields, into documents with a purpose of their own (docs/PROTOCOL.md).
 */
#define VSA_RESERVED_PREFIX      "\0vsattest"
#define VSA_RESERVED_PREFIX_SIZE 10
/* Each DER certificate of a document (AWS: 1..1024). */
#define VSA_MAX_CERTIFICATE 1024
/* cabundle entries: real ones have 4; a longer chain costs a signature check each. */
#define VSA_MAX_CABUNDLE 8
/* PCR indexes 0..31 (AWS). */
#define VSA_PCR_COUNT 32
/* SHA-384, the only digest AWS uses. */
#define VSA_PCR_SIZE 48
/* Text fields such as module_id: real ones have 39 bytes; nsm-lib reserves 100. */
#define VSA_MAX_MODULE_ID 128
/* Entries of any CBOR map: 32 PCRs, 9 payload keys, and room for what AWS may add. */
#define VSA_MAX_CBOR_MAP 64
/* Nesting inside an unknown field: nothing of Nitro's is deeper than 3 today. */
#define VSA_MAX_CBOR_DEPTH 16
/* Nesting inside a part of a certificate that is passed over: RSA-PSS parameters have 4 levels. */
#define VSA_MAX_DER_DEPTH 16
/* Raw ECDSA P-384 signature, r || s (RFC 9053 section 2.1). */
#define VSA_P384_SIGNATURE_SIZE 96
/* DER SubjectPublicKeyInfo of a P-384 key (RFC 5480): 23 bytes of header, a 97-byte point. */
#define VSA_P384_SPKI_SIZE 120
/* PKCS#8 DER of a P-384 private key: 185 bytes with its public half. */
#define VSA_MAX_PRIVATE_KEY 512
/* A certificate subject in RFC 2253 form. */
#define VSA_MAX_SUBJECT 512

/* --- verification ---------------------------------------------------------------------------- */

/* Freshness window unless the caller asks otherwise. */
#define VSA_DEFAULT_MAX_AGE_MS  (300 * 1000)
#define VSA_DEFAULT_MAX_SKEW_MS (30 * 1000)
/* Images of which a document may be any one: years of weekly releases. */
#define VSA_MAX_MEASUREMENTS 1024
/* The name of one of them, with its NUL; a longer one is cut. */
#define VSA_MAX_MEASUREMENTS_NAME 64
/* Trust anchors of one verifier: AWS has one a partition. */
#define VSA_MAX_ANCHORS 16
/* Verified certificates kept by one verifier: 3 CAs and a leaf for each of 16 enclaves. */
#define VSA_DEFAULT_CACHED_CERTIFICATES 64
/* At most (vsa_verifier_set_cache_size()): the same for each of 2,000, in some 40 MiB. */
#define VSA_MAX_CACHED_CERTIFICATES 8192

/* --- NSM ------------------------------------------------------------------------------------- */

/* nsm.h: NSM_REQUEST_MAX_SIZE, NSM_RESPONSE_MAX_SIZE. A shorter response buffer is cut silently. */
#define VSA_NSM_MAX_REQUEST  4096
#define VSA_NSM_MAX_RESPONSE 12288
/* GetRandom answers at most this much at a time. */
#define VSA_NSM_MAX_RANDOM 256

/* --- protocol, server and client ------------------------------------------------------------- */

/* One request line, newline included: 3 fields of 1024 bytes in base64 and much room. */
#define VSA_MAX_REQUEST_LINE 65536
/* One reply line: a 16 KiB document in base64 is 22 KiB. */
#define VSA_MAX_REPLY_LINE 65536
/* An `id` echoed to the client. */
#define VSA_MAX_REQUEST_ID 128
/* Nesting of one line: built-in ones have 2; custom commands and future fields get room. */
#define VSA_MAX_JSON_DEPTH 8
/* A command's name. */
#define VSA_MAX_COMMAND_NAME 64
#define VSA_DEFAULT_PORT     9000
/* Open connections; each idle one costs well under 1 KiB. */
#define VSA_DEFAULT_MAX_CONNECTIONS 10000
/* Half-received lines, waiting requests and unsent replies of all connections together. */
#define VSA_DEFAULT_MAX_BUFFERED (64 * 1024 * 1024)
/* Commands of one server, the built-in ones included. */
#define VSA_MAX_COMMANDS 64
/* Requests waiting for the NSM, which serves one at a time: about a second's worth of work. */
#define VSA_DEFAULT_MAX_QUEUE 256
/*
 * Requests accepted and not answered, over all connections. Four times the queue: those for
 * `status` and those that share another one's answer need no place in that.
 */
#define VSA_DEFAULT_MAX_IN_FLIGHT 1024
/*
 * Documents a second for one peer, and at once. All programs of a parent share its CID (3), so this
 * is what a whole instance gets: a hundred clients that verify once a second. That is less than
 * half of what a real NSM can do, one document taking some milliseconds; the rest is for the
 * enclave's own work with it and for other peers. The burst, all of them at once, fits into the
 * queue above.
 */
#define VSA_DEFAULT_RATE_LIMIT 100
#define VSA_DEFAULT_RATE_BURST 200
/* More than any NSM makes; and thousandths of tokens are counted without overflow. */
#define VSA_MAX_RATE_LIMIT 1000000
/*
 * CIDs with a bucket each: in an enclave there is one, on a host one per guest. Further ones share
 * a bucket, so that the table is bounded.
 */
#define VSA_MAX_LIMITED_PEERS 64
/* Replies that are kept, if any are: real ones have 7 KB; the longest would be 16. */
#define VSA_MAX_CACHED_REPLIES     64
#define VSA_MAX_CACHED_REPLY_BYTES (1024 * 1024)
/* How long at most: a third of what the NSM's certificates live. */
#define VSA_MAX_CACHE_TTL_MS (3600 * 1000)
/* A kept document's certificate lives so much longer: who checks it within the time that documents
 * are fresh by default (VSA_DEFAULT_MAX_AGE_MS) does not meet one that ran out. */
#define VSA_CACHE_CERTIFICATE_MARGIN_MS (300 * 1000)
/*
 * A sealing key begins anew after an hour, and is accepted for ten minutes more, so that clients
 * that just got it can use it: after 70 minutes it is wiped, and what was sealed to it stays secret
 * from a process that gets the enclave's memory later.
 */
#define VSA_DEFAULT_SEAL_LIFETIME_MS (3600 * 1000)
#define VSA_DEFAULT_SEAL_OVERLAP_MS  (600 * 1000)
#define VSA_MAX_SEAL_TIME_MS         (24 * 3600 * 1000)
/*
 * Sealed requests that one key accepts, and remembers, so that none is carried out twice: 8 MiB
 * (16 bytes each in a table that is half full). The most takes 512 MiB.
 */
#define VSA_DEFAULT_SEAL_MAX_USES (256 * 1024)
#define VSA_MIN_SEAL_MAX_USES     1024
#define VSA_MAX_SEAL_MAX_USES     (16 * 1024 * 1024)
/* Sealed requests a second of one peer with P-384, which takes OpenSSL 1.5 ms: half of one core. */
#define VSA_DEFAULT_SEAL_RATE_P384 400
/* Keys of senders of one server, for all its commands together. */
#define VSA_MAX_SENDERS 1024
/* Idle time of a connection, without a complete request, until it is closed. */
#define VSA_DEFAULT_IDLE_TIMEOUT_MS (60 * 1000)
/* Time that a request waits for the NSM. */
#define VSA_DEFAULT_REQUEST_TIMEOUT_MS (10 * 1000)
/* Applications behind one server, which are processes of the same enclave. */
#define VSA_MAX_BACKENDS 16
/* Connections to one of them, unless the server's options say otherwise, and at most. */
#define VSA_DEFAULT_BACKEND_CONNECTIONS 16
#define VSA_MAX_BACKEND_CONNECTIONS     1024
/* Time that a connection to one is kept without a request. */
#define VSA_BACKEND_IDLE_MS (30 * 1000)
/* Time for requests in flight after SIGTERM. */
#define VSA_DEFAULT_DRAIN_TIMEOUT_MS (10 * 1000)
/* The guide's client timeout. */
#define VSA_DEFAULT_CLIENT_TIMEOUT_MS (30 * 1000)
/* What a peer may ask a client to wait: no bucket takes longer to fill, and sums cannot overflow.
 */
#define VSA_MAX_RETRY_AFTER_MS (3600 * 1000)
/* Connections of one client's pool: a server's NSM serves one request at a time. */
#define VSA_DEFAULT_CLIENT_CONNECTIONS 8
/* A tenth of what a server allows in all. */
#define VSA_MAX_CLIENT_CONNECTIONS 1024
/* Half the server's idle timeout: a kept connection is closed here before it is closed there. */
#define VSA_DEFAULT_CLIENT_IDLE_TIMEOUT_MS (VSA_DEFAULT_IDLE_TIMEOUT_MS / 2)
/* Times that one call of a client asks again: by then pauses have their full length anyway. */
#define VSA_MAX_RETRIES 100
/* nitro-cli describe-enclaves: a parent runs at most 4 enclaves; each entry is below 2 KiB. */
#define VSA_MAX_NITRO_CLI_OUTPUT (1024 * 1024)
/* Enclaves in it: four times what a parent can run. */
#define VSA_MAX_ENCLAVES 16
/* Name or ID of an enclave with its NUL: a name is a file's base name by default (NAME_MAX). */
#define VSA_MAX_ENCLAVE_NAME 256
/* A configuration file: a dozen settings, and whatever comments people want to keep with them. */
#define VSA_MAX_CONFIG_FILE 65536
/* Files given on the command line (documents, certificates, measurements). */
#define VSA_MAX_INPUT_FILE (1024 * 1024)
/*
 * One saved document of an archive, be it a line or a file: 16 KiB in hexadecimal are 33 KB, and a
 * line has what the document is expected to be besides.
 */
#define VSA_MAX_ARCHIVE_LINE 65536
/* Nesting of JSON files: nitro-cli's own have 4, custom metadata of an image is free. */
#define VSA_MAX_JSON_FILE_DEPTH 32

/* --- enclave images (EIF) --------------------------------------------------------------------- */

/* The header has room for so many (AWS EIF README: MAX_NUM_SECTIONS). */
#define VSA_MAX_IMAGE_SECTIONS 32
/* Files have no limit, for they are mapped; what comes through a pipe is kept in memory. */
#define VSA_MAX_PIPED_FILE (4LL * 1024 * 1024 * 1024)
/* COMMAND_LINE_SIZE of x86 and arm64: Linux silently truncates what is longer. */
#define VSA_MAX_IMAGE_CMDLINE 2047
/* JSON of a few hundred bytes; nitro-cli allows 4096 for the part that users add. */
#define VSA_MAX_IMAGE_METADATA 65536
/* AWS EIF: SIGNATURE_MAX_SIZE. */
#define VSA_MAX_IMAGE_SIGNATURE 32768
/* Kernel modules of one image besides nsm.ko: a driver and what it needs are below ten. */
#define VSA_MAX_IMAGE_MODULES 64
/* Bytes of one: the largest of a distribution have some 10 MiB, and an enclave's memory is dear. */
#define VSA_MAX_IMAGE_MODULE (64 * 1024 * 1024)
/* Entries of one cpio archive: the tree of a large container image has some 100,000 files. */
#define VSA_MAX_ARCHIVE_ENTRIES 1000000
/* Parts of one path in an archive from elsewhere: real trees have below 50. */
#define VSA_MAX_ARCHIVE_DEPTH 128
/* Layers of one application: Docker's own limit is 127. */
#define VSA_MAX_IMAGE_LAYERS 128
/* Programs that run beside the one of an image: enclave_init takes no more. */
#define VSA_MAX_IMAGE_SERVICES 15
/* PATH_MAX of Linux, with its NUL: what the kernel can unpack. */
#define VSA_MAX_ARCHIVE_PATH 4096

#endif
