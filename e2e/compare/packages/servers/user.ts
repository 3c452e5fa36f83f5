import { run } from '../../../drivers/processes.ts'
import type { Site } from '../../../drivers/site.ts'

/** The user that a server runs as, in numbers and by name. */
export interface User {
  uid: number | undefined
  gid: number | undefined
  name: string
  group: string
}

export async function userOf(site: Site): Promise<User> {
  const { uid = process.getuid?.(), gid = process.getgid?.() } = site.options()
  const [name, group] = await Promise.all(
    ['-un', '-gn'].map(async which => (await run(['id', which, `${uid}`])).trim()),
  )
  return { uid, gid, name: name ?? '', group: group ?? '' }
}
