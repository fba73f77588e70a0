// What two texts have not in common, line by line.

export interface DiffLine {
  sign: '+' | '-' | ' ';
  text: string;
}

const CELLS_MAX = 6_000_000;

/** All lines of both in order; the longest common sequence stays. Texts that are too different for
 * their size are told as one block gone and one come. */
export function diffLines(from: string, to: string): DiffLine[] {
  const a = from.split('\n');
  const b = to.split('\n');
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail++;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  const same = (lines: string[]): DiffLine[] => lines.map((text) => ({ sign: ' ', text }));
  return [...same(a.slice(0, head)), ...middle(x, y), ...same(a.slice(a.length - tail))];
}

function middle(x: string[], y: string[]): DiffLine[] {
  const gone = (v: string[]): DiffLine[] => v.map((text) => ({ sign: '-', text }));
  const come = (v: string[]): DiffLine[] => v.map((text) => ({ sign: '+', text }));
  if (!x.length || !y.length || x.length * y.length > CELLS_MAX) return [...gone(x), ...come(y)];
  const w = y.length + 1;
  const table = new Uint16Array((x.length + 1) * w);
  const at = (i: number, k: number) => table[i * w + k] ?? 0;
  for (let i = x.length - 1; i >= 0; i--)
    for (let k = y.length - 1; k >= 0; k--)
      table[i * w + k] =
        x[i] === y[k] ? at(i + 1, k + 1) + 1 : Math.max(at(i + 1, k), at(i, k + 1));
  const out: DiffLine[] = [];
  let i = 0;
  let k = 0;
  while (i < x.length && k < y.length) {
    if (x[i] === y[k]) {
      out.push({ sign: ' ', text: x[i] ?? '' });
      i++;
      k++;
    } else if (at(i + 1, k) >= at(i, k + 1)) out.push({ sign: '-', text: x[i++] ?? '' });
    else out.push({ sign: '+', text: y[k++] ?? '' });
  }
  return [...out, ...gone(x.slice(i)), ...come(y.slice(k))];
}

/** The changed lines with a few around them; null: lines are left out here. */
export function hunks(lines: DiffLine[], around = 3): (DiffLine | null)[] {
  const near = new Set<number>();
  lines.forEach((l, i) => {
    if (l.sign === ' ') return;
    for (let k = i - around; k <= i + around; k++) near.add(k);
  });
  const out: (DiffLine | null)[] = [];
  lines.forEach((l, i) => {
    if (near.has(i)) out.push(l);
    else if (out.length === 0 || out.at(-1) !== null) out.push(null);
  });
  if (out.length === 1 && out[0] === null) return [];
  return out;
}
