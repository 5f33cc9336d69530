/* far.h - a device whose memory can't be read from outside its operations, for tests.
 *
 * It computes with the reference kernels. Everything from its alloc is in one region that is PROT_NONE except while one
 * of its operations runs, so any access from elsewhere ends the test by SIGSEGV. An operation that gets an address
 * outside that region, where the table requires the device's memory, ends it by abort, naming it; so does a host's side
 * that is inside. (Weights are reached through a pointer that only the device can follow.)
 */
#ifndef RAML_TESTS_DEVICE_FAR_H
#define RAML_TESTS_DEVICE_FAR_H

#include "raml/device.h"

RAML_CHECKED enum raml_code far_open(struct raml_device **out, struct raml_err *err);
/* The n-th operation from here on fails (1: the next) and does nothing; 0: none does. It is reported as RAML_EIO,
 * "far: ..."; of an allocation, by NULL. */
void far_fail_at(const struct raml_device *d, size_t n);
bool far_failed(const struct raml_device *d);       /* has it failed, since far_fail_at? */
size_t far_operations(const struct raml_device *d); /* since far_fail_at */
size_t far_in_use(const struct raml_device *d);     /* bytes */

/* For tests that run on any device: raml_device_open, or where the environment has RAML_TEST_DEVICE=far, the far one
 * for "auto" and RAML_ESUPPORT for any other level. */
RAML_CHECKED enum raml_code far_device_open(int threads, const char *level, struct raml_device **out,
                                            struct raml_err *err);
bool far_asked(void); /* by the environment? Its kernels are the slow reference: tests may use fewer cases */

#endif
