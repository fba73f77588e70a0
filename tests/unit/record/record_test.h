/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the recorder share: folders, events with every member set, comparing. */
#ifndef SK_TESTS_RECORD_TEST_H
#define SK_TESTS_RECORD_TEST_H

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "record/record.h"
#include "tests/sk_test.h"

#define T0 1764000000000000000LL /* wall ns */
#define SEC 1000000000LL

static inline int rm_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}
static inline void dir_make(char dir[64])
{
    (void)snprintf(dir, 64, "/tmp/skep-test-record-XXXXXX");
    assert_non_null(mkdtemp(dir));
}
static inline void dir_remove(const char *dir)
{
    assert_int_equal(nftw(dir, rm_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A small event; no chooses its text, time and number. */
static inline struct sk_event event_make(uint64_t no, struct sk_process *p, char text[64])
{
    (void)snprintf(text, 64, "/srv/data/file-%llu", (unsigned long long)no);
    *p = (struct sk_process){
        .id = SK_STR("h:1:2"), .pid = 100 + no % 7, .tid = 100 + no % 7, .name = SK_STR("worker")};
    return (struct sk_event){
        .host_id = SK_STR("h"),
        .hostname = SK_STR("node"),
        .evt = {.num = no, .time = T0 + (int64_t)no * 1000, .type = 5 /* openat */, .rawres = 3},
        .fd = {.num = 3, .name = sk_str_c(text)},
        .proc = p,
    };
}
static inline void write_no(struct sk_record_writer *w, uint64_t no)
{
    struct sk_err err = {0};
    struct sk_process p;
    char text[64];
    struct sk_event e = event_make(no, &p, text);

    if (sk_record_write(w, &e, &err) < 0)
        fail_msg("%s", err.msg);
}
/* Incompressible text, so that bounds of size are reached soon. */
static inline int write_big(struct sk_record_writer *w, uint64_t no, int64_t time,
                            struct sk_err *err)
{
    static char text[4096];
    static uint64_t x = 88172645463325252U;
    struct sk_event e = {.evt = {.num = no, .time = time, .path = {text, sizeof(text)}}};

    for (size_t i = 0; i < sizeof(text); i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(text + i, &x, 8);
    }
    return sk_record_write(w, &e, err);
}

static inline struct sk_record_writer *writer(const char *dir, const struct sk_record_options *o)
{
    struct sk_record_writer *w = NULL;
    struct sk_err err = {0};

    if (sk_record_writer_open(dir, o, &w, &err) < 0)
        fail_msg("%s", err.msg);
    return w;
}
static inline void flush(struct sk_record_writer *w)
{
    struct sk_err err = {0};

    if (sk_record_flush(w, &err) < 0)
        fail_msg("%s", err.msg);
}
static inline struct sk_record_reader *reader(const char *dir, const struct sk_record_filter *f)
{
    static const struct sk_record_filter all;
    struct sk_record_reader *r = NULL;
    struct sk_err err = {0};

    if (sk_record_reader_open(dir, f ? f : &all, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}
/* Events to the end, which come with numbers that grow; damage is counted or a failure. */
struct tally {
    uint64_t n, first, last, gap, damaged;
    struct sk_err err; /* of the last damage */
};
static inline struct tally read_all(struct sk_record_reader *r, bool may_be_damaged)
{
    struct sk_record_item item;
    struct tally t = {0};
    int e;

    while ((e = sk_record_next(r, &item, &t.err)) != 1) {
        if (e < 0) {
            if (!may_be_damaged || e != -EBADMSG)
                fail_msg("%s", t.err.msg);
            t.damaged++;
            assert_true(t.damaged < 10000);
            continue;
        }
        if (!item.event) {
            t.gap += item.gap;
            continue;
        }
        assert_true(item.event->evt.num > t.last);
        t.first = t.n++ ? t.first : item.event->evt.num;
        t.last = item.event->evt.num;
    }
    return t;
}
static inline struct tally read_dir(const char *dir)
{
    struct sk_record_reader *r = reader(dir, NULL);
    struct tally t = read_all(r, false);

    (void)sk_record_reader_free(r);
    return t;
}

#endif
