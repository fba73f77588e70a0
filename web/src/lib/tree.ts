// Process trees and ancestries: plain functions over what the API gives.
import type { Process } from '../api/types.gen';

export interface TreeNode {
  process: Process;
  children: TreeNode[];
  depth: number;
  /** how many like this one, ended and without children, were left out before it */
  folded: number;
}

const byStart = (a: TreeNode, b: TreeNode) =>
  (a.process.start_time ?? '').localeCompare(b.process.start_time ?? '') ||
  a.process.pid - b.process.pid;

/** Roots are those whose parent is not among the given; cycles (hostile or broken) are cut. */
export function buildTree(processes: Iterable<Process>): TreeNode[] {
  const nodes = new Map<string, TreeNode>();
  for (const p of processes) nodes.set(p.id, { process: p, children: [], depth: 0, folded: 0 });
  const roots: TreeNode[] = [];
  const above = (node: TreeNode) => nodes.get(node.process.parent_id ?? '');
  // each node is walked over once: what a walk has settled ends the later ones
  const settled = new Set<TreeNode>();
  for (const start of nodes.values()) {
    const walked = new Set<TreeNode>();
    let node: TreeNode | undefined = start;
    while (node && !settled.has(node) && !walked.has(node)) {
      walked.add(node);
      node = above(node);
    }
    const cut = node && walked.has(node) ? node : undefined; // a cycle begins and ends here
    for (const n of walked) {
      settled.add(n);
      const parent = n === cut ? undefined : above(n);
      if (parent) parent.children.push(n);
      else roots.push(n);
    }
  }
  const order = (list: TreeNode[], depth: number): void => {
    list.sort(byStart);
    for (const n of list) n.depth = depth;
  };
  order(roots, 0);
  const stack = [...roots];
  for (let n = stack.pop(); n; n = stack.pop()) {
    order(n.children, n.depth + 1);
    stack.push(...n.children);
  }
  return roots;
}

/**
 * Leaves out of each node's children those that ended, started nothing and are like a later one:
 * of a loop that starts the same program again and again, only the newest runs stay.
 */
export function fold(roots: TreeNode[], keep: number, open: ReadonlySet<string>): TreeNode[] {
  const thin = (list: TreeNode[]): TreeNode[] => {
    const runs = new Map<string, TreeNode[]>();
    for (const n of list) {
      if (!n.process.exit_time || n.children.length) continue;
      const key = `${n.process.parent_id ?? ''}\0${n.process.cmdline ?? ''}\0${n.process.exit_code}`;
      const run = runs.get(key);
      if (run) run.push(n);
      else runs.set(key, [n]);
    }
    const out = new Set<TreeNode>();
    for (const run of runs.values()) {
      const first = run[run.length - keep];
      if (run.length <= keep + 1 || !first || open.has(first.process.parent_id ?? '')) continue;
      for (const n of run.slice(0, -keep)) out.add(n);
      first.folded = run.length - keep;
    }
    return out.size ? list.filter((n) => !out.has(n)) : list;
  };
  const top = thin(roots);
  const stack = [...top];
  for (let n = stack.pop(); n; n = stack.pop()) {
    n.children = thin(n.children);
    stack.push(...n.children);
  }
  return top;
}

export interface TreeRow {
  node: TreeNode;
  /** for each level above: does the line of that ancestor go on below? */
  rails: boolean[];
  last: boolean;
}

/** The tree as rows, top to bottom, without what is below closed nodes. */
export function treeRows(roots: TreeNode[], closed: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const stack: TreeRow[] = [];
  const push = (list: TreeNode[], rails: boolean[]) => {
    for (let i = list.length - 1; i >= 0; i--) {
      const node = list[i];
      if (node) stack.push({ node, rails, last: i === list.length - 1 });
    }
  };
  push(roots, []);
  for (let row = stack.pop(); row; row = stack.pop()) {
    rows.push(row);
    if (!closed.has(row.node.process.id))
      push(row.node.children, row.node.depth === 0 ? [] : [...row.rails, !row.last]);
  }
  return rows;
}

export interface Segment {
  /** undefined: on the host */
  container: string | undefined;
  chain: Process[];
}

/**
 * The way from the oldest known ancestor to the process itself, cut where the container changes.
 * ancestors come nearest first.
 */
export function ancestry(ancestors: readonly Process[], proc: Process | undefined): Segment[] {
  const seen = new Set<string>();
  const line = [...ancestors].reverse();
  if (proc) line.push(proc);
  const segments: Segment[] = [];
  for (const p of line) {
    if (seen.has(p.id)) continue;
    seen.add(p.id);
    const container = p.container_id || undefined;
    const tail = segments.at(-1);
    if (tail && tail.container === container) tail.chain.push(p);
    else segments.push({ container, chain: [p] });
  }
  return segments;
}

/** Running ones all, and of the ended only the newest, so that a tree of a busy host stays small. */
export function trim(processes: Map<string, Process>, keepEnded: number): void {
  const ended = [...processes.values()].filter((p) => p.exit_time);
  if (ended.length <= keepEnded) return;
  ended.sort((a, b) => (a.exit_time ?? '').localeCompare(b.exit_time ?? ''));
  for (const p of ended.slice(0, ended.length - keepEnded)) processes.delete(p.id);
}
