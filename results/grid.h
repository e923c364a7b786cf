/* A grid of texts, printed aligned for a terminal, as Markdown or as CSV. Knows nothing of what the
 * texts say. */
#ifndef RESULTS_GRID_H
#define RESULTS_GRID_H

#include "base/error.h"
#include <stdio.h>

enum grid_format { GRID_TEXT, GRID_MARKDOWN, GRID_CSV };

struct grid;

/* `titles` holds a text a column and NULL at the end; a title that begins with '<' is aligned left
 * (without the '<'), others right. NULL without memory. */
struct grid *grid_create(const char *const *titles);
void grid_free(struct grid *grid);

/* Adds a cell's text (copied) after the last; a full row begins the next. Memory that runs out is
 * kept in mind and reported by grid_print. */
void grid_add(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An empty line in text format before the next row. */
void grid_gap(struct grid *grid);

bool grid_print(const struct grid *grid, enum grid_format format, FILE *out, struct error *error);

/* Characters of a UTF-8 text. */
size_t text_width(const char *text);

#endif
