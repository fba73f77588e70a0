import { Alert, Collapse, Drawer, Input, Segmented } from 'antd';
import { useMemo } from 'react';
import { useLive } from '../api/live';
import { priorities, type Rule, type Rules } from '../api/schema';
import { useGet, useThrottled } from '../api/use';
import { Line, Loaded, Nothing, PageHead, Priority, Text } from '../components/bits';
import { SearchOutlined } from '../components/icons';
import { RuleView, useRuleDesc, useRuleTitle } from '../components/RuleView';
import { useI18n } from '../i18n';
import { quote } from '../lib/text';
import { Link, paths, useLocation, useSetQuery } from '../router';
import { useNarrow } from '../theme';

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

function found(r: Rule, words: string[]): boolean {
  const all = [
    r.name,
    r.title_zh,
    r.desc,
    r.desc_zh,
    r.priority,
    r.source,
    r.file,
    ...(r.tags ?? []),
    ...(r.techniques ?? []),
  ]
    .join(' ')
    .toLowerCase(); // prettier-ignore
  return words.every((w) => all.includes(w));
}

export function RulesPage() {
  const { t } = useI18n();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const narrow = useNarrow();
  const title = useRuleTitle();
  const desc = useRuleDesc();
  const rules = useGet<Rules>('/rules');
  const reload = useThrottled(rules.reload, 3000);
  // an agent tells of itself after it loaded rules
  useLive(['agent'], reload, reload);
  const search = query.get('q') ?? '';
  const which = query.get('show') ?? 'all';
  const openName = query.get('rule');

  const shown = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const rank = (r: Rule) => (priorities as readonly string[]).indexOf(r.priority);
    return (rules.data?.items ?? [])
      .filter((r) => which === 'all' || (r.enabled !== false) === (which === 'on'))
      .filter((r) => found(r, words))
      .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  }, [rules.data, search, which]);
  const open = rules.data?.items.find((r) => r.name === openName);

  return (
    <>
      <PageHead title={t('nav.rules')} />
      <Loaded of={rules} rows={10}>
        {(data) => (
          <>
            <Banners rules={data} />
            <div className="list-bar">
              <Input
                allowClear
                className="search"
                prefix={<SearchOutlined className="dim" />}
                placeholder={t('rules.search')}
                aria-label={t('rules.search')}
                value={search}
                onChange={(e) => setQuery({ q: e.target.value || undefined })}
              />
              <Segmented
                value={which}
                options={[
                  { value: 'all', label: t('rules.all') },
                  { value: 'on', label: t('rules.on') },
                  { value: 'off', label: t('rules.off') },
                ]}
                onChange={(v) => setQuery({ show: v === 'all' ? undefined : String(v) })}
              />
              <span className="dim num">{t('rules.count', { n: shown.length })}</span>
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
                    <li key={r.name} className={r.enabled === false ? 'faded' : ''}>
                      <button
                        type="button"
                        data-testid="rule-row"
                        onClick={() => setQuery({ rule: r.name })}
                      >
                        <Priority value={r.priority} />
                        <span className="rules-text">
                          <b>
                            <Text value={title(r)} max={200} />
                          </b>
                          <span className="dim">
                            <Line value={desc(r)} />
                          </span>
                        </span>
                        {r.enabled === false && (
                          <span className="mark plain">{t('rules.isOff')}</span>
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
                  ))}
                </ul>
              )}
            </div>
            <Drawer
              open={!!openName}
              onClose={() => setQuery({ rule: undefined })}
              size={narrow ? '100%' : 680}
              title={t('rules.one')}
            >
              {open ? (
                <>
                  <h2 className="drawer-title">
                    <Text value={title(open)} max={300} />
                  </h2>
                  <div className="meta gap">
                    <Priority value={open.priority} />
                    {open.enabled === false && (
                      <span className="mark plain">{t('rules.isOff')}</span>
                    )}
                    <Link to={paths.alerts(`rule = ${quote(open.name)}`)}>{t('rules.alerts')}</Link>
                  </div>
                  <RuleView rule={open} />
                </>
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
