// What an action is at, as people see it.
import type { Action } from '../api/schema';
import { parseTime } from './format';

export type ShownState = Action['state'] | 'inForce' | 'undoing';

/** Kinds that hold until they are taken back. */
const holding = new Set(['freeze', 'isolate', 'quarantine_file', 'block_exec', 'block_peer']);

/** all: the actions around it; one of them may be taking it back. */
export function actionState(a: Action, all: readonly Action[]): ShownState {
  if (a.state !== 'done' || !holding.has(a.kind)) return a.state;
  const back = all.find(
    (x) => x.undo_of === a.id && (x.state === 'requested' || x.state === 'running'),
  );
  return back ? 'undoing' : 'inForce';
}

/** In force or under way; and what came to an end since the page was opened. */
export function isListed(a: Action, all: readonly Action[], opened: number): boolean {
  const state = actionState(a, all);
  if (state === 'inForce' || state === 'undoing') return true;
  if (a.undo_of) return state === 'failed' || state === 'refused' ? later(a, opened) : false;
  if (state === 'requested' || state === 'running') return true;
  return later(a, opened);
}

function later(a: Action, opened: number): boolean {
  return (parseTime(a.finished ?? a.requested) ?? 0) >= opened;
}

/** An address, a network, an address with port, as the console takes them. */
export function peerOk(text: string): boolean {
  const s = text.trim();
  const [net, bits, more] = s.split('/');
  if (more !== undefined || net === undefined) return false;
  if (bits !== undefined)
    return /^\d{1,3}$/.test(bits) && ((v4(net) && +bits <= 32) || (v6(net) && +bits <= 128));
  if (v4(s) || v6(s)) return true;
  const m = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(s);
  if (!m) return false;
  const port = Number(m[3]);
  return (m[1] ? v6(m[1]) : v4(m[2] ?? '')) && port > 0 && port < 65536;
}

function v4(s: string): boolean {
  const p = s.split('.');
  return p.length === 4 && p.every((x) => /^\d{1,3}$/.test(x) && Number(x) < 256);
}

function v6(s: string): boolean {
  if (!s.includes(':') || !/^[0-9a-fA-F:.]+$/.test(s)) return false;
  try {
    return new URL(`http://[${s}]/`).hostname.length > 0;
  } catch {
    return false;
  }
}
