import { App, Button, Alert as Notice } from 'antd';
import { useState } from 'react';
import { call, objectPath } from '../api/client';
import type { Alert, Rules } from '../api/schema';
import { useMay } from '../api/session';
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
import { RuleView, useRuleTitle } from '../components/RuleView';
import { ResponseBar } from '../components/response-bar';
import { useI18n } from '../i18n';
import { count } from '../lib/format';
import { Link, paths } from '../router';

function CloseButton({ alert, onChange }: { alert: Alert; onChange: (a: Alert) => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const words = useErrorText();
  const may = useMay('operator');
  const [busy, setBusy] = useState(false);
  if (!may) return null;
  const to = alert.state === 'open' ? 'closed' : 'open';
  const change = () => {
    setBusy(true);
    call<Alert | null>('PATCH', objectPath('alerts', alert.id), { state: to })
      .then((a) => {
        onChange(a?.id ? a : { ...alert, state: to });
        message.success(to === 'closed' ? t('alert.closed') : t('alert.reopened'));
      })
      .catch((e) => {
        const w = words(asApiError(e));
        message.error([w.title, w.detail].filter(Boolean).join(': '));
      })
      .finally(() => setBusy(false));
  };
  return (
    <Button
      type={to === 'closed' ? 'primary' : 'default'}
      loading={busy}
      onClick={change}
      data-testid="alert-state"
    >
      {to === 'closed' ? t('alert.close') : t('alert.reopen')}
    </Button>
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
            {a.count > 1 && <span className="times num">×{count(a.count, lang)}</span>}
          </div>
        </div>
        <CloseButton alert={a} onChange={onChange} />
      </header>
      <div className="output">
        <Text value={a.output} max={8000} />
        {a.output && <Copy text={a.output} />}
      </div>
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
        <Where a={a} />
      </section>
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
