# Compiler flags of every target, as the interface library grainbench_flags.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(GRAINBENCH_WERROR "Treat warnings as errors (on in CI)" OFF)
set(GRAINBENCH_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, such as address,undefined")

add_library(grainbench_flags INTERFACE)
target_compile_options(grainbench_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
  -Wformat=2 -Wno-format-nonliteral -Wundef
  $<$<BOOL:${GRAINBENCH_WERROR}>:-Werror>)
if(GRAINBENCH_SANITIZE)
  target_compile_options(grainbench_flags INTERFACE
    -fsanitize=${GRAINBENCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(grainbench_flags INTERFACE -fsanitize=${GRAINBENCH_SANITIZE})
endif()
string(FIND "${GRAINBENCH_SANITIZE}" "thread" at)
if(NOT at EQUAL -1)
  # ThreadSanitizer does not model stand-alone fences; schedulers' fences pair with atomics it sees.
  target_compile_options(grainbench_flags INTERFACE
    $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
