# Run at build time: writes build_facts.h when a fact has changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --tags
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT commit)
  set(commit "no commit")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[/* Written by the build: the facts of it. */
#ifndef HARNESS_BUILD_FACTS_H
#define HARNESS_BUILD_FACTS_H
#include "base/build_fact.h"
BUILD_FACT(BUILD_VERSION, 32, "@VERSION@");
BUILD_FACT(BUILD_COMMIT, 128, "@commit@");
BUILD_FACT(BUILD_COMPILER, 128, "@COMPILER@");
BUILD_FACT(BUILD_TYPE, 64, "@TYPE@");
BUILD_FACT(BUILD_FLAGS, 2048, "@FLAGS@");
BUILD_FACT(BUILD_SANITIZE, 64, "@SANITIZE@");
#endif
]] @ONLY)
