/* What code was run, as a number; see code_hash.h. */
#define _GNU_SOURCE
#include "harness/code_hash.h"

#include "base/build_fact.h"
#include "base/file.h"
#include "harness/components.h"

#include <dlfcn.h>
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct image {
    const char *data;
    size_t size;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    const char *names; /* of sections */
    size_t names_size;
};

static const char *at(const struct image *image, uint64_t offset, uint64_t length) {
    return offset <= image->size && length <= image->size - offset ? image->data + offset : NULL;
}

static bool open_image(struct image *image) {
    image->header = (const Elf64_Ehdr *)at(image, 0, sizeof *image->header);
    const Elf64_Ehdr *header = image->header;
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_shentsize != sizeof(Elf64_Shdr) ||
        header->e_shstrndx >= header->e_shnum)
        return false;
    image->sections = (const Elf64_Shdr *)at(image, header->e_shoff,
                                             (uint64_t)header->e_shnum * sizeof(Elf64_Shdr));
    if (!image->sections) return false;
    const Elf64_Shdr *names = &image->sections[header->e_shstrndx];
    image->names = at(image, names->sh_offset, names->sh_size);
    image->names_size = names->sh_size;
    return image->names && names->sh_size && !image->names[names->sh_size - 1];
}

static const char *section_name(const struct image *image, const Elf64_Shdr *section) {
    return section->sh_name < image->names_size ? image->names + section->sh_name : "";
}

static bool makes_behaviour(const struct image *image, const Elf64_Shdr *section) {
    if (!(section->sh_flags & SHF_ALLOC)) return false;
    switch (section->sh_type) {
    case SHT_NOTE:    /* the build id */
    case SHT_DYNAMIC: /* addresses, and the search path */
    case SHT_STRTAB:  /* with the search path in it; the imported names are hashed by themselves */
    case SHT_DYNSYM:
    case SHT_HASH:
    case SHT_GNU_HASH:
    case SHT_GNU_versym:
    case SHT_GNU_verneed:
    case SHT_GNU_verdef:
    case SHT_NOBITS:
        return false;
    default:
        return strcmp(section_name(image, section), BUILD_FACT_SECTION) != 0;
    }
}

/* The names that the file wants from others: two calls that differ in nothing but whom they call.
 */
static bool hash_imports(const struct image *image, const Elf64_Shdr *table, XXH3_state_t *state) {
    if (table->sh_link >= image->header->e_shnum) return false;
    const Elf64_Shdr *strings = &image->sections[table->sh_link];
    const Elf64_Sym *symbols = (const Elf64_Sym *)at(image, table->sh_offset, table->sh_size);
    const char *names = at(image, strings->sh_offset, strings->sh_size);
    if (!symbols || !names || !strings->sh_size || names[strings->sh_size - 1]) return false;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        if (symbols[i].st_shndx != SHN_UNDEF || symbols[i].st_name >= strings->sh_size) continue;
        const char *name = names + symbols[i].st_name;
        XXH3_64bits_update(state, name, strlen(name) + 1);
    }
    return true;
}

static bool hash_image(struct image *image, XXH3_state_t *state) {
    if (!open_image(image)) return false;
    for (size_t i = 0; i < image->header->e_shnum; i++) {
        const Elf64_Shdr *section = &image->sections[i];
        if (section->sh_type == SHT_DYNSYM && !hash_imports(image, section, state)) return false;
        if (!makes_behaviour(image, section)) continue;
        const char *name = section_name(image, section);
        const char *data = at(image, section->sh_offset, section->sh_size);
        if (!data) return false;
        XXH3_64bits_update(state, name, strlen(name) + 1);
        XXH3_64bits_update(state, &section->sh_size, sizeof section->sh_size);
        XXH3_64bits_update(state, data, section->sh_size);
    }
    return true;
}

bool code_hash_file(const char *path, uint64_t *hash, struct error *error) {
    char *data = NULL;
    size_t size = 0;
    if (!file_read(path, &data, &size, error)) return false;
    struct image image = {.data = data, .size = size};
    XXH3_state_t *state = XXH3_createState();
    bool done = state && XXH3_64bits_reset(state) == XXH_OK && hash_image(&image, state);
    if (done)
        *hash = XXH3_64bits_digest(state);
    else
        error_set(error, "%s: not a whole 64-bit ELF file with a table of sections", path);
    XXH3_freeState(state);
    free(data);
    return done;
}

static bool add_file(const char *path, const char *part, json_t *parts, struct error *error) {
    uint64_t hash;
    char text[32];
    if (!code_hash_file(path, &hash, error)) return false;
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_object_set_new(parts, part, json_string(text)) == 0 ||
           error_set(error, "out of memory");
}

typedef void (*any_function)(void);

/* The file that a function was loaded from; NULL if that is the program itself. */
static const char *module_of(any_function function) {
    Dl_info own, other;
    any_function mine = (any_function)code_hash_describe;
    const void *address, *my_address;
    memcpy(&address, &function, sizeof address); /* POSIX: a function's address fits a pointer */
    memcpy(&my_address, &mine, sizeof my_address);
    if (!dladdr(address, &other) || !dladdr(my_address, &own) || own.dli_fbase == other.dli_fbase)
        return NULL;
    return other.dli_fname;
}

static bool add_component(const char *text, bool is_scheduler, json_t *parts, struct error *error) {
    struct component component;
    if (!text) return true;
    if (!(is_scheduler ? component_parse_scheduler(text, &component, error)
                       : component_parse_encoder(text, &component, error)))
        return false;
    const char *module = module_of(is_scheduler ? (any_function)component.scheduler->create
                                                : (any_function)component.encoder->create);
    bool done = !module || add_file(module, is_scheduler ? "scheduler" : "encoder", parts, error);
    component_free(&component);
    return done;
}

static void add_whole(json_t *parts, json_t *object) {
    char whole[32], *text = json_dumps(parts, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) return;
    snprintf(whole, sizeof whole, "%016" PRIx64, (uint64_t)XXH3_64bits(text, strlen(text)));
    free(text);
    json_object_set_new(object, "code_hash", json_string(whole));
    json_object_set(object, "code", parts);
}

void code_hash_describe(const char *scheduler, const char *encoder, json_t *object) {
    struct error error = {""};
    json_t *parts = json_object();
    if (add_file("/proc/self/exe", "program", parts, &error) &&
        add_component(scheduler, true, parts, &error) &&
        add_component(encoder, false, parts, &error))
        add_whole(parts, object);
    else
        json_object_set_new(object, "code_hash_unavailable", json_string(error.message));
    json_decref(parts);
}
