/* Names of addresses: libdw for this process, /proc/kallsyms for the kernel; see profiler.h.
 * Without libdw the dynamic linker's symbols are all there is. */
#define _GNU_SOURCE
#include "harness/profiler/profiler.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if GRAINBENCH_HAVE_DW
#include <elfutils/libdwfl.h>
#endif

struct kernel_symbol {
    uint64_t address;
    char *name;
};

struct symbols {
#if GRAINBENCH_HAVE_DW
    Dwfl *dwfl;
#endif
    struct kernel_symbol *kernel; /* sorted by address */
    size_t kernel_count, kernel_room;
    bool kernel_loaded;
};

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- the kernel ---- */

static int compare_kernel_symbols(const void *a, const void *b) {
    const struct kernel_symbol *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static void load_kernel(struct symbols *symbols) {
    FILE *file = fopen("/proc/kallsyms", "re");
    char line[512];
    symbols->kernel_loaded = true;
    while (file && fgets(line, sizeof line, file)) {
        uint64_t address;
        char type, name[256];
        if (sscanf(line, "%" SCNx64 " %c %255s", &address, &type, name) != 3 || !address ||
            !strchr("tTwW", type))
            continue;
        if (symbols->kernel_count == symbols->kernel_room) {
            size_t room = symbols->kernel_room ? symbols->kernel_room * 2 : 1 << 16;
            struct kernel_symbol *grown = reallocarray(symbols->kernel, room, sizeof *grown);
            if (!grown) break;
            symbols->kernel = grown;
            symbols->kernel_room = room;
        }
        struct kernel_symbol symbol = {address, strdup(name)};
        if (!symbol.name) break;
        symbols->kernel[symbols->kernel_count++] = symbol;
    }
    if (file) fclose(file);
    if (symbols->kernel_count)
        qsort(symbols->kernel, symbols->kernel_count, sizeof *symbols->kernel,
              compare_kernel_symbols);
}

static void find_in_kernel(struct symbols *symbols, uint64_t address, char *name, size_t size) {
    if (!symbols->kernel_loaded) load_kernel(symbols);
    size_t low = 0, high = symbols->kernel_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->kernel[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low)
        profile_clean_name(symbols->kernel[low - 1].name, name, size);
    else
        snprintf(name, size, "[kernel]");
}

/* ---- this process ---- */

#if GRAINBENCH_HAVE_DW
static bool open_process(struct symbols *symbols, struct error *error) {
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                             .find_debuginfo = dwfl_standard_find_debuginfo};
    symbols->dwfl = dwfl_begin(&callbacks);
    if (symbols->dwfl && dwfl_linux_proc_report(symbols->dwfl, getpid()) == 0 &&
        dwfl_report_end(symbols->dwfl, NULL, NULL) == 0)
        return true;
    return error_set(error, "cannot read the symbols of this process: %s", dwfl_errmsg(-1));
}

static bool find_in_process(struct symbols *symbols, uint64_t address, char *name, char *object,
                            size_t size) {
    Dwfl_Module *module = dwfl_addrmodule(symbols->dwfl, address);
    if (!module) return false;
    GElf_Off offset;
    GElf_Sym symbol;
    const char *path = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    const char *found = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    snprintf(object, size, "%s", path ? file_name(path) : "[unknown]");
    if (found)
        profile_clean_name(found, name, size);
    else
        snprintf(name, size, "[%.200s]", object);
    return true;
}
#else
static bool open_process(struct symbols *symbols, struct error *error) {
    (void)symbols, (void)error;
    return true;
}

static bool find_in_process(struct symbols *symbols, uint64_t address, char *name, char *object,
                            size_t size) {
    (void)symbols;
    Dl_info info;
    if (!dladdr((void *)(uintptr_t)address, &info) || !info.dli_fname) return false;
    snprintf(object, size, "%s", file_name(info.dli_fname));
    if (info.dli_sname)
        profile_clean_name(info.dli_sname, name, size);
    else
        snprintf(name, size, "[%.200s]", object);
    return true;
}
#endif

struct symbols *symbols_of_this_process(struct error *error) {
    struct symbols *symbols = calloc(1, sizeof *symbols);
    if (!symbols) error_set(error, "out of memory");
    if (symbols && !open_process(symbols, error)) {
        symbols_free(symbols);
        return NULL;
    }
    return symbols;
}

void symbols_free(struct symbols *symbols) {
    if (!symbols) return;
    for (size_t i = 0; i < symbols->kernel_count; i++)
        free(symbols->kernel[i].name);
    free(symbols->kernel);
#if GRAINBENCH_HAVE_DW
    if (symbols->dwfl) dwfl_end(symbols->dwfl);
#endif
    free(symbols);
}

void symbols_find(struct symbols *symbols, uint64_t address, char *name, char *object,
                  size_t size) {
    if (address >> 63) { /* the upper half belongs to the kernel */
        snprintf(object, size, "[kernel]");
        find_in_kernel(symbols, address, name, size);
    } else if (!find_in_process(symbols, address, name, object, size)) {
        snprintf(object, size, "[anonymous]");
        snprintf(name, size, "[code made at run time]"); /* such as PCRE2's matchers */
    }
}
