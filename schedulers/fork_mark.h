/* The marker that parallelism was used, and the fork rule built on it: a forked child has none of
 * its parent's threads, so a batch run there on an inherited scheduler would wait for ever. Hugging
 * Face tokenizers meets the same problem with the same marker (set before the first parallel batch,
 * read in a pthread_atfork child handler). Here the child runs such a batch serially. */
#ifndef SCHEDULERS_FORK_MARK_H
#define SCHEDULERS_FORK_MARK_H

#include <stdbool.h>

/* Marks parallelism as used, from now on watching for forks; returns the current generation. */
unsigned fork_mark_use(void);

/* How many forks with the mark set lie between this process and the first one. */
unsigned fork_mark_generation(void);

/* Whether this process or one it was forked from has used parallelism. */
bool fork_mark_used(void);

#endif
