/* Word tables; see fast_words.h. */
#define _GNU_SOURCE
#include "tokenizer/fast_words.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static uint64_t hash_bytes(const uint8_t *word, size_t length) {
    uint64_t hash = length;
    for (; length >= 8; word += 8, length -= 8) {
        hash = (hash ^ fast_load(word)) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    uint8_t rest[8] = {0};
    memcpy(rest, word, length);
    hash = (hash ^ fast_load(rest)) * 0x9E3779B97F4A7C15u;
    return (hash ^ hash >> 32) * 0xC2B2AE3D27D4EB4Fu;
}

const uint8_t fast_key_masks[2 * FAST_KEY_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* The value of `count` new ids, which are stored when there are more than three. */
static uint64_t value_of(struct fast_words *words, const uint32_t *ids, size_t count) {
    if (count <= 3) {
        uint64_t value = (uint64_t)count << 48;
        for (size_t i = 0; i < count; i++)
            value |= (uint64_t)ids[i] << (16 * i);
        return value;
    }
    if (words->id_count + count > words->id_limit) {
        words->full = true;
        return FAST_UNCACHED;
    }
    uint32_t place = words->id_count;
    memcpy(words->ids + place, ids, count * sizeof *ids);
    words->id_count += (uint32_t)count;
    return FAST_STORED | (uint64_t)count << 32 | place;
}

static uint64_t merged_value(struct fast_words *words, const uint8_t *word, size_t length) {
    uint32_t ids[FAST_LONGEST_WORD];
    words->misses++;
    return value_of(words, ids, fast_merge(words->model, words->merge, word, length, ids));
}

static struct fast_brief_slot *brief_slot(struct fast_words *words, const uint64_t key[2]) {
    return &words->brief[fast_brief_place(key[0], words->brief_shift)];
}

/* The value of a word of up to 16 bytes that is not in the index before *place; 0 if it is new, and
 * then *place is where it belongs. */
static uint64_t known_value(struct fast_words *words, const uint64_t key[2], uint32_t *place) {
    const struct fast_brief_slot *brief = brief_slot(words, key);
    if (key[1] == 0 && brief->key == key[0]) return brief->value;
    for (; words->index[*place]; *place = (*place + 1) & words->index_mask) {
        const struct fast_entry *entry = &words->entries[words->index[*place]];
        if (fast_same_key(entry->key, key)) return entry->value;
    }
    return 0;
}

/* Keeps the value of a new word and returns it. */
static uint64_t keep(struct fast_words *words, const uint64_t key[2], uint32_t place,
                     uint64_t value) {
    struct fast_brief_slot *brief = brief_slot(words, key);
    if (value == FAST_UNCACHED) return value;
    if (key[1] == 0 && brief->key == 0) {
        *brief = (struct fast_brief_slot){key[0], value};
    } else if (words->entry_count < words->entry_limit) {
        words->index[place] = (uint16_t)words->entry_count;
        words->entries[words->entry_count++] = (struct fast_entry){{key[0], key[1]}, value};
    } else {
        words->full = true;
    }
    return value;
}

static uint64_t find_short(struct fast_words *words, const uint8_t *word, size_t length) {
    uint64_t key[2];
    fast_key(word, length, key);
    uint32_t place = (uint32_t)(words->hash(key) >> words->index_shift);
    uint64_t value = known_value(words, key, &place);
    if (value) return value;
    value = fast_seed_find(&words->model->seeds, key);
    return keep(words, key, place, value ? value : merged_value(words, word, length));
}

static uint64_t find_long(struct fast_words *words, const uint8_t *word, size_t length) {
    uint64_t hash = hash_bytes(word, length), mask = UINT64_MAX >> words->long_shift;
    for (uint64_t at = hash >> words->long_shift;; at = (at + 1) & mask) {
        struct fast_long_slot *slot = &words->long_table[at];
        if (slot->length == length && slot->hash == hash &&
            memcmp(words->bytes + slot->place, word, length) == 0)
            return slot->value;
        if (slot->length) continue;
        uint64_t value = merged_value(words, word, length);
        if (words->long_count >= words->long_limit ||
            words->byte_count + length > words->byte_limit)
            words->full = true;
        if (words->full || value == FAST_UNCACHED) return value;
        *slot = (struct fast_long_slot){hash, (uint32_t)length, words->byte_count, value};
        memcpy(words->bytes + words->byte_count, word, length);
        words->byte_count += (uint32_t)length;
        words->long_count++;
        return value;
    }
}

/* A word with a byte 0xFF is not UTF-8, and its key could be another word's. */
uint64_t fast_words_find(struct fast_words *words, const uint8_t *word, size_t length) {
    if (length > FAST_LONGEST_WORD || memchr(word, 0xFF, length)) return FAST_UNCACHED;
    return length <= FAST_KEY_BYTES ? find_short(words, word, length)
                                    : find_long(words, word, length);
}

/* The model's tokens are far away; all that may be needed is fetched before the first is used. */
static void fetch_seeds(const struct fast_words *words, const uint16_t *at, size_t count) {
    const struct fast_seeds *seeds = &words->model->seeds;
    uint32_t places[FAST_CHUNK_ENTRIES];
    for (size_t k = 0; k < count; k++) {
        places[k] = fast_seed_place(seeds, words->keys[at[k]]);
        __builtin_prefetch(&seeds->index[places[k]]);
    }
    for (size_t k = 0; k < count; k++)
        __builtin_prefetch(&seeds->entries[seeds->index[places[k]]]);
}

/* Merges words side by side, and keeps them; `which` are places in words->missing, as in jobs. */
static void find_by_merging(struct fast_words *words, struct fast_merge_job *jobs,
                            const uint16_t *which, size_t count, uint64_t *values) {
    fast_merge_many(words->model, jobs, count);
    words->misses += count;
    for (size_t j = 0; j < count; j++) {
        const uint64_t *key = words->keys[which[j]];
        uint32_t *place = &words->places[which[j]];
        uint64_t value = known_value(words, key, place); /* is it twice among the jobs? */
        if (!value) value = keep(words, key, *place, value_of(words, jobs[j].ids, jobs[j].count));
        values[words->missing[which[j]]] = value;
    }
}

void fast_words_find_many(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                          const uint16_t *at, size_t count, uint64_t *values) {
    enum { JOBS = 32 };
    struct fast_merge_job jobs[JOBS];
    uint16_t which[JOBS];
    size_t job_count = 0;
    fetch_seeds(words, at, count);
    for (size_t k = 0; k < count; k++) {
        size_t i = words->missing[at[k]];
        const uint8_t *word = text + starts[i];
        uint32_t length = starts[i + 1] - starts[i];
        if (length > FAST_KEY_BYTES) {
            values[i] = fast_words_find(words, word, length);
            continue;
        }
        const uint64_t *key = words->keys[at[k]];
        uint64_t value = known_value(words, key, &words->places[at[k]]);
        if (!value && (value = fast_seed_find(&words->model->seeds, key)))
            keep(words, key, words->places[at[k]], value);
        values[i] = value;
        if (value) continue;
        jobs[job_count].word = word;
        jobs[job_count].length = length;
        which[job_count++] = at[k];
        if (job_count < JOBS) continue;
        find_by_merging(words, jobs, which, job_count, values);
        job_count = 0;
    }
    if (job_count) find_by_merging(words, jobs, which, job_count, values);
}

size_t fast_words_expand(const struct fast_words *words, uint64_t value, const uint8_t *word,
                         size_t length, uint32_t *ids) {
    if (value == FAST_UNCACHED) return fast_merge(words->model, words->merge, word, length, ids);
    size_t count = value >> 32 & 0xFFFF;
    memcpy(ids, words->ids + (uint32_t)value, count * sizeof *ids);
    return count;
}

void fast_words_renew(struct fast_words *words) {
    uint64_t brief_size = (UINT64_MAX >> words->brief_shift) + 1;
    uint64_t long_size = (UINT64_MAX >> words->long_shift) + 1;
    memset(words->brief, 0, brief_size * sizeof *words->brief);
    memset(words->index, 0, ((size_t)words->index_mask + 1) * sizeof *words->index);
    memset(words->long_table, 0, long_size * sizeof *words->long_table);
    words->brief[0].key = UINT64_MAX;
    words->entries[0] = FAST_NO_ENTRY;
    words->entry_count = 1;
    words->long_count = words->byte_count = words->id_count = 0;
    words->full = false;
    words->renewals++;
}

/* Sizes for a budget, in shares of a thirty-second of it or of the power of two below it: eight for
 * the brief table, nine for entries, one for their index, which they fill to three quarters, and
 * two each for long words, their bytes and, twice as many, ids. With more than 8 MiB entries would
 * have more numbers than 16 bits hold. The rest is not used. */
static bool allocate(struct fast_words *words, size_t budget) {
    unsigned bits = 16; /* of a share */
    while (((size_t)64 << bits) <= budget && bits < 18)
        bits++;
    size_t share = (size_t)1 << bits, limit = share * 3 / 8;
    size_t sizes[] = {8 * share, 9 * share, share, 2 * share, 2 * share, 4 * share};
    size_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        total += sizes[i];
    words->memory_bytes = (total + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    /* Over-allocated by one huge page, so that what is used begins on one. */
    uint8_t *memory = mmap(NULL, words->memory_bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    words->memory = memory;
    uint8_t *at = memory + (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
    madvise(at, words->memory_bytes, MADV_HUGEPAGE); /* before the first touch, or it is too late */
    words->brief = (void *)at;
    words->entries = (void *)(at += sizes[0]);
    words->index = (void *)(at += sizes[1]);
    words->long_table = (void *)(at += sizes[2]);
    words->bytes = at += sizes[3];
    words->ids = (void *)(at + sizes[4]);
    words->brief_shift = 64 - (bits + 3 - 4); /* a slot has 2^4 bytes */
    words->index_shift = 64 - (bits - 1);
    words->index_mask = (uint32_t)(share / sizeof *words->index - 1);
    words->long_shift = 64 - (bits + 1 - 5); /* a slot has 2^5 bytes */
    words->entry_limit = (uint32_t)(limit < UINT16_MAX ? limit : UINT16_MAX);
    words->long_limit = (uint32_t)(sizes[3] / sizeof *words->long_table / 2);
    words->byte_limit = (uint32_t)sizes[4];
    words->id_limit = (uint32_t)(sizes[5] / sizeof *words->ids);
    return true;
}

struct fast_words *fast_words_create(const struct fast_model *model, fast_hash_function *hash,
                                     size_t budget, struct error *error) {
    struct fast_words *words =
        aligned_alloc(64, sizeof *words); /* its size is a multiple of that */
    if (words) memset(words, 0, sizeof *words);
    if (words) words->merge = fast_merge_scratch_create();
    if (!words || !words->merge || !allocate(words, budget)) {
        fast_words_destroy(words);
        error_set(error, "out of memory for word tables of %zu bytes; lower the option memory",
                  budget);
        return NULL;
    }
    words->model = model;
    words->hash = hash;
    words->newline = (uint64_t)1 << 48 | model->byte_ids['\n'];
    fast_words_renew(words);
    return words;
}

void fast_words_destroy(struct fast_words *words) {
    if (!words) return;
    if (words->memory) munmap(words->memory, words->memory_bytes + HUGE_PAGE);
    fast_merge_scratch_destroy(words->merge);
    free(words);
}
