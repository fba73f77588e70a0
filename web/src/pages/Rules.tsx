import { Alert, App, Button, Collapse, Drawer, Input, Segmented, Select, Switch } from 'antd';
import { useMemo, useState } from 'react';
import { call, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Alert as Found } from '../api/schema';
import { priorities, type Rule, type Rules } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import {
  Line,
  Loaded,
  Nothing,
  PageHead,
  Priority,
  Text,
  Time,
  useErrorText,
} from '../components/bits';
import { SearchOutlined } from '../components/icons';
import { RuleView, useRuleDesc, useRuleTitle } from '../components/RuleView';
import { SectionTabs } from '../components/SectionTabs';
import { useI18n } from '../i18n';
import { techniqueName } from '../lib/attack';
import { quote, visible } from '../lib/text';
import { Link, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';

const DAYS = 30;
const NEWEST = 8;

function Banners({ rules }: { rules: Rules }) {
  const { t } = useI18n();
  const warnings = rules.warnings ?? [];
  return (
    <>
      {rules.error && (
        <Alert
          type="error"
          showIcon
          className="gap"
          data-testid="rules-error"
          title={t('rules.error')}
          description={
            <>
              <pre className="message">
                <Text value={rules.error} />
              </pre>
              {rules.items.length > 0 && t('rules.errorKept')}
            </>
          }
        />
      )}
      {warnings.length > 0 && (
        <Collapse
          size="small"
          className="gap"
          items={[
            {
              key: 'w',
              label: t('rules.warnings', { n: warnings.length }),
              children: (
                <ul className="warnings">
                  {warnings.map((w, i) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike
                    <li key={i}>
                      <pre className="message">
                        <Text value={w} />
                      </pre>
                    </li>
                  ))}
                </ul>
              ),
            },
          ]}
        />
      )}
    </>
  );
}

/** on, off, or on and yet not evaluated. */
function standing(r: Rule): 'on' | 'off' | 'idle' {
  if (r.enabled === false) return 'off';
  return r.evaluated === false ? 'idle' : 'on';
}

interface Wanted {
  words: string[];
  show: string;
  file?: string;
  source?: string;
  priority?: string;
  technique?: string;
}

function matches(r: Rule, w: Wanted): boolean {
  if (w.show !== 'all' && standing(r) !== w.show) return false;
  if (w.file && r.file !== w.file) return false;
  if (w.source && (r.source ?? 'syscall') !== w.source) return false;
  if (w.priority && r.priority !== w.priority) return false;
  if (w.technique && !r.techniques?.includes(w.technique)) return false;
  const all = [r.name, r.id, r.title_zh, r.desc, r.desc_zh, r.priority, r.source, r.file]
    .concat(r.tags, r.techniques)
    .join(' ')
    .toLowerCase();
  return w.words.every((x) => all.includes(x));
}

const distinct = (v: (string | undefined)[]) =>
  [...new Set(v.filter((x): x is string => !!x))].sort();

function Choices({ rules }: { rules: Rule[] }) {
  const { t, lang, maybe } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const choice = (name: string, label: string, options: { value: string; label: string }[]) => (
    <Select
      allowClear
      showSearch={options.length > 8 ? { optionFilterProp: 'label' } : false}
      placeholder={label}
      aria-label={label}
      className={`rules-choice rules-choice-${name}`}
      popupMatchSelectWidth={false}
      value={query.get(name) ?? undefined}
      options={options}
      onChange={(v) => setQuery({ [name]: v })}
    />
  );
  const plain = (v: string[]) => v.map((x) => ({ value: x, label: visible(x, 80) }));
  return (
    <>
      {choice('file', t('rule.file'), plain(distinct(rules.map((r) => r.file))))}
      {choice('source', t('f.source'), plain(distinct(rules.map((r) => r.source ?? 'syscall'))))}
      {choice(
        'priority',
        t('f.priority'),
        priorities.map((p) => ({ value: p, label: maybe(`priority.${p}`) ?? p })),
      )}
      {choice(
        'technique',
        t('f.techniques'),
        distinct(rules.flatMap((r) => r.techniques ?? [])).map((x) => ({
          value: x,
          label: visible([x, techniqueName(x, lang)].filter(Boolean).join(' '), 80),
        })),
      )}
    </>
  );
}

function RuleSwitch({ rule, changed }: { rule: Rule; changed: () => void }) {
  const { t } = useI18n();
  const { message, modal } = App.useApp();
  const words = useErrorText();
  const may = useMay('operator');
  const [busy, setBusy] = useState(false);
  const on = rule.enabled !== false;
  const set = (enabled: boolean) => {
    setBusy(true);
    return call('POST', '/rules/switch', { rule: rule.name, enabled })
      .then(() => {
        message.success(t(enabled ? 'rules.switchedOn' : 'rules.switchedOff'));
        changed();
      })
      .catch((e) => {
        const w = words(asApiError(e));
        message.error(visible([w.title, w.detail].filter(Boolean).join(': ')));
      })
      .finally(() => setBusy(false));
  };
  const ask = (enabled: boolean) => {
    if (enabled) return void set(true);
    modal.confirm({
      title: t('rules.offAsk', { name: visible(rule.name, 120) }),
      content: t('rules.offHint'),
      okText: t('rules.switchOff'),
      okButtonProps: { danger: true },
      onOk: () => set(false),
    });
  };
  return (
    <span className="rule-switch">
      <Switch
        checked={on}
        loading={busy}
        disabled={!may}
        onChange={ask}
        aria-label={t('rules.switch')}
        data-testid="rule-switch"
      />{' '}
      {on ? t('rules.on') : t('rules.off')}
    </span>
  );
}

function Newest({ rule }: { rule: string }) {
  const { t } = useI18n();
  const [since] = useState(() => new Date(Date.now() - DAYS * 86400_000).toISOString());
  const filter = `rule = ${quote(rule)} and time >= "${since}"`;
  const found = useGet<Page<Found>>(listPath('alerts', { filter, sort: '-time', limit: NEWEST }));
  return (
    <section>
      <h4>{t('rules.lastDays', { n: DAYS })}</h4>
      <Loaded of={found} rows={3}>
        {(p) =>
          p.items.length === 0 ? (
            <p className="dim">{t('rules.noneFound')}</p>
          ) : (
            <>
              <p>
                {t('overview.alertsN', { n: p.total ?? p.items.length })}
                {(p.total ?? 0) > p.items.length && ` · ${t('rules.newest', { n: NEWEST })}`}
              </p>
              <ul className="mini">
                {p.items.map((a) => (
                  <li key={a.id}>
                    <Link to={paths.alert(a.id)}>
                      <Time value={a.time} />
                    </Link>
                    <Line value={a.container?.name ?? a.hostname} />
                    <Line value={a.output} />
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function One({ rule, changed }: { rule: Rule; changed: () => void }) {
  const { t, maybe } = useI18n();
  const title = useRuleTitle();
  return (
    <>
      <h2 className="drawer-title">
        <Text value={title(rule)} max={300} />
      </h2>
      <div className="meta gap">
        <Priority value={rule.priority} />
        {rule.id && <span className="tag mono">{visible(rule.id, 40)}</span>}
        {rule.response && rule.response !== 'alert' && (
          <span className="mark">{maybe(`re.${rule.response}`) ?? visible(rule.response)}</span>
        )}
        <RuleSwitch rule={rule} changed={changed} />
        <Link to={paths.alerts(`rule = ${quote(rule.name)}`)}>{t('rules.alerts')}</Link>
      </div>
      {standing(rule) === 'idle' && (
        <Alert
          type="warning"
          showIcon
          className="gap"
          title={t('rules.notEvaluated')}
          description={<Text value={rule.why_not} max={1000} />}
        />
      )}
      <RuleView rule={rule} />
      <Newest rule={rule.name} />
    </>
  );
}

function Row({ rule: r }: { rule: Rule }) {
  const { t } = useI18n();
  const setQuery = useSetQuery();
  const title = useRuleTitle();
  const desc = useRuleDesc();
  const state = standing(r);
  return (
    <li className={state === 'on' ? '' : 'faded'}>
      <button type="button" data-testid="rule-row" onClick={() => setQuery({ rule: r.name })}>
        <Priority value={r.priority} />
        <span className="rules-text">
          <b>
            <Text value={title(r)} max={200} />
          </b>
          <span className="dim">
            <Line value={desc(r)} />
          </span>
        </span>
        {state === 'off' && <span className="mark plain">{t('rules.isOff')}</span>}
        {state === 'idle' && (
          <span className="mark" title={visible(r.why_not ?? '')}>
            {t('rules.isIdle')}
          </span>
        )}
        <span className="rules-techniques">
          {r.techniques?.slice(0, 3).map((x) => (
            <span key={x} className="tag mono">
              <Text value={x} max={20} />
            </span>
          ))}
        </span>
      </button>
    </li>
  );
}

export function RulesPage() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const rules = useGet<Rules>('/rules');
  const reload = useThrottled(rules.reload, 3000);
  // an agent tells of itself after it loaded rules
  useLive(['agent', 'rulefile'], reload, reload);
  const search = query.get('q') ?? '';
  const show = query.get('show') ?? 'all';
  const openName = query.get('rule');
  const [file, source, priority, technique] = ['file', 'source', 'priority', 'technique'].map(
    (k) => query.get(k) ?? undefined,
  );

  const shown = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const rank = (r: Rule) => (priorities as readonly string[]).indexOf(r.priority);
    return (rules.data?.items ?? [])
      .filter((r) => matches(r, { words, show, file, source, priority, technique }))
      .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  }, [rules.data, search, show, file, source, priority, technique]);
  const open = rules.data?.items.find((r) => r.name === openName);
  const narrowed = search || show !== 'all' || file || source || priority || technique;

  return (
    <>
      <PageHead title={t('nav.rules')} />
      <SectionTabs of="rules" at="/rules" />
      <Loaded of={rules} rows={10}>
        {(data) => (
          <>
            <Banners rules={data} />
            <div className="list-bar rules-bar">
              <Input
                allowClear
                className="search"
                prefix={<SearchOutlined className="dim" />}
                placeholder={t('rules.search')}
                aria-label={t('rules.search')}
                value={search}
                onChange={(e) => setQuery({ q: e.target.value || undefined })}
              />
              <Choices rules={data.items} />
              <Segmented
                value={show}
                options={[
                  { value: 'all', label: t('rules.all') },
                  { value: 'on', label: t('rules.on') },
                  { value: 'off', label: t('rules.off') },
                  { value: 'idle', label: t('rules.idle') },
                ]}
                onChange={(v) => setQuery({ show: v === 'all' ? undefined : String(v) })}
              />
              <span className="dim num">{t('rules.count', { n: shown.length })}</span>
              {narrowed && (
                <Button
                  type="link"
                  size="small"
                  onClick={() =>
                    setQuery({
                      q: undefined,
                      show: undefined,
                      file: undefined,
                      source: undefined,
                      priority: undefined,
                      technique: undefined,
                    })
                  }
                >
                  {t('rules.clear')}
                </Button>
              )}
            </div>
            <div className="card flush">
              {shown.length === 0 ? (
                <Nothing
                  title={data.items.length ? t('list.noMatch') : t('rules.empty')}
                  hint={data.items.length ? undefined : t('rules.emptyHint')}
                />
              ) : (
                <ul className="rules">
                  {shown.map((r) => (
                    <Row key={r.name} rule={r} />
                  ))}
                </ul>
              )}
            </div>
            <Drawer
              open={!!openName}
              onClose={() => setQuery({ rule: undefined })}
              size={narrow ? '100%' : 720}
              title={t('rules.one')}
            >
              {open ? (
                <One key={open.name} rule={open} changed={rules.reload} />
              ) : (
                <Nothing title={t('alert.ruleGone')} />
              )}
            </Drawer>
          </>
        )}
      </Loaded>
    </>
  );
}
