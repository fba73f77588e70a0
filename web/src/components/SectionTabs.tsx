// Pages that belong together, as links: each keeps an address of its own.
import { type Key, useI18n } from '../i18n';
import { Link } from '../router';

const sections = {
  rules: [
    ['/rules', 'section.rules'],
    ['/rules/files', 'section.files'],
    ['/exceptions', 'section.exceptions'],
    ['/indicators', 'section.indicators'],
  ],
  response: [
    ['/actions', 'section.actions'],
    ['/evidence', 'section.evidence'],
  ],
} as const;

export function SectionTabs({ of, at }: { of: keyof typeof sections; at: string }) {
  const { t } = useI18n();
  return (
    <nav className="sections" aria-label={t('section.label')}>
      {sections[of].map(([to, key]) => (
        <Link key={to} to={to} aria-current={to === at ? 'page' : undefined}>
          {t(key as Key)}
        </Link>
      ))}
    </nav>
  );
}
