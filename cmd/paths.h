/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie: DATA (options, SKEP_DATA, /var/lib/skep, or ~/.local/state/skep without root).
 */
#ifndef SK_CMD_PATHS_H
#define SK_CMD_PATHS_H

#include "base/base.h"

#define SK_PATH_TEXT 1024

/* Chooses DATA; does not create it. -ENAMETOOLONG, -ENOENT (no HOME). */
int sk_data_dir(const char *given, char ret[SK_PATH_TEXT], struct sk_err *err) SK_NODISCARD;
/* dir/name; -ENAMETOOLONG. */
int sk_path_join(const char *dir, const char *name, char ret[SK_PATH_TEXT],
                 struct sk_err *err) SK_NODISCARD;
/* This host's id: /etc/machine-id, else DATA/host-id, made at the first call. */
int sk_host_id(const char *data, char ret[64], struct sk_err *err) SK_NODISCARD;

#endif
