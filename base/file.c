/* Whole files in memory; see file.h. */
#define _GNU_SOURCE
#include "base/file.h"

#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES 64

static bool read_to_end(int descriptor, const char *path, char **data, size_t *size,
                        struct error *error) {
    struct stat status;
    size_t capacity = 1 << 16;
    if (fstat(descriptor, &status) == 0) {
        if (S_ISDIR(status.st_mode)) return error_set(error, "%s: is a directory", path);
        if (S_ISREG(status.st_mode)) capacity = (size_t)status.st_size + 1;
    }
    char *buffer = malloc(capacity + TAIL_BYTES);
    if (!buffer) return error_set(error, "%s: out of memory (%zu bytes)", path, capacity);
    size_t length = 0;
    for (;;) {
        if (length == capacity) {
            capacity *= 2;
            char *larger = realloc(buffer, capacity + TAIL_BYTES);
            if (!larger) {
                free(buffer);
                return error_set(error, "%s: out of memory (%zu bytes)", path, capacity);
            }
            buffer = larger;
        }
        ssize_t got = read(descriptor, buffer + length, capacity - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            free(buffer);
            return error_set_errno(error, "%s: cannot read", path);
        }
        if (got == 0) break;
        length += (size_t)got;
    }
    memset(buffer + length, 0, TAIL_BYTES);
    *data = buffer;
    *size = length;
    return true;
}

bool file_read(const char *path, char **data, size_t *size, struct error *error) {
    bool standard_input = strcmp(path, "-") == 0;
    int descriptor = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return error_set_errno(error, "%s: cannot open", path);
    bool ok = read_to_end(descriptor, standard_input ? "standard input" : path, data, size, error);
    if (!standard_input) close(descriptor);
    return ok;
}

static bool write_all(int descriptor, const char *data, size_t size) {
    while (size) {
        ssize_t put = write(descriptor, data, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        data += put;
        size -= (size_t)put;
    }
    return true;
}

bool file_write(const char *path, const void *data, size_t size, struct error *error) {
    struct file_draft draft;
    if (!file_draft_open(&draft, path, NULL))
        return error_set_errno(error, "%s: cannot write", path);
    bool written = write_all(draft.descriptor, data, size);
    int descriptor = draft.descriptor, saved = errno;
    draft.descriptor = -1;
    if (close(descriptor) != 0 && written) {
        written = false;
        saved = errno;
    }
    errno = saved;
    if (written && file_draft_publish(&draft, NULL)) return true;
    file_draft_drop(&draft);
    return error_set_errno(error, "%s: cannot write", path);
}

bool file_can_be_written(const char *path, struct error *error) {
    struct stat status;
    bool is_new = stat(path, &status) != 0;
    /* A pipe whose reader is still to come. */
    if (!is_new && S_ISFIFO(status.st_mode) && access(path, W_OK) == 0) return true;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
    if (descriptor < 0) return error_set_errno(error, "%s: cannot write", path);
    close(descriptor);
    if (is_new) unlink(path);
    return true;
}
