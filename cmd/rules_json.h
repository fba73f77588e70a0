/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as the API lists them (serve.h: rules_json). */
#ifndef SK_CMD_RULES_JSON_H
#define SK_CMD_RULES_JSON_H

#include "base/buf.h"
#include "detect/detect.h"

#define RULES_JSON_MAX ((size_t)64 << 20)

/* {"items":[…],"error"?,"warnings":[…]}: the rules, and those under whose names drift and profiles
 * are told. rules may be NULL. */
int rules_json_write(const struct sk_rules *rules, const char *error, struct sk_buf *out);

#endif
