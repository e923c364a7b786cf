/* Reads the text that `perf script` prints, with or without call chains; see profile.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile.h"

#include "base/file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_LIMIT = 512 };

struct reader {
    const char *path;
    size_t line;
    struct profile *profile;
    uint32_t frames[STACK_LIMIT];
    size_t frame_count;
    uint32_t thread;
    uint64_t time_ns;
    bool in_sample;
};

/* "    7f12ab symbol+0x10 (/usr/lib/libc.so.6)" from its address on. False if it is no frame. */
static bool parse_frame(struct reader *reader, char *text) {
    char *end, name[512];
    strtoull(text, &end, 16);
    if (end == text || *end != ' ') return false;
    char *symbol = end + strspn(end, " ");
    char *object = strrchr(symbol, '(');
    if (!object) return false;
    char *close = strrchr(object, ')');
    if (!close) return false;
    *close = 0;
    char *stop = object;
    while (stop > symbol && stop[-1] == ' ')
        stop--;
    *stop = 0;
    char *plus = strrchr(symbol, '+');
    if (plus && strncmp(plus, "+0x", 3) == 0) *plus = 0;
    object++;
    char *slash = strrchr(object, '/');
    if (slash) object = slash + 1;
    if (strcmp(object, "[kernel.kallsyms]") == 0 || strncmp(object, "[guest.kernel", 13) == 0)
        object = "[kernel]";
    /* Where perf looks for the names of code made at run time, and finds none. */
    if (strncmp(object, "perf-", 5) == 0 && strstr(object, ".map")) {
        object = "[anonymous]";
        if (strcmp(symbol, "[unknown]") == 0) symbol = "[code made at run time]";
    }
    profile_clean_name(*symbol ? symbol : "[unknown]", name, sizeof name);
    uint32_t index = profile_intern(reader->profile, name, object);
    if (index == UINT32_MAX) return false;
    if (reader->frame_count < STACK_LIMIT) reader->frames[reader->frame_count++] = index;
    return true;
}

static bool finish_sample(struct reader *reader) {
    bool ok = reader->frame_count == 0 ||
              profile_add_sample(reader->profile, reader->thread, reader->time_ns, reader->frames,
                                 reader->frame_count);
    reader->frame_count = 0;
    reader->in_sample = false;
    return ok;
}

/* "comm  1234/1236 [001]  812.345678:  200040 cpu-clock:  [address symbol+off (object)]". The
 * command's name may hold spaces: the time is the first "digits.digits:". */
static bool parse_header(struct reader *reader, char *line) {
    for (char *at = line; (at = strchr(at, ':')); at++) {
        char *digit = at;
        while (digit > line && (isdigit((unsigned char)digit[-1]) || digit[-1] == '.'))
            digit--;
        if (digit == at || !memchr(digit, '.', (size_t)(at - digit)) ||
            (digit > line && digit[-1] != ' '))
            continue;
        reader->time_ns = (uint64_t)(strtod(digit, NULL) * 1e9);
        char *word = digit;
        for (;;) { /* backwards over "[001]" to the thread number */
            while (word > line && word[-1] == ' ')
                word--;
            char *end = word;
            while (word > line && word[-1] != ' ')
                word--;
            if (word == end) return false;
            if (*word == '[') continue;
            char *slash = memchr(word, '/', (size_t)(end - word));
            reader->thread = (uint32_t)strtoul(slash ? slash + 1 : word, NULL, 10);
            break;
        }
        reader->in_sample = true;
        /* Without call chains the one frame stands behind the event's name. */
        char *event_end = strstr(at + 1, ": ");
        if (event_end) {
            char *frame = event_end + 1 + strspn(event_end + 1, " ");
            if (isxdigit((unsigned char)*frame) && parse_frame(reader, frame))
                return finish_sample(reader);
        }
        return true;
    }
    return false;
}

static bool parse_line(struct reader *reader, char *line, struct error *error) {
    size_t blank = strspn(line, " \t");
    if (line[0] == '#') return true;
    if (!line[blank]) return finish_sample(reader) || error_set(error, "out of memory");
    if (blank && reader->in_sample) {
        if (parse_frame(reader, line + blank)) return true;
        return error_set(error, "%s: line %zu: no stack frame of perf script: '%.60s'",
                         reader->path, reader->line, line + blank);
    }
    if (!finish_sample(reader)) return error_set(error, "out of memory");
    if (parse_header(reader, line)) return true;
    return error_set(error,
                     "%s: line %zu: not the output of 'perf script': '%.60s'; make it with "
                     "'perf record -F 999 -g PROGRAM' and 'perf script > FILE'",
                     reader->path, reader->line, line);
}

bool profile_read_perf_script(const char *path, struct profile *profile, struct error *error) {
    char *text;
    size_t size;
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) return error_set(error, "out of memory");
    *reader = (struct reader){.path = path, .profile = profile};
    if (!file_read(path, &text, &size, error)) {
        free(reader);
        return false;
    }
    bool ok = true;
    for (char *line = text; ok && line < text + size;) {
        char *end = strchrnul(line, '\n');
        bool last = !*end;
        *end = 0;
        reader->line++;
        ok = parse_line(reader, line, error);
        line = last ? text + size : end + 1;
    }
    if (ok && !finish_sample(reader)) ok = error_set(error, "out of memory");
    if (ok && profile->sample_count == 0) ok = error_set(error, "%s: holds no samples", path);
    snprintf(profile->source, sizeof profile->source, "perf script");
    free(text);
    free(reader);
    return ok;
}
