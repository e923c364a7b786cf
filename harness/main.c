/* The program: finds the command, parses its options by its table, runs it. Only this file exits.
 */
#define _GNU_SOURCE
#include "base/options.h"
#include "harness/command.h"
#include "harness/manual.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND(name) extern const struct command command_##name;
#include "harness/commands.def"
#undef COMMAND

static const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "harness/commands.def"
#undef COMMAND
    NULL};

int command_fail(const char *name, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "grainbench %s: ", name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int run_command(const struct command *command, int argc, char **argv) {
    if (asks_for_help(argc, argv)) {
        manual_print_command_help(command, stdout);
        return EXIT_OK;
    }
    static const struct grainbench_option no_options[] = {{0}};
    void *options = calloc(1, command->options_size + 1);
    if (!options) return command_fail(command->name, "out of memory");
    int first_operand = 0;
    struct error error;
    int code;
    if (!options_parse_arguments(command->options ? command->options : no_options, options, argc,
                                 argv, &first_operand, &error))
        code = command_fail(command->name, "%s; try 'grainbench %s --help'", error.message,
                            command->name);
    else
        code = command->run(options, argc - first_operand, argv + first_operand);
    free(options);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "grainbench %s: cannot write to standard output\n", command->name);
        return code == EXIT_OK ? EXIT_USAGE : code;
    }
    return code;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        manual_print_overview(commands, stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        manual_print_overview(commands, stdout);
        return EXIT_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        manual_print_version(stdout);
        return EXIT_OK;
    }
    if (strcmp(word, "--man") == 0) {
        manual_print_man_page(commands, stdout);
        return EXIT_OK;
    }
    if (strcmp(word, "--completion") == 0)
        return manual_print_completion(commands, argc > 2 ? argv[2] : "", stdout)
                   ? EXIT_OK
                   : command_fail("--completion", "name a shell: bash, zsh or fish");
    const struct command *command = find_command(strcmp(word, "help") == 0 ? argv[2] : word);
    if (!command) {
        fprintf(stderr, "grainbench: there is no command '%s'; try 'grainbench --help'\n", word);
        return EXIT_USAGE;
    }
    if (strcmp(word, "help") == 0) {
        manual_print_command_help(command, stdout);
        return EXIT_OK;
    }
    return run_command(command, argc - 1, argv + 1);
}
