/* Parses and builds compositions; see compose.h. */
#include "pipeline/compose.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at;
    struct composition *composition;
    struct error *error;
    bool failed;
};

static void fail(struct parser *parser, const char *what) {
    if (!parser->failed)
        error_set(parser->error, "composition '%.160s': %s at '%.20s'", parser->composition->text,
                  what, parser->at);
    parser->failed = true;
}

static void skip_space(struct parser *parser) {
    while (*parser->at == ' ')
        parser->at++;
}

static void expect(struct parser *parser, char character) {
    skip_space(parser);
    char what[24];
    snprintf(what, sizeof what, "'%c' expected", character);
    if (*parser->at == character)
        parser->at++;
    else
        fail(parser, what);
}

static void parse_word(struct parser *parser, char *word, size_t size) {
    skip_space(parser);
    size_t length = 0;
    while (isalpha((unsigned char)*parser->at) && length + 1 < size)
        word[length++] = *parser->at++;
    word[length] = 0;
    if (!length) fail(parser, "a name expected");
}

static unsigned parse_number(struct parser *parser) {
    expect(parser, ',');
    skip_space(parser);
    if (!isdigit((unsigned char)*parser->at)) fail(parser, "a number expected");
    if (parser->failed) return 0;
    char *end;
    unsigned long number = strtoul(parser->at, &end, 10);
    if (number > EXECUTOR_DEPTH_LIMIT) fail(parser, "too large a number");
    parser->at = end;
    return (unsigned)number;
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

static const char *const sources[] = {"read", "blocks", NULL};
static const char *const unary[] = {"preprocess", "window",   "batch",  "shuffle",
                                    "format",     "finalize", "thread", NULL};
static const char *const transforms[] = {"preprocess", "format", "finalize", NULL};

static void parse_expression(struct parser *parser) {
    struct compose_node node = {.workers = 1};
    parse_word(parser, node.name, sizeof node.name);
    bool pool = strcmp(node.name, "pool") == 0;
    if (!parser->failed && !is_one_of(node.name, sources)) {
        if (!pool && !is_one_of(node.name, unary)) fail(parser, "not the name of an operator");
        expect(parser, '(');
        if (pool) {
            parse_word(parser, node.operator_name, sizeof node.operator_name);
            if (!is_one_of(node.operator_name, transforms)) fail(parser, "a pool cannot run this");
            expect(parser, ',');
        }
        if (!parser->failed) parse_expression(parser);
        if (pool) node.workers = parse_number(parser);
        if (compose_is_executor(&node)) node.depth = parse_number(parser);
        expect(parser, ')');
    }
    if (parser->failed) return;
    if (parser->composition->count == COMPOSE_NODES)
        fail(parser, "too many operators");
    else
        parser->composition->nodes[parser->composition->count++] = node;
}

bool compose_is_executor(const struct compose_node *node) {
    return strcmp(node->name, "thread") == 0 || strcmp(node->name, "pool") == 0;
}

static bool makes_batches(const struct compose_node *node) {
    return strcmp(node->name, "batch") == 0 || strcmp(node->name, "shuffle") == 0;
}

/* What a transform works on: blocks before the batcher, batches behind it. */
static bool works_on_blocks(const char *name) {
    return strcmp(name, "preprocess") == 0 || strcmp(name, "window") == 0;
}

static bool check(const struct composition *composition, struct error *error) {
    unsigned batchers = 0;
    for (unsigned i = 0; i < composition->count; i++) {
        const struct compose_node *node = &composition->nodes[i];
        bool pool = strcmp(node->name, "pool") == 0;
        const char *name = pool ? node->operator_name : node->name;
        bool neutral = strcmp(name, "thread") == 0 || is_one_of(name, sources);
        if (pool && !node->workers)
            return error_set(error, "composition '%.160s': a pool needs a worker",
                             composition->text);
        if (makes_batches(node) && batchers++)
            return error_set(error, "composition '%.160s': batches are made twice",
                             composition->text);
        if (!makes_batches(node) && !neutral && works_on_blocks(name) != (batchers == 0))
            return error_set(error, "composition '%.160s': %s is on the wrong side of batch",
                             composition->text, name);
    }
    return batchers == 1 ||
           error_set(error, "composition '%.160s': there is no batch", composition->text);
}

bool compose_parse(const char *text, struct composition *composition, struct error *error) {
    memset(composition, 0, sizeof *composition);
    if (strlen(text) >= sizeof composition->text)
        return error_set(error, "composition '%.40s...' is too long", text);
    snprintf(composition->text, sizeof composition->text, "%s", text);
    struct parser parser = {composition->text, composition, error, false};
    parse_expression(&parser);
    if (!parser.failed) skip_space(&parser);
    if (!parser.failed && *parser.at) fail(&parser, "nothing more expected");
    return !parser.failed && check(composition, error);
}

unsigned compose_batches(const struct composition *composition) {
    unsigned batches = 1;
    bool behind = false;
    for (unsigned i = 0; i < composition->count; i++) {
        behind = behind || makes_batches(&composition->nodes[i]);
        if (behind) batches += composition->nodes[i].depth;
    }
    return batches;
}

unsigned compose_threads(const struct composition *composition) {
    unsigned threads = 0;
    for (unsigned i = 0; i < composition->count; i++)
        if (composition->nodes[i].depth) threads += composition->nodes[i].workers;
    return threads;
}

static const struct transform *transform_of(const struct compose_parts *parts, const char *name) {
    if (strcmp(name, "preprocess") == 0) return &parts->preprocess;
    if (strcmp(name, "format") == 0) return &parts->format;
    return &parts->finalize;
}

/* Only the executor that runs the source waits for the budget. Later ones move what is in memory
 * already, which must not wait for them; nor does a source of blocks that are all there. */
static bool lets_items_in(const struct composition *composition, unsigned index) {
    for (unsigned i = 0; i < index; i++)
        if (composition->nodes[i].depth) return false;
    return strcmp(composition->nodes[0].name, "blocks") != 0;
}

/* What an executor's threads are called after: the last operator they run. */
static const char *label_of(const struct composition *composition, unsigned index) {
    const struct compose_node *node = &composition->nodes[index];
    if (node->operator_name[0]) return node->operator_name;
    return index ? composition->nodes[index - 1].name : node->name;
}

static struct iterator *build_executor(const struct composition *composition, unsigned index,
                                       struct compose_parts *parts, struct iterator *upstream,
                                       struct error *error) {
    const struct compose_node *node = &composition->nodes[index];
    const char *label = label_of(composition, index);
    struct executor_setup setup = {
        .name = label,
        .depth = node->depth,
        .workers = node->workers,
        .spin_ns = parts->spin_ns,
        .transform = node->operator_name[0] ? transform_of(parts, label) : NULL,
        .recorder = parts->recorder,
        .stage = recorder_stage(parts->recorder, label),
        .budget = lets_items_in(composition, index) ? parts->budget : NULL,
        .report = &parts->reports[index],
    };
    return executor_create(upstream, &setup, error);
}

static struct iterator *build_node(const struct composition *composition, unsigned index,
                                   struct compose_parts *parts, struct iterator *upstream,
                                   struct error *error) {
    const struct compose_node *node = &composition->nodes[index];
    if (compose_is_executor(node))
        return build_executor(composition, index, parts, upstream, error);
    if (strcmp(node->name, "window") == 0)
        return window_operator(upstream, parts->window_rows, parts->window_blocks,
                               recorder_stage(parts->recorder, "window"), error);
    if (strcmp(node->name, "batch") == 0) return batch_operator(upstream, &parts->batch, error);
    if (strcmp(node->name, "shuffle") == 0) return shuffle_operator(upstream, &parts->batch, error);
    return transform_iterator(upstream, transform_of(parts, node->name), error);
}

struct iterator *compose_build(const struct composition *composition, struct compose_parts *parts,
                               struct error *error) {
    struct iterator *iterator = parts->source;
    for (unsigned i = 1; i < composition->count; i++) {
        struct iterator *next = build_node(composition, i, parts, iterator, error);
        if (!next) {
            iterator_close(iterator);
            return NULL;
        }
        iterator = next;
    }
    return iterator;
}
