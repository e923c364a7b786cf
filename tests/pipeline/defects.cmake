# Planted defects: copies of pipeline/executor.c in which one piece of text is replaced, each built into
# a test that the matrix of scenarios must not survive, and must be found as the regular expression
# says: by a complaint, by a hang, or by what malloc or a sanitizer prints. The sources of the program
# stay free of hooks. They run under the sanitizers too; under those, a sanitizer may be first to see.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/pipeline/executor.c)

function(executor_copy name source expected)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/defect_${name}.c CONTENT "${source}" @ONLY)
  grainbench_test(defect_${name}_test
    SOURCES defect_test.c scenarios.c ${CMAKE_CURRENT_BINARY_DIR}/defect_${name}.c
    LIBRARIES grainbench_pipeline LABELS unit sanitize TIMEOUT 300)
  target_compile_options(defect_${name}_test PRIVATE -Wno-unused)
  target_compile_definitions(defect_${name}_test PRIVATE "EXPECTED=\"${expected}\"")
endfunction()

function(planted_defect name expected from to)
  file(READ ${PROJECT_SOURCE_DIR}/pipeline/executor.c source)
  string(FIND "${source}" "${from}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "defect ${name}: pipeline/executor.c no longer contains: ${from}")
  endif()
  string(REPLACE "${from}" "${to}" source "${source}")
  executor_copy(${name} "${source}" "${expected}|Sanitizer")
endfunction()

# The control: nothing planted, nothing found.
file(READ ${PROJECT_SOURCE_DIR}/pipeline/executor.c untouched)
executor_copy(none "${untouched}" "")

planted_defect(upstream_not_closed "the source was not closed" "    iterator_close(ring->upstream);" "")
planted_defect(undelivered_not_released "items were not released"
  "    release_undelivered(ring);\n    iterator_close" "    iterator_close")
planted_defect(no_wake_on_stop "hang"
  "    pthread_cond_broadcast(&ring->slot_free);\n    pthread_cond_broadcast(&ring->item_ready);" "")
planted_defect(no_wake_for_the_consumer "hang" "    if (awaited) wake(&ring->item_ready);" "")
planted_defect(no_wake_for_a_worker "hang" "    if (awaited) wake(&ring->slot_free);" "")
planted_defect(one_slot_too_many "hang|alive|not in order|not released" "tail - head >= ring->setup.depth"
  "tail - head > ring->setup.depth")
planted_defect(end_not_sticky "hang" "    return finish(ring, slot->status, failure)"
  "    return deliver(ring, head), slot->status")
planted_defect(failure_lost "ended with" "publish(ring, sequence, ITERATOR_ERROR, NULL"
  "publish(ring, sequence, ITERATOR_END, NULL")
planted_defect(failure_overtakes "hang|items instead of|not released|ended with|names item" "publish(ring, sequence, ITERATOR_ERROR, NULL"
  "publish(ring, atomic_load(&ring->head), ITERATOR_ERROR, NULL")
planted_defect(wrong_slot "hang|not in order|items instead of|not released" "sequence % ring->setup.depth"
  "(sequence + sequence / ring->setup.depth) % ring->setup.depth")
planted_defect(segment_ignored "ran ahead of a segment" "return !barrier ||" "return true ||")
planted_defect(failed_item_kept "items were not released" "        item_release(item)"
  "        (void)item")
