/** The service, its bus, its store and its host. */
import { defineError } from './base.ts'

export const Forbidden = defineError(
  'Forbidden',
  4,
  (d: { what: string; project_id: string | null }) => `${d.what} does not belong to project ${d.project_id}`,
)

export const AdminRequired = defineError(
  'AdminRequired',
  4,
  (d: { method: string }) => `${d.method} is for operators: run it without --as-project`,
)

export const NotSupported = defineError(
  'NotSupported',
  4,
  (d: { what: string; by: string }) => `${d.by} has no ${d.what}: choose another with the flag network_manager`,
)

/** Parent of what goes away by itself: exit status 5. */
export const TryLater = defineError('TryLater', 5, (d: { reason: string }) => `try later: ${d.reason}`)

export const ServiceUnavailable = defineError(
  'ServiceUnavailable',
  5,
  (d: { host: string | null; where: string }) =>
    d.host
      ? `no netloom service of host ${d.host} answers at ${d.where}: start it with \`netloom serve\``
      : `no netloom service answers at ${d.where}: start one with \`netloom serve\``,
  TryLater,
)

export const BusUnavailable = defineError(
  'BusUnavailable',
  5,
  (d: { where: string; reason: string }) =>
    `the message bus at ${d.where} is away (${d.reason}): start RabbitMQ there, or correct the rabbit_* flags`,
  TryLater,
)

export const RpcTimeout = defineError(
  'RpcTimeout',
  5,
  (d: { method: string; host: string | null; seconds: number }) =>
    `${d.method}${d.host ? ` on ${d.host}` : ''} did not answer in ${d.seconds} s: it may still be done; look before you repeat it`,
  TryLater,
)

export const ConnectionLost = defineError(
  'ConnectionLost',
  5,
  (d: { method: string; host: string | null }) =>
    `the connection was lost while ${d.method} ran${d.host ? ` on ${d.host}` : ''}: it may or may not be done; the same call may be repeated`,
  TryLater,
)

export const ClockSkew = defineError(
  'ClockSkew',
  5,
  (d: { seconds: number }) =>
    `the clock of this machine is ${Math.abs(d.seconds)} s ${d.seconds > 0 ? 'ahead of' : 'behind'} the fact store's: ` +
    'set both by NTP (`timedatectl`), then start again',
  TryLater,
)

export const HostNotFound = defineError(
  'HostNotFound',
  3,
  (d: { host: string }) => `there is no network host ${d.host}: see \`netloom host list\``,
)

export const CallerGone = defineError(
  'CallerGone',
  5,
  () => 'the time that the caller waits is over: nothing was done; look before you repeat it, with more time',
  TryLater,
)

export const StoreBusy = defineError(
  'StoreBusy',
  5,
  (d: { reason: string }) => `the fact store is busy: ${d.reason}`,
  TryLater,
)

export const StoreUnavailable = defineError(
  'StoreUnavailable',
  5,
  (d: { store: string; reason: string }) => `the fact store ${d.store} is away: ${d.reason}`,
  TryLater,
)

export const ServiceAlreadyRunning = defineError(
  'ServiceAlreadyRunning',
  4,
  (d: { host: string; where: string }) =>
    `another netloom service of host ${d.host} is running on ${d.where}: stop it first, or give this one its own --host or --state_path`,
)

export const SchemaMismatch = defineError(
  'SchemaMismatch',
  4,
  (d: { found: string; wanted: string; remedy: string }) =>
    `the fact store has schema ${d.found}, this program needs ${d.wanted}: ${d.remedy}`,
)

export const CommandFailed = defineError(
  'CommandFailed',
  1,
  (d: { argv: readonly string[]; code: number | null; stderr: string }) =>
    `\`${d.argv.join(' ')}\` ended with ${d.code === null ? 'no status' : `status ${d.code}`}: ${d.stderr.trim() || 'no message'}`,
)

export const HostChangeFailed = defineError(
  'HostChangeFailed',
  1,
  (d: { owner: string; reasons: readonly string[] }) =>
    `the host was not changed for ${d.owner}: ${d.reasons.join('; ')}; nothing is left of the request`,
)

/** Two owners want the same thing of a host differently. */
export const PlanConflict = defineError(
  'PlanConflict',
  4,
  (d: { key: string; owners: readonly string[] }) =>
    `${d.owners.join(' and ')} want ${d.key} differently: change one of them`,
)

/** A guest cannot be plugged into a namespace before it is made. */
export const NamespaceNotFound = defineError(
  'NamespaceNotFound',
  3,
  (d: { namespace: string; host: string }) =>
    `there is no network namespace ${d.namespace} on host ${d.host}: make it with \`ip netns add ${d.namespace}\``,
)

/** A network's bridge that is the operator's, as with the Flat manager. */
export const BridgeNotFound = defineError(
  'BridgeNotFound',
  3,
  (d: { bridge: string; host: string }) =>
    `there is no bridge ${d.bridge} on host ${d.host}: make it with \`ip link add ${d.bridge} type bridge\` and ` +
    `\`ip link set ${d.bridge} up\`, this network manager leaves it to you`,
)

export const RootRequired = defineError('RootRequired', 4, (d: { what: string }) => `${d.what} needs root`)

export const NotOnThisHost = defineError(
  'NotOnThisHost',
  4,
  (d: { what: string; host: string }) =>
    `${d.what} is on host ${d.host}: run the command there, or name it with --host=${d.host} before the noun`,
)
