# grainbench_test(NAME SOURCES a.c ... LIBRARIES x ... LABELS unit ... [TIMEOUT s] [ARGUMENTS ...])
# A cmocka test program. Labels: unit, cli, stat, plugin, docs, stress. Tests with the label
# `sanitize` also run in the sanitizer builds of scripts/test.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

function(grainbench_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ARGUMENTS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} PkgConfig::CMOCKA grainbench_flags)
  target_compile_definitions(${name} PRIVATE
    GRAINBENCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}" GRAINBENCH_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name} ${T_ARGUMENTS})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/cache")
endfunction()
