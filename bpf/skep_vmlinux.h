/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types, cut down to the members that are read here. Offsets are put right at load
 * time from the running kernel's BTF (CO-RE), so no dump of a kernel is needed to build.
 *
 * Flavours (name___old) stand for members that were renamed or moved; which one a kernel has is
 * asked with bpf_core_field_exists.
 */
#ifndef SKEP_VMLINUX_H
#define SKEP_VMLINUX_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;
#define NULL ((void *)0)

enum {
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PROG_ARRAY = 3,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_SK_STORAGE = 24,
    BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1, BPF_RB_CONS_POS = 2, BPF_RB_PROD_POS = 3 };
enum { BPF_SK_STORAGE_GET_F_CREATE = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
    unsigned long r10, r9, r8, ax, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
    __u64 regs[31];
};
struct pt_regs {
    struct user_pt_regs user_regs;
    __u64 orig_x0;
    __s32 syscallno;
};
#else
#error "no register layout for this architecture"
#endif

typedef struct {
    __u32 val;
} kuid_t;
typedef struct {
    __u32 val;
} kgid_t;
typedef struct {
    int counter;
} atomic_t;

struct qstr {
    union {
        struct {
            __u32 hash, len;
        };
        __u64 hash_len;
    };
    const unsigned char *name;
};
struct hlist_bl_node {
    struct hlist_bl_node **pprev;
};
struct super_block {
    __u32 s_dev;
    unsigned long s_flags;
    unsigned long s_magic;
};
struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct super_block *d_sb;
};
struct vfsmount {
    struct dentry *mnt_root;
    int mnt_flags;
};
struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};
struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};
struct timespec64 {
    __s64 tv_sec;
    long tv_nsec;
};
struct inode {
    __u16 i_mode;
    kuid_t i_uid;
    kgid_t i_gid;
    struct super_block *i_sb;
    unsigned long i_ino;
    __u32 i_nlink;
    __s64 i_mtime_sec, i_ctime_sec; /* from 6.11 */
    __u32 i_mtime_nsec, i_ctime_nsec;
};
struct inode___66 { /* 6.6 to 6.10 */
    struct timespec64 __i_mtime, __i_ctime;
};
struct inode___old { /* to 6.6 for mtime, to 6.5 for ctime */
    struct timespec64 i_mtime, i_ctime;
};
struct ovl_inode {
    struct inode vfs_inode;
    struct dentry *__upperdentry;
};
struct file {
    __u32 f_mode;
    __u32 f_flags;
    void *private_data;
    struct inode *f_inode;
    struct path f_path;
};
struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};
struct files_struct {
    struct fdtable *fdt;
};
struct fs_struct {
    struct path root, pwd;
};
struct mm_struct {
    unsigned long arg_start, arg_end, env_start, env_end;
    struct file *exe_file;
};
struct tty_driver {
    int major, minor_start;
};
struct tty_struct {
    int index;
    struct tty_driver *driver;
};
struct ns_common {
    unsigned int inum;
};
struct pid_namespace {
    struct ns_common ns;
};
struct upid {
    int nr;
    struct pid_namespace *ns;
};
struct pid {
    unsigned int level;
    struct upid numbers[1];
};
struct signal_struct {
    atomic_t live;
    int group_exit_code;
    unsigned int flags;
    struct pid *pids[4]; /* pid, tgid, pgid, sid */
    struct tty_struct *tty;
};
typedef struct {
    __u64 val; /* two __u32 before 6.3: the same bytes on little endian */
} kernel_cap_t;
struct user_namespace {
    struct ns_common ns;
};
struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t euid;
    kgid_t egid;
    kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
    struct user_namespace *user_ns;
};
struct seccomp {
    int mode;
};
struct mnt_namespace {
    struct ns_common ns;
};
struct net {
    struct ns_common ns;
};
struct nsproxy {
    struct mnt_namespace *mnt_ns;
    struct net *net_ns;
};
struct kernfs_node {
    struct kernfs_node *__parent; /* from 6.15 */
    const char *name;
    __u64 id;
};
struct kernfs_node___old {
    struct kernfs_node *parent;
};
struct cgroup_root {
    int hierarchy_id;
};
struct cgroup {
    struct kernfs_node *kn;
    struct cgroup_root *root;
};
struct cgroup_subsys_state {
    struct cgroup *cgroup;
};
struct css_set {
    struct cgroup_subsys_state *subsys[16];
    struct cgroup *dfl_cgrp;
};
struct task_struct {
    int pid, tgid;
    int exit_code;
    struct mm_struct *mm;
    struct task_struct *real_parent, *group_leader;
    struct pid *thread_pid;
    __u64 start_boottime;
    const struct cred *cred;
    char comm[16];
    struct fs_struct *fs;
    struct files_struct *files;
    struct nsproxy *nsproxy;
    struct signal_struct *signal;
    kuid_t loginuid;
    struct seccomp seccomp;
    __u64 self_exec_id;
    struct css_set *cgroups;
};
struct linux_binprm {
    struct file *file;
    const char *filename, *fdpath;
};

typedef struct {
    struct net *net;
} possible_net_t;
struct in6_addr {
    union {
        __u8 u6_addr8[16];
    } in6_u;
};
struct sock_common {
    __be32 skc_daddr, skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    __u16 skc_family;
    volatile unsigned char skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct socket {
    struct file *file;
    struct sock *sk;
};
struct sock {
    struct sock_common __sk_common;
    __u16 sk_type, sk_protocol;
    int sk_err;
    struct socket *sk_socket;
};
struct tcp_sock {
    __u64 bytes_sent, bytes_retrans, bytes_received;
};
struct inet_sock {
    __be32 inet_saddr;
    __be16 inet_sport;
};
struct iovec {
    void *iov_base;
    unsigned long iov_len;
};
enum iter_type { ITER_IOVEC, ITER_UBUF };
enum iter_type___new { ITER_UBUF___new }; /* from 6.0 */
struct iov_iter {
    __u8 iter_type;
    unsigned long iov_offset;
    void *ubuf;
    const struct iovec *__iov; /* from 6.4 */
};
struct iov_iter___old {
    const struct iovec *iov;
};
struct msghdr {
    void *msg_name;
    struct iov_iter msg_iter;
};
struct msghdr___old {
    struct iov_iter___old msg_iter;
};
struct sockaddr_un {
    __u16 sun_family;
    char sun_path[108];
};
struct unix_address {
    int len;
    struct sockaddr_un name[0];
};
struct unix_sock {
    struct unix_address *addr;
    struct sock *peer;
};
struct filename {
    const char *name;
};
struct open_how {
    __u64 flags, mode;
};
struct io_open { /* these stand at the beginning of struct io_kiocb */
    int dfd;
    struct filename *filename;
    struct open_how how;
};
struct io_unlink {
    int dfd, flags;
    struct filename *filename;
};
struct io_rename {
    int old_dfd, new_dfd;
    struct filename *oldpath, *newpath;
    int flags;
};
struct io_connect {
    struct sockaddr *addr;
};
struct io_cqe {
    int fd;
};
struct io_kiocb {
    __u8 opcode;
    unsigned int flags;
    struct io_cqe cqe;
};
enum cgroup_subsys_id { memory_cgrp_id = 4 };

struct seq_file;
struct bpf_iter_meta {
    struct seq_file *seq;
};
struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

#pragma clang attribute pop

struct sys_exit_ctx { /* format of events/syscalls/sys_exit_*, the same on all kernels */
    __u64 common;
    __s64 id;
    __s64 ret;
};

#endif
