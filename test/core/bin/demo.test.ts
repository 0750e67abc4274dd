import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DemoReport } from '../../../core/bin/demo/report.ts'
import { runSimulatedDemo } from '../../../core/bin/demo/simulated.ts'
import { Output } from '../../../core/bin/output.ts'

test('without root the demo runs its steps on the simulated host, shows what a real one would run, leaves nothing', async () => {
  let printed = ''
  const stdout = { write: (text: string) => (printed += text) }
  const report = new DemoReport(new Output({ stdout, stderr: stdout, json: false, quiet: false }))
  await runSimulatedDemo(report)

  expect(report.results.filter(({ ok }) => !ok)).toEqual([])
  expect(report.results.map(({ step }) => step)).toEqual([
    'service started in this process',
    'network created',
    'two instances allocated and attached',
    'floating IP associated',
    'service stopped and started again',
    'floating IP disassociated',
    'instances deallocated',
  ])
  const wouldRun = (step: string) => report.results.find((result) => result.step === step)?.would_run.join('\n') ?? ''
  expect(wouldRun('two instances allocated and attached')).toContain('link add name br100 type bridge')
  expect(wouldRun('floating IP associated')).toContain('-d 203.0.113.65/32 -j DNAT --to-destination 10.0.0.2')
  expect(wouldRun('service stopped and started again')).toBe('')
  expect(wouldRun('floating IP disassociated')).toContain('conntrack -D -d 203.0.113.65')
  expect(printed).toMatch(/^ok {2,}\d+ ms {2}network created: private 10\.0\.0\.0\/24 on br100$/m)
  const [folder = ''] = /\/\S*netloom-demo-[^/]+/.exec(printed) ?? []
  expect(folder).not.toBe('')
  expect(existsSync(folder)).toBe(false)
})
