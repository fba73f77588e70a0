import { Alert, App, Button, Form, Input, InputNumber, Modal, Select } from 'antd';
import { useState } from 'react';
import { call, listPath, objectPath, type Page } from '../../api/client';
import { useLive } from '../../api/live';
import { type JoinToken, kindInfo } from '../../api/schema';
import { useGet, useThrottled } from '../../api/use';
import { Card, Copy, Loaded, Nothing, Text, Time } from '../../components/bits';
import { PlusOutlined } from '../../components/icons';
import { useI18n } from '../../i18n';
import { count, parseTime } from '../../lib/format';
import { useChange } from './common';

interface Wish {
  name?: string;
  agents: 'one' | 'some' | 'any';
  uses?: number;
  hours: number;
}
const HOURS = [1, 24, 24 * 7, 24 * 30, 24 * 365];
const USES_MAX = 100000;

const testid = (id: string): { [name: `data-${string}`]: string } => ({ 'data-testid': id });

function AddToken({ done }: { done: () => void }) {
  const { t } = useI18n();
  const change = useChange();
  const [form] = Form.useForm<Wish>();
  const [busy, setBusy] = useState(false);
  const [command, setCommand] = useState<string>();
  const agents = Form.useWatch('agents', form);
  const add = async (v: Wish) => {
    setBusy(true);
    const made = await change(
      () =>
        call<{ command: string }>('POST', '/join-tokens', {
          name: v.name?.trim() ?? '',
          max_uses: v.agents === 'one' ? 1 : v.agents === 'any' ? 0 : (v.uses ?? 2),
          expires: new Date(Date.now() + v.hours * 3600e3).toISOString(),
        }),
      undefined,
      { form, field: 'name' },
    );
    setBusy(false);
    if (made) setCommand(made.command);
  };
  if (command)
    return (
      <Modal
        open
        width={640}
        title={t('join.made')}
        mask={{ closable: false }}
        keyboard={false}
        onCancel={done}
        footer={
          <Button type="primary" onClick={done} data-testid="join-kept">
            {t('join.kept')}
          </Button>
        }
      >
        <Alert type="warning" showIcon className="gap" title={t('join.once')} />
        <p>{t('join.run')}</p>
        <div className="code secret">
          <pre data-testid="join-command">{command}</pre>
          <Copy text={command} />
        </div>
      </Modal>
    );
  return (
    <Modal
      open
      title={t('join.add')}
      okText={t('join.add')}
      okButtonProps={testid('join-create')}
      confirmLoading={busy}
      onOk={form.submit}
      onCancel={done}
    >
      <Form
        form={form}
        layout="vertical"
        initialValues={{ agents: 'one', uses: 10, hours: 1 }}
        onFinish={add}
      >
        <Form.Item name="name" label={t('join.name')}>
          <Input
            autoComplete="off"
            autoFocus
            maxLength={100}
            placeholder={t('join.namePlaceholder')}
            data-testid="join-name"
          />
        </Form.Item>
        <Form.Item name="agents" label={t('join.agents')}>
          <Select
            options={(['one', 'some', 'any'] as const).map((v) => ({
              value: v,
              label: t(`join.agents.${v}`),
            }))}
          />
        </Form.Item>
        {agents === 'some' && (
          <Form.Item
            name="uses"
            label={t('join.number')}
            rules={[{ required: true, message: t('form.required') }]}
          >
            <InputNumber min={2} max={USES_MAX} precision={0} style={{ width: '100%' }} />
          </Form.Item>
        )}
        <Form.Item
          name="hours"
          label={t('join.life')}
          extra={agents === 'any' ? t('join.anyHint') : undefined}
        >
          <Select
            options={HOURS.map((h) => ({
              value: h,
              label: h < 48 ? t('join.hours', { n: h }) : t('tokens.days', { n: h / 24 }),
            }))}
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}

type State = 'good' | 'revoked' | 'expired' | 'spent';

function stateOf(k: JoinToken): State {
  if (k.revoked) return 'revoked';
  if ((parseTime(k.expires) ?? 0) < Date.now()) return 'expired';
  return k.max_uses && k.uses >= k.max_uses ? 'spent' : 'good';
}

function Row({ token: k, reload }: { token: JoinToken; reload: () => void }) {
  const { t, lang } = useI18n();
  const { modal } = App.useApp();
  const change = useChange();
  const state = stateOf(k);
  const revoke = () =>
    modal.confirm({
      title: t('join.revokeAsk', { name: k.name || k.id }),
      content: t('join.revokeHint'),
      okText: t('agent.revoke'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(
          () => call('DELETE', objectPath('join-tokens', k.id)),
          t('join.revokedDone'),
        ).finally(reload),
    });
  return (
    <tr data-testid="join-row" className={state === 'good' ? '' : 'faded'}>
      <td>
        <b>
          <Text value={k.name || k.id} max={80} />
        </b>
        {k.name && <div className="dim mono">{k.id}</div>}
      </td>
      <td className="nowrap">
        <span className={`state state-${state === 'good' ? 'running' : 'exited'}`}>
          <i aria-hidden="true" />
          {t(`join.state.${state}`)}
        </span>
      </td>
      <td className="nowrap">
        {k.max_uses
          ? t('join.used', { n: count(k.uses, lang), of: count(k.max_uses, lang) })
          : t('join.usedAny', { n: count(k.uses, lang) })}
      </td>
      <td className="nowrap">
        <Time value={k.expires} relative />
      </td>
      <td className="nowrap">
        <Time value={k.created} />
        {k.created_by && (
          <div className="dim">
            <Text value={k.created_by} max={40} />
          </div>
        )}
      </td>
      <td className="nowrap">
        <Time value={k.last_used} relative />
      </td>
      <td className="right nowrap">
        {state === 'good' && (
          <Button size="small" type="link" danger onClick={revoke} data-testid="join-revoke">
            {t('agent.revoke')}
          </Button>
        )}
      </td>
    </tr>
  );
}

export function JoinTokens() {
  const { t } = useI18n();
  const tokens = useGet<Page<JoinToken>>(
    listPath(kindInfo.join_token.plural, { sort: '-created', limit: 200 }),
  );
  const [adding, setAdding] = useState(false);
  const reload = useThrottled(tokens.reload, 3000);
  useLive(['agent'], reload, reload); // one that joins has used a token
  return (
    <Card
      title={t('join.title')}
      extra={
        <Button
          type="primary"
          icon={<PlusOutlined />}
          onClick={() => setAdding(true)}
          data-testid="join-add"
        >
          {t('join.add')}
        </Button>
      }
    >
      <Loaded of={tokens}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing title={t('join.empty')} hint={t('join.emptyHint')} />
          ) : (
            <div className="scroll-x">
              <table className="plain people">
                <thead>
                  <tr>
                    <th>{t('join.name')}</th>
                    <th>{t('agent.state')}</th>
                    <th>{t('join.agents')}</th>
                    <th>{t('f.expires')}</th>
                    <th>{t('f.created')}</th>
                    <th>{t('f.last_used')}</th>
                    <th aria-label={t('users.actions')} />
                  </tr>
                </thead>
                <tbody>
                  {items.map((k) => (
                    <Row key={k.id} token={k} reload={tokens.reload} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      {adding && (
        <AddToken
          done={() => {
            setAdding(false);
            tokens.reload();
          }}
        />
      )}
    </Card>
  );
}
