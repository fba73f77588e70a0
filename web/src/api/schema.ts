import type {
  Action,
  Agent,
  Alert,
  Audit,
  Container,
  Drill,
  Evidence,
  Exception,
  Host,
  Image,
  Incident,
  Indicator,
  JoinToken,
  Process,
  Profile,
  ProfileVersion,
  Rulefile,
  Slice,
  Token,
  User,
} from './types.gen';
import { type FieldInfo, kinds } from './types.gen';

export type {
  Action,
  Agent,
  Alert,
  Audit,
  Comment,
  Container,
  Drill,
  Event,
  Evidence,
  EvidenceFile,
  Exception,
  FieldInfo,
  Host,
  Image,
  Incident,
  Indicator,
  JoinToken,
  Member,
  Process,
  Profile,
  ProfileAspect,
  ProfileEntry,
  ProfileVersion,
  Rulefile,
  Slice,
  Story,
  Token,
  User,
} from './types.gen';

export interface KindTypes {
  host: Host;
  container: Container;
  image: Image;
  process: Process;
  alert: Alert;
  agent: Agent;
  user: User;
  token: Token;
  audit: Audit;
  join_token: JoinToken;
  incident: Incident;
  action: Action;
  evidence: Evidence;
  profile: Profile;
  profile_version: ProfileVersion;
  exception: Exception;
  indicator: Indicator;
  rulefile: Rulefile;
  drill: Drill;
  slice: Slice;
}
export type KindName = keyof KindTypes;

interface KindInfo {
  readonly plural: string;
  readonly sort: string | null;
  readonly fields: readonly FieldInfo[];
}
export const kindInfo: Readonly<Record<KindName, KindInfo>> = kinds;

export function fieldOf(kind: KindName, path: string): FieldInfo | undefined {
  return kindInfo[kind].fields.find((f) => f.path === path);
}

export function valueAt(object: unknown, path: string): unknown {
  let v = object;
  for (const step of path.split('.')) {
    if (typeof v !== 'object' || v === null) return undefined;
    v = (v as Record<string, unknown>)[step];
  }
  return v;
}

export const priorities = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'informational',
  'debug',
] as const;

// ---- answers that are not made from the field tables (serve/serve.h) ----

export interface Overview {
  hosts: number;
  containers_running: number;
  containers: number;
  images: number;
  processes_running: number;
  alerts_open: Record<string, number>;
  alerts_24h: number[];
  top_rules: { rule: string; priority: string; count: number }[];
  top_containers: { id: string; name?: string; image?: string; count: number }[];
  events_seen: number;
  events_lost: number;
  agents_connected: number;
  store_error?: string;
  agent_error?: string;
}
export interface Rule {
  name: string;
  desc?: string;
  condition?: string;
  output?: string;
  priority: string;
  source?: string;
  file?: string;
  line?: number;
  enabled?: boolean;
  evaluated?: boolean;
  why_not?: string;
  response?: string;
  id?: string;
  tags?: string[];
  techniques?: string[];
  title_zh?: string;
  desc_zh?: string;
  advice?: string;
  advice_zh?: string;
}
export interface Rules {
  items: Rule[];
  error?: string;
  warnings?: string[];
}
export interface FieldHelp {
  name: string;
  type: string;
  doc?: string;
}
export interface Session {
  user: User;
  csrf: string;
}
