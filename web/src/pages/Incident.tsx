// One incident: what happened in which order, how far it came, and what is done about it.
import { App, Button } from 'antd';
import { useMemo } from 'react';
import { call, objectPath } from '../api/client';
import { useLive } from '../api/live';
import type { Container, Incident, Member, Rules, Story } from '../api/schema';
import { useMay, useSession } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import {
  Card,
  Loaded,
  Nothing,
  PageHead,
  Priority,
  State,
  Technique,
  Text,
  Time,
  useErrorText,
} from '../components/bits';
import { IncidentTitle, Risk, RiskExplained, useTactic } from '../components/incident';
import { ProcessLanes } from '../components/ProcessLanes';
import { RuleName } from '../components/RuleName';
import { ResponseBar } from '../components/response-bar';
import {
  AssignButton,
  Assignee,
  Comments,
  Engine,
  useSaid,
  useTriage,
  Verdict,
  VerdictButtons,
} from '../components/triage';
import { type Key, useI18n } from '../i18n';
import { count, duration, parseTime } from '../lib/format';
import { attackChain, storyGroups } from '../lib/story';
import { quote } from '../lib/text';
import { type Change, changed, recorderPath } from '../lib/triage';
import { Link, paths } from '../router';
import { useContainers } from './incidentContainers';

function Chain({ incident: i }: { incident: Incident }) {
  const { t, lang } = useI18n();
  const name = useTactic();
  const links = useMemo(() => attackChain(i), [i]);
  return (
    <ol className="attack-chain" data-testid="attack-chain" aria-label={t('incident.chain')}>
      {links.map((l) => (
        <li
          key={l.tactic}
          className={l.order ? 'reached' : ''}
          data-tactic={l.tactic}
          title={
            l.order
              ? t('incident.reachedAs', { n: l.order, steps: l.steps })
              : t('incident.notReached')
          }
        >
          <i>{l.order ? <b className="num">{count(l.order, lang)}</b> : null}</i>
          <span>{name(l.tactic)}</span>
          {l.time && <Time value={l.time} />}
        </li>
      ))}
    </ol>
  );
}

function Step({ s, host }: { s: Story; host?: string }) {
  const { t, lang } = useI18n();
  const tactic = useTactic();
  const body = (
    <>
      <div className="story-head">
        <Priority value={s.priority} compact />
        <b>
          <RuleName name={s.rule} />
        </b>
        {s.count > 1 && <span className="times num">×{count(s.count, lang)}</span>}
        <span className="story-marks">
          <Engine value={s.engine} />
          {s.tactic && <span className="tag">{tactic(s.tactic)}</span>}
        </span>
      </div>
      {s.process && (
        <div className="story-process mono">
          <Text value={s.process} max={600} />
        </div>
      )}
      {s.text && (
        <div className="story-text dim">
          <Text value={s.text} max={700} />
        </div>
      )}
    </>
  );
  return (
    <li className={`story-step prio-${s.priority}`} data-testid="story-step">
      <span className="story-time">
        <Time value={s.time} />
      </span>
      <i className="story-dot" aria-hidden="true" />
      <div className="story-box">
        {s.alert_id ? (
          <Link
            to={paths.alert(s.alert_id)}
            className="story-link"
            aria-label={t('incident.openStep')}
          >
            {body}
          </Link>
        ) : (
          body
        )}
        {s.technique && <Technique id={s.technique} />}
        {!s.container_id && host && (
          <span className="dim">
            {' '}
            {t('overview.onHost')} <Text value={host} max={80} />
          </span>
        )}
      </div>
    </li>
  );
}

/** What joins a member to another one. */
function JoinedBy({ incident: i, member: m }: { incident: Incident; member: Member }) {
  const { t } = useI18n();
  const host = i.members?.find((x) => x.id === m.with)?.hostname ?? '';
  const words = t(`incident.link.${m.link}` as Key, { what: m.what ?? '', host });
  return <Text value={words} max={400} />;
}

/** The incidents of single hosts that this one is made of, and what joins them. */
function Members({ incident: i }: { incident: Incident }) {
  const { t } = useI18n();
  return (
    <ul className="involved" data-testid="incident-members">
      {i.members?.map((m) => (
        <li key={m.id}>
          <div className="involved-head">
            <Link to={paths.incident(m.id ?? '')} className="strong">
              <Text value={m.hostname ?? m.host_id} max={120} />
            </Link>
            <Risk value={m.risk} priority={m.priority} />
          </div>
          <div className="dim">
            {m.container_id ? (
              <Text value={m.container_name ?? m.container_id.slice(0, 12)} max={120} />
            ) : (
              t('overview.onHost')
            )}
            {' · '}
            {t('overview.alertsN', { n: m.alerts })}
            {' · '}
            <Time value={m.first} />
          </div>
          {m.link !== 'none' && (
            <div className="member-link">
              <JoinedBy incident={i} member={m} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Of one host: the incident over several that it is part of. */
function PartOf({ id }: { id: string }) {
  const { t } = useI18n();
  const whole = useGet<Incident>(objectPath('incidents', id)).data;
  return (
    <p className="part-of-line">
      {t('incident.partOf')}{' '}
      <Link to={paths.incident(id)} data-testid="incident-part-of" className="strong">
        {whole ? <IncidentTitle incident={whole} /> : <span className="mono">{id}</span>}
      </Link>
    </p>
  );
}

/** Where the attack came to another host, before the first step there. */
function StoryJoin({ incident, member }: { incident: Incident; member: Member | undefined }) {
  if (!member) return null;
  return (
    <p className="story-join">
      <span aria-hidden="true">↓</span> <JoinedBy incident={incident} member={member} />
    </p>
  );
}

function StoryLine(props: { incident: Incident; names: ReadonlyMap<string, string> }) {
  const { t, lang } = useI18n();
  const { incident: i, names } = props;
  const groups = useMemo(() => storyGroups(i.story), [i.story]);
  if (!groups.length) return <Nothing title={t('incident.noStory')} />;
  const joins = new Map(
    i.members?.flatMap((m) => {
      const at = groups.find((g) => g.steps[0]?.host_id === m.host_id);
      return at && m.link !== 'none' ? [[at, m] as const] : [];
    }),
  );
  const shown = groups.reduce((n, g) => n + g.steps.reduce((k, s) => k + s.count, 0), 0);
  return (
    <div className="story" data-testid="story">
      {groups.map((g) => (
        <div key={`${g.steps[0]?.alert_id} ${g.steps[0]?.time}`} className="story-group">
          {g.gap_ms && (
            <p className="story-gap dim">
              {t('incident.quiet', { time: duration(g.gap_ms, lang) })}
            </p>
          )}
          <StoryJoin incident={i} member={joins.get(g)} />
          <div className="story-place">
            {g.container ? (
              <>
                <span className="wall-tag">{t('ancestry.container')}</span>
                <Link to={paths.container(g.container)}>
                  <Text value={names.get(g.container) ?? g.container.slice(0, 12)} max={80} />
                </Link>
              </>
            ) : (
              <>
                <span className="wall-tag">{t('ancestry.host')}</span>
                <Text value={g.hostname ?? i.hostname} max={80} />
              </>
            )}
            {g.container && g.hostname && (
              <>
                <span className="wall-tag">{t('ancestry.host')}</span>
                <Text value={g.hostname} max={80} />
              </>
            )}
          </div>
          <ol>
            {g.steps.map((s) => (
              <Step key={`${s.alert_id} ${s.time} ${s.rule}`} s={s} />
            ))}
          </ol>
        </div>
      ))}
      {i.alerts > shown && (
        <p className="dim">{t('incident.moreAlerts', { n: i.alerts - shown })}</p>
      )}
    </div>
  );
}

/** Alerts name the incident of their own host. */
function alertsOf(i: Incident): string {
  const ids = i.members?.length ? i.members.map((m) => m.id ?? '') : [i.id];
  return ids.length > 1
    ? `incident_id in (${ids.map(quote).join(', ')})`
    : `incident_id = ${quote(ids[0] ?? '')}`;
}

/** Of a worm that reached hundreds, the first ones can be acted on from here. */
const BARS_MAX = 5;

function Involved(props: { incident: Incident; containers: Container[] | undefined }) {
  const { t } = useI18n();
  const { incident: i } = props;
  const ids = i.containers ?? [];
  const hosts = new Map(i.members?.map((m) => [m.host_id, m.hostname]));
  return (
    <ul className="involved">
      {ids.map((id, at) => {
        const c =
          props.containers?.find((x) => x.id === id) ??
          (i.container?.id === id ? i.container : undefined);
        return (
          <li key={id}>
            <div className="involved-head">
              <Link to={paths.container(id)} className="strong">
                <Text value={c?.name ?? id.slice(0, 12)} max={120} />
              </Link>
              {c && <State value={c.state} />}
            </div>
            {c?.image && (
              <div className="dim mono">
                <Text value={c.image} max={200} />
              </div>
            )}
            {c?.host_id && hosts.has(c.host_id) && (
              <div className="dim">
                {t('overview.onHost')}{' '}
                <Link to={paths.host(c.host_id)}>
                  <Text value={hosts.get(c.host_id) ?? c.host_id} max={120} />
                </Link>
              </div>
            )}
            <Link to={recorderPath(id, i.first, i.last)} data-testid="incident-recorder">
              {t('alert.showRecord')}
            </Link>
            {at < BARS_MAX && (
              <ResponseBar
                containerId={id}
                hostId={c?.host_id ?? i.host_id ?? ''}
                containerName={c?.name}
                incidentId={i.id}
              />
            )}
          </li>
        );
      })}
      {!ids.length && (
        <li>
          {t('overview.onHost')}{' '}
          {i.host_id && (
            <Link to={paths.host(i.host_id)}>
              <Text value={i.hostname ?? i.host_id} max={120} />
            </Link>
          )}
        </li>
      )}
    </ul>
  );
}

/** What to do, of the rules that found its steps, worst first. */
function Advice({ incident: i }: { incident: Incident }) {
  const { t, lang } = useI18n();
  const rules = useGet<Rules>('/rules');
  const names = [...new Set((i.story ?? []).map((s) => s.rule))];
  const found = names.flatMap((n) => {
    const r = rules.data?.items.find((x) => x.name === n);
    const text = r && ((lang === 'zh' && r.advice_zh) || r.advice);
    return r && text ? [{ rule: r.name, text }] : [];
  });
  if (!found.length) return null;
  return (
    <Card title={t('rule.advice')}>
      <ul className="advices">
        {found.slice(0, 6).map((a) => (
          <li key={a.rule}>
            <b>
              <RuleName name={a.rule} />
            </b>
            <p className="pre">
              <Text value={a.text.trim()} max={1500} />
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Actions({
  incident: i,
  onChange,
}: {
  incident: Incident;
  onChange: (i: Incident) => void;
}) {
  const { t } = useI18n();
  const may = useMay('operator');
  const said = useSaid();
  const { user } = useSession();
  const triage = useTriage<Incident>('incident');
  if (!may) return null;
  const now = triage.amend(i);
  const change = async (set: Change, words: string) => {
    if (await triage.apply([now], set, words)) onChange(changed(now, set));
  };
  return (
    <div className="triage-bar" data-testid="triage-bar">
      <VerdictButtons
        value={now.verdict}
        disabled={triage.busy}
        choose={(v) => void change({ state: 'closed', verdict: v }, said.verdict(v, 1))}
      />
      <AssignButton
        name={now.assignee}
        disabled={triage.busy}
        choose={(name) =>
          void change(
            { assignee: name },
            name === user?.name ? said.mine(1) : said.assigned(1, name),
          )
        }
      />
      {now.state === 'open' && (
        <Button
          disabled={triage.busy}
          data-testid="incident-contain"
          title={t('incident.containDoc')}
          onClick={() => void change({ state: 'contained' }, t('incident.nowContained'))}
        >
          {t('incident.contain')}
        </Button>
      )}
      {now.state !== 'open' && (
        <Button
          type="text"
          disabled={triage.busy}
          data-testid="incident-reopen"
          onClick={() => void change({ state: 'open', verdict: 'none' }, t('incident.reopened'))}
        >
          {t('alert.reopen')}
        </Button>
      )}
    </div>
  );
}

function Body({ incident: i, onChange }: { incident: Incident; onChange: (i: Incident) => void }) {
  const { t, lang } = useI18n();
  const may = useMay('operator');
  const { message } = App.useApp();
  const words = useErrorText();
  const containers = useContainers(i.containers);
  const names = useMemo(() => {
    const m = new Map<string, string>();
    if (i.container?.name) m.set(i.container.id, i.container.name);
    for (const c of containers ?? []) if (c.name) m.set(c.id, c.name);
    return m;
  }, [containers, i.container]);
  const comment = (text: string) =>
    call<Incident>('POST', `${objectPath('incidents', i.id)}/comments`, { text })
      .then((to) => {
        onChange(to);
        return true;
      })
      .catch((e) => {
        const w = words(asApiError(e));
        message.error([w.title, w.detail].filter(Boolean).join(': '));
        return false;
      });
  const lasted = (parseTime(i.last) ?? 0) - (parseTime(i.first) ?? 0);
  return (
    <div className="incident" data-testid="incident">
      <PageHead
        title={<IncidentTitle incident={i} />}
        sub={
          <span className="meta">
            <Priority value={i.priority} />
            <State value={i.state} />
            <Verdict value={i.verdict} />
            <Assignee name={i.assignee} />
            <Time value={i.first} />
            {lasted > 1000 && <span>{t('incident.over', { time: duration(lasted, lang) })}</span>}
            <Link to={`/alerts?state=all&filter=${encodeURIComponent(alertsOf(i))}`}>
              {t('overview.alertsN', { n: i.alerts })}
            </Link>
          </span>
        }
      >
        <RiskExplained incident={i} />
      </PageHead>
      {i.part_of && <PartOf id={i.part_of} />}
      <Actions incident={i} onChange={onChange} />
      <Card title={t('incident.chain')}>
        <Chain incident={i} />
      </Card>
      <div className="incident-split">
        <Card title={t('incident.story')}>
          <StoryLine incident={i} names={names} />
        </Card>
        <div className="stacked">
          {!!i.members?.length && (
            <Card title={t('incident.members')}>
              <Members incident={i} />
            </Card>
          )}
          <Card title={t('incident.containers')}>
            <Involved incident={i} containers={containers} />
          </Card>
          <Advice incident={i} />
          {(may || !!i.comments?.length) && (
            <Card title={t('triage.comments')}>
              <Comments comments={i.comments} add={may ? comment : undefined} />
            </Card>
          )}
        </div>
      </div>
      <Card title={t('incident.processes')}>
        <ProcessLanes incident={i} />
      </Card>
    </div>
  );
}

export function IncidentPage({ id }: { id: string }) {
  const incident = useGet<Incident>(objectPath('incidents', id));
  const reload = useThrottled(incident.reload, 500);
  useLive(['incident'], (b) => b.some((x) => x.data.id === id) && reload(), reload);
  return (
    <Loaded of={incident} rows={12}>
      {(i) => <Body incident={i} onChange={incident.set} />}
    </Loaded>
  );
}
