/* inspect_table.c - the table of tensors as text. Layers are folded: tensors with the same name, type and shape except
 * for the layer's number are one line, with a star for the number. */
#include "cli/inspect.h"

#include "raml/buf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_WIDTH = 40 };

struct line {
    const struct tensor *first;
    char name[96], in_file[96], shape[64], layers[LAYERS_WIDTH + 16];
    size_t count, elements, bytes;
    double low, high, squares, finite;
};

const char *cli_inspect_bytes(size_t bytes, char out[32])
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 999.5 && u + 1 < sizeof unit / sizeof *unit) v /= 1000, u++;
    snprintf(out, 32, "%.*f %s", u == 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v, unit[u]);
    return out;
}

/* The layer's number in a name, and its position; -1: none. */
static long layer_of(const char *name, size_t *from, size_t *to)
{
    static const char *const lead[] = {"model.layers.", "blk."};
    for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
        size_t n = strlen(lead[i]);
        char *end;
        if (strncmp(name, lead[i], n) != 0) continue;
        long layer = strtol(name + n, &end, 10);
        *from = n;
        *to = (size_t)(end - name);
        return end > name + n ? layer : -1;
    }
    return -1;
}

static bool folds(const struct tensor *t)
{
    size_t from, to;
    return layer_of(t->name, &from, &to) >= 0 && t->values.n_bad == 0;
}

static bool alike(const struct tensor *a, const struct tensor *b)
{
    size_t from, a_to, b_to;
    if (!folds(a) || !folds(b)) return false;
    (void)layer_of(a->name, &from, &a_to);
    (void)layer_of(b->name, &from, &b_to);
    return !strcmp(a->name + a_to, b->name + b_to) && a->n_dims == b->n_dims && a->shape[0] == b->shape[0] &&
           a->shape[1] == b->shape[1] && a->bytes == b->bytes && (!a->type || !strcmp(a->type, b->type));
}

static void star(char out[96], const char *name, bool fold)
{
    size_t from, to;
    if (fold && layer_of(name, &from, &to) >= 0) snprintf(out, 96, "%.*s*%s", (int)from, name, name + to);
    else snprintf(out, 96, "%s", name);
}

/* "0-9, 12, 15", truncated if it grows long. open: the run [from, to] may continue. */
static void add_run(char out[LAYERS_WIDTH + 16], long from, long to)
{
    size_t n = strlen(out);
    if (n + 12 > LAYERS_WIDTH) {
        if (n && out[n - 1] != '.') snprintf(out + n, LAYERS_WIDTH + 16 - n, ", ...");
        return;
    }
    n += (size_t)snprintf(out + n, LAYERS_WIDTH + 16 - n, "%s%ld", n ? ", " : "", from);
    if (to > from) snprintf(out + n, LAYERS_WIDTH + 16 - n, "-%ld", to);
}

static void add_values(struct line *l, const struct tensor *t)
{
    const struct raml_file_tensor_values *v = &t->values;
    double n = (double)(t->n - v->n_bad);
    l->count++;
    l->elements += t->n;
    l->bytes += t->bytes;
    if (n == 0) return;
    l->low = fmin(l->low, v->low);
    l->high = fmax(l->high, v->high);
    l->squares += v->rms * v->rms * n;
    l->finite += n;
}

/* The line that begins with tensor i, including what folds into it. */
static void gather(const struct inspection *x, size_t i, bool fold, bool *taken, struct line *l)
{
    const struct tensor *t = &x->tensor[i];
    size_t from, to;
    long first = layer_of(t->name, &from, &to), last = first;
    fold = fold && folds(t);
    *l = (struct line){.first = t, .low = INFINITY, .high = -INFINITY};
    star(l->name, t->name, fold);
    star(l->in_file, t->in_file ? t->in_file : "", fold);
    if (t->n_dims == 2) snprintf(l->shape, sizeof l->shape, "%zu x %zu", t->shape[0], t->shape[1]);
    else snprintf(l->shape, sizeof l->shape, "%zu", t->shape[0]);
    add_values(l, t);
    for (size_t k = i + 1; fold && k < x->n_tensors; k++) {
        if (taken[k] || !alike(t, &x->tensor[k])) continue;
        long layer = layer_of(x->tensor[k].name, &from, &to);
        taken[k] = true;
        add_values(l, &x->tensor[k]);
        if (layer != last + 1) {
            add_run(l->layers, first, last);
            first = layer;
        }
        last = layer;
    }
    if (fold) add_run(l->layers, first, last);
}

static bool names_differ(const struct inspection *x)
{
    for (size_t i = 0; i < x->n_tensors; i++)
        if (x->tensor[i].in_file && strcmp(x->tensor[i].in_file, x->tensor[i].name) != 0) return true;
    return false;
}

static void print_line(const struct inspection *x, const struct line *l, int width, int file_width)
{
    const struct tensor *t = l->first;
    char bytes[32] = "";
    printf("%-*s  ", width, l->name);
    if (file_width) printf("%-*s  ", file_width, l->in_file);
    printf("%-5s %-16s %14zu  %9s", t->type ? t->type : "-", l->shape, l->elements,
           t->type ? cli_inspect_bytes(l->bytes, bytes) : "-");
    if (x->checked)
        printf("  %11.4g %11.4g %11.4g", l->finite > 0 ? l->low : NAN, l->finite > 0 ? l->high : NAN,
               sqrt(l->squares / l->finite));
    if (*l->layers) printf("  %s", l->layers);
    if (t->values.n_bad) printf("  %zu NOT FINITE, first: element %zu", t->values.n_bad, t->values.first_bad);
    printf("\n");
}

static void print_totals(const struct inspection *x)
{
    struct type_total total[INSPECT_TYPES];
    size_t n = cli_inspect_totals(x, total), all = 0;
    char bytes[32];
    for (size_t i = 0; i < n; i++) all += total[i].bytes;
    printf("%zu tensors, %zu parameters", x->n_tensors, x->parameters);
    if (n) printf(", %s%s:", cli_inspect_bytes(all, bytes), x->file ? "" : " when it is written");
    for (size_t i = 0; i < n; i++)
        printf("%s %zu %s %s", i ? "," : "", total[i].tensors, total[i].type, cli_inspect_bytes(total[i].bytes, bytes));
    printf("\n");
}

enum raml_code cli_inspect_print_table(const struct inspection *x, bool all, struct raml_err *err)
{
    bool *taken = calloc(x->n_tensors + 1, sizeof *taken), differ = names_differ(x);
    struct line *line = calloc(x->n_tensors + 1, sizeof *line);
    size_t n = 0;
    int width = 6, file_width = 0;
    if (!taken || !line) {
        free(taken);
        free(line);
        return raml_fail(err, RAML_ENOMEM, "no memory for a table of %zu tensors", x->n_tensors);
    }
    for (size_t i = 0; i < x->n_tensors; i++) {
        if (taken[i]) continue;
        struct line *l = &line[n++];
        gather(x, i, !all, taken, l);
        int a = (int)strlen(l->name), b = (int)strlen(l->in_file);
        if (a > width) width = a;
        if (differ && b > file_width) file_width = b;
    }
    printf("\n%-*s  ", width, "tensor");
    if (file_width) printf("%-*s  ", file_width, "in the file");
    printf("%-5s %-16s %14s  %9s", "type", "shape", "elements", "bytes");
    if (x->checked) printf("  %11s %11s %11s", "lowest", "highest", "rms");
    printf("%s\n", all ? "" : "  layers");
    for (size_t i = 0; i < n; i++) print_line(x, &line[i], width, file_width);
    print_totals(x);
    free(line);
    free(taken);
    return RAML_OK;
}
