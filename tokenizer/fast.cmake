# The fast encoder. Its inner loops are compiled once per instruction set, each file with its own
# flags; which of them runs is chosen at run time. All but the encoder's interface is an object
# library, so that a test can bring its own vocabulary.
add_library(grainbench_fast OBJECT
  fast_level.c
  fast_level_avx2.c
  fast_level_avx512.c
  fast_level_neon.c
  fast_level_scalar.c
  fast_level_sse42.c
  fast_merge.c
  fast_merge_many.c
  fast_merge_many_avx2.c
  fast_model.c
  fast_pairs.c
  fast_pretoken.c
  fast_seeds.c
  fast_text.c
  fast_unicode_table.c
  fast_words.c)
target_link_libraries(grainbench_fast PUBLIC grainbench_base)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(fast_avx512_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mavx512vbmi2 -maes
    -mbmi -mbmi2 -mlzcnt -mpopcnt)
  set_source_files_properties(fast_level_avx512.c PROPERTIES COMPILE_OPTIONS "${fast_avx512_flags}")
  set_source_files_properties(fast_level_avx2.c PROPERTIES COMPILE_OPTIONS
    "-mavx2;-maes;-mbmi;-mbmi2;-mlzcnt;-mpopcnt;-fno-tree-slp-vectorize")
  set_source_files_properties(fast_merge_many_avx2.c PROPERTIES COMPILE_OPTIONS
    "-mavx2;-mbmi;-mbmi2")
  set_source_files_properties(fast_level_sse42.c PROPERTIES COMPILE_OPTIONS "-msse4.2;-mpopcnt")
endif()
target_sources(grainbench_tokenizer PRIVATE encoder_fast.c $<TARGET_OBJECTS:grainbench_fast>)
