/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities that no part of skep needs are given up before the first thread (capabilities(7)).
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run_int.h"

/* What stays, and for what: BPF programs and maps (on kernels before 5.8: SYS_ADMIN), memory for
 * them before 5.11 (SYS_RESOURCE), /proc/PID of other users and namespaces (SYS_PTRACE), reading
 * files of containers (DAC_READ_SEARCH), --listen below 1024. For responses (src/act/respond):
 * ending processes of other users (KILL), taking files away and giving them back as they were
 * (DAC_OVERRIDE, CHOWN, FOWNER, FSETID, SETFCAP, LINUX_IMMUTABLE), programs on a cgroup's packets
 * and aborted connections (NET_ADMIN). */
static const unsigned kept[] = {
    CAP_BPF,          CAP_PERFMON,         CAP_SYS_ADMIN,        CAP_SYS_RESOURCE,
    CAP_SYS_PTRACE,   CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE, CAP_KILL,
    CAP_DAC_OVERRIDE, CAP_CHOWN,           CAP_FOWNER,           CAP_FSETID,
    CAP_SETFCAP,      CAP_LINUX_IMMUTABLE, CAP_NET_ADMIN};

int run_privileges_drop(struct sk_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2], want[2] = {{0}};
    size_t i;

    if (syscall(SYS_capget, &head, have) < 0)
        return sk_err_errno(err, errno, "capget");
    for (i = 0; i < SK_ARRAY_LEN(kept); i++) {
        unsigned bit = 1U << (kept[i] & 31);

        want[kept[i] >> 5].permitted |= have[kept[i] >> 5].permitted & bit;
    }
    for (i = 0; i < 2; i++)
        want[i].effective = want[i].permitted;
    if (syscall(SYS_capset, &head, want) < 0)
        return sk_err_errno(err, errno, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return sk_err_errno(err, errno, "no_new_privs");
    return 0;
}
