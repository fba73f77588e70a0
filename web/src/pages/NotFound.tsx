import { Nothing } from '../components/bits';
import { useI18n } from '../i18n';
import { Link } from '../router';

export function NotFound() {
  const { t } = useI18n();
  return <Nothing title={t('notFound.title')} hint={<Link to="/">{t('notFound.home')}</Link>} />;
}
