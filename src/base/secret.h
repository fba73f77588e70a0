/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in environments and command lines: where they stand, so that they can be masked. What
 * nobody could tell from its name or form is not found. */
#ifndef SK_BASE_SECRET_H
#define SK_BASE_SECRET_H

#include "base/buf.h"

#define SK_SECRET_MASK "***"

/* scheme://user:secret@host: the secret's place in s; false when there is none. */
bool sk_secret_url(struct sk_str s, size_t *ret_from, size_t *ret_to);
/* Does a variable or option of that name hold a secret (DB_PASSWORD, --api-key, AuthToken)? */
bool sk_secret_name(struct sk_str name);
/* Appends a variable "NAME=value" with what is secret in it masked. */
int sk_secret_mask_env(struct sk_buf *out, struct sk_str one);
/* Appends an argument, masked. *next: the argument before was an option whose value this is;
 * kept up to date. Start with false. */
int sk_secret_mask_arg(struct sk_buf *out, struct sk_str one, bool *next);

#endif
