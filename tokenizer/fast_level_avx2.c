/* AVX2 with BMI2 (Haswell, Zen and later); see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* Vectors of one number, to be read from memory: compilers would make each of them anew, in two
 * instructions, for every block. */
struct numbers {
    uint8_t blank[32], apostrophe[32], newline[32];
    uint8_t letters_up[32], digits_up[32], spaces_up[32]; /* what takes the highest to 127 */
    uint8_t below_letters[32], below_digits[32], below_spaces[32];
    uint32_t eight[8];
};
#define TIMES_8(x) x, x, x, x, x, x, x, x
#define TIMES_32(x)                                                                                \
    { TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x) }
static const struct numbers the_numbers __attribute__((aligned(64))) = {
    .blank = TIMES_32(' '),
    .apostrophe = TIMES_32('\''),
    .newline = TIMES_32('\n'),
    .letters_up = TIMES_32(127 - 'z'),
    .digits_up = TIMES_32(127 - '9'),
    .spaces_up = TIMES_32(127 - '\r'),
    .below_letters = TIMES_32(127 - ('z' - 'a') - 1),
    .below_digits = TIMES_32(127 - ('9' - '0') - 1),
    .below_spaces = TIMES_32(127 - ('\r' - '\t') - 1),
    .eight = {TIMES_8(8)},
};

/* The same, but the compiler does not know what they are. */
LEVEL_INLINE const struct numbers *read_numbers(void) {
    const struct numbers *numbers = &the_numbers;
    __asm__("" : "+r"(numbers));
    return numbers;
}

LEVEL_INLINE __m256i number(const void *numbers) {
    return _mm256_load_si256(numbers);
}

LEVEL_INLINE uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

LEVEL_INLINE uint64_t equal_to(__m256i low, __m256i high, const uint8_t *wanted) {
    return mask_of(_mm256_cmpeq_epi8(low, number(wanted)), _mm256_cmpeq_epi8(high, number(wanted)));
}

/* Bytes of a range: those that end up highest, as signed numbers, when its last is moved to 127. */
LEVEL_INLINE uint64_t in_range(__m256i low, __m256i high, const uint8_t *up, const uint8_t *below) {
    return mask_of(_mm256_cmpgt_epi8(_mm256_add_epi8(low, number(up)), number(below)),
                   _mm256_cmpgt_epi8(_mm256_add_epi8(high, number(up)), number(below)));
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    const struct numbers *n = read_numbers();
    __m256i low = _mm256_loadu_si256((const void *)bytes);
    __m256i high = _mm256_loadu_si256((const void *)(bytes + 32));
    uint64_t blank = equal_to(low, high, n->blank);
    /* With the bit of U+0020 set, capital letters are small ones. */
    __m256i small_low = _mm256_or_si256(low, number(n->blank));
    __m256i small_high = _mm256_or_si256(high, number(n->blank));
    return (struct fast_masks){
        .letter = in_range(small_low, small_high, n->letters_up, n->below_letters),
        .digit = in_range(low, high, n->digits_up, n->below_digits),
        .space = blank | in_range(low, high, n->spaces_up, n->below_spaces),
        .blank = blank,
        .apostrophe = equal_to(low, high, n->apostrophe),
        .high = mask_of(low, high),
    };
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    return equal_to(_mm256_loadu_si256((const void *)bytes),
                    _mm256_loadu_si256((const void *)(bytes + 32)), read_numbers()->newline);
}

/* For every byte, the numbers of its bits that are set, in ascending order, one a byte. A table,
 * since PEXT is microcode on the first two generations of Zen. */
#define BIT(byte, i)                                                                               \
    ((uint64_t)((byte) >> (i)&1) * (i)                                                             \
     << 8 * __builtin_popcount((unsigned)(byte) & ((1u << (i)) - 1)))
#define BITS(byte)                                                                                 \
    BIT(byte, 1) | BIT(byte, 2) | BIT(byte, 3) | BIT(byte, 4) | BIT(byte, 5) | BIT(byte, 6) |      \
        BIT(byte, 7)
#define BITS_4(byte)  BITS(byte), BITS(byte + 1), BITS(byte + 2), BITS(byte + 3)
#define BITS_16(byte) BITS_4(byte), BITS_4(byte + 4), BITS_4(byte + 8), BITS_4(byte + 12)
#define BITS_64(byte) BITS_16(byte), BITS_16(byte + 16), BITS_16(byte + 32), BITS_16(byte + 48)
static const uint64_t bit_numbers[256] = {BITS_64(0), BITS_64(64), BITS_64(128), BITS_64(192)};

LEVEL_INLINE __m128i numbers_of_bits(size_t byte) {
    return _mm_loadl_epi64((const void *)&bit_numbers[byte]);
}

/* Eight bits at a time, all of them without a branch: how many words a block has is not to be
 * predicted. */
LEVEL_INLINE uint32_t *level_positions(uint64_t mask, uint32_t base, uint32_t *out) {
    __m256i first = _mm256_set1_epi32((int)base), eight = number(read_numbers()->eight);
    for (unsigned i = 0; i < 8; i++) {
        size_t byte = (uint8_t)(mask >> 8 * i);
        __m256i numbers = _mm256_cvtepu8_epi32(numbers_of_bits(byte));
        _mm256_storeu_si256((void *)out, _mm256_add_epi32(first, numbers));
        first = _mm256_add_epi32(first, eight);
        out += (unsigned)__builtin_popcountll(byte);
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
    __m256i same =
        _mm256_cmpeq_epi64(_mm256_unpacklo_epi64(even, odd), _mm256_load_si256((const void *)keys));
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
    if (missing_count) look_further(words, text, starts, values, missing_count);
}

/* Four values' ids, packed, by the values' counts, two bits each: for either half of the register
 * where its 16-bit lanes go, as both are then added up, and how many ids they are. More than eight
 * have no place. */
#define PACK(first, a, b, i)                                                                       \
    ((i) < (first)               ? 0x8080                                                          \
     : (i) < (first) + (a)       ? 0x0100 + 0x0202 * ((i) - (first))                               \
     : (i) < (first) + (a) + (b) ? 0x0100 + 0x0202 * ((i) - (first) - (a) + 4)                     \
                                 : 0x8080)
#define PACK_HALF(first, a, b)                                                                     \
    PACK(first, a, b, 0), PACK(first, a, b, 1), PACK(first, a, b, 2), PACK(first, a, b, 3),        \
        PACK(first, a, b, 4), PACK(first, a, b, 5), PACK(first, a, b, 6), PACK(first, a, b, 7)
#define PACK_FOUR(a, b, c, d)                                                                      \
    { PACK_HALF(0, a, b), PACK_HALF((a) + (b), c, d) }
#define SUM_FOUR(a, b, c, d) (a) + (b) + (c) + (d)
#define EACH_A(f, b, c, d)   f(0, b, c, d), f(1, b, c, d), f(2, b, c, d), f(3, b, c, d)
#define EACH_B(f, c, d)                                                                            \
    EACH_A(f, 0, c, d), EACH_A(f, 1, c, d), EACH_A(f, 2, c, d), EACH_A(f, 3, c, d)
#define EACH_C(f, d) EACH_B(f, 0, d), EACH_B(f, 1, d), EACH_B(f, 2, d), EACH_B(f, 3, d)
#define EACH(f)      EACH_C(f, 0), EACH_C(f, 1), EACH_C(f, 2), EACH_C(f, 3)
static const uint16_t packed[256][16] __attribute__((aligned(64))) = {EACH(PACK_FOUR)};
static const uint8_t sums[256] __attribute__((aligned(64))) = {EACH(SUM_FOUR)};

/* The counts of four values, two bits each. */
LEVEL_INLINE unsigned counts_of(__m256i values) {
    __m256i low = _mm256_srli_epi64(values, 17), high = _mm256_slli_epi64(values, 14);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_blend_epi32(low, high, 0xAA)));
}

/* Can the ids of these four be stored as a whole vector? */
LEVEL_INLINE bool four_at_once(__m256i values, unsigned counts, const uint32_t *out,
                               const uint32_t *end) {
    return __builtin_expect(_mm256_movemask_pd(_mm256_castsi256_pd(values)) == 0, 1) &&
           __builtin_expect(sums[counts] <= 8, 1) && __builtin_expect(end - out >= 8, 1);
}

LEVEL_INLINE uint32_t *store_four(__m256i values, unsigned counts, uint32_t *out) {
    __m256i places = _mm256_load_si256((const void *)packed[counts]);
    __m256i halves = _mm256_shuffle_epi8(values, places);
    __m128i ids = _mm_or_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    _mm256_storeu_si256((void *)out, _mm256_cvtepu16_epi32(ids));
    return out + sums[counts];
}

static uint32_t *emit_text(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count;) {
        size_t stop = i + 4;
        if (__builtin_expect(stop <= count, 1)) {
            __m256i four = _mm256_loadu_si256((const void *)(values + i));
            unsigned counts = counts_of(four);
            if (four_at_once(four, counts, out, end)) {
                out = store_four(four, counts, out);
                i = stop;
                continue;
            }
        }
        for (; i < stop && i < count; i++)
            out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end);
    }
    return out;
}

/* Ids before the lowest of the four that `ends` names. */
LEVEL_INLINE uint32_t ids_before(unsigned counts, unsigned ends) {
    return sums[_bzhi_u32(counts, 2 * (unsigned)_tzcnt_u32(ends))];
}

static uint32_t *emit_lines(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count) {
    const __m256i newline = _mm256_set1_epi64x((long long)words->newline);
    uint32_t *begin = out, *line_ends = words->line_ends;
    size_t lines = 0;
    for (size_t i = 0; i < count;) {
        size_t stop = i + 4;
        if (__builtin_expect(stop <= count, 1)) {
            __m256i four = _mm256_loadu_si256((const void *)(values + i));
            __m256i is_end = _mm256_cmpeq_epi64(four, newline);
            four = _mm256_andnot_si256(is_end, four);
            unsigned counts = counts_of(four);
            if (four_at_once(four, counts, out, end)) {
                unsigned ends = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(is_end));
                uint32_t before = (uint32_t)(out - begin);
                /* Mostly none or one: the first is always written, and counted if it is there. */
                line_ends[lines] = before + ids_before(counts, ends);
                lines += ends != 0;
                for (ends = _blsr_u32(ends); __builtin_expect(ends != 0, 0); ends = _blsr_u32(ends))
                    line_ends[lines++] = before + ids_before(counts, ends);
                out = store_four(four, counts, out);
                i = stop;
                continue;
            }
        }
        for (; i < stop && i < count; i++)
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
