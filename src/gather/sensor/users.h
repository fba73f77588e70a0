/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups: the host's from its own files, a container's from its root.
 *
 * Source    passwd(5), group(5); in containers below /proc/PID/root (openat2, RESOLVE_IN_ROOT, no
 *           other mount), and only on file systems of the kernel's own: nothing there can make us
 *           wait.
 * Workload  one look-up per exec; answers are kept per container.
 * Trust     the files are whatever the container's owner wrote: regular files up to 1 MiB, names
 *           up to 64 bytes, 4096 entries.
 */
#ifndef SK_SENSOR_USERS_H
#define SK_SENSOR_USERS_H

#include "base/base.h"

#define SK_USERS_FILE_MAX ((size_t)1 << 20)
#define SK_USERS_ENTRIES_MAX 4096
#define SK_USERS_NAME_MAX 64
#define SK_USERS_SETS_MAX 512 /* containers whose names are kept; beyond it the oldest go */

struct sk_users;
struct sk_users *sk_users_new(void); /* NULL: no memory */
struct sk_users *sk_users_free(struct sk_users *u);
SK_DEFINE_CLEANUP(struct sk_users *, sk_users_free)

/* Name of a user or group; absent when there is none. container empty: the host. pid: a process
 * whose root is looked into; root_magic: that root's file system (statfs(2)). The text is valid
 * until the next call. now: ns, for refreshing (2 s after a change). */
struct sk_str sk_users_name(struct sk_users *u, struct sk_str container, uint64_t pid,
                            uint32_t root_magic, bool group, uint32_t id, uint64_t now);

/* "name:x:ID:…" lines; calls fn for each that is well formed. For tests and fuzzing. */
void sk_users_parse(struct sk_str text, void (*fn)(void *arg, struct sk_str name, uint32_t id),
                    void *arg);

#endif
