/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files made here, field by field: whatever is in them, reading stays inside of the file. */
#include "unit_test.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "image/executable.h"

static struct vsa_executable needs;
static struct vsa_error error;

/* A program with an interpreter and two libraries. */
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[5];
    char names[32];
    char interpreter[32];
};

static void fill(struct program *program)
{
    memset(program, 0, sizeof(*program));
    memcpy(program->header.e_ident, ELFMAG, SELFMAG);
    program->header.e_ident[EI_CLASS] = ELFCLASS64;
    program->header.e_ident[EI_DATA] = ELFDATA2LSB;
    program->header.e_machine = EM_X86_64;
    program->header.e_phoff = offsetof(struct program, segments);
    program->header.e_phnum = 3;
    program->segments[0] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_vaddr = 0x1000, .p_offset = 0, .p_filesz = sizeof(*program)};
    program->segments[1] = (Elf64_Phdr){
        .p_type = PT_INTERP, .p_offset = offsetof(struct program, interpreter), .p_filesz = 32};
    program->segments[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                        .p_offset = offsetof(struct program, dynamic),
                                        .p_filesz = sizeof(program->dynamic)};
    program->dynamic[0] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 1};
    program->dynamic[1] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 9};
    program->dynamic[2] =
        (Elf64_Dyn){.d_tag = DT_STRTAB, .d_un.d_ptr = 0x1000 + offsetof(struct program, names)};
    memcpy(program->names, "\0libc.so\0libz.so", 17);
    memcpy(program->interpreter, "/lib/ld.so", 11);
}

static enum vsa_status read_bytes(const void *bytes, size_t size)
{
    return vsa_executable_read("x", vsa_slice_of(bytes, size), VSA_IMAGE_X86_64, &needs, &error);
}

static void programs(void **state)
{
    struct program program;
    (void)state;
    fill(&program);
    assert_int_equal(read_bytes(&program, sizeof(program)), VSA_OK);
    assert_false(needs.is_script);
    assert_string_equal(needs.interpreter, "/lib/ld.so");
    assert_int_equal(needs.library_count, 2);
    assert_string_equal(needs.libraries[0], "libc.so");
    assert_string_equal(needs.libraries[1], "libz.so");
    program.header.e_phnum = 0;
    assert_int_equal(read_bytes(&program, sizeof(program)), VSA_OK);
    assert_string_equal(needs.interpreter, "");
    assert_int_equal(needs.library_count, 0);
    assert_int_equal(vsa_executable_read("x", vsa_slice_of(&program, sizeof(program)),
                                         VSA_IMAGE_AARCH64, &needs, &error),
                     VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail,
                        "x is a program for another processor than the image's, aarch64");
}

static void scripts(void **state)
{
    static const struct {
        const char *text;
        const char *interpreter;
    } rows[] = {
        {"#!/bin/sh\n", "/bin/sh"},
        {"#! \t/usr/bin/env python3\n", "/usr/bin/env"},
        {"#!/bin/sh", "/bin/sh"},
        {"#!/bin/sh\r\n", "/bin/sh"},
        {"#!\n", ""},
        {"#!   ", ""},
    };
    char large[2 + 2 * VSA_EXECUTABLE_MAX_NAME];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_bytes(rows[i].text, strlen(rows[i].text)), VSA_OK);
        assert_true(needs.is_script);
        assert_string_equal(needs.interpreter, rows[i].interpreter);
    }
    memset(large, 'x', sizeof(large));
    memcpy(large, "#!", 2);
    assert_int_equal(read_bytes(large, sizeof(large)), VSA_OK);
    assert_int_equal(strlen(needs.interpreter), VSA_EXECUTABLE_MAX_NAME - 1);
    assert_int_equal(read_bytes("#!", 2), VSA_ERR_ARGUMENT);
    assert_int_equal(read_bytes("text", 4), VSA_ERR_ARGUMENT);
    assert_int_equal(read_bytes("", 0), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail, "x is neither a program (ELF) nor a script");
}

/* Each field at its extremes, and the file cut at each byte: sanitizers watch. */
static void hostile_programs(void **state)
{
    static const uint64_t values[] = {0,         1, 0x1000, UINT32_MAX, INT64_MAX, UINT64_MAX - 63,
                                      UINT64_MAX};
    struct program program;
    (void)state;
    for (size_t at = offsetof(Elf64_Ehdr, e_entry); at + 8 <= offsetof(struct program, names);
         at += 8)
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            fill(&program);
            memcpy((uint8_t *)&program + at, &values[i], 8);
            enum vsa_status status = read_bytes(&program, sizeof(program));
            assert_int_equal(status, VSA_OK);
            assert_true(needs.library_count <= 5);
        }
    for (size_t size = 0; size < sizeof(program); size++) {
        fill(&program);
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, &program, size);
        enum vsa_status status = read_bytes(copy, size);
        free(copy);
        assert_int_equal(status, size < sizeof(Elf64_Ehdr) ? VSA_ERR_ARGUMENT : VSA_OK);
    }
}

static void many_libraries(void **state)
{
    static struct {
        struct program program;
        Elf64_Dyn dynamic[2 * VSA_EXECUTABLE_MAX_LIBRARIES];
    } large;
    (void)state;
    fill(&large.program);
    large.program.segments[0].p_filesz = sizeof(large);
    large.program.segments[2].p_offset = sizeof(struct program);
    large.program.segments[2].p_filesz = sizeof(large.dynamic);
    for (size_t i = 0; i < 2 * VSA_EXECUTABLE_MAX_LIBRARIES; i++)
        large.dynamic[i] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 1};
    large.dynamic[0] = large.program.dynamic[2];
    assert_int_equal(read_bytes(&large, sizeof(large)), VSA_OK);
    assert_int_equal(needs.library_count, VSA_EXECUTABLE_MAX_LIBRARIES);
}

static enum vsa_status check_module(const void *bytes, size_t size)
{
    return vsa_module_check("x.ko", vsa_slice_of(bytes, size), VSA_IMAGE_X86_64, &error);
}

static void modules(void **state)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Shdr sections[2];
    } module = {.header = {.e_type = ET_REL, .e_machine = EM_X86_64, .e_shnum = 2}};
    (void)state;
    memcpy(module.header.e_ident, ELFMAG, SELFMAG);
    module.header.e_ident[EI_CLASS] = ELFCLASS64;
    module.header.e_ident[EI_DATA] = ELFDATA2LSB;
    module.header.e_shoff = sizeof(module.header);
    assert_int_equal(check_module(&module, sizeof(module)), VSA_OK);
    assert_int_equal(check_module(&module, sizeof(module) - 1), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail,
                        "x.ko is cut off: its table of sections ends beyond the file");
    module.header.e_shoff = UINT64_MAX;
    assert_int_equal(check_module(&module, sizeof(module)), VSA_ERR_ARGUMENT);
    module.header.e_shnum = 0;
    assert_int_equal(check_module(&module, sizeof(module)), VSA_ERR_ARGUMENT);
    module.header.e_machine = EM_AARCH64;
    assert_int_equal(check_module(&module, sizeof(module)), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "for another processor"));
    module.header.e_type = ET_DYN;
    assert_int_equal(check_module(&module, sizeof(module)), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "is not a kernel module"));
    assert_int_equal(check_module("\xfd"
                                  "7zXZ\0",
                                  6),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "unpack it with xz -d"));
    assert_int_equal(check_module("", 0), VSA_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs),         cmocka_unit_test(scripts),
        cmocka_unit_test(hostile_programs), cmocka_unit_test(many_libraries),
        cmocka_unit_test(modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
