// Signed bundles of evidence: what is in them, and how to prove that they are what was taken.
import { Alert, Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { type ApiError, fileHref, objectPath } from '../api/client';
import { useLive } from '../api/live';
import type { Evidence, EvidenceFile } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import {
  Card,
  Copy,
  Facts,
  Failed,
  Line,
  Loaded,
  Nothing,
  PageHead,
  Text,
  Time,
} from '../components/bits';
import { DownloadOutlined } from '../components/icons';
import { KindTable } from '../components/KindTable';
import { SectionTabs } from '../components/SectionTabs';
import { useI18n } from '../i18n';
import { answerOf } from '../lib/download';
import { bytes, duration } from '../lib/format';
import { visible } from '../lib/text';
import { Link, navigate, paths } from '../router';

const columns = ['time', 'container_name', 'image', 'hostname', 'requested_by', 'size', 'here'];
const widths = { time: 132, size: 100, here: 150, requested_by: 160 };

export function EvidencePage() {
  const { t } = useI18n();
  return (
    <>
      <PageHead title={t('section.evidence')} sub={t('evidence.intro')} />
      <SectionTabs of="response" at="/evidence" />
      <KindTable
        kind="evidence"
        columns={columns}
        widths={widths}
        cells={{
          container_name: (e) => <Line value={e.container_name ?? e.container_id?.slice(0, 12)} />,
          here: (e) => (
            <span className={e.here ? '' : 'dim'}>
              {e.here ? t('evidence.here') : t('evidence.there')}
            </span>
          ),
        }}
        testid="evidence-row"
        live
        onOpen={(e) => navigate(paths.evidence(e.id))}
        empty={{ title: t('evidence.empty'), hint: t('evidence.emptyHint') }}
      />
    </>
  );
}

const WAIT_MS = 2000;

/** Asks until the console has the bundle, then hands it to the browser. */
function Download({ e }: { e: Evidence }) {
  const { t } = useI18n();
  const may = useMay('operator');
  const [state, setState] = useState<'idle' | 'asking' | 'waiting'>('idle');
  const [error, setError] = useState<ApiError>();
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const path = `${objectPath('evidence', e.id)}/download`;

  const go = async () => {
    const ctl = new AbortController();
    running.current = ctl;
    setError(undefined);
    setState('asking');
    try {
      for (;;) {
        const got = await answerOf(fileHref(path), ctl.signal);
        if (ctl.signal.aborted) return;
        if (got) {
          const a = document.createElement('a');
          a.href = URL.createObjectURL(got);
          a.download = `${e.id}.tar.zst`;
          a.click();
          setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
          break;
        }
        setState('waiting');
        await new Promise((r) => setTimeout(r, WAIT_MS));
      }
    } catch (err) {
      if (!ctl.signal.aborted) setError(asApiError(err));
    }
    setState('idle');
  };
  const stop = () => {
    running.current?.abort();
    setState('idle');
  };
  if (!may) return null;
  return (
    <div className="download">
      {state === 'idle' ? (
        <Button
          type="primary"
          icon={<DownloadOutlined />}
          onClick={go}
          data-testid="evidence-download"
        >
          {t('evidence.download')}
        </Button>
      ) : (
        <>
          <span role="status" className="dim">
            {t(state === 'waiting' ? 'evidence.waiting' : 'evidence.asking')}
          </span>{' '}
          <Button onClick={stop}>{t('recorder.stop')}</Button>
        </>
      )}
      {error && <Failed error={error} retry={go} />}
    </div>
  );
}

function Files({ files }: { files: readonly EvidenceFile[] }) {
  const { t, lang } = useI18n();
  const collectors = [...new Set(files.map((f) => f.collector ?? ''))];
  if (!files.length) return <Nothing title={t('evidence.noFiles')} />;
  return (
    <div className="scroll-x">
      <table className="plain evidence-files">
        <thead>
          <tr>
            <th>{t('evidence.file')}</th>
            <th className="right">{t('f.size')}</th>
            <th>SHA-256</th>
          </tr>
        </thead>
        {collectors.map((c) => (
          <tbody key={c}>
            <tr>
              <th colSpan={3}>{visible(c) || '—'}</th>
            </tr>
            {files
              .filter((f) => (f.collector ?? '') === c)
              .map((f) => (
                <tr key={f.name ?? f.sha256} className={f.error ? 'bad' : ''}>
                  <td className="mono">
                    <Text value={f.name} max={300} />
                    {f.error && (
                      <div>
                        <Text value={f.error} max={400} />
                      </div>
                    )}
                  </td>
                  <td className="right num nowrap">{bytes(f.size, lang)}</td>
                  <td className="mono dim" title={f.sha256}>
                    {f.sha256 ? `${visible(f.sha256).slice(0, 16)}…` : '—'}
                  </td>
                </tr>
              ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Verify({ e }: { e: Evidence }) {
  const { t } = useI18n();
  const command = `skep evidence verify ${e.id}.tar.zst`;
  return (
    <Card title={t('evidence.verify')}>
      <p className="gap">{t('evidence.verifyHint')}</p>
      <div className="code gap">
        <pre>{command}</pre>
        <Copy text={command} />
      </div>
      <Facts
        items={[
          ['SHA-256', e.sha256 && <Hash value={e.sha256} />],
          [t('evidence.fingerprint'), e.fingerprint && <Hash value={e.fingerprint} />],
          [t('evidence.previous'), e.previous ? <Hash value={e.previous} /> : t('evidence.first')],
          [t('evidence.path'), e.path && <Hash value={e.path} />],
        ]}
      />
    </Card>
  );
}

function Hash({ value }: { value: string }) {
  return (
    <span className="copied">
      <Text value={value} mono max={400} />
      <Copy text={value} />
    </span>
  );
}

export function EvidenceOnePage({ id }: { id: string }) {
  const { t, lang } = useI18n();
  const evidence = useGet<Evidence>(objectPath('evidence', id));
  const reload = useThrottled(evidence.reload, 800);
  useLive(['evidence'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  return (
    <Loaded of={evidence} rows={8}>
      {(e) => (
        <>
          <PageHead
            title={
              <>
                {t('evidence.of')}{' '}
                <Text value={e.container_name ?? e.container_id?.slice(0, 12)} max={120} />
              </>
            }
            sub={
              <>
                <Link to="/evidence">{t('section.evidence')}</Link> · <Time value={e.time} /> ·{' '}
                {bytes(e.size, lang)} · {duration(e.took_ms, lang)}
              </>
            }
          >
            <Download e={e} />
          </PageHead>
          {e.error && (
            <Alert
              type="warning"
              showIcon
              className="gap"
              title={t('evidence.missing')}
              description={<Text value={e.error} max={4000} />}
            />
          )}
          <div className="stacked">
            <Card>
              <Facts
                items={[
                  [
                    t('f.container'),
                    e.container_id && (
                      <Link to={paths.container(e.container_id)}>
                        <Text value={e.container_name ?? e.container_id.slice(0, 12)} max={160} />
                      </Link>
                    ),
                  ],
                  [t('f.image'), e.image && <Text value={e.image} mono max={300} />],
                  [t('f.hostname'), <Text value={e.hostname ?? e.host_id} />],
                  [
                    t('f.requested_by'),
                    e.requested_by && <Text value={e.requested_by} max={200} />,
                  ],
                  [t('f.reason'), e.reason && <Text value={e.reason} max={1000} />],
                  [
                    t('respond.one'),
                    e.action_id && (
                      <Link to={`/actions?id=${encodeURIComponent(e.action_id)}`} className="mono">
                        {visible(e.action_id)}
                      </Link>
                    ),
                  ],
                  [
                    t('alert.title'),
                    e.alert_id && (
                      <Link to={paths.alert(e.alert_id)} className="mono">
                        {visible(e.alert_id)}
                      </Link>
                    ),
                  ],
                ]}
              />
            </Card>
            <Card title={t('evidence.files', { n: e.files?.length ?? 0 })}>
              <Files files={e.files ?? []} />
            </Card>
            <Verify e={e} />
          </div>
        </>
      )}
    </Loaded>
  );
}
