import type { Cell, Result, ResultTable } from './result.ts'

/**
 * Returns the summary of a result that is kept in git, as JSON. It has no details, and figures are rounded. Rows
 * whose first cell is the same share a line.
 */
export function summaryText({ tables, targets, ...about }: Result): string {
  const lists = {
    tables: tables.filter(({ isDetail }) => !isDetail).map(tableText),
    targets: targets.map(target => JSON.stringify(target, rounded)),
  }
  const fields = Object.entries(about).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`)
  const texts = Object.entries(lists).map(([name, items]) => `"${name}": [\n${items.join(',\n')}\n]`)
  return `{${[fields.join(', '), ...texts].join(',\n')}}\n`
}

function tableText({ rows, ...about }: ResultTable): string {
  const groups: Cell[][][] = []
  for (const row of rows) {
    const group = groups.at(-1)
    // An empty cell means the cell above.
    const isSame = group !== undefined && (row[0] === '' || row[0] === null || row[0] === group[0]?.[0])
    if (isSame) group.push(row)
    else groups.push([row])
  }
  const lines = groups.map(group => group.map(row => JSON.stringify(row, rounded)).join(', '))
  return `{${JSON.stringify(about).slice(1, -1)}, "rows": [\n${lines.join(',\n')}\n]}`
}

/** Six digits are more than any document shows. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}
