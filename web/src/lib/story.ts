// An incident told: its steps in groups, and how far along an attack it has come.
import type { Incident, Story } from '../api/schema';

/** The tactics of ATT&CK for Enterprise in the order of an attack. */
export const chainTactics = [
  'reconnaissance',
  'resource_development',
  'initial_access',
  'execution',
  'persistence',
  'privilege_escalation',
  'defense_evasion',
  'credential_access',
  'discovery',
  'lateral_movement',
  'collection',
  'command_and_control',
  'exfiltration',
  'impact',
] as const;

/** ATT&CK 19 names two tactics for what was one: they share its place. */
const sharing: Record<string, string> = {
  stealth: 'defense_evasion',
  defense_impairment: 'defense_evasion',
};

export function placeOf(tactic: string): number {
  const name = tactic.replace(/-/g, '_');
  return (chainTactics as readonly string[]).indexOf(sharing[name] ?? name);
}

/** Known tactics of an incident in the order of an attack, each once. */
export function inAttackOrder(tactics: readonly string[] | undefined): string[] {
  const places = new Set((tactics ?? []).map(placeOf).filter((i) => i >= 0));
  return [...places].sort((a, b) => a - b).map((i) => chainTactics[i] ?? '');
}

export interface Link {
  tactic: string;
  /** 1 for the tactic that was reached first; undefined: not reached */
  order?: number;
  time?: string;
  steps: number;
}

export function attackChain(i: Pick<Incident, 'tactics' | 'story'>): Link[] {
  const order = new Map<number, number>();
  const reach = (tactic?: string) => {
    const at = placeOf(tactic ?? '');
    if (at >= 0 && !order.has(at)) order.set(at, order.size + 1);
  };
  i.tactics?.forEach(reach);
  for (const s of i.story ?? []) reach(s.tactic);
  return chainTactics.map((tactic, at) => {
    const steps = (i.story ?? []).filter((s) => placeOf(s.tactic ?? '') === at);
    return {
      tactic,
      order: order.get(at),
      time: steps.map((s) => s.time ?? '').sort()[0] || undefined,
      steps: steps.length,
    };
  });
}

export interface StoryGroup {
  container: string | undefined;
  /** of an incident over several hosts */
  hostname?: string;
  steps: Story[];
  /** quiet time before its first step, if it was long */
  gap_ms?: number;
}

const QUIET_MS = 5 * 60_000;

/** Steps by time, a new group where they move to another container or host, or after some quiet. */
export function storyGroups(story: readonly Story[] | undefined): StoryGroup[] {
  const steps = [...(story ?? [])].sort((a, b) => (a.time ?? '').localeCompare(b.time ?? ''));
  const groups: StoryGroup[] = [];
  let before: Story | undefined;
  for (const s of steps) {
    const container = s.container_id || undefined;
    const gap = before ? Date.parse(s.time ?? '') - Date.parse(before.time ?? '') : 0;
    const last = groups.at(-1);
    const here = last && last.container === container && before?.host_id === s.host_id;
    if (here && !(gap > QUIET_MS)) last.steps.push(s);
    else
      groups.push({
        container,
        steps: [s],
        ...(s.hostname && { hostname: s.hostname }),
        ...(gap > QUIET_MS && { gap_ms: gap }),
      });
    before = s;
  }
  return groups;
}

const weight: Record<string, number> = {
  emergency: 0.6,
  alert: 0.5,
  critical: 0.45,
  error: 0.3,
  warning: 0.15,
  notice: 0.07,
  informational: 0.03,
  debug: 0.01,
};

export interface RiskShare {
  rule: string;
  priority: string;
  weight: number;
}

/** How the risk came about: the weights of the rules, and what further tactics take off the rest. */
export function riskShares(i: Pick<Incident, 'tactics' | 'story'>): {
  shares: RiskShare[];
  tactics: number;
} {
  const rules = new Map<string, RiskShare>();
  for (const s of i.story ?? []) {
    const rule = s.rule ?? '';
    const w = weight[s.priority] ?? 0;
    const have = rules.get(rule);
    if (!have || have.weight < w) rules.set(rule, { rule, priority: s.priority, weight: w });
  }
  return {
    shares: [...rules.values()].sort((a, b) => b.weight - a.weight),
    tactics: Math.max(1, i.tactics?.length ?? 0),
  };
}
