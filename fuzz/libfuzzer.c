/* libfuzzer.c - one target for libFuzzer: raml-libfuzzer-NAME is this, compiled with FUZZ_TARGET=raml_fuzz_NAME. */
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= FUZZ_TARGET.max_bytes) (void)FUZZ_TARGET.run(data, size);
    return 0;
}
