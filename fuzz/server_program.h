/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an input of fuzz_server says: SERVER_SETTINGS bytes of settings, then operations. An
 * operation is two bytes, `kind | client << 4` and an argument; some are followed by bytes.
 * make_corpus.c writes in it, fuzz_server.c carries it out.
 */
#ifndef VSA_FUZZ_SERVER_PROGRAM_H
#define VSA_FUZZ_SERVER_PROGRAM_H

enum server_operation {
    SERVER_TURN,    /* the loop takes the events that are there */
    SERVER_SETTLE,  /* ... until it has nothing left to do */
    SERVER_CONNECT, /* the client does, if it is not connected */
    SERVER_LINE,    /* sends the line with number `argument` */
    SERVER_REPEAT,  /* ... the last one, `argument` times more */
    SERVER_HOLD,    /* of what is sent from now on, `argument` bytes go out at once, the rest ... */
    SERVER_FINISH,  /* ... now */
    SERVER_BYTES,   /* sends the `argument` bytes that follow */
    SERVER_SHUTDOWN, /* shutdown(2) by `argument`: SHUT_RD, SHUT_WR, SHUT_RDWR */
    SERVER_READ,     /* reads `argument` * 256 bytes; 0: all there is */
    SERVER_CLOSE,
    SERVER_TIME,        /* passes: 2 to the power of `argument` milliseconds */
    SERVER_NSM,         /* answers by enum hostile_answer from now on; its argument: the client.
                           HOSTILE_BYTES: one byte of size and the bytes follow */
    SERVER_NSM_RELEASE, /* answers what it held back */
    SERVER_NSM_LISTEN,  /* `argument` odd: it is there; even: it goes away */
    SERVER_STOP,
    SERVER_OPERATIONS
};

/* One byte each. A setting of 0 is the default, but for those that say more. */
enum server_setting {
    SERVER_MAX_CONNECTIONS, /* that many */
    SERVER_MAX_LINE,        /* 256 times that many bytes */
    SERVER_MAX_BUFFERED,    /* 1024 times that many bytes */
    SERVER_MAX_IN_FLIGHT,
    SERVER_MAX_QUEUE,
    SERVER_RATE_LIMIT, /* that many a second, as many at once; 255: none */
    SERVER_CACHE_TTL,  /* 100 times that many milliseconds; 0: no cache */
    SERVER_TIMEOUTS,   /* two bits each for idle, request, drain: 10 s, 1 s, 100 ms, 1 ms */
    SERVER_FLAGS,      /* enum server_flag */
    SERVER_TICK,       /* 8 times that many microseconds pass with each look at the clock */
    SERVER_SETTINGS
};

enum server_flag {
    SERVER_NSM_IS_AWAY = 1,    /* at the start */
    SERVER_AUDIT = 2,          /* a handler stands before all commands, in the loop */
    SERVER_AUDIT_BLOCKING = 4, /* ... in the NSM's thread */
    SERVER_KEEP_KEYS = 8,      /* there is an on_key */
    SERVER_REFUSE_KEYS = 16,   /* ... that refuses every other one */
    SERVER_SEALING = 32,       /* is on, with X25519 */
    SERVER_SEALING_P384 = 64,  /* ... or with P-384 */
    SERVER_SENDERS = 128       /* `echo` is for the one sender */
};

/* The lines of SERVER_LINE, in the order of fuzz_server.c's table. */
enum server_line {
    SERVER_PING,
    SERVER_PING_LONG_ID,
    SERVER_STATUS,
    SERVER_METRICS,
    SERVER_ATTEST,
    SERVER_ATTEST_NONCE,
    SERVER_ATTEST_KEY,
    SERVER_ATTEST_NULL,
    SERVER_ATTEST_WRONG,
    SERVER_ECHO,
    SERVER_ECHO_BLOCKING,
    SERVER_ECHO_LIMITED,
    SERVER_UNKNOWN,
    SERVER_NO_JSON,
    SERVER_NO_COMMAND,
    SERVER_KEY_TWICE,
    SERVER_DEEP,
    SERVER_ID_WRONG,
    SERVER_BLANK,
    SERVER_HALF_LINE,
    SERVER_LONG_LINE,
    SERVER_SEAL_KEY,
    SERVER_SEALED_PING, /* sealed to the last key that there was a reply with, as the next ones */
    SERVER_SEALED_ATTEST,
    SERVER_SEALED_ECHO,
    SERVER_SEALED_ECHO_BLOCKING,
    SERVER_SEALED_NO_JSON,
    SERVER_SEALED_NESTED,
    SERVER_SEALED_SIGNED,  /* `echo` */
    SERVER_SEALED_CHANGED, /* one bit of it */
    SERVER_SEALED_AGAIN,   /* the client's last sealed line, byte for byte */
    SERVER_LINES
};

#endif
