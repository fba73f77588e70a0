// Completion of the filter: what may stand at the caret of an expression.

import { visible } from './text';

export interface Suggestion {
  text: string; // what is put in
  label: string;
  detail?: string;
}
export interface Completion {
  from: number; // the part of the text that is replaced
  to: number;
  suggestions: Suggestion[];
}
export interface KnownField {
  name: string;
  type: string;
  doc?: string;
  values?: readonly string[];
}

interface Token {
  kind: 'word' | 'text' | 'op' | 'open' | 'close' | 'comma';
  text: string;
  from: number;
  to: number;
}

const TOKEN =
  /\s+|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\(|\)|,|==|!=|<=|>=|=|<|>|[^\s()",'=<>!]+|./g;
const WORD_OPS = new Set([
  'in',
  'intersects',
  'pmatch',
  'contains',
  'icontains',
  'bcontains',
  'startswith',
  'bstartswith',
  'endswith',
  'glob',
  'iglob',
  'regex',
  'exists',
]); // prettier-ignore

export function tokens(text: string): Token[] {
  const out: Token[] = [];
  for (const m of text.matchAll(TOKEN)) {
    const s = m[0];
    if (/^\s/.test(s)) continue;
    let kind: Token['kind'] = 'word';
    if (s === '(') kind = 'open';
    else if (s === ')') kind = 'close';
    else if (s === ',') kind = 'comma';
    else if (/^["']/.test(s)) kind = 'text';
    else if (/^[=<>!]/.test(s) || WORD_OPS.has(s)) kind = 'op';
    out.push({ kind, text: s, from: m.index, to: m.index + s.length });
  }
  return out;
}

type Expect = 'field' | 'operator' | 'value' | 'join';

interface Where {
  expect: Expect;
  field: string | undefined;
  inList: boolean;
}

function step(w: Where, t: Token): Where {
  if (w.expect === 'value' && t.kind === 'open') return { ...w, inList: true };
  if (w.inList) {
    if (t.kind === 'close') return { expect: 'join', field: undefined, inList: false };
    return { ...w, expect: t.kind === 'comma' ? 'value' : w.expect };
  }
  if (w.expect === 'field') {
    if (t.kind === 'open' || t.text === 'not') return w;
    return t.kind === 'word' ? { ...w, expect: 'operator', field: t.text } : w;
  }
  if (w.expect === 'operator') {
    if (t.kind === 'op')
      return t.text === 'exists' ? { ...w, expect: 'join' } : { ...w, expect: 'value' };
    if (t.text === 'and' || t.text === 'or') return { ...w, expect: 'field', field: undefined };
    return t.kind === 'close' ? { ...w, expect: 'join' } : w;
  }
  if (w.expect === 'value') return { ...w, expect: 'join' };
  return t.text === 'and' || t.text === 'or' ? { ...w, expect: 'field', field: undefined } : w;
}

function operators(type: string): string[] {
  if (type === 'bool') return ['='];
  if (type === 'number' || type === 'time') return ['=', '!=', '<', '<=', '>', '>=', 'in'];
  if (type === 'enum') return ['=', '!=', 'in'];
  if (type === 'ip') return ['=', '!=', 'in', 'exists'];
  if (type === 'texts') return ['intersects', 'in', 'contains', 'exists'];
  return ['=', '!=', 'contains', 'icontains', 'startswith', 'endswith', 'glob', 'in', 'exists'];
}

function ranked(word: string, list: Suggestion[], max: number): Suggestion[] {
  const w = word.toLowerCase();
  if (!w) return list.slice(0, max);
  const score = (s: Suggestion) => {
    const l = s.label.toLowerCase();
    if (l.startsWith(w)) return 0;
    if (l.includes(`.${w}`) || l.includes(`_${w}`)) return 1;
    return l.includes(w) ? 2 : 9;
  };
  return list
    .map((s) => ({ s, n: score(s) }))
    .filter((x) => x.n < 9 && x.s.label !== word)
    .sort((a, b) => a.n - b.n || a.s.label.length - b.s.label.length)
    .slice(0, max)
    .map((x) => x.s);
}

export function complete(
  text: string,
  caret: number,
  fields: readonly KnownField[],
  max = 12,
): Completion {
  const all = tokens(text.slice(0, caret));
  const last = all.at(-1);
  const touching = last && last.to === caret && /[^\s(),]$/.test(last.text) ? last : undefined;
  let where: Where = { expect: 'field', field: undefined, inList: false };
  for (const t of touching ? all.slice(0, -1) : all) where = step(where, t);
  const from = touching?.from ?? caret;
  const word = touching?.text ?? '';
  const field = fields.find((f) => f.name === where.field);

  let list: Suggestion[] = [];
  if (where.expect === 'field') {
    list = fields.map((f) => ({ text: `${f.name} `, label: f.name, detail: f.doc || f.type }));
  } else if (where.expect === 'operator') {
    list = operators(field?.type ?? 'text').map((o) => ({
      text: o === 'in' || o === 'intersects' ? `${o} (` : `${o} `,
      label: o,
    }));
  } else if (where.expect === 'value') {
    const values = field?.type === 'bool' ? ['true', 'false'] : (field?.values ?? []);
    list = values.map((v) => ({ text: where.inList ? v : `${v} `, label: visible(v) }));
  } else {
    list = [
      { text: 'and ', label: 'and' },
      { text: 'or ', label: 'or' },
    ];
  }
  return { from, to: caret, suggestions: ranked(word, list, max) };
}
