import { App, type FormInstance, Select } from 'antd';
import { listPath, type Page } from '../../api/client';
import { type KindName, kindInfo } from '../../api/schema';
import { asApiError, useGet } from '../../api/use';
import { useErrorText } from '../../components/bits';
import { useI18n } from '../../i18n';
import { visible } from '../../lib/text';
import { PASSWORD_MIN } from '../SignIn';

export const roles = ['viewer', 'operator', 'admin'] as const;

export function RoleSelect(props: {
  value?: string;
  onChange?: (v: string) => void;
  disabled?: boolean;
  id?: string;
}) {
  const { t } = useI18n();
  return (
    <Select
      {...props}
      aria-label={t('f.role')}
      optionRender={(o) => (
        <div>
          <b>{o.label}</b>
          <div className="dim">{o.data.doc}</div>
        </div>
      )}
      popupMatchSelectWidth={false}
      options={roles.map((r) => ({
        value: r,
        label: t(`role.${r}`),
        doc: t(`role.${r}Doc`),
      }))}
    />
  );
}

export function useAll<T>(kind: KindName) {
  return useGet<Page<T>>(listPath(kindInfo[kind].plural, { sort: 'name', limit: 500 }));
}

/** Runs a change; what the console says against it is shown, at the form's field when there is one. */
export function useChange() {
  const { message } = App.useApp();
  const words = useErrorText();
  return async <T,>(
    fn: () => Promise<T>,
    done?: string,
    form?: { form: FormInstance; field: string },
  ): Promise<T | undefined> => {
    try {
      const r = await fn();
      if (done) message.success(done);
      return r;
    } catch (e) {
      const w = words(asApiError(e));
      const text = visible([w.title, w.detail].filter(Boolean).join(': '));
      if (form) form.form.setFields([{ name: form.field, errors: [text] }]);
      else message.error(text);
      return undefined;
    }
  };
}

export function usePasswordRules() {
  const { t } = useI18n();
  return [
    { required: true, message: t('form.required') },
    { min: PASSWORD_MIN, message: t('form.passwordShort', { n: PASSWORD_MIN }) },
  ];
}
