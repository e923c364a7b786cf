/* The texts that tables are made of; see table.h. */
#define _GNU_SOURCE
#include "results/tables/table.h"

#include <math.h>
#include <string.h>

/* The name may or may not begin with the count: "physical", "2 (physical)". */
void text_of_row(const struct arm_record *arm, char *text, size_t size) {
    char count[16];
    const char *name = arm->row_name ? arm->row_name : "";
    snprintf(count, sizeof count, "%u", arm->threads);
    if (!arm->threads)
        snprintf(text, size, "%s", name[0] ? name : "all");
    else if (strncmp(name, count, strlen(count)) == 0)
        snprintf(text, size, "%s", name);
    else if (name[0])
        snprintf(text, size, "%s (%s)", count, name);
    else
        snprintf(text, size, "%s", count);
}

void text_of_change(double log_ratio, char *text, size_t size) {
    double percent = 100 * change_of_log(log_ratio);
    if (!isfinite(percent))
        snprintf(text, size, "n/a");
    else
        snprintf(text, size, fabs(percent) < 9.995 ? "%+.2f %%" : "%+.1f %%", percent);
}

void text_of_interval(const struct series *series, char *text, size_t size) {
    if (!series->has_interval) {
        snprintf(text, size, "n/a");
        return;
    }
    double low = 100 * change_of_log(series->change.low);
    double high = 100 * change_of_log(series->change.high);
    snprintf(text, size, fmax(fabs(low), fabs(high)) < 9.995 ? "[%+.2f, %+.2f]" : "[%+.1f, %+.1f]",
             low, high);
}

void text_of_rate(double value, char *text, size_t size) {
    if (!isfinite(value))
        snprintf(text, size, "n/a");
    else
        snprintf(text, size, value < 99.995 ? "%.2f" : value < 999.95 ? "%.1f" : "%.0f", value);
}

const char *arm_label(const struct arm_record *arm) {
    if (arm->label) return arm->label;
    return arm->scheduler ? arm->scheduler : role_names[arm->role];
}

static json_int_t header_integer(const struct record *record, const char *path) {
    return json_integer_value(record_header_member(record, path));
}

/* "NVIDIA Vera, 88 cores, 176 processing units", or with what the record tells of its topology. */
void text_of_machine(const struct record *record, char *text, size_t size) {
    const char *name = record_header_text(record, "machine.name");
    const char *topology = record_header_text(record, "machine.topology");
    if (!name) name = record_header_text(record, "machine.cpu");
    if (!name) name = "not named";
    long long cores = header_integer(record, "machine.physical");
    long long pus = header_integer(record, "machine.logical");
    if (topology)
        snprintf(text, size, "%s: %s", name, topology);
    else if (cores > 0 && pus > 0)
        snprintf(text, size, "%s, %lld cores, %lld processing units", name, cores, pus);
    else
        snprintf(text, size, "%s", name);
}
