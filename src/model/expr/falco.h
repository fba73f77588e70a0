/* SPDX-License-Identifier: Apache-2.0 */
/* Which computed field of Falco's a getter yields: the cookie of its line in falco_names.c. */
#ifndef SK_EXPR_FALCO_H
#define SK_EXPR_FALCO_H

#include "expr/expr_int.h"
#include "model/evt.h"
#include "model/nouns.h"

enum x_evt_cookie {
    XE_DIR,
    XE_CATEGORY,
    XE_SOURCE,
    XE_COUNT,
    XE_RAWTIME,
    XE_RAWTIME_S,
    XE_RAWTIME_NS,
    XE_ISO8601,
    XE_IS_IO,
    XE_IS_IO_READ,
    XE_IS_IO_WRITE,
    XE_FALSE,
    XE_ABSPATH
};
enum x_fd_cookie {
    XF_CIP,
    XF_SIP,
    XF_LIP,
    XF_RIP,
    XF_CPORT,
    XF_SPORT,
    XF_LPORT,
    XF_RPORT,
    XF_TYPE,
    XF_SOCKFAMILY,
    XF_CONNECTED,
    XF_IS_SERVER,
    XF_NAME_CHANGED,
    XF_NAMERAW,
    XF_CONTAINERNAME,
    XF_CONTAINERDIR,
    XF_LOWER,
    XF_DEV_MAJOR,
    XF_DEV_MINOR,
    XF_IPS,
    XF_PORTS
};
enum x_proc_cookie {
    XP_NAME,
    XP_EXE,
    XP_EXEPATH,
    XP_CMDLINE,
    XP_PID,
    XP_ARGS,
    XP_EXELINE,
    XP_DURATION,
    XP_PDURATION,
    XP_CMDNARGS,
    XP_CMDLENARGS,
    XP_LOWER,
    XP_CTIME_DIFF,
    XP_LOGINUID,
    XP_ISMAIN,
    XP_NAMETID,
    XP_VTID,
    XP_LEADER_SID = 64,
    XP_LEADER_PGID = 128
};
enum x_container_cookie {
    XC_ID,
    XC_FULL_ID,
    XC_NAME,
    XC_TYPE,
    XC_DURATION,
    XC_MOUNTS,
    XC_INFO,
    XC_PRIVILEGED,
    XC_HOST_NETWORK,
    XC_HOST_PID
};
enum x_mount_cookie { XM_WHOLE, XM_SOURCE, XM_DEST, XM_MODE, XM_RDWR };

/* Names of the bits and numbers that system calls take (falco_sym.c). */
enum x_sym {
    X_SYM_OPEN,
    X_SYM_CLONE,
    X_SYM_MODE,
    X_SYM_AT,
    X_SYM_RENAME,
    X_SYM_MOUNT,
    X_SYM_UMOUNT,
    X_SYM_MEMFD,
    X_SYM_PROT,
    X_SYM_EXE,
    X_SYM_CLOEXEC,
    X_SYM_PTRACE,
    X_SYM_BPF,
    X_SYM_AF,
    X_SYM_SIG,
    X_SYM_CAPS,
    X_SYMS
};
/* "O_RDWR|O_CREAT", "PTRACE_ATTACH"; p == NULL when the number has no name. */
struct sk_str x_sym_text(unsigned sym, uint64_t v, struct x_scratch *s);

#endif
