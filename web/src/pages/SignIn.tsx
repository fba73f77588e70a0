import { Alert, Button, Form, Input } from 'antd';
import { type ReactNode, useState } from 'react';
import type { ApiError } from '../api/client';
import { useSession } from '../api/session';
import { asApiError } from '../api/use';
import { Text } from '../components/bits';
import { Logo } from '../components/logo';
import { useI18n } from '../i18n';
import { LangSwitch, ThemeSwitch } from '../shell';

function Frame({ title, sub, children }: { title: string; sub: string; children: ReactNode }) {
  return (
    <div className="signin">
      <div className="signin-tools">
        <LangSwitch />
        <ThemeSwitch />
      </div>
      <main className="signin-box">
        <div className="signin-brand">
          <Logo size={44} />
          <div>
            <b>skep</b>
            <span>{sub}</span>
          </div>
        </div>
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}

function useTry() {
  const { t } = useI18n();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const words = (e: ApiError): string => {
    if (e.status === 0) return t('error.unreachable');
    if (e.status === 429) return t('login.tooMany');
    if (e.status === 401) return t('login.wrong');
    return e.message;
  };
  const run = (fn: () => Promise<void>, unauthorised?: string) => {
    setBusy(true);
    setError(undefined);
    fn()
      .catch((e) => {
        const err = asApiError(e);
        setError(err.status === 401 && unauthorised ? unauthorised : words(err));
      })
      .finally(() => setBusy(false));
  };
  return { busy, error, run };
}

const Problem = ({ text }: { text?: string }) =>
  text ? (
    <Alert type="error" showIcon title={<Text value={text} />} className="signin-error" />
  ) : null;

export function LoginPage() {
  const { t } = useI18n();
  const { signIn } = useSession();
  const { busy, error, run } = useTry();
  return (
    <Frame title={t('login.title')} sub={t('brand.sub')}>
      <Problem text={error} />
      <Form<{ user: string; password: string }>
        layout="vertical"
        size="large"
        requiredMark={false}
        onFinish={(v) => run(() => signIn(v.user.trim(), v.password))}
      >
        <Form.Item
          name="user"
          label={t('login.user')}
          rules={[{ required: true, whitespace: true, message: t('form.required') }]}
        >
          <Input data-testid="login-user" autoComplete="username" autoFocus autoCapitalize="off" />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('form.required') }]}
        >
          <Input.Password data-testid="login-password" autoComplete="current-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={busy} data-testid="login-submit">
          {t('login.submit')}
        </Button>
      </Form>
    </Frame>
  );
}

export const PASSWORD_MIN = 10;

/** The link of the first start: /first#token=… or /first#… ; the token never goes to a log. */
export function tokenOf(hash: string): string {
  const bare = hash.replace(/^#/, '');
  return new URLSearchParams(bare).get('token') ?? (bare.includes('=') ? '' : bare);
}

export function FirstPage() {
  const { t } = useI18n();
  const { first } = useSession();
  const { busy, error, run } = useTry();
  const [token] = useState(() => tokenOf(window.location.hash));
  return (
    <Frame title={t('first.title')} sub={t('brand.sub')}>
      <p className="dim">{t('first.intro')}</p>
      <Problem text={error ?? (token ? undefined : t('first.noToken'))} />
      <Form<{ password: string }>
        layout="vertical"
        size="large"
        requiredMark={false}
        onFinish={(v) => run(() => first(token, v.password), t('first.wrong'))}
      >
        <input type="text" name="username" value="admin" autoComplete="username" readOnly hidden />
        <Form.Item
          name="password"
          label={t('first.password')}
          rules={[
            { required: true, message: t('form.required') },
            { min: PASSWORD_MIN, message: t('form.passwordShort', { n: PASSWORD_MIN }) },
          ]}
        >
          <Input.Password data-testid="first-password" autoComplete="new-password" autoFocus />
        </Form.Item>
        <Button
          type="primary"
          htmlType="submit"
          block
          loading={busy}
          disabled={!token}
          data-testid="first-submit"
        >
          {t('first.submit')}
        </Button>
      </Form>
    </Frame>
  );
}
