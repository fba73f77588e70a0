// Alerts that are not wanted: who answers for it, until when, how often it was needed.
import {
  App,
  Button,
  DatePicker,
  Form,
  Input,
  Modal,
  Segmented,
  Select,
  Space,
  Switch,
} from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { type ApiError, call, objectPath } from '../api/client';
import type { Exception, Rules } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet } from '../api/use';
import { Failed, Line, PageHead, Text, Time } from '../components/bits';
import { usePreview } from '../components/ExceptionDialog';
import { PlusOutlined } from '../components/icons';
import { type Cells, KindTable } from '../components/KindTable';
import { RuleName } from '../components/RuleName';
import { SectionTabs } from '../components/SectionTabs';
import { useI18n } from '../i18n';
import { count, parseTime } from '../lib/format';
import { visible } from '../lib/text';
import { useLocation, useSetQuery } from '../router';
import { useChange } from './settings/common';

const columns = ['name', 'rule', 'condition', 'owner', 'expires', 'hits', 'last_hit'];
const widths = { name: 200, rule: 190, owner: 110, expires: 130, hits: 80, last_hit: 120 };

type Standing = 'on' | 'off' | 'ended';
export function standingOf(x: Pick<Exception, 'disabled' | 'expires'>, now: number): Standing {
  if (x.expires && (parseTime(x.expires) ?? 0) <= now) return 'ended';
  return x.disabled ? 'off' : 'on';
}

interface Values {
  name: string;
  rule?: string;
  condition: string;
  owner?: string;
  reason?: string;
  expires?: Dayjs | null;
  on: boolean;
}

function Edit({ of, close }: { of?: Exception; close: () => void }) {
  const { t, lang } = useI18n();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const rules = useGet<Rules>('/rules');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError>();
  const condition = Form.useWatch('condition', form) ?? of?.condition;
  const rule = Form.useWatch('rule', form);
  const { preview, error } = usePreview({ condition, rule }, false);
  const save = (v: Values) => {
    const body = {
      name: v.name.trim(),
      rule: v.rule || (of ? '' : undefined),
      condition: v.condition.trim(),
      owner: v.owner?.trim() || undefined,
      reason: v.reason?.trim() || undefined,
      expires: v.expires ? v.expires.toISOString() : null,
      disabled: !v.on,
    };
    setBusy(true);
    setFailed(undefined);
    (of ? call('PATCH', objectPath('exceptions', of.id), body) : call('POST', '/exceptions', body))
      .then(() => {
        message.success(t('exception.saved'));
        close();
      })
      .catch((e) => setFailed(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      width={680}
      title={of ? <Text value={of.name} max={160} /> : t('exception.add')}
      okText={t('rulefile.save')}
      okButtonProps={{ ...({ 'data-testid': 'exception-ok' } as object) }}
      confirmLoading={busy}
      onOk={form.submit}
      onCancel={close}
    >
      {failed && <Failed error={failed} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={{
          name: of?.name ?? '',
          rule: of?.rule,
          condition: of?.condition ?? '',
          owner: of?.owner ?? '',
          reason: of?.reason ?? '',
          expires: of ? (of.expires ? dayjs(of.expires) : null) : dayjs().add(30, 'day'),
          on: !of?.disabled,
        }}
        onFinish={save}
      >
        <Form.Item
          name="name"
          label={t('f.name')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input maxLength={200} data-testid="exception-name" />
        </Form.Item>
        <Form.Item name="rule" label={t('f.rule')} extra={t('exception.ruleHint')}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: 'label' }}
            placeholder={t('exception.allRules')}
            options={rules.data?.items.map((r) => ({ value: r.name, label: visible(r.name, 120) }))}
          />
        </Form.Item>
        <Form.Item
          name="condition"
          label={t('rule.condition')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input.TextArea
            className="mono"
            spellCheck={false}
            autoSize={{ minRows: 2, maxRows: 10 }}
            status={error?.status === 400 ? 'error' : undefined}
            placeholder='container.image startswith "registry.local/backup" and proc.name = rsync'
            data-testid="exception-text"
          />
        </Form.Item>
        {error && (
          <pre className="filter-error" role="alert">
            <Text value={[error.message, error.hint].filter(Boolean).join('\n')} />
          </pre>
        )}
        {preview && (
          <p className="gap" role="status">
            {t('exception.would', {
              matched: count(preview.matched, lang),
              total: count(preview.total, lang),
            })}
          </p>
        )}
        <Space wrap align="start" size={16}>
          <Form.Item name="owner" label={t('f.owner')}>
            <Input maxLength={200} />
          </Form.Item>
          <Form.Item name="expires" label={t('f.expires')}>
            <DatePicker
              showTime={{ format: 'HH:mm' }}
              format="YYYY-MM-DD HH:mm"
              placeholder={t('tokens.never')}
              minDate={dayjs()}
            />
          </Form.Item>
          <Form.Item name="on" label={t('exception.on')} valuePropName="checked">
            <Switch />
          </Form.Item>
        </Space>
        <Form.Item name="reason" label={t('f.reason')}>
          <Input.TextArea maxLength={2000} autoSize={{ minRows: 1, maxRows: 5 }} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

const shows: Record<string, () => string> = {
  all: () => '',
  on: () => `disabled = false and (not expires exists or expires > "${new Date().toISOString()}")`,
  idle: () => 'hits = 0',
};

export function ExceptionsPage() {
  const { t } = useI18n();
  const { modal } = App.useApp();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const may = useMay('operator');
  const change = useChange();
  const [editing, setEditing] = useState<Exception | 'new'>();
  const [opened] = useState(Date.now());
  const show = query.get('show') ?? 'all';
  const known = Object.hasOwn(shows, show) ? show : 'all';
  const [fixed, setFixed] = useState(() => shows[known]?.() ?? '');
  const end = (x: Exception) =>
    change(
      () => call('PATCH', objectPath('exceptions', x.id), { disabled: !x.disabled }),
      t(x.disabled ? 'exception.switchedOn' : 'exception.switchedOff'),
    );
  const withdraw = (x: Exception) =>
    modal.confirm({
      title: t('exception.withdrawAsk', { name: visible(x.name ?? x.id, 100) }),
      content: t('exception.withdrawHint'),
      okText: t('exception.withdraw'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(() => call('DELETE', objectPath('exceptions', x.id)), t('exception.withdrawn')),
    });
  const cells: Cells<Exception> = {
    name: (x) => (
      <span className="except-name">
        <b>
          <Line value={x.name} />
        </b>
        {standingOf(x, opened) === 'off' && <span className="mark plain">{t('rules.off')}</span>}
        {standingOf(x, opened) === 'ended' && (
          <span className="mark plain">{t('exception.ended')}</span>
        )}
      </span>
    ),
    rule: (x) =>
      x.rule ? <RuleName name={x.rule} /> : <span className="dim">{t('exception.allRules')}</span>,
    condition: (x) => (
      <span className="except-condition">
        <Line value={x.condition} mono />
        {may && (
          // biome-ignore lint/a11y/noStaticElementInteractions: keeps clicks from the row below
          // biome-ignore lint/a11y/useKeyWithClickEvents: the same
          <span onClick={(e) => e.stopPropagation()} className="row-actions">
            <Button size="small" type="link" onClick={() => end(x)}>
              {t(x.disabled ? 'exception.switchOn' : 'exception.switchOff')}
            </Button>
            <Button
              size="small"
              type="link"
              danger
              onClick={() => withdraw(x)}
              data-testid="exception-withdraw"
            >
              {t('exception.withdraw')}
            </Button>
          </span>
        )}
      </span>
    ),
    expires: (x) =>
      x.expires ? (
        <Time value={x.expires} relative />
      ) : (
        <span className="dim">{t('tokens.never')}</span>
      ),
    last_hit: (x) => <Time value={x.last_hit} relative />,
  };
  return (
    <>
      <PageHead title={t('section.exceptions')} sub={t('exception.intro')}>
        {may && (
          <Button
            type="primary"
            icon={<PlusOutlined />}
            onClick={() => setEditing('new')}
            data-testid="exception-add"
          >
            {t('exception.add')}
          </Button>
        )}
      </PageHead>
      <SectionTabs of="rules" at="/exceptions" />
      <KindTable
        kind="exception"
        columns={columns}
        widths={widths}
        cells={cells}
        fixed={fixed}
        testid="exception-row"
        live
        onOpen={may ? setEditing : undefined}
        rowClass={(x) => (standingOf(x, opened) === 'on' ? '' : 'faded')}
        controls={
          <Segmented
            value={known}
            onChange={(v) => {
              setQuery({ show: v === 'all' ? undefined : String(v) });
              setFixed(shows[String(v)]?.() ?? '');
            }}
            options={[
              { value: 'all', label: t('container.all') },
              { value: 'on', label: t('exception.active') },
              { value: 'idle', label: t('exception.unused') },
            ]}
          />
        }
        empty={{ title: t('exception.empty'), hint: t('exception.emptyHint') }}
      />
      {editing && (
        <Edit of={editing === 'new' ? undefined : editing} close={() => setEditing(undefined)} />
      )}
    </>
  );
}
