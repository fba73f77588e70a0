/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker says of one container right now, for its evidence: also one that has ended, whose
 * mounts cannot be read any more. */
#ifndef SK_CMD_EVIDENCE_DOCKER_H
#define SK_CMD_EVIDENCE_DOCKER_H

#include "base/arena.h"
#include "model/nouns.h"

/* what: id or name. socket NULL: DOCKER_HOST where that is a unix socket, else Docker's usual one.
 * 0: *ret and *ret_upper (its writable layer; empty: not told) are in the arena. 1: no engine
 * answers, or it has no such container. -EBADMSG, -ENOMEM. */
int evidence_docker_ask(const char *socket, const char *what, struct sk_arena *arena,
                        struct sk_container *ret, struct sk_str *ret_upper,
                        struct sk_err *err) SK_NODISCARD;

#endif
