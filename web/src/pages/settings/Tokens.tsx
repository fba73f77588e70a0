import { Alert, App, Button, DatePicker, Form, Input, Modal } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { call, objectPath } from '../../api/client';
import type { Token } from '../../api/schema';
import { Card, Copy, Loaded, Nothing, Text, Time } from '../../components/bits';
import { PlusOutlined } from '../../components/icons';
import { useI18n } from '../../i18n';
import { parseTime } from '../../lib/format';
import { RoleSelect, useAll, useChange } from './common';

interface Wish {
  name: string;
  role: string;
  expires?: Dayjs;
}

function AddToken({ done }: { done: () => void }) {
  const { t } = useI18n();
  const change = useChange();
  const [form] = Form.useForm<Wish>();
  const [secret, setSecret] = useState<string>();
  const add = async (v: Wish) => {
    const made = await change(
      () =>
        call<{ token: string }>('POST', '/tokens', {
          name: v.name.trim(),
          role: v.role,
          ...(v.expires && { expires: v.expires.toISOString() }),
        }),
      undefined,
      { form, field: 'name' },
    );
    if (made) setSecret(made.token);
  };
  if (secret)
    return (
      <Modal
        open
        title={t('tokens.made')}
        mask={{ closable: false }}
        keyboard={false}
        onCancel={done}
        footer={
          <Button type="primary" onClick={done}>
            {t('tokens.kept')}
          </Button>
        }
      >
        <Alert type="warning" showIcon className="gap" title={t('tokens.once')} />
        <div className="code secret">
          <pre data-testid="token-secret">{secret}</pre>
          <Copy text={secret} />
        </div>
      </Modal>
    );
  return (
    <Modal open title={t('tokens.add')} okText={t('tokens.add')} onOk={form.submit} onCancel={done}>
      <Form form={form} layout="vertical" initialValues={{ role: 'viewer' }} onFinish={add}>
        <Form.Item
          name="name"
          label={t('tokens.name')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input autoComplete="off" autoFocus placeholder={t('tokens.namePlaceholder')} />
        </Form.Item>
        <Form.Item name="role" label={t('f.role')}>
          <RoleSelect />
        </Form.Item>
        <Form.Item name="expires" label={t('f.expires')} extra={t('tokens.expiresHint')}>
          <DatePicker
            minDate={dayjs().add(1, 'day')}
            style={{ width: '100%' }}
            presets={[30, 90, 365].map((d) => ({
              label: t('tokens.days', { n: d }),
              value: dayjs().add(d, 'day'),
            }))}
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}

export function Tokens() {
  const { t } = useI18n();
  const { modal } = App.useApp();
  const change = useChange();
  const tokens = useAll<Token>('token');
  const [adding, setAdding] = useState(false);
  const remove = (k: Token) =>
    modal.confirm({
      title: t('tokens.deleteAsk', { name: k.name ?? '' }),
      content: t('tokens.deleteHint'),
      okText: t('tokens.delete'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(() => call('DELETE', objectPath('tokens', k.id)), t('tokens.deleted')).finally(
          tokens.reload,
        ),
    });
  const over = (k: Token) => (parseTime(k.expires) ?? Number.POSITIVE_INFINITY) < Date.now();
  return (
    <Card
      title={t('settings.tokens')}
      extra={
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
          {t('tokens.add')}
        </Button>
      }
    >
      <Loaded of={tokens}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing title={t('tokens.empty')} hint={t('tokens.emptyHint')} />
          ) : (
            <div className="scroll-x">
              <table className="plain people">
                <thead>
                  <tr>
                    <th>{t('tokens.name')}</th>
                    <th>{t('f.role')}</th>
                    <th>{t('f.created')}</th>
                    <th>{t('f.expires')}</th>
                    <th>{t('f.last_used')}</th>
                    <th aria-label={t('users.actions')} />
                  </tr>
                </thead>
                <tbody>
                  {items.map((k) => (
                    <tr key={k.id} data-testid="token-row" className={over(k) ? 'faded' : ''}>
                      <td>
                        <b>
                          <Text value={k.name} max={80} />
                        </b>
                      </td>
                      <td>{t(`role.${k.role}`)}</td>
                      <td>
                        <Time value={k.created} />
                      </td>
                      <td>{k.expires ? <Time value={k.expires} relative /> : t('tokens.never')}</td>
                      <td>
                        <Time value={k.last_used} relative />
                      </td>
                      <td className="right">
                        <Button size="small" type="link" danger onClick={() => remove(k)}>
                          {t('tokens.delete')}
                        </Button>
                      </td>
                    </tr>
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
