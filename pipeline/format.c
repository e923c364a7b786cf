/* Formatting of batches; see format.h. */
#include "pipeline/format.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST_BASE 0x9E3779B97F4A7C15u /* odd, hence invertible modulo 2^64 */

struct scratch {
    void *encoder_scratch;
    uint32_t *ids; /* for encode_ids */
    size_t id_capacity;
    void *result; /* for encode */
};

struct digest digest_append(struct digest first, struct digest second) {
    return (struct digest){first.value * second.factor + second.value,
                           first.factor * second.factor};
}

struct digest digest_row(const int32_t *ids, size_t count) {
    struct digest digest = {0, 1};
    for (size_t i = 0; i <= count; i++) { /* one more: the row's end counts as a symbol */
        uint64_t symbol = i < count ? (uint64_t)(uint32_t)ids[i] + 2 : 1;
        digest.value = digest.value * DIGEST_BASE + symbol;
        digest.factor *= DIGEST_BASE;
    }
    return digest;
}

void format_scratch_destroy(const struct format_setup *setup, void *scratch) {
    struct scratch *self = scratch;
    if (!self) return;
    if (self->encoder_scratch)
        setup->operations->scratch_destroy(setup->encoder, self->encoder_scratch);
    free(self->ids);
    free(self->result);
    free(self);
}

void *format_scratch_create(const struct format_setup *setup, unsigned worker,
                            struct error *error) {
    const struct grainbench_encoder_operations *operations = setup->operations;
    struct scratch *self = calloc(1, sizeof *self);
    bool made = self != NULL;
    if (made && operations) {
        char message[GRAINBENCH_MESSAGE_SIZE] = "out of memory";
        self->encoder_scratch = operations->scratch_create(setup->encoder, worker, message);
        self->result = aligned_alloc(64, (operations->result_size + 64) / 64 * 64);
        made = self->encoder_scratch && self->result;
        if (!made) error_set(error, "encoder %s: %s", operations->name, message);
    } else if (!made) {
        error_set(error, "out of memory for the formatter");
    }
    if (made) return self;
    format_scratch_destroy(setup, self);
    return NULL;
}

static bool row_failed(const struct batch *batch, size_t row, struct failure *failure,
                       const char *message) {
    uint64_t first = batch->end.rows - batch->item.row_count;
    failure_set(failure, "format", batch->item.sequence, FAILURE_TRANSFORM, "row %llu: %.200s",
                (unsigned long long)(first + row + 1), message);
    failure->row = first + row;
    return false;
}

static void keep_ids(struct batch *batch, size_t row, const uint32_t *ids, size_t count,
                     int32_t pad_id, struct format_counts *counts) {
    size_t length = batch->sequence_length, kept = count < length ? count : length;
    int32_t *to = batch->ids + row * length;
    if (kept) memcpy(to, ids, kept * sizeof *to);
    for (size_t i = kept; i < length; i++)
        to[i] = pad_id;
    batch->lengths[row] = (int32_t)kept;
    counts->tokens += count;
    counts->kept += kept;
}

/* By encode_ids, into the scratch's own array. */
static bool encode_direct(const struct format_setup *setup, struct scratch *scratch,
                          const struct row *row, size_t *count) {
    size_t needed = (size_t)row->length + 1;
    if (needed > scratch->id_capacity) {
        uint32_t *grown = realloc(scratch->ids, 2 * needed * sizeof *grown);
        if (!grown) return false;
        scratch->ids = grown;
        scratch->id_capacity = 2 * needed;
    }
    *count = setup->operations->encode_ids(setup->encoder, scratch->encoder_scratch, row->text,
                                           row->length, scratch->ids);
    return true;
}

static bool format_row(const struct format_setup *setup, struct scratch *scratch,
                       struct batch *batch, size_t row, struct format_counts *counts,
                       struct failure *failure) {
    const struct grainbench_encoder_operations *operations = setup->operations;
    const struct row *text = &batch->rows[row];
    char message[GRAINBENCH_MESSAGE_SIZE] = "out of memory";
    size_t count;
    if (operations->encode_ids) {
        if (!encode_direct(setup, scratch, text, &count))
            return row_failed(batch, row, failure, message);
        keep_ids(batch, row, scratch->ids, count, setup->pad_id, counts);
        return true;
    }
    if (!operations->encode(setup->encoder, scratch->encoder_scratch, GRAINBENCH_ENTRY_IDS,
                            text->text, text->length, scratch->result, message))
        return row_failed(batch, row, failure, message);
    const uint32_t *ids;
    count = operations->result_ids(scratch->result, &ids);
    keep_ids(batch, row, ids, count, setup->pad_id, counts);
    if (operations->result_drop) operations->result_drop(setup->encoder, scratch->result);
    return true;
}

bool format_rows(const struct format_setup *setup, void *scratch, struct batch *batch, size_t first,
                 size_t last, struct format_counts *counts, struct failure *failure) {
    struct scratch *self = scratch;
    if (!setup->operations) {
        cost_run(&setup->cost, batch->item.sequence, (double)(last - first));
        return true;
    }
    if (setup->operations->scratch_reset)
        setup->operations->scratch_reset(setup->encoder, self->encoder_scratch);
    for (size_t row = first; row < last; row++)
        if (!format_row(setup, self, batch, row, counts, failure)) return false;
    return true;
}

void format_finish(const struct format_setup *setup, struct batch *batch,
                   struct format_counts counts) {
    batch->tokens = counts.tokens;
    batch->kept_tokens = counts.kept;
    struct digest digest = {0, 1};
    for (size_t row = 0; setup->operations && row < batch->item.row_count; row++)
        digest = digest_append(digest, digest_row(batch->ids + row * batch->sequence_length,
                                                  (size_t)batch->lengths[row]));
    batch->digest = digest.value;
    batch->digest_factor = digest.factor;
    batch_release_blocks(batch);
}

static bool apply(void *shared, void *scratch, struct item *item, struct failure *failure) {
    const struct format_setup *setup = shared;
    struct batch *batch = (struct batch *)item;
    struct format_counts counts = {0};
    if (!format_rows(setup, scratch, batch, 0, item->row_count, &counts, failure)) return false;
    format_finish(setup, batch, counts);
    return true;
}

static void *create_scratch(void *shared, unsigned worker, struct error *error) {
    return format_scratch_create(shared, worker, error);
}

static void destroy_scratch(void *shared, void *scratch) {
    format_scratch_destroy(shared, scratch);
}

struct transform format_transform(const struct format_setup *setup, int stage) {
    return (struct transform){.name = "format",
                              .stage = stage,
                              .shared = (void *)setup,
                              .scratch_create = create_scratch,
                              .scratch_destroy = destroy_scratch,
                              .apply = apply};
}
