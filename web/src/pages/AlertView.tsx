import { App, Button, Alert as Notice } from 'antd';
import { useState } from 'react';
import { call, objectPath } from '../api/client';
import type { Alert, Incident, Rule, Rules } from '../api/schema';
import { useMay, useSession } from '../api/session';
import { asApiError, useGet } from '../api/use';
import { Ancestry } from '../components/Ancestry';
import {
  Copy,
  Facts,
  Priority,
  State,
  Tags,
  Technique,
  Text,
  Time,
  useErrorText,
} from '../components/bits';
import { ExceptionDialog } from '../components/ExceptionDialog';
import { IncidentTitle, Risk } from '../components/incident';
import { RuleView, useRuleTitle } from '../components/RuleView';
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
import { useI18n } from '../i18n';
import { count, fullTime, parseTime } from '../lib/format';
import { type Change, changed, recorderPath } from '../lib/triage';
import { Link, paths } from '../router';

/** What is made of the alert: verdict, who looks at it, notes, an exception for its like. */
function Triage({ alert: a, onChange }: { alert: Alert; onChange: (a: Alert) => void }) {
  const { t } = useI18n();
  const may = useMay('operator');
  const said = useSaid();
  const { user } = useSession();
  const triage = useTriage<Alert>('alert');
  const [excepting, setExcepting] = useState(false);
  if (!may) return null;
  const now = triage.amend(a);
  const change = async (set: Change, words: string) => {
    if (await triage.apply([now], set, words)) onChange(changed(now, set));
  };
  const toggle = a.state === 'open' ? 'closed' : 'open';
  return (
    <>
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
        <Button onClick={() => setExcepting(true)} data-testid="exception-write">
          {t('except.write')}
        </Button>
        <Button
          type="text"
          disabled={triage.busy}
          data-testid="alert-state"
          onClick={() =>
            void change(
              toggle === 'open' ? { state: 'open', verdict: 'none' } : { state: toggle },
              toggle === 'closed' ? t('alert.closed') : t('alert.reopened'),
            )
          }
        >
          {toggle === 'closed' ? t('alert.close') : t('alert.reopen')}
        </Button>
      </div>
      {excepting && <ExceptionDialog alert={a} close={() => setExcepting(false)} />}
    </>
  );
}

function AlertComments({ alert: a, onChange }: { alert: Alert; onChange: (a: Alert) => void }) {
  const { t } = useI18n();
  const may = useMay('operator');
  const { message } = App.useApp();
  const words = useErrorText();
  const add = (text: string) =>
    call<Alert>('POST', `${objectPath('alerts', a.id)}/comments`, { text })
      .then((to) => {
        onChange(to);
        return true;
      })
      .catch((e) => {
        const w = words(asApiError(e));
        message.error([w.title, w.detail].filter(Boolean).join(': '));
        return false;
      });
  if (!may && !a.comments?.length) return null;
  return (
    <section>
      <h3>{t('triage.comments')}</h3>
      <Comments comments={a.comments} add={may ? add : undefined} />
    </section>
  );
}

/** The incident it is part of: its trail may be too quiet so far to be one. */
function PartOf({ id }: { id: string }) {
  const incident = useGet<Incident>(objectPath('incidents', id));
  const of = incident.data?.part_of;
  const whole = useGet<Incident>(of ? objectPath('incidents', of) : undefined);
  const i = whole.data ?? incident.data;
  if (!i) return null;
  return (
    <Link to={paths.incident(i.id)} className="part-of" data-testid="alert-incident">
      <Risk value={i.risk} priority={i.priority} />
      <IncidentTitle incident={i} />
    </Link>
  );
}

/** Which engine told, what was done at once, and what is known of its like. */
function Context({ a }: { a: Alert }) {
  const { t, maybe, lang } = useI18n();
  const acted = a.response !== 'alert' || !!a.response_how;
  return (
    <Facts
      items={[
        [t('f.engine'), <Engine value={a.engine} />],
        [
          t('f.response'),
          acted && (
            <span className={a.response === 'alert' ? undefined : 'responded'}>
              {maybe(`response.${a.response}`) ?? a.response}
              {a.response_how && (
                <span className="dim">
                  {' '}
                  · <Text value={a.response_how} max={300} />
                </span>
              )}
            </span>
          ),
        ],
        [
          t('alert.seen'),
          a.seen_before > 0
            ? a.seen_since
              ? t('alert.seenSince', {
                  n: a.seen_before,
                  since: fullTime(parseTime(a.seen_since) ?? 0, lang),
                })
              : t('alert.seenTimes', { n: a.seen_before })
            : a.seen_since && t('alert.seenNever'),
        ],
        [t('alert.partOf'), a.incident_id && <PartOf id={a.incident_id} />],
        [
          t('alert.recorded'),
          a.recorded && (
            <Link to={recorderPath(a.container?.id, a.time)} data-testid="alert-recorded">
              {t('alert.showRecord')}
            </Link>
          ),
        ],
      ]}
    />
  );
}

function Advice({ rule }: { rule: Rule | undefined }) {
  const { t, lang } = useI18n();
  const advice = rule && ((lang === 'zh' && rule.advice_zh) || rule.advice);
  if (!advice) return null;
  return (
    <div className="advice" data-testid="alert-advice">
      <b>{t('rule.advice')}</b>
      <p className="pre">
        <Text value={advice.trim()} />
      </p>
    </div>
  );
}

function EventFacts({ a }: { a: Alert }) {
  const { t, maybe } = useI18n();
  const { evt, fd } = a;
  const opened = [
    evt.is_open_read && t('evt.read'),
    evt.is_open_write && t('evt.write'),
    evt.is_open_create && t('evt.create'),
    evt.is_open_exec && t('evt.exec'),
  ].filter(Boolean);
  const text = (v?: string) => v && <Text value={v} mono max={4096} />;
  const end = (ip?: string, port?: number) =>
    ip && text(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
  const hasFd = fd && (fd.num >= 0 || fd.name) && fd.typechar !== '';
  return (
    <>
      <Facts
        items={[
          [t('evt.type'), <b className="mono">{evt.type}</b>],
          [t('evt.time'), <Time value={evt.time ?? a.time} />],
          [
            t('evt.result'),
            evt.blocked ? (
              <b className="warn">{t('evt.blocked')}</b>
            ) : evt.failed ? (
              t('evt.failed', { code: String(evt.rawres) })
            ) : (
              String(evt.rawres)
            ),
          ],
          [t('evt.opened'), opened.join(', ')],
          [t('evt.path'), text(evt.path)],
          [t('evt.oldpath'), text(evt.oldpath)],
          [t('evt.newpath'), text(evt.newpath)],
          [t('evt.name'), text(evt.name)],
          [t('evt.target'), evt.target_pid || undefined],
          [t('evt.num'), evt.num || undefined],
          [t('f.count'), a.count > 1 ? `×${a.count}` : undefined],
        ]}
      />
      {hasFd && (
        <>
          <h3>{t('alert.fd')}</h3>
          <Facts
            items={[
              [t('fd.type'), maybe(`fd.${fd.typechar}`) ?? fd.typechar],
              [t('fd.name'), text(fd.name)],
              [t('fd.num'), fd.num >= 0 ? String(fd.num) : undefined],
              [t('fd.proto'), fd.l4proto ? fd.l4proto.toUpperCase() : undefined],
              [t('fd.local'), end(fd.lip, fd.lport)],
              [t('fd.remote'), end(fd.rip, fd.rport)],
              [t('fd.upper'), fd.upper && t('yes')],
              [t('fd.deleted'), fd.deleted && t('yes')],
            ]}
          />
        </>
      )}
    </>
  );
}

function ProcessFacts({ a }: { a: Alert }) {
  const { t } = useI18n();
  const p = a.proc;
  if (!p) return <p className="dim">{t('alert.noProcess')}</p>;
  const text = (v?: string) => v && <Text value={v} mono max={4096} />;
  const id = (n: number, name?: string) =>
    n === 0xffffffff ? undefined : <Text value={name ? `${name} (${n})` : String(n)} mono />;
  return (
    <Facts
      items={[
        [t('f.cmdline'), text(p.cmdline)],
        [t('f.exepath'), text(p.exepath)],
        [t('f.cwd'), text(p.cwd)],
        ['PID', `${p.pid}${p.vpid && p.vpid !== p.pid ? ` (${t('tree.vpid')} ${p.vpid})` : ''}`],
        [t('f.user'), id(p.uid, p.user)],
        [t('f.euid'), p.euid !== p.uid ? id(p.euid) : undefined],
        [t('f.group'), id(p.gid, p.group)],
        [t('f.loginuid'), id(p.loginuid, p.loginname)],
        [t('f.cap_effective'), text(p.cap_effective)],
        [t('f.env'), text(p.env)],
        [t('f.start_time'), <Time value={p.start_time} />],
      ]}
    />
  );
}

function OutputFields({ a }: { a: Alert }) {
  const { t } = useI18n();
  if (!a.output_fields?.length) return null;
  return (
    <section>
      <h3>{t('alert.fields')}</h3>
      <table className="plain labels">
        <tbody>
          {a.output_fields.map((f) => (
            <tr key={f.key}>
              <th className="mono">
                <Text value={f.key} />
              </th>
              <td className="mono">
                <Text value={f.value} max={4096} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Where({ a }: { a: Alert }) {
  const { t } = useI18n();
  return (
    <Facts
      items={[
        [
          t('f.container'),
          a.container?.id ? (
            <Link to={paths.container(a.container.id)}>
              <Text value={a.container.name ?? a.container.id.slice(0, 12)} max={200} />
            </Link>
          ) : (
            t('overview.onHost')
          ),
        ],
        [t('f.image'), a.container?.image && <Text value={a.container.image} mono max={300} />],
        [t('f.k8s_pod'), a.container?.k8s_pod && <Text value={a.container.k8s_pod} />],
        [
          t('f.hostname'),
          a.host_id ? (
            <Link to={paths.host(a.host_id)}>
              <Text value={a.hostname ?? a.host_id} max={120} />
            </Link>
          ) : (
            <Text value={a.hostname} />
          ),
        ],
        [t('f.user'), a.proc && <Text value={a.proc.user ?? String(a.proc.uid)} />],
      ]}
    />
  );
}

export function AlertView({ alert: a, onChange }: { alert: Alert; onChange: (a: Alert) => void }) {
  const { t, lang } = useI18n();
  const rules = useGet<Rules>('/rules');
  const title = useRuleTitle();
  const rule = rules.data?.items.find((r) => r.name === a.rule);
  const own = a.source === 'skep'; // of the console itself: no event, no process, no rule file
  return (
    <article className="alert-view" data-testid="alert-detail">
      <header>
        <div>
          <h2>
            <Text value={rule ? title(rule) : a.rule} max={300} />
          </h2>
          <div className="meta">
            <Priority value={a.priority} />
            <State value={a.state} />
            <Time value={a.time} />
            <Verdict value={a.verdict} />
            <Assignee name={a.assignee} />
            {a.count > 1 && <span className="times num">×{count(a.count, lang)}</span>}
          </div>
        </div>
      </header>
      <Triage alert={a} onChange={onChange} />
      <div className="output">
        <Text value={a.output} max={8000} />
        {a.output && <Copy text={a.output} />}
      </div>
      <Advice rule={rule} />
      {a.lost > 0 && (
        <Notice type="warning" showIcon className="gap" title={t('alert.lost', { n: a.lost })} />
      )}
      {a.container?.id && (
        <ResponseBar
          containerId={a.container.id}
          hostId={a.host_id ?? ''}
          containerName={a.container.name}
          incidentId={a.incident_id}
          alertId={a.id}
        />
      )}
      {!!a.techniques?.length && (
        <div className="tags gap">
          {a.techniques.map((x) => (
            <Technique key={x} id={x} />
          ))}
        </div>
      )}
      <section>
        <Context a={a} />
      </section>
      <section>
        <Where a={a} />
      </section>
      <AlertComments alert={a} onChange={onChange} />
      {!own && (
        <>
          <section>
            <h3>{t('alert.ancestry')}</h3>
            <Ancestry alert={a} />
          </section>
          <section>
            <h3>{t('alert.event')}</h3>
            <EventFacts a={a} />
          </section>
          <section>
            <h3>{t('alert.process')}</h3>
            <ProcessFacts a={a} />
          </section>
        </>
      )}
      <section>
        <h3>{t('alert.rule')}</h3>
        {rule ? (
          <>
            <RuleView rule={rule} inAlert />
            <Link to={paths.rule(rule.name)}>{t('alert.openRule')}</Link>
          </>
        ) : (
          <>
            {a.desc && (
              <p>
                <Text value={a.desc} />
              </p>
            )}
            {!own && <Tags values={a.tags?.filter((x) => !a.techniques?.includes(x))} />}
            {rules.data && !own && <p className="dim">{t('alert.ruleGone')}</p>}
          </>
        )}
      </section>
      <OutputFields a={a} />
    </article>
  );
}
