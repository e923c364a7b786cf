/* Symbols, samples and shares; see profile.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_texts(const char *name, const char *object) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *text = name; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    for (const char *text = object; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool grow_table(struct profile *profile) {
    size_t size = profile->table_size ? profile->table_size * 2 : 1024;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < profile->symbol_count; i++) {
        const struct profile_symbol *symbol = &profile->symbols[i];
        size_t at = hash_texts(symbol->name, symbol->object) & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
    }
    free(profile->table);
    profile->table = table;
    profile->table_size = size;
    return true;
}

static bool grow_symbols(struct profile *profile) {
    if (profile->symbol_count < profile->symbol_room) return true;
    size_t room = profile->symbol_room ? profile->symbol_room * 2 : 256;
    struct profile_symbol *symbols = reallocarray(profile->symbols, room, sizeof *symbols);
    if (!symbols) return false;
    profile->symbols = symbols;
    uint64_t *seen = reallocarray(profile->seen, room, sizeof *seen);
    if (!seen) return false;
    profile->seen = seen;
    profile->symbol_room = room;
    return true;
}

uint32_t profile_intern(struct profile *profile, const char *name, const char *object) {
    if (profile->symbol_count * 2 >= profile->table_size && !grow_table(profile)) return UINT32_MAX;
    size_t at = hash_texts(name, object) & (profile->table_size - 1);
    for (; profile->table[at]; at = (at + 1) & (profile->table_size - 1)) {
        const struct profile_symbol *symbol = &profile->symbols[profile->table[at] - 1];
        if (strcmp(symbol->name, name) == 0 && strcmp(symbol->object, object) == 0)
            return profile->table[at] - 1;
    }
    if (!grow_symbols(profile)) return UINT32_MAX;
    struct profile_symbol symbol = {.name = strdup(name), .object = strdup(object), .group = -1};
    if (!symbol.name || !symbol.object) {
        free(symbol.name);
        free(symbol.object);
        return UINT32_MAX;
    }
    size_t index = profile->symbol_count++;
    profile->symbols[index] = symbol;
    profile->seen[index] = UINT64_MAX;
    profile->table[at] = (uint32_t)index + 1;
    return (uint32_t)index;
}

bool profile_add_sample(struct profile *profile, uint32_t thread, uint64_t time_ns,
                        const uint32_t *frames, size_t count) {
    if (profile->sample_count == profile->sample_room) {
        size_t room = profile->sample_room ? profile->sample_room * 2 : 4096;
        struct profile_sample *samples = reallocarray(profile->samples, room, sizeof *samples);
        if (!samples) return false;
        profile->samples = samples;
        profile->sample_room = room;
    }
    while (profile->frame_count + count > profile->frame_room) {
        size_t room = profile->frame_room ? profile->frame_room * 2 : 65536;
        uint32_t *grown = reallocarray(profile->frames, room, sizeof *grown);
        if (!grown) return false;
        profile->frames = grown;
        profile->frame_room = room;
    }
    struct profile_sample *sample = &profile->samples[profile->sample_count];
    *sample = (struct profile_sample){profile->frame_count, (uint32_t)count, thread, time_ns};
    for (size_t i = 0; i < count; i++) {
        struct profile_symbol *symbol = &profile->symbols[frames[i]];
        profile->frames[profile->frame_count++] = frames[i];
        if (i == 0) symbol->self++;
        if (profile->seen[frames[i]] != profile->sample_count) symbol->total++;
        profile->seen[frames[i]] = profile->sample_count;
    }
    profile->sample_count++;
    return true;
}

void profile_free(struct profile *profile) {
    for (size_t i = 0; i < profile->symbol_count; i++) {
        free(profile->symbols[i].name);
        free(profile->symbols[i].object);
    }
    free(profile->symbols);
    free(profile->seen);
    free(profile->frames);
    free(profile->samples);
    free(profile->table);
    free(profile->repeat_ends);
    *profile = (struct profile){0};
}

struct profile_share profile_share_of(uint64_t count, uint64_t samples) {
    const double z = 1.96;
    if (!samples) return (struct profile_share){0, 0, 100};
    double n = (double)samples, p = (double)count / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    double low = count ? middle - half : 0, high = count == samples ? 1 : middle + half;
    return (struct profile_share){100 * p, 100 * (low > 0 ? low : 0), 100 * (high < 1 ? high : 1)};
}

/* ---- names ---- */

/* "$LT$" and its like in Rust's older mangling. */
static size_t decode_escape(const char *text, char *out) {
    static const struct {
        const char *code;
        const char *character;
    } escapes[] = {{"$LT$", "<"},  {"$GT$", ">"},   {"$LP$", "("},  {"$RP$", ")"},  {"$C$", ","},
                   {"$RF$", "&"},  {"$BP$", "*"},   {"$SP$", "@"},  {"$u20$", " "}, {"$u27$", "'"},
                   {"$u5b$", "["}, {"$u5d$", "]"},  {"$u7b$", "{"}, {"$u7d$", "}"}, {"$u3b$", ";"},
                   {"$u2b$", "+"}, {"$u22$", "\""}, {"..", "::"}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        size_t length = strlen(escapes[i].code);
        if (strncmp(text, escapes[i].code, length) == 0) {
            strcpy(out, escapes[i].character);
            return length;
        }
    }
    out[0] = *text;
    out[1] = 0;
    return 1;
}

/* _ZN <length name>... 17h<16 hex digits> E, the older mangling; false for anything else. */
static bool demangle_older_rust(const char *name, char *clean, size_t size) {
    if (strncmp(name, "_ZN", 3) != 0) return false;
    const char *at = name + 3;
    size_t used = 0;
    bool hashed = false;
    clean[0] = 0;
    while (isdigit((unsigned char)*at)) {
        char *part;
        size_t length = strtoul(at, &part, 10);
        if (length == 0 || length > strlen(part)) return false;
        if (length == 17 && part[0] == 'h' && part[17] == 'E') {
            hashed = true;
            break;
        }
        if (used && used + 3 < size) used += (size_t)snprintf(clean + used, size - used, "::");
        const char *end = part + length;
        /* An underscore before an escape at the start of a part is only a separator. */
        if (part[0] == '_' && part[1] == '$') part++;
        while ((const char *)part < end) {
            char text[4];
            part += decode_escape(part, text);
            if (used + strlen(text) + 1 < size)
                used += (size_t)snprintf(clean + used, size - used, "%s", text);
        }
        at = end;
    }
    return hashed && used > 0;
}

/* _R..., the newer mangling: the identifiers of the path in order, which is enough to recognise a
 * function; generic arguments are left out. */
static bool demangle_newer_rust(const char *name, char *clean, size_t size) {
    if (strncmp(name, "_R", 2) != 0) return false;
    size_t used = 0;
    clean[0] = 0;
    for (const char *at = name + 2; *at;) {
        if (*at == 's' && at[1] != '_') { /* disambiguator s<base-62>_ */
            const char *end = at + 1 +
                              strspn(at + 1, "0123456789abcdefghijklmnopqrstuvwxyz"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
            if (*end == '_' && isdigit((unsigned char)end[1])) {
                at = end + 1;
                continue;
            }
        }
        if (*at == 'I' && used) { /* generic arguments begin: the path is complete enough */
            if (strncmp(at, "Int", 3) != 0) break;
        }
        if (!isdigit((unsigned char)*at)) {
            at++;
            continue;
        }
        char *part;
        size_t length = strtoul(at, &part, 10);
        if (*part == '_') part++;
        if (length > strlen(part)) break;
        if (length && used + length + 3 < size)
            used += (size_t)snprintf(clean + used, size - used, "%s%.*s", used ? "::" : "",
                                     (int)length, part);
        at = part + length;
    }
    return used > 0;
}

void profile_clean_name(const char *name, char *clean, size_t size) {
    static const char *const suffixes[] = {".isra.", ".constprop.", ".part.",
                                           ".cold",  ".llvm.",      ".lto_priv."};
    if (demangle_older_rust(name, clean, size) || demangle_newer_rust(name, clean, size)) return;
    snprintf(clean, size, "%s", name);
    char *version = strchr(clean, '@');
    if (version && version != clean) *version = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *suffix = strstr(clean, suffixes[i]);
        if (suffix && suffix != clean) *suffix = 0;
    }
}
