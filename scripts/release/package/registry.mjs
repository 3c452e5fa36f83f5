/** A registry on loopback that has only the packed packages. npm installs them from it as from the real one. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename } from 'node:path'

/** Starts the registry. Returns `{ url, taken, close }`; `taken` gets the names of the downloaded packages. */
export async function serve(packages) {
  const taken = new Set()
  const named = new Map(packages.map(one => [`/${one.name}`, one]))
  const tarballs = new Map(
    packages.filter(one => one.tarball).map(one => [`/-/${basename(one.tarball)}`, one]),
  )
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const tarball = tarballs.get(pathname)
    if (tarball) {
      taken.add(tarball.name)
      return response.end(readFileSync(tarball.tarball))
    }
    const found = named.get(decodeURIComponent(pathname))
    if (!found) return response.writeHead(404).end('{}')
    response.setHeader('content-type', 'application/json').end(JSON.stringify(packument(found, url)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${server.address().port}`
  return { url, taken, close: () => server.close() }
}

function packument({ name, manifest, tarball }, url) {
  const { version } = manifest
  // A package that was not built is known too, as it is to npm if another platform fits.
  const data = tarball && readFileSync(tarball)
  const dist = {
    tarball: `${url}/-/${basename(tarball ?? `${name}-${version}.tgz`)}`,
    integrity: data && `sha512-${createHash('sha512').update(data).digest('base64')}`,
  }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}
