/* events.h - TensorBoard event files: scalars over steps.
 *
 * File: records (TFRecord): u64 n, u32 crc(n), n bytes, u32 crc(bytes); little-endian; crc is CRC-32C masked as
 *       ((c >> 15 | c << 17) + 0xa282ead8). Each record is a protobuf Event: 1 wall_time (double), 2 step (int64), and
 *       3 file_version ("brain.Event:2", first record) or 5 summary { 1 value { 1 tag, 2 simple_value (float) } }.
 * Every record is one write: a process killed at any moment leaves whole records, or one torn record at the end, which
 * _truncate drops.
 * Threads: one writer.
 */
#ifndef RAML_EVENTS_H
#define RAML_EVENTS_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_scalar {
    const char *tag; /* "train/loss": TensorBoard groups by what comes before the slash */
    double value;    /* kept as float */
};

struct raml_events;
/* Opens a file for appending, creating it (with its version record) when missing or empty. wall_time: seconds since
 * 1970, for that record only. */
RAML_CHECKED enum raml_code raml_events_open(const char *path, double wall_time, struct raml_events **out,
                                             struct raml_err *err);
void raml_events_close(struct raml_events *e);
/* One record with n scalars; n = 0 writes nothing. On failure (full disk) the file is as before. */
RAML_CHECKED enum raml_code raml_events_add(struct raml_events *e, uint64_t step, double wall_time,
                                            const struct raml_scalar *scalar, size_t n, struct raml_err *err);
RAML_CHECKED enum raml_code raml_events_sync(struct raml_events *e, struct raml_err *err); /* to the disk itself */

/* Truncates a closed file to the records of step <= last_step, and drops everything from the first torn or damaged
 * record on; replaces it atomically. A missing file is fine. */
RAML_CHECKED enum raml_code raml_events_truncate(const char *path, uint64_t last_step, struct raml_err *err);

#endif
