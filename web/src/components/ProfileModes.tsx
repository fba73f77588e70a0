// The modes of a profile, one small chip an aspect.
import type { ProfileAspect } from '../api/schema';
import { type Key, useI18n } from '../i18n';

export const aspects = ['exec', 'file', 'listen', 'peer', 'user', 'dns', 'capability'] as const;

export function ProfileModes({ of }: { of?: readonly ProfileAspect[] }) {
  const { t } = useI18n();
  const seen = aspects.flatMap((n) => of?.find((a) => a.aspect === n) ?? []);
  return (
    <span className="modes">
      {seen.map((a) => (
        <span
          key={a.aspect}
          className={`mode mode-${a.mode}`}
          title={`${t(`aspect.${a.aspect}` as Key)}: ${t(`mode.${a.mode}` as Key)}`}
        >
          {t(`aspect.${a.aspect}` as Key)}
        </span>
      ))}
    </span>
  );
}
