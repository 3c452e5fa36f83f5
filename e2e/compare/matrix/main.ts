/** The matrix: ways to connect, versions of TLS and of Node.js, visits. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeProgram } from '../../../scripts/lib/nodes.mjs'
import type { Report } from '../report.ts'
import { compareWays, type Finding } from './compare.ts'
import { inWords } from './differences.ts'
import { createPki } from './pki.ts'

/** Fewer than these would mean that `auto` was not loaded, or that the ways cannot show a difference. */
const MIN_SHARE_RESUMED = 0.25

/** How many of the visits are named that differ in one and the same place. */
const MAX_NAMED = 4

/** Compares all ways, or those named by `only`, on each of the given versions of Node.js. */
export async function compareMatrix(
  report: Report,
  { nodes, only }: { nodes: readonly number[]; only?: readonly string[] },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tls-matrix-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const pki = await createPki()
  writeFileSync(join(directory, 'root.pem'), pki.root)
  for (const node of nodes) {
    const setting = { program: nodeProgram(node), directory, pki }
    const { visits, resumed, incomparable, findings } = await compareWays(setting, only)
    report.section(`matrix · Node ${node}: ${visits} visits, ${resumed} of them resumed`)
    for (const [difference, keys] of grouped(findings)) {
      report.finding(`matrix · node${node} · ${difference}\n      in ${inShort(keys)}`)
    }
    if (incomparable.length > 0) {
      report.note(`plain Node.js ends the process in ${incomparable.length} visits: ${inShort(incomparable)}`)
    }
    report.passed(visits - incomparable.length - findings.length)
    if (!only && resumed < visits * MIN_SHARE_RESUMED)
      report.finding(`matrix · node${node}: too few visits resumed`)
  }
}

/** Returns the visits that show a difference, by the difference: most faults show in many visits. */
function grouped(findings: readonly Finding[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { key, differences } of findings) {
    for (const difference of differences) {
      // Whichever of the sockets of a way it was, it is one fault.
      const words = inWords(difference).replace(/^snapshots\..*? (created|secureConnect|close)\./, '$1: ')
      groups.set(words, [...(groups.get(words) ?? []), key])
    }
  }
  return groups
}

function inShort(keys: readonly string[]): string {
  const more = keys.length - MAX_NAMED
  return [...keys.slice(0, MAX_NAMED), ...(more > 0 ? [`${more} more`] : [])].join('; ')
}
