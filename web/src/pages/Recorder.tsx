// The flight recorder of one container: what it did over time, also when it is gone.
import { Alert, Button, DatePicker, Pagination, Segmented, Space, Switch } from 'antd';
import dayjs from 'dayjs';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type ApiError, listPath, objectPath, type Page } from '../api/client';
import { type Question, useQuestion } from '../api/query';
import type { Agent, Container, Event, Alert as Found, KindName } from '../api/schema';
import { useMay } from '../api/session';
import { useGet } from '../api/use';
import {
  Card,
  Facts,
  Failed,
  Line,
  Loaded,
  Nothing,
  PageHead,
  State,
  Text,
} from '../components/bits';
import { FilterInput } from '../components/FilterInput';
import { KindTable } from '../components/KindTable';
import { Timeline } from '../components/Timeline';
import { Missing } from '../components/TryRules';
import { type Key, useI18n } from '../i18n';
import { count, fullTime, parseTime } from '../lib/format';
import {
  eventText,
  extent,
  type Lane,
  laneOf,
  lanes,
  openMode,
  processesAt,
  type Range,
  standardRange,
  timeOf,
} from '../lib/recorder';
import { quote } from '../lib/text';
import { buildTree, type TreeNode } from '../lib/tree';
import { Link, navigate, paths, useLocation, useSetQuery } from '../router';
import { containerCells, containerColumns, containerWidths } from './containerColumns';

const PAGE = 100;
const AROUND_BEFORE_MS = 120_000;
const AROUND_AFTER_MS = 60_000;

const two = (n: number, w = 2) => String(n).padStart(w, '0');
const clockMs = (ms: number) => {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;
};

function EventFacts({ e }: { e: Event }) {
  const { t } = useI18n();
  const { evt, fd, proc: p } = e;
  const text = (v?: string) => v && <Text value={v} mono max={4096} />;
  return (
    <Facts
      items={[
        [t('evt.type'), <b className="mono">{evt.type}</b>],
        [t('evt.result'), String(evt.rawres)],
        [t('evt.path'), text(evt.path)],
        [t('evt.oldpath'), text(evt.oldpath)],
        [t('evt.newpath'), text(evt.newpath)],
        [t('evt.name'), text(evt.name)],
        [t('fd.name'), text(fd?.name)],
        [t('evt.target'), evt.target_pid || undefined],
        [t('f.cmdline'), text(p?.cmdline)],
        [t('f.exepath'), text(p?.exepath)],
        [t('f.cwd'), text(p?.cwd)],
        [
          'PID',
          p && `${p.pid}${p.vpid && p.vpid !== p.pid ? ` (${t('tree.vpid')} ${p.vpid})` : ''}`,
        ],
        [t('f.user'), p && text(p.user ? `${p.user} (${p.uid})` : String(p.uid))],
        [t('f.cap_effective'), text(p?.cap_effective)],
      ]}
    />
  );
}

function Events(props: {
  events: readonly Event[];
  moment: number | undefined;
  onMoment: (t: number) => void;
}) {
  const { t } = useI18n();
  const [page, setPage] = useState(1);
  const [open, setOpen] = useState<string>();
  const { events } = props;
  // the page with the moment that was chosen on the time line
  const at = useMemo(() => {
    if (props.moment === undefined) return -1;
    let i = events.length - 1;
    while (i >= 0 && timeOf(events[i] as Event) > (props.moment ?? 0)) i--;
    return i;
  }, [events, props.moment]);
  useEffect(() => setPage(at < 0 ? 1 : Math.floor(at / PAGE) + 1), [at]);
  const shown = events.slice((page - 1) * PAGE, page * PAGE);
  if (!events.length) return <Nothing title={t('recorder.noEvents')} />;
  return (
    <>
      <ul className="rec-list" data-testid="recorder-events">
        {shown.map((e, i) => {
          const k = (page - 1) * PAGE + i;
          const id = `${e.evt.num}-${k}`;
          return (
            <li key={id} className={k === at ? 'rec-at' : ''}>
              <button
                type="button"
                data-testid="recorder-event"
                aria-expanded={open === id}
                onClick={() => {
                  setOpen(open === id ? undefined : id);
                  props.onMoment(timeOf(e));
                }}
              >
                <span className="num mono">{clockMs(timeOf(e))}</span>
                <span className={`rec-type rec-${laneOf(e)}`}>
                  {e.evt.type}
                  {openMode(e) && <i> {openMode(e)}</i>}
                </span>
                <span className="rec-proc">
                  <Line value={e.proc ? `${e.proc.name ?? ''} ${e.proc.pid}` : undefined} mono />
                </span>
                <Line value={eventText(e)} mono />
                {(e.evt.failed || e.evt.blocked) && (
                  <span className="mark">
                    {e.evt.blocked
                      ? t('evt.blocked')
                      : t('evt.failed', { code: String(e.evt.rawres) })}
                  </span>
                )}
              </button>
              {open === id && <EventFacts e={e} />}
            </li>
          );
        })}
      </ul>
      {events.length > PAGE && (
        <Pagination
          className="rec-pages"
          size="small"
          current={page}
          pageSize={PAGE}
          total={events.length}
          showSizeChanger={false}
          onChange={setPage}
        />
      )}
    </>
  );
}

function Branch({ nodes, at }: { nodes: TreeNode[]; at: number }) {
  const rows: TreeNode[] = [];
  const stack = [...nodes].reverse();
  for (let n = stack.pop(); n; n = stack.pop()) {
    rows.push(n);
    stack.push(...[...n.children].reverse());
  }
  return (
    <ul className="rec-tree" data-testid="recorder-tree" data-at={at}>
      {rows.map((n) => (
        <li
          key={n.process.id}
          className={n.process.exit_time ? 'faded' : ''}
          style={{ paddingLeft: 8 + Math.min(n.depth, 12) * 16 }}
        >
          <span className="num dim">{n.process.pid}</span>
          <Line value={n.process.cmdline || n.process.exepath || n.process.name} mono />
          <span className="dim">
            <Text value={n.process.user ?? String(n.process.uid)} max={30} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Tree({ events, moment }: { events: readonly Event[]; moment: number }) {
  const { t, lang } = useI18n();
  const [ended, setEnded] = useState(false);
  const roots = useMemo(() => {
    const all = processesAt(events, moment);
    const living = all.filter((p) => !p.exit_time);
    return buildTree(ended || !living.length ? all : living);
  }, [events, moment, ended]);
  return (
    <Card
      title={t('recorder.tree')}
      extra={
        <span>
          <Switch
            size="small"
            checked={ended}
            onChange={setEnded}
            aria-label={t('recorder.ended')}
          />{' '}
          {t('recorder.ended')}
        </span>
      }
    >
      <p className="dim num">{fullTime(moment, lang)}</p>
      {roots.length ? (
        <Branch nodes={roots} at={moment} />
      ) : (
        <Nothing title={t('recorder.noProcess')} />
      )}
    </Card>
  );
}

function Lanes({
  off,
  toggle,
  events,
}: {
  off: ReadonlySet<Lane>;
  toggle: (l: Lane) => void;
  events: readonly Event[];
}) {
  const { t, lang } = useI18n();
  const counts = useMemo(() => {
    const m = new Map<Lane, number>();
    for (const e of events) m.set(laneOf(e), (m.get(laneOf(e)) ?? 0) + 1);
    return m;
  }, [events]);
  return (
    <Space wrap size={6}>
      {lanes.map((l) => (
        <button
          key={l}
          type="button"
          className={`lane-chip rec-${l}`}
          aria-pressed={!off.has(l)}
          onClick={() => toggle(l)}
        >
          {t(`lane.${l}` as Key)} <b className="num">{count(counts.get(l) ?? 0, lang)}</b>
        </button>
      ))}
    </Space>
  );
}

/** The window that the address names, or that suits the container. */
function windowOf(query: URLSearchParams, c: Container): Range {
  const around = parseTime(query.get('around') ?? undefined);
  if (around) return { from: around - AROUND_BEFORE_MS, to: around + AROUND_AFTER_MS };
  const since = parseTime(query.get('since') ?? undefined);
  const until = parseTime(query.get('until') ?? undefined);
  const usual = standardRange(c, Date.now());
  return {
    from: since ?? usual.from,
    to: until ?? (since ? Math.max(usual.to, since + 1000) : usual.to),
  };
}

function questionOf(c: Container, r: Range, filter: string): Question {
  return {
    container_id: c.id,
    reason: 'looked at in the console',
    params: [
      `since=${new Date(r.from).toISOString()}`,
      `until=${new Date(r.to).toISOString()}`,
      ...(filter ? [`filter=${filter}`] : []),
    ],
  };
}

const isFilterError = (e: ApiError | undefined, filter: string) =>
  !!filter && e?.code === 'refused' && !!e.message;

function Viewer({ c }: { c: Container }) {
  const { t, lang } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const may = useMay('operator');
  const { answer, ask, stop } = useQuestion();
  const filter = query.get('filter') ?? '';
  const [asked, setAsked] = useState<Range>(() => windowOf(query, c));
  const [view, setView] = useState<Range>();
  const [moment, setMoment] = useState<number>();
  const [off, setOff] = useState<ReadonlySet<Lane>>(new Set());
  const agent = useGet<Agent>(c.host_id ? objectPath('agents', c.host_id) : undefined);
  const alerts = useGet<Page<Found>>(
    listPath('alerts', {
      filter: `container.id = ${quote(c.id)} and time >= "${new Date(asked.from).toISOString()}" and time <= "${new Date(asked.to).toISOString()}"`,
      sort: '-time',
      limit: 200,
    }),
  );
  const start = (r: Range, f: string) => {
    setAsked(r);
    setView(undefined);
    setMoment(undefined);
    ask(questionOf(c, r, f));
  };
  const first = useRef(true);
  useEffect(() => {
    if (!first.current || !may) return;
    first.current = false;
    ask(questionOf(c, asked, filter));
  }, [ask, asked, c, filter, may]);

  const busy = answer.phase === 'asked' || answer.phase === 'reading';
  const { events, summary } = answer;
  const range = view ?? (busy ? asked : (extent(events) ?? asked));
  const marked = useMemo(() => alerts.data?.items ?? [], [alerts.data]);
  const shown = useMemo(
    () =>
      events.filter((e) => !off.has(laneOf(e)) && timeOf(e) >= range.from && timeOf(e) <= range.to),
    [events, off, range.from, range.to],
  );
  const around = parseTime(query.get('around') ?? undefined);
  const at = moment ?? (around && events.length ? around : undefined);
  const toggle = (l: Lane) =>
    setOff((s) => {
      const n = new Set(s);
      if (!n.delete(l)) n.add(l);
      return n;
    });
  const choose = (r: Range) => {
    setQuery({
      since: new Date(r.from).toISOString(),
      until: new Date(r.to).toISOString(),
      around: undefined,
    });
    start(r, filter);
  };
  const badFilter = isFilterError(answer.error, filter) ? answer.error : undefined;

  return (
    <>
      <PageHead
        title={
          <>
            {t('recorder.of')} <Text value={c.name ?? c.id.slice(0, 12)} max={120} />
          </>
        }
        sub={
          <>
            <Link to={paths.container(c.id)}>{t('recorder.container')}</Link> ·{' '}
            <State value={c.state} /> · <Text value={c.image} mono max={200} />
          </>
        }
      />
      {!may && <Alert type="info" showIcon className="gap" title={t('recorder.viewer')} />}
      <div className="list-bar">
        <FilterInput
          kind={'event' as KindName}
          value={filter}
          error={badFilter}
          onApply={(f) => {
            setQuery({ filter: f || undefined });
            start(asked, f);
          }}
        />
        <Space wrap size={6} className="list-controls">
          <DatePicker.RangePicker
            showTime
            allowClear={false}
            value={[dayjs(asked.from), dayjs(asked.to)]}
            onChange={(v) => {
              if (v?.[0] && v[1]) choose({ from: v[0].valueOf(), to: v[1].valueOf() });
            }}
          />
          {busy ? (
            <Button onClick={stop} data-testid="recorder-stop">
              {t('recorder.stop')}
            </Button>
          ) : (
            <Button
              type="primary"
              disabled={!may}
              onClick={() => start(asked, filter)}
              data-testid="recorder-go"
            >
              {t('recorder.read')}
            </Button>
          )}
        </Space>
      </div>
      {busy && (
        <p className="dim gap" role="status">
          {answer.phase === 'asked' ? t('recorder.asked') : t('recorder.reading')}{' '}
          {answer.progress && <Text value={answer.progress} />}{' '}
          {events.length > 0 && t('recorder.got', { n: events.length })}
        </p>
      )}
      {busy && agent.data && !agent.data.connected && (
        <Alert
          type="warning"
          showIcon
          className="gap"
          data-testid="recorder-away"
          title={t('recorder.away')}
        />
      )}
      {answer.error && !badFilter && (
        <Failed error={answer.error} retry={() => start(asked, filter)} />
      )}
      {summary && <Missing of={summary} />}
      {summary?.truncated && (
        <Alert
          type="info"
          showIcon
          className="gap"
          title={t('recorder.truncated', { n: events.length })}
          action={
            view && (
              <Button size="small" onClick={() => choose(view)}>
                {t('recorder.readView')}
              </Button>
            )
          }
        />
      )}
      {(events.length > 0 || busy) && (
        <Card className="gap">
          <Timeline
            events={events}
            range={range}
            moment={at}
            alerts={marked}
            gaps={summary?.gaps ?? []}
            off={off}
            onRange={setView}
            onMoment={setMoment}
          />
          <div className="tl-foot">
            <Lanes off={off} toggle={toggle} events={events} />
            <span className="dim">{t('recorder.hint')}</span>
            {view && (
              <Button size="small" onClick={() => setView(undefined)} data-testid="recorder-all">
                {t('recorder.whole')}
              </Button>
            )}
          </div>
        </Card>
      )}
      {answer.phase === 'done' && events.length === 0 && (
        <Card className="flush">
          <Nothing title={t('recorder.empty')} hint={t('recorder.emptyHint')} />
        </Card>
      )}
      {events.length > 0 && (
        <div className="rec-split">
          <Card title={t('recorder.events', { n: count(shown.length, lang) })}>
            <Events events={shown} moment={moment} onMoment={setMoment} />
          </Card>
          <Tree events={events} moment={at ?? range.to} />
        </div>
      )}
    </>
  );
}

function Choose() {
  const { t } = useI18n();
  const [ended, setEnded] = useState('all');
  return (
    <>
      <PageHead title={t('nav.recorder')} sub={t('recorder.choose')} />
      <KindTable
        kind="container"
        columns={containerColumns}
        widths={containerWidths}
        cells={containerCells}
        fixed={ended === 'ended' ? 'state in (exited, removed)' : ''}
        testid="recorder-container"
        live
        onOpen={(c) => navigate(paths.recorder(c.id))}
        rowClass={(c) => (c.state === 'exited' || c.state === 'removed' ? 'faded' : '')}
        controls={
          <Segmented
            value={ended}
            onChange={(v) => setEnded(String(v))}
            options={[
              { value: 'all', label: t('container.all') },
              { value: 'ended', label: t('container.ended') },
            ]}
          />
        }
        empty={{ title: t('container.empty'), hint: t('container.emptyHint') }}
      />
    </>
  );
}

export function RecorderPage() {
  const { query } = useLocation();
  const id = query.get('container') ?? undefined;
  const container = useGet<Container>(id ? objectPath('containers', id) : undefined);
  if (!id) return <Choose />;
  return <Loaded of={container}>{(c) => <Viewer key={c.id} c={c} />}</Loaded>;
}
