import type { Command } from 'commander'
import type { NetworkApi } from '../../api/network-api.ts'
import type { FloatingIpExpectation } from '../../contracts/network-manager.ts'
import type { FloatingIpSummary } from '../../contracts/network-operations.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'
import { wrongUsage } from '../wrong-usage.ts'

const columns: Columns<FloatingIpSummary> = {
  address: (row) => row.address,
  pool: (row) => row.pool,
  project: (row) => row.project_id,
  fixed_address: (row) => row.fixed_address,
  instance: (row) => row.instance_uuid,
  host: (row) => row.host,
  interface: (row) => row.interface,
}

const AFFECT = ['--affect-auto-assigned', 'also one that was given with its instance'] as const

interface AffectOption {
  readonly affectAutoAssigned?: boolean
}

/** An operator means the project that has the address now: when the call comes late, it takes it from nobody else. */
async function meant(
  api: NetworkApi,
  address: string,
  options: AffectOption,
  asProject: string | undefined,
): Promise<FloatingIpExpectation> {
  const projectId = asProject ?? (await api.getFloatingIpByAddress(address))?.project_id ?? undefined
  return { ...options, projectId }
}

/** `netloom floating ...` */
export function declare(floating: Command, run: Run): void {
  declareOperatorSide(floating, run)
  declareTenantSide(floating, run)
}

function declareOperatorSide(floating: Command, run: Run): void {
  withExample(
    floating
      .command('create')
      .description('add addresses to a pool')
      .argument('[range]', 'one address or a block; default: the flag floating_range')
      .option('--pool <pool>', 'default: the flag default_floating_pool')
      .option('--interface <device>', 'interface that carries them; default: the flag public_interface')
      .action((range: string | undefined, options: { pool?: string; interface?: string }) =>
        run(async ({ client, output }) => {
          const request = { ...options, ...(range === undefined ? {} : { range }) }
          const made = await (await client()).api.createFloatingIps(request)
          output.done(made, `${made.addresses} floating IPs added to pool ${made.pool}`)
        }),
      ),
    'netloom floating create 203.0.113.0/28 --pool public',
  )
  withExample(
    floating
      .command('delete')
      .description('take addresses away that no project has')
      .argument('<range>', 'one address or a block')
      .action((range: string) =>
        run(async ({ client, output }) => {
          const deleted = await (await client()).api.deleteFloatingIps(range)
          output.done(deleted, `${deleted.addresses} floating IPs deleted`)
        }),
      ),
    'netloom floating delete 203.0.113.0/28',
  )
  withExample(
    floating
      .command('list')
      .description('floating IPs and whom they lead to')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.listFloatingIps(), columns, 'no floating IP is defined')
        }),
      ),
    'netloom floating list',
    'netloom --as-project acme floating list  # only those of the project',
  )
  withExample(
    floating
      .command('pools')
      .description('the pools that there are')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.getFloatingIpPools(), { name: (row) => row.name }, 'there is no pool')
        }),
      ),
    'netloom floating pools',
  )
}

function declareTenantSide(floating: Command, run: Run): void {
  withExample(
    floating
      .command('allocate')
      .description('give a project a floating IP; prints the address')
      .option('--pool <pool>', 'default: the flag default_floating_pool')
      .option('--project <project>', 'for whom, when the operator asks; a tenant asks for itself')
      .action(({ pool, project }: { pool?: string; project?: string }) =>
        run(async ({ client, output, asProject }) => {
          const projectId = project ?? asProject
          if (projectId === undefined) {
            const reason = 'the operator must say for whom: give --project P, or act as a tenant with --as-project P'
            throw wrongUsage('netloom floating allocate', reason)
          }
          const request = { project_id: projectId, ...(pool === undefined ? {} : { pool }) }
          const address = await (await client()).api.allocateFloatingIp(request)
          output.lines({ address }, [address])
        }),
      ),
    'netloom --as-project acme floating allocate',
    'netloom floating allocate --project acme --pool public',
  )
  withExample(
    floating
      .command('release')
      .description('give a floating IP back to its pool')
      .argument('<address>')
      .option(...AFFECT)
      .action((address: string, options: AffectOption) =>
        run(async ({ client, output, asProject }) => {
          const { api } = await client()
          await api.deallocateFloatingIp(address, await meant(api, address, options, asProject))
          output.done({ address }, `floating IP ${address} released`)
        }),
      ),
    'netloom --as-project acme floating release 203.0.113.5',
  )
  withExample(
    floating
      .command('associate')
      .description('lead a floating IP to a fixed IP')
      .argument('<address>', 'the floating IP')
      .argument('<fixed>', 'a fixed IP of an instance')
      .option(...AFFECT)
      .action((address: string, fixed: string, options: AffectOption) =>
        run(async ({ client, output }) => {
          const before = await (await client()).api.associateFloatingIp(address, fixed, options)
          const taken = before === null ? '' : `; it led to instance ${before} before`
          const value = { address, fixed_address: fixed, previous_instance_uuid: before }
          output.done(value, `floating IP ${address} leads to ${fixed}${taken}`)
        }),
      ),
    'netloom --as-project acme floating associate 203.0.113.5 10.0.0.3',
  )
  withExample(
    floating
      .command('disassociate')
      .description('let a floating IP lead nowhere; the project keeps it')
      .argument('<address>')
      .option(...AFFECT)
      .action((address: string, options: AffectOption) =>
        run(async ({ client, output, asProject }) => {
          const { api } = await client()
          await api.disassociateFloatingIp(address, await meant(api, address, options, asProject))
          output.done({ address }, `floating IP ${address} disassociated`)
        }),
      ),
    'netloom --as-project acme floating disassociate 203.0.113.5',
  )
}
