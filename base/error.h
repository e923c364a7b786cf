/* Errors are values: a function that can fail returns false, NULL or -1 and fills a struct error
 * with one sentence a user can act on. Only `main` exits. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <grainbench/option.h>
#include <stdarg.h>
#include <stdbool.h>

struct error {
    char message[GRAINBENCH_MESSAGE_SIZE]; /* no trailing full stop or newline */
};

/* Formats the sentence into `error` (which may be NULL) and returns false, for
 * `return error_set(error, ...)`. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with strerror(errno) appended after ": ". */
bool error_set_errno(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same into a plug-in ABI message buffer of GRAINBENCH_MESSAGE_SIZE bytes (may be NULL). */
bool error_write(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
