// What can be done to a container, and what is in force on it.

import { App, Button, Form, Input, Modal, Alert as Notice, Select, Space, Tooltip } from 'antd';
import { type ReactNode, useState } from 'react';
import { type ApiError, call, listPath, type Page } from '../api/client';
import { useLive } from '../api/live';
import type { Action } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import { type Key, useI18n } from '../i18n';
import { actionState, isListed, peerOk } from '../lib/action';
import { quote, shortId } from '../lib/text';
import { Link, paths } from '../router';
import { Failed, State, Text, Time } from './bits';
import { DisconnectOutlined, PauseOutlined, SafetyOutlined, StopOutlined } from './icons';

type Kind = 'freeze' | 'isolate' | 'kill_container' | 'collect';

export const DURATIONS = [900, 3600, 8 * 3600, 86400, 7 * 86400] as const;
const STANDARD_S = 3600;
const SHOWN = 40;

/** "15 minutes", "8 hours", "7 days"; 0: not by itself. */
export function useDurationText() {
  const { t } = useI18n();
  return (s: number) => {
    if (s === 0) return t('respond.never');
    if (s < 3600) return t('respond.minutes', { n: s / 60 });
    return s < 86400 ? t('respond.hours', { n: s / 3600 }) : t('respond.days', { n: s / 86400 });
  };
}

export interface ResponseBarProps {
  containerId: string;
  hostId: string;
  containerName?: string;
  incidentId?: string;
  alertId?: string;
}

interface Wish {
  reason: string;
  expires_s: number;
  params?: string[];
}

/** Says what will happen and what cannot be taken back; errors stay in it. */
function Ask({ of, kind, done }: { of: ResponseBarProps; kind: Kind; done: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const words = useDurationText();
  const [form] = Form.useForm<Wish>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const name = of.containerName || shortId(of.containerId);
  const timed = kind === 'freeze' || kind === 'isolate';
  const send = (w: Wish) => {
    setBusy(true);
    setError(undefined);
    call<Action>('POST', '/actions', {
      kind,
      container_id: of.containerId,
      host_id: of.hostId || undefined,
      reason: w.reason.trim(),
      expires_s: timed && w.expires_s ? w.expires_s : undefined,
      params: kind === 'isolate' && w.params?.length ? w.params : undefined,
      alert_id: of.alertId,
      incident_id: of.incidentId,
    })
      .then(() => {
        message.success(t('respond.sent'));
        done();
      })
      .catch((e) => setError(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      title={<Text value={t(`respond.ask.${kind}`, { name })} max={300} />}
      okText={t(`ak.${kind}`)}
      okButtonProps={{
        danger: kind === 'kill_container',
        ...({ 'data-testid': 'respond-ok' } as object),
      }}
      confirmLoading={busy}
      onOk={form.submit}
      onCancel={done}
    >
      <p>{t(`respond.does.${kind}`)}</p>
      <Notice
        showIcon
        type={kind === 'kill_container' ? 'warning' : 'info'}
        className="gap respond-back"
        title={t(`respond.back.${kind}`)}
      />
      {error && <Failed error={error} />}
      <Form form={form} layout="vertical" initialValues={{ expires_s: STANDARD_S }} onFinish={send}>
        {kind === 'isolate' && (
          <Form.Item
            name="params"
            label={t('respond.allow')}
            extra={t('respond.allowHint')}
            rules={[
              {
                validator: (_, v?: string[]) => {
                  const bad = v?.find((x) => !peerOk(x));
                  return bad === undefined
                    ? Promise.resolve()
                    : Promise.reject(new Error(t('respond.allowBad', { value: bad })));
                },
              },
            ]}
          >
            <Select
              mode="tags"
              open={false}
              suffixIcon={null}
              tokenSeparators={[',', ' ', ';']}
              data-testid="respond-allow"
            />
          </Form.Item>
        )}
        {timed && (
          <Form.Item name="expires_s" label={t('respond.duration')}>
            <Select
              options={[...DURATIONS, 0].map((s) => ({ value: s, label: words(s) }))}
              data-testid="respond-duration"
            />
          </Form.Item>
        )}
        <Form.Item
          name="reason"
          label={t('respond.reason')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input
            autoFocus
            maxLength={400}
            placeholder={t('respond.reasonHint')}
            data-testid="respond-reason"
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** Takes an action back after asking. */
export function UndoButton({ action, done }: { action: Action; done?: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<ApiError>();
  const undo = () => {
    setBusy(true);
    call<Action>('POST', `/actions/${encodeURIComponent(action.id)}/undo`, {
      reason: reason.trim() || undefined,
    })
      .then(() => {
        message.success(t('respond.undone'));
        setOpen(false);
        done?.();
      })
      .catch((e) => setError(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button
        size="small"
        data-testid="respond-undo"
        onClick={(e) => {
          e.stopPropagation();
          setError(undefined);
          setOpen(true);
        }}
      >
        {t('respond.undo')}
      </Button>
      {open && (
        // biome-ignore lint/a11y/noStaticElementInteractions: keeps clicks from the row below
        // biome-ignore lint/a11y/useKeyWithClickEvents: the same
        <span onClick={(e) => e.stopPropagation()}>
          <Modal
            open
            title={t('respond.undoAsk', { what: t(`ak.${action.kind}` as Key) })}
            okText={t('respond.undo')}
            okButtonProps={{ ...({ 'data-testid': 'respond-undo-ok' } as object) }}
            confirmLoading={busy}
            onOk={undo}
            onCancel={() => setOpen(false)}
          >
            {(action.kind === 'freeze' || action.kind === 'isolate') && (
              <p className="gap">{t(`respond.back.${action.kind}`)}</p>
            )}
            {error && <Failed error={error} />}
            <Input
              aria-label={t('respond.reason')}
              placeholder={t('respond.reason')}
              value={reason}
              maxLength={400}
              onChange={(e) => setReason(e.target.value)}
              onPressEnter={undo}
            />
          </Modal>
        </span>
      )}
    </>
  );
}

function Row({ a, all, reload }: { a: Action; all: readonly Action[]; reload: () => void }) {
  const { t, maybe } = useI18n();
  const may = useMay('operator');
  const state = actionState(a, all);
  const bad = state === 'failed' || state === 'refused';
  return (
    <li data-testid="respond-row" data-state={state} data-kind={a.kind}>
      <b>{maybe(`ak.${a.kind}`) ?? a.kind}</b>
      <State value={state} />
      <span className="dim">
        <Time value={a.requested} relative />
        {a.requested_by && (
          <>
            {' · '}
            <Text value={t('respond.by', { who: a.requested_by })} max={80} />
          </>
        )}
        {a.expires && state === 'inForce' && (
          <>
            {' · '}
            {t('respond.until')} <Time value={a.expires} relative />
          </>
        )}
        {!!a.params?.length && a.kind === 'isolate' && (
          <>
            {' · '}
            {t('respond.allow')}: <Text value={a.params.join(', ')} mono max={200} />
          </>
        )}
      </span>
      {a.evidence_id && <Link to={paths.evidence(a.evidence_id)}>{t('respond.evidence')}</Link>}
      {may && state === 'inForce' && <UndoButton action={a} done={reload} />}
      {(bad ? a.error : a.result) && (
        <p className={bad ? 'bad' : 'dim'}>
          <Text value={bad ? a.error : a.result} max={600} />
        </p>
      )}
    </li>
  );
}

const buttons: { kind: Kind; word: Key; icon: ReactNode }[] = [
  { kind: 'freeze', word: 'respond.freeze', icon: <PauseOutlined /> },
  { kind: 'isolate', word: 'respond.isolate', icon: <DisconnectOutlined /> },
  { kind: 'kill_container', word: 'respond.kill', icon: <StopOutlined /> },
  { kind: 'collect', word: 'respond.collect', icon: <SafetyOutlined /> },
];

export function ResponseBar(props: ResponseBarProps) {
  const { t } = useI18n();
  const may = useMay('operator');
  const [asking, setAsking] = useState<Kind>();
  const [opened] = useState(Date.now());
  const actions = useGet<Page<Action>>(
    listPath('actions', {
      filter: `container_id = ${quote(props.containerId)} and not kind in (send, record_query)`,
      sort: '-requested',
      limit: SHOWN,
    }),
  );
  const reload = useThrottled(actions.reload, 400);
  useLive(
    ['action'],
    (b) => b.some((i) => i.data.container_id === props.containerId) && reload(),
    reload,
  );
  const all = actions.data?.items ?? [];
  const shown = all.filter((a) => isListed(a, all, opened));
  const holds = (kind: string) =>
    all.some((a) => a.kind === kind && ['inForce', 'running'].includes(actionState(a, all)));
  return (
    <section className="respond" data-testid="response-bar" aria-label={t('respond.title')}>
      {may && (
        <Space wrap size={6}>
          {buttons.map((b) => {
            const off = b.kind !== 'collect' && holds(b.kind);
            return (
              <Tooltip key={b.kind} title={off ? t('respond.inForce') : undefined}>
                <Button
                  icon={b.icon}
                  danger={b.kind === 'kill_container'}
                  disabled={off}
                  onClick={() => setAsking(b.kind)}
                  data-testid={`respond-${b.kind}`}
                >
                  {t(b.word)}
                </Button>
              </Tooltip>
            );
          })}
        </Space>
      )}
      {actions.error && <Failed error={actions.error} retry={actions.reload} />}
      {shown.length > 0 && (
        <ul className="respond-list">
          {shown.map((a) => (
            <Row key={a.id} a={a} all={all} reload={actions.reload} />
          ))}
        </ul>
      )}
      {!may && actions.data && shown.length === 0 && <p className="dim">{t('respond.none')}</p>}
      {asking && (
        <Ask
          of={props}
          kind={asking}
          done={() => {
            setAsking(undefined);
            actions.reload();
          }}
        />
      )}
    </section>
  );
}
