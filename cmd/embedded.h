/* SPDX-License-Identifier: Apache-2.0 */
/* The files inside the executable: the console's pages, the rules and the drills (tools/embed.py).
 */
#ifndef SK_CMD_EMBEDDED_H
#define SK_CMD_EMBEDDED_H

#include "base/buf.h"
#include "serve.h"

extern const struct sk_asset sk_embedded_rules[], sk_embedded_drills[], sk_embedded_console[];
extern const size_t sk_embedded_rules_n, sk_embedded_drills_n, sk_embedded_console_n;

/* Unpacks one into out. 0, -EBADMSG, -ENOMEM. */
int sk_embedded_text(const struct sk_asset *asset, struct sk_buf *out) SK_NODISCARD;

#endif
