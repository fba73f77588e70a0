import { Segmented } from 'antd';
import { PageHead } from '../components/bits';
import { KindTable } from '../components/KindTable';
import { useI18n } from '../i18n';
import { navigate, paths, useLocation, useSetQuery } from '../router';
import { containerCells, containerColumns, containerWidths } from './containerColumns';

const states: Record<string, string> = {
  all: '',
  running: 'state = running',
  paused: 'state = paused',
  ended: 'state in (exited, removed)',
};

export function ContainersPage() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const state = query.get('state') ?? 'all';
  const known = Object.hasOwn(states, state) ? state : 'all';
  return (
    <>
      <PageHead title={t('nav.containers')} />
      <KindTable
        kind="container"
        columns={containerColumns}
        widths={containerWidths}
        cells={containerCells}
        fixed={states[known]}
        testid="container-row"
        live
        onOpen={(c) => navigate(paths.container(c.id))}
        rowClass={(c) => (c.state === 'exited' || c.state === 'removed' ? 'faded' : '')}
        controls={
          <Segmented
            value={known}
            options={[
              { value: 'all', label: t('container.all') },
              { value: 'running', label: t('state.running') },
              { value: 'paused', label: t('state.paused') },
              { value: 'ended', label: t('container.ended') },
            ]}
            onChange={(v) => setQuery({ state: v === 'all' ? undefined : String(v) })}
          />
        }
        empty={{ title: t('container.empty'), hint: t('container.emptyHint') }}
      />
    </>
  );
}
