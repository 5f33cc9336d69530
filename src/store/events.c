/* events.c - see events.h. */
#include "store/events.h"

#include "raml/buf.h"
#include "core/file.h"
#include "core/append.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 12,      /* length and its checksum */
    TAIL_BYTES = 4,       /* checksum of the data */
    MAX_RECORD = 1 << 26, /* bytes of one Event */
    WIRE_VARINT = 0,      /* protobuf wire types */
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5
};

struct raml_events {
    struct append file;
    struct raml_buf event, value, record;
};

/* CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, bit by bit: records are a few hundred bytes. */
static uint32_t crc32c(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint32_t c = 0xffffffffu;
    while (n--) {
        c ^= *p++;
        for (int i = 0; i < 8; i++) c = c >> 1 ^ (0x82f63b78u & (0u - (c & 1u)));
    }
    return ~c;
}

static uint32_t masked_crc(const void *bytes, size_t n)
{
    uint32_t c = crc32c(bytes, n);
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

static void add_fixed(struct raml_buf *b, uint64_t x, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++, x >>= 8) raml_buf_add(b, &(unsigned char){x & 255}, 1);
}

static uint64_t get_fixed(const unsigned char *p, int n_bytes)
{
    uint64_t x = 0;
    for (int i = n_bytes; i-- > 0;) x = x << 8 | p[i];
    return x;
}

/* Encoding */

static void add_varint(struct raml_buf *b, uint64_t x)
{
    for (; x >= 128; x >>= 7) raml_buf_add(b, &(unsigned char){(x & 127) | 128}, 1);
    raml_buf_add(b, &(unsigned char){(unsigned char)x}, 1);
}

static void add_key(struct raml_buf *b, int field, int wire)
{
    add_varint(b, (uint64_t)(field << 3 | wire));
}

static void add_field(struct raml_buf *b, int field, const void *bytes, size_t n)
{
    add_key(b, field, WIRE_BYTES);
    add_varint(b, n);
    raml_buf_add(b, bytes, n);
}

static void begin_event(struct raml_buf *b, double wall_time)
{
    uint64_t bits;
    memcpy(&bits, &wall_time, sizeof bits);
    raml_buf_clear(b);
    add_key(b, 1, WIRE_FIXED64);
    add_fixed(b, bits, 8);
}

/* Frames e->event and appends it. */
static enum raml_code add_record(struct raml_events *e, struct raml_err *err)
{
    struct raml_buf *r = &e->record;
    raml_buf_clear(r);
    add_fixed(r, e->event.len, 8);
    add_fixed(r, masked_crc(r->data, r->data ? 8 : 0), 4);
    raml_buf_add(r, e->event.data, e->event.len);
    add_fixed(r, masked_crc(e->event.data, e->event.len), 4);
    enum raml_code rc = raml_buf_status(&e->event, err);
    if (!rc) rc = raml_buf_status(r, err);
    return rc ? raml_wrap(err, rc, "%s", e->file.path) : raml_append_add(&e->file, r->data, r->len, err);
}

enum raml_code raml_events_open(const char *path, double wall_time, struct raml_events **out, struct raml_err *err)
{
    struct raml_events *e = calloc(1, sizeof *e);
    if (!e) return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", path);
    raml_buf_init(&e->event, MAX_RECORD);
    raml_buf_init(&e->value, MAX_RECORD);
    raml_buf_init(&e->record, MAX_RECORD + HEAD_BYTES + TAIL_BYTES);
    enum raml_code rc = raml_append_init(&e->file, path, err);
    struct stat st;
    if (!rc && fstat(e->file.fd, &st)) rc = raml_fail_errno(err, "%s: cannot be examined", path);
    if (!rc && st.st_size == 0) {
        static const char version[] = "brain.Event:2";
        begin_event(&e->event, wall_time);
        add_field(&e->event, 3, version, sizeof version - 1);
        rc = add_record(e, err);
    }
    if (rc) raml_events_close(e);
    else *out = e;
    return rc;
}

void raml_events_close(struct raml_events *e)
{
    if (!e) return;
    raml_append_deinit(&e->file);
    raml_buf_deinit(&e->event);
    raml_buf_deinit(&e->value);
    raml_buf_deinit(&e->record);
    free(e);
}

enum raml_code raml_events_add(struct raml_events *e, uint64_t step, double wall_time, const struct raml_scalar *scalar,
                               size_t n, struct raml_err *err)
{
    if (!n) return RAML_OK;
    struct raml_buf *v = &e->value; /* one Summary.Value, then e->record: the whole Summary */
    raml_buf_clear(&e->record);
    for (size_t i = 0; i < n; i++) {
        float x = (float)scalar[i].value;
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        raml_buf_clear(v);
        add_field(v, 1, scalar[i].tag, strlen(scalar[i].tag));
        add_key(v, 2, WIRE_FIXED32);
        add_fixed(v, bits, 4);
        enum raml_code rc = raml_buf_status(v, err);
        if (rc) return raml_wrap(err, rc, "%s", e->file.path);
        add_field(&e->record, 1, v->data, v->len);
    }
    enum raml_code rc = raml_buf_status(&e->record, err);
    if (rc) return raml_wrap(err, rc, "%s", e->file.path);
    begin_event(&e->event, wall_time);
    add_key(&e->event, 2, WIRE_VARINT);
    add_varint(&e->event, step);
    add_field(&e->event, 5, e->record.data, e->record.len);
    return add_record(e, err);
}

enum raml_code raml_events_sync(struct raml_events *e, struct raml_err *err)
{
    return raml_append_sync(&e->file, err);
}

/* Decoding: enough to find a record's step */

static int get_varint(const unsigned char **p, const unsigned char *end, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        unsigned char c = *(*p)++;
        *x |= (uint64_t)(c & 127) << shift;
        if (!(c & 128)) return 1;
    }
    return 0;
}

/* The step of an Event (0 where it has none); 0 is returned when the bytes are not an Event. */
static int get_step(const unsigned char *p, size_t n, uint64_t *step)
{
    const unsigned char *end = p + n;
    *step = 0;
    while (p < end) {
        uint64_t key, x = 0;
        if (!get_varint(&p, end, &key)) return 0;
        size_t skip = 0;
        switch (key & 7) {
        case WIRE_VARINT:
            if (!get_varint(&p, end, &x)) return 0;
            if (key >> 3 == 2) *step = x;
            break;
        case WIRE_FIXED64: skip = 8; break;
        case WIRE_FIXED32: skip = 4; break;
        case WIRE_BYTES:
            if (!get_varint(&p, end, &x) || x > (uint64_t)(end - p)) return 0;
            skip = (size_t)x;
            break;
        default: return 0;
        }
        if (skip > (size_t)(end - p)) return 0;
        p += skip;
    }
    return 1;
}

/* The whole record at p, of which n bytes are left in the file: its size in the file, or 0 when torn or damaged. */
static size_t get_record(const unsigned char *p, size_t n, uint64_t *step)
{
    if (n < HEAD_BYTES + TAIL_BYTES || get_fixed(p + 8, 4) != masked_crc(p, 8)) return 0;
    uint64_t len = get_fixed(p, 8);
    if (len > n - HEAD_BYTES - TAIL_BYTES) return 0;
    const unsigned char *data = p + HEAD_BYTES;
    if (get_fixed(data + len, 4) != masked_crc(data, (size_t)len) || !get_step(data, (size_t)len, step)) return 0;
    return HEAD_BYTES + (size_t)len + TAIL_BYTES;
}

enum raml_code raml_events_truncate(const char *path, uint64_t last_step, struct raml_err *err)
{
    struct raml_map m;
    struct raml_writer w;
    if (access(path, F_OK)) return RAML_OK;
    enum raml_code rc = raml_map_init(&m, path, err);
    if (rc) return rc;
    rc = raml_writer_init(&w, path, err);
    size_t kept = 0;
    for (size_t at = 0, n; !rc && at < m.size; at += n) {
        uint64_t step;
        n = get_record(m.data + at, m.size - at, &step);
        if (!n) break;
        if (step > last_step) continue;
        rc = raml_writer_add(&w, m.data + at, n, err);
        kept += n;
    }
    if (!rc && kept != m.size) rc = raml_writer_commit(&w, err); /* else: nothing to truncate */
    raml_writer_deinit(&w);
    raml_map_deinit(&m);
    return rc;
}
