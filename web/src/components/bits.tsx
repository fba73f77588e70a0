// Small pieces used all over: safe text, times, priorities, states, empty and failed areas.

import { Button, Skeleton, Tooltip } from 'antd';
import type { ReactNode } from 'react';
import { useEffect, useState } from 'react';
import type { ApiError } from '../api/client';
import { useI18n } from '../i18n';
import { techniqueHref, techniqueName } from '../lib/attack';
import { ago, clockTime, fullTime, parseTime } from '../lib/format';
import { pieces, shortId, visible } from '../lib/text';
import { CheckOutlined, CopyOutlined } from './icons';

/** Text from outside: shown, never obeyed; direction kept inside its own box. */
export function Text({ value, mono, max }: { value?: string; mono?: boolean; max?: number }) {
  if (value === undefined || value === '') return <span className="dim">—</span>;
  let at = 0;
  return (
    <bdi className={mono ? 'mono' : undefined}>
      {pieces(value, max).map((p) => {
        const key = at;
        at += p.text.length;
        return p.escaped ? (
          <span key={key} className="esc">
            {p.text}
          </span>
        ) : (
          p.text
        );
      })}
    </bdi>
  );
}

/** One line, cut at the end, with the whole text as its title. */
export function Line({ value, mono }: { value?: string; mono?: boolean }) {
  return (
    <span className="line" title={value ? visible(value) : undefined}>
      <Text value={value} mono={mono} max={600} />
    </span>
  );
}

let tick = 0;
const tickers = new Set<() => void>();
setInterval(() => {
  tick++;
  for (const fn of tickers) fn();
}, 15000);

function useTick(): number {
  const [n, set] = useState(tick);
  useEffect(() => {
    const fn = () => set(tick);
    tickers.add(fn);
    return () => {
      tickers.delete(fn);
    };
  }, []);
  return n;
}

export function Time({ value, relative }: { value?: string; relative?: boolean }) {
  const { lang } = useI18n();
  useTick();
  const ms = parseTime(value);
  if (ms === undefined) return <span className="dim">—</span>;
  return (
    <time dateTime={value} title={fullTime(ms, lang)} className="num">
      {relative ? ago(ms, lang) : clockTime(ms, lang)}
    </time>
  );
}

export function Priority({ value, compact }: { value: string; compact?: boolean }) {
  const { maybe } = useI18n();
  const name = maybe(`priority.${value}`) ?? visible(value);
  return (
    <span className={`prio prio-${value}`} title={compact ? name : undefined}>
      <i aria-hidden="true" />
      {!compact && name}
    </span>
  );
}

export function State({ value }: { value: string }) {
  const { maybe } = useI18n();
  return (
    <span className={`state state-${value}`}>
      <i aria-hidden="true" />
      {maybe(`state.${value}`) ?? visible(value)}
    </span>
  );
}

export function Technique({ id }: { id: string }) {
  const { lang } = useI18n();
  const name = techniqueName(id, lang);
  const href = techniqueHref(id);
  const body = (
    <>
      <b>{visible(id, 40)}</b>
      {name && <span>{name}</span>}
    </>
  );
  return href ? (
    <a className="technique" href={href} target="_blank" rel="noreferrer noopener">
      {body}
    </a>
  ) : (
    <span className="technique">{body}</span>
  );
}

export function Tags({ values }: { values?: readonly string[] }) {
  if (!values?.length) return <span className="dim">—</span>;
  return (
    <span className="tags">
      {values.map((v) => (
        <span key={v} className="tag" title={visible(v)}>
          <Text value={v} max={120} />
        </span>
      ))}
    </span>
  );
}

export function Id({ value }: { value?: string }) {
  if (!value) return <span className="dim">—</span>;
  return (
    <span className="mono" title={visible(value)}>
      <Text value={shortId(value)} />
    </span>
  );
}

export function Copy({ text }: { text: string }) {
  const { t } = useI18n();
  const [done, setDone] = useState(false);
  const copy = () => {
    navigator.clipboard?.writeText(text).then(
      () => {
        setDone(true);
        setTimeout(() => setDone(false), 1500);
      },
      () => undefined,
    );
  };
  return (
    <Tooltip title={done ? t('copy.done') : t('copy.do')}>
      <Button
        size="small"
        type="text"
        aria-label={t('copy.do')}
        icon={done ? <CheckOutlined /> : <CopyOutlined />}
        onClick={copy}
      />
    </Tooltip>
  );
}

export function useErrorText(): (e: ApiError) => { title: string; detail?: string } {
  const { t } = useI18n();
  return (e) => {
    if (e.status === 0)
      return { title: t('error.unreachable'), detail: t('error.unreachableHint') };
    if (e.status === 403) return { title: t('error.forbidden'), detail: e.message };
    if (e.status === 404) return { title: t('error.notFound'), detail: e.message };
    if (e.status >= 500) return { title: t('error.server'), detail: e.message };
    return { title: t('error.refused'), detail: e.message };
  };
}

export function Failed({ error, retry }: { error: ApiError; retry?: () => void }) {
  const { t } = useI18n();
  const { title, detail } = useErrorText()(error);
  return (
    <div className="area area-failed" role="alert">
      <b>{title}</b>
      {detail && (
        <pre>
          <Text value={detail} />
        </pre>
      )}
      {error.hint && (
        <p>
          <Text value={error.hint} />
        </p>
      )}
      {retry && (
        <Button size="small" onClick={retry}>
          {t('error.retry')}
        </Button>
      )}
    </div>
  );
}

export function Nothing({ title, hint }: { title: string; hint?: ReactNode }) {
  return (
    <div className="area">
      <svg viewBox="0 0 48 48" width="44" height="44" aria-hidden="true">
        <path
          d="M24 4 41.3 14v20L24 44 6.7 34V14z"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          strokeDasharray="3 3"
          opacity=".6"
        />
      </svg>
      <b>{title}</b>
      {hint && <p>{hint}</p>}
    </div>
  );
}

export function Waiting({ rows = 4 }: { rows?: number }) {
  return (
    <div className="area-wait" aria-busy="true">
      <Skeleton active title={false} paragraph={{ rows }} />
    </div>
  );
}

/** Data, or what stands in its place while it is loading, failed or empty. */
export function Loaded<T>(props: {
  of: { data: T | undefined; error: ApiError | undefined; reload: () => void };
  children: (data: T) => ReactNode;
  rows?: number;
}) {
  const { data, error, reload } = props.of;
  if (data !== undefined)
    return (
      <>
        {error && <Failed error={error} retry={reload} />}
        {props.children(data)}
      </>
    );
  if (error) return <Failed error={error} retry={reload} />;
  return <Waiting rows={props.rows} />;
}

export function Card(props: {
  title?: ReactNode;
  extra?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={`card ${props.className ?? ''}`}>
      {props.title && (
        <header>
          <h2>{props.title}</h2>
          {props.extra}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** Name and value pairs; pairs without a value are left out. */
export function Facts({ items }: { items: [name: string, value: ReactNode][] }) {
  const given = items.filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== false);
  return (
    <dl className="facts">
      {given.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function PageHead({
  title,
  sub,
  children,
}: {
  title: ReactNode;
  sub?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className="page-head">
      <div>
        <h1>{title}</h1>
        {sub && <div className="sub">{sub}</div>}
      </div>
      {children && <div className="page-actions">{children}</div>}
    </div>
  );
}
