/* What the original pays for a text; see reference_cost.h. The stages are in reference_text.c and
 * reference_result.c. */
#include "tokenizer/reference_cost.h"

#include "tokenizer/offsets.h"
#include "tokenizer/reference_memory.h"

/* The conversions after the original's collection: they ask for no memory. */
static void finish_offsets(const struct reference_work *work, struct encoding *result) {
    bool bare = work->entry == GRAINBENCH_ENTRY_FAST || work->entry == GRAINBENCH_ENTRY_IDS;
    if (bare) return;
    if (work->entry == GRAINBENCH_ENTRY_CHAR_OFFSETS)
        offsets_to_characters(work->text, work->length, result->offsets, result->count);
    if (work->tokenizer->trim_offsets)
        offsets_trim(work->tokenizer, result->ids, result->offsets, result->count);
}

bool reference_cost_encode(const struct reference_work *work, struct encoding *result) {
    struct payer payer = {.work = work};
    reference_cut_added(&payer);
    reference_cut_words(&payer);
    reference_apply_alphabet(&payer);
    reference_make_tokens(&payer);
    reference_collect(&payer, result);
    if (payer.failed) {
        encoding_release(result);
        return false;
    }
    finish_offsets(work, result);
    return true;
}
