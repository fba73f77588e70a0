import { App, Button, Form, Input, Modal, Switch } from 'antd';
import { useState } from 'react';
import { call, objectPath } from '../../api/client';
import type { User } from '../../api/schema';
import { useSession } from '../../api/session';
import { Card, Loaded, Text, Time } from '../../components/bits';
import { PlusOutlined } from '../../components/icons';
import { useI18n } from '../../i18n';
import { RoleSelect, useAll, useChange, usePasswordRules } from './common';

function AddUser({ done }: { done: () => void }) {
  const { t } = useI18n();
  const change = useChange();
  const [form] = Form.useForm<{ name: string; role: string; password: string }>();
  const [busy, setBusy] = useState(false);
  const rules = usePasswordRules();
  const add = async (v: { name: string; role: string; password: string }) => {
    setBusy(true);
    const made = await change(
      () => call('POST', '/users', { ...v, name: v.name.trim() }).then(() => true),
      t('users.added'),
      { form, field: 'name' },
    );
    setBusy(false);
    if (made) done();
  };
  return (
    <Modal
      open
      title={t('users.add')}
      okText={t('users.add')}
      confirmLoading={busy}
      onOk={form.submit}
      onCancel={done}
    >
      <Form form={form} layout="vertical" initialValues={{ role: 'viewer' }} onFinish={add}>
        <Form.Item
          name="name"
          label={t('login.user')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input autoComplete="off" autoFocus />
        </Form.Item>
        <Form.Item name="role" label={t('f.role')}>
          <RoleSelect />
        </Form.Item>
        <Form.Item name="password" label={t('login.password')} rules={rules}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function SetPassword({ user, done }: { user: User; done: () => void }) {
  const { t } = useI18n();
  const change = useChange();
  const [form] = Form.useForm<{ password: string }>();
  const rules = usePasswordRules();
  const set = async (v: { password: string }) => {
    const ok = await change(
      () => call('PATCH', objectPath('users', user.id), v).then(() => true),
      t('users.passwordSet'),
      { form, field: 'password' },
    );
    if (ok) done();
  };
  return (
    <Modal
      open
      title={t('users.passwordOf', { name: user.name ?? '' })}
      okText={t('users.setPassword')}
      onOk={form.submit}
      onCancel={done}
    >
      <Form form={form} layout="vertical" onFinish={set}>
        <Form.Item name="password" label={t('first.password')} rules={rules}>
          <Input.Password autoComplete="new-password" autoFocus />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Row({ user: u, me, reload }: { user: User; me: boolean; reload: () => void }) {
  const { t } = useI18n();
  const { modal } = App.useApp();
  const change = useChange();
  const [password, setPassword] = useState(false);
  const patch = (body: Partial<User>) =>
    change(() => call('PATCH', objectPath('users', u.id), body), t('users.changed')).finally(
      reload,
    );
  const remove = () =>
    modal.confirm({
      title: t('users.deleteAsk', { name: u.name ?? '' }),
      okText: t('users.delete'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(() => call('DELETE', objectPath('users', u.id)), t('users.deleted')).finally(reload),
    });
  return (
    <tr className={u.disabled ? 'faded' : ''} data-testid="user-row">
      <td>
        <b>
          <Text value={u.name} max={80} />
        </b>
        {me && <span className="mark plain">{t('users.you')}</span>}
        {u.must_change && <span className="mark">{t('users.mustChange')}</span>}
      </td>
      <td className="role-cell">
        <RoleSelect
          value={u.role}
          disabled={me}
          onChange={(role) => patch({ role: role as User['role'] })}
        />
      </td>
      <td>
        <Time value={u.last_login} relative />
      </td>
      <td>
        <Switch
          size="small"
          checked={!u.disabled}
          disabled={me}
          aria-label={t('users.enabled')}
          onChange={(on) => patch({ disabled: !on })}
        />
      </td>
      <td className="right nowrap">
        <Button size="small" type="link" onClick={() => setPassword(true)}>
          {t('users.setPassword')}
        </Button>
        <Button size="small" type="link" danger disabled={me} onClick={remove}>
          {t('users.delete')}
        </Button>
        {password && <SetPassword user={u} done={() => setPassword(false)} />}
      </td>
    </tr>
  );
}

export function Users() {
  const { t } = useI18n();
  const { user: me } = useSession();
  const users = useAll<User>('user');
  const [adding, setAdding] = useState(false);
  return (
    <Card
      title={t('settings.users')}
      extra={
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
          {t('users.add')}
        </Button>
      }
    >
      <Loaded of={users}>
        {({ items }) => (
          <div className="scroll-x">
            <table className="plain people">
              <thead>
                <tr>
                  <th>{t('login.user')}</th>
                  <th>{t('f.role')}</th>
                  <th>{t('f.last_login')}</th>
                  <th>{t('users.enabled')}</th>
                  <th aria-label={t('users.actions')} />
                </tr>
              </thead>
              <tbody>
                {items.map((u) => (
                  <Row key={u.id} user={u} me={u.id === me?.id} reload={users.reload} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      {adding && (
        <AddUser
          done={() => {
            setAdding(false);
            users.reload();
          }}
        />
      )}
    </Card>
  );
}
