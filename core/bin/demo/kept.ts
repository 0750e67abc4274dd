/** What is said of a cloud that was kept: how to look around in it, and how to take it away. */
import type { Cloud } from './cloud.ts'

/** For programs. */
export interface KeptCloud {
  readonly folder: string
  readonly namespaces: readonly string[]
  /** The flags by which a client finds its service. */
  readonly flags: readonly string[]
}

/** What has to be known to use it and to take it away. */
export function keptCloud({ folder, namespaces, host }: Cloud): KeptCloud {
  const flags = host.settings.commandLine.filter((flag) => /^--(state_path|host)=/.test(flag))
  return { folder, namespaces: namespaces.all, flags }
}

/** Lines for a person with a shell; each can be run as it stands. */
export function howToLookAround(cloud: Cloud): readonly string[] {
  const { folder, namespaces, flags } = keptCloud(cloud)
  const inside = (name: string, command: string) => `  ip netns exec ${cloud.namespaces.fullName(name)} ${command}`
  return [
    'It is left standing. Look around:',
    `  netloom() { '${process.execPath}' '${cloud.program}' ${flags.join(' ')} "$@"; }`,
    '  netloom instance list',
    '  netloom floating list',
    '  netloom plan',
    inside('guest1', 'ping -c 3 10.0.0.3'),
    inside('public', 'ping -c 3 203.0.113.65'),
    inside(cloud.host.name, 'iptables-save -t nat'),
    `  cat ${folder}/${cloud.host.name}.log`,
    'Take it away:',
    `  for ns in ${namespaces.join(' ')}; do for pid in $(ip netns pids $ns); do kill -9 $pid; done; ip netns delete $ns; done`,
    `  rm -r ${folder}`,
  ]
}
