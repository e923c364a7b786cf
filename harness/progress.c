/* Progress on a terminal; see progress.h. */
#define _GNU_SOURCE
#include "harness/progress.h"

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    char what[96];
    uint64_t began_ns, shown_ns;
    bool visible;
} state;

static void print_bar(double done, char *bar, int width) {
    for (int i = 0; i < width; i++)
        bar[i] = i < done * width ? '#' : '.';
    bar[width] = 0;
}

void progress_show(const char *what, double done) {
    if (!isatty(STDERR_FILENO)) return;
    uint64_t now = clock_now_ns();
    if (strcmp(what, state.what) != 0) {
        snprintf(state.what, sizeof state.what, "%s", what);
        state.began_ns = now;
        state.shown_ns = 0;
    }
    if (now - state.shown_ns < 100000000u) return;
    state.shown_ns = now;
    state.visible = true;
    char bar[25], left[32] = "";
    print_bar(done, bar, 24);
    double elapsed_s = (double)(now - state.began_ns) / 1e9;
    if (done > 0.02 && done < 1)
        snprintf(left, sizeof left, ", %.0f s left", elapsed_s / done * (1 - done));
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %%%s", what, bar, 100 * done, left);
    fflush(stderr);
}

void progress_clear(void) {
    if (state.visible) fputs("\r\033[K", stderr);
    state.visible = false;
    state.what[0] = 0;
}
