/** The sentences of doc comments and documents. */

const DOC_COMMENT = /\/\*\*\s(.*?)\*\//gs
const RUST_DOC = /(?:^[ \t]*\/\/[/!](?!\/).*\n)+/gm

/** Returns each sentence with the line that it begins in. Code, tables and generated parts have none. */
export function sentencesOf(file, text) {
  return blocksOf(file, text).flatMap(({ line, text }) => {
    const sentences = []
    for (const paragraph of paragraphsOf(text)) {
      for (const sentence of paragraph.text.split(/(?<=[.!?][)"'`*]*)\s+(?=[A-Z`"'([*])/)) {
        sentences.push({ line: line + paragraph.line, sentence: sentence.replace(/\s+/g, ' ').trim() })
      }
    }
    return sentences
  })
}

function blocksOf(file, text) {
  if (file.endsWith('.md')) return [{ line: 1, text: text.replace(/<!-- results:.*?<!-- end -->/gs, blank) }]
  const isRust = file.endsWith('.rs')
  const mark = isRust ? /^[ \t]*\/\/[/!] ?/gm : /^[ \t]*\* ?/gm
  return [...text.matchAll(isRust ? RUST_DOC : DOC_COMMENT)].map(match => ({
    line: text.slice(0, match.index).split('\n').length,
    text: (match[1] ?? match[0]).replace(mark, ''),
  }))
}

/** Blank lines, headings, items of a list, table rows and `@` tags begin a new paragraph. */
function paragraphsOf(text) {
  const paragraphs = []
  let isOpen = false
  for (const [line, content] of text
    .replace(/^ *```.*?^ *```/gms, blank)
    .split('\n')
    .entries()) {
    const isTable = /^\s*\|/.test(content)
    const isText = content.trim() !== '' && !isTable
    if (!isText || /^\s*(#|[-*] |\d+\. |@|<!--)/.test(content)) isOpen = false
    if (!isText) continue
    if (isOpen) paragraphs.at(-1).text += `\n${content}`
    else paragraphs.push({ line, text: content })
    isOpen = true
  }
  return paragraphs
}

/** Keeps the number of lines. */
function blank(text) {
  return text.replace(/[^\n]/g, '')
}
