/* SPDX-License-Identifier: Apache-2.0 */
/* The enumerations of the nouns, and the list of all nouns. Tables of fields: nouns_*.c. */
#include "model/nouns.h"
#include "model/evt.h"

#define ENUM(var, text, array)                                                                     \
    const struct sk_enum var = {.name = (text), .names = (array), .n = SK_ARRAY_LEN(array)}

static const char *const priority_names[] = {
    [SK_PRIO_EMERGENCY] = "emergency",
    [SK_PRIO_ALERT] = "alert",
    [SK_PRIO_CRITICAL] = "critical",
    [SK_PRIO_ERROR] = "error",
    [SK_PRIO_WARNING] = "warning",
    [SK_PRIO_NOTICE] = "notice",
    [SK_PRIO_INFORMATIONAL] = "informational",
    [SK_PRIO_DEBUG] = "debug",
};
ENUM(sk_enum_priority, "priority", priority_names);

static const char *const container_state_names[] = {
    [SK_CS_UNKNOWN] = "unknown", [SK_CS_CREATED] = "created", [SK_CS_RUNNING] = "running",
    [SK_CS_PAUSED] = "paused",   [SK_CS_EXITED] = "exited",   [SK_CS_REMOVED] = "removed",
};
ENUM(sk_enum_container_state, "container_state", container_state_names);

static const char *const runtime_names[] = {
    [SK_RT_UNKNOWN] = "unknown", [SK_RT_DOCKER] = "docker", [SK_RT_CONTAINERD] = "containerd",
    [SK_RT_CRIO] = "cri-o",      [SK_RT_PODMAN] = "podman",
};
ENUM(sk_enum_runtime, "runtime", runtime_names);

static const char *const role_names[] = {
    [SK_ROLE_VIEWER] = "viewer",
    [SK_ROLE_OPERATOR] = "operator",
    [SK_ROLE_ADMIN] = "admin",
};
ENUM(sk_enum_role, "role", role_names);

static const char *const alert_state_names[] = {[SK_AS_OPEN] = "open", [SK_AS_CLOSED] = "closed"};
ENUM(sk_enum_alert_state, "alert_state", alert_state_names);

/* The first letters of Falco's fd.typechar where it has one. */
static const char *const fd_typechar_names[] = {
    [SK_FD_NONE] = "",    [SK_FD_FILE] = "f",  [SK_FD_DIRECTORY] = "d", [SK_FD_IPV4] = "4",
    [SK_FD_IPV6] = "6",   [SK_FD_UNIX] = "u",  [SK_FD_PIPE] = "p",      [SK_FD_EVENT] = "e",
    [SK_FD_DEVICE] = "v", [SK_FD_OTHER] = "o",
};
ENUM(sk_enum_fd_typechar, "fd_type", fd_typechar_names);

static const char *const l4proto_names[] = {
    [SK_L4_NONE] = "",     [SK_L4_TCP] = "tcp", [SK_L4_UDP] = "udp",
    [SK_L4_ICMP] = "icmp", [SK_L4_RAW] = "raw",
};
ENUM(sk_enum_l4proto, "l4proto", l4proto_names);

static const char *const evt_type_names[] = {
    [SK_E_NONE] = "none",
    [SK_E_EXECVE] = "execve",
    [SK_E_EXECVEAT] = "execveat",
    [SK_E_CLONE] = "clone",
    [SK_E_FORK] = "fork",
    [SK_E_VFORK] = "vfork",
    [SK_E_CLONE3] = "clone3",
    [SK_E_PROCEXIT] = "procexit",
    [SK_E_OPEN] = "open",
    [SK_E_OPENAT] = "openat",
    [SK_E_OPENAT2] = "openat2",
    [SK_E_OPEN_BY_HANDLE_AT] = "open_by_handle_at",
    [SK_E_CREAT] = "creat",
    [SK_E_RENAME] = "rename",
    [SK_E_RENAMEAT] = "renameat",
    [SK_E_RENAMEAT2] = "renameat2",
    [SK_E_UNLINK] = "unlink",
    [SK_E_UNLINKAT] = "unlinkat",
    [SK_E_RMDIR] = "rmdir",
    [SK_E_MKDIR] = "mkdir",
    [SK_E_MKDIRAT] = "mkdirat",
    [SK_E_LINK] = "link",
    [SK_E_LINKAT] = "linkat",
    [SK_E_SYMLINK] = "symlink",
    [SK_E_SYMLINKAT] = "symlinkat",
    [SK_E_CHMOD] = "chmod",
    [SK_E_FCHMOD] = "fchmod",
    [SK_E_FCHMODAT] = "fchmodat",
    [SK_E_CHOWN] = "chown",
    [SK_E_LCHOWN] = "lchown",
    [SK_E_FCHOWN] = "fchown",
    [SK_E_FCHOWNAT] = "fchownat",
    [SK_E_CONNECT] = "connect",
    [SK_E_ACCEPT] = "accept",
    [SK_E_ACCEPT4] = "accept4",
    [SK_E_LISTEN] = "listen",
    [SK_E_BIND] = "bind",
    [SK_E_SENDTO] = "sendto",
    [SK_E_SENDMSG] = "sendmsg",
    [SK_E_RECVFROM] = "recvfrom",
    [SK_E_RECVMSG] = "recvmsg",
    [SK_E_SOCKET] = "socket",
    [SK_E_SHUTDOWN] = "shutdown",
    [SK_E_TCPCLOSE] = "tcpclose",
    [SK_E_DUP] = "dup",
    [SK_E_DUP2] = "dup2",
    [SK_E_DUP3] = "dup3",
    [SK_E_KILL] = "kill",
    [SK_E_TKILL] = "tkill",
    [SK_E_TGKILL] = "tgkill",
    [SK_E_SETUID] = "setuid",
    [SK_E_SETGID] = "setgid",
    [SK_E_SETRESUID] = "setresuid",
    [SK_E_SETRESGID] = "setresgid",
    [SK_E_SETREUID] = "setreuid",
    [SK_E_SETREGID] = "setregid",
    [SK_E_CAPSET] = "capset",
    [SK_E_SETNS] = "setns",
    [SK_E_UNSHARE] = "unshare",
    [SK_E_MOUNT] = "mount",
    [SK_E_UMOUNT] = "umount",
    [SK_E_UMOUNT2] = "umount2",
    [SK_E_PTRACE] = "ptrace",
    [SK_E_BPF] = "bpf",
    [SK_E_INIT_MODULE] = "init_module",
    [SK_E_FINIT_MODULE] = "finit_module",
    [SK_E_DELETE_MODULE] = "delete_module",
    [SK_E_MEMFD_CREATE] = "memfd_create",
    [SK_E_CHROOT] = "chroot",
    [SK_E_PIVOT_ROOT] = "pivot_root",
    [SK_E_USERFAULTFD] = "userfaultfd",
    [SK_E_PROCESS_VM_READV] = "process_vm_readv",
    [SK_E_PROCESS_VM_WRITEV] = "process_vm_writev",
    [SK_E_PRCTL] = "prctl",
    [SK_E_IO_URING_SETUP] = "io_uring_setup",
    [SK_E_MPROTECT] = "mprotect",
    [SK_E_KEYCTL] = "keyctl",
    [SK_E_SPLICE] = "splice",
    [SK_E_SYSLOG] = "syslog",
    [SK_E_CONTAINER] = "container",
};
_Static_assert(SK_ARRAY_LEN(evt_type_names) == SK_E_MAX, "every event type has a name");
ENUM(sk_enum_evt_type, "evt_type", evt_type_names);

static const char *const capability_names[] = {
    /* the order of linux/capability.h: the index is the bit */
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};
ENUM(sk_enum_capability, "capability", capability_names);

const struct sk_kind *const sk_kinds[] = {
    &sk_kind_host,      &sk_kind_container,  &sk_kind_image,           &sk_kind_process,
    &sk_kind_event,     &sk_kind_alert,      &sk_kind_agent,           &sk_kind_user,
    &sk_kind_token,     &sk_kind_audit,      &sk_kind_incident,        &sk_kind_action,
    &sk_kind_evidence,  &sk_kind_profile,    &sk_kind_profile_version, &sk_kind_exception,
    &sk_kind_indicator, &sk_kind_rulefile,   &sk_kind_drill,           &sk_kind_slice,
    &sk_kind_chunk,     &sk_kind_join_token, &sk_kind_certificate,     NULL,
};
