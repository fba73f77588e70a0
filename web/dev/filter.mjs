// A small part of the expression language, enough for the mock console of development.

const TOKEN = /\s+|"((?:\\.|[^"\\])*)"|\(|\)|,|==|!=|<=|>=|=|<|>|[^\s()",=<>!]+|./g;

const at = (object, path) => path.split('.').reduce((v, k) => v?.[k], object);
const order = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'informational',
  'debug',
]; // prettier-ignore

const tests = {
  '=': (a, b) => String(a ?? '') === b,
  '!=': (a, b) => String(a ?? '') !== b,
  '>=': (a, b) => compare(a, b) >= 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '<': (a, b) => compare(a, b) < 0,
  contains: (a, b) => String(a ?? '').includes(b),
  icontains: (a, b) =>
    String(a ?? '')
      .toLowerCase()
      .includes(b.toLowerCase()), // prettier-ignore
  startswith: (a, b) => String(a ?? '').startsWith(b),
  endswith: (a, b) => String(a ?? '').endsWith(b),
};

export function compare(a, b) {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === 'number') return a - Number(b);
  const [pa, pb] = [order.indexOf(a), order.indexOf(String(b))];
  if (pa >= 0 && pb >= 0) return pa - pb;
  const [ta, tb] = [Date.parse(a), Date.parse(b)];
  if (/^\d{4}-/.test(a) && !Number.isNaN(ta) && !Number.isNaN(tb)) return ta - tb;
  return String(a).localeCompare(String(b));
}

export class FilterError extends Error {}

export function compile(text, fields) {
  const tokens = [];
  for (const m of text.matchAll(TOKEN)) {
    if (/^\s/.test(m[0])) continue;
    tokens.push({
      text: m[1] === undefined ? m[0] : m[1].replace(/\\(.)/g, '$1'),
      quoted: m[1] !== undefined,
      col: m.index + 1,
    });
  }
  let i = 0;
  const fail = (what) => {
    const col = tokens[i]?.col ?? text.length + 1;
    throw new FilterError(`filter:1:${col}: ${what}\n  ${text}\n  ${' '.repeat(col - 1)}^`);
  };
  const is = (t) => tokens[i]?.text === t && !tokens[i].quoted;
  const eat = (t) => is(t) && ++i;

  const any = () => {
    let left = all();
    while (eat('or')) {
      const [a, b] = [left, all()];
      left = (o) => a(o) || b(o);
    }
    return left;
  };
  const all = () => {
    let left = one();
    while (eat('and')) {
      const [a, b] = [left, one()];
      left = (o) => a(o) && b(o);
    }
    return left;
  };
  const one = () => {
    if (eat('not')) {
      const a = one();
      return (o) => !a(o);
    }
    if (eat('(')) {
      const a = any();
      if (!eat(')')) fail('a closing parenthesis is missing');
      return a;
    }
    const field = tokens[i]?.text;
    if (!field) fail('a field is missing');
    if (!fields.includes(field)) fail(`unknown field "${field}"`);
    i++;
    const op = tokens[i]?.text;
    if (eat('exists')) return (o) => at(o, field) !== undefined;
    if (is('in') || is('intersects')) {
      i++;
      if (!eat('(')) fail('a list in parentheses is missing');
      const list = [];
      while (i < tokens.length && !is(')')) {
        list.push(tokens[i++].text);
        eat(',');
      }
      if (!eat(')')) fail('a closing parenthesis is missing');
      return (o) => [at(o, field)].flat().some((v) => list.includes(String(v)));
    }
    const test = tests[op === '==' ? '=' : op];
    if (!test) fail(op ? `unknown operator "${op}"` : 'an operator is missing');
    i++;
    const value = tokens[i]?.text;
    if (value === undefined) fail('a value is missing');
    i++;
    return (o) => test(at(o, field), value);
  };

  if (!tokens.length) return () => true;
  const whole = any();
  if (i < tokens.length) fail(`"and" or "or" is missing before "${tokens[i].text}"`);
  return whole;
}
