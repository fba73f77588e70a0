/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is not touched: skep's own process and container, pid 1 and the kernel's threads, the host's
 * services, the cluster's own pods, and what the operator names (--protect).
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "respond/respond_int.h"

/* Without them the host or the cluster is lost, and with it the way to take anything back. */
static const char *const builtin[] = {
    "namespace:kube-system",
    "namespace:kube-public",
    "namespace:kube-node-lease",
    "namespace:calico-system",
    "namespace:tigera-operator",
    "namespace:skep*",
    "label:io.skep.protected=true",
    "label:io.kubernetes.container.name=kube-apiserver",
    "name:skep",
    "name:skep-*",
    "image:skep",
    "image:skep:*",
    "image:*/skep",
    "image:*/skep:*",
};
static const char *const services[] = {
    "systemd*", "init",           "dockerd", "containerd*", "docker-proxy",   "crio",
    "conmon*",  "podman",         "kubelet", "kube-proxy",  "sshd*",          "dbus-*",
    "udevd",    "(sd-pam)",       "login",   "agetty",      "auditd",         "chronyd",
    "rsyslogd", "NetworkManager", "polkitd", "etcd",        "kube-apiserver", "runc*",
};

int rs_pattern_parse(const char *text, struct rs_pattern *ret, struct sk_err *err)
{
    static const char *const kinds[] = {"name", "image", "namespace", "label"};
    struct sk_str what = {0}, rest = sk_str_c(text), key = {0};
    struct rs_pattern p = {0};
    bool known = false;
    size_t i;

    if (sk_str_cut(sk_str_c(text), ':', &what, &rest))
        for (i = 0; i < SK_ARRAY_LEN(kinds); i++)
            known = known || sk_str_eq(what, sk_str_c(kinds[i]));
    if (!known) { /* the colon is an image's */
        what = (struct sk_str){0};
        rest = sk_str_trim(sk_str_c(text));
    }
    if (sk_str_eq(what, SK_STR("label")) && !sk_str_cut(rest, '=', &key, &rest))
        return sk_err_set(err, -EINVAL, "\"%s\": label:KEY=GLOB is expected", text);
    if (rest.n == 0 || rest.n >= sizeof(p.glob) || key.n >= sizeof(p.key))
        return sk_err_set(err, -EINVAL,
                          "\"%s\": a name or image, name:GLOB, image:GLOB, namespace:GLOB or "
                          "label:KEY=GLOB is expected",
                          text);
    (void)sk_str_copy(p.what, sizeof(p.what), what);
    (void)sk_str_copy(p.key, sizeof(p.key), key);
    (void)sk_str_copy(p.glob, sizeof(p.glob), rest);
    *ret = p;
    return 0;
}

static bool glob(const char *pattern, struct sk_str s)
{
    char text[512];

    return s.n > 0 && s.n < sizeof(text) && sk_str_copy(text, sizeof(text), s) == s.n &&
           fnmatch(pattern, text, 0) == 0;
}

static bool label_matches(const struct rs_pattern *p, const struct sk_container *c)
{
    const struct sk_label *l = c->labels.v;
    size_t i;

    for (i = 0; i < c->labels.n; i++)
        if (sk_str_eq(l[i].key, sk_str_c(p->key)) && glob(p->glob, l[i].value))
            return true;
    return false;
}

static bool matches(const struct rs_pattern *p, const struct sk_container *c)
{
    struct sk_str what = sk_str_c(p->what);

    if (sk_str_eq(what, SK_STR("name")))
        return glob(p->glob, c->name);
    if (sk_str_eq(what, SK_STR("image")))
        return glob(p->glob, c->image) || glob(p->glob, c->image_repository);
    if (sk_str_eq(what, SK_STR("namespace")))
        return glob(p->glob, c->k8s_namespace);
    if (what.n)
        return label_matches(p, c);
    return glob(p->glob, c->name) || glob(p->glob, c->image);
}

static bool container_protected(const struct sk_respond *r, const struct sk_container *c,
                                char ret[SK_ERR_MAX])
{
    size_t i;

    if (r->own[0] && sk_str_eq(c->id, sk_str_c(r->own))) {
        (void)snprintf(ret, SK_ERR_MAX, "skep itself runs in this container");
        return true;
    }
    for (i = 0; i < r->n_patterns; i++) {
        const struct rs_pattern *p = &r->patterns[i];

        if (!matches(p, c))
            continue;
        (void)snprintf(ret, SK_ERR_MAX, "the container is protected (%s%s%s%s%s)", p->what,
                       p->what[0] ? ":" : "", p->key, p->key[0] ? "=" : "", p->glob);
        return true;
    }
    return false;
}

static bool host_protected(const struct sk_process *p, char ret[SK_ERR_MAX])
{
    struct rs_proc now = {0};
    char name[64];
    size_t i;

    if (p->pid == (uint64_t)getpid()) {
        (void)snprintf(ret, SK_ERR_MAX, "process %llu is skep itself", (unsigned long long)p->pid);
        return true;
    }
    if (rs_proc_read((pid_t)p->pid, &now) == 0)
        (void)sk_str_copy(name, sizeof(name), sk_str_c(now.name));
    else
        (void)sk_str_copy(name, sizeof(name), p->name);
    if (p->pid <= 2 || now.ppid == 2) {
        (void)snprintf(ret, SK_ERR_MAX, "process %llu (%s) is the host's first or the kernel's own",
                       (unsigned long long)p->pid, name);
        return true;
    }
    for (i = 0; i < SK_ARRAY_LEN(services); i++)
        if (fnmatch(services[i], name, 0) == 0) {
            (void)snprintf(ret, SK_ERR_MAX, "process %llu (%s) is a service of the host",
                           (unsigned long long)p->pid, name);
            return true;
        }
    return false;
}

bool sk_respond_protected(const struct sk_respond *r, const struct sk_container *c,
                          const struct sk_process *p, char ret[SK_ERR_MAX])
{
    if (c)
        return container_protected(r, c, ret);
    return p && host_protected(p, ret);
}

/* The last 64 hex digits of a line of /proc/self/cgroup name the container that we run in. */
void rs_own_container(char ret[65])
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str s;
    size_t n, i, run = 0;

    ret[0] = '\0';
    if (sk_file_read(AT_FDCWD, "/proc/self/cgroup", (size_t)64 << 10, &text, &n, NULL) < 0)
        return;
    s = sk_str_n(text, n);
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        run = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? run + 1 : 0;
        if (run == 64)
            (void)sk_str_copy(ret, 65, sk_str_sub(s, i - 63, i + 1));
    }
}

struct rs_pattern *rs_patterns_make(const struct sk_respond_conf *conf, size_t *ret_n,
                                    struct sk_err *err)
{
    size_t n = SK_ARRAY_LEN(builtin) + conf->n_protect, i;
    struct rs_pattern *v = calloc(n, sizeof(*v));
    int r = v ? 0 : sk_err_set(err, -ENOMEM, "out of memory");

    for (i = 0; i < n && r == 0; i++)
        r = rs_pattern_parse(i < SK_ARRAY_LEN(builtin) ? builtin[i]
                                                       : conf->protect[i - SK_ARRAY_LEN(builtin)],
                             &v[i], err);
    if (r < 0) {
        free(v);
        return NULL;
    }
    *ret_n = n;
    return v;
}
