// How an alert came about: the way from the oldest known process down to the culprit and to what it
// touched, with the container's wall drawn around what happened inside.
import type { ReactNode } from 'react';
import type { Alert, Process } from '../api/schema';
import { useI18n } from '../i18n';
import { ancestry } from '../lib/tree';
import { Link, paths } from '../router';
import { Line, Text, Time } from './bits';
import { Marks } from './ProcessTree';

function Step({ p, culprit }: { p: Process; culprit: boolean }) {
  const { t } = useI18n();
  return (
    <div className={`step ${culprit ? 'culprit' : ''} ${p.exit_time ? 'ended' : ''}`}>
      <div className="step-head">
        <b className="mono">
          <Text value={p.name || p.exe} max={64} />
        </b>
        <span className="num dim">PID {p.pid}</span>
        <span className="dim">
          <Text value={p.user ?? `uid ${p.uid}`} max={40} />
        </span>
        <Marks p={p} />
        {culprit && <span className="mark mark-culprit">{t('ancestry.culprit')}</span>}
        <span className="step-time">
          <Time value={p.start_time} />
        </span>
      </div>
      {culprit ? (
        <div className="step-cmd mono">
          <Text value={p.cmdline} max={4000} />
        </div>
      ) : (
        <Line value={p.cmdline} mono />
      )}
      {culprit && p.exepath && (
        <div className="dim mono step-exe">
          <Text value={p.exepath} />
          {p.cwd && (
            <>
              {' '}
              · {t('f.cwd')} <Text value={p.cwd} />
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** What the event touched, in one line. */
export function target(a: Alert): { what: string; value: string } | undefined {
  const { evt, fd } = a;
  if (!evt) return undefined;
  if (evt.oldpath && evt.newpath)
    return { what: evt.type, value: `${evt.oldpath} → ${evt.newpath}` };
  const value = fd?.name || evt.path || evt.newpath || evt.name;
  if (value) return { what: evt.type, value };
  if (evt.target_pid) return { what: evt.type, value: `pid ${evt.target_pid}` };
  return undefined;
}

export function Ancestry({ alert }: { alert: Alert }) {
  const { t } = useI18n();
  const segments = ancestry(alert.ancestors ?? [], alert.proc);
  const touched = target(alert);
  if (!segments.length) return <p className="dim">{t('ancestry.unknown')}</p>;

  const leaf = touched && touched.value !== alert.proc?.exepath && (
    <li>
      <div className="step touched">
        <span className="mark">{touched.what}</span>
        <span className="mono">
          <Text value={touched.value} max={1000} />
        </span>
      </div>
    </li>
  );

  // nested lists: each process holds what it started, which draws the lines by itself
  const draw = (s: number, i: number): ReactNode => {
    const seg = segments[s];
    const p = seg?.chain[i];
    if (!seg || !p) return leaf;
    const culprit = s === segments.length - 1 && i === seg.chain.length - 1;
    const inside = (
      <>
        <Step p={p} culprit={culprit} />
        {culprit ? leaf && <ul>{leaf}</ul> : <ul>{below(s, i)}</ul>}
      </>
    );
    return <li key={p.id}>{inside}</li>;
  };
  const below = (s: number, i: number): ReactNode =>
    i + 1 < (segments[s]?.chain.length ?? 0) ? draw(s, i + 1) : wall(s + 1);
  const wall = (s: number): ReactNode => {
    const seg = segments[s];
    if (!seg) return leaf;
    if (!seg.container) return draw(s, 0);
    const c = alert.container?.id === seg.container ? alert.container : undefined;
    return (
      <li className="wall-item" key={seg.container}>
        <div className="wall">
          <div className="wall-name">
            <span className="wall-tag">{t('ancestry.container')}</span>
            {seg.container === 'pending' ? (
              <span>{t('ancestry.pending')}</span>
            ) : (
              <Link to={paths.container(seg.container)}>
                <Text value={c?.name ?? seg.container.slice(0, 12)} max={80} />
              </Link>
            )}
            {c?.image && (
              <span className="dim mono">
                <Text value={c.image} max={120} />
              </span>
            )}
          </div>
          <ul className="chain">{draw(s, 0)}</ul>
        </div>
      </li>
    );
  };

  return (
    <div className="ancestry" data-testid="alert-ancestry">
      {!segments[0]?.container && (
        <div className="host-name">
          <span className="wall-tag">{t('ancestry.host')}</span>
          <Text value={alert.hostname ?? alert.host_id} max={80} />
        </div>
      )}
      <ul className="chain">{wall(0)}</ul>
    </div>
  );
}
