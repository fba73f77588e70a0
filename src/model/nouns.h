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
enum sk_verdict {
    SK_VD_NONE,
    SK_VD_TRUE,
    SK_VD_FALSE,
    SK_VD_BENIGN
};               /* what a person found it to be */
enum sk_engine { /* which part of judge/ raised an alert */
                 SK_EN_RULE,
                 SK_EN_DRIFT,
                 SK_EN_PROFILE,
                 SK_EN_THREAT,
                 SK_EN_INDICATOR,
                 SK_EN_CORRELATION,
                 SK_EN_SYSTEM, /* skep about itself: enforcement lapsed, agent gone */
                 SK_EN_RATE,   /* counting over events */
};
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
    uint32_t exe_fs, root_fs; /* file systems of the executable and of its root: statfs(2) magic */
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
    bool complete;      /* the runtime's whole answer was read: rights, mounts, networks */
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
    struct sk_strs addresses;  /* of its interfaces, "10.0.0.5/24" */
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
    uint64_t bytes_out, bytes_in;         /* tcpclose: payload over the whole connection */
    uint64_t duration_ms;                 /* tcpclose: how long it lasted, to a millisecond or so */
    bool io_uring; /* asked for through io_uring: rawres is 0, how it ended is not known */
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

/* What was asked of a name server: sendto and sendmsg to port 53 or 5353. */
struct sk_dns {
    struct sk_str name; /* lower case, no dot at the end; "." is the root */
    struct sk_str type; /* "A", "AAAA", "TXT" …; absent: cut off */
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
    const struct sk_dns *dns;             /* NULL: it asks no name server */
};

/* One event of the Kubernetes audit log
 * (kubernetes.io/docs/reference/config-api/apiserver-audit.v1); expressions see it by Falco's ka.*
 * and jevt.* names. */
struct json_object;
struct sk_k8s_audit {
    struct sk_str id; /* auditID */
    int64_t time;
    struct json_object *json; /* the caller's; no field of the table */
};
extern const struct sk_kind sk_kind_k8s_audit;

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
    uint32_t engine;              /* enum sk_engine */
    uint32_t response;            /* enum sk_response: what the rule asked for and got */
    struct sk_str response_how;   /* "lsm", "sigkill at exec", "cgroup freezer" …; why not */
    uint64_t seen_before;         /* profile: how often this workload did it before */
    int64_t seen_since;           /* profile: since when that is known */
    struct sk_str incident_id;    /* it is part of */
    bool recorded;                /* the flight recorder keeps its window of time */
    /* The console's own; an agent leaves them empty. */
    struct sk_str assignee;
    uint32_t verdict;         /* enum sk_verdict */
    struct sk_list comments;  /* struct sk_comment, oldest first */
    const struct sk_dns *dns; /* of the event; NULL: none */
};

struct sk_comment {
    int64_t time;
    struct sk_str user, text;
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
    uint64_t prints_lost; /* alerts that its standard output did not take */
    bool connected;
    struct sk_str runtime_error, rules_error, store_error; /* absent: fine */
    struct sk_list losses;                                 /* struct sk_loss */
    struct sk_list hooks;                                  /* struct sk_hook */
    bool recording;                                        /* the flight recorder takes events */
    uint64_t record_bytes, record_events, record_dropped;
    int64_t record_oldest;
    struct sk_str record_error;           /* absent: fine, or there is no recorder */
    uint64_t actions;                     /* responses in force or under way */
    uint64_t deny_rules, deny_refused;    /* refused in the kernel: rules, and what they refused */
    struct sk_str deny_how;               /* absent: nothing is refused in the kernel */
    struct sk_str deny_error;             /* what does not hold, and why */
    int64_t certificate_expires, revoked; /* by the console; 0: has no certificate; not revoked */
    struct sk_str revoked_by;
};

/* ---- detection and response: what is decided, done and learned (nouns_respond.c) ---------------
 *
 * Kinds with rev and removed are the console's to change and go down to the agents (link/link.h):
 * rev rises with every change (microseconds since 1970, never twice), removed rows stay as
 * tombstones until every agent may have seen them.
 */

enum sk_response { SK_RE_ALERT, SK_RE_DENY, SK_RE_KILL, SK_RE_FREEZE };
enum sk_action_kind {
    SK_AK_FREEZE, /* container: cgroup freezer */
    SK_AK_UNFREEZE,
    SK_AK_ISOLATE, /* container: no network but the exceptions in params */
    SK_AK_RELEASE,
    SK_AK_KILL_PROCESS, /* pid + process start: never a reused pid */
    SK_AK_KILL_TREE,
    SK_AK_KILL_CONTAINER,
    SK_AK_QUARANTINE_FILE, /* path in a container or on the host: taken out of reach, kept */
    SK_AK_RESTORE_FILE,
    SK_AK_BLOCK_EXEC, /* path or SHA-256 in a container */
    SK_AK_BLOCK_PEER, /* address or network, of a container */
    SK_AK_UNBLOCK,
    SK_AK_COLLECT,     /* take the evidence set */
    SK_AK_SEND,        /* send an evidence bundle up: struct sk_chunk */
    SK_AK_RECORD_QUERY /* send a slice of the flight recorder up: struct sk_slice */
};
enum sk_action_state {
    SK_AC_REQUESTED,
    SK_AC_RUNNING, /* journalled on the agent */
    SK_AC_DONE,    /* in force, or finished */
    SK_AC_FAILED,
    SK_AC_REFUSED, /* protected, unknown target, not possible here: error says why */
    SK_AC_UNDONE,  /* by a person */
    SK_AC_EXPIRED  /* undone when its time was over, or target gone */
};
struct sk_act {       /* not sk_action: linux/bpf.h has that */
    struct sk_str id; /* 26 characters, sorts by time (ULID) */
    struct sk_str host_id;
    uint32_t kind;  /* enum sk_action_kind */
    uint32_t state; /* enum sk_action_state */
    struct sk_str container_id, container_name;
    uint64_t pid;
    struct sk_str process_id; /* sk_process.id */
    struct sk_str path, peer; /* peer: address, network or address:port */
    struct sk_strs params;    /* by kind: allowed exceptions of isolate, query of record_query */
    struct sk_str requested_by, reason, alert_id, incident_id;
    int64_t requested, started, finished;
    int64_t expires;       /* undone then; 0: stays until undone */
    struct sk_str undo_of; /* action that this one takes back */
    bool reversible;
    struct sk_str error, result; /* for people; result: what was done and how */
    struct sk_str evidence_id;   /* bundle taken before or by it */
    uint64_t rev;
    bool removed;
};

struct sk_story { /* one step of an incident */
    int64_t time;
    struct sk_str text, rule, technique, tactic, alert_id, process_id, process, container_id;
    uint32_t priority, engine;
    uint64_t count;
    struct sk_str host_id, hostname; /* of an incident over several hosts: where */
};
struct sk_endpoint { /* whom a workload of an incident talked with, as the agent saw it */
    struct sk_ip ip;
    uint32_t port; /* in: its own, which the peer came to; else the peer's */
    bool in;       /* the peer came */
    bool told;     /* an alert is about this connection */
    bool bad;      /* an indicator or a command-and-control rule told of the address */
    bool common;  /* many workloads talk with the address, or many addresses come to the workload */
    int64_t time; /* of the newest connection */
    struct sk_str container_id; /* absent: the host */
};
enum sk_join_link { /* what joins the incidents of two hosts, the strongest first */
                    SK_JL_NONE,
                    SK_JL_REACHED,  /* one talked with the container or host of the other */
                    SK_JL_TRACE,    /* the same indicator was hit: a name, a page, a hash */
                    SK_JL_ATTACKER, /* the same bad address outside */
                    SK_JL_ALIKE,    /* the same image, attacked by the same acts */
};
struct sk_member { /* an incident of one host that is part of one over several */
    struct sk_str id, host_id, hostname, title;
    int64_t first, last;
    uint32_t priority, risk;
    uint64_t alerts;
    struct sk_str container_id, container_name; /* where it began; absent: the host */
    uint32_t link;                              /* enum sk_join_link */
    struct sk_str what;                         /* address, indicator, image that joins it */
    struct sk_str with;                         /* the member that it was joined to */
};
enum sk_incident_state { SK_IS_OPEN, SK_IS_CONTAINED, SK_IS_CLOSED };
struct sk_incident {
    struct sk_str id; /* ULID */
    struct sk_str host_id, hostname, title;
    int64_t first, last;
    uint32_t priority; /* the worst of its alerts */
    uint32_t risk;     /* 0 to 100; judge/detect says how it is made */
    uint64_t alerts;   /* in it, folded ones counted */
    struct sk_strs techniques, tactics, engines, containers; /* containers: ids, first one first */
    const struct sk_container *container;                    /* where it began */
    struct sk_list story;                                    /* struct sk_story, by time */
    struct sk_list endpoints;                                /* struct sk_endpoint */
    struct sk_strs traces; /* indicators that were hit, "domain:evil.example", "sha256:…" */
    /* The console's own. */
    uint32_t state; /* enum sk_incident_state */
    struct sk_str assignee;
    uint32_t verdict;
    struct sk_list comments;
    int64_t closed;
    struct sk_strs hosts;   /* names of the hosts it reached, first one first */
    struct sk_list members; /* struct sk_member: it is one of several hosts, made by the console */
    struct sk_str part_of;  /* the incident of several hosts that it is a member of */
};

enum sk_aspect {
    SK_AP_EXEC,
    SK_AP_FILE,
    SK_AP_LISTEN,
    SK_AP_PEER,
    SK_AP_DNS,
    SK_AP_CAPABILITY,
    SK_AP_USER,
    SK_ASPECTS
};
enum sk_profile_mode { SK_PM_LEARN, SK_PM_WATCH, SK_PM_ENFORCE, SK_PM_OFF };
struct sk_profile_entry {
    uint32_t aspect;          /* enum sk_aspect */
    struct sk_str value;      /* path of an executable, class of a file, port, peer, name … */
    struct sk_str parent_exe; /* exec: executable of the parent */
    struct sk_str shape;      /* exec: shape of the arguments */
    uint64_t count;
    int64_t first, last;
    bool by_person;       /* added or kept by a person, not learned */
    bool denied;          /* a person took it out: never learned again */
    struct sk_str digest; /* image that it came with, when that was not the first */
};
struct sk_profile_aspect {
    uint32_t aspect, mode; /* enum sk_aspect, enum sk_profile_mode */
    int64_t since;         /* in this mode */
    uint64_t evidence;     /* observations in learn mode */
    int64_t changed;       /* when something new was last learned */
};
struct sk_profile {
    struct sk_str id; /* hash of image repository + owner; the same on every host */
    struct sk_str name, image, image_digest, owner;
    struct sk_list aspects; /* struct sk_profile_aspect */
    struct sk_list entries; /* struct sk_profile_entry */
    uint64_t version;       /* rises with every change by a person or promotion */
    uint64_t containers;    /* seen with it */
    uint64_t deviations;    /* in watch and enforce mode */
    int64_t created, updated;
    struct sk_str updated_by;
    uint64_t rev;
    bool removed;
    struct sk_strs digests; /* of its image, oldest first, at most 8 */
    int64_t grace_until;    /* until then what the newest image adds is learned */
};
struct sk_profile_version { /* a profile as it was after one change; the console's own */
    struct sk_str id;       /* PROFILE:VERSION */
    struct sk_str profile_id;
    uint64_t version;
    int64_t time;
    struct sk_str user, change;
    const struct sk_profile *content;
};

enum sk_indicator_type { SK_IN_IP, SK_IN_DOMAIN, SK_IN_SHA256, SK_IN_SHA1, SK_IN_MD5, SK_IN_URL };
struct sk_indicator {
    struct sk_str id;    /* TYPE:VALUE */
    uint32_t type;       /* enum sk_indicator_type */
    struct sk_str value; /* address or network (CIDR), name (".x" or "*.x": with all below), hash */
    struct sk_str list;  /* it came in with */
    struct sk_str desc;
    uint32_t priority;
    int64_t created, expires;
    struct sk_str created_by;
    uint64_t rev;
    bool removed;
};

struct sk_exception {
    struct sk_str id; /* ULID */
    struct sk_str name;
    struct sk_str rule;      /* only alerts of this rule; empty: of all */
    struct sk_str condition; /* over the event; alerts for which it holds are not raised */
    struct sk_str owner, reason, alert_id; /* alert_id: it was written from */
    int64_t created, expires;              /* expires 0: never */
    bool disabled;
    uint64_t hits; /* alerts it held back, as the agents told */
    int64_t last_hit;
    uint64_t rev;
    bool removed;
};

struct sk_rulefile { /* rules that people keep in the console; agents load them after the built-in
                      */
    struct sk_str id, name, text; /* name: "my-rules.yaml", the order of loading */
    bool disabled;
    int64_t created, updated;
    struct sk_str updated_by;
    uint64_t rev;
    bool removed;
};

struct sk_evidence_file {
    struct sk_str name, collector, sha256, error; /* error: not taken, why */
    uint64_t size;
};
struct sk_evidence {
    struct sk_str id; /* ULID */
    struct sk_str host_id, hostname, container_id, container_name, image;
    struct sk_str action_id, alert_id, incident_id, requested_by, reason;
    int64_t time, took_ms;
    uint64_t size;
    struct sk_str sha256;      /* of the bundle */
    struct sk_str previous;    /* sha256 of the bundle taken before on this host: the chain */
    struct sk_str fingerprint; /* of the key that signed */
    struct sk_str path;        /* on its host */
    bool here;                 /* the console has its bytes */
    struct sk_str error;
    struct sk_list files; /* struct sk_evidence_file */
};
struct sk_chunk {     /* a piece of a bundle on its way up */
    struct sk_str id; /* EVIDENCE:PART */
    struct sk_str evidence_id, action_id;
    uint64_t part, parts;
    struct sk_str data; /* base64 */
    int64_t stored;     /* when the console had it */
};
struct sk_slice {     /* a piece of an answer to record_query */
    struct sk_str id; /* ACTION:PART */
    struct sk_str action_id;
    uint64_t part;
    bool last;
    uint64_t lost;        /* events lost in the time asked for */
    struct sk_list items; /* struct sk_event */
    int64_t stored;
    struct sk_str summary; /* of the last piece: what was read and found, as JSON */
};

struct sk_drill {     /* result of one technique in one run of drills */
    struct sk_str id; /* RUN:DRILL */
    struct sk_str run_id, drill, technique, title, title_zh, host_id, container_id;
    int64_t time;
    bool ran, detected, expected_engine, quiet;         /* quiet: the benign twin raised nothing */
    struct sk_str expected_rule, rule, alert_id, error; /* rule: that detected it */
    uint32_t engine;                                    /* that detected it */
    uint64_t latency_us;
};

extern const struct sk_enum sk_enum_verdict, sk_enum_engine, sk_enum_response, sk_enum_action_kind,
    sk_enum_action_state, sk_enum_incident_state, sk_enum_join_link, sk_enum_aspect,
    sk_enum_profile_mode, sk_enum_indicator_type;
extern const struct sk_kind sk_kind_comment, sk_kind_action, sk_kind_story, sk_kind_endpoint,
    sk_kind_member, sk_kind_incident, sk_kind_profile_entry, sk_kind_profile_aspect,
    sk_kind_profile, sk_kind_profile_version, sk_kind_indicator, sk_kind_exception,
    sk_kind_rulefile, sk_kind_evidence_file, sk_kind_evidence, sk_kind_chunk, sk_kind_slice,
    sk_kind_drill;

extern const struct sk_kind sk_kind_process, sk_kind_mount, sk_kind_port, sk_kind_label,
    sk_kind_container, sk_kind_image, sk_kind_host, sk_kind_evt, sk_kind_fd, sk_kind_dns,
    sk_kind_event, sk_kind_alert, sk_kind_user, sk_kind_token, sk_kind_audit, sk_kind_loss,
    sk_kind_hook, sk_kind_agent;

/* ---- the fleet: who may join, and the certificates of those that did ---------------------------
 */

struct sk_join_token { /* opens the door to agents of other hosts; the secret is shown once */
    struct sk_str id, name;
    struct sk_str hash; /* SECRET: SHA-256 hex of the secret */
    int64_t created, expires;
    struct sk_str created_by;
    uint32_t max_uses, uses; /* max_uses 0: as many agents as come until it expires */
    int64_t last_used;
    struct sk_str last_agent;
    int64_t revoked; /* 0: not */
    struct sk_str revoked_by;
};

struct sk_certificate { /* of an agent; one row for each that the console issued */
    struct sk_str id;   /* serial number in hexadecimal */
    struct sk_str agent_id, fingerprint;
    int64_t issued, expires;
    struct sk_str token_id; /* join token it came by; absent: a renewal */
    struct sk_str ip;       /* address it was asked for from */
    int64_t revoked;        /* 0: not */
    struct sk_str revoked_by;
};

extern const struct sk_kind sk_kind_join_token, sk_kind_certificate;

#endif
