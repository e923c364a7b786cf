/* The read operator: files into blocks cut behind line ends; see operators.h. Does not look at
 * rows. */
#define _GNU_SOURCE
#include "pipeline/operators.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct iterator iterator;
    struct read_setup setup;
    int descriptor; /* -1: the next file is not open yet */
    unsigned file;
    uint64_t offset; /* where in the file the next block begins */
    char *carry;     /* the line that the last block's end cut off */
    size_t carry_size, carry_capacity;
    uint64_t sequence;
    _Atomic bool stop;
    enum iterator_status final;
    struct failure failure;
};

static enum iterator_status fail(struct reader *self, const char *what, int code) {
    return self->final = failure_set(&self->failure, "read", self->sequence, FAILURE_INPUT,
                                     "%.120s: %s%s%s", self->setup.paths[self->file], what,
                                     code ? ": " : "", code ? strerror(code) : "");
}

static bool open_file(struct reader *self) {
    const char *path = self->setup.paths[self->file];
    self->descriptor =
        strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (self->descriptor < 0) return fail(self, "cannot be opened", errno) == ITERATOR_OK;
    if (self->offset && lseek(self->descriptor, (off_t)self->offset, SEEK_SET) < 0)
        return fail(self, "cannot go on where the cursor says", errno) == ITERATOR_OK;
    posix_fadvise(self->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

/* Reads until the block is full or the file ends; *ended tells. */
static bool fill(struct reader *self, struct block *block, bool *ended) {
    *ended = false;
    while (block->size < block->capacity) {
        ssize_t got =
            read(self->descriptor, block->data + block->size, block->capacity - block->size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(self, "cannot be read", errno) == ITERATOR_OK;
        if (got == 0) {
            *ended = true;
            return true;
        }
        block->size += (size_t)got;
    }
    return true;
}

/* Cuts the block behind its last line end and keeps the rest for the next one. False: no line end.
 */
static bool cut(struct reader *self, struct block *block) {
    const char *last = memrchr(block->data, '\n', block->size);
    if (!last) return false;
    size_t kept = (size_t)(last + 1 - block->data), rest = block->size - kept;
    if (rest > self->carry_capacity) {
        char *grown = realloc(self->carry, block->capacity);
        if (!grown) return false;
        self->carry = grown;
        self->carry_capacity = block->capacity;
    }
    if (rest) memcpy(self->carry, last + 1, rest);
    self->carry_size = rest;
    block->size = kept;
    return true;
}

/* One block of the open file; its size is 0 at the end of the file. */
static bool read_block(struct reader *self, struct block *block) {
    if (self->carry_size) memcpy(block->data, self->carry, self->carry_size);
    block->size = self->carry_size;
    self->carry_size = 0;
    bool ended;
    for (;;) {
        if (!fill(self, block, &ended)) return false;
        if (ended || cut(self, block)) return true;
        if (block->capacity >= self->setup.row_limit_bytes)
            return fail(self, "a line is longer than --row-limit allows", 0) == ITERATOR_OK;
        if (!block_grow(block, 2 * block->capacity))
            return fail(self, "out of memory for a long line", 0) == ITERATOR_OK;
    }
}

static void next_file(struct reader *self) {
    if (self->descriptor >= 0) close(self->descriptor);
    self->descriptor = -1;
    self->offset = 0;
    self->file++;
}

static enum iterator_status read_one(struct reader *self, struct item **item) {
    size_t capacity = self->setup.block_bytes;
    if (capacity < self->carry_size + 1) capacity = self->carry_size + 1;
    struct block *block = block_take(self->setup.store, capacity);
    if (!block) return fail(self, "out of memory for a block", 0);
    while (self->file < self->setup.path_count) {
        if ((self->descriptor < 0 && !open_file(self)) || !read_block(self, block)) break;
        if (block->size) {
            block->file = self->file;
            block->offset = self->offset;
            self->offset += block->size;
            block->item.sequence = self->sequence++;
            block_depart(block);
            *item = &block->item;
            return ITERATOR_OK;
        }
        next_file(self);
    }
    block_release(block);
    if (self->final == ITERATOR_OK) self->final = ITERATOR_END;
    return self->final;
}

static enum iterator_status reader_next(struct iterator *iterator, struct item **item,
                                        struct failure *failure) {
    struct reader *self = (struct reader *)iterator;
    if (atomic_load(&self->stop)) return ITERATOR_CANCELLED;
    if (self->final == ITERATOR_OK) {
        struct account_mark before =
            account_enter(self->setup.stage, ACTIVITY_BUSY, self->sequence);
        enum iterator_status status = read_one(self, item);
        account_leave(before);
        if (status == ITERATOR_OK) {
            account_count(self->setup.stage);
            return status;
        }
    }
    if (failure) *failure = self->failure;
    return self->final;
}

static void reader_interrupt(struct iterator *iterator) {
    atomic_store(&((struct reader *)iterator)->stop, true);
}

static void reader_close(struct iterator *iterator) {
    struct reader *self = (struct reader *)iterator;
    if (self->descriptor >= 0) close(self->descriptor);
    free(self->carry);
    free(self);
}

struct iterator *read_operator(const struct read_setup *setup, struct error *error) {
    static const struct iterator_operations operations = {"read", reader_next, reader_interrupt,
                                                          reader_close};
    struct reader *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for the reader");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->setup = *setup;
    self->descriptor = -1;
    self->file = setup->start.file;
    self->offset = setup->start.offset;
    atomic_init(&self->stop, false);
    return &self->iterator;
}
