/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the profile engine share. */
#ifndef SK_DETECT_PROFILE_INT_H
#define SK_DETECT_PROFILE_INT_H

#include "base/map.h"
#include "detect/fold.h"
#include "detect/profile.h"

/* ---- what was done, from most to least specific (profile_shape.c) ---------------------------- */

#define PF_LEVELS 5
struct pf_text {
    uint16_t n;
    char p[SK_PROFILE_TEXT_MAX + 64];
};
struct pf_thing { /* one behaviour */
    uint32_t aspect;
    struct sk_str value, parent, shape;
};
struct pf_scratch { /* texts of one thing */
    struct pf_text value, parent, shape;
};
/* Makes the thing of an event's aspect; false: the event does not say one. */
/* Path of a process's executable; of one that is many programs also which it is. */
void pf_exe_add(struct pf_text *t, const struct sk_process *p);
bool pf_exec(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret);
bool pf_user(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret);
bool pf_file(struct sk_str path, struct pf_scratch *s, struct pf_thing *ret);
bool pf_listen(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret);
/* workload: name of the peer's, when it is a container that is known; empty: its network. */
bool pf_peer(const struct sk_event *ev, struct sk_str workload, struct pf_scratch *s,
             struct pf_thing *ret);
/* profile_dns.c: the name that was asked for, without what search lists add. */
bool pf_dns(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret);
void pf_widen_dns(const struct pf_thing *t, int level, struct pf_scratch *s, struct pf_thing *ret);
/* The same, less specific: level 1 to 4; at 4 the value is "*". Texts in s or as in t. */
void pf_widen(const struct pf_thing *t, int level, struct pf_scratch *s, struct pf_thing *ret);
/* Shape of arguments (joined by blanks), class of a file's path. */
void pf_shape(struct sk_str args, struct pf_text *ret);
void pf_class(struct sk_str path, struct pf_text *ret);
/* Appends s with everything that could be taken for ours ("*", "<", controls) written as \xNN. */
void pf_add(struct pf_text *t, struct sk_str s);
void pf_raw(struct pf_text *t, const char *p, size_t n); /* as it is, as far as there is room */
void pf_lit(struct pf_text *t, const char *c);
/* Class of a name without slashes: numbers, hashes and random parts are no text of their own. */
void pf_name_class(struct pf_text *t, struct sk_str s);

/* ---- tables ---------------------------------------------------------------------------------- */

/* Entries of this aspect name a program beside their value. */
static inline bool pf_has_program(uint32_t aspect)
{
    return aspect == SK_AP_EXEC || aspect == SK_AP_USER || aspect == SK_AP_CAPABILITY;
}

enum { PE_PERSON = 1, PE_DENIED = 2, PE_REPORTED = 4 }; /* reported: the console knows of it */
struct pf_entry {
    struct pf_entry *next, *prev; /* of the profile */
    struct pf_entry *same;        /* next with this key */
    struct pf_profile *of;
    uint64_t key, teacher, count; /* teacher: process that first did it; 0: not known */
    int64_t first, last;
    uint16_t value_n, parent_n, shape_n;
    uint8_t aspect, flags;
    uint8_t digest; /* 1 + index in the profile's; 0: the first image's */
    char text[];
};

struct pf_profile {
    char id[SK_PROFILE_ID_MAX];
    struct sk_arena *arena; /* texts */
    struct sk_str name, image, owner, updated_by;
    struct sk_str digests[SK_PROFILE_DIGESTS_MAX];
    size_t digests_n;
    int64_t grace_until;
    struct sk_profile_aspect aspects[SK_ASPECTS];
    struct pf_entry *entries;
    uint32_t n, of_aspect[SK_ASPECTS];
    uint32_t running; /* containers known now */
    uint64_t version, containers, deviations, observed;
    uint64_t lives, lives_new; /* whole ones in learn mode; number of the one that was last new */
    int64_t created, updated, used, deviated;
    bool changed[SK_PU_N], counted[SK_PU_N];
    int64_t given[SK_PU_N];
};

struct pf_container {
    struct pf_profile *of; /* NULL: no room for one */
    uint8_t digest;        /* as in pf_entry */
    bool running;
    bool doubtful; /* too many suspects to tell them apart: nothing is learned */
    uint64_t ip;   /* key in by_ip; 0: none */
    char id[65];
};

#define PF_CACHE 4096
#define PF_SUSPECTS 1024
struct pf_suspect {
    uint64_t key;
    char container[65];
};

struct sk_profiles {
    struct sk_profile_conf conf;
    uint64_t seed;
    struct sk_smap *profiles;   /* id → struct pf_profile */
    struct sk_smap *containers; /* id → struct pf_container */
    struct sk_map *by_ip;       /* hash of address → struct pf_container */
    struct sk_map *entries;     /* key → struct pf_entry */
    struct {
        uint64_t key;
        struct pf_entry *entry;
    } cache[PF_CACHE];       /* what events said, word for word → entry */
    struct sk_map *suspects; /* process → slot */
    struct pf_suspect suspect[PF_SUSPECTS];
    size_t suspect_next;
    int64_t ticked;
    struct sk_fold *fold, *flood;
    struct sk_profiles_stats stats;
    struct sk_buf output;
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
    struct pf_scratch scratch[PF_LEVELS + 1];
};

static inline struct pf_thing pf_thing_of(const struct pf_entry *e)
{
    return (struct pf_thing){.aspect = e->aspect,
                             .value = sk_str_n(e->text, e->value_n),
                             .parent = sk_str_n(e->text + e->value_n, e->parent_n),
                             .shape = sk_str_n(e->text + e->value_n + e->parent_n, e->shape_n)};
}

/* profile_table.c */
struct pf_entry *pf_find(const struct sk_profiles *p, const struct pf_profile *f,
                         const struct pf_thing *t);
/* The entry that covers t, whatever its level; a denied one before all. NULL: none. */
struct pf_entry *pf_covers(struct sk_profiles *p, const struct pf_profile *f,
                           const struct pf_thing *t);
/* Puts t in, or adds to what is there; widens what is over its limits. NULL: no memory. */
struct pf_entry *pf_put(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t,
                        int64_t now);
void pf_learn(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t, uint8_t digest,
              uint64_t teacher, int64_t now);
void pf_drop(struct sk_profiles *p, struct pf_entry *e);
void pf_unlearn(struct sk_profiles *p, struct pf_profile *f, uint64_t teacher);
/* Hash of some words: seeded, so that nobody can prepare two that are alike. */
uint64_t pf_hash(const struct sk_profiles *p, uint64_t with, struct sk_str s);

/* profile.c */
struct pf_profile *pf_profile_get(const struct sk_profiles *p, struct sk_str id);
struct pf_profile *pf_profile_new(struct sk_profiles *p, struct sk_str id, int64_t now);
void pf_profile_free(struct sk_profiles *p, struct pf_profile *f);
void pf_container_drop(struct sk_profiles *p, struct pf_container *k);
void pf_changed(struct pf_profile *f, int64_t now);
bool pf_text_set(struct pf_profile *f, struct sk_str *at, struct sk_str s) SK_NODISCARD;

uint64_t pf_ip_key(const struct sk_profiles *p, const struct sk_ip *ip);
uint64_t pf_process_key(const struct sk_process *p); /* never 0 */
bool pf_is_suspect(const struct sk_profiles *p, const struct sk_process *proc);

/* profile_caps.c: sets of capabilities as bits */
bool pf_caps(const struct sk_event *ev, uint64_t set, struct pf_scratch *s, struct pf_thing *ret);
uint64_t pf_caps_set(struct sk_str value); /* of names with commas between; "*": all */
/* What a program is known to have had. */
uint64_t pf_caps_known(const struct pf_profile *f, struct sk_str program);
void pf_caps_add(struct pf_text *t, uint64_t set); /* names with commas between */

/* profile_mode.c */
void pf_sort(struct sk_profile_entry *v, size_t n); /* by aspect, value, parent, shape */

/* profile_alert.c */
bool pf_deviates(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t,
                 const struct pf_entry *denied, const struct sk_event *ev,
                 void (*alert)(void *arg, const struct sk_alert *a), void *arg);

#endif
