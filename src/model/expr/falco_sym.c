/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the bits and numbers that system calls take. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "expr/falco.h"

struct symbol {
    uint64_t value;
    const char *name;
};
#define SYM(x)                                                                                     \
    {                                                                                              \
        (uint64_t)(x), #x                                                                          \
    }

static const struct symbol sym_open[] = {
    SYM(O_CREAT),    SYM(O_EXCL),     SYM(O_NOCTTY),  SYM(O_TRUNC),
    SYM(O_APPEND),   SYM(O_NONBLOCK), SYM(O_DIRECT),  SYM(O_DIRECTORY),
    SYM(O_NOFOLLOW), SYM(O_NOATIME),  SYM(O_CLOEXEC), SYM(O_PATH),
    SYM(O_TMPFILE),  SYM(O_DSYNC),    SYM(O_SYNC),    {0},
};
static const struct symbol sym_clone[] = {
    SYM(CLONE_VM),
    SYM(CLONE_FS),
    SYM(CLONE_FILES),
    SYM(CLONE_SIGHAND),
    SYM(CLONE_PTRACE),
    SYM(CLONE_VFORK),
    SYM(CLONE_PARENT),
    SYM(CLONE_THREAD),
    SYM(CLONE_NEWNS),
    SYM(CLONE_SYSVSEM),
    SYM(CLONE_SETTLS),
    SYM(CLONE_PARENT_SETTID),
    SYM(CLONE_CHILD_CLEARTID),
    SYM(CLONE_UNTRACED),
    SYM(CLONE_CHILD_SETTID),
    SYM(CLONE_NEWCGROUP),
    SYM(CLONE_NEWUTS),
    SYM(CLONE_NEWIPC),
    SYM(CLONE_NEWUSER),
    SYM(CLONE_NEWPID),
    SYM(CLONE_NEWNET),
    SYM(CLONE_IO),
    {0x80, "CLONE_NEWTIME"},
    {0},
};
static const struct symbol sym_mode[] = {
    {00400, "S_IRUSR"},
    {00200, "S_IWUSR"},
    {00100, "S_IXUSR"},
    {00040, "S_IRGRP"},
    {00020, "S_IWGRP"},
    {00010, "S_IXGRP"},
    {00004, "S_IROTH"},
    {00002, "S_IWOTH"},
    {00001, "S_IXOTH"},
    {04000, "S_ISUID"},
    {02000, "S_ISGID"},
    {01000, "S_ISVTX"},
    {0},
};
static const struct symbol sym_at[] = {
    {0x100, "AT_SYMLINK_NOFOLLOW"},
    {0x200, "AT_REMOVEDIR"},
    {0x400, "AT_SYMLINK_FOLLOW"},
    {0x1000, "AT_EMPTY_PATH"},
    {0},
};
static const struct symbol sym_rename[] = {
    {1, "RENAME_NOREPLACE"},
    {2, "RENAME_EXCHANGE"},
    {4, "RENAME_WHITEOUT"},
    {0},
};
static const struct symbol sym_mount[] = {
    SYM(MS_RDONLY),      SYM(MS_NOSUID),
    SYM(MS_NODEV),       SYM(MS_NOEXEC),
    SYM(MS_SYNCHRONOUS), SYM(MS_REMOUNT),
    SYM(MS_MANDLOCK),    SYM(MS_DIRSYNC),
    SYM(MS_NOATIME),     SYM(MS_NODIRATIME),
    SYM(MS_BIND),        SYM(MS_MOVE),
    SYM(MS_REC),         SYM(MS_SILENT),
    SYM(MS_POSIXACL),    SYM(MS_UNBINDABLE),
    SYM(MS_PRIVATE),     SYM(MS_SLAVE),
    SYM(MS_SHARED),      SYM(MS_RELATIME),
    SYM(MS_STRICTATIME), {0},
};
static const struct symbol sym_umount[] = {
    {1, "FORCE"}, {2, "DETACH"}, {4, "EXPIRE"}, {8, "NOFOLLOW"}, {0},
};
static const struct symbol sym_memfd[] = {
    {1, "MFD_CLOEXEC"},     {2, "MFD_ALLOW_SEALING"}, {4, "MFD_HUGETLB"},
    {8, "MFD_NOEXEC_SEAL"}, {16, "MFD_EXEC"},         {0},
};
static const struct symbol sym_prot[] = {
    {1, "PROT_READ"},
    {2, "PROT_WRITE"},
    {4, "PROT_EXEC"},
    {0},
};
static const struct symbol sym_exe[] = {
    {1, "EXE_WRITABLE"},
    {2, "EXE_UPPER_LAYER"},
    {4, "EXE_FROM_MEMFD"},
    {0},
};
static const struct symbol sym_ptrace[] = {
    SYM(PTRACE_TRACEME),      SYM(PTRACE_PEEKTEXT),     SYM(PTRACE_PEEKDATA),
    {3, "PTRACE_PEEKUSR"},    SYM(PTRACE_POKETEXT),     SYM(PTRACE_POKEDATA),
    {6, "PTRACE_POKEUSR"},    SYM(PTRACE_CONT),         SYM(PTRACE_KILL),
    SYM(PTRACE_SINGLESTEP),   {12, "PTRACE_GETREGS"},   {13, "PTRACE_SETREGS"},
    {14, "PTRACE_GETFPREGS"}, {15, "PTRACE_SETFPREGS"}, SYM(PTRACE_ATTACH),
    SYM(PTRACE_DETACH),       {24, "PTRACE_SYSCALL"},   SYM(PTRACE_SETOPTIONS),
    SYM(PTRACE_GETEVENTMSG),  SYM(PTRACE_GETSIGINFO),   SYM(PTRACE_SETSIGINFO),
    SYM(PTRACE_GETREGSET),    SYM(PTRACE_SETREGSET),    SYM(PTRACE_SEIZE),
    SYM(PTRACE_INTERRUPT),    SYM(PTRACE_LISTEN),       {0},
};
static const struct symbol sym_bpf[] = {
    SYM(BPF_MAP_CREATE),
    SYM(BPF_MAP_LOOKUP_ELEM),
    SYM(BPF_MAP_UPDATE_ELEM),
    SYM(BPF_MAP_DELETE_ELEM),
    SYM(BPF_MAP_GET_NEXT_KEY),
    SYM(BPF_PROG_LOAD),
    SYM(BPF_OBJ_PIN),
    SYM(BPF_OBJ_GET),
    SYM(BPF_PROG_ATTACH),
    SYM(BPF_PROG_DETACH),
    SYM(BPF_PROG_TEST_RUN),
    SYM(BPF_PROG_GET_NEXT_ID),
    SYM(BPF_MAP_GET_NEXT_ID),
    SYM(BPF_PROG_GET_FD_BY_ID),
    SYM(BPF_MAP_GET_FD_BY_ID),
    SYM(BPF_OBJ_GET_INFO_BY_FD),
    SYM(BPF_PROG_QUERY),
    SYM(BPF_RAW_TRACEPOINT_OPEN),
    SYM(BPF_BTF_LOAD),
    SYM(BPF_BTF_GET_FD_BY_ID),
    SYM(BPF_LINK_CREATE),
    SYM(BPF_LINK_UPDATE),
    {0},
};
static const struct symbol sym_af[] = {
    SYM(AF_UNSPEC), SYM(AF_UNIX), SYM(AF_INET),      SYM(AF_AX25),  SYM(AF_INET6), SYM(AF_NETLINK),
    SYM(AF_PACKET), SYM(AF_ALG),  SYM(AF_BLUETOOTH), SYM(AF_VSOCK), SYM(AF_XDP),   {0},
};
static const struct symbol sym_sig[] = {
    SYM(SIGHUP),  SYM(SIGINT),   SYM(SIGQUIT), SYM(SIGILL),  SYM(SIGTRAP),
    SYM(SIGABRT), SYM(SIGBUS),   SYM(SIGFPE),  SYM(SIGKILL), SYM(SIGUSR1),
    SYM(SIGSEGV), SYM(SIGUSR2),  SYM(SIGPIPE), SYM(SIGALRM), SYM(SIGTERM),
    SYM(SIGCHLD), SYM(SIGCONT),  SYM(SIGSTOP), SYM(SIGTSTP), SYM(SIGTTIN),
    SYM(SIGTTOU), SYM(SIGURG),   SYM(SIGXCPU), SYM(SIGXFSZ), SYM(SIGVTALRM),
    SYM(SIGPROF), SYM(SIGWINCH), SYM(SIGIO),   SYM(SIGPWR),  SYM(SIGSYS),
    {0},
};
static const struct symbol sym_cloexec[] = {
    SYM(O_CLOEXEC),
    {0},
};

static void add_symbol(struct x_scratch *s, size_t from, struct sk_str name)
{
    if (s->n > from)
        x_scratch_add(s, SK_STR("|"));
    x_scratch_add(s, name);
}

static struct sk_str join(uint64_t v, const struct symbol *sym, struct sk_str first,
                          struct x_scratch *s)
{
    size_t from = s->n;

    if (first.p)
        x_scratch_add(s, first);
    for (; sym->name; sym++)
        if (sym->value && (v & sym->value) == sym->value)
            add_symbol(s, from, sk_str_c(sym->name));
    if (s->n == from)
        return SK_STR("0");
    return sk_str_n(s->p + from, s->n - from);
}

static struct sk_str pick(uint64_t v, const struct symbol *sym)
{
    for (; sym->name; sym++)
        if (sym->value == v)
            return sk_str_c(sym->name);
    return (struct sk_str){0};
}

static struct sk_str caps(uint64_t v, struct x_scratch *s)
{
    size_t from = s->n;
    uint32_t i;

    for (i = 0; i < 64 && i < sk_enum_capability.n; i++)
        if (v >> i & 1)
            add_symbol(s, from, sk_str_c(sk_enum_capability.names[i]));
    return sk_str_n(s->p + from, s->n - from);
}

static struct sk_str open_flags(uint64_t v, struct x_scratch *s)
{
    static const struct sk_str access[] = {SK_STR_INIT("O_RDONLY"), SK_STR_INIT("O_WRONLY"),
                                           SK_STR_INIT("O_RDWR"), SK_STR_INIT("O_ACCMODE")};

    return join(v, sym_open, access[v & 3], s);
}

struct sk_str x_sym_text(unsigned sym, uint64_t v, struct x_scratch *s)
{
    static const struct symbol *const joined[X_SYMS] = {
        [X_SYM_CLONE] = sym_clone,     [X_SYM_MODE] = sym_mode,   [X_SYM_AT] = sym_at,
        [X_SYM_RENAME] = sym_rename,   [X_SYM_MOUNT] = sym_mount, [X_SYM_UMOUNT] = sym_umount,
        [X_SYM_MEMFD] = sym_memfd,     [X_SYM_PROT] = sym_prot,   [X_SYM_EXE] = sym_exe,
        [X_SYM_CLOEXEC] = sym_cloexec,
    };
    static const struct symbol *const picked[X_SYMS] = {
        [X_SYM_PTRACE] = sym_ptrace,
        [X_SYM_BPF] = sym_bpf,
        [X_SYM_AF] = sym_af,
        [X_SYM_SIG] = sym_sig,
    };

    if (sym == X_SYM_OPEN)
        return open_flags(v, s);
    if (sym == X_SYM_CAPS)
        return caps(v, s);
    if (joined[sym])
        return join(v, joined[sym], (struct sk_str){0}, s);
    return pick(v, picked[sym]);
}
