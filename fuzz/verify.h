/* verify.h - generated pairs of answers; see verify.c. */
#ifndef RAML_FUZZ_VERIFY_H
#define RAML_FUZZ_VERIFY_H

/* argv[0]: a name; the settings follow. The exit code. */
int raml_fuzz_verify_main(int argc, char **argv);

#endif
