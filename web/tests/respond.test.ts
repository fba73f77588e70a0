import { describe, expect, it } from 'vitest';
import type { Action, Event, Process } from '../src/api/schema';
import { actionState, isListed, peerOk } from '../src/lib/action';
import { diffLines, hunks } from '../src/lib/diff';
import {
  brush,
  density,
  eventText,
  extent,
  processesAt,
  standardRange,
  ticks,
} from '../src/lib/recorder';
import { errorIsIn, ruleError, ruleParams, words } from '../src/lib/rules';
import { standingOf } from '../src/pages/Exceptions';

const action = (more: Partial<Action>) =>
  ({
    id: 'a',
    kind: 'freeze',
    state: 'done',
    pid: 0,
    rev: 1,
    removed: false,
    reversible: true,
    ...more,
  }) as Action;

describe('what an action is at', () => {
  it('is in force when it is done and holds something, until one takes it back', () => {
    const froze = action({});
    expect(actionState(froze, [froze])).toBe('inForce');
    const back = action({ id: 'b', kind: 'unfreeze', state: 'running', undo_of: 'a' });
    expect(actionState(froze, [back, froze])).toBe('undoing');
    expect(actionState(froze, [{ ...back, state: 'failed' }, froze])).toBe('inForce');
    expect(actionState(action({ kind: 'kill_container' }), [])).toBe('done');
    expect(actionState(action({ state: 'expired' }), [])).toBe('expired');
  });

  it('is listed while it holds, and after it ended on this page', () => {
    const opened = Date.parse('2026-05-01T10:00:00Z');
    const at = (finished: string) => action({ state: 'refused', finished });
    expect(isListed(action({ finished: '2026-04-01T00:00:00Z' }), [], opened)).toBe(true);
    expect(isListed(at('2026-05-01T10:00:01Z'), [], opened)).toBe(true);
    expect(isListed(at('2026-05-01T09:59:59Z'), [], opened)).toBe(false);
    expect(isListed(action({ kind: 'unfreeze', undo_of: 'a', state: 'done' }), [], opened)).toBe(
      false,
    );
  });
});

describe('peers that may be left open', () => {
  it('are addresses, networks, addresses with port', () => {
    for (const good of [
      '10.0.0.7',
      '10.0.0.0/8',
      '10.0.0.7:443',
      '::1',
      'fd00::/8',
      '[fd00::1]:443',
    ])
      expect(peerOk(good), good).toBe(true);
    for (const bad of [
      '',
      'example.com',
      '10.0.0',
      '10.0.0.300',
      '10.0.0.0/33',
      '10.0.0.7:0',
      '10.0.0.7:70000',
      '1/2/3',
      '::1/129',
      '[x]:1',
    ])
      expect(peerOk(bad), bad).toBe(false);
  });
});

describe('errors of rule files', () => {
  it('have file, line and column', () => {
    const e = ruleError('console/a.yaml:14:27: unknown field "x"\n  condition: x\n  ^');
    expect(e).toEqual({ file: 'console/a.yaml', line: 14, col: 27, message: 'unknown field "x"' });
    expect(e && errorIsIn(e, 'a.yaml')).toBe(true);
    expect(e && errorIsIn(e, 'b.yaml')).toBe(false);
    expect(ruleError('out of memory')).toBeUndefined();
  });
});

describe('conditions', () => {
  it('keep all of their text, whatever it is', () => {
    for (const text of [
      'evt.type in (open, openat) and not proc.name = "a \\" b" and fd.sport >= 8080',
      '"never closed',
      "x = 'y' or <script>alert(1)</script>\n\u202e",
    ])
      expect(
        words(text)
          .map((w) => w.text)
          .join(''),
      ).toBe(text);
  });

  it('tell fields, macros, keywords, operators and texts apart', () => {
    const type = (w: string) =>
      words('spawned_process and proc.name startswith "x" or fd.num != 3').find((x) => x.text === w)
        ?.type;
    expect(type('spawned_process')).toBe('name');
    expect(type('and')).toBe('keyword');
    expect(type('proc.name')).toBe('field');
    expect(type('startswith')).toBe('operator');
    expect(type('"x"')).toBe('text');
    expect(type('!=')).toBe('operator');
    expect(type('3')).toBe('number');
  });
});

describe('rules sent to be tried', () => {
  it('go in parts that fit a param, in bytes, and come together again', () => {
    const text = '规则 a\n'.repeat(2000);
    const parts = ruleParams(text) ?? [];
    expect(parts.length).toBeGreaterThan(1);
    for (const p of parts) expect(new TextEncoder().encode(p).length).toBeLessThanOrEqual(4096);
    expect(parts.map((p) => p.slice('rules='.length)).join('')).toBe(text);
  });

  it('are refused when they are too long', () => {
    expect(ruleParams('x'.repeat(300_000))).toBeUndefined();
  });
});

const T0 = Date.parse('2026-05-01T10:00:00Z');
const process = (id: string, parent: string, more: Partial<Process> = {}) =>
  ({
    id,
    parent_id: parent,
    pid: 1,
    name: id,
    start_time: new Date(T0).toISOString(),
    ...more,
  }) as Process;
const event = (ms: number, type: string, proc?: Process, more: Partial<Event['evt']> = {}) =>
  ({
    id: '',
    evt: {
      num: 1,
      type,
      time: new Date(T0 + ms).toISOString(),
      target_pid: 0,
      arg0: 0,
      flags: 0,
      ...more,
    },
    fd: {},
    proc,
  }) as Event;

describe('the recorder', () => {
  it('counts events by lane over the time', () => {
    const list = [
      event(0, 'execve'),
      event(10, 'openat'),
      event(99, 'openat'),
      event(50, 'connect'),
      event(60, 'setuid'),
      event(500, 'openat'),
    ];
    const d = density(list, { from: T0, to: T0 + 100 }, 10);
    expect(d.process[0]).toBe(1);
    expect(d.file[1]).toBe(1);
    expect(d.file[9]).toBe(1);
    expect(d.network[5]).toBe(1);
    expect(d.privilege[6]).toBe(1);
  });

  it('zooms to what was dragged over, in either direction, and not to nothing', () => {
    const r = { from: 1000, to: 2000 };
    expect(brush(r, 100, 300, 1000)).toEqual({ from: 1100, to: 1300 });
    expect(brush(r, 300, 100, 1000)).toEqual({ from: 1100, to: 1300 });
    expect(brush(r, -50, 5000, 1000)).toEqual({ from: 1000, to: 2000 });
    expect(brush(r, 100, 102, 1000)).toBeUndefined();
  });

  it('knows which processes lived at a moment', () => {
    const sh = process('sh', 'init');
    const cat = process('cat', 'sh', { start_time: new Date(T0 + 20).toISOString() });
    const list = [event(5, 'openat', sh), event(20, 'execve', cat), event(40, 'procexit', cat)];
    const at = (ms: number) =>
      processesAt(list, T0 + ms)
        .filter((p) => !p.exit_time)
        .map((p) => p.id);
    expect(at(10)).toEqual(['sh']);
    expect(at(30)).toEqual(['sh', 'cat']);
    expect(at(50)).toEqual(['sh']);
    expect(processesAt(list, T0 + 50).map((p) => p.id)).toEqual(['sh', 'cat']);
  });

  it('says what an event is about', () => {
    const e = event(0, 'connect');
    e.fd = { lip: '10.0.0.1', lport: 5, rip: 'fd00::1', rport: 443 } as Event['fd'];
    expect(eventText(e)).toBe('10.0.0.1:5 → [fd00::1]:443');
    expect(eventText(event(0, 'rename', undefined, { oldpath: '/a', newpath: '/b' }))).toBe(
      '/a → /b',
    );
    expect(eventText(event(0, 'setuid', undefined, { arg0: 33 }))).toBe('33');
  });

  it('begins where a container began and ends where it ended', () => {
    const now = T0 + 86400_000;
    const gone = standardRange(
      {
        state: 'removed',
        started: new Date(T0).toISOString(),
        finished: new Date(T0 + 5000).toISOString(),
      },
      now,
    );
    expect(gone.from).toBeLessThanOrEqual(T0);
    expect(gone.to).toBeGreaterThanOrEqual(T0 + 5000);
    expect(gone.to).toBeLessThan(T0 + 60_000);
    const runs = standardRange({ state: 'running', started: new Date(T0).toISOString() }, now);
    expect(runs.to).toBe(now);
    expect(now - runs.from).toBeLessThan(16 * 60_000);
  });

  it('has round marks and an extent, also of nothing', () => {
    expect(extent([])).toBeUndefined();
    const t = ticks({ from: T0 + 300, to: T0 + 10_300 }, 6);
    expect(t.length).toBeLessThanOrEqual(6);
    for (const x of t) expect(x % 1000).toBe(0);
  });
});

describe('differences', () => {
  const signs = (a: string, b: string) =>
    diffLines(a, b)
      .map((l) => l.sign + l.text)
      .join('|');
  it('keep what both have', () => {
    expect(signs('a\nb\nc', 'a\nx\nc')).toBe(' a|-b|+x| c');
    expect(signs('a\nb', 'a\nb')).toBe(' a| b');
    expect(signs('a\nb\nc\nd', 'b\nc\nd\ne')).toBe('-a| b| c| d|+e');
  });

  it('show a few lines around, and nothing where nothing differs', () => {
    const many = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const h = hunks(diffLines(many.join('\n'), many.with(20, 'new').join('\n')));
    expect(h.filter((l) => l === null).length).toBe(2);
    expect(h.length).toBe(2 + 8);
    expect(hunks(diffLines('a', 'a'))).toEqual([]);
  });

  it('of texts that are large and unlike do not hang', () => {
    const big = (c: string) => Array.from({ length: 4000 }, (_, i) => `${c}${i}`).join('\n');
    const begin = Date.now();
    expect(diffLines(big('a'), big('b')).length).toBe(8000);
    expect(Date.now() - begin).toBeLessThan(2000);
  });
});

describe('exceptions', () => {
  it('end with their time', () => {
    const now = T0;
    expect(standingOf({ disabled: false }, now)).toBe('on');
    expect(standingOf({ disabled: true }, now)).toBe('off');
    expect(standingOf({ disabled: false, expires: new Date(T0 - 1).toISOString() }, now)).toBe(
      'ended',
    );
  });
});
