/* Finds, tries and loads modules; see modules.h. */
#define _GNU_SOURCE
#include "harness/modules/modules.h"

#include "base/build_fact.h"
#include "base/datafile.h"
#include "base/options.h"
#include "harness/modules/module_check.h"
#include "harness/modules/module_trial.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_LIMIT = 16, TRIAL_WORKERS = 2 };

enum module_kind { MODULE_SCHEDULER, MODULE_ENCODER };

/* A module that passed its trial and is loaded for good, as one kind of thing. */
struct loaded_module {
    struct loaded_module *next;
    enum module_kind kind;
    char path[PATH_MAX];
    struct grainbench_scheduler_operations scheduler;
    struct grainbench_encoder_operations encoder;
};

static struct loaded_module *loaded_modules;

static const char *symbol_of(enum module_kind kind) {
    return kind == MODULE_SCHEDULER ? GRAINBENCH_SCHEDULER_SYMBOL : GRAINBENCH_ENCODER_SYMBOL;
}

static const char *word_of(enum module_kind kind) {
    return kind == MODULE_SCHEDULER ? "scheduler" : "encoder";
}

/* The installed folder, by where the program itself is: an installed tree may be moved. */
static bool find_installed_folder(char *folder, size_t size) {
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return false;
    program[length] = 0;
    *strrchr(program, '/') = 0;
    snprintf(folder, size, "%s/%s", program, GRAINBENCH_MODULES_FROM_PROGRAM);
    return true;
}

BUILD_FACT(build_modules, 4096, GRAINBENCH_BUILD_MODULES);

const char *const *modules_folders(void) {
    static const char *folders[FOLDER_LIMIT + 3];
    static char from_environment[PATH_MAX];
    size_t count = 0;
    const char *value = getenv("GRAINBENCH_MODULES");
    snprintf(from_environment, sizeof from_environment, "%s", value ? value : "");
    char *rest = from_environment, *folder;
    while (count < FOLDER_LIMIT && (folder = strsep(&rest, ":")) != NULL)
        if (folder[0]) folders[count++] = folder;
    folders[count++] = build_modules;
    static char installed[PATH_MAX + 128];
    if (find_installed_folder(installed, sizeof installed)) folders[count++] = installed;
    folders[count] = NULL;
    return folders;
}

static bool find_file(const char *name, char *path, struct error *error) {
    if (strchr(name, '/')) {
        if (!realpath(name, path)) return error_set_errno(error, "module %s", name);
        return true;
    }
    char searched[GRAINBENCH_MESSAGE_SIZE / 2] = "";
    for (const char *const *folder = modules_folders(); *folder; folder++) {
        char candidate[PATH_MAX];
        int length = snprintf(candidate, sizeof candidate, "%s/%s.so", *folder, name);
        if (length > 0 && (size_t)length < sizeof candidate && access(candidate, R_OK) == 0 &&
            realpath(candidate, path))
            return true;
        size_t used = strlen(searched);
        snprintf(searched + used, sizeof searched - used, "%s%s", used ? ", " : "", *folder);
    }
    return error_set(error, "there is no module '%s': no %s.so in %s", name, name, searched);
}

bool modules_exist(const char *name) {
    char path[PATH_MAX];
    return strchr(name, '/') || find_file(name, path, NULL);
}

/* Loads the file and takes its table. The handle is never closed: threads and thread-local
 * destructors of a module's runtime may outlive any use of it. */
static bool load(const char *path, enum module_kind kind, struct loaded_module *module,
                 struct error *error) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return error_set(error, "cannot load the module: %s", dlerror());
    void *symbol = dlsym(handle, symbol_of(kind));
    if (!symbol)
        return error_set(error, "%s: is no %s module: it does not export %s", path, word_of(kind),
                         symbol_of(kind));
    if (kind == MODULE_SCHEDULER) {
        const struct grainbench_scheduler_operations *(*get)(void);
        memcpy(&get, &symbol, sizeof get);
        return module_check_scheduler(path, get(), &module->scheduler, error);
    }
    const struct grainbench_encoder_operations *(*get)(void);
    memcpy(&get, &symbol, sizeof get);
    return module_check_encoder(path, get(), &module->encoder, error);
}

static bool is_supported(const struct loaded_module *module, struct error *error) {
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    bool (*supported)(char *) =
        module->kind == MODULE_SCHEDULER ? module->scheduler.supported : module->encoder.supported;
    const char *name =
        module->kind == MODULE_SCHEDULER ? module->scheduler.name : module->encoder.name;
    if (!supported || supported(message)) return true;
    return error_set(error, "%s %s cannot run here: %s", word_of(module->kind), name,
                     message[0] ? message : "it gave no reason");
}

static void *make_default_options(const struct grainbench_option *table, size_t size,
                                  struct error *error) {
    void *options = calloc(1, size + 1);
    if (!options) {
        error_set(error, "out of memory");
    } else if (!options_set_defaults(table, options, error)) {
        free(options);
        options = NULL;
    }
    return options;
}

static bool try_as_scheduler(struct loaded_module *module, struct module_trial *trial,
                             struct error *error) {
    void *options =
        make_default_options(module->scheduler.options, module->scheduler.options_size, error);
    if (!options) return false;
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = TRIAL_WORKERS};
    module_trial_stage(trial, "when it was created and run with default options");
    bool good = modules_try_scheduler(&module->scheduler, &setup, options, error);
    free(options);
    return good;
}

/* An encoder is created only where the vocabulary is there to create it from. */
static bool try_as_encoder(struct loaded_module *module, struct module_trial *trial,
                           struct error *error) {
    char vocab[PATH_MAX], merges[PATH_MAX];
    if (!datafile_find("vocab.json", vocab, sizeof vocab, NULL) ||
        !datafile_find("merges.txt", merges, sizeof merges, NULL))
        return true;
    void *options =
        make_default_options(module->encoder.options, module->encoder.options_size, error);
    if (!options) return false;
    struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                             .vocab_path = vocab,
                                             .merges_path = merges,
                                             .workers = TRIAL_WORKERS};
    module_trial_stage(trial, "when it was created and run with default options");
    bool good = modules_try_encoder(&module->encoder, &setup, options, error);
    free(options);
    return good;
}

static bool attempt_module(void *context, struct module_trial *trial, struct error *error) {
    struct loaded_module *module = context;
    module_trial_stage(trial, "while it was loaded");
    if (!load(module->path, module->kind, module, error)) return false;
    module_trial_stage(trial, "in supported");
    if (!is_supported(module, error)) return false;
    return module->kind == MODULE_SCHEDULER ? try_as_scheduler(module, trial, error)
                                            : try_as_encoder(module, trial, error);
}

static const struct loaded_module *find(const char *name, enum module_kind kind,
                                        struct error *error) {
    char path[PATH_MAX];
    if (!find_file(name, path, error)) return NULL;
    for (const struct loaded_module *seen = loaded_modules; seen; seen = seen->next)
        if (seen->kind == kind && strcmp(seen->path, path) == 0) return seen;
    struct loaded_module *module = calloc(1, sizeof *module);
    if (!module) {
        error_set(error, "out of memory");
        return NULL;
    }
    module->kind = kind;
    snprintf(module->path, sizeof module->path, "%s", path);
    if (!module_trial_run(path, attempt_module, module, error) ||
        !load(path, kind, module, error)) {
        free(module);
        return NULL;
    }
    module->next = loaded_modules;
    loaded_modules = module;
    return module;
}

const struct grainbench_scheduler_operations *modules_find_scheduler(const char *name,
                                                                     struct error *error) {
    const struct loaded_module *module = find(name, MODULE_SCHEDULER, error);
    return module ? &module->scheduler : NULL;
}

const struct grainbench_encoder_operations *modules_find_encoder(const char *name,
                                                                 struct error *error) {
    const struct loaded_module *module = find(name, MODULE_ENCODER, error);
    return module ? &module->encoder : NULL;
}

/* Whether a file exports a symbol, without running any of its code: its dynamic string table holds
 * the name. A file that cannot be read is taken to hold none. */
static bool file_mentions(const char *path, const char *symbol) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    static char block[1 << 16];
    size_t kept = 0, length = strlen(symbol) + 1, got;
    bool found = false;
    while (!found && (got = fread(block + kept, 1, sizeof block - kept, file)) > 0) {
        size_t have = kept + got;
        found = memmem(block, have, symbol, length) != NULL;
        kept = have < length ? have : length;
        memmove(block, block + have - kept, kept);
    }
    fclose(file);
    return found;
}

static bool is_first_of_its_name(const char *const *folders, const char *const *folder,
                                 const char *name) {
    for (; folders < folder; folders++) {
        char earlier[PATH_MAX];
        int length = snprintf(earlier, sizeof earlier, "%s/%s.so", *folders, name);
        if (length > 0 && (size_t)length < sizeof earlier && access(earlier, R_OK) == 0)
            return false;
    }
    return true;
}

static void visit_file(const char *path, const char *name, enum module_kind kind,
                       modules_visit visit, void *context) {
    struct error error = {""};
    const struct loaded_module *module = find(path, kind, &error);
    struct module_description description = {.name = name, .path = path};
    if (!module) {
        description.reason = error.message;
    } else if (kind == MODULE_SCHEDULER) {
        description.summary = module->scheduler.summary;
        description.options = module->scheduler.options;
    } else {
        description.summary = module->encoder.summary;
        description.options = module->encoder.options;
    }
    visit(context, &description);
}

static void list(enum module_kind kind, modules_visit visit, void *context) {
    const char *const *folders = modules_folders();
    for (const char *const *folder = folders; *folder; folder++) {
        char pattern[PATH_MAX];
        int length = snprintf(pattern, sizeof pattern, "%s/*.so", *folder);
        glob_t files;
        if (length < 0 || (size_t)length >= sizeof pattern || glob(pattern, 0, NULL, &files) != 0)
            continue;
        for (size_t i = 0; i < files.gl_pathc; i++) {
            char name[NAME_MAX + 1];
            const char *file = strrchr(files.gl_pathv[i], '/') + 1;
            snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 3), file);
            bool scheduler = file_mentions(files.gl_pathv[i], GRAINBENCH_SCHEDULER_SYMBOL);
            bool encoder = file_mentions(files.gl_pathv[i], GRAINBENCH_ENCODER_SYMBOL);
            bool wanted = kind == MODULE_SCHEDULER ? scheduler || !encoder : encoder;
            if (wanted && is_first_of_its_name(folders, folder, name))
                visit_file(files.gl_pathv[i], name, kind, visit, context);
        }
        globfree(&files);
    }
}

void modules_list_schedulers(modules_visit visit, void *context) {
    list(MODULE_SCHEDULER, visit, context);
}

void modules_list_encoders(modules_visit visit, void *context) {
    list(MODULE_ENCODER, visit, context);
}
