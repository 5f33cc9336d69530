/* parallel.c - see parallel.h. */
#include "core/parallel.h"

#include <omp.h>

int raml_parallel_workers(int threads)
{
    return threads > 0 ? threads : omp_get_max_threads();
}

void raml_parallel(int threads, size_t n, raml_parallel_fn *run, void *user)
{
    int workers = raml_parallel_workers(threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers) if (n > 1)
    for (size_t i = 0; i < n; i++) run(user, i, omp_get_thread_num());
}
