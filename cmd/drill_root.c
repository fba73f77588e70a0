/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the drills, made on the spot: busybox, this executable with the libraries that it
 * has loaded, and bait. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "drill_int.h"
#include "io/tar.h"

#define FILE_MAX ((size_t)64 << 20)
#define MAPS_MAX ((size_t)4 << 20)

static const char *const busyboxes[] = {"/bin/busybox", "/usr/bin/busybox", "/sbin/busybox"};

static const char *const applets[] = {
    "sh",       "ash",      "cat",      "ls",       "cp",
    "mv",       "rm",       "chmod",    "chown",    "mkdir",
    "nc",       "wget",     "sleep",    "echo",     "touch",
    "ln",       "ps",       "kill",     "id",       "whoami",
    "grep",     "find",     "tar",      "gzip",     "base64",
    "sed",      "awk",      "head",     "tail",     "dd",
    "mount",    "umount",   "nsenter",  "unshare",  "chroot",
    "crontab",  "passwd",   "su",       "adduser",  "telnet",
    "ping",     "ip",       "hexdump",  "od",       "tr",
    "xargs",    "timeout",  "true",     "false",    "printf",
    "env",      "setsid",   "nohup",    "pgrep",    "pkill",
    "vi",       "wc",       "sort",     "uniq",     "cut",
    "uname",    "hostname", "shred",    "mkfifo",   "mknod",
    "test",     "tee",      "seq",      "date",     "stat",
    "basename", "dirname",  "readlink", "httpd",    "start-stop-daemon",
    "killall",  "insmod",   "sync",     "truncate",
};

/* Programs that are known by their names alone: they run what they are given. */
static const char *const actors[] = {
    "/usr/sbin/nginx",       "/usr/sbin/mysqld",  "/usr/sbin/apache2", "/usr/bin/postgres",
    "/usr/bin/redis-server", "/usr/bin/nmap",     "/usr/bin/kubectl",  "/usr/bin/docker",
    "/usr/bin/curl",         "/usr/bin/apt-get",  "/usr/bin/pip",      "/usr/bin/socat",
    "/usr/bin/ssh",          "/usr/bin/scp",      "/usr/bin/rsync",    "/usr/sbin/tcpdump",
    "/usr/sbin/iptables",    "/usr/sbin/useradd", "/usr/sbin/usermod", "/usr/sbin/setcap",
    "/usr/bin/python3",      "/usr/bin/perl",     "/usr/bin/gcc",      "/usr/bin/systemctl",
    "/usr/bin/masscan",      "/usr/bin/chattr",   "/usr/bin/auditctl", "/usr/bin/backup",
};
static const char actor_text[] =
    "#!/bin/sh\n"
    "[ \"$1\" = --run ] && { shift; \"$@\"; }\n" /* its child, not itself */
    "[ \"$1\" = --write ] && echo drill > \"$2\"\n"
    "exit 0\n";

static const struct {
    const char *path, *text;
    mode_t mode;
} bait[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/var/www:/bin/false\n", 0644},
    {"etc/group", "root:x:0:\nwww:x:33:\n", 0644},
    {"etc/shadow", "root:!drill:19000:0:99999:7:::\nwww:!:19000::::::\n", 0600},
    {"etc/hosts", "127.0.0.1 localhost\n", 0644},
    {"etc/profile", "# drill\n", 0644},
    {"etc/crontab", "# drill\n", 0644},
    {"root/.ssh/id_ed25519", "no key, but bait of a drill\n", 0600},
    {"root/.ssh/authorized_keys", "", 0600},
    {"root/.aws/credentials", "[default]\naws_access_key_id = DRILL\n", 0600},
    {"root/.docker/config.json", "{}\n", 0600},
    {"root/.bash_history", "ls\n", 0600},
    {"root/.kube/config", "apiVersion: v1\n", 0600},
    {"var/log/auth.log", "a line of a drill\n", 0640},
    {"var/log/app.log", "a line of a drill\n", 0644},
    {"var/www/html/index.html", "a drill\n", 0644},
    {"var/www/html/uploads/.keep", "", 0644},
    {"var/run/secrets/kubernetes.io/serviceaccount/token", "bait of a drill\n", 0644},
    {"srv/app/config.ini", "name = drill\n", 0644},
    {"usr/lib/security/pam_unix.so", "", 0644},
    {"etc/pam.d/common-auth", "# drill\n", 0644},
    {"usr/local/bin/tool", "#!/bin/sh\nexit 0\n", 0755},
};

static const char *const folders[] = {"dev",
                                      "proc",
                                      "sys",
                                      "tmp",
                                      "run",
                                      "mnt",
                                      "opt",
                                      "home/dev",
                                      "etc/cron.d",
                                      "etc/systemd/system",
                                      "var/spool/cron",
                                      "var/tmp",
                                      "usr/sbin",
                                      "usr/bin"};

static int put(struct sk_buf *out, const char *path, enum sk_tar_type type, uint32_t mode,
               const char *link, struct sk_str bytes, struct sk_err *err)
{
    const struct sk_tar_entry e = {.name = path[0] == '/' ? path + 1 : path,
                                   .type = type,
                                   .link = link,
                                   .mode = mode,
                                   .size = bytes.n};
    int r = sk_tar_add(out, &e, bytes.p);

    return r < 0 ? sk_err_errno(err, -r, "drills: %s cannot be packed", path) : 0;
}

static int put_file(struct sk_buf *out, const char *as, const char *path, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *bytes = NULL;
    size_t n;
    int r = sk_file_read(AT_FDCWD, path, FILE_MAX, &bytes, &n, err);

    return r < 0 ? r : put(out, as, SK_TAR_FILE, 0755, NULL, sk_str_n(bytes, n), err);
}

static int put_busybox(struct sk_buf *out, struct sk_err *err)
{
    char path[64];
    size_t i;
    int r = -ENOENT;

    for (i = 0; i < SK_ARRAY_LEN(busyboxes) && r == -ENOENT; i++)
        if (access(busyboxes[i], X_OK) == 0)
            r = put_file(out, "bin/busybox", busyboxes[i], err);
    if (r == -ENOENT)
        return sk_err_set(err, r, "drills need busybox on this host: install busybox-static");
    for (i = 0; i < SK_ARRAY_LEN(applets) && r == 0; i++) {
        (void)snprintf(path, sizeof(path), "bin/%s", applets[i]);
        r = put(out, path, SK_TAR_LINK, 0777, "busybox", (struct sk_str){0}, err);
    }
    return r;
}

/* The names by which a library is asked for: links beside it. */
static int put_links(struct sk_buf *out, const char *path, struct sk_err *err)
{
    char dir[4096], at[4096], to[4096];
    const char *base = strrchr(path, '/') + 1;
    struct dirent *de;
    ssize_t n;
    DIR *d;
    int r = 0;

    (void)sk_str_copy(dir, sizeof(dir), sk_str_n(path, (size_t)(base - path) - 1));
    d = opendir(dir);
    while (d && r == 0 && (de = readdir(d))) {
        if (de->d_type != DT_LNK)
            continue;
        n = readlinkat(dirfd(d), de->d_name, to, sizeof(to) - 1);
        if (n < 0 || !sk_str_eq(sk_str_n(to, (size_t)n), sk_str_c(base)))
            continue;
        if ((size_t)snprintf(at, sizeof(at), "%s/%s", dir, de->d_name) < sizeof(at))
            r = put(out, at, SK_TAR_LINK, 0777, base, (struct sk_str){0}, err);
    }
    if (d)
        (void)closedir(d);
    return r;
}

/* This executable and all that the loader mapped for it, where the loader will look for it. */
static int put_self(struct sk_buf *out, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *maps = NULL;
    struct sk_str rest, line, before = {0};
    char path[4096];
    ssize_t slash;
    size_t n = 0;
    int r = put_file(out, "usr/bin/skep", "/proc/self/exe", err);

    if (r == 0)
        r = sk_file_read(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &maps, &n, err);
    if (r < 0)
        return r;
    rest = sk_str_n(maps, n);
    while (r == 0 && sk_str_line(&rest, &line)) {
        slash = sk_str_chr(line, '/');
        if (slash < 0)
            continue;
        line = sk_str_sub(line, (size_t)slash, line.n);
        if (!sk_str_has(line, SK_STR(".so")) || sk_str_eq(line, before) || line.n >= sizeof(path))
            continue;
        before = line;
        (void)sk_str_copy(path, sizeof(path), line);
        r = put_file(out, path, path, err);
        if (r == 0)
            r = put_links(out, path, err);
    }
    return r;
}

/* The name that the executable asks the kernel to load it with (PT_INTERP). */
static int put_loader(struct sk_buf *out, struct sk_err *err)
{
    static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2",
                                          "/lib/ld-linux-aarch64.so.1"};
    size_t i;
    int r = 0;

    for (i = 0; i < SK_ARRAY_LEN(loaders) && r == 0; i++)
        if (access(loaders[i], X_OK) == 0)
            r = put_file(out, loaders[i], loaders[i], err);
    return r;
}

static int put_rest(struct sk_buf *out, struct sk_err *err)
{
    size_t i;
    int r = 0;

    for (i = 0; i < SK_ARRAY_LEN(folders) && r == 0; i++)
        r = put(out, folders[i], SK_TAR_DIR, strcmp(folders[i], "tmp") == 0 ? 01777 : 0755, NULL,
                (struct sk_str){0}, err);
    for (i = 0; i < SK_ARRAY_LEN(bait) && r == 0; i++)
        r = put(out, bait[i].path, SK_TAR_FILE, bait[i].mode, NULL, sk_str_c(bait[i].text), err);
    for (i = 0; i < SK_ARRAY_LEN(actors) && r == 0; i++)
        r = put(out, actors[i], SK_TAR_FILE, 0755, NULL, sk_str_c(actor_text), err);
    return r;
}

int drill_root_make(struct sk_buf *out, struct sk_err *err)
{
    int r = put_rest(out, err);

    if (r == 0)
        r = put_busybox(out, err);
    if (r == 0)
        r = put_self(out, err);
    if (r == 0)
        r = put_loader(out, err);
    if (r == 0 && sk_tar_end(out) < 0)
        r = sk_err_set(err, -ENOMEM, "drills: out of memory");
    return r;
}
