import { describe, expect, it } from 'vitest';
import {
  changed,
  inverse,
  queueConditions,
  recorderPath,
  shortcutKeys,
  shortcutOf,
  stepTo,
} from '../src/lib/triage';

const press = (key: string, more = {}) =>
  shortcutOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });

describe('shortcuts', () => {
  it('are one key each, and no key has two', () => {
    expect(press('j')).toBe('next');
    expect(press('f')).toBe('false_positive');
    expect(press('?')).toBe('help');
    expect(press('z')).toBeUndefined();
    const keys = shortcutKeys.map(([k]) => k);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('stay away while someone writes, composes or holds a modifier', () => {
    expect(press('f', { ctrlKey: true })).toBeUndefined();
    expect(press('t', { metaKey: true })).toBeUndefined();
    expect(press('c', { isComposing: true })).toBeUndefined();
    const field = document.createElement('textarea');
    expect(press('j', { target: field })).toBeUndefined();
    const text = document.createElement('input');
    expect(press('j', { target: text })).toBeUndefined();
    const box = document.createElement('input');
    box.type = 'checkbox';
    expect(press('j', { target: box })).toBe('next');
    expect(press('j', { target: document.createElement('button') })).toBe('next');
  });

  it('step through rows and stop at both ends', () => {
    const ids = ['a', 'b', 'c'];
    expect(stepTo(ids, undefined, 1)).toBe('a');
    expect(stepTo(ids, undefined, -1)).toBe('c');
    expect(stepTo(ids, 'b', 1)).toBe('c');
    expect(stepTo(ids, 'c', 1)).toBe('c');
    expect(stepTo(ids, 'a', -1)).toBe('a');
    expect(stepTo(ids, 'gone', 1)).toBe('a');
    expect(stepTo([], 'a', 1)).toBeUndefined();
  });
});

describe('a change', () => {
  const a = { id: '1', state: 'open', verdict: 'none' as const, assignee: 'ann' };
  const b = { id: '2', state: 'open', verdict: 'none' as const };
  const c = { id: '3', state: 'closed', verdict: 'benign' as const };

  it('shows at once what it will be', () => {
    expect(changed(a, { state: 'closed', verdict: 'benign' })).toEqual({
      ...a,
      state: 'closed',
      verdict: 'benign',
    });
    expect(changed(a, { assignee: '' }).assignee).toBeUndefined();
  });

  it('is taken back to what each was, those alike in one call', () => {
    expect(inverse([a, b, c], { state: 'closed', verdict: 'true_positive' })).toEqual([
      { ids: ['1', '2'], set: { state: 'open', verdict: 'none' } },
      { ids: ['3'], set: { state: 'closed', verdict: 'benign' } },
    ]);
    expect(inverse([a, b], { assignee: 'bob' })).toEqual([
      { ids: ['1'], set: { assignee: 'ann' } },
      { ids: ['2'], set: { assignee: '' } },
    ]);
  });
});

describe('the queue', () => {
  const wishes = {
    state: 'open',
    priorities: [],
    engines: [],
    verdict: '',
    assignee: '',
    me: 'an"na',
  };
  const said = (more: object) =>
    queueConditions({ ...wishes, ...more })
      .filter(Boolean)
      .join(' and ');

  it('says its wishes as a condition, names quoted', () => {
    expect(said({})).toBe('state = open');
    expect(said({ state: 'all' })).toBe('');
    expect(said({ assignee: 'me' })).toBe('state = open and assignee = "an\\"na"');
    expect(said({ assignee: 'none' })).toBe('state = open and not assignee exists');
    expect(said({ engines: ['rule', 'drift'], verdict: 'benign', state: 'closed' })).toBe(
      'state = closed and engine in (rule, drift) and verdict = benign',
    );
  });

  it('leads to the minutes of the recorder around what happened', () => {
    expect(recorderPath('abc', '2027-01-31T10:00:00Z')).toBe(
      '/recorder?container=abc&since=2027-01-31T09%3A59%3A00.000Z&until=2027-01-31T10%3A01%3A00.000Z',
    );
    expect(recorderPath(undefined, undefined)).toBe('/recorder?');
  });
});
