# Rust plug-ins: cargo builds a library, which is copied to the folder of modules.

# cargo_find(NAME FOLDER DEBIAN_CRATE <name or "">) sets <NAME>_ARGUMENTS to the arguments that make
# cargo build FOLDER's package, and <NAME>_FOUND. The packages of FOLDER/Cargo.lock are used if they
# can be had (from cargo's cache or its registry); else, where DEBIAN_CRATE is named, whatever version
# Debian's folder of crates has.
find_program(CARGO cargo)
find_program(RUSTC rustc)
mark_as_advanced(CARGO RUSTC)
set(rust_version 0)
if(CARGO AND RUSTC)
  execute_process(COMMAND ${RUSTC} --version OUTPUT_VARIABLE rust_version ERROR_QUIET)
  string(REGEX REPLACE "^rustc ([0-9.]+).*" "\\1" rust_version "${rust_version}")
endif()
set(debian_crates /usr/share/cargo/registry)

function(cargo_find name folder debian_crate)
  set(${name}_FOUND FALSE PARENT_SCOPE)
  if(NOT CARGO OR rust_version VERSION_LESS 1.63)
    return()
  endif()
  set(sources --offline "")
  if(rust_version VERSION_LESS 1.80) # what the locked rayon asks for
    set(sources "")
  endif()
  foreach(offline IN LISTS sources)
    execute_process(COMMAND ${CMAKE_COMMAND} -E env CARGO_NET_RETRY=1 CARGO_HTTP_TIMEOUT=15
      ${CARGO} fetch --locked ${offline} --manifest-path ${folder}/Cargo.toml
      TIMEOUT 60 OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      set(${name}_ARGUMENTS --locked --offline --manifest-path ${folder}/Cargo.toml PARENT_SCOPE)
      set(${name}_SOURCE "the versions of Cargo.lock" PARENT_SCOPE)
      set(${name}_FOUND TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
  file(GLOB crate ${debian_crates}/${debian_crate}-[0-9]*)
  if(NOT debian_crate OR NOT crate)
    return()
  endif()
  # Another manifest, so that the lock file of the tree is not touched.
  file(READ ${folder}/Cargo.toml manifest)
  string(REPLACE "[lib]" "[lib]\npath = \"${folder}/src/lib.rs\"" manifest "${manifest}")
  set(copy ${CMAKE_CURRENT_BINARY_DIR}/debian)
  file(CONFIGURE OUTPUT ${copy}/Cargo.toml CONTENT "${manifest}" @ONLY)
  set(${name}_ARGUMENTS --offline --manifest-path ${copy}/Cargo.toml
    --config "source.crates-io.replace-with=\"debian\""
    --config "source.debian.directory=\"${debian_crates}\"" PARENT_SCOPE)
  set(${name}_SOURCE "the crates of the distribution" PARENT_SCOPE)
  set(${name}_FOUND TRUE PARENT_SCOPE)
endfunction()

# cargo_module(TARGET MODULE LIBRARY FOLDER [ALL] ARGUMENTS ...): builds FOLDER's package, whose
# library is lib<LIBRARY>.so, as <MODULE>.so. Frame pointers and symbols are kept for profilers.
function(cargo_module target module library folder)
  cmake_parse_arguments(M "ALL" "" "ARGUMENTS" ${ARGN})
  set(output ${GRAINBENCH_MODULES_BUILD_DIR}/${module}.so)
  set(work ${CMAKE_CURRENT_BINARY_DIR}/target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/src/*.rs ${PROJECT_SOURCE_DIR}/plugins/common/*.rs)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E env "RUSTFLAGS=-C force-frame-pointers=yes"
      ${CARGO} build --quiet --release ${M_ARGUMENTS} --target-dir ${work}
    COMMAND ${CMAKE_COMMAND} -E copy ${work}/release/lib${library}.so ${output}
    DEPENDS ${sources} ${folder}/Cargo.toml ${folder}/Cargo.lock
    COMMENT "Building ${module}.so by cargo" VERBATIM USES_TERMINAL)
  if(M_ALL)
    add_custom_target(${target} ALL DEPENDS ${output})
    install(PROGRAMS ${output} DESTINATION ${GRAINBENCH_MODULES_INSTALL_DIR})
  else()
    add_custom_target(${target} DEPENDS ${output})
    install(PROGRAMS ${output} DESTINATION ${GRAINBENCH_MODULES_INSTALL_DIR} OPTIONAL)
  endif()
endfunction()
