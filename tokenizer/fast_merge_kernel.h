/* Merging several short words side by side, to be compiled for one instruction set: as
 * fast_merge_short, for up to LANES words at a time. The including file defines MERGE_LANES, the
 * name of the function. A word is a lane. The ranks of all lanes' pairs at one position make a
 * vector, so the lowest rank of each lane and its first place are found by a few minima and
 * comparisons for all of them; then every lane that can merges one pair. No branch depends on what
 * is in a word, so the latency of one word's table look-ups is filled with the others'. */
#ifndef TOKENIZER_FAST_MERGE_KERNEL_H
#define TOKENIZER_FAST_MERGE_KERNEL_H

#include "tokenizer/fast_merge.h"
#include <string.h>

#define LANES        16u
#define LANES_INLINE static inline __attribute__((always_inline))

#if defined(__AVX2__)
#include <immintrin.h>
#define LANES_A_VECTOR 16u
typedef __m256i lane_vector;
LANES_INLINE lane_vector lanes_load(const uint16_t *from) {
    return _mm256_load_si256((const void *)from);
}
LANES_INLINE void lanes_store(lane_vector lanes, uint16_t *to) {
    _mm256_store_si256((void *)to, lanes);
}
LANES_INLINE lane_vector lanes_of(unsigned value) {
    return _mm256_set1_epi16((short)value);
}
LANES_INLINE lane_vector lanes_lower(lane_vector a, lane_vector b) {
    return _mm256_min_epu16(a, b);
}
LANES_INLINE lane_vector lanes_where_equal(lane_vector a, lane_vector b, lane_vector value,
                                           lane_vector otherwise) {
    return _mm256_blendv_epi8(otherwise, value, _mm256_cmpeq_epi16(a, b));
}
/* A bit a lane, set where the two are the same. */
LANES_INLINE uint32_t lanes_same(lane_vector a, lane_vector b) {
    __m256i same = _mm256_cmpeq_epi16(a, b);
    return (uint32_t)_mm_movemask_epi8(
        _mm_packs_epi16(_mm256_castsi256_si128(same), _mm256_extracti128_si256(same, 1)));
}
#elif defined(__SSE2__)
#include <emmintrin.h>
#define LANES_A_VECTOR 8u
typedef __m128i lane_vector;
LANES_INLINE lane_vector lanes_load(const uint16_t *from) {
    return _mm_load_si128((const void *)from);
}
LANES_INLINE void lanes_store(lane_vector lanes, uint16_t *to) {
    _mm_store_si128((void *)to, lanes);
}
LANES_INLINE lane_vector lanes_of(unsigned value) {
    return _mm_set1_epi16((short)value);
}
LANES_INLINE lane_vector lanes_lower(lane_vector a, lane_vector b) {
    return _mm_sub_epi16(a, _mm_subs_epu16(a, b));
}
LANES_INLINE lane_vector lanes_where_equal(lane_vector a, lane_vector b, lane_vector value,
                                           lane_vector otherwise) {
    __m128i same = _mm_cmpeq_epi16(a, b);
    return _mm_or_si128(_mm_and_si128(same, value), _mm_andnot_si128(same, otherwise));
}
LANES_INLINE uint32_t lanes_same(lane_vector a, lane_vector b) {
    __m128i same = _mm_cmpeq_epi16(a, b);
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
}
#elif defined(__aarch64__)
#include <arm_neon.h>
#define LANES_A_VECTOR 8u
typedef uint16x8_t lane_vector;
LANES_INLINE lane_vector lanes_load(const uint16_t *from) {
    return vld1q_u16(from);
}
LANES_INLINE void lanes_store(lane_vector lanes, uint16_t *to) {
    vst1q_u16(to, lanes);
}
LANES_INLINE lane_vector lanes_of(unsigned value) {
    return vdupq_n_u16((uint16_t)value);
}
LANES_INLINE lane_vector lanes_lower(lane_vector a, lane_vector b) {
    return vminq_u16(a, b);
}
LANES_INLINE lane_vector lanes_where_equal(lane_vector a, lane_vector b, lane_vector value,
                                           lane_vector otherwise) {
    return vbslq_u16(vceqq_u16(a, b), value, otherwise);
}
LANES_INLINE uint32_t lanes_same(lane_vector a, lane_vector b) {
    static const uint16_t bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddvq_u16(vandq_u16(vceqq_u16(a, b), vld1q_u16(bits)));
}
#endif

#ifdef LANES_A_VECTOR
/* Position 0 stands before the first byte and one more behind the last; symbols of tokens stay
 * where their first byte was. */
struct merge_lanes {
    /* By position, of the pair that begins there; the first and the last row are written only. */
    _Alignas(64) uint16_t ranks[FAST_LANE_BYTES + 1][LANES];
    _Alignas(64) uint16_t lowest[LANES];
    _Alignas(64) uint16_t places[LANES]; /* of the first of the lowest ranks */
    fast_symbol symbols[LANES][FAST_LANE_BYTES + 4];
    uint32_t live[LANES]; /* positions that hold a symbol, the two at the ends included */
};

LANES_INLINE void lane_begin(const struct fast_model *model, struct merge_lanes *lanes,
                             unsigned lane, const uint8_t *word, uint32_t length) {
    fast_symbol *symbols = lanes->symbols[lane];
    uint32_t byte = word[0];
    symbols[0] = FAST_NO_SYMBOL;
    symbols[1] = model->byte_symbols[byte];
    for (uint32_t i = 1; i < length; i++) {
        uint32_t next = word[i];
        lanes->ranks[i][lane] = model->byte_pair_ranks[byte << 8 | next];
        symbols[i + 1] = model->byte_symbols[next];
        byte = next;
    }
    symbols[length + 1] = FAST_NO_SYMBOL;
    lanes->live[lane] = (4u << length) - 1;
}

/* Each lane's lowest rank and its first place. Returns the lanes that have one, a bit each. */
LANES_INLINE uint32_t lanes_find_lowest(struct merge_lanes *lanes) {
    uint32_t finished = 0;
    for (unsigned from = 0; from < LANES; from += LANES_A_VECTOR) {
        lane_vector rows[FAST_LANE_BYTES], lowest = lanes_of(FAST_NO_RANK);
        lane_vector places = lanes_of(0);
        for (unsigned i = 1; i < FAST_LANE_BYTES; i++)
            lowest = lanes_lower(lowest, rows[i] = lanes_load(&lanes->ranks[i][from]));
        for (unsigned i = FAST_LANE_BYTES - 1; i > 0; i--)
            places = lanes_where_equal(rows[i], lowest, lanes_of(i), places);
        lanes_store(lowest, lanes->lowest + from);
        lanes_store(places, lanes->places + from);
        finished |= lanes_same(lowest, lanes_of(FAST_NO_RANK)) << from;
    }
    return ~finished & ((1u << LANES) - 1);
}

/* Merges the pair that was found. */
LANES_INLINE void lane_merge(const struct fast_model *model, struct merge_lanes *lanes,
                             unsigned lane) {
    uint32_t place = lanes->places[lane], live = lanes->live[lane];
    fast_symbol *symbols = lanes->symbols[lane], merged = model->merged[lanes->lowest[lane]];
    uint32_t behind = live & ~1u << place, before = live & ((1u << place) - 1);
    uint32_t gone = (uint32_t)__builtin_ctz(behind);
    uint32_t next = (uint32_t)__builtin_ctz(behind & (behind - 1));
    uint32_t previous = 31 - (uint32_t)__builtin_clz(before);
    symbols[place] = merged;
    lanes->live[lane] = live & ~(1u << gone);
    lanes->ranks[gone][lane] = FAST_NO_RANK;
    lanes->ranks[previous][lane] =
        (uint16_t)fast_pair_rank(&model->pairs, symbols[previous], merged);
    lanes->ranks[place][lane] = (uint16_t)fast_pair_rank(&model->pairs, merged, symbols[next]);
}

/* The ids that are left; returns how many. */
LANES_INLINE uint32_t lane_ids(const struct merge_lanes *lanes, unsigned lane, uint32_t *ids) {
    uint32_t count = 0;
    uint32_t live = lanes->live[lane] & ~1u; /* and the highest is the end */
    for (; live & (live - 1); live &= live - 1)
        ids[count++] = (uint16_t)lanes->symbols[lane][__builtin_ctz(live)];
    return count;
}

/* Merges the words that have begun. */
LANES_INLINE void lanes_merge(const struct fast_model *model, struct merge_lanes *lanes) {
    for (uint32_t mergeable; (mergeable = lanes_find_lowest(lanes)) != 0;)
        for (; mergeable; mergeable &= mergeable - 1)
            lane_merge(model, lanes, (unsigned)__builtin_ctz(mergeable));
}
/* Merges up to LANES words. */
static void merge_some(const struct fast_model *model, struct fast_merge_job *jobs,
                       unsigned count) {
    struct merge_lanes lanes;
    memset(lanes.ranks, 0xFF, sizeof lanes.ranks);
    for (unsigned i = 0; i < count; i++)
        lane_begin(model, &lanes, i, jobs[i].word, jobs[i].length);
    lanes_merge(model, &lanes);
    for (unsigned i = 0; i < count; i++)
        jobs[i].count = lane_ids(&lanes, i, jobs[i].ids);
}

void MERGE_LANES(const struct fast_model *model, struct fast_merge_job *jobs, size_t count) {
    for (; count > LANES; jobs += LANES, count -= LANES)
        merge_some(model, jobs, LANES);
    merge_some(model, jobs, (unsigned)count);
}
#endif

#endif
