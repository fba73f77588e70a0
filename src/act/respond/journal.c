/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: a file per action, replaced as a whole and flushed to the disk (base/file.h),
 * written by the field table below. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ulid.h"
#include "respond/respond_int.h"

#define FILE_BYTES ((size_t)1 << 20)

static const char *const phase_names[] = {
    [RS_NEW] = "new", [RS_BEGUN] = "begun", [RS_HELD] = "held", [RS_ENDED] = "ended"};
static const struct sk_enum phase_enum = {
    .name = "phase", .names = phase_names, .n = SK_ARRAY_LEN(phase_names)};

#define R rs_record
static const struct sk_field record_fields[] = {
    SK_FIELD_OF(R, a, SK_T_GROUP, 1, 0, &sk_kind_action, "The action as it stands"),
    SK_FIELD_OF(R, c, SK_T_LINK, 2, 0, &sk_kind_container, "Its container as it was told"),
    SK_FIELD_OF(R, phase, SK_T_ENUM, 3, 0, &phase_enum, "How far it is"),
    SK_FIELD(R, boot_id, SK_T_STR, 4, 0, "Boot in which until counts"),
    SK_FIELD(R, until, SK_T_U64, 5, 0, "Boot clock at which it is taken back"),
    SK_FIELD(R, how, SK_T_STR, 6, 0, "What was chosen"),
    SK_FIELD(R, was, SK_T_BOOL, 7, 0, "It was so before"),
    SK_FIELD(R, paused, SK_T_BOOL, 8, 0, "Frozen for the time of the work"),
    SK_FIELD(R, prog_in, SK_T_U64, 9, 0, "Number of the program for packets in"),
    SK_FIELD(R, prog_out, SK_T_U64, 10, 0, "Number of the program for packets out"),
};
static const struct sk_kind record_kind = {.name = "respond_record",
                                           .doc = "An action in the journal",
                                           .size = sizeof(struct rs_record),
                                           .fields = record_fields,
                                           .n = SK_ARRAY_LEN(record_fields)};

int rs_record_new(const struct sk_act *a, const struct sk_container *c, struct rs_record **ret)
{
    struct sk_arena *arena = sk_arena_new(RS_RECORD_BYTES);
    struct rs_record *rec = arena ? sk_arena_zalloc(arena, sizeof(*rec)) : NULL;
    struct sk_container *copy = NULL;
    int r = rec ? sk_kind_copy(&sk_kind_action, a, arena, &rec->a) : -ENOMEM;

    if (r == 0 && c) {
        copy = sk_arena_zalloc(arena, sizeof(*copy));
        r = copy ? sk_kind_copy(&sk_kind_container, c, arena, copy) : -ENOMEM;
    }
    if (r < 0) {
        (void)sk_arena_free(arena);
        return r;
    }
    rec->c = copy;
    rec->arena = arena;
    *ret = rec;
    return 0;
}

struct rs_record *rs_record_free(struct rs_record *rec)
{
    if (rec)
        (void)sk_arena_free(rec->arena);
    return NULL;
}

static int path_of(const struct sk_respond *r, struct sk_str id, char ret[RS_PATH])
{
    int n = snprintf(ret, RS_PATH, "%s/" SK_STR_FMT ".json", r->actions, SK_STR_ARG(id));

    return n > 0 && n < RS_PATH ? 0 : -ENAMETOOLONG;
}

int rs_journal_write(struct sk_respond *r, const struct rs_record *rec, struct sk_err *err)
{
    char path[RS_PATH];
    struct sk_buf out;
    int rc = path_of(r, rec->a.id, path);

    sk_buf_init(&out, FILE_BYTES);
    if (rc == 0)
        rc = sk_kind_to_json(&record_kind, rec, false, &out);
    if (rc == 0)
        rc = sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0600, err);
    else
        (void)sk_err_set(err, rc, "the action is too large to be written down");
    sk_buf_done(&out);
    return rc < 0 ? sk_err_wrap(err, rc, "journal") : 0;
}

void rs_journal_remove(struct sk_respond *r, struct sk_str id)
{
    char path[RS_PATH];

    if (path_of(r, id, path) == 0)
        (void)unlink(path);
}

static int record_read(const char *path, struct rs_record **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(RS_RECORD_BYTES * 4);
    struct rs_record *rec = arena ? sk_arena_zalloc(arena, sizeof(*rec)) : NULL;
    size_t n;
    int r = rec ? sk_file_read(AT_FDCWD, path, FILE_BYTES, &text, &n, err) : -ENOMEM;

    if (r == 0)
        r = sk_kind_from_json(&record_kind, sk_str_n(text, n), arena, rec, err);
    if (r == 0 && !sk_ulid_ok(rec->a.id))
        r = sk_err_set(err, -EBADMSG, "it names no action");
    if (r < 0)
        return r;
    rec->arena = SK_TAKE(arena);
    *ret = rec;
    return 0;
}

static int record_load(struct sk_respond *r, const char *name, struct sk_err *err)
{
    char path[RS_PATH];
    struct rs_record *rec = NULL;
    struct sk_err bad = {0};
    int n = snprintf(path, sizeof(path), "%s/%s", r->actions, name), rc;

    if (n < 0 || (size_t)n >= sizeof(path) || record_read(path, &rec, &bad) < 0) {
        sk_log(r->conf.log, SK_ERROR, "respond",
               "an action in the journal is not readable; look at what it did", "file=%s error=%s",
               path, bad.msg);
        return 0;
    }
    rc = sk_smap_put(r->records, rec->a.id, rec, NULL);
    if (rc < 0) {
        (void)rs_record_free(rec);
        return sk_err_set(err, rc, "out of memory");
    }
    return 0;
}

int rs_journal_open(struct sk_respond *r, struct sk_err *err)
{
    char quarantine[RS_PATH];
    const struct dirent *e;
    DIR *d;
    int rc = snprintf(quarantine, sizeof(quarantine), "%s/quarantine", r->dir) < RS_PATH &&
                     snprintf(r->actions, sizeof(r->actions), "%s/actions", r->dir) < RS_PATH
                 ? 0
                 : sk_err_set(err, -ENAMETOOLONG, "%s: too long", r->dir);

    if (rc == 0)
        rc = sk_dir_make(r->actions, 0700, err);
    if (rc == 0)
        rc = sk_dir_make(quarantine, 0700, err);
    if (rc < 0)
        return rc;
    d = opendir(r->actions);
    if (!d)
        return sk_err_errno(err, errno, "%s", r->actions);
    while (rc == 0 && (e = readdir(d)))
        if (sk_str_ends(sk_str_c(e->d_name), SK_STR(".json")))
            rc = record_load(r, e->d_name, err);
    (void)closedir(d);
    return rc;
}
