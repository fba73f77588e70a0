import type { ReactNode } from 'react';
import { type FieldInfo, type KindName, valueAt } from '../api/schema';
import { useI18n } from '../i18n';
import { bytes, count, duration } from '../lib/format';
import { Id, Line, Priority, State, Tags, Time } from './bits';

const monoLeaves = /(^|\.)(cmdline|args|exe|exepath|cwd|path|command|ip|kernel|image_digest)$/;
const idLeaves = /(^|\.)(id|[a-z]+_id|k8s_uid|image_digest)$/;

function Amount({ field, value }: { field: FieldInfo; value: number }) {
  const { lang } = useI18n();
  let text: string;
  if (field.unit === 'bytes') text = bytes(value, lang);
  else if (field.unit === 'KiB') text = bytes(value * 1024, lang);
  else if (field.unit === 'ms') text = duration(value, lang);
  else if (field.unit === 'ns') text = duration(value / 1e6, lang);
  else if (/(^|\.)(p?pid|vp?pid|tid|[es]?[ug]id|sid|pgid|loginuid)$/.test(field.path))
    text = value === 0xffffffff ? '—' : String(value);
  else text = count(value, lang) + (field.unit === '%' ? ' %' : '');
  return <span className="num">{text}</span>;
}

/** A value of a field table, by its type. */
export function Cell({ field, object }: { field: FieldInfo; object: unknown }): ReactNode {
  const { t } = useI18n();
  const v = valueAt(object, field.path);
  if (v === undefined || v === null || v === '') return <span className="dim">—</span>;
  if (Array.isArray(v))
    return v.every((x) => typeof x === 'string') ? (
      <Tags values={v as string[]} />
    ) : (
      <span className="num">{v.length}</span>
    );
  if (typeof v === 'boolean')
    return v ? <span className="yes">{t('yes')}</span> : <span className="dim">{t('no')}</span>;
  if (field.type === 'time') return <Time value={String(v)} />;
  if (typeof v === 'number') return <Amount field={field} value={v} />;
  const s = String(v);
  if (/(^|\.)priority$/.test(field.path)) return <Priority value={s} />;
  if (/(^|\.)state$/.test(field.path)) return <State value={s} />;
  if (idLeaves.test(field.path)) return <Id value={s} />;
  return <Line value={s} mono={monoLeaves.test(field.path)} />;
}

export function useFieldLabel() {
  const { maybe } = useI18n();
  return (kind: KindName, path: string): string => {
    const whole = maybe(`f.${kind}.${path}`) ?? maybe(`f.${path}`);
    if (whole) return whole;
    const at = path.lastIndexOf('.');
    if (at < 0) return path;
    const group = maybe(`f.${path.slice(0, at)}`);
    const leaf = maybe(`f.${path.slice(at + 1)}`);
    return group && leaf ? `${group}: ${leaf}` : path;
  };
}
