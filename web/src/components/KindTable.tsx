// One list for every noun: columns from the field table, chosen by the user and remembered; sort,
// filter and paging done by the console; live.

import {
  Button,
  Checkbox,
  Input,
  Popover,
  Space,
  Table,
  type TableColumnType,
  Tooltip,
} from 'antd';
import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useMemo,
  useState,
} from 'react';
import { type ApiError, csvHref } from '../api/client';
import { type FieldInfo, fieldOf, type KindName, type KindTypes, kindInfo } from '../api/schema';
import { useI18n } from '../i18n';
import { forget, load, save } from '../lib/storage';
import { allOf } from '../lib/text';
import { useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';
import { Failed, Nothing, Waiting } from './bits';
import { Cell, useFieldLabel } from './cells';
import { FilterInput } from './FilterInput';
import {
  ArrowUpOutlined,
  DownloadOutlined,
  LeftOutlined,
  ReloadOutlined,
  RightOutlined,
  SettingOutlined,
} from './icons';
import { PAGE_SIZE, useKindList } from './list';

export type Cells<T> = Record<string, (row: T) => ReactNode>;

interface Props<K extends KindName> {
  kind: K;
  /** Shown when the user has chosen nothing; else those the field table marks for lists. */
  columns?: readonly string[];
  widths?: Record<string, number>;
  cells?: Cells<KindTypes[K]>;
  /** Expression that always holds, beside the user's own filter. */
  fixed?: string;
  defaultSort?: string;
  onOpen?: (row: KindTypes[K]) => void;
  testid?: string;
  live?: boolean;
  hold?: boolean;
  selected?: string;
  empty: { title: string; hint?: ReactNode };
  /** More controls, left of the column choice. */
  controls?: ReactNode;
  /** The filter box: left out where a list is a part of another page. */
  withFilter?: boolean;
  rowClass?: (row: KindTypes[K]) => string;
  /** Rows that are picked out for something to be done with them. */
  picked?: {
    ids: ReadonlySet<string>;
    set: (rows: KindTypes[K][]) => void;
  };
  /** The row that keys act on. */
  cursor?: string;
  /** What is shown instead of a row; undefined: nothing. */
  amend?: (row: KindTypes[K]) => KindTypes[K] | undefined;
  /** Told what is shown now. */
  onRows?: (rows: KindTypes[K][]) => void;
}

const isStrings = (v: unknown) => Array.isArray(v) && v.every((s) => typeof s === 'string');

function defaultColumns(kind: KindName, wanted?: readonly string[]): string[] {
  const known = wanted?.filter((p) => fieldOf(kind, p));
  if (known?.length) return known;
  const listed = kindInfo[kind].fields.filter((f) => f.list).map((f) => f.path);
  return listed.length ? listed : kindInfo[kind].fields.slice(0, 6).map((f) => f.path);
}

function useColumns(kind: KindName, wanted?: readonly string[]) {
  const standard = useMemo(() => defaultColumns(kind, wanted), [kind, wanted]);
  const [chosen, setChosen] = useState<string[]>(() => {
    const kept = load<string[]>(`cols.${kind}`, [], isStrings).filter((p) => fieldOf(kind, p));
    return kept.length ? kept : standard;
  });
  return {
    chosen,
    set: (paths: string[]) => {
      setChosen(paths);
      save(`cols.${kind}`, paths);
    },
    reset: () => {
      setChosen(standard);
      forget(`cols.${kind}`);
    },
  };
}

/** The order a list has by itself: newest first where there is a time, else by its sort field. */
export function standardSort(kind: KindName): string {
  const path = kindInfo[kind].sort;
  const f = path && fieldOf(kind, path);
  if (!f) return '';
  return f.type === 'time' || f.type === 'number' ? `-${path}` : path;
}

function ColumnChooser(props: {
  kind: KindName;
  chosen: string[];
  set: (p: string[]) => void;
  reset: () => void;
}) {
  const { t } = useI18n();
  const label = useFieldLabel();
  const [search, setSearch] = useState('');
  const fields = kindInfo[props.kind].fields.filter((f) =>
    `${f.path} ${label(props.kind, f.path)}`.toLowerCase().includes(search.toLowerCase()),
  );
  const toggle = (path: string, on: boolean) => {
    const next = on ? [...props.chosen, path] : props.chosen.filter((p) => p !== path);
    if (next.length) props.set(next);
  };
  return (
    <div className="chooser">
      <Input
        size="small"
        allowClear
        placeholder={t('columns.search')}
        aria-label={t('columns.search')}
        value={search}
        onChange={(e) => setSearch(e.target.value)}
      />
      <div className="chooser-list">
        {fields.map((f) => (
          <Checkbox
            key={f.path}
            checked={props.chosen.includes(f.path)}
            onChange={(e) => toggle(f.path, e.target.checked)}
          >
            <span title={f.doc}>
              {label(props.kind, f.path)} <i className="mono dim">{f.path}</i>
            </span>
          </Checkbox>
        ))}
      </div>
      <Button size="small" onClick={props.reset}>
        {t('columns.reset')}
      </Button>
    </div>
  );
}

/** The console counts no further. */
const COUNTED_MAX = 10000;

function Pager(props: {
  page: number;
  shown: number;
  total?: number;
  more: boolean;
  go: (to: number) => void;
}) {
  const { t } = useI18n();
  const from = (props.page - 1) * PAGE_SIZE + 1;
  if (!props.shown) return null;
  const words =
    props.total === undefined
      ? 'list.range'
      : props.total >= COUNTED_MAX
        ? 'list.rangeMany'
        : 'list.rangeOf';
  return (
    <div className="pager num">
      <span>{t(words, { from, to: from + props.shown - 1, total: props.total ?? 0 })}</span>
      <Button
        size="small"
        type="text"
        icon={<LeftOutlined />}
        aria-label={t('list.prev')}
        disabled={props.page === 1}
        onClick={() => props.go(props.page - 1)}
      />
      <Button
        size="small"
        type="text"
        icon={<RightOutlined />}
        aria-label={t('list.next')}
        disabled={!props.more}
        onClick={() => props.go(props.page + 1)}
      />
    </div>
  );
}

function isFilterError(e: ApiError | undefined): boolean {
  return e?.status === 400 || e?.status === 422;
}

export function KindTable<K extends KindName>(props: Props<K>) {
  type T = KindTypes[K] & { id: string };
  const { kind, fixed, cells, withFilter = true } = props;
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const label = useFieldLabel();
  const cols = useColumns(kind, props.columns);
  const own = withFilter ? (query.get('filter') ?? '') : '';
  const standard = props.defaultSort ?? standardSort(kind);
  const sort = (withFilter && query.get('sort')) || standard;
  const filter = allOf(own, fixed);

  // cursors of the pages before; the last one is the page shown
  const [cursors, setCursors] = useState<{ key: string; list: string[] }>({ key: '', list: [] });
  const key = `${kind} ${filter} ${sort}`;
  const trail = cursors.key === key ? cursors.list : [];
  const list = useKindList<T>(kind, {
    filter,
    sort,
    newestFirst: sort === standard && sort.startsWith('-'),
    cursor: trail.at(-1),
    hold: props.hold ?? false,
    live: props.live ?? false,
  });
  const go = (to: number) => {
    if (to > trail.length + 1 && list.next) setCursors({ key, list: [...trail, list.next] });
    else setCursors({ key, list: trail.slice(0, to - 1) });
    window.scrollTo({ top: 0 });
  };

  // rows of the filter before must not stand below one that the console refuses
  const filterError = withFilter && own && isFilterError(list.error) ? list.error : undefined;
  const failed = list.error && !filterError ? list.error : undefined;

  const fields = cols.chosen
    .map((p) => fieldOf(kind, p))
    .filter((f): f is FieldInfo => f !== undefined);
  const render = (f: FieldInfo, row: T): ReactNode =>
    cells?.[f.path]?.(row) ?? <Cell field={f} object={row} />;

  const { amend, onRows, picked } = props;
  const rows = useMemo(
    () => (amend ? list.items.flatMap((i) => (amend(i) as T | undefined) ?? []) : list.items),
    [list.items, amend],
  );
  // before anyone can press a key on them
  useLayoutEffect(() => onRows?.(rows), [rows, onRows]);
  const pick = (row: T, on: boolean) =>
    picked?.set(rows.filter((r) => (r.id === row.id ? on : picked.ids.has(r.id))));

  const open = (row: T) => props.onOpen?.(row);
  const rowProps = (row: T) => ({
    'data-testid': props.testid,
    'data-id': row.id,
    className: [
      props.onOpen ? 'clickable' : '',
      list.fresh.has(row.id) ? 'fresh' : '',
      row.id === props.selected ? 'selected' : '',
      row.id === props.cursor ? 'cursor' : '',
      props.rowClass?.(row) ?? '',
    ].join(' '),
    ...(props.onOpen && {
      tabIndex: 0,
      onClick: () => {
        if (!window.getSelection()?.toString()) open(row);
      },
      onKeyDown: (e: KeyboardEvent) => {
        if (e.key === 'Enter' && e.target === e.currentTarget) open(row);
      },
    }),
  });

  const columns: TableColumnType<T>[] = fields.map((f) => {
    const bare = sort.replace(/^-/, '');
    const canSort = withFilter && f.sortable;
    return {
      key: f.path,
      title: <span title={f.doc ? `${f.path}: ${f.doc}` : f.path}>{label(kind, f.path)}</span>,
      width: props.widths?.[f.path],
      ellipsis: true,
      render: (_, row) => render(f, row),
      ...(canSort && {
        sorter: true,
        showSorterTooltip: false,
        sortOrder: bare === f.path ? (sort.startsWith('-') ? 'descend' : 'ascend') : null,
      }),
    };
  });

  const body = filterError ? null : !list.loaded ? (
    failed ? null : (
      <Waiting rows={8} />
    )
  ) : rows.length === 0 ? (
    <Nothing
      title={own ? t('list.noMatch') : props.empty.title}
      hint={own ? t('list.noMatchHint') : props.empty.hint}
    />
  ) : narrow ? (
    <ul className="cards">
      {rows.map((row) => (
        <li key={row.id} {...rowProps(row)}>
          {picked && (
            <Checkbox
              className="cards-pick"
              aria-label={t('list.pick')}
              checked={picked.ids.has(row.id)}
              onClick={(e) => e.stopPropagation()}
              onChange={(e) => pick(row, e.target.checked)}
            />
          )}
          {fields.map((f) => (
            <div key={f.path} className={`cards-${f.path.replace(/\W/g, '-')}`}>
              <span className="dim">{label(kind, f.path)}</span>
              <span>{render(f, row)}</span>
            </div>
          ))}
        </li>
      ))}
    </ul>
  ) : (
    <Table<T>
      size="small"
      rowKey="id"
      dataSource={rows}
      columns={columns}
      pagination={false}
      tableLayout="fixed"
      scroll={{ x: fields.reduce((n, f) => n + (props.widths?.[f.path] ?? 130), 40) }}
      sticky={{ offsetHeader: 48 }}
      rowSelection={
        picked && {
          selectedRowKeys: [...picked.ids],
          columnWidth: 40,
          onChange: (keys) => picked.set(rows.filter((r) => keys.includes(r.id))),
        }
      }
      onRow={(row) => rowProps(row)}
      onChange={(_, __, sorter) => {
        const s = Array.isArray(sorter) ? sorter[0] : sorter;
        const path = s?.order ? String(s.columnKey) : '';
        setQuery({ sort: path ? (s?.order === 'descend' ? `-${path}` : path) : undefined });
      }}
    />
  );

  useEffect(() => {
    if (!own) return;
    // the title of the tab tells which view this is
    const before = document.title;
    document.title = `${own} · ${before}`;
    return () => {
      document.title = before;
    };
  }, [own]);

  return (
    <div className="kind-table">
      <div className="list-bar">
        {withFilter && (
          <FilterInput
            kind={kind}
            value={own}
            error={filterError}
            onApply={(f) => setQuery({ filter: f || undefined })}
          />
        )}
        <Space wrap size={6} className="list-controls">
          {props.controls}
          <Tooltip title={t('list.reload')}>
            <Button
              aria-label={t('list.reload')}
              icon={<ReloadOutlined spin={list.loading && list.loaded} />}
              onClick={list.reload}
            />
          </Tooltip>
          <Popover
            trigger="click"
            placement="bottomRight"
            content={
              <ColumnChooser kind={kind} chosen={cols.chosen} set={cols.set} reset={cols.reset} />
            }
          >
            <Button icon={<SettingOutlined />} aria-label={t('columns.title')}>
              {!narrow && t('columns.title')}
            </Button>
          </Popover>
          <Tooltip title={t('list.csv')}>
            <Button
              icon={<DownloadOutlined />}
              aria-label={t('list.csv')}
              href={csvHref(kindInfo[kind].plural, { filter, sort })}
              download={`skep-${kindInfo[kind].plural}.csv`}
            />
          </Tooltip>
        </Space>
      </div>
      {failed && <Failed error={failed} retry={list.reload} />}
      {list.pending.length > 0 && (
        <div className="pill-place">
          <button type="button" className="pill" data-testid="new-pill" onClick={list.showPending}>
            <ArrowUpOutlined /> {t('list.new', { n: list.pending.length })}
          </button>
        </div>
      )}
      {body && <div className={`card flush ${narrow && rows.length ? 'bare' : ''}`}>{body}</div>}
      {!filterError && (
        <Pager
          page={trail.length + 1}
          shown={rows.length}
          total={list.total}
          more={!!list.next}
          go={go}
        />
      )}
    </div>
  );
}
