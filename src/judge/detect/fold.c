/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/fold.h"

#include <stdlib.h>

#define WAYS 4

struct slot {
    uint64_t key;  /* 0: free */
    int64_t start; /* of the window, by the clock of the events */
    uint32_t passed;
    uint32_t folded; /* since the last that passed */
};

struct sk_fold {
    uint32_t burst;
    int64_t window_ns;
    struct slot slots[SK_FOLD_KEYS / WAYS][WAYS];
};

struct sk_fold *sk_fold_new(uint32_t burst, int64_t window_ns)
{
    struct sk_fold *f = calloc(1, sizeof(*f));

    if (f) {
        f->burst = burst;
        f->window_ns = window_ns;
    }
    return f;
}

struct sk_fold *sk_fold_free(struct sk_fold *f)
{
    free(f);
    return NULL;
}

static struct slot *find(struct sk_fold *f, uint64_t key)
{
    struct slot *set = f->slots[key % SK_ARRAY_LEN(f->slots)], *oldest = set;
    size_t i;

    for (i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].key == 0 || (oldest->key && set[i].start < oldest->start))
            oldest = &set[i];
    }
    *oldest = (struct slot){0};
    return oldest;
}

bool sk_folded(struct sk_fold *f, uint64_t key, int64_t time, uint64_t *ret_count)
{
    struct slot *s;

    key |= key == 0;
    s = find(f, key);
    if (s->key != key || time < s->start || time - s->start >= f->window_ns) {
        s->key = key;
        s->start = time;
        s->passed = 0;
    }
    if (s->passed >= f->burst) {
        s->folded++;
        return true;
    }
    s->passed++;
    *ret_count = 1 + (uint64_t)s->folded;
    s->folded = 0;
    return false;
}
