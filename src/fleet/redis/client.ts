/** The commands that the second tier needs, for the clients of both npm packages. */
import { invalidArgType } from '../../util/errors.js'
import { unknownCommand } from '../errors.js'

/** A client of the npm package `ioredis`: `new Redis()` or `new Cluster()`. */
export interface IoredisClient {
  status: string
  getBuffer(key: string): Promise<Buffer | null>
}

/** A client of the npm package `redis`, connected: `createClient()`, `createCluster()`, `createClientPool()`. */
export interface NodeRedisClient {
  // biome-ignore lint/suspicious/noExplicitAny: the first argument differs between a client and a cluster
  sendCommand(...args: any[]): Promise<unknown>
}

export type RedisClient = IoredisClient | NodeRedisClient

type Argument = string | Buffer

/** Replies are Buffers, numbers, null, and lists of them. */
export interface Commands {
  /** True if a command would be sent now, and not wait for a connection. */
  isReady(): boolean
  get(name: string): Promise<unknown>
  /** Reads and removes in one step. */
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
  return {
    isReady,
    get: name => send(name, ['GET', name]),
    take: name => send(name, ['GETDEL', name]),
    set: (name, value, ttl) => send(name, ['SET', name, value, 'PX', String(ttl)]),
    setIfAbsent: (name, value, ttl) => send(name, ['SET', name, value, 'NX', 'PX', String(ttl)]),
    delete: name => send(name, ['DEL', name]),
    run: (script, names, args) => send(names[0], ['EVAL', script, String(names.length), ...names, ...args]),
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
