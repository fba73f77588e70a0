/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records from the kernel side (bpf/) to user space (src/gather/sensor/): one header, a fixed part
 * by kind, then texts back to back in the order in which their lengths stand in the fixed part.
 *
 * Paths travel as components, leaf first, each ended by NUL ("shadow\0etc\0" is /etc/shadow): the
 * kernel walks from the leaf up and need not turn them around.
 *
 * Trust     the kernel side is ours; the texts in it are chosen by whoever is watched. User space
 *           checks every length all the same.
 */
#ifndef SK_WIRE_EVENT_H
#define SK_WIRE_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define SKW_ARGS_MAX 4095 /* bytes of argv kept */
#define SKW_ENV_MAX 8191  /* bytes of environment looked at */
#define SKW_STR_MAX 4096  /* bytes of a user string, NUL included */
#define SKW_DEPTH_MAX 64  /* path components */
#define SKW_PATH_MAX 4096 /* bytes of one path */
#define SKW_NAME_ROOM                                                                              \
    257                    /* of them: a path ends when less are left, for one more name and NULs  \
                            */
#define SKW_TEXT_MAX 24576 /* bytes of texts in one record */
#define SKW_SYS_MAX 512    /* system call numbers */
#define SKW_OWNER_WAYS 4   /* places in a bucket of the table of connections */
#define SKW_TYPES 128      /* event types (enum sk_evt_type), for counters */
#define SKW_QUERY_MAX 272  /* bytes of a question to a name server: header, longest name, type */
#define SKW_QUERY_ADDR 32  /* bytes of two IPv6 addresses, before the question */

enum skw_ring {
    SKW_FIRST, /* programs, privileges, enforcement: never crowded out by the others */
    SKW_FILE,  /* files and network */
    SKW_BULK,  /* what only the recorder asks for */
    SKW_RINGS
};

enum skw_kind {
    SKW_CGROUP = 1,  /* struct skw_cgroup: which container a cgroup key stands for */
    SKW_CGROUP_GONE, /* struct skw_cgroup without text */
    SKW_EXEC,        /* struct skw_exec */
    SKW_FORK,        /* struct skw_task: the child */
    SKW_EXIT,        /* struct skw_exit */
    SKW_CALL,        /* struct skw_call: files, privileges, the rest */
    SKW_SOCK,        /* struct skw_sock */
    SKW_CRED,        /* struct skw_cred: new credentials */
    SKW_TASK,        /* struct skw_exec without args and env: start-up inventory */
    SKW_CLOSE,       /* struct skw_close: a TCP connection ended */
    SKW_QUERY,       /* struct skw_query: something was sent to a name server */
};

enum skw_flag {
    SKW_F_CONTAINER = 1 << 0, /* the cgroup is a container's */
    SKW_F_SECCOMP = 1 << 2,   /* a seccomp filter is in force */
    SKW_F_CUT = 1 << 3,       /* a text was longer than its limit */
    SKW_F_DETACHED0 = 1 << 4, /* first path hangs on no mount (memfd, pipe, lazily unmounted) */
    SKW_F_DETACHED1 = 1 << 5,
    SKW_F_DELETED = 1 << 6,   /* the file has no name any more */
    SKW_F_UPPER = 1 << 7,     /* in the overlay's upper layer */
    SKW_F_RDONLY = 1 << 8,    /* its mount or file system is read-only */
    SKW_F_BADARGS = 1 << 9,   /* argv could not be read */
    SKW_F_ACCEPTED = 1 << 10, /* socket: the local side is the server */
    SKW_F_CONNECTED = 1 << 11,
    SKW_F_USERADDR = 1 << 12, /* address as the caller gave it, not as the socket has it */
    SKW_F_FD = 1 << 13,       /* skw_call: ino, dev … are of a file, and base 0 is its path */
    SKW_F_RING = 1 << 14,     /* asked for through io_uring; how it ended is not known */
};

struct skw_hdr {
    __u64 time;  /* ns since boot */
    __u32 size;  /* bytes of the whole record */
    __u8 kind;   /* enum skw_kind */
    __u8 type;   /* event type that user space gave the call */
    __u16 flags; /* enum skw_flag */
    __u32 tgid, tid;
    __u64 start;  /* of the thread group leader, ns since boot: with tgid the process's identity */
    __u64 cgroup; /* id of the cgroup that settles its container, see struct skw_cgroup */
    __s64 ret;
};

struct skw_cgroup {
    struct skw_hdr h;
    __u64 v2_id;  /* of the unified hierarchy; the key is the v1 id where that settles identity */
    __u32 name_n; /* 64: the container id follows; 0: no container */
    __u32 pad;
};

struct skw_ids { /* credentials */
    __u32 uid, gid, euid, egid;
    __u64 cap_permitted, cap_effective, cap_inheritable;
    __u32 loginuid, pad;
};

struct skw_inode {
    __u64 ino;
    __u32 dev;  /* kernel encoding: major << 20 | minor */
    __u32 mode; /* i_mode */
    __u32 nlink;
    __u32 magic; /* of its file system */
};

struct skw_task {
    struct skw_hdr h;
    __u32 ppid, vpid, vppid, sid, pgid;
    __u32 tty; /* as skw_inode.dev; 0 = none */
    __u64 parent_start;
    __u64 lost; /* events of its cgroup lost so far, see struct skw_lost */
    struct skw_ids ids;
    char comm[16];
};

struct skw_exec {
    struct skw_task t;
    struct skw_inode exe;
    __s64 exe_mtime, exe_ctime; /* ns since 1970 */
    __u32 exe_uid, exe_gid;
    __u32 mnt_ns, pid_ns, net_ns, user_ns;
    __u32 root_magic; /* file system of the process's root */
    __u32 pad;
    __u16 exe_n, cwd_n; /* paths */
    __u16 file_n;       /* as given to execve(2), NUL included */
    __u16 args_n;       /* argv, each ended by NUL */
    __u16 env_n;        /* environment, the same */
    __u16 pad2[3];
};

struct skw_exit {
    struct skw_hdr h;
    __s64 code; /* wait status */
};

struct skw_call {
    struct skw_hdr h;
    __s64 arg[6];
    struct skw_inode file;
    __u32 fflags, fmode; /* f_flags, f_mode of the open file */
    __u16 base_n[2];     /* paths: of the file (SKW_F_FD), or what a relative str hangs on */
    __u16 str_n[3];      /* user strings, NUL included; the third is a name, not a path */
    __u16 pad[3];
};

struct skw_sock {
    struct skw_hdr h;
    __u64 ino;
    __s32 arg[3];
    __u16 family, proto; /* AF_…, IPPROTO_… */
    __u16 lport, rport;  /* host order */
    __u8 type, state;    /* SOCK_…, TCP_… */
    __u16 text_n;        /* see below */
    __u8 addr[2][4];     /* AF_INET: local, remote, in network order */
    /* AF_INET6: two addresses of 16 bytes follow. AF_UNIX: sun_path, NUL included; abstract names
     * begin with NUL. */
};

struct skw_close {
    struct skw_sock k;
    __u64 sent, received; /* bytes of payload; sent: without what was sent again */
    __u32 lasted;         /* since it was asked for or taken, in 2^20 ns; wraps after 52 days */
    __u32 pad;
    /* as after skw_sock */
};

struct skw_query {
    struct skw_sock k; /* text_n: SKW_QUERY_ADDR; the addresses, whatever the family */
    __u16 data_n;      /* bytes of the message, which follow the addresses */
    __u16 pad[3];
};

struct skw_cred {
    struct skw_hdr h;
    __s64 arg[3];
    struct skw_ids ids;
};

/* ---- settings, filled before load ---- */

enum skw_sys_flag {
    SKW_S_FIRST = 1 << 0,  /* goes into the first ring, which is never crowded out */
    SKW_S_URGENT = 1 << 1, /* wakes the reader at once */
    SKW_S_FDPATH = 1 << 2, /* argument dir0 is a descriptor whose file is meant */
    SKW_S_RET_FD = 1 << 3, /* the socket is the returned descriptor */
    SKW_S_NEW = 1 << 4,    /* socket: usual ones are not told */
    SKW_S_MSG = 1 << 5,    /* the address is in a struct user_msghdr */
    SKW_S_QUIET = 1 << 6,  /* failures are not told */
    SKW_S_OWNER = 1 << 7,  /* opens a connection: the end of it is its too */
};
struct skw_sys { /* by system call number: what to read; indexes of arguments, -1 = none */
    __u8 type;
    __u8 flags; /* enum skw_sys_flag */
    __s8 dir0, str0, dir1, str1, str2;
    __s8 oflags; /* open: the argument with the O_ flags */
    /* sendto and its kin: str0 is the address or the user_msghdr, str1 what is sent (recv: -1),
     * str2 how many user_msghdr there are */
};
enum skw_uring { /* operations of io_uring that are told: IORING_OP_… of linux/io_uring.h */
                 SKW_URING_CONNECT = 16,
                 SKW_URING_OPENAT = 18,
                 SKW_URING_OPENAT2 = 28,
                 SKW_URING_RENAMEAT = 35,
                 SKW_URING_UNLINKAT = 36,
                 SKW_URING_OPS = 64
};
#define SKW_ONLY_QUERIES (1 << 6) /* in skb_kind: only what goes to a name server is told */

/*
 * ---- pointers into the kernel ----
 *
 * Where the kernel has bpf_rdonly_cast (from 6.2), its structs are read by plain loads, else by
 * bpf_probe_read_kernel. Which it is stands in the programs as numbers that user space puts right
 * before it gives them to libbpf: an extern would not load where the function is missing before
 * 5.16, and has modules searched for it after.
 */
#define SKW_CAST_CALL                                                                              \
    0x5ca57ca1 /* "call": becomes bpf_rdonly_cast; before it, r2 = enum skw_cast */
#define SKW_CAST_HAVE 0x5ca57a1e   /* "rN =": becomes 1 when there is bpf_rdonly_cast, else 0 */
enum skw_cast {                    /* becomes the type's id in the kernel's BTF */
                SKW_CAST_WORD = 1, /* timespec64: eight bytes */
                SKW_CAST_TASK,
                SKW_CAST_FILE,
                SKW_CAST_SOCKET,
                SKW_CAST_INET,
                SKW_CAST_DENTRY,
                SKW_CAST_N
};

/* ---- counters, one per processor ---- */

enum skw_error { SKW_E_SCRATCH, SKW_E_USER, SKW_E_KERNEL, SKW_E_MAX = 8 };

struct skw_counts {
    __u64 lost_all, lost_other;
    __u64 sent[SKW_TYPES], lost[SKW_TYPES], filtered[SKW_TYPES];
    __u64 error[SKW_E_MAX];
    __u32 since[SKW_RINGS + 1]; /* bytes sent to a ring since its backlog was looked at */
};

/* Events lost, by the key of the cgroup that they came from. Where there is no room for a cgroup,
 * they count in skw_counts.lost_other. */
struct skw_lost {
    __u64 ring[SKW_RINGS];
};

struct skw_wake { /* per ring, written by the kernel side */
    __u64 last;   /* time of the last record */
    __u64 woken;  /* time of the last wake-up, and the writer's position then */
    __u64 pos;
};

#endif
