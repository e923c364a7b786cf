/* The texts about the program, all made from the command tables: help, man page, completions. */
#ifndef HARNESS_MANUAL_H
#define HARNESS_MANUAL_H

#include "harness/command.h"
#include <stdbool.h>
#include <stdio.h>

/* `commands` is ended by NULL everywhere. */
void manual_print_overview(const struct command *const *commands, FILE *out);
void manual_print_command_help(const struct command *command, FILE *out);
void manual_print_man_page(const struct command *const *commands, FILE *out); /* grainbench(1) */
void manual_print_version(FILE *out);

/* `shell` is bash, zsh or fish; false for any other. */
bool manual_print_completion(const struct command *const *commands, const char *shell, FILE *out);

#endif
