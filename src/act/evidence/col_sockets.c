/* SPDX-License-Identifier: Apache-2.0 */
/* sockets.json: per network namespace what proc_pid_net(5) lists, joined with the processes that
 * hold them by inode. In the host's own namespace only those that the container holds. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "evidence/evidence_int.h"

#define TEXT_MAX ((size_t)16 << 20)
#define SOCKETS_MAX 30000u
#define HOLDERS_MAX 60000u
#define NETNS_MAX 64u

struct holder {
    uint64_t inode, pid;
};
struct sockets {
    struct sk_jw w;
    SK_VEC(struct holder) holders; /* sorted by inode */
    uint64_t netns[NETNS_MAX], n_netns, own_netns, n, not_told;
};

static const char *const tcp_states[] = {
    "unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",   "time_wait",
    "close",   "close_wait",  "last_ack", "listen",   "closing",   "new_syn_recv"};

static uint64_t hex_read(struct sk_str s)
{
    uint64_t v = 0;
    size_t i;

    for (i = 0; i < s.n && i < 16; i++) {
        char c = s.p[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            v = v << 4 | (uint64_t)(c - 'A' + 10);
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint64_t)(c - 'a' + 10);
    }
    return v;
}

/* "0100007F:0035": 32-bit words as this machine holds them, the port as a number. */
static void address_put(struct sk_jw *w, const char *key, const char *port_key, struct sk_str s)
{
    ssize_t colon = sk_str_chr(s, ':');
    struct sk_str host = sk_str_sub(s, 0, colon < 0 ? 0 : (size_t)colon);
    char text[INET6_ADDRSTRLEN] = "";
    uint32_t words[4];
    size_t i;

    if (host.n != 8 && host.n != 32)
        return;
    for (i = 0; i < host.n / 8; i++)
        words[i] = (uint32_t)hex_read(sk_str_sub(host, i * 8, i * 8 + 8));
    (void)inet_ntop(host.n == 8 ? AF_INET : AF_INET6, words, text, sizeof(text));
    sk_jw_kstr(w, key, sk_str_c(text));
    sk_jw_ku64(w, port_key, hex_read(sk_str_sub(s, (size_t)colon + 1, s.n)));
}

/* ---- who holds what ----------------------------------------------------------------------------
 */

static int holder_cmp(const void *a, const void *b)
{
    const struct holder *x = a, *y = b;

    return x->inode != y->inode ? (x->inode < y->inode ? -1 : 1)
                                : (x->pid > y->pid) - (x->pid < y->pid);
}

static void holders_add(struct sockets *s, uint64_t pid, int dir)
{
    int fds = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fds < 0 ? NULL : fdopendir(fds);
    struct dirent *e;
    char target[128];

    while (d && (e = readdir(d)) && s->holders.n < HOLDERS_MAX) {
        struct sk_str to = sk_ev_link_read(dirfd(d), e->d_name, target, sizeof(target));
        struct holder h = {.pid = pid};

        if (sk_str_starts(to, SK_STR("socket:[")) &&
            sk_str_u64(sk_str_sub(to, 8, to.n - 1), &h.inode) == 0 &&
            sk_vec_push(&s->holders, h) < 0)
            break; /* no memory: the rest is told without holders */
    }
    if (d)
        (void)closedir(d);
    else
        sk_closep(&fds);
}

static const struct holder *holder_first(const struct sockets *s, uint64_t inode)
{
    size_t lo = 0, hi = s->holders.n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->holders.v[mid].inode < inode)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->holders.n && s->holders.v[lo].inode == inode ? &s->holders.v[lo] : NULL;
}

/* Begins an entry; false: it is not the container's, or there are too many. */
static bool entry_begin(struct sockets *s, const char *protocol, uint64_t inode, uint64_t netns)
{
    const struct holder *h = inode ? holder_first(s, inode) : NULL, *end;

    if (!h && netns == s->own_netns)
        return false;
    if (s->n >= SOCKETS_MAX) {
        s->not_told++;
        return false;
    }
    s->n++;
    end = s->holders.v + s->holders.n;
    sk_jw_begin(&s->w, '{');
    sk_jw_kstr(&s->w, "protocol", sk_str_c(protocol));
    sk_jw_ku64(&s->w, "inode", inode);
    sk_jw_ku64(&s->w, "netns", netns);
    sk_jw_key(&s->w, SK_STR("pids"));
    sk_jw_begin(&s->w, '[');
    for (; h && h < end && h->inode == inode; h++)
        sk_jw_u64(&s->w, h->pid);
    sk_jw_end(&s->w, ']');
    return true;
}

/* ---- lists of the kernel -----------------------------------------------------------------------
 */

static size_t fields(struct sk_str line, struct sk_str *v, size_t max)
{
    struct sk_str f;
    size_t n = 0;

    while (n < max && sk_str_next(&line, ' ', &f))
        if (f.n)
            v[n++] = f;
    return n;
}

/* "  0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1234 …" */
static void inet_line(struct sockets *s, const char *protocol, struct sk_str line, uint64_t netns)
{
    struct sk_str v[10];
    uint64_t inode, state, uid;

    if (fields(line, v, 10) < 10 || sk_str_u64(v[9], &inode) < 0 || sk_str_u64(v[7], &uid) < 0)
        return;
    if (!entry_begin(s, protocol, inode, netns))
        return;
    state = hex_read(v[3]);
    address_put(&s->w, "local", "local_port", v[1]);
    address_put(&s->w, "remote", "remote_port", v[2]);
    if (sk_str_starts(sk_str_c(protocol), SK_STR("tcp")))
        sk_jw_kstr(&s->w, "state",
                   sk_str_c(tcp_states[state < SK_ARRAY_LEN(tcp_states) ? state : 0]));
    sk_jw_ku64(&s->w, "uid", uid);
    sk_jw_end(&s->w, '}');
}

/* "0000000000000000: 00000002 00000000 00010000 0001 01 1234 /path": path may hold blanks */
static void unix_line(struct sockets *s, struct sk_str line, uint64_t netns)
{
    struct sk_str v[7], path;
    uint64_t inode;
    bool listens;

    if (fields(line, v, 7) < 7 || sk_str_u64(v[6], &inode) < 0)
        return;
    path = sk_str_n(v[6].p + v[6].n, (size_t)(line.p + line.n - v[6].p) - v[6].n);
    if (!entry_begin(s, "unix", inode, netns))
        return;
    listens = (hex_read(v[3]) & 0x10000) != 0; /* __SO_ACCEPTCON */
    sk_jw_kstr(&s->w, "state",
               listens               ? SK_STR("listen")
               : hex_read(v[5]) == 3 ? SK_STR("connected")
                                     : SK_STR("unconnected"));
    if (path.n > 1)
        sk_jw_kstr(&s->w, "path", sk_str_sub(path, 1, path.n));
    sk_jw_end(&s->w, '}');
}

static void netns_put(struct sockets *s, int dir, uint64_t netns)
{
    static const char *const lists[] = {"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix"};
    size_t i, n;
    char path[32];

    for (i = 0; i < SK_ARRAY_LEN(lists); i++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        struct sk_str rest, line;

        (void)snprintf(path, sizeof(path), "net/%s", lists[i]);
        if (sk_file_read(dir, path, TEXT_MAX, &text, &n, NULL) < 0)
            continue; /* no such protocol in this kernel, or the process ended */
        rest = sk_str_n(text, n);
        (void)sk_str_line(&rest, &line); /* titles */
        while (sk_str_line(&rest, &line)) {
            if (strcmp(lists[i], "unix") == 0)
                unix_line(s, line, netns);
            else
                inet_line(s, lists[i], line, netns);
        }
    }
}

static bool netns_new(struct sockets *s, uint64_t netns)
{
    for (size_t i = 0; i < s->n_netns; i++)
        if (s->netns[i] == netns)
            return false;
    if (s->n_netns == NETNS_MAX)
        return false;
    s->netns[s->n_netns++] = netns;
    return true;
}

static void all_put(struct sockets *s, const struct sk_ev_procs *procs)
{
    size_t i;
    struct stat st;

    for (i = 0; i < procs->v.n; i++) {
        SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(&procs->v.v[i]);

        if (dir >= 0)
            holders_add(s, procs->v.v[i].pid, dir);
    }
    if (s->holders.n)
        qsort(s->holders.v, s->holders.n, sizeof(*s->holders.v), holder_cmp);
    for (i = 0; i < procs->v.n; i++) {
        SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(&procs->v.v[i]);

        if (dir >= 0 && fstatat(dir, "ns/net", &st, 0) == 0 && netns_new(s, st.st_ino))
            netns_put(s, dir, st.st_ino);
    }
}

int sk_ev_sockets(struct sk_ev_ctx *c, struct sk_err *err)
{
    struct sk_buf out;
    struct sockets s = {.w = sk_jw(&out)};
    struct stat st;
    int r;

    sk_buf_init(&out, (size_t)24 << 20);
    s.own_netns = stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
    if (stat("/proc/1/ns/net", &st) == 0 && s.own_netns == 0)
        s.own_netns = st.st_ino;
    sk_jw_begin(&s.w, '{');
    sk_jw_key(&s.w, SK_STR("items"));
    sk_jw_begin(&s.w, '[');
    all_put(&s, c->procs);
    sk_jw_end(&s.w, ']');
    sk_jw_ku64(&s.w, "not_told", s.not_told);
    sk_jw_end(&s.w, '}');
    r = sk_ev_text(c, "sockets.json", &out, err);
    sk_vec_done(&s.holders);
    sk_buf_done(&out);
    return r;
}
