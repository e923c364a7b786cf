/* Loadable modules: schedulers and encoders from shared objects (docs/plugins.md).
 *
 * A module is a file NAME.so that exports `grainbench_scheduler`, `grainbench_encoder` or both. It
 * is tried in a child process before it is loaded into this one, so that a module that crashes or
 * hangs when it is loaded or created costs a sentence, not the run. Called by the main thread
 * alone. */
#ifndef HARNESS_MODULES_H
#define HARNESS_MODULES_H

#include "base/error.h"
#include <grainbench/encoder.h>
#include <grainbench/scheduler.h>

/* The operations of module `name`: a bare name is looked for as NAME.so in the folders of
 * modules_folders(), a name with a '/' is the path of the file itself. The table stays valid until
 * the program ends; fields that a module of an older minor layout lacks are NULL.
 * NULL with a sentence when there is no such file, or it cannot be loaded, has another ABI, lacks a
 * required function, cannot run on this machine, or fails, crashes or hangs in a trial run. */
const struct grainbench_scheduler_operations *modules_find_scheduler(const char *name,
                                                                     struct error *error);
const struct grainbench_encoder_operations *modules_find_encoder(const char *name,
                                                                 struct error *error);

/* Whether `name` means a module, good or bad: a file of that name is there, or it is a path. */
bool modules_exist(const char *name);

/* Makes and destroys a scheduler in a child process with exactly this setup and these options, and
 * runs a batch of a few items on it. False with a sentence when that fails, crashes or hangs.
 * Costs a fork and one create; meant for operations that came from modules_find_scheduler. */
bool modules_try_scheduler(const struct grainbench_scheduler_operations *operations,
                           const struct grainbench_setup *setup, const void *options,
                           struct error *error);
/* The same for an encoder: create, one scratch, one text encoded by each entry point. */
bool modules_try_encoder(const struct grainbench_encoder_operations *operations,
                         const struct grainbench_encoder_setup *setup, const void *options,
                         struct error *error);

/* What `grainbench list` shows of one module. Texts are valid during the visit only. */
struct module_description {
    const char *name; /* file name without .so */
    const char *path;
    const char *summary; /* NULL when the module cannot be used */
    const char *reason;  /* why not, or NULL */
    const struct grainbench_option *options;
};
typedef void (*modules_visit)(void *context, const struct module_description *module);

/* Visits every module that exports a scheduler (or an encoder), in order of folders and then names;
 * of two files of one name only the first counts. Files that cannot be used at all, whatever they
 * may export, are visited by modules_list_schedulers. */
void modules_list_schedulers(modules_visit visit, void *context);
void modules_list_encoders(modules_visit visit, void *context);

/* The folders that are searched, first to last, ended by NULL: those of $GRAINBENCH_MODULES (split
 * at ':'), the plugins folder of the build, the installed lib/grainbench. */
const char *const *modules_folders(void);

#endif
