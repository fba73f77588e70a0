// Processes over time: which rows are drawn, and where their bars begin and end.
import type { Process, Story } from '../api/schema';
import { parseTime } from './format';
import { buildTree, fold, type TreeNode, treeRows } from './tree';

export interface Lane {
  process: Process;
  depth: number;
  /** shares of the span, 0 to 1 */
  from: number;
  to: number;
  /** began before, goes on after */
  early: boolean;
  open: boolean;
  folded: number;
  steps: { at: number; step: Story }[];
}
export interface Lanes {
  from: number;
  to: number;
  lanes: Lane[];
  left: number;
}

/** Keeps those a step is about and all above them; of the others, the first ones. */
function choose(roots: TreeNode[], wanted: ReadonlySet<string>, max: number): Set<string> {
  const keep = new Set<string>();
  const others: string[] = [];
  const walk = (n: TreeNode, above: string[]) => {
    if (wanted.has(n.process.id)) for (const id of [...above, n.process.id]) keep.add(id);
    else others.push(n.process.id);
    for (const c of n.children) walk(c, [...above, n.process.id]);
  };
  for (const r of roots) walk(r, []);
  for (const id of others) {
    if (keep.size >= max) break;
    keep.add(id);
  }
  return keep;
}

const clamp = (n: number) => Math.min(1, Math.max(0, n));

export function buildLanes(
  processes: readonly Process[],
  story: readonly Story[],
  now: number,
  max = 80,
): Lanes | undefined {
  const times = story.map((s) => parseTime(s.time)).filter((n): n is number => n !== undefined);
  if (!processes.length || !times.length) return undefined;
  const first = Math.min(...times);
  const last = Math.max(...times);
  const pad = Math.max(5000, (last - first) * 0.15);
  const from = first - pad;
  const to = Math.min(Math.max(last + pad, from + 1), Math.max(now, last + 1000));
  const span = to - from;

  const during = processes.filter((p) => {
    const start = parseTime(p.start_time) ?? from;
    const end = parseTime(p.exit_time) ?? now;
    return start <= to && end >= from;
  });
  const wanted = new Set(story.map((s) => s.process_id ?? '').filter(Boolean));
  const parents = new Set(during.filter((p) => wanted.has(p.id)).map((p) => p.parent_id ?? ''));
  const roots = fold(buildTree(during), 2, parents);
  const keep = choose(roots, wanted, max);
  const rows = treeRows(roots, new Set()).filter((r) => keep.has(r.node.process.id));
  const lanes = rows.map(({ node }): Lane => {
    const p = node.process;
    const start = parseTime(p.start_time);
    const end = parseTime(p.exit_time);
    return {
      process: p,
      depth: node.depth,
      from: clamp(((start ?? from) - from) / span),
      to: clamp(((end ?? to) - from) / span),
      early: start === undefined || start < from,
      open: end === undefined || end > to,
      folded: node.folded,
      steps: story
        .filter((s) => s.process_id === p.id)
        .map((step) => ({ at: clamp(((parseTime(step.time) ?? from) - from) / span), step })),
    };
  });
  return { from, to, lanes, left: during.length - lanes.length };
}

/** Round moments within a span, for its axis. */
export function axisTicks(from: number, to: number, max: number): number[] {
  const sizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
  const span = (to - from) / 1000;
  const size = (sizes.find((s) => span / s <= max) ?? 604800) * 1000;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / size) * size; at <= to; at += size) ticks.push(at);
  return ticks;
}
