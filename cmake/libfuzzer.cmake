# All code counts its edges for libFuzzer, and is watched by a sanitizer: a crash is the least of what a parser can do wrong.
include(CheckCSourceCompiles)
if(NOT RAML_SANITIZE)
  set(RAML_SANITIZE address,undefined)
endif()
set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer,${RAML_SANITIZE})
check_c_source_compiles("
  #include <stddef.h>
  #include <stdint.h>
  int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
  int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return data && size > 1 && data[0] == 7; }"
  RAML_HAVE_LIBFUZZER)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT RAML_HAVE_LIBFUZZER)
  message(FATAL_ERROR "RAML_LIBFUZZER: ${CMAKE_C_COMPILER} has no -fsanitize=fuzzer; with clang and libclang-rt-dev: CC=clang")
endif()
add_compile_options(-fsanitize=fuzzer-no-link)
