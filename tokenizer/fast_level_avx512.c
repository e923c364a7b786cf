/* AVX-512 with byte permutes and compression (Ice Lake, Zen 4 and later); see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* Class bits of the 128 ASCII bytes, for one byte permute over two registers. */
enum { LETTER = 1, DIGIT = 2, SPACE = 4, BLANK = 8, APOSTROPHE = 16 };
static const uint8_t class_bits[128] __attribute__((aligned(64))) = {
    ['\t' ... '\r'] = SPACE, [' '] = SPACE | BLANK,  ['\''] = APOSTROPHE,
    ['0' ... '9'] = DIGIT,   ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER,
};

/* The permute sees seven bits: masks of non-ASCII bytes are meaningless, and not used. */
LEVEL_INLINE struct fast_masks classify_vector(__m512i bytes) {
    __m512i bits = _mm512_permutex2var_epi8(_mm512_load_si512(class_bits), bytes,
                                            _mm512_load_si512(class_bits + 64));
    return (struct fast_masks){
        .letter = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(LETTER)),
        .digit = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(DIGIT)),
        .space = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(SPACE)),
        .blank = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(BLANK)),
        .apostrophe = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(APOSTROPHE)),
        .high = _mm512_movepi8_mask(bytes),
    };
}

LEVEL_INLINE __m512i load_partial(const uint8_t *bytes, size_t n) {
    return _mm512_maskz_loadu_epi8(_cvtu64_mask64(((uint64_t)1 << n) - 1), bytes);
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    return classify_vector(_mm512_loadu_si512(bytes));
}

LEVEL_INLINE struct fast_masks level_classify_partial(const uint8_t *bytes, size_t n) {
    return classify_vector(load_partial(bytes, n));
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8('\n'));
}

LEVEL_INLINE uint64_t level_newlines_partial(const uint8_t *bytes, size_t n) {
    return _mm512_cmpeq_epi8_mask(load_partial(bytes, n), _mm512_set1_epi8('\n'));
}

LEVEL_INLINE uint32_t *level_positions(uint64_t mask, uint32_t base, uint32_t *out) {
    static const uint8_t iota[64] __attribute__((aligned(64))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i bits = _mm512_maskz_compress_epi8(mask, _mm512_load_si512(iota));
    __m512i first = _mm512_set1_epi32((int)base);
    unsigned count = (unsigned)__builtin_popcountll(mask);
    _mm512_storeu_si512(
        out, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(bits))));
    _mm512_storeu_si512(out + 16, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(
                                                              _mm512_extracti32x4_epi32(bits, 1))));
    if (__builtin_expect(count > 32, 0)) {
        _mm512_storeu_si512(
            out + 32,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bits, 2))));
        _mm512_storeu_si512(
            out + 48,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bits, 3))));
    }
    return out + count;
}

#include "tokenizer/fast_level_x86.h"
#include "tokenizer/fast_scan_kernel.h"

#define LEVEL_HAS_LOOK_UP
#define LEVEL_HAS_EMIT
#include "tokenizer/fast_lookup_kernel.h"

/* The entries of eight that are there when `count` are left. */
LEVEL_INLINE __mmask8 first_of_eight(size_t count) {
    return (__mmask8)(count < 8 ? (1u << count) - 1 : 0xFF);
}

/* Turns words' first eight bytes in brief_keys into keys, and finds and fetches their slots. A word
 * of more than eight bytes is shifted out altogether: shift counts beyond 63 give 0. */
LEVEL_INLINE void find_brief_slots(struct fast_words *words, const uint32_t *starts, size_t count) {
    const __m512i ones = _mm512_set1_epi64(-1), bits = _mm512_set1_epi64(64);
    const __m512i factor = _mm512_set1_epi64((long long)FAST_BRIEF_FACTOR);
    const __m512i table = _mm512_set1_epi64((long long)(uintptr_t)words->brief);
    const __m128i shift = _mm_cvtsi32_si128((int)words->brief_shift);
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 there = first_of_eight(count - i);
        __m256i length = _mm256_sub_epi32(_mm256_maskz_loadu_epi32(there, starts + i + 1),
                                          _mm256_maskz_loadu_epi32(there, starts + i));
        __m512i beyond =
            _mm512_sub_epi64(bits, _mm512_slli_epi64(_mm512_cvtepu32_epi64(length), 3));
        __m512i key = _mm512_xor_si512(_mm512_loadu_si512(words->brief_keys + i), ones);
        key = _mm512_srlv_epi64(_mm512_sllv_epi64(key, beyond), beyond);
        __m512i place = _mm512_srl_epi64(_mm512_mullo_epi64(key, factor), shift);
        _mm512_storeu_si512(words->brief_keys + i, key);
        _mm512_storeu_si512(words->brief_slots + i,
                            _mm512_add_epi64(table, _mm512_slli_epi64(place, 4)));
        for (size_t k = 0; k < 8; k++)
            __builtin_prefetch(words->brief_slots[i + k]);
    }
}

/* As the one in fast_lookup_kernel.h, eight words at a time. What memory has in single words is
 * gathered by plain loads and stores, a whole pass before it is read as vectors: loads that span
 * recent stores would wait for them. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    for (size_t i = 0; i < count; i++)
        memcpy(&words->brief_keys[i], text + starts[i], sizeof words->brief_keys[i]);
    find_brief_slots(words, starts, count);
    __m128i *slots = (__m128i *)words->keys;
    for (size_t i = 0; i < count; i++)
        _mm_store_si128(slots + i, _mm_load_si128((const __m128i *)words->brief_slots[i]));
    const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    __m128i numbers = _mm_set_epi16(7, 6, 5, 4, 3, 2, 1, 0);
    size_t missing_count = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 there = first_of_eight(count - i);
        __m512i low = _mm512_load_si512(slots + i), high = _mm512_load_si512(slots + i + 4);
        __m512i key = _mm512_permutex2var_epi64(low, even, high);
        __mmask8 missing =
            _mm512_mask_cmpneq_epi64_mask(there, key, _mm512_loadu_si512(words->brief_keys + i));
        _mm512_mask_storeu_epi64(values + i, there, _mm512_permutex2var_epi64(low, odd, high));
        _mm_storeu_si128((void *)(words->missing + missing_count),
                         _mm_maskz_compress_epi16(missing, numbers));
        missing_count += (unsigned)__builtin_popcount(missing);
        numbers = _mm_add_epi16(numbers, _mm_set1_epi16(8));
    }
    if (missing_count) look_in_first(words, text, starts, values, missing_count);
}

/* Eight values at a time: a lane of 16 bits is an id if its number is below the count in the fourth
 * lane; the ids of all eight are packed and widened at once. */
LEVEL_INLINE __mmask32 id_lanes(__m512i values) {
    const __m512i fourth =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0F0E0F0E0F0E0F0E, 0x0706070607060706));
    const __m512i number = _mm512_set1_epi64((long long)0xFFFF000200010000u);
    return _mm512_cmplt_epu16_mask(number, _mm512_shuffle_epi8(values, fourth));
}

LEVEL_INLINE uint32_t *store_ids(__m512i values, __mmask32 lanes, uint32_t *out) {
    __m512i ids = _mm512_maskz_compress_epi16(lanes, values);
    unsigned count = (unsigned)__builtin_popcount(lanes);
    _mm512_storeu_si512(out, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(ids)));
    if (__builtin_expect(count > 16, 0))
        _mm512_storeu_si512(out + 16, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(ids, 1)));
    return out + count;
}

/* May eight values from here on be stored by whole vectors? */
LEVEL_INLINE bool eight_at_once(__m512i values, const uint32_t *out, const uint32_t *end) {
    return __builtin_expect(_mm512_movepi64_mask(values) == 0 && end - out >= 32, 1);
}

static uint32_t *emit_text(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count;) {
        size_t stop = count - i < 8 ? count : i + 8;
        if (stop == i + 8) {
            __m512i eight = _mm512_loadu_si512(values + i);
            if (eight_at_once(eight, out, end)) {
                out = store_ids(eight, id_lanes(eight), out);
                i = stop;
                continue;
            }
        }
        for (; i < stop; i++)
            out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end);
    }
    return out;
}

/* Ids before the lowest of the eight that `ends` names. */
LEVEL_INLINE uint32_t ids_before(__mmask32 lanes, unsigned ends) {
    return (uint32_t)__builtin_popcount(_bzhi_u32(lanes, 4 * (unsigned)_tzcnt_u32(ends)));
}

static uint32_t *emit_lines(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count) {
    const __m512i newline = _mm512_set1_epi64((long long)words->newline);
    uint32_t *begin = out, *line_ends = words->line_ends;
    size_t lines = 0;
    for (size_t i = 0; i < count;) {
        size_t stop = count - i < 8 ? count : i + 8;
        __m512i eight = stop == i + 8 ? _mm512_loadu_si512(values + i) : _mm512_set1_epi64(-1);
        if (eight_at_once(eight, out, end)) {
            unsigned ends = _mm512_cmpeq_epi64_mask(eight, newline);
            eight = _mm512_maskz_mov_epi64((__mmask8)~ends, eight);
            __mmask32 lanes = id_lanes(eight);
            uint32_t before = (uint32_t)(out - begin);
            /* Mostly none or one: the first is always written, and counted if it is there. */
            line_ends[lines] = before + ids_before(lanes, ends);
            lines += ends != 0;
            for (ends = _blsr_u32(ends); __builtin_expect(ends != 0, 0); ends = _blsr_u32(ends))
                line_ends[lines++] = before + ids_before(lanes, ends);
            out = store_ids(eight, lanes, out);
            i = stop;
            continue;
        }
        for (; i < stop; i++)
            out = emit_one_of_lines(words, values[i], text + starts[i], starts[i + 1] - starts[i],
                                    out, end, (uint32_t)(out - begin), &lines);
    }
    *line_count = lines;
    return out;
}

static bool supported(void) {
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("aes");
}

const struct fast_level fast_level_avx512 = {
    .name = "avx512",
    .supported = supported,
    .scan_text = scan_text,
    .scan_lines = scan_lines,
    .hash = hash_key,
    .look_up = look_up,
    .emit_text = emit_text,
    .emit_lines = emit_lines,
    .encode_short = encode_short,
};
#endif
