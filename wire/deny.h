/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What programs that refuse an exec or a connection (bpf/deny.bpf.c) share with src/act/deny: rules
 * as clauses over facts, numbered 0 to 62, and who is held to which of them. Number 63 is the
 * self-probe's.
 */
#ifndef SKEP_WIRE_DENY_H
#define SKEP_WIRE_DENY_H

#ifndef SKEP_VMLINUX_H
#include <linux/types.h>
#endif

#define SKD_CLAUSES 63
#define SKD_PROBE 63
#define SKD_PROBE_NAME "skep-deny-probe" /* as the program is called that must not run */
#define SKD_NAME 16
#define SKD_PATH 256 /* bytes compared of a path; longer ones are in no list */
#define SKD_FACTS 4  /* bits of enum sk_fact, in its order (expr/expr.h) */

enum skd_cause { /* a clause's number, or */
                 SKD_BY_UPPER = 64,
                 SKD_BY_MEMFD,
                 SKD_BY_DELETED,
                 SKD_BY_PROFILE,
};
enum skd_how { SKD_LSM, SKD_KILL, SKD_CGROUP };
#define SKD_PORTS 65536

enum skd_hold_flag { /* what a container is held to beside clauses */
                     SKD_H_UPPER = 1,
                     SKD_H_MEMFD = 2,
                     SKD_H_DELETED = 4,
                     SKD_H_LISTED = 8, /* only paths of its list may run */
};
struct skd_hold {
    __u64 clauses; /* bits */
    __u32 list;    /* number of its list of paths; 0: none */
    __u32 flags;   /* enum skd_hold_flag */
};
struct skd_marks { /* bits of the clauses that want this text, and that refuse it */
    __u64 yes, no;
};
struct skd_prefix { /* key of a longest-prefix table */
    __u32 bits;
    char text[SKD_PATH];
};
struct skd_net { /* key of a longest-prefix table */
    __u32 bits;  /* with those of the family */
    __u8 family; /* 4, 6 */
    __u8 addr[16];
    __u8 pad[3];
};
enum { SKD_L_KNOWN = 1, SKD_L_ALLOWED = 2 }; /* may run; and that it is drift does not matter */
struct skd_listed {                          /* key: a path of a list */
    __u32 list;
    char path[SKD_PATH];
};
struct skd_plan { /* which clauses ask for what */
    __u64 yes[SKD_FACTS], no[SKD_FACTS];
    __u64 named, placed, prefixed; /* want a name, a path, a prefix of a list */
    __u64 paths;                   /* ask anything of the path */
    __u32 has_paths, has_prefixes; /* is there any in the table? */
    __u64 nets;                    /* are about connections, all others about programs */
    __u64 netted;                  /* want a network of a list */
};
enum skd_group_kind { SKD_G_NONE, SKD_G_CONTAINER, SKD_G_PROBE };
struct skd_group { /* what a cgroup is */
    __u32 kind;
    char id[64];
};
struct skd_rate {
    __u64 since;
    __u32 told, untold;
};
struct skd_who { /* a process */
    __u64 start;
    __u32 tgid, pad;
};
struct skd_counts {
    __u64 refused, untold, lost; /* untold: too many of one cgroup; lost: the ring was full */
};
struct skd_denial {
    __u64 time, start, cgroup;
    __u32 tgid, cause, how;
    __u32 count; /* with those before that were not told */
    __u32 facts, path_n;
    char id[64]; /* of the container */
    char name[SKD_NAME];
    char path[SKD_PATH];
    __u8 addr[16]; /* of a connection: where to */
    __u16 port;
    __u8 family, proto; /* 4, 6; IPPROTO_* */
    __u32 pad;
};

#endif
