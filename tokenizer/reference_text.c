/* The first half of what the original pays: cutting out added tokens, cutting into words, applying
 * the byte alphabet. See reference_cost.h. */
#include "tokenizer/byte_level.h"
#include "tokenizer/reference_memory.h"

#define MATCH_BYTES        24   /* ((start, end), flag) */
#define ADDED_STATE_BYTES  5    /* of the search for added tokens */
#define REGION_BYTES       72   /* of a search by the regular expression engine, */
#define REGION_LIST_BYTES  40   /* its two lists of group ends, */
#define ENGINE_STACK_BYTES 5136 /* and the stack that it saves after every search */
#define CHANGE_BYTES       16   /* (character, how it changes the length) */

static void push_split(struct payer *payer, struct vector *splits, struct split split) {
    vector_reserve(payer, splits, 1, sizeof split, 4);
    if (splits->length < splits->capacity) {
        ((struct split *)splits->memory)[splits->length++] = split;
        return;
    }
    slice_free(&split.slice);
    for (size_t i = 0; i < split.tokens.length; i++)
        vector_free(&((struct token *)split.tokens.memory)[i].value);
    vector_free(&split.tokens);
}

/* The vector takes the splits over without asking for more than their number. */
static void append_splits(struct payer *payer, struct vector *to, struct vector *from) {
    struct split *splits = from->memory;
    vector_reserve(payer, to, from->length, sizeof *splits, 4);
    for (size_t i = 0; i < from->length; i++)
        push_split(payer, to, splits[i]);
    vector_free(from);
}

/* The text as it comes: a copy, a second one, and an alignment that is not known to be as long. */
static struct slice first_slice(struct payer *payer) {
    const struct reference_work *work = payer->work;
    struct slice slice = {.normalized = vector_copy(payer, work->text, work->length)};
    struct range *alignment;
    for (size_t i = 0; i < work->length; i++) {
        vector_reserve(payer, &slice.alignment, 1, sizeof *alignment, 4);
        if (payer->failed) break;
        alignment = slice.alignment.memory;
        alignment[slice.alignment.length++] = (struct range){i, i + 1};
    }
    slice.original = vector_copy(payer, work->text, work->length);
    return slice;
}

/* The first of the two searches, for tokens that are matched in the text as it is. Where the text
 * holds such tokens the original does a little more; they do not occur in the corpora. */
static struct vector cut_special(struct payer *payer, struct slice *whole) {
    const struct reference_work *work = payer->work;
    struct vector splits = vector_create(payer, 1, sizeof(struct split));
    struct vector result = vector_create(payer, 1, sizeof(struct split));
    struct vector matches = vector_create(payer, work->length ? 4 : 1, MATCH_BYTES);
    struct vector pieces = vector_create(payer, 1, sizeof(struct split));
    if (work->length)
        push_split(payer, &pieces,
                   (struct split){.slice = slice_create(payer, work->text, 0, work->length, 0)});
    vector_free(&matches);
    slice_free(whole);
    for (size_t i = 0; i < pieces.length; i++)
        push_split(payer, &result, ((struct split *)pieces.memory)[i]);
    vector_free(&pieces);
    vector_free(&splits);
    return result;
}

static struct split make_piece(struct payer *payer, const struct piece *piece) {
    const struct reference_work *work = payer->work;
    struct split split = {.slice = slice_create(payer, work->text, piece->start, piece->end, 0)};
    if (piece->added == PIECE_IS_TEXT) return split;
    const struct added_token *added = &work->tokenizer->added[piece->added];
    struct token token = {.value = vector_copy(payer, added->content, strlen(added->content)),
                          .id = added->id};
    split.tokens = vector_create(payer, 1, sizeof token);
    if (split.tokens.memory)
        ((struct token *)split.tokens.memory)[split.tokens.length++] = token;
    else
        vector_free(&token.value);
    return split;
}

void reference_cut_added(struct payer *payer) {
    const struct reference_work *work = payer->work;
    pay_at_once(payer, ADDED_STATE_BYTES);
    struct slice whole = first_slice(payer);
    payer->original = vector_copy(payer, work->text, work->length);
    struct vector before = cut_special(payer, &whole);
    if (work->length == 0) {
        payer->splits = before;
        return;
    }
    payer->splits = vector_create(payer, 1, sizeof(struct split));
    struct vector matches = {NULL, 0, 0};
    for (; matches.length < work->piece_count; matches.length++)
        vector_reserve(payer, &matches, 1, MATCH_BYTES, 4);
    struct vector pieces = vector_create(payer, work->piece_count, sizeof(struct split));
    for (size_t i = 0; i < work->piece_count; i++)
        push_split(payer, &pieces, make_piece(payer, &work->pieces[i]));
    vector_free(&matches);
    for (size_t i = 0; i < before.length; i++)
        slice_free(&((struct split *)before.memory)[i].slice);
    append_splits(payer, &payer->splits, &pieces);
    vector_free(&before);
}

/* A space before the piece: its text and alignment grow by one. */
static void prepend_space(struct payer *payer, struct slice *slice) {
    struct vector changes = vector_create(payer, 1, CHANGE_BYTES);
    struct vector ranges = vector_create(payer, 1, sizeof(struct range));
    struct vector text = vector_create(payer, 8, 1);
    ranges.length = 1;
    vector_reserve(payer, &ranges, 1, sizeof(struct range), 4);
    vector_reserve(payer, &slice->alignment, 1, sizeof(struct range), 4);
    if (!payer->failed) {
        struct range *alignment = slice->alignment.memory;
        memmove(alignment + 1, alignment, slice->alignment.length++ * sizeof *alignment);
    }
    vector_free(&ranges);
    vector_reserve(payer, &slice->normalized, 1, 1, 8);
    if (!payer->failed) {
        char *normalized = slice->normalized.memory;
        memmove(normalized + 1, normalized, slice->normalized.length++);
        normalized[0] = ' ';
    }
    vector_free(&text);
    vector_free(&changes);
}

static void save_engine_stack(struct payer *payer) {
    static const char stack[ENGINE_STACK_BYTES];
    struct vector saved = vector_copy(payer, stack, sizeof stack);
    vector_free(&saved);
}

/* One search a word and one that finds nothing more. */
static void search_words(struct payer *payer, size_t words) {
    struct vector region = vector_create(payer, REGION_BYTES, 1);
    struct vector starts = vector_create(payer, REGION_LIST_BYTES, 1);
    struct vector ends = vector_create(payer, REGION_LIST_BYTES, 1);
    save_engine_stack(payer);
    vector_free(&region);
    for (size_t i = 0; i < words; i++) {
        region = vector_create(payer, REGION_BYTES, 1);
        save_engine_stack(payer);
        vector_free(&region);
    }
    vector_free(&starts);
    vector_free(&ends);
}

/* How many of the traces belong to the piece: its last word ends where it ends. */
static size_t words_of_piece(const struct word_trace *traces, size_t length) {
    size_t words = 0;
    while (traces[words++].end < length)
        continue;
    return words;
}

static void cut_piece(struct payer *payer, const struct piece *piece, struct split *split,
                      const struct word_trace *traces, size_t *used, struct vector *splits) {
    const struct reference_work *work = payer->work;
    size_t prefix = work->tokenizer->add_prefix_space && work->text[piece->start] != ' ';
    size_t length = piece->end - piece->start + prefix;
    if (prefix) prepend_space(payer, &split->slice);
    struct vector matches = vector_create(payer, length, MATCH_BYTES);
    struct vector words = {NULL, 0, 0};
    size_t count = words_of_piece(traces, length), at = 0;
    search_words(payer, count);
    for (size_t i = 0; i < count; at = traces[i++].end) {
        size_t before = at == 0 ? prefix : 0, start = piece->start + at - (at ? prefix : 0);
        struct slice slice =
            slice_create(payer, work->text, start, piece->start + traces[i].end - prefix, before);
        vector_reserve(payer, &words, 1, sizeof slice, 4);
        if (words.length < words.capacity)
            ((struct slice *)words.memory)[words.length++] = slice;
        else
            slice_free(&slice);
    }
    vector_free(&matches);
    slice_free(&split->slice);
    for (size_t i = 0; i < words.length; i++)
        push_split(payer, splits, (struct split){.slice = ((struct slice *)words.memory)[i]});
    vector_free(&words);
    *used += count;
}

void reference_cut_words(struct payer *payer) {
    const struct reference_work *work = payer->work;
    struct split *pieces = payer->splits.memory;
    if (payer->splits.length == 0 || payer->failed) return;
    struct vector splits = vector_create(payer, payer->splits.length, sizeof *pieces);
    size_t used = 0;
    for (size_t i = 0; i < payer->splits.length; i++) {
        if (work->pieces[i].added == PIECE_IS_TEXT)
            cut_piece(payer, &work->pieces[i], &pieces[i], work->traces + used, &used, &splits);
        else
            push_split(payer, &splits, pieces[i]);
    }
    vector_free(&payer->splits);
    payer->splits = splits;
}

static size_t visible_length(const struct vector *text) {
    const unsigned char *bytes = text->memory;
    size_t length = 0;
    for (size_t i = 0; i < text->length; i++)
        length += byte_level_alphabet[bytes[i]].length;
    return length;
}

/* The characters of a text as numbers; their count is only guessed at first. */
static struct vector list_characters(struct payer *payer, const struct vector *text) {
    size_t guess = (text->length + 2) / 4 + 1;
    struct vector characters = vector_create(payer, guess < 4 ? 4 : guess, sizeof(uint32_t));
    for (size_t i = 0; i < text->length; i++) {
        vector_reserve(payer, &characters, 1, sizeof(uint32_t), 4);
        if (payer->failed) break;
        ((uint32_t *)characters.memory)[characters.length++] =
            ((const unsigned char *)text->memory)[i];
    }
    return characters;
}

/* Writes a word in the byte alphabet: by way of a list of changes, a list of characters, a new
 * alignment and a new text. */
static void apply_to(struct payer *payer, struct slice *slice) {
    size_t length = slice->normalized.length, visible = visible_length(&slice->normalized);
    struct vector changes = vector_create(payer, length, CHANGE_BYTES);
    if (changes.memory) memset(changes.memory, 0, length * CHANGE_BYTES);
    struct vector characters = list_characters(payer, &slice->normalized);
    struct vector alignment = vector_create(payer, length, sizeof(struct range));
    struct vector text = vector_create(payer, length < 8 ? 8 : length, 1);
    alignment.length = text.length = slice->alignment.length = slice->normalized.length = length;
    size_t more = visible - length;
    vector_reserve(payer, &alignment, more, sizeof(struct range), 4);
    vector_reserve(payer, &text, more, 1, 8);
    if (!payer->failed) {
        for (size_t i = 0; i < visible; i++)
            ((struct range *)alignment.memory)[i] = (struct range){i, i + 1};
        byte_level_encode(slice->normalized.memory, length, text.memory);
    }
    vector_free(&changes);
    vector_reserve(payer, &slice->alignment, more, sizeof(struct range), 4);
    if (!payer->failed) {
        memcpy(slice->alignment.memory, alignment.memory, visible * sizeof(struct range));
        slice->alignment.length = visible;
    }
    vector_free(&alignment);
    vector_reserve(payer, &slice->normalized, more, 1, 8);
    if (!payer->failed) {
        memcpy(slice->normalized.memory, text.memory, visible);
        slice->normalized.length = visible;
    }
    vector_free(&text);
    vector_free(&characters);
}

void reference_apply_alphabet(struct payer *payer) {
    struct split *splits = payer->splits.memory;
    for (size_t i = 0; i < payer->splits.length && !payer->failed; i++)
        if (!splits[i].tokens.memory) apply_to(payer, &splits[i].slice);
}
