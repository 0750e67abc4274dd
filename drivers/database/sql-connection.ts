/** The flag that every SQL engine reads: declared once, since all must say the same of it. */
import { option } from 'netloom/contracts'

export const sqlConnection = option.text({
  default: 'sqlite:///$state_path/netloom.sqlite',
  help:
    'The database: sqlite:/// and the absolute path of its file, sqlite:// for one in memory, or ' +
    'mysql://user:password@host:port/database with %XX for what a URL cannot hold',
  secret: true,
})
