// What incidents look like wherever they are named: title, risk, tactics, containers.
import { Popover } from 'antd';
import type { Incident } from '../api/schema';
import { type Translate, useI18n } from '../i18n';
import { inAttackOrder, riskShares } from '../lib/story';
import { visible } from '../lib/text';
import { Link, paths } from '../router';
import { Priority, Text } from './bits';
import { RuleName } from './RuleName';

export function useTactic() {
  const { maybe } = useI18n();
  return (name: string) => maybe(`tactic.${name.replace(/-/g, '_')}`) ?? name.replace(/_/g, ' ');
}

/** 0 to 100 as a bar in the colour of the worst alert, with the number. */
export function Risk({ value, priority }: { value: number; priority: string }) {
  const { t } = useI18n();
  return (
    <span className={`risk prio-${priority}`} title={t('incident.riskOf', { n: value })}>
      <span className="meter" aria-hidden="true">
        <i style={{ width: `${Math.min(100, value)}%` }} />
      </span>
      <b className="num">{value}</b>
    </span>
  );
}

/** "web (node-a), db (node-b)" of an incident over several hosts, and how many more. */
function places(i: Incident, t: Translate) {
  const all = i.members ?? [];
  const said = all
    .slice(0, 2)
    .map((m) =>
      m.container_id
        ? t('incident.placeOn', {
            container: m.container_name ?? m.container_id.slice(0, 12),
            host: m.hostname ?? '',
          })
        : (m.hostname ?? ''),
    )
    .join(t('incident.placesJoin'));
  return all.length > 2 ? t('incident.placesMore', { places: said, n: all.length - 2 }) : said;
}

/** The hosts that it reached, by name. */
export function Hosts({ incident: i, max = 2 }: { incident: Incident; max?: number }) {
  const names = i.hosts?.length ? i.hosts : i.hostname ? [i.hostname] : [];
  if (!names.length) return <span className="dim">—</span>;
  return (
    <span className="tags" title={names.map((n) => visible(n, 80)).join(', ')}>
      {names.slice(0, max).map((n) => (
        <span key={n} className="tag">
          <Text value={n} max={60} />
        </span>
      ))}
      {names.length > max && <span className="dim num">+{names.length - max}</span>}
    </span>
  );
}

/** The console names incidents in English by their tactics and place: said again in the reader's language. */
export function IncidentTitle({ incident: i }: { incident: Incident }) {
  const { lang, t } = useI18n();
  const tactic = useTactic();
  const tactics = i.tactics ?? [];
  if (lang === 'en' || !tactics.length) return <Text value={i.title ?? i.id} max={300} />;
  const chain = tactics.slice(0, 5).map(tactic).join(' → ');
  if (i.members?.length)
    return <Text value={t('incident.titleAcross', { chain, where: places(i, t) })} max={300} />;
  const c = i.container;
  return c ? (
    <Text value={t('incident.titleIn', { chain, where: c.name ?? c.id.slice(0, 12) })} max={300} />
  ) : (
    <Text value={t('incident.titleOn', { chain, where: i.hostname ?? '' })} max={300} />
  );
}

export function Tactics({ values }: { values?: readonly string[] }) {
  const name = useTactic();
  const known = inAttackOrder(values);
  if (!known.length) return <span className="dim">—</span>;
  return (
    <span className="chain-chips">
      {known.map((x) => (
        <span key={x} className="tag" title={name(x)}>
          {name(x)}
        </span>
      ))}
    </span>
  );
}

export function ContainerLinks(props: {
  incident: Incident;
  names?: ReadonlyMap<string, string>;
  max?: number;
  plain?: boolean;
}) {
  const { t } = useI18n();
  const { incident: i, max = 3 } = props;
  const ids = i.containers ?? [];
  if (!ids.length) return <span className="dim">{t('overview.onHost')}</span>;
  const nameOf = (id: string) =>
    props.names?.get(id) ??
    (i.container?.id === id ? i.container.name : undefined) ??
    id.slice(0, 12);
  return (
    <span className="tags">
      {ids.slice(0, max).map((id) =>
        props.plain ? (
          <span key={id} className="tag">
            <Text value={nameOf(id)} max={60} />
          </span>
        ) : (
          <Link key={id} to={paths.container(id)} className="tag">
            <Text value={nameOf(id)} max={60} />
          </Link>
        ),
      )}
      {ids.length > max && <span className="dim num">+{ids.length - max}</span>}
    </span>
  );
}

/** The risk with how it came about. */
export function RiskExplained({ incident: i }: { incident: Incident }) {
  const { t } = useI18n();
  const { shares, tactics } = riskShares(i);
  return (
    <Popover
      trigger={['click', 'hover']}
      placement="bottomRight"
      title={t('incident.riskWhy')}
      content={
        <div className="risk-why" data-testid="risk-why">
          <p>{t('incident.riskText')}</p>
          <code>
            100 × (1 −{' '}
            {shares.length ? shares.map((s) => (1 - s.weight).toFixed(2)).join(' × ') : 1}
            {tactics > 1 && ` × 0.9^${tactics - 1}`})
          </code>
          <ul>
            {shares.map((s) => (
              <li key={s.rule}>
                <Priority value={s.priority} compact />
                <RuleName name={s.rule} />
                <b className="num">{s.weight.toFixed(2)}</b>
              </li>
            ))}
          </ul>
          <p>{t('incident.riskTactics', { n: tactics })}</p>
        </div>
      }
    >
      <button type="button" className="risk-button" data-testid="incident-risk">
        <span>{t('f.risk')}</span>
        <Risk value={i.risk} priority={i.priority} />
      </button>
    </Popover>
  );
}
