// The processes of one container as a tree, kept up to date: those that ended fade, new ones light up.
import { Segmented } from 'antd';
import type { KeyboardEvent } from 'react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { ApiError } from '../api/client';
import { get, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Process } from '../api/schema';
import { asApiError, useThrottled } from '../api/use';
import { useI18n } from '../i18n';
import { duration, parseTime } from '../lib/format';
import { load, save } from '../lib/storage';
import { quote } from '../lib/text';
import { buildTree, fold, type TreeRow, treeRows, trim } from '../lib/tree';
import { Failed, Line, Nothing, Text, Time, Waiting } from './bits';

const LOAD_MAX = 1000;
const ENDED_MAX = 300;
const KEEP_ALIKE = 3;

function useProcesses(containerId: string) {
  const [processes, setProcesses] = useState<Map<string, Process>>();
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<ApiError>();
  const [total, setTotal] = useState<number>();

  const fetchAll = () => {
    const path = listPath('processes', {
      filter: `container_id = ${quote(containerId)}`,
      sort: '-start_time',
      limit: LOAD_MAX,
    });
    get<Page<Process>>(path)
      .then((page) => {
        const map = new Map(page.items.map((p) => [p.id, p]));
        trim(map, ENDED_MAX);
        setProcesses(map);
        setTotal(page.total);
        setError(undefined);
      })
      .catch((e) => setError(asApiError(e)));
  };
  const latest = useRef(fetchAll);
  latest.current = fetchAll;
  // biome-ignore lint/correctness/useExhaustiveDependencies: loads again for another container
  useEffect(() => {
    setProcesses(undefined);
    latest.current();
  }, [containerId]);
  const reload = useThrottled(() => latest.current(), 2000);

  useLive(
    ['process'],
    (batch) => {
      const mine = batch
        .map((i) => i.data as unknown as Process)
        .filter((p) => p.container_id === containerId);
      if (!mine.length) return;
      setProcesses((before) => {
        if (!before) return before;
        const map = new Map(before);
        for (const p of mine) map.set(p.id, p);
        trim(map, ENDED_MAX);
        return map;
      });
      setFresh(new Set(mine.filter((p) => !p.exit_time).map((p) => p.id)));
    },
    reload,
  );
  return { processes, fresh, error, total, reload: () => latest.current() };
}

function Rails({ row }: { row: TreeRow }) {
  return (
    <span className="rails" aria-hidden="true">
      {row.rails.map((on, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is the level
        <i key={i} className={on ? 'rail' : ''} />
      ))}
      {row.node.depth > 0 && <i className={row.last ? 'rail elbow' : 'rail tee'} />}
    </span>
  );
}

export function Marks({ p }: { p: Process }) {
  const { t } = useI18n();
  const marks: [boolean, string, string][] = [
    [p.exe_memfd, t('mark.memfd'), t('mark.memfdDoc')],
    [p.exe_deleted, t('mark.deleted'), t('mark.deletedDoc')],
    [p.exe_upper, t('mark.upper'), t('mark.upperDoc')],
    [!!p.tty, t('mark.tty'), t('mark.ttyDoc')],
  ];
  return (
    <>
      {marks
        .filter(([on]) => on)
        .map(([, name, doc]) => (
          <span key={name} className="mark" title={doc}>
            {name}
          </span>
        ))}
    </>
  );
}

const Row = memo(function Row(props: {
  row: TreeRow;
  open: boolean;
  fresh: boolean;
  focused: boolean;
  onToggle: (id: string) => void;
  onUnfold: (parent: string) => void;
  onFocus: (id: string) => void;
}) {
  const { t, lang } = useI18n();
  const { node } = props.row;
  const p = node.process;
  const parent = node.children.length > 0;
  const start = parseTime(p.start_time);
  const end = parseTime(p.exit_time);
  return (
    <div
      role="treeitem"
      tabIndex={props.focused ? 0 : -1}
      aria-level={node.depth + 1}
      aria-expanded={parent ? props.open : undefined}
      data-pid={p.pid}
      data-id={p.id}
      className={`ptree-row ${p.exit_time ? 'ended' : ''} ${props.fresh ? 'fresh' : ''}`}
      onFocus={() => props.onFocus(p.id)}
    >
      <span className="ptree-what">
        <Rails row={props.row} />
        {parent ? (
          <button
            type="button"
            tabIndex={-1}
            className={`twisty ${props.open ? 'open' : ''}`}
            aria-label={props.open ? t('tree.close') : t('tree.open')}
            onClick={() => props.onToggle(p.id)}
          />
        ) : (
          <i className="twisty none" />
        )}
        <b className="mono">
          <Text value={p.name} max={64} />
        </b>
        <Marks p={p} />
        <Line value={p.cmdline} mono />
        {node.folded > 0 && (
          <button
            type="button"
            className="folded"
            title={t('tree.unfold')}
            onClick={() => props.onUnfold(p.parent_id ?? '')}
          >
            {t('tree.folded', { n: node.folded })}
          </button>
        )}
      </span>
      <span className="num" title={`${t('tree.vpid')} ${p.vpid}`}>
        {p.pid}
      </span>
      <span className="ptree-user">
        <Line value={p.user ?? String(p.uid)} />
      </span>
      <span className="ptree-start">
        <Time value={p.start_time} />
      </span>
      <span className="ptree-end num">
        {p.exit_time ? (
          <>
            {t('tree.exit', { code: p.exit_code })}
            {start !== undefined && end !== undefined && (
              <i className="dim"> · {duration(end - start, lang)}</i>
            )}
          </>
        ) : (
          <span className="running">{t('tree.running')}</span>
        )}
      </span>
    </div>
  );
});

export function ProcessTree({ containerId }: { containerId: string }) {
  const { t } = useI18n();
  const { processes, fresh, error, total, reload } = useProcesses(containerId);
  const [ended, setEnded] = useState(() => load('tree.ended', true, (v) => typeof v === 'boolean'));
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = useState<string>();
  const box = useRef<HTMLDivElement>(null);

  const rows = useMemo(() => {
    const all = [...(processes?.values() ?? [])];
    // an ended one stays while something it started still runs
    let shown = all;
    if (!ended) {
      const byId = new Map(all.map((p) => [p.id, p]));
      const keep = new Set<string>();
      for (const p of all) {
        if (p.exit_time) continue;
        for (let q: Process | undefined = p; q && !keep.has(q.id); q = byId.get(q.parent_id ?? ''))
          keep.add(q.id);
      }
      shown = all.filter((p) => keep.has(p.id));
    }
    return treeRows(fold(buildTree(shown), KEEP_ALIKE, unfolded), closed);
  }, [processes, ended, closed, unfolded]);

  const toggle = useMemo(
    () => (id: string) =>
      setClosed((before) => {
        const next = new Set(before);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );

  const unfold = useMemo(
    () => (id: string) => setUnfolded((before) => new Set([...before, id])),
    [],
  );

  const onKey = (e: KeyboardEvent) => {
    const at = Math.max(
      0,
      rows.findIndex((r) => r.node.process.id === focus),
    );
    const row = rows[at];
    if (!row) return;
    const id = row.node.process.id;
    const open = !closed.has(id);
    let to = -1;
    if (e.key === 'ArrowDown') to = at + 1;
    else if (e.key === 'ArrowUp') to = at - 1;
    else if (e.key === 'Home') to = 0;
    else if (e.key === 'End') to = rows.length - 1;
    else if (e.key === 'ArrowRight' && row.node.children.length) {
      if (open) to = at + 1;
      else toggle(id);
    } else if (e.key === 'ArrowLeft') {
      if (open && row.node.children.length) toggle(id);
      else to = rows.findLastIndex((r, i) => i < at && r.node.depth < row.node.depth);
    } else return;
    e.preventDefault();
    const next = rows[to];
    if (!next) return;
    setFocus(next.node.process.id);
    (box.current?.children[to] as HTMLElement | undefined)?.focus();
  };

  if (!processes) return error ? <Failed error={error} retry={reload} /> : <Waiting rows={6} />;
  const running = [...processes.values()].filter((p) => !p.exit_time).length;
  const focused = rows.some((r) => r.node.process.id === focus) ? focus : rows[0]?.node.process.id;
  return (
    <div className="ptree" data-testid="process-tree">
      <div className="ptree-bar">
        <span className="dim">
          {t('tree.count', { running, ended: processes.size - running })}
          {total !== undefined && total > LOAD_MAX && ` · ${t('tree.more', { n: LOAD_MAX })}`}
        </span>
        <Segmented
          size="small"
          value={ended ? 'all' : 'running'}
          options={[
            { value: 'all', label: t('tree.all') },
            { value: 'running', label: t('tree.onlyRunning') },
          ]}
          onChange={(v) => {
            setEnded(v === 'all');
            save('tree.ended', v === 'all');
          }}
        />
      </div>
      {rows.length === 0 ? (
        <Nothing title={t('tree.empty')} hint={t('tree.emptyHint')} />
      ) : (
        <>
          <div className="ptree-head" aria-hidden="true">
            <span>{t('tree.process')}</span>
            <span>PID</span>
            <span className="ptree-user">{t('tree.user')}</span>
            <span className="ptree-start">{t('tree.started')}</span>
            <span>{t('tree.state')}</span>
          </div>
          <div role="tree" aria-label={t('tree.label')} ref={box} onKeyDown={onKey}>
            {rows.map((r) => (
              <Row
                key={r.node.process.id}
                row={r}
                open={!closed.has(r.node.process.id)}
                fresh={fresh.has(r.node.process.id)}
                focused={r.node.process.id === focused}
                onToggle={toggle}
                onUnfold={unfold}
                onFocus={setFocus}
              />
            ))}
          </div>
        </>
      )}
    </div>
  );
}
