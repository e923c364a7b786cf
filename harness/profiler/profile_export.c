/* Profiles for other tools: folded stacks and the Firefox profiler; see profile.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- folded stacks ---- */

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "outer;inner" of one sample; the caller frees it. */
static char *fold_stack(const struct profile *profile, const struct profile_sample *sample) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    for (uint32_t i = sample->frame_count; i-- > 0;) {
        const char *name = profile->symbols[profile->frames[sample->first_frame + i]].name;
        for (; *name; name++) /* a semicolon separates frames */
            fputc(*name == ';' ? ':' : *name, out);
        if (i) fputc(';', out);
    }
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

bool profile_write_folded(const struct profile *profile, const char *path, struct error *error) {
    char **lines = calloc(profile->sample_count + 1, sizeof *lines);
    char *text = NULL;
    size_t size = 0, count = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok = lines && out;
    for (; ok && count < profile->sample_count; count++) {
        lines[count] = fold_stack(profile, &profile->samples[count]);
        ok = lines[count] != NULL;
    }
    if (ok) {
        qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 0, end; i < count; i = end) {
            for (end = i + 1; end < count && strcmp(lines[i], lines[end]) == 0; end++) {
            }
            fprintf(out, "%s %zu\n", lines[i], end - i);
        }
    }
    if (out) ok = fclose(out) == 0 && ok;
    ok = ok ? file_write(path, text, size, error) : error_set(error, "%s: out of memory", path);
    for (size_t i = 0; lines && i < count; i++)
        free(lines[i]);
    free(lines);
    free(text);
    return ok;
}

/* ---- the Firefox profiler ---- */

/* Version 47 of its processed format; later versions of the profiler upgrade it when they read it.
 * A thread's pid is a text from that version on, and the thread whose number it is is the main one.
 */

/* A tree of stacks: each node is a symbol under a prefix. */
struct stack_node {
    uint32_t symbol;
    int prefix, first_child, next_sibling;
};

struct stack_tree {
    struct stack_node *nodes;
    size_t count, room;
    int first_root;
};

static int find_child(struct stack_tree *tree, int prefix, uint32_t symbol) {
    int at = prefix < 0 ? tree->first_root : tree->nodes[prefix].first_child;
    for (; at >= 0; at = tree->nodes[at].next_sibling)
        if (tree->nodes[at].symbol == symbol) return at;
    if (tree->count == tree->room) {
        size_t room = tree->room ? tree->room * 2 : 1024;
        struct stack_node *grown = reallocarray(tree->nodes, room, sizeof *grown);
        if (!grown) return -1;
        tree->nodes = grown;
        tree->room = room;
    }
    int *link = prefix < 0 ? &tree->first_root : &tree->nodes[prefix].first_child;
    tree->nodes[tree->count] = (struct stack_node){symbol, prefix, -1, *link};
    *link = (int)tree->count;
    return (int)tree->count++;
}

static void put(json_t *array, json_t *value) {
    json_array_append_new(array, value);
}

static json_t *make_stack_table(const struct stack_tree *tree) {
    json_t *frame = json_array(), *prefix = json_array(), *category = json_array(),
           *subcategory = json_array();
    for (size_t i = 0; i < tree->count; i++) {
        put(frame, json_integer(tree->nodes[i].symbol)); /* one frame a symbol */
        put(prefix, tree->nodes[i].prefix < 0 ? json_null() : json_integer(tree->nodes[i].prefix));
        put(category, json_integer(0));
        put(subcategory, json_integer(0));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "frame", frame, "prefix", prefix, "category",
                     category, "subcategory", subcategory, "length", (json_int_t)tree->count);
}

/* Arrays of `count` equal values under each of the names. */
static void put_columns(json_t *table, size_t count, const char *const *names, const char *value) {
    for (size_t i = 0; names[i]; i++) {
        json_t *column = json_array();
        for (size_t k = 0; k < count; k++)
            put(column, json_loads(value, JSON_DECODE_ANY, NULL));
        json_object_set_new(table, names[i], column);
    }
}

static json_t *make_frame_table(size_t count) {
    static const char *const nulls[] = {"innerWindowID", "implementation", "line",
                                        "column",        "nativeSymbol",   NULL};
    static const char *const zeros[] = {"inlineDepth", "category", "subcategory", NULL};
    static const char *const address[] = {"address", NULL};
    json_t *func = json_array();
    for (size_t i = 0; i < count; i++)
        put(func, json_integer((json_int_t)i));
    json_t *table = json_pack("{s:o, s:I}", "func", func, "length", (json_int_t)count);
    put_columns(table, count, nulls, "null");
    put_columns(table, count, zeros, "0");
    put_columns(table, count, address, "-1");
    return table;
}

static json_t *make_function_table(const struct profile *profile, json_t *strings) {
    static const char *const falses[] = {"isJS", "relevantForJS", NULL};
    static const char *const nulls[] = {"fileName", "lineNumber", "columnNumber", NULL};
    static const char *const resource[] = {"resource", NULL};
    size_t count = profile->symbol_count;
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        put(names, json_integer((json_int_t)json_array_size(strings)));
        json_t *text = json_string(profile->symbols[i].name);
        put(strings, text ? text : json_string("?"));
    }
    json_t *table = json_pack("{s:o, s:I}", "name", names, "length", (json_int_t)count);
    put_columns(table, count, falses, "false");
    put_columns(table, count, nulls, "null");
    put_columns(table, count, resource, "-1");
    return table;
}

static json_t *make_thread(const struct profile *profile, uint32_t thread, uint64_t start_ns) {
    struct stack_tree tree = {.first_root = -1};
    json_t *stacks = json_array(), *times = json_array(), *strings = json_array();
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct profile_sample *sample = &profile->samples[i];
        if (sample->thread != thread) continue;
        int node = -1;
        for (uint32_t k = sample->frame_count; k-- > 0;) {
            int child = find_child(&tree, node, profile->frames[sample->first_frame + k]);
            if (child < 0) break;
            node = child;
        }
        put(stacks, node < 0 ? json_null() : json_integer(node));
        put(times, json_real((double)(sample->time_ns - start_ns) / 1e6));
    }
    json_t *functions = make_function_table(profile, strings);
    json_t *samples =
        json_pack("{s:I, s:o, s:o, s:n, s:s}", "length", (json_int_t)json_array_size(stacks),
                  "stack", stacks, "time", times, "weight", "weightType", "samples");
    char pid[24], name[40];
    bool is_main = thread == (uint32_t)getpid();
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(name, sizeof name, is_main ? "caller" : "thread %u", thread);
    json_t *object = json_pack(
        "{s:s, s:f, s:n, s:f, s:n, s:[], s:s, s:b, s:s, s:I, s:o, s:o, s:o, s:o, s:o}",
        "processType", "default", "processStartupTime", 0.0, "processShutdownTime", "registerTime",
        0.0, "unregisterTime", "pausedRanges", "name", name, "isMainThread", is_main, "pid", pid,
        "tid", (json_int_t)thread, "samples", samples, "stackTable", make_stack_table(&tree),
        "frameTable", make_frame_table(profile->symbol_count), "funcTable", functions,
        "stringArray", strings);
    json_object_set_new(object, "markers",
                        json_loads("{\"data\":[],\"name\":[],\"startTime\":[],\"endTime\":[],"
                                   "\"phase\":[],\"category\":[],\"length\":0}",
                                   0, NULL));
    json_object_set_new(
        object, "resourceTable",
        json_loads("{\"lib\":[],\"name\":[],\"host\":[],\"type\":[],\"length\":0}", 0, NULL));
    json_object_set_new(
        object, "nativeSymbols",
        json_loads("{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],\"length\":0}",
                   0, NULL));
    free(tree.nodes);
    return object;
}

static json_t *make_meta(const struct profile *profile, const char *name) {
    return json_pack("{s:f, s:f, s:i, s:s, s:i, s:i, s:i, s:b, s:[{s:s, s:s, s:[s]}], s:[]}",
                     "interval", 1000.0 / (double)(profile->frequency ? profile->frequency : 1000),
                     "startTime", 0.0, "processType", 0, "product", name, "stackwalk", 1, "version",
                     27, "preprocessedProfileVersion", 47, "symbolicated", 1, "categories", "name",
                     "Other", "color", "grey", "subcategories", "Other", "markerSchema");
}

bool profile_write_firefox(const struct profile *profile, const char *name, const char *path,
                           struct error *error) {
    json_t *threads = json_array();
    uint64_t start_ns = UINT64_MAX;
    for (size_t i = 0; i < profile->sample_count; i++)
        if (profile->samples[i].time_ns < start_ns) start_ns = profile->samples[i].time_ns;
    for (size_t i = 0; i < profile->sample_count; i++) {
        uint32_t thread = profile->samples[i].thread;
        bool known = false;
        for (size_t k = 0; !known && k < json_array_size(threads); k++)
            known = json_integer_value(json_object_get(json_array_get(threads, k), "tid")) ==
                    (json_int_t)thread;
        if (!known) put(threads, make_thread(profile, thread, start_ns));
    }
    json_t *root =
        json_pack("{s:o, s:[], s:o}", "meta", make_meta(profile, name), "libs", "threads", threads);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (!text) return error_set(error, "%s: out of memory", path);
    bool ok = file_write(path, text, strlen(text), error);
    free(text);
    return ok;
}
