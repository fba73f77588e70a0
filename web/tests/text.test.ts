import { describe, expect, it } from 'vitest';
import { allOf, pieces, quote, shortId, visible } from '../src/lib/text';

describe('text from outside', () => {
  it('shows control characters and terminal escapes by number', () => {
    expect(visible('a\u001b[31mb\u0007')).toBe('a\\x1b[31mb\\x07');
    expect(visible('one\r\ntwo')).toBe('one\\x0d\ntwo');
  });

  it('shows direction overrides and invisible characters by number', () => {
    expect(visible('exe.\u202egnp')).toBe('exe.\\u202egnp');
    expect(visible('a\u200bb\ufeffc\u2066d')).toBe('a\\u200bb\\ufeffc\\u2066d');
    expect(visible('x\u{e0041}y')).toBe('x\\u{e0041}y');
  });

  it('shows half characters by number and leaves whole ones alone', () => {
    expect(visible('\ud83d')).toBe('\\ud83d');
    expect(visible('🐝 订单服务 é\tend')).toBe('🐝 订单服务 é\tend');
  });

  it('marks what was escaped, so that it cannot be mistaken for text', () => {
    expect(pieces('a\u0000b')).toEqual([
      { text: 'a', escaped: false },
      { text: '\\x00', escaped: true },
      { text: 'b', escaped: false },
    ]);
  });

  it('cuts what is too long', () => {
    expect(visible('x'.repeat(50), 10)).toBe(`${'x'.repeat(10)}…`);
  });
});

describe('expressions made from text', () => {
  it('cannot be left by quotes or backslashes inside', () => {
    expect(quote('a" or true = "')).toBe('"a\\" or true = \\""');
    expect(quote('end\\')).toBe('"end\\\\"');
  });

  it('join their parts with parentheses only when there are several', () => {
    expect(allOf(undefined, ' a = 1 ', '')).toBe('a = 1');
    expect(allOf('a = 1 or b = 2', 'c = 3')).toBe('(a = 1 or b = 2) and (c = 3)');
    expect(allOf('', undefined)).toBe('');
  });
});

it('ids are cut to what people compare', () => {
  expect(shortId(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});
