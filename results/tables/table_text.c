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

static const char *code_hash(const struct arm_record *arm) {
    return json_string_value(json_object_get(arm->json, "code_hash"));
}

static bool is_first_of_its_code(const struct record *record, size_t arm) {
    for (size_t i = 0; i < arm; i++) {
        const char *other = code_hash(&record->arms[i]);
        if (other && strcmp(other, code_hash(&record->arms[arm])) == 0) return false;
    }
    return true;
}

bool text_of_code(const struct record *record, char *text, size_t size) {
    enum { MOST = 4 };
    size_t kinds = 0, used = 0;
    const char *only = NULL;
    text[0] = 0;
    for (size_t i = 0; i < record->arm_count; i++) {
        const char *hash = code_hash(&record->arms[i]);
        if (!hash || !is_first_of_its_code(record, i)) continue;
        only = hash;
        if (kinds++ < MOST && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s", used ? ", " : "",
                                     arm_label(&record->arms[i]), hash);
    }
    if (kinds > MOST && used < size) snprintf(text + used, size - used, ", %zu more", kinds - MOST);
    if (kinds == 1) snprintf(text, size, "%s in all arms", only);
    return kinds > 0;
}
