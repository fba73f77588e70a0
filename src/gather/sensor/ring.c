/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORD_MAX 32768 /* bytes: scratch space of the kernel side */

int sk_ring_init(struct sk_ring *r, int fd, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p;
    int e;

    *r = (struct sk_ring){.size = size, .page = page};
    p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    r->cons = p;
    p = mmap(NULL, page + size, PROT_READ, MAP_SHARED, fd, (off_t)page);
    if (p == MAP_FAILED) {
        e = errno;
        sk_ring_done(r);
        return -e;
    }
    r->prod = p;
    r->data = (const uint8_t *)p + page;
    r->bounce = malloc(RECORD_MAX);
    if (!r->bounce) {
        sk_ring_done(r);
        return -ENOMEM;
    }
    r->pos = __atomic_load_n(r->cons, __ATOMIC_ACQUIRE);
    return 0;
}

void sk_ring_done(struct sk_ring *r)
{
    if (r->cons)
        (void)munmap(r->cons, r->page);
    if (r->data)
        (void)munmap((void *)(uintptr_t)(r->data - r->page), r->page + r->size);
    free(r->bounce);
    *r = (struct sk_ring){0};
}

/* Gives what was taken back to the writers. Not for each record: their next one would wait for our
 * processor's cache each time. */
static void publish(struct sk_ring *r)
{
    if (r->taken == 0)
        return;
    r->taken = 0;
    __atomic_store_n(r->cons, r->pos, __ATOMIC_RELEASE);
}

const void *sk_ring_peek(struct sk_ring *r, size_t *ret_n)
{
    uint32_t len;
    size_t at, first;

    while (r->pos < __atomic_load_n(r->prod, __ATOMIC_ACQUIRE)) {
        at = r->pos & (r->size - 1);
        len = __atomic_load_n((const uint32_t *)(const void *)(r->data + at), __ATOMIC_ACQUIRE);
        if (len & BPF_RINGBUF_BUSY_BIT)
            break; /* its writer is not done */
        r->step = ((uint64_t)(len & ~(uint32_t)BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) &
                  ~(uint64_t)7;
        if ((len & BPF_RINGBUF_DISCARD_BIT) || len > RECORD_MAX) {
            sk_ring_take(r);
            continue;
        }
        *ret_n = len;
        at = (at + BPF_RINGBUF_HDR_SZ) & (r->size - 1);
        first = r->size - at;
        if (len <= first)
            return r->data + at;
        memcpy(r->bounce, r->data + at, first);
        memcpy(r->bounce + first, r->data, len - first);
        return r->bounce;
    }
    publish(r);
    return NULL;
}

void sk_ring_take(struct sk_ring *r)
{
    r->pos += r->step;
    r->taken += r->step;
    if (r->taken >= r->size / 64)
        publish(r);
}
