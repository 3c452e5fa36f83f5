import type { connect, SessionCache } from 'tls-resumption'

export function resume(of: { connect: typeof connect; SessionCache: typeof SessionCache }): Promise<void>
