/* Memory traffic of a chosen duration; see traffic.h. Areas outlive their threads, which come and
 * go with every run, so that only warm-up rounds pay for fresh pages. */
#include "pipeline/traffic.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, MINIMUM = 64 << 20, MAXIMUM = 1 << 30 };

/* The first half of `bytes` is copied onto the second, chunk by chunk, round and round. */
struct area {
    struct area *next; /* of those that no thread uses */
    char *bytes;
    size_t at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct area *unused;
static pthread_key_t key;
static double bytes_per_ns; /* 0: not calibrated */

size_t traffic_area_bytes(void) {
    long cache = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    size_t bytes = cache > 0 ? 4 * (size_t)cache : 0;
    if (bytes < MINIMUM) return MINIMUM;
    return bytes > MAXIMUM ? MAXIMUM : bytes / (2 * CHUNK) * (2 * CHUNK);
}

static void give_back(void *value) {
    struct area *area = value;
    pthread_mutex_lock(&lock);
    area->next = unused;
    unused = area;
    pthread_mutex_unlock(&lock);
}

static void make_key(void) {
    pthread_key_create(&key, give_back);
}

static struct area *make_area(void) {
    struct area *area = calloc(1, sizeof *area);
    if (!area) return NULL;
    area->bytes = malloc(traffic_area_bytes());
    if (area->bytes) {
        memset(area->bytes, 1, traffic_area_bytes());
        return area;
    }
    free(area);
    return NULL;
}

static struct area *own_area(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    struct area *area = pthread_getspecific(key);
    if (area) return area;
    pthread_mutex_lock(&lock);
    area = unused;
    if (area) unused = area->next;
    pthread_mutex_unlock(&lock);
    if (!area) area = make_area();
    if (area) pthread_setspecific(key, area);
    return area;
}

static void copy(struct area *area, double bytes) {
    size_t half = traffic_area_bytes() / 2;
    for (; bytes > 0; bytes -= CHUNK) {
        size_t size = bytes < CHUNK ? (size_t)bytes : CHUNK;
        memcpy(area->bytes + half + area->at, area->bytes + area->at, size);
        area->at = area->at + CHUNK < half ? area->at + CHUNK : 0;
    }
}

/* The median of several runs over the whole area: unlike arithmetic, the memory's speed differs
 * from run to run in both directions. */
static void measure(struct area *area) {
    enum { RUNS = 9 };
    double speeds[RUNS], bytes = (double)traffic_area_bytes() / 2;
    copy(area, bytes);
    for (int i = 0; i < RUNS; i++) {
        uint64_t start_ns = clock_now_ns();
        copy(area, bytes);
        double speed = bytes / (double)(clock_now_ns() - start_ns + 1);
        int at = i;
        for (; at > 0 && speeds[at - 1] > speed; at--)
            speeds[at] = speeds[at - 1];
        speeds[at] = speed;
    }
    bytes_per_ns = speeds[RUNS / 2];
}

bool traffic_calibrate(void) {
    struct area *area = own_area();
    if (area && !(bytes_per_ns > 0)) measure(area);
    return area != NULL;
}

void traffic_run(double ns) {
    struct area *area = own_area();
    if (area && ns >= 1) copy(area, ns * bytes_per_ns);
}
