/*
 * What Debian's unwinder asks the C library for and musl does not have: the tables of the object in which an address
 * lies. libgcc_eh.a is compiled for glibc 2.35, and looks nowhere else. A static program has its own tables only, but
 * the list of objects says where these are, also when the program was loaded at another address than it was linked for.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* As glibc's <dlfcn.h> has it on machines where tables need no base of their own, x86_64 and aarch64 among them. */
struct found {
    unsigned long long flags;
    void *start, *end;
    void *map;
    void *tables;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t address;
    struct found *found;
};

static int look(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    struct search *search = data;
    const ElfW(Phdr) *tables = NULL, *load = NULL;
    for (const ElfW(Phdr) *part = object->dlpi_phdr; part < object->dlpi_phdr + object->dlpi_phnum; part++) {
        /* An address in front of the part gives a large number, as these have no sign. */
        if (part->p_type == PT_LOAD && search->address - object->dlpi_addr - part->p_vaddr < part->p_memsz)
            load = part;
        if (part->p_type == PT_GNU_EH_FRAME)
            tables = part;
    }
    if (!load || !tables)
        return 0;
    uintptr_t start = object->dlpi_addr + load->p_vaddr;
    *search->found = (struct found){
        .start = (void *)start,
        .end = (void *)(start + load->p_memsz),
        .tables = (void *)(object->dlpi_addr + tables->p_vaddr),
    };
    return 1;
}

/* 0 when it is found. */
int _dl_find_object(void *address, struct found *found) {
    struct search search = {(uintptr_t)address, found};
    return dl_iterate_phdr(look, &search) ? 0 : -1;
}
