import { Button, Form, Input } from 'antd';
import { useState } from 'react';
import { call } from '../../api/client';
import { useSession } from '../../api/session';
import { Card } from '../../components/bits';
import { useI18n } from '../../i18n';
import { useChange, usePasswordRules } from './common';

interface Wish {
  old: string;
  new: string;
  again: string;
}

export function Password() {
  const { t } = useI18n();
  const { user } = useSession();
  const change = useChange();
  const [form] = Form.useForm<Wish>();
  const [busy, setBusy] = useState(false);
  const rules = usePasswordRules();
  const save = async (v: Wish) => {
    setBusy(true);
    const done = await change(
      () => call('POST', '/session/password', { old: v.old, new: v.new }).then(() => true),
      t('password.changed'),
      { form, field: 'old' },
    );
    setBusy(false);
    if (done) form.resetFields();
  };
  return (
    <Card title={t('settings.password')}>
      <Form form={form} layout="vertical" onFinish={save} style={{ maxWidth: 360 }}>
        <input type="text" autoComplete="username" value={user?.name ?? ''} readOnly hidden />
        <Form.Item
          name="old"
          label={t('password.old')}
          rules={[{ required: true, message: t('form.required') }]}
        >
          <Input.Password autoComplete="current-password" data-testid="password-old" />
        </Form.Item>
        <Form.Item name="new" label={t('first.password')} rules={rules}>
          <Input.Password autoComplete="new-password" data-testid="password-new" />
        </Form.Item>
        <Form.Item
          name="again"
          label={t('password.again')}
          dependencies={['new']}
          extra={t('password.hint')}
          rules={[
            { required: true, message: t('form.required') },
            {
              validator: (_, v) =>
                !v || v === form.getFieldValue('new')
                  ? Promise.resolve()
                  : Promise.reject(new Error(t('password.differs'))),
            },
          ]}
        >
          <Input.Password autoComplete="new-password" data-testid="password-again" />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={busy} data-testid="password-submit">
          {t('password.change')}
        </Button>
      </Form>
    </Card>
  );
}
