import type { Phase, PhasedOperation } from 'netloom/contracts'
import { expect, test } from 'vitest'
import { orderOperations } from '../../../core/plan/order.ts'

const operation = (phase: Phase, path: string): PhasedOperation => ({ kind: 'remove-file', phase, owners: [], path })

test('daemons stop first, rules stand before addresses answer, neighbours hear last (defects-linux-net F1; defects-manager H3)', () => {
  const phases: readonly Phase[] = [
    'announce',
    'actions',
    'daemons',
    'files',
    'settings',
    'bind',
    'rules',
    'unbind',
    'stop',
  ]
  expect(orderOperations(phases.map((phase) => operation(phase, phase))).map(({ phase }) => phase)).toEqual([
    'stop',
    'unbind',
    'rules',
    'bind',
    'settings',
    'files',
    'daemons',
    'actions',
    'announce',
  ])
})

test('operations of one phase keep their order', () => {
  const operations = [operation('bind', '1'), operation('stop', '2'), operation('bind', '3'), operation('stop', '4')]
  expect(orderOperations(operations).map((op) => op.kind === 'remove-file' && op.path)).toEqual(['2', '4', '1', '3'])
})
