/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nouns of skep. Field tables: nouns.c. Sizes: texts are views, owned by whoever owns the
 * struct (an arena of the batch on the server, the process tree or container table in the agent).
 */
#ifndef SK_MODEL_NOUNS_H
#define SK_MODEL_NOUNS_H

#include "model/kind.h"

/* ---- enumerations (names in nouns.c) -------------------------------------------------------- */

enum sk_priority { /* Falco's and syslog's order: smaller is worse */
                   SK_PRIO_EMERGENCY,
                   SK_PRIO_ALERT,
                   SK_PRIO_CRITICAL,
                   SK_PRIO_ERROR,
                   SK_PRIO_WARNING,
                   SK_PRIO_NOTICE,
                   SK_PRIO_INFORMATIONAL,
                   SK_PRIO_DEBUG,
};
enum sk_container_state {
    SK_CS_UNKNOWN,
    SK_CS_CREATED,
    SK_CS_RUNNING,
    SK_CS_PAUSED,
    SK_CS_EXITED,
    SK_CS_REMOVED
};
enum sk_runtime_kind { SK_RT_UNKNOWN, SK_RT_DOCKER, SK_RT_CONTAINERD, SK_RT_CRIO, SK_RT_PODMAN };
enum sk_role { SK_ROLE_VIEWER, SK_ROLE_OPERATOR, SK_ROLE_ADMIN };
enum sk_alert_state { SK_AS_OPEN, SK_AS_CLOSED };
extern const struct sk_enum sk_enum_priority, sk_enum_container_state, sk_enum_runtime,
    sk_enum_role, sk_enum_alert_state, sk_enum_capability;

/* ---- processes, containers, events: what the agent sees -------------------------------------- */

/* Capability sets as bits (linux/capability.h); expressions and JSON see "CAP_CHOWN CAP_KILL …". */
struct sk_process {
    struct sk_str id; /* HOST:START_NS:PID in hex; unique over reboots and pid reuse */
    struct sk_str host_id,
        container_id; /* container_id absent: on the host; "pending": not settled yet */
    uint64_t pid, ppid, vpid, vppid, tid, sid, pgid; /* v…: in the container's pid namespace */
    struct sk_str name;    /* comm after exec, at most 15 bytes (Falco: proc.name) */
    struct sk_str exe;     /* argv[0] */
    struct sk_str exepath; /* path of the executable from the kernel's file, seen from its root */
    struct sk_str args;    /* argv[1…] joined by blanks; tail of cmdline */
    struct sk_str cmdline; /* name + " " + args (Falco: proc.cmdline) */
    struct sk_str cwd;
    struct sk_str env; /* the kept subset, "A=b" joined by blanks, secrets masked */
    uint32_t uid, gid, euid, egid, loginuid; /* loginuid UINT32_MAX: none */
    struct sk_str user, group,
        loginname; /* names by the container's or host's passwd; may be absent */
    uint64_t cap_permitted, cap_effective, cap_inheritable;
    uint32_t tty;      /* device number of the terminal, 0 = none */
    bool exe_upper;    /* overlay upper layer: written after the image */
    bool exe_memfd;    /* executed from memfd or another anonymous file */
    bool exe_deleted;  /* its file had no name any more */
    bool exe_writable; /* by the user who runs it */
    bool is_vpgid_leader, is_sid_leader;
    uint64_t exe_dev, exe_ino;
    int64_t exe_mtime, exe_ctime;
    int64_t start_time, exit_time; /* exit_time 0: runs */
    int64_t exit_code;             /* wait status decoded: code, or 128+signal */
    struct sk_str parent_id;
    const struct sk_process *parent; /* SK_F_REF; nearest known ancestor, NULL at the top */
};

struct sk_mount {
    struct sk_str source, dest, mode, type;
    bool rw;
};
struct sk_port {
    uint32_t container_port, host_port;
    struct sk_str protocol, host_ip;
};
struct sk_label {
    struct sk_str key, value;
};

struct sk_container {
    struct sk_str id; /* 64 hex */
    struct sk_str host_id;
    struct sk_str name;  /* without the leading slash */
    struct sk_str image; /* as given: "nginx:1.25" */
    struct sk_str image_id, image_repository, image_tag, image_digest;
    uint32_t runtime;      /* enum sk_runtime_kind */
    uint32_t state;        /* enum sk_container_state */
    struct sk_str command; /* as docker ps shows it, joined */
    int64_t created, started, finished;
    int64_t exit_code;
    uint64_t pid; /* init process on the host, 0 = not running */
    bool privileged, host_network, host_pid;
    struct sk_str ip, network, user;
    struct sk_str k8s_pod, k8s_namespace, k8s_uid; /* from io.kubernetes.* labels */
    struct sk_list mounts;                         /* struct sk_mount */
    struct sk_list ports;                          /* struct sk_port */
    struct sk_list labels;                         /* struct sk_label */
    uint64_t cgroup_id; /* cgroup v2 id (inode of its directory), 0 = not known */
    bool late;          /* events came before the runtime told of it */
};

struct sk_image {
    struct sk_str id; /* sha256:… of the configuration */
    struct sk_str host_id;
    struct sk_strs tags, digests;
    int64_t created;
    uint64_t size;
    struct sk_str os, arch;
    uint64_t containers; /* that use it on this host */
};

struct sk_host {
    struct sk_str id; /* /etc/machine-id, else made once and kept */
    struct sk_str name, os, kernel, arch, agent_version, cgroup_mode, runtime_version;
    int64_t boot_time, first_seen, last_seen;
    uint64_t cpus, memory;
    uint64_t containers_running;
    bool bpf;                  /* events come in */
    struct sk_str bpf_why_not; /* what is missing, else absent */
};

/* What one kernel event says, beside its process and container. Members follow Falco's evt.* names.
 */
struct sk_evt {
    uint64_t num;  /* per agent, from 1, in the order of the kernel's clock */
    int64_t time;  /* wall ns */
    uint32_t type; /* enum sk_evt_type (model/evt.h); JSON and expressions: "execve", "openat" … */
    int64_t rawres;
    bool failed;  /* rawres < 0 */
    bool blocked; /* refused before it ran (container's seccomp profile) */
    bool is_open_read, is_open_write, is_open_create, is_open_exec;
    uint32_t flags, mode;                 /* raw, by type */
    struct sk_str path, oldpath, newpath; /* resolved by the kernel where it can be */
    struct sk_str name;                   /* memfd name, module name */
    uint64_t target_pid;                  /* kill, ptrace, setns by pidfd */
    int64_t arg0, arg1, arg2, arg3;       /* numbers by type: signal, request, uid, fd, cmd … */
    uint64_t lost;                        /* events lost on this host before this one */
};

/* The descriptor the event is about (Falco's fd.*). */
struct sk_fd {
    int64_t num;        /* -1: none */
    uint32_t typechar;  /* enum sk_fd_type: '?' 'f' 'd' '4' '6' 'u' 'p' 'e' … as index */
    struct sk_str name; /* file: path; socket: "10.0.0.1:4321->10.0.0.2:80" */
    struct sk_str directory, filename;
    uint32_t l4proto;                /* enum sk_l4proto */
    struct sk_ip cip, sip, lip, rip; /* client, server, local, remote */
    uint32_t cport, sport, lport, rport;
    uint64_t dev, ino;
    bool upper, deleted;
};

/*
 * One event with everything a condition may ask of it. proc and container are never copied on the
 * hot path: they point into the sensor's tables and are valid during the callback only.
 */
struct sk_event {
    struct sk_str id; /* HOST:BOOT:NUM, set when it leaves the agent */
    struct sk_str host_id, hostname;
    struct sk_evt evt;
    struct sk_fd fd;
    const struct sk_process *proc;        /* NULL: not known (lost) */
    const struct sk_container *container; /* NULL: host, or not known yet: see proc->container_id */
};

/* ---- what judge says --------------------------------------------------------------------------
 */

struct sk_alert {
    struct sk_str id; /* 26 characters, sorts by time (ULID) */
    struct sk_str host_id, hostname;
    int64_t time;               /* of the event */
    struct sk_str rule, source; /* source: "syscall", "k8s_audit" */
    uint32_t priority;          /* enum sk_priority */
    struct sk_str output;       /* the rule's text, filled */
    struct sk_str desc;
    struct sk_strs tags;       /* as in the rule: container, mitre_execution, T1059 … */
    struct sk_strs techniques; /* ATT&CK ids among them */
    struct sk_evt evt;
    struct sk_fd fd;
    const struct sk_process *proc;
    const struct sk_container *container;
    struct sk_list
        ancestors; /* struct sk_process, nearest first, up to the container's init or pid 1 */
    struct sk_list output_fields; /* struct sk_label: the fields the output names, as text */
    uint64_t lost;                /* events lost since its process began */
    uint64_t count;               /* the same alert folded, at least 1 */
    uint32_t state;               /* enum sk_alert_state */
    int64_t stored;               /* when the console had it on disk */
};

/* ---- the console's own ------------------------------------------------------------------------
 */

struct sk_user {
    struct sk_str id, name;
    uint32_t role;          /* enum sk_role */
    struct sk_str password; /* SECRET: Argon2id encoded; absent: cannot sign in by password */
    int64_t created, last_login;
    bool disabled, must_change;
};

struct sk_token { /* API tokens; the secret itself is shown once and never kept */
    struct sk_str id, name, user_id;
    struct sk_str hash; /* SECRET: SHA-256 hex of the token */
    uint32_t role;
    int64_t created, expires, last_used;
};

struct sk_audit { /* who did what in the console */
    struct sk_str id;
    int64_t time;
    struct sk_str user, action, target, detail, ip;
    bool ok;
};

struct sk_loss { /* events lost on the way, per ring and kind */
    struct sk_str ring, kind;
    uint64_t lost, seen;
};
struct sk_hook { /* one row of skep agent --check */
    struct sk_str name, how,
        why; /* how: "tp_btf", "lsm", "tracepoint"; why: what is lost without */
    bool granted, used;
};
struct sk_agent {     /* health of one agent, sent every few seconds and on change */
    struct sk_str id; /* = host id */
    struct sk_str version, hostname;
    int64_t started, seen;
    uint64_t pid, rss, events_seen, events_lost, events_matched, alerts, outbox_pending,
        rules_loaded;
    uint64_t cpu_ms;
    bool connected;
    struct sk_str runtime_error, rules_error, store_error; /* absent: fine */
    struct sk_list losses;                                 /* struct sk_loss */
    struct sk_list hooks;                                  /* struct sk_hook */
};

extern const struct sk_kind sk_kind_process, sk_kind_mount, sk_kind_port, sk_kind_label,
    sk_kind_container, sk_kind_image, sk_kind_host, sk_kind_evt, sk_kind_fd, sk_kind_event,
    sk_kind_alert, sk_kind_user, sk_kind_token, sk_kind_audit, sk_kind_loss, sk_kind_hook,
    sk_kind_agent;

#endif
