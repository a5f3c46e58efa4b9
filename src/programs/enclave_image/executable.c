/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/executable.h"

#include <elf.h>
#include <stdio.h>

#include "base/error.h"

/* Program headers that are looked at: real programs have some 13. */
#define MAX_PROGRAM_HEADERS 128

static bool fits(struct vsa_slice bytes, uint64_t offset, uint64_t size)
{
    return offset <= bytes.size && size <= bytes.size - offset;
}

static void copy_interpreter(char *interpreter, struct vsa_slice text)
{
    size_t size =
        text.size < EXECUTABLE_MAX_INTERPRETER ? text.size : EXECUTABLE_MAX_INTERPRETER - 1;
    memcpy(interpreter, text.data, size);
    interpreter[size] = '\0';
}

/* "#! /usr/bin/python3 -u": the first word. */
static void read_script(struct vsa_slice program, char *interpreter)
{
    const char *text = (const char *)program.data;
    size_t start = 2;
    while (start < program.size && (text[start] == ' ' || text[start] == '\t'))
        start++;
    size_t end = start;
    while (end < program.size && text[end] && !strchr(" \t\r\n", text[end]))
        end++;
    copy_interpreter(interpreter, vsa_slice_of(text + start, end - start));
}

static void read_elf_interpreter(struct vsa_slice program, const Elf64_Ehdr *header,
                                 char *interpreter)
{
    for (size_t i = 0; i < header->e_phnum && i < MAX_PROGRAM_HEADERS; i++) {
        Elf64_Phdr segment;
        uint64_t offset = header->e_phoff + i * sizeof(segment);
        if (header->e_phoff > program.size || !fits(program, offset, sizeof(segment)))
            return;
        memcpy(&segment, program.data + offset, sizeof(segment));
        if (segment.p_type == PT_INTERP && fits(program, segment.p_offset, segment.p_filesz)) {
            copy_interpreter(interpreter,
                             vsa_slice_of(program.data + segment.p_offset, segment.p_filesz));
            return;
        }
    }
}

enum vsa_status executable_check(const char *what, struct vsa_slice program,
                                 enum vsa_image_architecture architecture,
                                 char interpreter[EXECUTABLE_MAX_INTERPRETER],
                                 struct vsa_error *error)
{
    Elf64_Ehdr header;
    interpreter[0] = '\0';
    if (program.size > 2 && memcmp(program.data, "#!", 2) == 0) {
        read_script(program, interpreter);
        return VSA_OK;
    }
    if (program.size < sizeof(header) || memcmp(program.data, ELFMAG, SELFMAG) != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%.160s is neither a program (ELF) nor a script", what);
    memcpy(&header, program.data, sizeof(header));
    unsigned wanted = architecture == VSA_IMAGE_AARCH64 ? EM_AARCH64 : EM_X86_64;
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != wanted)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%.160s is a program for another processor than the image's, %s", what,
                        architecture == VSA_IMAGE_AARCH64 ? "aarch64" : "x86_64");
    read_elf_interpreter(program, &header, interpreter);
    return VSA_OK;
}
