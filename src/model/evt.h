/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event types and descriptor types: the small numbers behind evt.type and fd.type, shared by the
 * sensor (which fills them) and the expressions (which dispatch by them).
 *
 * Names are those of Falco's supported events (falco.org/docs/reference/rules/supported-events).
 */
#ifndef SK_MODEL_EVT_H
#define SK_MODEL_EVT_H

#include "model/kind.h"

enum sk_evt_type {
    SK_E_NONE,
    SK_E_EXECVE,
    SK_E_EXECVEAT,
    SK_E_CLONE,
    SK_E_FORK,
    SK_E_VFORK,
    SK_E_CLONE3,
    SK_E_PROCEXIT,
    SK_E_OPEN,
    SK_E_OPENAT,
    SK_E_OPENAT2,
    SK_E_OPEN_BY_HANDLE_AT,
    SK_E_CREAT,
    SK_E_RENAME,
    SK_E_RENAMEAT,
    SK_E_RENAMEAT2,
    SK_E_UNLINK,
    SK_E_UNLINKAT,
    SK_E_RMDIR,
    SK_E_MKDIR,
    SK_E_MKDIRAT,
    SK_E_LINK,
    SK_E_LINKAT,
    SK_E_SYMLINK,
    SK_E_SYMLINKAT,
    SK_E_CHMOD,
    SK_E_FCHMOD,
    SK_E_FCHMODAT,
    SK_E_CHOWN,
    SK_E_LCHOWN,
    SK_E_FCHOWN,
    SK_E_FCHOWNAT,
    SK_E_CONNECT,
    SK_E_ACCEPT,
    SK_E_ACCEPT4,
    SK_E_LISTEN,
    SK_E_BIND,
    SK_E_SENDTO,
    SK_E_SENDMSG,
    SK_E_RECVFROM,
    SK_E_RECVMSG,
    SK_E_SOCKET,
    SK_E_SHUTDOWN,
    SK_E_TCPCLOSE,
    SK_E_DUP,
    SK_E_DUP2,
    SK_E_DUP3,
    SK_E_KILL,
    SK_E_TKILL,
    SK_E_TGKILL,
    SK_E_SETUID,
    SK_E_SETGID,
    SK_E_SETRESUID,
    SK_E_SETRESGID,
    SK_E_SETREUID,
    SK_E_SETREGID,
    SK_E_CAPSET,
    SK_E_SETNS,
    SK_E_UNSHARE,
    SK_E_MOUNT,
    SK_E_UMOUNT,
    SK_E_UMOUNT2,
    SK_E_PTRACE,
    SK_E_BPF,
    SK_E_INIT_MODULE,
    SK_E_FINIT_MODULE,
    SK_E_DELETE_MODULE,
    SK_E_MEMFD_CREATE,
    SK_E_CHROOT,
    SK_E_PIVOT_ROOT,
    SK_E_USERFAULTFD,
    SK_E_PROCESS_VM_READV,
    SK_E_PROCESS_VM_WRITEV,
    SK_E_PRCTL,
    SK_E_IO_URING_SETUP,
    SK_E_MPROTECT,
    SK_E_KEYCTL,
    SK_E_SPLICE,
    SK_E_SYSLOG,
    SK_E_CONTAINER, /* a container started: the runtime told, or its first exec was seen */
    SK_E_MAX
};
enum sk_fd_type {
    SK_FD_NONE,
    SK_FD_FILE,
    SK_FD_DIRECTORY,
    SK_FD_IPV4,
    SK_FD_IPV6,
    SK_FD_UNIX,
    SK_FD_PIPE,
    SK_FD_EVENT,
    SK_FD_DEVICE,
    SK_FD_OTHER
};
enum sk_l4proto { SK_L4_NONE, SK_L4_TCP, SK_L4_UDP, SK_L4_ICMP, SK_L4_RAW };
extern const struct sk_enum sk_enum_evt_type, sk_enum_fd_typechar, sk_enum_l4proto;

#endif
