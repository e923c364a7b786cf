# Cross-building for aarch64 with the sysroot of scripts/aarch64-sysroot; tests run under QEMU.
# Atomics are outlined, as Linux distributions build for aarch64: helpers named __aarch64_* show in
# profiles and can be counted.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
if(NOT DEFINED GRAINBENCH_AARCH64_SYSROOT)
  get_filename_component(GRAINBENCH_AARCH64_SYSROOT
    ${CMAKE_CURRENT_LIST_DIR}/../.cache/aarch64-sysroot ABSOLUTE)
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES GRAINBENCH_AARCH64_SYSROOT)
set(CMAKE_SYSROOT ${GRAINBENCH_AARCH64_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_FLAGS_INIT "-moutline-atomics")
find_program(GRAINBENCH_QEMU_AARCH64 NAMES qemu-aarch64-static qemu-aarch64)
if(GRAINBENCH_QEMU_AARCH64)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${GRAINBENCH_QEMU_AARCH64} -L ${CMAKE_SYSROOT})
endif()
set(ENV{PKG_CONFIG_LIBDIR}
  ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
