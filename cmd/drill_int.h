/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drills: safe versions of attacks, played in throw-away containers, to see whether they are seen.
 *
 *   drill_data.c    what there is to play (drills/ in the executable)
 *   drill_root.c    the image: this executable, busybox, some bait, no network and no registry
 *   drill_docker.c  the engine that runs it
 *   drill_run.c     plays, asks the console what it saw, judges
 *   drill_report.c  text, HTML
 *   drill_act.c     what no shell can do, done by this executable inside the container
 *   drill_net.c     the same over loopback, many times over
 */
#ifndef SK_CMD_DRILL_INT_H
#define SK_CMD_DRILL_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "io/http_client.h"
#include "model/nouns.h"
#include "opts.h"

#define DRILL_REPO "skep-drill" /* the tag is the run's id: what is of this run is told by it */
#define DRILL_IMAGE_MAX 64
#define DRILL_LABEL "skep.drill"
#define DRILLS_MAX 512

struct drill {
    struct sk_str id, technique, title, title_zh;
    struct sk_str rule;   /* id of the rule that should see it, or the name of an engine's */
    uint32_t engine;      /* enum sk_engine */
    struct sk_str attack; /* scripts for /bin/sh */
    struct sk_str benign; /* the harmless twin */
    struct sk_strs caps;  /* that both need beside the engine's usual ones */
    struct sk_strs binds; /* "HOST:CONTAINER[:ro]"; HOST "@NAME": a folder made for the run */
    struct sk_str as;     /* init program started instead of sh: "nginx" … */
    bool tty, privileged, unconfined;
    bool plain_twin; /* the twin runs in an ordinary container: how it is run is the act */
};

struct drills {
    struct sk_arena *arena;
    const struct drill *v;
    size_t n;
};
int drills_load(struct drills *ret, struct sk_err *err) SK_NODISCARD;
void drills_done(struct drills *d);
/* Is it meant by a technique ("T1059" is all below it), its id or its rule's? */
bool drill_is(const struct drill *d, const char *what);

/* The image as a tar archive, appended. -ENOENT: no busybox on this host. */
int drill_root_make(struct sk_buf *out, struct sk_err *err) SK_NODISCARD;

struct drill_engine { /* one per thread */
    struct sk_http *http;
    const char *folder; /* of the run: "@NAME" of a bind is NAME in it */
    const char *run_id; /* no other run's, nor anyone's who could know it before */
};
/* folder and run_id are the caller's, and outlive it. */
int drill_engine_new(const char *socket, const char *folder, const char *run_id,
                     struct drill_engine *ret, struct sk_err *err) SK_NODISCARD;
void drill_engine_done(struct drill_engine *e);
int drill_image_make(struct drill_engine *e, struct sk_err *err) SK_NODISCARD;
void drill_image_remove(struct drill_engine *e);
/* Runs a script to its end, 20 s at most, and removes the container. id: 64 digits. */
int drill_container_run(struct drill_engine *e, const struct drill *d, struct sk_str script,
                        char ret_id[65], int64_t *ret_code, struct sk_err *err) SK_NODISCARD;

struct drill_plan {
    const struct sk_args *args;
    const char *docker;
    const struct drill *const *drills;
    size_t n;
    bool quick; /* no benign twins */
    void (*done)(void *arg, const struct sk_drill *result);
    void *arg;
};
/* Plays all, results in the order of the plan (in the arena). */
int drill_play(const struct drill_plan *p, struct sk_arena *a, struct sk_drill **ret,
               struct sk_err *err) SK_NODISCARD;

void drill_report_text(const struct sk_drill *v, size_t n, FILE *to);
int drill_report_html(const struct sk_drill *v, size_t n, const char *path,
                      struct sk_err *err) SK_NODISCARD;

int drill_act(const char *name, char **argv); /* exit code */
/* Acts that count, over loopback alone (drill_net.c). */
int drill_act_ports(char **argv);
int drill_act_hosts(char **argv);
int drill_act_guess(char **argv);
int drill_act_ask(char **argv);

#endif
