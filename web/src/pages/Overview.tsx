import { type ReactNode, useEffect, useState } from 'react';
import { get, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import {
  type Alert,
  type Drill,
  type Incident,
  type Overview,
  type Process,
  priorities,
} from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import { Card, Line, Loaded, Nothing, PageHead, Priority, Text, Time } from '../components/bits';
import { HourBars, Share } from '../components/charts';
import { ContainerLinks, IncidentTitle, Risk } from '../components/incident';
import { RuleName } from '../components/RuleName';
import { useI18n } from '../i18n';
import { compact, count } from '../lib/format';
import { drillSeen, lastDrills } from '../lib/matrix';
import { quote } from '../lib/text';
import { Link, paths } from '../router';

function Figure(props: { name: string; value: number; of?: number; to?: string; bad?: boolean }) {
  const { lang, t } = useI18n();
  const body = (
    <>
      <span>{props.name}</span>
      <b className="num" title={count(props.value, lang)}>
        {compact(props.value, lang)}
        {props.of !== undefined && <i> {t('overview.of', { n: count(props.of, lang) })}</i>}
      </b>
    </>
  );
  const cls = `figure ${props.bad ? 'bad' : ''}`;
  return props.to ? (
    <Link to={props.to} className={cls}>
      {body}
    </Link>
  ) : (
    <div className={cls}>{body}</div>
  );
}

/** What the drills proved, by the last result of each. */
function DrillFigure() {
  const { t, lang } = useI18n();
  const drills = useGet<Page<Drill>>(listPath('drills', { sort: '-time', limit: 1000 }));
  const reload = useThrottled(drills.reload, 5000);
  useLive(['drill'], reload, reload);
  const ran = lastDrills(drills.data?.items ?? []).filter((d) => d.ran);
  const seen = ran.filter(drillSeen).length;
  return (
    <Link to="/attack" className={`figure ${seen < ran.length ? 'bad' : ''}`}>
      <span>{t('overview.drills')}</span>
      <b className="num" data-testid="drill-figure">
        {ran.length ? count(seen, lang) : drills.data ? '–' : ''}
        {drills.data && (
          <i>
            {' '}
            {ran.length
              ? t('overview.of', { n: count(ran.length, lang) })
              : t('overview.drillsNone')}
          </i>
        )}
      </b>
    </Link>
  );
}

/** What is being worked on or should be, riskiest first. */
function Incidents() {
  const { t } = useI18n();
  const incidents = useGet<Page<Incident>>(
    listPath('incidents', {
      filter: 'not part_of exists and state in (open, contained)',
      sort: '-risk',
      limit: 6,
    }),
  );
  const reload = useThrottled(incidents.reload, 2000);
  useLive(['incident'], reload, reload);
  return (
    <Loaded of={incidents} rows={4}>
      {(page) =>
        page.items.length ? (
          <>
            <ul className="incident-list" data-testid="overview-incidents">
              {page.items.map((i) => (
                <li key={i.id}>
                  <Link to={paths.incident(i.id)}>
                    <Risk value={i.risk} priority={i.priority} />
                    <span className="line">
                      <IncidentTitle incident={i} />
                    </span>
                    <ContainerLinks incident={i} max={1} plain />
                    <Time value={i.last} relative />
                  </Link>
                </li>
              ))}
            </ul>
            {(page.total ?? 0) > page.items.length && (
              <Link to="/incidents">{t('overview.incidentsAll')}</Link>
            )}
          </>
        ) : (
          <Nothing title={t('overview.incidentsNone')} />
        )
      }
    </Loaded>
  );
}

function Figures({ o }: { o: Overview }) {
  const { t } = useI18n();
  const open = Object.values(o.alerts_open).reduce((a, b) => a + b, 0);
  return (
    <div className="figures">
      <Figure name={t('overview.openAlerts')} value={open} to="/alerts" bad={open > 0} />
      <Figure
        name={t('overview.containers')}
        value={o.containers_running}
        of={o.containers}
        to={`/containers?state=running`}
      />
      <Figure name={t('overview.processes')} value={o.processes_running} />
      <Figure name={t('overview.images')} value={o.images} to="/images" />
      <Figure name={t('overview.hosts')} value={o.hosts} to="/hosts" />
      <DrillFigure />
    </div>
  );
}

function OpenByPriority({ open }: { open: Record<string, number> }) {
  const { t, lang } = useI18n();
  const max = Math.max(1, ...Object.values(open));
  return (
    <ul className="ranks">
      {priorities.map((p) => (
        <li key={p} className={open[p] ? '' : 'none'}>
          <Link to={`/alerts?priority=${p}`} aria-label={t('overview.showPriority')}>
            <Priority value={p} />
            <span className={`meter prio-${p}`} aria-hidden="true">
              <i style={{ width: `${(100 * (open[p] ?? 0)) / max}%` }} />
            </span>
            <b className="num">{count(open[p] ?? 0, lang)}</b>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function HealthRow(p: { name: string; value: ReactNode; bad?: boolean }) {
  return (
    <li className={p.bad ? 'bad' : ''}>
      <span>{p.name}</span>
      <b className="num">{p.value}</b>
    </li>
  );
}

function Sensors({ o }: { o: Overview }) {
  const { t, lang } = useI18n();
  const share = o.events_seen ? (100 * o.events_lost) / (o.events_seen + o.events_lost) : 0;
  const away = Math.max(0, o.hosts - o.agents_connected);
  const broken = o.store_error
    ? t('overview.storeBroken')
    : o.agent_error && t('overview.agentBroken');
  return (
    <>
      <ul className="health">
        <HealthRow
          name={t('overview.agents')}
          value={`${count(o.agents_connected, lang)} / ${count(o.hosts, lang)}`}
          bad={away > 0}
        />
        <HealthRow name={t('overview.seen')} value={compact(o.events_seen, lang)} />
        <HealthRow
          name={t('overview.lost')}
          value={
            o.events_lost
              ? `${count(o.events_lost, lang)} (${share < 0.01 ? '<0.01' : share.toFixed(2)} %)`
              : '0'
          }
          bad={o.events_lost > 0}
        />
      </ul>
      {broken && (
        <p className="verdict bad" data-testid="store-broken">
          {broken} <Text value={o.store_error ?? o.agent_error} max={300} />
        </p>
      )}
      {(o.events_lost > 0 || away > 0 || !broken) && (
        <p className={o.events_lost || away ? 'verdict bad' : 'verdict'}>
          {o.events_lost
            ? t('overview.verdictLost')
            : away
              ? t('overview.verdictAway', { n: away })
              : o.agents_connected
                ? t('overview.verdictFine')
                : t('overview.verdictNone')}
        </p>
      )}
      <Link to="/settings/agents">{t('overview.agentHealth')}</Link>
    </>
  );
}

function TopRules({ o }: { o: Overview }) {
  const { t, lang } = useI18n();
  if (!o.top_rules.length) return <Nothing title={t('overview.noAlerts')} />;
  const max = o.top_rules[0]?.count ?? 1;
  return (
    <ul className="top-list">
      {o.top_rules.map((r) => (
        <li key={r.rule}>
          <Link to={paths.alerts(`rule = ${quote(r.rule)}`)}>
            <Priority value={r.priority} compact />
            <RuleName name={r.rule} />
            <b className="num">{count(r.count, lang)}</b>
            <Share value={r.count} max={max} />
          </Link>
        </li>
      ))}
    </ul>
  );
}

function TopContainers({ o }: { o: Overview }) {
  const { t, lang } = useI18n();
  if (!o.top_containers.length) return <Nothing title={t('overview.noAlerts')} />;
  const max = o.top_containers[0]?.count ?? 1;
  return (
    <ul className="top-list two">
      {o.top_containers.map((c) => (
        <li key={c.id}>
          <Link to={paths.container(c.id)}>
            <span className="stack">
              <Line value={c.name ?? c.id.slice(0, 12)} />
              <span className="dim">
                <Line value={c.image} mono />
              </span>
            </span>
            <b className="num">{count(c.count, lang)}</b>
            <Share value={c.count} max={max} />
          </Link>
        </li>
      ))}
    </ul>
  );
}

type FeedItem = { at: string; id: string } & (
  | { alert: Alert; process?: undefined }
  | { process: Process; alert?: undefined }
);
const FEED_MAX = 40;

function merge(before: FeedItem[], more: FeedItem[]): FeedItem[] {
  const byId = new Map([...before, ...more].map((i) => [i.id, i]));
  return [...byId.values()].sort((a, b) => b.at.localeCompare(a.at)).slice(0, FEED_MAX);
}

const alertItem = (alert: Alert): FeedItem => ({ at: alert.time ?? '', id: alert.id, alert });
const processItem = (process: Process): FeedItem => ({
  at: process.start_time ?? '',
  id: process.id,
  process,
});

function Feed() {
  const { t } = useI18n();
  const [items, setItems] = useState<FeedItem[]>();
  const [held, setHeld] = useState<FeedItem[]>();
  const fill = () => {
    const newest = { limit: FEED_MAX };
    Promise.allSettled([
      get<Page<Alert>>(listPath('alerts', { ...newest, sort: '-time' })),
      get<Page<Process>>(listPath('processes', { ...newest, sort: '-start_time' })),
    ]).then(([a, p]) => {
      const found = [
        ...(a.status === 'fulfilled' ? a.value.items.map(alertItem) : []),
        ...(p.status === 'fulfilled' ? p.value.items.map(processItem) : []),
      ];
      setItems((before) => merge(before ?? [], found));
    });
  };
  useEffect(fill, []);
  useLive(
    ['alert', 'process'],
    (batch) => {
      const more = batch.flatMap((i) => {
        if (i.removed) return [];
        if (i.kind === 'alert') return [alertItem(i.data as unknown as Alert)];
        const p = i.data as unknown as Process;
        return p.exit_time ? [] : [processItem(p)];
      });
      if (more.length) setItems((before) => merge(before ?? [], more));
    },
    fill,
  );
  const shown = held ?? items;
  if (shown && !shown.length)
    return <Nothing title={t('overview.feedEmpty')} hint={t('overview.feedEmptyHint')} />;
  return (
    <ul
      className="feed"
      onMouseEnter={() => setHeld(items)}
      onMouseLeave={() => setHeld(undefined)}
      onFocus={() => setHeld((h) => h ?? items)}
      onBlur={() => setHeld(undefined)}
    >
      {shown?.map((i) =>
        i.alert ? (
          <li key={i.id} className="feed-alert">
            <Time value={i.at} />
            <Priority value={i.alert.priority} compact />
            <Link to={paths.alert(i.alert.id)}>
              <RuleName name={i.alert.rule} />
            </Link>
            <span className="feed-where">
              <Line value={i.alert.container?.name ?? i.alert.hostname} />
            </span>
          </li>
        ) : (
          <li key={i.id}>
            <Time value={i.at} />
            <i className="feed-dot" aria-hidden="true" />
            <Line value={i.process.cmdline ?? i.process.name} mono />
            <span className="feed-where">
              {i.process.container_id && i.process.container_id !== 'pending' ? (
                <Link to={paths.container(i.process.container_id)} className="mono">
                  <Text value={i.process.container_id.slice(0, 12)} />
                </Link>
              ) : (
                <span className="dim">{t('overview.onHost')}</span>
              )}
            </span>
          </li>
        ),
      )}
    </ul>
  );
}

export function OverviewPage() {
  const { t } = useI18n();
  const overview = useGet<Overview>('/overview');
  const reload = useThrottled(overview.reload, 2000);
  useLive(['alert', 'container', 'host', 'agent', 'image'], reload, reload);
  useEffect(() => {
    const timer = setInterval(reload, 15000);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <>
      <PageHead title={t('nav.overview')} />
      <Loaded of={overview} rows={10}>
        {(o) => (
          <div className="board">
            <Figures o={o} />
            <Card title={t('overview.alerts24')} className="wide">
              <HourBars values={o.alerts_24h} />
            </Card>
            <Card title={t('overview.openByPriority')} className="side-card">
              <OpenByPriority open={o.alerts_open} />
            </Card>
            <Card title={t('overview.incidents')} className="full">
              <Incidents />
            </Card>
            <Card title={t('overview.topRules')}>
              <TopRules o={o} />
            </Card>
            <Card title={t('overview.topContainers')}>
              <TopContainers o={o} />
            </Card>
            <Card title={t('overview.sensors')}>
              <Sensors o={o} />
            </Card>
            <Card title={t('overview.feed')} className="full">
              <Feed />
            </Card>
          </div>
        )}
      </Loaded>
    </>
  );
}
