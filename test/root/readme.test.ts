import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../kit-internal/sources.ts'

/** A command of the README with the lines that it prints. */
interface Step {
  readonly command: string
  readonly printed: string
}

/** The `console` blocks: `$ ` begins a command, which a here-document continues. */
function stepsOf(readme: string): readonly Step[] {
  return [...readme.matchAll(/```console\n(.*?)```/gs)]
    .flatMap(([, block = '']) => block.split(/^\$ /m).slice(1))
    .map((text) => {
      const end = /<<'(\w+)'/.exec(text)?.[1]
      const length = end === undefined ? text.indexOf('\n') : text.indexOf(`\n${end}\n`) + end.length + 1
      return { command: text.slice(0, length), printed: text.slice(length + 1) }
    })
}

/** What differs from run to run looks the same; the width of columns stays. */
function masked(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/fa:16:3e(:[0-9a-f]{2}){3}/g, 'MAC')
    .replaceAll(/tap[0-9a-f]{8}-[0-9a-f]{2}/g, 'TAP')
    .replaceAll(/udhcpc: started, v\S+/g, 'udhcpc: started')
    .replaceAll(/time \d+ms/g, 'time')
}

/**
 * Types the commands into one shell, each when the one before has ended and what it prints is there. The shell has the
 * names of network namespaces for itself, so that those of the README are free.
 */
async function follow(steps: readonly Step[]): Promise<readonly Step[]> {
  // The service must not mend by itself what the README breaks, however slow the machine is: neither with its look at the
  // whole host, nor when it catches up with what was changed just before.
  const never = {
    NETLOOM_RECONCILE_INTERVAL: '3600',
    NETLOOM_REPORT_INTERVAL: '3600',
    NETLOOM_SERVICE_DOWN_TIME: '7200',
  }
  const env = { ...process.env, ...never }
  const ownNames = 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec bash'
  const shell = spawn('unshare', ['--mount', 'sh', '-c', ownNames], { cwd: root, stdio: ['pipe', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const away = steps.slice(-3).map(({ command }) => command)
  onTestFinished(() => {
    shell.stdin.end(`${away.join('\n')}\n`)
  })
  const seen: Step[] = []
  for (const [index, { command, printed }] of steps.entries()) {
    output = ''
    shell.stdin.write(`${command}\necho end of ${index}\n`)
    // What is left running in the background prints when it can.
    const due = command.endsWith('&') ? printed : ''
    const isThere = () => output.includes(`end of ${index}\n`) && output.includes(due)
    await expect.poll(isThere, { timeout: 20_000, message: command }).toBe(true)
    seen.push({ command, printed: output.replace(`end of ${index}\n`, '') })
  }
  return seen
}

describe.skipIf(process.getuid?.() !== 0)('the first use of the README, as root, on the built program', () => {
  it('prints what the README shows', { timeout: 110_000 }, async () => {
    expect(existsSync(join(root, 'dist/core/bin/netloom.js')), 'run `npm run build` first').toBe(true)
    const folder = mkdtempSync(join(tmpdir(), 'netloom-readme-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const readme = readFileSync(join(root, 'README.md'), 'utf8').replaceAll('/tmp/first-use', `${folder}/use`)
    const steps = stepsOf(readme)
    expect(steps.length).toBeGreaterThan(25)
    const seen = await follow(steps)
    const asText = (all: readonly Step[]) =>
      all.map(({ command, printed }) => `$ ${command}\n${masked(printed)}`).join('')
    expect(asText(seen)).toBe(asText(steps))
  })
})
