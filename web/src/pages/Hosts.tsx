import { Alert } from 'antd';
import { objectPath } from '../api/client';
import { useLive } from '../api/live';
import type { Agent, Host } from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import { AgentHealth } from '../components/AgentHealth';
import { Card, Facts, Line, Loaded, PageHead, Text, Time } from '../components/bits';
import { type Cells, KindTable } from '../components/KindTable';
import { useI18n } from '../i18n';
import { bytes } from '../lib/format';
import { quote } from '../lib/text';
import { Link, navigate, paths } from '../router';
import { alertCells, alertColumns, alertWidths } from './alertColumns';
import { containerCells, containerColumns, containerWidths } from './containerColumns';

const columns = ['name', 'bpf', 'os', 'kernel', 'containers_running', 'agent_version', 'last_seen'];
const widths = { bpf: 150, containers_running: 120, agent_version: 110, last_seen: 140 };

export function Sensor({ host }: { host: Pick<Host, 'bpf' | 'bpf_why_not'> }) {
  const { t } = useI18n();
  return host.bpf ? (
    <span className="state state-running">
      <i aria-hidden="true" />
      {t('host.bpfOn')}
    </span>
  ) : (
    <span className="state state-failed" title={host.bpf_why_not}>
      <i aria-hidden="true" />
      {t('host.bpfOff')}
    </span>
  );
}

const cells: Cells<Host> = {
  name: (h) => (
    <Link to={paths.host(h.id)} className="strong">
      <Line value={h.name ?? h.id} />
    </Link>
  ),
  bpf: (h) => <Sensor host={h} />,
  last_seen: (h) => <Time value={h.last_seen} relative />,
};

export function HostsPage() {
  const { t } = useI18n();
  return (
    <>
      <PageHead title={t('nav.hosts')} />
      <KindTable
        kind="host"
        columns={columns}
        widths={widths}
        cells={cells}
        defaultSort="name"
        testid="host-row"
        live
        onOpen={(h) => navigate(paths.host(h.id))}
        empty={{ title: t('host.empty'), hint: t('host.emptyHint') }}
      />
    </>
  );
}

function Agented({ id }: { id: string }) {
  const agent = useGet<Agent>(objectPath('agents', id));
  const reload = useThrottled(agent.reload, 2000);
  useLive(['agent'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  return <Loaded of={agent}>{(a) => <AgentHealth agent={a} />}</Loaded>;
}

export function HostPage({ id }: { id: string }) {
  const { t, lang } = useI18n();
  const host = useGet<Host>(objectPath('hosts', id));
  const reload = useThrottled(host.reload, 2000);
  useLive(['host'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  return (
    <Loaded of={host}>
      {(h) => (
        <>
          <PageHead
            title={<Text value={h.name ?? h.id} max={120} />}
            sub={
              <>
                <Link to="/hosts">{t('nav.hosts')}</Link> · <Sensor host={h} />
              </>
            }
          />
          {!h.bpf && (
            <Alert
              type="warning"
              showIcon
              className="gap"
              title={t('host.bpfWhy')}
              description={<Text value={h.bpf_why_not} />}
            />
          )}
          <div className="split">
            <Card title={t('host.about')}>
              <Facts
                items={[
                  [t('f.os'), <Text value={h.os} />],
                  [t('f.kernel'), <Text value={h.kernel} mono />],
                  [t('f.arch'), h.arch],
                  [t('f.cpus'), h.cpus],
                  [t('f.memory'), bytes(h.memory, lang)],
                  [t('f.cgroup_mode'), h.cgroup_mode],
                  [t('f.runtime_version'), h.runtime_version && <Text value={h.runtime_version} />],
                  [t('f.agent_version'), h.agent_version],
                  [t('f.boot_time'), <Time value={h.boot_time} />],
                  [t('f.first_seen'), <Time value={h.first_seen} />],
                  [t('f.last_seen'), <Time value={h.last_seen} relative />],
                  ['ID', <Text value={h.id} mono />],
                ]}
              />
            </Card>
            <Card title={t('host.sensor')}>
              <Agented id={h.id} />
            </Card>
          </div>
          <h2 className="section">{t('nav.containers')}</h2>
          <KindTable
            kind="container"
            columns={containerColumns}
            widths={containerWidths}
            cells={containerCells}
            fixed={`host_id = ${quote(h.id)}`}
            withFilter={false}
            testid="container-row"
            live
            onOpen={(c) => navigate(paths.container(c.id))}
            empty={{ title: t('container.empty') }}
          />
          <h2 className="section">{t('nav.alerts')}</h2>
          <KindTable
            kind="alert"
            columns={alertColumns}
            widths={alertWidths}
            cells={alertCells}
            fixed={`host_id = ${quote(h.id)}`}
            withFilter={false}
            testid="alert-row"
            live
            onOpen={(a) => navigate(paths.alert(a.id))}
            empty={{ title: t('alert.emptyHere') }}
          />
        </>
      )}
    </Loaded>
  );
}
