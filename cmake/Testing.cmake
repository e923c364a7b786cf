# grainbench_test(NAME SOURCES a.c ... LIBRARIES x ... LABELS unit ... [TIMEOUT s] [ARGUMENTS ...])
# A cmocka test program. Labels: unit, cli, stat, plugin, docs, stress. Tests with the label `memory`
# also run under AddressSanitizer with UndefinedBehaviorSanitizer; those with `sanitize`, which start
# threads, there and under ThreadSanitizer. The targets memory_tests and thread_tests build just what
# these two builds of scripts/test need.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

add_custom_target(memory_tests DEPENDS grainbench)
add_custom_target(thread_tests)

# sanitized(TARGET LABEL...) adds a program to the targets that its labels ask for.
function(sanitized target)
  if("sanitize" IN_LIST ARGN)
    add_dependencies(thread_tests ${target})
  endif()
  if("sanitize" IN_LIST ARGN OR "memory" IN_LIST ARGN)
    add_dependencies(memory_tests ${target})
  endif()
endfunction()

function(grainbench_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ARGUMENTS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} PkgConfig::CMOCKA grainbench_flags)
  target_compile_definitions(${name} PRIVATE
    GRAINBENCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}" GRAINBENCH_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name} ${T_ARGUMENTS})
  sanitized(${name} ${T_LABELS})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/cache")
endfunction()
