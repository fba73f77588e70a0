/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/decode.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/secret.h"

#define FMODE_CREATED 0x100000 /* linux/fs.h */

/* ---- checks ---------------------------------------------------------------------------------- */

static size_t fixed_size(uint8_t kind)
{
    switch (kind) {
    case SKW_CGROUP:
    case SKW_CGROUP_GONE:
        return sizeof(struct skw_cgroup);
    case SKW_EXEC:
    case SKW_TASK:
        return sizeof(struct skw_exec);
    case SKW_FORK:
        return sizeof(struct skw_task);
    case SKW_EXIT:
        return sizeof(struct skw_exit);
    case SKW_CALL:
        return sizeof(struct skw_call);
    case SKW_SOCK:
        return sizeof(struct skw_sock);
    case SKW_CLOSE:
        return sizeof(struct skw_close);
    case SKW_QUERY:
        return sizeof(struct skw_query);
    case SKW_CRED:
        return sizeof(struct skw_cred);
    default:
        return 0;
    }
}

static size_t text_size(const struct skw_hdr *h)
{
    const struct skw_call *c = (const void *)h;
    const struct skw_exec *e = (const void *)h;
    const struct skw_query *q = (const void *)h;

    switch (h->kind) {
    case SKW_CGROUP:
        return ((const struct skw_cgroup *)(const void *)h)->name_n;
    case SKW_EXEC:
    case SKW_TASK:
        return (size_t)e->exe_n + e->cwd_n + e->file_n + e->args_n + e->env_n;
    case SKW_CALL:
        return (size_t)c->base_n[0] + c->base_n[1] + c->str_n[0] + c->str_n[1] + c->str_n[2];
    case SKW_SOCK:
    case SKW_CLOSE:
        return ((const struct skw_sock *)(const void *)h)->text_n;
    case SKW_QUERY:
        return (size_t)q->k.text_n + q->data_n;
    default:
        return 0;
    }
}

bool sk_decode_ok(const void *rec, size_t n)
{
    const struct skw_hdr *h = rec;
    size_t fixed;

    if (n < sizeof(*h) || h->size != n)
        return false;
    fixed = fixed_size(h->kind);
    return fixed != 0 && n >= fixed && text_size(h) <= n - fixed && h->type < SK_E_MAX;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static char *room(struct sk_decode *d, size_t n)
{
    char *p = d->text + d->n;

    if (n > SK_DECODE_TEXT - d->n)
        return NULL;
    d->n += n;
    return p;
}

/* The kernel side gave up before the root. That a text was cut is said of the record: which one it
 * was shows by its size. */
static bool is_cut(const char *p, size_t n, uint16_t flags)
{
    size_t i, parts = 0;

    if (!(flags & SKW_F_CUT))
        return false;
    for (i = 0; i < n; i++)
        parts += p[i] == '\0';
    return parts >= SKW_DEPTH_MAX || n > SKW_PATH_MAX - SKW_NAME_ROOM;
}

/* "shadow\0etc\0" to "/etc/shadow"; detached ones ("memfd:x\0") keep their bare name; of a path
 * that is too long or too deep the end follows "/...", so that it passes for no other. */
static struct sk_str path_turn(struct sk_decode *d, const char *p, size_t n, uint16_t flags,
                               uint16_t detached_flag)
{
    static const char more[] = "/...";
    char *dst = room(d, n + sizeof(more) + 1), *at;
    bool detached = flags & detached_flag;
    size_t from, end;

    if (!dst)
        return (struct sk_str){0};
    if (n == 0) {
        dst[0] = '/';
        return sk_str_n(dst, 1);
    }
    at = dst;
    if (!detached && is_cut(p, n, flags)) {
        memcpy(at, more, sizeof(more) - 1);
        at += sizeof(more) - 1;
    }
    for (end = n; end > 0; end = from) {
        end--; /* its NUL */
        from = end;
        while (from > 0 && p[from - 1] != '\0')
            from--;
        if (!detached || at != dst)
            *at++ = '/';
        memcpy(at, p + from, end - from);
        at += end - from;
    }
    *at = '\0';
    return sk_str_n(dst, (size_t)(at - dst));
}

size_t sk_path_clean(char *p, size_t n)
{
    size_t from = 0, to = 0, len;

    while (from < n) {
        while (from < n && p[from] == '/')
            from++;
        for (len = 0; from + len < n && p[from + len] != '/'; len++)
            ;
        if (len == 2 && p[from] == '.' && p[from + 1] == '.') {
            while (to > 0 && p[--to] != '/')
                ;
        } else if (len > 0 && !(len == 1 && p[from] == '.')) {
            p[to++] = '/';
            memmove(p + to, p + from, len);
            to += len;
        }
        from += len;
    }
    if (to == 0 && n > 0)
        p[to++] = '/';
    return to;
}

/* A user's path, made absolute by what it hangs on. */
static struct sk_str path_join(struct sk_decode *d, struct sk_str base, struct sk_str s)
{
    char *dst;
    size_t n = 0;

    if (s.n == 0)
        return (struct sk_str){0};
    dst = room(d, base.n + s.n + 2);
    if (!dst)
        return s;
    if (s.p[0] != '/') {
        if (base.n)
            memcpy(dst, base.p, base.n);
        n = base.n;
        dst[n++] = '/';
    }
    memcpy(dst + n, s.p, s.n);
    n = sk_path_clean(dst, n + s.n);
    dst[n] = '\0';
    return sk_str_n(dst, n);
}

static struct sk_str str_take(const char **p, size_t n)
{
    struct sk_str s = {*p, n > 0 ? n - 1 : 0};

    *p += n;
    return n > 0 ? s : (struct sk_str){0};
}

void sk_decode_exec(struct sk_decode *d, const struct skw_exec *rec, struct sk_exec_text *ret)
{
    const char *p = (const char *)(rec + 1);
    uint16_t flags = rec->t.h.flags;

    d->n = 0;
    *ret = (struct sk_exec_text){0};
    if (rec->exe_n > 0)
        ret->exepath = path_turn(d, p, rec->exe_n, flags, SKW_F_DETACHED0);
    p += rec->exe_n;
    ret->cwd = path_turn(d, p, rec->cwd_n, flags, SKW_F_DETACHED1);
    p += rec->cwd_n;
    ret->file = str_take(&p, rec->file_n);
    ret->args = sk_str_n(p, rec->args_n);
    ret->env = sk_str_n(p + rec->args_n, rec->env_n);
}

size_t sk_args_join(char *dst, size_t max, struct sk_str args)
{
    size_t i, n = 0;

    if (args.n > 0 && args.p[args.n - 1] == '\0')
        args.n--;
    for (i = 0; i < args.n && n < max; i++)
        dst[n++] = args.p[i] == '\0' ? ' ' : args.p[i];
    return n;
}

/* ---- environment ----------------------------------------------------------------------------- */

static const struct sk_str env_names[] = {
    SK_STR_INIT("PATH"),
    SK_STR_INIT("HOME"),
    SK_STR_INIT("USER"),
    SK_STR_INIT("SHELL"),
    SK_STR_INIT("PYTHONPATH"),
    SK_STR_INIT("PERL5LIB"),
    SK_STR_INIT("PERL5OPT"),
    SK_STR_INIT("RUBYOPT"),
    SK_STR_INIT("NODE_OPTIONS"),
    SK_STR_INIT("BASH_ENV"),
    SK_STR_INIT("ENV"),
    SK_STR_INIT("JAVA_TOOL_OPTIONS"),
    SK_STR_INIT("HISTFILE"),
    SK_STR_INIT("HISTSIZE"),
    SK_STR_INIT("PROMPT_COMMAND"),
    SK_STR_INIT("SSH_CLIENT"),
    SK_STR_INIT("SSH_TTY"),
    SK_STR_INIT("SSH_CONNECTION"),
    SK_STR_INIT("SUDO_USER"),
    SK_STR_INIT("SUDO_UID"),
    SK_STR_INIT("HTTP_PROXY"),
    SK_STR_INIT("HTTPS_PROXY"),
    SK_STR_INIT("ALL_PROXY"),
    SK_STR_INIT("NO_PROXY"),
    SK_STR_INIT("HOSTNAME"),
    SK_STR_INIT("KUBECONFIG"),
    SK_STR_INIT("DOCKER_HOST"),
    SK_STR_INIT("GCONV_PATH"),
    SK_STR_INIT("GLIBC_TUNABLES"),
    SK_STR_INIT("IFS"),
};

static bool env_kept(struct sk_str name)
{
    size_t i;

    if (sk_str_starts(name, SK_STR("LD_")))
        return true;
    for (i = 0; i < SK_ARRAY_LEN(env_names); i++)
        if (sk_str_ieq(name, env_names[i]))
            return true;
    return false;
}

static size_t text_add(char *dst, size_t max, size_t n, struct sk_str s)
{
    size_t k = SK_MIN(s.n, max - n);

    memcpy(dst + n, s.p, k);
    return n + k;
}

size_t sk_env_pick(char *dst, size_t max, struct sk_str env)
{
    struct sk_str one;
    size_t n = 0, from, to;
    ssize_t eq;

    while (sk_str_next(&env, '\0', &one)) {
        eq = sk_str_chr(one, '=');
        if (eq <= 0 || !env_kept(sk_str_sub(one, 0, (size_t)eq)))
            continue;
        if (n > 0 && n < max)
            dst[n++] = ' ';
        if (sk_secret_url(one, &from, &to)) {
            n = text_add(dst, max, n, sk_str_sub(one, 0, from));
            n = text_add(dst, max, n, SK_STR(SK_SECRET_MASK));
            one = sk_str_sub(one, to, one.n);
        }
        n = text_add(dst, max, n, one);
    }
    return n;
}

/* ---- files and other calls ------------------------------------------------------------------- */

static uint32_t fd_type(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return SK_FD_FILE;
    case S_IFDIR:
        return SK_FD_DIRECTORY;
    case S_IFCHR:
    case S_IFBLK:
        return SK_FD_DEVICE;
    case S_IFIFO:
        return SK_FD_PIPE;
    case S_IFSOCK:
        return SK_FD_UNIX;
    default:
        return SK_FD_OTHER;
    }
}

static void fd_path(struct sk_fd *fd, struct sk_str path)
{
    ssize_t slash = sk_str_rchr(path, '/');

    fd->name = path;
    if (slash < 0) {
        fd->filename = path;
        return;
    }
    fd->directory = slash == 0 ? sk_str_n(path.p, 1) : sk_str_n(path.p, (size_t)slash);
    fd->filename = sk_str_sub(path, (size_t)slash + 1, path.n);
}

static void fd_file(struct sk_fd *fd, const struct skw_call *c, struct sk_str path)
{
    fd->typechar = c->h.flags & SKW_F_FD ? fd_type(c->file.mode) : SK_FD_FILE;
    fd->dev = c->file.dev;
    fd->ino = c->file.ino;
    fd->upper = c->h.flags & SKW_F_UPPER;
    fd->deleted = c->h.flags & SKW_F_DELETED;
    fd_path(fd, path);
}

/* open and its kin: where flags and mode stand among the arguments. */
static void open_flags(const struct skw_call *c, struct sk_evt *evt)
{
    switch (evt->type) {
    case SK_E_OPEN:
        evt->flags = (uint32_t)c->arg[1];
        evt->mode = (uint32_t)c->arg[2];
        break;
    case SK_E_CREAT:
        evt->flags = O_CREAT | O_WRONLY | O_TRUNC;
        evt->mode = (uint32_t)c->arg[1];
        break;
    case SK_E_OPENAT:
        evt->flags = (uint32_t)c->arg[2];
        evt->mode = (uint32_t)c->arg[3];
        break;
    case SK_E_OPEN_BY_HANDLE_AT:
        evt->flags = (uint32_t)c->arg[2];
        break;
    default:
        evt->flags = c->fflags;
        break;
    }
}

static void open_decode(const struct skw_call *c, struct sk_evt *evt, struct sk_fd *fd,
                        struct sk_str path)
{
    uint32_t access;

    open_flags(c, evt);
    access = evt->flags & O_ACCMODE;
    evt->path = path;
    fd->num = c->h.ret >= 0 ? c->h.ret : -1;
    fd_file(fd, c, path);
    if (!(evt->flags & O_PATH)) {
        evt->is_open_read = access == O_RDONLY || access == O_RDWR;
        evt->is_open_write = access == O_WRONLY || access == O_RDWR;
    }
    evt->is_open_create = c->fmode & FMODE_CREATED;
    evt->is_open_exec =
        (evt->is_open_create || (evt->flags & O_TMPFILE) == O_TMPFILE) && (evt->mode & 0111);
}

/* The numbers of the other calls; evt->arg0 … hold the call's own arguments in order by now. */
static void numbers_decode(const struct skw_call *c, struct sk_evt *evt, struct sk_fd *fd)
{
    switch (evt->type) {
    case SK_E_KILL:
    case SK_E_TKILL:
        evt->target_pid = (uint64_t)(uint32_t)c->arg[0];
        evt->arg0 = (int32_t)c->arg[1];
        evt->arg1 = 0;
        break;
    case SK_E_TGKILL:
        evt->target_pid = (uint64_t)(uint32_t)c->arg[0];
        evt->arg0 = (int32_t)c->arg[2];
        evt->arg1 = evt->arg2 = 0;
        break;
    case SK_E_PTRACE:
        evt->target_pid = (uint64_t)(uint32_t)c->arg[1];
        break;
    case SK_E_PROCESS_VM_READV:
    case SK_E_PROCESS_VM_WRITEV:
        evt->target_pid = (uint64_t)(uint32_t)c->arg[0];
        break;
    case SK_E_UNSHARE:
    case SK_E_USERFAULTFD:
        evt->flags = (uint32_t)c->arg[0];
        break;
    case SK_E_SETNS:
    case SK_E_FINIT_MODULE:
        fd->num = (int32_t)c->arg[0];
        evt->flags = (uint32_t)(evt->type == SK_E_SETNS ? c->arg[1] : c->arg[2]);
        break;
    case SK_E_UMOUNT:
    case SK_E_UMOUNT2:
    case SK_E_MEMFD_CREATE:
        evt->flags = (uint32_t)c->arg[1];
        break;
    case SK_E_MOUNT:
        evt->flags = (uint32_t)c->arg[3];
        break;
    case SK_E_FCHMOD:
    case SK_E_FCHOWN:
        fd->num = (int32_t)c->arg[0];
        break;
    case SK_E_UNLINKAT:
    case SK_E_LINKAT:
    case SK_E_RENAMEAT2:
        evt->flags = (uint32_t)(evt->type == SK_E_UNLINKAT ? c->arg[2] : c->arg[4]);
        break;
    default:
        break;
    }
}

static void mode_decode(const struct skw_call *c, struct sk_evt *evt)
{
    switch (evt->type) {
    case SK_E_CHMOD:
    case SK_E_FCHMOD:
    case SK_E_MKDIR:
        evt->mode = (uint32_t)c->arg[1];
        break;
    case SK_E_FCHMODAT:
    case SK_E_MKDIRAT:
        evt->mode = (uint32_t)c->arg[2];
        break;
    case SK_E_CHOWN:
    case SK_E_LCHOWN:
    case SK_E_FCHOWN:
        evt->arg0 = (int32_t)c->arg[1];
        evt->arg1 = (int32_t)c->arg[2];
        break;
    case SK_E_FCHOWNAT:
        evt->arg0 = (int32_t)c->arg[2];
        evt->arg1 = (int32_t)c->arg[3];
        break;
    default:
        break;
    }
}

static void call_decode(struct sk_decode *d, const struct skw_call *c, struct sk_evt *evt,
                        struct sk_fd *fd)
{
    const char *p = (const char *)(c + 1);
    uint16_t flags = c->h.flags;
    struct sk_str base[2], s[2], path[2];
    int i;

    for (i = 0; i < 2; i++) {
        base[i] = path_turn(d, p, c->base_n[i], flags, (uint16_t)(SKW_F_DETACHED0 << i));
        p += c->base_n[i];
    }
    s[0] = str_take(&p, c->str_n[0]);
    s[1] = str_take(&p, c->str_n[1]);
    evt->name = str_take(&p, c->str_n[2]);
    path[0] = flags & SKW_F_FD ? base[0] : path_join(d, base[0], s[0]);
    path[1] = path_join(d, base[1], s[1]);

    if ((evt->type >= SK_E_OPEN && evt->type <= SK_E_CREAT)) {
        open_decode(c, evt, fd, path[0]);
        return;
    }
    if (c->str_n[0] == 0 && c->str_n[1] == 0 && c->str_n[2] == 0) { /* else pointers */
        evt->arg0 = c->arg[0];
        evt->arg1 = c->arg[1];
        evt->arg2 = c->arg[2];
        evt->arg3 = c->arg[3];
    }
    numbers_decode(c, evt, fd);
    mode_decode(c, evt);
    if (evt->type == SK_E_SYMLINK || evt->type == SK_E_SYMLINKAT || evt->type == SK_E_MOUNT)
        path[0] = s[0]; /* a text of its own, not a place seen from here */
    if (c->str_n[1] > 0) {
        evt->oldpath = path[0];
        evt->newpath = evt->path = path[1];
    } else if (c->str_n[0] > 0 || (flags & SKW_F_FD)) {
        evt->path = path[0];
    }
    if (flags & SKW_F_FD)
        fd_file(fd, c, path[0]);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum end { LOCAL, REMOTE };

/* Where the text behind a socket's record begins. */
static const uint8_t *sock_text(const struct skw_sock *k)
{
    return (const uint8_t *)k + fixed_size(k->h.kind);
}

static struct sk_ip ip_of(const struct skw_sock *k, enum end which)
{
    static const uint8_t none[16];
    const uint8_t *addr = k->text_n == 32 ? sock_text(k) + (size_t)which * 16 : none;
    struct sk_ip ip = {0};

    if (k->family == AF_INET) {
        ip.family = 4;
        memcpy(ip.addr, k->addr[which], 4);
    } else if (memcmp(addr, v4_mapped, 12) == 0) {
        ip.family = 4;
        memcpy(ip.addr, addr + 12, 4);
    } else {
        ip.family = 6;
        memcpy(ip.addr, addr, 16);
    }
    return ip;
}

static char *u32_put(char *p, uint32_t v)
{
    char tmp[10];
    int n = 0;

    do
        tmp[n++] = (char)('0' + v % 10);
    while ((v /= 10));
    while (n > 0)
        *p++ = tmp[--n];
    return p;
}

static char *end_put(char *p, const struct sk_ip *ip, uint32_t port)
{
    struct sk_buf b;
    int i;

    if (ip->family == 4) {
        for (i = 0; i < 4; i++) {
            p = u32_put(p, ip->addr[i]);
            *p++ = i < 3 ? '.' : ':';
        }
        return u32_put(p, port);
    }
    sk_buf_init(&b, 64);
    if (sk_ip_format(ip, &b) == 0) {
        *p++ = '[';
        memcpy(p, b.p, b.n);
        p += b.n;
        *p++ = ']';
    }
    sk_buf_done(&b);
    *p++ = ':';
    return u32_put(p, port);
}

static uint32_t l4_of(const struct skw_sock *k)
{
    switch (k->proto) {
    case IPPROTO_TCP:
        return SK_L4_TCP;
    case IPPROTO_UDP:
        return SK_L4_UDP;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return SK_L4_ICMP;
    default:
        return k->type == SOCK_RAW ? SK_L4_RAW : SK_L4_NONE;
    }
}

/* Which side is the server: the one that accepts or listens; else as known from before, else the
 * one with the lower port, as a guess. */
static bool local_is_server(const struct skw_sock *k, uint32_t type, enum sk_side side)
{
    switch (type) {
    case SK_E_CONNECT:
    case SK_E_SENDTO:
    case SK_E_SENDMSG:
        return false;
    case SK_E_ACCEPT:
    case SK_E_ACCEPT4:
    case SK_E_LISTEN:
    case SK_E_BIND:
    case SK_E_RECVFROM:
    case SK_E_RECVMSG:
        return true;
    default:
        if (type == SK_E_TCPCLOSE)
            return k->h.flags & SKW_F_ACCEPTED;
        if (side != SK_SIDE_GUESS)
            return side == SK_SIDE_SERVER;
        return k->rport == 0 || (k->lport < k->rport && k->lport != 0);
    }
}

static void inet_decode(struct sk_decode *d, const struct skw_sock *k, uint32_t type,
                        enum sk_side side, struct sk_fd *fd)
{
    char *p = room(d, 128), *name = p;
    bool server = local_is_server(k, type, side);

    fd->lip = ip_of(k, LOCAL);
    fd->lport = k->lport;
    if (k->rport != 0 || type == SK_E_CONNECT) {
        fd->rip = ip_of(k, REMOTE);
        fd->rport = k->rport;
    }
    fd->typechar = fd->lip.family == 6 || fd->rip.family == 6 ? SK_FD_IPV6 : SK_FD_IPV4;
    fd->l4proto = l4_of(k);
    fd->sip = server ? fd->lip : fd->rip;
    fd->sport = server ? fd->lport : fd->rport;
    fd->cip = server ? fd->rip : fd->lip;
    fd->cport = server ? fd->rport : fd->lport;
    if (!p)
        return;
    if (fd->cip.family) {
        p = end_put(p, &fd->cip, fd->cport);
        if (fd->sip.family) {
            *p++ = '-';
            *p++ = '>';
        }
    }
    if (fd->sip.family)
        p = end_put(p, &fd->sip, fd->sport);
    fd->name = sk_str_n(name, (size_t)(p - name));
}

static void unix_decode(struct sk_decode *d, const struct skw_sock *k, struct sk_fd *fd)
{
    const char *path = (const char *)sock_text(k);
    char *dst;

    fd->typechar = SK_FD_UNIX;
    if (k->text_n == 0)
        return;
    if (path[0] != '\0') {
        fd_path(fd, sk_str_n(path, strnlen(path, k->text_n)));
        return;
    }
    dst = room(d, k->text_n); /* abstract: "@name", as ss(8) shows it */
    if (!dst)
        return;
    memcpy(dst, path, k->text_n);
    dst[0] = '@';
    fd->name = sk_str_n(dst, k->text_n);
}

static void sock_decode(struct sk_decode *d, const struct skw_sock *k, enum sk_side side,
                        struct sk_evt *evt, struct sk_fd *fd)
{
    evt->arg0 = k->arg[0];
    if (evt->type == SK_E_SOCKET || evt->type == SK_E_LISTEN || evt->type == SK_E_SHUTDOWN) {
        evt->arg1 = k->arg[1];
        evt->arg2 = evt->type == SK_E_SOCKET ? k->arg[2] : 0;
    }
    fd->num = k->arg[0];
    if (evt->type == SK_E_ACCEPT || evt->type == SK_E_ACCEPT4 || evt->type == SK_E_SOCKET)
        fd->num = k->h.ret;
    if (evt->type == SK_E_DUP || evt->type == SK_E_DUP2 || evt->type == SK_E_DUP3)
        fd->num = evt->arg1 = k->h.ret;
    fd->ino = k->ino;
    if (k->family == AF_INET || k->family == AF_INET6) {
        inet_decode(d, k, evt->type, side, fd);
    } else if (k->family == AF_UNIX) {
        unix_decode(d, k, fd);
    } else {
        fd->typechar = SK_FD_OTHER;
    }
}

static void close_decode(const struct skw_close *c, struct sk_evt *evt)
{
    evt->bytes_out = c->sent;
    evt->bytes_in = c->received;
    evt->duration_ms = ((uint64_t)c->lasted << 20) / 1000000;
}

static void cred_decode(const struct skw_cred *c, struct sk_evt *evt)
{
    int n = 1;

    if (evt->type == SK_E_CAPSET)
        return;
    if (evt->type == SK_E_SETREUID || evt->type == SK_E_SETREGID)
        n = 2;
    if (evt->type == SK_E_SETRESUID || evt->type == SK_E_SETRESGID)
        n = 3;
    evt->arg0 = (int32_t)c->arg[0];
    evt->arg1 = n > 1 ? (int32_t)c->arg[1] : 0;
    evt->arg2 = n > 2 ? (int32_t)c->arg[2] : 0;
}

void sk_decode_event(struct sk_decode *d, const struct skw_hdr *rec, enum sk_side side,
                     struct sk_evt *ret_evt, struct sk_fd *ret_fd)
{
    d->n = 0;
    *ret_evt = (struct sk_evt){.type = rec->type, .rawres = rec->ret};
    *ret_fd = (struct sk_fd){.num = -1};
    ret_evt->failed = rec->ret < 0;
    ret_evt->io_uring = rec->flags & SKW_F_RING;
    ret_evt->blocked = rec->ret == -EPERM && (rec->flags & SKW_F_SECCOMP) &&
                       (rec->type < SK_E_OPEN || rec->type > SK_E_FCHOWNAT);
    if (rec->kind == SKW_CALL) {
        call_decode(d, (const void *)rec, ret_evt, ret_fd);
    } else if (sk_decode_is_sock(rec)) {
        sock_decode(d, (const void *)rec, side, ret_evt, ret_fd);
        if (rec->kind == SKW_CLOSE)
            close_decode((const void *)rec, ret_evt);
    } else if (rec->kind == SKW_CRED) {
        cred_decode((const void *)rec, ret_evt);
    }
}

bool sk_decode_is_sock(const struct skw_hdr *rec)
{
    return rec->kind == SKW_SOCK || rec->kind == SKW_CLOSE || rec->kind == SKW_QUERY;
}

const struct sk_dns *sk_decode_dns(struct sk_decode *d, const struct skw_hdr *rec)
{
    const struct skw_query *q = (const void *)rec;

    if (rec->kind != SKW_QUERY ||
        sk_dns_question(sk_str_n((const char *)(q + 1) + q->k.text_n, q->data_n),
                        q->data_n == SKW_QUERY_MAX, &d->dns_text, &d->dns) < 0)
        return NULL;
    return &d->dns;
}
