/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths from kernel objects: names from the leaf up to the task's root, across mounts. */
#ifndef SKEP_PATH_H
#define SKEP_PATH_H

struct name { /* as in struct dentry, so that one read gets all where they lie together */
    __u64 parent;
    __u32 hash, len;
    __u64 name;
};

static __always_inline void name_read(struct name *ret, __u64 dentry)
{
    struct dentry *d = CAST(dentry, SKW_CAST_DENTRY);

    if (can_cast()) {
        ret->parent = word_at(&d->d_parent);
        ret->len = d->d_name.len;
        ret->name = word_at(&d->d_name.name);
    } else if (bpf_core_field_offset(struct dentry, d_name) ==
               bpf_core_field_offset(struct dentry, d_parent) + 8) {
        bpf_probe_read_kernel(ret, sizeof(*ret), &d->d_parent);
    } else {
        bpf_probe_read_kernel(&ret->parent, 8, &d->d_parent);
        bpf_probe_read_kernel(&ret->hash, 16, &d->d_name);
    }
}

enum { WALK_ON, WALK_END, WALK_CUT, WALK_DETACHED };

/* Up to 31 bytes lie in the dentry itself on all kernels, with as many bytes after them. */
static __always_inline void name_copy(char *to, __u64 from, __u32 len)
{
    __u64 *words = (void *)to;

    if (!can_cast() || len >= 32) {
        bpf_probe_read_kernel(to, len, (void *)from);
        return;
    }
    words[0] = word_at((void *)from);
    if (len < 8)
        return;
    words[1] = word_at((void *)from + 8);
    if (len < 16)
        return;
    words[2] = word_at((void *)from + 16);
    words[3] = word_at((void *)from + 24);
}

/* Puts the name of the dentry that the walk is at; false when there is no room. */
static __always_inline bool name_put(struct scratch *s, struct walk *w, __u32 off,
                                     struct name *name)
{
    __u32 n = w->n, at = off + n, len = name->len & 0xff;
    char *to;

    if (n > SKW_PATH_MAX - 257 || at > SKW_TEXT_MAX - 257)
        return 0;
    to = s->buf + FIXED_MAX + at;
    name_copy(to, name->name, len);
    to[len] = 0;
    s->top = *(__u32 *)(void *)to;
    w->n = n + len + 1;
    return 1;
}

static __always_inline int walk_mount(struct scratch *s, struct walk *w, __u32 off)
{
    struct mount *mo = (void *)w->mnt - bpf_core_field_offset(struct mount, mnt), *up;
    struct name name = {};
    struct vfsmount *m;

    up = BPF_CORE_READ(mo, mnt_parent);
    if (up == mo || !up) {
        if (w->n > 0)
            return WALK_END;
        name_read(&name, w->dentry); /* a single file, mounted and let go of */
        return name_put(s, w, off, &name) ? WALK_DETACHED : WALK_CUT;
    }
    w->dentry = (__u64)BPF_CORE_READ(mo, mnt_mountpoint);
    m = (void *)up + bpf_core_field_offset(struct mount, mnt);
    w->mnt = (__u64)m;
    w->mnt_root = (__u64)BPF_CORE_READ(m, mnt_root);
    return WALK_ON;
}

/* One step up: a name put down, or a mount left. */
static __always_inline int walk_step(struct scratch *s, struct walk *w, __u32 off)
{
    struct name name = {};

    if (w->dentry == w->mnt_root)
        return walk_mount(s, w, off);
    name_read(&name, w->dentry);
    if (name.parent == w->dentry && w->n > 0)
        return WALK_DETACHED; /* the root of a file system that is mounted nowhere here */
    if (!name_put(s, w, off, &name))
        return WALK_CUT;
    if (name.parent == w->dentry)
        return WALK_DETACHED;
    w->dentry = name.parent;
    return WALK_ON;
}

#define PATH_CUT (1 << 16)
#define PATH_DETACHED (1 << 17)
#define SECOND_SCRATCH (1u << 31)

struct walk_ctx {
    struct scratch *s;
    __u64 root_dentry, root_mnt;
    __u32 off;
    int r;
};

static __always_inline int walk_once(struct walk_ctx *c)
{
    struct walk *w = &c->s->walk;

    if (w->dentry == c->root_dentry && w->mnt == c->root_mnt)
        c->r = WALK_END;
    else
        c->r = walk_step(c->s, w, c->off);
    return c->r != WALK_ON;
}

static __noinline int walk_loop(__u32 i, void *c)
{
    return walk_once(c);
}

/*
 * Writes the components at off; returns the bytes, with PATH_CUT when there were more than fit and
 * PATH_DETACHED when the path hangs on no mount. SECOND_SCRATCH in off: into that one. A global
 * function and bpf_loop (from 5.17), so that the verifier sees one step once.
 */
__noinline int skb_path(__u64 dentry, __u64 mnt, __u32 off, __u64 root_dentry, __u64 root_mnt)
{
    struct walk_ctx c = {.root_dentry = root_dentry, .root_mnt = root_mnt, .r = WALK_ON};
    struct walk *w;
    int i;

    c.s = scratch_at(off >> 31);
    c.off = off & ~SECOND_SCRATCH;
    if (!c.s || c.off > SKW_TEXT_MAX)
        return 0;
    w = &c.s->walk;
    w->dentry = dentry;
    w->mnt = mnt;
    w->mnt_root = (__u64)BPF_CORE_READ((struct vfsmount *)mnt, mnt_root);
    w->n = 0;
    if (HAVE_LOOP)
        loop_call(SKW_DEPTH_MAX + 16, walk_loop, &c, 0);
    else
        for (i = 0; i < SKW_DEPTH_MAX + 16; i++)
            if (walk_loop(i, &c))
                break;
    if (c.r == WALK_DETACHED)
        return w->n | PATH_DETACHED;
    return c.r == WALK_END ? w->n : w->n | PATH_CUT;
}

struct place { /* a copy of struct path, as numbers */
    __u64 mnt, dentry;
};

static __always_inline void place_read(struct place *ret, const struct path *from)
{
    if (can_cast()) {
        ret->mnt = word_at(&from->mnt);
        ret->dentry = word_at(&from->dentry);
    } else {
        *ret = (struct place){};
        bpf_probe_read_kernel(ret, sizeof(*ret), from);
    }
}

/* A path as task t sees it; adds SKW_F_CUT, or the given flag when detached. */
static __always_inline __u32 path_put(struct task_struct *t, const struct path *from, __u32 off,
                                      __u16 *flags, __u16 detached)
{
    struct fs_struct *fs = TASK(t)->fs;
    struct place p, root;
    int r;

    if (!fs)
        return 0;
    place_read(&p, from);
    place_read(&root, &fs->root);
    r = skb_path(p.dentry, p.mnt, off, root.dentry, root.mnt);
    if (r & PATH_CUT)
        *flags |= SKW_F_CUT;
    if (r & PATH_DETACHED)
        *flags |= detached;
    return r & 0x1fff;
}

static __always_inline __u32 cwd_put(struct task_struct *t, __u32 off, __u16 *flags, __u16 detached)
{
    struct fs_struct *fs = TASK(t)->fs;

    return fs ? path_put(t, &fs->pwd, off, flags, detached) : 0;
}

static __always_inline __u32 file_put(struct task_struct *t, struct file *f, __u32 off,
                                      __u16 *flags, __u16 detached)
{
    return path_put(t, &f->f_path, off, flags, detached);
}

/* A user string, NUL included in the count; 0: not readable. */
static __always_inline __u32 ustr_put(struct scratch *s, __u32 off, __u64 from)
{
    long r;

    if (off > SKW_TEXT_MAX - SKW_STR_MAX || !from)
        return 0;
    r = bpf_probe_read_user_str(s->buf + FIXED_MAX + off, SKW_STR_MAX, (void *)from);
    if (r < 0) {
        failed(SKW_E_USER);
        return 0;
    }
    return r & 0x1fff;
}

/* What is asked of a file beside its path; adds DELETED, UPPER and RDONLY. */
static __always_inline void inode_fill(struct skw_inode *ret, struct file *f, __u16 *flags)
{
    struct inode *i = AT(f, f_inode);
    struct super_block *sb = AT(i, i_sb);
    struct dentry *d = AT(f, f_path.dentry);
    struct vfsmount *m = AT(f, f_path.mnt);

    ret->ino = AT(i, i_ino);
    ret->dev = AT(sb, s_dev);
    ret->mode = AT(i, i_mode);
    ret->nlink = AT(i, i_nlink);
    ret->magic = AT(sb, s_magic);
    if (ret->nlink == 0 || (AT(d, d_parent) != d && !AT(d, d_hash.pprev)))
        *flags |= SKW_F_DELETED;
    if (ret->magic == 0x794c7630 && bpf_core_type_exists(struct ovl_inode)) {
        struct ovl_inode *o = (void *)i - bpf_core_field_offset(struct ovl_inode, vfs_inode);

        if (BPF_CORE_READ(o, __upperdentry))
            *flags |= SKW_F_UPPER;
    }
    if ((AT(sb, s_flags) & 1) || (AT(m, mnt_flags) & 0x40))
        *flags |= SKW_F_RDONLY;
}

#endif
