import {
  type InstanceDetail,
  InstanceNotFound,
  type InstanceRow,
  type InstanceTable,
  type Timestamps,
  type VirtualInterfaceRow,
} from 'netloom/contracts'
import type { SqlRow } from '../dialect.ts'
import { instanceEntity, virtualInterfaceEntity } from '../entities.ts'
import { insertText, rowReader, type TableContext, Where } from '../statements.ts'

const read = rowReader(instanceEntity)

const INSTANCE_COLUMNS = Object.keys(instanceEntity.options.columns)
const INTERFACE_COLUMNS = Object.keys(virtualInterfaceEntity.options.columns)

type Interface = InstanceDetail['virtual_interfaces'][number]

export class Instances implements InstanceTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async byUuid(uuid: string): Promise<InstanceDetail> {
    const [found] = await this.#details(new Where().equals('i.uuid', uuid))
    if (found === undefined) throw new InstanceNotFound({ instance_uuid: uuid })
    return found
  }

  list({ projectId, host }: { projectId?: string; host?: string }): Promise<readonly InstanceDetail[]> {
    return this.#details(new Where().equals('i.project_id', projectId).equals('i.host', host))
  }

  async ensure(instance: Omit<InstanceRow, keyof Timestamps>): Promise<void> {
    const { session, dialect, now } = this.#context
    const { uuid, project_id, host, hostname, rxtx_factor } = instance
    const row = { uuid, project_id, host, hostname, rxtx_factor, created_at: now() }
    const columns = Object.keys(row)
    await session.query(`${insertText('instances', columns, 1)} ${dialect.keepExisting('uuid')}`, Object.values(row))
  }

  async lock(uuid: string): Promise<void> {
    const { session, dialect } = this.#context
    await session.query(dialect.forUpdate('SELECT uuid FROM instances WHERE uuid = ?'), [uuid])
  }

  async setHost(uuid: string, host: string): Promise<void> {
    const { session, now } = this.#context
    await session.query('UPDATE instances SET host = ?, updated_at = ? WHERE uuid = ?', [host, now(), uuid])
  }

  async remove(uuid: string): Promise<void> {
    await this.#context.session.query('DELETE FROM instances WHERE uuid = ?', [uuid])
  }

  /** One statement, whatever the number of instances. */
  async #details(where: Where): Promise<readonly InstanceDetail[]> {
    const { session, dialect } = this.#context
    const { rows } = await session.query(
      `SELECT ${INSTANCE_COLUMNS.map((name) => `i.${name} AS of_${name}`).join(', ')},
          v.*, n.uuid AS network_uuid, f.address AS fixed_address, o.address AS floating_address
        FROM instances i
        LEFT JOIN virtual_interfaces v ON v.instance_uuid = i.uuid
        LEFT JOIN networks n ON n.id = v.network_id
        LEFT JOIN fixed_ips f ON f.virtual_interface_id = v.id
        LEFT JOIN floating_ips o ON o.fixed_ip_id = f.id
        ${where.text} ORDER BY i.created_at, i.${dialect.insertionOrder}, v.id, f.number, o.id`,
      where.params,
    )
    return [...groupBy(rows, 'of_uuid').values()].map((ofInstance) => ({
      ...instanceOf(ofInstance[0]!),
      virtual_interfaces: interfacesOf(ofInstance.filter((row) => row.id !== null)),
    }))
  }
}

function instanceOf(row: SqlRow): InstanceRow {
  return read(Object.fromEntries(INSTANCE_COLUMNS.map((name) => [name, row[`of_${name}`]])))
}

/** From one row for each interface, fixed IP and floating IP, in that order. */
function interfacesOf(rows: readonly SqlRow[]): readonly Interface[] {
  return [...groupBy(rows, 'id').values()].map((ofInterface) => {
    const first = ofInterface[0]!
    const facts = Object.fromEntries(INTERFACE_COLUMNS.map((name) => [name, first[name]]))
    const addressed = ofInterface.filter((row) => row.fixed_address !== null)
    return {
      ...(facts as unknown as VirtualInterfaceRow),
      network_uuid: String(first.network_uuid),
      fixed_ips: [...groupBy(addressed, 'fixed_address')].map(([address, ofAddress]) => ({
        address: String(address),
        floating_ips: ofAddress.flatMap((row) => (row.floating_address === null ? [] : [String(row.floating_address)])),
      })),
    }
  })
}

function groupBy(rows: readonly SqlRow[], column: string): ReadonlyMap<unknown, readonly SqlRow[]> {
  const groups = new Map<unknown, SqlRow[]>()
  for (const row of rows) {
    const group = groups.get(row[column])
    if (group) group.push(row)
    else groups.set(row[column], [row])
  }
  return groups
}
