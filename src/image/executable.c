/* SPDX-License-Identifier: Apache-2.0 */
#include "image/executable.h"

#include <elf.h>

#include "base/error.h"

/* Program headers that are looked at: real programs have some 13. */
#define MAX_PROGRAM_HEADERS 128
/* Entries of the dynamic section: real programs have some 30. */
#define MAX_DYNAMIC_ENTRIES 4096

static bool fits(struct vsa_slice bytes, uint64_t offset, uint64_t size)
{
    return offset <= bytes.size && size <= bytes.size - offset;
}

static void copy_name(char name[VSA_EXECUTABLE_MAX_NAME], struct vsa_slice text)
{
    const void *nul = memchr(text.data, '\0', text.size);
    size_t size = nul ? (size_t)((const uint8_t *)nul - text.data) : text.size;
    if (size >= VSA_EXECUTABLE_MAX_NAME)
        size = VSA_EXECUTABLE_MAX_NAME - 1;
    memcpy(name, text.data, size);
    name[size] = '\0';
}

/* Reads the interpreter, the first word of "#! /usr/bin/python3 -u". */
static void read_script(struct vsa_slice program, struct vsa_executable *executable)
{
    const char *text = (const char *)program.data;
    size_t start = 2;
    while (start < program.size && (text[start] == ' ' || text[start] == '\t'))
        start++;
    size_t end = start;
    while (end < program.size && text[end] && !strchr(" \t\r\n", text[end]))
        end++;
    executable->is_script = true;
    copy_name(executable->interpreter, vsa_slice_of(text + start, end - start));
}

/*
 * Finds the first program header of this type from number `*next` on;
 * returns false when there is none.
 */
static bool find_segment(struct vsa_slice program, const Elf64_Ehdr *header, unsigned type,
                         size_t *next, Elf64_Phdr *segment)
{
    while (*next < header->e_phnum && *next < MAX_PROGRAM_HEADERS) {
        uint64_t offset = header->e_phoff + (*next)++ * sizeof(*segment);
        if (header->e_phoff > program.size || !fits(program, offset, sizeof(*segment)))
            return false;
        memcpy(segment, program.data + offset, sizeof(*segment));
        if (segment->p_type == type && fits(program, segment->p_offset, segment->p_filesz))
            return true;
    }
    return false;
}

/*
 * Returns the file's bytes from a virtual address on, to the end of its segment; absent when there
 * are none.
 */
static struct vsa_slice at_address(struct vsa_slice program, const Elf64_Ehdr *header,
                                   uint64_t address)
{
    Elf64_Phdr segment;
    size_t next = 0;
    while (find_segment(program, header, PT_LOAD, &next, &segment))
        if (address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
            uint64_t skipped = address - segment.p_vaddr;
            return vsa_slice_of(program.data + segment.p_offset + skipped,
                                (size_t)(segment.p_filesz - skipped));
        }
    return vsa_slice_of(NULL, 0);
}

/* Reads entry `index`; returns false at the end. */
static bool read_dynamic(struct vsa_slice dynamic, size_t index, Elf64_Dyn *entry)
{
    if (index >= MAX_DYNAMIC_ENTRIES || !fits(dynamic, index * sizeof(*entry), sizeof(*entry)))
        return false;
    memcpy(entry, dynamic.data + index * sizeof(*entry), sizeof(*entry));
    return entry->d_tag != DT_NULL;
}

static void read_libraries(struct vsa_slice program, const Elf64_Ehdr *header,
                           struct vsa_executable *executable)
{
    Elf64_Phdr segment;
    Elf64_Dyn entry;
    size_t next = 0;
    struct vsa_slice names = {NULL, 0};
    if (!find_segment(program, header, PT_DYNAMIC, &next, &segment))
        return;
    struct vsa_slice dynamic =
        vsa_slice_of(program.data + segment.p_offset, (size_t)segment.p_filesz);
    for (size_t i = 0; read_dynamic(dynamic, i, &entry); i++)
        if (entry.d_tag == DT_STRTAB)
            names = at_address(program, header, entry.d_un.d_ptr);
    for (size_t i = 0; read_dynamic(dynamic, i, &entry); i++) {
        if (entry.d_tag != DT_NEEDED || entry.d_un.d_val >= names.size ||
            executable->library_count == VSA_EXECUTABLE_MAX_LIBRARIES)
            continue;
        size_t at = (size_t)entry.d_un.d_val;
        copy_name(executable->libraries[executable->library_count++],
                  vsa_slice_of(names.data + at, names.size - at));
    }
}

static bool is_for(const Elf64_Ehdr *header, enum vsa_image_architecture architecture)
{
    return header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_machine == (architecture == VSA_IMAGE_AARCH64 ? EM_AARCH64 : EM_X86_64);
}

static const char *architecture_name(enum vsa_image_architecture architecture)
{
    return architecture == VSA_IMAGE_AARCH64 ? "aarch64" : "x86_64";
}

enum vsa_status vsa_executable_read(const char *what, struct vsa_slice program,
                                    enum vsa_image_architecture architecture,
                                    struct vsa_executable *executable, struct vsa_error *error)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    size_t next = 0;
    executable->is_script = false;
    executable->interpreter[0] = '\0';
    executable->library_count = 0;
    if (program.size > 2 && memcmp(program.data, "#!", 2) == 0) {
        read_script(program, executable);
        return VSA_OK;
    }
    if (program.size < sizeof(header) || memcmp(program.data, ELFMAG, SELFMAG) != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.160s is neither a program (ELF) nor a script",
                        what);
    memcpy(&header, program.data, sizeof(header));
    if (!is_for(&header, architecture))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is a program for another processor than the image's, %s", what,
                        architecture_name(architecture));
    if (find_segment(program, &header, PT_INTERP, &next, &segment))
        copy_name(executable->interpreter,
                  vsa_slice_of(program.data + segment.p_offset, (size_t)segment.p_filesz));
    read_libraries(program, &header, executable);
    return VSA_OK;
}

/* Returns the program that decompresses a kernel module, by its first bytes. */
static const char *decompressor(struct vsa_slice bytes)
{
    static const struct {
        const char *magic;
        size_t size;
        const char *program;
    } forms[] = {
        {"\xfd"
         "7zXZ",
         5, "xz -d"},
        {"\x28\xb5\x2f\xfd", 4, "zstd -d"},
        {"\x1f\x8b", 2, "gzip -d"},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (bytes.size > forms[i].size && memcmp(bytes.data, forms[i].magic, forms[i].size) == 0)
            return forms[i].program;
    return NULL;
}

enum vsa_status vsa_module_check(const char *what, struct vsa_slice module,
                                 enum vsa_image_architecture architecture, struct vsa_error *error)
{
    Elf64_Ehdr header = {.e_type = ET_NONE};
    const char *program = decompressor(module);
    if (program)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is compressed, which not every kernel takes: unpack it with %s",
                        what, program);
    if (module.size >= sizeof(header) && memcmp(module.data, ELFMAG, SELFMAG) == 0)
        memcpy(&header, module.data, sizeof(header));
    if (header.e_type != ET_REL)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is not a kernel module (an ELF relocatable, NAME.ko)", what);
    if (!is_for(&header, architecture))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is a module for another processor than the image's, %s", what,
                        architecture_name(architecture));
    /* The table of sections is the last thing in a module. */
    if (!header.e_shnum ||
        !fits(module, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr)))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s is cut off: its table of sections ends beyond the file", what);
    return VSA_OK;
}
