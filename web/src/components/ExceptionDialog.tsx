// An exception written from an alert: what the console proposes, changed at will, tried on the alerts
// so far before it is saved.
import { App, Button, Checkbox, DatePicker, Input, Modal, Spin } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useEffect, useState } from 'react';
import { type ApiError, call, objectPath } from '../api/client';
import type { Alert, Exception } from '../api/schema';
import { asApiError } from '../api/use';
import { useI18n } from '../i18n';
import { count } from '../lib/format';
import { Link, paths } from '../router';
import { Text, useErrorText } from './bits';

export interface Preview {
  matched: number;
  total: number;
  sample: string[];
}
type Draft = Pick<Exception, 'name' | 'rule' | 'condition' | 'owner' | 'reason' | 'alert_id'>;

const TRY_MS = 500;

export function usePreview(draft: Draft | undefined, allRules: boolean) {
  const [preview, setPreview] = useState<Preview>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const condition = draft?.condition?.trim();
  const rule = allRules ? undefined : draft?.rule;
  useEffect(() => {
    if (!condition) {
      setPreview(undefined);
      return;
    }
    const ctl = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => {
      call<Preview>('POST', '/exceptions/preview', { rule, condition }, ctl.signal)
        .then((p) => {
          setPreview(p);
          setError(undefined);
          setBusy(false);
        })
        .catch((e) => {
          if (ctl.signal.aborted) return;
          setPreview(undefined);
          setError(asApiError(e));
          setBusy(false);
        });
    }, TRY_MS);
    return () => {
      clearTimeout(timer);
      ctl.abort();
    };
  }, [condition, rule]);
  return { preview, error, busy, setError };
}

function Would({ p, alert }: { p: Preview; alert: Alert }) {
  const { t, lang } = useI18n();
  const others = p.sample.filter((id) => id !== alert.id).slice(0, 8);
  return (
    <div className={`would ${p.matched ? '' : 'none'}`} data-testid="exception-would">
      <b>{t('except.would', { matched: count(p.matched, lang), total: count(p.total, lang) })}</b>
      <span className="would-bar" aria-hidden="true">
        <i style={{ width: `${p.total ? (100 * p.matched) / p.total : 0}%` }} />
      </span>
      {!p.sample.includes(alert.id) && p.matched <= p.sample.length && (
        <p className="warn">{t('except.notThis')}</p>
      )}
      {others.length > 0 && (
        <p>
          {t('except.sample')}{' '}
          {others.map((id, i) => (
            <Link
              key={id}
              to={paths.alert(id)}
              target="_blank"
              onClick={(e) => {
                // the dialog with what was written stays
                e.preventDefault();
                window.open(paths.alert(id), '_blank', 'noopener');
              }}
            >
              {i ? ' · ' : ''}
              <span className="mono">{id.slice(-8)}</span>
            </Link>
          ))}
        </p>
      )}
    </div>
  );
}

export function ExceptionDialog({ alert, close }: { alert: Alert; close: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const words = useErrorText();
  const [draft, setDraft] = useState<Draft>();
  const [allRules, setAllRules] = useState(false);
  const [until, setUntil] = useState<Dayjs | null>(() => dayjs().add(30, 'day').startOf('minute'));
  const [failed, setFailed] = useState<ApiError>();
  const [saving, setSaving] = useState(false);
  const { preview, error, busy, setError } = usePreview(draft, allRules);

  useEffect(() => {
    call<Draft>('POST', `${objectPath('alerts', alert.id)}/exception`, {})
      .then(setDraft)
      .catch((e) => setFailed(asApiError(e)));
  }, [alert.id]);

  const set = (more: Partial<Draft>) => setDraft((d) => d && { ...d, ...more });
  const save = async () => {
    if (!draft) return;
    setSaving(true);
    try {
      await call('POST', '/exceptions', {
        ...draft,
        rule: allRules ? undefined : draft.rule,
        ...(until && { expires: until.toISOString() }),
      });
      message.success(t('except.saved'));
      close();
    } catch (e) {
      const err = asApiError(e);
      if (err.status === 400) setError(err);
      else setFailed(err);
    }
    setSaving(false);
  };
  const whole = draft?.name?.trim() && draft.condition?.trim();
  // a condition that cannot be tried can still be right
  const wrong = error?.status === 400;
  return (
    <Modal
      open
      title={t('except.title')}
      width={680}
      onCancel={close}
      onOk={save}
      okText={t('except.save')}
      cancelText={t('triage.cancel')}
      okButtonProps={{
        disabled: !whole || wrong,
        loading: saving,
        ...({ 'data-testid': 'exception-save' } as object),
      }}
      destroyOnHidden
    >
      {failed && (
        <div className="area-failed" role="alert">
          <b>{words(failed).title}</b>
          <pre>
            <Text value={words(failed).detail} />
          </pre>
        </div>
      )}
      {!draft && !failed && <Spin />}
      {draft && (
        <div className="form" data-testid="exception-form">
          <p className="dim">{t('except.intro')}</p>
          <label htmlFor="except-name">
            <span>{t('f.name')}</span>
            <Input
              id="except-name"
              value={draft.name}
              maxLength={256}
              onChange={(e) => set({ name: e.target.value })}
            />
          </label>
          <label htmlFor="except-condition">
            <span>{t('rule.condition')}</span>
            <Input.TextArea
              id="except-condition"
              className="mono"
              autoSize={{ minRows: 2, maxRows: 10 }}
              spellCheck={false}
              status={wrong ? 'error' : undefined}
              value={draft.condition}
              data-testid="exception-condition"
              onChange={(e) => set({ condition: e.target.value })}
            />
          </label>
          {error && (
            <pre className="filter-error" role="alert" data-testid="exception-error">
              <Text value={[error.message, error.hint].filter(Boolean).join('\n')} />
            </pre>
          )}
          <Checkbox checked={allRules} onChange={(e) => setAllRules(e.target.checked)}>
            {t('except.allRules')}{' '}
            {!allRules && (
              <span className="dim">
                <Text value={t('except.onlyRule', { rule: draft.rule ?? '' })} max={200} />
              </span>
            )}
          </Checkbox>
          <Spin spinning={busy} size="small">
            {preview ? (
              <Would p={preview} alert={alert} />
            ) : (
              !error && <div className="would none" />
            )}
          </Spin>
          <div className="form-row">
            <label htmlFor="except-owner">
              <span>{t('except.owner')}</span>
              <Input
                id="except-owner"
                value={draft.owner}
                maxLength={256}
                onChange={(e) => set({ owner: e.target.value })}
              />
            </label>
            <div className="form-field">
              <span>{t('except.until')}</span>
              <DatePicker
                showTime={{ format: 'HH:mm' }}
                format="YYYY-MM-DD HH:mm"
                value={until}
                aria-label={t('except.until')}
                placeholder={t('except.forever')}
                minDate={dayjs()}
                onChange={setUntil}
                presets={[7, 30, 90].map((n) => ({
                  label: t('tokens.days', { n }),
                  value: dayjs().add(n, 'day').startOf('minute'),
                }))}
              />
              {until && (
                <Button type="link" size="small" onClick={() => setUntil(null)}>
                  {t('except.forever')}
                </Button>
              )}
            </div>
          </div>
          <label htmlFor="except-reason">
            <span>{t('except.reason')}</span>
            <Input.TextArea
              id="except-reason"
              autoSize={{ minRows: 1, maxRows: 5 }}
              maxLength={2000}
              value={draft.reason}
              placeholder={t('except.reasonPlaceholder')}
              onChange={(e) => set({ reason: e.target.value })}
            />
          </label>
        </div>
      )}
    </Modal>
  );
}
