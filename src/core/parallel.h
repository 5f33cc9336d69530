/* parallel.h - pieces of the host's own work (files, lists, sorting) by several threads. Work on activations,
 * weights and gradients is the device's: device/backend.h.
 */
#ifndef RAML_CORE_PARALLEL_H
#define RAML_CORE_PARALLEL_H

#include <stddef.h>

/* Calls run(user, i, worker) once for every i in [0, n), in no order, by up to `threads` threads (0: as many as OpenMP
 * uses); worker, below that number, identifies them. Returns when all are done. */
typedef void raml_parallel_fn(void *user, size_t i, int worker);
void raml_parallel(int threads, size_t n, raml_parallel_fn *run, void *user);
int raml_parallel_workers(int threads); /* the largest such number */

#endif
