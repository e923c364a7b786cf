/* Placement by hwloc; see placement.h. */
#define _GNU_SOURCE
#include "harness/placement.h"

#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct slot {
    unsigned pu;      /* operating system's number */
    unsigned core;    /* logical index of the core among those with PUs */
    unsigned sibling; /* 0 for a core's first PU, 1 for its second, ... */
    unsigned speed;   /* rank of the core's kind, higher is faster */
    unsigned package;
    unsigned group; /* L3 or package */
    unsigned turn;  /* scatter: how many cores of its group come before it */
};

struct placement {
    hwloc_topology_t topology;
    struct slot *slots;
    unsigned slot_count, core_count, package_count, group_count;
    enum placement_plan plan;
    const char *unbound_reason;
};

static bool load_topology(struct placement *placement, const struct placement_source *source,
                          struct error *error) {
    if (hwloc_topology_init(&placement->topology) != 0)
        return error_set(error, "hwloc cannot be initialised");
    hwloc_topology_t topology = placement->topology;
    unsigned long flags = 0;
    if (source->synthetic) {
        if (hwloc_topology_set_synthetic(topology, source->synthetic) != 0)
            return error_set(error,
                             "'%s' is not an hwloc synthetic topology, such as \"pack:1 core:88 "
                             "pu:2\"",
                             source->synthetic);
    } else if (source->xml_path) {
        if (access(source->xml_path, R_OK) != 0)
            return error_set_errno(error, "%s: cannot open", source->xml_path);
        if (hwloc_topology_set_xml(topology, source->xml_path) != 0)
            return error_set(error, "%s: is not an hwloc XML topology", source->xml_path);
    } else {
        flags = HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM | HWLOC_TOPOLOGY_FLAG_RESTRICT_TO_CPUBINDING;
    }
    hwloc_topology_set_flags(topology, flags);
    if (hwloc_topology_load(topology) != 0)
        return error_set(error, "hwloc cannot load the topology%s%s",
                         source->xml_path ? " of " : "", source->xml_path ? source->xml_path : "");
    if (!hwloc_topology_is_thissystem(topology))
        placement->unbound_reason = "the topology is not this machine's";
    else if (!hwloc_topology_get_support(topology)->cpubind->set_thisthread_cpubind)
        placement->unbound_reason = "this operating system cannot bind threads";
    return true;
}

static unsigned speed_of(hwloc_topology_t topology, hwloc_obj_t pu) {
    int kind = hwloc_cpukinds_get_by_cpuset(topology, pu->cpuset, 0);
    int efficiency = -1;
    if (kind < 0) return 0;
    if (hwloc_cpukinds_get_info(topology, (unsigned)kind, NULL, &efficiency, NULL, NULL, 0) != 0)
        return 0;
    return efficiency < 0 ? 0 : (unsigned)efficiency;
}

static unsigned index_of_ancestor(hwloc_topology_t topology, hwloc_obj_t pu,
                                  hwloc_obj_type_t type) {
    hwloc_obj_t ancestor = hwloc_get_ancestor_obj_by_type(topology, type, pu);
    return ancestor ? ancestor->logical_index : 0;
}

static unsigned group_of(hwloc_topology_t topology, hwloc_obj_t pu) {
    hwloc_obj_type_t type = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_L3CACHE) > 0
                                ? HWLOC_OBJ_L3CACHE
                                : HWLOC_OBJ_PACKAGE;
    return index_of_ancestor(topology, pu, type);
}

static int compare_u(unsigned a, unsigned b) {
    return a < b ? -1 : a > b;
}

/* Sort keys, most significant first, for the three plans. */
static int compare_cores(const void *left, const void *right) {
    const struct slot *a = left, *b = right;
    int order = compare_u(a->sibling, b->sibling);
    if (!order) order = compare_u(b->speed, a->speed);
    return order ? order : compare_u(a->core, b->core);
}

static int compare_compact(const void *left, const void *right) {
    const struct slot *a = left, *b = right;
    int order = compare_u(a->core, b->core);
    return order ? order : compare_u(a->sibling, b->sibling);
}

static int compare_scatter(const void *left, const void *right) {
    const struct slot *a = left, *b = right;
    int order = compare_u(a->sibling, b->sibling);
    if (!order) order = compare_u(b->speed, a->speed);
    if (!order) order = compare_u(a->turn, b->turn);
    if (!order) order = compare_u(a->package, b->package);
    return order ? order : compare_u(a->group, b->group);
}

/* Numbers each group's cores 0, 1, ... interleaving packages before L3s within a package: the turn
 * of a core is how many cores of its own group come before it. */
static void number_turns(struct placement *placement) {
    for (unsigned i = 0; i < placement->slot_count; i++) {
        unsigned turn = 0;
        for (unsigned j = 0; j < i; j++)
            turn += placement->slots[j].group == placement->slots[i].group &&
                    placement->slots[j].sibling == placement->slots[i].sibling;
        placement->slots[i].turn = turn;
    }
}

static bool collect_slots(struct placement *placement, struct error *error) {
    hwloc_topology_t topology = placement->topology;
    int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    if (count <= 0) return error_set(error, "the topology has no processing units");
    placement->slots = calloc((size_t)count, sizeof *placement->slots);
    if (!placement->slots) return error_set(error, "out of memory");
    hwloc_const_cpuset_t allowed = hwloc_topology_get_allowed_cpuset(topology);
    hwloc_obj_t last_core = NULL, pu = NULL;
    unsigned sibling = 0;
    while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu))) {
        if (!hwloc_bitmap_isset(allowed, pu->os_index)) continue;
        hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
        if (!core || core != last_core) {
            placement->core_count++;
            sibling = 0;
        }
        last_core = core;
        placement->slots[placement->slot_count++] = (struct slot){
            .pu = pu->os_index,
            .core = placement->core_count - 1,
            .sibling = sibling++,
            .speed = speed_of(topology, pu),
            .package = index_of_ancestor(topology, pu, HWLOC_OBJ_PACKAGE),
            .group = group_of(topology, pu),
        };
    }
    if (!placement->slot_count) return error_set(error, "no processing unit may be used here");
    return true;
}

static void count_groups(struct placement *placement) {
    for (unsigned i = 0; i < placement->slot_count; i++) {
        bool new_package = true, new_group = true;
        for (unsigned j = 0; j < i; j++) {
            new_package &= placement->slots[j].package != placement->slots[i].package;
            new_group &= placement->slots[j].group != placement->slots[i].group;
        }
        placement->package_count += new_package;
        placement->group_count += new_group;
    }
}

struct placement *placement_create(const struct placement_source *source, enum placement_plan plan,
                                   struct error *error) {
    static int (*const orders[])(const void *,
                                 const void *) = {[PLACEMENT_CORES] = compare_cores,
                                                  [PLACEMENT_COMPACT] = compare_compact,
                                                  [PLACEMENT_SCATTER] = compare_scatter};
    static const struct placement_source this_machine = {0};
    struct placement *placement = calloc(1, sizeof *placement);
    if (!placement) {
        error_set(error, "out of memory");
        return NULL;
    }
    placement->plan = plan;
    if (!load_topology(placement, source ? source : &this_machine, error) ||
        !collect_slots(placement, error)) {
        placement_destroy(placement);
        return NULL;
    }
    count_groups(placement);
    number_turns(placement);
    qsort(placement->slots, placement->slot_count, sizeof *placement->slots, orders[plan]);
    return placement;
}

void placement_destroy(struct placement *placement) {
    if (!placement) return;
    if (placement->topology) hwloc_topology_destroy(placement->topology);
    free(placement->slots);
    free(placement);
}

static const struct slot *slot_of(const struct placement *placement, unsigned worker) {
    return &placement->slots[worker % placement->slot_count];
}

unsigned placement_pu_count(const struct placement *placement) {
    return placement->slot_count;
}
unsigned placement_core_count(const struct placement *placement) {
    return placement->core_count;
}
unsigned placement_package_count(const struct placement *placement) {
    return placement->package_count;
}
unsigned placement_pu(const struct placement *placement, unsigned worker) {
    return slot_of(placement, worker)->pu;
}
unsigned placement_group(const struct placement *placement, unsigned worker) {
    return slot_of(placement, worker)->group;
}
unsigned placement_package(const struct placement *placement, unsigned worker) {
    return slot_of(placement, worker)->package;
}
unsigned placement_core(const struct placement *placement, unsigned worker) {
    return slot_of(placement, worker)->core;
}
const char *placement_unbound_reason(const struct placement *placement) {
    return placement->unbound_reason;
}

const char *placement_rule(const struct placement *placement) {
    switch (placement->plan) {
    case PLACEMENT_COMPACT:
        return "compact: fill a core with its siblings, then the next core";
    case PLACEMENT_SCATTER:
        return "scatter: packages and L3 caches in turn, physical cores first, then SMT siblings";
    default:
        return "cores: physical cores first, fastest kind first, then SMT siblings";
    }
}

static bool bind_to(const struct placement *placement, hwloc_const_bitmap_t set,
                    struct error *error) {
    if (placement->unbound_reason)
        return error_set(error, "not bound: %s", placement->unbound_reason);
    if (hwloc_set_cpubind(placement->topology, set, HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT) !=
        0)
        return error_set_errno(error, "not bound");
    return true;
}

int placement_last_pu(const struct placement *placement) {
    if (placement->unbound_reason) return -1;
    hwloc_bitmap_t where = hwloc_bitmap_alloc();
    int pu = -1;
    if (where && hwloc_get_last_cpu_location(placement->topology, where, HWLOC_CPUBIND_THREAD) == 0)
        pu = hwloc_bitmap_first(where);
    hwloc_bitmap_free(where);
    return pu;
}

bool placement_bind(const struct placement *placement, unsigned worker, struct error *error) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set) return error_set(error, "out of memory");
    hwloc_bitmap_only(set, placement_pu(placement, worker));
    bool bound = bind_to(placement, set, error);
    hwloc_bitmap_free(set);
    if (!bound) return false;
    int at = placement_last_pu(placement);
    if (at != (int)placement_pu(placement, worker))
        return error_set(error, "worker %u was bound to PU %u but runs on PU %d", worker,
                         placement_pu(placement, worker), at);
    return true;
}

bool placement_bind_any(const struct placement *placement, unsigned workers, struct error *error) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set) return error_set(error, "out of memory");
    for (unsigned i = 0; i < workers && i < placement->slot_count; i++)
        hwloc_bitmap_set(set, placement->slots[i].pu);
    bool bound = bind_to(placement, set, error);
    hwloc_bitmap_free(set);
    return bound;
}

char *placement_topology_xml(const struct placement *placement) {
    char *buffer = NULL;
    int length = 0;
    if (hwloc_topology_export_xmlbuffer(placement->topology, &buffer, &length, 0) != 0) return NULL;
    char *copy = strdup(buffer);
    hwloc_free_xmlbuffer(placement->topology, buffer);
    return copy;
}

void placement_describe(const struct placement *placement, char *text, size_t size) {
    int l3 = hwloc_get_nbobjs_by_type(placement->topology, HWLOC_OBJ_L3CACHE);
    int kinds = hwloc_cpukinds_get_nr(placement->topology, 0);
    char kind_text[40] = "";
    if (kinds > 1) snprintf(kind_text, sizeof kind_text, ", %d kinds of core", kinds);
    snprintf(text, size, "%u package%s, %u core%s, %u PU%s, %d L3%s", placement->package_count,
             placement->package_count == 1 ? "" : "s", placement->core_count,
             placement->core_count == 1 ? "" : "s", placement->slot_count,
             placement->slot_count == 1 ? "" : "s", l3 > 0 ? l3 : 0, kind_text);
}

static const char *kind_of_count(const struct placement *placement, unsigned workers) {
    bool physical = workers == placement->core_count;
    bool logical = workers == placement->slot_count;
    if (workers > placement->slot_count) return "oversubscribed";
    if (physical && logical) return "physical = logical";
    return physical ? "physical" : logical ? "logical" : NULL;
}

static bool parse_count(const struct placement *placement, const char *word, size_t length,
                        bool oversubscribe, unsigned *workers, struct error *error) {
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)(length < 31 ? length : 31), word);
    if (strcmp(text, "physical") == 0) {
        *workers = placement->core_count;
        return true;
    }
    if (strcmp(text, "logical") == 0 || strcmp(text, "all") == 0) {
        *workers = placement->slot_count;
        return true;
    }
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end)
        return error_set(error, "threads: '%s' is neither a number nor physical nor logical", text);
    if (number < 1 || number > 4096)
        return error_set(error, "threads: %s is out of range, 1 to 4096", text);
    if ((unsigned)number > placement->slot_count && !oversubscribe)
        return error_set(error,
                         "threads: %ld workers on %u PU%s would share them; add --oversubscribe if "
                         "that is what you want",
                         number, placement->slot_count, placement->slot_count == 1 ? "" : "s");
    *workers = (unsigned)number;
    return true;
}

int placement_parse_threads(const struct placement *placement, const char *text, bool oversubscribe,
                            struct thread_count counts[THREAD_COUNT_LIMIT], struct error *error) {
    int count = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        unsigned workers = 0;
        if (!parse_count(placement, text, length, oversubscribe, &workers, error)) return -1;
        bool repeated = false;
        for (int i = 0; i < count; i++)
            repeated |= counts[i].workers == workers;
        if (!repeated && count == THREAD_COUNT_LIMIT) {
            error_set(error, "threads: more than %d counts", THREAD_COUNT_LIMIT);
            return -1;
        }
        if (!repeated) {
            counts[count].workers = workers;
            counts[count++].kind = kind_of_count(placement, workers);
        }
        if (!text[length]) return count;
        text += length + 1;
    }
}
