/* Batches and their pool; see batch.h. */
#define _GNU_SOURCE
#include "pipeline/batch.h"
#include "pipeline/recorder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct batch_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct budget *budget;
    struct batch *free_list;
    struct batch *batches;
    unsigned count, live, live_maximum, held;
    bool interrupted;
};

static size_t round_up(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

/* Gives the batch room for `rows` rows. What it held is lost; ids are only written later. */
static bool reserve_rows(struct batch *batch, size_t rows) {
    if (rows <= batch->row_capacity) return true;
    struct row *grown = realloc(batch->rows, rows * sizeof *grown);
    if (grown) batch->rows = grown;
    size_t cells = round_up(rows * batch->sequence_length * sizeof *batch->ids + 64);
    int32_t *ids = aligned_alloc(64, cells), *lengths = calloc(rows, sizeof *lengths);
    if (!grown || !ids || !lengths) {
        free(ids);
        free(lengths);
        return false;
    }
    memset(ids, 0, cells);
    free(batch->ids);
    free(batch->lengths);
    batch->ids = ids;
    batch->lengths = lengths;
    size_t row_bytes = sizeof *grown + sizeof *lengths + batch->sequence_length * sizeof *ids;
    budget_add(batch->pool->budget, (rows - batch->row_capacity) * row_bytes);
    batch->row_capacity = rows;
    return true;
}

static void release_item(struct item *item) {
    struct batch *batch = (struct batch *)item;
    struct batch_pool *pool = batch->pool;
    batch_release_blocks(batch);
    if (batch->sealed && !batch->delivered) budget_item_delivered(pool->budget);
    pthread_mutex_lock(&pool->lock);
    pool->held -= batch->delivered;
    batch->next_free = pool->free_list;
    pool->free_list = batch;
    pool->live--;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

void batch_pool_destroy(struct batch_pool *pool) {
    if (!pool) return;
    for (unsigned i = 0; pool->batches && i < pool->count; i++) {
        struct batch *batch = &pool->batches[i];
        free(batch->rows);
        free(batch->blocks);
        free(batch->copy);
        free(batch->ids);
        free(batch->lengths);
    }
    free(pool->batches);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct batch_pool *batch_pool_create(unsigned count, size_t rows, size_t sequence_length,
                                     struct budget *budget, struct error *error) {
    struct batch_pool *pool = calloc(1, sizeof *pool);
    bool made = pool != NULL;
    if (pool) {
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->returned, NULL);
        pool->budget = budget;
        pool->count = count;
        pool->batches = calloc(count, sizeof *pool->batches);
        made = pool->batches != NULL;
    }
    for (unsigned i = 0; made && i < count; i++) {
        struct batch *batch = &pool->batches[i];
        batch->pool = pool;
        batch->index = i;
        batch->sequence_length = sequence_length;
        made = reserve_rows(batch, rows ? rows : 1);
        batch->next_free = pool->free_list;
        pool->free_list = batch;
    }
    if (made) return pool;
    batch_pool_destroy(pool);
    error_set(error, "out of memory for %u batches of %zu rows x %zu ids", count, rows,
              sequence_length);
    return NULL;
}

unsigned batch_pool_live_maximum(struct batch_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    unsigned maximum = pool->live_maximum;
    pthread_mutex_unlock(&pool->lock);
    return maximum;
}

unsigned batch_pool_count(struct batch_pool *pool) {
    return pool->count;
}

static void wait_for_return(struct batch_pool *pool) {
    struct account_mark before = account_wait(ACTIVITY_WAIT_SLOT);
    while (!pool->free_list && !pool->interrupted)
        pthread_cond_wait(&pool->returned, &pool->lock);
    account_leave(before);
}

struct batch *batch_take(struct batch_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    if (!pool->free_list && !pool->interrupted) wait_for_return(pool);
    struct batch *batch = pool->interrupted ? NULL : pool->free_list;
    if (batch) {
        pool->free_list = batch->next_free;
        if (++pool->live > pool->live_maximum) pool->live_maximum = pool->live;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!batch) return NULL;
    batch->item = (struct item){.release = release_item};
    batch->copy_size = 0;
    batch->text_bytes = batch->tokens = batch->kept_tokens = 0;
    batch->digest = 0;
    batch->digest_factor = 1;
    batch->delivered = batch->sealed = false;
    return batch;
}

void batch_seal(struct batch *batch) {
    batch->sealed = true;
    budget_item_started(batch->pool->budget);
}

void batch_pool_interrupt(struct batch_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->interrupted = true;
    pthread_cond_broadcast(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

void batch_deliver(struct batch *batch) {
    struct batch_pool *pool = batch->pool;
    pthread_mutex_lock(&pool->lock);
    pool->held++;
    batch->delivered = true;
    pthread_mutex_unlock(&pool->lock);
    budget_item_delivered(pool->budget);
}

bool batch_pool_all_held(struct batch_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    bool all = pool->held == pool->count;
    pthread_mutex_unlock(&pool->lock);
    return all;
}

static bool hold_block(struct batch *batch, struct block *block) {
    if (batch->block_count && batch->blocks[batch->block_count - 1] == block) return true;
    if (batch->block_count == batch->block_capacity) {
        size_t capacity = batch->block_capacity ? 2 * batch->block_capacity : 4;
        struct block **grown = realloc(batch->blocks, capacity * sizeof *grown);
        if (!grown) return false;
        batch->blocks = grown;
        batch->block_capacity = capacity;
    }
    batch->blocks[batch->block_count++] = block_share(block);
    batch->item.bytes += block->item.bytes;
    return true;
}

/* Room for `needed` bytes of private copies; the rows' views move along. */
static bool reserve_copy(struct batch *batch, size_t needed) {
    if (needed <= batch->copy_capacity) return true;
    char *grown = malloc(2 * needed);
    if (!grown) return false;
    if (batch->copy_size) memcpy(grown, batch->copy, batch->copy_size);
    for (size_t i = 0; i < batch->item.row_count; i++)
        batch->rows[i].text = grown + (batch->rows[i].text - batch->copy);
    budget_add(batch->pool->budget, 2 * needed - batch->copy_capacity);
    free(batch->copy);
    batch->copy = grown;
    batch->copy_capacity = 2 * needed;
    return true;
}

static bool copy_row(struct batch *batch, const struct row *row, struct row *to) {
    if (!reserve_copy(batch, batch->copy_size + row->length + 1)) return false;
    memcpy(batch->copy + batch->copy_size, row->text, row->length);
    *to = (struct row){batch->copy + batch->copy_size, row->length};
    batch->copy_size += row->length;
    return true;
}

bool batch_append(struct batch *batch, struct block *block, size_t first, size_t count, bool copy) {
    size_t rows = batch->item.row_count;
    if (rows + count > batch->row_capacity && !reserve_rows(batch, rows + count)) return false;
    copy = copy && block->rows;
    if (!copy && !hold_block(batch, block)) return false;
    for (size_t i = 0; i < count; i++) {
        struct row none = {0}, *to = &batch->rows[rows + i];
        const struct row *row = block->rows ? &block->rows[first + i] : &none;
        if (!copy)
            *to = *row;
        else if (!copy_row(batch, row, to))
            return false;
        batch->text_bytes += row->length + 1; /* with its line end */
        batch->item.row_count++;
    }
    return true;
}

void batch_release_blocks(struct batch *batch) {
    for (size_t i = 0; i < batch->block_count; i++)
        block_release(batch->blocks[i]);
    batch->block_count = 0;
    batch->item.bytes = 0;
}
