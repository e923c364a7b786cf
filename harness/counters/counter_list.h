/* The events that someone asked to be counted: each is resolved, opened once on the calling thread
 * and, if its table says what it must count, calibrated. What cannot be counted is named with the
 * reason, and the rest is counted. */
#ifndef HARNESS_COUNTER_LIST_H
#define HARNESS_COUNTER_LIST_H

#include "harness/counters/counters.h"

struct counter_list {
    struct counter_event events[COUNTER_GROUP_LIMIT];
    size_t count;
    json_t *unavailable; /* array of {name, why} */
    struct event_table table;
    bool has_table;
};

/* `names` are separated by commas. False if there is none, or more than a group holds. */
bool counter_list_make(const char *names, struct counter_list *list, struct error *error);
void counter_list_free(struct counter_list *list);

#endif
