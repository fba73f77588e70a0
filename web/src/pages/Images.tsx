import type { Image } from '../api/schema';
import { Id, PageHead, Tags, Time } from '../components/bits';
import { type Cells, KindTable } from '../components/KindTable';
import { useI18n } from '../i18n';
import { quote } from '../lib/text';
import { Link } from '../router';

const columns = ['tags', 'id', 'size', 'created', 'os', 'arch', 'containers'];
const widths = { id: 130, size: 100, created: 130, os: 90, arch: 90, containers: 110 };
const cells: Cells<Image> = {
  tags: (i) => (i.tags?.length ? <Tags values={i.tags} /> : <Id value={i.id} />),
  created: (i) => <Time value={i.created} relative />,
  containers: (i) =>
    i.containers ? (
      <Link
        to={`/containers?filter=${encodeURIComponent(`image_id = ${quote(i.id)}`)}`}
        className="num"
      >
        {i.containers}
      </Link>
    ) : (
      <span className="num dim">0</span>
    ),
};

export function ImagesPage() {
  const { t } = useI18n();
  return (
    <>
      <PageHead title={t('nav.images')} />
      <KindTable
        kind="image"
        columns={columns}
        widths={widths}
        cells={cells}
        testid="image-row"
        live
        empty={{ title: t('image.empty'), hint: t('image.emptyHint') }}
      />
    </>
  );
}
