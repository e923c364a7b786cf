/* An encoder: turns one text into token ids (and, if asked, offsets, tokens and word ids). This is
 * the plug-in ABI and, at the same time, the interface of the built-in encoders.
 *
 * A loadable module exports one symbol:
 *
 *     const struct grainbench_encoder_operations *grainbench_encoder(void);
 *
 * An encoder is immutable after create and shared by all workers; whatever changes lives in a
 * worker's own scratch. It knows nothing of threads, except that one with its own runtime may offer
 * `encode_batch`. */
#ifndef GRAINBENCH_ENCODER_H
#define GRAINBENCH_ENCODER_H

#include <grainbench/option.h>
#include <stdbool.h>
#include <stdint.h>

#define GRAINBENCH_ENCODER_ABI 1
#define GRAINBENCH_ENCODER_SYMBOL "grainbench_encoder"

/* The three entry points of Hugging Face tokenizers. */
enum grainbench_entry {
    GRAINBENCH_ENTRY_BATCH,        /* encode_batch: everything, offsets in bytes */
    GRAINBENCH_ENTRY_CHAR_OFFSETS, /* encode_batch_char_offsets: offsets in characters */
    GRAINBENCH_ENTRY_FAST,         /* encode_batch_fast: ids, no offsets, tokens or word ids */
    GRAINBENCH_ENTRY_IDS           /* ids alone, the least an encoder can do */
};

/* Bits of grainbench_encoder_setup.flags */
#define GRAINBENCH_TOKENIZER_BENCH 1u /* the benchmark's tokenizer: prefix space, "ing", "[ENT]" */
#define GRAINBENCH_ADD_PREFIX_SPACE 2u
#define GRAINBENCH_TRIM_OFFSETS     4u /* as ByteLevel's post-processor does */

struct grainbench_encoder_setup {
    size_t struct_size;
    const char *vocab_path;  /* vocab.json */
    const char *merges_path; /* merges.txt */
    unsigned flags;
    unsigned workers; /* how many scratches will be made at most */
    /* For encoders with a runtime of their own (encode_batch): called on each of its `workers`
     * threads before it takes work, and when it ends, as grainbench_setup has it. May be NULL. */
    void (*worker_start)(void *context, unsigned worker);
    void (*worker_stop)(void *context, unsigned worker);
    void *context;
};

struct grainbench_encoder_operations {
    size_t struct_size;
    unsigned abi; /* GRAINBENCH_ENCODER_ABI */
    const char *name;
    const char *summary;
    const struct grainbench_option *options; /* into a struct of options_size bytes; NULL: none */
    size_t options_size;
    size_t result_size; /* bytes of one result slot, 16-byte aligned by the caller */

    /* Optional. False when this encoder cannot run here, with the reason in `message`. */
    bool (*supported)(char *message);
    /* Required. NULL on failure, with the reason in `message` (GRAINBENCH_MESSAGE_SIZE bytes). */
    void *(*create)(const struct grainbench_encoder_setup *setup, const void *options, char *message);
    void (*destroy)(void *encoder);

    /* Required. A worker's scratch: caches, arenas, buffers. Made on the worker's own thread after
     * it is bound, so that its memory is local. Destroyed by any thread once the worker is done. */
    void *(*scratch_create)(void *encoder, unsigned worker, char *message);
    void (*scratch_destroy)(void *encoder, void *scratch);
    /* Optional. Called by the owner before each batch when no result of the last one is in use:
     * arenas are emptied here. */
    void (*scratch_reset)(void *encoder, void *scratch);

    /* Required. Encodes text[0, length), valid UTF-8, into the slot `result` (result_size bytes,
     * uninitialised). False with a message on failure; the slot then holds nothing. */
    bool (*encode)(void *encoder, void *scratch, enum grainbench_entry entry, const char *text,
                   size_t length, void *result, char *message);
    /* Required. The ids of a result: how many; *ids points into the result, valid until dropped. */
    size_t (*result_ids)(const void *result, const uint32_t **ids);
    /* Optional. Gives the result's memory back; any thread may call it. NULL: nothing to free. */
    void (*result_drop)(void *encoder, void *result);

    /* Optional. Ids alone into the caller's array of at least length + 1 entries (one id a byte and
     * a prefix space is the most there can be). Returns how many were written; text is valid UTF-8. */
    size_t (*encode_ids)(void *encoder, void *scratch, const char *text, size_t length,
                         uint32_t *ids);
    /* Optional. Lines as a batch: text[0, length) holds lines that end in '\n' (the last may lack
     * it); each line is encoded as a text of its own without its '\n'. Writes the ids of all lines
     * to `ids` (length + line count entries) and each line's count to `counts`. Returns the ids. */
    size_t (*encode_lines)(void *encoder, void *scratch, const char *text, size_t length,
                           uint32_t *ids, uint32_t *counts);

    /* Optional, for encoders with a runtime of their own: encodes n texts by its own scheduler.
     * *batch is an opaque handle. batch_ids gives text i's ids. */
    bool (*encode_batch)(void *encoder, enum grainbench_entry entry, const char *const *texts,
                         const size_t *lengths, size_t n, void **batch, char *message);
    size_t (*batch_ids)(void *encoder, void *batch, size_t i, const uint32_t **ids);
    void (*batch_drop)(void *encoder, void *batch);
};

#endif
