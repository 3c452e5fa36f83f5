// Loads `https`, says so, and ends when it gets a message.
import 'node:https'
import { parentPort } from 'node:worker_threads'

parentPort.once('message', () => {})
parentPort.postMessage('started')
