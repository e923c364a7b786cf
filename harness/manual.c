/* Help, man page and completions; see manual.h. */
#define _GNU_SOURCE
#include "harness/manual.h"

#include "base/options.h"
#include "harness/build_facts.h"
#include "tokenizer/fast_unicode.h"

#include <hwloc.h>
#include <jansson.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

void manual_print_overview(const struct command *const *commands, FILE *out) {
    fputs("grainbench measures how the way a batch of small items is handed to threads decides\n"
          "throughput, and explains the difference.\n\n"
          "Usage: grainbench COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n",
          out);
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->summary)
            fprintf(out, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n'grainbench COMMAND --help' tells about a command; 'grainbench --version' about this\n"
          "build; 'grainbench --completion bash|zsh|fish' prints a shell completion.\n\n"
          "Start with: grainbench run\n",
          out);
}

/* Paragraphs separated by "\n\n", wrapped at 100 columns. */
static void print_paragraphs(const char *text, FILE *out) {
    int column = 0;
    while (*text) {
        if (text[0] == '\n') {
            size_t breaks = strspn(text, "\n");
            fputs(breaks > 1 ? "\n\n" : "\n", out);
            column = 0;
            text += breaks;
            continue;
        }
        size_t length = strcspn(text, " \n");
        if (column && column + 1 + (int)length > 100) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s%.*s", column ? " " : "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void manual_print_command_help(const struct command *command, FILE *out) {
    fprintf(out, "Usage: grainbench %s%s%s%s\n\n", command->name,
            command->options ? " [OPTION...]" : "", command->operands[0] ? " " : "",
            command->operands);
    print_paragraphs(command->description, out);
    if (command->options) {
        fputs(command->options[0].type == GRAINBENCH_OPTION_HEADING ? "\n" : "\nOptions:\n", out);
        options_print_help(command->options, out);
    }
    if (command->examples) {
        fputs("\nExamples:\n", out);
        for (const char *line = command->examples; *line;) {
            size_t length = strcspn(line, "\n");
            fprintf(out, "  %.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
}

void manual_print_version(FILE *out) {
    char pcre2[64] = "", unicode[64] = "";
    pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, unicode);
    fprintf(out,
            "grainbench %s (%s)\n"
            "  compiler: %s, flags: %s\n"
            "  hwloc API %x, PCRE2 %s with Unicode %s, jansson %s\n"
            "  Unicode of the encoder fast: %s\n",
            BUILD_VERSION, BUILD_COMMIT, BUILD_COMPILER, BUILD_FLAGS, hwloc_get_api_version(),
            pcre2, unicode, JANSSON_VERSION, fast_unicode_version);
}

/* roff: backslashes, a leading dot or quote, and dashes that must stay ASCII. */
static void print_roff(const char *text, FILE *out) {
    bool line_start = true;
    for (; *text; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void print_roff_options(const struct grainbench_option *row, FILE *out) {
    for (; row && row->type; row++) {
        if (row->type == GRAINBENCH_OPTION_HEADING) {
            fputs(".PP\n.I ", out);
            print_roff(row->help, out);
            fputc('\n', out);
            continue;
        }
        fputs(".TP\n", out);
        if (row->letter) fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
        fputs("\\fB\\-\\-", out);
        print_roff(row->name, out);
        fputs("\\fR", out);
        if (row->argument) {
            fputs(" \\fI", out);
            print_roff(row->argument, out);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        print_roff(row->help, out);
        if (row->type == GRAINBENCH_OPTION_CHOICE) {
            fputs(": ", out);
            print_roff(row->choices, out);
        }
        if (row->fallback && row->fallback[0] && strcmp(row->fallback, "0") != 0) {
            fputs(" [default: ", out);
            print_roff(row->fallback, out);
            fputc(']', out);
        }
        fputc('\n', out);
    }
}

static void print_roff_examples(const char *line, FILE *out) {
    fputs(".PP\nExamples:\n.nf\n", out);
    while (*line) {
        size_t length = strcspn(line, "\n");
        char text[512];
        snprintf(text, sizeof text, "    %.*s", (int)length, line);
        print_roff(text, out);
        fputc('\n', out);
        line += length + (line[length] == '\n');
    }
    fputs(".fi\n", out);
}

void manual_print_man_page(const struct command *const *commands, FILE *out) {
    fprintf(out, ".TH GRAINBENCH 1 \"\" \"grainbench %s\" \"User Commands\"\n", BUILD_VERSION);
    fputs(".SH NAME\ngrainbench \\- measure and explain how schedulers decide throughput\n"
          ".SH SYNOPSIS\n.B grainbench\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n"
          ".SH DESCRIPTION\n",
          out);
    print_roff("grainbench measures how the way a batch of small independent items is handed to "
               "threads decides throughput, and explains the difference. Each command below has "
               "its own options; --help after a command prints them.",
               out);
    fputs("\n.SH COMMANDS\n", out);
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        if (!command->summary) continue;
        fprintf(out, ".SS \"grainbench %s ", command->name);
        print_roff(command->operands, out);
        fputs("\"\n", out);
        print_roff(command->description, out);
        fputc('\n', out);
        print_roff_options(command->options, out);
        if (command->examples) print_roff_examples(command->examples, out);
    }
    fputs(".SH EXIT STATUS\n0 success or no regression; 1 regression; 2 bad usage, input or "
          "output; 3 inconclusive; 4 the environment is unfit for measuring; 5 the outputs of the "
          "arms differ.\n.SH ENVIRONMENT\n.TP\n.B GRAINBENCH_DATA\nFolder of scenarios, tables and "
          "the corpus, looked at first.\n.TP\n.B NO_COLOR\nNo colours in tables.\n",
          out);
}

static void print_bash(const struct command *const *commands, FILE *out) {
    fputs("# bash completion for grainbench\n_grainbench() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
          "    if ((COMP_CWORD == 1)); then\n        words=\"--help --version",
          out);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, " %s", commands[i]->name);
    fputs("\"\n    elif [[ $word == -* ]]; then\n        case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "        %s) words=\"--help", commands[i]->name);
        for (const struct grainbench_option *row = commands[i]->options; row && row->type; row++)
            if (row->type != GRAINBENCH_OPTION_HEADING) fprintf(out, " --%s", row->name);
        fputs("\" ;;\n", out);
    }
    fputs("        esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "    [[ -n ${COMPREPLY[*]} ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
          "complete -o filenames -F _grainbench grainbench\n",
          out);
}

static void print_zsh(const struct command *const *commands, FILE *out) {
    fputs("#compdef grainbench\nlocal -a commands\ncommands=(\n", out);
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->summary)
            fprintf(out, "  \"%s:%s\"\n", commands[i]->name, commands[i]->summary);
    fputs(
        ")\nif ((CURRENT == 2)); then _describe command commands; return; fi\ncase $words[2] in\n",
        out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "%s) compadd -- --help", commands[i]->name);
        for (const struct grainbench_option *row = commands[i]->options; row && row->type; row++)
            if (row->type != GRAINBENCH_OPTION_HEADING) fprintf(out, " --%s", row->name);
        fputs("; _files ;;\n", out);
    }
    fputs("esac\n", out);
}

/* fish strings: single quotes, in which only ' and \ are special. */
static void print_fish_text(const char *text, FILE *out) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void print_fish(const struct command *const *commands, FILE *out) {
    fputs("# fish completion for grainbench\n", out);
    for (size_t i = 0; commands[i]; i++) {
        if (!commands[i]->summary) continue;
        fprintf(out, "complete -c grainbench -n __fish_use_subcommand -a %s -d ",
                commands[i]->name);
        print_fish_text(commands[i]->summary, out);
        fputc('\n', out);
        for (const struct grainbench_option *row = commands[i]->options; row && row->type; row++) {
            if (row->type == GRAINBENCH_OPTION_HEADING) continue;
            fprintf(out, "complete -c grainbench -n '__fish_seen_subcommand_from %s' -l %s -d ",
                    commands[i]->name, row->name);
            print_fish_text(row->help, out);
            fputc('\n', out);
        }
    }
}

bool manual_print_completion(const struct command *const *commands, const char *shell, FILE *out) {
    static const struct {
        const char *shell;
        void (*print)(const struct command *const *, FILE *);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].print(commands, out);
            return true;
        }
    return false;
}
