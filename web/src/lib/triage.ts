// What people make of alerts and incidents: plain functions behind the queue.
import type { Alert } from '../api/schema';
import { quote } from './text';

export interface Change {
  state?: string;
  verdict?: string;
  assignee?: string;
}
type Subject = Pick<Alert, 'id' | 'verdict' | 'assignee'> & { state: string };

export const verdicts = ['true_positive', 'false_positive', 'benign'] as const;
export type VerdictName = (typeof verdicts)[number];

/** The object as it will be when the change is made. */
export function changed<T extends Subject>(object: T, c: Change): T {
  return {
    ...object,
    ...(c.state !== undefined && { state: c.state }),
    ...(c.verdict !== undefined && { verdict: c.verdict }),
    ...(c.assignee !== undefined && { assignee: c.assignee || undefined }),
  };
}

/** What takes a change back: those that were alike before, together. */
export function inverse(before: readonly Subject[], c: Change): { ids: string[]; set: Change }[] {
  const groups = new Map<string, { ids: string[]; set: Change }>();
  for (const b of before) {
    const set: Change = {
      ...(c.state !== undefined && { state: b.state }),
      ...(c.verdict !== undefined && { verdict: b.verdict }),
      ...(c.assignee !== undefined && { assignee: b.assignee ?? '' }),
    };
    const key = JSON.stringify(set);
    const group = groups.get(key);
    if (group) group.ids.push(b.id);
    else groups.set(key, { ids: [b.id], set });
  }
  return [...groups.values()];
}

export type Shortcut =
  | 'next'
  | 'previous'
  | 'select'
  | 'open'
  | 'mine'
  | 'comment'
  | VerdictName
  | 'help'
  | 'leave';

export const shortcutKeys: readonly [key: string, does: Shortcut][] = [
  ['j', 'next'],
  ['k', 'previous'],
  ['x', 'select'],
  ['o', 'open'],
  ['a', 'mine'],
  ['c', 'comment'],
  ['t', 'true_positive'],
  ['f', 'false_positive'],
  ['b', 'benign'],
  ['?', 'help'],
  ['Escape', 'leave'],
];

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing?: boolean;
  defaultPrevented?: boolean;
  target?: EventTarget | null;
}

function takesText(target: EventTarget | null | undefined): boolean {
  const e = target as HTMLElement | null | undefined;
  if (!e?.tagName) return false;
  return /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName)
    ? !/^(checkbox|radio|button)$/.test((e as HTMLInputElement).type)
    : e.isContentEditable === true || e.getAttribute('role') === 'combobox';
}

/** The shortcut of a key; none while someone writes, or holds another key that the browser wants. */
export function shortcutOf(e: Pressed): Shortcut | undefined {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.defaultPrevented) return undefined;
  if (takesText(e.target)) return undefined;
  return shortcutKeys.find(([key]) => key === e.key)?.[1];
}

/** The row next to the present one; without one, the first or last. */
export function stepTo(ids: readonly string[], at: string | undefined, by: 1 | -1) {
  const i = at === undefined ? -1 : ids.indexOf(at);
  if (i < 0) return by > 0 ? ids[0] : ids.at(-1);
  return ids[Math.min(ids.length - 1, Math.max(0, i + by))];
}

export interface QueueWishes {
  state: string;
  priorities: readonly string[];
  engines: readonly string[];
  verdict: string;
  /** "me", "none", a name, or "" */
  assignee: string;
  me: string;
  time?: string;
}

/** The wishes of the queue's controls as one condition. */
export function queueConditions(w: QueueWishes): (string | undefined)[] {
  return [
    w.state && w.state !== 'all' ? `state = ${w.state}` : undefined,
    w.priorities.length ? `priority in (${w.priorities.join(', ')})` : undefined,
    w.engines.length ? `engine in (${w.engines.join(', ')})` : undefined,
    w.verdict ? `verdict = ${w.verdict}` : undefined,
    w.assignee === 'none'
      ? 'not assignee exists'
      : w.assignee
        ? `assignee = ${quote(w.assignee === 'me' ? w.me : w.assignee)}`
        : undefined,
    w.time,
  ];
}

/** The part of the recorder around an alert or an incident. */
export function recorderPath(container: string | undefined, from?: string, to = from): string {
  const q = new URLSearchParams();
  if (container) q.set('container', container);
  const a = Date.parse(from ?? '');
  const b = Date.parse(to ?? '');
  if (!Number.isNaN(a)) q.set('since', new Date(a - 60_000).toISOString());
  if (!Number.isNaN(b)) q.set('until', new Date(b + 60_000).toISOString());
  return `/recorder?${q}`;
}
