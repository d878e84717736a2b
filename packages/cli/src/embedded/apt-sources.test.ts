import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distributionMirrors, parseAptSources, parseOsRelease } from './apt-sources.ts'

const STANZAS = `# the distribution
Types: deb deb-src
# an older address
URIs: http://mirror.example/debian http://other.example/debian
Suites: trixie
 trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: trixie
Components: main

Types: deb
URIs: https://tools.example/apt
Suites: nodistro
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----
`

const LINES = `# deb http://off.example/debian trixie main
deb http://mirror.example/debian trixie main contrib # ours
  deb [arch=amd64 signed-by=/etc/apt/keys/x.gpg] https://tools.example/apt trixie stable
deb-src http://source.example/debian trixie main
deb https://flat.example/repository ./
`

describe('sources the machine is set up with', () => {
  test('stanzas: every address, continued fields, what is switched off left out', () => {
    const debian = {
      suites: ['trixie', 'trixie-updates'],
      components: ['main', 'contrib'],
      signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
    }
    expect(parseAptSources('debian.sources', STANZAS)).toEqual([
      { uri: 'http://mirror.example/debian', ...debian },
      { uri: 'http://other.example/debian', ...debian },
      { uri: 'https://tools.example/apt', suites: ['nodistro'], components: ['main'] },
    ])
  })

  test('lines: options, comments and flat repositories', () => {
    expect(parseAptSources('sources.list', LINES)).toEqual([
      { uri: 'http://mirror.example/debian', suites: ['trixie'], components: ['main', 'contrib'] },
      {
        uri: 'https://tools.example/apt',
        suites: ['trixie'],
        components: ['stable'],
        signedBy: '/etc/apt/keys/x.gpg',
      },
      { uri: 'https://flat.example/repository', suites: ['./'], components: [] },
    ])
  })

  test('no text makes the parser throw', () => {
    const name = fc.constantFrom('a.list', 'a.sources')
    fc.assert(fc.property(name, fc.string(), (file, text) => Array.isArray(parseAptSources(file, text))))
  })
})

test('a mirror of the distribution serves its codename with main, wherever it is written', () => {
  const sources = [...parseAptSources('a.sources', STANZAS), ...parseAptSources('a.list', LINES)]
  expect(distributionMirrors(sources, 'trixie')).toEqual([
    'http://mirror.example/debian',
    'http://other.example/debian',
  ])
  expect(distributionMirrors(sources, 'bookworm')).toEqual([])
})

test('the distribution is read with and without quotes', () => {
  const text = 'PRETTY_NAME="Debian GNU/Linux 13"\nVERSION_CODENAME=trixie\nID=debian\nID_LIKE="x"\n'
  expect(parseOsRelease(text)).toEqual({ id: 'debian', codename: 'trixie' })
  expect(parseOsRelease('ID="alpine"')).toEqual({ id: 'alpine', codename: '' })
})
