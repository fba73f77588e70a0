/* SPDX-License-Identifier: Apache-2.0 */
/* Deviations told, with what was seen before. */
#include <stdio.h>

#include "base/time.h"
#include "detect/alert_int.h"
#include "detect/profile_int.h"

#define TAGS(...)                                                                                  \
    {                                                                                              \
        (struct sk_str[]){SK_STR_INIT("container"), SK_STR_INIT("profile"), __VA_ARGS__},          \
            2 + sizeof((struct sk_str[]){__VA_ARGS__}) / sizeof(struct sk_str)                     \
    }
#define TECHNIQUE(t)                                                                               \
    {                                                                                              \
        (struct sk_str[]){SK_STR_INIT(t)}, 1                                                       \
    }
#define RULE(id_, name_, zh, desc_, desc_zh_, prio, tactic, technique_)                            \
    {                                                                                              \
        .name = SK_STR_INIT(name_), .id = SK_STR_INIT(id_), .title_zh = SK_STR_INIT(zh),           \
        .desc = SK_STR_INIT(desc_), .desc_zh = SK_STR_INIT(desc_zh_),                              \
        .condition = SK_STR_INIT("(what the workload's profile does not know)"),                   \
        .advice = SK_STR_INIT("Is it usual? skep profile allow adds it. If not, look at the "      \
                              "process's ancestors and at what it does next."),                    \
        .advice_zh = SK_STR_INIT(                                                                  \
            "若属正常行为，可用 skep profile allow 加入；否则查看进程祖先及其后续行为。"),         \
        .source = SK_STR_INIT("syscall"), .file = SK_STR_INIT("(profiles)"), .priority = (prio),   \
        .enabled = true, .evaluated = true,                                                        \
        .tags = TAGS(SK_STR_INIT(tactic), SK_STR_INIT(technique_)),                                \
        .techniques = TECHNIQUE(technique_),                                                       \
    }

static const struct sk_rule rules[] = {
    RULE("SK-PRF-001", "Profile: unusual program", "画像偏离：异常程序",
         "A program was run that its workload does not usually run, or with arguments or from a "
         "parent that are not usual.",
         "运行了该工作负载平时不会运行的程序，或参数、父进程与平时不同。", SK_PRIO_WARNING,
         "mitre_execution", "T1059"),
    RULE("SK-PRF-002", "Profile: unusual file written", "画像偏离：异常文件写入",
         "A file was written in a place where the workload does not usually write.",
         "在该工作负载平时不写入的位置写入了文件。", SK_PRIO_NOTICE, "mitre_persistence", "T1554"),
    RULE("SK-PRF-003", "Profile: unusual listening port", "画像偏离：异常监听端口",
         "The workload listens on a port on which it does not usually listen.",
         "该工作负载监听了平时不监听的端口。", SK_PRIO_WARNING, "mitre_command_and_control",
         "T1571"),
    RULE("SK-PRF-004", "Profile: unusual peer", "画像偏离：异常通信对端",
         "The workload spoke to an address or a port to which it does not usually speak.",
         "该工作负载与平时不通信的地址或端口通信。", SK_PRIO_NOTICE, "mitre_command_and_control",
         "T1071"),
    RULE("SK-PRF-005", "Profile: unusual user", "画像偏离：异常用户",
         "A program of the workload ran as a user as whom it does not usually run.",
         "该工作负载的程序以平时不使用的用户身份运行。", SK_PRIO_WARNING,
         "mitre_privilege_escalation", "T1548"),
    RULE("SK-PRF-006", "Profile: unusual name asked", "画像偏离：异常域名查询",
         "A name server was asked for a name for which the workload does not usually ask.",
         "向域名服务器查询了该工作负载平时不查询的域名。", SK_PRIO_NOTICE,
         "mitre_command_and_control", "T1071.004"),
    RULE("SK-PRF-007", "Profile: unusual capability", "画像偏离：异常能力",
         "A program of the workload ran with capabilities in effect, or took them, that were not "
         "seen in its workload before. Whether it used them is not known.",
         "该工作负载的程序在运行时拥有或获取了此前未见过的有效能力（capabilities）；是否真正使用不"
         "得而知。",
         SK_PRIO_WARNING, "mitre_privilege_escalation", "T1548"),
};

const struct sk_rule *sk_profile_rules(size_t *ret_n)
{
    *ret_n = SK_ARRAY_LEN(rules);
    return rules;
}

static const struct sk_rule *rule_of(uint32_t aspect)
{
    static const uint8_t at[SK_ASPECTS] = {
        [SK_AP_EXEC] = 0, [SK_AP_FILE] = 1, [SK_AP_LISTEN] = 2,    [SK_AP_PEER] = 3,
        [SK_AP_USER] = 4, [SK_AP_DNS] = 5,  [SK_AP_CAPABILITY] = 6};

    return &rules[at[aspect]];
}

/* What comes nearest: the same program with other arguments or of another parent, files of the same
 * folder, the same port elsewhere. */
struct nearest {
    uint64_t count;
    int64_t since;
    const char *what;
};

static void near_add(struct nearest *n, const struct pf_entry *e)
{
    n->count += e->count;
    n->since = n->since ? SK_MIN(n->since, e->first) : e->first;
}

static struct nearest nearest_find(struct sk_profiles *p, const struct pf_profile *f,
                                   const struct pf_thing *t)
{
    static const char *const words[SK_ASPECTS] = {[SK_AP_EXEC] =
                                                      "with other arguments or of another parent",
                                                  [SK_AP_FILE] = "in this folder",
                                                  [SK_AP_LISTEN] = "on such a port",
                                                  [SK_AP_PEER] = "to such an address or port",
                                                  [SK_AP_DNS] = "with other names of this domain",
                                                  [SK_AP_USER] = "as this user",
                                                  [SK_AP_CAPABILITY] = "with other programs"};
    struct nearest n = {.what = words[t->aspect]};
    const struct pf_entry *e;
    struct pf_thing w, o, ow;
    int level = t->aspect == SK_AP_EXEC || t->aspect == SK_AP_DNS ? 2 : 1;

    pf_widen(t, level, &p->scratch[2], &w);
    for (e = f->entries; e; e = e->next) {
        if (e->aspect != t->aspect || (e->flags & PE_DENIED))
            continue;
        o = pf_thing_of(e);
        pf_widen(&o, level, &p->scratch[3], &ow);
        if (t->aspect == SK_AP_CAPABILITY ? (pf_caps_set(o.value) & pf_caps_set(t->value)) != 0
                                          : sk_str_eq(ow.value, w.value))
            near_add(&n, e);
    }
    if (n.since == 0)
        n.since = f->created;
    return n;
}

static void context_add(struct sk_buf *out, const struct nearest *n, int64_t now,
                        const struct pf_entry *denied)
{
    char age[32];

    sk_age_format(SK_MAX(now - n->since, (int64_t)0), age);
    if (denied)
        (void)sk_buf_c(out, " denied by a person;");
    if (n->count == 1)
        (void)sk_buf_printf(out, " seen once %s in %s before", n->what, age);
    else if (n->count)
        (void)sk_buf_printf(out, " seen %llu times %s in %s before", (unsigned long long)n->count,
                            n->what, age);
    else
        (void)sk_buf_printf(out, " never seen in %s before", age);
}

static void text_make(struct sk_profiles *p, const struct pf_profile *f, const struct pf_thing *t,
                      const struct sk_rule *rule, const struct nearest *n,
                      const struct pf_entry *denied, const struct sk_event *ev)
{
    static const char *const names[SK_ASPECTS] = {
        [SK_AP_EXEC] = "program", [SK_AP_FILE] = "file", [SK_AP_LISTEN] = "port",
        [SK_AP_PEER] = "peer",    [SK_AP_DNS] = "name",  [SK_AP_CAPABILITY] = "capabilities",
        [SK_AP_USER] = "uid"};
    struct sk_buf *out = &p->output;

    sk_buf_clear(out);
    (void)sk_buf_str(out, rule->name);
    (void)sk_buf_printf(out, " (%s=", names[t->aspect]);
    (void)sk_buf_str(out, t->value);
    if (t->aspect == SK_AP_EXEC) {
        (void)sk_buf_c(out, " shape=");
        (void)sk_buf_str(out, t->shape);
    }
    if (t->aspect == SK_AP_FILE && ev->fd.name.n) {
        (void)sk_buf_c(out, " path=");
        (void)sk_buf_str(out, sk_str_sub(ev->fd.name, 0, 512));
    }
    if (t->aspect == SK_AP_PEER) {
        (void)sk_buf_c(out, " connection=");
        (void)sk_buf_str(out, ev->fd.name);
    }
    if (t->aspect == SK_AP_DNS) {
        (void)sk_buf_c(out, " asked=");
        (void)sk_buf_str(out, sk_str_sub(ev->dns->name, 0, 256));
        (void)sk_buf_c(out, " type=");
        (void)sk_buf_str(out, ev->dns->type);
        (void)sk_buf_c(out, " server=");
        (void)sk_buf_str(out, ev->fd.name);
    }
    if (t->aspect == SK_AP_CAPABILITY) {
        struct pf_text *s = &p->scratch[3].value;

        s->n = 0;
        pf_caps_add(s, pf_caps_known(f, t->parent));
        (void)sk_buf_c(out, " before=");
        (void)sk_buf_str(out, sk_str_n(s->p, s->n));
    }
    (void)sk_buf_c(out, ";");
    context_add(out, n, ev->evt.time, denied);
    da_who(out, ev);
    (void)sk_buf_c(out, " workload=");
    (void)sk_buf_str(out, f->name);
    (void)sk_buf_ch(out, ')');
}

/* Whether one more of its kind is told now. */
static bool quiet(struct sk_profiles *p, const struct pf_profile *f, const struct pf_thing *t,
                  const struct sk_event *ev, bool denied, uint64_t *ret_count)
{
    uint64_t key = pf_hash(p, (uint64_t)(uintptr_t)f + t->aspect, ev->proc->container_id);
    uint64_t flood = key, ignored;

    key = pf_hash(p, key, t->value);
    if (t->aspect != SK_AP_CAPABILITY) /* what a container was given all of its programs have */
        key = pf_hash(p, pf_hash(p, key, t->parent), t->shape);
    return sk_folded(p->fold, key, ev->evt.time, ret_count) ||
           (!denied && sk_folded(p->flood, flood, ev->evt.time, &ignored));
}

bool pf_deviates(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t,
                 const struct pf_entry *denied, const struct sk_event *ev,
                 void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    const struct sk_rule *rule = rule_of(t->aspect);
    struct sk_label fields[5];
    struct sk_alert al;
    struct nearest n;
    bool enforced = f->aspects[t->aspect].mode == SK_PM_ENFORCE;
    uint64_t count = 1;
    size_t k = 0;

    f->deviations++;
    f->deviated = ev->evt.time;
    f->counted[SK_PU_SAVE] = f->counted[SK_PU_REPORT] = true;
    p->stats.deviations++;
    if (quiet(p, f, t, ev, denied != NULL, &count)) {
        if (!enforced)
            return true;
        count = 0; /* not told again, but answered */
    }
    n = nearest_find(p, f, t);
    text_make(p, f, t, rule, &n, denied, ev);
    da_fill(&al, rule, ev);
    al.engine = SK_EN_PROFILE;
    al.count = count;
    al.output = sk_buf_view(&p->output);
    al.seen_before = n.count;
    al.seen_since = n.since;
    al.ancestors = (struct sk_list){p->ancestors, da_ancestors(p->ancestors, ev->proc)};
    if (enforced)
        al.response = SK_RE_KILL;
    fields[k++] = (struct sk_label){SK_STR("profile.id"), sk_str_c(f->id)};
    fields[k++] =
        (struct sk_label){SK_STR("profile.aspect"), sk_enum_name(&sk_enum_aspect, t->aspect)};
    fields[k++] = (struct sk_label){SK_STR("profile.value"), t->value};
    if (t->parent.n)
        fields[k++] = (struct sk_label){SK_STR("profile.parent"), t->parent};
    if (t->shape.n)
        fields[k++] = (struct sk_label){SK_STR("profile.shape"), t->shape};
    al.output_fields = (struct sk_list){fields, k};
    alert(arg, &al);
    return true;
}
