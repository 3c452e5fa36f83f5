import * as agent from 'https-proxy-agent-7'
import { throughProxies } from './proxies.mjs'

await throughProxies(agent.HttpsProxyAgent ?? agent.default)
