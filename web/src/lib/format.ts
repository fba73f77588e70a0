export type Lang = 'en' | 'zh';

const locale: Record<Lang, string> = { en: 'en-GB', zh: 'zh-CN' };
const memo = new Map<string, Intl.DateTimeFormat>();

function dates(lang: Lang, name: string, options: Intl.DateTimeFormatOptions) {
  const key = `${lang}.${name}`;
  let f = memo.get(key);
  if (!f) {
    f = new Intl.DateTimeFormat(locale[lang], { hourCycle: 'h23', ...options });
    memo.set(key, f);
  }
  return f;
}

export function parseTime(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export function fullTime(ms: number, lang: Lang): string {
  return dates(lang, 'full', {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(ms);
}

/** The clock when it is today, else with the day. */
export function clockTime(ms: number, lang: Lang, now = Date.now()): string {
  const clock = dates(lang, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const d = new Date(ms);
  const n = new Date(now);
  if (d.toDateString() === n.toDateString()) return clock.format(ms);
  const withYear = d.getFullYear() !== n.getFullYear();
  const day = dates(lang, withYear ? 'dayYear' : 'day', {
    month: 'short',
    day: 'numeric',
    ...(withYear ? { year: 'numeric' } : {}),
  });
  return `${day.format(ms)} ${clock.format(ms)}`;
}

export function hourOf(ms: number, lang: Lang): string {
  return dates(lang, 'hour', { hour: '2-digit', minute: '2-digit' }).format(ms);
}

const steps: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [365, 'day'],
  [Number.POSITIVE_INFINITY, 'year'],
];

export function ago(ms: number, lang: Lang, now = Date.now()): string {
  let n = (ms - now) / 1000;
  const f = new Intl.RelativeTimeFormat(locale[lang], { numeric: 'auto', style: 'short' });
  for (const [size, unit] of steps) {
    if (Math.abs(n) < size || unit === 'year') return f.format(Math.round(n), unit);
    n /= size;
  }
  return '';
}

/** How long something took or runs: "850 ms", "12 s", "3 min", "5 h 12 min", "9 d". */
export function duration(ms: number, lang: Lang): string {
  const u = lang === 'zh' ? ['毫秒', '秒', '分', '小时', '天'] : ['ms', 's', 'min', 'h', 'd'];
  if (ms < 0) return '';
  if (ms < 1000) return `${Math.round(ms)} ${u[0]}`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} ${u[1]}`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} ${u[2]}`;
  const h = Math.floor(m / 60);
  if (h < 48) return m % 60 ? `${h} ${u[3]} ${m % 60} ${u[2]}` : `${h} ${u[3]}`;
  return `${Math.floor(h / 24)} ${u[4]}`;
}

export function count(n: number, lang: Lang): string {
  return new Intl.NumberFormat(locale[lang]).format(n);
}

export function compact(n: number, lang: Lang): string {
  if (Math.abs(n) < 10000) return count(n, lang);
  return new Intl.NumberFormat(lang, {
    notation: 'compact',
    maximumFractionDigits: 1,
  }).format(n);
}

export function bytes(n: number, lang: Lang): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let v = n;
  let i = 0;
  while (v >= 1024 && i < units.length - 1) {
    v /= 1024;
    i++;
  }
  const digits = i === 0 || v >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(locale[lang], { maximumFractionDigits: digits }).format(v)} ${units[i]}`;
}
