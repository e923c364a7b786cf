/* The digest of token ids used everywhere outputs are compared: FNV-1a-64 taken over whole 32-bit
 * ids: start at 0xcbf29ce484222325; for each id: (h xor id) * 0x100000001b3. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START 0xcbf29ce484222325u

static inline uint64_t digest_ids(uint64_t digest, const uint32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) digest = (digest ^ ids[i]) * 0x100000001b3u;
    return digest;
}

#endif
