/* Errors as values; see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, const char *format, ...) {
    if (!error) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_errno(struct error *error, const char *format, ...) {
    int saved = errno;
    if (!error) return false;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t)length, ": %s",
                 strerror(saved));
    return false;
}

bool error_write(char *message, const char *format, ...) {
    if (!message) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, GRAINBENCH_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return false;
}
