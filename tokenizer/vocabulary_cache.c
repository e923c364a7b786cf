/* The file of a digested model; see vocabulary_cache.h. */
#define _GNU_SOURCE
#include "tokenizer/vocabulary_cache.h"

#include "base/file.h"
#include "tokenizer/vocabulary_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define MAGIC           "grainbench model"
#define VERSION         1
#define BYTE_ORDER_MARK 0x01020304u /* and with it the size of what is stored: see struct header   \
                                     */
#define PATH_SIZE 4096

/* Followed by the parts, each at a multiple of 64 bytes. */
struct header {
    char magic[16];
    uint32_t version, byte_order;
    uint64_t key[2];                  /* of the two source files' content */
    uint64_t payload_bytes, checksum; /* XXH3-64 of all that follows the header */
    uint64_t part_bytes[VOCABULARY_PARTS];
};

static size_t padded(size_t size) {
    return (size + 63) & ~(size_t)63;
}

static bool key_of_files(const char *vocab_path, const char *merges_path, uint64_t key[2],
                         struct error *error) {
    const char *paths[2] = {vocab_path, merges_path};
    XXH128_hash_t hash = {0, 0};
    for (int i = 0; i < 2; i++) {
        char *data;
        size_t size;
        if (!file_read(paths[i], &data, &size, error)) return false;
        /* The second file's hash is seeded with the first's. */
        XXH128_hash_t next = XXH3_128bits_withSeed(data, size, hash.low64 ^ hash.high64);
        hash.low64 ^= next.low64;
        hash.high64 = hash.high64 * 3 + next.high64;
        free(data);
    }
    key[0] = hash.low64;
    key[1] = hash.high64;
    return true;
}

/* Also makes the folder if `make` is set. */
static bool path_of_key(const uint64_t key[2], bool make, char path[PATH_SIZE],
                        struct error *error) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char folder[PATH_SIZE - 64];
    bool given = cache && cache[0] == '/';
    if (!given && (!home || !home[0]))
        return error_set(error, "neither XDG_CACHE_HOME nor HOME tells where a cache may be");
    int length = given ? snprintf(folder, sizeof folder, "%s/grainbench", cache)
                       : snprintf(folder, sizeof folder, "%s/.cache/grainbench", home);
    if (length < 0 || (size_t)length >= sizeof folder)
        return error_set(error, "the path of the cache folder is too long");
    for (char *slash = folder + 1; make && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(folder, 0777);
        *slash = '/';
    }
    if (make && mkdir(folder, 0777) != 0 && errno != EEXIST)
        return error_set_errno(error, "%s: cannot make the folder", folder);
    snprintf(path, PATH_SIZE, "%s/model-%016llx%016llx", folder, (unsigned long long)key[1],
             (unsigned long long)key[0]);
    return true;
}

bool vocabulary_cache_path(const char *vocab_path, const char *merges_path, char *path, size_t size,
                           struct error *error) {
    uint64_t key[2];
    char full[PATH_SIZE];
    if (!key_of_files(vocab_path, merges_path, key, error) || !path_of_key(key, false, full, error))
        return false;
    if (strlen(full) >= size) return error_set(error, "the path of the cache file is too long");
    memcpy(path, full, strlen(full) + 1);
    return true;
}

/* The vocabulary in a file's bytes; NULL if they are not exactly what this program would write. */
static struct vocabulary *take(const char *data, size_t size, const uint64_t key[2]) {
    struct header header;
    if (size < sizeof header) return NULL;
    memcpy(&header, data, sizeof header);
    const char *payload = data + padded(sizeof header);
    if (memcmp(header.magic, MAGIC, sizeof header.magic) != 0 || header.version != VERSION ||
        header.byte_order != BYTE_ORDER_MARK || memcmp(header.key, key, sizeof header.key) != 0 ||
        header.payload_bytes > size || size != padded(sizeof header) + header.payload_bytes ||
        XXH3_64bits(payload, header.payload_bytes) != header.checksum)
        return NULL;
    struct vocabulary_part parts[VOCABULARY_PARTS];
    size_t at = 0;
    for (int i = 0; i < VOCABULARY_PARTS; i++) {
        if (header.part_bytes[i] > header.payload_bytes - at) return NULL;
        parts[i] = (struct vocabulary_part){payload + at, header.part_bytes[i]};
        at += padded(header.part_bytes[i]);
        if (at > header.payload_bytes) return NULL;
    }
    return vocabulary_from_parts(parts);
}

static bool save(const struct vocabulary *vocabulary, const uint64_t key[2], const char *path) {
    struct vocabulary_part parts[VOCABULARY_PARTS];
    struct header header = {.version = VERSION, .byte_order = BYTE_ORDER_MARK};
    memcpy(header.magic, MAGIC, sizeof header.magic);
    memcpy(header.key, key, sizeof header.key);
    struct vocabulary_numbers numbers;
    vocabulary_parts(vocabulary, &numbers, parts);
    for (int i = 0; i < VOCABULARY_PARTS; i++) {
        header.part_bytes[i] = parts[i].size_bytes;
        header.payload_bytes += padded(parts[i].size_bytes);
    }
    size_t begin = padded(sizeof header), size = begin + header.payload_bytes;
    char *data = calloc(1, size);
    if (!data) return false;
    char *at = data + begin;
    for (int i = 0; i < VOCABULARY_PARTS; i++) {
        if (parts[i].size_bytes) memcpy(at, parts[i].data, parts[i].size_bytes);
        at += padded(parts[i].size_bytes);
    }
    header.checksum = XXH3_64bits(data + begin, header.payload_bytes);
    memcpy(data, &header, sizeof header);
    bool ok = file_write(path, data, size, NULL);
    free(data);
    return ok;
}

static struct vocabulary *read_cache(const char *path, const uint64_t key[2]) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, NULL)) return NULL;
    struct vocabulary *vocabulary = take(data, size, key);
    free(data);
    return vocabulary;
}

struct vocabulary *vocabulary_load_cached(const char *vocab_path, const char *merges_path,
                                          enum vocabulary_source *source, struct error *error) {
    uint64_t key[2];
    char path[PATH_SIZE];
    enum vocabulary_source ignored;
    if (!source) source = &ignored;
    *source = VOCABULARY_NOT_CACHED;
    if (!key_of_files(vocab_path, merges_path, key, error)) return NULL;
    bool have_path = path_of_key(key, false, path, NULL);
    struct vocabulary *vocabulary = have_path ? read_cache(path, key) : NULL;
    if (vocabulary) *source = VOCABULARY_FROM_CACHE;
    if (vocabulary) return vocabulary;
    vocabulary = vocabulary_load(vocab_path, merges_path, error);
    if (vocabulary && have_path && path_of_key(key, true, path, NULL) &&
        save(vocabulary, key, path))
        *source = VOCABULARY_CACHED;
    return vocabulary;
}
