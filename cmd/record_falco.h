/* SPDX-License-Identifier: Apache-2.0 */
/* Events and alerts in the shape of Falco's JSON output (falco.org/docs/concepts/outputs), for
 * tools that read that. */
#ifndef SK_CMD_RECORD_FALCO_H
#define SK_CMD_RECORD_FALCO_H

#include "base/buf.h"
#include "model/nouns.h"

struct record_falco;
int record_falco_new(struct record_falco **ret, struct sk_err *err) SK_NODISCARD;
struct record_falco *record_falco_free(struct record_falco *f);
/* One object, appended. An event that no rule raised has the rule "skep recorded event" and
 * Falco's least priority, Debug. */
int record_falco_event(struct record_falco *f, const struct sk_event *e, struct sk_buf *out);
int record_falco_alert(struct record_falco *f, const struct sk_alert *a, struct sk_buf *out);

#endif
