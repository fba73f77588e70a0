/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SK_DENY_DENY_INT_H
#define SK_DENY_DENY_INT_H

#include <sys/types.h>

#include "base/map.h"
#include "deny/deny.h"

struct deny_bpf;
struct ring_buffer;
struct sk_deny {
    struct deny_bpf *bpf;
    struct bpf_link *link, *nets[2]; /* connect4, connect6 */
    int nets_error;                  /* 1: no clause is about connections */
    const char *nets_why;            /* NULL: the kernel's error */
    struct ring_buffer *ring;
    enum skd_how how;
    uint32_t lists;         /* the last number given to one */
    struct sk_smap *listed; /* container → struct listed */
    void (*denial)(void *arg, const struct skd_denial *r);
    void *arg;

    int hierarchy;
    char program[512], cgroup[512];
    pid_t child; /* of the probe; 0: none */
    int pipe;    /* what it writes to */
    uint64_t started_ns;
};

#define SKD_UNIFIED_INO 1          /* of the root; that of a part of it is another */
const char *sk_deny_unified(void); /* the folder of the unified hierarchy */
int sk_deny_probe_group(struct sk_deny *d,
                        uint64_t id) SK_NODISCARD; /* this cgroup is the probe's */
int sk_deny_probe_open(struct sk_deny *d, const char *dir, struct sk_err *err) SK_NODISCARD;
void sk_deny_probe_close(struct sk_deny *d);

#endif
