/* Options as data: one table describes an option's name, type, limits, default and help text.
 *
 * Command lines, scheduler and encoder options ("rayon:min_len=8"), help texts, the man page and
 * shell completions are all made from such tables. Part of the plug-in ABI: fields are only ever
 * appended. */
#ifndef GRAINBENCH_OPTION_H
#define GRAINBENCH_OPTION_H

#include <stddef.h>

#define GRAINBENCH_MESSAGE_SIZE 512 /* bytes of every error message buffer, NUL included */

enum grainbench_option_type {
    GRAINBENCH_OPTION_END = 0, /* last row of a table */
    GRAINBENCH_OPTION_FLAG,    /* bool; present means true; "name=0" and "--no-name" mean false */
    GRAINBENCH_OPTION_INTEGER, /* int64_t; suffixes k, M, G (powers of 1,000) and Ki, Mi, Gi */
    GRAINBENCH_OPTION_REAL,    /* double */
    GRAINBENCH_OPTION_TEXT,    /* const char *, borrowed from the parsed text */
    GRAINBENCH_OPTION_CHOICE,  /* int, the index into `choices` */
    GRAINBENCH_OPTION_HEADING  /* no value: `help` is a section title in help texts */
};

struct grainbench_option {
    const char *name;     /* long name without dashes, words joined by '-' (command lines) or '_' */
    char letter;          /* short form on command lines, or 0 */
    enum grainbench_option_type type;
    size_t offset;        /* of the value in the target struct */
    const char *argument; /* placeholder in help texts, such as "FILE"; NULL for flags */
    const char *fallback; /* default as text, applied through the same parser; NULL leaves zero */
    const char *choices;  /* CHOICE: the words, separated by '|' */
    double minimum;       /* INTEGER and REAL: inclusive limits; both 0 means no limits */
    double maximum;
    const char *help; /* one sentence without a full stop */
};

#endif
