/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_WORDS_H
#define VSA_ENCLAVE_INIT_WORDS_H

#include <stdbool.h>

/*
 * Skips the heartbeat: for benches without a parent. The command line is part of PCR0 and PCR1, so
 * an image with this word never passes for one without. The dot keeps Linux from handing it on.
 */
#define WORD_NO_HEARTBEAT "enclave_init.heartbeat=off"

/*
 * Returns whether `word` is one of the kernel command line's. Quoted text is part of one word, as
 * in Linux.
 */
bool words_have(const char *command_line, const char *word);

#endif
