import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import type { NetworkApi } from '../../api/network-api.ts'
import type { EventsRequest } from '../../contracts/network-operations.ts'
import { NetloomError } from '../../errors/base.ts'
import { type NetworkEvent, parseSince } from '../../model/events.ts'
import { FeedReader } from '../../model/feed.ts'
import { withExample } from '../arguments.ts'
import type { Output } from '../output.ts'
import type { Run } from '../session.ts'

/** How long it is until a follower asks again, in milliseconds. */
const POLL_MS = 1000

type Filter = Omit<EventsRequest, 'position'>

interface Options {
  readonly type?: string
  readonly project?: string
  readonly instance?: string
  readonly address?: string
  readonly since?: string
  readonly follow?: boolean
}

/** `netloom events` */
export function declare(events: Command, run: Run): void {
  events
    .option('--type <type>', 'of a kind, or of some with this beginning: network.floating_ip')
    .option('--project <project>', 'of a project')
    .option('--instance <uuid>', 'of an instance')
    .option('--address <address>', 'of a fixed or a floating IP')
    .option('--since <time>', 'not before a time (2026-11-01T12:00:00Z) or so long ago (30m, 2h, 7d)', since)
    .option('--follow', 'go on with what happens, until Ctrl-C; with --json a document on each line')
    .action((options: Options) =>
      run(async ({ client, output, interrupted }) => {
        const { api } = await client()
        if (options.follow === true) await follow(api, filterOf(options), output, interrupted())
        else await list(api, filterOf(options), output)
      }),
    )
  withExample(
    events,
    'netloom events --since 1h --type network.floating_ip',
    'netloom events --follow --project acme',
    'netloom --as-project acme events  # what is of the project',
  )
}

/** "An hour ago" is the same time for each page. */
const since = (text: string) => parseSince(text, Date.now())

function filterOf({ type, project, instance, address, since }: Options): Filter {
  return {
    ...(type !== undefined && { type }),
    ...(project !== undefined && { project_id: project }),
    ...(instance !== undefined && { instance_uuid: instance }),
    ...(address !== undefined && { address }),
    ...(since !== undefined && { since }),
  }
}

/** All that is kept. People see each page as it comes. */
async function list(api: NetworkApi, filter: Filter, output: Output): Promise<void> {
  const found: NetworkEvent[] = []
  let last = 0
  for (let more = true; more; ) {
    const page = await api.listEvents({ ...filter, position: last })
    for (const event of page.rows) output.line(lineOf(event))
    if (output.json) found.push(...page.rows)
    last = page.rows.at(-1)?.id ?? last
    more = page.more
  }
  output.document(found)
  if (last === 0) output.words('nothing has happened')
}

/** What happens from now on, or since the time that is asked for. A service that is away for a while is waited for. */
async function follow(api: NetworkApi, filter: Filter, output: Output, interrupted: AbortSignal): Promise<void> {
  const reader = new FeedReader<NetworkEvent>((position) => api.listEvents({ ...filter, position }))
  const print = (fresh: readonly NetworkEvent[]) => {
    for (const event of fresh) output.item(event, lineOf(event))
  }
  const begin = async () => reader.startAt((await api.listEvents({ ...filter, position: null })).settled)
  if (filter.since === undefined) await begin()
  await reader.read(filter.since === undefined ? () => {} : print)
  let away = false
  while (!interrupted.aborted) {
    try {
      if (!(await reader.read(print))) {
        output.failure('some events were forgotten before they were read: see the flag event_retention_time')
        await begin()
      }
      away = false
    } catch (error) {
      if (!(error instanceof NetloomError && error.retryable)) throw error
      if (!away) output.words(`${error.message}; waiting`)
      away = true
    }
    await setTimeout(POLL_MS, undefined, { signal: interrupted }).catch(() => {})
  }
}

/** Time, kind, and `name=value` for all that is known. */
function lineOf({ created_at, type, payload, ...event }: NetworkEvent): string {
  const { id: _, address, instance_uuid, project_id, network_uuid, host, request_id, user_id } = event
  const facts = {
    ...{ address, instance: instance_uuid, project: project_id, network: network_uuid, host },
    ...payload,
    ...{ request: request_id, user: user_id },
  }
  const words = Object.entries(facts).flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]))
  return [created_at, type, ...words].join(' ')
}
