/* The recursion; see model.h. Items are evaluated when the link after asks for them, so that every
 * slot and every question a link waits for has been evaluated before. */
#include "pipeline/model.h"

#include <stdlib.h>
#include <string.h>

struct link_state {
    const struct model_link *link;
    size_t computed; /* items evaluated */
    size_t taken;    /* upstream items taken */
    double *done;    /* [items] */
    double *take;    /* [items]: when the next link took it */
    double *free_at; /* [workers] */
    double pull_free;
};

static unsigned first_free(const struct link_state *state) {
    unsigned best = 0;
    for (unsigned w = 1; w < state->link->workers; w++)
        if (state->free_at[w] < state->free_at[best]) best = w;
    return best;
}

/* When the next item of states[index] is done, asked for at `asked`. */
static double evaluate(struct link_state *states, size_t index, double asked) {
    struct link_state *state = &states[index];
    const struct model_link *link = state->link;
    size_t i = state->computed++;
    unsigned worker = first_free(state);
    double time = state->free_at[worker];
    if (state->pull_free > time) time = state->pull_free;
    if (link->depth && i >= link->depth && state->take[i - link->depth] > time)
        time = state->take[i - link->depth];
    bool barrier = i > 0 && link->segment_end && link->segment_end[i - 1];
    if (barrier && asked > time) time = asked;
    size_t needed = index == 0 ? 0 : link->needs ? (size_t)link->needs[i] : i + 1;
    for (; state->taken < needed; state->taken++) {
        struct link_state *upstream = &states[index - 1];
        if (upstream->computed == upstream->link->items) break;
        double ready = evaluate(states, index - 1, time);
        if (ready > time) time = ready;
        upstream->take[state->taken] = time;
    }
    time += link->serial_ns[i];
    state->pull_free = time;
    if (link->parallel_ns) time += link->parallel_ns[i];
    state->free_at[worker] = time;
    return state->done[i] = time;
}

static bool make_state(struct link_state *state, const struct model_link *link) {
    *state = (struct link_state){.link = link};
    state->done = calloc(link->items + 1, sizeof *state->done);
    state->take = calloc(link->items + 1, sizeof *state->take);
    state->free_at = calloc(link->workers, sizeof *state->free_at);
    return state->done && state->take && state->free_at;
}

double model_links(const struct model_link *links, size_t count) {
    struct link_state states[COMPOSE_NODES + 1] = {{0}};
    bool made = count > 0 && count <= COMPOSE_NODES + 1;
    for (size_t i = 0; made && i < count; i++)
        made = make_state(&states[i], &links[i]);
    double end = made ? 0 : -1;
    struct link_state *last = made ? &states[count - 1] : NULL;
    while (made && last->computed < last->link->items)
        end = evaluate(states, count - 1, last->pull_free);
    for (size_t i = 0; i < count && i <= COMPOSE_NODES; i++) {
        free(states[i].done);
        free(states[i].take);
        free(states[i].free_at);
    }
    return end;
}

/* ---- durations of a run */

void durations_free(struct durations *durations) {
    for (int i = 0; i < PIPELINE_STAGES; i++)
        free(durations->ns[i]);
    free(durations->facts);
    memset(durations, 0, sizeof *durations);
}

static bool note(struct durations *durations, const struct recorded_interval *interval) {
    int stage = interval->stage;
    size_t needed = (size_t)interval->sequence + 1;
    if (interval->activity != ACTIVITY_BUSY || stage >= PIPELINE_STAGES) return true;
    if (needed > durations->count[stage]) {
        size_t count = 2 * needed;
        double *grown = realloc(durations->ns[stage], count * sizeof *grown);
        if (!grown) return false;
        for (size_t i = durations->count[stage]; i < count; i++)
            grown[i] = 0;
        durations->ns[stage] = grown;
        durations->count[stage] = count;
    }
    durations->ns[stage][interval->sequence] += (double)(interval->end_ns - interval->start_ns);
    return true;
}

bool durations_from_result(const struct pipeline_result *result, struct durations *durations,
                           struct error *error) {
    memset(durations, 0, sizeof *durations);
    bool whole = result->batch_fact_count == result->batches && result->batches > 0;
    for (struct account *a = recorder_accounts(result->recorder); a && whole; a = a->next) {
        whole = a->intervals_dropped == 0;
        for (int s = 0; s < PIPELINE_STAGES; s++) {
            durations->busy_ns[s] += (double)a->stages[s].wall_ns[ACTIVITY_BUSY];
            durations->busy_cpu_ns[s] += (double)a->stages[s].busy_cpu_ns;
        }
        for (size_t i = 0; i < a->interval_count && whole; i++)
            whole = note(durations, &a->intervals[i]);
    }
    if (whole) {
        durations->batches = result->batches;
        durations->facts = malloc(result->batches * sizeof *durations->facts);
        whole = durations->facts != NULL;
    }
    if (whole) {
        memcpy(durations->facts, result->batch_facts, result->batches * sizeof *durations->facts);
        return true;
    }
    durations_free(durations);
    return error_set(error, "the run is too long to keep every interval of it");
}

/* ---- links from a composition */

struct builder {
    const struct durations *durations;
    const double *factors;
    struct model_link links[COMPOSE_NODES + 1];
    size_t count;
    double *serial, *parallel; /* of the link being built */
    bool in_batches, upstream_in_blocks;
    uint64_t *needs;
    bool *segment_end;
    size_t blocks;
    bool failed;
};

static double duration_of(const struct builder *builder, int stage, size_t item) {
    const struct durations *durations = builder->durations;
    double ns = item < durations->count[stage] ? durations->ns[stage][item] : 0;
    return builder->factors ? ns * builder->factors[stage] : ns;
}

static int stage_of(const char *name) {
    for (int i = 0; i < PIPELINE_STAGES; i++)
        if (strcmp(name, pipeline_stage_names[i]) == 0) return i;
    return strcmp(name, "shuffle") == 0 ? STAGE_BATCH : -1; /* blocks: no time of its own */
}

/* The link turns from blocks to batches: what it did per block it does for the batches that need
 * these blocks. */
static void turn_to_batches(struct builder *builder) {
    size_t batches = builder->durations->batches, block = 0;
    double *serial = calloc(batches, sizeof *serial);
    if (!serial) builder->failed = true;
    for (size_t i = 0; serial && i < batches; i++)
        for (; block < builder->needs[i] && block < builder->blocks; block++)
            serial[i] += builder->serial[block];
    free(builder->serial);
    builder->serial = serial;
    builder->in_batches = true;
}

static void add_stage(struct builder *builder, const char *name, bool in_parallel) {
    int stage = stage_of(name);
    if (stage == STAGE_BATCH) turn_to_batches(builder);
    if (stage < 0 || builder->failed) return;
    size_t items = builder->in_batches ? builder->durations->batches : builder->blocks;
    if (in_parallel) builder->parallel = calloc(items + 1, sizeof *builder->parallel);
    double *to = in_parallel ? builder->parallel : builder->serial;
    builder->failed = builder->failed || !to;
    for (size_t i = 0; to && i < items; i++)
        to[i] += duration_of(builder, stage, i);
}

static void close_link(struct builder *builder, unsigned workers, unsigned depth) {
    size_t items = builder->in_batches ? builder->durations->batches : builder->blocks;
    struct model_link *link = &builder->links[builder->count];
    *link = (struct model_link){.items = items,
                                .serial_ns = builder->serial,
                                .parallel_ns = builder->parallel,
                                .workers = workers,
                                .depth = depth,
                                .segment_end = builder->in_batches ? builder->segment_end : NULL};
    if (builder->in_batches && builder->upstream_in_blocks) link->needs = builder->needs;
    builder->upstream_in_blocks = !builder->in_batches;
    builder->count++;
    builder->parallel = NULL;
    builder->serial = calloc(items + 1, sizeof *builder->serial);
    builder->failed = builder->failed || !builder->serial;
}

static bool begin(struct builder *builder) {
    const struct durations *durations = builder->durations;
    size_t batches = durations->batches;
    builder->blocks = batches ? (size_t)durations->facts[batches - 1].blocks_begun : 0;
    builder->needs = calloc(batches + 1, sizeof *builder->needs);
    builder->segment_end = calloc(batches + 1, sizeof *builder->segment_end);
    builder->serial = calloc(builder->blocks + 1, sizeof *builder->serial);
    if (!builder->needs || !builder->segment_end || !builder->serial) return false;
    for (size_t i = 0; i < batches; i++) {
        builder->needs[i] = durations->facts[i].blocks_begun;
        builder->segment_end[i] = durations->facts[i].segment_end;
    }
    return true;
}

static void end(struct builder *builder) {
    for (size_t i = 0; i < builder->count; i++) {
        free((void *)builder->links[i].serial_ns);
        free((void *)builder->links[i].parallel_ns);
    }
    free(builder->serial);
    free(builder->parallel);
    free(builder->needs);
    free(builder->segment_end);
}

double model_predict(const struct durations *durations, const struct composition *composition,
                     const double *factors) {
    struct builder builder = {.durations = durations, .factors = factors};
    builder.failed = !begin(&builder);
    for (unsigned i = 0; i < composition->count && !builder.failed; i++) {
        const struct compose_node *node = &composition->nodes[i];
        bool executor = compose_is_executor(node);
        if (!executor)
            add_stage(&builder, node->name, false);
        else if (node->operator_name[0])
            add_stage(&builder, node->operator_name, node->depth > 0);
        if (executor && node->depth && !builder.failed)
            close_link(&builder, node->workers, node->depth);
    }
    if (!builder.failed) add_stage(&builder, "consume", false);
    if (!builder.failed) close_link(&builder, 1, 0);
    double ns = builder.failed ? -1 : model_links(builder.links, builder.count);
    end(&builder);
    return ns;
}
