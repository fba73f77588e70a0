// Rule files that are kept in the console: listed, edited with what is wrong shown while typing,
// tried on the recorder, saved for all agents.
import { Alert, App, Button, Input, Space, Switch } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { type ApiError, call, listPath, objectPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Rulefile } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import { Card, Failed, Loaded, Nothing, PageHead, Text, Time } from '../components/bits';
import { CheckOutlined, PlusOutlined } from '../components/icons';
import { RuleEditor } from '../components/RuleEditor';
import { SectionTabs } from '../components/SectionTabs';
import { TryRules } from '../components/TryRules';
import { useI18n } from '../i18n';
import { errorIsIn, ruleError } from '../lib/rules';
import { visible } from '../lib/text';
import { Link, navigate } from '../router';
import { useChange } from './settings/common';

const CHECK_MS = 350;
const DRAFT = 'new.yaml'; // checked under this name until it has a good one
const nameOf = (name: string) =>
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*\.ya?ml$/.test(name.trim()) ? name.trim() : DRAFT;
const EXAMPLE = `- rule: My rule
  desc: What it finds, in a sentence
  condition: >
    spawned_process and container
    and proc.name = nc
  output: Netcat started (command=%proc.cmdline container=%container.name)
  priority: WARNING
  tags: [container]
`;

interface Checked {
  ok: boolean;
  error?: string;
  rules: string[];
  warnings: string[];
}

export function RuleFilesPage() {
  const { t } = useI18n();
  const may = useMay('operator');
  const files = useGet<Page<Rulefile>>(listPath('rulefiles', { sort: 'name', limit: 500 }));
  const reload = useThrottled(files.reload, 500);
  useLive(['rulefile'], reload, reload);
  return (
    <>
      <PageHead title={t('section.files')} sub={t('rulefile.intro')}>
        {may && (
          <Button
            type="primary"
            icon={<PlusOutlined />}
            onClick={() => navigate('/rules/files/new')}
            data-testid="rulefile-add"
          >
            {t('rulefile.add')}
          </Button>
        )}
      </PageHead>
      <SectionTabs of="rules" at="/rules/files" />
      <Card className={files.data?.items.length ? '' : 'flush'}>
        <Loaded of={files}>
          {({ items }) =>
            items.length === 0 ? (
              <Nothing title={t('rulefile.empty')} hint={t('rulefile.emptyHint')} />
            ) : (
              <div className="scroll-x">
                <table className="plain people">
                  <thead>
                    <tr>
                      <th>{t('f.name')}</th>
                      <th>{t('f.state')}</th>
                      <th>{t('rulefile.updated')}</th>
                      <th>{t('rulefile.by')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((f) => (
                      <tr
                        key={f.id}
                        data-testid="rulefile-row"
                        className={f.disabled ? 'faded' : ''}
                      >
                        <td className="mono">
                          <Link to={`/rules/files/${encodeURIComponent(f.id)}`}>
                            <Text value={f.name} max={120} />
                          </Link>
                        </td>
                        <td>{f.disabled ? t('rules.off') : t('rules.on')}</td>
                        <td className="nowrap">
                          <Time value={f.updated} />
                        </td>
                        <td>
                          <Text value={f.updated_by} max={60} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Loaded>
      </Card>
    </>
  );
}

/** What the console says of the text, a moment after the last key. */
function useCheck(name: string, text: string) {
  const [checked, setChecked] = useState<{ text: string; answer: Checked }>();
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    const ctl = new AbortController();
    const timer = setTimeout(() => {
      if (!text.trim()) return setChecked(undefined);
      call<Checked>('POST', '/rules/check', { name: nameOf(name), text }, ctl.signal)
        .then((answer) => {
          setChecked({ text, answer });
          setError(undefined);
        })
        .catch((e) => {
          if (!ctl.signal.aborted) setError(asApiError(e));
        });
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      ctl.abort();
    };
  }, [name, text]);
  return { answer: checked?.answer, fresh: checked?.text === text, error };
}

function Verdict({ check, name }: { check: ReturnType<typeof useCheck>; name: string }) {
  const { t } = useI18n();
  const a = check.answer;
  if (check.error) return <Failed error={check.error} />;
  if (!a) return null;
  if (!a.ok) {
    const at = a.error ? ruleError(a.error) : undefined;
    return (
      <Alert
        type="error"
        showIcon
        data-testid="rulefile-error"
        title={
          at && errorIsIn(at, nameOf(name))
            ? t('rulefile.errorAt', { line: String(at.line), col: String(at.col) })
            : t('rulefile.error')
        }
        description={
          <pre className="message">
            <Text value={a.error} />
          </pre>
        }
      />
    );
  }
  return (
    <>
      <p className="good" data-testid="rulefile-ok">
        <CheckOutlined /> {t('rulefile.ok', { n: a.rules.length })}
        {a.rules.length > 0 && (
          <span className="dim"> {visible(a.rules.slice(0, 12).join(', '), 600)}</span>
        )}
      </p>
      {a.warnings.map((w) => (
        <Alert key={w} type="warning" showIcon title={<Text value={w} max={1000} />} />
      ))}
    </>
  );
}

function Edit({ file, reload }: { file?: Rulefile; reload: () => void }) {
  const { t } = useI18n();
  const { modal, message } = App.useApp();
  const may = useMay('operator');
  const change = useChange();
  const [name, setName] = useState(file?.name ?? '');
  const [text, setText] = useState(file?.text ?? EXAMPLE);
  const [on, setOn] = useState(!file?.disabled);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const check = useCheck(name, text);
  const bad = check.answer?.ok === false;
  const changed =
    !file || text !== (file.text ?? '') || name !== file.name || on !== !file.disabled;
  const problem = useMemo(() => {
    const at = bad && check.answer?.error ? ruleError(check.answer.error) : undefined;
    return at && errorIsIn(at, nameOf(name)) ? at : undefined;
  }, [bad, check.answer, name]);

  useEffect(() => {
    if (!changed || !may) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [changed, may]);

  const save = () => {
    setBusy(true);
    setError(undefined);
    const body = { name: name.trim(), text, disabled: !on };
    const done = file
      ? call<Rulefile>('PATCH', objectPath('rulefiles', file.id), body)
      : call<Rulefile>('POST', '/rulefiles', body);
    done
      .then((f) => {
        message.success(t('rulefile.saved'));
        if (file) reload();
        else navigate(`/rules/files/${encodeURIComponent(f.id)}`, { replace: true });
      })
      .catch((e) => setError(asApiError(e)))
      .finally(() => setBusy(false));
  };
  const remove = () =>
    modal.confirm({
      title: t('rulefile.deleteAsk', { name: visible(file?.name ?? '', 120) }),
      content: t('rulefile.deleteHint'),
      okText: t('users.delete'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(
          () => call('DELETE', objectPath('rulefiles', file?.id ?? '')),
          t('rulefile.deleted'),
        ).then((r) => r !== undefined && navigate('/rules/files')),
    });

  return (
    <>
      <PageHead
        title={<Text value={file?.name ?? t('rulefile.new')} max={160} />}
        sub={
          <>
            <Link to="/rules/files">{t('section.files')}</Link>
            {file && (
              <>
                {' · '}
                <Time value={file.updated} /> · <Text value={file.updated_by} max={60} />
              </>
            )}
          </>
        }
      >
        {may && (
          <Space>
            {file && (
              <Button danger onClick={remove} data-testid="rulefile-delete">
                {t('users.delete')}
              </Button>
            )}
            <Button
              type="primary"
              loading={busy}
              disabled={!changed || bad || !name.trim()}
              onClick={save}
              data-testid="rulefile-save"
            >
              {t('rulefile.save')}
            </Button>
          </Space>
        )}
      </PageHead>
      <Card>
        <div className="rulefile-head">
          <Input
            className="mono"
            aria-label={t('f.name')}
            placeholder="my-rules.yaml"
            value={name}
            maxLength={200}
            readOnly={!may}
            onChange={(e) => setName(e.target.value)}
            data-testid="rulefile-name"
          />
          <span>
            <Switch checked={on} onChange={setOn} disabled={!may} aria-label={t('rules.switch')} />{' '}
            {on ? t('rules.on') : t('rules.off')}
          </span>
          <span className="dim">{t('rulefile.order')}</span>
        </div>
        {error && <Failed error={error} />}
        <RuleEditor text={text} onChange={setText} problem={problem} readOnly={!may} />
        <div className="stacked verdict" role="status" aria-busy={!check.fresh}>
          <Verdict check={check} name={name} />
        </div>
        <TryRules text={text} bad={bad} />
      </Card>
    </>
  );
}

export function RuleFilePage({ id }: { id: string }) {
  const fresh = id === 'new';
  const file = useGet<Rulefile>(fresh ? undefined : objectPath('rulefiles', id));
  if (fresh) return <Edit key="new" reload={() => undefined} />;
  return (
    <Loaded of={file} rows={10}>
      {(f) => <Edit key={`${f.id} ${f.updated}`} file={f} reload={file.reload} />}
    </Loaded>
  );
}
