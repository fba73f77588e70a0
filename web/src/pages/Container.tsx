import { Tabs } from 'antd';
import { objectPath } from '../api/client';
import { useLive } from '../api/live';
import type { Container } from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import {
  Card,
  Copy,
  Facts,
  Loaded,
  Nothing,
  PageHead,
  State,
  Text,
  Time,
} from '../components/bits';
import { KindTable } from '../components/KindTable';
import { ProcessTree } from '../components/ProcessTree';
import { ResponseBar } from '../components/response-bar';
import { useI18n } from '../i18n';
import { quote } from '../lib/text';
import { Link, navigate, paths, useLocation, useSetQuery } from '../router';
import { alertCells, alertColumns, alertWidths } from './alertColumns';

const hereColumns = alertColumns.filter((c) => !c.startsWith('container.'));

function Mounts({ c }: { c: Container }) {
  const { t } = useI18n();
  if (!c.mounts?.length) return <Nothing title={t('container.noMounts')} />;
  return (
    <div className="scroll-x">
      <table className="plain">
        <thead>
          <tr>
            <th>{t('mount.dest')}</th>
            <th>{t('mount.source')}</th>
            <th>{t('mount.type')}</th>
            <th>{t('mount.access')}</th>
          </tr>
        </thead>
        <tbody>
          {c.mounts.map((m) => (
            <tr key={`${m.dest} ${m.source}`}>
              <td className="mono">
                <Text value={m.dest} />
              </td>
              <td className="mono">
                <Text value={m.source} />
              </td>
              <td>
                <Text value={m.type} />
              </td>
              <td>{m.rw ? <b className="warn">{t('mount.rw')}</b> : t('mount.ro')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Ports({ c }: { c: Container }) {
  const { t } = useI18n();
  if (!c.ports?.length) return <Nothing title={t('container.noPorts')} />;
  return (
    <table className="plain">
      <thead>
        <tr>
          <th>{t('port.container')}</th>
          <th>{t('port.host')}</th>
        </tr>
      </thead>
      <tbody>
        {c.ports.map((p) => (
          <tr key={`${p.host_ip} ${p.host_port} ${p.container_port} ${p.protocol}`}>
            <td className="mono">
              {p.container_port}/<Text value={p.protocol} />
            </td>
            <td className="mono">
              {p.host_port ? (
                <>
                  <Text value={p.host_ip || '*'} />:{p.host_port}
                </>
              ) : (
                <span className="dim">{t('port.notPublished')}</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Labels({ c }: { c: Container }) {
  const { t } = useI18n();
  if (!c.labels?.length) return <Nothing title={t('container.noLabels')} />;
  return (
    <table className="plain labels">
      <tbody>
        {c.labels.map((l) => (
          <tr key={l.key}>
            <th className="mono">
              <Text value={l.key} />
            </th>
            <td className="mono">
              <Text value={l.value} max={2000} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Risks({ c }: { c: Container }) {
  const { t } = useI18n();
  const socket = c.mounts?.some((m) => /(docker|containerd|crio)\.sock$/.test(m.source ?? ''));
  const found = [
    c.privileged && t('risk.privileged'),
    c.host_network && t('risk.hostNetwork'),
    c.host_pid && t('risk.hostPid'),
    socket && t('risk.socket'),
    c.late && t('risk.late'),
  ].filter((x): x is string => !!x);
  return (
    <>
      {found.map((x) => (
        <span key={x} className="mark">
          {x}
        </span>
      ))}
    </>
  );
}

function About({ c }: { c: Container }) {
  const { t } = useI18n();
  const ended = c.state === 'exited' || c.state === 'removed';
  return (
    <Facts
      items={[
        ['ID', <Copied value={c.id} />],
        [t('f.image'), <Text value={c.image} mono />],
        [t('f.image_id'), c.image_id && <Text value={c.image_id} mono />],
        [t('f.image_digest'), c.image_digest && <Text value={c.image_digest} mono />],
        [t('f.command'), <Text value={c.command} mono />],
        [t('f.user'), c.user && <Text value={c.user} mono />],
        [t('f.pid'), c.pid || undefined],
        [t('f.ip'), c.ip && <Text value={c.ip} mono />],
        [t('f.network'), c.network && <Text value={c.network} />],
        [t('f.runtime'), c.runtime],
        [t('f.created'), <Time value={c.created} />],
        [t('f.started'), c.started && <Time value={c.started} />],
        [t('f.finished'), ended && c.finished && <Time value={c.finished} />],
        [t('f.exit_code'), ended ? String(c.exit_code) : undefined],
        [t('f.k8s_namespace'), c.k8s_namespace && <Text value={c.k8s_namespace} />],
        [t('f.k8s_pod'), c.k8s_pod && <Text value={c.k8s_pod} />],
        [
          t('f.host_id'),
          c.host_id && (
            <Link to={paths.host(c.host_id)} className="mono">
              <Text value={c.host_id} />
            </Link>
          ),
        ],
      ]}
    />
  );
}

function Copied({ value }: { value: string }) {
  return (
    <span className="copied">
      <Text value={value} mono />
      <Copy text={value} />
    </span>
  );
}

export function ContainerPage({ id }: { id: string }) {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const container = useGet<Container>(objectPath('containers', id));
  const reload = useThrottled(container.reload, 1000);
  useLive(['container'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  return (
    <Loaded of={container}>
      {(c) => (
        <>
          <PageHead
            title={<Text value={c.name ?? c.id.slice(0, 12)} max={160} />}
            sub={
              <>
                <Link to="/containers">{t('nav.containers')}</Link> · <State value={c.state} /> ·{' '}
                <Text value={c.image} mono max={200} /> ·{' '}
                <Link to={paths.recorder(c.id)} data-testid="open-recorder">
                  {t('recorder.open')}
                </Link>{' '}
                <Risks c={c} />
              </>
            }
          />
          <ResponseBar containerId={c.id} hostId={c.host_id ?? ''} containerName={c.name} />
          <Tabs
            activeKey={query.get('tab') ?? 'processes'}
            onChange={(k) => setQuery({ tab: k === 'processes' ? undefined : k })}
            destroyOnHidden
            items={[
              {
                key: 'processes',
                label: t('container.processes'),
                children: (
                  <Card className="flush">
                    <ProcessTree containerId={c.id} />
                  </Card>
                ),
              },
              {
                key: 'alerts',
                label: t('nav.alerts'),
                children: (
                  <KindTable
                    kind="alert"
                    columns={hereColumns}
                    widths={alertWidths}
                    cells={alertCells}
                    fixed={`container.id = ${quote(c.id)}`}
                    withFilter={false}
                    testid="alert-row"
                    live
                    onOpen={(a) => navigate(paths.alert(a.id))}
                    empty={{ title: t('alert.emptyHere') }}
                  />
                ),
              },
              {
                key: 'about',
                label: t('container.about'),
                children: (
                  <Card>
                    <About c={c} />
                  </Card>
                ),
              },
              {
                key: 'surface',
                label: t('container.surface'),
                children: (
                  <div className="stacked">
                    <Card title={t('container.mounts')}>
                      <Mounts c={c} />
                    </Card>
                    <div className="split">
                      <Card title={t('container.ports')}>
                        <Ports c={c} />
                      </Card>
                      <Card title={t('container.labels')}>
                        <Labels c={c} />
                      </Card>
                    </div>
                  </div>
                ),
              },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}
