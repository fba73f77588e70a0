/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/drift.h"

#include <stdlib.h>

#include "detect/alert_int.h"
#include "detect/fold.h"
#include "model/evt.h"

#define FOLD_NS (600 * 1000000000LL)
#define OUTPUT_MAX ((size_t)16 << 10)
#define READERS 256 /* shells whose last script-like file is remembered */
#define READ_PATH 256
#define FED_NS 1000000000LL /* between the open and the exec */
#define OVERLAY 0x794c7630u /* linux/magic.h */
#define TMPFS 0x01021994u
#define RAMFS 0x858458f6u

enum kind {
    D_UPPER,
    D_MEMORY,
    D_NAMELESS,
    D_TMPFS,
    D_VOLUME,
    D_SCRIPT,
    D_STDIN,
    D_LIBRARY,
    D_NONE,
};

#define RULE(id_, name_, zh, desc_, desc_zh_, prio, tactic, technique_)                                          \
    {                                                                                                            \
        .name = SK_STR_INIT(name_), .id = SK_STR_INIT(id_), .title_zh = SK_STR_INIT(zh),                         \
        .desc = SK_STR_INIT(desc_), .desc_zh = SK_STR_INIT(desc_zh_),                                            \
        .condition = SK_STR_INIT("(what was not in the image)"),                                                 \
        .advice = SK_STR_INIT("Find what wrote it. Usual here? skep profile allow. Else freeze "                 \
                              "the container and keep the file and its hash."),                                  \
        .advice_zh =                                                                                             \
            SK_STR_INIT("查找写入者。若属正常，用 skep profile allow 允许；否则冻结容器并" \
                        "保留文件及其哈希。"),                                                                   \
        .source = SK_STR_INIT("syscall"), .file = SK_STR_INIT("(drift)"), .priority = (prio),                    \
        .enabled = true, .evaluated = true,                                                                      \
        .tags = {(struct sk_str[]){SK_STR_INIT("container"), SK_STR_INIT("drift"),                               \
                                   SK_STR_INIT(tactic), SK_STR_INIT(technique_)},                                \
                 4},                                                                                             \
        .techniques = {(struct sk_str[]){SK_STR_INIT(technique_)}, 1},                                           \
    }

static const struct sk_rule rules[] = {
    [D_UPPER] =
        RULE("SK-DRF-001", "Drift: program not in the image", "漂移：镜像中不存在的程序",
             "A program was run that was written into the container after its image.",
             "运行了镜像之外、容器启动后写入的程序。", SK_PRIO_WARNING, "mitre_execution", "T1105"),
    [D_MEMORY] = RULE("SK-DRF-002", "Drift: program run from memory", "漂移：从内存运行的程序",
                      "A program was run from an anonymous file in memory: it never was on a disk.",
                      "程序从匿名内存文件运行，从未写入磁盘。", SK_PRIO_CRITICAL,
                      "mitre_defense_evasion", "T1620"),
    [D_NAMELESS] =
        RULE("SK-DRF-003", "Drift: program without a file", "漂移：文件已删除的程序",
             "A program was run whose file had no name any more.", "运行的程序其文件已被删除。",
             SK_PRIO_ERROR, "mitre_defense_evasion", "T1070.004"),
    [D_TMPFS] = RULE("SK-DRF-004", "Drift: program run from a memory file system",
                     "漂移：从内存文件系统运行的程序",
                     "A program was run from a tmpfs, as /dev/shm is: not of the image, and gone "
                     "with the container.",
                     "程序从 tmpfs（如 /dev/shm）运行：不属于镜像，且随容器消失。", SK_PRIO_ERROR,
                     "mitre_defense_evasion", "T1036.005"),
    [D_VOLUME] =
        RULE("SK-DRF-005", "Drift: program run from a writable volume", "漂移：从可写卷运行的程序",
             "A program was run from a volume that the container may write.",
             "程序从容器可写的卷中运行。", SK_PRIO_NOTICE, "mitre_execution", "T1105"),
    [D_SCRIPT] = RULE("SK-DRF-006", "Drift: script not in the image", "漂移：镜像中不存在的脚本",
                      "An interpreter was given a script that was not in the image.",
                      "解释器执行了镜像之外的脚本。", SK_PRIO_NOTICE, "mitre_execution", "T1059"),
    [D_STDIN] = RULE("SK-DRF-007", "Drift: interpreter fed with a file not in the image",
                     "漂移：解释器从镜像外的文件读入代码",
                     "A shell opened a file that was not in the image and started an interpreter "
                     "that reads what to do from its standard input.",
                     "Shell 打开镜像之外的文件，并启动从标准输入读取代码的解释器。",
                     SK_PRIO_WARNING, "mitre_execution", "T1059"),
    [D_LIBRARY] =
        RULE("SK-DRF-008", "Drift: library not in the image", "漂移：镜像中不存在的动态库",
             "A shared library was opened that was not in the image. Whether it was "
             "mapped is not seen.",
             "打开了镜像之外的动态库（是否被映射执行无法看到）。", SK_PRIO_NOTICE,
             "mitre_persistence", "T1574.006"),
};

struct reader {
    uint64_t pid;
    int64_t start, time;
    struct sk_str path;
    char text[READ_PATH];
};

struct sk_drift {
    struct sk_drift_conf conf;
    struct sk_fold *fold;
    struct sk_buf output;
    struct reader readers[READERS];
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
};

const struct sk_rule *sk_drift_rules(size_t *ret_n)
{
    *ret_n = SK_ARRAY_LEN(rules);
    return rules;
}

int sk_drift_new(const struct sk_drift_conf *conf, struct sk_drift **ret)
{
    struct sk_drift *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->conf = *conf;
    d->fold = sk_fold_new(1, FOLD_NS);
    sk_buf_init(&d->output, OUTPUT_MAX);
    if (!d->fold) {
        free(d);
        return -ENOMEM;
    }
    *ret = d;
    return 0;
}

struct sk_drift *sk_drift_free(struct sk_drift *d)
{
    if (!d)
        return NULL;
    (void)sk_fold_free(d->fold);
    sk_buf_done(&d->output);
    free(d);
    return NULL;
}

void sk_drift_want(uint64_t types[2])
{
    static const uint8_t want[] = {SK_E_EXECVE, SK_E_EXECVEAT, SK_E_OPEN, SK_E_OPENAT,
                                   SK_E_OPENAT2};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(want); i++)
        types[want[i] / 64] |= (uint64_t)1 << (want[i] % 64);
}

/* ---- who --------------------------------------------------------------------------------------
 */

/* Package managers and build tools: what they run below them is theirs. As in rules/base.yaml. */
static const char tools[] =
    " apt apt-get aptitude dpkg dpkg-deb dpkg-split dpkg-preconfigu dpkg-reconfigur dpkg-trigger "
    "unattended-upgr frontend apk yum dnf dnf5 microdnf tdnf rpm zypper pacman opkg xbps-install "
    "emerge debootstrap pip pip3 pipx uv poetry conda mamba npm yarn pnpm gem bundle bundler "
    "composer cargo rustup go mvn gradle sbt dotnet nuget cpan cpanm luarocks mix make gmake ninja "
    "cmake meson bazel configure config.status libtool autoreconf cc1 cc1plus collect2 gcc g++ cc "
    "c++ clang ld as ant tox pytest ctest dpkg-buildpacka rpmbuild buildah buildkitd kaniko ";

const char *sk_drift_tools(void)
{
    return tools;
}

static bool in_words(const char *words, struct sk_str s)
{
    char word[40];

    if (s.n == 0 || s.n > sizeof(word) - 3 || sk_str_chr(s, ' ') >= 0)
        return false;
    word[0] = ' ';
    memcpy(word + 1, s.p, s.n);
    word[s.n + 1] = ' ';
    return sk_str_has(sk_str_c(words), sk_str_n(word, s.n + 2));
}

static bool is_brought(const struct sk_process *p)
{
    return p->exe_upper || p->exe_memfd || p->exe_deleted;
}

/* Below a tool of the image itself; one that was brought in counts for nothing. */
static bool by_tool(const struct sk_process *p)
{
    const struct sk_process *a;
    size_t n = 0;

    for (a = p; a && n++ < SK_DETECT_ANCESTORS; a = a->parent) {
        if (!sk_str_eq(a->container_id, p->container_id))
            return false;
        if (in_words(tools, a->name) && !is_brought(a))
            return true;
    }
    return false;
}

static struct sk_str base_of(struct sk_str path)
{
    ssize_t slash = sk_str_rchr(path, '/');

    return slash < 0 ? path : sk_str_sub(path, (size_t)slash + 1, path.n);
}

static bool is_interpreter(const struct sk_process *p)
{
    static const char words[] = " sh bash dash ash zsh ksh ksh93 mksh fish csh tcsh perl ruby php "
                                "node nodejs deno bun lua luajit tclsh pwsh ";
    struct sk_str exe = base_of(p->exepath), as = base_of(p->exe);

    if (sk_str_starts(exe, SK_STR("busybox")))
        exe = as;
    if (in_words(words, exe))
        return true;
    while (exe.n && ((exe.p[exe.n - 1] >= '0' && exe.p[exe.n - 1] <= '9') ||
                     exe.p[exe.n - 1] == '.' || exe.p[exe.n - 1] == '-'))
        exe.n--; /* python3.11, perl5.36, php8.2 */
    return sk_str_eq(exe, SK_STR("python")) || in_words(words, exe);
}

/* ---- where ------------------------------------------------------------------------------------
 */

static bool below(struct sk_str path, struct sk_str dir)
{
    while (dir.n > 1 && dir.p[dir.n - 1] == '/')
        dir.n--;
    return dir.n > 1 && sk_str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/');
}

static const struct sk_mount *mount_of(const struct sk_event *ev, struct sk_str path)
{
    const struct sk_mount *v, *best = NULL;
    size_t i;

    if (!ev->container)
        return NULL;
    v = ev->container->mounts.v;
    for (i = 0; i < ev->container->mounts.n; i++)
        if (below(path, v[i].dest) && (!best || v[i].dest.n > best->dest.n))
            best = &v[i];
    return best;
}

static enum kind exe_kind(const struct sk_event *ev)
{
    const struct sk_process *p = ev->proc;
    const struct sk_mount *m;

    if (p->exe_memfd)
        return D_MEMORY;
    if (p->exe_upper)
        return D_UPPER;
    if (p->exe_fs && p->root_fs && p->exe_fs != p->root_fs &&
        (p->exe_fs == TMPFS || p->exe_fs == RAMFS))
        return p->exe_writable ? D_TMPFS : D_NONE;
    m = mount_of(ev, p->exepath);
    if (m)
        return m->rw ? D_VOLUME : D_NONE;
    if (p->exe_fs && p->root_fs && p->exe_fs != p->root_fs)
        return p->exe_writable ? D_VOLUME : D_NONE; /* read-only: put there from outside */
    return p->exe_deleted ? D_NAMELESS : D_NONE;
}

/* Where an opened file may be for it not to be of the image: in the upper layer, or on another file
 * system. */
static bool file_may_be_off(const struct sk_event *ev)
{
    const struct sk_process *p = ev->proc;

    if (ev->fd.typechar != SK_FD_FILE)
        return false;
    return ev->fd.upper ||
           (p->root_fs == OVERLAY && p->exe_fs == OVERLAY && p->exe_dev != ev->fd.dev);
}

/* It is not of the image: not on a read-only mount either. */
static bool file_off(const struct sk_event *ev)
{
    const struct sk_mount *m;

    if (!file_may_be_off(ev))
        return false;
    if (ev->fd.upper)
        return true;
    m = mount_of(ev, ev->fd.name);
    return m ? m->rw : below(ev->fd.name, SK_STR("/dev/shm")) || below(ev->fd.name, SK_STR("/tmp"));
}

/* ---- scripts and libraries ------------------------------------------------------------------- */

/* The first argument that is no option: the script. False: code on the command line, or none. */
static bool script_arg(struct sk_str args, struct sk_str *ret)
{
    struct sk_str rest = args, s;

    while (sk_str_next(&rest, ' ', &s)) {
        if (s.n == 0)
            continue;
        if (sk_str_eq(s, SK_STR("-c")) || sk_str_eq(s, SK_STR("-e")) || sk_str_eq(s, SK_STR("-m")))
            return false;
        if (s.p[0] == '-')
            continue;
        *ret = s;
        return true;
    }
    return false;
}

/* Links are not followed in an argument: the same name elsewhere counts, too. */
static bool is_script(const struct sk_process *p, struct sk_str path)
{
    struct sk_str arg;

    return script_arg(p->args, &arg) && sk_str_eq(base_of(arg), base_of(path));
}

static bool is_library(struct sk_str path)
{
    struct sk_str name = base_of(path);
    ssize_t at = sk_str_find(name, SK_STR(".so"));
    size_t end = (size_t)at + 3;

    return at > 0 && (end == name.n || name.p[end] == '.');
}

static struct reader *reader_of(struct sk_drift *d, const struct sk_process *p)
{
    return &d->readers[(p->pid * 0x9e3779b97f4a7c15u >> 32) % READERS];
}

static void reader_keep(struct sk_drift *d, const struct sk_event *ev)
{
    struct reader *r = reader_of(d, ev->proc);

    r->pid = ev->proc->pid;
    r->start = ev->proc->start_time;
    r->time = ev->evt.time;
    r->path = sk_str_n(r->text, sk_str_copy(r->text, sizeof(r->text), ev->fd.name));
}

static bool reader_take(struct sk_drift *d, const struct sk_process *p, int64_t now,
                        struct sk_str *ret_path)
{
    struct reader *r = p ? reader_of(d, p) : NULL;

    if (!r || r->pid != p->pid || r->start != p->start_time || now - r->time > FED_NS)
        return false;
    r->pid = 0; /* one exec */
    *ret_path = r->path;
    return true;
}

/* An interpreter without a script, right after it, as the shell it was, or its parent opened one:
 * shells that use vfork(2) redirect before it. */
static bool fed(struct sk_drift *d, const struct sk_event *ev, struct sk_str *ret_path)
{
    const struct sk_process *p = ev->proc;
    struct sk_str arg;

    if (!reader_take(d, p, ev->evt.time, ret_path) &&
        !reader_take(d, p->parent, ev->evt.time, ret_path))
        return false;
    return is_interpreter(p) && !script_arg(p->args, &arg) &&
           (p->args.n == 0 || sk_str_starts(p->args, SK_STR("-s")) ||
            sk_str_eq(p->args, SK_STR("-")));
}

/* ---- judging ----------------------------------------------------------------------------------
 */

static void tell(struct sk_drift *d, const struct sk_event *ev, enum kind kind, struct sk_str path,
                 uint64_t count, const struct sk_drift_ask *ask)
{
    const struct sk_rule *rule = &rules[kind];
    struct sk_label fields[1] = {{SK_STR("drift.path"), path}};
    struct sk_alert a;

    sk_buf_clear(&d->output);
    (void)sk_buf_str(&d->output, rule->name);
    (void)sk_buf_c(&d->output, " (path=");
    (void)sk_buf_str(&d->output, sk_str_sub(path, 0, 1024));
    da_who(&d->output, ev);
    (void)sk_buf_ch(&d->output, ')');
    da_fill(&a, rule, ev);
    a.engine = SK_EN_DRIFT;
    a.count = count;
    a.output = sk_buf_view(&d->output);
    a.output_fields = (struct sk_list){fields, 1};
    a.ancestors = (struct sk_list){d->ancestors, da_ancestors(d->ancestors, ev->proc)};
    if (kind <= D_TMPFS)
        a.response = d->conf.response;
    ask->alert(ask->arg, &a);
}

static bool judge(struct sk_drift *d, const struct sk_event *ev, enum kind kind, struct sk_str path,
                  const struct sk_drift_ask *ask)
{
    uint64_t key = sk_str_hash(da_container(ev)) * 31 + (uint64_t)kind, count = 0;
    bool told;

    if (kind != D_MEMORY && by_tool(ev->proc))
        return false;
    if (ask->allowed && ask->allowed(ask->arg, ev, path))
        return false;
    told = !sk_folded(d->fold, key ^ sk_str_hash(path), ev->evt.time, &count);
    if (told || (kind <= D_TMPFS && d->conf.response != SK_RE_ALERT))
        tell(d, ev, kind, path, told ? count : 0, ask);
    return true;
}

static bool exec_judge(struct sk_drift *d, const struct sk_event *ev,
                       const struct sk_drift_ask *ask)
{
    enum kind kind = exe_kind(ev);
    struct sk_str path;
    bool was_fed = fed(d, ev, &path);

    if (da_runtime_init(ev->proc))
        return false;
    if (kind != D_NONE)
        return judge(d, ev, kind, ev->proc->exepath, ask);
    return was_fed && judge(d, ev, D_STDIN, path, ask);
}

static bool only_reads(const struct sk_event *ev)
{
    return !ev->evt.failed && ev->evt.is_open_read && !ev->evt.is_open_write;
}

static bool open_judge(struct sk_drift *d, const struct sk_event *ev,
                       const struct sk_drift_ask *ask)
{
    if (!only_reads(ev) || !file_off(ev))
        return false;
    if (is_library(ev->fd.name))
        return judge(d, ev, D_LIBRARY, ev->fd.name, ask);
    if (!is_interpreter(ev->proc))
        return false;
    if (is_script(ev->proc, ev->fd.name))
        return judge(d, ev, D_SCRIPT, ev->fd.name, ask);
    reader_keep(d, ev);
    return false;
}

bool sk_drift_wants(const struct sk_event *ev)
{
    if (!ev->proc || ev->proc->container_id.n != 64)
        return false;
    switch (ev->evt.type) {
    case SK_E_EXECVE:
    case SK_E_EXECVEAT:
        return !ev->evt.failed;
    case SK_E_OPEN:
    case SK_E_OPENAT:
    case SK_E_OPENAT2:
        return only_reads(ev) && file_may_be_off(ev) &&
               (is_library(ev->fd.name) || is_interpreter(ev->proc));
    default:
        return false;
    }
}

bool sk_drift_event(struct sk_drift *d, const struct sk_event *ev, const struct sk_drift_ask *ask)
{
    if (!ev->proc || ev->proc->container_id.n != 64)
        return false;
    switch (ev->evt.type) {
    case SK_E_EXECVE:
    case SK_E_EXECVEAT:
        return !ev->evt.failed && exec_judge(d, ev, ask);
    case SK_E_OPEN:
    case SK_E_OPENAT:
    case SK_E_OPENAT2:
        return open_judge(d, ev, ask);
    default:
        return false;
    }
}
