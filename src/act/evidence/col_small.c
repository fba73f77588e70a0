/* SPDX-License-Identifier: Apache-2.0 */
/* network.json, container.json and its mounts, host.json, events.jsonl. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/time.h"
#include "evidence/evidence_int.h"

#define TEXT_MAX ((size_t)1 << 20)

/* ---- network -----------------------------------------------------------------------------------
 */

static void addresses_put(struct sk_jw *w)
{
    struct ifaddrs *all = NULL, *a;
    char text[INET6_ADDRSTRLEN];

    sk_jw_key(w, SK_STR("addresses"));
    sk_jw_begin(w, '[');
    if (getifaddrs(&all) < 0)
        all = NULL; /* an empty list; the kernel's texts beside it tell most */
    for (a = all; a; a = a->ifa_next) {
        const void *addr = NULL;
        int family = a->ifa_addr ? a->ifa_addr->sa_family : 0;

        if (family == AF_INET)
            addr = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
        else if (family == AF_INET6)
            addr = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
        if (!addr || !inet_ntop(family, addr, text, sizeof(text)))
            continue;
        sk_jw_begin(w, '{');
        sk_jw_kstr(w, "interface", sk_str_c(a->ifa_name));
        sk_jw_kstr(w, "address", sk_str_c(text));
        sk_jw_kbool(w, "up", (a->ifa_flags & IFF_UP) != 0);
        sk_jw_kbool(w, "promiscuous", (a->ifa_flags & IFF_PROMISC) != 0);
        sk_jw_end(w, '}');
    }
    if (all)
        freeifaddrs(all);
    sk_jw_end(w, ']');
}

static int texts_put(struct sk_jw *w, int dir, const char *const *names, size_t n)
{
    char path[64];
    size_t i, len;

    for (i = 0; i < n; i++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        struct sk_str rest, line;

        (void)snprintf(path, sizeof(path), "net/%s", names[i]);
        if (sk_file_read(dir, path, TEXT_MAX, &text, &len, NULL) < 0)
            continue; /* not in this kernel */
        rest = sk_str_n(text, len);
        sk_jw_key(w, sk_str_c(names[i]));
        sk_jw_begin(w, '[');
        while (sk_str_line(&rest, &line))
            sk_jw_str(w, line);
        sk_jw_end(w, ']');
    }
    return 0;
}

/* A process of the container that lives; /proc/PID, or -ESRCH. */
static int any_open(const struct sk_ev_ctx *c)
{
    int dir = -ESRCH;

    for (size_t i = 0; i < c->procs->v.n && dir < 0; i++)
        if (c->procs->v.v[i].pid == c->procs->init)
            dir = sk_ev_proc_open(&c->procs->v.v[i]);
    for (size_t i = 0; i < c->procs->v.n && dir < 0; i++)
        dir = sk_ev_proc_open(&c->procs->v.v[i]);
    return dir < 0 ? -ESRCH : dir;
}

int sk_ev_network(struct sk_ev_ctx *c, struct sk_err *err)
{
    static const char *const texts[] = {"dev",  "route", "ipv6_route", "arp",
                                        "snmp", "igmp",  "fib_trie",   "packet"};
    SK_CLEANUP(sk_closep) int dir = any_open(c);
    SK_CLEANUP(sk_closep) int ns = dir < 0 ? -1 : openat(dir, "ns/net", O_RDONLY | O_CLOEXEC);
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    int r;

    if (dir < 0)
        return sk_err_set(err, -ESRCH, "no process of the container lives");
    sk_buf_init(&out, (size_t)3 << 20);
    sk_jw_begin(&w, '{');
    if (ns >= 0 && setns(ns, CLONE_NEWNET) == 0) /* this process alone, which ends afterwards */
        addresses_put(&w);
    else
        sk_ev_trouble(c, "its network namespace cannot be entered: %s", strerror(errno));
    (void)texts_put(&w, dir, texts, SK_ARRAY_LEN(texts));
    sk_jw_end(&w, '}');
    r = sk_ev_text(c, "network.json", &out, err);
    sk_buf_done(&out);
    return r;
}

/* ---- container ---------------------------------------------------------------------------------
 */

static int mounts_say(struct sk_ev_ctx *c, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int dir = any_open(c);
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_buf out;
    size_t n;
    int r;

    if (dir < 0)
        return sk_err_set(err, -ESRCH, "mounts: no process of the container lives");
    r = sk_file_read(dir, "mountinfo", (size_t)2 << 20, &text, &n, err);
    if (r < 0)
        return sk_err_wrap(err, r, "mounts");
    sk_buf_init(&out, (size_t)2 << 20);
    (void)sk_buf_add(&out, text, n); /* errors stick */
    r = sk_ev_text(c, "mountinfo.txt", &out, err);
    sk_buf_done(&out);
    return r;
}

int sk_ev_container(struct sk_ev_ctx *c, struct sk_err *err)
{
    struct sk_buf out;
    int r;

    sk_buf_init(&out, (size_t)2 << 20);
    r = sk_kind_to_json(&sk_kind_container, c->req->container, false, &out);
    if (r < 0)
        (void)sk_err_set(err, r, "what is known of it is too large");
    else
        r = sk_ev_text(c, "container.json", &out, err);
    sk_buf_done(&out);
    return r == 0 ? mounts_say(c, err) : r;
}

/* ---- host --------------------------------------------------------------------------------------
 */

static void file_put(struct sk_jw *w, const char *key, const char *path)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;

    if (sk_file_read(AT_FDCWD, path, 65536, &text, &n, NULL) == 0)
        sk_jw_kstr(w, key, sk_str_trim(sk_str_n(text, n)));
}

int sk_ev_host(struct sk_ev_ctx *c, struct sk_err *err)
{
    struct utsname un = {0};
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    int r;

    (void)uname(&un);
    sk_buf_init(&out, (size_t)512 << 10);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "nodename", sk_str_c(un.nodename));
    sk_jw_kstr(&w, "kernel", sk_str_c(un.release));
    sk_jw_kstr(&w, "kernel_version", sk_str_c(un.version));
    sk_jw_kstr(&w, "arch", sk_str_c(un.machine));
    file_put(&w, "os_release", "/etc/os-release");
    file_put(&w, "boot_id", "/proc/sys/kernel/random/boot_id");
    file_put(&w, "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    file_put(&w, "kernel_cmdline", "/proc/cmdline");
    file_put(&w, "tainted", "/proc/sys/kernel/tainted");
    sk_ev_jw_time(&w, "boot_time", sk_boot_to_wall_offset_ns());
    sk_ev_jw_time(&w, "wall", sk_now_wall_ns());
    sk_jw_ku64(&w, "monotonic_ns", sk_now_mono_ns()); /* the three at one moment: what the wall */
    sk_jw_ku64(&w, "boot_ns", sk_now_boot_ns());      /* clock said can be checked against them */
    sk_jw_kstr(&w, "skep", SK_STR(SK_VERSION));
    sk_jw_end(&w, '}');
    r = sk_ev_text(c, "host.json", &out, err);
    sk_buf_done(&out);
    return r;
}

/* ---- recorder ----------------------------------------------------------------------------------
 */

static int slice_put(void *arg, struct sk_str bytes)
{
    struct sk_ev_ctx *c = arg;
    int r = 0;

    while (r == 0 && bytes.n) {
        size_t n = SK_MIN(bytes.n, SK_EV_IO);

        r = sk_ev_say(c, SK_EV_DATA, bytes.p, n);
        bytes = sk_str_sub(bytes, n, bytes.n);
    }
    return r;
}

int sk_ev_recorder(struct sk_ev_ctx *c, struct sk_err *err)
{
    static const char name[] = "events.jsonl";
    int r = sk_ev_say(c, SK_EV_FILE, name, sizeof(name) - 1), end;

    if (r == 0)
        r = c->req->recorder(c->req->arg, slice_put, c, err);
    if (r == -EFBIG)
        (void)sk_err_set(err, r, "cut: the slice is larger than its limit");
    end = sk_ev_say(c, SK_EV_END, err->msg, r < 0 ? strlen(err->msg) : 0);
    return r < 0 ? r : end;
}
