/* A command of the program: `grainbench NAME [OPTION...] [OPERAND...]`. One table describes it,
 * from which --help, the man page and the shell completions are made. */
#ifndef HARNESS_COMMAND_H
#define HARNESS_COMMAND_H

#include <grainbench/option.h>
#include <stddef.h>

/* What the program exits with, whatever the command. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_REGRESSION = 1,    /* gate: something got worse */
    EXIT_USAGE = 2,         /* bad usage, bad input, or a file that cannot be read or written */
    EXIT_INCONCLUSIVE = 3,  /* gate: the data cannot tell */
    EXIT_UNFIT = 4,         /* the environment does not allow a measurement */
    EXIT_OUTPUTS_DIFFER = 5 /* the arms do not compute the same thing */
};

struct command {
    const char *name;
    const char *summary;     /* one line; NULL for a command that help texts leave out */
    const char *operands;    /* "RECORD...", or "" */
    const char *description; /* paragraphs for the man page and --help, separated by "\n\n" */
    const char *examples;    /* lines of "command", or NULL */
    const struct grainbench_option *options; /* rows, or NULL */
    size_t options_size;                     /* of the struct the rows fill */
    /* `options` is filled and checked; operands are what is left of the command line. */
    int (*run)(const void *options, int operand_count, char **operands);
};

/* Prints "grainbench NAME: sentence" on standard error and returns EXIT_USAGE. */
int command_fail(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
