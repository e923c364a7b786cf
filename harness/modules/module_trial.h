/* Runs a piece of code in a child process first, to learn whether it returns. Knows nothing of
 * modules; modules.c and its callers try create functions with it. */
#ifndef HARNESS_MODULE_TRIAL_H
#define HARNESS_MODULE_TRIAL_H

#include "base/error.h"

/* Lets the code under trial say where it is, for the sentence if it never comes back:
 * "while it was loaded". The text must be a constant. */
struct module_trial;
void module_trial_stage(struct module_trial *trial, const char *stage);

/* Runs `attempt(context, trial, error)` in a child process. False with attempt's sentence when it
 * returned false, or with one that begins with `subject` when the child crashed, ended by itself or
 * was not done after a time limit (30 s of wall-clock time). */
bool module_trial_run(const char *subject,
                      bool (*attempt)(void *context, struct module_trial *trial,
                                      struct error *error),
                      void *context, struct error *error);

#endif
