import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { provide } from './debian.ts'
import { run } from './processes.ts'

/** Kept between runs, beside the build. */
const cache = fileURLToPath(new URL('../../target/test-servers/', import.meta.url))
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

/**
 * Downloads a Java program and its dependencies from Maven Central.
 * @param coordinates `group:artifact:version`
 * @returns the directory with the jars.
 */
export async function jars(coordinates: string): Promise<string> {
  const [group = '', artifact = '', version = ''] = coordinates.split(':')
  const directory = join(cache, `${artifact}-${version}`)
  if (existsSync(directory)) return directory
  await provide('mvn', ['maven', 'default-jre-headless'])
  process.stderr.write(`fetching ${artifact} and what it depends on ...\n`)
  const incomplete = `${directory}.${process.pid}`
  mkdirSync(incomplete, { recursive: true })
  try {
    const pom = join(incomplete, 'pom.xml')
    writeFileSync(pom, pomFor({ group, artifact, version }))
    const goal = [`${PLUGIN}:copy-dependencies`, '-DincludeScope=runtime', '-DoutputDirectory=jars']
    await run(['mvn', '-q', '-B', '-f', pom, ...goal], { env: process.env })
    renameSync(join(incomplete, 'jars'), directory)
  } finally {
    rmSync(incomplete, { recursive: true, force: true })
  }
  return directory
}

function pomFor({ group, artifact, version }: Record<'group' | 'artifact' | 'version', string>): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>servers</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`
}
