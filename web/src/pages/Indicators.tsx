// Known traces of attackers: looked for in all that containers do.
import { App, Button, DatePicker, Form, Input, Modal, Select, Space, Upload } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { type ApiError, call, callText, listPath, objectPath, type Page } from '../api/client';
import { type Alert, type Indicator, priorities } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet } from '../api/use';
import { Failed, Line, PageHead, Priority, Text, Time } from '../components/bits';
import { PlusOutlined, UploadOutlined } from '../components/icons';
import { KindTable } from '../components/KindTable';
import { SectionTabs } from '../components/SectionTabs';
import { type Key, useI18n } from '../i18n';
import { bytes, count } from '../lib/format';
import { visible } from '../lib/text';
import { Link, paths } from '../router';
import { useChange } from './settings/common';

const columns = ['type', 'value', 'list', 'desc', 'priority', 'expires'];
const widths = { type: 90, list: 140, priority: 114, expires: 210 };
const IMPORT_MAX = 8 << 20;
const SKIPS_SHOWN = 50;
const formats = ['auto', 'list', 'csv', 'stix'] as const;

function usePriorities() {
  const { maybe } = useI18n();
  return priorities.map((p) => ({ value: p, label: maybe(`priority.${p}`) ?? p }));
}

interface Values {
  value: string;
  list: string;
  desc?: string;
  priority: string;
  expires?: Dayjs | null;
}

function Add({ close }: { close: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const ranks = usePriorities();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError>();
  const save = (v: Values) => {
    setBusy(true);
    setFailed(undefined);
    call('POST', '/indicators', {
      value: v.value.trim(),
      list: v.list.trim() || undefined,
      desc: v.desc?.trim() || undefined,
      priority: v.priority,
      expires: v.expires ? v.expires.toISOString() : undefined,
    })
      .then(() => {
        message.success(t('indicator.added'));
        close();
      })
      .catch((e) => setFailed(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      title={t('indicator.add')}
      okText={t('indicator.add')}
      okButtonProps={{ ...({ 'data-testid': 'indicator-ok' } as object) }}
      confirmLoading={busy}
      onOk={form.submit}
      onCancel={close}
    >
      {failed && <Failed error={failed} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={{ list: 'manual', priority: 'critical' }}
        onFinish={save}
      >
        <Form.Item
          name="value"
          label={t('f.value')}
          extra={t('indicator.valueHint')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input className="mono" maxLength={2000} autoFocus data-testid="indicator-value" />
        </Form.Item>
        <Form.Item name="desc" label={t('f.desc')}>
          <Input maxLength={1000} />
        </Form.Item>
        <Space wrap align="start" size={16}>
          <Form.Item name="list" label={t('f.list')}>
            <Input maxLength={200} />
          </Form.Item>
          <Form.Item name="priority" label={t('f.priority')}>
            <Select options={ranks} popupMatchSelectWidth={false} />
          </Form.Item>
          <Form.Item name="expires" label={t('f.expires')}>
            <DatePicker showTime placeholder={t('tokens.never')} minDate={dayjs()} />
          </Form.Item>
        </Space>
      </Form>
    </Modal>
  );
}

interface Imported {
  list: string;
  type: string;
  taken: number;
  changed: number;
  unchanged: number;
  twice: number;
  skipped: number;
  skips: { line: number; text: string; why: string }[];
}

function Result({ of: r }: { of: Imported }) {
  const { t, lang } = useI18n();
  return (
    <div data-testid="import-result">
      <p className="gap">
        <b>{t('indicator.taken', { n: r.taken })}</b>{' '}
        {t('indicator.counts', {
          changed: count(r.changed, lang),
          unchanged: count(r.unchanged, lang),
          twice: count(r.twice, lang),
          type: r.type,
        })}
      </p>
      {r.skipped > 0 && (
        <>
          <h4>{t('indicator.skipped', { n: r.skipped })}</h4>
          <div className="scroll-x">
            <table className="plain">
              <thead>
                <tr>
                  <th className="right">{t('indicator.line')}</th>
                  <th>{t('indicator.text')}</th>
                  <th>{t('indicator.why')}</th>
                </tr>
              </thead>
              <tbody>
                {r.skips.slice(0, SKIPS_SHOWN).map((s) => (
                  <tr key={`${s.line} ${s.text}`}>
                    <td className="right num">{s.line}</td>
                    <td className="mono">
                      <Text value={s.text} max={160} />
                    </td>
                    <td>
                      <Text value={s.why} max={200} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {r.skipped > Math.min(SKIPS_SHOWN, r.skips.length) && (
            <p className="dim">
              {t('indicator.moreSkips', {
                n: r.skipped - Math.min(SKIPS_SHOWN, r.skips.length),
              })}
            </p>
          )}
        </>
      )}
    </div>
  );
}

function Import({ close }: { close: () => void }) {
  const { t, lang } = useI18n();
  const ranks = usePriorities();
  const [list, setList] = useState('');
  const [type, setType] = useState<string>('auto');
  const [priority, setPriority] = useState('critical');
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError>();
  const [result, setResult] = useState<Imported>();
  const size = new Blob([text]).size;
  const go = () => {
    const q = new URLSearchParams({ list: list.trim(), type, priority });
    setBusy(true);
    setFailed(undefined);
    callText('POST', `/indicators/import?${q}`, text)
      .then((answer) => setResult(JSON.parse(answer) as Imported))
      .catch((e) => setFailed(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      width={760}
      title={t('indicator.import')}
      okText={result ? t('indicator.done') : t('indicator.import')}
      okButtonProps={{
        disabled: !result && (!text.trim() || !list.trim() || size > IMPORT_MAX),
        ...({ 'data-testid': 'import-ok' } as object),
      }}
      cancelButtonProps={{ hidden: !!result }}
      confirmLoading={busy}
      onOk={result ? close : go}
      onCancel={close}
    >
      {result ? (
        <Result of={result} />
      ) : (
        <>
          <p className="gap">{t('indicator.importHint')}</p>
          {failed && <Failed error={failed} />}
          <Space wrap className="gap">
            <Input
              aria-label={t('f.list')}
              placeholder={t('indicator.listName')}
              value={list}
              maxLength={200}
              onChange={(e) => setList(e.target.value)}
              data-testid="import-list"
            />
            <Select
              aria-label={t('f.type')}
              value={type}
              onChange={setType}
              popupMatchSelectWidth={false}
              options={formats.map((f) => ({ value: f, label: t(`indicator.${f}` as Key) }))}
            />
            <Select
              aria-label={t('f.priority')}
              value={priority}
              onChange={setPriority}
              popupMatchSelectWidth={false}
              options={ranks}
            />
          </Space>
          <Upload.Dragger
            showUploadList={false}
            beforeUpload={(f) => {
              if (!list) setList(f.name.replace(/\.\w+$/, ''));
              void f.text().then(setText);
              return false;
            }}
          >
            <UploadOutlined /> {t('indicator.file')}
          </Upload.Dragger>
          <Input.TextArea
            className="mono profile-import"
            aria-label={t('indicator.paste')}
            placeholder={t('indicator.paste')}
            value={text.length > 200_000 ? `${text.slice(0, 2000)}\n…` : text}
            readOnly={text.length > 200_000}
            spellCheck={false}
            autoSize={{ minRows: 7, maxRows: 16 }}
            onChange={(e) => setText(e.target.value)}
            data-testid="import-text"
          />
          {size > IMPORT_MAX && (
            <p className="bad">{t('indicator.tooLarge', { max: bytes(IMPORT_MAX, lang) })}</p>
          )}
        </>
      )}
    </Modal>
  );
}

function WithdrawList({ close }: { close: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const page = useGet<Page<Indicator>>(listPath('indicators', { sort: '-created', limit: 1000 }));
  const lists = [...new Set(page.data?.items.map((i) => i.list).filter((x): x is string => !!x))];
  const [list, setList] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError>();
  const go = () => {
    setBusy(true);
    call<{ removed: number }>('DELETE', `/indicators?list=${encodeURIComponent(list)}`)
      .then((r) => {
        message.success(t('indicator.listWithdrawn', { n: r.removed }));
        close();
      })
      .catch((e) => setFailed(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      title={t('indicator.withdrawList')}
      okText={t('exception.withdraw')}
      okButtonProps={{ danger: true, disabled: !list.trim() }}
      confirmLoading={busy}
      onOk={go}
      onCancel={close}
    >
      <p className="gap">{t('indicator.withdrawListHint')}</p>
      {failed && <Failed error={failed} />}
      <Select
        className="wide"
        aria-label={t('f.list')}
        showSearch
        value={list || undefined}
        placeholder={t('indicator.listName')}
        onChange={setList}
        options={lists.map((l) => ({ value: l, label: visible(l, 120) }))}
      />
    </Modal>
  );
}

/** What was found by indicators lately. */
function Hits() {
  const { t } = useI18n();
  const [since] = useState(() => new Date(Date.now() - 30 * 86400_000).toISOString());
  const filter = `engine = indicator and time >= "${since}"`;
  const hits = useGet<Page<Alert>>(listPath('alerts', { filter, sort: '-time', limit: 1 }));
  if (!hits.data) return null;
  return (
    <Link to={paths.alerts('engine = indicator')} className="hits">
      {t('indicator.hits', { n: hits.data.total ?? 0 })}
    </Link>
  );
}

export function IndicatorsPage() {
  const { t } = useI18n();
  const { modal } = App.useApp();
  const may = useMay('operator');
  const change = useChange();
  const [open, setOpen] = useState<'add' | 'import' | 'list'>();
  const withdraw = (i: Indicator) =>
    modal.confirm({
      title: t('indicator.withdrawAsk', { value: visible(i.value ?? i.id, 100) }),
      okText: t('exception.withdraw'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(() => call('DELETE', objectPath('indicators', i.id)), t('indicator.withdrawn')),
    });
  return (
    <>
      <PageHead
        title={t('section.indicators')}
        sub={
          <>
            {t('indicator.intro')} <Hits />
          </>
        }
      >
        {may && (
          <Space wrap size={6}>
            <Button onClick={() => setOpen('list')}>{t('indicator.withdrawList')}</Button>
            <Button
              icon={<UploadOutlined />}
              onClick={() => setOpen('import')}
              data-testid="indicator-import"
            >
              {t('indicator.import')}
            </Button>
            <Button
              type="primary"
              icon={<PlusOutlined />}
              onClick={() => setOpen('add')}
              data-testid="indicator-add"
            >
              {t('indicator.add')}
            </Button>
          </Space>
        )}
      </PageHead>
      <SectionTabs of="rules" at="/indicators" />
      <KindTable
        kind="indicator"
        columns={columns}
        widths={widths}
        cells={{
          type: (i) => <span className="tag">{t(`ioc.${i.type}` as Key)}</span>,
          value: (i) => <Line value={i.value} mono />,
          priority: (i) => <Priority value={i.priority} />,
          expires: (i) => (
            <span className="except-condition">
              {i.expires ? (
                <Time value={i.expires} relative />
              ) : (
                <span className="dim">{t('tokens.never')}</span>
              )}
              {may && (
                <Button
                  size="small"
                  type="link"
                  danger
                  className="row-actions"
                  onClick={() => withdraw(i)}
                  data-testid="indicator-withdraw"
                >
                  {t('exception.withdraw')}
                </Button>
              )}
            </span>
          ),
        }}
        testid="indicator-row"
        live
        empty={{ title: t('indicator.empty'), hint: t('indicator.emptyHint') }}
      />
      {open === 'add' && <Add close={() => setOpen(undefined)} />}
      {open === 'import' && <Import close={() => setOpen(undefined)} />}
      {open === 'list' && <WithdrawList close={() => setOpen(undefined)} />}
    </>
  );
}
