/* impl.h - what a device is made of, for the model layer. */
#ifndef RAML_DEVICE_IMPL_H
#define RAML_DEVICE_IMPL_H

#include "raml/device.h"

#include "device/matmul.h"
#include "device/ops.h"

struct raml_device {
    int threads;
    const struct raml_ops *ops;
    struct raml_mm *mm;
};

/* From here on, this thread's parallel loops run on the device's number of threads: scratch space is cut and products
 * are compiled for it, and another device may have been opened since. Called at the head of whatever uses ops or mm. */
void raml_device_use(const struct raml_device *d);

/* Zeroed memory aligned to 64; NULL when used up, or when more is asked for than is free. free() it. */
void *raml_device_alloc(size_t n, size_t size);
void *raml_device_room(size_t n, size_t size); /* the same with any content */

#endif
