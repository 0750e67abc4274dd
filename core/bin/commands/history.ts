import type { Command } from 'commander'
import type { AddressKind, AddressSpan } from '../../model/address-history.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<AddressSpan> = {
  from: (row) => row.from,
  until: (row) => row.until,
  project: (row) => row.project_id,
  instance: (row) => row.instance_uuid,
  mac: (row) => row.mac,
}

const columnsOf: Readonly<Record<AddressKind, Columns<AddressSpan>>> = {
  fixed: columns,
  floating: { ...columns, fixed_address: (row) => row.fixed_address },
}

const EXAMPLE = { fixed: '10.0.0.3', floating: '203.0.113.5' } as const

/** `netloom fixed history` and `netloom floating history`. */
export function declareHistory(noun: Command, run: Run, kind: AddressKind): void {
  withExample(
    noun
      .command('history')
      .description('who had an address when, for as long as events are kept (the flag event_retention_time)')
      .argument('<address>')
      .action((address: string) =>
        run(async ({ client, output }) => {
          const spans = await (await client()).api.getAddressHistory(kind, address)
          output.list(spans, columnsOf[kind], `nothing is known of ${address}`)
        }),
      ),
    `netloom ${kind} history ${EXAMPLE[kind]}`,
  )
}
