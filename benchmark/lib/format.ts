import Table from 'cli-table3'
import { type Cell, type Column, isMet, type ResultTable, type Target } from './result.ts'

/** Formats a table for a terminal. */
export function terminalTable({ title, columns, rows }: ResultTable): string {
  const table = new Table({
    head: columns.map(headOf),
    colAligns: columns.map((_, index) => alignmentOf(rows, index)),
    style: { head: [], border: [] },
  })
  table.push(...rows.map(row => row.map((cell, index) => textOf(cell, columns[index]))))
  return `${title}\n${table}`
}

export function markdownTable({ columns, rows }: ResultTable): string {
  const rules = columns.map((_, index) => (alignmentOf(rows, index) === 'right' ? '---:' : '---'))
  const lines = rows.map(row => row.map((cell, index) => textOf(cell, columns[index])))
  return [columns.map(headOf), rules, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** Returns targets as a table: target, measured figure, and if it is met. */
export function targetTable(targets: readonly Target[]): ResultTable {
  return {
    id: 'targets',
    title: 'Targets',
    samples: '',
    columns: [{ title: 'figure' }, { title: 'target' }, { title: 'measured' }, { title: '' }],
    rows: targets.map(target => {
      const { figure, atMost, atLeast, value, unit, reason } = target
      const behind = unit ? ` ${unit}` : ''
      const bounds = [
        atLeast === undefined ? '' : `≥ ${atLeast}${behind}`,
        atMost === undefined ? '' : `≤ ${atMost}${behind}`,
      ]
      const verdict = isMet(target) ? 'met' : `missed${reason ? `: ${reason}` : ''}`
      return [figure, bounds.filter(Boolean).join(', '), `${textOf(value)}${behind}`, verdict]
    }),
  }
}

/** Formats a cell for all outputs: `0.31 (0.30-0.33)` for a median with its interval. */
export function textOf(cell: Cell, column: Pick<Column, 'digits'> = {}): string {
  if (cell === null) return ''
  if (typeof cell === 'string') return cell
  const digits = column.digits
  if (typeof cell === 'number') return numberText(cell, digits)
  const { median, low, high } = cell
  // Measured once.
  if (low === high) return numberText(median, digits)
  return `${numberText(median, digits)} (${numberText(low, digits)}-${numberText(high, digits)})`
}

function numberText(value: number, digits?: number): string {
  if (digits !== undefined) return value.toFixed(digits)
  if (Number.isInteger(value)) return String(value)
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))))
}

function headOf({ title, unit }: Column): string {
  return unit ? `${title}, ${unit}` : title
}

/** Figures are aligned by their last digit. */
function alignmentOf(rows: readonly Cell[][], index: number): 'left' | 'right' {
  return rows.some(row => typeof row[index] === 'string') ? 'left' : 'right'
}
