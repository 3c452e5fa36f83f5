/** `notes.mjs vX.Y.Z`: prints what CHANGELOG.md says of that version. */
import { root } from '../lib/setup.mjs'
import { notesOf } from './versions.mjs'

const notes = notesOf(root, process.argv[2]?.replace(/^v/, ''))
if (!notes) throw new Error(`CHANGELOG.md has no ${process.argv[2]}`)
process.stdout.write(`${notes}\n`)
