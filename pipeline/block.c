/* Reference-counted blocks and their store; see block.h. */
#include "pipeline/block.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEPT_LIMIT = 4, PADDING = 64 }; /* block-wise readers may run over the end */

struct block_store {
    pthread_mutex_t lock;
    struct budget *budget;
    struct block *free_list;
    unsigned kept;
    size_t usual_capacity; /* of the first block; only such blocks are kept */
    size_t used, maximum;
};

struct block_store *block_store_create(struct budget *budget, struct error *error) {
    struct block_store *store = calloc(1, sizeof *store);
    if (!store) {
        error_set(error, "out of memory for the block store");
        return NULL;
    }
    pthread_mutex_init(&store->lock, NULL);
    store->budget = budget;
    return store;
}

static void block_free(struct block *block) {
    free(block->data);
    free(block->rows);
    free(block);
}

void block_store_destroy(struct block_store *store) {
    if (!store) return;
    for (struct block *block = store->free_list, *next; block; block = next) {
        next = block->next_free;
        block_free(block);
    }
    pthread_mutex_destroy(&store->lock);
    free(store);
}

size_t block_store_maximum(struct block_store *store) {
    pthread_mutex_lock(&store->lock);
    size_t maximum = store->maximum;
    pthread_mutex_unlock(&store->lock);
    return maximum;
}

size_t block_bytes(const struct block *block) {
    return block->capacity + block->row_capacity * sizeof *block->rows;
}

static void book(struct block_store *store, size_t bytes) {
    pthread_mutex_lock(&store->lock);
    store->used += bytes;
    if (store->used > store->maximum) store->maximum = store->used;
    pthread_mutex_unlock(&store->lock);
    budget_add(store->budget, bytes);
}

static struct block *take_kept(struct block_store *store, size_t capacity) {
    pthread_mutex_lock(&store->lock);
    if (!store->usual_capacity) store->usual_capacity = capacity;
    struct block *block = store->free_list;
    if (block && block->capacity >= capacity) {
        store->free_list = block->next_free;
        store->kept--;
    } else {
        block = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    return block;
}

static void release_item(struct item *item) {
    block_release((struct block *)item);
}

struct block *block_take(struct block_store *store, size_t capacity) {
    struct block *block = take_kept(store, capacity);
    if (!block) {
        block = calloc(1, sizeof *block);
        if (block && capacity) block->data = malloc(capacity + PADDING);
        if (!block || (capacity && !block->data)) {
            free(block);
            return NULL;
        }
        block->capacity = capacity;
        block->store = store;
    }
    atomic_init(&block->references, 1);
    block->item = (struct item){.release = release_item};
    block->size = 0;
    block->on_its_way = block->will_grow = false;
    block->item.bytes = block_bytes(block);
    book(store, block->item.bytes);
    return block;
}

/* Books what the block has grown by. */
static void rebook(struct block *block) {
    size_t bytes = block_bytes(block);
    book(block->store, bytes - block->item.bytes);
    block->item.bytes = bytes;
}

bool block_grow(struct block *block, size_t capacity) {
    if (capacity <= block->capacity) return true;
    char *data = realloc(block->data, capacity + PADDING);
    if (!data) return false;
    block->data = data;
    block->capacity = capacity;
    rebook(block);
    return true;
}

static void stop_growing(struct block *block, size_t bytes) {
    if (block->will_grow) budget_has_grown(block->store->budget, bytes);
    block->will_grow = false;
}

bool block_reserve_rows(struct block *block, size_t count) {
    size_t before = block->item.bytes;
    if (count > block->row_capacity) {
        struct row *rows = realloc(block->rows, count * sizeof *rows);
        if (!rows) return false;
        block->rows = rows;
        block->row_capacity = count;
        rebook(block);
    }
    stop_growing(block, block->item.bytes - before);
    return true;
}

void block_depart(struct block *block) {
    block->on_its_way = block->will_grow = true;
    budget_item_started(block->store->budget);
    budget_will_grow(block->store->budget);
}

void block_arrive(struct block *block) {
    stop_growing(block, 0);
    if (block->on_its_way) budget_item_delivered(block->store->budget);
    block->on_its_way = false;
}

struct block *block_share(struct block *block) {
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
    return block;
}

void block_release(struct block *block) {
    /* acq_rel: whoever frees the block has seen all uses of it. */
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
    block_arrive(block); /* if it was dropped before it did */
    struct block_store *store = block->store;
    size_t bytes = block->item.bytes;
    pthread_mutex_lock(&store->lock);
    store->used -= bytes;
    bool keep = store->kept < KEPT_LIMIT && block->capacity == store->usual_capacity;
    if (keep) {
        block->next_free = store->free_list;
        store->free_list = block;
        store->kept++;
    }
    pthread_mutex_unlock(&store->lock);
    budget_remove(store->budget, bytes);
    if (!keep) block_free(block);
}
