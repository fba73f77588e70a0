/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the Kubernetes audit log as they come: one Event, or an EventList with many
 * (kubernetes.io/docs/reference/config-api/apiserver-audit.v1), judged by the rules of source
 * k8s_audit.
 *
 * Trust     the API server sends them, but who asks it chooses much of what is in them.
 */
#ifndef SK_CMD_AUDIT_FEED_H
#define SK_CMD_AUDIT_FEED_H

#include "detect/detect.h"

#define SK_AUDIT_JSON_MAX ((size_t)16 << 20) /* bytes of one document */

/* Judges all events of json; *ret_n of them were read. 0; -EBADMSG (no JSON, no audit event; err
 * says where), -EFBIG, -ENOMEM. Events before a wrong one were judged. */
int sk_audit_feed(struct sk_detect *d, struct sk_str json, const struct sk_host *host,
                  void (*alert)(void *arg, const struct sk_alert *a), void *arg, size_t *ret_n,
                  struct sk_err *err) SK_NODISCARD;

#endif
