import { describe, expect, it } from 'vitest';
import { emptyList, type ListState, reduceList } from '../src/components/list';

interface R {
  id: string;
  v?: number;
}
const ids = (l: R[]) => l.map((r) => r.id).join(' ');
const loaded = (...names: string[]): ListState<R> =>
  reduceList<R>(emptyList<R>(), {
    do: 'page',
    page: { items: names.map((id) => ({ id })), total: names.length },
  });

describe('a live list', () => {
  it('puts new rows on top when it stands at its top', () => {
    const s = reduceList<R>(loaded('b', 'a'), {
      do: 'new',
      items: [{ id: 'd' }, { id: 'c' }],
      show: true,
      limit: 3,
    });
    expect(ids(s.items)).toBe('d c b');
    expect(s.total).toBe(4);
    expect(s.fresh.has('c')).toBe(true);
  });

  it('keeps still while someone reads, counts, and shows them when asked', () => {
    let s = reduceList<R>(loaded('b', 'a'), {
      do: 'new',
      items: [{ id: 'c' }],
      show: false,
      limit: 9,
    });
    s = reduceList<R>(s, { do: 'new', items: [{ id: 'd' }, { id: 'c' }], show: false, limit: 9 });
    expect(ids(s.items)).toBe('b a');
    expect(ids(s.pending)).toBe('d c');
    s = reduceList<R>(s, { do: 'show', limit: 9 });
    expect(ids(s.items)).toBe('d c b a');
    expect(s.pending).toEqual([]);
  });

  it('replaces rows in place and takes away removed ones', () => {
    const s = reduceList<R>(loaded('c', 'b', 'a'), {
      do: 'changed',
      items: [{ id: 'b', v: 2 }],
      removed: ['a'],
    });
    expect(s.items).toEqual([{ id: 'c' }, { id: 'b', v: 2 }]);
    expect(s.total).toBe(2);
  });

  it('keeps what it shows when loading again fails', () => {
    const s = reduceList<R>(loaded('a'), { do: 'fail', error: new Error('x') as never });
    expect(ids(s.items)).toBe('a');
    expect(s.error).toBeDefined();
  });
});
