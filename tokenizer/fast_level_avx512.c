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

/* The first eight bytes of each of eight words. */
LEVEL_INLINE __m512i load_words(const uint8_t *text, const uint32_t *starts) {
    __m128i pairs[4];
    for (unsigned k = 0; k < 4; k++)
        pairs[k] = _mm_insert_epi64(_mm_loadl_epi64((const void *)(text + starts[2 * k])),
                                    (long long)fast_load(text + starts[2 * k + 1]), 1);
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(pairs[0]), pairs[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(pairs[2]), pairs[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Their keys. A word of more than eight bytes is shifted out altogether: shift counts beyond 63
 * give 0. */
LEVEL_INLINE __m512i brief_keys(__m512i words, __m256i lengths) {
    __m512i bits = _mm512_slli_epi64(_mm512_cvtepu32_epi64(lengths), 3);
    __m512i beyond = _mm512_sub_epi64(_mm512_set1_epi64(64), bits);
    words = _mm512_xor_si512(words, _mm512_set1_epi64(-1));
    return _mm512_srlv_epi64(_mm512_sllv_epi64(words, beyond), beyond);
}

/* The addresses of their slots. */
LEVEL_INLINE __m512i brief_slots(const struct fast_words *words, __m512i keys) {
    const __m512i factor = _mm512_set1_epi64((long long)FAST_BRIEF_FACTOR);
    const __m128i shift = _mm_cvtsi32_si128((int)words->brief_shift);
    __m512i places = _mm512_srl_epi64(_mm512_mullo_epi64(keys, factor), shift);
    return _mm512_add_epi64(_mm512_set1_epi64((long long)(uintptr_t)words->brief),
                            _mm512_slli_epi64(places, 4));
}

LEVEL_INLINE __m512i load_four_slots(struct fast_brief_slot *const *slots) {
    __m128i four[4];
    for (unsigned k = 0; k < 4; k++)
        four[k] = _mm_load_si128((const void *)slots[k]);
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(four[0]), four[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(four[2]), four[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Keys and values of eight slots. */
LEVEL_INLINE __m512i load_slots(struct fast_brief_slot *const *slots, __m512i *values) {
    __m512i low = load_four_slots(slots), high = load_four_slots(slots + 4);
    const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    *values = _mm512_permutex2var_epi64(low, odd, high);
    return _mm512_permutex2var_epi64(low, even, high);
}

/* As the one in fast_lookup_kernel.h, eight words at a time. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    struct fast_brief_slot **slots = words->brief_slots;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 there = first_of_eight(count - i);
        __m256i begins = _mm256_maskz_loadu_epi32(there, starts + i);
        __m256i ends = _mm256_maskz_loadu_epi32(there, starts + i + 1);
        _Alignas(32) uint32_t from[8]; /* for the last eight: 0 behind them */
        _mm256_store_si256((void *)from, begins);
        __m512i word = load_words(text, there == 0xFF ? starts + i : from);
        __m512i keys = brief_keys(word, _mm256_sub_epi32(ends, begins));
        _mm512_store_si512(words->brief_keys + i, keys);
        _mm512_store_si512(slots + i, brief_slots(words, keys));
        for (size_t k = 0; k < 8; k++)
            __builtin_prefetch(slots[i + k]);
    }
    __m128i numbers = _mm_set_epi16(7, 6, 5, 4, 3, 2, 1, 0);
    size_t missing_count = 0;
    for (size_t i = 0; i < count; i += 8) {
        __mmask8 there = first_of_eight(count - i);
        __m512i found, keys = load_slots(slots + i, &found);
        __mmask8 missing =
            _mm512_mask_cmpneq_epi64_mask(there, keys, _mm512_load_si512(words->brief_keys + i));
        _mm512_mask_storeu_epi64(values + i, there, found);
        _mm_storeu_si128((void *)(words->missing + missing_count),
                         _mm_maskz_compress_epi16(missing, numbers));
        missing_count += (unsigned)__builtin_popcount(missing);
        numbers = _mm_add_epi16(numbers, _mm_set1_epi16(8));
    }
    if (missing_count) look_further(words, text, starts, values, missing_count);
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
