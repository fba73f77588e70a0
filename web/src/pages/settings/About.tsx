import { openapiHref } from '../../api/client';
import { useGet } from '../../api/use';
import { Card, Facts, Loaded, Text } from '../../components/bits';
import { Logo } from '../../components/logo';
import { useI18n } from '../../i18n';

export function About() {
  const { t } = useI18n();
  const version = useGet<Record<string, unknown>>('/version');
  return (
    <Card>
      <div className="about">
        <Logo size={56} />
        <div>
          <h2>skep</h2>
          <p>{t('about.what')}</p>
        </div>
      </div>
      <Loaded of={version} rows={3}>
        {(v) => (
          <Facts
            items={[
              ...Object.entries(v)
                .filter(([, x]) => typeof x === 'string' || typeof x === 'number')
                .map(([k, x]): [string, React.ReactNode] => [
                  k === 'version' ? t('f.version') : k,
                  <Text value={String(x)} mono />,
                ]),
              [t('about.licence'), 'Apache-2.0'],
              [t('about.api'), <a href={openapiHref}>OpenAPI</a>],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
