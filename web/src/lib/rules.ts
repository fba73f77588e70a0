// Rules as text: where an error is, what the words of a condition are, how a file is sent to be
// tried.

export interface RuleError {
  file: string;
  line: number;
  col: number;
  message: string; // the first line, without the place
}

/** "console/my.yaml:14:27: unknown field …" with more lines below; undefined: no place in it. */
export function ruleError(text: string): RuleError | undefined {
  const m = /^(.+?):(\d+):(\d+): ([^\n]*)/.exec(text);
  if (!m) return undefined;
  return { file: m[1] ?? '', line: Number(m[2]), col: Number(m[3]), message: m[4] ?? '' };
}

/** Is the error in the file that the console calls by this name? */
export const errorIsIn = (e: RuleError, name: string) =>
  e.file === `console/${name}` || e.file === 'console/trial.yaml' || e.file === name;

export type WordType = 'keyword' | 'operator' | 'text' | 'number' | 'field' | 'name' | 'plain';
export interface Word {
  text: string;
  type: WordType;
}

const keywords = new Set(['and', 'or', 'not', 'exists', 'true', 'false']);
const operators = new Set(
  'in intersects pmatch contains icontains bcontains startswith bstartswith endswith glob iglob regex'.split(
    ' ',
  ),
);

/** A condition in the words that it is made of, all of its text kept. */
export function words(text: string): Word[] {
  const out: Word[] = [];
  const pattern =
    /("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|([A-Za-z_][\w.\-/[\]]*)|(\d[\w.]*)|(!=|<=|>=|[=<>])|(\s+|.)/gs;
  for (const m of text.matchAll(pattern)) {
    const [all, quoted, word, number, sign] = m;
    let type: WordType = 'plain';
    if (quoted) type = 'text';
    else if (number) type = 'number';
    else if (sign) type = 'operator';
    else if (word) {
      if (keywords.has(word)) type = 'keyword';
      else if (operators.has(word)) type = 'operator';
      else type = /^[a-z0-9_]+\.[a-z0-9_.[\]]+$/i.test(word) ? 'field' : 'name';
    }
    const last = out.at(-1);
    if (last?.type === 'plain' && type === 'plain') last.text += all;
    else out.push({ text: all, type });
  }
  return out;
}

const PART = 3900; // bytes: a param of an action holds 4096
const PARTS_MAX = 60;

/** The text of a rule file as params of an action; undefined: it is too long. */
export function ruleParams(text: string): string[] | undefined {
  const encoder = new TextEncoder();
  const out: string[] = [];
  let part = '';
  let bytes = 0;
  for (const c of text) {
    const n = encoder.encode(c).length;
    if (bytes + n > PART) {
      out.push(`rules=${part}`);
      part = '';
      bytes = 0;
    }
    part += c;
    bytes += n;
  }
  if (part) out.push(`rules=${part}`);
  return out.length <= PARTS_MAX ? out : undefined;
}
