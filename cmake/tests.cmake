# tests/<layer>/test_*.c: one program each, linked to that layer and what it depends on (tests/cli: all of it).
# Tests read ../shared (or $RAML_SHARED) and warn loudly when it is absent.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
set(RAML_SHARED "${CMAKE_SOURCE_DIR}/../shared" CACHE PATH "folder with golden models, oracles and data")
# A device whose memory can't be touched from outside its operations; tests open it with RAML_TEST_DEVICE=far.
add_library(far_device STATIC tests/device/far.c)
target_include_directories(far_device PRIVATE src tests)
target_link_libraries(far_device PUBLIC raml_device)
set(with_device device modelfile model inner serve outer study cli)
set(on_far test_golden test_top_tokens test_answers test_adapter test_adapter_oracle test_adapter_gradient test_cache test_hooks test_tap_attention test_paths test_gradient test_load test_named test_reading test_train test_train_adapter test_ranks test_packs test_probe_rows test_distill test_grpo test_grpo_data test_optim test_sample_token test_sampler test_sampler_faults test_sample
  test_sample_exit test_sampler_start test_round_fork test_generate test_generate_probes test_completion test_trace test_trace_answers test_fork test_controls test_update test_update_patched test_exchange test_landscape test_curvature test_meta_step test_meta_train)
# A small inference server, in a process of its own.
add_library(test_server STATIC tests/endpoint/server.c)
target_include_directories(test_server PRIVATE tests)
target_compile_definitions(test_server PRIVATE RECORDS="${CMAKE_SOURCE_DIR}/tests/endpoint/records")
target_link_libraries(test_server PUBLIC PkgConfig::JANSSON)
add_executable(endpoint_server tests/endpoint/server_main.c) # test_endpoint.sh starts it
target_include_directories(endpoint_server PRIVATE tests)
target_link_libraries(endpoint_server PRIVATE test_server)
# Layers that run threads: their tests carry the label "threads", and the target "threaded" builds them.
set(with_threads core tree device modelfile model inner serve outer)
# Tests that take longest under a sanitizer (twenty seconds or more) carry the label "long": CI runs them with gcc alone, and leaves
# `./run sanitize` of them to the hand.
set(long_instrumented test_everywhere test_train_fault test_grpo test_grpo_fault test_attention_bits test_loss test_reading test_trace test_inspect
  test_cache test_memory test_trace_files test_trace_answers test_landscape_fault test_curvature test_generate
  test_sample_exit test_fork test_fork_files test_exits_collect test_prune_files test_paths test_panel test_adapter test_sampler test_meta_train
  test_remote
  test_gradient test_stored test_gpass test_vectors test_bpe)
add_custom_target(threaded)
file(GLOB test_sources CONFIGURE_DEPENDS tests/*/test_*.c)
foreach(source ${test_sources})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(layer ${folder} NAME)
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE src tests)
  target_compile_definitions(${name} PRIVATE RAML_SHARED="${RAML_SHARED}")
  if(layer IN_LIST with_device)
    target_link_libraries(${name} PRIVATE far_device)
  endif()
  if(layer STREQUAL endpoint)
    target_link_libraries(${name} PRIVATE test_server)
  endif()
  target_link_libraries(${name} PRIVATE raml_${layer} PkgConfig::CMOCKA)
  add_test(NAME ${layer}.${name} COMMAND ${name})
  # passive: on a busy machine, threads that spin at barriers cost these small cases a hundred times their work
  set_tests_properties(${layer}.${name} PROPERTIES LABELS unit TIMEOUT 1500 ENVIRONMENT OMP_WAIT_POLICY=passive)
  if(layer STREQUAL eval) # its numbers are checked on published files of samples
    target_link_libraries(${name} PRIVATE raml_samples)
  endif()
  if(name IN_LIST long_instrumented)
    set_property(TEST ${layer}.${name} APPEND PROPERTY LABELS long)
  endif()
  if(layer IN_LIST with_threads)
    set_property(TEST ${layer}.${name} APPEND PROPERTY LABELS threads)
    add_dependencies(threaded ${name})
  endif()
  if(name IN_LIST on_far)
    add_test(NAME far.${name} COMMAND ${name})
    set_tests_properties(far.${name} PROPERTIES LABELS "unit;far;long" TIMEOUT 1500
      ENVIRONMENT "OMP_WAIT_POLICY=passive;RAML_TEST_DEVICE=far")
  endif()
endforeach()
if(MPI_C_FOUND AND NOT RAML_MPI STREQUAL OFF) # test_mpi.sh starts it
  add_executable(mpi_check tests/cli/mpi_check.c)
  target_include_directories(mpi_check PRIVATE src)
  target_link_libraries(mpi_check PRIVATE raml_cli)
endif()
if(MICROHTTPD_FOUND AND NOT RAML_HTTP STREQUAL OFF) # test_serve.sh calls it
  add_executable(http_check tests/cli/http_check.c)
endif()
# test_memory.sh preloads it; the names of its functions are glibc's
if(NOT RAML_SANITIZE)
  add_library(failing_malloc MODULE tests/failing_malloc.c)
  target_compile_options(failing_malloc PRIVATE -fno-builtin -fvisibility=default)
  set_target_properties(failing_malloc PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()
file(GLOB script_tests CONFIGURE_DEPENDS tests/script/test_*.sh)
foreach(script ${script_tests})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME script.${name} COMMAND sh ${script} $<TARGET_FILE:raml> ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  set_tests_properties(script.${name} PROPERTIES LABELS script TIMEOUT 1500)
endforeach()
if(RAML_SANITIZE MATCHES thread)
  add_executable(race tests/race.c)
  target_link_libraries(race PRIVATE OpenMP::OpenMP_C)
  add_dependencies(threaded race)
  add_test(NAME race.none COMMAND race)
  add_test(NAME race.found COMMAND race planted)
  set_tests_properties(race.found PROPERTIES PASS_REGULAR_EXPRESSION "ThreadSanitizer: data race")
  set_tests_properties(race.none race.found PROPERTIES LABELS "unit;threads" ENVIRONMENT OMP_WAIT_POLICY=passive)
endif()
