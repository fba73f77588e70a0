/* SPDX-License-Identifier: Apache-2.0 */
/* Included before every source that clang-tidy looks at (tools/check-tidy): what it cannot see in
 * another file. Functions that note an error give back its code, which is negative. */
#include "base/base.h"

#define sk_err_set(err, code, ...) ((void)sk_err_set(err, code, __VA_ARGS__), (code))
#define sk_err_wrap(err, code, ...) ((void)sk_err_wrap(err, code, __VA_ARGS__), (code))
#define sk_err_errno(err, e, ...)                                                                  \
    ((void)sk_err_errno(err, e, __VA_ARGS__), (e) < 0 ? (e) : -(e))
