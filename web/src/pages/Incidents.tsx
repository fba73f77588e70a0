// Incidents: what alerts add up to, riskiest first.
import { Segmented, Select } from 'antd';
import { useCallback, useMemo, useState } from 'react';
import type { Incident } from '../api/schema';
import { useMay, useSession } from '../api/session';
import { Line, PageHead, Priority, State, Time } from '../components/bits';
import { ContainerLinks, Hosts, IncidentTitle, Risk, Tactics } from '../components/incident';
import { type Cells, KindTable } from '../components/KindTable';
import {
  Assignee,
  BulkBar,
  CommentDialog,
  useSaid,
  useTriage,
  Verdict,
} from '../components/triage';
import { useI18n } from '../i18n';
import { allOf } from '../lib/text';
import { type Change, queueConditions } from '../lib/triage';
import { Link, navigate, paths, useLocation, useSetQuery } from '../router';
import { IncidentPage } from './Incident';
import { useContainers } from './incidentContainers';

const columns = [
  'risk',
  'title',
  'tactics',
  'containers',
  'hosts',
  'alerts',
  'state',
  'assignee',
  'last',
];
const widths = {
  risk: 104,
  title: 196,
  tactics: 200,
  containers: 116,
  hosts: 112,
  alerts: 68,
  state: 100,
  assignee: 112,
  last: 128,
  priority: 104,
};
const cells: Cells<Incident> = {
  risk: (i) => <Risk value={i.risk} priority={i.priority} />,
  title: (i) => (
    <Link to={paths.incident(i.id)} className="strong line">
      <IncidentTitle incident={i} />
    </Link>
  ),
  priority: (i) => <Priority value={i.priority} />,
  tactics: (i) => <Tactics values={i.tactics} />,
  state: (i) =>
    i.state === 'closed' && i.verdict !== 'none' && i.verdict ? (
      <Verdict value={i.verdict} />
    ) : (
      <State value={i.state} />
    ),
  verdict: (i) => <Verdict value={i.verdict} />,
  assignee: (i) => <Assignee name={i.assignee} />,
  last: (i) => <Time value={i.last} />,
  hostname: (i) => <Line value={i.hostname} />,
  hosts: (i) => <Hosts incident={i} />,
};

function IncidentList() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const { user } = useSession();
  const may = useMay('operator');
  const said = useSaid();
  const triage = useTriage<Incident>('incident');
  const [picked, setPicked] = useState<Incident[]>([]);
  const [commenting, setCommenting] = useState(false);
  const state = query.get('state') ?? 'active';
  const who = query.get('assignee') ?? '';
  const fixed = allOf(
    'not part_of exists', // those of one host that are part of one over several are told in it
    state === 'active' ? 'state in (open, contained)' : undefined,
    ...queueConditions({
      state: state === 'active' ? 'all' : state,
      priorities: [],
      engines: [],
      verdict: '',
      assignee: who,
      me: user?.name ?? '',
    }),
  );
  const [ids, setIds] = useState<string[]>([]);
  const onRows = useCallback(
    (rows: Incident[]) => setIds([...new Set(rows.flatMap((i) => i.containers ?? []))]),
    [],
  );
  const containers = useContainers(ids);
  const named = useMemo((): Cells<Incident> => {
    const names = new Map((containers ?? []).map((c) => [c.id, c.name ?? c.id.slice(0, 12)]));
    return {
      ...cells,
      containers: (i) => <ContainerLinks incident={i} names={names} max={2} plain />,
    };
  }, [containers]);
  const { amend } = triage;
  const shown = useCallback(
    (i: Incident) => {
      const as = amend(i);
      if (as.part_of) return undefined;
      const fits =
        state === 'all' || (state === 'active' ? as.state !== 'closed' : as.state === state);
      return fits ? as : undefined;
    },
    [amend, state],
  );
  const change = async (set: Change, words: string) => {
    if (await triage.apply(picked, set, words)) setPicked([]);
  };
  const n = picked.length;
  return (
    <>
      <PageHead title={t('nav.incidents')} sub={t('incident.sub')} />
      <KindTable
        kind="incident"
        columns={columns}
        widths={widths}
        cells={named}
        onRows={onRows}
        fixed={fixed}
        defaultSort={state === 'active' ? '-risk' : '-last'}
        testid="incident-row"
        live
        hold={n > 0}
        amend={shown}
        picked={may ? { ids: new Set(picked.map((i) => i.id)), set: setPicked } : undefined}
        onOpen={(i) => navigate(paths.incident(i.id))}
        rowClass={(i) => (i.state === 'closed' && state !== 'closed' ? 'faded' : '')}
        controls={
          <>
            <Segmented
              value={state}
              options={[
                { value: 'active', label: t('incident.active') },
                { value: 'contained', label: t('state.contained') },
                { value: 'closed', label: t('state.closed') },
                { value: 'all', label: t('alert.all') },
              ]}
              onChange={(v) => setQuery({ state: v === 'active' ? undefined : String(v) })}
            />
            <Select
              className="wish"
              aria-label={t('queue.assignee')}
              value={/^(me|none)$/.test(who) ? who : ''}
              onChange={(v: string) => setQuery({ assignee: v || undefined })}
              options={[
                { value: '', label: t('queue.anyone') },
                { value: 'me', label: t('queue.mine') },
                { value: 'none', label: t('queue.nobodys') },
              ]}
            />
          </>
        }
        empty={{
          title: state === 'active' ? t('incident.emptyActive') : t('incident.empty'),
          hint: t('incident.emptyHint'),
        }}
      />
      <BulkBar
        n={n}
        busy={triage.busy}
        verdict={(v) => void change({ state: 'closed', verdict: v }, said.verdict(v, n))}
        assign={(name) =>
          void change(
            { assignee: name },
            name === user?.name ? said.mine(n) : said.assigned(n, name),
          )
        }
        comment={() => setCommenting(true)}
        clear={() => setPicked([])}
      />
      <CommentDialog
        open={commenting}
        n={n}
        close={() => setCommenting(false)}
        save={(text, verdict) =>
          triage.apply(
            picked,
            verdict ? { state: 'closed', verdict } : {},
            verdict ? said.verdict(verdict, n) : said.commented(n),
            text,
          )
        }
      />
    </>
  );
}

export function IncidentsPage({ id }: { id?: string }) {
  return id ? <IncidentPage key={id} id={id} /> : <IncidentList />;
}
