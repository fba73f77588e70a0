// What was done in response, on all hosts.
import { Drawer, Segmented } from 'antd';
import { objectPath } from '../api/client';
import { useLive } from '../api/live';
import type { Action } from '../api/schema';
import { useMay } from '../api/session';
import { useGet, useThrottled } from '../api/use';
import { Copy, Facts, Line, Loaded, PageHead, State, Tags, Text, Time } from '../components/bits';
import { type Cells, KindTable } from '../components/KindTable';
import { UndoButton } from '../components/response-bar';
import { SectionTabs } from '../components/SectionTabs';
import { useI18n } from '../i18n';
import { actionState } from '../lib/action';
import { visible } from '../lib/text';
import { Link, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';

const columns = [
  'requested',
  'kind',
  'state',
  'container_name',
  'requested_by',
  'reason',
  'expires',
  'error',
];
const widths = {
  requested: 132,
  kind: 150,
  state: 190,
  container_name: 150,
  requested_by: 150,
  expires: 120,
};
/** Readings of the recorder and sendings of evidence are asked for all day long: only on wish. */
const shows: Record<string, string> = {
  responses: 'not kind in (record_query, send)',
  force:
    'kind in (freeze, isolate, quarantine_file, block_exec, block_peer) and state in (requested, running, done)',
  bad: 'state in (failed, refused)',
  all: '',
};

function useActionCells(): Cells<Action> {
  const { t, maybe } = useI18n();
  const may = useMay('operator');
  return {
    kind: (a) => <b>{maybe(`ak.${a.kind}`) ?? visible(a.kind)}</b>,
    state: (a) => {
      const state = actionState(a, []);
      return (
        <span className="action-state">
          <State value={state} />
          {may && state === 'inForce' && <UndoButton action={a} />}
        </span>
      );
    },
    container_name: (a) =>
      a.container_id ? (
        <Line value={a.container_name ?? a.container_id.slice(0, 12)} />
      ) : (
        <span className="dim">{t('overview.onHost')}</span>
      ),
    expires: (a) =>
      a.expires ? <Time value={a.expires} relative /> : <span className="dim">—</span>,
    error: (a) =>
      a.error ? (
        <span className="bad">
          <Line value={a.error} />
        </span>
      ) : (
        <span className="dim">—</span>
      ),
  };
}

function Detail({ id }: { id: string }) {
  const { t, maybe } = useI18n();
  const may = useMay('operator');
  const action = useGet<Action>(objectPath('actions', id));
  const reload = useThrottled(action.reload, 400);
  useLive(['action'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  const text = (v?: string) => v && <Text value={v} mono max={4096} />;
  return (
    <Loaded of={action}>
      {(a) => {
        const state = actionState(a, []);
        return (
          <div data-testid="action-detail">
            <h2 className="drawer-title">{maybe(`ak.${a.kind}`) ?? visible(a.kind)}</h2>
            <div className="meta gap">
              <State value={state} />
              {may && state === 'inForce' && <UndoButton action={a} done={action.reload} />}
            </div>
            {a.error && (
              <div className="area area-failed">
                <Text value={a.error} max={2000} />
              </div>
            )}
            {a.result && (
              <p className="gap">
                <Text value={a.result} max={2000} />
              </p>
            )}
            <Facts
              items={[
                [
                  t('f.container'),
                  a.container_id && (
                    <Link to={paths.container(a.container_id)}>
                      <Text value={a.container_name ?? a.container_id.slice(0, 12)} max={160} />
                    </Link>
                  ),
                ],
                [
                  t('f.hostname'),
                  a.host_id && (
                    <Link to={paths.host(a.host_id)}>
                      <Text value={a.host_id} mono />
                    </Link>
                  ),
                ],
                [t('f.reason'), text(a.reason)],
                [t('f.requested_by'), text(a.requested_by)],
                [t('f.requested'), <Time value={a.requested} />],
                [t('f.started'), a.started && <Time value={a.started} />],
                [t('f.finished'), a.finished && <Time value={a.finished} />],
                [t('f.expires'), a.expires && <Time value={a.expires} />],
                [t('respond.reversible'), a.reversible ? t('yes') : t('no')],
                ['PID', a.pid || undefined],
                [t('f.path'), text(a.path)],
                [t('f.peer'), text(a.peer)],
                [
                  t('respond.params'),
                  a.params?.length ? (
                    <Tags values={a.params.map((p) => p.slice(0, 200))} />
                  ) : undefined,
                ],
                [
                  t('respond.evidence'),
                  a.evidence_id && (
                    <Link to={paths.evidence(a.evidence_id)} className="mono">
                      {visible(a.evidence_id)}
                    </Link>
                  ),
                ],
                [
                  t('alert.title'),
                  a.alert_id && (
                    <Link to={paths.alert(a.alert_id)} className="mono">
                      {visible(a.alert_id)}
                    </Link>
                  ),
                ],
                [
                  t('respond.undoOf'),
                  a.undo_of && (
                    <Link to={`/actions?id=${encodeURIComponent(a.undo_of)}`} className="mono">
                      {visible(a.undo_of)}
                    </Link>
                  ),
                ],
                [
                  'ID',
                  <span className="copied">
                    <Text value={a.id} mono />
                    <Copy text={a.id} />
                  </span>,
                ],
              ]}
            />
          </div>
        );
      }}
    </Loaded>
  );
}

export function ActionsPage() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const cells = useActionCells();
  const show = query.get('show') ?? 'responses';
  const known = Object.hasOwn(shows, show) ? show : 'responses';
  const open = query.get('id') ?? undefined;
  return (
    <>
      <PageHead title={t('section.actions')} sub={t('respond.intro')} />
      <SectionTabs of="response" at="/actions" />
      <KindTable
        kind="action"
        columns={columns}
        widths={widths}
        cells={cells}
        fixed={shows[known]}
        testid="action-row"
        live
        hold={!!open}
        selected={open}
        onOpen={(a) => setQuery({ id: a.id })}
        controls={
          <Segmented
            value={known}
            onChange={(v) => setQuery({ show: v === 'responses' ? undefined : String(v) })}
            options={[
              { value: 'responses', label: t('respond.responses') },
              { value: 'force', label: t('state.inForce') },
              { value: 'bad', label: t('respond.bad') },
              { value: 'all', label: t('container.all') },
            ]}
          />
        }
        empty={{ title: t('respond.empty'), hint: t('respond.emptyHint') }}
      />
      <Drawer
        open={!!open}
        onClose={() => setQuery({ id: undefined })}
        size={narrow ? '100%' : 560}
        title={t('respond.one')}
      >
        {open && <Detail key={open} id={open} />}
      </Drawer>
    </>
  );
}
