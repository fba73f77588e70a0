import { describe, expect, it } from 'vitest';
import { complete, type KnownField, tokens } from '../src/lib/complete';

const fields: KnownField[] = [
  { name: 'rule', type: 'text', doc: 'Rule that raised it' },
  { name: 'priority', type: 'enum', values: ['emergency', 'alert', 'critical'] },
  { name: 'time', type: 'time' },
  { name: 'proc.name', type: 'text' },
  { name: 'proc.cmdline', type: 'text' },
  { name: 'container.privileged', type: 'bool' },
];
const labels = (text: string, caret = text.length) =>
  complete(text, caret, fields).suggestions.map((s) => s.label);

describe('completion of a filter', () => {
  it('begins with fields', () => {
    expect(labels('')).toEqual(fields.map((f) => f.name));
    expect(labels('pr')[0]).toBe('priority');
    expect(labels('name')).toEqual(['proc.name']);
  });

  it('offers operators that fit the type', () => {
    expect(labels('time ')).toContain('>=');
    expect(labels('time ')).not.toContain('contains');
    expect(labels('proc.name star')).toEqual(['startswith']);
    expect(labels('container.privileged ')).toEqual(['=']);
  });

  it('offers the values of enumerations and truth values, also inside lists', () => {
    expect(labels('priority = ')).toEqual(['emergency', 'alert', 'critical']);
    expect(labels('priority in (alert, cr')).toEqual(['critical']);
    expect(labels('container.privileged = ')).toEqual(['true', 'false']);
    expect(labels('proc.name = ')).toEqual([]);
  });

  it('joins conditions and begins anew after that', () => {
    expect(labels('rule = "a b" ')).toEqual(['and', 'or']);
    expect(labels('priority in (alert) ')).toEqual(['and', 'or']);
    expect(labels('rule exists and pr')[0]).toBe('priority');
    expect(labels('(rule = x or not pro')[0]).toBe('proc.name');
  });

  it('replaces the word at the caret and keeps what follows', () => {
    const text = 'pro = sh and rule = x';
    const c = complete(text, 3, fields);
    expect([c.from, c.to]).toEqual([0, 3]);
    expect(c.suggestions[0]?.text).toBe('proc.name ');
  });

  it('takes quoted text as one token, also when its end is missing', () => {
    expect(tokens('a = "b \\" and c').map((t) => t.kind)).toEqual(['word', 'op', 'text']);
  });
});
