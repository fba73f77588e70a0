// Lanes of events over time: how many, where alerts are, what is missing. Dragging over it zooms;
// a click, or the arrow keys, choose the moment.
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { Alert, Event } from '../api/schema';
import { type Key, useI18n } from '../i18n';
import { count, parseTime } from '../lib/format';
import { brush, density, type Lane, lanes, type Range, ticks } from '../lib/recorder';
import { visible } from '../lib/text';
import { navigate, paths } from '../router';

const LANE = 34;
const TOP = 20; // alerts
const FOOT = 20;
const LABEL = 74;
const BIN = 5;

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    if (!box.current || typeof ResizeObserver === 'undefined') return;
    const o = new ResizeObserver(([e]) => e && setWidth(Math.max(220, e.contentRect.width)));
    o.observe(box.current);
    return () => o.disconnect();
  }, []);
  return { box, width };
}

function tickText(t: number, step: number, lang: string): string {
  const d = new Date(t);
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  if (step < 1000) return `${clock}.${String(d.getMilliseconds()).padStart(3, '0')}`;
  if (step < 60_000) return clock;
  if (step < 864e5) return clock.slice(0, 5);
  return d.toLocaleDateString(lang === 'zh' ? 'zh-CN' : 'en-GB', {
    day: 'numeric',
    month: 'short',
  });
}

interface Props {
  events: readonly Event[];
  range: Range;
  moment: number | undefined;
  alerts: readonly Alert[];
  gaps: readonly { from: string; to: string; events: number }[];
  off: ReadonlySet<Lane>;
  onRange: (r: Range) => void;
  onMoment: (t: number) => void;
}

export function Timeline(p: Props) {
  const { t, lang, maybe } = useI18n();
  const { box, width } = useWidth();
  const label = width < 520 ? 0 : LABEL;
  const w = width - label;
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const bins = Math.max(20, Math.floor(w / BIN));
  const d = useMemo(() => density(p.events, p.range, bins), [p.events, p.range, bins]);
  const most = Math.max(1, ...lanes.flatMap((l) => d[l]));
  const span = Math.max(1, p.range.to - p.range.from);
  const x = (time: number) => label + ((time - p.range.from) / span) * w;
  const inside = (time: number) => time >= p.range.from && time <= p.range.to;
  const marks = ticks(p.range, Math.max(2, Math.floor(w / 120)));
  const step = marks.length > 1 ? (marks[1] ?? 0) - (marks[0] ?? 0) : span;
  const height = TOP + lanes.length * LANE + FOOT;

  const place = (e: PointerEvent<SVGSVGElement>) =>
    e.clientX - e.currentTarget.getBoundingClientRect().left - label;
  const down = (e: PointerEvent<SVGSVGElement>) => {
    if (e.button !== 0 || (e.target as Element).closest('[data-alert]') || place(e) < 0) return;
    e.currentTarget.setPointerCapture(e.pointerId);
    setDrag({ from: place(e), to: place(e) });
  };
  const move = (e: PointerEvent<SVGSVGElement>) => {
    if (drag) setDrag({ ...drag, to: place(e) });
  };
  const up = (e: PointerEvent<SVGSVGElement>) => {
    if (!drag) return;
    setDrag(undefined);
    const r = brush(p.range, drag.from, place(e), w);
    if (r) p.onRange(r);
    else p.onMoment(p.range.from + (Math.min(Math.max(place(e), 0), w) / w) * span);
  };
  const key = (e: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    const at = (p.moment ?? p.range.to) + (by * span) / 100;
    p.onMoment(Math.min(Math.max(at, p.range.from), p.range.to));
  };

  return (
    <div
      ref={box}
      className="timeline"
      role="slider"
      tabIndex={0}
      aria-label={t('recorder.timeline')}
      aria-valuemin={Math.round(p.range.from)}
      aria-valuemax={Math.round(p.range.to)}
      aria-valuenow={Math.round(p.moment ?? p.range.to)}
      aria-valuetext={new Date(p.moment ?? p.range.to).toLocaleString()}
      onKeyDown={key}
    >
      <svg
        role="img"
        aria-label={t('recorder.drawing')}
        width={width}
        height={height}
        data-testid="timeline"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => setDrag(undefined)}
      >
        <defs>
          <pattern
            id="gap"
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <rect width="6" height="6" className="tl-gap-back" />
            <rect width="2" height="6" className="tl-gap-line" />
          </pattern>
        </defs>
        {marks.map((m) => (
          <g key={m} className="tl-tick">
            <line x1={x(m)} x2={x(m)} y1={TOP} y2={height - FOOT} />
            <text
              x={x(m)}
              y={height - 6}
              textAnchor={x(m) > width - 40 ? 'end' : x(m) < 40 ? 'start' : 'middle'}
            >
              {tickText(m, step, lang)}
            </text>
          </g>
        ))}
        {lanes.map((lane, i) => {
          const base = TOP + (i + 1) * LANE;
          const dim = p.off.has(lane);
          return (
            <g key={lane} className={`tl-lane tl-${lane} ${dim ? 'tl-off' : ''}`}>
              <line x1={label} x2={width} y1={base} y2={base} />
              {d[lane].map((n, k) =>
                n ? (
                  <rect
                    // biome-ignore lint/suspicious/noArrayIndexKey: the part of the time it stands for
                    key={k}
                    x={label + (k * w) / bins}
                    width={Math.max(1, w / bins - 1)}
                    y={base - Math.max(2, (LANE - 6) * (Math.log1p(n) / Math.log1p(most)))}
                    height={Math.max(2, (LANE - 6) * (Math.log1p(n) / Math.log1p(most)))}
                  >
                    <title>{`${t(`lane.${lane}` as Key)}: ${count(n, lang)}`}</title>
                  </rect>
                ) : null,
              )}
              {label > 0 && (
                <text x={0} y={base - 8} className="tl-label">
                  {t(`lane.${lane}` as Key)}
                </text>
              )}
            </g>
          );
        })}
        {p.gaps.map((g) => {
          const a = Math.max(parseTime(g.from) ?? 0, p.range.from);
          const b = Math.min(parseTime(g.to) ?? 0, p.range.to);
          if (b < a) return null;
          return (
            <rect
              key={g.from + g.to}
              fill="url(#gap)"
              x={x(a)}
              width={Math.max(3, x(b) - x(a))}
              y={TOP}
              height={lanes.length * LANE}
            >
              <title>{t('recorder.gap', { n: g.events })}</title>
            </rect>
          );
        })}
        {p.moment !== undefined && inside(p.moment) && (
          <line
            className="tl-moment"
            x1={x(p.moment)}
            x2={x(p.moment)}
            y1={TOP - 6}
            y2={height - FOOT}
          />
        )}
        {p.alerts.map((a) => {
          const at = parseTime(a.time) ?? 0;
          if (!inside(at)) return null;
          return (
            <a
              key={a.id}
              href={paths.alert(a.id)}
              data-alert={a.id}
              className={`tl-alert prio-${a.priority}`}
              onClick={(e) => {
                e.preventDefault();
                navigate(paths.alert(a.id));
              }}
            >
              <line x1={x(at)} x2={x(at)} y1={TOP} y2={height - FOOT} />
              <path d={`M${x(at) - 5} 4h10v8l-5 6l-5 -6z`} />
              <title>
                {visible(`${maybe(`priority.${a.priority}`) ?? a.priority}: ${a.rule ?? ''}`, 200)}
              </title>
            </a>
          );
        })}
        {drag && (
          <rect
            className="tl-brush"
            x={label + Math.min(drag.from, drag.to)}
            width={Math.abs(drag.to - drag.from)}
            y={TOP}
            height={lanes.length * LANE}
          />
        )}
      </svg>
    </div>
  );
}
