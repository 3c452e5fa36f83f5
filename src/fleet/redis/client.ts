/** The commands that the second tier needs, for the clients of both npm packages. */
import { invalidArgType } from '../../util/errors.js'
import { unknownCommand } from '../errors.js'

/** A client of the npm package `ioredis`: `new Redis()` or `new Cluster()`. */
export interface IoredisClient {
  /** The state of the connection. Requests are sent while it is `ready`. */
  status: string
  /** Reads a value as bytes. An ioredis client is recognized by it. */
  getBuffer(key: string): Promise<Buffer | null>
}

/** A client of the npm package `redis`, connected: `createClient()`, `createCluster()`, `createClientPool()`. */
export interface NodeRedisClient {
  /** Sends a command and resolves to its reply. */
  // biome-ignore lint/suspicious/noExplicitAny: the first argument differs between a client and a cluster
  sendCommand(...args: any[]): Promise<unknown>
}

/** A client that a {@link RedisTier} can use. */
export type RedisClient = IoredisClient | NodeRedisClient

type Argument = string | Buffer

/** The longest blob that is stored, in bytes. A session with a client's chain has a tenth of it. */
export const MAX_BLOB_LENGTH: number = 256 * 1024
/** The longest value of a sealed blob, in bytes. Of a longer one, a byte more is read. */
const MAX_VALUE_LENGTH = MAX_BLOB_LENGTH + 1024

const TAKE = `
local value = redis.call('GETRANGE', KEYS[1], 0, ${MAX_VALUE_LENGTH})
redis.call('DEL', KEYS[1])
return value`

/** Replies are Buffers, numbers, null, and lists of them. */
export interface Commands {
  /** True if a command would be sent now, and not wait for a connection. */
  isReady(): boolean
  /** Reads a value, of which only the start if it is too long. Replies with an empty Buffer if there is none. */
  get(name: string): Promise<unknown>
  /** Reads as `get` does, and removes, in one step. */
  take(name: string): Promise<unknown>
  set(name: string, value: Buffer, ttl: number): Promise<unknown>
  setIfAbsent(name: string, value: string, ttl: number): Promise<unknown>
  delete(name: string): Promise<unknown>
  /** Runs a script on one node; all names have to be of one slot. */
  run(script: string, names: readonly [string, ...string[]], args: readonly Argument[]): Promise<unknown>
}

/** @throws `ERR_INVALID_ARG_TYPE` for anything but a client of one of the packages. */
export function commandsOf(client: unknown): Commands {
  const { isReady, send } = senderOf(client)
  const run: Commands['run'] = (script, names, args) =>
    send(names[0], ['EVAL', script, String(names.length), ...names, ...args])
  return {
    isReady,
    run,
    get: name => send(name, ['GETRANGE', name, '0', String(MAX_VALUE_LENGTH)]),
    take: name => run(TAKE, [name], []),
    set: (name, value, ttl) => send(name, ['SET', name, value, 'PX', String(ttl)]),
    setIfAbsent: (name, value, ttl) => send(name, ['SET', name, value, 'NX', 'PX', String(ttl)]),
    delete: name => send(name, ['DEL', name]),
  }
}

interface Sender {
  isReady(): boolean
  /** Sends a command to the node that has the name. */
  send(name: string, command: [string, ...Argument[]]): Promise<unknown>
}

/** Asks for bulk strings as Buffers, in the forms of `redis` 5 and 6, and of `redis` 4. */
const AS_BUFFERS = { typeMapping: { 36: Buffer }, returnBuffers: true }

/** The properties that tell the clients apart without loading their packages. */
interface Shape {
  status?: unknown
  getBuffer?: unknown
  evalBuffer?: unknown
  sendCommand?: unknown
  isOpen?: unknown
  isReady?: unknown
  /** Of a cluster of `redis`. */
  slots?: unknown
  /** Of a sentinel of `redis`. */
  getSentinelNode?: unknown
}

function senderOf(client: unknown): Sender {
  const shape = (client ?? {}) as Shape
  if ([shape.getBuffer, shape.evalBuffer].every(isFunction) && typeof shape.status === 'string') {
    // Only its methods for single commands support auto-pipelining.
    const ioredis = client as IoredisClient
    const methods = client as Record<string, ((...args: Argument[]) => Promise<unknown>) | undefined>
    return {
      // A waiting client connects with its first command.
      isReady: () => ioredis.status === 'ready' || ioredis.status === 'wait',
      send: (_name, [command, ...args]) => {
        const send = methods[`${command.toLowerCase()}Buffer`]
        return send?.apply(client, args) ?? Promise.reject(unknownCommand(command))
      },
    }
  }
  if (isFunction(shape.sendCommand) && typeof shape.isOpen === 'boolean') {
    const redis = client as NodeRedisClient
    const isReady = () => shape.isReady !== false && shape.isOpen === true
    if (Array.isArray(shape.slots)) {
      return { isReady, send: (name, command) => redis.sendCommand(name, false, command, AS_BUFFERS) }
    }
    if (isFunction(shape.getSentinelNode)) {
      return { isReady, send: (_name, command) => redis.sendCommand(false, command, AS_BUFFERS) }
    }
    return { isReady, send: (_name, command) => redis.sendCommand(command, AS_BUFFERS) }
  }
  throw invalidArgType('"client" option', "a client of the package 'ioredis' or 'redis'", client)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
