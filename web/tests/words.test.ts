import { describe, expect, it } from 'vitest';
import { catalogues, fill } from '../src/i18n';
import { techniqueHref, techniqueName } from '../src/lib/attack';
import { ago, bytes, duration } from '../src/lib/format';
import { rangeCondition } from '../src/pages/Alerts';
import { tokenOf } from '../src/pages/SignIn';
import { match } from '../src/router';

describe('catalogues', () => {
  const names = (s: string) => [...s.matchAll(/\{(\w+)/g)].map((m) => m[1]).sort();

  it('have the same keys and parameters in both languages', () => {
    const { en, zh } = catalogues;
    expect(Object.keys(zh)).toEqual(Object.keys(en));
    for (const [k, v] of Object.entries(en))
      expect(names(zh[k as keyof typeof zh]), k).toEqual(names(v));
  });

  it('choose between one and many', () => {
    expect(fill('{n|alert|alerts} left', 'en', { n: 1 })).toBe('1 alert left');
    expect(fill('{n|alert|alerts} left', 'en', { n: 1200 })).toBe('1,200 alerts left');
    expect(fill('还有 {n} 条', 'zh', { n: 2 })).toBe('还有 2 条');
  });

  it('put parameters in as they are, without reading them again', () => {
    expect(fill('Delete “{name}”?', 'en', { name: '{n|a|b} $& <b>' })).toBe(
      'Delete “{n|a|b} $& <b>”?',
    );
  });
});

describe('amounts', () => {
  it('are in units that people read', () => {
    expect(bytes(1536, 'en')).toBe('1.5 KiB');
    expect(bytes(0, 'en')).toBe('0 B');
    expect(duration(850, 'en')).toBe('850 ms');
    expect(duration(3_720_000, 'en')).toBe('1 h 2 min');
    expect(duration(90_000, 'zh')).toBe('1 分');
    expect(ago(0, 'en', 180_000)).toBe('3 min ago');
  });
});

describe('addresses', () => {
  it('give their named parts back decoded', () => {
    expect(match('/hosts/:id', '/hosts/a%2Fb%20c')).toEqual({ id: 'a/b c' });
    expect(match('/hosts/:id', '/hosts/')).toBeUndefined();
    expect(match('/hosts/:id', '/hosts/%E0%A4%A')).toBeUndefined();
    expect(match('/alerts', '/alerts/')).toEqual({});
  });

  it('of the first start carry the token in either form', () => {
    expect(tokenOf('#token=abc-1')).toBe('abc-1');
    expect(tokenOf('#abc-1')).toBe('abc-1');
    expect(tokenOf('')).toBe('');
    expect(tokenOf('#other=1')).toBe('');
  });
});

describe('time ranges', () => {
  it('become conditions that move with the minute', () => {
    const now = Date.parse('2026-05-01T10:00:59Z');
    expect(rangeCondition('1h', now)).toBe('time >= "2026-05-01T09:00:00.000Z"');
    expect(rangeCondition('2026-01-01T00:00:00Z~2026-01-02T00:00:00Z', now)).toBe(
      'time >= "2026-01-01T00:00:00.000Z" and time <= "2026-01-02T00:00:00.000Z"',
    );
  });

  it('of nonsense are none', () => {
    expect(rangeCondition('x" or true~', 0)).toBeUndefined();
    expect(rangeCondition('constructor', 0)).toBeUndefined();
  });
});

describe('techniques', () => {
  it('have a page only when the text is an id', () => {
    expect(techniqueHref('T1003.008')).toBe('https://attack.mitre.org/techniques/T1003/008/');
    expect(techniqueHref('T1003.008/../x')).toBeUndefined();
    expect(techniqueHref('javascript:alert(1)')).toBeUndefined();
    expect(techniqueName('T1611', 'zh')).toBe('逃逸到主机');
    expect(techniqueName('constructor', 'en')).toBeUndefined();
  });
});
