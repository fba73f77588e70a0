// The ATT&CK matrix: what rules, drills and alerts say of each technique.
import type { Drill, Rule } from '../api/schema';
import {
  type ContainerTactic,
  techniques as containerTechniques,
  renamed,
  tactics,
} from '../data/containers';

export interface TechniqueCount {
  technique: string;
  open: number;
  alerts: number;
}

/** none: no rule. claimed: rules, never played. seen, partly, missed: by the last drills. */
export type Coverage = 'none' | 'claimed' | 'seen' | 'partly' | 'missed';

export interface Cell {
  id: string;
  rules: Rule[];
  engines: string[];
  /** the last result of each drill, worst first */
  drills: Drill[];
  played: number;
  seen: number;
  /** of the drills that ran, the latest */
  time?: string;
  /** the slowest of those seen */
  latency_us?: number;
  open: number;
  alerts: number;
  coverage: Coverage;
  /** techniques below this one that the matrix has */
  subs: Cell[];
}

export interface Matrix {
  columns: { tactic: ContainerTactic; cells: Cell[] }[];
  further: Cell[];
  cells: number;
  covered: number;
  /** drills of all techniques by their last result */
  played: number;
  seen: number;
}

const parentOf = (id: string) => id.split('.')[0] ?? id;

/** Engines that tell by this rule: those of the agent mark their rules in the place of a file. */
export const engineOf = (r: Pick<Rule, 'file'>): string =>
  /^\((\w+)\)$/.exec(r.file ?? '')?.[1] ?? 'rule';

/** A drill counts as seen when the rule it is for told of it and its harmless twin stayed quiet. */
export const drillSeen = (d: Drill) => d.detected && d.expected_engine && d.quiet;

/** The last result of each drill. */
export function lastDrills(drills: readonly Drill[]): Drill[] {
  const last = new Map<string, Drill>();
  for (const d of drills) {
    const name = d.drill ?? d.id;
    const before = last.get(name);
    if (!before || (d.time ?? '') > (before.time ?? '')) last.set(name, d);
  }
  return [...last.values()];
}

function coverageOf(rules: number, played: number, seen: number): Coverage {
  if (played) return seen === played ? 'seen' : seen ? 'partly' : 'missed';
  return rules ? 'claimed' : 'none';
}

function makeCell(
  id: string,
  of: (technique: string) => boolean,
  rules: readonly Rule[],
  drills: readonly Drill[],
  counts: readonly TechniqueCount[],
): Cell {
  const mine = rules.filter((r) => r.enabled !== false && r.techniques?.some(of));
  const played = drills.filter((d) => d.technique && of(d.technique));
  const ran = played.filter((d) => d.ran);
  const seen = ran.filter(drillSeen);
  const here = counts.filter((c) => of(c.technique));
  const badness = (d: Drill) => (!d.ran ? 1 : drillSeen(d) ? 2 : 0);
  const latencies = seen.map((d) => d.latency_us).filter((n) => n > 0);
  return {
    id,
    rules: mine,
    engines: [...new Set(mine.map(engineOf))],
    drills: [...played].sort(
      (a, b) => badness(a) - badness(b) || (a.drill ?? '').localeCompare(b.drill ?? ''),
    ),
    played: ran.length,
    seen: seen.length,
    time:
      ran
        .map((d) => d.time ?? '')
        .sort()
        .at(-1) || undefined,
    latency_us: latencies.length ? Math.max(...latencies) : undefined,
    open: here.reduce((n, c) => n + c.open, 0),
    alerts: here.reduce((n, c) => n + c.alerts, 0),
    coverage: coverageOf(mine.length, ran.length, seen.length),
    subs: [],
  };
}

export function buildMatrix(
  rules: readonly Rule[],
  allDrills: readonly Drill[],
  counts: readonly TechniqueCount[],
): Matrix {
  const drills = lastDrills(allDrills);
  const now = (id: string) => renamed[id] ?? id;
  const known = new Map<string, Cell>();
  for (const { id } of containerTechniques)
    known.set(
      id,
      makeCell(
        id,
        // a technique speaks for all below it, of which the matrix has only some
        id.includes('.') ? (t) => now(t) === id : (t) => parentOf(now(t)) === id,
        rules,
        drills,
        counts,
      ),
    );
  for (const [id, cell] of known) {
    const parent = parentOf(id);
    if (parent !== id) known.get(parent)?.subs.push(cell);
  }
  const columns = tactics.map((tactic) => ({
    tactic,
    cells: containerTechniques
      .filter((t) => t.tactics.includes(tactic) && !t.id.includes('.'))
      .flatMap((t) => known.get(t.id) ?? []),
  }));

  const named = new Set<string>();
  const note = (id?: string) => {
    if (id && /^T\d{4}/.test(id) && !known.has(parentOf(now(id)))) named.add(id);
  };
  for (const r of rules) r.techniques?.forEach(note);
  for (const d of drills) note(d.technique);
  for (const c of counts) note(c.technique);
  const further = [...named]
    .sort()
    .map((id) => makeCell(id, (t) => t === id, rules, drills, counts));

  const ran = drills.filter((d) => d.ran);
  const cells = [...known.values()];
  return {
    columns,
    further,
    cells: cells.length,
    covered: cells.filter((c) => c.rules.length).length,
    played: ran.length,
    seen: ran.filter(drillSeen).length,
  };
}

export function findCell(m: Matrix, id: string): Cell | undefined {
  for (const { cells } of m.columns)
    for (const c of cells) {
      if (c.id === id) return c;
      const sub = c.subs.find((s) => s.id === id);
      if (sub) return sub;
    }
  return m.further.find((c) => c.id === id);
}
