/** The pairs of fact store and message bus that every scenario runs on. */
export interface Backends {
  readonly name: string
  /** The flags that choose them. @param folder of this cloud alone, which goes with the test */
  flags(folder: string): readonly string[]
}

export const backends: readonly Backends[] = [
  {
    name: 'sqlite+local',
    flags: (folder) => [
      '--db_backend=sqlite',
      `--sql_connection=sqlite:///${folder}/facts.sqlite`,
      '--rpc_backend=local',
      `--run_path=${folder}/run`,
    ],
  },
]
