import { AutoComplete, Button, Drawer, Input } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ApiError } from '../api/client';
import { type FieldHelp, type KindName, kindInfo } from '../api/schema';
import { useGet } from '../api/use';
import { useI18n } from '../i18n';
import { complete, type KnownField } from '../lib/complete';
import { Loaded, Text } from './bits';
import { FilterOutlined, QuestionCircleOutlined } from './icons';

const examples: Partial<Record<KindName | 'event', string[]>> = {
  alert: [
    'priority <= warning',
    'container.image startswith "nginx"',
    'proc.name in (sh, bash) and container.name = "web"',
    'output icontains "shadow"',
  ],
  container: ['state = running and privileged = true', 'image startswith "redis"'],
  process: ['name in (sh, bash, dash)', 'exe_upper = true', 'user = "root" and tty != 0'],
  host: ['bpf = false', 'name startswith "node-"'],
  image: ['size > 1000000000', 'containers = 0'],
  audit: ['ok = false', 'user = "admin"'],
  event: [
    'proc.name = sh',
    'fd.name startswith "/etc/"',
    'evt.type = connect and fd.rip != "10.0.0.7"',
    'evt.failed = true',
  ],
  action: ['requested_by = "admin"', 'state = refused', 'kind = isolate'],
  evidence: ['container_name = "web"', 'size > 10000000'],
  profile: ['deviations > 0', 'image startswith "nginx"'],
  exception: ['owner = "admin"', 'hits = 0'],
  indicator: ['list = "feed"', 'type = domain and value endswith ".ru"'],
  incident: ['risk >= 60', 'tactics intersects (impact, exfiltration)', 'alerts > 10'],
};

/** Names that a filter of this kind may use: asked of the console, the field table meanwhile. */
function useFields(kind: KindName) {
  const help = useGet<{ items: FieldHelp[] }>(`/fields/${kind}`);
  const fields = useMemo<KnownField[]>(() => {
    const own = kindInfo[kind].fields;
    const values = new Map(own.map((f) => [f.path, f.values]));
    const list: readonly FieldHelp[] =
      help.data?.items ?? own.map((f) => ({ name: f.path, type: f.type, doc: f.doc }));
    return list.map((f) => ({ ...f, values: values.get(f.name) }));
  }, [help.data, kind]);
  return { help, fields };
}

interface Props {
  kind: KindName;
  value: string;
  onApply: (filter: string) => void;
  error?: ApiError;
}

export function FilterInput({ kind, value, onApply, error }: Props) {
  const { t } = useI18n();
  const [draft, setDraft] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const [open, setOpen] = useState(false);
  const [helping, setHelping] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const input = () => box.current?.querySelector('input');
  const { help, fields } = useFields(kind);
  useEffect(() => setDraft(value), [value]);

  const completion = useMemo(() => complete(draft, caret, fields), [draft, caret, fields]);
  const options = completion.suggestions.map((s) => ({
    value: draft.slice(0, completion.from) + s.text + draft.slice(completion.to),
    label: (
      <span className="suggestion">
        <b className="mono">{s.label}</b>
        {s.detail && <span>{s.detail}</span>}
      </span>
    ),
    caret: completion.from + s.text.length,
  }));

  const apply = (text: string) => {
    setOpen(false);
    onApply(text.trim());
  };
  const trackCaret = () => setCaret(input()?.selectionStart ?? draft.length);

  return (
    <div className="filter">
      <div className="filter-row" ref={box}>
        <AutoComplete
          className="filter-box"
          classNames={{ popup: { root: 'filter-popup' } }}
          value={draft}
          options={options}
          open={open && options.length > 0}
          defaultActiveFirstOption={false}
          popupMatchSelectWidth={false}
          onOpenChange={setOpen}
          onSelect={(v: string, o) => {
            setDraft(v);
            setCaret(o.caret);
            setOpen(true);
            requestAnimationFrame(() => input()?.setSelectionRange(o.caret, o.caret));
          }}
          onChange={(v: string) => {
            setDraft(v);
            setOpen(true);
            requestAnimationFrame(trackCaret);
          }}
        >
          <Input
            data-testid="filter-input"
            aria-label={t('filter.label')}
            prefix={<FilterOutlined className="dim" />}
            placeholder={t('filter.placeholder', { example: examples[kind]?.[0] ?? '' })}
            spellCheck={false}
            autoCapitalize="off"
            allowClear
            status={error ? 'error' : undefined}
            className="mono"
            onSelect={trackCaret}
            onKeyDown={(e) => {
              if (e.key === 'Escape') setOpen(false);
              if (e.key !== 'Enter' || e.nativeEvent.isComposing) return;
              const active = document.querySelector('.filter-popup .ant-select-item-option-active');
              if (!open || !active) apply(draft);
            }}
            onClear={() => apply('')}
          />
        </AutoComplete>
        {draft.trim() !== value && (
          <Button type="primary" onClick={() => apply(draft)}>
            {t('filter.apply')}
          </Button>
        )}
        <Button
          type="text"
          icon={<QuestionCircleOutlined />}
          aria-label={t('filter.help')}
          onClick={() => setHelping(true)}
        />
      </div>
      {error && (
        <pre className="filter-error" role="alert">
          <Text value={error.message || t('error.unreachable')} />
        </pre>
      )}
      <Drawer
        title={t('filter.help')}
        open={helping}
        onClose={() => setHelping(false)}
        size={Math.min(560, window.innerWidth)}
      >
        <p>{t('filter.intro')}</p>
        <div className="examples">
          {(examples[kind] ?? []).map((x) => (
            <button
              type="button"
              key={x}
              className="mono example"
              onClick={() => {
                setHelping(false);
                setDraft(x);
                apply(x);
              }}
            >
              {x}
            </button>
          ))}
        </div>
        <h3>{t('filter.fields')}</h3>
        <Loaded of={help}>
          {() => (
            <dl className="field-help">
              {fields.map((f) => (
                <div key={f.name}>
                  <dt>
                    <span className="mono">{f.name}</span> <i>{f.type}</i>
                  </dt>
                  <dd>
                    {f.doc}
                    {f.values && (
                      <div className="mono dim">{f.values.filter(Boolean).join(' ')}</div>
                    )}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </Loaded>
      </Drawer>
    </div>
  );
}
