// Text from containers is hostile: it may carry terminal escapes, direction overrides or invisible
// characters made to mislead the reader. Such characters are shown by their number, never obeyed.

const UNSAFE = new RegExp(
  [
    // control characters, but for tab and line feed
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad]',
    // direction marks and overrides, line and paragraph separators
    '[\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f]',
    // what shows nothing: fillers, joiners, selectors, byte order marks
    '[\\u115f\\u1160\\u180e\\u200b\\u2060-\\u2065\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb]',
    '\\u034f|\\u17b4|\\u17b5|[\\ufe00-\\ufe0e]',
    // halves of characters, tags and variation selectors of the last plane
    '[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]',
    '\\udb40[\\udc00-\\udfff]',
  ].join('|'),
  'g',
);

export interface Piece {
  text: string;
  escaped: boolean;
}

function escapeOne(c: string): string {
  const code = c.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\u${code > 0xffff ? `{${code.toString(16)}}` : code.toString(16).padStart(4, '0')}`;
}

/** Splits text into pieces to be shown as they are and escapes of what must not be obeyed. */
export function pieces(text: string, max = 20000): Piece[] {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  const out: Piece[] = [];
  let from = 0;
  for (const m of cut.matchAll(UNSAFE)) {
    if (m.index > from) out.push({ text: cut.slice(from, m.index), escaped: false });
    out.push({ text: escapeOne(m[0]), escaped: true });
    from = m.index + m[0].length;
  }
  if (from < cut.length) out.push({ text: cut.slice(from), escaped: false });
  return out;
}

/** The same as one string, for titles and attributes. */
export function visible(text: string, max = 2000): string {
  return pieces(text, max)
    .map((p) => p.text)
    .join('');
}

/** A value inside an expression: always quoted, so that no text can end it. */
export function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

export function allOf(...parts: (string | undefined)[]): string {
  const given = parts.map((p) => p?.trim()).filter((p): p is string => !!p);
  if (given.length < 2) return given[0] ?? '';
  return given.map((p) => `(${p})`).join(' and ');
}

export function shortId(id: string): string {
  const bare = id.startsWith('sha256:') ? id.slice(7) : id;
  return bare.length > 12 ? bare.slice(0, 12) : bare;
}
