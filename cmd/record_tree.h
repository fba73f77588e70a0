/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of recorded events as a tree. */
#ifndef SK_CMD_RECORD_TREE_H
#define SK_CMD_RECORD_TREE_H

#include "model/nouns.h"

struct record_tree;
struct record_tree *record_tree_new(void); /* NULL: no memory */
struct record_tree *record_tree_free(struct record_tree *t);
/* 0, or -ENOMEM: more processes than it holds (told when it is printed). */
int record_tree_add(struct record_tree *t, const struct sk_event *e);
/* To stdout. json: {"items":[{process, "opened":N, …}]}, parents before their children. */
int record_tree_print(struct record_tree *t, bool json, struct sk_err *err) SK_NODISCARD;

#endif
