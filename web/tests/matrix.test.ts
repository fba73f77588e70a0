import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Drill, Rule } from '../src/api/schema';
import { tactics, techniques } from '../src/data/containers';
import { catalogues } from '../src/i18n';
import { techniqueName } from '../src/lib/attack';
import { buildMatrix, drillSeen, engineOf, findCell, lastDrills } from '../src/lib/matrix';

const rule = (name: string, ids: string[], more: Partial<Rule> = {}): Rule => ({
  name,
  priority: 'warning',
  techniques: ids,
  ...more,
});
const drill = (name: string, technique: string, more: Partial<Drill> = {}): Drill => ({
  id: `r:${name}`,
  drill: name,
  technique,
  time: '2027-01-01T00:00:00Z',
  ran: true,
  detected: true,
  expected_engine: true,
  quiet: true,
  engine: 'rule',
  latency_us: 500,
  ...more,
});

describe('the matrix', () => {
  it('is that of ATT&CK for Containers 19: 48 techniques, each named in both languages', () => {
    expect(techniques).toHaveLength(48);
    for (const t of techniques) {
      expect(t.tactics.length, t.id).toBeGreaterThan(0);
      expect(techniqueName(t.id, 'en'), t.id).toBeTruthy();
      expect(techniqueName(t.id, 'zh'), t.id).toBeTruthy();
    }
    for (const t of tactics) expect(catalogues.zh[`tactic.${t}`]).toBeTruthy();
  });

  it('counts a rule for its technique and for the one above', () => {
    const m = buildMatrix([rule('a', ['T1059.013']), rule('b', ['T1059.004'])], [], []);
    expect(findCell(m, 'T1059')?.rules.map((r) => r.name)).toEqual(['a', 'b']);
    expect(findCell(m, 'T1059.013')?.rules.map((r) => r.name)).toEqual(['a']);
    expect(m.further).toEqual([]);
    expect(m.covered).toBe(2);
  });

  it('leaves out rules that are switched off', () => {
    const m = buildMatrix([rule('a', ['T1611'], { enabled: false })], [], []);
    expect(findCell(m, 'T1611')?.coverage).toBe('none');
  });

  it('shows the same cell under each of its tactics', () => {
    const m = buildMatrix([rule('a', ['T1053'])], [], []);
    const under = m.columns.filter((c) => c.cells.some((x) => x.id === 'T1053'));
    expect(under.map((c) => c.tactic)).toEqual([
      'execution',
      'persistence',
      'privilege_escalation',
    ]);
  });

  it('says what the last drills proved', () => {
    const rules = [rule('a', ['T1611', 'T1485', 'T1190', 'T1609'])];
    const m = buildMatrix(
      rules,
      [
        drill('escape', 'T1611'),
        drill('escape2', 'T1611', { detected: false }),
        drill('wipe', 'T1485', { latency_us: 900 }),
        drill('web', 'T1190', { quiet: false }),
        drill('exec', 'T1609', { ran: false }),
      ],
      [],
    );
    expect(findCell(m, 'T1611')?.coverage).toBe('partly');
    expect(findCell(m, 'T1611')?.drills[0]?.drill).toBe('escape2');
    expect(findCell(m, 'T1485')).toMatchObject({ coverage: 'seen', latency_us: 900, played: 1 });
    expect(findCell(m, 'T1190')?.coverage).toBe('missed');
    expect(findCell(m, 'T1609')?.coverage).toBe('claimed');
    expect([m.seen, m.played]).toEqual([2, 4]);
  });

  it('goes by the last result of a drill, not by the best', () => {
    const twice = [
      drill('x', 'T1611', { time: '2027-01-01T00:00:00Z' }),
      drill('x', 'T1611', { time: '2027-01-02T00:00:00Z', detected: false }),
    ];
    expect(lastDrills(twice).map(drillSeen)).toEqual([false]);
    expect(lastDrills([...twice].reverse()).map(drillSeen)).toEqual([false]);
  });

  it('puts what the container matrix does not have aside', () => {
    const m = buildMatrix(
      [rule('a', ['T1620', 'not-a-technique'])],
      [],
      [{ technique: 'T1105', open: 2, alerts: 3 }],
    );
    expect(m.further.map((c) => [c.id, c.open])).toEqual([
      ['T1105', 2],
      ['T1620', 0],
    ]);
  });

  it('knows techniques by the ids of older versions', () => {
    const m = buildMatrix([rule('a', ['T1562.001'])], [], []);
    expect(findCell(m, 'T1685')?.rules).toHaveLength(1);
    expect(m.further).toEqual([]);
  });

  it('tells engines that have rules of their own from the rule files', () => {
    expect(engineOf({ file: '(drift)' })).toBe('drift');
    expect(engineOf({ file: 'rules/escape.yaml' })).toBe('rule');
    expect(engineOf({})).toBe('rule');
  });
});

describe('names', () => {
  it('exist for every technique that our rules and drills carry', () => {
    const root = join(__dirname, '../..');
    for (const dir of ['rules', 'drills'])
      for (const f of readdirSync(join(root, dir)).filter((x) => x.endsWith('.yaml')))
        for (const [id] of readFileSync(join(root, dir, f), 'utf8').matchAll(
          /\bT\d{4}(\.\d{3})?\b/g,
        ))
          expect(techniqueName(id, 'zh'), `${id} in ${dir}/${f}`).toBeTruthy();
  });
});
