/* libpfm4; see counters_pfm.h. Must not include <linux/perf_event.h>. */
#define _GNU_SOURCE
#include "harness/counters/counters_pfm.h"

#if GRAINBENCH_HAVE_PFM
#include <perfmon/pfmlib_perf_event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;

static void initialise(void) {
    initialised = pfm_initialize();
}

void event_encode_absent_processors(void) {
    setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
}

bool event_encode(const char *name, struct event_encoding *encoding, struct error *error) {
    struct perf_event_attr attribute;
    pfm_perf_encode_arg_t argument;
    pthread_once(&once, initialise);
    if (initialised != PFM_SUCCESS)
        return error_set(error, "libpfm4 cannot start: %s", pfm_strerror(initialised));
    memset(&attribute, 0, sizeof attribute);
    memset(&argument, 0, sizeof argument);
    attribute.size = sizeof attribute;
    argument.attr = &attribute;
    argument.size = sizeof argument;
    int code =
        pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &argument);
    if (code != PFM_SUCCESS)
        return error_set(error, "libpfm4 does not know '%s' on this machine: %s", name,
                         pfm_strerror(code));
    *encoding = (struct event_encoding){
        attribute.type,         attribute.config,         attribute.config1,   attribute.config2,
        attribute.exclude_user, attribute.exclude_kernel, attribute.exclude_hv};
    return true;
}
#else
void event_encode_absent_processors(void) {}

bool event_encode(const char *name, struct event_encoding *encoding, struct error *error) {
    (void)encoding;
    return error_set(error,
                     "'%s' needs libpfm4, and this build is without it; give the raw code "
                     "(r1f25) or install libpfm4-dev and build again",
                     name);
}
#endif
