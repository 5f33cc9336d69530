/* matmul_peak.c - how fast oneDNN's products get here, for `raml doctor`. See device/matmul.h. */
#include "device/matmul.h"

#include "core/clock.h"
#include "device/impl.h"

#include <stdlib.h>

enum raml_code raml_mm_peak(struct raml_mm *mm, bool bf16, double *gflops, struct raml_err *err)
{
    *gflops = 0;
    enum raml_code rc = RAML_OK;
    for (size_t size = 1024; size <= 2048 && !rc; size *= 2) {
        float *value = raml_device_alloc(size * size, sizeof *value);
        void *x = raml_device_alloc(size * size, 4), *y = raml_device_alloc(size * size, 4);
        struct raml_weight w = {0};
        if (!value || !x || !y) rc = raml_fail(err, RAML_ENOMEM, "no memory to measure the matrix product");
        if (!rc) rc = raml_weight_init(mm, &w, size, size, bf16, false, err);
        if (!rc) rc = raml_weight_fill(mm, &w, value, err);
        double start = raml_clock_monotonic();
        for (int i = 0; !rc && (i < 3 || raml_clock_monotonic() - start < 0.25); i++) {
            double t = raml_clock_monotonic();
            rc = raml_mm_forward(mm, &w, x, size, y, false, false, err);
            t = 2e-9 * (double)size * (double)size * (double)size / (raml_clock_monotonic() - t);
            if (t > *gflops) *gflops = t;
        }
        raml_weight_deinit(&w);
        free(value);
        free(x);
        free(y);
    }
    return rc;
}
