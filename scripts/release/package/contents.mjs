/** Checks the contents of the packages. */
/** Bytes, packed. */
const MAX_SIZE = 200_000

/** The files that the main package may contain. */
const WANTED = [
  /^lib\/([a-z0-9-]+\/)?[a-z0-9-]+\.(js|cjs|d\.ts)$/,
  /^lib\/types\/([a-z0-9-]+\/){0,3}[a-z0-9-]+\.d\.ts$/,
  /^lib\/package\.json$/,
  /^(package\.json|LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md|THIRD-PARTY\.md)$/,
]

const ALWAYS = ['package.json', 'LICENSE', 'README.md', 'THIRD-PARTY.md']

/** Scripts that npm runs when a package is installed. */
const AT_INSTALL = ['preinstall', 'install', 'postinstall', 'prepare']

export function problemsOf([main, ...platforms]) {
  const problems = []
  const check = (holds, problem) => holds || problems.push(problem)
  check(main.size <= MAX_SIZE, `${main.name} has ${main.size} bytes`)
  const surplus = main.files.filter(path => !WANTED.some(wanted => wanted.test(path)))
  check(surplus.length === 0, `${main.name} holds ${surplus.join(', ')}`)
  const names = platforms.map(({ name }) => name).sort()
  const optional = Object.keys(main.manifest.optionalDependencies ?? {}).sort()
  check(String(optional) === String(names), `the optional dependencies are ${optional}`)
  check(!main.manifest.dependencies, 'there are dependencies')
  for (const entry of entriesOf(main.manifest)) check(main.files.includes(entry), `there is no ${entry}`)

  for (const { name, manifest, files } of [main, ...platforms]) {
    check(manifest.version === main.manifest.version, `${name} is of version ${manifest.version}`)
    const scripts = AT_INSTALL.filter(script => manifest.scripts?.[script])
    check(scripts.length === 0, `${name} runs ${scripts} when installed`)
    for (const wanted of files ? ALWAYS : []) check(files.includes(wanted), `${name} lacks ${wanted}`)
    check(
      main.manifest.engines.node === manifest.engines.node,
      `${name} is for Node.js ${manifest.engines.node}`,
    )
  }
  for (const { name, manifest, files } of platforms) {
    check(manifest.os?.length === 1 && manifest.cpu?.length === 1, `${name} does not say where it fits`)
    check(manifest.os?.[0] !== 'linux' || manifest.libc?.length === 1, `${name} does not say for which libc`)
    const wanted = [...ALWAYS, manifest.main].sort()
    if (files) check(String(files.toSorted()) === String(wanted), `${name} holds ${files}`)
  }
  return problems
}

/** Returns the paths that a manifest names, at any depth of conditions. */
function entriesOf({ exports, main, types, bin = {} }) {
  const paths = entry => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(paths))
  return [...paths(exports), main, types, ...Object.values(bin)].map(path => path.replace(/^\.\//, ''))
}
