import { Alert } from 'antd';
import type { Agent } from '../api/schema';
import { useI18n } from '../i18n';
import { bytes, compact, count, duration, parseTime } from '../lib/format';
import { Facts, Text, Time } from './bits';

function Problems({ a }: { a: Agent }) {
  const { t } = useI18n();
  const found: [string, string | undefined][] = [
    [t('agent.runtimeError'), a.runtime_error],
    [t('agent.rulesError'), a.rules_error],
    [t('agent.storeError'), a.store_error],
    [t('agent.recordError'), a.record_error],
    [t('agent.denyError'), a.deny_error],
  ];
  return (
    <>
      {found.map(
        ([name, text]) =>
          text && (
            <Alert
              key={name}
              type="error"
              showIcon
              className="gap"
              title={name}
              description={
                <pre className="message">
                  <Text value={text} />
                </pre>
              }
            />
          ),
      )}
    </>
  );
}

function Losses({ a }: { a: Agent }) {
  const { t, lang } = useI18n();
  if (!a.losses?.length) return null;
  const worstFirst = [...a.losses].sort((x, y) => y.lost - x.lost);
  return (
    <>
      <h3>{t('agent.losses')}</h3>
      <div className="scroll-x">
        <table className="plain">
          <thead>
            <tr>
              <th>{t('agent.ring')}</th>
              <th>{t('agent.kind')}</th>
              <th className="right">{t('agent.seen')}</th>
              <th className="right">{t('agent.lost')}</th>
            </tr>
          </thead>
          <tbody>
            {worstFirst.map((l) => (
              <tr key={`${l.ring} ${l.kind}`} className={l.lost ? 'bad' : ''}>
                <td>
                  <Text value={l.ring} />
                </td>
                <td>
                  <Text value={l.kind} />
                </td>
                <td className="num right">{count(l.seen, lang)}</td>
                <td className="num right">{count(l.lost, lang)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Hooks({ a }: { a: Agent }) {
  const { t } = useI18n();
  if (!a.hooks?.length) return null;
  return (
    <>
      <h3>{t('agent.hooks')}</h3>
      <div className="scroll-x">
        <table className="plain">
          <thead>
            <tr>
              <th>{t('agent.hook')}</th>
              <th>{t('agent.how')}</th>
              <th>{t('agent.state')}</th>
              <th>{t('agent.why')}</th>
            </tr>
          </thead>
          <tbody>
            {a.hooks.map((h) => (
              <tr key={`${h.name} ${h.how}`} className={h.used || h.granted ? '' : 'bad'}>
                <td className="mono">
                  <Text value={h.name} />
                </td>
                <td className="mono">
                  <Text value={h.how} />
                </td>
                <td className="nowrap">
                  {h.used ? t('agent.used') : h.granted ? t('agent.granted') : t('agent.refused')}
                </td>
                <td>{h.granted ? '' : <Text value={h.why} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

export function AgentHealth({ agent: a }: { agent: Agent }) {
  const { t, lang } = useI18n();
  const started = parseTime(a.started);
  const seen = parseTime(a.seen);
  const up = started !== undefined && seen !== undefined ? seen - started : undefined;
  return (
    <div className="agent">
      <Problems a={a} />
      <Facts
        items={[
          [
            t('agent.connection'),
            <span className={`state state-${a.connected ? 'running' : 'failed'}`}>
              <i aria-hidden="true" />
              {a.connected ? t('agent.connected') : t('agent.away')}
            </span>,
          ],
          [t('f.seen'), <Time value={a.seen} relative />],
          [t('f.version'), a.version],
          [t('f.started'), <Time value={a.started} />],
          ['PID', a.pid || undefined],
          [t('f.rss'), bytes(a.rss, lang)],
          [
            t('agent.cpu'),
            up
              ? `${duration(a.cpu_ms, lang)} (${((100 * a.cpu_ms) / up).toFixed(1)} %)`
              : undefined,
          ],
          [t('f.events_seen'), compact(a.events_seen, lang)],
          [
            t('f.events_lost'),
            <b className={a.events_lost ? 'bad num' : 'num'}>{count(a.events_lost, lang)}</b>,
          ],
          [t('f.events_matched'), count(a.events_matched, lang)],
          [t('f.alerts'), count(a.alerts, lang)],
          [t('f.rules_loaded'), count(a.rules_loaded, lang)],
          [t('f.outbox_pending'), count(a.outbox_pending, lang)],
          [t('agent.deny'), a.deny_how && <Text value={a.deny_how} />],
          [t('agent.denyRefused'), a.deny_how && count(a.deny_refused, lang)],
          [
            t('agent.recorder'),
            a.recording || a.record_bytes ? bytes(a.record_bytes, lang) : t('agent.recorderOff'),
          ],
          [t('f.record_oldest'), a.record_oldest && <Time value={a.record_oldest} />],
          [
            t('f.record_dropped'),
            <b className={a.record_dropped ? 'bad num' : 'num'}>{count(a.record_dropped, lang)}</b>,
          ],
        ]}
      />
      <Losses a={a} />
      <Hooks a={a} />
    </div>
  );
}
