// A rule file tried on what a host recorded, before it is switched on.
import { Alert, Button, Select, Space } from 'antd';
import { useState } from 'react';
import { listPath, type Page } from '../api/client';
import { type Summary, useQuestion } from '../api/query';
import type { Agent, Host } from '../api/schema';
import { useMay } from '../api/session';
import { useGet } from '../api/use';
import { type Key, useI18n } from '../i18n';
import { count } from '../lib/format';
import { ruleParams } from '../lib/rules';
import { visible } from '../lib/text';
import { Link, paths } from '../router';
import { Failed, Line, Nothing, Priority, Text, Time } from './bits';
import { PlayCircleOutlined } from './icons';

const SPANS = { '1h': 3600, '6h': 21600, '24h': 86400, '3d': 259200, all: 0 } as const;
type Span = keyof typeof SPANS;

/** What is missing of the time that was read. */
export function Missing({ of: s }: { of: Summary }) {
  const { t, lang } = useI18n();
  const lost = s.record.lost;
  const gap = s.record.not_recorded;
  return (
    <>
      {(lost > 0 || gap > 0) && (
        <Alert
          type="warning"
          showIcon
          className="gap"
          title={t('recorder.missing', { lost: count(lost, lang), gap: count(gap, lang) })}
        />
      )}
      {s.record.damaged > 0 && (
        <Alert
          type="warning"
          showIcon
          className="gap"
          title={t('recorder.damaged', { n: s.record.damaged })}
        />
      )}
      {s.not_watched && (
        <Alert
          type="info"
          showIcon
          className="gap"
          title={t('recorder.notWatched')}
          description={<span className="mono">{visible(s.not_watched)}</span>}
        />
      )}
    </>
  );
}

function Result({ of: s }: { of: Summary }) {
  const { t, lang } = useI18n();
  const items = s.items ?? [];
  return (
    <div data-testid="try-result">
      <p className="gap">
        <b>
          {t('try.found', {
            alerts: count(s.alerts_total ?? 0, lang),
            by: items.length,
            rules: s.rules ?? 0,
          })}
        </b>{' '}
        {t('try.over', { n: count(s.record.events_read, lang) })}{' '}
        {s.first && s.last && (
          <>
            <Time value={s.first} /> – <Time value={s.last} />
          </>
        )}
      </p>
      <Missing of={s} />
      {items.length === 0 ? (
        <Nothing title={t('try.none')} hint={t('try.noneHint')} />
      ) : (
        <>
          <div className="scroll-x">
            <table className="plain">
              <thead>
                <tr>
                  <th>{t('f.priority')}</th>
                  <th>{t('f.rule')}</th>
                  <th className="right">{t('nav.alerts')}</th>
                  <th className="right">{t('try.times')}</th>
                  <th>{t('try.first')}</th>
                  <th>{t('try.last')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((i) => (
                  <tr key={i.rule}>
                    <td>
                      <Priority value={i.priority} />
                    </td>
                    <td>
                      <Text value={i.rule} max={200} />
                    </td>
                    <td className="right num">{count(i.alerts, lang)}</td>
                    <td className="right num">{count(i.times, lang)}</td>
                    <td className="nowrap">
                      <Time value={i.first} />
                    </td>
                    <td className="nowrap">
                      <Time value={i.last} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <h4>{t('try.samples', { n: s.alerts?.length ?? 0 })}</h4>
          <ul className="mini">
            {s.alerts?.map((a, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: what is only tried has no identity
              <li key={i}>
                <Time value={a.time} />
                {a.container?.id ? (
                  <Link to={paths.recorder(a.container.id, a.time)}>
                    <Line value={a.container.name ?? a.container.id} />
                  </Link>
                ) : (
                  <span className="dim">{t('overview.onHost')}</span>
                )}
                <Line value={a.output} />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

export function TryRules({ text, bad }: { text: string; bad: boolean }) {
  const { t } = useI18n();
  const may = useMay('operator');
  const hosts = useGet<Page<Host>>(listPath('hosts', { sort: 'name', limit: 200 }));
  const agents = useGet<Page<Agent>>(listPath('agents', { limit: 200 }));
  const [picked, setPicked] = useState<string>();
  const [span, setSpan] = useState<Span>('24h');
  const { answer, ask, stop } = useQuestion();
  const connected = (id: string) =>
    agents.data?.items.some((a) => a.id === id && a.connected) ?? false;
  const list = hosts.data?.items ?? [];
  const host = picked ?? list.find((h) => connected(h.id))?.id ?? list[0]?.id;
  const params = ruleParams(text);
  const busy = answer.phase === 'asked' || answer.phase === 'reading';
  const go = () => {
    if (!host || !params) return;
    const s = SPANS[span];
    const since = s ? [`since=${new Date(Date.now() - s * 1000).toISOString()}`] : [];
    ask({ host_id: host, reason: 'rules tried', params: [...since, ...params] });
  };
  if (!may) return null;
  return (
    <section className="try">
      <h3>{t('try.title')}</h3>
      <p className="dim gap">{t('try.intro')}</p>
      <Space wrap className="gap">
        <Select
          aria-label={t('f.hostname')}
          className="try-host"
          popupMatchSelectWidth={false}
          loading={!hosts.data}
          value={host}
          onChange={setPicked}
          options={list.map((h) => ({
            value: h.id,
            label: `${visible(h.name ?? h.id, 60)}${connected(h.id) ? '' : ` (${t('agent.away')})`}`,
          }))}
        />
        <Select
          aria-label={t('range.label')}
          value={span}
          onChange={setSpan}
          popupMatchSelectWidth={false}
          options={(Object.keys(SPANS) as Span[]).map((k) => ({
            value: k,
            label: t(`try.${k}` as Key),
          }))}
        />
        {busy ? (
          <Button onClick={stop}>{t('recorder.stop')}</Button>
        ) : (
          <Button
            icon={<PlayCircleOutlined />}
            disabled={!host || bad || !params || !text.trim()}
            onClick={go}
            data-testid="try-go"
          >
            {t('try.go')}
          </Button>
        )}
        {busy && (
          <span className="dim" role="status">
            {answer.phase === 'asked' ? t('recorder.asked') : t('recorder.reading')}{' '}
            {answer.progress && <Text value={answer.progress} />}
          </span>
        )}
      </Space>
      {!params && <p className="bad">{t('try.tooLong')}</p>}
      {busy && host && agents.data && !connected(host) && (
        <Alert type="warning" showIcon className="gap" title={t('recorder.away')} />
      )}
      {answer.error && <Failed error={answer.error} retry={go} />}
      {answer.phase === 'done' && answer.summary && <Result of={answer.summary} />}
    </section>
  );
}
