# Run at build time: writes build_facts.h when a fact has changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --tags
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT commit)
  set(commit "no commit")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[/* Written by the build: the facts of it. */
#ifndef HARNESS_BUILD_FACTS_H
#define HARNESS_BUILD_FACTS_H
#define BUILD_VERSION "@VERSION@"
#define BUILD_COMMIT "@commit@"
#define BUILD_COMPILER "@COMPILER@"
#define BUILD_TYPE "@TYPE@"
#define BUILD_FLAGS "@FLAGS@"
#define BUILD_SANITIZE "@SANITIZE@"
#endif
]] @ONLY)
