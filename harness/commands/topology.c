/* `grainbench topology`: the plan of workers over processing units, without running anything. */
#include "harness/command.h"
#include "harness/placement.h"

#include <stdio.h>
#include <stdlib.h>

struct topology_options {
    const char *synthetic, *xml, *threads;
    int plan;
    bool print_xml, oversubscribe;
};

static const struct grainbench_option option_table[] = {
    {"synthetic", 's', GRAINBENCH_OPTION_TEXT, offsetof(struct topology_options, synthetic), "TEXT",
     NULL, NULL, 0, 0, "plan over an hwloc synthetic topology, such as \"pack:1 core:88 pu:2\""},
    {"xml", 'x', GRAINBENCH_OPTION_TEXT, offsetof(struct topology_options, xml), "FILE", NULL, NULL,
     0, 0, "plan over a topology that lstopo or a record saved as XML"},
    {"threads", 't', GRAINBENCH_OPTION_TEXT, offsetof(struct topology_options, threads), "LIST",
     "1,physical,logical", NULL, 0, 0, "thread counts to show the plan for"},
    {"placement", 'p', GRAINBENCH_OPTION_CHOICE, offsetof(struct topology_options, plan), "PLAN",
     "cores", PLACEMENT_PLANS, 0, 0, "order in which PUs are given to workers"},
    {"oversubscribe", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct topology_options, oversubscribe),
     NULL, "0", NULL, 0, 0, "allow more workers than PUs"},
    {"print-xml", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct topology_options, print_xml), NULL,
     "0", NULL, 0, 0, "print the topology as XML instead"},
    {0}};

static void print_plan(const struct placement *placement, const struct thread_count *count) {
    printf("%u%s%s%s:", count->workers, count->kind ? " (" : "", count->kind ? count->kind : "",
           count->kind ? ")" : "");
    for (unsigned worker = 0; worker < count->workers; worker++) {
        if (worker && worker == placement_core_count(placement)) printf(" |");
        printf(" %u", placement_pu(placement, worker));
    }
    putchar('\n');
}

static int run_topology(const void *values, int operand_count, char **operands) {
    const struct topology_options *options = values;
    if (operand_count) return command_fail("topology", "'%s' is not expected here", operands[0]);
    struct error error;
    struct placement_source source = {options->synthetic, options->xml};
    struct placement *placement =
        placement_create(&source, (enum placement_plan)options->plan, &error);
    if (!placement) return command_fail("topology", "%s", error.message);
    struct thread_count counts[THREAD_COUNT_LIMIT];
    int count = placement_parse_threads(placement, options->threads, options->oversubscribe, counts,
                                        &error);
    if (count < 0) {
        placement_destroy(placement);
        return command_fail("topology", "%s", error.message);
    }
    if (options->print_xml) {
        char *xml = placement_topology_xml(placement);
        fputs(xml ? xml : "", stdout);
        free(xml);
        placement_destroy(placement);
        return EXIT_OK;
    }
    char text[160];
    placement_describe(placement, text, sizeof text);
    printf("topology: %s\n", text);
    printf("rule: %s\n", placement_rule(placement));
    const char *reason = placement_unbound_reason(placement);
    if (reason)
        printf("binding: not pinned, %s\n", reason);
    else
        printf("binding: one PU a worker\n");
    printf("PUs of the workers in order ('|' where SMT siblings begin):\n");
    for (int i = 0; i < count; i++)
        print_plan(placement, &counts[i]);
    placement_destroy(placement);
    return EXIT_OK;
}

const struct command command_topology = {
    .name = "topology",
    .summary = "show which processing unit each worker gets",
    .operands = "",
    .description =
        "Shows the plan of workers over processing units (PUs) for each thread count. The plan "
        "keeps "
        "to the process's own limits (taskset, cgroup).\n\nWith --synthetic or --xml the plan of "
        "another machine is shown; nothing can be bound there.",
    .examples =
        "grainbench topology\n"
        "grainbench topology --synthetic \"pack:1 core:88 pu:2\" --threads 1,physical,logical\n"
        "grainbench topology --xml machine.xml --placement compact",
    .options = option_table,
    .options_size = sizeof(struct topology_options),
    .run = run_topology,
};
