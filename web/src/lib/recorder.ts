// What the recorder gives, ordered for people: lanes over time, processes at a moment, an event in
// a line. Plain functions.
import type { Event, Process } from '../api/schema';
import { parseTime } from './format';

export const lanes = ['process', 'file', 'network', 'privilege'] as const;
export type Lane = (typeof lanes)[number];

// the groups of skep record show --kind
const types: Record<Lane, string> = {
  process: 'execve execveat clone fork vfork clone3 procexit',
  file: 'open openat openat2 open_by_handle_at creat rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat link linkat symlink symlinkat chmod fchmod fchmodat chown lchown fchown fchownat memfd_create',
  network:
    'connect accept accept4 listen bind sendto sendmsg recvfrom recvmsg socket shutdown tcpclose',
  privilege: '',
};
const laneOfType = new Map<string, Lane>();
for (const lane of lanes)
  for (const type of types[lane].split(' ')) if (type) laneOfType.set(type, lane);

/** What is none of the others acts on rights, namespaces, mounts or the kernel. */
export const laneOf = (e: Event): Lane => laneOfType.get(e.evt.type) ?? 'privilege';

export const timeOf = (e: Event): number => parseTime(e.evt.time) ?? 0;

export interface Range {
  from: number;
  to: number; // ms, both included
}

/** Events of each lane in n parts of the range. */
export function density(events: readonly Event[], r: Range, n: number): Record<Lane, number[]> {
  const out = Object.fromEntries(lanes.map((l) => [l, Array<number>(n).fill(0)])) as Record<
    Lane,
    number[]
  >;
  const width = Math.max(r.to - r.from, 1);
  for (const e of events) {
    const t = timeOf(e);
    if (t < r.from || t > r.to) continue;
    const i = Math.min(n - 1, Math.floor(((t - r.from) / width) * n));
    const lane = out[laneOf(e)];
    lane[i] = (lane[i] ?? 0) + 1;
  }
  return out;
}

/** The part of the range between two places of a line that is `width` long; too narrow: undefined. */
export function brush(r: Range, a: number, b: number, width: number): Range | undefined {
  const [x, y] = [Math.min(a, b), Math.max(a, b)];
  if (width <= 0 || y - x < 5) return undefined;
  const at = (v: number) => r.from + (Math.min(Math.max(v, 0), width) / width) * (r.to - r.from);
  return { from: at(x), to: Math.max(at(y), at(x) + 1) };
}

/** The range that holds all events, with a little room; undefined: there are none. */
export function extent(events: readonly Event[]): Range | undefined {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const e of events) {
    const t = timeOf(e);
    if (t < from) from = t;
    if (t > to) to = t;
  }
  if (from > to) return undefined;
  const room = Math.max(5, (to - from) * 0.02);
  return { from: from - room, to: to + room };
}

/** Times for marks below a line, at most n, on round numbers of the clock. */
export function ticks(r: Range, n: number): number[] {
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5,
    18e5, 36e5, 72e5, 216e5, 432e5, 864e5,
  ];
  const step = steps.find((s) => (r.to - r.from) / s <= n) ?? 7 * 864e5;
  const out: number[] = [];
  for (let t = Math.ceil(r.from / step) * step; t <= r.to; t += step) out.push(t);
  return out;
}

/** Processes that lived at t, as the events up to then tell of them; those that ended before t stay,
 * with the time of their end. */
export function processesAt(events: readonly Event[], t: number): Process[] {
  const found = new Map<string, Process>();
  const ends = new Map<string, string>();
  for (const e of events) {
    const p = e.proc;
    if (!p) continue;
    const when = timeOf(e);
    if (when > t && (parseTime(p.start_time) ?? when) > t) continue;
    if (e.evt.type === 'procexit') {
      if (when <= t && e.evt.time) ends.set(p.id, e.evt.time);
      if (found.has(p.id)) continue; // what it was before says more than its end
    }
    // an exec changes what a process is: the latest before t counts
    if (when <= t || !found.has(p.id)) found.set(p.id, p);
  }
  return [...found.values()].map((p) => ({ ...p, exit_time: ends.get(p.id) }));
}

const end = (ip?: string, port?: number) =>
  ip ? `${ip.includes(':') ? `[${ip}]` : ip}${port ? `:${port}` : ''}` : '';

const flagText = (n: number) => (n ? `0x${n.toString(16)}` : '');

/** What an event is about, in a line. */
export function eventText(e: Event): string {
  const { evt, fd, proc } = e;
  switch (evt.type) {
    case 'execve':
    case 'execveat':
      return proc?.cmdline || proc?.exepath || evt.path || '';
    case 'procexit':
      return proc?.cmdline || proc?.name || '';
    case 'connect':
    case 'accept':
    case 'accept4':
    case 'tcpclose':
      return (
        [end(fd.lip, fd.lport), end(fd.rip, fd.rport)].filter(Boolean).join(' → ') || fd.name || ''
      );
    case 'rename':
    case 'renameat':
    case 'renameat2':
    case 'link':
    case 'linkat':
    case 'symlink':
    case 'symlinkat':
      return `${evt.oldpath ?? ''} → ${evt.newpath ?? ''}`;
    case 'setuid':
    case 'setgid':
    case 'setresuid':
    case 'setresgid':
    case 'setreuid':
    case 'setregid':
      return String(evt.arg0);
    case 'unshare':
    case 'setns':
      return [evt.target_pid ? `PID ${evt.target_pid}` : '', flagText(evt.flags || evt.arg0)]
        .filter(Boolean)
        .join(' ');
    default:
      return fd.name || evt.path || evt.name || (evt.target_pid ? `PID ${evt.target_pid}` : '');
  }
}

/** r, w and c as letters, for an open. */
export function openMode(e: Event): string {
  const { evt } = e;
  return [evt.is_open_read && 'r', evt.is_open_write && 'w', evt.is_open_create && 'c']
    .filter(Boolean)
    .join('');
}

/** Where the window of a container begins and ends when nobody chose one. */
export function standardRange(
  c: { started?: string; created?: string; finished?: string; state?: string },
  now: number,
): Range {
  const ended = c.state === 'exited' || c.state === 'removed';
  const to = (ended && parseTime(c.finished)) || now;
  const begin = parseTime(c.started) ?? parseTime(c.created) ?? to - 15 * 60_000;
  const from = ended ? Math.max(begin, to - 3600_000) : Math.max(begin, to - 15 * 60_000);
  return { from: from - 2000, to: ended ? to + 5000 : to };
}
