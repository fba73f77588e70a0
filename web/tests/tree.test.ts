import { describe, expect, it } from 'vitest';
import type { Process } from '../src/api/schema';
import { ancestry, buildTree, fold, treeRows, trim } from '../src/lib/tree';

const p = (id: string, parent?: string, more: Partial<Process> = {}): Process =>
  ({
    id,
    pid: Number(id),
    parent_id: parent,
    start_time: `2026-01-01T00:00:0${id}Z`,
    ...more,
  }) as Process;

const drawn = (list: Process[], closed: string[] = []) =>
  treeRows(buildTree(list), new Set(closed)).map(
    (r) =>
      `${r.rails.map((on) => (on ? '|' : ' ')).join('')}${r.node.depth ? (r.last ? '`' : '+') : ''}${r.node.process.id}`,
  );

describe('process tree', () => {
  it('puts children below their parent in order of start', () => {
    expect(drawn([p('3', '1'), p('2', '1'), p('4', '2'), p('1')])).toEqual([
      '1',
      '+2',
      '|`4',
      '`3',
    ]);
  });

  it('leaves out what is below closed ones', () => {
    expect(drawn([p('1'), p('2', '1'), p('3', '2')], ['2'])).toEqual(['1', '`2']);
  });

  it('makes roots of those whose parent is not there', () => {
    expect(drawn([p('2', '9'), p('3', '8')])).toEqual(['2', '3']);
  });

  it('shows every process of a cycle and comes to an end', () => {
    const rows = drawn([p('1', '2'), p('2', '1'), p('3', '3'), p('4', '2')]);
    expect(rows.map((r) => r.replace(/\W/g, '')).sort()).toEqual(['1', '2', '3', '4']);
  });

  it('stands 20,000 levels', () => {
    const deep = Array.from({ length: 20000 }, (_, i) =>
      p(String(i), i ? String(i - 1) : undefined),
    );
    let n = 0;
    const stack = buildTree(deep);
    for (let node = stack.pop(); node; node = stack.pop()) {
      n++;
      stack.push(...node.children);
    }
    expect(n).toBe(20000);
  }, 20000);

  it('folds repeated runs of the same program, until asked for them', () => {
    const end = { exit_time: '2026-01-01T00:00:09Z', exit_code: 0, cmdline: 'sleep 1' };
    const list = () => [
      p('1'),
      ...['2', '3', '4', '5', '6'].map((id) => p(id, '1', end)),
      p('7', '1'),
    ];
    const rows = treeRows(fold(buildTree(list()), 3, new Set()), new Set());
    expect(rows.map((r) => r.node.process.id).join('')).toBe('14567');
    expect(rows[1]?.node.folded).toBe(2);
    expect(treeRows(fold(buildTree(list()), 3, new Set(['1'])), new Set())).toHaveLength(7);
  });

  it('forgets the oldest of those that ended, never one that runs', () => {
    const map = new Map(
      [
        p('1'),
        p('2', '1', { exit_time: '2026-01-01T00:00:05Z' }),
        p('3', '1', { exit_time: '2026-01-01T00:00:06Z' }),
      ].map((x) => [x.id, x]),
    );
    trim(map, 1);
    expect([...map.keys()]).toEqual(['1', '3']);
  });
});

describe('ancestry of an alert', () => {
  it('goes from the oldest to the culprit, cut where the container begins', () => {
    const inside = { container_id: 'c1' };
    const got = ancestry([p('3', '2', inside), p('2', '1'), p('1')], p('4', '3', inside));
    expect(got.map((s) => [s.container, s.chain.map((x) => x.id).join()])).toEqual([
      [undefined, '1,2'],
      ['c1', '3,4'],
    ]);
  });

  it('shows a process once, and nothing when none is known', () => {
    expect(ancestry([p('1')], p('1'))).toHaveLength(1);
    expect(ancestry([p('1')], p('1'))[0]?.chain).toHaveLength(1);
    expect(ancestry([], undefined)).toEqual([]);
  });
});
