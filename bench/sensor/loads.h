/* SPDX-License-Identifier: Apache-2.0 */
/* Loads: each does n operations of one kind, in a process of its own. */
#ifndef SK_BENCH_LOADS_H
#define SK_BENCH_LOADS_H

#include <stdint.h>

struct load {
    const char *name;
    void (*run)(uint64_t n); /* in the child; the working directory is its own */
    uint64_t n;              /* operations of one run */
    double goal;             /* CPU ratio to a run without sensor; 0 = none stated */
    double own_goal;         /* own CPU per operation, µs; 0 = none stated */
    double peer, peer_own;   /* Falco's, as measured on the reference host */
};
extern const struct load loads[];
extern const unsigned n_loads;

struct usage {
    double cpu, wall; /* seconds, user and system */
};
/* The load of that name, or "creat": n times creat(2), which hardly anybody else calls. 1: none. */
int load_run(const char *name, uint64_t n);
/* Runs it in a program started afresh (what the sensor maps would make our own forks dear). CPU of
 * it and its children. */
struct usage load_measure(const char *name, uint64_t n);

#endif
