/** Keys of nodes whose value is a list of statements or of items between commas. */
const STATEMENTS = new Set(['body', 'consequent'])
const ITEMS = new Set(['elements', 'arguments', 'properties'])

/**
 * Returns the ways in which the guard at `offset` is removed: one, or one per item with the form `drop each`, whose
 * `value` is the text of the item.
 *
 * @returns {{ value: string, mutant: string }[]}
 */
export function mutate(program, source, offset, form) {
  const path = nodesAt(program, offset)
  if (form === 'drop each') return dropEach(path, source)
  return [{ value: '', mutant: mutateOnce(path, source, form) }]
}

function mutateOnce(path, source, form) {
  if (form === 'drop') return drop(path, source)
  const scope = (path.find(isDroppable) ?? path[0])?.node
  if (scope === undefined) throw new Error('no code follows')
  const [, condition] = form.match(/^if (true|false)$/) ?? []
  if (condition) return replaceCondition(scope, source, condition)
  const [, removed] = form.match(/^without `(.+)`$/) ?? []
  if (removed) return replaceText(scope, source, removed, '')
  const [, before, after] = form.match(/^`(.+)` becomes `(.+)`$/) ?? []
  if (before) return replaceText(scope, source, before, after)
  throw new Error(`unknown form: ${form}`)
}

/** Returns the nodes that begin at the offset, outermost first, with their places in their parents. */
function nodesAt(node, offset, place = {}) {
  if (node.start > offset || node.end <= offset) return []
  const path = node.start === offset && place.parent !== undefined ? [{ node, ...place }] : []
  for (const [key, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.start === 'number') path.push(...nodesAt(child, offset, { parent: node, key }))
    }
  }
  return path
}

function isDroppable({ parent, key }) {
  if (ITEMS.has(key)) return true
  if (STATEMENTS.has(key)) return Array.isArray(parent[key]) || parent.type === 'IfStatement'
  return parent.type === 'LogicalExpression' && key === 'right'
}

function drop(path, source) {
  const found = path.find(isDroppable)
  if (found === undefined)
    throw new Error('neither a statement, nor an item of a list, nor an operand follows')
  const { node, parent, key } = found
  if (ITEMS.has(key)) return cut(source, node.start, endOfItem(node, source))
  if (key === 'right') return cut(source, parent.left.end, node.end)
  return cut(source, node.start, node.end, Array.isArray(parent[key]) ? '' : ';')
}

function dropEach(path, source) {
  const found = path.find(({ key }) => ITEMS.has(key))
  if (found === undefined) throw new Error('no item of a list follows')
  const items = found.parent[found.key]
  const later = items.slice(items.indexOf(found.node))
  // The next annotation starts another group.
  const end = later.findIndex(
    (item, n) => n > 0 && source.slice(later[n - 1].end, item.start).includes('@guard '),
  )
  return later.slice(0, end < 0 ? undefined : end).map(item => ({
    value: String(item.value ?? source.slice(item.start, item.end)),
    mutant: cut(source, item.start, endOfItem(item, source)),
  }))
}

function replaceCondition(scope, source, condition) {
  const test = firstTest(scope)
  if (test === undefined) throw new Error('no condition follows')
  return cut(source, test.start, test.end, condition)
}

function firstTest(node) {
  if (node.test?.start !== undefined) return node.test
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      const test = typeof child?.start === 'number' ? firstTest(child) : undefined
      if (test) return test
    }
  }
}

function replaceText(scope, source, before, after) {
  const text = source.slice(scope.start, scope.end)
  const places = [...text.matchAll(new RegExp(patternOf(before), 'g'))]
  if (places.length !== 1) throw new Error(`\`${before}\` follows ${places.length} times, not once`)
  const start = scope.start + places[0].index
  return cut(source, start, start + places[0][0].length, after)
}

/** Matches any white space, because a formatter may change it. */
function patternOf(text) {
  return text
    .trim()
    .split(/\s+/)
    .map(word => word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .join('\\s+')
}

function endOfItem({ end }, source) {
  return end + (source.slice(end).match(/^\s*,/)?.[0].length ?? 0)
}

function cut(source, start, end, instead = '') {
  return source.slice(0, start) + instead + source.slice(end)
}
