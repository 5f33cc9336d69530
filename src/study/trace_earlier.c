/* trace_earlier.c - what an earlier trace left in the folder, so that nothing of it stays beside this one's files. See
 * trace_parts.h. */
#include "study/trace_parts.h"

#include "core/array.h"
#include "core/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_figure(const char *name)
{
    static const char *const stem[] = {"mean_curve", "modes_tokens", "modes_position", "wrong_answer",
                                       "commitment", "layers",       "control"};
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".tsv") != 0 && strcmp(dot, ".gp") != 0 && strcmp(dot, ".svg") != 0)) return false;
    size_t n = (size_t)(dot - name);
    for (size_t i = 0; i < sizeof stem / sizeof *stem; i++)
        if (strlen(stem[i]) == n && !strncmp(stem[i], name, n)) return true;
    return n > 6 && !strncmp(name, "curve_", 6) && strspn(name + 6, "0123456789") == n - 6;
}

bool raml_trace_files_own(const char *name)
{
    static const char *const file[] = {"curves.jsonl", "tokens.jsonl", "curves.safetensors", "groups.tsv",
                                       "prefix.tsv",   "reader.tsv",   "trajectories.html"};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++)
        if (!strcmp(file[i], name)) return true;
    return is_figure(name);
}

static bool look(const char *path, struct raml_trace_earlier_file *f)
{
    struct stat s;
    if (lstat(path, &s) || !S_ISREG(s.st_mode)) return false;
    f->device = s.st_dev;
    f->inode = s.st_ino;
    f->seconds = s.st_mtim.tv_sec;
    f->nanoseconds = s.st_mtim.tv_nsec;
    return true;
}

static enum raml_code add(struct raml_trace_earlier *e, const char *path, struct raml_err *err)
{
    struct raml_trace_earlier_file f;
    if (!look(path, &f)) return RAML_OK;
    enum raml_code rc = RAML_GROW(e->file, e->cap, e->n + 1, "files", err);
    if (rc) return rc;
    f.path = strdup(path);
    if (!f.path) return raml_fail(err, RAML_ENOMEM, "no memory for a path");
    e->file[e->n++] = f;
    return RAML_OK;
}

enum raml_code raml_trace_earlier_find(struct raml_trace_earlier *e, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code joined = raml_path_join(path, dir, "trace.yaml", err);
    if (joined || !raml_is_file(path)) return joined; /* no trace was here: files of these names are somebody's own */
    DIR *d = opendir(dir);
    if (!d) return raml_fail(err, RAML_EIO, "%s: %s", dir, strerror(errno));
    enum raml_code rc = RAML_OK;
    for (const struct dirent *entry; !rc && (entry = readdir(d)) != NULL;) {
        if (!raml_trace_files_own(entry->d_name)) continue;
        rc = raml_path_join(path, dir, entry->d_name, err);
        if (!rc) rc = add(e, path, err);
    }
    closedir(d);
    return rc;
}

enum raml_code raml_trace_earlier_remove(const struct raml_trace_earlier *e, struct raml_err *err)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct raml_trace_earlier_file *f = &e->file[i];
        struct raml_trace_earlier_file now;
        if (!look(f->path, &now) || now.device != f->device || now.inode != f->inode || now.seconds != f->seconds ||
            now.nanoseconds != f->nanoseconds)
            continue;
        if (unlink(f->path) && errno != ENOENT)
            return raml_fail(err, RAML_EIO, "%s: of an earlier run, can't be removed: %s", f->path, strerror(errno));
    }
    return RAML_OK;
}

void raml_trace_earlier_deinit(struct raml_trace_earlier *e)
{
    for (size_t i = 0; i < e->n; i++) free(e->file[i].path);
    free(e->file);
    *e = (struct raml_trace_earlier){0};
}
