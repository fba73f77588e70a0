/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evt.arg: what a system call was given, under Falco's names. A number shows as its symbols
 * ("O_RDWR|O_CREAT", "PTRACE_ATTACH"); a comparison takes the plain number, too.
 *
 * How the sensor fills struct sk_evt by type stands in the table below.
 */

#include "expr/falco.h"

enum source {
    S_NONE,
    S_PATH,
    S_OLDPATH,
    S_NEWPATH,
    S_NAME,
    S_FILE,
    S_FLAGS,
    S_MODE,
    S_RAWRES,
    S_ARG0,
    S_ARG1,
    S_ARG2,
    S_ARG3,
    S_TARGET,
    S_FD,
    S_FDNAME,
    S_EXE,
    S_ARGS,
    S_PID,
    S_EXEFLAGS
};
enum decoder {
    D_NONE,
    D_TEXT,
    D_NUM,
    D_OCT,
    D_RES,
    D_UID,
    D_GID,
    D_SYM, /* the others: symbols */
    D_OPEN = D_SYM + X_SYM_OPEN,
    D_CLONE = D_SYM + X_SYM_CLONE,
    D_MODE = D_SYM + X_SYM_MODE,
    D_AT = D_SYM + X_SYM_AT,
    D_RENAME = D_SYM + X_SYM_RENAME,
    D_MOUNT = D_SYM + X_SYM_MOUNT,
    D_UMOUNT = D_SYM + X_SYM_UMOUNT,
    D_MEMFD = D_SYM + X_SYM_MEMFD,
    D_PROT = D_SYM + X_SYM_PROT,
    D_EXE = D_SYM + X_SYM_EXE,
    D_CLOEXEC = D_SYM + X_SYM_CLOEXEC,
    D_PTRACE = D_SYM + X_SYM_PTRACE,
    D_BPF = D_SYM + X_SYM_BPF,
    D_AF = D_SYM + X_SYM_AF,
    D_SIG = D_SYM + X_SYM_SIG,
    D_CAPS = D_SYM + X_SYM_CAPS,
};

struct arg {
    const char *name;
    uint8_t source, decoder;
};

static const struct arg args_open[] = {{"fd", S_RAWRES, D_NUM},
                                       {"name", S_PATH, D_TEXT},
                                       {"flags", S_FLAGS, D_OPEN},
                                       {"mode", S_MODE, D_OCT},
                                       {0}};
static const struct arg args_open_by_handle_at[] = {
    {"fd", S_RAWRES, D_NUM}, {"flags", S_FLAGS, D_OPEN}, {"path", S_PATH, D_TEXT}, {0}};
static const struct arg args_creat[] = {
    {"fd", S_RAWRES, D_NUM}, {"name", S_PATH, D_TEXT}, {"mode", S_MODE, D_OCT}, {0}};
static const struct arg args_execve[] = {{"res", S_RAWRES, D_RES},
                                         {"filename", S_FILE, D_TEXT},
                                         {"exe", S_EXE, D_TEXT},
                                         {"args", S_ARGS, D_TEXT},
                                         {"pid", S_PID, D_NUM},
                                         {"flags", S_EXEFLAGS, D_EXE},
                                         {0}};
static const struct arg args_execveat[] = {{"res", S_RAWRES, D_RES},
                                           {"pathname", S_FILE, D_TEXT},
                                           {"exe", S_EXE, D_TEXT},
                                           {"args", S_ARGS, D_TEXT},
                                           {"pid", S_PID, D_NUM},
                                           {"flags", S_EXEFLAGS, D_EXE},
                                           {0}};
static const struct arg args_clone[] = {{"res", S_RAWRES, D_RES},    {"exe", S_EXE, D_TEXT},
                                        {"args", S_ARGS, D_TEXT},    {"pid", S_PID, D_NUM},
                                        {"flags", S_FLAGS, D_CLONE}, {0}};
static const struct arg args_fork[] = {{"res", S_RAWRES, D_RES},
                                       {"exe", S_EXE, D_TEXT},
                                       {"args", S_ARGS, D_TEXT},
                                       {"pid", S_PID, D_NUM},
                                       {0}};
static const struct arg args_procexit[] = {{"status", S_ARG0, D_NUM}, {"sig", S_ARG1, D_SIG}, {0}};
static const struct arg args_rename[] = {
    {"res", S_RAWRES, D_RES}, {"oldpath", S_OLDPATH, D_TEXT}, {"newpath", S_NEWPATH, D_TEXT}, {0}};
static const struct arg args_renameat2[] = {{"res", S_RAWRES, D_RES},
                                            {"oldpath", S_OLDPATH, D_TEXT},
                                            {"newpath", S_NEWPATH, D_TEXT},
                                            {"flags", S_FLAGS, D_RENAME},
                                            {0}};
static const struct arg args_unlink[] = {{"res", S_RAWRES, D_RES}, {"path", S_PATH, D_TEXT}, {0}};
static const struct arg args_unlinkat[] = {
    {"res", S_RAWRES, D_RES}, {"name", S_PATH, D_TEXT}, {"flags", S_FLAGS, D_AT}, {0}};
static const struct arg args_mkdir[] = {
    {"res", S_RAWRES, D_RES}, {"path", S_PATH, D_TEXT}, {"mode", S_MODE, D_OCT}, {0}};
static const struct arg args_linkat[] = {{"res", S_RAWRES, D_RES},
                                         {"oldpath", S_OLDPATH, D_TEXT},
                                         {"newpath", S_NEWPATH, D_TEXT},
                                         {"flags", S_FLAGS, D_AT},
                                         {0}};
static const struct arg args_symlink[] = {
    {"res", S_RAWRES, D_RES}, {"target", S_OLDPATH, D_TEXT}, {"linkpath", S_NEWPATH, D_TEXT}, {0}};
static const struct arg args_chmod[] = {
    {"res", S_RAWRES, D_RES}, {"filename", S_PATH, D_TEXT}, {"mode", S_MODE, D_MODE}, {0}};
static const struct arg args_fchmod[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_FD, D_NUM}, {"mode", S_MODE, D_MODE}, {0}};
static const struct arg args_chown[] = {{"res", S_RAWRES, D_RES},
                                        {"path", S_PATH, D_TEXT},
                                        {"uid", S_ARG0, D_UID},
                                        {"gid", S_ARG1, D_GID},
                                        {0}};
static const struct arg args_fchown[] = {{"res", S_RAWRES, D_RES},
                                         {"fd", S_FD, D_NUM},
                                         {"uid", S_ARG0, D_UID},
                                         {"gid", S_ARG1, D_GID},
                                         {0}};
static const struct arg args_fchownat[] = {{"res", S_RAWRES, D_RES},
                                           {"pathname", S_PATH, D_TEXT},
                                           {"uid", S_ARG0, D_UID},
                                           {"gid", S_ARG1, D_GID},
                                           {0}};
static const struct arg args_connect[] = {
    {"res", S_RAWRES, D_RES}, {"tuple", S_FDNAME, D_TEXT}, {"fd", S_FD, D_NUM}, {0}};
static const struct arg args_accept[] = {{"fd", S_RAWRES, D_NUM}, {"tuple", S_FDNAME, D_TEXT}, {0}};
static const struct arg args_listen[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_FD, D_NUM}, {"backlog", S_ARG1, D_NUM}, {0}};
static const struct arg args_bind[] = {
    {"res", S_RAWRES, D_RES}, {"addr", S_FDNAME, D_TEXT}, {"fd", S_FD, D_NUM}, {0}};
static const struct arg args_sendto[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_FD, D_NUM}, {"tuple", S_FDNAME, D_TEXT}, {0}};
static const struct arg args_socket[] = {{"fd", S_RAWRES, D_NUM},
                                         {"domain", S_ARG0, D_AF},
                                         {"type", S_ARG1, D_NUM},
                                         {"proto", S_ARG2, D_NUM},
                                         {0}};
static const struct arg args_shutdown[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_FD, D_NUM}, {"how", S_ARG1, D_NUM}, {0}};
static const struct arg args_tcpclose[] = {{"tuple", S_FDNAME, D_TEXT}, {0}};
static const struct arg args_dup[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_ARG0, D_NUM}, {"res_or_fd", S_RAWRES, D_NUM}, {0}};
static const struct arg args_dup2[] = {{"res", S_RAWRES, D_RES}, {"oldfd", S_ARG0, D_NUM},
                                       {"newfd", S_ARG1, D_NUM}, {"res_or_fd", S_RAWRES, D_NUM},
                                       {"fd", S_RAWRES, D_NUM},  {0}};
static const struct arg args_dup3[] = {{"res", S_RAWRES, D_RES},
                                       {"oldfd", S_ARG0, D_NUM},
                                       {"newfd", S_ARG1, D_NUM},
                                       {"flags", S_ARG2, D_CLOEXEC},
                                       {"res_or_fd", S_RAWRES, D_NUM},
                                       {"fd", S_RAWRES, D_NUM},
                                       {0}};
static const struct arg args_kill[] = {
    {"res", S_RAWRES, D_RES}, {"pid", S_TARGET, D_NUM}, {"sig", S_ARG0, D_SIG}, {0}};
static const struct arg args_tkill[] = {
    {"res", S_RAWRES, D_RES}, {"tid", S_TARGET, D_NUM}, {"sig", S_ARG0, D_SIG}, {0}};
static const struct arg args_setuid[] = {{"res", S_RAWRES, D_RES}, {"uid", S_ARG0, D_UID}, {0}};
static const struct arg args_setgid[] = {{"res", S_RAWRES, D_RES}, {"gid", S_ARG0, D_GID}, {0}};
static const struct arg args_setresuid[] = {{"res", S_RAWRES, D_RES},
                                            {"ruid", S_ARG0, D_UID},
                                            {"euid", S_ARG1, D_UID},
                                            {"suid", S_ARG2, D_UID},
                                            {0}};
static const struct arg args_setresgid[] = {{"res", S_RAWRES, D_RES},
                                            {"rgid", S_ARG0, D_GID},
                                            {"egid", S_ARG1, D_GID},
                                            {"sgid", S_ARG2, D_GID},
                                            {0}};
static const struct arg args_setreuid[] = {
    {"res", S_RAWRES, D_RES}, {"ruid", S_ARG0, D_UID}, {"euid", S_ARG1, D_UID}, {0}};
static const struct arg args_setregid[] = {
    {"res", S_RAWRES, D_RES}, {"rgid", S_ARG0, D_GID}, {"egid", S_ARG1, D_GID}, {0}};
static const struct arg args_capset[] = {{"res", S_RAWRES, D_RES},
                                         {"cap_effective", S_ARG0, D_CAPS},
                                         {"cap_permitted", S_ARG1, D_CAPS},
                                         {"cap_inheritable", S_ARG2, D_CAPS},
                                         {0}};
static const struct arg args_setns[] = {
    {"res", S_RAWRES, D_RES}, {"fd", S_FD, D_NUM}, {"nstype", S_FLAGS, D_CLONE}, {0}};
static const struct arg args_unshare[] = {
    {"res", S_RAWRES, D_RES}, {"flags", S_FLAGS, D_CLONE}, {0}};
static const struct arg args_mount[] = {{"res", S_RAWRES, D_RES},    {"dev", S_OLDPATH, D_TEXT},
                                        {"dir", S_PATH, D_TEXT},     {"type", S_NAME, D_TEXT},
                                        {"flags", S_FLAGS, D_MOUNT}, {0}};
static const struct arg args_umount[] = {
    {"res", S_RAWRES, D_RES}, {"name", S_PATH, D_TEXT}, {"flags", S_FLAGS, D_UMOUNT}, {0}};
static const struct arg args_ptrace[] = {
    {"res", S_RAWRES, D_RES}, {"request", S_ARG0, D_PTRACE}, {"pid", S_TARGET, D_NUM}, {0}};
static const struct arg args_bpf[] = {
    {"fd", S_RAWRES, D_NUM}, {"cmd", S_ARG0, D_BPF}, {"res_or_fd", S_RAWRES, D_NUM}, {0}};
static const struct arg args_init_module[] = {
    {"res", S_RAWRES, D_RES}, {"name", S_NAME, D_TEXT}, {0}};
static const struct arg args_finit_module[] = {{"res", S_RAWRES, D_RES},
                                               {"name", S_NAME, D_TEXT},
                                               {"path", S_PATH, D_TEXT},
                                               {"flags", S_FLAGS, D_NUM},
                                               {0}};
static const struct arg args_delete_module[] = {
    {"res", S_RAWRES, D_RES}, {"name", S_NAME, D_TEXT}, {"flags", S_ARG1, D_NUM}, {0}};
static const struct arg args_memfd_create[] = {
    {"fd", S_RAWRES, D_NUM}, {"name", S_NAME, D_TEXT}, {"flags", S_FLAGS, D_MEMFD}, {0}};
static const struct arg args_pivot_root[] = {
    {"res", S_RAWRES, D_RES}, {"new_root", S_OLDPATH, D_TEXT}, {"put_old", S_NEWPATH, D_TEXT}, {0}};
static const struct arg args_userfaultfd[] = {
    {"res", S_RAWRES, D_RES}, {"flags", S_FLAGS, D_OPEN}, {0}};
static const struct arg args_process_vm_readv[] = {
    {"res", S_RAWRES, D_RES}, {"pid", S_TARGET, D_NUM}, {0}};
static const struct arg args_prctl[] = {
    {"res", S_RAWRES, D_RES}, {"option", S_ARG0, D_NUM}, {"arg2_int", S_ARG1, D_NUM}, {0}};
static const struct arg args_io_uring_setup[] = {
    {"res", S_RAWRES, D_RES}, {"entries", S_ARG0, D_NUM}, {0}};
static const struct arg args_mprotect[] = {{"res", S_RAWRES, D_RES},
                                           {"addr", S_ARG0, D_NUM},
                                           {"length", S_ARG1, D_NUM},
                                           {"prot", S_ARG2, D_PROT},
                                           {0}};
static const struct arg args_keyctl[] = {{"res", S_RAWRES, D_RES}, {"option", S_ARG0, D_NUM}, {0}};
static const struct arg args_syslog[] = {{"res", S_RAWRES, D_RES}, {"type", S_ARG0, D_NUM}, {0}};
static const struct arg *const args_of[SK_E_MAX] = {
    [SK_E_OPEN] = args_open,
    [SK_E_OPENAT] = args_open,
    [SK_E_OPENAT2] = args_open,
    [SK_E_OPEN_BY_HANDLE_AT] = args_open_by_handle_at,
    [SK_E_CREAT] = args_creat,
    [SK_E_EXECVE] = args_execve,
    [SK_E_EXECVEAT] = args_execveat,
    [SK_E_CLONE] = args_clone,
    [SK_E_CLONE3] = args_clone,
    [SK_E_FORK] = args_fork,
    [SK_E_VFORK] = args_fork,
    [SK_E_PROCEXIT] = args_procexit,
    [SK_E_RENAME] = args_rename,
    [SK_E_RENAMEAT] = args_rename,
    [SK_E_RENAMEAT2] = args_renameat2,
    [SK_E_UNLINK] = args_unlink,
    [SK_E_UNLINKAT] = args_unlinkat,
    [SK_E_RMDIR] = args_unlink,
    [SK_E_MKDIR] = args_mkdir,
    [SK_E_MKDIRAT] = args_mkdir,
    [SK_E_LINK] = args_rename,
    [SK_E_LINKAT] = args_linkat,
    [SK_E_SYMLINK] = args_symlink,
    [SK_E_SYMLINKAT] = args_symlink,
    [SK_E_CHMOD] = args_chmod,
    [SK_E_FCHMOD] = args_fchmod,
    [SK_E_FCHMODAT] = args_chmod,
    [SK_E_CHOWN] = args_chown,
    [SK_E_LCHOWN] = args_chown,
    [SK_E_FCHOWN] = args_fchown,
    [SK_E_FCHOWNAT] = args_fchownat,
    [SK_E_CONNECT] = args_connect,
    [SK_E_ACCEPT] = args_accept,
    [SK_E_ACCEPT4] = args_accept,
    [SK_E_LISTEN] = args_listen,
    [SK_E_BIND] = args_bind,
    [SK_E_SENDTO] = args_sendto,
    [SK_E_SENDMSG] = args_sendto,
    [SK_E_RECVFROM] = args_sendto,
    [SK_E_RECVMSG] = args_sendto,
    [SK_E_SOCKET] = args_socket,
    [SK_E_SHUTDOWN] = args_shutdown,
    [SK_E_TCPCLOSE] = args_tcpclose,
    [SK_E_DUP] = args_dup,
    [SK_E_DUP2] = args_dup2,
    [SK_E_DUP3] = args_dup3,
    [SK_E_KILL] = args_kill,
    [SK_E_TKILL] = args_tkill,
    [SK_E_TGKILL] = args_kill,
    [SK_E_SETUID] = args_setuid,
    [SK_E_SETGID] = args_setgid,
    [SK_E_SETRESUID] = args_setresuid,
    [SK_E_SETRESGID] = args_setresgid,
    [SK_E_SETREUID] = args_setreuid,
    [SK_E_SETREGID] = args_setregid,
    [SK_E_CAPSET] = args_capset,
    [SK_E_SETNS] = args_setns,
    [SK_E_UNSHARE] = args_unshare,
    [SK_E_MOUNT] = args_mount,
    [SK_E_UMOUNT] = args_umount,
    [SK_E_UMOUNT2] = args_umount,
    [SK_E_PTRACE] = args_ptrace,
    [SK_E_BPF] = args_bpf,
    [SK_E_INIT_MODULE] = args_init_module,
    [SK_E_FINIT_MODULE] = args_finit_module,
    [SK_E_DELETE_MODULE] = args_delete_module,
    [SK_E_MEMFD_CREATE] = args_memfd_create,
    [SK_E_CHROOT] = args_unlink,
    [SK_E_PIVOT_ROOT] = args_pivot_root,
    [SK_E_USERFAULTFD] = args_userfaultfd,
    [SK_E_PROCESS_VM_READV] = args_process_vm_readv,
    [SK_E_PROCESS_VM_WRITEV] = args_process_vm_readv,
    [SK_E_PRCTL] = args_prctl,
    [SK_E_IO_URING_SETUP] = args_io_uring_setup,
    [SK_E_MPROTECT] = args_mprotect,
    [SK_E_KEYCTL] = args_keyctl,
    [SK_E_SYSLOG] = args_syslog,
};

/* ---- reading --------------------------------------------------------------------------------- */

static struct sk_str source_text(const struct sk_event *e, uint8_t source)
{
    switch (source) {
    case S_PATH:
        if (!e->evt.path.p && e->fd.num >= 0)
            return e->fd.name;
        return e->evt.path;
    case S_OLDPATH:
        return e->evt.oldpath;
    case S_NEWPATH:
        return e->evt.newpath;
    case S_NAME:
        return e->evt.name;
    case S_FILE: /* as given to exec, before links were followed */
        return e->evt.name.p ? e->evt.name : e->evt.path;
    case S_FDNAME:
        return e->fd.name;
    case S_EXE:
        return e->proc ? e->proc->exe : (struct sk_str){0};
    default: /* S_ARGS */
        return e->proc ? e->proc->args : (struct sk_str){0};
    }
}

static int64_t source_num(const struct sk_event *e, uint8_t source)
{
    switch (source) {
    case S_FLAGS:
        return e->evt.flags;
    case S_MODE:
        return e->evt.mode;
    case S_RAWRES:
        return e->evt.rawres;
    case S_ARG0:
        return e->evt.arg0;
    case S_ARG1:
        return e->evt.arg1;
    case S_ARG2:
        return e->evt.arg2;
    case S_ARG3:
        return e->evt.arg3;
    case S_TARGET:
        return (int64_t)e->evt.target_pid;
    case S_FD:
        return e->fd.num;
    case S_PID:
        return e->proc ? (int64_t)e->proc->pid : -1;
    default: /* S_EXEFLAGS */
        if (!e->proc)
            return 0;
        return (e->proc->exe_writable ? 1 : 0) | (e->proc->exe_upper ? 2 : 0) |
               (e->proc->exe_memfd ? 4 : 0);
    }
}

/* The names of users are those of the process's root, so only its own are known here. */
static struct sk_str user_name(const struct sk_event *e, int64_t id, bool group)
{
    const struct sk_process *p = e->proc;

    if (id == 0)
        return SK_STR("root");
    if (!p || id != (int64_t)(group ? p->gid : p->uid))
        return (struct sk_str){0};
    return group ? p->group : p->user;
}

static struct sk_str symbols(const struct sk_event *e, uint8_t decoder, int64_t num,
                             struct x_scratch *s)
{
    switch (decoder) {
    case D_OCT:
        return x_scratch_fmt(s, "0%o", (unsigned)num);
    case D_RES:
        return num < 0 ? sk_str_c(strerrorname_np((int)-num)) : (struct sk_str){0};
    case D_UID:
        return user_name(e, num, false);
    case D_GID:
        return user_name(e, num, true);
    case D_NUM:
        return (struct sk_str){0};
    default:
        return x_sym_text(decoder - D_SYM, (uint64_t)num, s);
    }
}

static struct sk_str decimal(int64_t v, struct x_scratch *s)
{
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    char text[20];
    size_t n = sizeof(text), from;

    do
        text[--n] = (char)('0' + rest % 10);
    while ((rest /= 10));
    from = s->n;
    if (v < 0)
        x_scratch_add(s, SK_STR("-"));
    x_scratch_add(s, sk_str_n(text + n, sizeof(text) - n));
    return sk_str_n(s->p + from, s->n - from);
}

static void read_arg(const struct sk_event *e, const struct arg *a, struct x_scratch *s,
                     struct sk_val *ret)
{
    struct sk_str *two;
    int64_t num;

    if (a->decoder == D_TEXT) {
        ret->s = source_text(e, a->source);
        ret->type = ret->s.p ? SK_V_STR : SK_V_NONE;
        return;
    }
    num = source_num(e, a->source);
    two = (struct sk_str *)(void *)x_scratch_take(s, 2 * sizeof(*two));
    if (!two)
        return;
    ret->n = 0;
    two[0] = symbols(e, a->decoder, num, s);
    ret->n += two[0].p != NULL;
    two[ret->n++] = decimal(num, s);
    ret->strs = two;
    ret->type = SK_V_STRS;
}

static const struct arg *find_arg(const struct sk_event *e, const struct x_term *t)
{
    const struct arg *a = e->evt.type < SK_E_MAX ? args_of[e->evt.type] : NULL;
    int64_t n = t->argnum;

    for (; a && a->name; a++)
        if (t->argnum >= 0 ? n-- == 0 : sk_str_eq(sk_str_c(a->name), t->arg))
            return a;
    return NULL;
}

bool x_evt_arg_known(struct sk_str name)
{
    const struct arg *a;
    uint32_t i;

    for (i = 0; i < SK_E_MAX; i++)
        for (a = args_of[i]; a && a->name; a++)
            if (sk_str_eq(sk_str_c(a->name), name))
                return true;
    return false;
}

void x_get_evt_arg(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct arg *a = find_arg(obj, t);

    if (a)
        read_arg(obj, a, s, ret);
}

void x_get_evt_rawarg(const void *obj, const struct x_term *t, struct x_scratch *s,
                      struct sk_val *ret)
{
    const struct arg *a = find_arg(obj, t);

    (void)s;
    if (!a || a->decoder == D_TEXT)
        return;
    ret->i = source_num(obj, a->source);
    ret->type = SK_V_NUM;
}

void x_get_evt_args(const void *obj, const struct x_term *t, struct x_scratch *s,
                    struct sk_val *ret)
{
    const struct sk_event *e = obj;
    const struct arg *a = e->evt.type < SK_E_MAX ? args_of[e->evt.type] : NULL;
    char *text = x_scratch_take(s, 2048);
    struct x_scratch out = {.p = text, .cap = 2048};

    (void)t;
    if (!text)
        return;
    for (; a && a->name; a++) {
        struct sk_val v = {0};
        struct sk_str one;

        read_arg(e, a, s, &v);
        if (v.type == SK_V_NONE)
            continue;
        one = v.type == SK_V_STR ? v.s : v.strs[0];
        (void)x_scratch_fmt(&out, "%s%s=%.*s", out.n ? " " : "", a->name, SK_STR_ARG(one));
    }
    ret->s = sk_str_n(text, out.n);
    ret->type = SK_V_STR;
}

void x_get_evt_res(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    int64_t res = ((const struct sk_event *)obj)->evt.rawres;
    const char *name = res < 0 && res > -4096 ? strerrorname_np((int)-res) : "SUCCESS";

    (void)t;
    ret->s = name ? sk_str_c(name) : x_scratch_fmt(s, "%lld", (long long)res);
    ret->type = SK_V_STR;
}
