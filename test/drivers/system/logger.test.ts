import { describe, expect, it } from 'vitest'
import { CommandFailed } from '../../../core/errors/index.ts'
import { createLogger, type LogLevel } from '../../../drivers/system/logger.ts'

async function logged(level: LogLevel, write: (logger: Awaited<ReturnType<typeof createLogger>>) => void) {
  const lines: string[] = []
  write(await createLogger({ level, destination: { write: (line) => lines.push(line) } }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('the log', () => {
  it('is one JSON object a line, with level, time, message and fields', async () => {
    const [line] = await logged('info', (log) => log.info('served', { host: 'h1', count: 2 }))
    expect(line).toMatchObject({ level: 'info', msg: 'served', host: 'h1', count: 2, pid: process.pid })
    expect(new Date(line?.time as string).toISOString()).toBe(line?.time)
  })

  it('drops what is below its level', async () => {
    const lines = await logged('warn', (log) => {
      log.debug('a')
      log.info('b')
      log.warn('c')
      log.error('d')
    })
    expect(lines.map((line) => line.msg)).toEqual(['c', 'd'])
  })

  it('tells message, stack and facts of an error', async () => {
    const error = new CommandFailed({ argv: ['ip'], code: 1, stderr: 'no' })
    const [line] = await logged('error', (log) => log.error('failed', { error }))
    expect(line?.error).toMatchObject({
      code: 'CommandFailed',
      message: error.message,
      details: { argv: ['ip'], code: 1 },
    })
    expect(line?.error).toHaveProperty('stack', expect.stringContaining('logger.test'))
  })

  it.each([['a text'], [null], [7], [undefined], [{ a: 1 }]])('takes %j where an error is expected', async (error) => {
    const [line] = await logged('error', (log) => log.error('failed', { error }))
    expect(line).toMatchObject({ msg: 'failed', ...(error === undefined ? {} : { error }) })
  })

  it('survives fields that refer to themselves', async () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    const [line] = await logged('info', (log) => log.info('odd', { loop, big: 10n ** 20n }))
    expect(line?.msg).toBe('odd')
  })
})
