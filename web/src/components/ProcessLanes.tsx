// The processes of an incident as a tree over time: a bar from start to end, a mark at each step.
import { useEffect, useMemo, useState } from 'react';
import { type ApiError, get, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Incident, Process, Story } from '../api/schema';
import { asApiError, useThrottled } from '../api/use';
import { useI18n } from '../i18n';
import { clockTime, duration, parseTime } from '../lib/format';
import { axisTicks, buildLanes, type Lane } from '../lib/lanes';
import { quote, visible } from '../lib/text';
import { navigate, paths } from '../router';
import { useNarrow } from '../theme';
import { Failed, Nothing, Text, Waiting } from './bits';

const CONTAINERS_MAX = 4;
const LOAD_MAX = 400;
const IDS_MAX = 60;

/** Those of its containers, and those its steps name: some are of the host. */
async function load(i: Incident): Promise<Process[]> {
  const named = [...new Set((i.story ?? []).map((s) => s.process_id ?? '').filter(Boolean))];
  const filters = (i.containers ?? [])
    .slice(0, CONTAINERS_MAX)
    .map((c) => `container_id = ${quote(c)}`);
  if (named.length) filters.push(`id in (${named.slice(0, IDS_MAX).map(quote).join(', ')})`);
  const pages = await Promise.all(
    filters.map((filter) =>
      get<Page<Process>>(listPath('processes', { filter, sort: '-start_time', limit: LOAD_MAX })),
    ),
  );
  const all = new Map<string, Process>();
  for (const p of pages) for (const x of p.items) all.set(x.id, x);
  return [...all.values()];
}

function useIncidentProcesses(i: Incident) {
  const [processes, setProcesses] = useState<Process[]>();
  const [error, setError] = useState<ApiError>();
  const key = `${i.id} ${i.containers?.join()} ${i.story?.length}`;
  const [again, setAgain] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: loads again for another incident or step
  useEffect(() => {
    let dropped = false;
    load(i)
      .then((all) => {
        if (dropped) return;
        setProcesses(all);
        setError(undefined);
      })
      .catch((e) => !dropped && setError(asApiError(e)));
    return () => {
      dropped = true;
    };
  }, [key, again]);
  const reload = useThrottled(() => setAgain((n) => n + 1), 3000);
  useLive(
    ['process'],
    (batch) => batch.some((b) => i.containers?.includes(String(b.data.container_id))) && reload(),
    reload,
  );
  return { processes, error, reload };
}

const ROW = 24;
const stepTitle = (s: Story) => visible([s.rule, s.text].filter(Boolean).join(': '), 300);

function Bars({ lanes, ticks, width }: { lanes: Lane[]; ticks: number[]; width: number }) {
  const height = lanes.length * ROW;
  return (
    <svg className="lanes-svg" width={width} height={height} role="img" aria-hidden="true">
      {ticks.map((x) => (
        <line key={x} x1={x * width} x2={x * width} y1={0} y2={height} className="grid" />
      ))}
      {lanes.map((l, row) => {
        const y = row * ROW;
        const x = l.from * width;
        const w = Math.max(3, (l.to - l.from) * width);
        return (
          <g key={l.process.id} className={l.steps.length ? 'lane told' : 'lane'}>
            <rect x={0} y={y} width={width} height={ROW} className="lane-hit" />
            <rect x={x} y={y + 8} width={w} height={8} rx={2} className="lane-bar" />
            {l.early && <path d={`M${x + 6} ${y + 8}h-6l4 4-4 4h6z`} className="lane-cut" />}
            {l.open && <path d={`M${x + w - 4} ${y + 6} l6 6 -6 6z`} className="lane-bar" />}
          </g>
        );
      })}
    </svg>
  );
}

function LaneName({ l }: { l: Lane }) {
  const { t } = useI18n();
  const p = l.process;
  return (
    <span className="lane-name" style={{ paddingLeft: Math.min(l.depth, 10) * 12 }}>
      {l.depth > 0 && <i className="lane-elbow" aria-hidden="true" />}
      <b className="mono" title={visible(p.cmdline ?? p.name ?? '', 600)}>
        <Text value={p.name || p.exe} max={40} />
      </b>
      <span className="num dim">{p.pid}</span>
      {l.folded > 0 && (
        <span className="dim num" title={t('tree.folded', { n: l.folded })}>
          +{l.folded}
        </span>
      )}
      <span className="line dim mono">
        <Text value={p.cmdline} max={200} />
      </span>
    </span>
  );
}

/** Wide enough for its bars, whatever the page is. */
function useWidth(): [(e: HTMLElement | null) => void, number] {
  const [box, setBox] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    if (!box) return;
    const measure = () => setWidth(Math.max(160, box.clientWidth));
    measure();
    if (typeof ResizeObserver === 'undefined') return;
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    return () => watch.disconnect();
  }, [box]);
  return [setBox, width];
}

export function ProcessLanes({ incident }: { incident: Incident }) {
  const { t, lang } = useI18n();
  const narrow = useNarrow();
  const { processes, error, reload } = useIncidentProcesses(incident);
  const [box, width] = useWidth();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  const drawn = useMemo(
    () => processes && buildLanes(processes, incident.story ?? [], now, narrow ? 40 : 80),
    [processes, incident.story, now, narrow],
  );
  if (error) return <Failed error={error} retry={reload} />;
  if (!processes) return <Waiting rows={6} />;
  if (!drawn?.lanes.length) return <Nothing title={t('lanes.none')} hint={t('lanes.noneHint')} />;
  const { from, to, lanes, left } = drawn;
  const ticks = axisTicks(from, to, narrow ? 3 : 7);
  const share = (ms: number) => (ms - from) / (to - from);
  return (
    <div className="lanes" data-testid="process-lanes">
      <div className="lanes-names">
        <div className="lanes-axis dim">{t('tree.process')}</div>
        {lanes.map((l) => (
          <LaneName key={l.process.id} l={l} />
        ))}
      </div>
      <div className="lanes-time" ref={box}>
        <div className="lanes-axis num dim">
          {ticks.map((at) => (
            <span key={at} style={{ left: `${share(at) * 100}%` }}>
              {clockTime(at, lang)}
            </span>
          ))}
        </div>
        <div className="lanes-plot" style={{ height: lanes.length * ROW }}>
          <Bars lanes={lanes} ticks={ticks.map(share)} width={width} />
          {lanes.map((l, row) => {
            const start = parseTime(l.process.start_time);
            const end = parseTime(l.process.exit_time);
            const life = start === undefined ? '' : duration((end ?? now) - start, lang);
            return (
              <span key={l.process.id}>
                <span
                  className="lane-over"
                  style={{
                    top: row * ROW,
                    left: `${l.from * 100}%`,
                    right: `${(1 - l.to) * 100}%`,
                  }}
                  title={`${visible(l.process.cmdline ?? l.process.name ?? '', 400)}\n${
                    start === undefined ? '' : clockTime(start, lang)
                  } – ${end === undefined ? t('tree.running') : clockTime(end, lang)}  ${life}`}
                />
                {l.steps.map(({ at, step }) => (
                  <button
                    type="button"
                    key={`${step.alert_id} ${step.time}`}
                    className={`lane-step prio-${step.priority}`}
                    style={{ top: row * ROW + 6, left: `${at * 100}%` }}
                    title={stepTitle(step)}
                    aria-label={stepTitle(step)}
                    onClick={() => step.alert_id && navigate(paths.alert(step.alert_id))}
                  />
                ))}
              </span>
            );
          })}
        </div>
      </div>
      {left > 0 && <p className="dim lanes-left">{t('lanes.left', { n: left })}</p>}
    </div>
  );
}
