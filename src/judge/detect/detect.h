/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detection: rule files in, events through, alerts out.
 *
 * Source    rule files in Falco's format (falco.org/docs/concepts/rules): rule, macro, list,
 *           exceptions, append, override, enabled, required_engine_version and
 *           required_plugin_versions; ours in rules/ with extra keys (id, title_zh, advice …).
 * Workload  100 to 500 rules, loaded at start and on change; up to 500,000 events a second, of
 *           which nearly all match nothing: that path allocates nothing.
 * Trust     rule files are hostile until parsed: bounded, every error names file:line:column.
 */
#ifndef SK_DETECT_DETECT_H
#define SK_DETECT_DETECT_H

#include "base/arena.h"
#include "base/base.h"
#include "detect/except.h"
#include "model/nouns.h"

#define SK_RULES_TEXT_MAX ((size_t)8 << 20)  /* bytes of one file */
#define SK_RULES_MAX 8192                    /* rules, and as many macros and lists each */
#define SK_RULES_HELD_MAX ((size_t)64 << 20) /* bytes held while loading; as many by the set */
#define SK_DETECT_ANCESTORS 32               /* processes in an alert above its own */
#define SK_DETECT_FOLD_BURST 5               /* alerts alike that pass in one window */
#define SK_DETECT_FOLD_NS (10 * 1000000000LL)

struct sk_rule_file {   /* read by the caller: judge does no I/O */
    struct sk_str name; /* as shown in messages */
    struct sk_str text;
};

struct sk_rules; /* immutable once loaded; may be shared by threads that only read */

/* Loads files in order (later ones append to and override earlier ones). All or nothing: 0 and
 * *ret, or -EBADMSG with the first error ("file:line:col: …", then the line and a caret below the
 * place), -EFBIG (a text or a number of items over its limit), -ENOMEM. The texts are not kept.
 * Warnings (unknown key, rule of another source, unused macro) are kept: sk_rules_warning. */
int sk_rules_load(const struct sk_rule_file *files, size_t n, struct sk_rules **ret,
                  struct sk_err *err) SK_NODISCARD;
struct sk_rules *sk_rules_free(struct sk_rules *r);
SK_DEFINE_CLEANUP(struct sk_rules *, sk_rules_free)

struct sk_rule { /* for lists; owned by the set */
    struct sk_str name, desc, condition, output, source, file;
    struct sk_str id, title_zh, desc_zh, advice, advice_zh; /* our own keys; may be absent */
    uint32_t line;
    uint32_t priority; /* enum sk_priority */
    uint32_t response; /* enum sk_response: our own key action */
    bool enabled;
    bool evaluated;        /* enabled, of a source that we have, all its fields known */
    struct sk_str why_not; /* present when enabled, but not evaluated */
    struct sk_str late;    /* action deny, but only after the fact: the field that is in the way */
    struct sk_strs tags, techniques;
};
size_t sk_rules_count(const struct sk_rules *r);
const struct sk_rule *sk_rules_at(const struct sk_rules *r, size_t i);
size_t sk_rules_warnings(const struct sk_rules *r);
struct sk_str sk_rules_warning(const struct sk_rules *r, size_t i);
/* Bits (enum sk_evt_type) of the event types that any enabled rule looks at. */
void sk_rules_want(const struct sk_rules *r, uint64_t types[2]);
/* The condition of the i-th rule, exceptions of its file in it; NULL: not evaluated. */
struct sk_expr;
const struct sk_expr *sk_rules_expr(const struct sk_rules *r, size_t i);
/* "What was understood" of one rule, in test order. -ENOENT. */
int sk_rules_explain(const struct sk_rules *r, struct sk_str rule, struct sk_buf *out);

struct sk_detect; /* one per thread: a rule set in use, with its scratch and rate limits */
int sk_detect_new(struct sk_detect **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_detect *sk_detect_free(struct sk_detect *d);
SK_DEFINE_CLEANUP(struct sk_detect *, sk_detect_free)
/* Swaps the rule set between two events; d owns rules from now on. 0 or -ENOMEM (the old stays). */
int sk_detect_use(struct sk_detect *d, struct sk_rules *rules) SK_NODISCARD;
const struct sk_rules *sk_detect_rules(const struct sk_detect *d); /* NULL before the first use */

/* Judges one event. For each rule that holds, alert is called with everything filled except id,
 * host_id and hostname come from the event; ancestors from the process's parents. Texts and lists
 * are valid during the call only. The same rule for the same container and process name is folded:
 * at most 5 in 10 s, further ones raise `count` of the next one; not where the rule has an action.
 * Returns how many rules held. */
size_t sk_detect_event(struct sk_detect *d, const struct sk_event *ev,
                       void (*alert)(void *arg, const struct sk_alert *a), void *arg);

/* Fills output and output_fields of a, an alert whose container became known after it was raised,
 * anew from what a itself holds (proc with its parents). Valid until the next call with d. False,
 * and a unchanged: no rule in use raised it. */
bool sk_detect_refill(struct sk_detect *d, struct sk_alert *a);

/* Priority of the worst rule that held for the last event, folded or not; UINT32_MAX: none did. */
uint32_t sk_detect_worst(const struct sk_detect *d);

/* What is excepted raises no alert from now on; d owns e (NULL: nothing is). Its counts of hits are
 * asked for through sk_detect_excepts. */
void sk_detect_except(struct sk_detect *d, struct sk_excepts *e);
struct sk_excepts *sk_detect_excepts(const struct sk_detect *d); /* NULL: none */

/* The same for an event of the Kubernetes audit log, over the rules of source k8s_audit; alike are
 * the same rule and user. host: where it was taken in. */
size_t sk_detect_audit(struct sk_detect *d, const struct sk_k8s_audit *ev,
                       const struct sk_host *host,
                       void (*alert)(void *arg, const struct sk_alert *a), void *arg);

struct sk_detect_stats {
    uint64_t events;   /* judged */
    uint64_t matched;  /* for which at least one rule held */
    uint64_t alerts;   /* given to the callback */
    uint64_t folded;   /* not given, counted in a later one */
    uint64_t excepted; /* not given: somebody does not want them */
};
void sk_detect_stats(const struct sk_detect *d, struct sk_detect_stats *ret);

#endif
