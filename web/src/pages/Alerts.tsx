// The queue of alerts: what is open, worst first, and what is done with it one by one or together.
import { Button, DatePicker, Drawer, Segmented, Select, Space, Tooltip } from 'antd';
import dayjs from 'dayjs';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { objectPath } from '../api/client';
import { useLive } from '../api/live';
import { type Alert, fieldOf, type Overview, priorities } from '../api/schema';
import { useMay, useSession } from '../api/session';
import { useGet, useThrottled } from '../api/use';
import { Loaded, PageHead, Priority } from '../components/bits';
import { KindTable } from '../components/KindTable';
import {
  BulkBar,
  CommentDialog,
  dialogOpen,
  ShortcutHelp,
  useSaid,
  useTriage,
} from '../components/triage';
import { type Key, useI18n } from '../i18n';
import { compact } from '../lib/format';
import { allOf, quote } from '../lib/text';
import {
  type Change,
  queueConditions,
  type Shortcut,
  shortcutOf,
  stepTo,
  type VerdictName,
  verdicts,
} from '../lib/triage';
import { navigate, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';
import { AlertView } from './AlertView';
import { alertCells, alertColumns, alertWidths } from './alertColumns';

const engines = fieldOf('alert', 'engine')?.values ?? [];
const listOf = (text: string | null, known: readonly string[]) =>
  (text ?? '').split(',').filter((x) => known.includes(x));

const spans: Record<string, number> = { '1h': 1, '24h': 24, '7d': 168, '30d': 720 };

/** Start and end of a wished time range as a condition; relative ones move with the minute. */
export function rangeCondition(range: string, now: number): string | undefined {
  const hours = Object.hasOwn(spans, range) ? spans[range] : undefined;
  if (hours) {
    const from = Math.floor(now / 60000) * 60000 - hours * 3600_000;
    return `time >= ${quote(new Date(from).toISOString())}`;
  }
  const [from, to] = range.split('~').map((s) => Date.parse(s));
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to))
    return undefined;
  return `time >= ${quote(new Date(from).toISOString())} and time <= ${quote(new Date(to).toISOString())}`;
}

function PriorityChips(props: {
  chosen: string[];
  set: (p: string[]) => void;
  open?: Record<string, number>;
}) {
  const { t, lang } = useI18n();
  const toggle = (p: string) =>
    props.set(
      props.chosen.includes(p) ? props.chosen.filter((x) => x !== p) : [...props.chosen, p],
    );
  return (
    <fieldset className="chips">
      <legend className="away">{t('f.priority')}</legend>
      {priorities.map((p) => (
        <button
          type="button"
          key={p}
          className={`chip ${props.chosen.includes(p) ? 'on' : ''}`}
          aria-pressed={props.chosen.includes(p)}
          onClick={() => toggle(p)}
        >
          <Priority value={p} />
          {props.open && <b className="num">{compact(props.open[p] ?? 0, lang)}</b>}
        </button>
      ))}
    </fieldset>
  );
}

function Range({ value, set }: { value: string; set: (v: string | undefined) => void }) {
  const { t } = useI18n();
  const custom = value.includes('~');
  const [picking, setPicking] = useState(custom);
  const [from, to] = value.split('~');
  return (
    <>
      <Select
        value={picking || custom ? 'custom' : value || 'all'}
        aria-label={t('range.label')}
        className="range"
        onChange={(v: string) => {
          setPicking(v === 'custom');
          if (v !== 'custom') set(v === 'all' ? undefined : v);
        }}
        options={[
          { value: 'all', label: t('range.all') },
          { value: '1h', label: t('range.1h') },
          { value: '24h', label: t('range.24h') },
          { value: '7d', label: t('range.7d') },
          { value: '30d', label: t('range.30d') },
          { value: 'custom', label: t('range.custom') },
        ]}
      />
      {(picking || custom) && (
        <DatePicker.RangePicker
          showTime={{ format: 'HH:mm' }}
          format="YYYY-MM-DD HH:mm"
          value={custom ? [dayjs(from), dayjs(to)] : null}
          onChange={(v) => {
            const [a, b] = v ?? [];
            if (a && b) set(`${a.toISOString()}~${b.toISOString()}`);
            else {
              setPicking(false);
              set(undefined);
            }
          }}
        />
      )}
    </>
  );
}

function AlertDrawer(props: { id: string; close: () => void; opened: (a: Alert) => void }) {
  const { id, close, opened } = props;
  const { t } = useI18n();
  const narrow = useNarrow();
  const alert = useGet<Alert>(objectPath('alerts', id));
  useLive(['alert'], (b) => b.some((i) => i.data.id === id) && alert.reload(), alert.reload);
  useEffect(() => alert.data && opened(alert.data), [alert.data, opened]);
  return (
    <Drawer
      open
      onClose={close}
      size={narrow ? '100%' : Math.min(860, window.innerWidth * 0.72)}
      title={t('alert.title')}
      destroyOnHidden
      mask={narrow}
      classNames={{ root: 'below-top', body: 'alert-drawer' }}
    >
      <Loaded of={alert} rows={12}>
        {(a) => <AlertView alert={a} onChange={alert.set} />}
      </Loaded>
    </Drawer>
  );
}

function QueueControls({ names }: { names: string[] }) {
  const { t, maybe } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const { user } = useSession();
  const assignee = query.get('assignee') ?? '';
  const known = [...new Set([...names, ...(/^(me|none|)$/.test(assignee) ? [] : [assignee])])];
  return (
    <Space wrap size={6}>
      <Select
        mode="multiple"
        allowClear
        maxTagCount="responsive"
        className="wish wish-wide"
        placeholder={t('queue.engine')}
        aria-label={t('queue.engine')}
        data-testid="wish-engine"
        value={listOf(query.get('engine'), engines)}
        onChange={(v: string[]) => setQuery({ engine: v.join(',') || undefined })}
        options={engines.map((e) => ({ value: e, label: maybe(`engine.${e}`) ?? e }))}
      />
      <Select
        className="wish"
        aria-label={t('queue.verdict')}
        value={query.get('verdict') ?? ''}
        onChange={(v: string) => setQuery({ verdict: v || undefined })}
        options={[
          { value: '', label: t('queue.anyVerdict') },
          { value: 'none', label: t('verdict.none') },
          ...verdicts.map((v) => ({ value: v, label: t(`verdict.${v}` as Key) })),
        ]}
      />
      <Select
        className="wish"
        aria-label={t('queue.assignee')}
        value={assignee}
        onChange={(v: string) => setQuery({ assignee: v || undefined })}
        options={[
          { value: '', label: t('queue.anyone') },
          { value: 'me', label: t('queue.mine') },
          { value: 'none', label: t('queue.nobodys') },
          ...known.filter((n) => n !== user?.name).map((n) => ({ value: n, label: n })),
        ]}
      />
    </Space>
  );
}

/** What keys and buttons do to the rows that are picked, or to the one that the cursor is on. */
function useQueue(id: string | undefined, suffix: string, reload: () => void) {
  const may = useMay('operator');
  const { user } = useSession();
  const said = useSaid();
  const triage = useTriage<Alert>('alert', reload);
  const [rows, setRows] = useState<Alert[]>([]);
  const [picked, setPicked] = useState<Alert[]>([]);
  const [at, setAt] = useState<string>();
  // read by its address, it may be none of the list
  const [opened, setOpened] = useState<Alert>();
  const [commenting, setCommenting] = useState<Alert[]>();
  const [helping, setHelping] = useState(false);
  const cursor = id ?? at;
  const ids = rows.map((r) => r.id);

  const move = (to: string | undefined) => {
    if (!to) return;
    if (id) navigate(paths.alert(to) + suffix, { replace: true, keepScroll: true });
    else setAt(to);
    for (const row of document.querySelectorAll<HTMLElement>('[data-testid="alert-row"]'))
      if (row.dataset.id === to) row.scrollIntoView?.({ block: 'nearest' });
  };
  const targets = () => {
    if (picked.length && !id) return picked;
    return [...rows, ...(opened ? [opened] : [])].filter((r) => r.id === cursor).slice(0, 1);
  };
  const change = async (set: Change, words: (n: number) => string, on = targets()) => {
    if (!may || !on.length) return;
    if (set.state === 'closed' && !id) {
      const left = ids.filter((x) => x === cursor || !on.some((o) => o.id === x));
      const next = on.some((o) => o.id === cursor) ? stepTo(left, cursor, 1) : cursor;
      setAt(next !== cursor || !on.some((o) => o.id === next) ? next : undefined);
    }
    if (await triage.apply(on, set, words(on.length))) setPicked([]);
  };
  const close = (v: VerdictName, on?: Alert[]) =>
    change({ state: 'closed', verdict: v }, (n) => said.verdict(v, n), on);
  const assign = (name: string, on?: Alert[]) =>
    change(
      { assignee: name },
      (n) => (name === user?.name ? said.mine(n) : said.assigned(n, name)),
      on,
    );
  const comment = async (on: Alert[], text: string, verdict: VerdictName | undefined) => {
    const words = verdict ? said.verdict(verdict, on.length) : said.commented(on.length);
    const set = verdict ? { state: 'closed', verdict } : {};
    const ok = await triage.apply(on, set, words, text);
    if (ok && verdict) setPicked([]);
    return ok;
  };
  const toggle = (row: string | undefined) =>
    setPicked((p) => {
      if (p.some((r) => r.id === row)) return p.filter((r) => r.id !== row);
      return [...p, ...rows.filter((r) => r.id === row)];
    });

  const run = (does: Shortcut) => {
    switch (does) {
      case 'next':
        return move(stepTo(ids, cursor, 1));
      case 'previous':
        return move(stepTo(ids, cursor, -1));
      case 'select':
        return toggle(cursor);
      case 'open':
        if (cursor && !id) navigate(paths.alert(cursor) + suffix, { keepScroll: true });
        return;
      case 'mine':
        return void assign(user?.name ?? '');
      case 'comment':
        if (may && targets().length) setCommenting(targets());
        return;
      case 'help':
        return setHelping(true);
      case 'leave':
        if (!id) {
          setPicked([]);
          setAt(undefined);
        }
        return;
      default:
        return void close(does);
    }
  };
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      const does = dialogOpen() ? undefined : shortcutOf(e);
      if (!does) return;
      if (does !== 'leave') e.preventDefault();
      latest.current(does);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return {
    may,
    triage,
    said,
    rows,
    setRows: useCallback((r: Alert[]) => setRows(r), []),
    picked,
    setPicked,
    cursor,
    setAt,
    close,
    assign,
    comment,
    setOpened,
    commenting,
    setCommenting,
    helping,
    setHelping,
  };
}

export function AlertsPage({ id }: { id?: string }) {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const { user } = useSession();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60000);
    return () => clearInterval(timer);
  }, []);
  const overview = useGet<Overview>('/overview');
  const recount = useThrottled(overview.reload, 2000);
  useLive(['alert'], recount, recount);

  const state = query.get('state') ?? 'open';
  const range = query.get('range') ?? '';
  const priority = query.get('priority');
  const chosen = useMemo(() => listOf(priority, priorities), [priority]);
  const fixed = allOf(
    ...queueConditions({
      state: state === 'open' || state === 'closed' ? state : 'all',
      priorities: chosen,
      engines: listOf(query.get('engine'), engines),
      verdict: listOf(query.get('verdict'), ['none', ...verdicts])[0] ?? '',
      assignee: query.get('assignee') ?? '',
      me: user?.name ?? '',
      time: range ? rangeCondition(range, now) : undefined,
    }),
  );
  const search = query.toString();
  const suffix = search ? `?${search}` : '';
  const q = useQueue(id, suffix, recount);
  const { amend } = q.triage;
  // closed ones leave the queue at once, but for the one that is being read
  const shown = useCallback(
    (a: Alert) => {
      const as = amend(a);
      return state !== 'all' && as.state !== state && as.id !== id ? undefined : as;
    },
    [amend, state, id],
  );
  const names = useMemo(
    () => [...new Set(q.rows.flatMap((a) => a.assignee ?? []))].sort(),
    [q.rows],
  );
  const queue = state === 'open';
  return (
    <>
      <PageHead title={t('nav.alerts')}>
        {!narrow && (
          <Tooltip title={t('keys.title')}>
            <Button
              type="text"
              aria-label={t('keys.title')}
              onClick={() => q.setHelping(true)}
              data-testid="shortcuts"
            >
              <kbd>?</kbd>
            </Button>
          </Tooltip>
        )}
      </PageHead>
      <PriorityChips
        chosen={chosen}
        set={(p) => setQuery({ priority: p.join(',') || undefined })}
        open={overview.data?.alerts_open}
      />
      <KindTable
        kind="alert"
        columns={alertColumns}
        widths={alertWidths}
        cells={alertCells}
        fixed={fixed}
        defaultSort={queue ? 'priority' : '-time'}
        testid="alert-row"
        live
        hold={!!id || q.picked.length > 0}
        selected={id}
        cursor={q.cursor}
        amend={shown}
        onRows={q.setRows}
        picked={
          q.may
            ? { ids: new Set(q.picked.map((a) => a.id)), set: (rows) => q.setPicked(rows) }
            : undefined
        }
        onOpen={(a) => {
          q.setAt(a.id);
          navigate(paths.alert(a.id) + suffix, { keepScroll: true });
        }}
        rowClass={(a) => (a.state === 'closed' && state !== 'closed' ? 'faded' : '')}
        controls={
          <>
            <Segmented
              value={state}
              options={[
                { value: 'open', label: t('state.open') },
                { value: 'closed', label: t('state.closed') },
                { value: 'all', label: t('alert.all') },
              ]}
              onChange={(v) => setQuery({ state: v === 'open' ? undefined : String(v) })}
            />
            {queue && (
              <Select
                className="wish"
                aria-label={t('queue.order')}
                value={query.get('sort') ?? ''}
                onChange={(v: string) => setQuery({ sort: v || undefined })}
                options={[
                  { value: '', label: t('queue.worst') },
                  { value: '-time', label: t('queue.newest') },
                ]}
              />
            )}
            <QueueControls names={names} />
            <Range value={range} set={(v) => setQuery({ range: v })} />
          </>
        }
        empty={{
          title: state === 'open' ? t('alert.emptyOpen') : t('alert.empty'),
          hint: t('alert.emptyHint'),
        }}
      />
      <BulkBar
        n={id ? 0 : q.picked.length}
        busy={q.triage.busy}
        verdict={(v) => void q.close(v, q.picked)}
        assign={(name) => void q.assign(name, q.picked)}
        comment={() => q.setCommenting(q.picked)}
        clear={() => q.setPicked([])}
      />
      <CommentDialog
        open={!!q.commenting}
        n={q.commenting?.length ?? 0}
        close={() => q.setCommenting(undefined)}
        save={(text, verdict) => q.comment(q.commenting ?? [], text, verdict)}
      />
      <ShortcutHelp open={q.helping} close={() => q.setHelping(false)} />
      {id && (
        <AlertDrawer
          key={id}
          id={id}
          opened={q.setOpened}
          close={() => navigate(`/alerts${suffix}`, { keepScroll: true })}
        />
      )}
    </>
  );
}
