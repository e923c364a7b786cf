// oneTBB's parallel_for as a scheduler, with the simple, auto and static partitioners.
//
// An arena of W slots, of which the calling thread takes one: worker numbers are slot numbers. The
// library keeps one pool of threads for the process and lends them to arenas, so a slot's binding
// is remembered when the slot is first taken (worker_start is called then) and given again to
// whatever thread takes the slot later. The library decides how many threads come to a batch; it
// never promises all W, and waits for none.
#include "common/counts.h"

#include <cstdio>
#include <memory>
#include <new>
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <pthread.h>
#include <sched.h>
#include <vector>

namespace tbb = oneapi::tbb;

namespace {

enum class kind : int { simple_partitioner, auto_partitioner, static_partitioner };

struct tbb_options {
    int kind;
    int64_t grain;
};

const grainbench_option option_table[] = {
    {"kind", 0, GRAINBENCH_OPTION_CHOICE, offsetof(tbb_options, kind), "KIND", "auto",
     "simple|auto|static", 0, 0, "the partitioner"},
    {"grain", 0, GRAINBENCH_OPTION_INTEGER, offsetof(tbb_options, grain), "N", "1", nullptr, 1,
     1000000, "grain size of the range: ranges larger than this may be divided"},
    {nullptr, 0, GRAINBENCH_OPTION_END, 0, nullptr, nullptr, nullptr, 0, 0, nullptr}};

// One slot of the arena; at most one thread is in it at a time.
struct slot {
    leaf_counts counts{};
    cpu_set_t binding{};
    bool started = false;
};

class binder : public tbb::task_scheduler_observer {
  public:
    binder(tbb::task_arena &arena, const grainbench_setup &setup_, std::vector<slot> &slots_)
        : tbb::task_scheduler_observer(arena), setup(setup_), slots(slots_) {}

    void on_scheduler_entry(bool is_worker) override {
        const int number = tbb::this_task_arena::current_thread_index();
        if (number < 0 || static_cast<size_t>(number) >= slots.size()) return;
        slot &own = slots[static_cast<size_t>(number)];
        if (!own.started) {
            if (setup.worker_start)
                setup.worker_start(setup.context, static_cast<unsigned>(number));
            pthread_getaffinity_np(pthread_self(), sizeof own.binding, &own.binding);
            own.started = true;
        } else if (is_worker) {
            pthread_setaffinity_np(pthread_self(), sizeof own.binding, &own.binding);
        }
    }

  private:
    const grainbench_setup &setup;
    std::vector<slot> &slots;
};

} // namespace

struct grainbench_scheduler {
    grainbench_scheduler(const grainbench_setup &setup_, const tbb_options &options_)
        : setup(setup_), options(options_), slots(setup_.workers),
          limit(tbb::global_control::max_allowed_parallelism, setup_.workers),
          arena(static_cast<int>(setup_.workers), 1), observer(arena, setup, slots) {
        observer.observe(true);
    }
    ~grainbench_scheduler() {
        observer.observe(false);
    }

    grainbench_setup setup;
    tbb_options options;
    std::vector<slot> slots;
    tbb::global_control limit;
    tbb::task_arena arena;
    binder observer;
    uint64_t batches = 0;
};

namespace {

// Comes to every slot once, so that workers are bound before the first timed batch. A thread that
// does not come within the patience is bound when it comes.
void invite_all(grainbench_scheduler &scheduler) {
    std::atomic<unsigned> arrived{0};
    const unsigned workers = scheduler.setup.workers;
    scheduler.arena.execute([&] {
        tbb::parallel_for(
            0u, workers,
            [&](unsigned) {
                arrived.fetch_add(1);
                for (int patience = 0; arrived.load() < workers && patience < 2000; patience++)
                    sched_yield();
            },
            tbb::static_partitioner());
    });
}

grainbench_scheduler *create(const grainbench_setup *setup, const void *options, char *message) {
    try {
        auto scheduler = std::make_unique<grainbench_scheduler>(
            *setup, *static_cast<const tbb_options *>(options));
        invite_all(*scheduler);
        return scheduler.release();
    } catch (const std::exception &failure) {
        std::snprintf(message, GRAINBENCH_MESSAGE_SIZE, "oneTBB: %s", failure.what());
        return nullptr;
    }
}

void run(grainbench_scheduler *scheduler, const grainbench_batch *batch) {
    scheduler->batches++;
    const auto body = [scheduler, batch](const tbb::blocked_range<size_t> &range) {
        const auto number = static_cast<unsigned>(tbb::this_task_arena::current_thread_index());
        leaf_counts_add(&scheduler->slots[number].counts, range.size());
        batch->body(batch->context, range.begin(), range.end(), number);
    };
    const tbb::blocked_range<size_t> all(0, batch->item_count,
                                         static_cast<size_t>(scheduler->options.grain));
    scheduler->arena.execute([&] {
        switch (static_cast<kind>(scheduler->options.kind)) {
        case kind::simple_partitioner:
            tbb::parallel_for(all, body, tbb::simple_partitioner());
            break;
        case kind::auto_partitioner:
            tbb::parallel_for(all, body, tbb::auto_partitioner());
            break;
        case kind::static_partitioner:
            tbb::parallel_for(all, body, tbb::static_partitioner());
            break;
        }
    });
}

void statistics(grainbench_scheduler *scheduler, grainbench_statistics *out) {
    leaf_counts_begin_report(scheduler->batches, out);
    for (const slot &each : scheduler->slots)
        leaf_counts_collect(&each.counts, out);
}

void reset_statistics(grainbench_scheduler *scheduler) {
    scheduler->batches = 0;
    for (slot &each : scheduler->slots)
        each.counts = leaf_counts{};
}

// The library's threads stay in its pool; the workers of this arena end here.
void destroy(grainbench_scheduler *scheduler) {
    scheduler->observer.observe(false);
    for (unsigned number = 0; number < scheduler->setup.workers; number++)
        if (scheduler->slots[number].started && scheduler->setup.worker_stop)
            scheduler->setup.worker_stop(scheduler->setup.context, number);
    delete scheduler;
}

grainbench_scheduler_operations make_operations() {
    grainbench_scheduler_operations operations{};
    operations.struct_size = sizeof operations;
    operations.abi = GRAINBENCH_SCHEDULER_ABI;
    operations.name = "tbb";
    operations.summary = "oneTBB's parallel_for with the simple, auto or static partitioner";
    operations.capabilities = GRAINBENCH_CALLER_IS_WORKER;
    operations.options = option_table;
    operations.options_size = sizeof(tbb_options);
    operations.create = create;
    operations.run = run;
    operations.statistics = statistics;
    operations.reset_statistics = reset_statistics;
    operations.destroy = destroy;
    return operations;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const grainbench_scheduler_operations *
grainbench_scheduler() {
    static const grainbench_scheduler_operations operations = make_operations();
    return &operations;
}
