/* Two builds measured for `compare` and `gate`; see measure_builds.h. */
#include "harness/commands/measure_builds.h"

#include "harness/command.h"

#include <stdio.h>

enum builds_status measure_builds(const char *command, const struct builds_options *options,
                                  int *code) {
    struct error error;
    *code = EXIT_OK;
    if (!options->baseline || !options->candidate) {
        *code = command_fail(command, "give both --baseline-build and --candidate-build");
        return BUILDS_FAILED;
    }
    enum builds_status status = builds_measure(options, &error);
    if (status == BUILDS_IDENTICAL) puts("identical: both builds are the same code");
    if (status == BUILDS_OUTPUTS_DIFFER) *code = EXIT_OUTPUTS_DIFFER;
    if (status == BUILDS_FAILED) *code = command_fail(command, "%s", error.message);
    return status;
}
