/**
 * Readers of flag settings: configuration text in two dialects, the environment and the command line. Pure: they see
 * texts, never files, and know no flag; what a setting means is decided later, when the declarations are there.
 */
import type { ConfigProblem } from '../core/errors/boot.ts'

/** One flag as it was written. */
export interface Setting {
  /** The name as written, `-` as `_` where the dialect takes both. */
  readonly flag: string
  /** Null when the flag stood alone, as `--use_ipv6` or `--nouse_ipv6` do. */
  readonly value: string | null
  /** Counted from 1; null outside files. */
  readonly line: number | null
}

/** All settings of one source. Of two layers the later one wins, flag by flag. */
export interface SettingsLayer {
  readonly source: 'file' | 'environment' | 'command line' | 'another flag'
  /** The path as it was given; null outside files. */
  readonly file: string | null
  readonly settings: readonly Setting[]
  /** What could not be read. */
  readonly problems: readonly ConfigProblem[]
}

/** Variables of the environment that are no flags. */
const OTHER_VARIABLES = ['NETLOOM_DEBUG']

function unreadable(file: string, line: number | null, message: string, value: string | null = null): ConfigProblem {
  return { level: 'error', flag: 'config_file', value, file, line, message }
}

/** The layer of a file that could not be opened or read. */
export function unreadableFile(file: string, reason: string): SettingsLayer {
  return { source: 'file', file, settings: [], problems: [unreadable(file, null, `cannot be read: ${reason}`, file)] }
}

function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split(/\r\n?|\n/)
}

function unquoted(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text
}

/**
 * Reads `flag = value` lines. Only flags of `[DEFAULT]`, and those before any section, are settings; other sections
 * belong to other programs and are passed over.
 * Source: oslo.config's iniparser: `=` or `:`, whichever comes first; `#` and `;` begin a comment only at the start of a
 * line; an indented line continues the value before it; one pair of quotes around a value is dropped; a key may repeat.
 */
export function parseIni(text: string, file: string): SettingsLayer {
  const settings: Setting[] = []
  const problems: ConfigProblem[] = []
  let readsSection = true
  let continues = false

  for (const [index, whole] of linesOf(text).entries()) {
    const number = index + 1
    const line = whole.trimEnd()
    const refuse = (message: string) => readsSection && problems.push(unreadable(file, number, message))
    if (line === '') {
      continues = false
    } else if (/^\s/.test(line)) {
      const rest = line.trimStart()
      const last = settings.at(-1)
      if (continues && readsSection && last)
        settings[settings.length - 1] = { ...last, value: `${last.value}\n${rest}` }
      else if (!continues && !/^[#;]/.test(rest))
        refuse('the line is indented, but there is no value that it continues')
    } else if (/^[#;]/.test(line)) {
      continues = false
    } else if (line.startsWith('[')) {
      continues = false
      const section = /^\[(.*)\]$/.exec(line)?.[1]?.trim()
      if (section) readsSection = section.toUpperCase() === 'DEFAULT'
      else problems.push(unreadable(file, number, 'a section must look like [NAME]'))
    } else {
      const match = /^([^=:]*)[=:](.*)$/s.exec(line)
      const flag = match?.[1]?.trim() ?? ''
      continues = /^\w[\w.-]*$/.test(flag)
      if (!continues) refuse('the line must look like `flag = value`')
      else if (readsSection) settings.push({ flag, value: unquoted(match![2]!.trim()), line: number })
    }
  }
  return { source: 'file', file, settings, problems }
}

/** Splits `--flag=value` or `--flag`; null for anything else. */
function parseDashed(text: string): { flag: string; value: string | null } | null {
  const match = /^--([A-Za-z0-9_][\w.-]*)(?:=(.*))?$/s.exec(text)
  return match && { flag: match[1]!.replaceAll('-', '_'), value: match[2] ?? null }
}

/** Reads an old flagfile: one `--flag=value`, `--flag` or `--noflag` a line; `#` and `//` begin a comment line. */
export function parseFlagfile(text: string, file: string): SettingsLayer {
  const settings: Setting[] = []
  const problems: ConfigProblem[] = []
  for (const [index, whole] of linesOf(text).entries()) {
    const line = whole.trim()
    if (line === '' || /^(#|;|\/\/)/.test(line)) continue
    const setting = parseDashed(line)
    if (setting === null) problems.push(unreadable(file, index + 1, 'the line must look like `--flag=value`'))
    else if (setting.flag === 'flagfile') {
      problems.push(unreadable(file, index + 1, 'a flagfile inside a flagfile is not read: give it with --config-file'))
    } else settings.push({ ...setting, line: index + 1 })
  }
  return { source: 'file', file, settings, problems }
}

/** Reads a configuration file of either dialect: the first line that is not empty and no comment tells which. */
export function parseConfigText(text: string, file: string): SettingsLayer {
  const first = linesOf(text).find((line) => !/^\s*($|#|;|\/\/)/.test(line))
  return first?.trimStart().startsWith('--') ? parseFlagfile(text, file) : parseIni(text, file)
}

/** Reads `NETLOOM_<FLAG>`, in the order of the names. */
export function parseEnvironment(environment: Readonly<Record<string, string | undefined>>): SettingsLayer {
  const settings: Setting[] = []
  for (const name of Object.keys(environment).sort()) {
    const value = environment[name]
    if (value === undefined || !/^NETLOOM_[A-Z0-9_]+$/.test(name) || OTHER_VARIABLES.includes(name)) continue
    settings.push({ flag: name.slice('NETLOOM_'.length).toLowerCase(), value, line: null })
  }
  return { source: 'environment', file: null, settings, problems: [] }
}

/** Reads `--flag=value`, `--flag` and `--noflag`; in names `-` is the same as `_`. */
export function parseCommandLine(texts: readonly string[]): SettingsLayer {
  const settings: Setting[] = []
  const problems: ConfigProblem[] = []
  for (const text of texts) {
    const setting = parseDashed(text)
    if (setting) settings.push({ ...setting, line: null })
    else {
      const message = 'a flag must be given as --flag=value'
      problems.push({
        level: 'error',
        flag: text.split('=', 1)[0]!,
        value: null,
        file: 'command line',
        line: null,
        message,
      })
    }
  }
  return { source: 'command line', file: null, settings, problems }
}

/** The line or lines that `parseIni` reads as this setting. The value has no empty and no padded line after its first. */
export function renderSetting(flag: string, value: string): string {
  const [first = '', ...rest] = value.split('\n')
  const quoted = first !== first.trim() || first !== unquoted(first) ? `"${first}"` : first
  return [`${flag} =${quoted === '' ? '' : ` ${quoted}`}`, ...rest.map((line) => `    ${line}`)].join('\n')
}
