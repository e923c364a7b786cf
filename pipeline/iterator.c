/* Failures as values; see iterator.h. */
#include "pipeline/iterator.h"

#include <stdarg.h>
#include <stdio.h>

enum iterator_status failure_set(struct failure *failure, const char *stage, uint64_t sequence,
                                 int code, const char *format, ...) {
    if (!failure) return ITERATOR_ERROR;
    *failure = (struct failure){.sequence = sequence, .code = code};
    snprintf(failure->stage, sizeof failure->stage, "%s", stage);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    return ITERATOR_ERROR;
}
