# raml-fuzz: every parser on broken inputs (fuzz/target.h). fuzz/fuzz_NAME.c is the target NAME, and its test fuzz.NAME.
# With clang and -DRAML_LIBFUZZER=ON (CMakeLists.txt compiles all libraries for it), raml-libfuzzer-NAME beside it.
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/*.c)
file(GLOB fuzz_target_sources CONFIGURE_DEPENDS fuzz/fuzz_*.c)
set(fuzz_main_sources ${CMAKE_SOURCE_DIR}/fuzz/main.c ${CMAKE_SOURCE_DIR}/fuzz/libfuzzer.c)
list(REMOVE_ITEM fuzz_sources ${fuzz_main_sources})
add_library(raml_fuzz OBJECT ${fuzz_sources})
target_include_directories(raml_fuzz PUBLIC ${CMAKE_SOURCE_DIR} src PRIVATE tests) # tests: tables that serve as seeds
# fuzz/map.c: mapped files end where their block does.
target_link_libraries(raml_fuzz PUBLIC raml_cli -Wl,--wrap=raml_map_init,--wrap=raml_map_deinit)
add_executable(raml-fuzz fuzz/main.c)
target_link_libraries(raml-fuzz PRIVATE raml_fuzz)

set(fuzz_targets "")
foreach(source ${fuzz_target_sources})
  get_filename_component(name ${source} NAME_WE)
  string(REPLACE fuzz_ "" name ${name})
  list(APPEND fuzz_targets ${name})
  if(RAML_LIBFUZZER)
    add_executable(raml-libfuzzer-${name} fuzz/libfuzzer.c)
    target_compile_definitions(raml-libfuzzer-${name} PRIVATE FUZZ_TARGET=raml_fuzz_${name})
    target_link_libraries(raml-libfuzzer-${name} PRIVATE raml_fuzz -fsanitize=fuzzer)
  endif()
endforeach()

if(BUILD_TESTING)
  # A few seconds each, under sanitizers too: the seeds are read, and what edits of them first met stays met.
  foreach(name ${fuzz_targets})
    add_test(NAME fuzz.${name} COMMAND raml-fuzz ${name} --n 20000 --seed 1 --time_s 3 --jobs 1 --hang_s 60)
    set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 300 ENVIRONMENT OMP_WAIT_POLICY=passive)
  endforeach()
  add_test(NAME fuzz.verify COMMAND raml-fuzz verify --n 20000 --seed 1 --limit_s 60)
  set_tests_properties(fuzz.verify PROPERTIES LABELS unit TIMEOUT 1500 ENVIRONMENT OMP_WAIT_POLICY=passive)
endif()
