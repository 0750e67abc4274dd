/** What an Open vSwitch looks like: its ports by one process, and its flows by one more for each bridge. */
import type { Executor, HostResource, HostState, Logger, OvsFlowResource, OvsPortResource } from 'netloom/contracts'

/** Reading waits for nobody: the database answers at once, or it is away. */
const LOOK_SECONDS = 10

/** Of all flows of netloom's, and of nobody else's: `netloom` in ASCII. */
export const COOKIE = '0x6e65746c6f6f6d'

export const LIST_PORTS: readonly [string, ...string[]] = [
  ...(['ovs-vsctl', `--timeout=${LOOK_SECONDS}`, '--no-wait', '--format=json'] as const),
  ...['--', '--columns=_uuid,name,ports,datapath_type', 'list', 'Bridge'],
  ...['--', '--columns=_uuid,name,tag,interfaces', 'list', 'Port'],
  ...['--', '--columns=_uuid,name,type,mtu_request,external_ids', 'list', 'Interface'],
]

/** The flows of netloom's on one bridge. */
export function dumpFlows(bridge: string): readonly [string, ...string[]] {
  return ['ovs-ofctl', `--timeout=${LOOK_SECONDS}`, '--no-stats', 'dump-flows', bridge, `cookie=${COOKIE}/-1`]
}

export interface OvsLook {
  readonly resources: readonly HostResource[]
  readonly bridges?: HostState['ovsBridges']
}

export interface OvsLookTools {
  readonly executor: Executor
  readonly logger: Logger
}

/**
 * Looks only where something of a switch is wanted, or was made before. A switch that does not answer is taken to be as
 * it was left: what was made there is still ours, and its frames may well pass.
 */
export async function lookAtOvs(
  { executor, logger }: OvsLookTools,
  wanted: readonly HostResource[],
  made: readonly HostResource[],
): Promise<OvsLook> {
  const resources = [...wanted, ...made]
  if (!resources.some(({ kind }) => kind === 'ovs-port' || kind === 'ovs-flow')) return { resources: [] }
  const recorded = (kind: 'ovs-port' | 'ovs-flow') => made.filter((resource) => resource.kind === kind)
  let look: ReturnType<typeof parsePorts>
  try {
    look = parsePorts((await executor.run({ argv: LIST_PORTS })).stdout)
  } catch (error) {
    logger.warn('Open vSwitch does not answer: its ports are taken to be as they were left', { error })
    return { resources: [...recorded('ovs-port'), ...recorded('ovs-flow')], bridges: null }
  }
  const bridges = new Set(resources.flatMap((resource) => (resource.kind === 'ovs-flow' ? [resource.bridge] : [])))
  const flows = await Promise.all(
    [...bridges].map(async (bridge) => {
      if (!look.bridges.has(bridge)) return []
      try {
        return parseFlows(bridge, (await executor.run({ argv: dumpFlows(bridge) })).stdout)
      } catch (error) {
        logger.warn('Open vSwitch does not answer: its flows are taken to be as they were left', { bridge, error })
        return recorded('ovs-flow').filter((flow) => flow.kind === 'ovs-flow' && flow.bridge === bridge)
      }
    }),
  )
  return { ...look, resources: [...look.resources, ...flows.flat()] }
}

/** A value as ovs-vsctl prints it in JSON. Source: RFC 7047, section 5.1. */
type OvsdbValue = string | number | boolean | readonly [string, string | readonly unknown[]]

interface OvsdbTable {
  readonly headings: readonly string[]
  readonly data: readonly (readonly OvsdbValue[])[]
}

type OvsdbRow = Readonly<Record<string, OvsdbValue>>

/** Pure. @param text the output of `LIST_PORTS`: a table on each line */
export function parsePorts(text: string): {
  readonly resources: readonly OvsPortResource[]
  readonly bridges: NonNullable<HostState['ovsBridges']>
} {
  const [bridgeRows = [], portRows = [], interfaceRows = []] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(rowsOf)
  const byUuid = (rows: readonly OvsdbRow[]) => new Map(rows.map((row) => [uuidsIn(row._uuid)[0], row]))
  const ports = byUuid(portRows)
  const interfaces = byUuid(interfaceRows)
  const found = bridgeRows.flatMap((bridge) =>
    uuidsIn(bridge.ports).flatMap((uuid): OvsPortResource[] => {
      const port = ports.get(uuid)
      const device = interfaces.get(uuidsIn(port?.interfaces)[0])
      return port && device ? [portOf(String(bridge.name), port, device)] : []
    }),
  )
  const bridges = new Map(
    bridgeRows.map(
      ({ name, datapath_type }) => [String(name), datapath_type === 'netdev' ? 'netdev' : 'system'] as const,
    ),
  )
  return { resources: found, bridges }
}

function portOf(bridge: string, port: OvsdbRow, device: OvsdbRow): OvsPortResource {
  const { tag } = port
  const { type, mtu_request: mtu, external_ids } = device
  return {
    kind: 'ovs-port',
    name: String(port.name),
    bridge,
    ...(type === 'internal' ? { internal: true } : {}),
    ...(typeof tag === 'number' ? { tag } : {}),
    ...(typeof mtu === 'number' ? { mtu } : {}),
    externalIds: mapOf(external_ids),
  }
}

function rowsOf(text: string): readonly OvsdbRow[] {
  const { headings, data } = JSON.parse(text) as OvsdbTable
  return data.map((values) => Object.fromEntries(headings.map((name, i) => [name, values[i] ?? ''])))
}

/** One reference, or a set of them. */
function uuidsIn(value: OvsdbValue | undefined): readonly string[] {
  if (!Array.isArray(value)) return []
  const [kind, content] = value as readonly [string, unknown]
  if (kind === 'uuid') return [String(content)]
  return kind === 'set' && Array.isArray(content) ? content.flatMap((each: OvsdbValue) => uuidsIn(each)) : []
}

function mapOf(value: OvsdbValue | undefined): Readonly<Record<string, string>> {
  const [kind, content] = Array.isArray(value) ? (value as readonly [string, unknown]) : []
  const pairs = kind === 'map' && Array.isArray(content) ? (content as readonly (readonly [string, string])[]) : []
  return Object.fromEntries(pairs)
}

/** Pure. @param text such as ` cookie=0x1, priority=2,udp,tp_dst=67 actions=NORMAL` on each line */
export function parseFlows(bridge: string, text: string): readonly OvsFlowResource[] {
  return text.split('\n').flatMap((line) => {
    const [, words = '', actions = ''] = /^ *cookie=0x[0-9a-f]+, (\S+) actions=(.*)$/.exec(line) ?? []
    const fields = words.split(',')
    const priority = fields.find((field) => field.startsWith('priority='))
    if (priority === undefined) return []
    return [
      {
        kind: 'ovs-flow' as const,
        bridge,
        priority: Number(priority.slice('priority='.length)),
        match: fields.filter((field) => field !== priority),
        // Whatever else was made of it is not what anybody wants.
        actions: actions.toLowerCase() as OvsFlowResource['actions'],
      },
    ]
  })
}
