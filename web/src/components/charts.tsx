import { useI18n } from '../i18n';
import { hourOf } from '../lib/format';

/** 24 numbers, oldest first, the last being the hour that runs. */
export function HourBars({ values }: { values: readonly number[] }) {
  const { lang, t } = useI18n();
  const max = Math.max(1, ...values);
  const now = Date.now();
  const w = 100 / Math.max(1, values.length);
  const at = (i: number) => now - (values.length - 1 - i) * 3600_000;
  const label = (i: number) => {
    const h = new Date(at(i));
    h.setMinutes(0, 0, 0);
    return hourOf(h.getTime(), lang);
  };
  const total = values.reduce((a, b) => a + b, 0);
  return (
    <figure className="bars" aria-label={t('overview.alerts24Total', { n: total })}>
      <div className="bars-max num">{max}</div>
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-hidden="true">
        <line x1="0" x2="100" y1="0.2" y2="0.2" className="grid" />
        <line x1="0" x2="100" y1="20" y2="20" className="grid" />
        <line x1="0" x2="100" y1="39.8" y2="39.8" className="grid" />
        {values.map((v, i) => {
          const h = v ? Math.max(1.2, (v / max) * 39) : 0;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the place is the hour
            <g key={i}>
              <rect x={i * w} y="0" width={w} height="40" className="hit">
                <title>{`${label(i)}  ${t('overview.alertsN', { n: v })}`}</title>
              </rect>
              <rect
                x={i * w + w * 0.14}
                y={40 - h}
                width={w * 0.72}
                height={h}
                className={i === values.length - 1 ? 'bar now' : 'bar'}
              />
            </g>
          );
        })}
      </svg>
      <div className="bars-axis num">
        {[0, 6, 12, 18, 23].map((i) => (
          <span key={i} style={{ left: `${(i + 0.5) * w}%` }}>
            {i < values.length ? label(i) : ''}
          </span>
        ))}
      </div>
    </figure>
  );
}

/** A share of a whole as a thin line under a row. */
export function Share({ value, max }: { value: number; max: number }) {
  return (
    <span className="share" aria-hidden="true">
      <i style={{ width: `${Math.max(2, (100 * value) / Math.max(1, max))}%` }} />
    </span>
  );
}
