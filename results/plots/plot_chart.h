/* A chart: values and numbers for one of the gnuplot scripts in scripts/plots, and drawing it.
 * Knows nothing of records. The scripts are part of the program, so nothing need be installed but
 * gnuplot itself; without gnuplot the .dat and .gp files are still written. */
#ifndef RESULTS_PLOT_CHART_H
#define RESULTS_PLOT_CHART_H

#include "base/error.h"
#include <stddef.h>
#include <stdio.h>

enum { CHART_SERIES_LIMIT = 8 };

struct chart {
    char stem[64];      /* file name without theme and ending: "throughput" */
    const char *script; /* lines, change, bars, stacked or histogram */
    char heading[160];
    char subheading[600];
    char caption[600]; /* what it shows, as text for those who cannot see it */
    int height;        /* pixels of the svg; 0: 450 */
    char *values;      /* gnuplot assignments; owned */
    char *data;        /* the .dat; owned */
};

/* A chart under construction: write assignments and numbers to the two streams. */
struct chart_builder {
    struct chart *chart;
    FILE *values;
    FILE *data;
    size_t values_size, data_size;
};

bool chart_begin(struct chart_builder *builder, struct chart *chart, const char *script,
                 const char *stem, struct error *error);
bool chart_end(struct chart_builder *builder, struct error *error);
void chart_discard(struct chart *chart);

/* Writes `name = "text"` with gnuplot's escapes. */
void chart_put_text(FILE *out, const char *name, const char *text);
/* Writes `array name[count] = ["a", "b"]`. */
void chart_put_texts(FILE *out, const char *name, const char *const *texts, size_t count);
void chart_put_integers(FILE *out, const char *name, const int *numbers, size_t count);
void chart_put_reals(FILE *out, const char *name, const double *numbers, size_t count);
/* A quoted column of a .dat. */
void chart_put_word(FILE *out, const char *text);

enum chart_theme { CHART_LIGHT, CHART_DARK, CHART_BOTH };

struct chart_output {
    const char *folder;
    enum chart_theme theme;
    bool png; /* beside the svg */
};

/* Whether there is a gnuplot to run; else why not, as a sentence. Asked once, then remembered. */
bool chart_can_draw(struct error *error);

/* Writes STEM.dat and STEM.gp to the folder, which is there, and, where gnuplot is there, STEM-THEME.svg and
 * STEM-THEME.png. */
bool chart_write(const struct chart *chart, const struct chart_output *output, struct error *error);

/* Draws with characters on `out`. Needs gnuplot. */
bool chart_print(const struct chart *chart, FILE *out, struct error *error);

#endif
