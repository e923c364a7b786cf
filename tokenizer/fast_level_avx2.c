/* AVX2 with BMI2 (Haswell, Zen and later); see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* Bytes in [first, first + span], as unsigned bytes. */
LEVEL_INLINE __m256i in_range(__m256i bytes, char first, char span) {
    __m256i distance = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(distance, _mm256_set1_epi8(span)), distance);
}

LEVEL_INLINE uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

LEVEL_INLINE uint64_t equal_to(__m256i low, __m256i high, char byte) {
    __m256i wanted = _mm256_set1_epi8(byte);
    return mask_of(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    __m256i low = _mm256_loadu_si256((const void *)bytes);
    __m256i high = _mm256_loadu_si256((const void *)(bytes + 32));
    __m256i lower_case = _mm256_set1_epi8(0x20);
    uint64_t blank = equal_to(low, high, ' ');
    return (struct fast_masks){
        .letter = mask_of(in_range(_mm256_or_si256(low, lower_case), 'a', 25),
                          in_range(_mm256_or_si256(high, lower_case), 'a', 25)),
        .digit = mask_of(in_range(low, '0', 9), in_range(high, '0', 9)),
        .space = blank | mask_of(in_range(low, '\t', 4), in_range(high, '\t', 4)),
        .blank = blank,
        .apostrophe = equal_to(low, high, '\''),
        .high = mask_of(low, high),
    };
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    return equal_to(_mm256_loadu_si256((const void *)bytes),
                    _mm256_loadu_si256((const void *)(bytes + 32)), '\n');
}

/* For every byte, the numbers of its bits that are set, in ascending order, one a byte. A table,
 * since PEXT takes hundreds of cycles on the first two generations of Zen. */
#define BIT(byte, i)                                                                               \
    ((uint64_t)((byte) >> (i) & 1) * (i)                                                           \
     << 8 * __builtin_popcount((unsigned)(byte) & ((1u << (i)) - 1)))
#define BITS(byte)                                                                                 \
    BIT(byte, 1) | BIT(byte, 2) | BIT(byte, 3) | BIT(byte, 4) | BIT(byte, 5) | BIT(byte, 6) |      \
        BIT(byte, 7)
#define BITS_4(byte)  BITS(byte), BITS(byte + 1), BITS(byte + 2), BITS(byte + 3)
#define BITS_16(byte) BITS_4(byte), BITS_4(byte + 4), BITS_4(byte + 8), BITS_4(byte + 12)
#define BITS_64(byte) BITS_16(byte), BITS_16(byte + 16), BITS_16(byte + 32), BITS_16(byte + 48)
static const uint64_t bit_numbers[256] = {BITS_64(0), BITS_64(64), BITS_64(128), BITS_64(192)};

LEVEL_INLINE __m128i numbers_of_bits(unsigned byte) {
    return _mm_loadl_epi64((const void *)&bit_numbers[byte]);
}

/* Eight bits at a time, all of them without a branch: how many words a block has is not to be
 * predicted. */
LEVEL_INLINE uint32_t *level_positions(uint64_t mask, uint32_t base, uint32_t *out) {
    __m256i first = _mm256_set1_epi32((int)base);
    for (unsigned i = 0; i < 8; i++) {
        unsigned byte = (uint8_t)(mask >> 8 * i);
        __m256i numbers = _mm256_cvtepu8_epi32(numbers_of_bits(byte));
        _mm256_storeu_si256((void *)out, _mm256_add_epi32(first, numbers));
        first = _mm256_add_epi32(first, _mm256_set1_epi32(8));
        out += (unsigned)__builtin_popcount(byte);
    }
    return out;
}

#include "tokenizer/fast_level_x86.h"
#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_scan_kernel.h"

#define LEVEL_HAS_LOOK_UP
#define LEVEL_HAS_EMIT
#include "tokenizer/fast_lookup_kernel.h"

/* The first eight bytes of each of four words. */
LEVEL_INLINE __m256i load_words(const uint8_t *text, const uint32_t *starts) {
    __m128i low = _mm_insert_epi64(_mm_loadl_epi64((const void *)(text + starts[0])),
                                   (long long)fast_load(text + starts[1]), 1);
    __m128i high = _mm_insert_epi64(_mm_loadl_epi64((const void *)(text + starts[2])),
                                    (long long)fast_load(text + starts[3]), 1);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* Their keys. A word of more than eight bytes is shifted out altogether: shift counts beyond 63
 * give 0. */
LEVEL_INLINE __m256i brief_keys(__m256i words, __m128i lengths) {
    __m256i bits = _mm256_slli_epi64(_mm256_cvtepu32_epi64(lengths), 3);
    __m256i beyond = _mm256_sub_epi64(_mm256_set1_epi64x(64), bits);
    words = _mm256_xor_si256(words, _mm256_set1_epi64x(-1));
    return _mm256_srlv_epi64(_mm256_sllv_epi64(words, beyond), beyond);
}

/* The lower 64 bits of the products with FAST_BRIEF_FACTOR. */
LEVEL_INLINE __m256i brief_products(__m256i keys) {
    const __m256i factor = _mm256_set1_epi64x((long long)FAST_BRIEF_FACTOR);
    const __m256i upper = _mm256_set1_epi64x((long long)(FAST_BRIEF_FACTOR >> 32));
    __m256i crossed = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(keys, 32), factor),
                                       _mm256_mul_epu32(keys, upper));
    return _mm256_add_epi64(_mm256_mul_epu32(keys, factor), _mm256_slli_epi64(crossed, 32));
}

/* The addresses of their slots. */
LEVEL_INLINE __m256i brief_slots(const struct fast_words *words, __m256i keys) {
    const __m128i shift = _mm_cvtsi32_si128((int)words->brief_shift);
    __m256i places = _mm256_srl_epi64(brief_products(keys), shift);
    return _mm256_add_epi64(_mm256_set1_epi64x((long long)(uintptr_t)words->brief),
                            _mm256_slli_epi64(places, 4));
}

/* Compares four words with their slots, and stores the values of these; the words that are
 * elsewhere, a bit each. */
LEVEL_INLINE unsigned compare_four(struct fast_brief_slot *const *slots, const uint64_t *keys,
                                   uint64_t *values) {
    __m128i slot[4];
    for (unsigned k = 0; k < 4; k++)
        slot[k] = _mm_load_si128((const void *)slots[k]);
    __m256i even = _mm256_inserti128_si256(_mm256_castsi128_si256(slot[0]), slot[2], 1);
    __m256i odd = _mm256_inserti128_si256(_mm256_castsi128_si256(slot[1]), slot[3], 1);
    _mm256_storeu_si256((void *)values, _mm256_unpackhi_epi64(even, odd));
    __m256i same = _mm256_cmpeq_epi64(_mm256_unpacklo_epi64(even, odd),
                                      _mm256_load_si256((const void *)keys));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same)) ^ 15;
}

/* As the one in fast_lookup_kernel.h, the first pass four words at a time, the second eight. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    struct fast_brief_slot **slots = words->brief_slots;
    size_t whole = count & ~(size_t)7, missing_count = 0;
    for (size_t i = 0; i < whole; i += 4) {
        __m128i lengths = _mm_sub_epi32(_mm_loadu_si128((const void *)(starts + i + 1)),
                                        _mm_loadu_si128((const void *)(starts + i)));
        __m256i keys = brief_keys(load_words(text, starts + i), lengths);
        _mm256_store_si256((void *)(words->brief_keys + i), keys);
        _mm256_store_si256((void *)(slots + i), brief_slots(words, keys));
        for (size_t k = 0; k < 4; k++)
            __builtin_prefetch(slots[i + k]);
    }
    prepare_words(words, text, starts, whole, count);
    __m128i first = _mm_setzero_si128();
    for (size_t i = 0; i < whole; i += 8) {
        unsigned missing = compare_four(slots + i, words->brief_keys + i, values + i);
        missing |= compare_four(slots + i + 4, words->brief_keys + i + 4, values + i + 4) << 4;
        __m128i numbers = _mm_cvtepu8_epi16(numbers_of_bits(missing));
        _mm_storeu_si128((void *)(words->missing + missing_count), _mm_add_epi16(first, numbers));
        missing_count += (unsigned)__builtin_popcount(missing);
        first = _mm_add_epi16(first, _mm_set1_epi16(8));
    }
    missing_count = compare_words(words, whole, count, values, missing_count);
    if (missing_count) look_in_first(words, text, starts, values, missing_count);
}

/* Packs the ids of two values, of counts a and b, in the order of a + 4 b. */
#define PACKED_ID(a, i) (((i) < (a) ? (i) : 4 + (i) - (a)) * 0x0202 + 0x0100)
#define PACKED_IDS(a)                                                                              \
    {PACKED_ID(a, 0), PACKED_ID(a, 1), PACKED_ID(a, 2), PACKED_ID(a, 3),                           \
     PACKED_ID(a, 4), PACKED_ID(a, 5), PACKED_ID(a, 6), PACKED_ID(a, 7)}
static const uint16_t packed_ids[4][8] __attribute__((aligned(16))) = {
    PACKED_IDS(0), PACKED_IDS(1), PACKED_IDS(2), PACKED_IDS(3)};

/* The counts of four values, two bits each. */
LEVEL_INLINE unsigned counts_of(__m256i values) {
    __m256i low = _mm256_srli_epi64(values, 17), high = _mm256_slli_epi64(values, 14);
    return (unsigned)_mm256_movemask_ps(
        _mm256_castsi256_ps(_mm256_blend_epi32(low, high, 0xAA)));
}

/* The sum of counts of two bits each. */
LEVEL_INLINE unsigned sum_of(unsigned counts) {
    return (unsigned)__builtin_popcount(counts) + (unsigned)__builtin_popcount(counts & 0xAAAA);
}

/* Two values, of which only the first one's count matters for the order of their ids. */
LEVEL_INLINE void store_two(__m128i values, unsigned counts, uint32_t *out) {
    __m128i ids =
        _mm_shuffle_epi8(values, _mm_load_si128((const void *)packed_ids[counts & 3]));
    _mm256_storeu_si256((void *)out, _mm256_cvtepu16_epi32(ids));
}

LEVEL_INLINE uint32_t *store_four(__m256i values, unsigned counts, uint32_t *out) {
    store_two(_mm256_castsi256_si128(values), counts, out);
    store_two(_mm256_extracti128_si256(values, 1), counts >> 4, out + sum_of(counts & 15));
    return out + sum_of(counts);
}

/* May eight values from here on be stored by whole vectors? */
LEVEL_INLINE bool eight_at_once(const uint64_t *values, const uint32_t *out, const uint32_t *end) {
    __m256i any = _mm256_or_si256(_mm256_loadu_si256((const void *)values),
                                  _mm256_loadu_si256((const void *)(values + 4)));
    return __builtin_expect(
        _mm256_movemask_pd(_mm256_castsi256_pd(any)) == 0 && end - out >= 32, 1);
}

static uint32_t *emit_text(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count;) {
        size_t stop = count - i < 8 ? count : i + 8;
        if (stop == i + 8 && eight_at_once(values + i, out, end)) {
            for (; i < stop; i += 4) {
                __m256i four = _mm256_loadu_si256((const void *)(values + i));
                out = store_four(four, counts_of(four), out);
            }
            continue;
        }
        for (; i < stop; i++)
            out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end);
    }
    return out;
}

/* Ids before the lowest of the four that `ends` names. */
LEVEL_INLINE uint32_t ids_before(unsigned counts, unsigned ends) {
    return sum_of(_bzhi_u32(counts, 2 * (unsigned)_tzcnt_u32(ends)));
}

static uint32_t *emit_lines(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count) {
    const __m256i newline = _mm256_set1_epi64x((long long)words->newline);
    uint32_t *begin = out, *line_ends = words->line_ends;
    size_t lines = 0;
    for (size_t i = 0; i < count;) {
        size_t stop = count - i < 8 ? count : i + 8;
        if (stop == i + 8 && eight_at_once(values + i, out, end)) {
            for (; i < stop; i += 4) {
                __m256i four = _mm256_loadu_si256((const void *)(values + i));
                __m256i is_end = _mm256_cmpeq_epi64(four, newline);
                four = _mm256_andnot_si256(is_end, four);
                unsigned ends = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(is_end));
                unsigned counts = counts_of(four);
                uint32_t before = (uint32_t)(out - begin);
                /* Mostly none or one: the first is always written, and counted if it is there. */
                line_ends[lines] = before + ids_before(counts, ends);
                lines += ends != 0;
                for (ends = _blsr_u32(ends); __builtin_expect(ends != 0, 0); ends = _blsr_u32(ends))
                    line_ends[lines++] = before + ids_before(counts, ends);
                out = store_four(four, counts, out);
            }
            continue;
        }
        for (; i < stop; i++)
            out = emit_one_of_lines(words, values[i], text + starts[i], starts[i + 1] - starts[i],
                                    out, end, (uint32_t)(out - begin), &lines);
    }
    *line_count = lines;
    return out;
}

/* Asked of the processor itself: clang 14's __builtin_cpu_supports does not know the name. */
static bool has_lzcnt(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & 1u << 5);
}

static bool supported(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("aes") && has_lzcnt();
}

const struct fast_level fast_level_avx2 = {
    .name = "avx2",
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
