// ATT&CK for Containers: which techniques rules cover, what the drills proved of it, what came.
import { Drawer, Segmented } from 'antd';
import { useMemo } from 'react';
import { type ApiError, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Alert, Drill, Rules } from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import {
  Card,
  Copy,
  Failed,
  Nothing,
  PageHead,
  Priority,
  State,
  Technique,
  Text,
  Time,
  Waiting,
} from '../components/bits';
import { useTactic } from '../components/incident';
import { RuleName } from '../components/RuleName';
import { Engine } from '../components/triage';
import { type Key, useI18n } from '../i18n';
import { techniqueName } from '../lib/attack';
import { ago, compact, count, parseTime } from '../lib/format';
import {
  buildMatrix,
  type Cell,
  type Coverage,
  drillSeen,
  findCell,
  type Matrix,
  type TechniqueCount,
} from '../lib/matrix';
import { Link, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';

const DRILLS_MAX = 1000;

function useMatrix() {
  const rules = useGet<Rules>('/rules');
  const drills = useGet<Page<Drill>>(listPath('drills', { sort: '-time', limit: DRILLS_MAX }));
  const counts = useGet<{ items: TechniqueCount[]; since: string }>('/attack');
  const reload = useThrottled(() => {
    drills.reload();
    counts.reload();
  }, 5000);
  useLive(['drill', 'alert'], reload, reload);
  const matrix = useMemo(
    () =>
      rules.data &&
      buildMatrix(rules.data.items, drills.data?.items ?? [], counts.data?.items ?? []),
    [rules.data, drills.data, counts.data],
  );
  // rules alone already make a matrix; what is missing of the rest is told above it
  const failed: ApiError | undefined = rules.error ?? drills.error ?? counts.error;
  const retry = () => {
    rules.reload();
    drills.reload();
    counts.reload();
  };
  return {
    matrix: drills.data || drills.error ? matrix : undefined,
    since: counts.data?.since,
    failed,
    retry,
  };
}

const marks: Record<Coverage, string> = {
  none: '',
  claimed: 'M8 3a5 5 0 1 0 .01 0z',
  seen: 'M3 8.5 6.5 12 13 4.5',
  partly: 'M3 8h10',
  missed: 'M4 4l8 8M12 4l-8 8',
};

/** Told by a sign too: colours alone do not reach everyone. */
function Sign({ coverage }: { coverage: Coverage }) {
  if (!marks[coverage]) return null;
  return (
    <svg
      viewBox="0 0 16 16"
      width="13"
      height="13"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
    >
      <path d={marks[coverage]} />
    </svg>
  );
}

function Played({ cell: c }: { cell: Cell }) {
  const { t, lang } = useI18n();
  const at = parseTime(c.time);
  if (!c.played) return <span>{t('matrix.notPlayed')}</span>;
  return (
    <span>
      {c.seen === c.played
        ? t('matrix.seen')
        : c.seen
          ? t('matrix.seenOf', { seen: c.seen, played: c.played })
          : t('matrix.missed')}
      {at !== undefined && <> · {ago(at, lang)}</>}
      {c.latency_us !== undefined && (
        <span className="num">
          {' '}
          · {(c.latency_us / 1000).toFixed(c.latency_us < 9950 ? 1 : 0)} ms
        </span>
      )}
    </span>
  );
}

/** Where a long English word may be broken, when its column is narrow: "Orchestra-tion". */
function hyphenable(name: string): string {
  return name.replace(/\p{L}{6,}(?=(?:tion|ing)\b)/gu, '$&\u00ad');
}

function CellBox(props: {
  cell: Cell;
  open: string | null;
  show: (id: string) => void;
  sub?: boolean;
}) {
  const { t, lang } = useI18n();
  const { cell: c } = props;
  const name = techniqueName(c.id, lang) ?? c.id;
  const rules = t('rules.count', { n: c.rules.length });
  return (
    <li>
      <button
        type="button"
        className={`tcell cover-${c.coverage} ${props.sub ? 'sub' : ''} ${props.open === c.id ? 'on' : ''}`}
        data-testid="matrix-cell"
        data-technique={c.id}
        data-coverage={c.coverage}
        aria-label={`${c.id} ${name}: ${t(`matrix.cover.${c.coverage}` as Key)}, ${rules}`}
        onClick={() => props.show(c.id)}
      >
        <span className="tcell-name">
          <b>{hyphenable(name)}</b>
          {c.open > 0 && (
            <i className="tcell-open num" title={t('matrix.openAlerts', { n: c.open })}>
              {compact(c.open, lang)}
            </i>
          )}
        </span>
        <span className="tcell-facts">
          <span className="mono">
            <Sign coverage={c.coverage} />
            {c.id}
          </span>
          <span className="num">{rules}</span>
        </span>
        {!props.sub && (
          <span className="tcell-facts">
            <Played cell={c} />
          </span>
        )}
      </button>
      {c.subs.length > 0 && (
        <ul>
          {c.subs.map((s) => (
            <CellBox key={s.id} cell={s} open={props.open} show={props.show} sub />
          ))}
        </ul>
      )}
    </li>
  );
}

function Legend({ m }: { m: Matrix }) {
  const { t, lang } = useI18n();
  const kinds: Coverage[] = ['seen', 'partly', 'missed', 'claimed', 'none'];
  return (
    <div className="matrix-legend">
      <ul>
        {kinds.map((k) => (
          <li key={k}>
            <span className={`swatch cover-${k}`}>
              <Sign coverage={k} />
            </span>
            {t(`matrix.cover.${k}` as Key)}
          </li>
        ))}
        <li>
          <i className="tcell-open num">3</i>
          {t('matrix.openLegend')}
        </li>
      </ul>
      <p className="num">
        {t('matrix.covered', { n: count(m.covered, lang), of: count(m.cells, lang) })}
        {m.played > 0 && (
          <>
            {' · '}
            {t('matrix.proved', { n: count(m.seen, lang), of: count(m.played, lang) })}
          </>
        )}
      </p>
    </div>
  );
}

function HowTo() {
  const { t } = useI18n();
  return (
    <div className="how-to" data-testid="drill-hint">
      <p>{t('matrix.noDrills')}</p>
      <div className="code">
        <pre>skep drill run</pre>
        <Copy text="skep drill run" />
      </div>
    </div>
  );
}

function Drills({ cell: c }: { cell: Cell }) {
  const { t, lang } = useI18n();
  if (!c.drills.length)
    return (
      <>
        <p className="dim">{t('matrix.drillsNone')}</p>
        <div className="code">
          <pre>skep drill run {c.id}</pre>
          <Copy text={`skep drill run ${c.id}`} />
        </div>
      </>
    );
  return (
    <ul className="drills">
      {c.drills.map((d) => {
        const result = !d.ran
          ? 'notRun'
          : drillSeen(d)
            ? 'seen'
            : d.detected
              ? 'otherwise'
              : 'missed';
        return (
          <li key={d.id} data-testid="matrix-drill">
            <div className="drill-head">
              <span className={`drill-result drill-${result}`}>
                <Sign
                  coverage={result === 'seen' ? 'seen' : result === 'notRun' ? 'partly' : 'missed'}
                />
                {t(`matrix.result.${result}` as Key)}
              </span>
              <b>
                <Text value={(lang === 'zh' && d.title_zh) || d.title} max={200} />
              </b>
            </div>
            <div className="dim">
              <span className="mono">
                <Text value={d.drill} max={80} />
              </span>
              {' · '}
              <Time value={d.time} relative />
              {d.detected && d.latency_us > 0 && (
                <span className="num"> · {(d.latency_us / 1000).toFixed(1)} ms</span>
              )}
            </div>
            {d.ran && d.detected && !d.quiet && <p className="warn">{t('matrix.twin')}</p>}
            {d.ran && d.detected && !d.expected_engine && (
              <p className="warn">
                {t('matrix.otherRule')} <RuleName name={d.rule} />
              </p>
            )}
            {d.ran && !d.detected && d.expected_rule && (
              <p>
                {t('matrix.expected')} <RuleName name={d.expected_rule} />
              </p>
            )}
            {d.error && (
              <p className="dim">
                <Text value={d.error} max={400} />
              </p>
            )}
            {d.alert_id && <Link to={paths.alert(d.alert_id)}>{t('matrix.itsAlert')}</Link>}
          </li>
        );
      })}
    </ul>
  );
}

function TechniqueAlerts({ cell: c }: { cell: Cell }) {
  const { t } = useI18n();
  const ids = [c.id, ...c.rules.flatMap((r) => r.techniques ?? [])].filter(
    (x) => x === c.id || x.startsWith(`${c.id}.`),
  );
  const filter = `techniques intersects (${[...new Set(ids)].join(', ')})`;
  const alerts = useGet<Page<Alert>>(
    c.alerts ? listPath('alerts', { filter, sort: '-time', limit: 8 }) : undefined,
  );
  if (!c.alerts) return <p className="dim">{t('matrix.alertsNone')}</p>;
  if (alerts.error) return <Failed error={alerts.error} retry={alerts.reload} />;
  if (!alerts.data) return <Waiting rows={3} />;
  return (
    <>
      <ul className="brief">
        {alerts.data.items.map((a) => (
          <li key={a.id}>
            <Priority value={a.priority} compact />
            <Link to={paths.alert(a.id)} className="line">
              <RuleName name={a.rule} />
            </Link>
            <State value={a.state} />
            <Time value={a.time} relative />
          </li>
        ))}
      </ul>
      <Link to={paths.alerts(filter)}>{t('matrix.allAlerts', { n: c.alerts })}</Link>
    </>
  );
}

function Panel({ cell: c }: { cell: Cell }) {
  const { t, lang } = useI18n();
  return (
    <div className="matrix-panel" data-testid="matrix-panel">
      <h2 className="drawer-title">{techniqueName(c.id, lang) ?? c.id}</h2>
      <div className="meta gap">
        <Technique id={c.id} />
        <span className={`cover-word cover-${c.coverage}`}>
          <Sign coverage={c.coverage} />
          {t(`matrix.cover.${c.coverage}` as Key)}
        </span>
      </div>
      <h3>{t('nav.rules')}</h3>
      {c.rules.length ? (
        <ul className="brief">
          {c.rules.map((r) => (
            <li key={r.name}>
              <Priority value={r.priority} compact />
              <Link to={paths.rule(r.name)} className="line">
                <RuleName name={r.name} />
              </Link>
              <span className="tags">
                {r.techniques
                  ?.filter((x) => x.startsWith(c.id) && x !== c.id)
                  .map((x) => (
                    <span key={x} className="tag mono">
                      <Text value={x} max={20} />
                    </span>
                  ))}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="dim">{t('matrix.rulesNone')}</p>
      )}
      {c.engines.length > 0 && (
        <p className="tags">
          {c.engines.map((e) => (
            <Engine key={e} value={e} />
          ))}
        </p>
      )}
      <h3>{t('matrix.drills')}</h3>
      <Drills cell={c} />
      <h3>{t('matrix.alerts30')}</h3>
      <TechniqueAlerts cell={c} />
    </div>
  );
}

function Grid(props: { m: Matrix; open: string | null; show: (id: string) => void }) {
  const { m, open, show } = props;
  const { t } = useI18n();
  const name = useTactic();
  return (
    <>
      <div className="matrix-scroll">
        <div className="matrix" data-testid="matrix">
          {m.columns.map((col) => (
            <section key={col.tactic}>
              <h3>
                {name(col.tactic)} <span className="dim num">{col.cells.length}</span>
              </h3>
              <ul>
                {col.cells.map((c) => (
                  <CellBox key={c.id} cell={c} open={open} show={show} />
                ))}
              </ul>
            </section>
          ))}
        </div>
      </div>
      {m.further.length > 0 && (
        <Card title={t('matrix.further')} className="matrix-further">
          <p className="dim gap">{t('matrix.furtherDoc')}</p>
          <ul className="matrix-row">
            {m.further.map((c) => (
              <CellBox key={c.id} cell={c} open={open} show={show} />
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

export function AttackPage() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const { matrix: m, failed, retry } = useMatrix();
  const open = query.get('technique');
  const only = query.get('show') ?? 'all';
  const show = (id: string) => setQuery({ technique: id });
  const cell = m && open ? findCell(m, open) : undefined;
  const shown = useMemo(() => (m && only !== 'all' ? thin(m, only) : m), [m, only]);
  return (
    <>
      <PageHead title={t('nav.attack')} sub={t('matrix.sub')} />
      {failed && <Failed error={failed} retry={retry} />}
      {!m && !failed && <Waiting rows={10} />}
      {m && shown && (
        <>
          {m.played === 0 && !failed && <HowTo />}
          <div className="list-bar">
            <Segmented
              value={only}
              options={[
                { value: 'all', label: t('rules.all') },
                { value: 'gaps', label: t('matrix.gaps') },
                { value: 'alerts', label: t('matrix.withAlerts') },
              ]}
              onChange={(v) => setQuery({ show: v === 'all' ? undefined : String(v) })}
            />
          </div>
          <Legend m={m} />
          {shown.columns.some((c) => c.cells.length) || shown.further.length ? (
            <Grid m={shown} open={open} show={show} />
          ) : (
            <Nothing title={t('list.noMatch')} />
          )}
        </>
      )}
      <Drawer
        open={!!open && !!m}
        onClose={() => setQuery({ technique: undefined })}
        size={narrow ? '100%' : 560}
        title={t('matrix.technique')}
        mask={narrow}
        classNames={{ root: 'below-top' }}
      >
        {cell ? <Panel key={cell.id} cell={cell} /> : <Nothing title={t('matrix.unknown')} />}
      </Drawer>
    </>
  );
}

/** Only the cells of which one wants to know; a cell stays for the sake of those below it. */
function thin(m: Matrix, only: string): Matrix {
  const wanted = (c: Cell): boolean =>
    only === 'alerts'
      ? c.open > 0
      : c.coverage === 'none' || c.coverage === 'missed' || c.coverage === 'partly';
  const keep = (cells: Cell[]): Cell[] =>
    cells
      .map((c) => ({ ...c, subs: c.subs.filter(wanted) }))
      .filter((c) => wanted(c) || c.subs.length > 0);
  return {
    ...m,
    columns: m.columns.map((col) => ({ ...col, cells: keep(col.cells) })),
    further: keep(m.further),
  };
}
