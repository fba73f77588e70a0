// ATT&CK for Containers, version 19 (attack.mitre.org): tactics in the order of an attack, and the
// techniques with the tactics they serve. Names of techniques are in lib/attack.ts.

/** As the tags of rules write them. */
export const tactics = [
  'initial_access',
  'execution',
  'persistence',
  'privilege_escalation',
  'stealth',
  'defense_impairment',
  'credential_access',
  'discovery',
  'lateral_movement',
  'impact',
] as const;
export type ContainerTactic = (typeof tactics)[number];

const short: Record<string, ContainerTactic> = {
  ia: 'initial_access',
  ex: 'execution',
  pe: 'persistence',
  pr: 'privilege_escalation',
  st: 'stealth',
  di: 'defense_impairment',
  ca: 'credential_access',
  ds: 'discovery',
  lm: 'lateral_movement',
  im: 'impact',
};

const table = `
T1036 st
T1036.005 st
T1036.010 st
T1046 ds
T1053 pr ex pe
T1053.007 pr ex pe
T1059 ex
T1059.013 ex
T1068 pr
T1069 ds
T1070 st
T1078 st pr pe ia
T1078.001 st pr pe ia
T1078.003 st pr pe ia
T1098 pr pe
T1098.006 pr pe
T1110 ca
T1110.001 ca
T1110.003 ca
T1110.004 ca
T1133 pe ia
T1136 pe
T1136.001 pe
T1190 ia
T1204 ex
T1204.003 ex
T1485 im
T1490 im
T1496 im
T1496.001 im
T1496.002 im
T1498 im
T1499 im
T1525 pe
T1528 ca
T1543 pr pe
T1543.005 pr pe
T1550 lm
T1550.001 lm
T1552 ca
T1552.001 ca
T1552.007 ca
T1609 ex
T1610 ex
T1611 pr
T1612 st
T1613 ds
T1685 di`;

export interface ContainerTechnique {
  id: string;
  tactics: ContainerTactic[];
}
export const techniques: readonly ContainerTechnique[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [id = '', ...codes] = line.split(' ');
    return { id, tactics: codes.flatMap((c) => short[c] ?? []) };
  });

/** Ids of older versions of ATT&CK that rules may still carry, and what they are in version 19. */
export const renamed: Readonly<Record<string, string>> = {
  T1562: 'T1685',
  'T1562.001': 'T1685',
};
