/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift and learned profiles in the agent (detect/drift.h, detect/profile.h): events in, alerts
 * out; profiles kept in DATA/profiles, reported to the console, and taken from it.
 *
 * Files     DATA/profiles/ID.json, a profile each, as JSON; replaced as a whole, at most each 10 s,
 *           so that a kill loses no more than that. DATA/profiles/ID.want: the console's newest
 * word about a workload that does not run here now.
 */
#ifndef SK_CMD_AGENT_PROFILE_H
#define SK_CMD_AGENT_PROFILE_H

#include "agent_run.h"
#include "opts.h"

struct agent_profiles;
int agent_profiles_new(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
void agent_profiles_free(struct sk_agent_run *a);
void agent_profiles_want(uint64_t types[2]); /* adds the event types that are looked at */
/* suspicious: a rule of priority warning or worse held, or an indicator was found. */
void agent_profiles_event(struct sk_agent_run *a, const struct sk_event *ev, bool suspicious);
struct sk_profile_execs;
/* What the kernel can be told of a container's profile (detect/profile.h). */
int agent_profiles_execs(struct sk_agent_run *a, struct sk_str container_id, struct sk_arena *arena,
                         struct sk_profile_execs *ret) SK_NODISCARD;
void agent_profiles_container(struct sk_agent_run *a, const struct sk_container *c);
void agent_profile_got(struct sk_agent_run *a, const void *profile, bool removed);
void agent_profiles_poll(struct sk_agent_run *a, uint64_t now_ns);
void agent_profiles_save(struct sk_agent_run *a); /* all that changed, now */

/* Options of the profiles into conf; 0 or -EINVAL. */
int sk_agent_profile_conf(const struct sk_args *a, struct sk_profile_conf *ret, uint32_t *ret_drift,
                          struct sk_err *err) SK_NODISCARD;

#define SK_OPT_PROFILES                                                                            \
    {"no-profiles", 0, NULL, NULL, "learn and judge no profiles", false},                          \
        {"profile-learn",                                                                          \
         0,                                                                                        \
         "TIME",                                                                                   \
         "24h",                                                                                    \
         "learn a workload for so long before watching it",                                        \
         false},                                                                                   \
        {"profile-quiet", 0, "TIME", "30m", "… and until nothing new came for so long", false},    \
        {"profile-evidence", 0, "N", "50", "… and was seen to do so many things", false},          \
        {"profile-lives",                                                                          \
         0,                                                                                        \
         "N",                                                                                      \
         "20",                                                                                     \
         "or so many whole lives of its containers, half of them without anything new; 0: no",     \
         false},                                                                                   \
        {"profile-grace", 0, "TIME", "24h", "learn what a new image adds for so long", false},     \
        {"profile-enforce-after",                                                                  \
         0,                                                                                        \
         "TIME",                                                                                   \
         NULL,                                                                                     \
         "stop deviations after so long without one (default: only when a person says so)",        \
         false},                                                                                   \
    {                                                                                              \
        "drift-response", 0, "WHAT", "alert",                                                      \
            "what to do to programs that were not in the image: alert, deny, kill or freeze",      \
            false                                                                                  \
    }

#endif
