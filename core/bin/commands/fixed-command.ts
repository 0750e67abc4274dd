import type { Command } from 'commander'
import type { Run } from '../session.ts'
import { declareHistory } from './history.ts'

/** `netloom fixed ...` */
export function declare(fixed: Command, run: Run): void {
  declareHistory(fixed, run, 'fixed')
}
