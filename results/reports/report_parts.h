/* What the two forms of a report share; used by report*.c alone. */
#ifndef RESULTS_REPORT_PARTS_H
#define RESULTS_REPORT_PARTS_H

#include "results/plots/plot.h"
#include "results/record.h"

struct report {
    struct record *const *records;
    size_t record_count;
    const struct plot_set *charts;
    const char *folder; /* where the pictures are */
    bool drawn;         /* there are pictures */
    const char *why_not_drawn;
};

/* A pair of texts about a record's environment: "kernel", "6.18". */
struct report_fact {
    char name[64];
    char value[400];
};
enum { REPORT_FACT_LIMIT = 32 };

/* What was measured where: program, machine, corpus, settings that matter; leaves out what is not
 * known. */
size_t report_facts(const struct record *record, struct report_fact facts[REPORT_FACT_LIMIT]);
/* The command of the record, quoted for a shell; "" if it is not known. */
void report_command(const struct record *record, char *text, size_t size);
/* One sentence a patched arm: what was found. The caller frees it. NULL when out of memory. */
char *report_findings(const struct record *record, const char *before, const char *after,
                      struct error *error);
/* The tables of `grainbench explain` about a record; the caller frees it. "" if there are none,
 * NULL when out of memory. */
char *report_explanation(struct record *record, bool markdown, struct error *error);
/* A heading for a record: its scenario and machine. */
void report_heading(const struct record *record, char *text, size_t size);

bool report_write_html(const struct report *report, const char *path, struct error *error);
bool report_write_markdown(const struct report *report, const char *path, struct error *error);

#endif
