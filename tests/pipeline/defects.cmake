# Planted defects: copies of pipeline/executor.c in which one piece of text is replaced, each built into
# a test that the matrix of scenarios must not survive. The sources of the program stay free of hooks.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/pipeline/executor.c)

function(planted_defect name from to)
  file(READ ${PROJECT_SOURCE_DIR}/pipeline/executor.c source)
  string(FIND "${source}" "${from}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "defect ${name}: pipeline/executor.c no longer contains: ${from}")
  endif()
  string(REPLACE "${from}" "${to}" source "${source}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/defect_${name}.c CONTENT "${source}" @ONLY)
  grainbench_test(defect_${name}_test
    SOURCES defect_test.c scenarios.c ${CMAKE_CURRENT_BINARY_DIR}/defect_${name}.c
    LIBRARIES grainbench_pipeline LABELS unit)
  target_compile_options(defect_${name}_test PRIVATE -Wno-unused)
endfunction()

planted_defect(upstream_not_closed "    iterator_close(ring->upstream);" "")
planted_defect(undelivered_not_released "    release_undelivered(ring);\n    iterator_close"
  "    iterator_close")
planted_defect(no_wake_on_stop
  "    pthread_cond_broadcast(&ring->slot_free);\n    pthread_cond_broadcast(&ring->item_ready);" "")
planted_defect(one_slot_too_many "tail - head >= ring->setup.depth"
  "tail - head > ring->setup.depth")
planted_defect(end_not_sticky "    return finish(ring, slot->status, failure)"
  "    return deliver(ring, head), slot->status")
planted_defect(failure_lost "publish(ring, sequence, ITERATOR_ERROR, NULL"
  "publish(ring, sequence, ITERATOR_END, NULL")
planted_defect(failure_overtakes "publish(ring, sequence, ITERATOR_ERROR, NULL"
  "publish(ring, atomic_load(&ring->head), ITERATOR_ERROR, NULL")
planted_defect(wrong_slot "sequence % ring->setup.depth"
  "(sequence + sequence / ring->setup.depth) % ring->setup.depth")
planted_defect(segment_ignored "return !barrier ||" "return true ||")
planted_defect(failed_item_kept "        item_release(item)" "        (void)item")
