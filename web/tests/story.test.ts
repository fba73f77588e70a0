import { describe, expect, it } from 'vitest';
import type { Process, Story } from '../src/api/schema';
import { axisTicks, buildLanes } from '../src/lib/lanes';
import { attackChain, inAttackOrder, riskShares, storyGroups } from '../src/lib/story';

const at = (s: number) => new Date(Date.UTC(2027, 0, 1, 12, 0, s)).toISOString();
const step = (s: number, more: Partial<Story> = {}): Story => ({
  time: at(s),
  rule: 'r',
  priority: 'warning',
  engine: 'rule',
  count: 1,
  container_id: 'c1',
  ...more,
});

describe('a story', () => {
  it('is told by time, a new part where it moves to another container', () => {
    const g = storyGroups([step(20, { container_id: 'c2' }), step(0), step(10), step(30)]);
    expect(g.map((x) => [x.container, x.steps.length])).toEqual([
      ['c1', 2],
      ['c2', 1],
      ['c1', 1],
    ]);
    expect(g.every((x) => x.gap_ms === undefined)).toBe(true);
  });

  it('says where it was quiet for long', () => {
    const g = storyGroups([step(0), step(1000)]);
    expect(g).toHaveLength(2);
    expect(g[1]?.gap_ms).toBe(1000_000);
  });

  it('has no parts when nothing is told', () => {
    expect(storyGroups(undefined)).toEqual([]);
  });
});

describe('the attack chain', () => {
  it('has fourteen places, those reached numbered by when they were', () => {
    const chain = attackChain({
      tactics: ['impact', 'execution'],
      story: [
        step(5, { tactic: 'impact' }),
        step(9, { tactic: 'execution' }),
        step(7, { tactic: 'execution' }),
      ],
    });
    expect(chain).toHaveLength(14);
    const reached = chain.filter((l) => l.order);
    expect(reached.map((l) => [l.tactic, l.order, l.steps])).toEqual([
      ['execution', 2, 2],
      ['impact', 1, 1],
    ]);
    expect(reached[0]?.time).toBe(at(7));
  });

  it('puts the tactics of version 19 in the place of what they were', () => {
    expect(inAttackOrder(['impact', 'stealth', 'defense-impairment', 'made_up'])).toEqual([
      'defense_evasion',
      'impact',
    ]);
  });
});

describe('the risk', () => {
  it('counts each rule once, with the weight of its worst priority', () => {
    const r = riskShares({
      tactics: ['execution', 'impact'],
      story: [
        step(0, { rule: 'a', priority: 'warning' }),
        step(1, { rule: 'a', priority: 'critical' }),
        step(2, { rule: 'b', priority: 'notice' }),
      ],
    });
    expect(r.shares.map((s) => [s.rule, s.weight])).toEqual([
      ['a', 0.45],
      ['b', 0.07],
    ]);
    expect(r.tactics).toBe(2);
  });
});

const process = (id: string, parent: string | undefined, from: number, to?: number) =>
  ({
    id,
    pid: Number(id.slice(1)),
    parent_id: parent,
    name: id,
    cmdline: id,
    start_time: at(from),
    exit_time: to === undefined ? undefined : at(to),
  }) as Process;

describe('processes over time', () => {
  const story = [step(100, { process_id: 'p3' }), step(200, { process_id: 'p4' })];
  const all = [
    process('p1', undefined, 0),
    process('p2', 'p1', 90),
    process('p3', 'p2', 100, 101),
    process('p4', 'p2', 150, 210),
    process('p9', 'p1', 1, 2),
  ];
  const now = Date.parse(at(1000));

  it('are a tree, bars within the span of the steps', () => {
    const d = buildLanes(all, story, now);
    expect(d?.lanes.map((l) => [l.process.id, l.depth])).toEqual([
      ['p1', 0],
      ['p2', 1],
      ['p3', 2],
      ['p4', 2],
    ]);
    const [p1, , p3] = d?.lanes ?? [];
    expect(p1).toMatchObject({ from: 0, to: 1, early: true, open: true });
    expect(p3?.steps).toHaveLength(1);
    expect(p3?.steps[0]?.at).toBeCloseTo(p3?.from ?? -1);
    expect(p3?.open).toBe(false);
  });

  it('keep those of the steps and all above them when there are too many', () => {
    const many = Array.from({ length: 50 }, (_, i) => process(`p${100 + i}`, 'p1', 95 + i));
    const d = buildLanes([...many, ...all], story, now, 10);
    const ids = d?.lanes.map((l) => l.process.id) ?? [];
    expect(ids).toHaveLength(10);
    for (const id of ['p1', 'p2', 'p3', 'p4']) expect(ids).toContain(id);
    expect(d?.left).toBe(44);
  });

  it('are not drawn without a step or a process', () => {
    expect(buildLanes([], story, now)).toBeUndefined();
    expect(buildLanes(all, [], now)).toBeUndefined();
  });

  it('have an axis of round moments', () => {
    const from = Date.parse(at(3));
    const ticks = axisTicks(from, from + 60_000, 5);
    expect(ticks.map((t) => new Date(t).getUTCSeconds())).toEqual([15, 30, 45, 0]);
    expect(axisTicks(0, 86400_000, 7).length).toBeLessThanOrEqual(8);
  });
});
