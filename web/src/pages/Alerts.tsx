import { DatePicker, Drawer, Segmented, Select } from 'antd';
import dayjs from 'dayjs';
import { useEffect, useMemo, useState } from 'react';
import { objectPath } from '../api/client';
import { useLive } from '../api/live';
import { type Alert, type Overview, priorities } from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import { Loaded, PageHead, Priority } from '../components/bits';
import { KindTable } from '../components/KindTable';
import { useI18n } from '../i18n';
import { compact } from '../lib/format';
import { allOf, quote } from '../lib/text';
import { navigate, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';
import { AlertView } from './AlertView';
import { alertCells, alertColumns, alertWidths } from './alertColumns';

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

function AlertDrawer({ id, close }: { id: string; close: () => void }) {
  const { t } = useI18n();
  const narrow = useNarrow();
  const alert = useGet<Alert>(objectPath('alerts', id));
  useLive(['alert'], (b) => b.some((i) => i.data.id === id) && alert.reload(), alert.reload);
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

export function AlertsPage({ id }: { id?: string }) {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
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
  const chosen = useMemo(
    () =>
      (query.get('priority') ?? '')
        .split(',')
        .filter((p) => (priorities as readonly string[]).includes(p)),
    [query],
  );
  const fixed = allOf(
    state === 'open' || state === 'closed' ? `state = ${state}` : undefined,
    chosen.length ? `priority in (${chosen.join(', ')})` : undefined,
    range ? rangeCondition(range, now) : undefined,
  );
  const search = query.toString();
  const suffix = search ? `?${search}` : '';
  return (
    <>
      <PageHead title={t('nav.alerts')} />
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
        testid="alert-row"
        live
        hold={!!id}
        selected={id}
        onOpen={(a) => navigate(paths.alert(a.id) + suffix, { keepScroll: true })}
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
            <Range value={range} set={(v) => setQuery({ range: v })} />
          </>
        }
        empty={{
          title: state === 'open' ? t('alert.emptyOpen') : t('alert.empty'),
          hint: t('alert.emptyHint'),
        }}
      />
      {id && (
        <AlertDrawer
          key={id}
          id={id}
          close={() => navigate(`/alerts${suffix}`, { keepScroll: true })}
        />
      )}
    </>
  );
}
