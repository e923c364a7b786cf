/* A text of 3 GB through a pipeline that may keep 64 MiB: the process stays below 128 MiB resident,
 * and every row arrives. Another process writes the text into a pipe, so that it is nowhere on
 * disk; a deep queue makes sure that it is the cap that holds the reader back.
 *
 * usage: large_text_test [MEGABYTES]; 3000 unless given, and without the check of resident memory
 * where a sanitizer has its own. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/run.h"
#include "text_encoder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 64 << 20, RESIDENT_LIMIT = 128 << 20, CHUNK_LINES = 4096 };

static uint64_t megabytes = 3000;

static size_t make_chunk(char *chunk) {
    size_t size = 0;
    for (int i = 0; i < CHUNK_LINES; i++)
        size += (size_t)sprintf(
            chunk + size, "line %d of a text that is far larger than memory%.*s\n", i, i % 70,
            "......................................................................");
    return size;
}

static void write_all(int to, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(to, bytes, size);
        if (written <= 0) _exit(1);
        bytes += written;
        size -= (size_t)written;
    }
}

/* A process that writes `count` chunks into a pipe; returns the end to read from. */
static int start_writer(const char *chunk, size_t size, uint64_t count, pid_t *writer) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *writer = fork();
    if (*writer == 0) {
        close(ends[0]);
        for (uint64_t i = 0; i < count; i++)
            write_all(ends[1], chunk, size);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static size_t resident_maximum(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

static void a_text_far_larger_than_memory_passes_under_the_cap(void **state) {
    (void)state;
    char *chunk = malloc(CHUNK_LINES * 160), path[64];
    size_t size = make_chunk(chunk);
    uint64_t count = (megabytes * 1000000 + size - 1) / size;
    pid_t writer;
    int from = start_writer(chunk, size, count, &writer);
    snprintf(path, sizeof path, "/dev/fd/%d", from);
    const char *paths[1] = {path};
    struct error error = {""};
    struct device device;
    struct device_setup device_setup = {.batch_rows = 256, .sequence_length = 64, .scale = 1};
    assert_true(device_create(&device, "sleep:us=0", &device_setup, &error));
    struct format_setup format = {.operations = &text_encoder, .encoder = &format};
    struct pipeline_setup setup = {.paths = paths,
                                   .path_count = 1,
                                   .block_bytes = 1 << 20,
                                   .row_limit_bytes = 64 << 20,
                                   .format = &format,
                                   .device = &device,
                                   .mode = PIPELINE_STREAMING,
                                   .depth = 64,
                                   .workers = 1,
                                   .batch_rows = 256,
                                   .sequence_length = 64,
                                   .cross_blocks = true,
                                   .memory_limit_bytes = LIMIT};
    struct pipeline_result result;
    if (!pipeline_run(&setup, &result, &error)) fail_msg("%s", error.message);
    int status = -1;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    print_message("%.2f GB in %llu rows, %.1f s; %.1f MB in blocks and tensors, %.1f MB resident\n",
                  (double)result.text_bytes / 1e9, (unsigned long long)result.rows,
                  (double)result.total_ns / 1e9, (double)result.bytes_maximum / 1e6,
                  (double)resident_maximum() / 1e6);
    assert_int_equal(result.rows, count * CHUNK_LINES);
    assert_int_equal(result.text_bytes, count * size);
    assert_true(result.finished);
    assert_true(result.bytes_maximum <= LIMIT);
    assert_true(result.bytes_maximum > LIMIT / 2); /* the cap was reached: it is what held */
#ifndef __SANITIZE_ADDRESS__
    assert_true(resident_maximum() < RESIDENT_LIMIT);
#endif
    pipeline_result_free(&result);
    device_destroy(&device);
    close(from);
    free(chunk);
}

int main(int argc, char **argv) {
    if (argc > 1) megabytes = strtoull(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_far_larger_than_memory_passes_under_the_cap)};
    return cmocka_run_group_tests_name("large text", tests, NULL, NULL);
}
