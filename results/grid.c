/* Grids of texts; see grid.h. */
#define _GNU_SOURCE
#include "results/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct grid {
    const char *const *titles;
    size_t columns;
    char **cells;
    size_t count, room;
    size_t *gaps; /* rows before which a line is empty */
    size_t gap_count;
    bool failed;
};

struct grid *grid_create(const char *const *titles) {
    struct grid *grid = calloc(1, sizeof *grid);
    if (!grid) return NULL;
    grid->titles = titles;
    while (titles[grid->columns])
        grid->columns++;
    return grid;
}

void grid_free(struct grid *grid) {
    if (!grid) return;
    for (size_t i = 0; i < grid->count; i++)
        free(grid->cells[i]);
    free(grid->cells);
    free(grid->gaps);
    free(grid);
}

void grid_add(struct grid *grid, const char *format, ...) {
    if (grid->count == grid->room) {
        size_t room = grid->room ? grid->room * 2 : 64;
        char **cells = reallocarray(grid->cells, room, sizeof *cells);
        if (!cells) {
            grid->failed = true;
            return;
        }
        grid->cells = cells;
        grid->room = room;
    }
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&grid->cells[grid->count], format, arguments) < 0)
        grid->failed = true;
    else
        grid->count++;
    va_end(arguments);
}

void grid_gap(struct grid *grid) {
    size_t *gaps = reallocarray(grid->gaps, grid->gap_count + 1, sizeof *gaps);
    if (!gaps) {
        grid->failed = true;
        return;
    }
    grid->gaps = gaps;
    gaps[grid->gap_count++] = grid->count / grid->columns;
}

size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static bool is_left(const char *title) {
    return title[0] == '<';
}

static const char *title_text(const char *title) {
    return title + is_left(title);
}

static void print_padded(const char *text, size_t width, bool left, bool last, FILE *out) {
    int missing = (int)(width - text_width(text));
    if (!left) fprintf(out, "%*s", missing, "");
    fputs(text, out);
    if (left && !last) fprintf(out, "%*s", missing, "");
}

static bool has_gap(const struct grid *grid, size_t row) {
    for (size_t i = 0; i < grid->gap_count; i++)
        if (grid->gaps[i] == row && row) return true;
    return false;
}

static void print_aligned(const struct grid *grid, const size_t *widths, FILE *out) {
    size_t columns = grid->columns, total = 0;
    for (size_t c = 0; c < columns; c++) {
        print_padded(title_text(grid->titles[c]), widths[c], is_left(grid->titles[c]),
                     c + 1 == columns, out);
        fputs(c + 1 == columns ? "\n" : "  ", out);
        total += widths[c] + 2;
    }
    for (size_t i = 2; i < total; i++)
        fputc('-', out);
    fputc('\n', out);
    for (size_t i = 0; i < grid->count; i++) {
        size_t c = i % columns;
        if (c == 0 && has_gap(grid, i / columns)) fputc('\n', out);
        print_padded(grid->cells[i], widths[c], is_left(grid->titles[c]), c + 1 == columns, out);
        fputs(c + 1 == columns ? "\n" : "  ", out);
    }
}

static void print_markdown_text(const char *text, FILE *out) {
    for (; *text; text++) {
        if (*text == '|') fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void print_markdown(const struct grid *grid, FILE *out) {
    for (size_t c = 0; c < grid->columns; c++) {
        fputs("| ", out);
        print_markdown_text(title_text(grid->titles[c]), out);
        fputc(' ', out);
    }
    fputs("|\n", out);
    for (size_t c = 0; c < grid->columns; c++)
        fputs(is_left(grid->titles[c]) ? "|:---" : "|---:", out);
    fputs("|\n", out);
    for (size_t i = 0; i < grid->count; i++) {
        fputs("| ", out);
        print_markdown_text(grid->cells[i], out);
        fputs((i + 1) % grid->columns ? " " : " |\n", out);
    }
}

/* RFC 4180: quoted where a comma, quote or line break is inside. */
static void print_csv_text(const char *text, FILE *out) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_csv(const struct grid *grid, FILE *out) {
    for (size_t c = 0; c < grid->columns; c++) {
        print_csv_text(title_text(grid->titles[c]), out);
        fputs(c + 1 == grid->columns ? "\r\n" : ",", out);
    }
    for (size_t i = 0; i < grid->count; i++) {
        print_csv_text(grid->cells[i], out);
        fputs((i + 1) % grid->columns ? "," : "\r\n", out);
    }
}

bool grid_print(const struct grid *grid, enum grid_format format, FILE *out, struct error *error) {
    size_t *widths = calloc(grid->columns + 1, sizeof *widths);
    if (!widths || grid->failed) {
        free(widths);
        return error_set(error, "out of memory for a table");
    }
    for (size_t c = 0; c < grid->columns; c++)
        widths[c] = text_width(title_text(grid->titles[c]));
    for (size_t i = 0; i < grid->count; i++) {
        size_t width = text_width(grid->cells[i]);
        if (width > widths[i % grid->columns]) widths[i % grid->columns] = width;
    }
    if (format == GRID_TEXT)
        print_aligned(grid, widths, out);
    else if (format == GRID_MARKDOWN)
        print_markdown(grid, out);
    else
        print_csv(grid, out);
    free(widths);
    return true;
}
