/* Building a chart's files and running gnuplot on them; see plot_chart.h. */
#define _GNU_SOURCE
#include "results/plots/plot_chart.h"

#include "base/draft.h"
#include "base/file.h"
#include "results/plots/plot_scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool chart_begin(struct chart_builder *builder, struct chart *chart, const char *script,
                 const char *stem, struct error *error) {
    *chart = (struct chart){.script = script};
    snprintf(chart->stem, sizeof chart->stem, "%s", stem);
    *builder = (struct chart_builder){.chart = chart};
    builder->values = open_memstream(&chart->values, &builder->values_size);
    builder->data = open_memstream(&chart->data, &builder->data_size);
    if (builder->values && builder->data) return true;
    if (builder->values) fclose(builder->values);
    if (builder->data) fclose(builder->data);
    chart_discard(chart);
    return error_set(error, "chart %s: out of memory", stem);
}

bool chart_end(struct chart_builder *builder, struct error *error) {
    bool ok = fclose(builder->values) == 0;
    ok = fclose(builder->data) == 0 && ok;
    return ok || error_set(error, "chart %s: out of memory", builder->chart->stem);
}

void chart_discard(struct chart *chart) {
    free(chart->values);
    free(chart->data);
    chart->values = chart->data = NULL;
}

void chart_put_word(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"')
            fputc('\'', out);
        else if (c == '\\')
            fputs("\\\\", out);
        else
            fputc(c < ' ' ? ' ' : c, out);
    }
    fputc('"', out);
}

void chart_put_text(FILE *out, const char *name, const char *text) {
    fprintf(out, "%s = ", name);
    chart_put_word(out, text);
    fputc('\n', out);
}

void chart_put_texts(FILE *out, const char *name, const char *const *texts, size_t count) {
    fprintf(out, "array %s[%zu] = [", name, count);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", out);
        chart_put_word(out, texts[i]);
    }
    fputs("]\n", out);
}

void chart_put_integers(FILE *out, const char *name, const int *numbers, size_t count) {
    fprintf(out, "array %s[%zu] = [", name, count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%d", i ? ", " : "", numbers[i]);
    fputs("]\n", out);
}

void chart_put_reals(FILE *out, const char *name, const double *numbers, size_t count) {
    fprintf(out, "array %s[%zu] = [", name, count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%.9g", i ? ", " : "", numbers[i]);
    fputs("]\n", out);
}

/* Runs gnuplot with its output, if any, to `output_descriptor`; its complaints come back in
 * `complaint`. */
static bool run_gnuplot(const char *const *arguments, const char *folder, int output_descriptor,
                        char *complaint, size_t complaint_size, struct error *error) {
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) return error_set_errno(error, "cannot make a pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (output_descriptor >= 0)
        posix_spawn_file_actions_adddup2(&actions, output_descriptor, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
    if (folder) posix_spawn_file_actions_addchdir_np(&actions, folder);
    pid_t child;
    int failed = posix_spawnp(&child, "gnuplot", &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    size_t length = 0;
    char overflow[512];
    for (;;) {
        bool full = length + 1 >= complaint_size;
        ssize_t got = full ? read(pipe_ends[0], overflow, sizeof overflow)
                           : read(pipe_ends[0], complaint + length, complaint_size - 1 - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (!full) length += (size_t)got;
    }
    complaint[length] = 0;
    close(pipe_ends[0]);
    if (failed)
        return error_set(error, "gnuplot cannot be run (%s); install the package gnuplot-nox",
                         strerror(failed));
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return error_set_errno(error, "cannot wait for gnuplot");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return error_set(error, "gnuplot cannot be run; install the package gnuplot-nox");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        complaint[strcspn(complaint + (complaint[0] == '\n'), "\n") + (complaint[0] == '\n')] = 0;
        return error_set(error, "gnuplot failed: %s", complaint + (complaint[0] == '\n'));
    }
    return true;
}

bool chart_can_draw(struct error *error) {
    static int known = -1;
    static struct error reason;
    if (known < 0) {
        const char *const arguments[] = {"gnuplot", "--version", NULL};
        char complaint[256];
        known = run_gnuplot(arguments, NULL, -1, complaint, sizeof complaint, &reason);
    }
    if (known == 0 && error) *error = reason;
    return known == 1;
}

/* The chart's own values, the theme and its script, in the order gnuplot needs them. */
static bool write_script(const struct chart *chart, const char *data_name, FILE *out) {
    const char *script = plot_script(chart->script);
    if (!script) return false;
    fprintf(out, "# %s\n", chart->heading);
    chart_put_text(out, "stem", chart->stem);
    chart_put_text(out, "heading", chart->heading);
    chart_put_text(out, "subheading", chart->subheading);
    chart_put_text(out, "data", data_name);
    fprintf(out, "chart_height = %d\n", chart->height ? chart->height : 450);
    fputs("array series_mark[8] = ['o', '*', '+', 'x', '#', '=', '%', '@']\n"
          "array part_mark[8] = ['#', '=', '+', 'o', '*', '.', '%', '@']\n",
          out);
    fputs(chart->values, out);
    fputs(plot_script("theme"), out);
    fputs(script, out);
    return ferror(out) == 0;
}

static bool write_source_files(const struct chart *chart, const char *folder, struct error *error) {
    char path[4096], data_name[96];
    snprintf(data_name, sizeof data_name, "%s.dat", chart->stem);
    snprintf(path, sizeof path, "%s/%s", folder, data_name);
    if (!file_write(path, chart->data, strlen(chart->data), error)) return false;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return error_set(error, "chart %s: out of memory", chart->stem);
    bool ok = write_script(chart, data_name, out);
    ok = fclose(out) == 0 && ok;
    snprintf(path, sizeof path, "%s/%s.gp", folder, chart->stem);
    ok = ok ? file_write(path, text, size, error)
            : error_set(error, "chart %s: there is no script '%s'", chart->stem, chart->script);
    free(text);
    return ok;
}

/* Copies `text` to `out` with every `before` replaced by `after`. */
static void put_replaced(FILE *out, const char *text, const char *before, const char *after) {
    size_t length = strlen(before);
    for (const char *found; (found = strstr(text, before)); text = found + length) {
        fwrite(text, 1, (size_t)(found - text), out);
        fputs(after, out);
    }
    fputs(text, out);
}

static char *replaced(const char *text, const char *before, const char *after) {
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    if (!out) return NULL;
    put_replaced(out, text, before, after);
    if (fclose(out) == 0) return result;
    free(result);
    return NULL;
}

/* Web pages load no fonts: name Inter first and the system's own after it; say bold as SVG does. */
static bool replace_fonts(const char *path, struct error *error) {
#define FONT_STACK                                                                                 \
    "font-family=\"Inter, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\""
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return false;
    char *plain = replaced(data, "font-family=\"Inter\"", FONT_STACK);
    char *bold =
        plain ? replaced(plain, "font-family=\"Inter:Bold\"", FONT_STACK " font-weight=\"bold\"")
              : NULL;
    bool ok = bold ? file_write(path, bold, strlen(bold), error)
                   : error_set(error, "%s: out of memory", path);
    free(bold);
    free(plain);
    free(data);
    return ok;
}

/* gnuplot does not notice that a disk is full: a picture that is whole has its end. */
static bool is_whole(const char *path, const char *format, struct error *error) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return false;
    const char *end = strcmp(format, "svg") == 0 ? "</svg>" : "IEND";
    size_t tail = size < 32 ? size : 32;
    bool whole = memmem(data + size - tail, tail, end, strlen(end)) != NULL;
    free(data);
    return whole ||
           error_set(error, "%s: gnuplot did not finish the picture; is the disk full?", path);
}

static bool draw(const struct chart *chart, const char *folder, const char *theme,
                 const char *format, struct error *error) {
    char settings[64], script[96], complaint[2048], path[4096];
    snprintf(settings, sizeof settings, "theme='%s'; format='%s'", theme, format);
    snprintf(script, sizeof script, "%s.gp", chart->stem);
    const char *const arguments[] = {"gnuplot", "-e", settings, script, NULL};
    if (!run_gnuplot(arguments, folder, -1, complaint, sizeof complaint, error)) return false;
    snprintf(path, sizeof path, "%s/%s-%s.%s", folder, chart->stem, theme, format);
    return is_whole(path, format, error) &&
           (strcmp(format, "svg") != 0 || replace_fonts(path, error));
}

bool chart_write(const struct chart *chart, const struct chart_output *output,
                 struct error *error) {
    static const char *const themes[] = {"light", "dark"};
    if (!write_source_files(chart, output->folder, error)) return false;
    if (!chart_can_draw(NULL)) return true;
    for (int i = 0; i < 2; i++) {
        if (output->theme != CHART_BOTH && (int)output->theme != i) continue;
        if (!draw(chart, output->folder, themes[i], "svg", error)) return false;
        if (output->png && !draw(chart, output->folder, themes[i], "png", error)) return false;
    }
    return true;
}

bool chart_print(const struct chart *chart, FILE *out, struct error *error) {
    struct folder_draft draft; /* that is never published */
    char complaint[2048], path[1200];
    const char *temporary = getenv("TMPDIR");
    if (!chart_can_draw(error) ||
        !folder_draft_open(&draft, temporary ? temporary : P_tmpdir, error))
        return false;
    bool ok = write_source_files(chart, draft.path, error);
    snprintf(path, sizeof path, "%s.gp", chart->stem);
    const char *const arguments[] = {"gnuplot", "-e", "format='terminal'", path, NULL};
    fflush(out);
    ok = ok && run_gnuplot(arguments, draft.path, fileno(out), complaint, sizeof complaint, error);
    folder_draft_drop(&draft);
    return ok;
}
